#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Fetches sources and packages from the machine's own Debian mirror.
#
#   fetch.sh linux                the pristine kernel tree; prints its folder
#   fetch.sh qemu                 the pristine QEMU tree; prints its folder
#   fetch.sh packages NAME...     unpacked binary packages; prints one folder
#   fetch.sh root NAME...         a small Debian with these packages; prints a tar file
#   fetch.sh versions linux|qemu  what the mirror has, newest first
#
# Indexes are verified with Debian's archive keyring, files with the hashes in
# those indexes; a partial download is continued. LINUX= and QEMU_SRC= name
# trees to take instead.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

KEYRING=$(dpkg -L debian-archive-keyring 2>/dev/null |
	  grep -m 1 '/debian-archive-keyring\.\(gpg\|pgp\)$' || true)
APT=$CACHE/apt
DOWNLOADS=$CACHE/downloads
INDEX_AGE_MINUTES=360

# The archive that the machine's apt uses, as its configuration names it.
mirror()
{
	local uri

	uri=$(debian_uri)
	if [ -z "$uri" ]; then
		as_root apt-get update -qq >&2
		uri=$(debian_uri)
	fi
	[ -n "$uri" ] || die "apt's configuration names no Debian mirror"
	printf '%s\n' "${uri%/}"
}

debian_uri()
{
	# The dollars are apt's own format fields.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian //p' | head -n 1
}

# apt with a state of its own: the machine's lists and sources stay untouched.
apt_options()
{
	printf '%s\n' -o "Dir::State::lists=$APT/lists" \
		-o "Dir::Etc::sourcelist=$APT/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=/dev/null \
		-o "Dir::Cache=$APT/cache" -o Dir::State::status=/dev/null \
		-o APT::Sandbox::User=root -o Acquire::Retries=3 \
		-o APT::Get::List-Cleanup=0 -o Acquire::Languages=none
}

private()
{
	local command=$1
	local -a options
	shift

	mapfile -t options < <(apt_options)
	"$command" "${options[@]}" "$@"
}

write_sources()
{
	local suite site

	[ -n "$KEYRING" ] || die "Debian's archive keyring is not installed (debian-archive-keyring)"
	site=$(mirror)
	for suite in "$@"; do
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$site" "$suite"
		printf 'deb-src [signed-by=%s] %s %s main\n' "$KEYRING" "$site" "$suite"
	done
}

# update [SUITE...]: signed indexes, not older than a few hours.
update()
{
	mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial"
	write_sources "$@" >"$APT/sources.list.new"
	if cmp -s "$APT/sources.list.new" "$APT/sources.list" &&
	   [ -n "$(find "$APT/updated" -mmin "-$INDEX_AGE_MINUTES" 2>/dev/null)" ]; then
		return
	fi
	mv "$APT/sources.list.new" "$APT/sources.list"
	rm -f "$APT/updated"
	log "reading the indexes of $*"
	private apt-get update -qq >&2 || die "the mirror's indexes could not be read or verified"
	touch "$APT/updated"
}

# download: reads apt's "'URI' NAME SIZE HASH:VALUE" lines, prints local names.
# A file that is there is hashed again; a partial one is continued.
download()
{
	local uri name size hash file

	mkdir -p "$DOWNLOADS"
	while read -r uri name size hash; do
		case $uri in "'"*) ;; *) continue ;; esac
		[ "${hash%%:*}" = SHA256 ] || die "no SHA256 for $name in the index"
		uri=${uri//\'/}
		name=${name//%3a/:}
		file=$DOWNLOADS/$name
		if ! sha256_is "$file" "${hash#*:}"; then
			fetch_one "$uri" "$file" "$size" "$hash"
		fi
		printf '%s\n' "$file"
	done
}

sha256_is()
{
	[ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status
}

# Continues FILE.part, or starts it. What turns out wrong is not kept, so the
# next try starts anew.
fetch_one()
{
	local uri=$1 file=$2 size=$3 hash=$4 have=0

	[ ! -f "$file.part" ] || have=$(stat -c %s "$file.part")
	log "fetching ${file##*/} ($((size / 1024)) KiB, $((have / 1024)) KiB here)"
	if [ "$have" -lt "$size" ] && ! transfer "$uri" "$file.part" "$hash"; then
		die "download of $uri broke off ('make' again continues it)"
	fi
	if ! sha256_is "$file.part" "${hash#*:}"; then
		rm -f "$file.part"
		die "$uri is not what the signed index says (wrong hash)"
	fi
	mv "$file.part" "$file"
}

# curl continues without asking whether the file is still the same (the hash
# tells); apt only where the mirror sends dates. Other schemes are apt's alone.
transfer()
{
	local uri=$1 file=$2 hash=$3
	local -a proxy=()

	case $uri in
	http:* | https:* | file:*)
		mapfile -t proxy < <(apt_proxy "${uri%%:*}")
		curl --fail --location --retry 3 --silent --show-error "${proxy[@]}" \
			--continue-at - --output "$file" "$uri" >&2 ;;
	*)
		/usr/lib/apt/apt-helper -o APT::Sandbox::User=root \
			download-file "$uri" "$file" "$hash" >&2 ;;
	esac
}

