# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The series as it is mailed: it applies, and is what a maintainer's own checks
# let pass. With FULL=1 also every patch by itself, compiled with gcc and clang
# and looked at by sparse and coccinelle.
#
# What was found about a tree is kept by the hash of the tree, so that only what
# changed since is looked at again.

# The history that series.sh makes, and a tree for compiling it.
HISTORY=$BUILD/series/git
FARM=$BUILD/series-tree

# What checkpatch says without a reason here: files, types, and why not.
ALLOWED=(
	# New files are in MAINTAINERS already: it is the first patch of each stack.
	'[^:]*:[0-9]+: WARNING:FILE_PATH_CHANGES'
	# zlib indents its labels.
	'lib/zlib_inflate/[^:]*:[0-9]+: WARNING:LEADING_SPACE'
	# The names of zstd's own interface.
	'crypto/zstd.c:[0-9]+: CHECK:CAMELCASE'
	# KUnit's macros stand behind what they are about, as in all of Linux.
	'[^:]*(kunit|_test)\.c:[0-9]+: (CHECK|WARNING):LINE_SPACING'
	# Comments are in the kernel-doc above the structure.
	'crypto/tests/[^:]*:[0-9]+: CHECK:UNCOMMENTED_DEFINITION'
	# Tests of an interface whose error this is.
	'crypto/tests/[^:]*:[0-9]+: WARNING:ENOSYS'
	# The macros of the harness are made of names and of loops.
	'tools/testing/selftests/[^:]*:[0-9]+: (ERROR|CHECK):(COMPLEX_MACRO|MACRO_ARG_REUSE|MACRO_ARG_PRECEDENCE)'
	# The types that the harness makes, and _Atomic, are taken for expressions.
	'tools/testing/selftests/zswap/[^:]*:[0-9]+: (CHECK|WARNING):(SPACING|LINE_SPACING|CAMELCASE)'
	# A message is one string, to be found by grep.
	'tools/testing/selftests/zswap/[^:]*:[0-9]+: WARNING:LONG_LINE_STRING'
	# What trace events are made of, and counters: names of fields, or nothing.
	'[^:]*_trace\.h:[0-9]+: CHECK:(OPEN_ENDED_LINE|PARENTHESIS_ALIGNMENT)'
	'drivers/crypto/intel/iaa/iaa\.h:[0-9]+: (CHECK|WARNING):MACRO_ARG_(PRECEDENCE|UNUSED)'
	# An assertion about a structure stands below it.
	'mm/zswap\.c:[0-9]+: CHECK:LINE_SPACING'
	# What is exported for its tests is an array.
	'drivers/crypto/intel/iaa/iaa_alg\.c:[0-9]+: WARNING:EXPORT_SYMBOL'
	# Two names of drivers that are the same.
	'tools/iaa/[^:]*:[0-9]+: WARNING:REPEATED_WORD'
)

in_history() { git -C "$HISTORY" "$@"; }

each_stack() { "$LAB/series.sh" stacks; }

mails_of() { find "$BUILD/series" -path "*-$1/0*.patch" ! -name '0000-*' | sort; }

test_written()
{
	local stack first second

	first=$("$LAB/series.sh")
	cp -r "$first" "$LOGS/first"
	second=$("$LAB/series.sh")
	while read -r stack _; do
		[ "$(mails_of "$stack" | wc -l)" -gt 0 ]
		diff -r "$LOGS/first/"*-"$stack" "$second/"*-"$stack"
	done < <(each_stack)
}

# apply DIR STACK: to a clone of the base, as a maintainer would.
apply()
{
	local dir=$1 stack=$2

	mails_of "$stack" | xargs -d '\n' git -C "$dir" \
		-c user.name=lab -c user.email=lab@example.org am -q
}

# Test that each stack applies to Linux and what it needs, and nothing is lost.
test_applies()
{
	local stack needs need dir

	while read -r stack needs; do
		dir=$LOGS/apply-$stack
		git clone -q -b base "$HISTORY" "$dir"
		for need in $needs; do
			apply "$dir" "$need"
		done
		apply "$dir" "$stack"
		git -C "$dir" diff --exit-code --stat HEAD "origin/$stack"
	done < <(each_stack)
}

