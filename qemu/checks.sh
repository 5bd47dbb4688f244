# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# The checks that a scenario's `expect` can use ("words"). Each prints a TAP line, and the reason after "not ok". They read the files
# that boot() left in $log. Patterns are extended regular expressions. A word always gives the same number of verdicts, because they
# are counted before the guest runs (plan_checks).

# awk drops fractions if the locale has a decimal comma.
export LC_ALL=C.UTF-8

tests=0
failed=0

# verdict STATUS TEXT [WHY...]
verdict() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $tests - $2"
	shift 2
	[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
}

# plan_checks COMMAND...: sets $planned to the number of verdicts that the command gives. Runs it on a guest without any output.
plan_checks() {
	# shellcheck disable=SC2317 # called by the words
	planned=$(
		verdict() {
			echo planned
		}
		empty=$(mktemp -d) && log=$empty limit=0 "$@" 2>/dev/null | grep -cx planned
		rm -r "$empty"
	)
}

# run_checks COMMAND...: prints the plan, then the command's verdicts. An unknown word gives no verdict, but an error message of the
# shell; a syntax error in an awk program gives one of awk.
run_checks() {
	plan_checks "$@"
	echo "1..$((planned + 1))"
	"$@" 2>"${log:?}/complaints"
	[ ! -s "$log/complaints" ] && [ "$tests" -eq "$planned" ] && [ "$tests" -gt 0 ] && status=0 || status=1
	verdict "$status" 'the checks work themselves' "planned: $planned, made: $tests" "$(cat "$log/complaints")"
}

# The console without timestamps.
console() {
	sed 's/^[^ ]* //' "${log:?}/console"
}

# console_time PATTERN [N]: time of the Nth matching line (default: the first).
console_time() {
	grep -E "^[^ ]* $1" "$log/console" | sed -n "${2:-1}s/ .*//p"
}

console_shows() {
	console | grep -Eq -e "$1"
}

console_has() {
	console_shows "$1" && status=0 || status=1
	verdict "$status" "console has '$1'" 'no such line'
}

console_has_not() {
	console_shows "$1" && status=1 || status=0
	verdict "$status" "console does not have '$1'" "$(console | grep -E -e "$1" | head -n 3)"
}

# order FILTER PATTERN PATTERN: both match, and the last match of the first is before the last match of the second.
order() {
	"$1" | awk -v first="$2" -v second="$3" '$0 ~ first { a = NR } $0 ~ second { b = NR } END { exit !(a && b && a < b) }'
}

console_order() {
	order console "$1" "$2" && status=0 || status=1
	verdict "$status" "console has '$1' before '$2'" "$(console | grep -E -e "$1|$2")"
}

# exit_is STATUS [RUN]
exit_is() {
	seen=$(console | sed -n 's/^MARK pvapconfig-exit //p' | sed -n "${2:-1}p")
	[ "$seen" = "$1" ] && status=0 || status=1
	verdict "$status" "exit status of run ${2:-1} is $1" "it is '$seen'"
}

# is_within NUMBER LEAST MOST: false if NUMBER is empty.
is_within() {
	awk -v number="$1" -v least="$2" -v most="$3" 'BEGIN { exit !(number != "" && number >= least && number <= most) }'
}

# run_takes LEAST MOST [RUN]: seconds.
run_takes() {
	took=$(printf '%s %s\n' "$(console_time 'MARK pvapconfig-exit' "${3:-1}")" "$(console_time 'MARK pvapconfig-start' "${3:-1}")" |
		awk 'NF == 2 { printf "%.3f", $1 - $2 }')
	is_within "$took" "$1" "$2" && status=0 || status=1
	verdict "$status" "run ${3:-1} takes $1 to $2 seconds" "it took '$took'"
}

# between LEAST MOST PATTERN PATTERN: seconds from the first console line that matches the first pattern to the first that matches the
# second.
between() {
	took=$(printf '%s %s\n' "$(console_time ".*($4)")" "$(console_time ".*($3)")" | awk 'NF == 2 { printf "%.3f", $1 - $2 }')
	is_within "$took" "$1" "$2" && status=0 || status=1
	verdict "$status" "$1 to $2 seconds from '$3' to '$4'" "it took '$took'"
}

# state_is APQN BIND ASSOCIATION: as the real root printed it.
state_is() {
	seen=$(console | sed -n '/^MARK root-init/,$s/^STATE //p' | grep -F -e "$1 ")
	case $seen in
	"$1 "*" se_bind=$2 se_associate=$3") status=0 ;;
	*) status=1 ;;
	esac
	verdict "$status" "$1 is $2, $3" "seen: $seen"
}

