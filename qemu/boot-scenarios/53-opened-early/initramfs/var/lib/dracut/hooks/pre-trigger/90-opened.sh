#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pvapconfig has run. Waits for the opener, which is in nobody's way then; one that still hangs is stopped.
tries=100
while kill -0 "${early_opener:?}" 2>/dev/null && [ "$tries" -gt 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done
kill "$early_opener" 2>/dev/null && echo 'MARK early-hangs' >/dev/console
