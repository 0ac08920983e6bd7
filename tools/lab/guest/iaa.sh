#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034
# Helpers of tests of IAA devices and their crypto driver: devices and queues,
# faults, settings, requests. Sourced by the others, after zswap.sh and ktap.sh.

DSA=/sys/bus/dsa
PCI=/sys/bus/pci
CRYPTO=$DSA/drivers/crypto
JOB=/sys/kernel/debug/acomp_exercise/job
# Since the last await_jobs
NR_JOBS=0

# Devices and queues

iax_names() { find $DSA/devices -name 'iax*' | sed 's|.*/||' | sort; }
pci_of() { basename "$(readlink -f "$DSA/devices/$1/..")"; }
nr_devices() { iax_names | wc -l; }
enabled_queues() { cat $DSA/devices/wq*/state | grep -cx enabled; }
driver_of() { basename "$(readlink "$DSA/devices/$1/driver")"; }

# Names of the queues that the crypto driver has.
crypto_queues()
{
	find $CRYPTO/ -name 'wq*' | sed 's|.*/||' | sort
}

# Whether our driver uses a queue, and why not
crypto_state() { cat "$DSA/devices/$1/crypto_state"; }

# await_state PATTERN QUEUE SECONDS
await_state()
{
	local left=$(($3 * 10))

	until crypto_state "$2" 2>/dev/null | grep -qx "$1"; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "$2: '$(crypto_state "$2")', not '$1'"; return 1; }
		sleep 0.1
	done
}

take_queue() { echo "$1" >$CRYPTO/unbind; }

# A queue that was disabled has forgotten all but its size and its group.
prepare_queue()
{
	local dir=$DSA/devices/$1

	echo dedicated >"$dir/mode"
	echo 10 >"$dir/priority"
	echo kernel >"$dir/type"
	echo iaa_crypto >"$dir/name"
	echo crypto >"$dir/driver_name"
}

give_queue()
{
	prepare_queue "$1"
	echo "$1" >$CRYPTO/bind
}

take_queues() { for queue in "$@"; do take_queue "$queue"; done; }
give_queues() { for queue in "$@"; do give_queue "$queue"; done; }

# state_is STATE DEVICE-OR-QUEUE
state_is()
{
	local state

	read -r state <"$DSA/devices/$2/state" && [ "$state" = "$1" ]
}

# stop_using DEVICE: nothing of it is enabled, and no queue has entries.
stop_using()
{
	local queue

	for queue in "$DSA/devices/$1"/wq*; do
		[ ! -e "$CRYPTO/${queue##*/}" ] || take_queue "${queue##*/}"
	done
	state_is disabled "$1" || echo "$1" >$DSA/drivers/idxd/unbind
	for queue in "$DSA/devices/$1"/wq*; do
		echo 0 >"$queue/size"
	done
}

