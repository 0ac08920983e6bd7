#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Prints what a request costs acomp itself: lines of "INSTRUCTIONS WHAT". The
# module is the kernel's own or, for the base kernel, one that came along.

set -e

module=/lab/modules/acomp_cost.ko
[ -f $module ] || module=$(modinfo -n acomp_cost)
# It prints, and refuses to stay.
insmod "$module" 2>/tmp/insmod.log && exit 1
grep -qi 'cancel' /tmp/insmod.log || { cat /tmp/insmod.log; exit 1; }
dmesg | sed -n 's|.*acomp_cost: \([0-9]\)|\1|p'
