#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Give the Intel IAA devices of this machine to the kernel's crypto driver, so
# that deflate-iaa can be chosen as a compressor: see the usage text below.
#
# Made for servers and for a guest that has nothing but busybox and
# accel-config, hence POSIX sh. SYSFS, PROCFS, LAYOUT, ACCEL_CONFIG, MODPROBE and
# RMMOD can be set to test it on a machine without such a device.

set -u

SYSFS=${SYSFS:-/sys}
PROCFS=${PROCFS:-/proc}
ACCEL_CONFIG=${ACCEL_CONFIG:-accel-config}
MODPROBE=${MODPROBE:-modprobe}
RMMOD=${RMMOD:-rmmod}
# The number of queues in each device, for a device that forgets its layout.
LAYOUT=${LAYOUT:-/run/enable_iaa.queues}

NAME=${0##*/}
DEVICES=$SYSFS/bus/dsa/devices
DRIVERS=$SYSFS/bus/dsa/drivers
CRYPTO=$DRIVERS/crypto
MODULE=$SYSFS/module/iaa_crypto
ZSWAP=$SYSFS/module/zswap/parameters
NODES=$SYSFS/devices/system/node

DEVICES_PER_PACKAGE=all
QUEUES=1
SYNC_MODE=
VERIFY=
RELEASE=
QUEUE=

usage()
{
	cat <<-END
	Usage: $NAME [-d DEVICES] [-q QUEUES] [-m MODE] [-v 0|1]
	       $NAME -w QUEUE
	       $NAME -r
	Configure the IAA devices and enable their queues for the crypto driver.

	  -d DEVICES  devices to use in each package (default: all)
	  -q QUEUES   queues in each device, which share its entries (default: 1)
	  -m MODE     sync_mode: sync, async or async_irq (default: as it is)
	  -v 0|1      verify_compress: decompress again and compare checksums
	              (default: as it is)
	  -w QUEUE    bring one queue back, as in -w wq1.0, and its device with all
	              its queues if that has to be reset or enabled; nothing else
	              is touched
	  -r          release the devices: disable all, unless they are in use
	  -h          print this text

	Without -w, what was configured on any IAA device is lost, also for other
	users; devices that are not used stay disabled. DSA devices are left alone.
	END
}

die()
{
	echo "$NAME: $*" >&2
	exit 1
}

# Nothing was changed, and nothing is wrong with what was asked for, but its time.
die_in_use()
{
	echo "$NAME: $*" >&2
	exit 3
}

# Reading and naming

# The line of the sysfs file $1, in $line: empty if there is no such file. Without a
# process of its own, for there are hundreds to be read.
read_line()
{
	line=
	{ IFS= read -r line <"$1"; } 2>/dev/null
}

# The same, printed.
read_file()
{
	read_line "$1"
	[ -z "$line" ] || echo "$line"
}

is_enabled()
{
	read_line "$1/state"
	[ "$line" = enabled ]
}

is_module()
{
	# Only what can be unloaded has a state of initialisation.
	[ -e "$MODULE/initstate" ]
}

# The driver that has a time limit takes settings and queues at any time. That of
# Linux 7.3 takes settings only while no queue is enabled, and after the last one
# was disabled no other, until its module is loaded anew. A driver that is not loaded
# yet is treated as that one, since nobody can be using it.
is_old_driver()
{
	[ ! -e "$MODULE/parameters/timeout_ms" ]
}

# What the crypto driver says of the queue in directory $1, if that is not that it is
# in use, or could be.
outage()
{
	read_line "$1/crypto_state"
	case $line in
	'' | 'in use'*) ;;
	*) echo "$line" ;;
	esac
}

# The IAA devices by number. They share their numbers with the DSA devices, so
# these have gaps and tell nothing about where a device is.
all_devices()
{
	for dir in "$DEVICES"/iax*; do
		[ ! -d "$dir" ] || echo "${dir##*/iax}"
	done | sort -n | sed 's/^/iax/'
}

