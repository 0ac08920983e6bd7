# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The group gate in long: all compressors and modes, and memory.

# Test that no figure is worse than recorded. Not P6, whose longest fault is one sample.
test_figures() { "$LAB/bench.sh" gate P1 P2 P3 P4 P5 P7 P9; }

group_bench()
{
	check "no figure is worse than recorded" test_figures
}
