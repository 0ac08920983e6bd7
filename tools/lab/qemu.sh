#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Builds QEMU with MOVDIR64B and the IAA model, and prints the folder with the
# program, its firmware and the tests that were built beside it.
#
#   qemu.sh               the emulator (kept by the hash of all that goes in)
#   qemu.sh tests         also the unit tests and qtests; prints the build folder

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

OPTIONS=("--target-list=x86_64-softmmu,x86_64-linux-user"
	 --without-default-features
	 --without-default-devices --with-devices-x86_64=iaa-lab
	 --enable-system --enable-tcg --enable-plugins --enable-virtfs
	 --enable-attr --enable-trace-backends=log --disable-kvm --disable-fdt
	 --disable-docs --disable-download --disable-install-blobs)
MESON_NEEDED=1.5
# The BIOS, and what starts a kernel image or an ELF file without a disk.
FIRMWARE=(bios-256k.bin kvmvapic.bin linuxboot_dma.bin pvh.bin)

qemu_key()
{
	local base=$1

	{
		printf '%s\n' "${base##*/}" "${OPTIONS[@]}"
		gcc --version | head -n 1
		"$LAB/tree.sh" hashes qemu '^(docs|tests)/'
	} | key
}

# The host's meson where it is young enough, else Debian's own package, unpacked.
meson_path()
{
	local have

	have=$(python3 -c 'import mesonbuild.coredata as c; print(c.version)' 2>/dev/null || echo 0)
	if [ "$(printf '%s\n' "$MESON_NEEDED" "$have" | sort -V | head -n 1)" = "$MESON_NEEDED" ]; then
		return
	fi
	echo "$("$LAB/fetch.sh" packages meson)/usr/lib/python3/dist-packages"
}

configure_qemu()
{
	local tree=$1

	[ "$(cat "$tree/build/.lab-options" 2>/dev/null || true)" != "${OPTIONS[*]}" ] || return 0
	rm -rf "$tree/build"
	mkdir "$tree/build"
	(cd "$tree/build" && progress "configuring QEMU" "$BUILD/log/qemu-configure.log" \
		../configure --python="$(command -v python3)" "${OPTIONS[@]}")
	printf '%s' "${OPTIONS[*]}" >"$tree/build/.lab-options"
}

# Debian's python3, not one that a user's PATH may put first: ours has the venv.
prepare()
{
	local base=$1 tree

	tree=$("$LAB/tree.sh" qemu "$base")
	PYTHONPATH=$(meson_path)
	export PYTHONPATH
	configure_qemu "$tree" >&2
	printf '%s\n' "$tree"
}

build_targets()
{
	local tree=$1
	shift

	PYTHONPATH=$(meson_path) progress "building QEMU" "$BUILD/log/qemu-build.log" \
		ninja -C "$tree/build" -j "$JOBS" "$@" >&2
}

firmware()
{
	local dest=$1 from file

	from=$("$LAB/fetch.sh" packages "${FIRMWARE_PACKAGES[@]}")
	mkdir -p "$dest"
	for file in "${FIRMWARE[@]}"; do
		cp -L "$(find "$from" -name "$file" | head -n 1)" "$dest/"
	done
}

build()
{
	local base=$1 dest=$2 tree dir

	tree=$(prepare "$base")
	build_targets "$tree" qemu-system-x86_64
	dir=$(scratch "$CACHE/qemu-built")
	cp "$tree/build/qemu-system-x86_64" "$dir/"
	firmware "$dir/firmware"
	publish "$dir" "$dest"
}

tests()
{
	local base=$1 tree

	tree=$(prepare "$base")
	build_targets "$tree" qemu-system-x86_64 qemu-x86_64 \
		tests/unit/test-iaa-deflate tests/qtest/iaa-test \
		tests/qtest/iaa-inject-test tests/qtest/iaa-reentry-test \
		tests/qtest/iaa-variant-test
	# Where a QEMU that is not installed looks for its firmware.
	firmware "$tree/build/qemu-bundle/usr/local/share/qemu"
	printf '%s\n' "$tree/build"
}

main()
{
	local base dest

	need ninja gcc python3 pkg-config
	base=$("$LAB/fetch.sh" qemu)
	if [ "${1:-}" = tests ]; then
		locked qemu tests "$base"
		return
	fi
	dest=$CACHE/qemu-built/$(qemu_key "$base")
	[ -d "$dest" ] || locked qemu build "$base" "$dest"
	printf '%s\n' "$dest"
}

main "$@"
