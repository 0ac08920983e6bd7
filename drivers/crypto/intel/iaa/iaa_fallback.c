// SPDX-License-Identifier: GPL-2.0
/*
 * Software, for what the hardware did not do.
 */
#include <crypto/scatterwalk.h>
#include <linux/scatterlist.h>
#include "iaa.h"
#include "iaa_trace.h"

/*
 * The lists of the request go on behind the unit, with the results of others that
 * may be errors, so a unit of many gets a destination of its own.
 */
static struct scatterlist *iaa_unit_dst(const struct iaa_unit *unit, struct scatterlist *own)
{
	if (!unit->req->has_units)
		return unit->dst;

	sg_init_table(own, 1);
	sg_set_page(own, sg_page(unit->dst), unit->out.len, unit->dst->offset);
	return own;
}

/**
 * iaa_fallback - do a unit in software
 * @r: its request
 * @unit: the unit; no buffer of it is mapped
 *
 * Context: any but hard interrupt; does not sleep, but takes its time
 * Return: bytes produced, or a negative errno, both final
 */
noinline_for_stack int iaa_fallback(struct iaa_req *r, struct iaa_unit *unit)
{
	ACOMP_FBREQ_ON_STACK(fbreq, iaa_req_base(r));
	struct scatterlist src[2], dst;
	int err;

	fbreq->src = scatterwalk_ffwd(src, unit->src, unit->src_offset);
	fbreq->dst = iaa_unit_dst(unit, &dst);
	fbreq->slen = unit->in.len;
	fbreq->dlen = unit->out.len;
	err = r->role == IAA_COMP ? crypto_acomp_compress(fbreq) :
				    crypto_acomp_decompress(fbreq);

	iaa_count(sw_calls[r->role]);
	iaa_count(causes[unit->cause]);
	trace_iaa_software(unit, err ?: (int)fbreq->dlen);

	return err ?: fbreq->dlen;
}
