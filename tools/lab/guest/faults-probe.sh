#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# Devices and queues that are taken into use while each of the operations that this
# takes fails once.
#
#   faults-probe.sh STEP [TEST...]
#
# Every STEP-th of the operations: 1 is all.

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"
# shellcheck source=tools/lab/guest/faults-pages.sh
. "${0%/*}/faults-pages.sh"

STEP=$1
shift

# sweep DRIVER DEVICE PREPARATION: binds it until no fault is reached any more.
sweep()
{
	local driver="$1" device="$2" prepare="$3" nth=1 reached=y refused=0

	while [ $reached = y ]; do
		[ $nth -lt 5000 ] || { echo "still failing at $nth"; return 1; }
		[ ! -e "$driver/$device" ] || echo "$device" >"$driver/unbind"
		"$prepare" "$device"
		arm $nth
		echo "$device" 2>/dev/null >"$driver/bind" || refused=$((refused + 1))
		disarm || reached=n
		nth=$((nth + STEP))
		HITS=$((HITS + 1))
	done
	echo "$device: up to the ${nth}th, refused $refused times"
	[ -e "$driver/$device" ]
	[ $refused -gt 0 ]
}

# Also while pages move through the other devices.
probes_that_fail_leave_nothing()
{
	local pci

	need_fail_nth
	configure -v 0
	start_pages
	pci=$(pci_of "$(iax_names | tail -n 1)")
	sweep $PCI/drivers/idxd "$pci" true
	stop_pages
	configure -v 0
	nothing_lost fail-nth-probe
}

queues_that_fail_to_be_added_leave_nothing()
{
	local name

	need_fail_nth
	configure -v 0
	start_pages
	name=$(iax_names | tail -n 1)
	sweep $DSA/drivers/crypto "wq${name#iax}.0" prepare_queue
	stop_pages
	configure -v 0
	nothing_lost fail-nth-queue
}

begin_with_devices
enable_fail_nth
[ $# -gt 0 ] || set -- probes_that_fail_leave_nothing queues_that_fail_to_be_added_leave_nothing
ktap_run "$@" everything_returned no_memory_leaked
