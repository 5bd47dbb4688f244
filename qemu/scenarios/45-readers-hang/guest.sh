# Processes read the identity of a queue during its reset, and of one whose association is pending. Both hang in the kernel.
bind() {
	echo 1 2>/dev/null >"/sys/devices/ap/card${1%.*}/$1/se_bind"
}

configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	until_true 5 bind 11.0008
	until_true 5 bind 13.0008
	echo 0 >/sys/devices/ap/card11/11.0008/se_bind
	echo 1 >/sys/devices/ap/card13/13.0008/se_associate
	for queue in 11.0008 13.0008; do
		cat "/sys/devices/ap/card${queue%.*}/$queue/mkvps" &
		rest
		mark "reader of $queue $(grep '^State' "/proc/$!/status")"
	done
	run --verbose --timeout 10
}
