# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# idxd and the IAA driver in guests of our kernel. Where a defect of the base
# kernel always shows, a test shows it there too: so it is known to be able to fail.

# With freed memory poisoned, and red zones around what is allocated.
APPEND="slub_debug=FZPU brd.rd_nr=1 brd.rd_size=131072"
# A task that died with a lock held keeps its guest from powering off, which the
# base kernel is expected to come to. Seconds; the tests there take few.
declare -A TIME_LIMIT=([base]=60 [ours]=300)

# iaa_guest KERNEL NAME TEST...: the guest's tests of these names.
iaa_guest()
{
	local kernel=$1 name=$2
	shift 2

	"$LAB/boot.sh" -k "$kernel" -c wall -t "${TIME_LIMIT[$kernel]}" -a "$APPEND" -o "$LOGS/iaa-$name" \
		/lab/bin/iaa-test.sh "$@"
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
	"$LAB/boot.sh" -k ours -c wall -a "$APPEND" -o "$LOGS/iaa-kunit-$1" /lab/bin/kunit.sh "$1"
}

# Devices that fail when the guest tells them to, if the lab has them.
faulty_guest()
{
	LAB_IAA_PROPERTIES=inject=on iaa_guest "$@"
}

# Test that the base kernel does not get a device out of a halt.
test_base_halt()
{
	refused faulty_guest base base-halt software_halt_is_recovered
}

group_faults()
{
	if [ ! -f "$LAB/guest/iaa-fault.c" ]; then
		check "halts and hung commands" skip "the device model has no fault injection"
		return
	fi
	check_ktap "halts" faulty_guest ours halts software_halt_is_recovered \
		flr_halt_is_recovered hung_command_is_given_up warm_halt_disables_the_device
	check "halts stay on the base kernel" test_base_halt
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
	group_faults
}
