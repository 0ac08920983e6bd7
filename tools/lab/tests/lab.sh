# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The lab itself: what is fetched is what was signed, trees and patches agree
# with each other, and a wrong input is refused.

# A small package, to try downloads with.
SMALL_PACKAGE=publicsuffix

# The real scripts on a cache of their own; the indexes are shared.
own_cache()
{
	local dir=$1

	mkdir -p "$dir"
	cp -r "$CACHE/apt" "$dir/"
	sed -i "s|$CACHE|$dir|g" "$dir/apt/sources.list"
}

fetch_small() { LAB_CACHE=$1 "$LAB/fetch.sh" packages "$SMALL_PACKAGE"; }

downloaded() { find "$1/downloads" -name "$SMALL_PACKAGE*.deb"; }

# Test that a download that was cut off is continued, not started again.
test_interrupted_download()
{
	local dir file
	dir=$(mktemp -d "$LOGS/XXXXXX")

	own_cache "$dir"
	fetch_small "$dir"
	file=$(downloaded "$dir")
	cp -p "$file" "$dir/whole"
	rm -rf "$dir/packages"
	# A byte that is wrong in the part shows that the part was used.
	{ head -c 19999 "$dir/whole"; printf '\377'; } >"$file.part"
	rm "$file"
	refused fetch_small "$dir"
	head -c 20000 "$dir/whole" >"$file.part"
	fetch_small "$dir"
	cmp "$file" "$dir/whole"
}

# Test that a file whose bytes changed in the cache is noticed and replaced.
test_changed_file()
{
	local dir file
	dir=$(mktemp -d "$LOGS/XXXXXX")

	own_cache "$dir"
	fetch_small "$dir"
	file=$(downloaded "$dir")
	cp "$file" "$dir/whole"
	printf 'X' | dd of="$file" bs=1 seek=3000 conv=notrunc
	rm -rf "$dir/packages"
	fetch_small "$dir"
	cmp "$file" "$dir/whole"
}

# Test that what does not have the index's hash is refused and not kept.
test_wrong_hash()
{
	local dir uri
	dir=$(mktemp -d "$LOGS/XXXXXX")

	own_cache "$dir"
	fetch_small "$dir"
	uri=file://$(downloaded "$dir")
	cp "$LAB"/{lib.sh,pins} "$dir/"
	sed 's/^main "\$@"//' "$LAB/fetch.sh" >"$dir/fetch-functions.sh"
	if (
		# shellcheck source=/dev/null
		. "$dir/fetch-functions.sh"
		# shellcheck disable=SC2034
		DOWNLOADS=$dir/elsewhere
		echo "'$uri' wrong.deb 1 SHA256:$(printf '%064d' 0)" | download
	); then
		echo "a wrong hash was accepted"
		return 1
	fi
	[ -z "$(find "$dir/elsewhere" -name 'wrong.deb*')" ]
}

# A copy of the lab with a kernel of two files, one patch and one file of ours.
small_lab()
{
	local dir=$1

	mkdir -p "$dir/repo/tools" "$dir/repo/patches" "$dir/repo/mm" "$dir/linux/mm"
	cp -r "$LAB" "$dir/repo/tools/lab"
	seq 1 40 >"$dir/linux/mm/zswap.c"
	seq 1 40 >"$dir/linux/mm/swap.c"
	seq 1 9 >"$dir/repo/mm/ours.c"
	cat >"$dir/repo/patches/one.patch" <<-'PATCH'
		From: A Tester <tester@example.org>
		Subject: [PATCH] mm: zswap: change a line

		--- a/mm/zswap.c
		+++ b/mm/zswap.c
		@@ -19,3 +19,3 @@
		 19
		-20
		+twenty
		 21
	PATCH
	echo one.patch >"$dir/repo/patches/series"
	git -C "$dir/repo" init -q
	TREE=$dir/repo/build/linux
}

small_tree()
{
	LAB_CACHE=$1/cache "$1/repo/tools/lab/tree.sh" "${@:2}"
}

with_small_lab()
{
	local dir
	dir=$(mktemp -d "$LOGS/XXXXXX")

	unset LAB_BUILD
	small_lab "$dir"
	small_tree "$dir" linux "$dir/linux"
	"$1" "$dir"
}

# Test that the tree is pristine + patch + our file, and our edits are live.
tree_is_whole()
{
	grep -qx twenty "$TREE/mm/zswap.c"
	cmp "$TREE/mm/ours.c" "$1/repo/mm/ours.c"
	echo more >>"$1/repo/mm/ours.c"
	grep -qx more "$TREE/mm/ours.c"
	cmp "$TREE/mm/swap.c" "$1/linux/mm/swap.c"
}

# Test that files of ours that went away leave the tree.
tree_drops_files()
{
	rm "$1/repo/mm/ours.c"
	small_tree "$1" linux "$1/linux"
	[ ! -e "$TREE/mm/ours.c" ] && [ ! -L "$TREE/mm/ours.c" ]
}

