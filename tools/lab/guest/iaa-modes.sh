#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# The crypto driver in all its modes, on whatever devices the machine has: what
# comes back, who did it, and how long it took.
#
#   iaa-modes.sh TEST...

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

# The algorithms that the devices are able to have.
algorithms()
{
	echo deflate-iaa
	if [ "$(cat $DSA/devices/iax*/version | sort -u)" = 0x200 ]; then
		echo deflate-iaa-dynamic
	fi
}

set_up()
{
	each_device clear 2>/dev/null || true
	enable_iaa.sh "$@" >/dev/null
	set_value $CRYPTO/g_comp_wqs_per_iaa 0
	set_value $CRYPTO/distribute_comps Y
	set_value $CRYPTO/distribute_decomps N
	set_modes async 0
	good_job alg=deflate-iaa requests=1
	reset_statistics
}

# await_no_user MODULE: zswap gives a compressor back by RCU and work.
await_no_user()
{
	local left=100

	until [ "$(cat "/sys/module/$1/refcnt")" = 0 ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "$1 is in use"; return 1; }
		sleep 0.1
	done
}

# Without a reload, and with requests under way.
set_modes()
{
	set_value $CRYPTO/sync_mode "$1"
	set_value $CRYPTO/verify_compress "$2"
}

# A request of every kind: plain, of few units, of more than there are descriptors.
every_kind_of_request()
{
	local op

	for op in compress decompress; do
		good_job "$@" op=$op requests=4 depth=4
		good_job "$@" op=$op requests=4 units=8 poll=1 depth=2
		good_job "$@" op=$op requests=2 units=8
		good_job "$@" op=$op requests=1 units=300 poll=1
	done
}

# Test that everything comes back in every mode, and that the devices did it.
every_mode_works()
{
	local alg mode verify

	set_up -q 2
	for alg in $(algorithms); do
		for mode in sync async async_irq; do
			for verify in 0 1; do
				set_modes $mode $verify
				reset_statistics
				every_kind_of_request "alg=$alg"
				expect "calls in software" "$(sw_calls)" 0
				expect "errors" "$(iaa_stat total_completion_einval_errors)" 0
			done
		done
	done
}

# Test that pages that do not shrink are refused, each by itself, without software.
units_that_do_not_fit_fail_alone()
{
	local alg mode results

	set_up
	for alg in $(algorithms); do
		for mode in sync async async_irq; do
			set_modes $mode 0
			results=$(job "alg=$alg" units=16 data=mixed requests=4 poll=1)
			echo "$results"
			expect "units done" "$(value ok "$results")" 32
			expect "units refused" "$(value nospace "$results")" 32
		done
	done
	expect "calls in software" "$(sw_calls)" 0
}

# Test that small and large pieces work, and those that a device does not take are
# done in software.
any_size_of_unit_works()
{
	local alg unit op

	set_up
	for alg in $(algorithms); do
		for op in compress decompress; do
			for unit in 64 512 5000 65536 1048576; do
				good_job "alg=$alg" op=$op unit=$unit requests=2
				good_job "alg=$alg" op=$op unit=$unit units=2 requests=2 poll=1
			done
		done
	done
}

# Test that all CPUs can use all modes at a time.
all_cpus_work_at_once()
{
	local alg mode

	set_up
	for alg in $(algorithms); do
		for mode in sync async async_irq; do
			set_modes $mode 0
			good_jobs_everywhere "alg=$alg" units=8 requests=20 poll=1 depth=2
			good_jobs_everywhere "alg=$alg" op=decompress units=8 requests=20 depth=2
			await_jobs
		done
	done
	expect "calls in software" "$(sw_calls)" 0
}

# waited_for MODE POLL: how many of 50 requests were under way when the call returned.
waited_for()
{
	local results

	set_modes "$1" 0
	results=$(good_job alg=deflate-iaa units=8 requests=50 "poll=$2") || return 1
	value waited "${results#*-> }"
}

