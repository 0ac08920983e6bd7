# SPDX-License-Identifier: GPL-2.0
"""The figures: from what was read to rows of base, ours, ratio and goal."""
import dataclasses

import clock as clocks
import machine
import plan

# Scopes below zswap_store() that are not zswap's own work.
NOT_OWN = {"compressor", "wait", "interrupt"}


@dataclasses.dataclass
class Row:
    figure: str
    what: str
    unit: str
    base: float | None
    ours: float | None
    goal: str = ""
    limit: float | None = None      # of the ratio, or of ours if there is no ratio
    smaller: bool = True            # whether the limit is an upper one
    by: str = "ours/base"           # or base/ours, difference, ours
    virtual: bool = False           # virtual ns: shown in real ones beside

    @property
    def ratio(self):
        if self.by == "ours":
            return self.ours
        if self.base is None or self.ours is None:
            return None
        if self.by == "difference":
            return self.ours - self.base
        if self.by == "base/ours":
            return self.base / self.ours
        return self.ours / self.base if self.base else None

    @property
    def met(self):
        if self.limit is None or self.ratio is None:
            return None
        # What is compared has four digits in the report.
        value = round(self.ratio, 4)
        return value <= self.limit if self.smaller else value >= self.limit

    def record(self):
        return {**dataclasses.asdict(self), "ratio": self.ratio, "met": self.met}


class Data:
    """All readings: data.of(kernel, run)[measurement]."""

    def __init__(self, results, clock):
        self.results, self.clock = results, clock

    def of(self, kernel, run):
        return self.results.get(f"{kernel}/{run}", {})

    def get(self, kernel, run, measurement):
        return self.of(kernel, run).get(measurement)

    def both(self, run, measurement, value):
        """A value of base and of ours; None where nothing was measured."""
        found = (self.get(kernel, run, measurement) for kernel in plan.KERNELS)
        return [None if reading is None else value(reading) for reading in found]


def is_copy(function):
    return any(function.lstrip("_").startswith(name) for name in machine.COPIES)


def store_time(reading):
    """Virtual ns in zswap_store() for each page it stored."""
    return reading.paths["store"].insns / reading.stored


def refusals(reading):
    """Folios of which nothing was stored; each must have been tried, and once."""
    tried = reading.paths["store"].entries
    folios = reading.pages * 4 // reading.number("folio_kb")
    if tried != folios or reading.stored:
        raise machine.Failed(f"of {folios} folios that are to be refused, zswap_store() was "
                             f"called for {tried}, and stored {reading.stored} pages")
    return folios


def refusal_time(reading):
    """Virtual ns in zswap_store() for each folio that it refused."""
    return reading.paths["store"].insns / refusals(reading)


def refusal_work(reading):
    """Its instructions, with those of the compressor."""
    insns = sum(sum(path.functions.values()) for name, path in reading.paths.items()
                if name.split("/")[0] == "store" and "interrupt" not in name.split("/"))
    return insns / refusals(reading)


def refused_out_time(reading):
    return reading.number("out_ns") / refusals(reading)


def out_time(reading):
    return reading.number("out_ns") / reading.pages


def in_time(reading):
    return reading.number("in_ns") / reading.pages


def own_functions(reading):
    """Instructions of zswap's own in zswap_store() by function, for each page."""
    sums = {}
    paths = {name: path for name, path in reading.paths.items() if name.split("/")[0] == "store"}
    if not any("compressor" in name for name in paths):
        raise machine.Failed("the compressor was not seen below zswap_store()")
    for name, path in paths.items():
        if NOT_OWN & set(name.split("/")):
            continue
        for function, insns in path.functions.items():
            sums[function] = sums.get(function, 0) + insns / reading.stored
    return sums


def own_work(reading):
    return sum(own_functions(reading).values())


def own_work_but_copies(reading):
    return sum(insns for name, insns in own_functions(reading).items() if not is_copy(name))


def total(reading, top, kind):
    """Instructions in scopes of a kind right below another, interrupts apart."""
    insns = 0
    for name, path in reading.paths.items():
        parts = name.split("/")
        if parts[0] == top and kind in parts and "interrupt" not in parts:
            insns += sum(path.functions.values())
    return insns


def driver_work(top):
    """Of each page: the call of the compression core with all below, and the wait."""
    def value(reading):
        pages = reading.stored if top == "store" else calls(reading, top)
        both = total(reading, top, "call") + total(reading, top, "wait")
        return both / pages
    return value


def calls(reading, top):
    return sum(path.entries for name, path in reading.paths.items() if name == f"{top}/call")


def until_portal(reading):
    """Of each page: from the call to the (last) write to the portal."""
    path = reading.paths["store/call"]
    return path.portal_insns / reading.stored if path.portal_entries else None


def after_portal(reading):
    work = until_portal(reading)
    return None if work is None else driver_work("store")(reading) - work


