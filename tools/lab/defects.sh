#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs the tests of the defects that the crypto driver of Linux 7.3 has.
#
#   defects.sh [-k base|ours] [-o FOLDER] [TEST...]      (base, all tests)
#
# Each in a guest of its own, because that driver may take the guest down with it;
# prints a line for each and, of those that fail, what was seen. With -o all in one
# guest, as KTAP, with the logs in FOLDER. The status is 0 if all have passed.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=base OUTPUT=''
SECONDS_PER_TEST=120
TESTS=$LAB/guest/iaa-defects.sh
LOGS=$BUILD/defects

all_tests() { sed -n 's/^\(F_[0-9]*_[a-z0-9_]*\)()$/\1/p' "$TESTS"; }

# Why a guest has failed: its kernel's complaint, or the last words of the test.
reason()
{
	local dir=$1

	grep -hoE -m 1 'BUG: .*|WARNING: .*|general protection fault.*|Oops.*|INFO: task .*' \
		"$dir/console" ||
		grep -v '^#.* -> \|^not ok\|^KTAP\|^1\.\.' "$dir/output" | tail -n 2 | sed 's/^# //' |
		paste -s -d ';' - | grep . || echo "the guest hung"
}

# What the kernel's document calls the statistics, as folder/file:name.
documented_statistics()
{
	local tree document
	tree=$("$LAB/fetch.sh" linux)

	[ "$KERNEL" = base ] || tree=$("$LAB/tree.sh" linux "$tree")
	document=$tree/Documentation/driver-api/crypto/iaa/iaa-crypto.rst
	grep -oE '(total|fallback)_[a-z][a-z_]+' "$document" | sort -u |
		sed "s|^|$(grep -oE -m 1 'debug/iaa[a-z_-]+' "$document" | sed 's|debug/||')/global_stats:|" |
		paste -s -d ' ' -
}

# in_guest FOLDER SECONDS TEST...
in_guest()
{
	local dir=$1 seconds=$2
	shift 2

	# One device per package: to set up a device takes as long as most tests.
	LAB_IAA_PER_PACKAGE=1 LAB_IAA_PROPERTIES=inject=on \
		"$LAB/boot.sh" -k "$KERNEL" -c wall -t "$seconds" \
		-a "brd.rd_nr=1 brd.rd_size=131072 $(poison "${FLAVOUR:-lab}")" "${MODULE[@]}" -o "$dir" \
		env "STATISTICS=$STATISTICS" /lab/bin/iaa-defects.sh "$@"
}

run_one()
{
	local test=$1 dir=$LOGS/$1 status=0

	in_guest "$dir" "$SECONDS_PER_TEST" "$test" >"$dir.log" 2>&1 || status=$?
	if grep -q '# SKIP' "$dir/output"; then
		echo "skipped $test: $(sed -n 's/.*# SKIP //p' "$dir/output")"
	elif [ "$status" -eq 0 ]; then
		echo "passed  $test"
	else
		FAILED=$((FAILED + 1))
		echo "FAILED  $test: $(reason "$dir")"
	fi
}

parse_options()
{
	local option

	while getopts k:o: option; do
		case $option in
		k) KERNEL=$OPTARG ;;
		o) OUTPUT=$OPTARG ;;
		*) die "usage: see the head of this file" ;;
		esac
	done
	TO_RUN=("${@:OPTIND}")
	[ "${#TO_RUN[@]}" -gt 0 ] || mapfile -t TO_RUN < <(all_tests)
}

main()
{
	local test

	parse_options "$@"
	MODULE=()
	FAILED=0
	"$LAB/kernel.sh" "$KERNEL" "${FLAVOUR:-lab}" >/dev/null
	[ "$KERNEL" = ours ] || MODULE=(-d "$("$LAB/module.sh" "${FLAVOUR:-lab}")")
	STATISTICS=$(documented_statistics)
	if [ -n "$OUTPUT" ]; then
		in_guest "$OUTPUT" $((SECONDS_PER_TEST * 15)) "${TO_RUN[@]}"
		return
	fi
	mkdir -p "$LOGS"
	for test in "${TO_RUN[@]}"; do
		run_one "$test"
	done
	echo "$FAILED of ${#TO_RUN[@]} failed (logs in $LOGS)"
	[ "$FAILED" -eq 0 ]
}

main "$@"
