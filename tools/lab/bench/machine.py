# SPDX-License-Identifier: GPL-2.0
"""One boot: the emulated machine, what runs in it, and what it printed.

A run is done twice and both must say the same, to the instruction. What they said
is kept in the cache by the hash of all that goes into it.
"""
import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess

LAB = pathlib.Path(__file__).resolve().parent.parent
SWAP_KB = 131072

# In struct acomp_alg: it follows five pointers.
BATCH_SIZE_OFFSET = 40
# Modes of the driver: the length of its iaa_algs[].
NR_ALGS = 2

# Functions whose time is a scope: what the figures tell apart. A kernel has some
# of each; the words on the left are the names in paths.
SCOPES = {
    "store": ("zswap_store",),
    "load": ("zswap_load",),
    "call": ("crypto_acomp_compress", "crypto_acomp_decompress"),
    "wait": ("acomp_wait_in_progress",),
    "compressor": ("lz4_scompress", "lz4_sdecompress", "iaa_comp_acompress",
                   "iaa_comp_adecompress", "iaa_compress", "iaa_decompress"),
    "interrupt": ("sysvec_apic_timer_interrupt", "common_interrupt"),
}
# Where memory comes from, and which register has the size that is asked for.
ALLOCATIONS = {
    "alloc": {"__kmalloc_noprof": "rdi", "__kmalloc_node_noprof": "rdi",
              "__kvmalloc_node_noprof": "rdi", "__kmalloc_cache_noprof": "rdx",
              "__kmalloc_cache_node_noprof": "rcx", "__kmalloc_large_noprof": "rdi",
              "__kmalloc_large_node_noprof": "rdi", "__vmalloc_node_range_noprof": "rdi"},
    "percpu": {"pcpu_alloc_noprof": "rdi"},
    "create": {"zswap_pool_create": ""},
    "prepare": {"zswap_cpu_comp_prepare": ""},
    "table": {"iaa_map_update": ""},
}
COPIES = ("memcpy", "memset", "memmove", "copy_page", "clear_page", "rep_movs", "rep_stos")


# Measurements of which zswap_store() must have been seen.
COUNTED = ("pageout", "text", "refused")


class Failed(Exception):
    pass


@dataclasses.dataclass
class Path:
    """Counts of one path of scopes; see scopes.c."""
    entries: int
    insns: int
    low: int
    high: int
    portal_entries: int
    portal_insns: int
    after_insns: int
    amount: int
    functions: dict


@dataclasses.dataclass
class Reading:
    """What one measurement gave."""
    row: dict
    paths: dict

    def number(self, name):
        return int(self.row[name])

    @property
    def pages(self):
        return self.number("pages")

    @property
    def stored(self):
        return self.number("zswpout")


class Symbols:
    def __init__(self, image):
        self.addresses = {}
        with open(image / "System.map", encoding="ascii") as file:
            for line in file:
                address, _, name = line.split()
                self.addresses.setdefault(name, int(address, 16))
        self.sorted = sorted((address, name) for name, address in self.addresses.items())

    def find(self, name):
        return self.addresses.get(name)

    def extent(self, name):
        """Address and size: up to the next symbol."""
        start = self.addresses.get(name)
        if start is None:
            raise Failed(f"this kernel has no {name}")
        return start, next(address for address, _ in self.sorted if address > start) - start

    def scopes(self, memory):
        """Words for the plugin."""
        wanted = ALLOCATIONS if memory else {kind: dict.fromkeys(names, "")
                                             for kind, names in SCOPES.items()}
        return [f"scope={kind}:{self.addresses[name]:x}" + (f":{register}" if register else "")
                for kind, functions in wanted.items()
                for name, register in functions.items() if name in self.addresses]


