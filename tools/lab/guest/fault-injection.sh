# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# The kernel's fault injection: operations that fail one by one, allocations and
# copies from and to user space. Sourced, after zswap.sh and ktap.sh.

DEBUG=/sys/kernel/debug

# Everything that can fail does, also what may wait; and quietly, since each
# failure would print a trace.
enable_fail_nth()
{
	local point

	[ -e $DEBUG/failslab ] || return 0
	for point in failslab fail_page_alloc; do
		set_value $DEBUG/$point/ignore-gfp-wait N
	done
	set_value $DEBUG/fail_page_alloc/min-order 0
	set_value $DEBUG/fail_page_alloc/ignore-gfp-highmem N
	for point in failslab fail_page_alloc fail_usercopy; do
		set_value $DEBUG/$point/verbose 0
	done
}

# functions FIRST LAST: their range of addresses
functions()
{
	awk -v first="$1" -v last="$2" '
		ended { print start, "0x" $1; found = 1; exit }
		$3 == first { start = "0x" $1 }
		$3 == last && start { ended = 1 }
		END { exit !found }' /proc/kallsyms || { echo "the kernel has no $1 before $2"; return 1; }
}

# never_from FIRST LAST: no slab fails for these functions, by their addresses, and what
# they call.
never_from()
{
	local range

	range=$(functions "$1" "$2") || { echo "$range"; return 1; }
	echo "${range% *}" >$DEBUG/failslab/reject-start
	echo "${range#* }" >$DEBUG/failslab/reject-end
}

# only_from START END: nothing fails but for the functions in this range, and what they
# call. All of memory is the range to begin with.
only_from()
{
	local point

	for point in failslab fail_page_alloc fail_usercopy; do
		echo "$1" >$DEBUG/$point/require-start
		echo "$2" >$DEBUG/$point/require-end
	done
}

need_fail_nth() { [ -e $DEBUG/failslab ] || ktap_skip "this kernel does not inject faults"; }

# The shell itself is what fails, so all from arm to disarm must be builtin.
arm() { echo "$1" >/proc/self/fail-nth; }

# Was the fault reached, rather than by what asks for that?
disarm()
{
	local left=1

	read -r left 2>/dev/null </proc/self/fail-nth || left=1
	until echo 0 2>/dev/null >/proc/self/fail-nth; do
		:
	done
	[ "$left" = 0 ]
}
