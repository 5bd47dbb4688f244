# read_until NAME STATE
read_until() {
	cat /sys/devices/ap/card11/11.0008/mkvps &
	until_true 20 grep -q "^State:.*$2" "/proc/$!/status"
	mark "$1 $(grep '^State' "/proc/$!/status")"
}

# Two processes read an attribute of a vanished card. The second makes the kernel remove the attribute that it is reading: it waits for
# itself forever, and holds the lock of the bus scan.
#
# The kernel's own scan, every 30 seconds, would remove the card if it came between the two readers, so it is delayed.
configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	echo 120 >/sys/bus/ap/config_time
	read_until first S
	read_until second D
	run --verbose --timeout 10
}
