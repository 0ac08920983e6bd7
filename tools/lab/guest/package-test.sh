#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317,SC2031
# What the packages bring: the service, run as its unit says, and a module that was
# built with the headers.
#
#   package-test.sh TEST...

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"

DEVICES=/sys/bus/dsa/devices
CRYPTO=/sys/bus/dsa/drivers/crypto
UNIT=$(find /lib/systemd /usr/lib/systemd -name iaa-zswap.service 2>/dev/null)
EXERCISE=/sys/kernel/debug/acomp_exercise/job
STATE=/run/iaa-zswap

# service ExecStart|...: what the unit has there, in the environment it gives. The
# settings are read anew each time.
service()
{
	local status=0

	mkdir -p $STATE
	(
		set -a
		# The guest has the script elsewhere, too.
		PATH=/usr/sbin:/usr/bin:/sbin:/bin
		# shellcheck disable=SC2034
		PATIENCE=1
		. /etc/default/iaa-zswap
		[ -z "${OVERRIDE:-}" ] || eval "$OVERRIDE"
		eval "exec $(sed -n "s/^$1=//p" "$UNIT")"
	) || status=$?
	[ "$1" != ExecStop ] || rm -r $STATE
	return $status
}

# restart SETTING: it is in the file before the service is stopped.
restart()
{
	OVERRIDE="$1" service ExecStop
	OVERRIDE="$1" service ExecStart
}

# Before the first start.
zswap_has()
{
	echo "$1" >$ZSWAP/compressor
	echo "$2" >$ZSWAP/enabled
	expect parameters "$(parameters)" "$1 $2"
}

parameters() { echo "$(cat $ZSWAP/compressor) $(cat $ZSWAP/enabled)"; }
# enabled 'PATTERN': how many of the devices or queues.
enabled() { find $DEVICES/ -follow -maxdepth 2 -path "*/$1/state" -exec cat {} + | grep -cx enabled; }
devices() { find $DEVICES -name 'iax*' | wc -l; }

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
	rm $STORED_FILE
	empty_swap
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

# Test that what cannot be set is refused, zswap's settings stay, and nothing is
# remembered of it.
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
	zswap_has lz4 N
	service ExecStart
	service ExecStop
	expect parameters "$(parameters)" "lz4 N"
	expect "enabled devices" "$(enabled 'iax*')" 0
}

driver_settings() { grep . $CRYPTO/sync_mode $CRYPTO/verify_compress $CRYPTO/*_wqs_per_iaa $CRYPTO/distribute_*; }

# Test that the settings of the defaults file reach the devices and the driver, and
# are what they were once the service is stopped.
settings_are_applied()
{
	local before

	before=$(driver_settings)
	OVERRIDE='IAA_OPTIONS="-q 2 -m sync" DRIVER_SETTINGS="g_comp_wqs_per_iaa=1 distribute_decomps=Y"' \
		service ExecStart
	expect "enabled queues" "$(enabled 'wq*')" $((2 * $(devices)))
	expect sync_mode "$(cat $CRYPTO/sync_mode)" sync
	expect g_comp_wqs_per_iaa "$(cat $CRYPTO/g_comp_wqs_per_iaa)" 1
	expect distribute_decomps "$(cat $CRYPTO/distribute_decomps)" Y
	service ExecStop
	expect "settings after stop" "$(driver_settings)" "$before"
}

# Test that a setting which the administrator has changed since then is left alone.
stop_respects_another_setting()
{
	OVERRIDE='DRIVER_SETTINGS="distribute_decomps=Y g_comp_wqs_per_iaa=1"' service ExecStart
	echo 2 >$CRYPTO/g_comp_wqs_per_iaa
	service ExecStop
	expect distribute_decomps "$(cat $CRYPTO/distribute_decomps)" N
	expect g_comp_wqs_per_iaa "$(cat $CRYPTO/g_comp_wqs_per_iaa)" 2
	echo 0 >$CRYPTO/g_comp_wqs_per_iaa
}

# Test that each setting can be changed by a restart, which has the new one when it
# stops what the old one started; and that in the end zswap is as it was at first.
restart_applies_changed_settings()
{
	local before

	zswap_has lz4 N
	before=$(driver_settings)
	service ExecStart
	restart 'IAA_OPTIONS="-q 2"'
	expect "enabled queues" "$(enabled 'wq*')" $((2 * $(devices)))
	restart 'DRIVER_SETTINGS="distribute_decomps=Y"'
	expect distribute_decomps "$(cat $CRYPTO/distribute_decomps)" Y
	expect "enabled queues" "$(enabled 'wq*')" "$(devices)"
	restart 'COMPRESSOR=deflate-iaa-dynamic'
	expect parameters "$(parameters)" "deflate-iaa-dynamic Y"
	expect settings "$(driver_settings)" "$before"
	restart 'COMPRESSOR=zstd'
	expect parameters "$(parameters)" "zstd Y"
	service ExecStop
	expect parameters "$(parameters)" "lz4 N"
	expect "enabled devices" "$(enabled 'iax*')" 0
}

# Test that a restart while zswap holds pages that the devices compressed has them
# laid out anew and compress again.
restart_with_pages_lays_out_anew()
{
	zswap_has lz4 N
	service ExecStart
	setup_folios 64
	store_pages
	restart 'IAA_OPTIONS="-q 2"'
	expect parameters "$(parameters)" "deflate-iaa Y"
	expect "enabled queues" "$(enabled 'wq*')" $((2 * $(devices)))
	stored_pages_are_right
	rm $STORED_FILE
	empty_swap
	service ExecStop
	expect parameters "$(parameters)" "lz4 N"
	expect "enabled devices" "$(enabled 'iax*')" 0
}

# Test that where the driver cannot do that, the devices stay as they are, zswap uses
# them again, and what has to wait is named.
restart_with_pages_keeps_the_devices()
{
	zswap_has lz4 N
	service ExecStart
	setup_folios 64
	store_pages
	restart 'IAA_OPTIONS="-q 2"' >/tmp/out 2>&1
	cat /tmp/out
	grep -q 'iaa-zswap: IAA_OPTIONS="-q 2": waits until zswap holds no page' /tmp/out
	expect parameters "$(parameters)" "deflate-iaa Y"
	expect "enabled queues" "$(enabled 'wq*')" "$(devices)"
	stored_pages_are_right
	rm $STORED_FILE
	empty_swap
	restart 'IAA_OPTIONS="-q 2"'
	expect "enabled queues" "$(enabled 'wq*')" $((2 * $(devices)))
	service ExecStop
	expect parameters "$(parameters)" "lz4 N"
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
ktap_run "$@"