# Test that a changed patch is taken off as it was put on, and put on anew.
tree_follows_patch()
{
	sed -i 's/^+twenty/+zwanzig/' "$1/repo/patches/one.patch"
	small_tree "$1" linux "$1/linux"
	grep -qx zwanzig "$TREE/mm/zswap.c"
	refused grep -qx twenty "$TREE/mm/zswap.c"
}

# Test that an edit of a patched file comes back into its patch, header kept.
refresh_takes_edit()
{
	sed -i 's/^twenty$/twenty-one/' "$TREE/mm/zswap.c"
	small_tree "$1" refresh linux
	grep -qx '+twenty-one' "$1/repo/patches/one.patch"
	grep -q '^Subject: \[PATCH\] mm: zswap' "$1/repo/patches/one.patch"
	small_tree "$1" linux "$1/linux"
	grep -qx twenty-one "$TREE/mm/zswap.c"
}

# Test that an edit of an unpatched file is not lost: named, then taken.
refresh_adopts_file()
{
	sleep 1
	sed -i 's/^7$/seven/' "$TREE/mm/swap.c"
	refused small_tree "$1" refresh linux 2>"$1/message"
	grep -q 'mm/swap.c' "$1/message"
	small_tree "$1" refresh linux two.patch
	grep -qx '+seven' "$1/repo/patches/two.patch"
	grep -qx two.patch "$1/repo/patches/series"
}

# Test that an edit that is in no patch yet is never overwritten.
tree_keeps_edit()
{
	sed -i 's/^twenty$/precious/' "$TREE/mm/zswap.c"
	sed -i 's/^+twenty/+zwanzig/' "$1/repo/patches/one.patch"
	refused small_tree "$1" linux "$1/linux"
	grep -qx precious "$TREE/mm/zswap.c"
}

# Test that a patch that would need fuzz is refused.
tree_refuses_fuzz()
{
	sed -i 's/^ 19$/ nineteen/' "$1/repo/patches/one.patch"
	refused small_tree "$1" linux "$1/linux"
	refused small_tree "$1" try "$1/linux" "$1/repo/patches"
}

# Test that a file of upstream's is changed by a patch, not by a copy.
tree_refuses_copy()
{
	seq 1 3 >"$1/repo/mm/swap.c"
	refused small_tree "$1" linux "$1/linux"
	cmp "$1/linux/mm/swap.c" "$TREE/mm/swap.c"
}

# Test that the project's own Makefile and Kconfig never reach the kernel.
tree_takes_kernel_folders_only()
{
	touch "$1/repo/Makefile" "$1/repo/Kconfig" "$1/repo/README.md"
	small_tree "$1" linux "$1/linux"
	[ ! -e "$TREE/Makefile" ] && [ ! -e "$TREE/Kconfig" ] && [ ! -e "$TREE/tools/lab" ]
}

# Test that a config option that did not survive is an error that names it.
test_lost_option()
{
	local dir
	dir=$(mktemp -d "$LOGS/XXXXXX")

	printf 'CONFIG_A=y\nCONFIG_B=m\n' >"$dir/config"
	printf 'CONFIG_A=y\nCONFIG_C=n\n' >"$dir/good"
	printf 'CONFIG_A=y\nCONFIG_B=y\n' >"$dir/bad"
	"$LAB/kernel.sh" verify "$dir/config" "$dir/good"
	refused "$LAB/kernel.sh" verify "$dir/config" "$dir/good" "$dir/bad" 2>"$dir/message"
	grep -q 'CONFIG_B=y' "$dir/message"
}

# Test that a wrong variable is refused before anything is built.
test_bad_variables()
{
	local setting

	for setting in SIZE=12q SIZE=1M MTHP=5 COMPRESSOR=none KERNEL=mine MTTCG=2; do
		refused env "$setting" "$LAB/run.sh"
	done
}

# Test that a machine that Kconfig does not allow is refused, and named.
test_bad_machine()
{
	local setting

	for setting in LAB_PACKAGES=9 LAB_MEMORY_MB=much LAB_IAA_ENGINES=0 LAB_IAA_GNR=maybe; do
		refused env "$setting" "$LAB/boot.sh" -k base true 2>"$LOGS/bad-machine"
		cat "$LOGS/bad-machine"
		grep -q "${setting%%=*}" "$LOGS/bad-machine"
	done
}

# Test that the guest's status is the command's, and that its output arrives.
test_guest_status()
{
	local out status=0

	# shellcheck disable=SC2016
	out=$("$LAB/boot.sh" -k base -o "$LOGS/boot-status" \
		sh -c 'echo "from $(uname)"; exit 7') || status=$?
	[ "$status" -eq 7 ]
	[ "$(tr -d '\r' <<<"$out")" = "from Linux" ]
}

# Test that a guest whose kernel complains is never a success.
test_guest_complaint()
{
	local status=0

	"$LAB/boot.sh" -k base -o "$LOGS/boot-oops" \
		sh -c 'echo "BUG: made up by a test" >/dev/kmsg' || status=$?
	[ "$status" -eq 124 ]
}

