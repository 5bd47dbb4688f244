modules=uvdevice

configure() {
	run --verbose --timeout 5
}
