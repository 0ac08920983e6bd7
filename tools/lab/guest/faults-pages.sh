# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034
# Pages that go through the devices while something else happens to these. Sourced,
# after faults.sh, by what does it to them.

DSA=/sys/bus/dsa
PCI=/sys/bus/pci
# A device that does not answer is given up after this, rather than after a second.
TIMEOUT_MS=250
NR_DEVICES=0

iax_names() { find $DSA/devices -name 'iax*' | sed 's|.*/||' | sort; }
pci_of() { basename "$(readlink -f "$DSA/devices/$1/..")"; }
each_device() { for name in $(iax_names); do iaa-fault "$(pci_of "$name")" "$@"; done; }
all_hits() { each_device hits "$1" | awk '{ n += $1 } END { print n + 0 }'; }
hw_calls() { echo $(($(iaa_stat total_comp_calls) + $(iaa_stat total_decomp_calls))); }

# Of the test's row.
PAGES=0 WRONG=0 HITS=0
PAGEOUT=/tmp/pageout MOVED=/tmp/moved STOP=/tmp/stop

# Adds up what pageout printed. One that ended early has lost something, too.
count_pages()
{
	PAGES=$((PAGES + $(field pages "$1")))
	WRONG=$((WRONG + $(field errors "$1") + $(grep -c '^ended' "$1" || true)))
	grep -v 'pages=' "$1" | head -n 5 || true
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

# configure [OPTION...]: of enable_iaa.sh. All devices are as new.
configure()
{
	setup_zswap lzo
	each_device clear
	enable_iaa.sh "$@" >/tmp/enable 2>&1 || { cat /tmp/enable; return 1; }
	echo $TIMEOUT_MS >/sys/module/iaa_crypto/parameters/timeout_ms
	setup_zswap deflate-iaa
	setup_folios 64
}

# A queue that was disabled has forgotten all but its size and group.
prepare_queue()
{
	local dir=$DSA/devices/$1

	echo dedicated >"$dir/mode"
	echo kernel >"$dir/type"
	echo iaa_crypto >"$dir/name"
	echo crypto >"$dir/driver_name"
}

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

state_is() { [ "$(cat "$DSA/devices/$2/state")" = "$1" ]; }
await_state() { await state_is "$@"; }
await_enabled() { for name in $(iax_names); do await_state enabled "$name"; done; }
all_there() { [ "$(iax_names | wc -l)" -eq "$NR_DEVICES" ]; }

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
	modprobe idxd || exit 1
	NR_DEVICES=$(iax_names | wc -l)
	[ "$NR_DEVICES" -gt 0 ] || fail "no devices"
	setup_swap
	enter_cgroup
	configure -v 0 || fail "the devices cannot be configured"
	move_pages mixed
	setup_zswap lzo
	snapshot >/tmp/beginning
	trap 'cat $ROWS' EXIT
}

everything_returned()
{
	configure -v 0
	move_pages mixed
	setup_zswap lzo
	empty_swap
	returned_to "$(cat /tmp/beginning)"
}
