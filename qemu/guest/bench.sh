# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# guest.sh of the guests that qemu/bench boots: measures pvapconfig on this machine's EP11 queues, and prints BENCH lines. `mark`,
# `rest` and `until_true` are functions of guest/functions.

repeat=5
events=/sys/kernel/tracing

# Makes the kernel count reads and writes of attributes by all processes.
start_counting() {
	[ -e "$events/kprobe_events" ] || mount -t tracefs tracefs "$events"
	echo 'p:read sysfs_kf_seq_show' >"$events/kprobe_events"
	echo 'p:write sysfs_kf_write' >>"$events/kprobe_events"
}

# counted NAME COMMAND...: counts only while this command runs.
counted() {
	name=$1
	shift
	echo 1 >"$events/events/kprobes/enable"
	"$@" >/dev/null
	echo 0 >"$events/events/kprobes/enable"
	awk -v name="$name" '{ hits[$1] = $2 } END { print "BENCH counted-" name, "reads=" hits["read"] + 0, "writes=" hits["write"] + 0 }' \
		"$events/kprobe_profile"
	echo >"$events/kprobe_events"
}

# grouped COMMAND...: runs it in a control group, which records the peak of all its processes together, including kernel memory.
grouped() {
	mkdir -p /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/bench
	sh -c 'echo $$ >/sys/fs/cgroup/bench/cgroup.procs && exec "$@"' sh "$@" >/dev/null
	echo "BENCH group peak_kib=$(($(cat /sys/fs/cgroup/bench/memory.peak) / 1024))"
}

unbind() {
	pvapconfig --unbind || mark "unbind-failed $?"
	rest
}

configure() {
	mark 'pvapconfig-start'
	until_true 20 grep -q complete /sys/bus/ap/bindings
	rest
	for i in $(seq "$repeat"); do
		measure calls 01.0000 0
		rest
	done
	for i in $(seq "$repeat"); do
		[ "$i" -eq 1 ] || unbind
		echo "BENCH fresh $(measure run pvapconfig --strict)"
	done
	rest
	for i in $(seq "$repeat"); do
		echo "BENCH configured $(measure run pvapconfig --strict)"
	done
	start_counting
	counted configured pvapconfig --strict
	unbind
	start_counting
	counted fresh pvapconfig --strict
	rest
	unbind
	grouped pvapconfig --strict
	unbind
	measure peak pvapconfig --strict
	mark 'pvapconfig-exit 0'
}
