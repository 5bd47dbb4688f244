modules=uvdevice
lock=/run/lock/pvapconfig.lock

# Without a driver the run waits, so it can be interrupted.
configure() {
	run --verbose --timeout 30 &
	until_true 10 [ -s "$lock" ] && mark "lock-held $(cat "$lock") by $(pidof pvapconfig)"
	kill -TERM "$(cat "$lock")"
	wait
	[ -e "$lock" ] || mark lock-gone
}
