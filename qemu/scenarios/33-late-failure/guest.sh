configure() {
	run --verbose --timeout 10
}
