#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Builds kselftests of our tree and prints an archive that puts them into a guest.
#
#   selftests.sh FOLDER...      below tools/testing/selftests; /lab/FOLDER in guests
#
# They are programs: those of our tree also run in a guest of the base kernel,
# which has none of the new ones. (Those in a kernel's image are its own.)

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

KSELFTESTS=tools/testing/selftests

# Programs and scripts of one folder.
install_folder()
{
	local tree=$1 headers=$2 folder=$3 dest=$4 source=$1/$KSELFTESTS/$3 out
	out=$(mktemp -d "$BUILD/.new.XXXXXX")

	quietly "$BUILD/log/kselftests-$folder.log" make -C "$source" -j "$JOBS" \
		OUTPUT="$out" KHDR_INCLUDES="-isystem $headers" LDFLAGS=-static \
		top_srcdir="$tree" all
	find "$out" -maxdepth 1 -type f -perm -u+x -exec strip {} + -exec cp -t "$dest" {} +
	find "$source" -maxdepth 1 -name '*.sh' -exec cp -t "$dest" {} +
	rm -rf "$out"
}

build()
{
	local tree=$1 dest=$2 dir headers folder
	shift 2

	headers=$(headers "$tree")
	dir=$(scratch "$CACHE/kselftests")
	for folder in "$@"; do
		mkdir -p "$dir/root/lab/$folder"
		install_folder "$tree" "$headers" "$folder" "$dir/root/lab/$folder"
	done
	(cd "$dir/root" && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0) >"$dir/archive"
	rm -rf "$dir/root"
	publish "$dir" "$dest"
}

# The headers that a build of the kernel has left, of any flavour.
headers()
{
	local tree=$1 dir

	for dir in "$tree"/out-*/usr/include; do
		[ -d "$dir/linux" ] || continue
		printf '%s\n' "$dir"
		return
	done
	die "$tree was never built: 'make kernel' first"
}

# What can be in the programs: the folders, what selftests share, and tools/mm.
selftests_key()
{
	local tree=$1
	shift

	{
		printf '%s\n' "$@"
		cat "$LAB/selftests.sh"
		cd "$tree"
		find -L "${@/#/$KSELFTESTS/}" $KSELFTESTS/{*.h,*.mk,lib,cgroup/lib} tools/mm \
			-maxdepth 2 -type f | sort | xargs sha256sum
	} | key
}

main()
{
	local tree dest

	[ $# -gt 0 ] || die "usage: selftests.sh FOLDER..."
	need make gcc cpio
	tree=$("$LAB/tree.sh" linux)
	dest=$CACHE/kselftests/$(selftests_key "$tree" "$@")
	[ -f "$dest/archive" ] || locked kselftests build "$tree" "$dest" "$@" >&2
	printf '%s\n' "$dest/archive"
}

main "$@"
