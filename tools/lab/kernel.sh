#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Builds a kernel and prints the folder with its image, modules and selftests.
#
#   kernel.sh base|ours [FLAVOUR]       base: Linux as Debian ships it, no patch
#   kernel.sh tree                      only bring build/linux up to date
#   kernel.sh verify CONFIG FRAGMENT... has every option of the fragments survived?
#
# Flavours: lab (modules, self-tests), debug, bench (what is measured: no tests),
# uml (User-Mode Linux, a program: KUnit suites that need no device; ours only).
#
# A result is kept by the hash of all that goes into it, so that what was built
# once, in any clone, is not built again. "ours" starts as a copy of the built
# base tree: just what the series touches is compiled.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# Selftests of the kernel's own that the guest gets.
SELFTESTS=(cgroup:test_zswap cgroup:test_memcontrol)
# Its lines are counted where the flavour has gcov: tests/faults.sh says which of
# them no fault has reached.
COUNTED=mm/zswap

# The config fragments of a flavour and a kernel, in the order they are merged.
# Base does not know the symbols that the series adds; those are of tests.
fragments()
{
	local flavour=$1 kernel=$2 dir=$LAB/config

	case $flavour in
	lab) printf '%s\n' "$dir"/{boot,memory,crypto,iaa,tests}.config ;;
	debug) printf '%s\n' "$dir"/{boot,memory,crypto,iaa,tests,debug}.config ;;
	bench) printf '%s\n' "$dir"/{boot,memory,crypto,bench}.config; return ;;
	uml)
		[ "$kernel" = ours ] || die "base has no tests for User-Mode Linux"
		printf '%s\n' "$dir/uml.config"
		return ;;
	*) die "no such kernel flavour: '$flavour' (lab, debug, bench or uml)" ;;
	esac
	[ "$kernel" != ours ] || printf '%s\n' "$dir/ours.config"
}

config_key() { fragments "$1" "$2" | xargs cat | key; }

# All that decides what comes out. The script is part of it: it has the steps. Our
# own files in tools/ are programs: none of them is part of an image.
image_key()
{
	local kernel=$1 flavour=$2 base=$3

	{
		printf '%s\n' "$kernel" "${base##*/}" "$(config_key "$flavour" "$kernel")"
		gcc --version | head -n 1
		cat "$LAB/kernel.sh"
		[ "$kernel" != ours ] || "$LAB/tree.sh" hashes linux '^tools/'
	} | key
}

kbuild()
{
	local tree=$1 flavour=$2 kernel=$3
	local -a arch=()
	shift 3

	[ "$flavour" != uml ] || arch=(ARCH=um)
	make -C "$tree" O="out-$flavour" -j "$JOBS" LOCALVERSION="-$kernel" \
		KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab "GCOV_PROFILE_${COUNTED##*/}.o=y" \
		"${arch[@]}" "$@"
}

# Every option that was asked for must have survived the merge.
check_config()
{
	local config=$1 line name lost=()
	shift

	while read -r line; do
		name=${line%%=*}
		case $line in
		*=n) ! grep -q "^$name=" "$config" || lost+=("$line") ;;
		CONFIG_*) grep -qxF "$line" "$config" || lost+=("$line") ;;
		esac
	done < <(cat "$@")
	[ "${#lost[@]}" -eq 0 ] || die "config options that did not survive: ${lost[*]}"
}

configure()
{
	local tree=$1 flavour=$2 kernel=$3 out=$1/out-$2 want
	local -a parts

	mapfile -t parts < <(fragments "$flavour" "$kernel")
	want=$(config_key "$flavour" "$kernel")
	mkdir -p "$out"
	if [ "$(cat "$out/.lab-config" 2>/dev/null || true)" != "$want" ]; then
		quietly "$BUILD/log/config-$flavour.log" kbuild "$tree" "$flavour" base tinyconfig
		(cd "$out" && quietly "$BUILD/log/config-$flavour.log" \
			../scripts/kconfig/merge_config.sh -m -Q .config "${parts[@]}")
	fi
	quietly "$BUILD/log/config-$flavour.log" kbuild "$tree" "$flavour" base olddefconfig
	check_config "$out/.config" "${parts[@]}"
	printf '%s\n' "$want" >"$out/.lab-config"
}

compile()
{
	local tree=$1 flavour=$2 kernel=$3
	local -a targets=(bzImage modules)

	[ "$flavour" != uml ] || targets=(linux)
	configure "$tree" "$flavour" "$kernel"
	progress "building the $kernel kernel ($flavour)" \
		"$BUILD/log/kernel-$kernel-$flavour.log" \
		kbuild "$tree" "$flavour" "$kernel" "${targets[@]}"
}

