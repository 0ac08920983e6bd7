#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Keeps a source tree equal to: pristine + quilt series + this repository's own
# files (as links, so that an edit on either side is live in the next build).
#
#   tree.sh linux [BASE]            bring build/linux up to date; prints it
#   tree.sh qemu                    the same for build/qemu
#   tree.sh refresh linux|qemu [P]  bring edits back into their patches; edits
#                                   of files that no patch has go to patch P
#   tree.sh overlay linux|qemu      list our own files of that tree
#   tree.sh hashes linux|qemu LESS  names and hashes of patches and own files, less
#                                   those that the expression LESS matches
#   tree.sh try PRISTINE PATCHES    does the series apply, without fuzz?

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# The folders of the repository that mirror Linux; nothing else reaches it.
LINUX_FOLDERS=(arch block certs crypto Documentation drivers fs include init
	       io_uring ipc kernel lib mm net rust samples scripts security
	       sound tools usr virt)
REFRESH=(-p ab -U1 --no-timestamps --no-index --sort)

select_tree()
{
	case ${1:-} in
	linux) DEST=$BUILD/linux PATCHES=$ROOT/patches SOURCE=$ROOT ;;
	qemu) DEST=$BUILD/qemu PATCHES=$ROOT/tools/qemu/patches SOURCE=$ROOT/tools/qemu ;;
	*) die "no such tree: '${1:-}' (linux or qemu)" ;;
	esac
	KIND=$1
	STATE=$DEST/.lab
}

# What a result is made of, for its key.
hashes()
{
	(
		cd "$SOURCE"
		sha256sum patches/*
		overlay_files | { grep -vE "$1" || true; } | xargs -r -d '\n' sha256sum
	)
}

# Our own files of this tree, relative to it, committed or not.
overlay_files()
{
	(
		cd "$SOURCE"
		git ls-files --cached --others --exclude-standard |
			while read -r file; do
				[ ! -f "$file" ] || printf '%s\n' "$file"
			done
	) | if [ "$KIND" = linux ]; then
		grep -E "^($(IFS='|'; echo "${LINUX_FOLDERS[*]}"))/" |
			grep -vE '^tools/(lab|qemu)/' || true
	else
		grep -vE '^patches/' || true
	fi | sort -u
}

# The names in a series, comments and blank lines dropped.
series()
{
	[ ! -f "$1/series" ] || sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$1/series"
}

# quilt on the tree's private copy of the patches: popping needs what was pushed.
in_quilt()
{
	(
		cd "$DEST"
		QUILT_PATCHES=.lab/patches QUILT_PC=.pc \
			quilt --quiltrc=/dev/null "$@"
	)
}

applied() { in_quilt applied 2>/dev/null || true; }

# How many patches, from the bottom, are applied as the repository has them.
unchanged_prefix()
{
	local name n=0
	local -a have want

	mapfile -t have < <(applied)
	mapfile -t want < <(series "$PATCHES")
	for name in "${have[@]}"; do
		[ "$name" = "${want[n]:-}" ] || break
		cmp -s "$STATE/patches/$name" "$PATCHES/$name" || break
		n=$((n + 1))
	done
	echo "$n"
}

# A patched file that was edited and not refreshed must not be overwritten.
check_unedited()
{
	local name edited=()

	while read -r name; do
		[ -n "$name" ] || continue
		[ -z "$(in_quilt diff -z -P "$name" 2>/dev/null)" ] || edited+=("$name")
	done < <(applied)
	[ "${#edited[@]}" -eq 0 ] ||
		die "$DEST has edits that are not in their patches (${edited[*]}): 'make refresh' first"
}

pop_to()
{
	local keep=$1 have

	have=$(applied | grep -c . || true)
	[ "$have" -gt "$keep" ] || return 0
	check_unedited
	in_quilt pop -q "$((have - keep))" >/dev/null || die "could not take patches off $DEST"
}

copy_patches()
{
	local name

	mkdir -p "$STATE/patches"
	while read -r name; do
		[ -f "$PATCHES/$name" ] || die "patches/series names '$name', which does not exist"
		cmp -s "$PATCHES/$name" "$STATE/patches/$name" || cp "$PATCHES/$name" "$STATE/patches/$name"
	done < <(series "$PATCHES")
	series "$PATCHES" >"$STATE/patches/series"
}

push_all()
{
	[ -n "$(in_quilt unapplied 2>/dev/null || true)" ] || return 0
	in_quilt push -q -a --fuzz=0 >"$STATE/push.log" 2>&1 || {
		tail -n 20 "$STATE/push.log" >&2
		die "a patch does not apply to $DEST"
	}
}

# "hash time name" of each file that a patch has.
patched_files()
{
	[ -d "$DEST/.pc" ] || return 0
	(
		cd "$DEST"
		find .pc -mindepth 2 -type f ! -name .timestamp -printf '%P\n' |
			sed 's|^[^/]*/||' | sort -u |
			while read -r file; do
				[ ! -f "$file" ] || printf '%s %s %s\n' \
					"$(sha256sum <"$file" | cut -c1-64)" \
					"$(stat -c %.9Y "$file")" "$file"
			done
	)
}

# What is as it was before has its time of then: popping and pushing alone is no reason
# to compile whatever includes a file.
restore_times()
{
	local before=$1 time file

	patched_files | awk '
		FNR == NR { time[$1, $3] = $2; next }
		($1, $3) in time && time[$1, $3] != $2 { print time[$1, $3], $3 }' "$before" - |
		while read -r time file; do
			touch -d "@$time" "$DEST/$file"
		done
}

apply_series()
{
	patched_files >"$STATE/before"
	pop_to "$(unchanged_prefix)"
	copy_patches
	push_all
	restore_times "$STATE/before"
}

