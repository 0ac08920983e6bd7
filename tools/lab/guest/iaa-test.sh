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

# said TEXT...: the kernel has, once each, since halt_first or give_first.
said()
{
	local text

	for text; do
		expect "'$text'" "$(dmesg | grep -c -- "$text")" 1
	done
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
	said "$FIRST has halted and needs a software reset" \
		"$FIRST is back with 2 of 2 queues" "$FIRST is recovered by a software reset"
}

# Test the same of a halt that needs a function level reset.
flr_halt_is_recovered()
{
	halt_first flr
	wait_for enabled "$FIRST"
	first_has_its_queues
	said "$FIRST has halted and needs a function level reset" \
		"$FIRST is back with 2 of 2 queues" "$FIRST is recovered by a function level reset"
}

# Test that a device that needs a system reset stays halted, and can be let go.
warm_halt_disables_the_device()
{
	halt_first warm
	wait_for halted "$FIRST"
	wait_for disabled "wq${FIRST#iax}.0"
	wait_for disabled "wq${FIRST#iax}.1"
	expect "enabled queues" "$(enabled_queues)" $(($(iax_names | wc -l) * 2 - 2))
	said "$FIRST has halted and needs a warm reset" \
		"$FIRST is given up: it needs a reset of the system"
	pci_of "$FIRST" >$PCI/drivers/idxd/unbind
}

# give_first: sets the first device up with two queues.
give_first()
{
	enable_iaa.sh -q 2
	FIRST=$(iax_names | head -n 1)
	FIRST_PCI=$(pci_of "$FIRST")
	dmesg -c >/dev/null
}

# Whether a function may access memory.
is_bus_master() { [ $(($(od -An -tu1 -j4 -N1 "$PCI/devices/$1/config") & 4)) -ne 0 ]; }

await_said()
{
	local left=600

	until dmesg | grep -q -- "$1"; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "never said '$1'"; dmesg; return 1; }
		sleep 0.1
	done
}

# after_recovery QUEUES: the first device is in use again, with all that its
# administrator has not taken away.
after_recovery()
{
	await_said "$FIRST is back with $1 of $1 queues"
	wait_for enabled "$FIRST"
	wait_for enabled "wq${FIRST#iax}.1"
	is_bus_master "$FIRST_PCI"
	iaa-fault "$FIRST_PCI" clear
	enable_iaa.sh -q 2
	first_has_its_queues
}

# Test that a command that never ends does not keep the queue's unbind for ever,
# and that the device is usable again by a function level reset.
hung_command_is_given_up()
{
	give_first
	iaa-fault "$FIRST_PCI" arm 0 hang code=10
	take_queue "wq${FIRST#iax}.0"
	expect "resets that hung" "$(iaa-fault "$FIRST_PCI" hits 0)" 1
	said 'command 0xa took more than 1000 ms' "$FIRST is cut off from memory"
	after_recovery 1
	said "$FIRST is recovered by a function level reset"
}

