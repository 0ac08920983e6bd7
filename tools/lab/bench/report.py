# SPDX-License-Identifier: GPL-2.0
"""The dated folder: report.md for people, report.json for programs, pictures."""
import json
import pathlib
import time

import clock
import figures
import pages
import plan
import plots

MODELLED = """\
One vCPU under QEMU's TCG with `-icount`: an instruction is a virtual nanosecond, and
**every figure in ns is modelled**: the CPU has no caches and no pipeline, the devices'
times are properties of a model that were fitted to published rows. Instruction counts
are exact. Each run was done twice, and both agreed to the last instruction."""

PUBLISHED = """\
| published (real hardware, not ours) | ratio | page-out | page-in |
| --- | ---: | ---: | ---: |
| lzo-rle | 1.70 | 9,320 | 4,469 |
| lz4 | 1.67 | 9,148 | 3,441 |
| zstd | 2.27 | 25,158 | 10,970 |
| deflate-iaa, one page at a time | 1.89 | 5,448 | 2,472 |
| deflate-iaa-dynamic, one page at a time | 2.24 | 8,842 | 2,468 |
| deflate-iaa, batches | 1.89 | 2,548 | 2,556 |
| deflate-iaa-dynamic, batches | 2.24 | 2,905 | 2,514 |

ns per page, one thread, madvise(MADV_PAGEOUT), Granite Rapids class server (Intel's
memory-usage-analyzer). The series of November 2025 (v13), usemem with 30 processes on
Sapphire Rapids: total throughput of deflate-iaa +62 % with 64 kB folios and +67 % with
2 MB, sys time −29 % and −23 %; zstd +0.3 % and +0.1 %, −5 % and −8 %; a kernel build:
−3.5 % real and −6 % sys time with deflate-iaa, −3.4 % and −1.8 % with zstd."""


def number(value):
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def ratio(row):
    if row.ratio is None or row.by == "ours":
        return ""
    return f"{row.ratio:+,.0f}" if row.by == "difference" else f"{row.ratio:.4f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |",
             "| " + " | ".join("---" if i == 0 else "---:" for i in range(len(header))) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def verdict(row):
    return "" if row.met is None else "yes" if row.met else "**no**"


def figure_section(rows, data):
    def cell(value, row):
        text = number(value)
        if row.virtual and value is not None:
            text += f" ({number(data.clock.real(value))})"
        return text

    header = ("", "figure", "unit", "base", "ours", "ratio", "goal", "met")
    body = [(row.figure, row.what, row.unit, cell(row.base, row), cell(row.ours, row),
             ratio(row), row.goal, verdict(row)) for row in rows]
    judged = [row for row in rows if row.met is not None]
    return ("## Figures\n\nIn parentheses: modelled as real nanoseconds (virtual ÷ "
            f"{data.clock.factor}).\nThe ratio is ours ÷ base, or base ÷ ours where the goal says "
            f"faster.\n\n{table(header, body)}\n"
            f"{sum(row.met for row in judged)} of {len(judged)} goals met.\n")


def clock_section(data):
    found = data.clock
    rows = [(what, number(published), number(here), f"{here / published - 1:+.1%}",
             "" if used else "yes" if abs(here / published - 1) <= 0.15 else "**no**")
            for what, published, here, used in figures.check(data)]
    return (f"""## The clock, and its check

The CPU's work on a page, base with 4 kB folios and a device that takes no time:
C = {found.work:,.0f} instructions. The published rows of deflate-iaa, one page at a time and
in batches of eight, give C = {clock.WORK:,.0f} ns and L = {clock.LATENCY:,.0f} ns, the row of
dynamic mode {clock.DYNAMIC_LATENCY:,.0f} ns. So a real nanosecond is {found.factor} virtual ones, and
the devices have: `{clock.write(found.properties())}`.

""" + table(("page-out and page-in, real ns or ratio", "published", "here", "difference", "within 15 %"),
            rows) + "\nA miss is reported, not tuned away.\n")


