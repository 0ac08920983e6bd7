#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Are the compressors there, and have they passed the kernel's own self-tests?

# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"

COMPRESSORS="842-scomp deflate-generic lz4-scomp lz4hc-scomp lzo-rle-scomp lzo-scomp zstd-generic"

# "driver selftest type" of every algorithm.
algorithms()
{
	awk '$1 == "driver" { driver = $3 }
	     $1 == "selftest" { selftest = $3 }
	     $1 == "type" { print driver, selftest, $3 }' /proc/crypto
}

compressors_are_registered()
{
	expect compressors \
		"$(algorithms | awk '$3 ~ /^[as]comp$/ { print $1 }' | sort | xargs)" "$COMPRESSORS"
}

self_tests_have_passed()
{
	expect "algorithms that have not passed" "$(algorithms | awk '$2 != "passed"')" ""
}

self_tests_are_silent()
{
	expect "complaints of the self-tests" "$(dmesg | grep 'alg: .*fail')" ""
}

ktap_run compressors_are_registered self_tests_have_passed self_tests_are_silent
