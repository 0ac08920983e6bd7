# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The emulator: MOVDIR64B, the coder against zlib, the device's registers and
# descriptors, and the device as the unmodified drivers of the base kernel see it.

RAMDISK="brd.rd_nr=1 brd.rd_size=131072"

# The emulator has no default machine, which the system tests count on.
tcg_test()
{
	local target=$1 program=$2
	shift 2

	make -C "$QEMU_TESTS/tests/tcg/$target" SPEED=quick \
		QEMU="$QEMU_TESTS/$program" "$@"
}

# Runs a test in a guest of the base kernel, on all vCPUs at once.
in_guest()
{
	local name=$1
	shift

	"$LAB/boot.sh" -k base -c wall -a "$RAMDISK" -o "$LOGS/guest-$name" "$@"
}

device_tests()
{
	local name=$1
	shift

	in_guest "$name" /lab/bin/device-test.sh "$@"
}

# shaped LAB_...=... NAME DEVICES VERSION TEST...: in a machine of another shape.
shaped()
{
	while [[ ${1:-} == LAB_*=* ]]; do
		local -x "${1%%=*}=${1#*=}"
		shift
	done
	device_tests "$@"
}

# Test that a guest that reboots finds devices as new: the first boot leaves
# queues enabled, and a mark on a disk that tells the second what it is.
test_reboot()
{
	local disk=$LOGS/reboot-disk

	truncate -s 1M "$disk"
	# shellcheck disable=SC2016
	in_guest reboot -q -action -q reboot=reset \
		-q -drive -q "if=none,id=mark,format=raw,file=$disk" \
		-q -device -q virtio-blk-pci,drive=mark,bus=pcie.0 sh -c '
		enable_iaa.sh -q 2 || exit 1
		[ "$(cat /sys/bus/dsa/devices/wq*/state | grep -cx enabled)" -eq 8 ] || exit 1
		if [ "$(head -c 6 /dev/vda)" = second ]; then
			echo "second boot"
			exit 0
		fi
		printf second | dd of=/dev/vda conv=fsync 2>/dev/null
		echo "first boot"
		reboot -f
		sleep 10' | tee "$LOGS/reboot-output"
	grep -q "first boot" "$LOGS/reboot-output"
	grep -q "second boot" "$LOGS/reboot-output"
}

# await FILE TEXT: until the guest has said so, for at most two minutes.
await()
{
	local file=$1 text=$2 tries=0

	until grep -qs "$text" "$file"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || { echo "the guest never said '$text'"; return 1; }
		sleep 0.1
	done
}

# The host's part of a hotplug test: pull and plug when the guest is ready.
pull_and_plug()
{
	local dir=$1 bus=$2 rounds=$3 round

	for round in $(seq "$rounds"); do
		await "$dir/output" "^host: pull $round"
		"$LAB/qmp.py" "$dir/qmp" device_del id=iaa0 wait=DEVICE_DELETED
		await "$dir/output" "^host: plug $round"
		"$LAB/qmp.py" "$dir/qmp" device_add driver=iaa id=iaa0 "bus=$bus"
	done
}

# Test that the host can take a device away and bring a new one, behind its own
# root port, on which the guest notices by itself.
test_hotplug()
{
	local devices=$1 rounds=2 dir=$LOGS/guest-hotplug-$1 pid status=0

	rm -rf "$dir"
	mkdir -p "$dir"
	env LAB_PACKAGES=1 LAB_IAA_PER_PACKAGE="$devices" "$LAB/boot.sh" -k base -c wall \
		-a "$RAMDISK" -o "$dir" -q -qmp -q "unix:$dir/qmp,server=on,wait=off" \
		/lab/bin/hotplug-test.sh "$devices" "$rounds" &
	pid=$!
	pull_and_plug "$dir" port0 "$rounds" || status=1
	[ "$status" -eq 0 ] || kill "$pid" || true
	wait "$pid" || status=1
	grep -q '^host: done' "$dir/output" || status=1
	return "$status"
}

timed_job()
{
	local corpus

	corpus=$("$LAB/corpus.sh")
	env LAB_PACKAGES=1 LAB_CPUS_PER_PACKAGE=1 "$LAB/boot.sh" -k base -c icount \
		-a "brd.rd_nr=1 brd.rd_size=65536" -d "$corpus" -o "$1" \
		/lab/bin/job.sh 8 deflate-iaa "4 64"
}

# Test that time is the guest's own: with one CPU, a job that swaps through the
# devices takes the same time to the nanosecond whenever it runs.
test_repeatability()
{
	timed_job "$LOGS/guest-timed-1"
	timed_job "$LOGS/guest-timed-2"
	grep -q 'out_ns=[1-9]' "$LOGS/guest-timed-1/output"
	cmp "$LOGS/guest-timed-1/output" "$LOGS/guest-timed-2/output"
}

# Test that the main job does what it says, in a small form, and says so.
test_main_job()
{
	KERNEL=base SIZE=8M COMPRESSOR=deflate-iaa "$LAB/run.sh" | tee "$LOGS/main-job"
	grep -q modelled "$LOGS/main-job"
	[ "$(grep -c '^pageout  *deflate-iaa' "$LOGS/main-job")" -eq 3 ]
	[ "$(grep -c '^usemem  *deflate-iaa' "$LOGS/main-job")" -eq 1 ]
	grep -q 'every byte of every page came back' "$LOGS/main-job"
}