def wait_share(data, kernel, measurement):
    """The part of zswap_store() that is gone when the device takes no time."""
    slow, free = (data.get(kernel, run, measurement) for run in ("store", "cost"))
    if slow is None or free is None:
        return None
    return 1 - store_time(free) / store_time(slow)


def folio_name(folio):
    return f"{folio} kB" if folio < 1024 else f"{folio // 1024} MB"


def figure_p1(data):
    for folio in plan.LARGE:
        word = plan.pageout(plan.IAA, folio)
        base, ours = data.both("store", word, store_time)
        yield Row("P1", f"zswap_store(), deflate-iaa, {folio_name(folio)}, 4 devices", "ns/page",
                  base, ours, "≥ 5 × faster", 5, smaller=False, by="base/ours", virtual=True)
        limit = 0.25 if folio == 64 else 0.02
        yield Row("P1", f"share of that time spent waiting, {folio_name(folio)}", "",
                  *(wait_share(data, kernel, word) for kernel in plan.KERNELS),
                  f"ours ≤ {limit:.0%}", limit, by="ours")


    for folio in plan.LARGE:
        yield from kept_rows(data, folio)


def kept_rows(data, folio):
    """Where nothing is written back, zswap must be ready to refuse."""
    base, ours = data.both("refusal", plan.text(folio), store_time)
    if base is None or ours is None:
        return
    limit = 0.95 * base / ours
    yield Row("P1", f"zswap_store() in a cgroup without writeback, deflate-iaa, {folio_name(folio)}",
              "ns/page", *data.both("refusal", plan.kept(folio), store_time),
              f"≥ {limit:.3f} ×, 95 % of what it is with", limit, smaller=False, by="base/ours",
              virtual=True)


def figure_p2(data):
    word = plan.pageout(plan.DYNAMIC, 64)
    one, eight = (data.get("ours", "batches", f"{word}:{batch}") for batch in (1, 8))
    if one is None or eight is None:
        return
    one, eight = store_time(one), store_time(eight)
    yield Row("P2", "zswap_store(), deflate-iaa-dynamic, 64 kB: windows of 1 (as base), of 8 (as ours)",
              "ns/page", one, eight, "≥ 6 × faster", 6, smaller=False, by="base/ours", virtual=True)
    base = data.get("base", "store", plan.pageout(plan.IAA, 64))
    extra = data.clock.latency(dynamic=True) - data.clock.latency()
    if base is not None:
        yield Row("P2", "base in fixed mode; ours in dynamic mode, windows of 1", "ns/page",
                  store_time(base), one, f"difference ≤ {extra:.0f}, that of the latencies", extra,
                  by="difference", virtual=True)


def figure_p3(data):
    for name, folios in (("lz4", plan.FOLIOS), (plan.IAA, plan.FOLIOS)):
        for folio in folios:
            word = plan.pageout(name, folio)
            for what, value, limit in (("without copying", own_work_but_copies, 0.5),
                                       ("with copying", own_work, 0.6)):
                goal = folio > 4
                yield Row("P3", f"zswap_store() itself, {name}, {folio_name(folio)}, {what}",
                          "instr/page", *data.both("cost", word, value),
                          f"≤ {limit:.0%}" if goal else "", limit if goal else None)


def times_run(name):
    """Where page-out and page-in are timed: lz4 in the shortest of all runs."""
    return "cost" if name == "lz4" else "times"


def figure_p4(data):
    for name in plan.SOFTWARE:
        for folio in plan.FOLIOS:
            limit = 0.98 if (name, folio) == ("lz4", 64) else 1.0
            yield Row("P4", f"whole page-out, {name}, {folio_name(folio)}", "instr/page",
                      *data.both(times_run(name), plan.pageout(name, folio), out_time),
                      f"≤ {limit:.3f}", limit)


def figure_p5(data):
    for folio, what in ((4, "one page a request"), (64, "64 kB folios")):
        word = plan.pageout(plan.IAA, folio)
        goal = folio > 4
        for part, value in (("all", driver_work("store")), ("until the portal is written", until_portal),
                            ("after that", after_portal)):
            yield Row("P5", f"compression of a page, {what}: {part}", "instr/page",
                      *data.both("cost", word, value),
                      "≤ 50 %" if goal and part == "all" else "",
                      0.5 if goal and part == "all" else None)
    yield Row("P5", "decompression of a page: all", "instr/page",
              *data.both("cost", plan.pageout(plan.IAA, 4), driver_work("load")))


def figure_p6(data):
    for name in plan.SOFTWARE + (plan.IAA,):
        base, ours = data.both(times_run(name), plan.pageout(name, 4), in_time)
        row = Row("P6", f"page-in of a page, {name}", "instr/page", base, ours, "≤ 1.000", 1.0)
        if name == plan.DEFLATE and base is not None:
            row.goal, row.limit, row.by = "at most 300 more", 300, "difference"
        yield row
    lz4 = data.get("base", "cost", plan.pageout("lz4", 64))
    page = None
    if lz4 is not None:
        page = sum(path.insns for name, path in lz4.paths.items()
                   if name == "store/call/compressor") / lz4.stored
    for key, what in (("fault_p50_ns", "median"), ("fault_p90_ns", "9 of 10 below"),
                      ("fault_max_ns", "longest")):
        base, ours = data.both("faults", plan.FAULTS, lambda reading, k=key: reading.number(k))
        yield Row("P6", f"fault while a 2 MB folio is stored (lz4), {what}", "ns", base, ours,
                  "at most a page's compression more", page, by="difference", virtual=True)


