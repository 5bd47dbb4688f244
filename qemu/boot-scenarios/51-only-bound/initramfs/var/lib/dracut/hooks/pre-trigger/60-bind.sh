#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Binds the queue of the root volume, but does not associate it.
modprobe -q zcrypt_cex4
complete=
until [ "$complete" ]; do
	sleep 0.1
	read -r _ complete </sys/bus/ap/bindings
done
echo 1 >/sys/devices/ap/card11/11.0008/se_bind
