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

TIMEOUT=/sys/module/iaa_crypto/parameters/timeout_ms

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

# Queues that are brought back while zswap holds pages that their devices compressed

# Compressions and decompressions that the first device's queue number $1 did.
calls_of_queue()
{
	queue_calls | awk -v device="${FIRST#iax}" -v queue="$1" \
		'$1 == device && $2 == queue { print $3 + $4 }'
}

# use_under_zswap OPTION...: how the devices are laid out.
use_under_zswap()
{
	setup_zswap lzo
	enable_iaa.sh "$@"
	FIRST=$(iax_names | head -n 1)
	FIRST_PCI=$(pci_of "$FIRST")
	FIRST_WQ=wq${FIRST#iax}
	FIRST_CPU=$(cpu_of_package "$(package_of_device "$FIRST")")
	setup_zswap deflate-iaa
	setup_folios 64
	store_pages
	STOPPED=$(iaa_stat aborts)
}

# By a CPU that the first device serves.
swap_pages() { (pin_to "$FIRST_CPU" && pageout -f 64k -s 4m -k text); }

was_stopped() { [ "$(iaa_stat aborts)" -gt "$STOPPED" ]; }

# The first device fails in the way of $1 until one of its queues was stopped.
stop_first()
{
	local tries=0

	echo 250 >$TIMEOUT
	# shellcheck disable=SC2086
	iaa-fault "$FIRST_PCI" arm 0 stick wq=0 code=0x43 count=0xffffffff ${1:-}
	until was_stopped; do
		tries=$((tries + 1))
		[ $tries -le 20 ] || { echo "no queue was stopped"; return 1; }
		swap_pages
	done
	echo 10000 >$TIMEOUT
	iaa-fault "$FIRST_PCI" clear
}

# All queues of the first device work, and the pages are what they were.
first_works()
{
	local queue

	reset_statistics
	swap_pages
	for queue in $(seq 0 $(($1 - 1))); do
		expect "state of queue $queue" "$(cat "$DSA/devices/$FIRST_WQ.$queue/state")" enabled
		[ "$(calls_of_queue "$queue")" -gt 0 ] || { echo "queue $queue is not used"; return 1; }
	done
	stored_pages_are_right
}

# What can be set of all queues.
queue_settings()
{
	find $DSA/devices/ -follow -maxdepth 2 -path '*/wq*' -type f -perm -600 -exec grep -H . {} + | sort
}

# Test that a queue that the driver has stopped works again, with the settings that it
# had, and that no other is touched.
script_brings_a_stopped_queue_back()
{
	use_under_zswap -q 2
	queue_settings >/tmp/settings
	stop_first
	enable_iaa.sh -w "$FIRST_WQ.0" | tee /tmp/out
	grep -q "^$FIRST: package [0-9]*, node [0-9]*, queues of 64 64 entries" /tmp/out
	queue_settings | diff /tmp/settings -
	first_works 2
}

# Test the same of a queue whose device refused to give up its descriptors, and so was
# cut off from memory: it is reset, and all its queues work.
script_brings_a_cut_off_device_back()
{
	use_under_zswap -q 2
	dmesg -c >/dev/null
	stop_first "-- arm 1 refuse code=9 status=4 count=0xffffffff"
	dmesg | grep 'cutting the device off'
	enable_iaa.sh -w "$FIRST_WQ.1"
	# The other one may have been bound again, by idxd, while the fault was armed.
	await_state "in use" "$FIRST_WQ.0" 30
	first_works 2
}

# Test that a device that was disabled, and has forgotten its layout, gets it again.
script_brings_a_disabled_device_back()
{
	use_under_zswap -q 2
	accel-config disable-device "$FIRST"
	wait_for disabled "$FIRST"
	enable_iaa.sh -w "$FIRST_WQ.1"
	first_works 2
	# And one queue that was disabled.
	accel-config disable-wq "$FIRST/$FIRST_WQ.0"
	wait_for disabled "$FIRST_WQ.0"
	enable_iaa.sh -w "$FIRST_WQ.0"
	first_works 2
}

# refused_for REASON OPTION...: with that as a reason.
refused_for()
{
	local reason="$1"
	shift

	refuse enable_iaa.sh "$@" 2>/tmp/err
	cat /tmp/err
	grep -qe "$reason" /tmp/err
}

# Test that what is no queue, or none that the driver could have, is named and that
# nothing is changed.
script_refuses_what_is_no_queue()
{
	local name

	use_under_zswap -q 2
	queue_settings >/tmp/settings
	for name in 0 wq wq0 wq0. wq.0 wq0.x "$FIRST" "$FIRST/$FIRST_WQ.0" '../wq0.0' ''; do
		refused_for "-w needs a queue, as in wq1.0, not '$name'" -w "$name"
	done
	refused_for "there is no wq999.0" -w wq999.0
	refused_for "there is no $FIRST_WQ.8" -w "$FIRST_WQ.8"
	refused_for "$FIRST_WQ.2 has no entries" -w "$FIRST_WQ.2"
	refused_for "-w goes with no other option" -q 2 -w "$FIRST_WQ.0"
	queue_settings | diff /tmp/settings -
	accel-config disable-wq "$FIRST/$FIRST_WQ.0"
	echo user >"$DSA/devices/$FIRST_WQ.0/driver_name"
	refused_for "$FIRST_WQ.0 is not for the driver crypto, but for user" -w "$FIRST_WQ.0"
	expect "state of $FIRST_WQ.0" "$(cat "$DSA/devices/$FIRST_WQ.0/state")" disabled
	accel-config disable-device "$FIRST"
	refused_for "$FIRST was disabled, and has no $FIRST_WQ.2" -w "$FIRST_WQ.2"
}

# Test that the script fails, and says why, if the device does not work any better.
script_says_why_a_queue_stays_out()
{
	use_under_zswap -q 1
	echo 250 >$TIMEOUT
	iaa-fault "$FIRST_PCI" arm 0 stick count=0xffffffff
	refused_for "$FIRST_WQ.0 is out: it has failed its self-check" -w "$FIRST_WQ.0"
	iaa-fault "$FIRST_PCI" clear
	echo 10000 >$TIMEOUT
	enable_iaa.sh -w "$FIRST_WQ.0"
	first_works 1
}

# Test that all devices can be laid out anew while zswap uses them.
script_lays_out_devices_in_use()
{
	use_under_zswap -q 1
	enable_iaa.sh -q 2
	expect "enabled queues" "$(enabled_queues)" $(($(nr_devices) * 2))
	first_works 2
	enable_iaa.sh
	first_works 1
}

# Test that a device that cannot be enabled does not keep the others from being used,
# and is named.
script_goes_on_without_a_failing_device()
{
	local status=0

	use_under_zswap -q 1
	iaa-fault "$FIRST_PCI" arm 0 refuse code=1 status=0x17 count=0xffffffff
	enable_iaa.sh -q 2 2>/tmp/err || status=$?
	cat /tmp/err
	expect status $status 4
	grep -q "cannot enable $FIRST: " /tmp/err
	grep -q "not as they should be: $FIRST$" /tmp/err
	expect "enabled queues" "$(enabled_queues)" $((($(nr_devices) - 1) * 2))
	stored_pages_are_right
	iaa-fault "$FIRST_PCI" clear
	enable_iaa.sh -w "$FIRST_WQ.1"
	first_works 2
}

# Test that a device that nothing gets out of a halt does not keep the others from
# being laid out, and that the script says what it finds.
script_leaves_a_halted_device_out()
{
	use_under_zswap -q 1
	iaa-fault "$FIRST_PCI" halt warm
	wait_for halted "$FIRST"
	enable_iaa.sh -q 2 2>/tmp/err
	cat /tmp/err
	grep -q "$FIRST was halted by an error and is left out" /tmp/err
	expect "enabled queues" "$(enabled_queues)" $((($(nr_devices) - 1) * 2))
	stored_pages_are_right
	refuse enable_iaa.sh -w "$FIRST_WQ.0"
	expect "enabled queues" "$(enabled_queues)" $((($(nr_devices) - 1) * 2))
}

# Tools of others, which know nothing of this driver

# Scripts such as Intel's disable what is enabled, load the driver anew, write its
# settings, and lay each device out with one call of accel-config an object. None of
# this may be refused.
lay_out_as_others_do()
{
	local dir device id i

	for dir in "$DSA"/devices/iax*; do
		device=${dir##*/} id=${dir##*iax}
		for i in 0 1 2 3 4 5 6 7; do
			[ "$(cat "$dir/wq$id.$i/state")" = disabled ] ||
				accel-config disable-wq "$device/wq$id.$i"
		done
		[ "$(cat "$dir/state")" = disabled ] || accel-config disable-device "$device"
	done
	remove_module
	modprobe iaa_crypto
	echo 0 >$CRYPTO/verify_compress
	echo 1 >$CRYPTO/g_comp_wqs_per_iaa
	echo sync >$CRYPTO/sync_mode
	echo Y >$CRYPTO/distribute_comps
	echo N >$CRYPTO/distribute_decomps
	for device in $(iax_names); do
		id=${device#iax}
		for i in 0 1 2 3 4 5 6 7; do
			accel-config config-engine "$device/engine$id.$i" --group-id=0
		done
		for i in 0 1; do
			accel-config config-wq "$device/wq$id.$i" -g 0 -s 64 -p 10 \
				-m dedicated -y kernel -n iaa_crypto -d crypto
		done
		accel-config enable-device "$device"
		for i in 0 1; do
			accel-config enable-wq "$device/wq$id.$i"
		done
	done
	expect "enabled queues" "$(enabled_queues)" $((2 * $(nr_devices)))
}

# Test that such scripts work the first time after boot, when all devices have the
# default layout of idxd, and the next time.
scripts_of_others_lay_out_devices()
{
	modprobe idxd
	modprobe iaa_crypto
	expect "enabled queues" "$(enabled_queues)" "$(nr_devices)"
	for _ in 1 2; do
		lay_out_as_others_do
		setup_zswap deflate-iaa
		setup_folios 64
		pageout -f 64k -s 4m -k text
		setup_zswap lzo
		expect "calls in software" "$(sw_calls)" 0
	done
	echo 0 >$CRYPTO/g_comp_wqs_per_iaa
}

# Test that a layout that was saved can be loaded over another while zswap uses the
# devices, and with all disabled.
accel_config_loads_a_layout()
{
	local device

	use_under_zswap -q 2
	accel-config save-config -s /tmp/layout
	enable_iaa.sh -q 1
	accel-config load-config -c /tmp/layout -e -f
	expect "enabled queues" "$(enabled_queues)" $((2 * $(nr_devices)))
	first_works 2
	for device in $(iax_names); do
		accel-config disable-device "$device"
	done
	expect "enabled queues" "$(enabled_queues)" 0
	accel-config load-config -c /tmp/layout -e
	expect "enabled queues" "$(enabled_queues)" $((2 * $(nr_devices)))
	first_works 2
}

setup_swap
enter_cgroup
ktap_run "$@"