class Machine:
    """Where the parts of a boot are; each by the folder or file that its hash names."""

    def __init__(self, plugin, corpus, compiler, qemu, images, guests, work, cache):
        self.plugin, self.corpus, self.compiler, self.qemu = plugin, corpus, compiler, qemu
        self.images, self.guests = images, guests
        self.work, self.cache = pathlib.Path(work), pathlib.Path(cache)
        self.symbols = {kernel: Symbols(pathlib.Path(image)) for kernel, image in images.items()}

    def pokes(self, run):
        """The driver of 7.3 compares checksums of what it compressed unless it is told not to."""
        address = self.symbols[run.kernel].find("iaa_verify_compress")
        return (f"poke:{address:x}:1:0",) if address else ()

    def measurements(self, run):
        """The words for the guest; "batch:N" is a variable of the driver's."""
        words = []
        for word in run.measurements:
            if word.startswith("batch:"):
                words += self.set_batch(run.kernel, word.split(":")[1])
            else:
                words.append(word)
        return (*self.pokes(run), *words)

    def set_batch(self, kernel, size):
        """In each of the driver's algorithms; whoever allocates one reads it."""
        symbols = self.symbols[kernel]
        start, length = symbols.extent("iaa_algs")
        return [f"poke:{start + at + BATCH_SIZE_OFFSET:x}:4:{size}"
                for at in range(0, length, length // NR_ALGS)]

    def plugin_options(self, run, folder):
        if not run.scopes:
            return []
        symbols = self.symbols[run.kernel]
        options = [str(self.plugin), f"output={folder}/counts",
                   f"switch={symbols.find('__switch_to_asm'):x}"]
        options += symbols.scopes(run.memory)
        return ["-q", "-plugin", "-q", ",".join(options)]

    def command(self, run, folder):
        return [str(LAB / "boot.sh"), "-k", run.kernel, "-f", "bench", "-c", "icount",
                "-d", self.corpus, *(("-d", self.compiler) if run.compiler else ()),
                "-o", str(folder), "-a", f"brd.rd_nr=1 brd.rd_size={SWAP_KB}",
                *self.plugin_options(run, folder),
                "/lab/bin/bench-job.sh", *self.measurements(run)]

    def environment(self, run, properties):
        return {"LAB_PACKAGES": "1", "LAB_CPUS_PER_PACKAGE": "1", "LAB_IAA_GNR": "y",
                "LAB_IAA_PER_PACKAGE": str(run.devices), "LAB_IAA_PROPERTIES": properties}

    def key(self, run, properties):
        parts = [self.command(run, "."), self.environment(run, properties), self.qemu,
                 self.guests[run.kernel], self.images[run.kernel],
                 (LAB / "boot.sh").read_text(encoding="ascii"),
                 pathlib.Path(self.plugin).with_suffix(".key").read_text(encoding="ascii")]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def boot(self, run, properties, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "log", "wb") as log:
            done = subprocess.run(self.command(run, folder), stdout=log, stderr=log, check=False,
                                  env={**os.environ, **self.environment(run, properties)})
        if done.returncode:
            tail = (folder / "log").read_text(errors="replace").splitlines()[-5:]
            raise Failed(f"{run.path} failed with status {done.returncode}: " + "\n".join(tail))

    def result(self, run, properties, repeat):
        """Runs it unless it was run before; a dictionary that JSON can hold."""
        kept = self.cache / f"{self.key(run, properties)}-{repeat}.json"
        if kept.exists():
            return json.loads(kept.read_text(encoding="ascii"))
        folder = self.work / run.path / str(repeat)
        self.boot(run, properties, folder)
        found = self.parse(run, folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(f".new{os.getpid()}")
        new.write_text(json.dumps(found, sort_keys=True), encoding="ascii")
        new.rename(kept)
        return found

    def parse(self, run, folder):
        rows, done = {}, False
        for line in (folder / "output").read_text(encoding="ascii", errors="replace").splitlines():
            kind, _, rest = line.strip().partition(": ")
            if kind == "row":
                row = dict(pair.split("=", 1) for pair in rest.split())
                rows[row.pop("of")] = row
            done = done or kind == "done"
        if not done:
            raise Failed(f"{run.path}: the guest did not finish")
        paths = self.parse_counts(run, folder / "counts") if run.scopes else {}
        for name in rows:
            if run.scopes and name.split(":")[0] in COUNTED and "store" not in paths.get(name, {}):
                raise Failed(f"{run.path}: {name} was not counted")
        return {"rows": rows, "paths": paths}

    def parse_counts(self, run, file):
        import bisect
        table = self.symbols[run.kernel].sorted
        starts = [address for address, _ in table]
        labels, paths, counts = {}, {}, None
        for line in file.read_text(encoding="ascii").splitlines():
            kind, name, *numbers = line.split()
            if kind == "label":
                paths = labels[name] = {}
            elif kind == "path":
                counts = paths[name] = {"numbers": [int(number) for number in numbers],
                                        "functions": collections.Counter()}
            else:
                at = bisect.bisect_right(starts, int(numbers[0], 16)) - 1
                counts["functions"][table[at][1]] += int(numbers[2])
        return labels


def readings(result):
    found = {}
    for name, row in result["rows"].items():
        paths = {path: Path(*counts["numbers"], counts["functions"])
                 for path, counts in result["paths"].get(name, {}).items()}
        found[name] = Reading(row, paths)
    return found
