#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Removes what the lab made: build/ only, or also the cache outside the tree.

# shellcheck source=tools/lab/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:-} in
build) rm -rf "$BUILD" ;;
all) rm -rf "$BUILD" "$CACHE" ;;
*) die "usage: clean.sh build | all" ;;
esac
