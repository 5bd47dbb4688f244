#!/bin/bash
# SPDX-License-Identifier: MIT
#
# dracut module pvapconfig: configures the crypto queues of an IBM Secure Execution guest before any volume is opened.
#
# Errors end the build here, because dracut ignores the result of install().

pvapconfig_refuse() {
	dfatal "pvapconfig: $*"
	dfatal 'pvapconfig: no image is built. Correct this and run dracut again; after a failed package installation on Debian: dpkg --configure -a'
	exit 1
}

# A kdump image has to stay small. Only install() knows all modules of the image, and a check() that returns 1 would end the build.
pvapconfig_in_kdump() {
	[[ ${IN_KDUMP-} ]] || dracut_module_included kdump || dracut_module_included kdumpbase
}

# pvapconfig_is_ours PROGRAM: s390-tools has a program of the same name without --boot. A program for another machine cannot be run, so
# only the name counts then.
pvapconfig_is_ours() {
	local help status=0
	help=$("$1" --help 2>/dev/null) || status=$?
	[[ $help == *--boot* || ( ${dracutsysrootdir-} && $status -ge 126 && $status -le 127 ) ]]
}

# Prints where the program is, seen from within the system that the image is made of. Packages name it pvapconfig-boot.
pvapconfig_program() {
	local program
	for program in {/usr/local,/usr}/{sbin,bin}/pvapconfig-boot {/usr/local,/usr}/{sbin,bin}/pvapconfig; do
		if [[ -x "${dracutsysrootdir-}$program" ]] && pvapconfig_is_ours "${dracutsysrootdir-}$program"; then
			echo "$program"
			return 0
		fi
	done
	return 1
}

# pvapconfig_check_config PROGRAM CONFIG
pvapconfig_check_config() {
	local messages status=0
	messages=$("${dracutsysrootdir-}$1" --check-config --config "${dracutsysrootdir-}$2" 2>&1) || status=$?
	if [[ ${dracutsysrootdir-} && $status -ge 126 && $status -le 127 ]]; then
		dwarn "pvapconfig: $2 not checked: $1 of $dracutsysrootdir does not run on this machine"
		return 0
	fi
	if [[ $status -ne 0 ]]; then
		dfatal "$messages"
		pvapconfig_refuse "configuration file $2 rejected by $1 (exit status $status)"
	fi
	[[ -z $messages ]] || dwarn "$messages"
}

# pvapconfig_is_request FILE: by its first bytes, whatever its name is.
pvapconfig_is_request() {
	local start
	[[ -f $1 ]] && IFS= LC_ALL=C read -r -n 6 start <"$1" && [[ $start == asrcbM ]]
}

# Add-secret requests, if there are any. pvapconfig takes them by their name.
pvapconfig_install_requests() {
	local request
	for request in "${dracutsysrootdir-}"/etc/pvapconfig/secrets.d/*; do
		if [[ $request == *.asrcb ]]; then
			[[ -e $request || -L $request ]] || continue
			inst "${request#"${dracutsysrootdir-}"}" || return 1
		elif pvapconfig_is_request "$request"; then
			dwarn "pvapconfig: $request is an add-secret request, not added: its name does not end in .asrcb"
		fi
	done
}

# pvapconfig_install_units UNIT...: with what the administrator of this system has changed about them; enables the first.
pvapconfig_install_units() {
	local unit file own=/etc/systemd/system
	for unit in "$@"; do
		[[ -e "${dracutsysrootdir-}${systemdsystemunitdir:?}/$unit" ]] ||
			pvapconfig_refuse "unit $systemdsystemunitdir/$unit not found; reinstall pvapconfig"
		inst "$systemdsystemunitdir/$unit" || pvapconfig_refuse "cannot install unit $unit, see above"
		for file in "${dracutsysrootdir-}$own/$unit" "${dracutsysrootdir-}"{"$own","$systemdsystemunitdir"}/"$unit.d"/*.conf; do
			[[ ! -f $file ]] || inst "${file#"${dracutsysrootdir-}"}" || pvapconfig_refuse "cannot install $file, see above"
		done
	done
	"${SYSTEMCTL:?}" -q --root "${initdir:?}" enable "$1" || pvapconfig_refuse "cannot enable unit $1, see above"
}

# called by dracut
check() {
	# The second call asks if the file systems of the build machine need it.
	[[ ${mount_needs-} ]] && return 1
	# Include only when requested by name.
	return 255
}

# called by dracut
depends() {
	return 0
}

# called by dracut
cmdline() {
	# The parameters are set by the administrator, not taken from the build machine.
	return 0
}

# called by dracut
installkernel() {
	local module
	pvapconfig_in_kdump && return 0
	# Not only modules that are loaded on the build machine. A module may be built in.
	for module in zcrypt_cex4 uvdevice; do
		hostonly='' instmods -c "$module" || pvapconfig_refuse "kernel ${kernel-} has no $module, neither as a module nor built in;" \
			'install all its modules, or use a kernel with CONFIG_ZCRYPT and CONFIG_S390_UV_UAPI'
	done
	# pkey and paes are for volumes with protected keys. They are loaded on demand, and not every kernel has them.
	hostonly='' instmods pkey pkey_cca pkey_ep11 pkey_pckmo pkey_uv paes_s390
	return 0
}

# called by dracut
install() {
	local config=/etc/pvapconfig.yaml
	local architecture=${DRACUT_ARCH:-$(uname -m)}
	local program

	if pvapconfig_in_kdump; then
		dinfo 'pvapconfig: not added to a kdump image'
		return 0
	fi

	[[ $architecture == s390x ]] ||
		pvapconfig_refuse "only for s390x, but this image is for $architecture; omit the module"
	program=$(pvapconfig_program) ||
		pvapconfig_refuse 'no pvapconfig with --boot found in sbin or bin below /usr/local or /usr'
	[[ -e "${dracutsysrootdir-}$config" ]] ||
		pvapconfig_refuse "configuration file $config not found"
	pvapconfig_check_config "$program" "$config"

	# pvapconfig loads the kernel's modules with modprobe.
	{ inst "$program" /usr/sbin/pvapconfig && inst "$config" && pvapconfig_install_requests && inst_multiple modprobe; } ||
		pvapconfig_refuse 'cannot install a file, see above'

	if dracut_module_included systemd; then
		pvapconfig_install_units pvapconfig.service pvapconfig-secrets.target
	else
		inst_hook pre-trigger 50 "${moddir:?}/pvapconfig.sh"
	fi
}