def times_section(data):
    """Whole page-out and page-in in modelled ns, like the published table."""
    rows = []
    for name in plan.SOFTWARE + (plan.IAA, plan.DYNAMIC):
        for folio in plan.FOLIOS:
            found = [data.get(kernel, "times", plan.pageout(name, folio)) for kernel in plan.KERNELS]
            if found[1] is None:
                continue
            first = found[0]
            held = found[1].number("zswapped") / found[1].number("zswap")
            cells = [number(data.clock.real(value(reading))) if reading else "–"
                     for value in (figures.out_time, figures.in_time) for reading in found]
            change = number(figures.out_time(found[1]) / figures.out_time(first)) if first else ""
            rows.append((f"{name}, {figures.folio_name(folio)}", f"{held:.2f}", *cells, change))
    if not rows:
        return ""
    return ("## Page-out and page-in (modelled as real ns per page)\n\n" +
            table(("compressor, folio", "ratio", "out, base", "out, ours", "in, base", "in, ours",
                   "out, ours ÷ base"), rows) + "\n" + PUBLISHED + "\n")


def function_section(data):
    word = plan.pageout(plan.IAA, 64)
    found = [data.get(kernel, "cost", word) for kernel in plan.KERNELS]
    if None in found:
        return ""
    base, ours = (figures.own_functions(reading) for reading in found)
    names = sorted(set(base) | set(ours), key=lambda name: -max(base.get(name, 0), ours.get(name, 0)))
    rows = [(name + (" (copies)" if figures.is_copy(name) else ""),
             number(base.get(name, 0)), number(ours.get(name, 0)))
            for name in names[:40]]
    rows.append(("all", number(sum(base.values())), number(sum(ours.values()))))
    return ("## Where a stored page's instructions go (deflate-iaa, 64 kB, without the "
            "compressor)\n\n" + table(("function", "base", "ours"), rows))


def store_rows(data, kernel, run):
    cells = []
    for folio in plan.LARGE:
        reading = data.get(kernel, run, plan.pageout(plan.IAA, folio))
        cells.append(figures.store_time(reading) if reading else None)
    return cells


def machine_section(data, title, first, runs, note):
    rows = []
    for what, run in runs:
        base, ours = (store_rows(data, kernel, run) for kernel in plan.KERNELS)
        if None in base + ours:
            continue
        rows.append((what, *(number(value) for pair in zip(base, ours) for value in pair),
                     *(number(old / new) for old, new in zip(base, ours))))
    if len(rows) < 2:
        return ""
    header = (first, "64 kB base", "64 kB ours", "2 MB base", "2 MB ours",
              "64 kB base ÷ ours", "2 MB base ÷ ours")
    return f"## {title}\n\n{note}\n\n{table(header, rows)}"


def batch_section(data):
    rows = []
    for batch in plan.BATCHES:
        cells = []
        for mode in (plan.IAA, plan.DYNAMIC):
            reading = data.get("ours", "batches", f"{plan.pageout(mode, 64)}:{batch}")
            cells.append(number(figures.store_time(reading)) if reading else "–")
        rows.append((str(batch), *cells))
    if all(cells[1:] == ("–", "–") for cells in rows):
        return ""
    return ("## Windows of other sizes (ours, 64 kB folios, 4 devices)\n\nVirtual ns per page in "
            "zswap_store().\n\n" + table(("pages in a window", "fixed", "dynamic"), rows))


