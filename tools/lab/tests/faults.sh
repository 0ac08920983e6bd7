# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Nothing is lost: zswap and its devices while devices, administrators and everything
# around them fail or do harm, on the debug kernel, where allocations fail, too, one by
# one, and lost memory and DMA mappings are looked for. FLAVOUR=lab is faster, and skips
# what it cannot do. SEED= repeats the decisions of the storm and of hostile input,
# STORM_SECONDS= is how long the storm lasts, SWEEP_STEP=1 lets each operation fail of
# those that take long.

# Memory that the kernel leaves to hostile descriptors: where, and how much.
HOSTILE_MEMORY=(10000000 1000000)

# What stores a page, and what makes the pool that it is stored in.
STORING=(zswap_request_destroy zswap_request_add_buffers zswap_request_init
	acomp_ctx_destroy acomp_ctx_init acomp_ctx_add_decomp acomp_ctx_free
	zswap_pool_create zswap_cpu_comp_prepare
	zswap_write_object zswap_batch_allows_incompressible zswap_accept_incompressible
	zswap_window_submit zswap_window_wait zswap_write_page zswap_window_write
	zswap_compress_windows zswap_batch_expects_refusal zswap_compress
	zswap_entry_cache_alloc_many zswap_batch_add_entries zswap_batch_next_entry
	zswap_batch_build
	zswap_batch_erase zswap_batch_insert_run zswap_batch_insert zswap_batch_account
	zswap_batch_discard zswap_store_folio zswap_store)

# faults_guest NAME [OPTION...] PROGRAM [ARGUMENT...]: two RAM disks to swap to, and two
# devices that fail when they are told to. A CPU a package, unless there is a reason for
# more: those of a debug kernel mostly wait for each other's locks.
faults_guest()
{
	local name=$1
	shift

	LAB_CPUS_PER_PACKAGE=${CPUS_PER_PACKAGE:-1} LAB_IAA_PER_PACKAGE=1 LAB_IAA_GNR=y \
		LAB_IAA_PROPERTIES=inject=on "$LAB/boot.sh" -k ours -c wall \
		-t $((STORM_SECONDS * 4 + 1800 + 7200 / SWEEP_STEP)) -o "$LOGS/guest-faults-$name" \
		-a "cryptomgr.notests slab_nomerge kmemleak=on brd.rd_nr=2 brd.rd_size=131072 memmap=0x${HOSTILE_MEMORY[1]}\$0x${HOSTILE_MEMORY[0]}" \
		"$@"
}

# With a disk, and a kselftest that needs one.
software_guest()
{
	local disk=$LOGS/swap-faults selftests

	selftests=$("$LAB/selftests.sh" zswap)
	truncate -s 256M "$disk"
	faults_guest software -d "$selftests" -q -drive -q "if=none,id=swap,format=raw,file=$disk" \
		-q -device -q virtio-blk-pci,drive=swap,bus=pcie.0 \
		/lab/bin/faults-software.sh "$SWEEP_STEP"
}

# The PCI core probes a device of some node on a CPU of that node, that is, in another
# task than the one whose operations are to fail.
probes_guest()
{
	LAB_IAA_NODELESS=y faults_guest probes /lab/bin/faults-probe.sh "$SWEEP_STEP"
}

devices_guest() { faults_guest devices /lab/bin/faults-device.sh; }

hostile_guest()
{
	faults_guest hostile /lab/bin/faults-hostile.sh "$SEED" "${HOSTILE_MEMORY[@]}"
}

# A storm needs CPUs that come and go.
storm_guest() { CPUS_PER_PACKAGE=2 faults_guest storm /lab/bin/faults-storm.sh "$SEED" "$STORM_SECONDS"; }

# lane NAME...: runs these guests, one after the other.
lane()
{
	local name

	# Not "into ... || ...": what is in there would go on after a step that failed.
	set +e
	for name in "$@"; do
		into "$LOGS/$name-guest" "${name}_guest"
		echo $? >"$LOGS/$name-status"
	done
}

# ran NAME: what that guest has said, once it has ended, and how it ended.
ran()
{
	until [ -s "$LOGS/$1-status" ]; do
		sleep 1
	done
	cat "$LOGS/$1-guest"
	return "$(<"$LOGS/$1-status")"
}

# Test that each line of what stores a page was run, each way out of it included.
test_all_ways_out()
{
	local image

	[ "$FLAVOUR" = debug ] || skip "only the debug kernel counts its lines"
	need gcov
	image=$("$LAB/kernel.sh" ours "$FLAVOUR")
	# A guest that reports nothing has run nothing.
	refused "$LAB/coverage.py" "$image" "${STORING[@]}" </dev/null >/dev/null
	tr -d '\r' <"$LOGS/guest-faults-software/output" | sed -n 's/^gcov: //p' |
		"$LAB/coverage.py" "$image" "${STORING[@]}"
}

# The rows of all guests: kinds of faults, and what became of the pages.
faults_table()
{
	local rows=$LOGS/faults-rows

	cat "$LOGS"/guest-faults-*/output | tr -d '\r' | sed -n 's/^fault: //p' >"$rows"
	[ -s "$rows" ] || { echo "no guest reported"; return 1; }
	awk '
		function value(name,  i) {
			for (i = 1; i <= NF; i++)
				if (split($i, pair, "=") == 2 && pair[1] == name)
					return pair[2]
			return 0
		}
		/leaks=/ {
			looked++
			leaks += value("leaks")
			next
		}
		{
			kind = value("kind")
			if (!(kind in injected))
				order[++kinds] = kind
			injected[kind] += value("injected"); survived[kind] += value("survived")
			pages[kind] += value("pages"); wrong += value("wrong")
			bad[kind] += value("wrong"); undetected[kind] += value("undetected")
			if (value("stall_ms") > stall)
				stall = value("stall_ms")
		}
		END {
			printf "%-24s %9s %9s %9s %6s %13s\n", "kind", "injected", "survived",
				"pages", "wrong", "undetectable*"
			for (i = 1; i <= kinds; i++) {
				kind = order[i]
				printf "%-24s %9d %9d %9d %6d %13d\n", kind, injected[kind],
					survived[kind], pages[kind], bad[kind], undetected[kind]
				faults += injected[kind]; all += pages[kind]
			}
			printf "%-24s %9d %9s %9d %6d\n", "all", faults, "", all, wrong
			printf "* by design: raw deflate has no checksum, and verify_compress was off\n"
			printf "leaks: %d (zswap, references, DMA mappings, memory; looked %d times)\n",
				leaks, looked
			printf "longest stall: %d ms (16 pages out and in, in the storm)\n", stall
			exit wrong != 0 || leaks != 0 || !looked
		}' "$rows"
}

# For who reads the run, not only its log.
test_faults_table() { faults_table | tee "$LOGS/faults-table"; }

group_faults()
{
	STORM_SECONDS=${STORM_SECONDS:-30} SWEEP_STEP=${SWEEP_STEP:-29} SEED=${SEED:-$RANDOM}
	export FLAVOUR=${FLAVOUR:-debug}
	echo "        SEED=$SEED"
	# Two lanes, which take about the same time, as one guest leaves a CPU idle.
	lane software probes storm &
	lane devices hostile &
	check_ktap "software" ran software
	check "each way out of a store was taken" test_all_ways_out
	check_ktap "devices" ran devices
	check_ktap "probes" ran probes
	check_ktap "hostile" ran hostile
	check_ktap "storm" ran storm
	wait
	check "no page was wrong and nothing leaked" test_faults_table
	cat "$LOGS/faults-table"
}
