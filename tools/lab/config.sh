# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Reads the lab's Kconfig values into LAB_* variables (sourced after lib.sh).
# The environment beats .config, .config beats the defaults; Kconfig itself says
# what is possible.

config_symbols() { sed -n 's/^config //p' "$ROOT/Kconfig"; }

# A value as Kconfig writes it: numbers and y bare, n as nothing, text in quotes.
config_line()
{
	case $2 in
	n) printf '# CONFIG_%s is not set\n' "$1" ;;
	y | [0-9]*) printf 'CONFIG_%s=%s\n' "$1" "$2" ;;
	*) printf 'CONFIG_%s="%s"\n' "$1" "$2" ;;
	esac
}

# Lines for the symbols that the environment sets.
config_overrides()
{
	local name

	for name in $(config_symbols); do
		[ -z "${!name+set}" ] || config_line "$name" "${!name}"
	done
}

# What Kconfig has changed or dropped was not possible.
check_overrides()
{
	local file=$1 line

	while read -r line; do
		grep -qxF -- "$line" "$file" ||
			die "${line#CONFIG_} is not possible; 'make menuconfig' shows what is"
	done < <(config_overrides)
}

load_config()
{
	local file line

	mkdir -p "$BUILD"
	need kconfig-conf
	file=$(mktemp "$BUILD/.config.XXXXXX")
	{
		[ ! -f "$ROOT/.config" ] || cat "$ROOT/.config"
		config_overrides
	} >"$file"
	(cd "$BUILD" && KCONFIG_CONFIG=$file kconfig-conf --olddefconfig "$ROOT/Kconfig" \
		>"$file.log" 2>&1) || die "Kconfig: $(cat "$file.log")"
	check_overrides "$file"
	while read -r line; do
		line=${line#CONFIG_}
		line=${line//\"/}
		printf -v "${line%%=*}" '%s' "${line#*=}"
	done < <(grep '^CONFIG_LAB_' "$file")
	rm -f "$file" "$file".*
}
