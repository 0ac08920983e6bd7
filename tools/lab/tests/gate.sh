# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# No figure may get worse: a few of the benchmark's, exact, against what is recorded.
# In its P5 are requests of one unit; plain ones are in the group acomp.

# Test that no figure of a few boots of each kernel is worse than recorded: a refused
# folio, a stored one where nothing may be written back, zswap's own work, the driver's.
test_figures() { "$LAB/bench.sh" gate; }

# Test that a figure that is worse is found, and one that is as good is not.
test_gate()
{
	(
		cd "$LAB/bench" || exit
		PYTHONDONTWRITEBYTECODE=1 python3 - <<-'PYTHON'
			import json, pathlib, tempfile
			import figures, gate

			def row(ours, **other):
			    return figures.Row("P0", "made up", "instr/page", 1000.0, ours, **other)

			def complaints(ours, **other):
			    return list(gate.complaints([row(ours, **other)]))

			with tempfile.TemporaryDirectory() as folder:
			    gate.RECORDED = pathlib.Path(folder) / "recorded.json"
			    gate.record([row(500.0)])
			    assert not complaints(500.0) and not complaints(500.9) and not complaints(400.0)
			    assert complaints(501.2)
			    gate.record([row(500.0, smaller=False, by="base/ours")])
			    assert not complaints(500.0, smaller=False, by="base/ours")
			    assert complaints(503.0, smaller=False, by="base/ours")
			    gate.record([row(1010.0, by="difference")])
			    assert not complaints(1010.0, by="difference")
			    assert complaints(1013.0, by="difference")
			    gate.RECORDED.write_text("{}")
			    assert complaints(500.0)
		PYTHON
	)
}

group_gate()
{
	check "a figure that got worse is found" test_gate
	check "no figure is worse than recorded" test_figures
}
