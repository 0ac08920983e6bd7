#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Loads a module with KUnit suites and prints their results as one flat list of
# KTAP: each test case is a result; those of its parameters are comments.
#
#   kunit.sh MODULE [PARAMETER=VALUE...]

set -e

# KUnit's lines in the kernel's log. Suites are indented by 4, cases by 8.
suites() { dmesg | sed -n 's/^\[[^]]*\] //p'; }

flatten()
{
	awk '
		/^    # Subtest: / { suite = $3 }
		/^    1\.\.[0-9]+/ { sub(/^    1\.\./, ""); planned += $0 }
		/^    (not )?ok [0-9]+ / {
			verdict = $1 == "ok" ? "ok" : "not ok"
			sub(/^    (not )?ok [0-9]+ /, "")
			print verdict, ++results, suite "." $0
			next
		}
		# Messages of expectations begin in the first column.
		!/^(KTAP version|1\.\.|(not )?ok )/ { print "#" $0 }
		END {
			print "1.." planned + 0
			exit results != planned || !planned
		}'
}

modprobe kunit
dmesg -c >/dev/null
modprobe "$@"
echo "KTAP version 1"
suites | flatten
