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
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

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
queue_driver() { driver_of "wq${1#iax}.0"; }

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
	expect "engines of its group" "$(wc -w <"$DSA/devices/group${first#iax}.0/engines")" 8
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

# wait_for STATE OBJECT: at most 10 s, until sysfs shows it.
wait_for()
{
	local left=100

	while [ "$(cat "$DSA/devices/$2/state")" != "$1" ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "$2 is $(cat "$DSA/devices/$2/state"), not $1"; return 1; }
		sleep 0.1
	done
}

# halt_first TYPE: halts the first device, set up with two queues.
halt_first()
{
	enable_iaa.sh -q 2
	FIRST=$(iax_names | head -n 1)
	dmesg -c >/dev/null
	iaa-fault "$(pci_of "$FIRST")" halt "$1"
}

first_has_its_queues()
{
	local queue

	for queue in 0 1; do
		wait_for enabled "wq${FIRST#iax}.$queue"
	done
	expect "the queue's driver" "$(queue_driver "$FIRST")" crypto
	expect "its size" "$(cat "$DSA/devices/wq${FIRST#iax}.0/size")" 64
	expect "messages of failure" "$(dmesg | grep -c 'HALT:')" 0
}

# Test that a halt that a software reset ends is over, with all queues back.
software_halt_is_recovered()
{
	halt_first software
	wait_for enabled "$FIRST"
	first_has_its_queues
}

# Test the same of a halt that needs a function level reset.
flr_halt_is_recovered()
{
	halt_first flr
	wait_for enabled "$FIRST"
	first_has_its_queues
}

# Test that a device that needs a system reset stays halted, and can be let go.
warm_halt_disables_the_device()
{
	halt_first warm
	wait_for halted "$FIRST"
	wait_for disabled "wq${FIRST#iax}.0"
	wait_for disabled "wq${FIRST#iax}.1"
	expect "enabled queues" "$(enabled_queues)" $(($(iax_names | wc -l) * 2 - 2))
	pci_of "$FIRST" >$PCI/drivers/idxd/unbind
}

# Test that a command that never ends does not keep the queue's unbind for ever,
# and that a function level reset makes the device usable again.
hung_command_is_given_up()
{
	local pci start
	enable_iaa.sh -q 2
	FIRST=$(iax_names | head -n 1)
	pci=$(pci_of "$FIRST")

	iaa-fault "$pci" arm 0 hang code=8
	start=$(cut -d. -f1 /proc/uptime)
	echo "wq${FIRST#iax}.0" >$DSA/drivers/crypto/unbind
	expect "drains that hung" "$(iaa-fault "$pci" hits 0)" 1
	[ $(($(cut -d. -f1 /proc/uptime) - start)) -le 5 ]
	dmesg | grep 'command 0x8 took more than 1000 ms'
	iaa-fault "$pci" clear
	echo 1 >"$PCI/devices/$pci/reset"
	wait_for enabled "$FIRST"
	enable_iaa.sh -q 2
	first_has_its_queues
}

ktap_run "$@"