# What the idxd driver means by the cmd_status of device $1, in parentheses. Its
# own codes have bit 31 set; smaller ones are of the device.
status_text()
{
	status=$(read_file "$DEVICES/$1/cmd_status")
	case $status in
	'' | 0 | 0x0) return ;;
	0x80000010) text='the device is already enabled' ;;
	0x80000020) text='the device is not enabled' ;;
	0x80000021) text='the queue is already enabled' ;;
	0x80020000) text='it could not be registered for DMA' ;;
	0x80030000) text='the queue is in no group' ;;
	0x80040000) text='the queue has no name' ;;
	0x80050000) text='a shared queue needs shared virtual memory' ;;
	0x80060000) text='a shared queue needs a threshold' ;;
	0x80070000) text="the queue's portal could not be mapped" ;;
	0x80080000) text='no memory for the descriptors' ;;
	0x80090000) text='no memory for the reference count' ;;
	0x800a0000) text='the DMA channel could not be registered' ;;
	0x800b0000) text='the character device could not be made' ;;
	0x800c0000) text='the device has no shared queues' ;;
	0x800d0000) text='no queue is configured' ;;
	0x800e0000) text='the queue has no entries' ;;
	0x800f0000) text='the queue may not be privileged' ;;
	0x80100000) text="the queue's interrupt could not be set up" ;;
	0x80110000) text='a user queue needs an IOMMU' ;;
	0x80120000) text='the event log could not be set up' ;;
	0x80200000) text='the queue is meant for another driver' ;;
	0x8*) text='a code of the driver unknown here' ;;
	*) text='refused by the device' ;;
	esac
	echo " ($1 cmd_status $status: $text)"
}

# Where devices are

# The package of a CPU of node $1; fails if the node has none.
node_package()
{
	for file in "$NODES/node$1"/cpu[0-9]*/topology/physical_package_id; do
		[ -r "$file" ] || continue
		cat "$file"
		return
	done
	return 1
}

node_numbers()
{
	for dir in "$NODES"/node[0-9]*; do
		echo "${dir##*/node}"
	done | sort -n
}

# All nodes, the nearest to node $1 first. The distances are in the order of the
# nodes' numbers, with no place for those that do not exist.
nodes_by_distance()
{
	node_numbers | awk -v row="$(read_file "$NODES/node$1/distance")" \
		'BEGIN { split(row, distance, " ") } { print distance[NR], $1 }' |
		sort -n -k 1,1 -k 2,2 | cut -d ' ' -f 2
}

# The package of device $1. A device may be on a node of memory only, and then it
# counts for the nearest package, or its firmware may not tell.
device_package()
{
	node=$(read_file "$DEVICES/$1/numa_node")
	if [ -d "$NODES/node$node" ]; then
		for near in $(nodes_by_distance "$node"); do
			node_package "$near" && return
		done
	fi
	echo 0
}

# Lines of a device and its package, for all devices.
device_packages()
{
	for device in $(all_devices); do
		echo "$device $(device_package "$device")"
	done
}

# Of the lines read, those of devices that were not halted by an error: one that was
# does not keep the others from being used.
working_devices()
{
	while read -r device package; do
		if [ "$(read_file "$DEVICES/$device/state")" = halted ]; then
			echo "$NAME: note: $device was halted by an error and is left out;" \
				"-w resets it" >&2
		else
			echo "$device $package"
		fi
	done
}

# The first devices of each package, of the lines read.
select_devices()
{
	awk -v limit="$DEVICES_PER_PACKAGE" \
		'limit == "all" || count[$2]++ < limit { print $1 }'
}

# Checks: no device has been changed when one of these fails

