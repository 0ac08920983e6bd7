#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Allocations and copies from and to user space that fail, one after the other, in
# each thing that zswap does.
#
#   faults-software.sh STEP
#
# Every STEP-th of those of a new pool, which are hundreds: 1 is all.

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"

PAGES=8 MAX_NTH=3000 STEP=$1

# Pages go out and come back, and each of their operations fails once.
sweep_pages()
{
	local compressor="$1" folio="$2" kind="$3" before

	need_fail_nth
	set_value $ZSWAP/compressor "$compressor"
	setup_folios "$folio"
	before=$(snapshot)
	fail-nth $PAGES "$kind" 1 >/tmp/sweep || { cat /tmp/sweep; return 1; }
	cat /tmp/sweep
	while read -r line; do
		# shellcheck disable=SC2086
		set -- $line
		[ "${2#injected=}" -gt 0 ] || { echo "nothing could fail"; return 1; }
		row "$1 $2 survived=${2#*=} $3 $4"
	done </tmp/sweep
	empty_swap
	returned_to "$before"
}

software_stores_and_loads()
{
	local compressor

	for compressor in lzo zstd deflate; do
		echo "$compressor:"
		sweep_pages "$compressor" 4 mixed
	done
}

large_folios()
{
	sweep_pages lzo 64 mixed
	sweep_pages zstd 64 text
}

incompressible_pages()
{
	sweep_pages lz4 4 random
}

# sweep_setting FILE OLD NEW: writing NEW, operations failing one by one, ends with
# OLD or NEW in place. Leaves the number of faults in SWEPT.
sweep_setting()
{
	local file="$1" old="$2" new="$3" nth=1 refused=0 reached=y value

	SWEPT=-1
	while [ $reached = y ]; do
		[ $nth -lt $MAX_NTH ] || { echo "$file: still failing at $nth"; return 1; }
		set_value "$file" "$old"
		arm $nth
		echo "$new" 2>/dev/null >"$file" || refused=$((refused + 1))
		disarm || reached=n
		value=$(cat "$file")
		case $value in
		"$old" | "$new") ;;
		*) echo "$file is '$value' after fault $nth, neither '$old' nor '$new'"; return 1 ;;
		esac
		nth=$((nth + STEP))
		SWEPT=$((SWEPT + 1))
	done
	expect "$file at last" "$value" "$new"
	echo "${file##*/} $old -> $new: $SWEPT faults, $refused refused"
	[ $SWEPT -gt 0 ]
}

# A pool is made for each compressor that is chosen and has none.
pools_are_made()
{
	local compressor before swept=0

	need_fail_nth
	set_value $ZSWAP/compressor lzo
	for compressor in $SOFTWARE lzo; do
		set_value $ZSWAP/compressor "$compressor"
	done
	before=$(snapshot)
	for compressor in lz4 zstd deflate 842; do
		sweep_setting $ZSWAP/compressor lzo "$compressor"
		swept=$((swept + SWEPT))
		set_value $ZSWAP/compressor lzo
	done
	pageout -k mixed -s 4m >/tmp/pageout || { cat /tmp/pageout; return 1; }
	row "kind=fail-nth-pool injected=$swept survived=$swept pages=$(field pages /tmp/pageout) wrong=$(field errors /tmp/pageout)"
	empty_swap
	returned_to "$before"
}

setup_swap
enter_cgroup
setup_zswap lzo
enable_fail_nth
trap 'cat $ROWS' EXIT
ktap_run software_stores_and_loads large_folios incompressible_pages pools_are_made no_memory_leaked
