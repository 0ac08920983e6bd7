# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Compression in the crypto core: plain requests and requests of units, for every
# compressor and for mock algorithms, by KUnit in User-Mode Linux, which is quick and
# looks for more, and in a guest, which is what the kernel is for.

# The limit is for the debug kernel on a busy machine: some take ten minutes there.
in_our_guest()
{
	local name=$1
	shift

	"$LAB/boot.sh" -k ours -c wall -t 2400 -o "$LOGS/guest-$name" "$@"
}

# acomp_cost KERNEL: what requests cost acomp itself, in instructions, exact: one
# CPU, and a clock that counts them. Always of the normal kernel.
acomp_cost()
{
	local kernel=$1
	local -a archive=()

	if [ "$kernel" = base ]; then
		"$LAB/kernel.sh" base lab >&2
		archive=(-d "$(MODULE=acomp_cost "$LAB/module.sh" lab)")
	fi
	LAB_PACKAGES=1 LAB_CPUS_PER_PACKAGE=1 LAB_IAA_PER_PACKAGE=1 "$LAB/boot.sh" \
		-k "$kernel" -f lab -c icount "${archive[@]}" -o "$LOGS/cost-guest-$kernel" \
		/lab/bin/acomp-cost.sh >"$LOGS/cost-$kernel"
}

# Test that no plain request costs an instruction more than in the base kernel. What
# compressors do differs by four with where their buffers happen to lie.
test_plain_cost()
{
	acomp_cost base
	acomp_cost ours
	echo "instructions: base, ours, what"
	# $1: number; the rest is what it is of. The last of each is compared.
	awk '{ cost = $1; sub(/^[0-9]+ /, "") }
	     FNR == NR { base[$0] = cost; plain++; next }
	     !($0 in base) { printf "%6s %6d  %s\n", "-", cost, $0; next }
	     {
		printf "%6d %6d  %s\n", base[$0], cost, $0
		seen++
		worse += cost > base[$0] + (/a page/ ? 4 : 0)
	     }
	     END { exit !plain || seen != plain || worse }' \
		"$LOGS/cost-base" "$LOGS/cost-ours"
}

group_acomp()
{
	check "plain requests cost no instruction more than without units" test_plain_cost
	check_ktap "self-tests" in_our_guest self-tests /lab/bin/acomp-test.sh
	check_ktap "requests, User-Mode Linux" "$LAB/kunit.sh" acompress_kunit
	check_ktap "units, User-Mode Linux" "$LAB/kunit.sh" acompress_units_kunit
	check_ktap "requests" in_our_guest acomp /lab/bin/kunit.sh acompress_kunit
	check_ktap "units" in_our_guest units /lab/bin/kunit.sh acompress_units_kunit
}
