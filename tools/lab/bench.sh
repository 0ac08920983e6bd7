#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Measures the unpatched kernel and ours, exactly, and writes a report.
#
#   bench.sh report [FIGURE...]   P1 to P7, P9, check, sensitivity, devices, batches,
#                                 field: all, or some
#   bench.sh record [FIGURE...]   and what was found is what must be kept
#   bench.sh gate [FIGURE...]     quick: fails if a figure is worse than recorded
#
# The figure "gate" is what the gate looks at by itself, so that just this can be
# recorded.
#
# Prepares what the boots need and leaves the rest to bench/bench.py: plan.py says
# what is run, figures.py what becomes of it. JOBS= boots run at the same time. The
# report lands in results/; a run whose ingredients did not change is not repeated.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# The key names what the plugin was made of, as its bytes differ between compilers.
build_plugin()
{
	local dest=$1 header

	header=$("$LAB/fetch.sh" qemu)/include/qemu
	mkdir -p "$(dirname "$dest")"
	# shellcheck disable=SC2046
	gcc -shared -fPIC -O2 -Wall -I "$header" -o "$dest" "$LAB/bench/scopes.c" \
		$(pkg-config --cflags --libs glib-2.0)
	key <"$LAB/bench/scopes.c" >"${dest%.so}.key"
}

# Does one of the FIGUREs? bench.py knows which: "field", one of all.
need_compiler()
{
	local mode=$1
	shift

	[ "$mode" != gate ] && [[ $# -eq 0 || " $* " = *' field '* ]]
}

version() { git -C "$ROOT" describe --always --dirty 2>/dev/null || echo unknown; }

prepare()
{
	local kernel image

	export BENCH_PLUGIN=$BUILD/bench/libscopes.so BENCH_WORK=$BUILD/bench
	export BENCH_CACHE=$CACHE/bench PYTHONDONTWRITEBYTECODE=1
	build_plugin "$BENCH_PLUGIN"
	BENCH_QEMU=$("$LAB/qemu.sh")
	BENCH_CORPUS=$("$LAB/corpus.sh")
	BENCH_PACKAGES=$("$LAB/fetch.sh" packages "${CORPUS_PACKAGES[@]}")
	BENCH_DOWNLOADS=$CACHE/downloads
	BENCH_COMPILER=
	if need_compiler "$@"; then
		BENCH_COMPILER=$("$LAB/bench/compiler.sh")
	fi
	BENCH_VERSION=$(version)
	BENCH_DATA=$(basename "$(dirname "$BENCH_CORPUS")")
	BENCH_RESULTS=$ROOT/results/bench-$(date +%Y%m%d-%H%M%S)
	export BENCH_QEMU BENCH_CORPUS BENCH_PACKAGES BENCH_DOWNLOADS BENCH_COMPILER \
		BENCH_VERSION BENCH_DATA BENCH_RESULTS
	for kernel in base ours; do
		image=$("$LAB/kernel.sh" "$kernel" bench)
		declare -gx "BENCH_${kernel^^}=$image"
		declare -gx "BENCH_GUEST_${kernel^^}=$("$LAB/guest.sh" "$image" bench)"
	done
}

main()
{
	case ${1:-} in
	report | record | gate) ;;
	*) die "usage: see the head of this file" ;;
	esac
	need gcc pkg-config python3 gnuplot
	prepare "$@"
	JOBS=$JOBS exec "$LAB/bench/bench.py" "$@"
}

main "$@"
