#!/bin/bash
# SPDX-License-Identifier: MIT
#
# For boot tests only: gives the root volume's key, out of a crypto queue, to whoever opens the volume. It is asked for when it is
# needed, by the way of crypttab (/run/volume-key), and nothing here is ordered after pvapconfig: if that comes too late, the volume stays shut.

# called by dracut
check() {
	return 255
}

# called by dracut
depends() {
	echo crypt
}

# called by dracut
install() {
	inst_simple "${moddir:?}/fetch-key" /usr/bin/fetch-key
	if dracut_module_included systemd; then
		inst_simple "$moddir/volume-key.socket" "${systemdsystemunitdir:?}/volume-key.socket"
		inst_simple "$moddir/volume-key@.service" "$systemdsystemunitdir/volume-key@.service"
		"${SYSTEMCTL:?}" -q --root "${initdir:?}" enable volume-key.socket
	else
		inst_multiple mkfifo rm
		inst_hook pre-udev 50 "$moddir/volume-key.sh"
	fi
}
