#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Everything about zswap changes, all the time and at once, while pages go out and
# come back in several processes, each of which compares every byte.
#
#   faults-storm.sh SEED SECONDS
#
# A seed decides what each of the storm's hands does in which order. How that
# falls together is the scheduler's; the log says what was done when.

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"

SEED=$1 SECONDS_LONG=$2
STOP=/tmp/stop DONE=/tmp/done
# swapoff holds a program's mmap_lock for reading while it reads all of its pages back,
# and khugepaged waits for that lock: with a debug kernel on a busy host, for minutes.
# What never ends is still found.
HUNG_SECONDS=600
mkdir -p $DONE

# pick STREAM N WORD...: the N-th choice of a stream is always the same for a seed.
pick()
{
	local stream="$1" turn="$2" number
	shift 2

	number=$(echo "$SEED $stream $turn" | md5sum | cut -c1-7)
	shift $((0x$number % $#))
	echo "$1"
}

# A worker's rounds: contents, size of folios and of memory differ in each.
worker()
{
	local name="$1" turn=0 kind folio size

	while [ ! -e $STOP ]; do
		turn=$((turn + 1))
		kind=$(pick "$name-kind" $turn text mixed random zero)
		folio=$(pick "$name-folio" $turn 4 4 16 64 2048)
		size=$(pick "$name-size" $turn 2 4 8)
		# What size the memory gets is THP's choice of the moment, see thp().
		pageout -k "$kind" -s "${size}m" --seed=$((turn * 64 + SEED % 64)) -c "${folio}k" \
			>>"$DONE/$name" 2>>"$DONE/$name-errors" || echo "$kind $folio $size" >>"$DONE/$name-failed"
	done
}

# The storm's hands. Each does one thing over and over; values may be refused.
# shellcheck disable=SC2086
compressor() { try "$(pick compressor "$1" $COMPRESSORS)" $ZSWAP/compressor; }
enabled() { try "$(pick enabled "$1" Y Y N)" $ZSWAP/enabled; }
shrinker() { try "$(pick shrinker "$1" Y N)" $ZSWAP/shrinker_enabled; }
pool_limit() { try "$(pick limit "$1" 1 2 20 50)" $ZSWAP/max_pool_percent; }
accept_limit() { try "$(pick accept "$1" 50 90 100)" $ZSWAP/accept_threshold_percent; }
processors() { try "$(pick online "$1" 0 1)" "/sys/devices/system/cpu/cpu$(pick cpu "$1" 1 2 3)/online"; }
thp() { try "$(pick thp "$1" always never)" "$THP/hugepages-$(pick thpsize "$1" 16 64 2048)kB/enabled"; }
compaction() { try 1 /proc/sys/vm/compact_memory; }
caches() { try 2 /proc/sys/vm/drop_caches; }

# The one that comes back is the last to be used, so pages move to the other.
swap_device() { swapoff "/dev/ram$(($1 % 2))"; swapon "/dev/ram$(($1 % 2))"; }

# A group with less memory than its processes use, gone afterwards. It may always
# write to the disks: when zswap takes no more, the kernel would have to kill.
group()
{
	local dir=/sys/fs/cgroup/storm

	mkdir $dir || return
	pick group "$1" 12M 16M >$dir/memory.max
	(
		# A child's own id: $$ is the storm's.
		read -r pid _ </proc/self/stat
		echo "$pid" >$dir/cgroup.procs
		exec usemem -w -O -n 2 "$(pick usemem "$1" 8 10)m"
	) >>"$DONE/usemem" 2>>"$DONE/usemem-errors" || echo "usemem $1" >>"$DONE/usemem-failed"
	rmdir $dir
}

# A group that is removed while the pages charged to it go out and come back, as
# the process that they belong to has moved. Without writeback, some are refused.
leave()
{
	local dir=/sys/fs/cgroup/leave pid

	mkdir $dir || return
	pick limit "$1" max 1M >$dir/memory.zswap.max
	pick writeback "$1" 0 1 >$dir/memory.zswap.writeback
	(
		read -r pid _ </proc/self/stat
		echo "$pid" >$dir/cgroup.procs
		exec pageout -k "$(pick leave-kind "$1" text mixed random)" -s 8m -r 2 -c 64k
	) >>"$DONE/leave" 2>>"$DONE/leave-errors" || echo "leave $1" >>"$DONE/leave-failed" &
	sleep "$(pick leave-pause "$1" 0.1 0.3 0.6 1)"
	while read -r pid; do
		echo "$pid" >$CGROUP/cgroup.procs
	done <$dir/cgroup.procs
	rmdir $dir || { wait $!; rmdir $dir; return 1; }
	wait $!
}

forks()
{
	local child

	for child in 1 2 3 4 5 6 7 8; do
		pageout -k text -s 256k --seed=$child >>"$DONE/forks" 2>&1 || echo fork >>"$DONE/forks-failed" &
	done
	wait
}

try() { echo "$1" >"$2"; }

hand()
{
	local what="$1" pause="$2" turn=0 succeeded=0

	while [ ! -e $STOP ]; do
		turn=$((turn + 1))
		"$what" $turn 2>/dev/null && succeeded=$((succeeded + 1))
		sleep "$pause"
	done
	echo "injected=$turn succeeded=$succeeded" >"$DONE/hand-$what"
}

HANDS="compressor:0.3 enabled:0.7 shrinker:0.9 pool_limit:0.6 accept_limit:1 processors:0.8
	thp:0.4 compaction:2 caches:1 swap_device:1.5 group:0.5 leave:0.5 forks:1"
WORKERS="a b c"

# How long a store and a load of a few pages take at the worst, in milliseconds.
longest_stall()
{
	local longest=0 start end

	while [ ! -e $STOP ]; do
		start=$(now)
		pageout -k text -s 64k >/dev/null || echo stall >>"$DONE/stall-failed"
		end=$(now)
		[ $((end - start)) -le $longest ] || longest=$((end - start))
		echo $longest >"$DONE/longest"
		sleep 0.2
	done
}

now() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

calm()
{
	local cpu

	for cpu in 1 2 3; do
		echo 1 >/sys/devices/system/cpu/cpu$cpu/online
	done
	swapoff /dev/ram1 2>/dev/null || true
	for size in "$THP"/hugepages-*kB/enabled; do
		echo never >"$size"
	done
	echo 90 >$ZSWAP/accept_threshold_percent
	setup_zswap lzo
	empty_swap
}

# khugepaged, which reclaims for its huge pages, does so with nice 19, and whoever needs
# the folio that it is storing waits for it: under a storm's load, for many minutes.
storm_begins()
{
	local hand worker

	rm -f $STOP
	renice 0 "$(pidof khugepaged)" || return
	for worker in $WORKERS; do
		worker "$worker" &
	done
	for hand in $HANDS; do
		hand "${hand%:*}" "${hand#*:}" &
	done
	longest_stall &
	sleep "$SECONDS_LONG"
	touch $STOP
	wait
}

every_page_came_back()
{
	local file pages wrong

	storm_begins
	for file in "$DONE"/hand-*; do
		echo "${file##*/hand-}: $(cat "$file")"
		row "kind=storm-${file##*/hand-} $(sed 's/succeeded.*//' "$file")survived=$(field injected "$file") pages=0 wrong=0"
		[ "$(field succeeded "$file")" -gt 0 ]
	done
	cat "$DONE"/a "$DONE"/b "$DONE"/c "$DONE/leave" "$DONE/forks" >/tmp/all
	pages=$(field pages /tmp/all)
	wrong=$(field errors /tmp/all)
	row "kind=storm injected=0 survived=0 pages=$pages wrong=$wrong stall_ms=$(cat $DONE/longest)"
	tail -n 3 "$DONE"/*-errors "$DONE"/*-failed 2>/dev/null || true
	refuse grep -h 'expected 0x' "$DONE"/*-errors "$DONE/forks"
	refuse ls "$DONE"/*-failed 2>/dev/null
	[ "$pages" -gt 0 ] && [ "$wrong" -eq 0 ]
}

everything_returned()
{
	calm
	returned_to "$(cat /tmp/beginning)"
}

echo "seed $SEED, $SECONDS_LONG s"
COMPRESSORS=$SOFTWARE
[ ! -e /proc/sys/kernel/hung_task_timeout_secs ] ||
	echo $HUNG_SECONDS >/proc/sys/kernel/hung_task_timeout_secs
setup_swap
mkswap /dev/ram1 >/dev/null
enter_cgroup
setup_zswap lzo
for compressor in $COMPRESSORS lzo; do
	set_value $ZSWAP/compressor "$compressor"
done
pageout -k text -s 1m >/dev/null
calm
snapshot >/tmp/beginning
trap 'cat $ROWS' EXIT
ktap_run every_page_came_back everything_returned no_memory_leaked