# Links to our own files; what upstream owns is changed by patches only.
link_overlay()
{
	local file

	overlay_files >"$STATE/overlay.new"
	touch "$STATE/overlay"
	while read -r file; do
		[ ! -L "$DEST/$file" ] || rm "$DEST/$file"
	done < <(comm -13 "$STATE/overlay.new" "$STATE/overlay")
	while read -r file; do
		if [ -e "$DEST/$file" ] && [ ! -L "$DEST/$file" ]; then
			die "$file is upstream's: change it with a patch, not with a copy"
		fi
		[ "$(readlink "$DEST/$file" || true)" = "$SOURCE/$file" ] && continue
		mkdir -p "$(dirname "$DEST/$file")"
		ln -sfn "$SOURCE/$file" "$DEST/$file"
	done <"$STATE/overlay.new"
	mv "$STATE/overlay.new" "$STATE/overlay"
}

# Starts as a copy of a pristine, perhaps already built, tree.
copy_base()
{
	local base=$1 dir

	[ "$(cat "$STATE/base" 2>/dev/null || true)" != "$base" ] || return 0
	if [ -d "$DEST/.pc" ]; then
		check_unedited
	fi
	log "copying ${base##*/} to ${DEST#"$ROOT/"}"
	dir=$(scratch "$BUILD")
	cp -a --reflink=auto "$base/." "$dir"
	rm -rf "$dir/.pc"
	mkdir -p "$dir/.lab"
	printf '%s\n' "$base" >"$dir/.lab/base"
	publish "$dir" "$DEST"
}

make_tree()
{
	local base=$1

	sweep "$BUILD" 2>/dev/null || true
	copy_base "$base"
	apply_series
	link_overlay
	touch "$STATE/stamp"
	printf '%s\n' "$DEST"
}

# Files edited by hand that neither a patch nor the repository holds.
stray_files()
{
	(
		cd "$DEST"
		find . \( -path ./.lab -o -path ./.pc -o -path ./build -o -path './out-*' \) -prune -o \
			-type f -newer .lab/stamp -printf '%P\n' |
			grep -vE '\.(orig|rej|pyc|swp|o|a|cmd)$|~$' || true
	) | grep -vxFf <(in_quilt files -a 2>/dev/null || true; echo .nothing) || true
}

# Puts a file that no patch had into one: its pristine text is the "before".
adopt_file()
{
	local patch=$1 file=$2 base edited

	base=$(cat "$STATE/base")
	edited=$(mktemp)
	cp "$DEST/$file" "$edited"
	if [ -f "$base/$file" ]; then
		cp -p "$base/$file" "$DEST/$file"
	else
		rm "$DEST/$file"
	fi
	in_quilt add -P "$patch" "$file" >/dev/null
	cp "$edited" "$DEST/$file"
	rm "$edited"
}

refresh_patch()
{
	local name=$1

	in_quilt refresh "${REFRESH[@]}" "$name" >/dev/null || die "could not refresh $name"
	cp "$STATE/patches/$name" "$PATCHES/$name"
	log "refreshed $name"
}

new_patch()
{
	local name=$1

	in_quilt new "$name" >/dev/null
	mkdir -p "$PATCHES"
	printf '%s\n' "$name" >>"$PATCHES/series"
	log "new patch $name: give it a mail header"
}

refresh()
{
	local into=${1:-} name file
	local -a stray

	[ -d "$STATE" ] || die "there is no $DEST yet: 'make tree' first"
	mapfile -t stray < <(stray_files)
	if [ "${#stray[@]}" -gt 0 ]; then
		[ -n "$into" ] ||
			die "edited, but in no patch: ${stray[*]} (PATCH=name puts them into one)"
		applied | grep -qxF "$into" || new_patch "$into"
		for file in "${stray[@]}"; do
			adopt_file "$into" "$file"
		done
		refresh_patch "$into"
	fi
	while read -r name; do
		[ -n "$name" ] || continue
		[ -n "$(in_quilt diff -z -P "$name" 2>/dev/null)" ] || continue
		refresh_patch "$name"
	done < <(applied)
	touch "$STATE/stamp"
}

# Applies the series to copies of just the files it touches.
try_series()
{
	local pristine=$1 patches=$2 dir file status=0

	[ -n "$(series "$patches")" ] || return 0
	dir=$(mktemp -d)
	mkdir -p "$dir/.lab"
	while read -r file; do
		[ -f "$pristine/$file" ] || continue
		mkdir -p "$dir/$(dirname "$file")"
		cp "$pristine/$file" "$dir/$file"
	done < <(series "$patches" | sed "s|^|$patches/|" | xargs -d '\n' grep -hE '^(---|\+\+\+) [ab]/' |
		 sed -E 's|^.{4}[ab]/||; s|\t.*||' | sort -u)
	cp -r "$patches" "$dir/.lab/patches"
	DEST=$dir
	in_quilt push -q -a --fuzz=0 >/dev/null 2>&1 || status=1
	rm -rf "$dir"
	return "$status"
}

main()
{
	local what=${1:-}

	need quilt git
	case $what in
	linux | qemu)
		select_tree "$what"
		mkdir -p "$BUILD"
		locked "tree-$what" make_tree "${2:-$("$LAB/fetch.sh" "$what")}" ;;
	refresh)
		select_tree "${2:-}"
		refresh "${3:-}" ;;
	overlay)
		select_tree "${2:-}"
		overlay_files ;;
	hashes)
		select_tree "${2:-}"
		hashes "$3" ;;
	try)
		try_series "$2" "$3" ;;
	*)
		die "usage: tree.sh linux [BASE] | qemu | refresh linux|qemu [PATCH] | overlay linux|qemu | hashes linux|qemu LESS | try PRISTINE PATCHES" ;;
	esac
}

main "$@"