# Test that an asynchronous request does not wait in the call, if its caller has
# promised to poll, and that one whose caller has not is mostly complete after it:
# the driver stops spinning for a device that takes too long, as one may that
# competes with its CPUs for those of the host.
async_does_not_wait()
{
	set_up
	[ "$(waited_for async 1)" -ge 25 ]
	[ "$(waited_for async_irq 0)" -ge 25 ]
	[ "$(waited_for async 0)" -lt 25 ]
	[ "$(waited_for sync 0)" -lt 25 ]
	[ "$(waited_for sync 1)" -lt 25 ]
}

# Test that callbacks are called as the crypto API promises, bottom halves disabled.
callbacks_have_bottom_halves_disabled()
{
	local mode poll results

	set_up
	for mode in sync async async_irq; do
		set_modes $mode 0
		for poll in 0 1; do
			results=$(good_job alg=deflate-iaa units=8 requests=10 poll=$poll)
			expect "unsafe callbacks" "$(value unsafe "${results#*-> }")" 0
		done
	done
}

# Test that what the device compressed wrong, or wrote wrong, is noticed by the
# verification and done in software.
verification_finds_what_is_wrong()
{
	local mode

	for mode in sync async async_irq; do
		set_up
		set_modes $mode 1
		each_device arm 0 crc code=0x43 skip=2 count=3
		each_device arm 1 output code=0x43 skip=8 count=3 offset=100 mask=0x10
		good_jobs_everywhere alg=deflate-iaa units=8 requests=10 poll=1
		await_jobs
		expect "pages done in software" "$(iaa_stat total_sw_comp_calls)" \
			$(($(all_hits 0) + $(all_hits 1)))
		[ "$(iaa_stat total_sw_comp_calls)" -gt 0 ]
	done
}

# Test that a stream that the device cannot read, whatever it says, is read by
# software.
analytics_errors_are_done_in_software()
{
	local error

	set_up
	for error in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
		each_device arm 0 status code=0x42 count=0xffffffff status=0x0a error=$error
		good_job alg=deflate-iaa op=decompress requests=3
	done
	expect "calls in software" "$(iaa_stat total_sw_decomp_calls)" 54
	each_device clear
}

# Test that the dynamic mode is there if the devices are able to, makes streams that
# are smaller, and is never taken by who asks for deflate.
dynamic_mode_is_for_who_asks()
{
	local fixed dynamic

	set_up
	if [ "$(algorithms | wc -l)" = 1 ]; then
		refuse job alg=deflate-iaa-dynamic
		return
	fi
	expect "the priority of dynamic" "$(awk '$1 == "driver" { d = $3 }
		$1 == "priority" && d == "deflate-iaa-dynamic" { print $3 }' /proc/crypto)" 200
	fixed=$(good_job alg=deflate-iaa units=32 requests=4 poll=1)
	dynamic=$(good_job alg=deflate-iaa-dynamic units=32 requests=4 poll=1)
	echo "$fixed"
	echo "$dynamic"
	[ "$(value bytes "${dynamic#*-> }")" -lt "$(value bytes "${fixed#*-> }")" ]
}

# calls_of CPU OP: "DEVICE QUEUE" of all queues that served it.
calls_of()
{
	local column=3

	[ "$2" = compress ] || column=4
	reset_statistics
	good_job_on "$1" alg=deflate-iaa "op=$2" requests=24 >/dev/null || return 1
	queue_calls | awk -v column=$column '$column { print $1, $2 }'
}

# expect_roles COMPRESSING DECOMPRESSING: numbers of queues in their device.
expect_roles()
{
	expect "queues that compress" "$(calls_of 0 compress | cut -d' ' -f2 | sort -u | xargs)" "$1"
	expect "queues that decompress" "$(calls_of 0 decompress | cut -d' ' -f2 | sort -u | xargs)" "$2"
}

# Test that queues have the roles that g_comp_wqs_per_iaa gives them, at once.
queues_have_roles()
{
	local comp queue

	set_up -q 3
	set_value $CRYPTO/distribute_comps Y
	expect_roles "0 1 2" "0 1 2"
	set_value $CRYPTO/g_comp_wqs_per_iaa 1
	expect_roles 2 "0 1"
	set_value $CRYPTO/g_comp_wqs_per_iaa 2
	expect_roles "1 2" 0
	for comp in 3 100; do
		set_value $CRYPTO/g_comp_wqs_per_iaa $comp
		expect_roles "0 1 2" "0 1 2"
	done
	# A role that loses its last queue is served by the others.
	set_value $CRYPTO/g_comp_wqs_per_iaa 2
	for queue in $(crypto_queues | grep '\.0$'); do
		take_queue "$queue"
	done
	good_job alg=deflate-iaa op=decompress requests=4
	expect "calls in software" "$(sw_calls)" 0
	set_value $CRYPTO/g_comp_wqs_per_iaa 0
}

devices_of_package()
{
	for name in $(iax_names); do
		[ "$(package_of_device "$name")" != "$1" ] || echo "$name"
	done | wc -l
}

devices_used() { calls_of "$1" "$2" | cut -d' ' -f1 | sort -u | wc -l; }

# Test that work is spread over the devices of the package as the settings say.
work_is_distributed()
{
	local cpu all op

	set_up
	for op in compress:distribute_comps decompress:distribute_decomps; do
		for cpu in $(online_cpus); do
			all=$(devices_of_package "$(package_of_cpu "$cpu")")
			echo Y >"$CRYPTO/${op#*:}"
			expect "devices cpu $cpu ${op%:*}es with" "$(devices_used "$cpu" "${op%:*}")" "$all"
			echo N >"$CRYPTO/${op#*:}"
			expect "devices cpu $cpu ${op%:*}es with" "$(devices_used "$cpu" "${op%:*}")" 1
		done
	done
}

# Test that CPUs of a package that has no device are served by the others, and that
# none is without work: those of a machine that does not say where devices are too.
packages_without_devices_are_served()
{
	local name

	set_up
	for name in $(iax_names); do
		[ "$(cat $DSA/devices/"$name"/numa_node)" -eq -1 ] ||
			[ "$(package_of_device "$name")" = 0 ] ||
			take_queue "wq${name#iax}.0"
	done
	good_jobs_everywhere alg=deflate-iaa requests=24
	good_jobs_everywhere alg=deflate-iaa op=decompress requests=24
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
	for cpu in $(online_cpus); do
		expect "devices cpu $cpu uses" "$(devices_used "$cpu" compress)" \
			"$(crypto_queues | wc -l)"
	done
}

# Test that settings refuse what makes no sense, whoever uses the driver, and take
# what does.
settings_are_checked()
{
	local name value

	set_up
	for value in "" maybe asynchronous 1 -1; do
		refuse sh -c "echo '$value' >$CRYPTO/sync_mode"
	done
	for name in verify_compress distribute_comps distribute_decomps; do
		for value in "" 2 maybe; do
			refuse sh -c "echo '$value' >$CRYPTO/$name"
		done
	done
	for value in "" -1 x 99999999999999999999; do
		refuse sh -c "echo '$value' >$CRYPTO/g_comp_wqs_per_iaa"
	done
	expect g_comp_wqs_per_iaa "$(cat $CRYPTO/g_comp_wqs_per_iaa)" 0
	expect sync_mode "$(cat $CRYPTO/sync_mode)" async
	expect verify_compress "$(cat $CRYPTO/verify_compress)" 0
}

# Test that the driver starts with the settings that its document gives.
settings_have_their_defaults()
{
	remove_module
	modprobe iaa_crypto
	expect sync_mode "$(cat $CRYPTO/sync_mode)" async
	expect verify_compress "$(cat $CRYPTO/verify_compress)" 0
	expect g_comp_wqs_per_iaa "$(cat $CRYPTO/g_comp_wqs_per_iaa)" 0
	expect distribute_comps "$(cat $CRYPTO/distribute_comps)" Y
	expect distribute_decomps "$(cat $CRYPTO/distribute_decomps)" N
}

# Test that the module stays as long as somebody has a handle.
module_stays_while_it_is_used()
{
	set_up
	exec 3<>$JOB
	echo "alg=deflate-iaa requests=1" >&3
	refuse rmmod iaa_crypto
	exec 3<&-
	rmmod iaa_crypto
	modprobe iaa_crypto
}

# Test that asking for an algorithm loads the module, which has it at once if there is
# a queue, and else says what it waits for.
asking_for_an_algorithm_loads_the_module()
{
	local name

	# Where the kernel looks for it, the guest has none.
	set_value /proc/sys/kernel/modprobe /bin/modprobe
	# A zswap that has no pool yet takes any name.
	setup_zswap lzo
	for name in iaa_crypto idxd; do
		rmmod $name 2>/dev/null || true
	done
	modprobe idxd
	[ ! -e /sys/module/iaa_crypto ]
	echo deflate-iaa >$ZSWAP/compressor
	[ -e /sys/module/iaa_crypto ]
	expect "compressor" "$(cat $ZSWAP/compressor)" deflate-iaa

	echo lzo >$ZSWAP/compressor
	await_no_user iaa_crypto
	rmmod iaa_crypto
	dmesg -c >/dev/null
	refuse sh -c "echo deflate-iaa >$ZSWAP/compressor"
	[ -e /sys/module/iaa_crypto ]
	dmesg | grep "no queue is bound yet, deflate-iaa comes with the first"
}

# Test that CPUs that share a device all get on, and no request waits for long.
# Measured on all CPUs of the machine at once, more than the host has.
all_cpus_make_progress()
{
	local cpu results

	set_up
	for cpu in $(online_cpus); do
		in_background good_job_on "$cpu" alg=deflate-iaa units=8 ms=5000 depth=4 poll=1
	done
	await_jobs >/tmp/progress || { cat /tmp/progress; return 1; }
	cat /tmp/progress
	expect "jobs" "$(wc -l </tmp/progress)" "$(online_cpus | wc -l)"
	while read -r results; do
		[ "$(value requests "${results#*-> }")" -ge 10 ]
		[ "$(value max_ns "${results#*-> }")" -le 4000000000 ]
	done </tmp/progress
	dmesg | grep 'blocked for more than' && return 1
	return 0
}

# mean KEY RESULTS: in ns per request
mean() { echo $(($(value "$1" "$2") / $(value requests "$2"))); }

# Test that a batch of 8 on 4 idle devices takes at most 1.25 times what one unit
# takes, besides the submission of 8. In virtual time: one instruction is 1 ns.
a_batch_takes_little_longer_than_a_unit()
{
	local alg op one eight single batch limit

	set_up
	expect "devices" "$(nr_devices)" 4
	set_value $CRYPTO/distribute_decomps Y
	for alg in $(algorithms); do
		for op in compress decompress; do
			# Once to warm up.
			good_job "alg=$alg" op=$op units=8 requests=4 poll=1
			one=$(good_job "alg=$alg" op=$op units=1 requests=20 poll=1)
			eight=$(good_job "alg=$alg" op=$op units=8 requests=20 poll=1)
			single=$(mean total_ns "${one#*-> }")
			batch=$(mean total_ns "${eight#*-> }")
			limit=$((single * 5 / 4 + 8 * $(mean submit_ns "${one#*-> }")))
			echo "$alg, $op: one unit $single ns, its submission $(mean submit_ns "${one#*-> }") ns," \
				"8 units $batch ns, limit $limit ns (modelled)"
			[ "$batch" -le "$limit" ]
		done
	done
}

modprobe idxd || exit 1
load_exercise || exit 1
ktap_run "$@"
