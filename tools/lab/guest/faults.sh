#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034
# What the tests of faults share: what everything has to return to, and the rows of
# the report. Sourced.
#
# A row is "fault: kind=KIND injected=N survived=N pages=N wrong=N", or "fault: leaks=N".

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/fault-injection.sh
. "${0%/*}/fault-injection.sh"

# By its name alone, deflate would be the IAA's.
SOFTWARE="lzo lzo-rle lz4 lz4hc zstd deflate-generic 842"
ROWS=/tmp/rows

row() { echo "fault: $*" >>$ROWS; }

# field NAME FILE: the sum of NAME=NUMBER in all lines of a program's output.
field() { tr ' ' '\n' <"$2" | awk -F= -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }'; }

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
