# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Nothing is lost: zswap and its devices while devices, administrators and everything
# around them fail or do harm. With FLAVOUR=debug allocations fail, too, one by one,
# and lost memory and DMA mappings are looked for. SEED= repeats the decisions of the
# storm and of hostile input, STORM_SECONDS= is how long the storm lasts, SWEEP_STEP=1
# lets each operation fail of those that take long.

# Memory that the kernel leaves to hostile descriptors: where, and how much.
HOSTILE_MEMORY=(10000000 1000000)

# faults_guest NAME PROGRAM [ARGUMENT...]: two RAM disks to swap to, and two devices
# that fail when they are told to.
faults_guest()
{
	local name=$1
	shift

	LAB_IAA_PER_PACKAGE=1 LAB_IAA_GNR=y LAB_IAA_PROPERTIES=inject=on \
		"$LAB/boot.sh" -k ours -c wall -t $((STORM_SECONDS * 4 + 900)) \
		-o "$LOGS/guest-faults-$name" \
		-a "slab_nomerge brd.rd_nr=2 brd.rd_size=131072 memmap=0x${HOSTILE_MEMORY[1]}\$0x${HOSTILE_MEMORY[0]}" \
		"$@"
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
	echo "        SEED=$SEED"
	check_ktap "software" faults_guest software /lab/bin/faults-software.sh "$SWEEP_STEP"
	check_ktap "devices" faults_guest devices /lab/bin/faults-device.sh
	check_ktap "probes" faults_guest probes /lab/bin/faults-probe.sh "$SWEEP_STEP"
	check_ktap "hostile" faults_guest hostile /lab/bin/faults-hostile.sh "$SEED" \
		"${HOSTILE_MEMORY[@]}"
	check_ktap "storm" faults_guest storm /lab/bin/faults-storm.sh "$SEED" "$STORM_SECONDS"
	check "no page was wrong and nothing leaked" test_faults_table
	cat "$LOGS/faults-table"
}
