#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which lines of some functions did the guest never run?

    coverage.py IMAGE FUNCTION...

IMAGE is a folder that kernel.sh printed, of a kernel with gcov. Reads the counters
that a guest printed, in base64, from standard input. Prints how often each way out
of the functions was taken that is not their end: jumps, errors and what is rejected.
The status is 1 if a line was never run, except those of UNREACHABLE, and if one of
these was.
"""
import base64
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

# A line of a function, after the one before it, and why nothing can have it run.
NO_PERCPU_FAULTS = "fault injection leaves per-CPU memory alone"
UNREACHABLE = {
    'zswap_pool_create: if (!pool->acomp_ctx) { pr_err("percpu alloc failed\\n");':
        NO_PERCPU_FAULTS,
    'zswap_pool_create: pr_err("percpu alloc failed\\n"); goto error;': NO_PERCPU_FAULTS,
    # The compiler has the others jump behind it.
    "zswap_pool_create: acomp_ctx_free(per_cpu_ptr(pool->acomp_ctx, cpu)); error:":
        NO_PERCPU_FAULTS,
    "zswap_store: if (!pool) goto put_objcg;":
        "zswap has a pool as long as it is enabled",
    "zswap_write_object: if (err == -ENOSPC) zswap_reject_compress_poor++;":
        "zsmalloc takes all that is no larger than a page",
}
WAY_OUT = re.compile(r"\bgoto\b|^\w+:$|\breturn (false|NULL|-E|ret\b|err\b|PTR_ERR)|_fail\+\+|_poor\+\+|_hit\+\+")


def gcov(image, counters):
    """What gcov says of the kernel's counted file, and the file's name."""
    notes = glob.glob(os.path.join(image, "*.gcno"))
    if len(notes) != 1:
        sys.exit(f"coverage.py: {image} has no kernel whose lines are counted")
    name = os.path.basename(notes[0]).removesuffix(".gcno")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(notes[0], folder)
        with open(os.path.join(folder, f"{name}.gcda"), "wb") as file:
            file.write(counters)
        result = subprocess.run(["gcov", "--json-format", "--stdout", f"{name}.gcda"],
                                cwd=folder, capture_output=True, check=False)
    try:
        return json.loads(result.stdout), f"{name}.c"
    except ValueError:
        sys.exit(f"coverage.py: gcov: {result.stderr.decode()}")


def counts_of(report, name):
    """How often each line was run. A function that is inlined has its lines twice."""
    counts = collections.Counter()
    for file in report["files"]:
        if os.path.basename(file["file"]) == name:
            for line in file["lines"]:
                counts[line["line_number"]] += line["count"]
    return counts


def body(source, function):
    """The numbers of a function's lines: it begins at the left, and ends at a brace
    there. What ends with a semicolon before one opens is a declaration."""
    head = re.compile(rf"\w.*\b{function}\(")
    for first, text in enumerate(source):
        if head.match(text):
            opening = next(number for number in range(first, len(source))
                           if source[number] == "{" or source[number].endswith(";"))
            if source[opening] == "{":
                return range(opening + 1, source.index("}", opening) + 2)
    sys.exit(f"coverage.py: there is no function {function}")


def judge(source, number, count, function):
    """What is wrong with how often a line was run, if anything is."""
    text = source[number - 1].strip()
    why = UNREACHABLE.get(f"{function}: {source[number - 2].strip()} {text}")
    if count and why:
        return f"{function}: run, although {why}: {text} (line {number})"
    if not count and not why:
        return f"{function}: never run: {text} (line {number})"
    return None


def main():
    image, functions = sys.argv[1], sys.argv[2:]
    report, name = gcov(image, base64.b64decode(sys.stdin.read()))
    counts = counts_of(report, name)
    with open(os.path.join(image, name), encoding="utf-8") as file:
        source = file.read().split("\n")
    problems = []
    for function in functions:
        for number in body(source, function):
            if number not in counts:
                continue
            text = source[number - 1].strip()
            if WAY_OUT.search(text):
                print(f"{counts[number]:8} {function}: {text}")
            problems.append(judge(source, number, counts[number], function))
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
