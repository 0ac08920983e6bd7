#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034
# What the tests of faults share: where the kernel's fault injection is, what
# everything has to return to, and the rows of the report. Sourced.
#
# A row is "fault: kind=KIND injected=N survived=N pages=N wrong=N", or "fault: leaks=N".

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"

DEBUG=/sys/kernel/debug
# By its name alone, deflate would be the IAA's.
SOFTWARE="lzo lzo-rle lz4 lz4hc zstd deflate-generic 842"
ROWS=/tmp/rows

row() { echo "fault: $*" >>$ROWS; }

# field NAME FILE: the sum of NAME=NUMBER in all lines of a program's output.
field() { tr ' ' '\n' <"$2" | awk -F= -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }'; }

# Everything that can fail does, also what may wait; and quietly, since each
# failure would print a trace.
enable_fail_nth()
{
	local point

	[ -e $DEBUG/failslab ] || return 0
	for point in failslab fail_page_alloc; do
		set_value $DEBUG/$point/ignore-gfp-wait N
	done
	set_value $DEBUG/fail_page_alloc/min-order 0
	set_value $DEBUG/fail_page_alloc/ignore-gfp-highmem N
	for point in failslab fail_page_alloc fail_usercopy; do
		set_value $DEBUG/$point/verbose 0
	done
}

# functions FIRST LAST: their range of addresses
functions()
{
	awk -v first="$1" -v last="$2" '
		ended { print start, "0x" $1; found = 1; exit }
		$3 == first { start = "0x" $1 }
		$3 == last && start { ended = 1 }
		END { exit !found }' /proc/kallsyms || { echo "the kernel has no $1 before $2"; return 1; }
}

# never_from FIRST LAST: no slab fails for these functions, by their addresses, and what
# they call.
never_from()
{
	local range

	range=$(functions "$1" "$2") || { echo "$range"; return 1; }
	echo "${range% *}" >$DEBUG/failslab/reject-start
	echo "${range#* }" >$DEBUG/failslab/reject-end
}

# only_from START END: nothing fails but for the functions in this range, and what they
# call. All of memory is the range to begin with.
only_from()
{
	local point

	for point in failslab fail_page_alloc fail_usercopy; do
		echo "$1" >$DEBUG/$point/require-start
		echo "$2" >$DEBUG/$point/require-end
	done
}

need_fail_nth() { [ -e $DEBUG/failslab ] || ktap_skip "this kernel does not inject faults"; }

# The shell itself is what fails, so all from arm to disarm must be builtin.
arm() { echo "$1" >/proc/self/fail-nth; }

# Was the fault reached, rather than by what asks for that?
disarm()
{
	local left=1

	read -r left 2>/dev/null </proc/self/fail-nth || left=1
	until echo 0 2>/dev/null >/proc/self/fail-nth; do
		:
	done
	[ "$left" = 0 ]
}

# Objects of a slab that are in use. CPUs keep some that are not, until asked.
slab_objects()
{
	[ ! -f "/sys/kernel/slab/$1/shrink" ] || echo 1 >"/sys/kernel/slab/$1/shrink"
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' /proc/slabinfo
}

# References of the software compressors: each of zswap's pools holds some.
compressor_references()
{
	awk '$1 == "driver" { driver = $3 }
	     $1 == "refcnt" { refcnt = $3 }
	     $1 == "type" && ($3 == "scomp" || $3 == "acomp") { print driver, refcnt }' /proc/crypto | sort
}

# Memory that the IAA may use, but for what is its for as long as it is there.
mapped() { grep -s '^idxd ' $DEBUG/dma-api/dump | grep -v coherent || true; }

# What zswap has and what holds it, when nothing is stored.
snapshot()
{
	echo "compressor $(cat $ZSWAP/compressor)"
	echo "enabled $(cat $ZSWAP/enabled)"
	echo "stored $(cat $DEBUG/zswap/stored_pages) pages"
	echo "pools hold $(cat $DEBUG/zswap/pool_total_size) bytes"
	echo "zswap_entry $(slab_objects zswap_entry)"
	echo "DMA mappings $(mapped | wc -l), not checked: $(cat $DEBUG/dma-api/disabled 2>/dev/null)"
	compressor_references
}

# Does the kernel come back to what it was? Pools and entries go by RCU and work.
returned_to()
{
	local before="$1" try

	for try in 1 2 3 4 5 6 7 8 9 10; do
		if [ "$(snapshot)" = "$before" ]; then
			row leaks=0
			return 0
		fi
		sleep 1
	done
	row leaks=1
	echo "$before" >/tmp/before
	snapshot | diff /tmp/before - || mapped
	echo "not returned to where it began, after $try s"
	return 1
}

empty_swap()
{
	swapoff /dev/ram0 && swapon /dev/ram0
}

# Memory that nobody points to. The first scan only colours; what is young is
# not reported.
no_memory_leaked()
{
	[ -e $DEBUG/kmemleak ] || ktap_skip "the kernel has no kmemleak"
	echo scan >$DEBUG/kmemleak
	sleep 6
	echo scan >$DEBUG/kmemleak
	row "leaks=$(grep -c '^unreferenced' $DEBUG/kmemleak)"
	if grep -q . $DEBUG/kmemleak; then
		head -n 60 $DEBUG/kmemleak
		return 1
	fi
}