def field_section(data):
    rows = []
    for (name, folio), word in plan.USEMEM.items():
        base, ours = (data.get(kernel, "field", word) for kernel in plan.KERNELS)
        if base is None or ours is None:
            continue
        for key, what in (("throughput", "total throughput, KB/s"), ("system_us", "sys time, us"),
                          ("zswpout", "pages stored"), ("zswpin", "pages loaded")):
            rows.append((f"usemem, {name}, {figures.folio_name(folio)}: {what}",
                         *number_pair(base, ours, key)))
    for name, word in plan.COMPILE.items():
        base, ours = (data.get(kernel, "field", word) for kernel in plan.KERNELS)
        if base is None or ours is None:
            continue
        for key, what in (("real_s", "real time, s"), ("system_us", "sys time, us"),
                          ("zswpout", "pages stored"), ("zswpin", "pages loaded")):
            rows.append((f"compiler, {name}: {what}", *number_pair(base, ours, key)))
    if not rows:
        return ""
    return ("## Workloads (virtual time, one vCPU)\n\nusemem: 4 processes, 64 MiB in a cgroup of "
            "48 MiB. Compiler: Debian's cc1, four at\nonce, in a cgroup of 40 MiB.\n\n" +
            table(("work", "base", "ours", "ours ÷ base"), rows))


def data_section(environment):
    """Packages of Debian change: what is not as recorded is named, and ratios still gate."""
    found = pages.packages(environment)
    text = "## The data\n\n"
    text += table(("kind", "pages", "entropy, bits/byte", "zlib -6"),
                  pages.kind_rows(environment["BENCH_CORPUS"]))
    text += "\n" + table(("package", "sha256"), ((name, f"`{key[:16]}`") for name, key in found.items()))
    changed = list(pages.changes(found))
    text += "\nSince the ratios were recorded: " + ("; ".join(changed) or "the same packages") + ".\n"
    return text


def number_pair(base, ours, key):
    old, new = (float(reading.row[key]) for reading in (base, ours))
    return number(old), number(new), number(new / old) if old else ""


SENSITIVITY = (("calibrated latencies − 25 %", "latency-75"), ("calibrated", "store"),
               ("calibrated latencies + 25 %", "latency-125"))
DEVICE_RUNS = tuple((str(devices), "store" if devices == 4 else f"devices-{devices}")
                    for devices in plan.DEVICES)


def markdown(data, rows, environment):
    kernels = ", ".join(f"{kernel} {pathlib.Path(environment['BENCH_' + kernel.upper()], 'release').read_text().strip()}"
                        f" ({pathlib.Path(environment['BENCH_' + kernel.upper()]).name})"
                        for kernel in plan.KERNELS)
    sections = [
        f"# Benchmark of {time.strftime('%Y-%m-%d %H:%M')}\n\nKernels: {kernels}; "
        f"sources: {environment['BENCH_VERSION']}; data: {environment['BENCH_DATA']}.\n\n{MODELLED}\n",
        figure_section(rows, data),
        clock_section(data),
        times_section(data),
        function_section(data),
        machine_section(data, "Number of devices", "devices", DEVICE_RUNS,
                        "deflate-iaa, virtual ns per page in zswap_store()."),
        batch_section(data),
        machine_section(data, "Sensitivity", "devices' times", SENSITIVITY,
                        "Virtual ns per page in zswap_store(): how much hangs on the calibration."),
        field_section(data),
        data_section(environment),
    ]
    return "\n".join(section for section in sections if section)


def readable(reading):
    return {"row": reading.row,
            "paths": {name: {key: getattr(path, key) for key in
                             ("entries", "insns", "low", "high", "portal_entries", "portal_insns",
                              "after_insns", "amount")} for name, path in reading.paths.items()}}


def write(data, rows, environment):
    folder = pathlib.Path(environment["BENCH_RESULTS"])
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(data, rows, environment)
    record = {"clock": {"work": data.clock.work, "factor": data.clock.factor,
                        "properties": data.clock.properties()},
              "figures": [row.record() for row in rows],
              "check": figures.check(data),
              "runs": {path: {word: readable(reading) for word, reading in run.items()}
                       for path, run in data.results.items()}}
    (folder / "report.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    pictures = plots.draw(data, folder)
    if pictures:
        text += "\n## Pictures\n\n" + "\n".join(f"![{title}]({name}.svg)" for name, title in pictures) + "\n"
    (folder / "report.md").write_text(text, encoding="utf-8")
    return folder
