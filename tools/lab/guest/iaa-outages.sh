#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# Queues that are out of use: what takes them out, what does not, and how they come
# back. Devices fail when they are told to.
#
#   iaa-outages.sh TEST...

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

ALG=alg=deflate-iaa
PARAMETERS=/sys/module/iaa_crypto/parameters
COMPRESS=0x43 DECOMPRESS=0x42
# Commands
ABORT_WQ=9

# set_up [OPTION...]: healthy queues, one a device unless the options say otherwise.
# All is for compression and decompression on any CPU.
set_up()
{
	each_device clear
	enable_iaa.sh -v 0 -m async "$@" >/dev/null
	echo Y >$CRYPTO/distribute_decomps
	echo Y >$PARAMETERS/self_check
	echo 100 >$PARAMETERS/timeout_ms
	good_job $ALG requests=1
	reset_statistics
	dmesg -c >/dev/null
}

states() { for queue in $(crypto_queues); do crypto_state "$queue"; done; }
first_queue() { crypto_queues | head -n 1; }
device_of_queue() { queue=${1#wq}; echo "iax${queue%.*}"; }

# await_all_in_use NUMBER: so many queues. While a device is reset it has none.
await_all_in_use()
{
	local left=200

	until [ "$(states 2>/dev/null | grep -cx "in use")" = "$1" ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || { states; return 1; }
		sleep 0.1
	done
}

# A device has a unit and does not give it back: its queue is stopped.
lose_a_unit()
{
	each_device arm 0 stick code=$COMPRESS count=1
	good_job $ALG requests=8 units=8 poll=1
	each_device clear
	[ "$(iaa_stat aborts)" -gt 0 ]
}

# Test that a queue which the device let go of comes back, and is used.
stopped_queue_comes_back()
{
	local mode

	for mode in sync async async_irq; do
		set_up
		echo $mode >$CRYPTO/sync_mode
		lose_a_unit
		expect "queues given up" "$(iaa_stat given_up)" 0
		await_all_in_use "$(nr_devices)"
		expect "queues back" "$(iaa_stat returns)" "$(iaa_stat aborts)"
		dmesg | grep -q "is stopped, a completion is overdue"
		dmesg | grep "is back in use, at attempt 1"
		reset_statistics
		good_jobs_everywhere $ALG requests=16 units=8 poll=1
		await_jobs
		expect "calls in software" "$(sw_calls)" 0
		expect "queues that were not used" "$(queue_calls | grep -c ' 0 [0-9]*$')" 0
	done
}

# Test that a queue that never answers is tried three times, with growing pauses, and
# then left alone until it is bound again; and that the others do the work meanwhile.
hanging_queue_is_given_up()
{
	local queue pci

	set_up
	queue=$(first_queue)
	pci=$(pci_of "$(device_of_queue "$queue")")
	iaa-fault "$pci" arm 0 stick count=0xffffffff
	good_jobs_everywhere $ALG requests=8 units=8 poll=1
	await_jobs
	await_state "out: .*" "$queue" 5
	await_state "given up: it has failed its self-check" "$queue" 40
	expect "queues given up" "$(iaa_stat given_up)" 1
	expect "attempts" "$(dmesg | grep -c "self-check: no answer")" 3
	dmesg | grep "${queue} stays out of use after 3 attempts"
	grep "state: given up" /sys/kernel/debug/iaa_crypto/wq_stats
	expect "other queues" "$(states | grep -cx "in use")" $(($(nr_devices) - 1))

	iaa-fault "$pci" clear
	take_queue "$queue"
	give_queue "$queue"
	expect "its state" "$(crypto_state "$queue")" "in use"
}

# bind_with FAULT...: the first queue is bound while its device has that fault, always.
bind_with()
{
	local pci

	QUEUE=$(first_queue)
	pci=$(pci_of "$(device_of_queue "$QUEUE")")
	take_queue "$QUEUE"
	iaa-fault "$pci" arm 0 "$@" count=0xffffffff
	reset_statistics
	dmesg -c >/dev/null
	give_queue "$QUEUE"
	iaa-fault "$pci" clear
	dmesg | grep -c self-check
}

# Test that the check finds wrong answers, says what they were, counts them, and takes
# away what cannot work, and nothing else.
wrong_answers_cost_what_cannot_work()
{
	set_up

	bind_with status code=$DECOMPRESS status=0x0a error=5
	expect "state" "$(crypto_state "$QUEUE")" \
		"in use, without decompression, without verification"
	dmesg | grep "self-check: a fixed block: wrong status (status 0xa, error 0x5"
	[ "$(iaa_stat self_check_failures)" -gt 0 ]
	reset_statistics
	good_jobs_everywhere $ALG requests=16 units=8 poll=1
	await_jobs
	good_jobs_everywhere $ALG requests=16 units=8 poll=1 op=decompress
	await_jobs
	expect "calls in software" "$(sw_calls)" 0

	bind_with crc code=$DECOMPRESS mask=1
	expect "state" "$(crypto_state "$QUEUE")" \
		"in use, without decompression, without verification"
	dmesg | grep "wrong CRC"
	bind_with crc code=$COMPRESS mask=1
	expect "state" "$(crypto_state "$QUEUE")" "in use, without fixed mode"
	# The page of text is the fourth that is compressed; two more are sent for it.
	bind_with output code=$COMPRESS offset=20 mask=0x10
	expect "state" "$(crypto_state "$QUEUE")" "in use, without fixed mode"
	dmesg | grep "wrong output"
	bind_with output code=$DECOMPRESS offset=100 mask=1
	expect "state" "$(crypto_state "$QUEUE")" \
		"in use, without decompression, without verification"
	bind_with status code=$COMPRESS status=0x0b
	expect "state" "$(crypto_state "$QUEUE")" "in use, without fixed mode"
	bind_with status status=0x12
	expect "state" "$(crypto_state "$QUEUE")" "out: it has failed its self-check"
	await_state "in use" "$QUEUE" 5
}

# Test that the check accepts what it has to do without.
check_can_be_turned_off()
{
	set_up
	echo N >$PARAMETERS/self_check
	bind_with status code=$DECOMPRESS status=0x0a error=5 || true
	expect "state" "$(crypto_state "$QUEUE")" "in use"
	expect "wrong answers" "$(iaa_stat self_check_failures)" 0
}

# Test that a device that does not abort is cut off, reset, and used again.
refused_abort_resets_the_device()
{
	set_up -q 2
	each_device arm 1 refuse code=$ABORT_WQ status=4 count=1
	each_device arm 0 stick code=$COMPRESS count=1
	good_job $ALG requests=8 units=8 poll=1
	dmesg | grep "cannot be aborted, cutting the device off"
	await_all_in_use $((2 * $(nr_devices)))
	each_device clear
	reset_statistics
	good_jobs_everywhere $ALG requests=16 units=8 poll=1
	await_jobs
	expect "calls in software" "$(sw_calls)" 0
}

# Test that a halt is no overdue completion.
halt_is_counted_as_one()
{
	set_up
	each_device arm 0 halt reset=software skip=3 count=1
	good_job $ALG requests=8 units=8 poll=1
	[ "$(iaa_stat stops_halted)" -gt 0 ]
	expect "aborts" "$(iaa_stat aborts)" 0
	expect "complaints" "$(dmesg | grep -c overdue)" 0
	await_all_in_use "$(nr_devices)"
}

# Test that verifications are counted, and are no decompressions of anybody's.
verifications_are_counted()
{
	set_up
	echo 1 >$CRYPTO/verify_compress
	good_job $ALG requests=4 units=8 poll=1
	expect "verifications" "$(iaa_stat verifications)" 32
	expect "decompressions" "$(iaa_stat total_decomp_calls)" 0
}

modprobe iaa_crypto
load_exercise
ktap_run "$@"
