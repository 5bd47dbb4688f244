modules="$modules xts algif_skcipher pkey pkey-ep11 paes_s390"
clear_keys=11111111111111111111111111111111111111111111111111111111111111112b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b

# A request for another host, one with a changed byte in its encrypted part, one with another extension secret than the request before,
# then the right one. Only that request contains the secret.
configure() {
	run --verbose --add-secrets /scenario/foreign
	mkdir /run/changed
	cp /scenario/right/20-root.asrcb /run/changed/
	printf '\000' | dd of=/run/changed/20-root.asrcb bs=1 seek=1340 conv=notrunc 2>/dev/null
	run --verbose --add-secrets /run/changed
	run --verbose --add-secrets /scenario/extension
	run --verbose --add-secrets /scenario/right --lock-secrets
	if compare-ciphers /scenario/secure-keys.bin "$clear_keys"; then
		mark 'secure-keys accepted'
	else
		mark 'secure-keys refused'
	fi
}