# Test that a concurrent run has no column of times.
test_main_job_mttcg()
{
	KERNEL=base SIZE=8M COMPRESSOR=deflate-iaa MTTCG=1 "$LAB/run.sh" | tee "$LOGS/main-job-mttcg"
	refused grep -q 'ns/page' "$LOGS/main-job-mttcg"
	grep -q 'every byte of every page came back' "$LOGS/main-job-mttcg"
}

# Test that without a device the main job fails, with a sentence that says why.
test_main_job_without_device()
{
	refused env LAB_IAA_PER_PACKAGE=0 KERNEL=base SIZE=8M COMPRESSOR=deflate-iaa \
		"$LAB/run.sh" 2>"$LOGS/main-job-without"
	cat "$LOGS/main-job-without"
	grep -q 'no IAA device' "$LOGS/main-job-without"
}

# Test that pages of real data come back whatever decompresses them, and that
# they shrink as much as they would with zlib.
test_pages()
{
	local corpus

	corpus=$("$LAB/corpus.sh")
	cpio -i --quiet --to-stdout lab/corpus <"$corpus" >"$LOGS/corpus"
	"$LAB/fuzz.sh" pages "$LOGS/corpus" 5000
}

# The fuzzers take a minute each of one CPU, whatever they find; most of what a
# guest does leaves another idle, so they run beside the guests.
start_fuzzers()
{
	local what

	mkdir -p "$LOGS/fuzz"
	for what in inflate descriptor; do
		{
			"$LAB/fuzz.sh" "$what" 60
			echo "status $?"
		} >"$LOGS/fuzz/$what" 2>&1 || true
	done &
	FUZZERS=$!
}

# Test that a fuzzer has run for its time and found nothing.
test_fuzzer()
{
	cat "$LOGS/fuzz/$1"
	grep -q '^Done [1-9][0-9]* runs' "$LOGS/fuzz/$1"
	[ "$(tail -n 1 "$LOGS/fuzz/$1")" = "status 0" ]
}

group_device()
{
	QEMU_TESTS=$("$LAB/qemu.sh" tests)
	check "MOVDIR64B for applications" \
		tcg_test x86_64-linux-user qemu-x86_64 run-movdir64b run-movdir64b-absent
	check "MOVDIR64B for kernels and devices" \
		tcg_test x86_64-softmmu "qemu-system-x86_64 -M q35" run-movdir64b run-movdir64b-icount
	check_ktap "coder" "$QEMU_TESTS/tests/unit/test-iaa-deflate" --tap
	check_ktap "registers and descriptors" \
		env QTEST_QEMU_BINARY="$QEMU_TESTS/qemu-system-x86_64" \
		"$QEMU_TESTS/tests/qtest/iaa-test" --tap
	check_ktap "fault injection" \
		env QTEST_QEMU_BINARY="$QEMU_TESTS/qemu-system-x86_64" \
		"$QEMU_TESTS/tests/qtest/iaa-inject-test" --tap
	check_ktap "interrupts that come back" \
		env QTEST_QEMU_BINARY="$QEMU_TESTS/qemu-system-x86_64" \
		"$QEMU_TESTS/tests/qtest/iaa-reentry-test" --tap
	check_ktap "variants of silicon" \
		env QTEST_QEMU_BINARY="$QEMU_TESTS/qemu-system-x86_64" \
		"$QEMU_TESTS/tests/qtest/iaa-variant-test" --tap
	check "pages through the coder" test_pages
	start_fuzzers
	check_ktap "2 packages with 2 devices that can fail" \
		shaped LAB_IAA_PROPERTIES=inject=on two-packages 4 0x100
	check_ktap "1 package with 1 device" \
		shaped LAB_PACKAGES=1 LAB_IAA_PER_PACKAGE=1 one 1 0x100 \
		devices_are_probed_and_enabled devices_are_on_their_nodes \
		self_tests_run_on_hardware completions_interrupt
	check_ktap "1 package with 2 devices, IAA 2.0" \
		shaped LAB_PACKAGES=1 LAB_IAA_GNR=y two 2 0x200 \
		devices_are_probed_and_enabled devices_are_on_their_nodes \
		self_tests_run_on_hardware pages_survive_every_mode
	check_ktap "2 nodes per package, 8 devices, IAA 2.0" \
		shaped LAB_NODES_PER_PACKAGE=2 LAB_IAA_PER_PACKAGE=4 LAB_IAA_GNR=y eight 8 0x200 \
		devices_are_probed_and_enabled devices_are_on_their_nodes \
		self_tests_run_on_hardware accel_config_lists_devices \
		devices_are_removed_and_found
	check_ktap "devices without a node" \
		shaped LAB_IAA_NODELESS=y nodeless 4 0x100 \
		devices_are_probed_and_enabled devices_have_no_node \
		self_tests_run_on_hardware completions_interrupt
	check "devices are new after a reboot" test_reboot
	check "the host pulls and plugs one of two devices" test_hotplug 2
	check "the host pulls and plugs the only device" test_hotplug 1
	check "a timed job takes the same time again" test_repeatability
	check "the main job" test_main_job
	wait "$FUZZERS" || true
	check "the decompressor against a fuzzer" test_fuzzer inflate
	check "descriptors against a fuzzer" test_fuzzer descriptor
	check "the main job on all CPUs at once" test_main_job_mttcg
	check "the main job without a device" test_main_job_without_device
}
