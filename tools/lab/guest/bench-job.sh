#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# What is measured, inside the guest: one measurement after the other.
#
#   bench-job.sh MEASUREMENT...
#
#   pageout:COMPRESSOR:FOLIO_KB:SIZE_MB	pages of real data out and in again
#   zeroes:COMPRESSOR:FOLIO_KB:SIZE_MB	the same with pages of zeroes
#   text:COMPRESSOR:FOLIO_KB:SIZE_MB	the same with pages that all shrink
#   refused:COMPRESSOR:FOLIO_KB:SIZE_MB	the same with pages that do not shrink, and
#					that zswap refuses to store (after writeback:0)
#   writeback:0|1			whether the cgroup may write to the swap device
#   select:COMPRESSOR			makes zswap use it (and forget the former)
#   faults:COMPRESSOR:COUNT		faults while 2 MB folios are stored
#   usemem:COMPRESSOR:FOLIO_KB:SIZE_MB	four processes in a cgroup of 3/4 the size
#   compile:COMPRESSOR:LIMIT_MB		the compiler in a cgroup of that size
#   poke:ADDRESS:SIZE:VALUE		sets a variable of the kernel (see poke.c)
#
# Prints one line "row: of=MEASUREMENT KEY=VALUE..." for each, and "done".

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"

CORPUS=/lab/corpus
SELECTED=

# The compressor is only chosen anew when it is another one.
use_compressor()
{
	[ "$SELECTED" = "$1" ] || setup_zswap "$1"
	SELECTED=$1
}

# out_and_in COMPRESSOR FOLIO_KB SIZE_MB ARGUMENT...: the rest is for pageout.
# Leaves its RESULT.
out_and_in()
{
	local compressor="$1" folio="$2" size="$3"
	shift 3

	use_compressor "$compressor"
	setup_folios "$folio"
	mark "$MEASUREMENT"
	RESULT=$(pageout -f "${folio}k" -s "${size}m" "$@") || fail "pageout: $RESULT"
	mark ""
	echo "row: of=$MEASUREMENT $RESULT"
}

measure_pageout() { out_and_in "$1" "$2" "$3" "$CORPUS"; }
measure_zeroes() { out_and_in "$1" "$2" "$3" --kind=zero; }
measure_text() { out_and_in "$1" "$2" "$3" --kind=text --require-out; }

measure_refused()
{
	out_and_in "$1" "$2" "$3" --kind=random
	# Not that they are mapped: they stay in the swap cache.
	case $RESULT in
	*" zswpout=0 "*" pswpout=0 "*) ;;
	*) fail "$MEASUREMENT: pages went out: $RESULT" ;;
	esac
}

measure_writeback() { set_value "$CGROUP/memory.zswap.writeback" "$1"; }

measure_select()
{
	mark "$MEASUREMENT"
	use_compressor "$1"
	mark ""
	echo "row: of=$MEASUREMENT"
}

measure_faults()
{
	local compressor="$1" count="$2" result

	use_compressor "$compressor"
	setup_folios 2048
	result=$(fault-latency "$count" "$CORPUS") || fail "fault-latency: $result"
	echo "row: of=$MEASUREMENT $result"
}

cpu_stat() { awk -v name="$1" '$1 == name { print $2 }' "$CGROUP/cpu.stat"; }

# limited LIMIT COMMAND...: in the cgroup made that small. Adds time and events.
limited()
{
	local limit="$1" system user out in
	shift

	system=$(cpu_stat system_usec) user=$(cpu_stat user_usec)
	out=$(vmstat zswpout) in=$(vmstat zswpin)
	echo "$limit" >"$CGROUP/memory.max"
	START=$(cut -d ' ' -f 1 /proc/uptime)
	"$@" >/tmp/output 2>&1 || fail "$*: $(cat /tmp/output)"
	END=$(cut -d ' ' -f 1 /proc/uptime)
	echo max >"$CGROUP/memory.max"
	STATS="system_us=$(($(cpu_stat system_usec) - system))"
	STATS="$STATS user_us=$(($(cpu_stat user_usec) - user))"
	STATS="$STATS zswpout=$(($(vmstat zswpout) - out)) zswpin=$(($(vmstat zswpin) - in))"
	STATS="$STATS real_s=$(awk -v a="$START" -v b="$END" 'BEGIN { printf "%.2f", b - a }')"
}

measure_usemem()
{
	local compressor="$1" folio="$2" size="$3"

	use_compressor "$compressor"
	setup_folios "$folio"
	limited "$((size * 3 / 4))M" usemem --init-time -w -O -s 0 -n 4 -p "file:$CORPUS" \
		"$((size / 4))m"
	echo "row: of=$MEASUREMENT $STATS throughput=$(awk '/^total:/ {
		for (i = 1; i < NF; i++) if ($i == "sum") print $(i + 1) }' /tmp/output)"
}

measure_compile()
{
	local compressor="$1" limit="$2"

	use_compressor "$compressor"
	setup_folios 64
	limited "${limit}M" compile-job.sh
	echo "row: of=$MEASUREMENT $STATS"
}

main()
{
	local arguments

	setup_swap
	enter_cgroup
	for MEASUREMENT in "$@"; do
		arguments=$(echo "${MEASUREMENT#*:}" | tr : ' ')
		# shellcheck disable=SC2086
		case $MEASUREMENT in
		poke:*) poke $arguments >/dev/null || fail "$MEASUREMENT" ;;
		*) "measure_${MEASUREMENT%%:*}" $arguments ;;
		esac
	done
	echo "done"
}

main "$@"
