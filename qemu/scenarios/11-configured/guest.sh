tracing=/sys/kernel/tracing

# During the second run, the kernel counts all writes to attributes, by all processes, including writes that lead to no instruction.
configure() {
	run --verbose
	rest
	mount -t tracefs tracefs "$tracing"
	echo 'p:written sysfs_kf_write' >"$tracing/kprobe_events"
	echo 1 >"$tracing/events/kprobes/enable"
	run --verbose
	mark "attributes-written $(awk '{ print $2 }' "$tracing/kprobe_profile")"
	# Control: a write is counted.
	read -r seconds </sys/bus/ap/config_time
	echo "$seconds" >/sys/bus/ap/config_time
	mark "attributes-written-control $(awk '{ print $2 }' "$tracing/kprobe_profile")"
}
