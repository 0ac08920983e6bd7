#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Installs the Debian packages that the lab builds with, if any is missing.
# On another distribution it says what is needed and goes on.
#
#   host.sh               what everything needs
#   host.sh documents     also what builds Linux's documentation
#   host.sh analysis      also what looks for bugs in sources
#   host.sh deb           also what builds and tests Debian packages

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

PACKAGES=(bc bison build-essential ca-certificates clang cpio curl
	  debian-archive-keyring dpkg-dev flex git gnuplot-nox kconfig-frontends-nox kmod
	  libattr1-dev libclang-rt-dev libelf-dev libglib2.0-dev libpixman-1-dev libssl-dev
	  ninja-build pkg-config python3 python3-venv quilt shellcheck xz-utils
	  zlib1g-dev)
DOCUMENTS=(python3-sphinx python3-yaml)
# Some of Linux's semantic patches are written in OCaml.
ANALYSIS=(coccinelle ocaml-nox sparse)
DEB=(debhelper lintian man-db mmdebstrap rsync systemd)

missing_packages()
{
	local package

	for package in "${PACKAGES[@]}"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

main()
{
	local -a missing

	case ${1:-} in
	documents) PACKAGES+=("${DOCUMENTS[@]}") ;;
	analysis) PACKAGES+=("${ANALYSIS[@]}") ;;
	deb) PACKAGES+=("${DEB[@]}") ;;
	esac
	if ! command -v apt-get >/dev/null; then
		log "not a Debian machine; the lab needs: ${PACKAGES[*]}"
		return
	fi
	mapfile -t missing < <(missing_packages)
	[ "${#missing[@]}" -gt 0 ] || return 0
	log "installing ${missing[*]}"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends \
		"${missing[@]}" >/dev/null
}

main "$@"
