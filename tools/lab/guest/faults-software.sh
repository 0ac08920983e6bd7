#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Allocations and copies from and to user space that fail, one after the other, in
# each thing that zswap does.
#
#   faults-software.sh STEP [TEST...]
#
# Every STEP-th of those of a new pool, which are hundreds: 1 is all.

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"
# shellcheck source=tools/lab/guest/faults-pages.sh
. "${0%/*}/faults-pages.sh"

SELFTEST=/lab/zswap/accounting
# Pages of a step, but at least a folio
FEW=8 MAX_NTH=3000 STEP=$1
shift
GROUP=/sys/fs/cgroup/nth

# Pages go out and come back, and each of their operations fails once.
sweep_pages()
{
	local compressor="$1" folio="$2" kind="$3" before
	shift 3

	need_fail_nth
	set_value $ZSWAP/compressor "$compressor"
	setup_folios "$folio"
	before=$(snapshot)
	fail-nth $((folio / 4 > FEW ? folio / 4 : FEW)) "$kind" 1 "$@" >/tmp/sweep || { cat /tmp/sweep; return 1; }
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

	for compressor in lzo zstd deflate-generic; do
		echo "$compressor:"
		sweep_pages "$compressor" 4 mixed
	done
}

# The driver's own operations, too, and those of a window of pages.
device_stores_and_loads()
{
	configure
	sweep_pages deflate-iaa 64 mixed
	setup_zswap lzo
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

# The first store of a group makes what zswap keeps of it.
stores_in_new_groups()
{
	mkdir $GROUP
	echo +memory >$GROUP/cgroup.subtree_control
	sweep_pages lzo 4 text $GROUP
	rmdir $GROUP/home $GROUP
}

# rejected WHY
rejected() { cat "$DEBUG/zswap/reject_$1"; }

# tree_nodes FAIL [SPARED]: 1 or 0, for the task that asked for it, and its children,
# after as many as are SPARED. At no time may it be for all: filters come first and go
# last.
tree_nodes()
{
	local filters="$DEBUG/failslab/cache-filter $DEBUG/failslab/task-filter
		/sys/kernel/slab/radix_tree_node/failslab"

	echo 0 >$DEBUG/failslab/probability
	for filter in $filters; do
		echo "$1" >"$filter"
	done
	echo -1 >$DEBUG/failslab/times
	echo $((${2:-0} * $(cat /sys/kernel/slab/radix_tree_node/object_size) + 1)) >$DEBUG/failslab/space
	echo $(($1 * 100)) >$DEBUG/failslab/probability
}

# A node that cannot be had is asked for again, so that one fault is not enough. With
# some spared, a part of a folio is in the tree, whose leaves have 64 pages.
stores_without_nodes_in_the_tree()
{
	local before refused spared status=0

	need_fail_nth
	set_value $ZSWAP/compressor lzo
	setup_folios 512
	before=$(rejected alloc_fail)
	: >/tmp/pageout
	for spared in 0 1 2 3 4 5; do
		empty_swap
		tree_nodes 1 $spared
		(echo 1 >/proc/self/make-it-fail && exec pageout -k text -s 2m -f 512k) >>/tmp/pageout || status=1
		tree_nodes 0
	done
	cat /tmp/pageout
	refused=$(($(rejected alloc_fail) - before))
	row "kind=fail-tree-node injected=$refused survived=$refused pages=$(field pages /tmp/pageout) wrong=$(field errors /tmp/pageout)"
	[ $status -eq 0 ] && [ $refused -gt 0 ]
}

# Some are exactly as large as they were, and this group may not write them back.
pages_that_do_not_shrink_are_refused()
{
	local before

	set_value $ZSWAP/compressor lz4
	setup_folios 4
	before=$(rejected compress_fail)
	hostile-pages 1 >/tmp/hostile
	echo 0 >$CGROUP/memory.zswap.writeback
	pageout -f 4k /tmp/hostile
	echo 1 >$CGROUP/memory.zswap.writeback
	rm /tmp/hostile
	[ "$(rejected compress_fail)" -gt "$before" ] || { echo "none was refused"; return 1; }
}

# Tests of the kselftest in which zswap refuses pages, for each reason there is but a
# want of memory. For older versions of pages to be there, swap needs some latency.
stores_that_are_refused()
{
	local test chosen=''

	for test in no_room cgroup_without_zswap disabled incompressible_without_writeback \
		older_entries_are_replaced older_entries_go_with_a_failed_store; do
		chosen="$chosen -r accounting.lz4_64kB.$test"
	done
	swapoff /dev/ram0
	SWAP_DEVICE=/dev/vda setup_swap
	# shellcheck disable=SC2086
	$SELFTEST $chosen
	swapoff /dev/vda
	swapon /dev/ram0
}

# until_unused COMPRESSOR: pools that were replaced go by RCU and work. Until then
# their compressor's pool is taken up again, and nothing is allocated that can fail.
until_unused()
{
	local try

	for try in $(seq 300); do
		awk -v name="$1" '
			$1 == "name" { ours = $3 == name }
			$1 == "driver" && $3 == name { ours = 1 }
			$1 == "refcnt" { refcnt = $3 }
			$1 == "type" && ours && ($3 == "scomp" || $3 == "acomp") && refcnt > 1 { used = 1 }
			END { exit used }' /proc/crypto && return 0
		sleep 0.1
	done
	echo "a pool of $1 is still there after $try tries"
	return 1
}

# sweep_pool COMPRESSOR STEP: choosing it, every STEP-th operation failing one by one, ends
# with it or the one before; at least once with that. Adds to SWEPT_POOLS the number of
# faults.
sweep_pool()
{
	local new="$1" step="$2" nth=1 refused=0 swept=-1 reached=y value

	while [ $reached = y ]; do
		[ "$nth" -lt $MAX_NTH ] || { echo "$new: still failing at $nth"; return 1; }
		set_value $ZSWAP/compressor lzo
		until_unused "$new"
		arm "$nth"
		echo "$new" 2>/dev/null >$ZSWAP/compressor || refused=$((refused + 1))
		disarm || reached=n
		value=$(cat $ZSWAP/compressor)
		case $value in
		lzo | "$new") ;;
		*) echo "the compressor is '$value' after fault $nth, neither lzo nor '$new'"; return 1 ;;
		esac
		nth=$((nth + step))
		swept=$((swept + 1))
	done
	expect "the compressor at last" "$value" "$new"
	set_value $ZSWAP/compressor lzo
	echo "lzo -> $new: $swept faults, $refused refused"
	SWEPT_POOLS=$((SWEPT_POOLS + swept))
	[ $refused -gt 0 ]
}

