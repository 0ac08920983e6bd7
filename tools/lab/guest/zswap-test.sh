#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Sets swap and the devices up, then runs a kselftest of zswap.
#
#   zswap-test.sh SWAP-DEVICE PROGRAM [ARGUMENT...]

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"

CORPUS=/lab/corpus

SWAP_DEVICE=$1 setup_swap
shift
[ ! -f $CORPUS ] || export ZSWAP_CORPUS=$CORPUS
if ls /sys/bus/pci/drivers/idxd >/dev/null 2>&1 || modprobe idxd; then
	enable_iaa.sh -v 0 || fail "the devices could not be configured"
fi
# The kernel would look for modprobe where there is none.
modprobe acomp_sizes 2>/dev/null || true
exec "$@"
