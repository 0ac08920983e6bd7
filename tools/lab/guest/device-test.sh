#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# The device model as the unmodified drivers and accel-config see it.
#
#   device-test.sh DEVICES VERSION [TEST...]
#
# How many devices there must be, of which version; without names, all tests for
# several devices on their nodes, with the property inject=on.

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

DEVICES=$1 VERSION=$2
shift 2

all_iax_are()
{
	local name

	for name in $(iax_names); do
		expect "$name's $1" "$(cat "$DSA/devices/$name/$1")" "$2"
	done
}

# The software error registers: all zeroes, printed as a bitmap.
no_device_errors()
{
	expect "device errors" "$(cat $DSA/devices/iax*/errors | tr -d '0,\n')" ""
}

# Test that each device was probed and enabled by the driver's own defaults.
devices_are_probed_and_enabled()
{
	expect "the number of devices" "$(iax_names | wc -l)" "$DEVICES"
	all_iax_are state enabled
	all_iax_are version "$VERSION"
	all_iax_are max_work_queues 8
	all_iax_are max_engines 8
	all_iax_are max_groups 4
	all_iax_are max_work_queues_size 128
	no_device_errors
}

# Test that devices are spread evenly over the NUMA nodes that have CPUs.
devices_are_on_their_nodes()
{
	local node nodes count

	nodes=$(find /sys/devices/system/node -maxdepth 1 -name 'node[0-9]*' | wc -l)
	for node in $(seq 0 $((nodes - 1))); do
		count=$(cat $DSA/devices/iax*/numa_node | grep -cx "$node")
		expect "devices on node $node" "$count" $((DEVICES / nodes))
	done
}

# Test that firmware that does not know the node of a device is no obstacle.
devices_have_no_node()
{
	all_iax_are numa_node -1
}

selftest_of()
{
	awk -F' *: ' -v name="$1" '$1 == "driver" { driver = $2 }
		$1 == "selftest" && driver == name { print $2 }' /proc/crypto
}

# Test that the crypto self-tests pass and that hardware did all of the work.
self_tests_run_on_hardware()
{
	enable_iaa.sh
	# The self-test runs in a thread of its own.
	sleep 1
	expect selftest "$(selftest_of deflate-iaa)" passed
	[ "$(iaa_stat total_comp_calls)" -ge 4 ]
	[ "$(iaa_stat total_decomp_calls)" -ge 8 ]
	expect "software compressions" "$(iaa_stat total_sw_comp_calls)" 0
	expect "software decompressions" "$(iaa_stat total_sw_decomp_calls)" 0
}

# Test that accel-config sees what sysfs shows.
accel_config_lists_devices()
{
	accel-config list >/tmp/list
	expect "devices listed" "$(grep -c '"dev":"iax[0-9]*"' /tmp/list)" "$DEVICES"
	expect "enabled queues listed" "$(grep -c '"name":"iaa_crypto"' /tmp/list)" "$DEVICES"
	expect "engines listed" "$(grep -c '"dev":"engine' /tmp/list)" $((DEVICES * 8))
}

