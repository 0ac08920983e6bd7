# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What every script of the lab shares: messages, paths, keys, atomic results.

set -euo pipefail
# The variables of a "make" above us are not for the builds below.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
shopt -s inherit_errexit
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB=$ROOT/tools/lab
# shellcheck disable=SC2034
BUILD=${LAB_BUILD:-$ROOT/build}
CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iaa-lab}
JOBS=${JOBS:-$(nproc)}

# What no kernel may say while it is under test.
# shellcheck disable=SC2034
COMPLAINTS='BUG:|WARNING:|Oops|KASAN:|UBSAN:|DMA-API:.*(error|warn|leak|exceed)|INFO: (task|rcu|lockdep|trying to register)|kmemleak: [0-9]+ new|general protection|Kernel panic|Call Trace|unable to handle'

# shellcheck source=tools/lab/pins
. "$LAB/pins"

log() { printf '%(%H:%M:%S)T  %s\n' -1 "$*" >&2; }
warn() { log "warning: $*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# need COMMAND...: the command is there, or what is missing is said.
need()
{
	local cmd

	for cmd in "$@"; do
		command -v "$cmd" >/dev/null || die "'$cmd' is not installed"
	done
}

# The hash of what is read from standard input, short enough for a file name.
key() { sha256sum | cut -c1-16; }

# key_files FILE...: names relative to the current folder, and contents.
key_files() { sha256sum -- "$@" | key; }

# poison FLAVOUR: what to tell a kernel so that freed memory is poisoned, and allocated
# memory has red zones. The debug kernel has KASAN for that.
poison() { [ "$1" = debug ] || echo slub_debug=FZPU; }

# A scratch folder beside its destination, removed when the script ends unless
# publish() has moved it into place.
scratch()
{
	local parent=$1

	mkdir -p "$parent"
	mktemp -d "$parent/.new.XXXXXX"
}

# publish SCRATCH DEST: all or nothing, also when interrupted or run twice.
publish()
{
	local dir=$1 dest=$2

	chmod 755 "$dir"
	rm -rf "$dest"
	mkdir -p "$(dirname "$dest")"
	mv -T "$dir" "$dest"
}

# What an interrupted run left behind is nobody's once its lock is free.
sweep() { rm -rf "${1:?}"/.new.*; }

# locked NAME COMMAND...: one run at a time for each thing that is made.
locked()
{
	local name=$1 fd
	shift

	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$name"
	if ! flock -n "$fd"; then
		log "waiting for another run that makes $name"
		flock "$fd"
	fi
	"$@" {fd}>&-
	exec {fd}>&-
}

# quietly LOG COMMAND...: output to a file; its tail if the command fails.
quietly()
{
	local file=$1
	shift

	mkdir -p "$(dirname "$file")"
	if ! "$@" >"$file" 2>&1; then
		tail -n 30 "$file" >&2
		die "failed: $* (all of it in $file)"
	fi
}

# progress LABEL LOG COMMAND...: as quietly(), saying now and then how far it is.
progress()
{
	local label=$1 file=$2 start=$SECONDS next=$((SECONDS + 10)) pid
	shift 2

	mkdir -p "$(dirname "$file")"
	log "$label"
	"$@" >"$file" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		[ "$SECONDS" -ge "$next" ] || continue
		next=$((SECONDS + 10))
		log "$label: $(elapsed "$start"), $(wc -l <"$file") steps,$(
			tail -n 1 "$file" | tr -s ' \t' ' ' | cut -c1-60)"
	done
	if ! wait "$pid"; then
		grep -nE -m 10 'error:|Error |FAILED' "$file" >&2 || tail -n 30 "$file" >&2
		die "$label failed (all of it in $file)"
	fi
	log "$label: done in $(elapsed "$start")"
}

# elapsed SECONDS-AT-START: how long a step took, for messages.
elapsed() { printf '%d s' "$((SECONDS - $1))"; }

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		need sudo
		sudo "$@"
	fi
}
