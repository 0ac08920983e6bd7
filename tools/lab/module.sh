#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Builds a module of tests, of those in crypto/tests/ that submit requests, for the
# base kernel, which does not have it, and prints an archive for the guest.
#
#   [MODULE=acomp_exercise] module.sh [FLAVOUR]
#
# The kernel must have been built (kernel.sh base FLAVOUR).

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCE=crypto/tests/${MODULE:-acomp_exercise}.c
COMPAT=tools/lab/compat/acomp_units.h

# What modules are built against: configuration and symbols of the kernel.
module_key()
{
	local out=$1

	{
		cat "$LAB/module.sh" "$ROOT/$SOURCE" "$ROOT/$COMPAT" \
			"$out/.config" "$out/Module.symvers"
		gcc --version | head -n 1
	} | key
}

build()
{
	local tree=$1 out=$2 dest=$3 dir module

	dir=$(scratch "$CACHE/module")
	module=$(basename "$SOURCE" .c)
	mkdir -p "$dir/module" "$dir/root/lab/modules"
	cp "$ROOT/$SOURCE" "$ROOT/$COMPAT" "$dir/module"
	{
		echo "obj-m := $module.o"
		# shellcheck disable=SC2016
		echo 'ccflags-y := -include $(src)/acomp_units.h'
	} >"$dir/module/Kbuild"
	quietly "$BUILD/log/module.log" make -C "$tree" O="$out" M="$dir/module" \
		LOCALVERSION=-base modules
	strip --strip-debug "$dir/module/$module.ko" -o "$dir/root/lab/modules/$module.ko"
	(cd "$dir/root" && find . -mindepth 1 | sort | cpio --quiet -o -H newc -R 0:0) >"$dir/archive"
	rm -rf "$dir/root" "$dir/module"
	publish "$dir" "$dest"
}

main()
{
	local flavour=${1:-lab} tree out dest

	need make gcc cpio
	tree=$("$LAB/fetch.sh" linux)
	out=$tree/out-$flavour
	[ -f "$out/Module.symvers" ] || die "the base kernel ($flavour) is not built: kernel.sh base $flavour"
	dest=$CACHE/module/$(module_key "$out")
	[ -f "$dest/archive" ] || locked base build "$tree" "$out" "$dest" >&2
	printf '%s\n' "$dest/archive"
}

main "$@"
