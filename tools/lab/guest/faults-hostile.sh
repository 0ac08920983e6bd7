#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
# What nobody in his right mind would give to zswap, its compressors and devices, and
# what those who may not give them anything can do.
#
#   faults-hostile.sh SEED START SIZE [TEST...]
#
# SIZE bytes of memory from START, both hexadecimal, are not the kernel's.

# shellcheck source=tools/lab/guest/faults.sh
. "${0%/*}/faults.sh"
# shellcheck source=tools/lab/guest/faults-pages.sh
. "${0%/*}/faults-pages.sh"

SEED=$1 MEMORY="$2 $3"
shift 3
SETTINGS="verify_compress sync_mode g_comp_wqs_per_iaa distribute_comps distribute_decomps"

# Files of sysfs whose values are the drivers' own.
attributes()
{
	for name in $SETTINGS; do
		echo "$CRYPTO/$name"
	done
	ls /sys/module/iaa_crypto/parameters/* $ZSWAP/*
}

# Pages that no compressor likes, in all of them.
hostile_pages_come_back()
{
	local compressor kb

	configure_as verify=1
	hostile-pages "$SEED" >/tmp/hostile
	for compressor in deflate-iaa deflate-iaa-dynamic $SOFTWARE; do
		grep -q ": $compressor\$" /proc/crypto
		set_value $ZSWAP/compressor "$compressor"
		for kb in 4 64; do
			setup_folios $kb
			pageout -f ${kb}k /tmp/hostile >$PAGEOUT || echo "ended with $compressor" >>$PAGEOUT
			count_pages $PAGEOUT
			HITS=$((HITS + 352))
		done
	done
	rm /tmp/hostile
	setup_zswap deflate-iaa
	nothing_lost hostile-pages
}

# Four processes write to all attributes at once while pages move.
hostile_values_are_survived()
{
	configure
	start_pages
	# shellcheck disable=SC2046
	hostile-write "$SEED" 150 $(attributes) >/tmp/written || { cat /tmp/written; return 1; }
	cat /tmp/written
	stop_pages
	HITS=$(field injected /tmp/written)
	[ "$HITS" -gt "$(field accepted /tmp/written)" ]
	begin_anew
	nothing_lost hostile-values
}

# Settings as the drivers begin with.
begin_anew()
{
	echo 0 >$CRYPTO/g_comp_wqs_per_iaa
	echo Y >$CRYPTO/distribute_comps
	echo N >$CRYPTO/distribute_decomps
	echo 90 >$ZSWAP/accept_threshold_percent
	setup_zswap lzo
	configure
}

# hostile_device WHAT COUNT: to all devices, while these work.
hostile_device()
{
	local what="$1" count="$2" name pci turn=0

	configure_as verify=1
	start_pages
	for name in $(iax_names); do
		turn=$((turn + 1))
		# shellcheck disable=SC2086
		hostile-device "$(pci_of "$name")" "$what" $((SEED * 8 + turn)) "$count" $MEMORY
		HITS=$((HITS + count))
	done
	stop_pages
	for name in $(iax_names); do
		pci=$(pci_of "$name")
		echo 1 >"$PCI/devices/$pci/reset" || true
		remove_and_find "$pci"
	done
	configure
	nothing_lost "hostile-$what"
}

hostile_descriptors_are_survived() { hostile_device portals 3000; }
hostile_commands_are_survived() { hostile_device commands 60; }
hostile_registers_are_survived() { hostile_device registers 2000; }

# What can be read by all can be written by none but root, and the rest not even read.
unprivileged_users_change_nothing()
{
	local file before

	configure
	for file in $(attributes) $CRYPTO/bind $CRYPTO/unbind "$DSA"/devices/wq*/size \
		"$DSA"/devices/wq*/state "$DSA"/devices/iax*/state; do
		before=$(cat "$file" 2>/dev/null) || true
		refuse as-nobody sh -c "echo 1 >$file" 2>/dev/null
		expect "$file" "$(cat "$file" 2>/dev/null)" "$before"
		HITS=$((HITS + 1))
	done
	for file in $(attributes) "$DSA"/devices/iax*/state /proc/vmstat; do
		as-nobody cat "$file" >/dev/null
	done
	for file in $DEBUG/zswap/stored_pages $IAA_STATS; do
		[ -r "$file" ]
		refuse as-nobody cat "$file" 2>/dev/null
		HITS=$((HITS + 1))
	done
	for file in "$PCI"/devices/*/resource[0-9]; do
		refuse as-nobody sh -c ": <>$file" 2>/dev/null
		HITS=$((HITS + 1))
	done
	refuse as-nobody accel-config disable-device "$(iax_names | head -n 1)" 2>/dev/null
	await_enabled
	move_pages text
	nothing_lost unprivileged
}

begin_with_devices
[ $# -gt 0 ] || set -- unprivileged_users_change_nothing hostile_pages_come_back \
	hostile_values_are_survived hostile_descriptors_are_survived \
	hostile_commands_are_survived hostile_registers_are_survived
ktap_run "$@" everything_returned no_memory_leaked
