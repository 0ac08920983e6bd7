#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The main job: real pages through zswap and the emulated IAA, every byte
# compared, one table. See `make help` for the variables.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

KERNEL=${KERNEL:-ours}
COMPRESSOR=${COMPRESSOR:-deflate-iaa lzo}
MTHP=${MTHP:-4 64 2048}
SIZE=${SIZE:-32M}
MTTCG=${MTTCG:-0}

# 32M, 1G or plain MiB -> MiB, a multiple of 2 MiB so that every size fits.
size_mb()
{
	local number=${1%[MmGg]*} unit=${1##*[0-9]}

	[[ $number =~ ^[0-9]+$ ]] || die "SIZE=$1 is not a size (for example 32M)"
	case $unit in
	'' | [Mm] | [Mm]B) ;;
	[Gg] | [Gg]B) number=$((number * 1024)) ;;
	*) die "SIZE=$1 is not a size (for example 32M)" ;;
	esac
	if [ "$number" -lt 8 ] || [ "$number" -gt 1024 ] || [ $((number % 8)) -ne 0 ]; then
		die "SIZE=$1: from 8M to 1G, in steps of 8 MiB"
	fi
	echo "$number"
}

# "64kB,2M" or "4 64 2048" -> kB numbers.
folio_sizes()
{
	local size

	for size in ${1//,/ }; do
		case $size in
		*[kK] | *kB) size=${size%[kK]*} ;;
		*M | *MB) size=$((${size%M*} * 1024)) ;;
		esac
		case $size in
		4 | 16 | 32 | 64 | 128 | 256 | 512 | 1024 | 2048) echo "$size" ;;
		*) die "MTHP=$1: '$size' is no folio size (4, 16, 32, 64, 128, 256, 512, 1024 or 2048 kB)" ;;
		esac
	done
}

check_variables()
{
	local name

	case $KERNEL in base | ours) ;; *) die "KERNEL=$KERNEL: base or ours" ;; esac
	case $MTTCG in 0 | 1) ;; *) die "MTTCG=$MTTCG: 0 or 1" ;; esac
	for name in ${COMPRESSOR//,/ }; do
		case $name in
		deflate-iaa | deflate-iaa-dynamic | deflate | lzo | lzo-rle | lz4 | lz4hc | zstd | 842) ;;
		*) die "COMPRESSOR=$COMPRESSOR: '$name' is not a compressor of this kernel" ;;
		esac
	done
	SIZE_MB=$(size_mb "$SIZE")
	FOLIOS=$(folio_sizes "$MTHP" | xargs)
	[ -n "$FOLIOS" ] || die "MTHP names no folio size"
}

main()
{
	local clock=icount output=$BUILD/run corpus status=0

	check_variables
	[ "$MTTCG" = 0 ] || clock=wall
	# Only devices of the second generation have that mode.
	[[ $COMPRESSOR != *deflate-iaa-dynamic* ]] || export LAB_IAA_GNR=y
	log "$KERNEL kernel, $SIZE_MB MiB, compressors: ${COMPRESSOR//,/ }"
	corpus=$("$LAB/corpus.sh")
	mkdir -p "$output"
	"$LAB/boot.sh" -k "$KERNEL" -c "$clock" -d "$corpus" -o "$output" \
		-a "brd.rd_nr=1 brd.rd_size=$((SIZE_MB * 4 * 1024))" \
		/lab/bin/job.sh "$SIZE_MB" "${COMPRESSOR//,/ }" "$FOLIOS" |
		"$LAB/table.py" "$clock" || status=$?
	if [ "$status" -ne 0 ]; then
		log "make run failed: what went wrong is above, the logs are in $output"
		exit 1
	fi
}

main "$@"
