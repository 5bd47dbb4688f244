/* SPDX-License-Identifier: MIT */
/*
 * make-request HOSTKEY ID VALUE: prints an add-secret request as pvsecret makes it, for an association secret with this
 * id and value (32 bytes each) and a host with this private key (66 bytes). All arguments are hex. The same arguments
 * give the same bytes.
 */
#include <stdio.h>
#include <string.h>

#include "model/ap_words.h"
#include "request/request.h"

static bool parse(const char *text, uint8_t *bytes, size_t size)
{
	return words_parse_bytes((struct piece){ text, strlen(text) }, bytes, size);
}

int main(int argc, char **argv)
{
	struct request_secret secret = { .type = REQUEST_TYPE_ASSOCIATION };
	uint8_t request[REQUEST_LENGTH(1)], host_key[REQUEST_HOST_KEY_SIZE];
	size_t length;

	if (argc != 4 || !parse(argv[1], host_key, sizeof(host_key)) || !parse(argv[2], secret.id, sizeof(secret.id)) ||
	    !parse(argv[3], secret.value, sizeof(secret.value))) {
		fprintf(stderr, "usage: make-request HOSTKEY ID VALUE\n");
		return 2;
	}
	length = request_write(&secret, 1, request);
	if (!request_seal(request, length, host_key)) {
		fprintf(stderr, "make-request: cannot encrypt for this host\n");
		return 1;
	}
	if (fwrite(request, length, 1, stdout) != 1 || fflush(stdout)) {
		perror("make-request");
		return 1;
	}
	return 0;
}
