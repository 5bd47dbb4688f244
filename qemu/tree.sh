# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Shared by the programs of this folder that make initramfs images as a user makes them: `make install`, then the tool, in a copy of
# the system that build-tree made. Sourced after lib.sh, with $suite set to the Debian release.

# shellcheck disable=SC2034 # for those who source this
{
	prefix= # of the names of images
	[ "${suite:?}" = "${main_suite:?}" ] || prefix=$suite-
}
PATH=$PATH:/usr/sbin:/sbin # for depmod: not every user has sbin in PATH
tree=${top:?}/cache/tree/$suite
tree_config=${here:?}/boot-scenarios/common/pvapconfig.yaml
tree_secret=5313153e85406fb06ff6a2cc3795a6152e2fd07f3d12a99aedee2d7d386f12b0 # its id; the configuration has its name
# shellcheck disable=SC2034 # for those who source this
release=$(basename "$(readlink -f "${kernel:?}")")
pkey=$top/cache/pkey/$release

# install_program FOLDER: runs `make install` for s390x.
install_program() {
	rm -rf "$1"
	make -s -C "$top" install DESTDIR="$1" PREFIX=/usr CROSS_COMPILE=s390x-linux-gnu-
}

# tree_inputs FOLDER FILE...: prints a checksum over all inputs of an image: FOLDER (of install_program), without the program, which
# lib.sh adds at boot, and FILEs, which may be folders.
tree_inputs() {
	(
		cd "$1" || exit
		find . -type f ! -path ./usr/sbin/pvapconfig -exec sha256sum {} + | LC_ALL=C sort |
			grep -Ev ' \./usr/share/(doc|man|bash-completion|zsh)/' # not copied to images
		shift
		cat "$here/${0##*/}" "$here/tree.sh" "$tree_config" "$tree/inputs"
		cat "$pkey"/*.ko | sha256sum # the sed below must not change them: they have the folder's path in them
		write_request "$tree_secret" /dev/stdout
		[ $# -eq 0 ] || find "$@" -type f -exec sha256sum {} + | LC_ALL=C sort
	) | sed "s#$top/##" | sha256sum
}

# copy_tree FOLDER PROGRAM: copies the system, with the kernel modules of build-pkey, PROGRAM (a folder of install_program), a
# configuration, and a request for the secret that it names. Most machines have this secret already.
copy_tree() {
	rm -rf "$1"
	cp -al "$tree" "$1"
	mkdir "$1/usr/lib/modules/$release/updates"
	cp "$pkey"/*.ko "$1/usr/lib/modules/$release/updates/"
	depmod -b "$1/usr" "$release" || fail "the modules cannot be indexed: 'make deps' installs depmod (package kmod)"
	cp -R "$2/." "$1"
	cp "$tree_config" "$1/etc/pvapconfig.yaml"
	mkdir -p "$1/etc/pvapconfig/secrets.d"
	write_request "$tree_secret" "$1/etc/pvapconfig/secrets.d/root-volume.asrcb"
}

# in_tree FOLDER COMMAND...: runs COMMAND in FOLDER, in a separate mount namespace, so that no mount is left behind.
in_tree() {
	# shellcheck disable=SC2016 # expanded by that shell
	unshare -m sh -c '
		tree=$1
		shift
		mount -t proc proc "$tree/proc" && mount --bind /dev "$tree/dev" && mount -t tmpfs tmpfs "$tree/run" &&
			exec chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$@"
}
