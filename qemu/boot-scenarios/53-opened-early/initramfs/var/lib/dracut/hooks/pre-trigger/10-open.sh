#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Opens the root volume as soon as the association of its queue is pending. Uses the secure keys directly, to save the time for a
# passphrase. Prints a mark if the opener waits in the kernel before the association is complete.
pending() {
	read -r state </sys/devices/ap/card11/11.0008/se_associate && [ "$state" = 'association pending' ]
}

waits() {
	while read -r function; do
		case $function in *zcrypt*) return ;; esac
	done <"/proc/$opener/stack"
	return 1
}

{
	until pending; do
		sleep 0.1
	done
	echo 'MARK early' >/dev/console
	cryptsetup open --type plain --cipher paes-xts-plain64 --key-size 4352 --key-file /etc/secure-keys --sector-size 4096 \
		--offset 8192 /dev/vda early &
	opener=$!
	until waits || ! pending; do
		sleep 0.1
	done
	! pending || echo 'MARK early-waits' >/dev/console
	wait "$opener"
	echo "MARK early-opened $?" >/dev/console
	cryptsetup close early
} 2>/dev/null &
# shellcheck disable=SC2034 # for 90-opened.sh
early_opener=$!
modprobe -q virtio_blk
