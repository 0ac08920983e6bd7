#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# What comes and goes while zswap works: queues, devices, the module. Every byte of
# every page is compared, and nothing is printed or left behind.
#
#   iaa-storms.sh SECONDS TEST...        how long each of them goes on

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"
# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"
# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

DURATION=$1
shift

now() { cut -d. -f1 /proc/uptime; }
goes_on() { [ "$(now)" -lt "$END" ]; }

# Pages out and in until the time is over, or one of them is wrong.
swap_pages()
{
	local kind=$1 rounds=0 line

	while goes_on; do
		line=$(pageout -f 64k -s 4m -k "$kind" -c 256k) || { echo "$kind: $line"; return 1; }
		rounds=$((rounds + 1))
	done
	echo "$kind: $rounds rounds"
	[ $rounds -gt 0 ]
}

# From now until END, after the setting up.
load_zswap()
{
	local kind

	# A test before this one may have failed.
	setup_zswap lzo
	enable_iaa.sh -q 2 >/dev/null
	reset_statistics
	dmesg -c >/dev/null
	setup_zswap deflate-iaa
	setup_folios 64
	STORED=$(vmstat zswpout)
	END=$(($(now) + DURATION))
	for kind in text mixed random; do
		in_background swap_pages $kind
	done
}

unload_zswap()
{
	await_jobs
	echo "$(($(vmstat zswpout) - STORED)) pages stored, $(hw_calls) calls of the devices, $(sw_calls) in software"
	[ "$(vmstat zswpout)" -gt "$STORED" ]
	setup_zswap lzo
	nothing_is_printed
	nothing_is_left
}

# Ratelimited notices are all that may be there, but for those of CPUs.
nothing_is_printed()
{
	dmesg | grep -v 'smpboot: \|no longer affine' >/tmp/messages || true
	cat /tmp/messages
	[ "$(wc -l </tmp/messages)" -le 30 ]
}

# The module has no user, and on the debug kernel no memory is without an owner.
nothing_is_left()
{
	remove_module
	modprobe iaa_crypto
	if [ -e /sys/kernel/debug/kmemleak ]; then
		echo scan >/sys/kernel/debug/kmemleak
		sleep 5
		echo scan >/sys/kernel/debug/kmemleak
		expect "memory without an owner" "$(cat /sys/kernel/debug/kmemleak)" ""
	fi
}

# Test that queues can go and come in any order while pages are stored and loaded.
queues_come_and_go_under_zswap()
{
	local queues queue rounds=0

	load_zswap
	queues=$(crypto_queues)
	while goes_on; do
		for queue in $queues; do
			take_queue "$queue"
			[ $((rounds % 3)) = 0 ] || give_queue "$queue"
		done
		# Every third time none is left.
		if [ $((rounds % 3)) = 0 ]; then
			for queue in $(echo "$queues" | sort -r); do
				give_queue "$queue"
			done
		fi
		rounds=$((rounds + 1))
	done
	echo "$rounds times"
	unload_zswap
}

# grows COUNTER: within twenty seconds, or by the end of the load.
grows()
{
	local before left=200

	before=$($1)
	while goes_on && [ "$($1)" -eq "$before" ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "$1 stays at $before"; return 1; }
		sleep 0.1
	done
}

# Test that the last device can be disabled while zswap uses it: software compresses
# and decompresses until there is one again.
devices_come_and_go_under_zswap()
{
	local name rounds=0

	load_zswap
	while goes_on; do
		for name in $(iax_names); do
			stop_using "$name"
		done
		expect "enabled queues" "$(enabled_queues)" 0
		grows sw_calls
		for name in $(iax_names); do
			use "$name" "wq${name#iax}.0" "wq${name#iax}.1"
		done
		grows hw_calls
		rounds=$((rounds + 1))
	done
	echo "$rounds times"
	unload_zswap
}

# Test the same of settings.
settings_change_under_zswap()
{
	local mode

	load_zswap
	while goes_on; do
		for mode in sync async_irq async; do
			set_value $CRYPTO/sync_mode $mode
			set_value $CRYPTO/verify_compress $((${#mode} % 2))
			set_value $CRYPTO/g_comp_wqs_per_iaa $((${#mode} % 3))
			sleep 0.1
		done
	done
	unload_zswap
}

# Test that CPUs may go offline and come back meanwhile.
cpus_come_and_go_under_zswap()
{
	local state cpu

	load_zswap
	while goes_on; do
		for state in 0 1; do
			for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
				echo $state >"$cpu"
			done
		done
	done
	unload_zswap
}

# Test that the module can be loaded anew a hundred times, its queues enabled when
# it goes, and works each time.
module_can_be_reloaded()
{
	local round queues

	setup_zswap lzo
	enable_iaa.sh >/dev/null
	queues=$(crypto_queues)
	for round in $(seq 100); do
		rmmod iaa_crypto
		modprobe iaa_crypto
		# shellcheck disable=SC2086
		give_queues $queues
		good_job alg=deflate-iaa requests=2 >/tmp/job || { echo "round $round"; cat /tmp/job; return 1; }
		expect "enabled queues" "$(enabled_queues)" "$(nr_devices)"
	done
	expect "calls in software" "$(sw_calls)" 0
	nothing_is_left
}

modprobe idxd || exit 1
load_exercise || exit 1
setup_swap
ktap_run "$@"
