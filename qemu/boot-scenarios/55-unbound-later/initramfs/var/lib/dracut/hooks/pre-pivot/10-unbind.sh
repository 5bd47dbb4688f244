#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The root volume is mounted. Opens it again, once before and once after the queue is unbound, and reads from the mounted volume.
open_again() {
	cryptsetup open --type plain --shared --cipher paes-xts-plain64 --key-size 4352 --key-file /etc/secure-keys --sector-size 4096 \
		--offset 8192 /dev/vda again
	echo "MARK $1 $?" >/dev/console
}

open_again bound
cryptsetup close again
echo 0 >/sys/devices/ap/card11/11.0008/se_bind
echo 3 >/proc/sys/vm/drop_caches
cat /sysroot/bin/busybox >/dev/null
echo "MARK read $?" >/dev/console
open_again unbound