# ours starts from base's objects. They may be younger than the patched files,
# so those are marked as changed.
adopt_output()
{
	local base=$1 tree=$2 flavour=$3

	[ -d "$base/out-$flavour" ] && [ ! -d "$tree/out-$flavour" ] || return 0
	log "starting from base's objects"
	cp -a --reflink=auto "$base/out-$flavour" "$tree/.lab/out.new"
	mv "$tree/.lab/out.new" "$tree/out-$flavour"
	(
		cd "$tree"
		find .pc -mindepth 2 -type f ! -name .timestamp -printf '%P\n' 2>/dev/null |
			sed 's|^[^/]*/||' | sort -u | xargs -r -d '\n' touch -c
	)
}

selftests()
{
	local tree=$1 flavour=$2 kernel=$3 dest=$4 test

	quietly "$BUILD/log/headers-$kernel.log" kbuild "$tree" "$flavour" "$kernel" headers
	mkdir -p "$dest"
	for test in "${SELFTESTS[@]}"; do
		quietly "$BUILD/log/selftests-$kernel.log" \
			make -C "$tree/tools/testing/selftests/${test%%:*}" \
			OUTPUT="$dest" KHDR_INCLUDES="-isystem $tree/out-$flavour/usr/include" \
			LDFLAGS=-static top_srcdir="$tree" "$dest/${test#*:}"
	done
	find "$dest" -type f ! -perm -u+x -delete
	find "$dest" -mindepth 1 -type d -empty -delete
	find "$dest" -type f -exec strip {} +
}

install_uml()
{
	cp "$1/out-uml/linux" "$2"
	cp "$1/out-uml/.config" "$2/config"
}

# What the guest and the tools need, apart from the tree it came from.
install_image()
{
	local tree=$1 flavour=$2 kernel=$3 dest=$4 out=$1/out-$2

	if [ "$flavour" = uml ]; then
		install_uml "$tree" "$dest"
		return
	fi
	cp "$out/arch/x86/boot/bzImage" "$out/System.map" "$dest"
	cp "$out/.config" "$dest/config"
	gzip -1 -c "$out/vmlinux" >"$dest/vmlinux.gz"
	cp "$out/include/config/kernel.release" "$dest/release"
	quietly "$BUILD/log/modules-$kernel.log" kbuild "$tree" "$flavour" "$kernel" \
		INSTALL_MOD_PATH="$dest/modules" INSTALL_MOD_STRIP=1 modules_install
	rm -f "$dest"/modules/lib/modules/*/build
	selftests "$tree" "$flavour" "$kernel" "$dest/selftests"
	if [ -f "$out/$COUNTED.gcno" ]; then
		cp "$out/$COUNTED.gcno" "$tree/$COUNTED.c" "$dest"
	fi
}

build_image()
{
	local kernel=$1 flavour=$2 base=$3 dest=$4 tree=$3 dir

	# So little is compiled for User-Mode Linux that it starts from nothing.
	[ "$flavour" = uml ] || locked base compile "$base" "$flavour" base >&2
	if [ "$kernel" = ours ]; then
		tree=$("$LAB/tree.sh" linux "$base")
		adopt_output "$base" "$tree" "$flavour"
		compile "$tree" "$flavour" ours >&2
	fi
	dir=$(scratch "$CACHE/image")
	install_image "$tree" "$flavour" "$kernel" "$dir"
	publish "$dir" "$dest"
}

# While it waited for the lock, another run may have made it.
make_image()
{
	local kernel=$1 flavour=$2 base=$3 dest=$4

	[ ! -d "$dest" ] || return 0
	sweep "$CACHE/image" 2>/dev/null || true
	build_image "$kernel" "$flavour" "$base" "$dest"
}

# What is there is there for whoever needs it, also while another is being made.
image()
{
	local kernel=$1 flavour=$2 base=$3 dest
	dest=$CACHE/image/$(image_key "$kernel" "$flavour" "$base")

	[ -d "$dest" ] || locked "image-$kernel-$flavour" make_image "$@" "$dest"
	printf '%s\n' "$dest"
}

main()
{
	local kernel=${1:-} flavour=${2:-lab} base

	need make gcc bc flex bison depmod
	if [ "$kernel" = verify ]; then
		check_config "${@:2}"
		return
	fi
	base=$("$LAB/fetch.sh" linux)
	case $kernel in
	base | ours) image "$kernel" "$flavour" "$base" ;;
	tree) "$LAB/tree.sh" linux "$base" ;;
	*) die "usage: kernel.sh base|ours [FLAVOUR] | tree | verify CONFIG FRAGMENT..." ;;
	esac
}

main "$@"
