# SPDX-License-Identifier: GPL-2.0
#
# The lab's commands; each is a script in tools/lab/. `make help` lists them.
# (Linux's own Makefile is never replaced by this one: see DEVELOPERS.md.)

LAB := tools/lab
# Variables of the command line reach the scripts through the environment.
export

.DEFAULT_GOAL := help
.PHONY: help host run check bench soak shell kunit tree refresh kernel qemu profile \
	series deb menuconfig clean distclean

help:
	@sed -n 's/^#: \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

#: The IAA lab: zswap and the Intel IAA driver, built and run on an emulated IAA.
#:
#: Main commands
#:   make run         swap real pages through zswap and the emulated IAA, compare
#:                    every byte, print a table          (a minute; first time ~10)
#:   make check       all tests; the last line says "N passed, N failed"
#:   make bench       exact figures of base and ours, a report with pictures in
#:                    results/                      (20 minutes; repeats what
#:                    changed only)
#:   make soak        the tests that take hours: fuzzing and storms (MINUTES= each,
#:                    [30]), a million pages through the model's coder (PART=coder,
#:                    faults, fuzzers or storms)
#:   make shell       a prompt in the guest: programs in /lab, this folder in /repo
#:
#: Variables of make run                       (defaults in brackets)
#:   KERNEL=          ours, or base: Linux as Debian ships it, no patch   [ours]
#:   COMPRESSOR=      deflate-iaa, lzo, lz4, zstd, deflate, ...   ["deflate-iaa lzo"]
#:   MTHP=            folio sizes in kB                            ["4 64 2048"]
#:   SIZE=            data to swap, 8M to 1G                              [32M]
#:   MTTCG=1          a host thread per CPU: real concurrency, no times     [0]
#:   LAB_...=         any symbol of Kconfig, for example LAB_IAA_PER_PACKAGE=4
#: Variables of make bench
#:   FIGURE=          P1 to P7, P9, check, sensitivity, devices, batches, field; or
#:                    gate: what plain make check compares                  [all]
#:   RECORD=1         and make check will compare with these figures
#: Variables of make check
#:   TEST=            one group: lab, device, acomp, iaa, zswap, gate, series,
#:                    deb; or faults, bench: plain make check leaves these two out
#:   SEED=            repeats the decisions of the storm in faults  [a new one]
#:   FLAVOUR=         guests with the kernel lab or debug    [lab; for faults debug]
#:   FULL=1           with TEST=series: every patch by itself        [0]
#:
#: Working on it
#:   make kunit       one module's KUnit suites: SUITE=acompress_units_kunit, ...; in
#:                    User-Mode Linux if they need no device, else in a guest
#:   make tree        build/linux = pristine tree + patches/ + our own files
#:   make refresh     bring edits of patched files in build/ back into patches/
#:                    (PATCH=name.patch: also edits of files no patch has yet;
#:                    TREE=qemu: those of build/qemu into tools/qemu/patches/)
#:   make kernel      build the kernel only       (KERNEL=, FLAVOUR=lab or debug)
#:   make qemu        build the emulator only
#:   make profile     instructions per page and function, exact: a table and a
#:                    treemap in results/  (KERNEL=, WORKLOAD="pageout lzo 64")
#:   make series      the patches as they are mailed: build/series/, a folder with
#:                    a cover letter for each stack
#:   make deb         Debian packages for a server, in build/deb: the kernel, its
#:                    headers, the service iaa-zswap     (hours; CONFIG=reduced:
#:                    the lab's own small kernel, minutes)
#:   make menuconfig  the machine's shape: packages, CPUs, memory, devices
#:   make clean       remove build/; distclean: also what is cached outside
#:
#: Sources and caches
#:   LINUX=, QEMU_SRC=   source trees to take instead of Debian's
#:   LAB_CACHE=          where downloads and builds are kept, by content
#:                       [~/.cache/iaa-lab]

host:
	@$(LAB)/host.sh

run: host
	@$(LAB)/run.sh

check: host
	@$(LAB)/check.sh $(TEST)

bench: host
	@$(LAB)/bench.sh $(if $(RECORD),record,report) $(FIGURE)

soak: host
	@$(LAB)/soak.sh $(PART)

shell: host
	@$(LAB)/boot.sh -s -c wall -k $(or $(KERNEL),ours)

kunit: host
	@$(LAB)/kunit.sh $(SUITE)

tree: host
	@$(LAB)/kernel.sh tree

refresh: host
	@$(LAB)/tree.sh refresh $(or $(TREE),linux) $(PATCH)

kernel: host
	@$(LAB)/kernel.sh $(or $(KERNEL),ours) $(or $(FLAVOUR),lab)

qemu: host
	@$(LAB)/qemu.sh

profile: host
	@$(LAB)/profile.sh

series: host
	@$(LAB)/series.sh

deb: host
	@$(LAB)/host.sh deb
	@$(LAB)/deb.sh

menuconfig: host
	@kconfig-mconf Kconfig

clean:
	@$(LAB)/clean.sh build

distclean:
	@$(LAB)/clean.sh all
