configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	rest
	states
	run --verbose
}
