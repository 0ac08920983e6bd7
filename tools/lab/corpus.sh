#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Makes the data that is swapped and prints an archive that puts it into the
# guest as /lab/corpus.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

CORPUS_BYTES=$((16 * 1024 * 1024))

build()
{
	local packages=$1 dest=$2 dir

	log "making the corpus"
	dir=$(scratch "$CACHE/corpus")
	mkdir -p "$dir/root/lab"
	python3 "$LAB/corpus.py" "$packages" "$CORPUS_BYTES" "$dir/root/lab/corpus"
	# No times: see command_archive() in boot.sh.
	find "$dir/root" -exec touch -h -d @0 {} +
	(cd "$dir/root" && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0 --reproducible) >"$dir/archive"
	rm -rf "$dir/root"
	publish "$dir" "$dest"
}

main()
{
	local packages dest

	need python3 cpio
	packages=$("$LAB/fetch.sh" packages "${CORPUS_PACKAGES[@]}")
	dest=$CACHE/corpus/$({
		cat "$packages/.files" "$LAB"/corpus.{sh,py}
	} | key)
	[ -d "$dest" ] || locked corpus build "$packages" "$dest"
	printf '%s\n' "$dest/archive"
}

main "$@"