apt_proxy()
{
	local address=''

	eval "$(apt-config shell address "Acquire::$1::Proxy")"
	[ -z "$address" ] || [ "$address" = DIRECT ] || printf '%s\n' --proxy "$address"
}

# What the suites have of a package's series, newest first.
versions()
{
	case $1 in
	linux) private apt-cache madison "linux-source-$LINUX_SERIES" |
		awk -F'[| ]+' -v s="$LINUX_SERIES." '$4 != "Sources" && index($3, s) == 1 { print $3 }' ;;
	qemu) private apt-cache madison qemu |
		awk -F'[| ]+' -v s="1:$QEMU_SERIES." '/Sources/ && index($3, s) == 1 { print $3 }' ;;
	esac | awk '!seen[$0]++' | sort -rV
}

# The tested version first, then the newest ones.
candidates()
{
	local pinned=$2

	versions "$1" | { grep -Fx "$pinned" || true; }
	versions "$1" | { grep -Fxv "$pinned" || true; }
}

unpack_linux()
{
	local version=$1 dir=$2 file

	file=$(cd "$APT" && private apt-get download --print-uris \
		"linux-source-$LINUX_SERIES=$version" | download)
	[ -n "$file" ] || return 1
	log "unpacking ${file##*/}"
	dpkg-deb --fsys-tarfile "$file" |
		tar -xO "./usr/src/linux-source-$LINUX_SERIES.tar.xz" |
		tar -xJ --strip-components=1 -C "$dir"
}

unpack_qemu()
{
	local version=$1 dir=$2 dsc

	dsc=$(cd "$APT" && private apt-get source --print-uris --download-only \
		"qemu=$version" 2>/dev/null | download | grep '\.dsc$')
	[ -n "$dsc" ] || return 1
	log "unpacking ${dsc##*/} with Debian's patches"
	# The .dsc was verified through the signed index.
	dpkg-source --no-check -x "$dsc" "$dir/tree" >&2
	rm -rf "$dir/tree/.pc"
}

