#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# The workload of a profile: pages out, in, or both, of one size and compressor.
#
#   profile-job.sh WORK COMPRESSOR FOLIO_KB SIZE_MB        WORK: pageout
#
# Prints the symbols of modules, which are not where the linker put them.

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"

WORK=$1 COMPRESSOR=$2 FOLIO=$3 SIZE_MB=$4

[ "$WORK" = pageout ] || fail "no such workload: $WORK"
setup_swap
enter_cgroup
case $COMPRESSOR in
*iaa*) enable_iaa.sh -v 0 -m sync || exit 1 ;;
esac
setup_zswap "$COMPRESSOR"
setup_folios "$FOLIO"
pageout -f "${FOLIO}k" -s "${SIZE_MB}m" -o /lab/corpus || exit 1
grep '\[' /proc/kallsyms | sed 's/^/symbol: /'
