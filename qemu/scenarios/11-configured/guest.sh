tracing=/sys/kernel/tracing

# The second run is watched by the kernel: every write to an attribute, whoever makes it, even one that comes to no instruction.
configure() {
	run --verbose
	rest
	mount -t tracefs tracefs "$tracing"
	echo 'p:written sysfs_kf_write' >"$tracing/kprobe_events"
	echo 1 >"$tracing/events/kprobes/enable"
	run --verbose
	mark "attributes-written $(awk '{ print $2 }' "$tracing/kprobe_profile")"
	# Would a write be seen at all?
	read -r seconds </sys/bus/ap/config_time
	echo "$seconds" >/sys/bus/ap/config_time
	mark "attributes-written-control $(awk '{ print $2 }' "$tracing/kprobe_profile")"
}
