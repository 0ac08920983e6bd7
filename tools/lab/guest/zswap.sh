#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034
# Helpers of the guest's programs: swap, zswap, large folios, statistics.
# Sourced by the others.

ZSWAP=/sys/module/zswap/parameters
THP=/sys/kernel/mm/transparent_hugepage
IAA_STATS=/sys/kernel/debug/iaa_crypto/global_stats
CGROUP=/sys/fs/cgroup/lab

fail() { echo "error: $*"; exit 1; }

# Writes a value and reads it back: a refused or ignored setting is an error.
set_value()
{
	echo "$2" >"$1" || fail "could not write '$2' to $1"
	case $(cat "$1") in
	"$2" | *"[$2]"*) ;;
	*) fail "$1 reads back as '$(cat "$1")' after '$2' was written" ;;
	esac
}

# Swap on a RAM disk: its time is all instructions, so a run repeats exactly.
# Where another device is given, faults do not give its slots back at once.
setup_swap()
{
	local device="${SWAP_DEVICE:-/dev/ram0}"

	mkswap "$device" >/dev/null || fail "mkswap of $device failed"
	swapon "$device" || fail "swapon of $device failed"
	echo 0 >/proc/sys/vm/page-cluster
}

empty_swap() { swapoff /dev/ram0 && swapon /dev/ram0; }

# Nothing is charged in the root group, so work runs in one of its own.
enter_cgroup()
{
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p "$CGROUP"
	echo $$ >"$CGROUP/cgroup.procs"
}

setup_zswap()
{
	set_value $ZSWAP/compressor "$1"
	set_value $ZSWAP/max_pool_percent 50
	set_value $ZSWAP/shrinker_enabled N
	set_value $ZSWAP/enabled Y
	# Whether there is such a compressor shows when the first pool is made: if not,
	# zswap takes its default.
	[ "$(cat $ZSWAP/compressor)" = "$1" ] ||
		fail "zswap has $(cat $ZSWAP/compressor) instead of $1, which is not there"
}

# Which size anonymous memory gets: 4 = none but single pages.
setup_folios()
{
	local kb="$1" size

	for size in "$THP"/hugepages-*kB/enabled; do
		echo never >"$size"
	done
	if [ "$kb" -gt 4 ]; then
		[ -f "$THP/hugepages-${kb}kB/enabled" ] || fail "the kernel has no folios of $kb kB"
		set_value "$THP/hugepages-${kb}kB/enabled" always
	fi
}

# Pages of a file in memory, which reclaim puts into zswap and leaves there.
STORED_FILE=/tmp/stored

store_pages()
{
	local before

	before=$(vmstat zswpout)
	cat /lab/bin/* 2>/dev/null | head -c 4194304 >$STORED_FILE
	# It fails if it could not have all of it.
	echo 4M >$CGROUP/memory.reclaim || echo "not all pages were stored"
	[ "$(vmstat zswpout)" -gt "$((before + 100))" ]
}

stored_pages_are_right() { cat /lab/bin/* | head -c 4194304 | cmp - $STORED_FILE; }

vmstat() { awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat; }

iaa_stat()
{
	[ -r $IAA_STATS ] || { echo 0; return; }
	awk -v name="$1:" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' $IAA_STATS
}
