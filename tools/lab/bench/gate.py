# SPDX-License-Identifier: GPL-2.0
"""No figure may get worse than what is recorded in the repository."""
import json
import pathlib

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded.json"
# Of the ratio. Runs are exact; this is for other compilers and newer data.
TOLERANCE = 0.002


def name(row):
    return f"{row.figure}: {row.what}"


def record(rows):
    ratios = {name(row): round(row.ratio, 5) for row in rows if row.ratio is not None}
    known = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    RECORDED.write_text(json.dumps({**known, **ratios}, indent=1, ensure_ascii=False) + "\n",
                        encoding="utf-8")


def is_worse(row, recorded):
    # A share or a difference may be 0 or less: there a part of it says nothing.
    slack = abs(recorded) * TOLERANCE
    if row.by == "ours":
        slack = max(slack, TOLERANCE)
    if row.by == "difference":
        slack = max(slack, abs(row.base) * TOLERANCE)
    return row.ratio > recorded + slack if row.smaller else row.ratio < recorded - slack


def complaints(rows):
    """A sentence for each row that is worse, or that nobody recorded."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    for row in rows:
        if row.ratio is None:
            continue
        if name(row) not in recorded:
            yield f"{name(row)}: not recorded (make bench RECORD=1)"
        elif is_worse(row, recorded[name(row)]):
            yield f"{name(row)}: {row.ratio:.4f}, recorded {recorded[name(row)]:.4f}"
