#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# What idxd and iaa_crypto must survive, on the emulated devices.
#
#   iaa-test.sh TEST...

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"

DSA=/sys/bus/dsa
PCI=/sys/bus/pci

iax_names() { find $DSA/devices -name 'iax*' | sed 's|.*/||' | sort; }
pci_of() { basename "$(readlink -f "$DSA/devices/$1/..")"; }
enabled_queues() { cat $DSA/devices/wq*/state | grep -cx enabled; }

# Unbinds the PCI function of each device and binds it again.
rebind_functions()
{
	local name pci

	for name in $(iax_names); do
		pci=$(pci_of "$name")
		echo "$pci" >$PCI/drivers/idxd/unbind
		[ ! -e "$DSA/devices/$name" ]
		echo "$pci" >$PCI/drivers/idxd/bind
		expect "$name's state" "$(cat "$DSA/devices/$name/state")" enabled
	done
}

# Test that a PCI function can be unbound while its device is enabled.
functions_unbind_with_device_enabled()
{
	modprobe idxd
	rebind_functions
}

# Test the same with a queue of each device enabled too.
functions_unbind_with_queue_enabled()
{
	modprobe iaa_crypto
	expect "enabled queues" "$(enabled_queues)" "$(iax_names | wc -l)"
	rebind_functions
}

# Test that idxd can be removed while it has enabled devices, and loaded again.
module_unloads_with_device_enabled()
{
	modprobe idxd
	rmmod idxd
	modprobe idxd
	expect "enabled devices" "$(cat $DSA/devices/iax*/state | grep -cx enabled)" \
		"$(iax_names | wc -l)"
}

ktap_run "$@"
