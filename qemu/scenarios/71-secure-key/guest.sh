modules="$modules xts algif_skcipher pkey pkey-ep11 paes_s390"
clear_keys=11111111111111111111111111111111111111111111111111111111111111112b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b
queue=/sys/devices/ap/card11/11.0008

use_keys() {
	if compare-ciphers /scenario/secure-keys.bin "$clear_keys"; then
		mark "secure-keys $1: accepted"
	else
		mark "secure-keys $1: refused"
	fi
}

# Tries the secure keys in every state of the queue. They work only in the last one.
configure() {
	until_true 20 grep -q complete /sys/bus/ap/bindings
	use_keys unbound
	until_true 5 sh -c "echo 1 >$queue/se_bind" 2>/dev/null
	use_keys bound
	echo 0 >$queue/se_associate
	until_true 5 grep -q 'associated 0' $queue/se_associate
	use_keys wrong-secret
	run --verbose
	use_keys right-secret
}
