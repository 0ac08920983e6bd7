# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034
# Pages that go through the devices while something else happens to these. Sourced,
# after faults.sh, by what does it to them.

# shellcheck source=tools/lab/guest/iaa.sh
. "${0%/*}/iaa.sh"

# A device that does not answer is given up after this, where it is not to answer.
# Elsewhere it has time even when the host has little for it.
TIMEOUT_MS=250
PATIENCE_MS=10000
NR_DEVICES=0

# Of the test's row.
PAGES=0 WRONG=0 HITS=0
PAGEOUT=/tmp/pageout MOVED=/tmp/moved STOP=/tmp/stop

# Adds up what pageout printed. One that ended early has lost something, too.
count_pages()
{
	# shellcheck disable=SC2046
	set -- $(awk '{
			for (i = 1; i <= NF; i++)
				if (split($i, pair, "=") == 2)
					sum[pair[1]] += pair[2]
		}
		/^ended/ { sum["errors"]++ }
		!/pages=/ && ++lines <= 5 { print >"/dev/stderr" }
		END { print sum["pages"] + 0, sum["errors"] + 0 }' "$1")
	PAGES=$((PAGES + $1)) WRONG=$((WRONG + $2))
}

out_and_in()
{
	pageout -k "$1" -s 1m -f 64k --seed="$2" 2>&1 || echo "ended with status $?"
}

move_pages()
{
	out_and_in "$1" $((PAGES + 1)) >$PAGEOUT
	count_pages $PAGEOUT
}

# Pages move from here to stop_pages, and at least once.
start_pages()
{
	local turn=0

	rm -f $STOP
	while :; do
		turn=$((turn + 1))
		out_and_in mixed $turn
		[ ! -e $STOP ] || break
	done >$MOVED &
	MOVER=$!
}

stop_pages()
{
	touch $STOP
	wait "$MOVER"
	count_pages $MOVED
}

# The row of KIND. No page was wrong, none is now, and the devices do the work.
nothing_lost()
{
	local before

	row "kind=$1 injected=$HITS survived=$HITS pages=$PAGES wrong=$WRONG"
	expect "wrong pages" "$WRONG" 0
	before=$(hw_calls)
	move_pages text
	expect "wrong pages afterwards" "$WRONG" 0
	[ "$(hw_calls)" -gt "$before" ] || { echo "the devices do not work any more"; return 1; }
}

# choose COMPRESSOR: for zswap, which is set up.
choose()
{
	local chosen

	echo "$1" >"$ZSWAP/compressor"
	read -r chosen <"$ZSWAP/compressor"
	expect "the compressor" "$chosen" "$1"
}

# configure_as [verify=1] [mode=MODE] [queues=2]: all devices are as new, and zswap uses
# them. This is what enable_iaa.sh does, but without accel-config, whose dozens of
# calls take a debug kernel longer than a test does. All that can is builtin.
configure_as()
{
	local verify=0 mode=async queues=1 patience=$PATIENCE_MS device number
	local "$@"

	choose lzo
	each_device clear
	echo "$mode" >$CRYPTO/sync_mode
	echo "$verify" >$CRYPTO/verify_compress
	echo "$patience" >/sys/module/iaa_crypto/parameters/timeout_ms
	for device in "$DSA"/devices/iax*; do
		device=${device##*/} number=${device##*iax}
		stop_using "$device"
		if [ "$queues" -eq 2 ]; then
			use "$device" "wq$number.0" "wq$number.1"
		else
			use "$device" "wq$number.0"
		fi
	done
	choose deflate-iaa
}

configure() { configure_as queues=1; }

# await COMMAND...: until it succeeds, for at most 20 s.
await()
{
	local left=200

	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || { echo "in vain: $*"; return 1; }
		sleep 0.1
	done
}

await_state() { await state_is "$@"; }
await_enabled() { for name in $(iax_names); do await_state enabled "$name"; done; }
all_there() { [ "$(nr_devices)" -eq "$NR_DEVICES" ]; }

# remove_and_find PCI-ADDRESS [reset]: after a reset, if so.
remove_and_find()
{
	if [ "${2:-}" = reset ]; then
		echo 1 >"$PCI/devices/$1/reset"
	fi
	echo 1 >"$PCI/devices/$1/remove"
	echo 1 >$PCI/rescan
	await all_there
}

# The devices configured once and zswap on something else is where all begins.
begin_with_devices()
{
	modprobe idxd && modprobe iaa_crypto || exit 1
	NR_DEVICES=$(nr_devices)
	[ "$NR_DEVICES" -gt 0 ] || fail "no devices"
	setup_swap
	enter_cgroup
	setup_zswap lzo
	setup_folios 64
	configure || fail "the devices cannot be configured"
	move_pages mixed
	setup_zswap lzo
	snapshot >/tmp/beginning
	trap 'cat $ROWS' EXIT
}

everything_returned()
{
	configure
	setup_folios 64
	move_pages mixed
	expect "wrong pages" "$WRONG" 0
	setup_zswap lzo
	empty_swap
	returned_to "$(cat /tmp/beginning)"
}
