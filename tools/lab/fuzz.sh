#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The device model against inputs that nobody thought of, compiled alone with
# sanitizers.
#
#   fuzz.sh inflate|descriptor SECONDS    libFuzzer; what it finds to be new is
#                                         kept in the cache for the next time.
#                                         Descriptors begin with saved states
#   fuzz.sh pages FILE PAGES              pages of a file through the coder
#
# A finding is left in build/fuzz and fails the run.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

FLAGS=(-std=gnu11 -O1 -g -Wall -Werror -fwrapv -fno-strict-aliasing
       -D_GNU_SOURCE -fno-sanitize-recover=all)
CODER=(hw/iaa/iaa-{deflate,huffman,inflate,lz77}.c)
DEVICE=(hw/iaa/iaa-{aecs,engine,guard,ops,wq}.c util/crc32c.c build/trace/trace-hw_iaa.c)

compile()
{
	local tree=$1 output=$2 sanitize=$3 glib
	shift 3

	read -ra glib < <(pkg-config --cflags --libs glib-2.0 | xargs)
	(cd "$tree" && quietly "$output.log" \
		clang "${FLAGS[@]}" "-fsanitize=$sanitize" -iquote build -iquote . \
		-iquote include -iquote host/include/x86_64 -iquote host/include/generic \
		-isystem linux-headers "$@" -o "$output" "${glib[@]}" -lz)
}

# seeds FOLDER TREE: what the fuzzer of descriptors begins with.
seeds()
{
	local dir=$1 tree=$2

	rm -rf "$dir"
	mkdir -p "$dir"
	compile "$tree" "$BUILD/fuzz/seeds" address,undefined "${CODER[@]}" \
		hw/iaa/iaa-aecs.c tests/fuzz/iaa-seeds.c
	"$BUILD/fuzz/seeds" "$dir"
}

fuzz()
{
	local what=$1 seconds=$2 tree=$3 dir=$BUILD/fuzz
	local -a sources=("${CODER[@]}") corpora=("$CACHE/fuzz/$1")

	mkdir -p "$dir" "${corpora[0]}"
	if [ "$what" = descriptor ]; then
		sources+=("${DEVICE[@]}")
		corpora+=("$dir/saved-states")
		seeds "$dir/saved-states" "$tree"
	fi
	compile "$tree" "$dir/$what" fuzzer,address,undefined "${sources[@]}" \
		"tests/fuzz/iaa-$what-fuzz.c"
	(cd "$dir" && "./$what" -max_total_time="$seconds" -max_len=8192 -timeout=20 \
		-artifact_prefix="$dir/$what-" -print_final_stats=1 "${corpora[@]}") 2>&1 |
		tail -n 40
}

pages()
{
	local file=$1 count=$2 tree=$3 dir=$BUILD/fuzz

	mkdir -p "$dir"
	compile "$tree" "$dir/pages" address,undefined "${CODER[@]}" tests/fuzz/iaa-pages.c
	"$dir/pages" "$file" "$count"
}

main()
{
	local tree

	need clang pkg-config
	# With what configure makes, and the trace events.
	tree=$("$LAB/qemu.sh" tests)
	tree=${tree%/build}
	case ${1:-} in
	inflate | descriptor) fuzz "$1" "${2:?how many seconds}" "$tree" ;;
	pages) pages "${2:?which file}" "${3:?how many pages}" "$tree" ;;
	*) die "usage: see the head of this file" ;;
	esac
}

main "$@"
