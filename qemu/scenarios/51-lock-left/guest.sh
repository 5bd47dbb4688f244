lock=/run/lock/pvapconfig.lock

configure() {
	true &
	wait
	echo "$!" >"$lock"
	mark "lock-left $!"
	run --verbose
	rm "$lock"
	run --verbose
}
