configure() {
	run --verbose
	rest
	run --verbose
}
