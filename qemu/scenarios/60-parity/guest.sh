# Instead of pvapconfig, whose run here is only a mark on the way of every boot.
configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	# No scans of the bus but those that are among the operations: neither the regular ones, nor those that a kernel
	# makes every 10 seconds that wants random numbers from a CCA card and finds no queue that can be used.
	echo 120 >/sys/bus/ap/config_time
	echo none >/sys/class/misc/hw_random/rng_current
	cd /scenario || return
	parity_guest operations
	mark "parity-exit $?"
	run --version
}
