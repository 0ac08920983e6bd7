#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Builds Debian packages of the patched kernel, and one that sets zswap up to use
# the IAA devices of a server, into build/deb; prints their names.
#
#   deb.sh [kernel|setup]       only those of the kernel, or only the other one
#   deb.sh config               prints the file that says how the kernel is configured
#
# CONFIG=debian (default) starts from the configuration of Debian's own kernel and
# takes hours; CONFIG=reduced is the lab's, which boots in the lab's guest and
# takes minutes. tools/lab/config/{package,debian}.config say what is changed.
# Packages are kept by the hash of what goes into them.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

CONFIG=${CONFIG:-debian}
SETUP=$LAB/package
OUT=$BUILD/deb
TREE=$OUT/linux
export DEBFULLNAME='The zswap batching authors' DEBEMAIL=authors@example.org

# The configuration to start from, as a file.
start_config()
{
	local packages

	case $CONFIG in
	reduced) echo "$("$LAB/kernel.sh" ours lab)/config" ;;
	debian)
		packages=$("$LAB/fetch.sh" packages "linux-config-$LINUX_SERIES")
		xz -dc "$packages/usr/src/linux-config-$LINUX_SERIES/config.amd64_none_amd64.xz" \
			>"$OUT/config.debian"
		echo "$OUT/config.debian" ;;
	*) die "CONFIG=$CONFIG: there are debian and reduced" ;;
	esac
}

fragments()
{
	printf '%s\n' "$LAB/config/package.config"
	[ "$CONFIG" != debian ] || printf '%s\n' "$LAB/config/debian.config"
}

kernel_key()
{
	local base=$1 start=$2

	{
		printf '%s\n' "$CONFIG" "${base##*/}"
		gcc --version | head -n 1
		cat "$LAB/deb.sh" "$start"
		fragments | xargs cat
		"$LAB/tree.sh" hashes linux '^tools/'
	} | key
}

# A tree that owes nothing to this repository: the headers package has parts of
# it. rsync keeps times, so that what has not changed is not compiled again.
export_tree()
{
	local from

	from=$("$LAB/kernel.sh" tree)
	mkdir -p "$TREE"
	rsync -a --delete --copy-unsafe-links --exclude=/.lab --exclude=/.pc \
		--exclude='/out-*' "$from/" "$TREE"
	# The lab's own kernel differs in its name only.
	if [ "$CONFIG" = reduced ] && [ -d "$from/out-lab" ] && [ ! -d "$TREE/out-reduced" ]; then
		rm -rf "$TREE/.out.new"
		cp -a --reflink=auto "$from/out-lab" "$TREE/.out.new"
		mv "$TREE/.out.new" "$TREE/out-reduced"
	fi
}

# Newer whenever the kernel's part of the repository is.
package_version()
{
	printf '%s-%s\n' "$(make -s -C "$TREE" kernelversion)" \
		"$(git -C "$ROOT" rev-list --count HEAD -- . ':!tools/lab' ':!tools/qemu' ':!*.md')"
}

kbuild()
{
	make -C "$TREE" O="out-$CONFIG" -j "$JOBS" LOCALVERSION='' \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab "$@"
}

configure()
{
	local out=$TREE/out-$CONFIG log=$BUILD/log/deb-config.log
	local -a parts

	mapfile -t parts < <(fragments)
	mkdir -p "$out"
	(cd "$out" && quietly "$log" ../scripts/kconfig/merge_config.sh -m -Q "$1" "${parts[@]}")
	quietly "$log" kbuild olddefconfig
	"$LAB/kernel.sh" verify "$out/.config" "${parts[@]}"
}

# Without linux-libc-dev, the headers of programs: Debian's are right for those
# that know nothing of this kernel.
build_kernel()
{
	local base=$1 start=$2 dest=$3 dir version

	export_tree
	configure "$start"
	rm -f "$TREE"/*.{deb,changes,buildinfo}
	version=$(package_version)
	progress "building the packages of Linux $version ($CONFIG)" "$BUILD/log/deb-$CONFIG.log" \
		kbuild KDEB_SOURCENAME=linux-iaa KDEB_PKGVERSION="$version" \
		KDEB_CHANGELOG_DIST=unstable KDEB_COMPRESS=zstd \
		DPKG_FLAGS='--rules-target=binary-image,binary-headers -d' bindeb-pkg
	dir=$(scratch "$CACHE/deb")
	mv "$TREE"/linux-image-*.deb "$TREE"/linux-headers-*.deb "$dir"
	publish "$dir" "$dest"
}

kernel_packages()
{
	local base start dest

	mkdir -p "$OUT"
	base=$("$LAB/fetch.sh" linux)
	start=$(start_config)
	dest=$CACHE/deb/$(kernel_key "$base" "$start")
	[ -d "$dest" ] || build_kernel "$base" "$start" "$dest" >&2
	deliver "$dest"
}

kernel_config()
{
	local start

	mkdir -p "$OUT"
	start=$(start_config)
	export_tree
	configure "$start"
	printf '%s\n' "$TREE/out-$CONFIG/.config"
}

# debhelper writes beside the sources, hence the copy.
build_setup()
{
	local dest=$1 dir=$OUT/iaa-zswap

	rm -rf "$dir" "$OUT"/iaa-zswap_*
	cp -a "$SETUP" "$dir"
	cp "$ROOT/tools/iaa/enable_iaa.sh" "$dir"
	(cd "$dir" && quietly "$BUILD/log/deb-setup.log" dpkg-buildpackage -us -uc -b)
	dir=$(scratch "$CACHE/deb")
	mv "$OUT"/iaa-zswap_*.deb "$dir"
	rm -f "$OUT"/iaa-zswap_*
	publish "$dir" "$dest"
}

setup_package()
{
	local dest

	mkdir -p "$OUT"
	dest=$CACHE/deb/$(cd "$ROOT" && find tools/lab/package tools/lab/deb.sh tools/iaa/enable_iaa.sh -type f |
		sort | xargs sha256sum | key)
	[ -d "$dest" ] || build_setup "$dest"
	deliver "$dest"
}

# deliver FOLDER: copies of its packages, in the place of those of before.
deliver()
{
	local file name

	for file in "$1"/*.deb; do
		name=${file##*/}
		rm -f "$OUT/${name%%_*}"_*.deb
		cp -p "$file" "$OUT"
		printf '%s\n' "$OUT/$name"
	done
}

main()
{
	need make gcc bc flex bison rsync dpkg-buildpackage dh
	case ${1:-all} in
	kernel) locked deb-kernel kernel_packages ;;
	setup) locked deb-setup setup_package ;;
	config) locked deb-kernel kernel_config ;;
	all)
		locked deb-kernel kernel_packages
		locked deb-setup setup_package ;;
	*) die "usage: deb.sh [kernel|setup|config]" ;;
	esac
}

main "$@"
