# SPDX-License-Identifier: GPL-2.0
"""The pages that are swapped: which packages they are from, and what they are like."""
import collections
import hashlib
import json
import math
import pathlib
import subprocess
import sys
import zlib

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import corpus  # noqa: E402: it is in the folder above

RECORDED = pathlib.Path(__file__).with_name("packages.json")


def packages(environment):
    """Their files' names, which have the version, and hashes."""
    files = pathlib.Path(environment["BENCH_PACKAGES"], ".files").read_text(encoding="utf-8")
    downloads = pathlib.Path(environment["BENCH_DOWNLOADS"])
    return {name: hashlib.sha256((downloads / name).read_bytes()).hexdigest()
            for name in files.split()}


def changes(found):
    """What is not as it was when the ratios were recorded."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    for name in sorted(recorded.keys() - found.keys()):
        yield f"{name} is gone"
    for name in sorted(found):
        if name not in recorded:
            yield f"{name} is new"
        elif recorded[name] != found[name]:
            yield f"{name} has another hash"


def record(environment):
    RECORDED.write_text(json.dumps(packages(environment), indent=1) + "\n", encoding="utf-8")


def by_kind(archive):
    """The pages of each kind, in the order of corpus.py."""
    with open(archive, "rb") as file:
        data = subprocess.run(["cpio", "-i", "--quiet", "--to-stdout", "lab/corpus"], stdin=file,
                              stdout=subprocess.PIPE, check=True).stdout
    kinds = collections.defaultdict(list)
    for start in range(0, len(data), corpus.PAGE):
        kind = corpus.MIX[start // corpus.RUN % len(corpus.MIX)]
        kinds[kind].append(data[start:start + corpus.PAGE])
    return kinds


def entropy(page):
    """Bits a byte, of the bytes by themselves."""
    counts = collections.Counter(page).values()
    return sum(-count / len(page) * math.log2(count / len(page)) for count in counts)


def ratio(pages):
    """Of zlib at level 6, each page for itself; what does not shrink counts as it is."""
    return sum(map(len, pages)) / sum(min(len(zlib.compress(page, 6)), len(page)) for page in pages)


def kind_rows(archive):
    kinds = by_kind(archive)
    kinds["all"] = [page for pages in list(kinds.values()) for page in pages]
    for kind, pages in kinds.items():
        yield (kind, f"{len(pages):,}", f"{sum(map(entropy, pages)) / len(pages):.2f}",
               f"{ratio(pages):.2f}")
