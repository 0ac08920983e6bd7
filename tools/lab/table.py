#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the main job -> the table, and the verdict.

    table.py icount|wall

Reads the guest's output: "progress: TEXT", "row: KEY=VALUE ..." and a last line
"done". Nothing here knows how a number came about: one that is missing is an
error. Under the wall clock a time per page would mean nothing, so there is no
such column.
"""
import sys

MODELLED = "(times are modelled: virtual nanoseconds of the emulated machine, not hardware's)"
COLUMNS = (("work", -8), ("compressor", -20), ("folio kB", 8), ("pages", 8), ("ratio", 6),
           ("out ns/page", 12), ("in ns/page", 11), ("hw comp", 8), ("hw decomp", 9),
           ("sw calls", 8), ("errors", 6))
TIMES = {"out ns/page", "in ns/page"}


class Row(dict):
    """One measurement; a number that the guest did not report is a problem."""

    def __init__(self, text, problems):
        super().__init__(pair.split("=", 1) for pair in text.split() if "=" in pair)
        self.problems = problems

    def number(self, key):
        try:
            return int(self[key])
        except (KeyError, ValueError):
            self.problem(f"the guest reported no '{key}'")
            return 0

    def problem(self, text):
        where = f"{self.get('work')}, {self.get('compressor')}, {self.get('folio')} kB"
        self.problems.append(f"{where}: {text}")

    def is_pageout(self):
        return self.get("work") == "pageout"

    def pages(self):
        return self.number("pages" if self.is_pageout() else "zswpout")

    def ratio(self):
        compressed = self.number("zswap")
        return f"{self.number('zswapped') / compressed:.2f}" if compressed else "-"

    def per_page(self, key):
        pages = self.pages()
        return str(round(self.number(key) / pages)) if pages else "-"

    def cells(self):
        pageout = self.is_pageout()
        return {
            "work": self.get("work", "?"),
            "compressor": self.get("compressor", "?"),
            "folio kB": self.get("folio", "?"),
            "pages": self.pages(),
            "ratio": self.ratio() if pageout else "",
            "out ns/page": self.per_page("out_ns") if pageout else "",
            "in ns/page": self.per_page("in_ns") if pageout else "",
            "hw comp": self.number("hw_comp"),
            "hw decomp": self.number("hw_decomp"),
            "sw calls": self.number("sw_calls"),
            "errors": self.number("errors") + self.number("device_errors"),
        }

    def judge(self):
        """What must hold for every row, whatever the compressor."""
        pages, stored = self.pages(), self.number("zswpout")
        if self.number("errors") + self.number("device_errors"):
            self.problem("errors were reported")
        if self.number("disk"):
            self.problem(f"{self['disk']} pages went to the swap device instead of zswap")
        # Pages of zeroes are only marked: zswap never sees them.
        if not pages or stored + self.number("zero") < pages:
            self.problem(f"only {stored} of {pages} pages were stored in zswap")
        if "iaa" in self.get("compressor", ""):
            self.judge_hardware(stored)

    def judge_hardware(self, stored):
        if self.number("hw_comp") < stored or not self.number("hw_decomp"):
            self.problem("the hardware did not do the work")
        if self.number("sw_calls"):
            self.problem(f"{self['sw_calls']} calls fell back to software")


def line(cells, timed):
    return "  ".join(f"{cells[name]!s:{'<' if width < 0 else '>'}{abs(width)}}"
                     for name, width in COLUMNS if timed or name not in TIMES)


def show(row, timed, first):
    if first:
        if timed:
            print(MODELLED)
        print(line({name: name for name, _ in COLUMNS}, timed))
    print(line(row.cells(), timed), flush=True)


def main():
    timed = sys.argv[1] == "icount"
    problems, rows, done = [], 0, False
    for text in iter(sys.stdin.readline, ""):
        kind, _, rest = text.strip().partition(": ")
        if kind == "row":
            row = Row(rest, problems)
            show(row, timed, not rows)
            row.judge()
            rows += 1
        elif kind == "progress":
            print(f"  {rest}", file=sys.stderr, flush=True)
        elif kind == "done":
            done = True
        else:
            print(text.rstrip(), file=sys.stderr, flush=True)
    if not rows:
        problems.append("the guest measured nothing")
    if not done:
        problems.append("the guest did not finish")
    for problem in dict.fromkeys(problems):
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        sys.exit(1)
    print("every byte of every page came back as it was")


if __name__ == "__main__":
    main()
