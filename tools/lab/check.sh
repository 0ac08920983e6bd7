#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs the tests: all groups, or those named. The last line counts them.
#
#   check.sh [GROUP...]         a group is a file in tools/lab/tests/
#
# A group's file calls check() and check_ktap(). Logs land in build/check/.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# What every change must pass, within an hour on a machine that has nothing yet. Not
# bench and faults, which are for whoever changes what they are about: bench is gate
# with more figures, and faults need the debug kernel, which alone takes a quarter of
# that hour to be built, and guests that boot it five times.
GROUPS_ALL=(lab device acomp iaa zswap gate series deb)
LOGS=$BUILD/check
SKIP_STATUS=77
PASSED=0 FAILED=0 SKIPPED=0 FAILURES=()

# skip WHY: ends a test that cannot run here; counted apart, never as passed.
skip() { echo "SKIP: $*"; exit "$SKIP_STATUS"; }

# refused COMMAND...: it must fail ("! command" would never end a test).
refused()
{
	if "$@"; then
		echo "not refused: $*"
		return 1
	fi
}

log_name() { tr -cs '[:alnum:]' '-' <<<"$1" | sed 's/-$//' | cut -c1-80; }

count_pass() { PASSED=$((PASSED + 1)); echo "ok      $*"; }
count_skip() { SKIPPED=$((SKIPPED + 1)); echo "skipped $*"; }

count_failure()
{
	FAILED=$((FAILED + 1))
	FAILURES+=("$1")
	echo "NOT OK  $1"
	if [ -n "${2:-}" ]; then
		tail -n 40 "$2" | sed 's/^/        | /'
	fi
}

# into LOG COMMAND...: the status of a command run apart, its output in LOG.
into()
{
	local file=$1
	shift

	(set -e; "$@") </dev/null >"$file" 2>&1
}

# run_test COMMAND...: runs the test WHAT; leaves its LOG, STATUS and TOOK.
run_test()
{
	local start=$SECONDS

	LOG=$LOGS/$(log_name "$WHAT").log
	# A failure is not the end of this script, but of the test in its subshell.
	set +e
	into "$LOG" "$@"
	STATUS=$?
	set -e
	TOOK=$(elapsed "$start")
}

# check DESCRIPTION COMMAND...: one test, judged by the command's status.
check()
{
	WHAT="$GROUP: $1"
	shift

	run_test "$@"
	case $STATUS in
	0) count_pass "$WHAT ($TOOK)" ;;
	"$SKIP_STATUS") count_skip "$WHAT: $(sed -n 's/^SKIP: //p' "$LOG" | tail -n 1)" ;;
	*) count_failure "$WHAT" "$LOG" ;;
	esac
}

# check_ktap DESCRIPTION COMMAND...: each "ok" and "not ok" line is a test; the
# plan ("1..N") must be there and kept, and the status must agree.
check_ktap()
{
	local line plan results=0 failed=$FAILED
	WHAT="$GROUP: $1"
	shift

	run_test "$@"
	while read -r line; do
		results=$((results + 1))
		case $line in
		*'# SKIP'*) count_skip "$WHAT: ${line#*ok * }" ;;
		'not ok'*) count_failure "$WHAT: ${line#not ok * }" "$LOG" ;;
		*) count_pass "$WHAT: ${line#ok * }" ;;
		esac
	done < <(tr -d '\r' <"$LOG" | grep -E '^(not )?ok [0-9]+ ' || true)
	plan=$(tr -d '\r' <"$LOG" | sed -nE 's/^1\.\.([0-9]+).*/\1/p' | tail -n 1)
	if [ "$results" -ne "${plan:-0}" ] || [ "${plan:-0}" -eq 0 ]; then
		count_failure "$WHAT: $results results, planned ${plan:-none}" "$LOG"
	elif [ "$STATUS" -ne 0 ] && [ "$FAILED" -eq "$failed" ]; then
		count_failure "$WHAT: ended with status $STATUS" "$LOG"
	fi
	echo "        ($WHAT: $TOOK)"
}

run_group()
{
	GROUP=$1
	log "tests: $GROUP"
	# shellcheck source=/dev/null
	. "$LAB/tests/$GROUP.sh"
	"group_$GROUP"
}

main()
{
	local group start=$SECONDS

	[ $# -gt 0 ] || set -- "${GROUPS_ALL[@]}"
	for group in "$@"; do
		[ -f "$LAB/tests/$group.sh" ] ||
			die "no test group '$group' (there are: ${GROUPS_ALL[*]})"
	done
	rm -rf "$LOGS"
	mkdir -p "$LOGS"
	for group in "$@"; do
		run_group "$group"
	done
	[ "$FAILED" -eq 0 ] || printf 'failed: %s\n' "${FAILURES[@]}"
	log "took $(elapsed "$start"); logs in $LOGS"
	if [ "$SKIPPED" -gt 0 ]; then
		echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	else
		echo "$PASSED passed, $FAILED failed"
	fi
	[ "$FAILED" -eq 0 ]
}

main "$@"
