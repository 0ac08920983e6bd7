#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What takes too long for "make check", all or the PARTs of it: coder, a million pages
# through that of the model; faults; fuzzers, two; storms, of what comes and goes under
# zswap, four. For MINUTES (30) each, but for the coder. The last lines are a summary,
# and the status is 0 if all of it passed.
#
#   soak.sh [PART...]

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

MINUTES=${MINUTES:-30}
PAGES=1000000
# Lines for the end.
SUMMARY=() TABLE=()
FAILED=0

# soak WHAT COMMAND...: what it does is seen as it comes, and once more in the summary.
soak()
{
	local what=$1 start=$SECONDS verdict=passed
	shift

	log "$what"
	if ! "$@"; then
		verdict=FAILED
		FAILED=1
	fi
	SUMMARY+=("$(printf '%-32s %s after %s' "$what" "$verdict" "$(elapsed "$start")")")
	log "${SUMMARY[-1]}"
}

summary()
{
	printf '%s\n' "${SUMMARY[@]}"
	[ "${#TABLE[@]}" -eq 0 ] || printf '%s\n' "${TABLE[@]}"
	if [ "$FAILED" -ne 0 ]; then
		echo "findings are in $BUILD/fuzz, $BUILD/check and $BUILD/soak"
	fi
}

# The debug kernel also looks for memory without an owner. It has a guest's time
# for setting up, and for what is under way when the storm ends.
storm()
{
	FLAVOUR=debug "$LAB/boot.sh" -k ours -c wall -t $((MINUTES * 60 + 2700)) \
		-a "brd.rd_nr=1 brd.rd_size=131072 kmemleak=on" -o "$BUILD/soak/$1" \
		/lab/bin/iaa-storms.sh $((MINUTES * 60)) "$1"
}

soak_coder()
{
	local corpus

	need cpio
	corpus=$("$LAB/corpus.sh")
	mkdir -p "$BUILD/fuzz"
	cpio -i --quiet --to-stdout lab/corpus <"$corpus" >"$BUILD/fuzz/corpus"
	soak "$PAGES pages through the coder" "$LAB/fuzz.sh" pages "$BUILD/fuzz/corpus" "$PAGES"
}

soak_faults()
{
	STORM_SECONDS=$((MINUTES * 60)) SWEEP_STEP=${SWEEP_STEP:-1} soak "faults and a storm" \
		"$LAB/check.sh" faults
	if [ -f "$BUILD/check/faults-table" ]; then
		mapfile -t TABLE <"$BUILD/check/faults-table"
	fi
}

soak_fuzzers()
{
	soak "fuzzing the decompressor" "$LAB/fuzz.sh" inflate $((MINUTES * 60))
	soak "fuzzing descriptors" "$LAB/fuzz.sh" descriptor $((MINUTES * 60))
}

soak_storms()
{
	soak "queues" storm queues_come_and_go_under_zswap
	soak "devices" storm devices_come_and_go_under_zswap
	soak "settings" storm settings_change_under_zswap
	soak "CPUs" storm cpus_come_and_go_under_zswap
	soak "the module" storm module_can_be_reloaded
}

main()
{
	local part

	[[ $MINUTES =~ ^[1-9][0-9]*$ ]] || die "MINUTES=$MINUTES is not a number of minutes"
	[ $# -gt 0 ] || set -- coder faults fuzzers storms
	for part in "$@"; do
		declare -F "soak_$part" >/dev/null || die "no part '$part'"
	done
	for part in "$@"; do
		"soak_$part"
	done
	summary
	return "$FAILED"
}

main "$@"
