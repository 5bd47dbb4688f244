# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Debian systems of other releases, for this machine, kept in cache/. Sourced in the top folder by tests that need the tools of
# such a release. Needs root.

# make_release_tree SUITE FOLDER PACKAGES: makes the system once, and again if the packages or qemu/make-tree change.
make_release_tree() {
	inputs=$(echo "$1" "$3" | cat - qemu/make-tree | sha256sum)
	mkdir -p "$(dirname "$2")" || return
	(
		flock 8
		[ "$(cat "$2/inputs" 2>/dev/null)" != "$inputs" ] || exit 0
		# shellcheck disable=SC2086 # a list of words
		qemu/make-tree "$1" amd64 "$2" $3 && echo "$inputs" >"$2/inputs"
	) 8>"$2.lock"
}

# in_release_tree TREE FOLDER DIRECTORY COMMAND...: runs COMMAND in the tree, in DIRECTORY, in its own mount namespace. FOLDER is /build.
# shellcheck disable=SC2016 # expanded by that shell
in_release_tree() {
	unshare -m sh -c '
		tree=$1 work=$2 directory=$3
		shift 3
		mkdir -p "$tree/build" && mount -t proc proc "$tree/proc" && mount --rbind /dev "$tree/dev" && mount -t tmpfs tmpfs "$tree/tmp" &&
			mount --bind "$work" "$tree/build" &&
			exec chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/tmp \
				sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh "$directory" "$@"' sh "$@"
}
