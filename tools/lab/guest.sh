#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Packs the guest's file system and prints the archive.
#
#   guest.sh IMAGE        the folder that kernel.sh printed
#
# Debian's static busybox, accel-config with its libraries, the kernel's modules
# and selftests, our own programs: an initramfs, no distribution image.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

PROGRAMS=(usemem pageout)
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

compile_programs()
{
	local bin=$1 program

	for program in "${PROGRAMS[@]}"; do
		gcc -static -O2 -Wall -Wextra -o "$bin/$program" \
			"$ROOT/tools/mm/$program.c" "$ROOT/tools/mm/page_pattern.c"
		strip "$bin/$program"
	done
	for program in "$LAB"/guest/*.c; do
		program=$(basename "$program" .c)
		gcc -static -O2 -Wall -Wextra -o "$bin/$program" \
			"$LAB/guest/$program.c" "$ROOT/tools/mm/page_pattern.c"
		strip "$bin/$program"
	done
	cp "$ROOT"/tools/iaa/*.sh "$bin"
}

copy_image()
{
	local image=$1 root=$2

	cp -a "$image/modules/lib/modules" "$root/lib/modules"
	[ ! -d "$image/selftests" ] || cp "$image"/selftests/* "$root/lab/selftests/"
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
	local image=$1 dest=$2 root dir packages

	packages=$("$LAB/fetch.sh" packages "${GUEST_PACKAGES[@]}")
	dir=$(scratch "$CACHE/guest")
	root=$dir/root
	mkdir "$root"
	copy_packages "$packages" "$root"
	compile_programs "$root/lab/bin"
	copy_image "$image" "$root"
	cp "$LAB/guest/init" "$root/init"
	cp "$LAB"/guest/*.sh "$root/lab/bin/"
	chmod -R +x "$root/init" "$root/lab"
	pack "$root" >"$dir/initramfs"
	rm -rf "$root"
	publish "$dir" "$dest"
}

guest_key()
{
	{
		basename "$1"
		cat "$LAB/pins" "$LAB/guest.sh" "$LAB"/guest/* \
			"$ROOT"/tools/mm/*.[ch] "$ROOT"/tools/iaa/*.sh
	} | key
}

main()
{
	local image=${1:?usage: guest.sh IMAGE} dest

	need gcc cpio
	dest=$CACHE/guest/$(guest_key "$image")
	[ -f "$dest/initramfs" ] || locked guest build "$image" "$dest"
	printf '%s\n' "$dest/initramfs"
}

main "$@"
