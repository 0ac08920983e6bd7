# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# idxd and the IAA driver in guests of our kernel. Where a defect of the base
# kernel always shows, a test shows it there too: so it is known to be able to fail.

# What a guest swaps to. Where the debug kernel looks for lost memory, kmemleak is on.
APPEND="brd.rd_nr=1 brd.rd_size=131072"
# A task that died with a lock held keeps its guest from powering off, which the
# base kernel is expected to come to. Seconds; the tests there take few, but for the
# debug kernel on a busy machine.
declare -A TIME_LIMIT=([base]=60 [ours]=900)

# iaa_guest KERNEL NAME TEST...: the guest's tests of these names. How the base kernel
# fails is known of the one without debugging.
iaa_guest()
{
	local kernel=$1 name=$2 flavour=lab
	shift 2

	[ "$kernel" = base ] || flavour=${FLAVOUR:-lab}
	"$LAB/boot.sh" -k "$kernel" -f "$flavour" -c wall -t "${TIME_LIMIT[$kernel]}" \
		-a "$APPEND $(poison "$flavour")" -o "$LOGS/iaa-$name" /lab/bin/iaa-test.sh "$@"
}

# Test that the base kernel uses a queue's memory after freeing it.
test_base_unbind()
{
	refused iaa_guest base base-unbind functions_unbind_with_device_enabled
	grep -q 'general protection fault.* 0x6b6b6b6b6b6b6b' "$LOGS/iaa-base-unbind/console"
	grep -q 'idxd_device_drv_remove+' "$LOGS/iaa-base-unbind/console"
}

# Test that the base kernel leaves a kernel queue disabled after a reset.
test_base_reset()
{
	refused iaa_guest base base-reset reset_brings_queues_back | tee "$LOGS/iaa-base-reset-output"
	grep -q 'HALT: unable to re-enable wq' "$LOGS/iaa-base-reset/console"
}

# Suites of a module, on machines and devices made up for them.
iaa_kunit()
{
	"$LAB/boot.sh" -k ours -c wall -a "$APPEND $(poison "${FLAVOUR:-lab}")" -o "$LOGS/iaa-kunit-$1" /lab/bin/kunit.sh "$1"
}

# Devices that fail when the guest tells them to.
faulty_guest()
{
	LAB_IAA_PROPERTIES=inject=on iaa_guest "$@"
}

# The same in virtual time: what a device does after seconds comes when it should, however
# busy the host is.
exact_faulty_guest()
{
	local name=$1
	shift

	LAB_IAA_PROPERTIES=inject=on "$LAB/boot.sh" -k ours -f "${FLAVOUR:-lab}" -c icount \
		-t "${TIME_LIMIT[ours]}" -a "$APPEND $(poison "${FLAVOUR:-lab}")" \
		-o "$LOGS/iaa-$name" /lab/bin/iaa-test.sh "$@"
}

# Test that the base kernel does not get a device out of a halt.
test_base_halt()
{
	refused faulty_guest base base-halt software_halt_is_recovered
}

group_halts()
{
	check_ktap "halts" faulty_guest ours halts software_halt_is_recovered \
		flr_halt_is_recovered hung_command_is_given_up refused_drain_is_an_abort \
		disobedient_device_is_recovered failed_resets_are_repeated \
		hopeless_device_is_given_up probe_needs_a_reset warm_halt_disables_the_device
	check_ktap "stale descriptors" exact_faulty_guest stale stale_descriptors_write_nothing \
		slow_drain_keeps_the_device
	check "halts stay on the base kernel" test_base_halt
}

# in_shape LAB_...=... COMMAND...: in machines of another shape.
in_shape()
{
	while [[ ${1:-} == LAB_*=* ]]; do
		local -x "${1%%=*}=${1#*=}"
		shift
	done
	"$@"
}

# modes NAME TEST...: the crypto driver in all its modes.
modes()
{
	local name=$1
	shift

	"$LAB/boot.sh" -k ours -c wall -t "${TIME_LIMIT[ours]}" \
		-a "$APPEND $(poison "${FLAVOUR:-lab}")" -o "$LOGS/iaa-$name" \
		/lab/bin/iaa-modes.sh "$@"
}

# Virtual time: what a batch takes is a count of instructions and modelled times. Those
# of debugging are not meant, whatever the flavour of the rest.
batch_times()
{
	in_shape LAB_PACKAGES=1 LAB_CPUS_PER_PACKAGE=1 LAB_IAA_PER_PACKAGE=4 LAB_IAA_GNR=y \
		"$LAB/boot.sh" -k ours -f lab -c icount -o "$LOGS/iaa-times" \
		/lab/bin/iaa-modes.sh a_batch_takes_little_longer_than_a_unit
}

# storms SECONDS TEST...: what comes and goes under load, for so long each.
storms()
{
	"$LAB/boot.sh" -k ours -c wall -t $((TIME_LIMIT[ours] + $1 * ($# - 1))) \
		-a "$APPEND $(poison "${FLAVOUR:-lab}") kmemleak=on" -o "$LOGS/iaa-storms" /lab/bin/iaa-storms.sh "$@"
}

group_shapes()
{
	check_ktap "1 device" in_shape LAB_PACKAGES=1 LAB_IAA_PER_PACKAGE=1 modes one \
		every_mode_works units_that_do_not_fit_fail_alone any_size_of_unit_works \
		async_does_not_wait callbacks_have_bottom_halves_disabled settings_have_their_defaults settings_are_checked \
		module_stays_while_it_is_used dynamic_mode_is_for_who_asks
	check_ktap "8 devices" in_shape LAB_IAA_PER_PACKAGE=4 modes eight work_is_distributed
	check_ktap "IAA 2.0" in_shape LAB_IAA_GNR=y LAB_IAA_PROPERTIES=inject=on modes gnr \
		every_mode_works any_size_of_unit_works \
		dynamic_mode_is_for_who_asks queues_have_roles \
		packages_without_devices_are_served verification_finds_what_is_wrong \
		analytics_errors_are_done_in_software
	check_ktap "2 nodes per package" in_shape LAB_NODES_PER_PACKAGE=2 modes nodes \
		work_is_distributed all_cpus_work_at_once
	check_ktap "devices without a node" in_shape LAB_IAA_NODELESS=y modes nodeless \
		packages_without_devices_are_served
	check_ktap "8 CPUs share a device" in_shape LAB_PACKAGES=1 LAB_CPUS_PER_PACKAGE=8 \
		LAB_IAA_PER_PACKAGE=1 modes shared all_cpus_make_progress
	check_ktap "time" batch_times
}

group_iaa()
{
	check_ktap "idxd" iaa_kunit idxd_kunit
	check_ktap "pure parts" iaa_kunit iaa_crypto_kunit
	check_ktap "unbinding" iaa_guest ours unbind \
		functions_unbind_with_device_enabled module_unloads_with_device_enabled \
		functions_unbind_with_queue_enabled
	check "unbinding fails on the base kernel" test_base_unbind
	check_ktap "resets" iaa_guest ours resets reset_brings_queues_back pages_survive_resets
	check "resets fail on the base kernel" test_base_reset
	group_halts
	check_ktap "defects of Linux 7.3" "$LAB/defects.sh" -k ours -o "$LOGS/iaa-defects"
	group_shapes
	check_ktap "storms" storms 8 queues_come_and_go_under_zswap settings_change_under_zswap \
		cpus_come_and_go_under_zswap module_can_be_reloaded
}
