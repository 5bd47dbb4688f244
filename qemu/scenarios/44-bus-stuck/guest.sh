# Two readers of an attribute of a card that is gone: the second removes what it is reading, waits for itself for ever, and keeps the
# lock of the bus scan.
configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	for reader in first second; do
		cat /sys/devices/ap/card11/11.0008/mkvps &
		rest
		mark "$reader $(grep '^State' "/proc/$!/status")"
	done
	run --verbose --timeout 10
}
