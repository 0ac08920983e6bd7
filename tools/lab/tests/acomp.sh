# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Compression in the crypto core: plain requests and requests of units, for every
# compressor and for mock algorithms, by KUnit in a guest of our kernel.

in_our_guest()
{
	local name=$1
	shift

	"$LAB/boot.sh" -k ours -c wall -o "$LOGS/guest-$name" "$@"
}

group_acomp()
{
	check_ktap "self-tests" in_our_guest self-tests /lab/bin/acomp-test.sh
	check_ktap "requests" in_our_guest acomp /lab/bin/kunit.sh acompress_kunit
	check_ktap "units" in_our_guest units /lab/bin/kunit.sh acompress_units_kunit
}
