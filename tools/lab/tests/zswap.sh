# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# zswap, by kselftests in a guest with every compressor and emulated devices.
# KERNEL=base runs them on the kernel as Debian ships it, for comparison.

# zswap_guest NAME PROGRAM [ARGUMENT...]: in a guest of its own.
zswap_guest()
{
	local name=$1
	shift

	LAB_IAA_GNR=y "$LAB/boot.sh" -k "${KERNEL:-ours}" -c wall -o "$LOGS/guest-zswap-$name" \
		-a "slab_nomerge brd.rd_nr=1 brd.rd_size=262144" \
		-d "$CORPUS" -d "$KSELFTESTS" /lab/bin/zswap-test.sh "$@"
}

group_zswap()
{
	CORPUS=$("$LAB/corpus.sh")
	KSELFTESTS=$("$LAB/selftests.sh" zswap)
	check_ktap "contents" zswap_guest contents /lab/zswap/contents
}