require_devices_per_package()
{
	[ "$DEVICES_PER_PACKAGE" != all ] || return 0
	short=$(echo "$working" | awk -v limit="$DEVICES_PER_PACKAGE" '
		{ count[$2]++ }
		END {
			for (package in count)
				if (count[package] < limit)
					print "package", package, "has", count[package]
		}' | sort | head -n 1)
	[ -z "$short" ] ||
		die "$DEVICES_PER_PACKAGE devices per package are asked for, but $short"
}

require_usable_device()
{
	dir=$DEVICES/$1
	[ "$(read_file "$dir/configurable")" = 1 ] ||
		die "$1 cannot be configured: its firmware or hypervisor fixed the layout"

	limit=$(read_file "$dir/max_work_queues")
	[ "$QUEUES" -le "${limit:-0}" ] ||
		die "$1 has ${limit:-no} queues, $QUEUES are asked for"
}

# Compressors in use are references to the module, which then cannot be removed.
# An algorithm counts one reference of its own.
require_unused()
{
	users=$(awk '$1 == "driver" { driver = $3 }
		$1 == "refcnt" && driver ~ /^deflate-iaa/ { users += $3 - 1 }
		END { print users + 0 }' "$PROCFS/crypto" 2>/dev/null)
	[ "${users:-0}" -gt 0 ] || return 0

	case $(read_file "$ZSWAP/compressor") in
	deflate-iaa* | deflate)
		die_in_use "zswap still uses deflate-iaa: select another compressor first" \
			"(echo zstd > $ZSWAP/compressor)" ;;
	*)
		die_in_use "deflate-iaa is still in use ($users references): zswap may hold" \
			"pages it compressed with it, which swapoff brings back" ;;
	esac
}

# Only what has to be reloaded must not be in use.
require_module_unused()
{
	! is_old_driver || ! is_module || require_unused
}

check_machine()
{
	[ "$(id -u)" -eq 0 ] || die "only root can configure devices"
	command -v "$ACCEL_CONFIG" >/dev/null ||
		die "accel-config is not installed (package accel-config)"

	load_driver idxd idxd
	packages=$(device_packages)
	[ -n "$packages" ] ||
		die "no IAA device: see lspci -d 8086:0cfe, and dmesg for what idxd says"
}

check_devices()
{
	working=$(echo "$packages" | working_devices)
	[ -n "$working" ] || die "all devices were halted by errors: -w resets one"
	selected=$(echo "$working" | select_devices)
	require_devices_per_package
	for device in $selected; do
		require_usable_device "$device"
	done
	require_module_unused
}

# Modules

# Load module $2 unless driver $1 is on the bus already.
load_driver()
{
	[ ! -d "$DRIVERS/$1" ] || return 0
	message=$("$MODPROBE" "$2" 2>&1) ||
		die "cannot load $2, which this kernel does not have built in: $message"
	[ -d "$DRIVERS/$1" ] || die "$2 is loaded, but $DRIVERS/$1 is missing"
}

# Linux 7.3 keeps deflate-iaa registered when its last queue is disabled, and
# fails to register it anew with the next first queue: start with a new module.
# All queues are disabled by now, and not only for that: were several there when
# the module is loaded, the self-test of the algorithm would run while the table
# of queues is made, and fail now and then.
reload_crypto()
{
	if is_module; then
		# Not modprobe -r: it would remove idxd too, which enables its
		# devices when it comes back.
		message=$("$RMMOD" iaa_crypto 2>&1) || {
			require_module_unused
			die "cannot remove iaa_crypto: $message"
		}
	fi
	load_driver crypto iaa_crypto
}

# What to add to a failure that a reload would have prevented.
built_in_hint()
{
	! is_old_driver || is_module || echo "; iaa_crypto is built in, and Linux 7.3" \
		"cannot configure that a second time: reboot, or build it as a module"
}

# Devices: all of these work on the one named by $device

accel_config()
{
	message=$("$ACCEL_CONFIG" "$@" 2>&1) ||
		die "accel-config $*: ${message:-failed}$(status_text "$device")"
}

# Whether $1, enable or disable, of $2, device or wq, had its effect is in sysfs:
# some versions of accel-config exit with 0 in any case. $3 is the object. Leaves
# the reason of a failure in $message.
try_switch()
{
	echo 0 2>/dev/null >"$DEVICES/$device/cmd_status"
	message=$("$ACCEL_CONFIG" "$1-$2" "$3" 2>&1)
	case $2 in
	device) dir=$DEVICES/$3 ;;
	wq) dir=$DEVICES/$device/${3#*/} ;;
	esac

	[ "$(read_file "$dir/state")" != "$1d" ] || return 0
	message="cannot $1 $3: $message$(status_text "$device")"
	return 1
}

switch()
{
	try_switch "$@" && return
	hint=
	[ "$1" = disable ] || hint=$(built_in_hint)
	die "$message$hint"
}

disable_device()
{
	device=$1
	for queue in "$DEVICES/$device"/wq*; do
		! is_enabled "$queue" || switch disable wq "$device/${queue##*/}"
	done
	! is_enabled "$DEVICES/$device" || switch disable device "$device"
}

