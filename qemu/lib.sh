# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Shared by the programs of this folder that boot guests: paths, and how to run one guest.
# Sourced with $here set to this folder. If KERNEL is set, it names another kernel of fetch-kernel; its images and guests have folders of
# their own.

export LC_ALL=C.UTF-8 # numbers with a decimal point

top=$(cd "${here:?}/.." && pwd)
kernel=$top/cache/kernel/${KERNEL:-current}
image=$top/cache/image${KERNEL:+-$KERNEL}  # common to all guests: base.cpio, root.ext4, root (a folder)
guests=$top/build/guest${KERNEL:+-$KERNEL} # program.cpio, program (the same as a folder), and a folder for each guest that ran
images=$top/cache/images                   # initramfs images that tools of distributions made: IMAGE.cpio
emulator=$top/cache/qemu/qemu-system-s390x
export CROSS_ROOT="$top/cache/s390x"

# Images are named after the tool that made them. A prefix names the suite of the tool if it is not main_suite: dracut-plain,
# sid-dracut-plain.
# shellcheck disable=SC2034 # for those who source this
main_suite=trixie
# The oldest release that is supported.
# shellcheck disable=SC2034
oldest_suite=bookworm
# The images for boot scenarios without a list of their own.
# shellcheck disable=SC2034 # for those who source this
boot_images='dracut-systemd dracut-plain'
# Further images, only for these scenarios, which depend on the hooks of the tools.
# shellcheck disable=SC2034
{
	further_images='mkinitcpio-busybox mkinitcpio-systemd initramfstools'
	further_scenarios='10-normal 11-disabled 20-required-fails 24-not-required'
}
# Images and scenarios for suites other than main_suite (test-release).
# shellcheck disable=SC2034
{
	smoke_images='dracut-systemd dracut-plain initramfstools'
	smoke_scenarios='10-normal 11-disabled 20-required-fails'
}
# The images that dracut makes in the running guest, for that guest only, and their scenarios.
# shellcheck disable=SC2034
{
	hostonly_images='dracut-systemd-hostonly dracut-plain-hostonly'
	hostonly_scenarios='10-normal 20-required-fails'
}
volume_uuid=5e1f0a3c-7d42-4b8e-9c61-0d2e8f7a6b54
root_uuid=0b7c2f4e-91d3-4a5f-8e26-c3f1d09a7b68 # of the file system in it
volume_start=8192                              # sector of the root disk where the data begin
# The two keys of the root volume, in the clear. Guests have them as secure keys only (secure_volume_keys).
volume_keys='1b9f27d3a85c40e6f2718d34c96b05ea7743d81ef6209ab55c1e8fd0374b62a9 c40d83f95a2e67b1088fd4723be951ac6df01e94875ab3c62f480be3917d56fa'
# Opens the LUKS header and is not secret: only the queue protects the volume.
passphrase='the queue is the lock'
passphrase_file=/etc/volume-passphrase

# In the emulator, the kernel spends a third of a boot on these, and no guest needs them: tests of its ciphers, random numbers from clock
# jitter, certificates for modules, and modprobe for the key type "encrypted".
lean_kernel='cryptomgr.notests initcall_blacklist=jent_mod_init,load_system_certificate_list,init_encrypted'
# norandmaps: with address randomisation, the emulator would translate a program again for every process.
# shellcheck disable=SC2034 # for those who source this
debian_parameters='rootfstype=ext4 rw fsck.mode=skip rd.skipfsck norandmaps'

fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# compile_for_guest ARGUMENT...: compiles a static s390x program with musl.
compile_for_guest() {
	s390x-linux-gnu-gcc -Os -Wall -Wextra -Werror -static -specs="$CROSS_ROOT/usr/lib/s390x-linux-musl/musl-gcc.specs" "$@"
}

# pack FOLDER: prints its content as an initramfs archive. Uncompressed, because emulated decompression costs more time than it saves.
pack() {
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0)
}

