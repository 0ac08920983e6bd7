# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# idxd and the IAA driver in guests of our kernel. Where a defect of the base
# kernel always shows, a test shows it there too: so it is known to be able to fail.

# With freed memory poisoned, and red zones around what is allocated.
SLUB_DEBUG=slub_debug=FZPU
# A task that died with a lock held keeps its guest from powering off.
TIME_LIMIT=40

# iaa_guest KERNEL NAME TEST...: the guest's tests of these names.
iaa_guest()
{
	local kernel=$1 name=$2
	shift 2

	"$LAB/boot.sh" -k "$kernel" -c wall -t "$TIME_LIMIT" -a "$SLUB_DEBUG" -o "$LOGS/iaa-$name" \
		/lab/bin/iaa-test.sh "$@"
}

# Test that the base kernel uses a queue's memory after freeing it.
test_base_unbind()
{
	refused iaa_guest base base-unbind functions_unbind_with_device_enabled
	grep -q 'general protection fault.* 0x6b6b6b6b6b6b6b' "$LOGS/iaa-base-unbind/console"
	grep -q 'idxd_device_drv_remove+' "$LOGS/iaa-base-unbind/console"
}

group_iaa()
{
	check_ktap "unbinding" iaa_guest ours unbind \
		functions_unbind_with_device_enabled module_unloads_with_device_enabled \
		functions_unbind_with_queue_enabled
	check "unbinding fails on the base kernel" test_base_unbind
}
