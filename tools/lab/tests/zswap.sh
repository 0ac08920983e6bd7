# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# zswap, by kselftests in a guest with every compressor and emulated devices.
# KERNEL=base runs them on the kernel as Debian ships it, for comparison.

# zswap_guest NAME SWAP-DEVICE PROGRAM [ARGUMENT...]: in a guest of its own. Swap
# is on a RAM disk, which every fault gives its slot back to, or on a disk, where
# there is room for more than the guest has memory. The time is what the debug
# kernel needs on a busy machine.
zswap_guest()
{
	local name=$1 disk=$LOGS/swap-$1
	shift

	truncate -s 3G "$disk"
	LAB_IAA_GNR=y "$LAB/boot.sh" -k "${KERNEL:-ours}" -c "${CLOCK:-wall}" -t 2400 -o "$LOGS/guest-zswap-$name" \
		-a "slab_nomerge brd.rd_nr=1 brd.rd_size=262144 memhp_default_state=online_movable" \
		-q -drive -q "if=none,id=swap,format=raw,file=$disk" \
		-q -device -q virtio-blk-pci,drive=swap,bus=pcie.0 \
		-d "$CORPUS" -d "$KSELFTESTS" /lab/bin/zswap-test.sh "$@"
	rm "$disk"
}

group_zswap()
{
	CORPUS=$("$LAB/corpus.sh")
	KSELFTESTS=$("$LAB/selftests.sh" zswap)
	check_ktap "contents" zswap_guest contents /dev/ram0 /lab/zswap/contents
	check_ktap "accounting" zswap_guest accounting /dev/vda /lab/zswap/accounting
	check_ktap "changes" zswap_guest changes /dev/ram0 /lab/zswap/changes
	check_ktap "sizes" zswap_guest sizes /dev/ram0 /lab/zswap/sizes
	# The memory of the DIMM is all movable, and is taken offline.
	LAB_DIMM_MB=256 check_ktap "nodes" zswap_guest nodes /dev/vda /lab/zswap/nodes
	# It gives reclaim little time for pages to be written back: too little for a disk,
	# or for CPUs that a busy host stops for a while (of Linux without the series, 4
	# tests failed then in 30 runs of all). With a clock that counts instructions it
	# repeats.
	CLOCK=icount LAB_MEMORY_MB=1024 check_ktap "the kernel's own test_zswap" zswap_guest cgroup /dev/ram0 \
		/lab/bin/with-zswap.sh lz4 /lab/selftests/test_zswap
}
