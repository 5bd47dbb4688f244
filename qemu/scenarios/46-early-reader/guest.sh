# A program sends a request to the queue while its association is pending, as a program that opens a volume may do. The kernel does not
# process the request, and the program waits.
is_pending() {
	grep -qx 'association pending' /sys/devices/ap/card11/11.0008/se_associate
}

has_ended() {
	! grep -qs '^State:.*[RSD]' "/proc/$reader/status"
}

configure() {
	run --verbose --timeout 20 &
	run=$!
	until_true 20 is_pending
	cat /sys/devices/ap/card11/11.0008/mkvps &
	reader=$!
	mark "early $(cat /sys/devices/ap/card11/11.0008/se_associate)"
	wait "$run"
	until_true 10 has_ended && mark reader-ended
}