# The journal without timestamps: BAPQ binds a queue, AAPQ associates it, RAPQ with unbind=1 unbinds it, NQAP sends a request. Lines
# that end in "write" are attempts to change something. device/pvap.h describes the format.
journal() {
	sed 's/^ *[0-9]* //' "$log/journal"
}

# journal_count NUMBER PATTERN: exactly NUMBER lines begin with PATTERN.
journal_count() {
	seen=$(journal | grep -Ec "^($2)( |\$)")
	[ "$seen" -eq "$1" ] && status=0 || status=1
	verdict "$status" "journal has '$2' $1 times" "found $seen times" "$(journal | grep -E "^($2)( |\$)" | head -n 10)"
}

journal_has() {
	journal | grep -Eq "^($1)( |\$)" && status=0 || status=1
	verdict "$status" "journal has '$1'" 'no such line'
}

journal_order() {
	order journal "^($1)( |\$)" "^($2)( |\$)" && status=0 || status=1
	verdict "$status" "journal has '$1' before '$2'" "$(journal | grep -E "^($1|$2)( |\$)")"
}

# writes_are NUMBER RUN: number of changes that this run attempted. A run begins when it lists the secrets.
writes_are() {
	seen=$(journal | awk -v run="$2" '/^UVC list .*start=0/ { n++ } n == run && / write$/ { count++ }
		END { print (n >= run ? count + 0 : "no such run") }')
	[ "$seen" = "$1" ] && status=0 || status=1
	verdict "$status" "run $2 attempts $1 changes" "seen: $seen"
}

# emulator_time PATTERN: time of the first matching line of the emulator's log, in seconds.
emulator_time() {
	sed -n "/:$1/{s/^[^@]*@\([0-9.]*\):.*/\1/p;q;}" "$log/emulator"
}

# Time when the machine started, in seconds. Times in the journal are relative to it.
machine_start() {
	emulator_time 'vm_state_notify running 1'
}

# journal_before_console PATTERN PATTERN: the last match in the journal is before the first match on the console.
journal_before_console() {
	times=$(printf '%s %s %s\n' "$(machine_start)" "$(console_time ".*($2)")" \
		"$(grep -E "^ *[0-9]+ ($1)( |\$)" "$log/journal" | tail -n 1 | awk '{ printf "%.6f", $1 / 1000000 }')")
	echo "$times" | awk 'NF < 3 || $1 + $3 >= $2 { exit 1 }' && status=0 || status=1
	verdict "$status" "'$1' in the journal is before '$2' on the console" "machine started, console, journal: $times"
}

# The last change came before root was mounted. The host sees the mount as the first write to the disk.
changed_before_mount() {
	times=$(printf '%s %s %s\n' "$(machine_start)" "$(emulator_time virtio_blk_handle_write)" \
		"$(grep ' write$' "$log/journal" | tail -n 1 | awk '{ printf "%.6f", $1 / 1000000 }')")
	echo "$times" | awk 'NF < 2 || $1 + $3 >= $2 { exit 1 }' && status=0 || status=1
	verdict "$status" 'journal has no change after the mount of root' "machine started, root mounted, last change: $times"
}

# mounted_after PATTERN: root was mounted after the first console line that matches.
mounted_after() {
	times=$(printf '%s %s\n' "$(console_time ".*($1)")" "$(emulator_time virtio_blk_handle_write)")
	echo "$times" | awk 'NF < 2 || $1 >= $2 { exit 1 }' && status=0 || status=1
	verdict "$status" "root is mounted after '$1'" "console, root mounted: $times"
}

# guest_ends HOW: poweroff, reboot, panic. If the log has no shutdown request, the emulator ended because the guest rebooted.
guest_ends() {
	reason=$(sed -n 's/.*:qemu_system_shutdown_request reason=//p' "$log/emulator" | head -n 1)
	case $reason in
	6) seen=poweroff ;;
	8) seen=panic ;;
	'') seen=reboot ;;
	*) seen="something else (reason $reason)" ;;
	esac
	[ "$seen" = "$1" ] && status=0 || status=1
	verdict "$status" "the guest ends with: $1" "it ended with: $seen"
}

