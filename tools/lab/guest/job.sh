#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# The main job, inside the guest: pages of real data go out through zswap and
# come back, for each compressor and folio size; then usemem under a limit.
#
#   job.sh SIZE_MB "COMPRESSOR..." "FOLIO_KB..."
#
# Prints "progress: TEXT" lines and one "row: KEY=VALUE..." line per measurement.

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"

SIZE_MB=$1 COMPRESSORS=$2 FOLIOS=$3
CORPUS=/lab/corpus

progress() { echo "progress: $*"; }

# Counters whose difference over a run says who did the work.
read_counters()
{
	HW_COMP=$(iaa_stat total_comp_calls)
	HW_DECOMP=$(iaa_stat total_decomp_calls)
	SW_CALLS=$(($(iaa_stat total_sw_comp_calls) + $(iaa_stat total_sw_decomp_calls)))
	DEVICE_ERRORS=$(($(iaa_stat total_completion_einval_errors) + $(iaa_stat total_completion_timeout_errors)))
	ZSWPOUT=$(vmstat zswpout)
	ZSWPIN=$(vmstat zswpin)
	ZERO=$(vmstat swpout_zero)
	PSWPOUT=$(vmstat pswpout)
}

# Prints the differences since the previous read_counters as KEY=VALUE.
counters_since()
{
	local hw_comp="$HW_COMP" hw_decomp="$HW_DECOMP" sw="$SW_CALLS" errors="$DEVICE_ERRORS"
	local out="$ZSWPOUT" in="$ZSWPIN" zero="$ZERO" disk="$PSWPOUT"

	read_counters
	echo "hw_comp=$((HW_COMP - hw_comp)) hw_decomp=$((HW_DECOMP - hw_decomp))" \
		"sw_calls=$((SW_CALLS - sw)) device_errors=$((DEVICE_ERRORS - errors))" \
		"zswpout=$((ZSWPOUT - out)) zswpin=$((ZSWPIN - in))" \
		"zero=$((ZERO - zero)) disk=$((PSWPOUT - disk))"
}

page_out_and_in()
{
	local compressor="$1" folio="$2" result

	progress "$compressor, $folio kB folios: $SIZE_MB MiB out, in and compared"
	setup_folios "$folio"
	read_counters
	result=$(pageout -f "${folio}k" -s "${SIZE_MB}m" -o "$CORPUS") ||
		fail "pageout with $compressor and $folio kB folios: $result"
	echo "row: work=pageout compressor=$compressor folio=$folio $(counters_since) $result"
}

# Four processes want a third more than the group may use, compressed data included.
usemem_under_limit()
{
	local compressor="$1" folio="$2" result

	progress "$compressor, $folio kB folios: usemem in a cgroup of three quarters its size"
	setup_folios "$folio"
	read_counters
	echo "$((SIZE_MB * 3 / 4))M" >"$CGROUP/memory.max"
	result=$(usemem --init-time -w -O -b 1 -s 2 -n 4 -p "file:$CORPUS" "$((SIZE_MB / 4))m") ||
		fail "usemem with $compressor: $result"
	echo max >"$CGROUP/memory.max"
	echo "$result" | sed 's/^/progress:   /'
	# It ends with an error if one byte was wrong.
	echo "row: work=usemem compressor=$compressor folio=$folio $(counters_since) errors=0"
}

main()
{
	local compressor folio

	setup_swap
	enter_cgroup
	case $COMPRESSORS in
	*iaa*)
		progress "configuring the devices"
		enable_iaa.sh || fail "the devices could not be configured"
		;;
	esac
	for compressor in $COMPRESSORS; do
		setup_zswap "$compressor"
		for folio in $FOLIOS; do
			page_out_and_in "$compressor" "$folio"
		done
		usemem_under_limit "$compressor" 64
	done
	echo "done"
}

main
