# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Shared by the programs of this folder that boot guests: where things are, and how one guest is run.
# Sourced with $here set to this folder.

top=$(cd "${here:?}/.." && pwd)
image=$top/cache/image        # what is the same for all guests: base.cpio, root.ext4
guests=$top/build/guest       # program.cpio, and a folder for each guest that ran
kernel=$top/cache/kernel/current
emulator=$top/cache/qemu/qemu-system-s390x

fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Packs the folder's content as an initramfs archive. Uncompressed, because emulated decompression costs more time than it saves.
pack() {
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0)
}

# Writes standard input to standard output, each line with the time in front: seconds of the wall clock, as in the emulator's log.
stamp() {
	perl -MTime::HiRes=clock_gettime,CLOCK_REALTIME -ne \
		'BEGIN { $| = 1 } s/\r?\n?$//; printf "%.6f %s\n", clock_gettime(CLOCK_REALTIME), $_'
}

# boot NAME FOLDER TOPOLOGY SECONDS [PARAMETER]: runs a guest with FOLDER as /scenario, to its power-off or for so many seconds at
# most; PARAMETER is for its kernel.
# Leaves in build/guest/NAME: console (lines with times), journal, emulator (its log: when the machine was started, writes to
# the root disk), status (of the emulator: 124 or 137 if it had to be ended). The console goes to standard output too.
boot() {
	log=$guests/$1
	rm -rf "$log"
	mkdir -p "$log/tree"
	cp -RL "$2" "$log/tree/scenario"
	pack "$log/tree" >"$log/scenario.cpio"
	cat "$image/base.cpio" "$guests/program.cpio" "$log/scenario.cpio" >"$log/initrd"
	cp --sparse=always "$image/root.ext4" "$log/root.ext4"
	rm -r "$log/tree" "$log/scenario.cpio"
	{
		PVAPCONFIG_TOPOLOGY=$3 PVAPCONFIG_JOURNAL=$log/journal \
			timeout -k 5 "$4" "$emulator" -L "${emulator%/*}" -M s390-ccw-virtio -m 256 -nodefaults -display none -no-reboot \
			-chardev stdio,id=console -device sclpconsole,chardev=console \
			-drive "if=none,id=root,format=raw,file=$log/root.ext4" \
			-device virtio-blk-ccw,drive=root,iommu_platform=on \
			-trace vm_state_notify -trace virtio_blk_handle_write -msg timestamp=on -D "$log/emulator" \
			-kernel "$kernel/vmlinuz" -initrd "$log/initrd" -append "console=ttysclp0 quiet panic=-1 ${5-}" \
			</dev/null 2>&1 && status=0 || status=$?
		echo "$status" >"$log/status"
	} | stamp | tee "$log/console"
	rm "$log/initrd" "$log/root.ext4"
}