# report_is PATH VALUE: a field of the report of early boot, as the real root printed it. PATH is like entries.0.satisfied. Booleans are
# true and false; a missing field is "absent".
report_is() {
	# shellcheck disable=SC2016 # perl's variables
	seen=$(console | sed -n 's/^REPORT //p' | perl -MJSON::PP -0777 -e '
		my $value = eval { decode_json(<STDIN>) };
		defined $value or print("no report, or not JSON: $@"), exit;
		for my $key (split /\./, $ARGV[0]) {
			$value = ref $value eq "HASH" ? $value->{$key} : ref $value eq "ARRAY" ? $value->[$key] : undef;
		}
		print !defined $value ? "absent" : JSON::PP::is_bool($value) ? ($value ? "true" : "false") : $value;
	' "$1")
	[ "$seen" = "$2" ] && status=0 || status=1
	verdict "$status" "the report has $1: $2" "it has '$seen'"
}

# report_duration LEAST MOST: duration of the run in early boot, in ms.
report_duration() {
	took=$(console | sed -n 's/^REPORT *"duration_ms": \([0-9]*\),$/\1/p')
	is_within "$took" "$1" "$2" && status=0 || status=1
	verdict "$status" "the run took $1 to $2 ms" "it took '$took'"
}

# ends_after LEAST MOST PATTERN: seconds from the first matching console line to the guest's request to power off.
ends_after() {
	took=$(printf '%s %s\n' "$(emulator_time qemu_system_shutdown_request)" "$(console_time ".*($3)")" |
		awk 'NF == 2 { printf "%.3f", $1 - $2 }')
	is_within "$took" "$1" "$2" && status=0 || status=1
	verdict "$status" "the guest ends $1 to $2 seconds after '$3'" "it took '$took'"
}

# The real root did not run, and no mount wrote to its disk.
never_mounted() {
	console_has_not 'MARK root-init'
	grep -q virtio_blk_handle_write "$log/emulator" && status=1 || status=0
	verdict "$status" 'nothing was written to the root disk'
}

# The boot reaches the real root, which prints the state of the queues, runs pvapconfig once more and powers off.
boots() {
	console_order 'MARK root-init' 'MARK root-done'
	guest_ends poweroff
}

# The root volume is not opened, and no queue made a protected key of its secure keys.
stays_shut() {
	console_has_not 'MARK root-init'
	journal_count 0 'NQAP .* request=wrapkey:given'
}

# No root is found, so the initramfs ends the machine. dracut has rd.emergency=poweroff; without systemd this panics, because the image
# has no program for it (dracut 112 has one). initramfs-tools has the kernel's panic=. In the images of mkinitcpio the shell powers off.
gives_up() {
	case ${on:?} in
	sid-dracut-plain) guest_ends poweroff ;;
	*dracut-plain) guest_ends panic ;;
	*initramfstools) guest_ends reboot ;;
	*) guest_ends poweroff ;;
	esac
}

# A program tried to open the volume, and the kernel found no queue that can use its secure keys.
key_refused() {
	console_has 'device-mapper: .*crypt: Error decoding and setting key \(-EINVAL\)'
}

# The root volume is opened with its two secure keys, at the first attempt.
opened_with_key() {
	console_has_not 'device-mapper: .*Error'
	journal_count 2 'NQAP 11.0008 rc=00 request=wrapkey:given'
	journal_count 0 'NQAP .* request=wrapkey:refused'
	journal_before_console 'NQAP 11.0008 rc=00 request=wrapkey:given' 'MARK root-init'
}

# The same, and all changes came before: the run in the real root changes nothing.
configured_then_opened() {
	opened_with_key
	changed_before_mount
	journal_order '.* write' 'NQAP 11.0008 rc=00 request=wrapkey:given'
}

# For every boot: the guest ended by itself, and nothing crashed. "poweroff: not found" is allowed: without systemd, dracut does not
# install poweroff, and its own shell complains.
common_checks() {
	status=$(cat "$log/status")
	verdict "$status" 'the guest ends by itself' "status of the emulator: $status (124, 137: ended after ${limit:?} s)"
	console_has_not 'Oops|BUG:|Segmentation|illegal operation|specification exception|root-failed|([^f]|[^f]f): not found$'
	[ -s "$log/journal" ] && status=0 || status=1
	verdict "$status" 'there is a journal'
}

# For every boot with our own initramfs: it reached the real root, with all steps in order.
step_checks() {
	console_has_not 'Kernel panic'
	console_order 'MARK init' 'MARK pvapconfig-start'
	console_order 'MARK pvapconfig-exit' 'MARK root-mounting'
	console_order 'MARK root-mounting' 'MARK root-mounted'
	console_order 'MARK root-mounted' 'MARK root-init'
	console_order 'MARK root-init' 'MARK root-done'
	changed_before_mount
}