# use DEVICE QUEUE...: all its engines serve these queues, which are of one size.
use()
{
	local device="$1" dir="$DSA/devices/$1" queue engine entries
	shift

	for engine in "$dir"/engine*; do
		echo 0 >"$engine/group_id"
	done
	read -r entries <"$dir/max_work_queues_size"
	for queue; do
		echo $((entries / $#)) >"$dir/$queue/size"
		echo 0 >"$dir/$queue/group_id"
	done
	echo "$device" >$DSA/drivers/idxd/bind
	give_queues "$@"
}

# use_tiny_queue ENTRIES MODE VERIFY: one queue is all there is.
use_tiny_queue()
{
	local name id

	enable_iaa.sh -m "$2" -v "$3" >/dev/null
	for name in $(iax_names); do
		accel-config disable-device "$name" 2>/dev/null
	done
	# The driver of 7.3 cannot be given a queue after it has lost the last one.
	rmmod iaa_crypto
	modprobe iaa_crypto
	echo "$2" >$CRYPTO/sync_mode
	echo "$3" >$CRYPTO/verify_compress
	name=$(iax_names | head -n 1)
	id=${name#iax}
	for engine in 0 1 2 3 4 5 6 7; do
		accel-config config-engine "$name/engine$id.$engine" --group-id=0
	done
	accel-config config-wq "$name/wq$id.0" --group-id=0 --mode=dedicated \
		--wq-size="$1" --priority=10 --type=kernel --name=iaa_crypto \
		--driver-name=crypto
	accel-config enable-device "$name" 2>/dev/null
	accel-config enable-wq "$name/wq$id.0" 2>/dev/null
	expect "the queue's state" "$(cat $DSA/devices/wq"$id".0/state)" enabled
}

# zswap lets go of a compressor some time after its last page has gone.
remove_module()
{
	local left=100

	until rmmod iaa_crypto 2>/dev/null; do
		left=$((left - 1))
		[ $left -gt 0 ] || { rmmod iaa_crypto; return 1; }
		sleep 0.1
	done
}

# Faults, on all devices alike; they need the property inject=on.

each_device() { iaa-fault all "$@"; }
all_hits() { each_device hits "$1"; }

# Counters

sw_calls() { echo $(($(iaa_stat total_sw_comp_calls) + $(iaa_stat total_sw_decomp_calls))); }
hw_calls() { echo $(($(iaa_stat total_comp_calls) + $(iaa_stat total_decomp_calls))); }

queue_interrupts()
{
	awk '/idxd-portal/ { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) n += $i } END { print n + 0 }' /proc/interrupts
}

# Requests: see crypto/tests/acomp_exercise.c for the keys of a line.

load_exercise()
{
	[ -e $JOB ] || modprobe acomp_exercise 2>/dev/null ||
		insmod /lab/modules/acomp_exercise.ko
}

# value KEY RESULTS
value() { echo "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"; }

# What must be 0 in whatever circumstances.
nothing_is_lost()
{
	local key

	for key in wrong overrun late inconsistent lost twice; do
		expect "$key" "$(value $key "$1")" 0 || return 1
	done
}

# job KEY=VALUE...: runs it and prints the results; fails if contents are wrong,
# not if requests are refused.
job()
{
	local results

	results=$( (echo "$*" >&3 && head -n 1 <&3) 3<>$JOB) || return 1
	echo "$results"
	nothing_is_lost "$results"
}

# good_job KEY=VALUE...: no unit may fail either.
good_job()
{
	local results

	results=$(job "$@") || { echo "$* -> $results" >&2; return 1; }
	echo "$* -> $results"
	expect failed "$(value failed "$results")" 0 &&
		expect nospace "$(value nospace "$results")" 0
}

online_cpus()
{
	local cpu

	for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
		[ "$(cat "$cpu/online" 2>/dev/null || echo 1)" = 0 ] || echo "${cpu##*cpu}"
	done | sort -n
}

# in_background COMMAND...: its output and status are seen by await_jobs. "set -e" has
# no effect on it.
in_background()
{
	NR_JOBS=$((NR_JOBS + 1))
	(
		status=0
		"$@" >"/tmp/job.$NR_JOBS" 2>&1 || status=$?
		echo $status >"/tmp/job.$NR_JOBS.status"
	) &
}

# pin_to CPU: this shell, or subshell, and what it starts.
pin_to()
{
	local pid rest

	# shellcheck disable=SC2034
	read -r pid rest </proc/self/stat
	taskset -p "$(printf %x $((1 << $1)))" "$pid" >/dev/null
}

# good_job_on CPU KEY=VALUE...
good_job_on() { (pin_to "$1" && shift && good_job "$@"); }

# good_jobs_everywhere KEY=VALUE...: one on each CPU, in the background.
good_jobs_everywhere()
{
	local cpu

	for cpu in $(online_cpus); do
		in_background good_job_on "$cpu" "$@"
	done
}

# Until all jobs in the background have ended; fails if one of them did.
await_jobs()
{
	local status failed=0

	wait
	expect "ended jobs" "$(find /tmp -name 'job.*.status' | wc -l)" "$NR_JOBS" || return 1
	NR_JOBS=0
	for status in /tmp/job.*.status; do
		cat "${status%.status}"
		[ "$(cat "$status")" = 0 ] || failed=1
	done
	rm -f /tmp/job.*
	return $failed
}

# Where CPUs and devices are

package_of_cpu() { cat "/sys/devices/system/cpu/cpu$1/topology/physical_package_id"; }

# The first of its CPUs.
cpu_of_package()
{
	local cpu

	for cpu in $(online_cpus); do
		[ "$(package_of_cpu "$cpu")" != "$1" ] || break
	done
	echo "$cpu"
}

package_of_device()
{
	local cpus

	cpus=$(cat "/sys/devices/system/node/node$(cat "$DSA/devices/$1/numa_node")/cpulist")
	package_of_cpu "${cpus%%[-,]*}"
}

# "DEVICE QUEUE compressions decompressions" of each queue, from the statistics.
queue_calls()
{
	awk '$1 == "id:" { device = $2; queue = -1 }
	     $1 == "name:" { queue++ }
	     $1 == "comp_calls:" { comp = $2 }
	     $1 == "decomp_calls:" && queue >= 0 { print device, queue, comp, $2 }' \
		/sys/kernel/debug/iaa_crypto/wq_stats
}

reset_statistics() { echo 1 >/sys/kernel/debug/iaa_crypto/stats_reset; }
