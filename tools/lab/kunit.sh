#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Runs the KUnit suites of one module and prints their results as KTAP.
#
#   kunit.sh MODULE         acompress_kunit, acompress_units_kunit, idxd_kunit, ...
#
# What needs no device runs in User-Mode Linux: a kernel that is a program of the
# host, without an emulator. All else runs in a guest. The status is 125 when the
# kernel died or took too long, 124 when it complained.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "$LAB/guest/ktap.sh"

# Built into User-Mode Linux; a suite of KUnit has the module's name less "_kunit".
UML_MODULES=(acompress_kunit acompress_units_kunit)
TIMEOUT=1200

is_in_uml() { [[ " ${UML_MODULES[*]} " == *" $1 "* ]]; }

# boot_uml IMAGE SUITE LOG: KUnit ends the kernel, with 0.
boot_uml()
{
	timeout "$TIMEOUT" "$1/linux" mem=1G ncpus=4 seccomp=on con=null con0=null,fd:1 \
		"kunit.filter_glob=$2.*" kunit_shutdown=poweroff \
		</dev/null 2>&1 | tr -d '\r' >"$3"
}

in_uml()
{
	local suite=${1%_kunit} output=$BUILD/kunit/$1.log status=0 image

	image=$("$LAB/kernel.sh" ours uml)
	mkdir -p "$BUILD/kunit"
	if ! boot_uml "$image" "$suite" "$output"; then
		log "User-Mode Linux died or took more than $TIMEOUT s (logs in $output)"
		status=125
	fi
	ktap_of_kunit <"$output" || [ "$status" -ne 0 ] || status=1
	if grep -qE "$COMPLAINTS" "$output"; then
		grep -nE -m 5 -A 15 "$COMPLAINTS" "$output" >&2
		log "User-Mode Linux complained (all of it in $output)"
		[ "$status" -ne 0 ] || status=124
	fi
	return "$status"
}

main()
{
	local module=${1:-}

	[ -n "$module" ] || die "usage: kunit.sh MODULE (make kunit SUITE=MODULE)"
	if is_in_uml "$module"; then
		in_uml "$module"
	else
		"$LAB/boot.sh" -k ours -c wall -o "$BUILD/kunit/$module" /lab/bin/kunit.sh "$module"
	fi
}

main "$@"
