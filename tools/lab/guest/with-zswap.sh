#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Enables zswap with a compressor and runs a program.
#
#   with-zswap.sh COMPRESSOR PROGRAM [ARGUMENT...]

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"

setup_zswap "$1"
shift
cd "$(dirname "$1")" || fail "there is no $1"
exec "$@"
