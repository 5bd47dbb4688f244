#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Opens the root volume as soon as the association of its queue is pending.
{
	state=
	until [ "$state" = 'association pending' ]; do
		sleep 0.1
		read -r state </sys/devices/ap/card11/11.0008/se_associate
	done
	echo 'MARK early' >/dev/console
	cryptsetup open --key-file /etc/volume-passphrase /dev/vda early
	echo "MARK early-opened $?" >/dev/console
	cryptsetup close early
} 2>/dev/null &
# shellcheck disable=SC2034 # for 90-opened.sh
early_opener=$!
modprobe -q virtio_blk