# sweep_pool_in FUNCTION COMPRESSOR STEP: what is asked for but once, a large step may
# pass over.
sweep_pool_in()
{
	local range

	range=$(functions "$1" "$1") || { echo "$range"; return 1; }
	only_from "${range% *}" "${range#* }"
	echo "in $1:"
	sweep_pool "$2" "$3"
	only_from 0 0xffffffffffffffff
}

# A pool is made for each compressor that is chosen and has none.
pools_are_made()
{
	local compressor before

	need_fail_nth
	SWEPT_POOLS=0
	configure
	set_value $ZSWAP/compressor lzo
	for compressor in $SOFTWARE deflate-iaa lzo; do
		set_value $ZSWAP/compressor "$compressor"
	done
	until_unused deflate-iaa
	before=$(snapshot)
	sweep_pool lz4 "$STEP"
	sweep_pool deflate-iaa "$STEP"
	sweep_pool_in crypto_alloc_tfm_node lz4 1
	sweep_pool_in acomp_ctx_init lz4 1
	sweep_pool_in acomp_ctx_init deflate-iaa 10
	sweep_pool_in percpu_ref_init lz4 1
	# A CPU that comes back has what it needs.
	echo 0 >/sys/devices/system/cpu/cpu1/online
	echo 1 >/sys/devices/system/cpu/cpu1/online
	pageout -k mixed -s 4m >/tmp/pageout || { cat /tmp/pageout; return 1; }
	row "kind=fail-nth-pool injected=$SWEPT_POOLS survived=$SWEPT_POOLS pages=$(field pages /tmp/pageout) wrong=$(field errors /tmp/pageout)"
	empty_swap
	returned_to "$before"
}

# How often each line of zswap was run, for the host to judge.
line_counts()
{
	[ ! -d $DEBUG/gcov ] ||
		find $DEBUG/gcov -name '*.gcda' -exec base64 {} + | sed 's/^/gcov: /'
}

begin_with_devices
setup_folios 4
enable_fail_nth
# It ends the checks of DMA.
[ ! -e $DEBUG/failslab ] || never_from add_dma_entry add_dma_entry
trap 'cat $ROWS; line_counts' EXIT
[ $# -gt 0 ] || set -- software_stores_and_loads device_stores_and_loads large_folios \
	incompressible_pages stores_in_new_groups stores_without_nodes_in_the_tree \
	pages_that_do_not_shrink_are_refused stores_that_are_refused pools_are_made
ktap_run "$@" everything_returned no_memory_leaked
