# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Reads the lab's Kconfig values into LAB_* variables (sourced after lib.sh).
# The environment beats .config, .config beats the defaults.

load_config()
{
	local file=$BUILD/lab.config name value

	mkdir -p "$BUILD"
	need kconfig-conf
	rm -f "$file"
	[ ! -f "$ROOT/.config" ] || cp "$ROOT/.config" "$file"
	(cd "$BUILD" && KCONFIG_CONFIG=$file kconfig-conf --olddefconfig "$ROOT/Kconfig" \
		>"$BUILD/kconfig.log" 2>&1) || die "Kconfig: $(cat "$BUILD/kconfig.log")"
	while IFS='=' read -r name value; do
		name=${name#CONFIG_}
		value=${value#\"}
		value=${value%\"}
		[ -n "${!name+set}" ] || printf -v "$name" '%s' "$value"
	done < <(grep '^CONFIG_LAB_' "$file")
}