# Test a layout made by hand: two queues in two groups, four engines each.
accel_config_configures_a_device()
{
	local name id

	name=$(iax_names | head -n 1)
	id=${name#iax}
	accel-config disable-device "$name"
	expect state "$(cat $DSA/devices/"$name"/state)" disabled
	for engine in 0 1 2 3 4 5 6 7; do
		accel-config config-engine "$name/engine$id.$engine" --group-id=$((engine / 4))
	done
	for queue in 0 1; do
		accel-config config-wq "$name/wq$id.$queue" --group-id=$queue --mode=dedicated \
			--wq-size=32 --priority=$((queue + 5)) --type=kernel \
			--name=iaa_crypto --driver-name=crypto
	done
	accel-config enable-device "$name"
	expect state "$(cat $DSA/devices/"$name"/state)" enabled
	accel-config list -i >/tmp/list
	expect "queues of 32 entries" "$(grep -c '"size":32' /tmp/list)" 2
}

# Test that a queue whose sizes exceed the device's entries is refused.
too_many_entries_are_refused()
{
	local name id

	name=$(iax_names | head -n 1)
	id=${name#iax}
	accel-config disable-device "$name" || true
	refuse accel-config config-wq "$name/wq$id.0" --group-id=0 --wq-size=129 \
		--mode=dedicated --type=kernel --name=x --driver-name=crypto
}

# Test that what accel-config saves of a running layout shows that layout.
accel_config_saves_a_layout()
{
	enable_iaa.sh -q 2
	accel-config save-config -s /tmp/saved.conf
	expect "devices saved" "$(grep -c '"dev":"iax[0-9]*"' /tmp/saved.conf)" "$DEVICES"
	expect "queues saved" "$(grep -c '"driver_name":"crypto"' /tmp/saved.conf)" $((DEVICES * 2))
}

# Test that every layout the script offers is the one sysfs shows, twice over.
enable_script_makes_layouts()
{
	local queues

	for queues in 1 2 8 8; do
		enable_iaa.sh -q "$queues" -m sync -v 0 >/tmp/out
		cat /tmp/out
		expect "enabled queues" "$(cat $DSA/devices/wq*/state | grep -cx enabled)" \
			$((DEVICES * queues))
		grep -q "^$DEVICES device.*: $((DEVICES * queues)) queue.*, sync_mode sync, verify 0" /tmp/out
	done
	no_device_errors
}

# Test that the script refuses what cannot be, and says what.
enable_script_refuses_nonsense()
{
	refuse enable_iaa.sh -q 9
	refuse enable_iaa.sh -d 100
	refuse enable_iaa.sh -m maybe
	refuse enable_iaa.sh -v 2
	refuse enable_iaa.sh -x
	refuse enable_iaa.sh surplus
	enable_iaa.sh -h | grep -q Usage
}

# Test that devices survive being unbound and bound again and again.
devices_unbind_and_bind()
{
	local name

	for _ in 1 2 3 4 5; do
		for name in $(iax_names); do
			echo "$name" >$DSA/drivers/idxd/unbind
		done
		all_iax_are state disabled
		enable_iaa.sh
	done
}

# Test that a function level reset leaves a device that can be set up again. The
# device is disabled first: idxd of 7.3 uses freed memory when its PCI function
# is unbound with a queue enabled (idxd_remove() frees the queues too early).
devices_survive_flr()
{
	local name pci

	name=$(iax_names | head -n 1)
	pci=$(pci_of "$name")
	accel-config disable-device "$name"
	echo "$pci" >/sys/bus/pci/drivers/idxd/unbind
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
	echo "$pci" >/sys/bus/pci/drivers/idxd/bind
	enable_iaa.sh
	all_iax_are state enabled
}

# Test that a device can be removed and found again, with the same care.
devices_are_removed_and_found()
{
	local name pci

	for name in $(iax_names); do
		pci=$(pci_of "$name")
		accel-config disable-device "$name"
		echo 1 >"/sys/bus/pci/devices/$pci/remove"
		expect "devices left" "$(iax_names | wc -l)" $((DEVICES - 1))
		echo 1 >/sys/bus/pci/rescan
		expect "devices found" "$(iax_names | wc -l)" "$DEVICES"
	done
	enable_iaa.sh
	all_iax_are state enabled
	no_device_errors
}

page_out()
{
	setup_zswap deflate-iaa
	setup_folios 64
	pageout -f 64k -s 4m -o -k "$1"
	# The module cannot be set up anew while zswap holds its compressor.
	setup_zswap lzo
}

# Test that pages of all kinds come back, in all modes the driver has.
pages_survive_every_mode()
{
	local mode verify

	for mode in sync async_irq; do
		for verify in 0 1; do
			enable_iaa.sh -m $mode -v $verify
			page_out mixed
			page_out random
			expect "calls in software" $(($(iaa_stat total_sw_comp_calls) +
				$(iaa_stat total_sw_decomp_calls))) 0
			[ "$(iaa_stat total_decomp_calls)" -gt 500 ]
		done
	done
}

# Test that completion interrupts arrive, and only when they are asked for.
completions_interrupt()
{
	local before

	enable_iaa.sh -m async_irq -v 0
	before=$(queue_interrupts)
	page_out text
	echo "interrupts: $(($(queue_interrupts) - before))"
	[ $(($(queue_interrupts) - before)) -ge 1024 ]
	enable_iaa.sh -m sync -v 0
	before=$(queue_interrupts)
	page_out text
	expect "interrupts when polling" $(($(queue_interrupts) - before)) 0
}

# Test that decompressions that fail are done in software, all of them: those of
# the self-tests, because software of 7.3 does not reach far enough back for pages.
failed_decompressions_fall_back()
{
	each_device arm 0 status code=0x42 count=0xffffffff status=0x0a error=11
	# It loads the module anew, without verification, which is hardware's alone.
	enable_iaa.sh -v 0
	sleep 1
	expect selftest "$(selftest_of deflate-iaa)" passed
	[ "$(all_hits 0)" -ge 4 ]
	expect "software decompressions" "$(iaa_stat total_sw_decomp_calls)" "$(all_hits 0)"
	each_device clear
}

# Test that wrong checksums are seen by the driver's own verification, and the
# pages kept elsewhere.
wrong_checksums_are_noticed()
{
	enable_iaa.sh -v 1
	each_device arm 1 crc code=0x43 skip=5 count=2
	page_out text
	[ "$(all_hits 1)" -ge 2 ]
	each_device clear
}

# Test that a refused command is an error for whoever gave it, and no more.
refused_commands_are_errors()
{
	each_device arm 2 refuse code=1 status=0x17
	refuse enable_iaa.sh
	[ "$(all_hits 2)" -ge 1 ]
	each_device clear
	enable_iaa.sh
	all_iax_are state enabled
	page_out text
}

[ $# -gt 0 ] || set -- devices_are_probed_and_enabled devices_are_on_their_nodes \
	self_tests_run_on_hardware accel_config_lists_devices \
	accel_config_configures_a_device too_many_entries_are_refused \
	accel_config_saves_a_layout enable_script_makes_layouts \
	enable_script_refuses_nonsense devices_unbind_and_bind \
	devices_survive_flr devices_are_removed_and_found pages_survive_every_mode \
	completions_interrupt failed_decompressions_fall_back \
	wrong_checksums_are_noticed refused_commands_are_errors

modprobe idxd || exit 1
setup_swap
ktap_run "$@"
