#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What takes too long for "make check": a million pages through the model's
# coder, fuzzing, and what comes and goes under zswap, for MINUTES (30) each. The
# status is 0 if all of it passed.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

MINUTES=${MINUTES:-30}
PAGES=1000000
FAILED=0

soak()
{
	local what=$1 start=$SECONDS
	shift

	log "$what"
	if "$@"; then
		log "$what: passed in $(elapsed "$start")"
	else
		log "$what: FAILED (findings are in $BUILD/fuzz, $BUILD/check and $BUILD/soak)"
		FAILED=1
	fi
}

# The debug kernel also looks for memory without an owner. It has a guest's time
# for setting up, and for what is under way when the storm ends.
storm()
{
	FLAVOUR=debug "$LAB/boot.sh" -k ours -c wall -t $((MINUTES * 60 + 900)) \
		-a "brd.rd_nr=1 brd.rd_size=131072" -o "$BUILD/soak/$1" \
		/lab/bin/iaa-storms.sh $((MINUTES * 60)) "$1"
}

main()
{
	local corpus

	[[ $MINUTES =~ ^[1-9][0-9]*$ ]] || die "MINUTES=$MINUTES is not a number of minutes"
	need cpio
	corpus=$("$LAB/corpus.sh")
	mkdir -p "$BUILD/fuzz"
	cpio -i --quiet --to-stdout lab/corpus <"$corpus" >"$BUILD/fuzz/corpus"
	soak "$PAGES pages through the coder" "$LAB/fuzz.sh" pages "$BUILD/fuzz/corpus" "$PAGES"
	STORM_SECONDS=$((MINUTES * 60)) SWEEP_STEP=1 soak "pages through faults and a storm" \
		"$LAB/check.sh" faults
	soak "fuzzing the decompressor" "$LAB/fuzz.sh" inflate $((MINUTES * 60))
	soak "fuzzing descriptors" "$LAB/fuzz.sh" descriptor $((MINUTES * 60))
	soak "queues" storm queues_come_and_go_under_zswap
	soak "settings" storm settings_change_under_zswap
	soak "CPUs" storm cpus_come_and_go_under_zswap
	soak "the module" storm module_can_be_reloaded
	return "$FAILED"
}

main "$@"
