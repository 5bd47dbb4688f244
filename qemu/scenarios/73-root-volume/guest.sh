modules="$modules xts dm-crypt pkey pkey-ep11 paes_s390"
root_device=/dev/dm-0

open_volume() {
	mark volume-opening
	if open-volume /dev/vda /scenario/secure-keys.bin; then
		mark volume-opened
	else
		mark volume-refused
	fi
}

# Tries to open the volume before and after the run.
configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	until_true 10 [ -b /dev/vda ]
	open_volume
	run --verbose
	open_volume
}
