#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317,SC2031
# What the packages bring, on the kernel that one of them is: the service, run as
# its unit says, and a module that was built with the headers.

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"

DEVICES=/sys/bus/dsa/devices
CRYPTO=/sys/bus/dsa/drivers/crypto
UNIT=$(find /lib/systemd /usr/lib/systemd -name iaa-zswap.service 2>/dev/null)
EXERCISE=/sys/kernel/debug/acomp_exercise/job
STORED=/tmp/stored

# service ExecStart|...: what the unit has there, in the environment it gives.
service()
{
	(
		set -a
		# The guest has the script elsewhere, too.
		PATH=/usr/sbin:/usr/bin:/sbin:/bin
		# shellcheck disable=SC2034
		PATIENCE=1
		. /etc/default/iaa-zswap
		[ -z "${OVERRIDE:-}" ] || eval "$OVERRIDE"
		eval "exec $(sed -n "s/^$1=//p" "$UNIT")"
	)
}

parameters() { echo "$(cat $ZSWAP/compressor) $(cat $ZSWAP/enabled)"; }
# enabled 'PATTERN': how many of the devices or queues.
enabled() { find $DEVICES/ -follow -maxdepth 2 -path "*/$1/state" -exec cat {} + | grep -cx enabled; }
devices() { find $DEVICES -name 'iax*' | wc -l; }

# Pages of a file in memory, which reclaim puts into zswap and leaves there.
store_pages()
{
	local before

	before=$(vmstat zswpout)
	cat /lab/bin/* 2>/dev/null | head -c 4194304 >$STORED
	# It fails if it could not have all of it.
	echo 4M >$CGROUP/memory.reclaim || echo "not all pages were stored"
	[ "$(vmstat zswpout)" -gt "$((before + 100))" ]
}

stored_pages_are_right() { cat /lab/bin/* | head -c 4194304 | cmp - $STORED; }

# Test that the unit's condition finds the machine's devices.
devices_are_found()
{
	service ExecCondition
	[ "$(devices)" -gt 0 ]
}

# Test that pages are compressed by the devices once the service has started.
service_has_zswap_use_devices()
{
	local calls

	parameters >/tmp/before
	service ExecStart
	expect parameters "$(parameters)" "deflate-iaa Y"
	expect "enabled queues" "$(enabled 'wq*')" "$(devices)"
	calls=$(iaa_stat total_comp_calls)
	setup_folios 64
	pageout -f 64k -s 8m -o -k text
	[ "$(iaa_stat total_comp_calls)" -gt "$((calls + 1000))" ]
}

# Test that devices stay enabled as long as zswap holds pages they compressed.
service_keeps_devices_for_pages()
{
	store_pages
	service ExecStop | tee /tmp/out
	grep -q 'the devices stay enabled: .*deflate-iaa is still in use' /tmp/out
	expect parameters "$(parameters)" "$(cat /tmp/before)"
	expect "enabled devices" "$(enabled 'iax*')" "$(devices)"
	stored_pages_are_right
	rm $STORED
}

# Test that a second start works, and that stopping then undoes everything.
stop_undoes_everything()
{
	service ExecStart
	service ExecStop
	expect parameters "$(parameters)" "$(cat /tmp/before)"
	expect "enabled devices" "$(enabled 'iax*')" 0
	expect "enabled queues" "$(enabled 'wq*')" 0
}

# Test that a compressor chosen since then is left as it is.
stop_respects_another_choice()
{
	service ExecStart
	echo zstd >$ZSWAP/compressor
	service ExecStop
	expect parameters "$(parameters)" "zstd Y"
	expect "enabled devices" "$(enabled 'iax*')" 0
}

# Test that what cannot be set is refused, and zswap's settings stay.
refused_settings_change_nothing()
{
	local before

	before=$(parameters)
	OVERRIDE='COMPRESSOR=none-such' refuse service ExecStart
	expect parameters "$(parameters)" "$before"
	OVERRIDE='DRIVER_SETTINGS=none_such=1' refuse service ExecStart
	expect parameters "$(parameters)" "$before"
	OVERRIDE='IAA_OPTIONS="-q 99"' refuse service ExecStart
	expect parameters "$(parameters)" "$before"
	service ExecStop
	expect "enabled devices" "$(enabled 'iax*')" 0
}

# Test that the settings of the defaults file reach the devices and the driver.
settings_are_applied()
{
	OVERRIDE='IAA_OPTIONS="-q 2 -m sync" DRIVER_SETTINGS="g_comp_wqs_per_iaa=1 distribute_decomps=Y"' \
		service ExecStart
	expect "enabled queues" "$(enabled 'wq*')" $((2 * $(devices)))
	expect sync_mode "$(cat $CRYPTO/sync_mode)" sync
	expect g_comp_wqs_per_iaa "$(cat $CRYPTO/g_comp_wqs_per_iaa)" 1
	expect distribute_decomps "$(cat $CRYPTO/distribute_decomps)" Y
	service ExecStop
}

# Test that a module built with the headers package alone loads and works.
module_of_headers_works()
{
	local results

	insmod /lab/modules/acomp_exercise.ko
	exec 3<>$EXERCISE
	echo "alg=deflate-generic op=compress units=8 requests=10" >&3
	read -r results <&3
	echo "$results"
	exec 3>&-
	rmmod acomp_exercise
	case $results in *"ok=80 "*"wrong=0 "*) ;; *) return 1 ;; esac
}

setup_swap
enter_cgroup
ktap_run devices_are_found service_has_zswap_use_devices service_keeps_devices_for_pages \
	stop_undoes_everything stop_respects_another_choice refused_settings_change_nothing \
	settings_are_applied module_of_headers_works
