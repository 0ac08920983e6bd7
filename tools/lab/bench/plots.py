# SPDX-License-Identifier: GPL-2.0
"""Pictures of the readings, by gnuplot, each as SVG and PNG."""
import subprocess

import figures
import plan

SHOWN_FUNCTIONS = 16
TERMINALS = (("svg", "svg size 1000,560 font 'sans,12' background 'white'"),
             ("png", "pngcairo size 1000,560 font 'sans,10'"))
BARS = "set style data histograms\nset style fill solid 0.8 border -1\nset boxwidth 0.9\n" \
       "set xtics rotate by -25 noenhanced\nset grid ytics\nset yrange [0:*]\n"
# Compressors differ by a factor of hundreds.
LOGARITHMIC = "set yrange [500:*]\nset logscale y\nset key top left\n"
LINES = "set style data linespoints\nset grid\nset yrange [0:*]\nset key bottom left\n"


def quoted(cells):
    return " ".join('"' + str(cell) + '"' if isinstance(cell, str) else
                    "NaN" if cell is None else f"{cell:.4f}" for cell in cells)


def plot(folder, name, title, label, style, header, rows, extra=""):
    """One picture: rows of a name and a number for each column of the header."""
    (folder / f"{name}.dat").write_text(
        quoted(header) + "\n" + "".join(quoted(row) + "\n" for row in rows), encoding="utf-8")
    columns = ", ".join(f"'{name}.dat' using {i}:xtic(1) title columnheader({i}) linewidth 2"
                        for i in range(2, len(header) + 1))
    script = "".join(f"reset\nset terminal {terminal}\nset output '{name}.{kind}'\n"
                     f"set title '{title}'\nset ylabel '{label}'\n{style}{extra}plot {columns}\n"
                     for kind, terminal in TERMINALS)
    subprocess.run(["gnuplot"], input=script.encode(), cwd=folder, check=True)
    return name, title


def value(data, kernel, run, word, function):
    reading = data.get(kernel, run, word)
    return function(reading) if reading else None


def has_numbers(rows):
    return any(cell is not None for row in rows for cell in row[1:])


def page_outs(data):
    def real(reading):
        return data.clock.real(figures.out_time(reading))
    rows = [(name, *(value(data, kernel, "times", plan.pageout(name, folio), real)
                     for folio in plan.FOLIOS for kernel in plan.KERNELS))
            for name in plan.SOFTWARE + (plan.IAA, plan.DYNAMIC)]
    header = ("compressor", *(f"{kernel}, {figures.folio_name(folio)}"
                              for folio in plan.FOLIOS for kernel in plan.KERNELS))
    return rows, ("page-out", "Page-out by compressor and folio size", "modelled ns per page",
                  BARS, header, rows, LOGARITHMIC)


def functions(data):
    found = [data.get(kernel, "cost", plan.pageout(plan.IAA, 64)) for kernel in plan.KERNELS]
    if None in found:
        return [], None
    sums = [figures.own_functions(reading) for reading in found]
    names = sorted(set().union(*sums), key=lambda name: -max(each.get(name, 0) for each in sums))
    shown = names[:SHOWN_FUNCTIONS]
    rows = [(name, *(each.get(name, 0.0) for each in sums)) for name in shown]
    rows.append(("all others", *(sum(each.values()) - sum(each.get(name, 0) for name in shown)
                                 for each in sums)))
    return rows, ("functions", "Where a stored page goes through (64 kB, without the compressor)",
                  "instructions per page", BARS + "set bmargin 9\n", ("function", *plan.KERNELS), rows)


def batches(data):
    rows = [(str(batch), *(value(data, "ours", "batches", f"{plan.pageout(mode, 64)}:{batch}",
                                 figures.store_time) for mode in (plan.IAA, plan.DYNAMIC)))
            for batch in plan.BATCHES]
    return rows, ("batches", "zswap_store() by pages in a window (64 kB folios, 4 devices)",
                  "virtual ns per page", LINES, ("window", plan.IAA, plan.DYNAMIC), rows,
                  "set xlabel 'pages in a window'\n")


def run_of_devices(devices):
    return "store" if devices == 4 else f"devices-{devices}"


def devices(data):
    columns = [(kernel, folio) for kernel in plan.KERNELS for folio in (64, 2048)]
    rows = [(str(number), *(value(data, kernel, run_of_devices(number), plan.pageout(plan.IAA, folio),
                                  figures.store_time) for kernel, folio in columns))
            for number in plan.DEVICES]
    header = ("devices", *(f"{kernel}, {figures.folio_name(folio)}" for kernel, folio in columns))
    return rows, ("devices", "zswap_store() by number of devices (deflate-iaa)",
                  "virtual ns per page", LINES, header, rows, "set xlabel 'devices'\n")


def waits(data):
    rows = [(f"{mode}, {figures.folio_name(folio)}",
             *(figures.wait_share(data, kernel, plan.pageout(mode, folio)) for kernel in plan.KERNELS))
            for mode in (plan.IAA, plan.DYNAMIC) for folio in (64, 2048)]
    return rows, ("waits", "Share of zswap_store() spent waiting for the device", "share", BARS,
                  ("work", *plan.KERNELS), rows, "set yrange [0:1]\n")


def draw(data, folder):
    """Draws what there are readings for; names and titles of the pictures."""
    drawn = []
    for picture in (page_outs, functions, batches, devices, waits):
        rows, arguments = picture(data)
        if has_numbers(rows):
            drawn.append(plot(folder, *arguments))
    return drawn
