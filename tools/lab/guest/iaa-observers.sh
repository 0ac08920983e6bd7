#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# Who waits for a device is kept from the CPU, and the device works: no queue may be
# stopped. And the other way round, it must be, however busy the CPUs are. To be run
# with -c icount, so that the host's load has no part in it.
#
#   iaa-observers.sh TEST...

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

SECONDS_STARVED=${SECONDS_STARVED:-20}
TIMEOUT_MS=${TIMEOUT_MS:-100}
HOGS=${HOGS:-1}

# set_up MODE
set_up()
{
	each_device clear
	[ "$(enabled_queues)" = "$(nr_devices)" ] || enable_iaa.sh >/dev/null
	echo "$1" >$CRYPTO/sync_mode
	echo "$TIMEOUT_MS" >/sys/module/iaa_crypto/parameters/timeout_ms
	good_job alg=deflate-iaa requests=1
	dmesg -c >/dev/null
}

# All is in use, and has been all the time.
expect_no_outage()
{
	dmesg | grep -E 'overdue|stopped|stays out' && return 1
	expect "queues in use" "$(cat $DSA/devices/wq*/crypto_state | grep -cx "in use")" \
		"$(enabled_queues)"
	# The driver of 7.3 has none of these.
	expect "aborts" "$(iaa_stat aborts)" 0
}

start_hogs()
{
	local cpu="$1"
	shift

	for _ in $(seq "$HOGS"); do
		hog "$cpu" "$@" &
	done
}

# A task of the lowest priority on the CPU that others keep busy
swap_in_the_background()
{
	local pid rest

	# shellcheck disable=SC2034
	read -r pid rest </proc/self/stat
	renice -n 19 -p "$pid"
	pin_to 1
	timeout -s KILL "$SECONDS_STARVED" usemem -n 1 -O -w 16m
}

# starved_waiter MODE: pages of a task that hardly gets any CPU.
starved_waiter()
{
	set_up "$1"
	setup_zswap deflate-iaa
	start_hogs 1 "$SECONDS_STARVED"
	(swap_in_the_background) || true
	wait
	[ "$(hw_calls)" -gt 100 ]
	expect_no_outage
}

starved_waiter_sync() { starved_waiter sync; }
starved_waiter_async() { starved_waiter async; }
starved_waiter_async_irq() { starved_waiter async_irq; }

# Test that a thread of an interrupt that has no CPU has no queue stopped. Each queue
# of a package has its interrupt on a CPU of its own.
starved_interrupt_thread()
{
	local results

	set_up async_irq
	hog 0 1 60 &
	sleep 0.1
	results=$(good_job_on 1 alg=deflate-iaa units=8 requests=8)
	wait
	echo "$results"
	# It did have to wait.
	[ "$(value max_ns "${results#*-> }")" -gt $((5 * TIMEOUT_MS * 1000000)) ]
	expect_no_outage
	expect "calls in software" "$(sw_calls)" 0
}

# Test that a device that hangs is found out within three time limits, whoever else
# wants the CPUs: then the request is done, by software.
hanging_device_is_stopped_in_time()
{
	local mode cpu results took

	TIMEOUT_MS=1000 HOGS=4
	for mode in sync async async_irq; do
		set_up $mode
		each_device arm 0 stick code=0x43 count=1
		for cpu in $(online_cpus); do
			start_hogs "$cpu" 5
		done
		results=$(good_job alg=deflate-iaa units=8 requests=1 poll=1)
		took=$(($(value max_ns "${results#*-> }") / 1000000))
		echo "$mode: $took ms"
		[ $took -ge $TIMEOUT_MS ]
		[ $took -le $((3 * TIMEOUT_MS)) ]
		dmesg | grep overdue
		wait
	done
}

modprobe iaa_crypto
load_exercise
setup_swap
enter_cgroup
echo 12M >$CGROUP/memory.max
ktap_run "$@"
