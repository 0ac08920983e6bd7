# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Test results in KTAP. Sourced by the guest's test programs, which call
# ktap_run with the names of their tests: functions whose name says what must
# hold, and which print why when they fail. F_7_... is printed as "F.7 ...".

# ktap_run FUNCTION...: runs all, prints the plan, returns 1 if any failed.
ktap_run()
{
	local test title number=0 failed=0 status

	echo "KTAP version 1"
	echo "1..$#"
	for test in "$@"; do
		number=$((number + 1))
		# In a subshell that ends at its first failing command.
		(set -e; "$test") </dev/null >/tmp/ktap.log 2>&1
		status=$?
		title=$(echo "$test" | sed 's/^F_\([0-9]*\)_/F.\1 /')
		sed 's/^/# /' /tmp/ktap.log
		case $status in
		0) echo "ok $number $title" ;;
		4) echo "ok $number $title # SKIP $(tail -n 1 /tmp/ktap.log)" ;;
		*)
			echo "not ok $number $title"
			failed=1 ;;
		esac
	done
	return $failed
}

ktap_skip() { echo "$*"; exit 4; }

# expect WHAT IS WANTED: equality, with all three in the message, which is not
# part of what a caller's caller may take for output.
expect()
{
	[ "$2" = "$3" ] || { echo "$1 is '$2', not '$3'" >&2; return 1; }
}

# refuse COMMAND...: it must fail ("! command" does not end a test).
refuse()
{
	if "$@"; then
		echo "not refused: $*"
		return 1
	fi
}
