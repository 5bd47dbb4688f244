# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# TAP for shell tests: source it, call verdict or check, end with finish.

# In a locale with a decimal comma, awk truncates fractions. Sort order and messages differ, too.
export LC_ALL=C.UTF-8
# For builds in other folders.
export CROSS_ROOT="$PWD/cache/s390x"
export GIT_CONFIG_GLOBAL="$PWD/tests/gitconfig"

tap_tests=0
tap_failed=0

# verdict STATUS TEXT [WHY...]
verdict() {
	tap_tests=$((tap_tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_tests - $2"
		return
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_tests - $2"
	shift 2
	[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
}

# check TEXT COMMAND...: the command must succeed; its output is shown only if it fails.
check() {
	tap_text=$1
	shift
	tap_status=0
	tap_output=$("$@" 2>&1 </dev/null) || tap_status=$?
	verdict "$tap_status" "$tap_text" "$tap_output"
}

finish() {
	echo "1..$tap_tests"
	[ "$tap_failed" -eq 0 ] && [ "$tap_tests" -gt 0 ]
	exit
}