# Test that a guest that hangs ends at its time limit, as an error.
test_guest_hang()
{
	local status=0

	"$LAB/boot.sh" -k base -t 8 -o "$LOGS/boot-hang" sleep 100000 || status=$?
	[ "$status" -eq 125 ]
}

# Test that success of the command is not enough: this guest never powers off, and
# QEMU is killed when the status is there, as the time limit would do.
test_guest_no_power_off()
{
	local dir=$LOGS/boot-no-power-off pid status=0

	mkdir -p "$dir"
	"$LAB/boot.sh" -k base -o "$dir" -q -action -q shutdown=pause \
		-q -pidfile -q "$dir/pid" true &
	pid=$!
	until [ -s "$dir/status" ]; do
		kill -0 "$pid"
		sleep 0.1
	done
	kill -KILL "$(cat "$dir/pid")"
	wait "$pid" || status=$?
	[ "$(tr -dc '0-9' <"$dir/status")" = 0 ]
	[ "$status" -eq 125 ]
}

# Test that the test runner itself sees failures: in the middle of a test, what
# should have been refused, a broken plan, a status that disagrees.
test_runner()
{
	local dir
	dir=$(mktemp -d "$LOGS/XXXXXX")

	unset LAB_BUILD
	mkdir -p "$dir/repo/tools"
	cp -r "$LAB" "$dir/repo/tools/lab"
	cat >"$dir/repo/tools/lab/tests/runner.sh" <<-'GROUP'
		good() { true; }
		fails_in_the_middle() { false; true; }
		fails_to_refuse() { refused true; true; }
		is_skipped() { skip "a reason"; }
		group_runner() {
			check good good
			check middle fails_in_the_middle
			check refuse fails_to_refuse
			check skipped is_skipped
			check_ktap plan printf '1..2\nok 1 a\nnot ok 2 b\n'
			check_ktap no-plan printf 'ok 1 a\n'
			check_ktap short printf '1..2\nok 1 a\n'
			check_ktap status sh -c 'echo 1..1; echo ok 1 a; exit 3'
		}
	GROUP
	refused "$dir/repo/tools/lab/check.sh" runner >"$dir/output"
	cat "$dir/output"
	[ "$(tail -n 1 "$dir/output")" = "5 passed, 6 failed, 1 skipped" ]
}

test_shell_scripts()
{
	cd "$ROOT" || return 1
	git ls-files -z --cached --others --exclude-standard '*.sh' tools/lab/guest/init \
		tools/lab/package/iaa-zswap .ci/run |
		xargs -0 shellcheck -x
}

# Test that every file of ours says its licence, and the right one.
test_licences()
{
	local file missing=()

	cd "$ROOT" || return 1
	while read -r file; do
		[ -s "$file" ] || continue
		case $file in
		*.patch | *.mail | *series | *.png | *.json) continue ;;
		# Formats without comments.
		*/debian/changelog | */debian/copyright | */debian/source/format) continue ;;
		Documentation/ABI/*) continue ;;
		tools/qemu/*) head -n 5 "$file" | grep -q 'SPDX.*GPL-2.0-or-later' || missing+=("$file") ;;
		*) head -n 5 "$file" | grep -q 'SPDX.*GPL-2.0' || missing+=("$file") ;;
		esac
	done < <(git ls-files --cached --others --exclude-standard)
	[ "${#missing[@]}" -eq 0 ] || { echo "no licence: ${missing[*]}"; return 1; }
}

group_lab()
{
	check "shell scripts pass shellcheck" test_shell_scripts
	check "every file names its licence" test_licences
	check "the test runner sees failures" test_runner
	check "wrong variables are refused" test_bad_variables
	check "an impossible machine is refused" test_bad_machine
	check "a lost config option is an error" test_lost_option
	"$LAB/fetch.sh" packages "$SMALL_PACKAGE" >/dev/null
	check "an interrupted download is continued" test_interrupted_download
	check "a changed file in the cache is replaced" test_changed_file
	check "a wrong hash is refused" test_wrong_hash
	check "the tree is pristine, patches and ours" with_small_lab tree_is_whole
	check "the tree drops files that are gone" with_small_lab tree_drops_files
	check "the tree follows a changed patch" with_small_lab tree_follows_patch
	check "the tree keeps edits it does not know" with_small_lab tree_keeps_edit
	check "the tree refuses fuzz" with_small_lab tree_refuses_fuzz
	check "the tree refuses copies of upstream's files" with_small_lab tree_refuses_copy
	check "the tree takes kernel folders only" with_small_lab tree_takes_kernel_folders_only
	check "refresh takes an edit into its patch" with_small_lab refresh_takes_edit
	check "refresh names and adopts other edits" with_small_lab refresh_adopts_file
	check "the guest's status comes back" test_guest_status
	check "a complaint of the kernel is a failure" test_guest_complaint
	check "a guest that hangs is a failure" test_guest_hang
	check "a guest that does not power off is a failure" test_guest_no_power_off
}
