#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# Pages go out and come back through devices that fail in every way the model can
# have them fail. Whatever the device does, each page must be what it was.
#
#   faults-device.sh [TEST...]

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"
# shellcheck source=tools/lab/guest/faults-pages.sh
. "${0%/*}/faults-pages.sh"

COMPRESS=0x43 DECOMPRESS=0x42
ABORT_WQ=9
# What a record may say of a descriptor. Reserved codes are answers, too; the two
# that go to a register instead of a record are completions that never come.
STATUSES="0x02 0x03 0x04 0x0a 0x0b 0x10 0x11 0x12 0x13 0x16 0x19 0x1c 0x1d 0x1e 0x1f 0x20
	0x21 0x22 0x23 0x24 0x30 0x31 0x32 0x3f 0x83 0x84 0x9f"
UNREPORTED="0x1a 0x1b"
ERRORS="1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 17 18 25 30 31 35 36 255"

# with_faults CODE FAULT...: each on all devices while pages move, up to eight at
# once. Each must be hit somewhere.
with_faults()
{
	local code="$1" slot=0 fault hits arms=''
	shift

	for fault; do
		arms="$arms -- arm $slot $fault code=$code skip=$((2 + slot * 4)) count=3"
		slot=$((slot + 1))
	done
	# shellcheck disable=SC2086
	each_device clear $arms
	move_pages mixed
	for hits in $(each_device hits -- clear); do
		[ $# -gt 0 ] || break
		[ "$hits" -gt 0 ] || { echo "never hit: $1"; return 1; }
		HITS=$((HITS + hits))
		shift
	done
}

# in_eights CODE PREFIX VALUE...: faults that differ in one value.
in_eights()
{
	local code="$1" prefix="$2"
	shift 2

	while [ $# -gt 8 ]; do
		with_faults "$code" "$prefix$1" "$prefix$2" "$prefix$3" "$prefix$4" \
			"$prefix$5" "$prefix$6" "$prefix$7" "$prefix$8"
		shift 8
	done
	for value; do
		set -- "$@" "$prefix$value"
		shift
	done
	with_faults "$code" "$@"
}

# Each status while zswap stores.
statuses_of_compression()
{
	configure
	# shellcheck disable=SC2086
	in_eights $COMPRESS "status error=11 status=" $STATUSES
	nothing_lost device-status-store
}

statuses_of_decompression()
{
	configure
	# shellcheck disable=SC2086
	in_eights $DECOMPRESS "status error=11 status=" $STATUSES
	nothing_lost device-status-load
}

# Each code of a failed analysis.
error_codes_of_compression()
{
	configure
	# shellcheck disable=SC2086
	in_eights $COMPRESS "status status=0x0a error=" $ERRORS
	nothing_lost device-error-store
}

error_codes_of_decompression()
{
	configure
	# shellcheck disable=SC2086
	in_eights $DECOMPRESS "status status=0x0a error=" $ERRORS
	nothing_lost device-error-load
}

# A fault that takes the queue out of use, in a mode, in both directions.
lose()
{
	local mode="$1" code
	shift

	for code in $COMPRESS $DECOMPRESS; do
		configure_as mode="$mode" patience=$TIMEOUT_MS
		with_faults "$code" "$*"
	done
}

# Completions that never come.
lost_completions()
{
	local status

	lose sync drop
	lose async stick
	lose async_irq drop
	lose async_irq no-interrupt
	for status in $UNREPORTED; do
		lose async status "status=$status"
	done
	configure
	nothing_lost device-lost
}

# Completions that come before the driver gives up, and after.
late_completions()
{
	local mode

	for mode in sync async async_irq; do
		configure_as mode=$mode
		with_faults $COMPRESS "delay delay=20000000"
		with_faults $DECOMPRESS "delay delay=20000000"
	done
	configure_as patience=$TIMEOUT_MS
	with_faults $COMPRESS "delay delay=900000000"
	configure_as patience=$TIMEOUT_MS
	with_faults $DECOMPRESS "delay delay=900000000"
	configure
	nothing_lost device-late
}

# Only verification can tell.
wrong_output_is_noticed()
{
	configure_as verify=1
	with_faults $COMPRESS crc "output offset=40 mask=0x55" "output offset=0" "output offset=100" \
		"crc mask=1" "output offset=7 mask=0x80"
	nothing_lost device-wrong-output
	[ "$(iaa_stat total_sw_comp_calls)" -gt 0 ]
}

# Raw deflate has no checksum: without verification such a page is wrong, and nothing
# could tell, unless it cannot be decompressed. Counted apart, lest anybody read more
# into the others than they say.
wrong_output_without_verification()
{
	local offset

	configure
	: >$MOVED
	for offset in 20 40 60 80 100 120 140 160; do
		each_device arm 0 output code=$COMPRESS offset=$offset mask=1 skip=2 count=1
		pageout -k text -s 64k -f 64k >>$MOVED 2>&1 || true
		HITS=$((HITS + $(all_hits 0)))
	done
	[ $HITS -gt 0 ]
	row "kind=device-unverified injected=$HITS survived=0 pages=$(field pages $MOVED) wrong=0 undetected=$(field errors $MOVED)"
}

halts_are_recovered()
{
	local type

	for type in software flr; do
		configure
		each_device arm 0 halt "reset=$type" skip=9 count=1
		move_pages mixed
		HITS=$((HITS + $(all_hits 0)))
		await_enabled
	done
	[ $HITS -ge 2 ]
	nothing_lost device-halt
}

# What these need, only the reset of a bus or machine gives. Software takes over.
halts_for_good_are_survived()
{
	local name pci type

	for type in warm cold; do
		configure
		name=$(iax_names | head -n 1)
		pci=$(pci_of "$name")
		iaa-fault "$pci" arm 0 halt "reset=$type" skip=3 count=1
		start_pages
		await_state halted "$name"
		stop_pages
		HITS=$((HITS + 1))
		iaa-fault "$pci" clear
		echo bus >"$PCI/devices/$pci/reset_method"
		remove_and_find "$pci" reset
	done
	configure
	nothing_lost device-halt-for-good
}

resets_are_survived()
{
	local name turn

	configure
	start_pages
	for turn in 1 2 3; do
		for name in $(iax_names); do
			echo 1 >"$PCI/devices/$(pci_of "$name")/reset"
			HITS=$((HITS + 1))
		done
	done
	stop_pages
	nothing_lost device-reset
}

devices_are_removed_and_found()
{
	local name

	configure
	start_pages
	for name in $(iax_names); do
		remove_and_find "$(pci_of "$name")"
		HITS=$((HITS + 1))
	done
	stop_pages
	configure
	nothing_lost device-removed
}

# Reads all ones, and writes nothing: the driver cannot even abort what it waits for.
gone_devices_are_survived()
{
	local name pci

	for name in $(iax_names); do
		configure_as patience=$TIMEOUT_MS
		pci=$(pci_of "$name")
		iaa-fault "$pci" arm 0 gone skip=5 count=1
		move_pages mixed
		HITS=$((HITS + $(iaa-fault "$pci" hits 0)))
		iaa-fault "$pci" clear -- gone 0
		remove_and_find "$pci"
	done
	configure
	nothing_lost device-gone
}

# The administrator takes queues and devices away and gives them back.
disabled_queues_are_survived()
{
	local name turn

	configure_as queues=2
	start_pages
	for turn in 1 2 3; do
		for name in $(iax_names); do
			take_queue "wq${name#iax}.$((turn % 2))"
			HITS=$((HITS + 1))
		done
		for name in $(iax_names); do
			give_queue "wq${name#iax}.$((turn % 2))"
		done
	done
	for name in $(iax_names); do
		stop_using "$name"
		HITS=$((HITS + 1))
	done
	stop_pages
	configure
	nothing_lost device-disabled
}

was_hit() { [ "$(iaa-fault "$1" hits "$2")" -gt 0 ]; }

# The administrator brings back queues that were stopped, and devices that did not let
# go of what they had, with the script and without stopping anything else.
queues_are_brought_back()
{
	local name pci

	configure_as queues=2 patience=$TIMEOUT_MS
	start_pages
	for name in $(iax_names); do
		pci=$(pci_of "$name")
		iaa-fault "$pci" arm 0 stick code=$COMPRESS count=1
		await was_hit "$pci" 0
		enable_iaa.sh -w "wq${name#iax}.0"
		enable_iaa.sh -w "wq${name#iax}.1"
		iaa-fault "$pci" arm 0 stick code=$COMPRESS count=1 \
			-- arm 1 refuse code=$ABORT_WQ status=4 count=1
		await was_hit "$pci" 1
		enable_iaa.sh -w "wq${name#iax}.0"
		iaa-fault "$pci" clear
		HITS=$((HITS + 2))
	done
	stop_pages
	for name in $(iax_names); do
		state_is enabled "wq${name#iax}.0"
		state_is enabled "wq${name#iax}.1"
	done
	nothing_lost device-brought-back
}

# The device refuses commands, or never ends them, when its driver wants to stop it.
failing_commands_are_survived()
{
	local name pci

	configure
	name=$(iax_names | head -n 1)
	pci=$(pci_of "$name")
	iaa-fault "$pci" arm 0 refuse status=4 count=2
	start_pages
	take_queue "wq${name#iax}.0" || true
	iaa-fault "$pci" arm 1 hang count=1
	give_queue "wq${name#iax}.0" || true
	stop_pages
	HITS=$(($(iaa-fault "$pci" hits 0) + $(iaa-fault "$pci" hits 1)))
	iaa-fault "$pci" clear
	[ $HITS -gt 0 ]
	remove_and_find "$pci" reset
	configure
	nothing_lost device-commands
}

begin_with_devices
[ $# -gt 0 ] || set -- statuses_of_compression statuses_of_decompression \
	error_codes_of_compression error_codes_of_decompression lost_completions \
	late_completions wrong_output_is_noticed wrong_output_without_verification \
	halts_are_recovered halts_for_good_are_survived resets_are_survived \
	devices_are_removed_and_found gone_devices_are_survived disabled_queues_are_survived \
	queues_are_brought_back failing_commands_are_survived
ktap_run "$@" everything_returned no_memory_leaked
