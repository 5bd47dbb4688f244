#!/bin/sh
# SPDX-License-Identifier: MIT
#
# For images without systemd. dracut's init sources this after udev was started and before any block device is
# announced, so nothing can have opened a volume yet.

pvapconfig_status=0
/usr/sbin/pvapconfig --boot || pvapconfig_status=$?
# A required run failed, and a shell was asked for by rd.shell. Any other status: the boot goes on.
if [ "$pvapconfig_status" -eq 1 ]; then
	emergency_shell -n pvapconfig 'pvapconfig failed, and it is required (rd.pvapconfig.required)'
fi
unset pvapconfig_status
