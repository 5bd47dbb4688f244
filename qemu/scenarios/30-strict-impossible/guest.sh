configure() {
	run --verbose --strict
}
