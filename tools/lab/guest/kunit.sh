#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Loads a module with KUnit suites and prints their results as one flat list of
# KTAP: each test case is a result; those of its parameters are comments.
#
#   kunit.sh MODULE [PARAMETER=VALUE...]

set -e

# shellcheck source=tools/lab/guest/ktap.sh
. "${0%/*}/ktap.sh"

modprobe kunit
dmesg -c >/dev/null
modprobe "$@"
dmesg | ktap_of_kunit
