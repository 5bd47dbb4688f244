configure() {
	run --verbose --config /scenario/wrong.yaml
	states
	rest
	run --verbose
}
