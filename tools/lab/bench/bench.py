#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Does the runs that the asked-for figures need, twice each, and reports.

    bench.py report|record|gate [FIGURE...]     called by bench.sh

record: what was found is what must be kept. gate: each run only once, no report,
and an error if a figure is worse than recorded. The figure "gate" is all that the
gate looks at if it is not told what.
"""
import concurrent.futures
import os
import sys
import time

import clock
import figures
import gate
import machine
import pages
import plan
import report

START = time.monotonic()


def log(text):
    seconds = int(time.monotonic() - START)
    print(f"{time.strftime('%H:%M:%S')}  [{seconds // 60:2}:{seconds % 60:02}] {text}",
          file=sys.stderr, flush=True)


class Bench:
    def __init__(self, where, jobs, wanted, repeats):
        self.machine, self.jobs, self.repeats = where, jobs, repeats
        self.results, self.done = {}, 0
        self.runs = plan.runs(wanted)

    def one(self, run, properties, repeat):
        result = self.machine.result(run, clock.write(properties), repeat)
        self.done += 1
        log(f"{self.done} of {self.repeats * len(self.runs)} runs: {run.path}, "
            f"{'once' if repeat == 1 else 'twice'}")
        return result

    def measure(self, runs, properties_of):
        """As many at once as there are CPUs; what is done twice must agree."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            pending = {run.path: [pool.submit(self.one, run, properties_of(run), repeat)
                                  for repeat in range(1, self.repeats + 1)] for run in runs}
            for path, futures in pending.items():
                first, *others = (future.result() for future in futures)
                for other in others:
                    if other != first:
                        raise machine.Failed(f"two runs of {path} differ: {difference(first, other)}")
                self.results[path] = machine.readings(first)

    def calibrate(self):
        costs = [run for run in self.runs if not run.latency]
        self.measure(costs, lambda run: clock.NOTHING)
        cost = self.results["base/cost"]
        return clock.calibrate(cost[plan.pageout(plan.IAA, 4)], cost[plan.ZEROES])

    def all(self):
        found = self.calibrate()
        log(f"{found.work:.0f} instructions a page: 1 ns is {found.factor} virtual ones")
        self.measure([run for run in self.runs if run.latency],
                     lambda run: found.properties(run.latency))
        return figures.Data(self.results, found)


def difference(first, second):
    for name, row in first["rows"].items():
        other = second["rows"].get(name, {})
        for key, value in row.items():
            if other.get(key) != value:
                return f"{name} {key}: {value} and {other.get(key)}"
    return "in the counts of instructions"


def wanted_figures(mode, names):
    known = [*plan.FIGURES, "gate"]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"bench: no figure {unknown[0]}; there are: {' '.join(known)}")
    return names or (["gate"] if mode == "gate" else list(plan.FIGURES))


def prepare(wanted, repeats):
    place = {name: os.environ[f"BENCH_{name.upper()}"] for name in
             ("plugin", "corpus", "compiler", "qemu", "work", "cache")}
    where = machine.Machine(
        images={kernel: os.environ[f"BENCH_{kernel.upper()}"] for kernel in plan.KERNELS},
        guests={kernel: os.environ[f"BENCH_GUEST_{kernel.upper()}"] for kernel in plan.KERNELS}, **place)
    return Bench(where, int(os.environ["JOBS"]), wanted, repeats)


def judge(rows):
    found = list(gate.complaints(rows))
    for complaint in found:
        print(f"worse: {complaint}")
    print(f"{len(rows)} figures, {len(found)} worse than recorded")
    return bool(found) or not rows


def main():
    mode, *names = sys.argv[1:]
    wanted = wanted_figures(mode, names)
    try:
        data = prepare(wanted, 1 if mode == "gate" else 2).all()
        # The gate takes what its few runs happen to have of other figures, too.
        rows = figures.rows(data, ["gate"] if mode == "gate" else wanted)
    except machine.Failed as problem:
        sys.exit(f"bench: {problem}")
    if mode == "gate":
        sys.exit(judge(rows))
    folder = report.write(data, rows, os.environ)
    log(f"the report: {folder}/report.md")
    if mode == "record":
        gate.record(rows)
        # Of a few figures, the others' ratios are still those of the packages of then.
        if not names:
            pages.record(os.environ)


if __name__ == "__main__":
    main()