# Copies standard input to standard output and puts the time before each line: wall clock in seconds, as in the emulator's log. Drops
# the text before a line's last carriage return, which a terminal would overwrite. Also drops escape sequences: systemd 257 and newer
# write them before the first line of the real root.
stamp() {
	perl -MTime::HiRes=clock_gettime,CLOCK_REALTIME -ne \
		'BEGIN { $| = 1 } s/\r*\n?$//; s/\e(?:\[[0-?]*[ -\/]*[@-~]|[P\]^_].*?(?:\a|\e\\)|[ -\/]*[0-~])//g; s/.*\r//; printf "%.6f %s\n", clock_gettime(CLOCK_REALTIME), $_'
}

# For tests only: the private host key of the boot scenarios, and the value of the secret that opens the root volume. The real tool made
# the requests in tests/unit/uv/asrcb with both.
host_key=016e976208995e5d11f7cf26eb5e380ad6700756a21ada538a0a72f8cde656f5f74edb988f1bbbb657d22dc22930f07f041e7e298b605c4547ec9cfea7726a1e05bf
secret_value=bbce1bb2fd2d68ff2c6edff68477796f0cf4377c125fe10602e8e77ccde31a57

# write_request ID FILE: an add-secret request for the association secret with this id.
write_request() {
	"$top/build/make-request" "$host_key" "$1" "$secret_value" >"$2" || fail "there is no request: run build-image first"
}

# run_guest MEMORY TOPOLOGY SECONDS PARAMETER...: runs the emulator with $log/initrd and the disks $log/root and $log/boot (if there is
# one), and removes these three files afterwards. The parameters are for the kernel. Writes the files listed at boot to $log.
run_guest() {
	memory=$1
	topology=$2
	seconds=$3
	shift 3
	boot=
	[ ! -e "$log/boot" ] || boot=$log/boot
	{
		PVAPCONFIG_TOPOLOGY=$topology PVAPCONFIG_JOURNAL=$log/journal \
			timeout -k 5 "$seconds" "$emulator" -L "${emulator%/*}" -M s390-ccw-virtio -m "$memory" -smp "${processors:-1}" \
			-nodefaults -display none -no-reboot -chardev stdio,id=console -device sclpconsole,chardev=console \
			-drive "if=none,id=root,format=raw,file=$log/root" \
			-device virtio-blk-ccw,drive=root,iommu_platform=on \
			${boot:+-drive "if=none,id=boot,format=raw,file=$boot" -device virtio-blk-ccw,drive=boot,iommu_platform=on} \
			-trace vm_state_notify -trace qemu_system_shutdown_request -trace virtio_blk_handle_write \
			-msg timestamp=on -D "$log/emulator" \
			-kernel "$kernel/vmlinuz" -initrd "$log/initrd" -append "console=ttysclp0 quiet panic=-1 $lean_kernel $*" \
			</dev/null 2>&1 && status=0 || status=$?
		echo "$status" >"$log/status"
	} | stamp | tee "$log/console"
	rm -f "$log/initrd" "$log/root" "$log/boot"
}

# install_stand_in FOLDER: replaces pvapconfig by $stand_in, which may be a dangling link (test-the-tests).
install_stand_in() {
	mkdir -p "$1"
	rm -f "$1/pvapconfig"
	cp -P "$stand_in" "$1/pvapconfig"
}

# boot NAME FOLDER TOPOLOGY SECONDS [PARAMETER]: runs a guest with FOLDER as /scenario until it powers off, for at most SECONDS.
# PARAMETER is for its kernel.
# Writes to build/guest/NAME: console (lines with timestamps), journal, emulator (its log: start of the machine, writes to the root
# disk, how the machine stopped), status (exit status of the emulator, 124 or 137 if it was killed). Prints the console, too.
boot() {
	log=$guests/$1
	rm -rf "$log"
	mkdir -p "$log/tree"
	cp -RL "$2" "$log/tree/scenario"
	[ -z "${stand_in-}" ] || install_stand_in "$log/tree/usr/sbin"
	[ ! -e "$2/secure-keys" ] || xargs "$here/secure-key" <"$2/secure-keys" >"$log/tree/scenario/secure-keys.bin"
	[ ! -e "$2/root" ] || secure_volume_keys >"$log/tree/scenario/secure-keys.bin"
	pack "$log/tree" >"$log/scenario.cpio"
	cat "$image/base.cpio" "$guests/program.cpio" "$log/scenario.cpio" >"$log/initrd"
	cp --sparse=always "$image/root.ext4" "$log/root"
	[ ! -e "$2/root" ] || { encrypt && drop_header; }
	rm -r "$log/tree" "$log/scenario.cpio"
	run_guest 256 "$3" "$4" "${5-}"
}

