# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of pvapconfig for bash.

_pvapconfig_boot() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	# Of --config=FILE bash makes three words.
	if [[ $word == '=' ]]; then
		word=
	elif [[ $before == '=' ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	case $before in
	-c | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
		;;
	--add-secrets)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		compopt -o filenames 2>/dev/null
		;;
	--timeout) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--config --strict --add-secrets --lock-secrets --check-config
			--boot --unbind --dry-run --probe --list --status --json --timeout
			--verbose --help --version' -- "$word")
		;;
	esac
}

complete -F _pvapconfig_boot pvapconfig
