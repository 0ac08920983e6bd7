#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Devices that the host pulls and plugs while the guest runs. Says what it waits
# for in lines that begin with "host: ", so that the host knows when.
#
#   hotplug-test.sh DEVICES ROUNDS

# shellcheck source=tools/lab/guest/zswap.sh
. "${0%/*}/zswap.sh"

DEVICES=$1 ROUNDS=$2
DSA=/sys/bus/dsa/devices

iax_count() { find $DSA -name 'iax*' | wc -l; }

# Until there are so many devices, for at most a minute.
await_devices()
{
	local tries=0

	while [ "$(iax_count)" -ne "$1" ]; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || fail "$(iax_count) devices instead of $1"
		usleep 100000
	done
}

# idxd of 7.3 uses freed memory when its function goes with a queue enabled, so
# all are disabled first: which of them will go only the host knows.
disable_all()
{
	local name

	for name in "$DSA"/iax*; do
		name=${name##*/}
		[ "$(cat $DSA/"$name"/state)" = disabled ] || accel-config disable-device "$name"
	done
}

# A device that comes back is enabled at once, and the driver of 7.3 does not
# take the first queue that comes after the last one has gone.
unload_driver() { [ ! -d /sys/module/iaa_crypto ] || rmmod iaa_crypto; }

# Pages through all queues that there are, on hardware only.
swap_pages()
{
	enable_iaa.sh || fail "the devices could not be configured"
	setup_zswap deflate-iaa
	setup_folios 64
	pageout -f 64k -s 4m -o -k mixed || fail "pages did not come back"
	[ "$(iaa_stat total_sw_comp_calls)" -eq 0 ] || fail "software compressed"
	# The module cannot be set up anew while zswap holds its compressor.
	setup_zswap lzo
}

modprobe idxd || fail "idxd does not load"
setup_swap
await_devices "$DEVICES"
for round in $(seq "$ROUNDS"); do
	disable_all
	unload_driver
	echo "host: pull $round"
	await_devices $((DEVICES - 1))
	[ "$DEVICES" -eq 1 ] || swap_pages
	echo "host: plug $round"
	await_devices "$DEVICES"
	swap_pages
done
echo "host: done"
