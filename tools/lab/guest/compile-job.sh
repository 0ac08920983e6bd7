#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The compiler as a workload, four of them at once: the files of /cc are packed by
# bench/compiler.sh.

compile()
{
	/cc/lib/ld-linux-x86-64.so.2 --library-path /cc/lib /cc/cc1 \
		-quiet -O2 -fpreprocessed /cc/source.i -o "/tmp/compiled-$1.s"
}

for job in 1 2 3 4; do
	compile "$job" &
	jobs="$jobs $!"
done
for job in $jobs; do
	wait "$job" || exit 1
done
cmp /tmp/compiled-1.s /tmp/compiled-2.s && cmp /tmp/compiled-3.s /tmp/compiled-4.s
