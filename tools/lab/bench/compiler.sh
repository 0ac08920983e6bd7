#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Packs Debian's C compiler and something to compile, and prints an archive that
# puts both into the guest as /cc.
#
# The source is preprocessed here: no headers have to go along.

LAB_SCRIPTS=$(dirname "$0")/..
# shellcheck source=tools/lab/lib.sh
. "$LAB_SCRIPTS/lib.sh"

preprocess() { gcc -E -P "$ROOT/tools/mm/usemem.c"; }

build()
{
	local packages=$1 dest=$2 dir root
	dir=$(scratch "$CACHE/compiler")

	log "packing the compiler"
	root=$dir/root
	mkdir -p "$root/cc/lib"
	cp "$packages"/usr/libexec/gcc/x86_64-linux-gnu/*/cc1 "$root/cc/"
	find "$packages/usr/lib/x86_64-linux-gnu" -maxdepth 1 -name '*.so.*' \
		-exec cp -L {} "$root/cc/lib/" \;
	preprocess >"$root/cc/source.i"
	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0 --reproducible) >"$dir/archive"
	rm -rf "$root"
	publish "$dir" "$dest"
}

main()
{
	local packages dest

	need gcc cpio
	packages=$("$LAB/fetch.sh" packages "${COMPILER_PACKAGES[@]}")
	dest=$CACHE/compiler/$({
		cat "$packages/.files" "$LAB/bench/compiler.sh"
		preprocess
	} | key)
	[ -d "$dest" ] || locked compiler build "$packages" "$dest"
	printf '%s\n' "$dest/archive"
}

main "$@"
