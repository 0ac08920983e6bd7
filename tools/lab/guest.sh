#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Packs the guest's file system and prints the archive.
#
#   guest.sh IMAGE [FLAVOUR]      the folder that kernel.sh printed
#
# Debian's static busybox, accel-config with its libraries, the kernel's modules
# and selftests, our own programs: an initramfs, no distribution image.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

PROGRAMS=(usemem pageout)
# Of guest/, all the flavour bench has: what else were unpacked would decide where
# memory lies, so that a change of any test would change what is counted.
BENCH_FILES=(init zswap.sh bench-job.sh compile-job.sh fault-latency.c mark.c poke.c)
LIBRARIES='lib(accel-config|json-c|uuid|c|m)\.so|ld-linux-x86-64'

copy_packages()
{
	local from=$1 root=$2 file

	mkdir -p "$root"/{bin,sbin,lib,dev,proc,sys,tmp,root,repo,usr/bin,usr/lib,lab/bin,lab/selftests}
	cp "$from"/usr/bin/busybox "$root/bin/busybox"
	cp "$from/usr/bin/accel-config" "$root/usr/bin/"
	while read -r file; do
		mkdir -p "$root/$(dirname "$file")"
		cp -a "$from/$file" "$root/$file"
	done < <(cd "$from" && find usr/lib ! -type d | grep -E "/($LIBRARIES)[^/]*$")
	ln -s usr/lib64 "$root/lib64"
	mkdir -p "$root/usr/lib64"
	ln -sf "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$root/usr/lib64/"
	ln -s ../usr/lib/x86_64-linux-gnu "$root/lib/x86_64-linux-gnu"
}

# Of guest/, one in a line.
guest_files()
{
	local flavour=$1

	if [ "$flavour" = bench ]; then
		printf '%s\n' "${BENCH_FILES[@]/#/"$LAB/guest/"}"
	else
		printf '%s\n' "$LAB"/guest/*
	fi
}

compile_program()
{
	local source=$1 program=$2

	gcc -static -O2 -Wall -Wextra -o "$program" "$source" "$ROOT/tools/mm/page_pattern.c"
	strip "$program"
}

copy_programs()
{
	local bin=$1 flavour=$2 file

	for file in "${PROGRAMS[@]}"; do
		compile_program "$ROOT/tools/mm/$file.c" "$bin/$file"
	done
	while read -r file; do
		case $file in
		*.c) compile_program "$file" "$bin/$(basename "$file" .c)" ;;
		*.sh) cp "$file" "$bin" ;;
		esac
	done < <(guest_files "$flavour")
	[ "$flavour" = bench ] || cp "$ROOT"/tools/iaa/*.sh "$bin"
}

copy_image()
{
	local image=$1 root=$2 flavour=$3

	cp -a "$image/modules/lib/modules" "$root/lib/modules"
	if [ -d "$image/selftests" ] && [ "$flavour" != bench ]; then
		cp "$image"/selftests/* "$root/lab/selftests/"
	fi
}

# Numbers instead of times and owners: the same input gives the same archive.
pack()
{
	local root=$1

	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0 --reproducible)
}

build()
{
	local image=$1 flavour=$2 dest=$3 root dir packages

	packages=$("$LAB/fetch.sh" packages "${GUEST_PACKAGES[@]}")
	dir=$(scratch "$CACHE/guest")
	root=$dir/root
	mkdir "$root"
	copy_packages "$packages" "$root"
	copy_programs "$root/lab/bin" "$flavour"
	copy_image "$image" "$root" "$flavour"
	cp "$LAB/guest/init" "$root/init"
	chmod -R +x "$root/init" "$root/lab"
	pack "$root" >"$dir/initramfs"
	rm -rf "$root"
	publish "$dir" "$dest"
}

guest_key()
{
	local image=$1 flavour=$2

	{
		basename "$image"
		guest_files "$flavour" | xargs -d '\n' cat "$LAB/pins" "$LAB/guest.sh" "$ROOT"/tools/mm/*.[ch]
		[ "$flavour" = bench ] || cat "$ROOT"/tools/iaa/*.sh
	} | key
}

main()
{
	local image=${1:?usage: guest.sh IMAGE [FLAVOUR]} flavour=${2:-lab} dest

	need gcc cpio
	dest=$CACHE/guest/$(guest_key "$image" "$flavour")
	[ -f "$dest/initramfs" ] || locked guest build "$image" "$flavour" "$dest"
	printf '%s\n' "$dest/initramfs"
}

main "$@"
