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

queue_state() { cat "$DSA/devices/wq${1#iax}.0/state"; }
queue_driver() { basename "$(readlink "$DSA/devices/wq${1#iax}.0/driver")"; }

# Test that a reset of the PCI function gives the crypto driver its queues back,
# with the layout they had, and that those that were disabled stay so.
reset_brings_queues_back()
{
	local name first second

	enable_iaa.sh -q 2
	first=$(iax_names | head -n 1)
	second=$(iax_names | sed -n 2p)
	echo "wq${second#iax}.0" >$DSA/drivers/crypto/unbind
	for name in "$first" "$second"; do
		echo 1 >"$PCI/devices/$(pci_of "$name")/reset"
	done
	expect "$first's queue" "$(queue_state "$first") $(queue_driver "$first")" \
		"enabled crypto"
	expect "its size" "$(cat "$DSA/devices/wq${first#iax}.0/size")" 64
	expect "engines of its group" "$(cat "$DSA/devices/group${first#iax}.0/engines" | wc -w)" 8
	expect "$second's queue" "$(queue_state "$second")" disabled
	expect "enabled queues" "$(enabled_queues)" $(($(iax_names | wc -l) * 2 - 1))
	expect "messages of failure" "$(dmesg | grep -c HALT)" 0
}

# Test that pages survive resets of all devices while they are swapped. The
# driver may fall back to software meanwhile, but returns every byte.
pages_survive_resets()
{
	local name

	setup_swap
	enable_iaa.sh -m sync -v 0
	setup_zswap deflate-iaa
	setup_folios 64
	pageout -f 64k -s 4m -o -k text
	for name in $(iax_names | tail -n +2); do
		echo 1 >"$PCI/devices/$(pci_of "$name")/reset"
	done
	expect "enabled queues" "$(enabled_queues)" "$(iax_names | wc -l)"
	pageout -f 64k -s 4m -o -k text
	expect "calls in software" $(($(iaa_stat total_sw_comp_calls) +
		$(iaa_stat total_sw_decomp_calls))) 0
}

ktap_run "$@"
