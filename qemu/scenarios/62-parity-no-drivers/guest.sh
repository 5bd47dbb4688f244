modules=

# Replaces the run of pvapconfig. `run --version` only prints the marks that every boot must have.
configure() {
	cd /scenario || return
	parity_guest operations
	mark "parity-exit $?"
	run --version
}
