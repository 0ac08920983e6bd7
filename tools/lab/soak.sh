#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What takes too long for "make check": a million pages through the model's
# coder, and fuzzing for MINUTES (30) each. The status is 0 if all of it passed.

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
		log "$what: FAILED (findings are in $BUILD/fuzz)"
		FAILED=1
	fi
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
	soak "fuzzing the decompressor" "$LAB/fuzz.sh" inflate $((MINUTES * 60))
	soak "fuzzing descriptors" "$LAB/fuzz.sh" descriptor $((MINUTES * 60))
	return "$FAILED"
}

main "$@"