# Test that all stacks together are the tree that everything else tests.
test_sum()
{
	local tree file

	tree=$("$LAB/tree.sh" linux)
	in_history checkout -q all
	while read -r file; do
		cmp "$HISTORY/$file" "$tree/$file"
	done < <(in_history ls-files)
	"$LAB/tree.sh" overlay linux >"$LOGS/ours"
	[ "$(wc -l <"$LOGS/ours")" -gt 10 ]
	refused grep -vxFf <(in_history ls-files) "$LOGS/ours"
}

test_checkpatch()
{
	local base stack

	base=$("$LAB/fetch.sh" linux)
	while read -r stack _; do
		mails_of "$stack"
	done < <(each_stack) >"$LOGS/mails"
	(
		cd "$base" || exit
		xargs -d '\n' scripts/checkpatch.pl --strict --show-types --terse --quiet --showfile \
			<"$LOGS/mails" || true
	) >"$LOGS/checkpatch"
	# It has looked at each.
	[ "$(grep -c '^total: ' "$LOGS/checkpatch")" -eq "$(wc -l <"$LOGS/mails")" ]
	refused grep -vE "^total: |^($(IFS='|'; echo "${ALLOWED[*]}"))" "$LOGS/checkpatch"
}

# Files of a branch that are new or changed, of those that match.
changed() { in_history diff --name-only --diff-filter=d "${3:-base}" "$1" | grep -E "$2" || true; }

# Comments that were wrong before are not ours.
kernel_doc_of()
{
	local ref=$1 base=$2 file

	in_history checkout -q "$ref"
	while read -r file; do
		[ -f "$HISTORY/$file" ] || continue
		(cd "$HISTORY" && "$base/tools/docs/kernel-doc" -none -Wall "$file" 2>&1) || true
	done <"$LOGS/documented" | sed -E 's/:[0-9]+//g' | grep -E '^(Warning|Error|warning|error)' | sort || true
}

test_kernel_doc()
{
	local base

	base=$("$LAB/fetch.sh" linux)
	# No document takes comments of programs in tools/.
	changed all '\.[ch]$' | grep -v '^tools/' >"$LOGS/documented"
	kernel_doc_of base "$base" >"$LOGS/kernel-doc-before"
	kernel_doc_of all "$base" >"$LOGS/kernel-doc-after"
	comm -13 "$LOGS/kernel-doc-before" "$LOGS/kernel-doc-after" | tee "$LOGS/kernel-doc"
	[ ! -s "$LOGS/kernel-doc" ]
	# It does find what is wrong.
	printf '/**\n * f: short\n * @nothing: there is none\n */\nint f(void) { return 0; }\n' >"$LOGS/wrong.c"
	"$base/tools/docs/kernel-doc" -none -Wall "$LOGS/wrong.c" 2>&1 | grep -q nothing
}

# A tree of links to the pristine one, which nothing is written to.
plant_farm()
{
	local base=$1 entry dir image

	[ "$(cat "$FARM/.base" 2>/dev/null || true)" != "$base" ] || return 0
	dir=$(scratch "$BUILD")
	for entry in "$base"/*; do
		case ${entry##*/} in
		out-*) ;;
		*) cp -al "$entry" "$dir/" 2>/dev/null || cp -a "$entry" "$dir/" ;;
		esac
	done
	image=$("$LAB/kernel.sh" base)
	if [ -d "$base/out-lab" ]; then
		cp -a --reflink=auto "$base/out-lab" "$dir/out"
	else
		mkdir "$dir/out"
		cp "$image/config" "$dir/out/.config"
	fi
	printf '%s\n' "$base" >"$dir/.base"
	publish "$dir" "$FARM"
}

# What is the same keeps its time, so that it is not compiled again.
show_in_farm()
{
	local ref=$1 file from
	from=$(mktemp -d "$LOGS/XXXXXX")

	in_history archive "$ref" | tar -x -C "$from"
	while read -r file; do
		if [ ! -f "$from/$file" ]; then
			rm -f "$FARM/$file"
		elif ! cmp -s "$from/$file" "$FARM/$file"; then
			rm -f "$FARM/$file"
			mkdir -p "$(dirname "$FARM/$file")"
			cp "$from/$file" "$FARM/$file"
		fi
	done < <(in_history ls-tree -r --name-only base; in_history ls-tree -r --name-only all)
	rm -rf "$from"
}

farm_make() { make -s -C "$FARM" O=out -j "$JOBS" "$@"; }

configure_farm()
{
	(cd "$FARM/out" && ../scripts/kconfig/merge_config.sh -m -Q .config \
		"$LAB"/config/{ours,series}.config >/dev/null)
	farm_make "$@" olddefconfig
	farm_make "$@" prepare modules_prepare
}