# pristine KIND VERSION: the unpacked tree of one version, made once.
pristine()
{
	local kind=$1 version=$2 dest dir
	dest=$CACHE/$kind/${version//[:~]/_}

	if [ ! -d "$dest" ]; then
		sweep "$CACHE/$kind" 2>/dev/null || true
		dir=$(scratch "$CACHE/$kind")
		"unpack_$kind" "$version" "$dir" || return 1
		if [ -d "$dir/tree" ]; then
			publish "$dir/tree" "$dest"
			rm -rf "$dir"
		else
			publish "$dir" "$dest"
		fi
	fi
	printf '%s\n' "$dest"
}

# The first candidate to which the whole series applies without fuzz.
source_tree()
{
	local kind=$1 pinned=$2 patches=$3 version dir

	dir=$CACHE/$kind/${pinned//[:~]/_}
	if [ -d "$dir" ]; then
		printf '%s\n' "$dir"
		return
	fi
	update "${SUITES[@]}"
	if [ -z "$(versions "$kind")" ]; then
		update "${SUITES[@]}" "$LAST_SUITE"
	fi
	for version in $(candidates "$kind" "$pinned"); do
		dir=$(pristine "$kind" "$version") || continue
		if ! "$LAB/tree.sh" try "$dir" "$patches"; then
			warn "the patches do not apply to $kind $version"
			continue
		fi
		[ "$version" = "$pinned" ] ||
			warn "$kind $pinned is gone from the mirror; taking $version instead"
		printf '%s\n' "$dir"
		return
	done
	die "the mirror has no $kind to which the patches apply (tested: $pinned)"
}

# packages NAME...: newest versions of the main suites, unpacked side by side.
# Once fetched they stay what they were: a run does not change under one's feet.
packages()
{
	local dest dir file
	dest=$CACHE/packages/$(printf '%s\n' "$@" | key)

	if [ ! -d "$dest" ]; then
		update "${SUITES[@]}"
		dir=$(scratch "$CACHE/packages")
		(cd "$APT" && private apt-get download --print-uris "$@") |
			download >"$dir/.files"
		[ "$(wc -l <"$dir/.files")" -eq "$#" ] ||
			die "not all of these packages are on the mirror: $*"
		while read -r file; do
			dpkg-deb -x "$file" "$dir"
		done <"$dir/.files"
		sed -i 's|.*/||' "$dir/.files"
		publish "$dir" "$dest"
	fi
	printf '%s\n' "$dest"
}

# root NAME...: a system to install packages into. Its own package database is
# what tells an installation from unpacked files.
root()
{
	local dest dir
	local -a proxy
	dest=$CACHE/root/$(printf '%s\n' "${SUITES[0]}" "$@" | key)

	if [ ! -d "$dest" ]; then
		# Others may fetch while this goes on.
		locked fetch update "${SUITES[@]}"
		mapfile -t proxy < <(private apt-config dump --format='--aptopt=%f "%v";%n' Acquire |
			grep -i '::proxy' || true)
		dir=$(scratch "$CACHE/root")
		log "unpacking a small Debian ${SUITES[0]}"
		quietly "$BUILD/log/root.log" as_root mmdebstrap --variant=minbase \
			--include="$(IFS=,; echo "$*")" "${proxy[@]}" "${SUITES[0]}" \
			"$dir/root.tar" "$APT/sources.list"
		publish "$dir" "$dest"
	fi
	printf '%s\n' "$dest/root.tar"
}

# A tree that the user names is copied, never written to; the copy is made
# again when a file of it has changed.
given_tree()
{
	local kind=$1 from=$2 marker=$3 dest dir

	[ -f "$from/$marker" ] || die "$from is not such a source tree (no $marker)"
	dest=$CACHE/$kind/given-$(find "$from" -name .git -prune -o -type f \
		-printf '%p %s %T@\n' | sort | key)
	if [ ! -d "$dest" ]; then
		log "copying $from"
		rm -rf "$CACHE/$kind"/given-*
		dir=$(scratch "$CACHE/$kind")
		tar -C "$from" --exclude=./.git -c . | tar -C "$dir" -x
		publish "$dir" "$dest"
	fi
	printf '%s\n' "$dest"
}

main()
{
	local what=${1:-}
	[ $# -eq 0 ] || shift

	mkdir -p "$CACHE"
	case $what in
	linux)
		if [ -n "${LINUX:-}" ]; then
			locked fetch given_tree linux "$LINUX" mm/zswap.c
		else
			locked fetch source_tree linux "$LINUX_VERSION" "$ROOT/patches"
		fi ;;
	qemu)
		if [ -n "${QEMU_SRC:-}" ]; then
			locked fetch given_tree qemu "$QEMU_SRC" target/i386/cpu.c
		else
			locked fetch source_tree qemu "$QEMU_VERSION" "$ROOT/tools/qemu/patches"
		fi ;;
	packages)
		locked fetch packages "$@" ;;
	root)
		locked root root "$@" ;;
	versions)
		update "${SUITES[@]}"
		versions "$1" ;;
	*)
		die "usage: fetch.sh linux | qemu | packages NAME... | root NAME... | versions linux|qemu" ;;
	esac
}

main "$@"
