#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The series as it is mailed: a folder for each stack of series/stacks, with a
# cover letter and numbered patches that "git am" takes. Our own files arrive in
# the patch under which series/stacks lists them; what consists of such files
# alone has its text in a ".mail".
#
#   series.sh             writes build/series/, prints it
#   series.sh stacks      lists the stacks; after each those that it needs
#
# build/series/git is the history, of no more files than the series touches: a
# branch for each stack, "base" for Linux as it was, and "all" for the sum.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

PATCHES=$ROOT/patches
TEXTS=$LAB/series

# Lines of series/stacks without comments: "[name] needs...", then patches or
# patterns of them, and indented below a patch the files, or patterns of files,
# that it brings.
stack_lines() { sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$TEXTS/stacks"; }

stacks() { stack_lines | sed -n 's/^\[\(.*\)\]/\1/p'; }

# In a pattern "*" is anything but a slash; "|" is between patterns.
AWK_PATTERNS='
	function expression(pattern) {
		gsub(/[.]/, "[.]", pattern)
		gsub(/[*]/, "[^/]*", pattern)
		return "^(" pattern ")$"
	}'

# "stack patch line" for all patches in order, with the line that they come from. A
# pattern stands for the patches of patches/series that have no line of their own, in
# the order that they have there.
assign_patches()
{
	awk "$AWK_PATTERNS"'
		FNR == NR { series[++n] = $1; next }
		/^[\t ]/ { next }
		{ line[++lines] = $0; named[$1] = 1 }
		END {
			for (l = 1; l <= lines; l++) {
				if (line[l] ~ /^\[/) {
					split(line[l], word, /[][]/)
					stack = word[2]
				} else if (line[l] !~ /[*]/) {
					print stack, line[l], line[l]
				} else for (i = 1; i <= n; i++) {
					if (!(series[i] in named) && series[i] ~ expression(line[l])) {
						print stack, series[i], line[l]
						named[series[i]] = 1
					}
				}
			}
		}' "$WORK/series" <(stack_lines)
}

patches_of() { awk -v stack="$1" '$1 == stack { print $2 }' "$WORK/patches"; }

# "patch file" for all files of ours, "- file" where no pattern matches. The
# longest pattern says the most; below a pattern of patches, the first is meant.
assign_files()
{
	awk -v patches="$WORK/patches" -v files="$WORK/overlay" "$AWK_PATTERNS"'
		FILENAME == patches { if (!($3 in first)) first[$3] = $2; next }
		FILENAME != files && /^[^\t ]/ { patch = $1 in first ? first[$1] : "-"; next }
		FILENAME != files { pattern[++n] = expression($1); length_of[n] = length($1); owner[n] = patch; next }
		{
			best = 0
			for (i = 1; i <= n; i++)
				if ($0 ~ pattern[i] && length_of[i] > length_of[best]) best = i
			print best ? owner[best] : "-", $0
		}' "$WORK/patches" <(stack_lines) "$WORK/overlay"
}

files_of() { sed -n "s/^$1 //p" "$WORK/files"; }

# lines_without FILE: the lines of FILE that stdin has not.
lines_without() { grep -vxFf - "$1" || true; }

# refuse_lines MESSAGE: dies with it and the lines of stdin, if there are any.
refuse_lines()
{
	local lines
	lines=$(cat)

	[ -z "$lines" ] || die "$1
$lines"
}

# All patches and all files have their place.
assign()
{
	"$LAB/tree.sh" overlay linux >"$WORK/overlay"
	sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$PATCHES/series" >"$WORK/series"
	assign_patches >"$WORK/patches"
	assign_files >"$WORK/files"
	cut -d' ' -f2 "$WORK/patches" | lines_without "$WORK/series" |
		refuse_lines "add to a stack of tools/lab/series/stacks, by name or pattern, the patches"
	awk '$2 ~ /[.]patch$/ { print $2 }' "$WORK/patches" >"$WORK/named"
	lines_without "$WORK/named" <"$WORK/series" |
		refuse_lines "tools/lab/series/stacks has what patches/series has not:"
	sed -n 's/^- //p' "$WORK/files" |
		refuse_lines "add below the patch that first needs them, in tools/lab/series/stacks, the files"
}

in_git() { git -C "$WORK/git" "$@"; }

# Ours to the second, so that the same tree always makes the same series.
commit()
{
	in_git add -A
	in_git -c user.name="$AUTHOR_NAME" -c user.email="$AUTHOR_EMAIL" \
		commit -q --no-verify "$@"
}

touched_files()
{
	sed "s|^|$PATCHES/|" "$WORK/series" |
		xargs -d '\n' grep -hE '^(---|\+\+\+) [ab]/' |
		sed -E 's|^.{4}[ab]/||; s|\t.*||' | sort -u
}

begin_history()
{
	local base=$1 file

	git init -q -b base "$WORK/git"
	while read -r file; do
		[ -f "$base/$file" ] || continue
		mkdir -p "$WORK/git/$(dirname "$file")"
		cp "$base/$file" "$WORK/git/$file"
	done < <(touched_files)
	AUTHOR_NAME=Linux AUTHOR_EMAIL=linux@example.org commit -m "Linux $LINUX_VERSION"
}

# Where the text of a patch or a mail is.
text_of() { case $1 in *.mail) echo "$TEXTS/$1" ;; *) echo "$PATCHES/$1" ;; esac; }

header() { sed -n "s/^$2: \(\[PATCH\] \)\?//p;/^\$/q" "$(text_of "$1")"; }