# Folders with sources that a range of patches touched, without those in others.
touched_folders()
{
	local folder last=none

	changed "$2" '\.[ch]$' "$1" | grep -E '^(crypto|drivers|lib|mm|kernel|block|fs)/' |
		sed 's|/[^/]*$||' | sort -u | while read -r folder; do
		[[ $folder/ == "$last"/* ]] && continue
		last=$folder
		printf '%s/\n' "$folder"
	done
}

# The base images have what is compiled with; nobody else may change them now.
compile_range()
{
	local from=$1 to=$2 log=$3 folders
	shift 3

	mapfile -t folders < <(touched_folders "$from" "$to")
	[ "${#folders[@]}" -gt 0 ] || return 0
	plant_farm "$("$LAB/fetch.sh" linux)"
	show_in_farm "$to"
	configure_farm "$@"
	farm_make "$@" "${folders[@]}" 2>&1 | tee "$log"
}

# once KIND REF COMMAND...: unless it has passed with this very tree before.
once()
{
	local kind=$1 mark
	mark=$CACHE/series/$kind-$(
		{
			in_history rev-parse "$2^{tree}"
			cat "$LAB"/config/{ours,series}.config
			declare -f "$3" compile_range touched_folders configure_farm code_folders \
				semantic_patches written_by
			gcc --version | head -n 1
		} | key)
	shift 2

	if [ -f "$mark" ]; then
		echo "passed before, with the same files"
		return
	fi
	"$@"
	mkdir -p "$CACHE/series"
	touch "$mark"
}

# Test that the folders a stack touches give no warning, at its tip.
test_warnings()
{
	local stack=$1 log=$LOGS/warnings-$1

	compile_range "$stack.base" "$stack" "$log" W=1
	refused grep -E ': (warning|error):' "$log"
}

# What sphinx says about a page, but for references that it had before: they may
# lead to folders that are not built here.
complaints_about()
{
	local page=$1 line name

	{ grep -F "$page:" "$LOGS/htmldocs" || true; } | while read -r line; do
		name=$(sed -nE "s/.*(undefined label|unknown document): '(.*)'.*/\2/p" <<<"$line")
		if [ -n "$name" ] && in_history show "base:$page" 2>/dev/null | grep -qF "$name"; then
			continue
		fi
		printf '%s\n' "$line"
	done
}

# Test that the pages of documentation that changed are built without a warning.
# What is wrong in the pages around them is not ours.
test_documentation()
{
	local dirs pages page

	"$LAB/host.sh" documents
	plant_farm "$("$LAB/fetch.sh" linux)"
	show_in_farm all
	mapfile -t pages < <(changed all '^Documentation/.*\.rst$')
	[ "${#pages[@]}" -gt 0 ]
	dirs=$(printf '%s\n' "${pages[@]}" | sed -E 's|^Documentation/||; s|/[^/]*$||' | sort -u)
	# A folder within another is built with it.
	dirs=$(awk '{ for (d in seen) if (index($0 "/", d "/") == 1) next; seen[$0]; print }' <<<"$dirs" | xargs)
	make -s -C "$FARM" SPHINXDIRS="$dirs" BUILDDIR="$LOGS/html" htmldocs >"$LOGS/htmldocs" 2>&1 || {
		tail -n 20 "$LOGS/htmldocs"
		return 1
	}
	for page in "${pages[@]}"; do
		refused grep . <(complaints_about "$page")
		[ -f "$(find "$LOGS/html" -path "*/$(basename "$page" .rst).html" | head -n 1)" ]
	done
}

# Test that whoever changes a new file learns from MAINTAINERS whom to ask.
test_maintainers()
{
	local file

	plant_farm "$("$LAB/fetch.sh" linux)"
	show_in_farm all
	while read -r file; do
		# The rest of the lines are of sections that are about all of Linux.
		(cd "$FARM" && perl scripts/get_maintainer.pl --no-tree --no-git --no-git-fallback \
			--nol --norolestats --sections -f "$file") >"$LOGS/sections" || true
		sed -n '1{/^THE REST/d;p}' "$LOGS/sections" | grep -q . ||
			{ echo "nobody maintains $file"; touch "$LOGS/unmaintained"; }
	done < <(in_history diff --name-only --diff-filter=A base all)
	[ ! -e "$LOGS/unmaintained" ]
}

# Files of Linux that use a symbol: sources, and headers in functions, which are
# indented where declarations are not.
users_of()
{
	(
		cd "$FARM" || exit
		grep -rlw --include='*.c' -- "$1" crypto drivers mm lib kernel fs net
		grep -rlE --include='*.h' -- $'^\t''.*\<'"$1"'\>' include
	) 2>/dev/null || true
}

# Test that what is exported is used by another file of the series or of Linux.
test_exports()
{
	local name found=0 where

	while read -r name where; do
		found=$((found + 1))
		users_of "$name" | grep -vxF "$where" | grep -q . ||
			{ echo "$name of $where is exported for nobody"; touch "$LOGS/unused"; }
	done < <(in_history diff -U0 base all -- '*.c' | awk '
		/^\+\+\+ b\// { file = substr($2, 3) }
		match($0, /^\+EXPORT_SYMBOL[A-Z_]*\(([a-z0-9_]+)/) {
			sub(/^\+EXPORT_SYMBOL[A-Z_]*\(/, ""); sub(/[^a-z0-9_].*/, ""); print $0, file }')
	echo "$found symbols are exported"
	[ "$found" -gt 0 ] && [ ! -e "$LOGS/unused" ]
}

# Test that QEMU's own checkpatch has nothing to say about the device model. Its
# rules for tests go by their folder; those of instructions have symbols from
# assembly, and memory that CPUs share. QEMU's table of instructions has operands
# that are written as pairs, and functions beside it parentheses after return.
test_qemu_checkpatch()
{
	local tree log=$LOGS/qemu-checkpatch

	tree=$("$LAB/tree.sh" qemu)
	(
		cd "$ROOT/tools/qemu" || exit
		git ls-files '*.c' '*.h' | grep -v '^tests/fuzz/' |
			xargs -d '\n' "$tree/scripts/checkpatch.pl" --no-tree --terse --file || true
		"$tree/scripts/checkpatch.pl" --no-tree --terse --no-signoff patches/*.patch || true
	) >"$log" 2>&1
	refused grep -E ': (ERROR|WARNING): ' <(grep -vE \
		-e '^tests/tcg/[^:]*:[0-9]+: ERROR: (externs should|Use of volatile)' \
		-e '^patches/target-i386-[^:]*:[0-9]+: ERROR: (space required after|return is not)' "$log")
	# It does find what is wrong.
	printf 'int f( void )\n{\n\treturn 0;\n}\n' >"$LOGS/wrong.c"
	refused "$tree/scripts/checkpatch.pl" --no-tree --terse --file "$LOGS/wrong.c"
}

# Test that a patch leaves a tree that compiles without a warning.
test_patch()
{
	local commit=$1
	shift

	compile_range "$commit^" "$commit" "$LOGS/patch" "$@"
	refused grep -E ': (warning|error):' "$LOGS/patch"
}

# All patches of a stack, one by one, from the bottom.
each_patch()
{
	local what=$1 kind=$2 stack commit
	shift 2

	while read -r stack _; do
		while read -r commit; do
			check "$what: $(in_history log -1 --format=%s "$commit")" \
				once "$kind" "$commit" test_patch "$commit" "$@"
		done < <(in_history rev-list --reverse "$stack.base..$stack")
	done < <(each_stack)
}

# The oldest clang that Linux takes may be younger than the machine's.
new_clang()
{
	local base version clang

	base=$("$LAB/fetch.sh" linux)
	version=$(SRCARCH=x86 sh "$base/scripts/min-tool-version.sh" llvm)
	for clang in clang clang-{22,21,20,19,18,17}; do
		command -v "$clang" >/dev/null || continue
		[ "$(printf '%s\n' "$version" "$("$clang" -dumpversion)" | sort -V | head -n 1)" = "$version" ] || continue
		printf '%s\n' "${clang#clang}"
		return
	done
	echo none
}

full_series()
{
	local suffix stack

	"$LAB/host.sh" analysis
	each_patch "gcc" gcc
	suffix=$(new_clang)
	if [ "$suffix" = none ]; then
		check "clang" skip "no clang that Linux takes is installed"
	else
		FARM=$FARM-clang
		each_patch "clang" clang CC="clang$suffix" LD=ld
	fi
	FARM=$BUILD/series-tree
	check "allmodconfig" once allmodconfig all test_allmodconfig
	while read -r stack _; do
		check "sparse: stack $stack" once sparse "$stack" test_sparse "$stack"
		check "coccinelle: stack $stack" once coccinelle "$stack" test_coccinelle "$stack"
	done < <(each_stack)
}

# Test that all folders of the series compile with everything in them that can be
# a module, and what debugs it. Warnings are errors there.
test_allmodconfig()
{
	local log=$LOGS/allmodconfig folders
	local -a out=(O=out-allmod)

	mapfile -t folders < <(touched_folders base all)
	plant_farm "$("$LAB/fetch.sh" linux)"
	show_in_farm all
	mkdir -p "$FARM/out-allmod"
	farm_make "${out[@]}" allmodconfig
	farm_make "${out[@]}" prepare modules_prepare
	grep -x 'CONFIG_WERROR=y' "$FARM/out-allmod/.config"
	farm_make "${out[@]}" "${folders[@]}" 2>&1 | tee "$log"
	refused grep -E ': (warning|error):' "$log"
}

# Test that sparse has nothing new to say about the files of a stack.
test_sparse()
{
	local stack=$1

	command -v sparse >/dev/null || skip "sparse is not installed"
	compile_range "$stack.base" "$stack" "$LOGS/sparse" C=2 >/dev/null
	changed "$stack" '\.[ch]$' "$stack.base" >"$LOGS/sparse-files"
	refused grep -Ff "$LOGS/sparse-files" "$LOGS/sparse"
}

# semantic_patches FOLDER [VARIABLE...]: what Linux's own find in it.
semantic_patches()
{
	local folder=$1 log=$LOGS/coccicheck
	shift

	(
		cd "$FARM" || exit
		make -s coccicheck MODE=report M="$folder" SPFLAGS="-I $FARM/${folder%/*}" "$@"
	) >"$log" 2>&1 || { tail -n 20 "$log"; return 1; }
	sed -n "s|^\./|$folder/|p" "$log"
}

# Of findings, those in lines that the stack has written.
written_by()
{
	local stack=$1 file line rest commit

	while IFS=: read -r file line rest; do
		# The history has only files that the series changes.
		in_history cat-file -e "$stack:$file" 2>/dev/null || continue
		commit=$(in_history blame --porcelain -L "$line,$line" "$stack" -- "$file" |
			sed -n '1s/ .*//p')
		in_history merge-base --is-ancestor "$commit" "$stack.base" ||
			echo "$file:$line:$rest"
	done
}

# Folders that code of a stack is in, but not those inside of others.
code_folders()
{
	changed "$1" '\.c$' "$1.base" | grep -v '^tools/' | xargs -n 1 dirname | sort -u |
		awk '!last || index($0, last "/") != 1 { print; last = $0 }'
}

# Test that Linux's own semantic patches find nothing in what a stack has written.
test_coccinelle()
{
	local stack=$1 folder wrong=$FARM/wrong

	command -v spatch >/dev/null || skip "coccinelle is not installed"
	command -v ocamlopt >/dev/null || skip "OCaml, which coccinelle needs, is not installed"
	show_in_farm "$stack"
	code_folders "$stack" >"$LOGS/cocci-folders"
	while read -r folder; do
		semantic_patches "$folder"
	done <"$LOGS/cocci-folders" >"$LOGS/coccinelle"
	written_by "$stack" <"$LOGS/coccinelle" | tee "$LOGS/coccinelle-$stack"
	[ ! -s "$LOGS/coccinelle-$stack" ]
	# It does find what is wrong.
	mkdir -p "$wrong"
	printf 'int f(int *p)\n{\n\tkfree(p);\n\treturn *p;\n}\n' >"$wrong/wrong.c"
	semantic_patches wrong COCCI="$FARM/scripts/coccinelle/free/kfree.cocci" >"$LOGS/coccinelle-wrong"
	rm -r "$wrong"
	grep -q '^wrong/wrong.c:4:.*preceded by free' "$LOGS/coccinelle-wrong"
}

group_series()
{
	local stack

	check "the series is written, twice the same" test_written
	check "each stack applies with git am" test_applies
	check "all stacks make the tree that is tested" test_sum
	check "checkpatch" test_checkpatch
	check "kernel-doc" test_kernel_doc
	while read -r stack _; do
		check "no warning at the tip of stack $stack" \
			once warnings "$stack" test_warnings "$stack"
	done < <(each_stack)
	check "documentation" test_documentation
	check "MAINTAINERS" test_maintainers
	check "exported symbols are used" test_exports
	check "QEMU's checkpatch" test_qemu_checkpatch
	[ "${FULL:-0}" != 1 ] || full_series
}