# image_file IMAGE
image_file() {
	echo "$images/$1.cpio"
}

# scenario_file FOLDER FILE: path of the scenario's own file, or else of the common one.
scenario_file() {
	if [ -e "$1/$2" ]; then
		echo "$1/$2"
	else
		echo "${1%/*}/common/$2"
	fi
}

# secure_volume_keys: prints the volume's keys as secure keys. Only queue 11.0008 of the usual machine can use them, and only while it
# is associated with a secret of the usual value. The secret is in the topology or comes with a request.
secure_volume_keys() {
	# shellcheck disable=SC2086 # two keys
	"$here/secure-key" "$(sed -n 's/^queue 11\.0008 mkvp=//p' "$here/boot-scenarios/common/topology")" "$secret_value" $volume_keys
}

# encrypt: encrypts the disk $log/root with paes-xts-plain64. The volume's keys are secure keys of the usual machine, which no program
# here can use. So the data are encrypted with the clear keys, then the header is replaced by one with the secure keys. The disk is
# extended by the size of the header. cryptsetup runs in $log, because it creates a file in its working directory.
encrypt() {
	truncate -s +8M "$log/root"
	printf %s "$passphrase" >"$log/passphrase"
	secure_volume_keys >"$log/secure-keys"
	printf %s "$volume_keys" | perl -0777 -ne 's/ //g; print pack "H*", $_' >"$log/clear-keys"
	set -- --batch-mode --disable-locks --key-file passphrase --type luks2 --sector-size 4096 --pbkdf pbkdf2 --pbkdf-force-iterations 1000
	(cd "$log" && cryptsetup reencrypt "$@" --encrypt --cipher aes-xts-plain64 --key-size 512 --volume-key-file clear-keys \
		--reduce-device-size 8M root &&
		cryptsetup luksFormat "$@" --cipher paes-xts-plain64 --key-size 4352 --volume-key-file secure-keys --uuid "$volume_uuid" \
			--offset "$volume_start" --luks2-keyslots-size 4161536 root) >"$log/cryptsetup" 2>&1 ||
		fail "cannot encrypt the root disk: $(cat "$log/cryptsetup")"
	rm "$log/passphrase" "$log/secure-keys" "$log/clear-keys" "$log/cryptsetup"
}

# drop_header: removes the LUKS header from the disk $log/root, so that only the encrypted data remain.
drop_header() {
	tail -c "+$((volume_start * 512 + 1))" "$log/root" >"$log/data"
	mv "$log/data" "$log/root"
}

# make_disk FOLDER KIND: makes the root disk $log/root, of KIND plain, luks or dm-crypt (see run-scenario). It contains program,
# configuration and the scenario's later request.
make_disk() {
	cp -R "$image/root" "$log/tree"
	cp -R "$guests/program/." "$log/tree"
	cp "$(scenario_file "$1" pvapconfig.yaml)" "$log/tree/etc/"
	if [ -e "$1/later" ]; then
		mkdir "$log/tree/guest/later.d"
		write_request "$(cat "$1/later")" "$log/tree/guest/later.d/later.asrcb"
	fi
	mkfs.ext4 -q -F -b 4096 -L root -U "$root_uuid" -d "$log/tree" -E root_owner=0:0 "$log/root" 8M >"$log/mkfs" 2>&1 ||
		fail "cannot make the root disk: $(cat "$log/mkfs")"
	rm -r "$log/tree" "$log/mkfs"
	[ "$2" = plain ] || encrypt
	[ "$2" != dm-crypt ] || drop_header
}

# copy_request NAME PLACE FILE: copies a request of the real tool. If PLACE is not empty, sets the byte at this offset to zero.
copy_request() {
	cp "$top/tests/unit/uv/asrcb/$1.asrcb" "$3"
	[ -z "$2" ] || printf '\000' | dd of="$3" bs=1 seek="$2" conv=notrunc status=none
}

