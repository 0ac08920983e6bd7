#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Records a real `make run` for the README: tools/lab/run.svg, an animation that any
# browser plays. Waits are cut to a second; nothing else differs from the terminal.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

DEST=$LAB/run.svg
GEOMETRY=124x46
# Of a frame and, after the table, of the last one; in ms.
LONGEST=1000 LAST=8000

# As on a prompt. The status goes to a file, since that of the terminal is its own.
demo()
{
	cat <<-END
	echo '\$ make run'
	make run
	echo \$? >'$BUILD/record-status'
	END
}

main()
{
	local file=$BUILD/run.svg

	need make termtosvg script
	mkdir -p "$BUILD"
	cd "$ROOT"
	demo >"$BUILD/record-demo"
	rm -f "$BUILD/record-status"
	# script gives it a terminal where there is none.
	script -qec "termtosvg '$file' -g $GEOMETRY -m 50 -M $LONGEST -D $LAST -t gjm8 \
		-c 'sh $BUILD/record-demo'" /dev/null </dev/null
	[ "$(cat "$BUILD/record-status")" = 0 ] || die "make run failed: nothing is recorded"
	{
		echo '<!-- SPDX-License-Identifier: GPL-2.0 -->'
		# Columns are made of spaces, which not all that shows pictures keeps unasked,
		# and are 8 pixels wide, which the font is not at 14.
		sed '1s/<svg /<svg xml:space="preserve" /; s/font-size: 14px/font-size: 13px/' "$file"
	} >"$DEST"
	log "$DEST: $(($(stat -c %s "$DEST") / 1024)) KiB"
}

main "$@"
