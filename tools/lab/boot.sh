#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs one command in a guest, passes its output through and returns its status.
# The only file that knows QEMU's command line.
#
#   boot.sh [-k base|ours|FOLDER] [-f lab|debug] [-c icount|wall] [-d ARCHIVE]...
#           [-a APPEND] [-q QEMU-OPTION]... [-t SECONDS] [-o FOLDER] COMMAND
#   boot.sh -s ...          an interactive shell instead
#
# -k names a kernel of the lab or a folder like those that kernel.sh makes.
# -c icount (default): one thread, one guest instruction is one virtual
# nanosecond, and a run repeats exactly; wall: a thread per CPU, real time.
# -d adds files to the guest, -o says where the logs go. The status is 125 when
# the guest or QEMU died or took too long, be it to power off, and 124 when the
# kernel complained. The variable FLAVOUR is the default of -f, so that "make check
# FLAVOUR=debug" reaches here.
# LAB_DIMM_MB= adds a DIMM of that size, which is a node of its own without a CPU.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/lab/config.sh
. "$LAB/config.sh"

KERNEL=ours FLAVOUR=${FLAVOUR:-lab} CLOCK=icount SHELL_MODE=no TIMEOUT=900
APPEND='' OUTPUT='' ARCHIVES=() EXTRA=()

parse_options()
{
	local option

	while getopts k:f:c:d:a:q:t:o:s option; do
		case $option in
		k) KERNEL=$OPTARG ;;
		f) FLAVOUR=$OPTARG ;;
		c) CLOCK=$OPTARG ;;
		d) ARCHIVES+=("$OPTARG") ;;
		a) APPEND=$OPTARG ;;
		q) EXTRA+=("$OPTARG") ;;
		t) TIMEOUT=$OPTARG ;;
		o) OUTPUT=$OPTARG ;;
		s) SHELL_MODE=yes ;;
		*) die "usage: see the head of this file" ;;
		esac
	done
	case $CLOCK in icount | wall) ;; *) die "no such clock: $CLOCK (icount or wall)" ;; esac
	COMMAND=("${@:OPTIND}")
	[ "$SHELL_MODE" = yes ] || [ "${#COMMAND[@]}" -gt 0 ] || die "no command for the guest"
}

node_of()
{
	local package=$1 index=$2

	echo $((package * LAB_NODES_PER_PACKAGE + index % LAB_NODES_PER_PACKAGE))
}

# Packages, CPUs, memory and which node each belongs to.
topology()
{
	local nodes=$((LAB_PACKAGES * LAB_NODES_PER_PACKAGE)) node package cpu

	QEMU+=(-smp "$((LAB_PACKAGES * LAB_CPUS_PER_PACKAGE)),sockets=$LAB_PACKAGES,cores=$LAB_CPUS_PER_PACKAGE"
	       -m "$((LAB_MEMORY_MB / nodes * nodes))M")
	for ((node = 0; node < nodes; node++)); do
		QEMU+=(-object "memory-backend-ram,id=ram$node,size=$((LAB_MEMORY_MB / nodes))M"
		       -numa "node,nodeid=$node,memdev=ram$node")
	done
	for ((package = 0; package < LAB_PACKAGES; package++)); do
		for ((cpu = 0; cpu < LAB_CPUS_PER_PACKAGE; cpu++)); do
			QEMU+=(-numa "cpu,node-id=$(node_of "$package" "$cpu"),socket-id=$package,core-id=$cpu,thread-id=0")
		done
	done
}

# Linux can give up what is on a DIMM, but for the memory of the kernel itself.
dimm()
{
	local size=${LAB_DIMM_MB:-0} node=$((LAB_PACKAGES * LAB_NODES_PER_PACKAGE))

	[ "$size" -gt 0 ] || return 0
	QEMU+=(-m "slots=1,maxmem=$((LAB_MEMORY_MB + size))M" -numa "node,nodeid=$node"
	       -object "memory-backend-ram,id=dimm,size=${size}M"
	       -device "pc-dimm,memdev=dimm,node=$node")
}