# make_boot_disk LIST: makes the disk $log/boot, with the label boot and requests.
make_boot_disk() {
	mkdir -p "$log/tree/pvapconfig"
	while read -r file request which; do
		case $request in
		own) write_request "$which" "$log/tree/pvapconfig/$file" ;;
		*) copy_request "$request" "$which" "$log/tree/pvapconfig/$file" ;;
		esac
	done <"$1"
	mkfs.ext4 -q -F -L boot -d "$log/tree" -E root_owner=0:0 "$log/boot" 4M >"$log/mkfs" 2>&1 ||
		fail "cannot make the boot disk: $(cat "$log/mkfs")"
	rm -r "$log/tree" "$log/mkfs"
}

# write_crypttab FOLDER: how the root volume is opened.
write_crypttab() {
	echo "root UUID=$volume_uuid $passphrase_file luks,tries=1,headless=1" >"$1/etc/crypttab"
	(umask 077 && printf %s "$passphrase" >"$1$passphrase_file")
}

# make_initrd FOLDER KIND IMAGE: makes the initramfs $log/initrd: IMAGE with the newest pvapconfig (unless the image is one without it)
# and the scenario's files.
make_initrd() {
	programs=$log/tree/usr/sbin
	case $3 in
	*mkinitcpio-*) programs=$log/tree/usr/bin ;; # and sbin is a link to it
	esac
	mkdir -p "$log/tree/etc" "$programs"
	case $3 in
	*-without) ;;
	*)
		cp "$guests/program/usr/sbin/pvapconfig" "$programs/"
		[ -z "${stand_in-}" ] || install_stand_in "$programs"
		cp "$(scenario_file "$1" pvapconfig.yaml)" "$log/tree/etc/"
		;;
	esac
	if [ "$2" != plain ]; then
		write_crypttab "$log/tree"
		secure_volume_keys >"$log/tree/etc/secure-keys"
	fi
	[ ! -e "$1/initramfs" ] || cp -R "$1/initramfs/." "$log/tree"
	[ ! -e "$1/files" ] || while read -r file into; do
		mkdir -p "$log/tree/$into"
		cp "$top/$file" "$log/tree/$into/"
	done <"$1/files"
	pack "$log/tree" >"$log/scenario.cpio"
	cat "$(image_file "$3")" "$log/scenario.cpio" >"$log/initrd"
	rm -r "$log/tree" "$log/scenario.cpio"
}

luks_parameters="root=/dev/mapper/root rd.luks.uuid=$volume_uuid rd.luks.timeout=1 cryptdevice=UUID=$volume_uuid:root cryptkey=rootfs:$passphrase_file"

# boot_image NAME FOLDER IMAGE SECONDS: runs the boot scenario in FOLDER with IMAGE. Writes the same files as boot.
boot_image() {
	log=$guests/$1
	rm -rf "$log"
	mkdir -p "$log"
	kind=luks
	[ ! -e "$2/root" ] || kind=$(cat "$2/root")
	case $kind in
	luks) root=$luks_parameters ;;
	dm-crypt) root=root=/dev/mapper/root ;;
	plain) root='root=LABEL=root cryptopts=' ;; # cryptopts= makes initramfs-tools ignore the volume in its crypttab
	*) fail "$2/root: '$kind' is no kind of root disk" ;;
	esac
	cat "$(scenario_file "$2" topology)" >"$log/topology"
	[ ! -e "$2/topology-more" ] || cat "$2/topology-more" >>"$log/topology"
	echo "hostkey $host_key" >>"$log/topology"
	make_disk "$2" "$kind"
	[ ! -e "$2/boot-disk" ] || make_boot_disk "$2/boot-disk"
	make_initrd "$2" "$kind" "$3"
	processors=1
	[ ! -e "$2/processors" ] || processors=$(cat "$2/processors")
	parameters=
	[ ! -e "$2/parameters" ] || parameters=$(tr '\n' ' ' <"$2/parameters")
	# If the volume stays shut, the boot must not end in a shell that waits for input.
	[ -z "${stand_in-}" ] || parameters="$parameters rd.shell=0 rd.retry=1 rd.emergency=poweroff"
	run_guest 512 "$log/topology" "$4" "$root $debian_parameters $parameters"
}
