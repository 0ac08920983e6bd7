# SPDX-License-Identifier: GPL-2.0
"""Which runs there are, what each measures, and which figure needs which.

A run is one boot of one kernel with one set of device times; bench-job.sh in the
guest has the words of its measurements.
"""
import dataclasses

KERNELS = ("base", "ours")
# "deflate" alone would be the device's, which has the higher priority.
DEFLATE = "deflate-generic"
SOFTWARE = ("lzo", "lzo-rle", "lz4", "zstd", DEFLATE)
IAA = "deflate-iaa"
DYNAMIC = "deflate-iaa-dynamic"
REFUSED = ("lzo", "lzo-rle", "lz4", "zstd", IAA)
FOLIOS = (4, 64, 2048)
LARGE = FOLIOS[1:]
DEVICES = (1, 2, 4, 8)
BATCHES = (1, 2, 4, 8, 16, 32)

# MiB per measurement. Enough for ticks of the clock to even out; the slow
# compressors need less for that.
SIZE = {"zstd": 4, DEFLATE: 2}
DEFAULT_SIZE = 8


def pageout(compressor, folio):
    return f"pageout:{compressor}:{folio}:{SIZE.get(compressor, DEFAULT_SIZE)}"


def text(folio):
    return f"text:{IAA}:{folio}:{DEFAULT_SIZE}"


def kept(folio):
    """The same, in a cgroup whose pages are not written to the swap device."""
    return f"{text(folio)}:kept"


# Enough folios of each size, as a refused one takes as long as the first page that
# does not shrink; of the largest, the rest of the time is for each of its pages.
REFUSED_SIZE = {4: 2, 64: 8, 2048: 32}


def refused(compressor, folio):
    return f"refused:{compressor}:{folio}:{REFUSED_SIZE[folio]}"


ZEROES = f"zeroes:{IAA}:4:2"
FAULTS = "faults:lz4:2000"
# What may be refused is where nothing else can take it.
KEPT = "writeback:0"
USEMEM = {(name, folio): f"usemem:{name}:{folio}:64" for name in (IAA, "zstd") for folio in (64, 2048)}
COMPILE = {name: f"compile:{name}:40" for name in (IAA, "zstd")}


@dataclasses.dataclass(frozen=True)
class Run:
    name: str
    kernel: str
    measurements: tuple
    scopes: bool = True             # whether the plugin counts
    latency: float = 1.0            # times the calibrated one; 0: none
    devices: int = 4
    compiler: bool = False          # whether it is in the guest
    memory: bool = False            # whether allocations are what is counted

    @property
    def path(self):
        return f"{self.kernel}/{self.name}"


def modes(kernel):
    """Base has no dynamic mode."""
    return (IAA,) if kernel == "base" else (IAA, DYNAMIC)


def cost(kernel):
    """Devices that take no time: what is left is the CPU's work."""
    work = [pageout(IAA, 4), ZEROES]
    work += [pageout(name, folio) for name in modes(kernel) for folio in LARGE]
    work += [pageout("lz4", folio) for folio in FOLIOS]
    return Run("cost", kernel, tuple(work), latency=0)


def store(kernel, name="store", **machine):
    work = [pageout(mode, folio) for mode in modes(kernel) for folio in (4, 32, 64, 2048)]
    return Run(name, kernel, tuple(work), **machine)


def refusal_cost(kernel):
    work = [refused(name, folio) for name in REFUSED for folio in FOLIOS]
    return Run("refusal-cost", kernel, (KEPT, *work), latency=0)


def refusal(kernel):
    """And what the possibility of a refusal does to folios that are stored."""
    work = [text(folio) for folio in LARGE] + [KEPT] + [kept(folio) for folio in LARGE]
    work += [refused(IAA, folio) for folio in FOLIOS]
    return Run("refusal", kernel, tuple(work))


def times(kernel):
    names = SOFTWARE + modes(kernel)
    work = [pageout(name, folio) for name in names for folio in FOLIOS]
    return Run("times", kernel, tuple(work), scopes=False)


def faults(kernel):
    return Run("faults", kernel, (FAULTS,), scopes=False)


def field(kernel):
    return Run("field", kernel, (*USEMEM.values(), *COMPILE.values()), scopes=False, compiler=True)


def devices(kernel):
    return [store(kernel, f"devices-{number}", devices=number)
            for number in DEVICES if number != 4]


def sensitivity(kernel):
    return [store(kernel, "latency-75", latency=0.75), store(kernel, "latency-125", latency=1.25)]


def batches():
    """Ours only: windows of another size than the driver's."""
    work = []
    for batch in BATCHES:
        work += ["select:lzo", f"batch:{batch}"]
        work += [f"{pageout(mode, 64)}:{batch}" for mode in (IAA, DYNAMIC)]
    return Run("batches", "ours", tuple(work))


def memory(kernel):
    """Each compressor chosen once: what zswap and the compressor take for a CPU."""
    names = SOFTWARE + modes(kernel)
    return Run("memory", kernel, tuple(f"select:{name}" for name in names), memory=True)


def both(make):
    return [make(kernel) for kernel in KERNELS]


def runs_of(figure):
    """The runs a figure needs; those of cost come first, they set the clock."""
    needed = {
        "P1": lambda: both(store) + both(refusal),
        "P2": lambda: both(store) + [batches()],
        "P3": list,
        "P4": lambda: both(times),
        "P5": list,
        "P6": lambda: both(times) + both(faults),
        "P7": lambda: both(memory),
        "P9": lambda: both(refusal_cost) + both(refusal),
        "gate": lambda: runs(GATE),
        "check": lambda: both(store) + devices("ours")[:1],
        "sensitivity": lambda: both(store) + sensitivity("base") + sensitivity("ours"),
        "devices": lambda: both(store) + devices("base") + devices("ours"),
        "batches": lambda: [batches()],
        "field": lambda: both(field),
    }
    return both(cost) + needed[figure]()


FIGURES = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P9", "check", "sensitivity", "devices",
           "batches", "field")
# What "gate" stands for: those that a few boots of each kernel give.
GATE = ("P1", "P3", "P5", "P9")


def runs(figures):
    chosen = {}
    for figure in figures:
        for run in runs_of(figure):
            chosen.setdefault(run.path, run)
    return list(chosen.values())