iaa_properties()
{
	local generation=spr name value

	[ "${LAB_IAA_GNR:-}" != y ] || generation=gnr
	printf 'generation=%s,engines=%s' "$generation" "$LAB_IAA_ENGINES"
	for name in compress-base-ns compress-rate decompress-base-ns \
		    decompress-rate header-base-ns device-rate; do
		value=LAB_IAA_${name^^}
		value=${value//-/_}
		[ "${!value}" -eq 0 ] || printf ',%s=%s' "$name" "${!value}"
	done
	[ -z "$LAB_IAA_PROPERTIES" ] || printf ',%s' "$LAB_IAA_PROPERTIES"
}

# An endpoint cannot sit on an expander bus itself, so each device has a root
# port of its own; one expander per node tells the guest where it is.
devices()
{
	local package index node bus number=0

	for ((node = 0; node < LAB_PACKAGES * LAB_NODES_PER_PACKAGE; node++)); do
		QEMU+=(-device "pxb-pcie,id=node$node,bus=pcie.0,bus_nr=$((32 * (node + 1))),numa_node=$node")
	done
	for ((package = 0; package < LAB_PACKAGES; package++)); do
		for ((index = 0; index < LAB_IAA_PER_PACKAGE; index++, number++)); do
			bus=node$(node_of "$package" "$index")
			[ "${LAB_IAA_NODELESS:-}" != y ] || bus=pcie.0
			QEMU+=(-device "pcie-root-port,id=port$number,bus=$bus,chassis=$number,slot=$number"
			       -device "iaa,id=iaa$number,bus=port$number,$(iaa_properties)")
		done
	done
}

# Linux knows several nodes in a package from Intel's CPUs only; it warns about
# others whose CPUs share a cache across nodes.
cpu_model()
{
	local model=max,rdrand=off,rdseed=off,erms=off,fsrm=off,fsrs=off

	[ "$LAB_NODES_PER_PACKAGE" -eq 1 ] || model+=,vendor=GenuineIntel
	printf '%s' "$model"
}

# rdrand, rdseed and the host's time would make two runs differ; the "fast
# string" features would make icount charge one instruction for each byte copied.
clock()
{
	QEMU+=(-cpu "$(cpu_model)" -seed 1)
	if [ "$CLOCK" = icount ]; then
		QEMU+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off"
		       -rtc "base=2026-01-01T00:00:00,clock=vm")
	else
		QEMU+=(-accel "tcg,thread=multi")
	fi
}

quote() { printf "%q " "$@"; }

# The command travels in a small archive of its own, appended to the others. Its
# files have no times: how long the guest takes to read one depends on its digits,
# and what happens when seeds the guest's random numbers.
command_archive()
{
	local dir=$1

	mkdir -p "$dir/root/lab"
	{
		echo '# SPDX-License-Identifier: GPL-2.0'
		quote "${COMMAND[@]}"
		echo
	} >"$dir/root/lab/command"
	find "$dir/root" -exec touch -h -d @0 {} +
	(cd "$dir/root" && find . -mindepth 1 | sort |
		cpio --quiet -o -H newc -R 0:0 --reproducible)
	rm -rf "$dir/root"
}

initramfs()
{
	local image=$1 dir=$2 archive

	cat "$("$LAB/guest.sh" "$image" "$FLAVOUR")" >"$dir/initramfs"
	for archive in "${ARCHIVES[@]}"; do
		cat "$archive" >>"$dir/initramfs"
	done
	[ "$SHELL_MODE" = yes ] || command_archive "$dir" >>"$dir/initramfs"
}

# Output files: QEMU only ever appends to what is there.
consoles()
{
	local dir=$1

	if [ "$SHELL_MODE" = yes ]; then
		QEMU+=(-serial mon:stdio)
		QEMU+=(-fsdev "local,id=repository,path=$ROOT,security_model=none,readonly=on"
		       -device "virtio-9p-pci,bus=pcie.0,fsdev=repository,mount_tag=repository")
	else
		rm -f "$dir"/{console,output,status}
		touch "$dir"/{console,output,status}
		QEMU+=(-serial "file:$dir/console" -serial "file:$dir/output"
		       -serial "file:$dir/status")
	fi
}

