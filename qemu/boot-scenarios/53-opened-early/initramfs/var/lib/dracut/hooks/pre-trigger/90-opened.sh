#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs after pvapconfig. Waits for the opener, so that it cannot disturb the rest of the boot; kills it if it still hangs.
tries=100
while kill -0 "${early_opener:?}" 2>/dev/null && [ "$tries" -gt 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done
kill "$early_opener" 2>/dev/null && echo 'MARK early-hangs' >/dev/console