def memory(reading):
    """Bytes that choosing a compressor took for the one CPU: its context, and what that has."""
    return sum(path.amount for name, path in reading.paths.items()
               if name in ("create/percpu", "create/prepare/alloc", "create/prepare/percpu"))


def figure_p7(data):
    for name in plan.SOFTWARE + (plan.IAA, plan.DYNAMIC):
        base, ours = data.both("memory", f"select:{name}", memory)
        if name in plan.SOFTWARE:
            yield Row("P7", f"memory of a CPU and pool, {name}", "bytes", base, ours, "≤ 1.000", 1.0)
        else:
            yield Row("P7", f"memory of a CPU and pool, {name}", "bytes", base, ours)


def figure_p9(data):
    for name in plan.REFUSED:
        for folio in plan.FOLIOS:
            yield from refusal_rows(data, name, folio)


def refusal_rows(data, name, folio):
    what = f"of a refused folio, {name}, {folio_name(folio)}"
    word = plan.refused(name, folio)
    # A request of one unit costs more than one without units, as P5 shows.
    one_unit = (name, folio) == (plan.IAA, 4)
    limit = 1.1 if one_unit else 1.0
    goal = f"≤ {limit:.2f}"
    yield Row("P9", f"zswap_store() {what}", "instr/folio",
              *data.both("refusal-cost", word, refusal_work), *(() if one_unit else (goal, limit)))
    if name == "lz4":
        yield Row("P9", f"whole page-out {what}", "instr/folio",
                  *data.both("refusal-cost", word, refused_out_time), goal, limit)
    if name == plan.IAA:
        for part, value in (("zswap_store()", refusal_time), ("whole page-out", refused_out_time)):
            yield Row("P9", f"{part} {what}, 4 devices", "ns/folio",
                      *data.both("refusal", word, value), goal, limit, virtual=True)


ALL = {"P1": figure_p1, "P2": figure_p2, "P3": figure_p3, "P4": figure_p4, "P5": figure_p5,
       "P6": figure_p6, "P7": figure_p7, "P9": figure_p9}


def rows(data, names):
    """Those of some figures; "gate": of whatever was measured."""
    found = []
    for name in ALL if "gate" in names else names:
        if name in ALL:
            found += [row for row in ALL[name](data) if row.base is not None or row.ours is not None]
    return found


# Published, and what became of it here: the check of the clock.

def call_time(reading):
    """The compression of a page as its caller sees it: the call, and the wait."""
    insns = sum(path.insns for name, path in reading.paths.items()
                if name in ("store/call", "store/wait"))
    return insns / reading.stored


def check(data):
    """Rows (what, published, here) in real ns or as ratios; the first two were used."""
    def real(kernel, run, word, value):
        reading = data.get(kernel, run, word)
        return None if reading is None else data.clock.real(value(reading))

    def page_time(kernel, run, word):
        zeroes = data.get(kernel, "cost", plan.ZEROES)
        reading = data.get(kernel, run, word)
        if zeroes is None or reading is None:
            return None
        return data.clock.real(clocks.work_of_page(reading, zeroes))

    iaa, dynamic = (lambda folio: plan.pageout(plan.IAA, folio)), plan.pageout(plan.DYNAMIC, 64)
    one = real("base", "store", iaa(64), call_time)
    # 32 kB is one window: nothing is stored while it is compressed.
    four = real("ours", "store", iaa(32), call_time)
    alone = real("ours", "devices-1", iaa(32), call_time)
    rows_ = [
        ("page-out, fixed, one at a time (used)", clocks.ONE_AT_A_TIME,
         page_time("base", "store", iaa(4)), True),
        ("page-out, fixed, batches (used)", clocks.IN_BATCHES, page_time("ours", "store", iaa(64)), True),
        ("page-out, dynamic, one at a time (used)", clocks.DYNAMIC_ONE_AT_A_TIME,
         page_time("ours", "store", plan.pageout(plan.DYNAMIC, 4)), True),
        ("page-out, dynamic, batches", 2905, page_time("ours", "store", dynamic), False),
        ("page-in, fixed", 2472, page_in_time(data, iaa(4)), False),
        ("compression: batch on one device ÷ one at a time", 1356 / 3503,
         alone / one if alone and one else None, False),
        ("compression: batch on four devices ÷ one at a time", 706 / 3503,
         four / one if four and one else None, False),
    ]
    return [row for row in rows_ if row[2] is not None]


def page_in_time(data, word):
    reading = data.get("base", "store", word)
    return None if reading is None else data.clock.real(in_time(reading))