# Disabling resets a device's configuration, but not that of a device that was
# not enabled: free the entries that a former attempt left with its queues.
clear_queues()
{
	for queue in "$DEVICES/$device"/wq*; do
		[ "$(read_file "$queue/size")" != 0 ] || continue
		accel_config config-wq "$device/${queue##*/}" --wq-size=0 --group-id=-1
	done
}

queue_numbers()
{
	awk -v count="$QUEUES" 'BEGIN { while (i < count) print i++ + 0 }'
}

queue_name()
{
	echo "$device/wq${device#iax}.$1"
}

# What accel-config save-config would say of the device: its engines and queues are in
# one group, and the queues share the entries evenly, the first have the rest.
configuration()
{
	set -- "$DEVICES/$device"/engine*
	awk -v device="$device" -v number="${device#iax}" -v engines=$# -v queues="$QUEUES" \
		-v entries="$(read_file "$DEVICES/$device/max_work_queues_size")" '
		function separator(i) { return i ? "," : "" }
		BEGIN {
			printf "[{\"dev\":\"%s\",\"groups\":[", device
			printf "{\"dev\":\"group%d.0\",", number
			printf "\"grouped_workqueues\":["
			for (i = 0; i < queues; i++) {
				printf "%s{\"dev\":\"wq%d.%d\",", separator(i), number, i
				printf "\"group_id\":0,"
				printf "\"mode\":\"dedicated\",\"size\":%d,\"priority\":10,",
					int(entries / queues) + (i < entries % queues)
				printf "\"type\":\"kernel\",\"name\":\"iaa_crypto\","
				printf "\"driver_name\":\"crypto\"}"
			}
			printf "],\"grouped_engines\":["
			for (i = 0; i < engines; i++)
				printf "%s{\"dev\":\"engine%d.%d\",\"group_id\":0}",
					separator(i), number, i
			print "]}]}]"
		}'
}

enable_device()
{
	device=$1
	clear_queues
	configuration >"$CONFIGURATION"
	accel_config load-config -c "$CONFIGURATION"
	switch enable device "$device"
	for i in $(queue_numbers); do
		switch enable wq "$(queue_name "$i")"
	done
}

disable_devices()
{
	for each in $(all_devices); do
		disable_device "$each"
	done
}

is_selected()
{
	echo "$selected" | grep -qx "$1"
}

# One after the other, so that those whose turn has not come do the work; and each
# for itself, so that one that fails does not keep the others from it.
lay_out_devices()
{
	failed=
	for each in $(all_devices); do
		(
			disable_device "$each"
			! is_selected "$each" || enable_device "$each"
		) || failed="$failed $each"
	done
}

# A disabled device forgets its layout, and the kernel tells nobody.
remember_layout()
{
	mkdir -p "${LAYOUT%/*}" && echo "$QUEUES" >"$LAYOUT"
}

# One queue, which is in directory $WQ: all of these work on it, and on its $device

# What a queue forgets when it is disabled, in an order that it can be written in.
QUEUE_SETTINGS="mode threshold priority block_on_fault ats_disable prs_disable
	op_config max_transfer_size enqcmds_retries type name driver_name"

find_queue()
{
	WQ=$DEVICES/$QUEUE
	[ -d "$WQ" ] ||
		die "there is no $QUEUE: iaxN has wqN.0 and so on, and the devices are" \
			"$(all_devices | paste -s -d ' ' -)"
	device=$(basename "$(dirname "$(readlink -f "$WQ")")")
	[ "$device" != "${device#iax}" ] ||
		die "$QUEUE is not of an IAA, but of $device"
	owner=$(read_file "$WQ/driver_name")
	[ "${owner:-crypto}" = crypto ] ||
		die "$QUEUE is not for the driver crypto, but for $owner"
}

has_entries()
{
	[ "$(read_file "$WQ/size")" != 0 ] && [ "$(read_file "$WQ/group_id")" != -1 ]
}

