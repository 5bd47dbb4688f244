#!/bin/sh
# SPDX-License-Identifier: MIT
#
# systemd has a unit for it.
[ -d /run/systemd/system ] || killed-run
