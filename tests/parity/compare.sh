# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Checks for the scenarios with a list of operations; read together with qemu/checks.sh.

# parity drivers|no-drivers: guest and simulated machine print the same for all operations.
parity() {
	release=$(console | sed -n 's/^MARK init //p')
	console | grep '^PARITY ' >"${log:?}/real"
	(cd "${folder:?}" && "${top:?}/build/parity/parity_sim" "$release" topology operations "$1") >"$log/simulated" &&
		status=0 || status=1
	verdict "$status" 'the simulated machine carries out all operations'
	console_has 'MARK parity-exit 0'
	differences=$(diff -U 0 "$log/real" "$log/simulated") && status=0 || status=1
	verdict "$status" 'the simulated machine does what the kernel does' 'kernel: -, simulated: +' \
		"$(echo "$differences" | grep -v -e '^---' -e '^+++' -e '^@@')"
}