# Lines of setting=value. A queue that has forgotten its settings gets what all get.
queue_settings()
{
	if [ "$(read_file "$WQ/type")" = none ]; then
		printf '%s\n' mode=dedicated priority=10 type=kernel name=iaa_crypto \
			driver_name=crypto
		return
	fi
	for setting in $QUEUE_SETTINGS; do
		[ ! -e "$WQ/$setting" ] || echo "$setting=$(read_file "$WQ/$setting")"
	done
}

# Writes what is not so already, as some settings can be written in one mode only.
restore_settings()
{
	while IFS='=' read -r setting value; do
		[ "$(read_file "$WQ/$setting")" != "$value" ] || continue
		message=$({ echo "$value" >"$WQ/$setting"; } 2>&1) ||
			die "cannot set $setting of $QUEUE to $value: ${message##*: }"
	done <<-END
		$settings
	END
}

# Fails if the queue is enabled and in use.
is_out()
{
	is_enabled "$WQ" || return 0
	[ -n "$(outage "$WQ")" ] || return 1
	message="$QUEUE is $(outage "$WQ")"
}

# Fails if the queue is not in use in the end.
cycle_queue()
{
	! is_enabled "$WQ" || try_switch disable wq "$device/$QUEUE" || return
	restore_settings
	try_switch enable wq "$device/$QUEUE" && ! is_out
}

# idxd keeps the layout meanwhile, and enables the queues that were enabled.
reset_device()
{
	message=$({ echo 1 >"$DEVICES/$device/../reset"; } 2>&1) ||
		die "cannot reset $device: ${message##*: }"
	[ "$(read_file "$DEVICES/$device/state")" != halted ] ||
		die "$device is still halted: only a reset of the machine can help"
}

# As it was laid out before, else as idxd does it with a device that it finds.
lay_out_again()
{
	QUEUES=$(read_file "$LAYOUT")
	QUEUES=${QUEUES:-1}
	[ "${QUEUE#*.}" -lt "$QUEUES" ] ||
		die "$device was disabled, and has no $QUEUE when it is enabled again with" \
			"$(count "$QUEUES" queue): see -q"
	enable_device "$device"
}

# In steps, each of which does less to the other queues than the next.
bring_back()
{
	settings=$(queue_settings)
	if is_enabled "$DEVICES/$device"; then
		has_entries || die "$QUEUE has no entries in the layout of $device"
		cycle_queue || {
			echo "$NAME: note: $message; resetting $device" >&2
			reset_device
		}
	elif [ "$(read_file "$DEVICES/$device/state")" = halted ]; then
		reset_device
	fi

	is_enabled "$DEVICES/$device" || lay_out_again
	! is_out || cycle_queue || die "$message"
}

# The driver's settings

# Write $2 to setting $1; the driver refuses to while a queue is enabled.
write_setting()
{
	message=$({ echo "$2" >"$CRYPTO/$1"; } 2>&1) ||
		die "cannot set $1 to $2: ${message##*: }$(built_in_hint)"
}

set_verify()
{
	[ -n "$VERIFY" ] || return 0
	write_setting verify_compress "$VERIFY"
	[ "$(read_file "$CRYPTO/verify_compress")" = "$VERIFY" ] ||
		die "verify_compress did not become $VERIFY"
}

# Linux 7.3 takes async to mean sync, and says so when it is read back.
set_sync_mode()
{
	[ -n "$SYNC_MODE" ] || return 0
	write_setting sync_mode "$SYNC_MODE"

	case $SYNC_MODE:$(read_file "$CRYPTO/sync_mode") in
	"$SYNC_MODE:$SYNC_MODE") ;;
	async:sync) echo "$NAME: note: this driver does async as sync" >&2 ;;
	*) die "sync_mode did not become $SYNC_MODE" ;;
	esac
}

# Reports: from what sysfs says now, not from what was asked for

enabled_queues()
{
	for queue in "$DEVICES/$1"/wq*; do
		! is_enabled "$queue" || read_file "$queue/size"
	done
}

report_device()
{
	where="package $2, node $(read_file "$DEVICES/$1/numa_node")"
	if ! is_enabled "$DEVICES/$1"; then
		echo "$1: $where, not used"
		return
	fi

	sizes=$(enabled_queues "$1")
	echo "$1: $where, queues of" "$(echo "$sizes" | paste -s -d ' ' -)" "entries"
	for queue in "$DEVICES/$1"/wq*; do
		why=$(outage "$queue")
		[ -z "$why" ] || echo "$1: ${queue##*/} is $why"
	done
}