compose()
{
	local qemu=$1 image=$2 dir=$3
	# A host too busy to deliver a tick in time must not end in the guest's
	# "IO-APIC + timer doesn't work", hence no_timer_check.
	local append='console=ttyS0 nokaslr norandmaps no_timer_check panic=-1 quiet loglevel=4'

	[ "$SHELL_MODE" = yes ] || append+=' ignore_loglevel'
	# Linux forgets the features of the boot CPU while it looks for them, see
	# identify_cpu(). To an interrupt at that time, KASAN says that all addresses
	# are wild, as if there were no page tables of five levels: so there are none.
	[ "$FLAVOUR" != debug ] || append+=' no5lvl'
	QEMU=("$qemu/qemu-system-x86_64" -L "$qemu/firmware" -nodefaults
	      -no-user-config -display none -M q35 -no-reboot
	      -kernel "$image/bzImage" -initrd "$dir/initramfs"
	      -append "$append${APPEND:+ $APPEND}")
	clock
	topology
	dimm
	devices
	consoles "$dir"
	QEMU+=("${EXTRA[@]}")
}

run_command()
{
	local dir=$1 tail_pid status=0

	tail -q -n +1 -f "$dir/output" &
	tail_pid=$!
	timeout --foreground -k 5 "$TIMEOUT" "${QEMU[@]}" \
		</dev/null >"$dir/qemu.log" 2>&1 || status=$?
	sleep 0.2
	kill "$tail_pid" 2>/dev/null || true
	wait "$tail_pid" 2>/dev/null || true
	verdict "$dir" "$status"
}

verdict()
{
	local dir=$1 qemu_status=$2 status

	if [ -s "$dir/qemu.log" ] && [ "$qemu_status" -ne 0 ]; then
		cat "$dir/qemu.log" >&2
	fi
	status=$(tr -dc '0-9' <"$dir/status")
	if [ -z "$status" ]; then
		tail -n 20 "$dir/console" >&2
		log "the guest died or took more than $TIMEOUT s (logs in $dir)"
		return 125
	fi
	if grep -qE "$COMPLAINTS" "$dir/console"; then
		grep -nE -m 5 -A 15 "$COMPLAINTS" "$dir/console" >&2
		log "the guest's kernel complained (all of it in $dir/console)"
		[ "$status" -ne 0 ] || status=124
	fi
	# The command is not all there is: what hangs or crashes on the way down is
	# as wrong as what does so before.
	if [ "$qemu_status" -ne 0 ]; then
		log "QEMU ended with status $qemu_status after the command: the guest did" \
			"not power off within $TIMEOUT s, or QEMU died (logs in $dir)"
		[ "$status" -ne 0 ] || status=125
	fi
	return "$status"
}

# The kernel that boots must be the one that was asked for.
check_release()
{
	local image=$1

	[ -s "$image/release" ] || die "$image is not a kernel image"
	# shellcheck disable=SC2016
	COMMAND=(sh -c 'want=$1; shift; have=$(uname -r); [ "$have" = "$want" ] ||
		{ echo "booted $have instead of $want"; exit 1; }; exec "$@"'
		sh "$(cat "$image/release")" "${COMMAND[@]}")
}

main()
{
	local image qemu dir

	parse_options "$@"
	load_config
	qemu=$("$LAB/qemu.sh")
	case $KERNEL in
	*/*) image=$KERNEL ;;
	*) image=$("$LAB/kernel.sh" "$KERNEL" "$FLAVOUR") ;;
	esac
	dir=${OUTPUT:-$BUILD/guest}
	mkdir -p "$dir"
	[ "$SHELL_MODE" = yes ] || check_release "$image"
	initramfs "$image" "$dir"
	compose "$qemu" "$image" "$dir"
	quote "${QEMU[@]}" >"$dir/command-line"
	if [ "$SHELL_MODE" = yes ]; then
		exec "${QEMU[@]}"
	fi
	run_command "$dir"
}

main "$@"
