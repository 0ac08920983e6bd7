#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# Defects of the iaa_crypto driver of Linux 7.3, numbered, each with what must
# hold instead. They fail with that driver, which the lab has as KERNEL=base:
# tools/lab/defects.sh runs them there.
#
# No test is here for four of them. Readers that reach into tables and structs
# which somebody else frees or refills (1, 9, 10) need no test of their own when
# nothing is ever edited in place, but have one. What cannot be seen from outside:
# 23, a spinlock of the whole device taken twice in each request; 25, a queue left
# enabled when its data is missing; 29, a barrier that x86 does not need.
#
#   iaa-defects.sh TEST...

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/fault-injection.sh
. "${0%/*}/fault-injection.sh"
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

ALG=alg=deflate-iaa

# There if a test has left all queues as set_up makes them without an option.
AS_FOUND=/tmp/as-found

# set_up [-m MODE] [OPTION...]: queues that are as good as new, on the base kernel with
# the module loaded anew; no verification, nothing armed.
set_up()
{
	local mode=async

	if [ "${1:-}" = -m ]; then
		mode=$2
		shift 2
	fi
	each_device clear
	if [ $# -eq 0 ] && [ -e $AS_FOUND ]; then
		echo "$mode" >$CRYPTO/sync_mode
		echo 0 >$CRYPTO/verify_compress
	else
		enable_iaa.sh -v 0 -m "$mode" "$@" >/dev/null
	fi
	rm -f $AS_FOUND
	# The self-test runs in a thread of its own.
	good_job $ALG requests=1
	reset_statistics
}

# To set up all devices takes seconds, which the next test may save.
leave_as_found()
{
	each_device clear
	: >$AS_FOUND
}

# 1: the table of queues is freed with the last one, while requests read it.
F_1_last_queue_may_go_while_requests_run()
{
	local queues

	set_up
	queues=$(crypto_queues)
	good_jobs_everywhere $ALG ms=3000 depth=4
	good_jobs_everywhere $ALG ms=3000 op=decompress
	for _ in 1 2 3 4; do
		sleep 0.2
		# shellcheck disable=SC2086
		take_queues $queues
		sleep 0.1
		# shellcheck disable=SC2086
		give_queues $queues
	done
	await_jobs
}

# 2: whenever a queue comes or goes, the table is empty for a while.
F_2_a_queue_that_goes_and_comes_disturbs_no_other()
{
	local queue

	set_up -q 2
	queue=$(crypto_queues | head -n 1)
	good_jobs_everywhere $ALG ms=3000
	for _ in 1 2 3 4 5 6 7 8; do
		take_queue "$queue"
		give_queue "$queue"
	done
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
}

# 3: without a queue decompression fails, although the data is there.
F_3_pages_come_back_without_any_queue()
{
	local queues

	set_up
	queues=$(crypto_queues)
	# shellcheck disable=SC2086
	take_queues $queues
	good_job $ALG op=decompress requests=10
	good_job $ALG requests=10
	expect "calls in software" "$(sw_calls)" 20
	# shellcheck disable=SC2086
	give_queues $queues
	good_job $ALG op=decompress requests=10
	expect "calls in software" "$(sw_calls)" 20
	leave_as_found
}

# 4: one completion that is late disables all devices for ever, uncounted.
F_4_a_stuck_descriptor_costs_one_queue()
{
	local first errors

	set_up
	first=$(iax_names | head -n 1)
	iaa-fault "$(pci_of "$first")" arm 0 stick code=0x42
	errors=$(iaa_stat total_completion_timeout_errors)
	good_jobs_everywhere $ALG op=decompress requests=20
	await_jobs
	expect "descriptors that got stuck" "$(iaa-fault "$(pci_of "$first")" hits 0)" 1
	[ "$(iaa_stat total_completion_timeout_errors)" -gt "$errors" ]
	reset_statistics
	good_jobs_everywhere $ALG op=decompress requests=20
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
	[ "$(iaa_stat total_decomp_calls)" -ge $(($(online_cpus | wc -l) * 20)) ]
}

# 5: buffers are given back while the device may still write to them.
F_5_nothing_is_written_late()
{
	set_up
	each_device arm 0 delay code=0x42 delay=3000000000
	each_device arm 1 delay code=0x43 delay=3000000000
	in_background good_job $ALG requests=4 settle=3500
	in_background good_job $ALG op=decompress requests=4 settle=3500
	await_jobs
	[ "$(all_hits 0)" -ge 1 ]
	[ "$(all_hits 1)" -ge 1 ]
}

switch_cpus()
{
	local cpu

	for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
		echo "$1" >"$cpu"
	done
}

# 6: a CPU that comes online after the queues has none.
F_6_cpus_that_come_later_are_served()
{
	switch_cpus 0
	set_up
	switch_cpus 1
	[ "$(online_cpus | wc -l)" -gt 1 ]
	good_jobs_everywhere $ALG requests=20
	await_jobs
	good_jobs_everywhere $ALG op=decompress requests=20
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
}

# packages_used: of the devices with calls since the statistics were reset.
packages_used()
{
	queue_calls | awk '$3 + $4 { print $1 }' | sort -u | while read -r id; do
		package_of_device "iax$id"
	done | sort -u | xargs
}

requests_stay_on_their_package()
{
	local cpu

	for cpu in $(online_cpus); do
		reset_statistics
		good_job_on "$cpu" $ALG requests=20
		good_job_on "$cpu" $ALG op=decompress requests=20
		expect "packages used by cpu $cpu" "$(packages_used)" "$(package_of_cpu "$cpu")"
	done
}

# 7: which devices a CPU uses depends on the order in which they were enabled.
F_7_cpus_use_the_devices_of_their_package()
{
	local queues

	set_up
	requests_stay_on_their_package
	queues=$(crypto_queues)
	# All but the last, so that the driver of 7.3 goes on.
	for queue in $(echo "$queues" | head -n -1); do
		take_queue "$queue"
	done
	for queue in $(echo "$queues" | head -n -1 | sort -r); do
		give_queue "$queue"
	done
	requests_stay_on_their_package
	leave_as_found
}

# 8: a device is taken off a list twice if its first queue cannot be added.
F_8_every_step_of_adding_a_queue_may_fail()
{
	local queue nth=0 reached=y added range

	need_fail_nth
	set_up
	enable_fail_nth
	queue=$(crypto_queues | head -n 1)
	take_queue "$queue"
	while [ $reached = y ]; do
		nth=$((nth + 1))
		[ $nth -lt 2000 ]
		added=y
		{ arm $nth; give_queue "$queue" || added=n; } 2>/dev/null
		disarm || reached=n
		[ $added = n ] || take_queue "$queue"
	done
	echo "$nth operations"
	[ $nth -gt 5 ]
	# The last step of all, which the others hide: how many there are differs.
	range=$(functions percpu_ref_init percpu_ref_init)
	only_from "${range% *}" "${range#* }"
	arm 1
	refuse give_queue "$queue" 2>/dev/null
	disarm
	only_from 0 0xffffffffffffffff
	give_queue "$queue"
	good_jobs_everywhere $ALG requests=20
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
}

# 9: the last two queues of a device free it twice.
F_9_two_queues_may_go_at_once()
{
	local first

	set_up -q 2
	first=$(iax_names | head -n 1)
	for _ in 1 2 3; do
		each_device arm 0 delay count=0xffffffff delay=100000000
		good_jobs_everywhere $ALG requests=8 depth=8
		sleep 0.05
		in_background take_queue "wq${first#iax}.0"
		in_background take_queue "wq${first#iax}.1"
		await_jobs
		each_device clear
		give_queues "wq${first#iax}.0" "wq${first#iax}.1"
	done
	good_jobs_everywhere $ALG requests=20
	await_jobs
}

# 10: descriptors are freed under those who wait for them.
F_10_a_queue_may_go_with_requests_under_way()
{
	local queues

	set_up
	queues=$(crypto_queues)
	each_device arm 0 delay count=0xffffffff delay=400000000
	good_jobs_everywhere $ALG requests=4
	sleep 0.2
	# shellcheck disable=SC2086
	take_queues $queues
	await_jobs
}

# 11: while a queue is drained, requests are still given to it.
F_11_nothing_is_given_to_a_queue_that_goes()
{
	local queue

	set_up -q 2
	queue=$(crypto_queues | head -n 1)
	each_device arm 0 delay delay=500000000
	good_jobs_everywhere $ALG requests=1
	sleep 0.1
	good_jobs_everywhere $ALG ms=1000
	take_queue "$queue"
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
}

# 12: after the last queue has gone, none can be added without a reload.
F_12_queues_come_back_without_a_reload()
{
	local queues

	set_up
	queues=$(crypto_queues)
	for _ in 1 2 3; do
		# shellcheck disable=SC2086
		take_queues $queues
		# shellcheck disable=SC2086
		give_queues $queues
		reset_statistics
		good_jobs_everywhere $ALG requests=10
		await_jobs
		expect "calls in software" "$(sw_calls)" 0
		[ "$(hw_calls)" -ge 10 ]
	done
	leave_as_found
}

# The processes that have the file of jobs open
job_processes()
{
	local fd pid

	for fd in /proc/[0-9]*/fd/3; do
		[ "$(readlink "$fd")" = "$JOB" ] || continue
		pid=${fd#/proc/}
		echo "${pid%%/*}"
	done
}

# signal_jobs NAME: counts the signals in SIGNALLED. Processes that are stopped have
# one pending until they are back in user space.
signal_jobs()
{
	local pid

	for pid in $(job_processes); do
		# It may have ended meanwhile.
		if kill "-$1" "$pid" 2>/dev/null; then
			SIGNALLED=$((SIGNALLED + 1))
		fi
	done
}

# 13: requests sleep for a descriptor, as long as it takes, whoever they are from,
# and fail if a signal arrives.
F_13_signals_do_not_fail_requests()
{
	use_tiny_queue 1 sync 0
	each_device arm 0 delay count=0xffffffff delay=30000000
	for _ in 1 2 3; do
		in_background good_job $ALG requests=200
	done
	# Should one end before the others begin, too few signals are sent.
	for _ in $(seq 500); do
		[ "$(job_processes | wc -l)" -lt 3 ] || break
		sleep 0.01
	done
	SIGNALLED=0
	for _ in 1 2 3 4 5; do
		signal_jobs STOP
		sleep 0.1
		signal_jobs CONT
	done
	await_jobs
	echo "$SIGNALLED signals"
	# Of 30: on a busy host a job may end before the last ones.
	[ "$SIGNALLED" -ge 9 ]
}

F_13_submission_does_not_sleep()
{
	use_tiny_queue 4 async_irq 0
	each_device arm 0 delay count=0xffffffff delay=20000000
	good_job $ALG atomic=1 depth=32 requests=96
	good_job $ALG atomic=1 depth=32 requests=96 op=decompress
}

F_13_more_requests_than_descriptors()
{
	for mode in sync async_irq; do
		use_tiny_queue 4 $mode 0
		good_job $ALG depth=64 requests=256
		good_job $ALG depth=64 requests=256 op=decompress
	done
}

# 14: verification waits, in the interrupt's thread, for a descriptor that only
# this thread could free.
F_14_a_full_queue_can_be_verified()
{
	use_tiny_queue 4 async_irq 1
	good_jobs_everywhere $ALG depth=32 requests=128
	await_jobs
}

# 15: a descriptor that idxd gave up is waited for.
F_15_a_dropped_descriptor_is_done_in_software()
{
	local mode results

	for mode in sync async_irq; do
		set_up -m $mode
		# Of each device the first one only; the next request may use another.
		each_device arm 0 drop code=0x42
		results=$(good_job $ALG op=decompress requests=4)
		echo "$results"
		[ "$(value max_ns "${results#*-> }")" -lt 6000000000 ]
		expect "descriptors dropped" "$(($(all_hits 0) > 0))" 1
		each_device clear
	done
}

# Requests that wait for an interrupt are on a queue that is taken away, and its
# device never answers.
abort_requests()
{
	local queues

	set_up -m async_irq
	queues=$(crypto_queues)
	each_device arm 0 stick count=0xffffffff
	in_background good_job $ALG requests=8 depth=8 patience=15000
	in_background good_job $ALG op=decompress requests=8 depth=8 patience=15000
	sleep 0.3
	# shellcheck disable=SC2086
	take_queues $queues
	await_jobs
	each_device clear
}

# 16: the requests of a queue that is aborted never complete.
F_16_aborted_requests_complete()
{
	abort_requests
}

# 27: and keep references to the queue for ever.
F_27_the_module_unloads_after_an_abort()
{
	local queues

	abort_requests
	rmmod iaa_crypto
	set_up
	queues=$(crypto_queues)
	good_jobs_everywhere $ALG requests=20
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
	expect "queues" "$(echo "$queues" | wc -l)" "$(nr_devices)"
}

# Statuses of the device that say that it could not do it, but software may. A
# queue that logs them (0x1a, 0x1b) writes no record.
STATUSES="0x03 0x83 0x04 0x84 0x10 0x11 0x12 0x13 0x16 0x19 0x1c 0x1d 0x1e 0x1f
	  0x20 0x21 0x22 0x23 0x24 0x30 0x31 0x32 0x33 0x34 0x35 0x7e"

# 17: only analytics errors of decompressions are done again in software.
F_17_whatever_the_device_says_software_does_it()
{
	local status sw

	set_up
	for status in $STATUSES; do
		sw=$(sw_calls)
		each_device arm 0 status code=0x42 count=0xffffffff "status=$status"
		each_device arm 1 status code=0x43 count=0xffffffff "status=$status"
		good_job $ALG op=decompress requests=3
		good_job $ALG requests=3
		expect "calls in software" "$(sw_calls)" $((sw + 6))
	done
	leave_as_found
}

# 18: what does not shrink is reported as another error than all others report.
F_18_what_does_not_fit_is_enospc()
{
	local results mode

	for mode in sync async_irq; do
		set_up -m $mode
		results=$(job $ALG data=random requests=10)
		echo "$results"
		expect "results of -ENOSPC" "$(value nospace "$results")" 10
		expect "calls in software" "$(sw_calls)" 0
		leave_as_found
	done
}

# 19: each error of the device is dumped into the kernel's log.
F_19_errors_do_not_flood_the_log()
{
	local hits

	set_up
	each_device arm 0 status count=0xffffffff status=0x20
	dmesg -c >/dev/null
	job $ALG requests=200 || true
	job $ALG op=decompress requests=200 || true
	hits=$(($(all_hits 0) >= 200))
	each_device clear
	expect "hits" "$hits" 1
	dmesg
	[ "$(dmesg | wc -l)" -le 24 ]
	leave_as_found
}

# 20: software inflates 2 kB back at most, the device reaches 4 kB.
F_20_software_reaches_as_far_back_as_the_device()
{
	set_up
	each_device arm 0 status code=0x42 count=0xffffffff status=0x0a error=11
	good_job $ALG op=decompress data=far requests=10
	# In several calls of the inflater, which then needs its window.
	good_job $ALG op=decompress data=far requests=10 pieces=2
	good_job $ALG op=decompress data=far requests=10 unit=16384
	expect "calls in software" "$(iaa_stat total_sw_decomp_calls)" 30
	leave_as_found
}

# 21: a mode is taken, and another one is read back.
F_21_async_is_async()
{
	local mode

	set_up
	for mode in sync async_irq async; do
		set_up -m $mode
		expect sync_mode "$(cat $CRYPTO/sync_mode)" $mode
	done
}

# 22: the document has other names than the driver. STATISTICS: those of the
# document, as FILE:NAME.
F_22_documented_statistics_exist()
{
	local name file

	[ -n "${STATISTICS:-}" ] || ktap_skip "no names of the document were given"
	set_up
	for name in $STATISTICS; do
		file=/sys/kernel/debug/${name%%:*}
		[ -e "$file" ] || { echo "there is no $file"; return 1; }
		grep -q "^ *${name#*:}: " "$file" ||
			{ echo "no ${name#*:} in $file"; return 1; }
	done
	awk '/^  total_/ { sub(":", ""); print $1 }' $IAA_STATS >/tmp/names
	while read -r name; do
		case " $STATISTICS " in
		*":$name "*) ;;
		*) echo "$name is not in the document"; return 1 ;;
		esac
	done </tmp/names
	leave_as_found
}

# 24: lengths are not compared with what the lists hold.
F_24_a_request_cannot_claim_more_than_it_has()
{
	set_up
	job $ALG data=random requests=10 claim=8192
	job $ALG requests=10 capacity=64 claim=4096
	job $ALG op=decompress requests=10 capacity=512 claim=4096
	leave_as_found
}

selected_driver() { awk -v name="$1" '$1 == "name" { n = $3 } $1 == "driver" { d = $3 }
	$1 == "priority" && n == name { print $3, d }' /proc/crypto | sort -n | tail -n 1; }

# 26: who asks for any deflate gets streams that the generic one cannot inflate.
F_26_deflate_is_deflate_whoever_does_it()
{
	set_up
	expect "the driver of deflate" "$(selected_driver deflate)" "300 deflate-iaa"
	good_job alg=deflate data=far requests=10
	good_job alg=deflate-generic op=decompress data=far window=12 requests=10 pieces=2
	good_job alg=deflate-generic op=decompress data=far window=12 requests=10 unit=16384
	leave_as_found
}

# 28: a source in two pieces, as zsmalloc has them, may be left to software.
F_28_a_source_may_be_in_pieces()
{
	local unit

	for mode in sync async_irq; do
		set_up -m $mode
		for unit in 4096 65536; do
			good_job $ALG op=decompress pieces=2 data=far unit=$unit requests=10
			good_job $ALG op=decompress pieces=7 data=text unit=$unit requests=10
			good_job $ALG pieces=3 unit=$unit requests=10
		done
	done
	leave_as_found
}

# same_handle KEY=VALUE...: as good_job, with the handle that fd 3 has open.
same_handle()
{
	local results

	echo "$*" >&3
	results=$(head -n 1 <&3)
	echo "$results"
	nothing_is_lost "$results"
	expect failed "$(value failed "$results")" 0
}

# 30: settings do not reach the handles that are open.
F_30_settings_reach_open_handles()
{
	local before

	set_up -m sync
	exec 3<>$JOB
	same_handle $ALG requests=10
	before=$(queue_interrupts)
	echo async_irq >$CRYPTO/sync_mode
	same_handle $ALG requests=10
	expect "interrupts" "$(queue_interrupts)" $((before + 10))
	echo sync >$CRYPTO/sync_mode
	same_handle $ALG requests=10
	expect "interrupts" "$(queue_interrupts)" $((before + 10))
	echo 1 >$CRYPTO/verify_compress
	each_device arm 0 crc code=0x43 count=0xffffffff
	same_handle $ALG requests=10
	exec 3<&-
	expect "mismatches done in software" "$(iaa_stat total_sw_comp_calls)" 10
}

modprobe idxd || exit 1
load_exercise || exit 1
ktap_run "$@"
