modules=

# Instead of pvapconfig, whose run here is only a mark on the way of every boot.
configure() {
	cd /scenario || return
	parity_guest operations
	mark "parity-exit $?"
	run --version
}