# Test that a queue that does not drain is aborted, and the others stay in use.
refused_drain_is_an_abort()
{
	give_first
	iaa-fault "$FIRST_PCI" arm 0 refuse code=8 status=4
	take_queue "wq${FIRST#iax}.0"
	expect "drains that were refused" "$(iaa-fault "$FIRST_PCI" hits 0)" 1
	expect "state of the other queue" "$(cat $DSA/devices/wq"${FIRST#iax}".1/state)" enabled
	is_bus_master "$FIRST_PCI"
	expect "resets" "$(dmesg | grep -c 'needs a reset')" 0
}

# Test that a device that gives up nothing is cut off and recovered.
disobedient_device_is_recovered()
{
	give_first
	iaa-fault "$FIRST_PCI" arm 0 refuse code=8 status=4 -- arm 1 refuse code=9 status=4
	take_queue "wq${FIRST#iax}.0"
	expect "aborts that were refused" "$(iaa-fault "$FIRST_PCI" hits 1)" 1
	after_recovery 1
	said "$FIRST is cut off from memory" "$FIRST does not do as it is told and needs a reset" \
		"$FIRST is recovered by a software reset"
}

# Test that resets that fail are repeated, with the queues back in the end.
failed_resets_are_repeated()
{
	give_first
	# The unbind, then each attempt by software and after the function's reset
	iaa-fault "$FIRST_PCI" arm 0 refuse code=8 status=4 -- arm 1 refuse code=9 status=4 -- \
		arm 2 refuse code=5 status=4 count=5
	take_queue "wq${FIRST#iax}.0"
	after_recovery 1
	said "next attempt in 1 s" "next attempt in 4 s" "$FIRST is recovered by a software reset"
}

# Test that a device that no reset helps is given up, has no access to memory, and gets
# it and its queue from who binds it later.
hopeless_device_is_given_up()
{
	give_first
	iaa-fault "$FIRST_PCI" arm 0 refuse code=8 status=4 -- arm 1 refuse code=9 status=4 -- \
		arm 2 refuse code=5 status=4 count=0xffffffff
	take_queue "wq${FIRST#iax}.0"
	await_said "$FIRST is given up: no reset has helped"
	said "next attempt in 1 s" "next attempt in 4 s" "next attempt in 16 s"
	expect "bus master" "$(is_bus_master "$FIRST_PCI" && echo set || echo clear)" clear
	iaa-fault "$FIRST_PCI" clear
	enable_iaa.sh -q 2
	first_has_its_queues
	is_bus_master "$FIRST_PCI"
}

# Test that a function that refuses to be reset gets no access to memory, and that one
# that hangs is had by a reset of the function.
probe_needs_a_reset()
{
	give_first
	echo "$FIRST_PCI" >$PCI/drivers/idxd/unbind
	expect "bus master" "$(is_bus_master "$FIRST_PCI" && echo set || echo clear)" clear
	iaa-fault "$FIRST_PCI" arm 0 refuse code=5 status=4 count=0xffffffff
	if echo "$FIRST_PCI" >$PCI/drivers/idxd/bind; then
		echo "bound without a reset"
		return 1
	fi
	expect "bus master" "$(is_bus_master "$FIRST_PCI" && echo set || echo clear)" clear
	iaa-fault "$FIRST_PCI" clear -- arm 0 hang code=5 count=1
	echo "$FIRST_PCI" >$PCI/drivers/idxd/bind
	wait_for enabled "$FIRST"
	is_bus_master "$FIRST_PCI"
	iaa-fault "$FIRST_PCI" clear
	enable_iaa.sh -q 2
	first_has_its_queues
}

# use_first_only: of all devices, the first is in use, with two queues.
use_first_only()
{
	local name

	give_first
	for name in $(iax_names | tail -n +2); do
		accel-config disable-device "$name" 2>/dev/null
	done
}

# Test that what a device was given before it was cut off writes nothing after its
# function was unbound and bound again, whatever the device says to being reset.
stale_descriptors_write_nothing()
{
	local reset

	load_exercise
	for reset in "refuse status=4 count=0xffffffff" "hang count=1"; do
		use_first_only
		# shellcheck disable=SC2086
		iaa-fault "$FIRST_PCI" arm 0 delay code=0x43 delay=4000000000 count=8 -- \
			arm 1 refuse code=9 status=4 -- arm 2 $reset code=5
		in_background job alg=deflate-iaa op=compress units=8 requests=1 poll=1 settle=8000
		while [ "$(iaa-fault "$FIRST_PCI" hits 1)" = 0 ]; do
			sleep 0.02
		done
		echo "$FIRST_PCI" >$PCI/drivers/idxd/unbind
		echo "$FIRST_PCI" >$PCI/drivers/idxd/bind || true
		await_jobs
		iaa-fault "$FIRST_PCI" clear
		[ -e $PCI/drivers/idxd/"$FIRST_PCI" ] || echo "$FIRST_PCI" >$PCI/drivers/idxd/bind
		wait_for enabled "$FIRST"
	done
}

# Test that a drain that takes long is waited for, and that a queue that has to be
# aborted meanwhile neither fails nor takes the device with it.
slow_drain_keeps_the_device()
{
	local id

	load_exercise
	use_first_only
	id=${FIRST#iax}
	iaa-fault "$FIRST_PCI" arm 0 delay wq=0 code=0 delay=3000000000 -- arm 1 stick wq=1 code=0x43
	submit-noop "$FIRST_PCI" 0
	in_background take_queue "wq$id.0"
	# Its drain is under way.
	while [ -e "$CRYPTO/wq$id.0" ] && [ "$(cat $DSA/devices/wq"$id".0/state)" = enabled ] &&
	      [ "$(iaa-fault "$FIRST_PCI" hits 0)" = 0 ]; do
		sleep 0.02
	done
	job alg=deflate-iaa op=compress units=1 requests=1 poll=1
	await_jobs
	expect "units that stuck" "$(iaa-fault "$FIRST_PCI" hits 1)" 1
	expect "commands that were given up" "$(dmesg | grep -c 'took more than\|device is busy')" 0
	expect "cut off" "$(dmesg | grep -ci 'cut.* off')" 0
	is_bus_master "$FIRST_PCI"
}

ktap_run "$@"
