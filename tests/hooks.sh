# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Shared by the checks of hooks for initramfs tools: check-dracut, check-initramfs-tools, check-mkinitcpio. Sourced with NAME set.

WORK=build/check-${NAME:?}
TREE=$PWD/$WORK/tree   # result of make install: the system that the image is made from
IMAGE=$PWD/$WORK/image # the contents of the image
DONE=$PWD/$WORK/done   # other requests

# Makes a tree with make install, and a configuration.
install_tree() {
	rm -rf "$TREE" && make -s install "DESTDIR=$TREE" && mkdir "$TREE/etc" &&
		install -m 0600 conf/pvapconfig.yaml "$TREE/etc/pvapconfig.yaml"
}

# The files in the image with their modes, and other requests. Empty files belong to the stubs.
content() {
	(cd "$IMAGE" && find . -type f -size +0 -printf '%m %P\n' | sort)
	cat "$DONE"
}

# contains LINE...: exactly these lines of content().
contains() {
	content >"$WORK/content"
	printf '%s\n' "$@" | diff - "$WORK/content"
}

# with FILE-IN-TREE FILE COMMAND...: runs COMMAND with FILE in its place, or without the file if FILE is empty.
with() {
	mv "$TREE/$1" "$WORK/away" || return 1
	with_path=$1
	[ -z "$2" ] || cp -p "$2" "$TREE/$1"
	shift 2
	with_status=0
	"$@" || with_status=$?
	rm -f "$TREE/$with_path"
	mv "$WORK/away" "$TREE/$with_path" && return "$with_status"
}

# with_requests COMMAND...: with two add-secret requests, and other files among them.
with_requests() {
	mkdir -p "$TREE/etc/pvapconfig/secrets.d/c" || return 1
	for request in a.asrcb b.asrcb README; do
		echo asrcbM >"$TREE/etc/pvapconfig/secrets.d/$request" && chmod 0600 "$TREE/etc/pvapconfig/secrets.d/$request" || return 1
	done
	echo asrcb >"$TREE/etc/pvapconfig/secrets.d/README"
	without_requests "$@"
}

# with_misnamed_request COMMAND...: with a request whose name does not end in .asrcb, as in the manual of pvsecret.
with_misnamed_request() {
	mkdir -p "$TREE/etc/pvapconfig/secrets.d" &&
		printf 'asrcbM\0\0\1\377' >"$TREE/etc/pvapconfig/secrets.d/addsecreq.bin" || return 1
	without_requests "$@"
}

# with_broken_request COMMAND...: with a dangling link.
with_broken_request() {
	mkdir -p "$TREE/etc/pvapconfig/secrets.d" && ln -s nowhere "$TREE/etc/pvapconfig/secrets.d/a.asrcb" || return 1
	without_requests "$@"
}

# without_requests COMMAND...: removes the requests afterwards.
without_requests() {
	requests_status=0
	"$@" || requests_status=$?
	rm -r "$TREE/etc/pvapconfig" && return "$requests_status"
}

# boot_script FILE STATUS: makes $WORK/boot from FILE; it calls a program that exits with STATUS.
boot_script() {
	mkdir -p "$WORK/bin"
	printf '#!/bin/sh\necho "program $*"\nexit %s\n' "$2" >"$WORK/bin/program"
	chmod +x "$WORK/bin/program"
	sed "s#/usr/sbin/pvapconfig#$PWD/$WORK/bin/program#" "$1" >"$WORK/boot"
}

# boot_does STATUS LINE...: the output is these lines between the program and the end. boot, a function of the caller, runs the script.
boot_does() {
	boot "$1" >"$WORK/boot.log"
	shift
	printf '%s\n' 'program --boot' "$@" 'the boot goes on' | diff - "$WORK/boot.log"
}