author_name() { header "$1" From | sed 's/ <.*//'; }
author_email() { header "$1" From | sed 's/.*<\(.*\)>/\1/'; }

# Fills paragraphs and items of lists that are wider than mail wants to have them;
# what is indented, and trailers, stay as they are.
narrow()
{
	awk 'function flush(  i, n, line, words) {
			if (!wide || fixed) {
				printf "%s", text
			} else {
				n = split(text, words, /[ \n]+/)
				for (i = 1; i <= n; i++) {
					if (words[i] == "") continue
					if (line != "" && length(line " " words[i]) > 75) {
						print line
						line = item ? " " : ""
					}
					line = line == "" ? words[i] : line " " words[i]
				}
				print line
			}
			text = ""; wide = fixed = item = 0
		}
		/^$/ { flush(); print; next }
		/^[-*] / { flush(); item = 1 }
		!item && /^([ \t|]|[0-9]+[.)] |[A-Z][A-Za-z-]+: )/ { fixed = 1 }
		item && !/^([-*]|  [^ ])/ { fixed = 1 }
		length > 75 { wide = 1 }
		{ text = text $0 "\n" }
		END { flush() }'
}

# The text between header and changes, signed.
body()
{
	sed -n '/^$/,$p' "$(text_of "$1")" | sed '/^---$/,$d; /^--- a\//,$d; /^--- \/dev\/null/,$d' |
		sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' | narrow
	if ! grep -q '^Signed-off-by:' "$(text_of "$1")"; then
		printf '\nSigned-off-by: %s\n' "$(header "$1" From)"
	fi
}

# git refuses a patch without changes, and any whose context does not match.
apply_patch()
{
	local patch=$1

	case $patch in
	*.patch)
		in_git apply --index "$PATCHES/$patch" ||
			die "$patch does not apply where series/stacks has it" ;;
	*.mail)
		[ -f "$TEXTS/$patch" ] || die "there is no series/$patch"
		[ -n "$(files_of "$patch")" ] || die "$patch brings no files" ;;
	*)
		die "series/stacks: $patch is neither a patch nor a mail" ;;
	esac
}

bring_files()
{
	local patch=$1 file

	while read -r file; do
		mkdir -p "$WORK/git/$(dirname "$file")"
		cp -p "$ROOT/$file" "$WORK/git/$file"
	done < <(files_of "$patch")
}

commit_patch()
{
	local patch=$1

	apply_patch "$patch"
	bring_files "$patch"
	{ printf '%s\n' "$(header "$patch" Subject)"; body "$patch"; } >"$WORK/message"
	AUTHOR_NAME=$(author_name "$patch") AUTHOR_EMAIL=$(author_email "$patch") \
		commit -F "$WORK/message"
}

# A stack stands on what it needs, merged, so that it shows what it is by itself.
begin_stack()
{
	local stack=$1 need
	shift

	in_git checkout -q -b "$stack" base
	for need in "$@"; do
		in_git -c user.name=lab -c user.email=lab@example.org merge -q --no-edit "$need" >&2 ||
			die "stacks $stack and $need do not go together"
	done
	in_git branch -q -f "$stack.base"
}

cover()
{
	local file=$TEXTS/$1.cover

	[ -f "$file" ] || die "stack $1 has no cover letter ($file)"
	sed '/^#/d' "$file" | narrow
}

# Numbered patches, and the cover letter with the list and sum of changes.
mail()
{
	local stack=$1 dir=$2 first=$3

	in_git config "branch.$stack.description" "$(cover "$stack")"
	in_git -c user.name="$(author_name "$first")" -c user.email="$(author_email "$first")" \
		format-patch -q --zero-commit \
		--signature="Linux $LINUX_VERSION" --cover-letter \
		--cover-from-description=subject -o "$dir" "$stack.base..$stack"
}

make_stack()
{
	local number=$1 stack=$2 patch
	shift 2

	begin_stack "$stack" "$@"
	while read -r patch; do
		commit_patch "$patch"
	done < <(patches_of "$stack")
	mail "$stack" "$WORK/$number-$stack" "$(patches_of "$stack" | sed -n 1p)"
}

sum_up()
{
	local stack

	in_git checkout -q -b all base
	while read -r stack _; do
		in_git -c user.name=lab -c user.email=lab@example.org merge -q --no-edit "$stack" >&2 ||
			die "stack $stack does not go with those before it"
	done < <(stacks)
}

make_series()
{
	local base=$1 number=0 stack needs

	sweep "$BUILD"
	GIT_AUTHOR_DATE=$(git -C "$ROOT" log -1 --format=%cI)
	GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE
	WORK=$(scratch "$BUILD")
	assign
	begin_history "$base"
	while read -r stack needs; do
		number=$((number + 1))
		# shellcheck disable=SC2086
		make_stack "$number" "$stack" $needs
		log "stack $stack: $(patches_of "$stack" | wc -l) patches"
	done < <(stacks)
	sum_up
	rm -f "$WORK"/{overlay,patches,named,series,files,message}
	publish "$WORK" "$BUILD/series"
	printf '%s\n' "$BUILD/series"
}

main()
{
	local base

	need git
	if [ "${1:-}" = stacks ]; then
		stacks
		return
	fi
	base=$("$LAB/fetch.sh" linux)
	LINUX_VERSION=$(make -s -C "$base" kernelversion)
	mkdir -p "$BUILD"
	locked series make_series "$base"
}

main "$@"
