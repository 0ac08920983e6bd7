#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes a file of real pages: files of Debian packages, and synthetic ones.

    corpus.py FOLDER SIZE OUTPUT

FOLDER holds unpacked packages, SIZE is in bytes. The kinds follow each other in
runs of 64 KiB, so that a 2 MB folio holds all of them and a 64 kB one is of a
kind. The same packages give the same bytes.
"""
import pathlib
import random
import sys

PAGE = 4096
RUN = 16 * PAGE
TEXT = {".html", ".txt", ".pm", ".pl", ".dat", ".tab", ".zi"}
# What the files of a kind begin with.
BINARY = b"\x7fELF"
DATABASE = b"SQLite format 3\0"
IMAGE = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
# What each 1 MiB consists of, in runs: real data first and foremost.
MIX = (["text", "binary", "database"] * 2 + ["zero"] +
       ["text", "binary", "database", "image", "text", "binary", "words", "text", "random"])


def begins_with(magic):
    """Does a file? MAGIC may be a tuple."""
    def test(path):
        with path.open("rb") as file:
            return file.read(16).startswith(magic)
    return test


def file_bytes(folder, wanted):
    """All wanted files, one after the other, each cut to whole pages."""
    data = bytearray()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size < PAGE:
            continue
        if wanted(path):
            content = path.read_bytes()
            data += content[: len(content) // PAGE * PAGE]
    if not data:
        sys.exit(f"corpus.py: no usable files in {folder}")
    return bytes(data)


def words(rng, size):
    """Text of made-up words, with the frequencies of a natural language."""
    letters = "eeeeettttaaaooiinnsshhrrdllcumwfgypbvk"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(4000)]
    weights = [1 / (rank + 2) for rank in range(len(vocabulary))]
    text = " ".join(rng.choices(vocabulary, weights, k=size // 3))
    return text.encode()[:size]


class Source:
    """Hands out runs of its data, starting again at the end."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def run(self):
        piece = self.data[self.at:self.at + RUN]
        self.at += RUN
        if len(piece) < RUN:
            self.at = RUN - len(piece)
            piece += self.data[:self.at]
        return piece


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(1)
    sources = {
        "text": Source(file_bytes(folder, lambda p: p.suffix in TEXT)),
        "binary": Source(file_bytes(folder, begins_with(BINARY))),
        "database": Source(file_bytes(folder, begins_with(DATABASE))),
        "image": Source(file_bytes(folder, begins_with(IMAGE))),
        "zero": Source(bytes(RUN)),
        "words": Source(words(rng, 1 << 20)),
        "random": Source(rng.randbytes(4 << 20)),
    }
    with open(sys.argv[3], "wb") as output:
        for number in range(size // RUN):
            output.write(sources[MIX[number % len(MIX)]].run())


if __name__ == "__main__":
    main()