# The sentence about all devices of the lines read.
report_total()
{
	devices=0
	queues=0
	used=
	while read -r device package; do
		is_enabled "$DEVICES/$device" || continue
		devices=$((devices + 1))
		queues=$((queues + $(enabled_queues "$device" | wc -l)))
		case " $used" in
		*" $package "*) ;;
		*) used="$used$package " ;;
		esac
	done
	nr_packages=$(echo "$used" | wc -w)

	echo "$(count "$devices" device) on $(count "$nr_packages" package):" \
		"$(count "$queues" queue) enabled," \
		"sync_mode ${SYNC_MODE:-$(read_file "$CRYPTO/sync_mode")}," \
		"verify $(read_file "$CRYPTO/verify_compress")"
}

# "1 queue", "2 queues"
count()
{
	[ "$1" -eq 1 ] && echo "1 $2" || echo "$(($1)) ${2}s"
}

# The command line

bad_usage()
{
	echo "$NAME: $*" >&2
	usage >&2
	exit 2
}

require_count()
{
	case $2 in
	'' | 0* | *[!0-9]* | ????*) bad_usage "$1 needs a number from 1 to 999, not '$2'" ;;
	esac
}

require_bool()
{
	case $2 in
	0 | 1) ;;
	*) bad_usage "$1 needs 0 or 1, not '$2'" ;;
	esac
}

require_queue()
{
	echo "$1" | grep -qxE 'wq[0-9]+[.][0-9]+' ||
		bad_usage "-w needs a queue, as in wq1.0, not '$1'"
}

require_mode()
{
	case $1 in
	sync | async | async_irq) ;;
	*) bad_usage "-m needs sync, async or async_irq, not '$1'" ;;
	esac
}

parse_options()
{
	options=
	while getopts :d:q:m:v:w:rh option; do
		options=$options$option
		case $option in
		d) require_count -d "$OPTARG"; DEVICES_PER_PACKAGE=$OPTARG ;;
		q) require_count -q "$OPTARG"; QUEUES=$OPTARG ;;
		m) require_mode "$OPTARG"; SYNC_MODE=$OPTARG ;;
		v) require_bool -v "$OPTARG"; VERIFY=$OPTARG ;;
		w) require_queue "$OPTARG"; QUEUE=$OPTARG ;;
		r) RELEASE=yes ;;
		h) usage; exit 0 ;;
		:) bad_usage "-$OPTARG needs a value" ;;
		*) bad_usage "there is no option -$OPTARG" ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -eq 0 ] || bad_usage "there are no arguments: '$1'"
	[ -z "$QUEUE" ] || [ "$options" = w ] || bad_usage "-w goes with no other option"
}

# What is done

release()
{
	require_unused
	disable_devices
	rm -f "$LAYOUT"
	echo "$(count "$(all_devices | wc -l)" device): all disabled"
}

# Those that work are worth being used.
fail_in_part()
{
	status=1
	for each in $selected; do
		! is_enabled "$DEVICES/$each" || status=4
	done
	echo "$NAME: not as they should be:$failed" >&2
	exit $status
}

configure()
{
	check_devices
	# Its settings cannot be written while a queue is enabled.
	if is_old_driver; then
		disable_devices
		reload_crypto
	fi
	set_verify
	set_sync_mode
	lay_out_devices
	remember_layout

	echo "$packages" | while read -r each package; do
		report_device "$each" "$package"
	done
	echo "$packages" | report_total
	[ -z "$failed" ] || fail_in_part
}

bring_queue_back()
{
	load_driver crypto iaa_crypto
	! is_old_driver || die "this driver cannot take back a single queue:" \
		"configure all devices, when nothing uses them any more"
	find_queue
	bring_back
	report_device "$device" "$(device_package "$device")"
}

main()
{
	parse_options "$@"
	check_machine
	CONFIGURATION=$(mktemp) || die "cannot make a temporary file"
	trap 'rm -f "$CONFIGURATION"' EXIT

	if [ -n "$RELEASE" ]; then
		release
	elif [ -n "$QUEUE" ]; then
		bring_queue_back
	else
		configure
	fi
}

main "$@"
