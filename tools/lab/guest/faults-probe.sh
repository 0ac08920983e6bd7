#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# Devices and queues that are taken into use while each of the operations that this
# takes fails once.
#
#   faults-probe.sh STEP [TEST...]
#
# Every STEP-th of the operations of a queue, and every fourth of these of a device,
# which has thousands: 1 is all.

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"
# shellcheck source=tools/lab/guest/faults-pages.sh
. "${0%/*}/faults-pages.sh"

STEP=$1
shift

# sweep DRIVER DEVICE STEP PREPARATION: binds it until no fault is reached any more.
sweep()
{
	local driver="$1" device="$2" step="$3" prepare="$4" nth=1 reached=y refused=0

	while [ $reached = y ]; do
		[ $nth -lt 5000 ] || { echo "still failing at $nth"; return 1; }
		[ ! -e "$driver/$device" ] || echo "$device" >"$driver/unbind"
		"$prepare" "$device"
		arm $nth
		echo "$device" 2>/dev/null >"$driver/bind" || refused=$((refused + 1))
		disarm || reached=n
		nth=$((nth + step))
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
	configure
	start_pages
	pci=$(pci_of "$(iax_names | tail -n 1)")
	sweep $PCI/drivers/idxd "$pci" $((STEP > 1 ? STEP * 4 : 1)) true
	stop_pages
	configure
	nothing_lost fail-nth-probe
}

queues_that_fail_to_be_added_leave_nothing()
{
	local name

	need_fail_nth
	configure
	start_pages
	name=$(iax_names | tail -n 1)
	sweep $CRYPTO "wq${name#iax}.0" "$STEP" prepare_queue
	stop_pages
	configure
	nothing_lost fail-nth-queue
}

begin_with_devices
enable_fail_nth
# One makes files in /proc, ignores it if it cannot, and warns that there are none when
# it is to remove them; the other ends the checks of DMA.
[ ! -e $DEBUG/failslab ] || never_from register_irq_proc add_dma_entry
[ $# -gt 0 ] || set -- probes_that_fail_leave_nothing queues_that_fail_to_be_added_leave_nothing
ktap_run "$@" everything_returned no_memory_leaked
