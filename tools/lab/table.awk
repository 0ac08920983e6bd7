# SPDX-License-Identifier: GPL-2.0
# Rows of the main job ("row: KEY=VALUE ...") -> the table, and the verdict.
#
# modelled=1: times are the virtual clock's; otherwise the run was concurrent
# and a time per page would mean nothing, so no such column is shown.

function value(key)
{
	if (!(key in field)) {
		problem("the guest reported no " key)
		return 0
	}
	return field[key]
}

function problem(text)
{
	problems[++nr_problems] = text
}

function header()
{
	if (headed++)
		return
	if (modelled)
		print "(times are modelled: virtual nanoseconds of the emulated machine, not hardware's)"
	printf "%-20s %8s %8s %6s ", "compressor", "folio kB", "pages", "ratio"
	if (modelled)
		printf "%12s %12s ", "out ns/page", "in ns/page"
	printf "%9s %9s %9s %7s\n", "hw comp", "hw decomp", "sw calls", "errors"
}

function show(pages, ratio, out, back)
{
	header()
	printf "%-20s %8s %8d %6s ", field["compressor"], field["folio"], pages, ratio
	if (modelled)
		printf "%12s %12s ", out, back
	printf "%9d %9d %9d %7d\n", value("hw_comp"), value("hw_decomp"),
		value("sw_calls"), value("device_errors") + value("errors")
	fflush()
}

# What must hold for every row, whatever the compressor.
function judge(pages,    where)
{
	where = field["work"] ", " field["compressor"] ", " field["folio"] " kB: "
	if (value("errors") + value("device_errors"))
		problem(where "errors were reported")
	if (value("disk"))
		problem(where field["disk"] " pages went to the swap device instead of zswap")
	if (value("zswpout") < pages || !pages)
		problem(where "only " field["zswpout"] " of " pages " pages were stored in zswap")
	if (field["compressor"] !~ /iaa/)
		return
	if (value("hw_comp") < pages || value("hw_decomp") == 0)
		problem(where "the hardware did not do the work")
	if (value("sw_calls"))
		problem(where field["sw_calls"] " calls fell back to software")
}

function per_page(total, pages)
{
	return pages ? sprintf("%d", total / pages) : "-"
}

function row(    pages)
{
	rows++
	if (field["work"] == "usemem") {
		pages = value("zswpout")
		field["compressor"] = field["compressor"] " usemem"
		show(pages, "", "", "")
	} else {
		pages = value("pages")
		show(pages, sprintf("%.2f", value("zswap") ? value("zswapped") / field["zswap"] : 0),
		     per_page(value("out_ns"), pages), per_page(value("in_ns"), pages))
	}
	judge(pages)
}

/^progress: / {
	print "  " substr($0, 11) > "/dev/stderr"
	next
}

/^row: / {
	delete field
	for (i = 2; i <= NF; i++) {
		split($i, pair, "=")
		field[pair[1]] = pair[2]
	}
	row()
	next
}

/^done$/ { done = 1; next }

{ print > "/dev/stderr" }

END {
	if (!rows)
		problem("the guest measured nothing")
	if (!done)
		problem("the guest did not finish")
	for (i = 1; i <= nr_problems; i++)
		print "error: " problems[i] > "/dev/stderr"
	if (nr_problems)
		exit 1
	print "every byte of every page came back as it was"
}
