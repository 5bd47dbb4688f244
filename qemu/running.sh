# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Shared by the programs of this folder whose guests have a complete Debian with systemd as their real root. Sourced after lib.sh; $log
# is the guest's folder.

# install_check ROOT CHECK: makes guest/CHECK run as a unit of the system in ROOT, on the console.
install_check() {
	mkdir -p "$1/guest" "$1/etc/systemd/system/multi-user.target.wants" && cp "${here:?}/guest/functions" "$here/guest/$2" "$1/guest/" || return 1
	printf '%s\n' '[Service]' "ExecStart=/guest/$2" 'StandardOutput=tty' 'StandardError=tty' 'TTYPath=/dev/console' \
		>"$1/etc/systemd/system/$2.service"
	ln -s "../$2.service" "$1/etc/systemd/system/multi-user.target.wants/" &&
		ln -s /dev/null "$1/etc/systemd/system/serial-getty@.service"
}

# make_debian_root FOLDER CHECK [PROGRAM]: makes the root disk $log/root: the system in FOLDER with only the s390 drivers, the content of
# the folder PROGRAM, and guest/CHECK.
make_debian_root() {
	root=${log:?}/root-tree
	mkdir -p "$root" &&
		(cd "$1" && tar -c --exclude='./usr/lib/modules/*/kernel' --exclude=./usr/share --exclude=./var/cache .) | tar -x -C "$root" &&
		(cd "$1" && tar -c usr/lib/modules/*/kernel/drivers/s390) | tar -x -C "$root" &&
		{ [ $# -lt 3 ] || cp -R "$3/." "$root"; } &&
		install_check "$root" "$2" &&
		mkfs.ext4 -q -F -L root -d "$root" -E root_owner=0:0 "$log/root" 256M >"$log/mkfs" 2>&1 &&
		rm -r "$root" "$log/mkfs"
}

# run_debian TOPOLOGY SECONDS: boots $log/initrd and $log/root; true if the guest ended by itself.
run_debian() {
	cp "$1" "$log/topology"
	echo "hostkey ${host_key:?}" >>"$log/topology"
	run_guest 768 "$log/topology" "$2" root=LABEL=root "${debian_parameters:?}" systemd.show_status=0 >/dev/null
	[ "$(cat "$log/status")" = 0 ]
}

# console_has LINE: LINE is an extended regular expression for a whole line without its timestamp. If there is none, prints the output of
# the check in the guest.
console_has() {
	sed 's/^[^ ]* //' "$log/console" | grep -Ex -e "$1" || { grep -E ' (MARK|LATE|SHOWN) ' "$log/console"; return 1; }
}
