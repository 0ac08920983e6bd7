#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Instructions per page and function of a workload, exact, by a TCG plugin.
#
#   KERNEL=base|ours WORKLOAD="pageout COMPRESSOR FOLIO_KB" profile.sh
#
# Two runs that differ only in the amount of data are subtracted. Table, JSON and
# a treemap land in results/.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=${KERNEL:-ours}
WORKLOAD=${WORKLOAD:-pageout lzo 64}
SMALL_MB=8 LARGE_MB=24

build_plugin()
{
	local dest=$1 header

	header=$("$LAB/fetch.sh" qemu)/include/qemu
	# shellcheck disable=SC2046
	gcc -shared -fPIC -O2 -Wall -I "$header" $(pkg-config --cflags --libs glib-2.0) \
		-o "$dest" "$LAB/profile/funccount.c"
}

# One vCPU and no host time: the same instructions in each run.
run()
{
	local dir=$1 size=$2 plugin=$3 corpus=$4
	shift 4

	mkdir -p "$dir"
	log "$KERNEL kernel, $*, $size MiB"
	LAB_PACKAGES=1 LAB_CPUS_PER_PACKAGE=1 LAB_IAA_PER_PACKAGE=4 "$LAB/boot.sh" \
		-k "$KERNEL" -c icount -d "$corpus" -o "$dir" \
		-a "brd.rd_nr=1 brd.rd_size=$((LARGE_MB * 4096))" \
		-q -plugin -q "$plugin,output=$dir/blocks" \
		/lab/bin/profile-job.sh "$@" "$size" >"$dir/log" ||
		die "the guest failed: $(tail -n 3 "$dir/log")"
	sed -n 's/^symbol: //p' "$dir/log" >"$dir/symbols"
}

main()
{
	local work=$BUILD/profile corpus image name
	local -a job

	read -ra job <<<"$WORKLOAD"
	[ "${#job[@]}" -eq 3 ] || die "WORKLOAD='$WORKLOAD': WORK COMPRESSOR FOLIO_KB, for example 'pageout lzo 64'"
	need gcc pkg-config python3
	mkdir -p "$work" "$ROOT/results"
	build_plugin "$work/libfunccount.so"
	corpus=$("$LAB/corpus.sh")
	image=$("$LAB/kernel.sh" "$KERNEL")
	run "$work/small" "$SMALL_MB" "$work/libfunccount.so" "$corpus" "${job[@]}"
	run "$work/large" "$LARGE_MB" "$work/libfunccount.so" "$corpus" "${job[@]}"
	name=$ROOT/results/profile-$KERNEL-$(tr ' ' - <<<"$WORKLOAD")
	"$LAB/profile/profile.py" "$image/System.map" "$work/small" "$work/large" \
		$(((LARGE_MB - SMALL_MB) * 256)) "$name"
	log "table, JSON and treemap: ${name#"$ROOT"/}.{txt,json,svg}"
}

main "$@"
