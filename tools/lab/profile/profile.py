#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Instructions per page and function, from two runs of different size.

    profile.py SYSTEM_MAP SMALL LARGE PAGES OUTPUT

SMALL and LARGE are folders of runs that differ only in the amount of data, PAGES
is by how many pages: what is subtracted away is booting, setting up and ending.
Each holds "blocks" (of the plugin) and "symbols" (of modules, as in kallsyms).
Writes OUTPUT.txt (a table), OUTPUT.json and OUTPUT.svg (a treemap: areas are
instructions per page), and prints the table.
"""
import bisect
import collections
import json
import sys

KERNEL = 0xffff800000000000
SHOWN = 40


class Symbols:
    def __init__(self, system_map, modules):
        table = {}
        for path in (system_map, modules):
            with open(path, encoding="ascii") as file:
                for line in file:
                    fields = line.split()
                    if len(fields) >= 3 and fields[1] in "tTwW":
                        table.setdefault(int(fields[0], 16), fields[2])
        self.addresses = sorted(table)
        self.names = [table[address] for address in self.addresses]

    def find(self, address):
        if address < KERNEL:
            return "(user space)"
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.names[at] if at >= 0 else "(unknown)"


def count(folder, system_map):
    symbols = Symbols(system_map, f"{folder}/symbols")
    counts = collections.Counter()
    with open(f"{folder}/blocks", encoding="ascii") as file:
        for line in file:
            start, insns, executions = line.split()
            counts[symbols.find(int(start, 16))] += int(insns) * int(executions)
    if not counts:
        sys.exit(f"profile.py: {folder}/blocks is empty")
    return counts


def per_page(small, large, pages):
    result = {name: (large[name] - small.get(name, 0)) / pages for name in large}
    return dict(sorted(result.items(), key=lambda item: -abs(item[1])))


def write_table(rows, path):
    total = sum(rows.values())
    kernel = total - rows.get("(user space)", 0)
    with open(path, "w", encoding="ascii") as file:
        print(f"{'instructions/page':>18} {'share':>7}  function", file=file)
        for name, value in list(rows.items())[:SHOWN]:
            print(f"{value:18.1f} {value / total:7.1%}  {name}", file=file)
        print(f"{kernel:18.1f} {kernel / total:7.1%}  (kernel, all functions)", file=file)
        print(f"{total:18.1f} {1:7.1%}  (everything)", file=file)


def layout(items, x, y, width, height):
    """Slices the rectangle in halves of about equal weight, the longer side first."""
    if len(items) == 1:
        yield items[0], x, y, width, height
        return
    total, part, split = sum(value for _, value in items), 0, 0
    while split < len(items) - 1 and (part == 0 or part + items[split][1] <= total / 2):
        part += items[split][1]
        split += 1
    share = part / total
    if width >= height:
        yield from layout(items[:split], x, y, width * share, height)
        yield from layout(items[split:], x + width * share, y, width * (1 - share), height)
    else:
        yield from layout(items[:split], x, y, width, height * share)
        yield from layout(items[split:], x, y + height * share, width, height * (1 - share))


def write_treemap(rows, path, width=1200, height=700):
    total = sum(value for value in rows.values() if value > 0)
    items = [(name, value) for name, value in rows.items() if value > total / 500]
    with open(path, "w", encoding="ascii") as file:
        print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
              ' font-family="sans-serif" font-size="11">', file=file)
        for (name, value), x, y, w, h in layout(items, 0, 0, width, height):
            hue = sum(name.encode()) % 360
            print(f'<g><title>{name}: {value:.1f} instructions per page</title>'
                  f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"'
                  f' fill="hsl({hue},45%,75%)" stroke="white"/>', file=file)
            if w > 6.2 * len(name) and h > 26:
                print(f'<text x="{x + 3:.1f}" y="{y + 13:.1f}">{name}</text>'
                      f'<text x="{x + 3:.1f}" y="{y + 25:.1f}">{value:.0f}</text>', file=file)
            print("</g>", file=file)
        print("</svg>", file=file)


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    system_map, small, large, pages, output = sys.argv[1:]
    rows = per_page(count(small, system_map), count(large, system_map), int(pages))
    write_table(rows, f"{output}.txt")
    write_treemap(rows, f"{output}.svg")
    with open(f"{output}.json", "w", encoding="ascii") as file:
        json.dump(rows, file, indent=1)
    print(open(f"{output}.txt", encoding="ascii").read(), end="")


if __name__ == "__main__":
    main()
