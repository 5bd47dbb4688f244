modules=uvdevice

configure() {
	run --verbose --timeout 8
}
