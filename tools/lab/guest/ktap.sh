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

# ktap_of_kunit <LOG: the results of KUnit in a kernel's log as one flat list: each
# test case is a result; those of its parameters are comments. Suites are indented
# by 4, cases by 8.
ktap_of_kunit()
{
	echo "KTAP version 1"
	sed 's/^\[[^]]*\] //' | awk '
		/^    # Subtest: / { suite = $3 }
		/^    1\.\.[0-9]+/ { sub(/^    1\.\./, ""); planned += $0 }
		/^    (not )?ok [0-9]+ / {
			verdict = $1 == "ok" ? "ok" : "not ok"
			sub(/^    (not )?ok [0-9]+ /, "")
			print verdict, ++results, suite "." $0
			next
		}
		# Messages of expectations begin in the first column.
		!/^(KTAP version|1\.\.|(not )?ok )/ { print "#" $0 }
		END {
			print "1.." planned + 0
			exit results != planned || !planned
		}'
}
