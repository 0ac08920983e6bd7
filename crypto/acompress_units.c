// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that consist of units.
 *
 * An algorithm with CRYPTO_ALG_REQ_UNITS is given such a request as it is, once
 * it has been checked.  For every other algorithm the request is turned into
 * one plain request per unit, one after another, in the caller's own request:
 * its fields are replaced for as long as it is under way and put back before it
 * completes.  Nothing is allocated.
 */
#include <crypto/internal/acompress.h>
#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>

#include "compress.h"

/*
 * The loop over the units.  On the stack for synchronous algorithms, behind the
 * driver's context in the request for asynchronous ones.
 *
 * There is no lock: one context at a time runs the loop.  It is handed over
 * through @arrived.
 */
struct acomp_units {
	bool comp;

	/* What the caller had in the request. */
	struct scatterlist *src;
	struct scatterlist *dst;
	unsigned int slen;
	u32 flags;
	crypto_completion_t compl;
	void *data;

	/* Where the unit begins: in which entry, and how far into it. */
	struct scatterlist *src_entry;
	unsigned int src_offset;
	struct scatterlist *dst_entry;

	/*
	 * The lists of the plain request.  They have one entry, for some drivers
	 * map all that a list has; a source that lies in several of the caller's
	 * entries has the second for the link to the rest of these.
	 */
	struct scatterlist unit_src[2];
	struct scatterlist unit_dst;

	unsigned int left;	/* units without a result */
	unsigned int produced;	/* bytes, by all units */
	int err;		/* of the first unit that failed */

	/* Asynchronous algorithms only. */
	atomic_t arrived;	/* see acomp_units_arrive() */
	int result;		/* for who goes on, written by the callback */
};

static bool acomp_handles_units(struct crypto_acomp *tfm)
{
	return tfm->batch_size;
}

/*
 * Not called for scomp, whose flags have another meaning.  The loop's context is
 * behind the one that the driver asked for, which its init may have set.
 */
void acomp_units_init_tfm(struct crypto_acomp *tfm)
{
	struct acomp_alg *alg = crypto_acomp_alg_or_null(tfm);

	if (alg->base.cra_flags & CRYPTO_ALG_REQ_UNITS)
		tfm->batch_size = max(alg->batch_size, 1U);
	else if (acomp_is_async(tfm))
		tfm->reqsize = ALIGN(tfm->reqsize, __alignof__(struct acomp_units)) +
			       sizeof(struct acomp_units);
}

static struct acomp_units *acomp_units_of(struct acomp_req *req)
{
	size_t end = crypto_acomp_reqsize(crypto_acomp_reqtfm(req));

	return acomp_request_ctx(req) + end - sizeof(struct acomp_units);
}

/* Has the source of a request to compress all the bytes of its units? */
static bool acomp_units_src_suffices(struct acomp_req *req)
{
	struct scatterlist *sg;
	u64 bytes = 0;

	for (sg = req->src; sg && bytes < req->slen; sg = sg_next(sg))
		bytes += sg->length;
	return bytes >= req->slen;
}

/* Has it, to decompress, an entry per unit, and together as many as it says? */
static bool acomp_units_src_matches(struct acomp_req *req)
{
	struct scatterlist *sg = req->src;
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < req->unit_count; i++, sg = sg_next(sg)) {
		if (!sg)
			return false;
		bytes += sg->length;
	}
	return bytes == req->slen;
}

/*
 * Has the destination an entry of at least this capacity for each unit?  What
 * exceeds INT_MAX is the error of an earlier submission.
 */
static bool acomp_units_dst_suffices(struct acomp_req *req, unsigned int least)
{
	struct scatterlist *sg = req->dst;
	unsigned int i;

	for (i = 0; i < req->unit_count; i++, sg = sg_next(sg)) {
		if (!sg || sg->length > INT_MAX || sg->length < least)
			return false;
	}
	return true;
}

static bool acomp_units_valid(struct acomp_req *req, bool comp)
{
	unsigned int total = comp ? req->slen : req->dlen;
	unsigned int size = req->unit_size;

	if (acomp_request_isvirt(req) || size > INT_MAX)
		return false;
	if (!total || total % size)
		return false;

	if (comp)
		return acomp_units_src_suffices(req) &&
		       acomp_units_dst_suffices(req, 0);
	return acomp_units_src_matches(req) &&
	       acomp_units_dst_suffices(req, size);
}

/**
 * acomp_request_fail_units() -- Give all units of a request the same error
 *
 * @req:	request that no unit of has run; the destination is not mapped
 * @err:	negative errno
 *
 * For algorithms with CRYPTO_ALG_REQ_UNITS that refuse a request as a whole.
 *
 * Context: Any.
 */
void acomp_request_fail_units(struct acomp_req *req, int err)
{
	struct scatterlist *sg = acomp_request_dst_isvirt(req) ? NULL : req->dst;
	unsigned int i;

	for (i = 0; sg && i < req->unit_count; i++, sg = sg_next(sg))
		acomp_unit_set_result(sg, err);
	req->dlen = 0;
}
EXPORT_SYMBOL_GPL(acomp_request_fail_units);

/**
 * acomp_request_finish_units() -- Derive a request's result from its units'
 *
 * @req:	request whose units all have their result
 *
 * Sets dlen to the sum of the bytes produced. For algorithms with
 * CRYPTO_ALG_REQ_UNITS, whose units may finish in any order.
 *
 * Context: Any.
 * Return:	0, or the error of the first unit, in the order of the list, that
 *		failed: what the request is to be completed with
 */
int acomp_request_finish_units(struct acomp_req *req)
{
	struct scatterlist *sg = req->dst;
	unsigned int i;
	int err = 0;

	req->dlen = 0;
	for (i = 0; i < req->unit_count; i++, sg = sg_next(sg)) {
		int result = acomp_unit_result(sg);

		if (result >= 0)
			req->dlen += result;
		else if (!err)
			err = result;
	}
	return err;
}
EXPORT_SYMBOL_GPL(acomp_request_finish_units);

static void acomp_units_begin(struct acomp_units *units, struct acomp_req *req,
			      bool comp)
{
	units->comp = comp;
	units->src = req->src;
	units->dst = req->dst;
	units->slen = req->slen;
	units->flags = req->base.flags;
	units->compl = req->base.complete;
	units->data = req->base.data;

	units->src_entry = req->src;
	units->src_offset = 0;
	units->dst_entry = req->dst;

	units->left = req->unit_count;
	units->produced = 0;
	units->err = 0;

	/*
	 * Units follow each other from one completion to the next.  A poller
	 * might look at a unit just when an interrupt replaces it by the next.
	 */
	WRITE_ONCE(req->base.flags, req->base.flags &
		   ~(CRYPTO_ACOMP_REQ_UNITS | CRYPTO_ACOMP_REQ_POLL));
}

static int acomp_units_end(struct acomp_units *units, struct acomp_req *req)
{
	req->src = units->src;
	req->dst = units->dst;
	req->slen = units->slen;
	req->dlen = units->produced;
	req->base.complete = units->compl;
	req->base.data = units->data;
	/* May be read by crypto_acomp_wait() now. */
	WRITE_ONCE(req->base.flags, units->flags);
	return units->err;
}

/* @sg as far as @len goes, from @offset on, with the page that this is in. */
static void acomp_units_set_entry(struct scatterlist *entry,
				  struct scatterlist *sg, unsigned int offset,
				  unsigned int len)
{
	size_t start = (size_t)sg->offset + offset;

	sg_set_page(entry, sg_page(sg) + start / PAGE_SIZE, len,
		    offset_in_page(start));
}

/* The next unit_size bytes of the source. */
static void acomp_units_cut_src(struct acomp_units *units, unsigned int len)
{
	struct scatterlist *sg = units->src_entry;
	unsigned int here;

	while (units->src_offset >= sg->length) {
		units->src_offset -= sg->length;
		sg = sg_next(sg);
	}
	units->src_entry = sg;

	here = min(len, sg->length - units->src_offset);
	sg_init_table(units->unit_src, here == len ? 1 : 2);
	acomp_units_set_entry(units->unit_src, sg, units->src_offset, here);
	if (here < len)
		sg_chain(units->unit_src, 2, sg_next(sg));
}

/* Make the request a plain one for the next unit. */
static void acomp_units_set_unit(struct acomp_units *units,
				 struct acomp_req *req)
{
	struct scatterlist *sg = units->src_entry;

	if (units->comp) {
		acomp_units_cut_src(units, req->unit_size);
		req->slen = req->unit_size;
		req->dlen = units->dst_entry->length;
	} else {
		sg_init_table(units->unit_src, 1);
		acomp_units_set_entry(units->unit_src, sg, 0, sg->length);
		req->slen = sg->length;
		req->dlen = req->unit_size;
	}
	req->src = units->unit_src;

	sg_init_table(&units->unit_dst, 1);
	acomp_units_set_entry(&units->unit_dst, units->dst_entry, 0, req->dlen);
	req->dst = &units->unit_dst;
}

/* Note the result of the unit and step to the next. */
static void acomp_units_note(struct acomp_units *units, struct acomp_req *req,
			     int err)
{
	acomp_unit_set_result(units->dst_entry, err ?: req->dlen);
	if (!err)
		units->produced += req->dlen;
	else if (!units->err)
		units->err = err;

	if (--units->left == 0)
		return;
	units->dst_entry = sg_next(units->dst_entry);
	if (units->comp)
		units->src_offset += req->unit_size;
	else
		units->src_entry = sg_next(units->src_entry);
}

static int acomp_units_do_one(struct acomp_units *units, struct acomp_req *req)
{
	struct crypto_acomp *tfm = crypto_acomp_reqtfm(req);

	/* Not every driver has this error for it. */
	if (!units->dst_entry->length)
		return -ENOSPC;

	acomp_units_set_unit(units, req);
	return units->comp ? tfm->compress(req) : tfm->decompress(req);
}

/*
 * The common case: one unit, in one entry, for a synchronous algorithm.  Whatever
 * is not sure to be that goes the general way.
 */
static bool acomp_units_is_simple(struct acomp_req *req, bool comp)
{
	struct crypto_acomp *tfm = crypto_acomp_reqtfm(req);
	unsigned int size = req->unit_size;

	if (acomp_handles_units(tfm) || acomp_is_async(tfm))
		return false;
	if (!acomp_request_issg(req) || !req->src || !req->dst)
		return false;
	if (size > INT_MAX || req->dst->length > INT_MAX)
		return false;
	if (comp)
		return req->slen == size && req->src->length >= size;
	return req->dlen == size && req->dst->length >= size &&
	       req->src->length == req->slen;
}

/*
 * Such a request is a plain one, but for where its result goes.  Its lists may be
 * longer than the unit, as those of plain requests may.
 */
static int acomp_units_run_simple(struct acomp_req *req, bool comp)
{
	struct crypto_acomp *tfm = crypto_acomp_reqtfm(req);
	u32 flags = req->base.flags;
	int err;

	req->unit_count = 1;
	req->base.flags = flags & ~(CRYPTO_ACOMP_REQ_UNITS | CRYPTO_ACOMP_REQ_POLL);
	if (comp)
		req->dlen = req->dst->length;
	err = comp ? tfm->compress(req) : tfm->decompress(req);
	req->base.flags = flags;

	if (err)
		req->dlen = 0;
	acomp_unit_set_result(req->dst, err ?: req->dlen);
	return err;
}

static void acomp_units_resched(struct acomp_units *units)
{
	if (units->left && (units->flags & CRYPTO_TFM_REQ_MAY_SLEEP))
		cond_resched();
}

static int acomp_units_run_sync(struct acomp_req *req, bool comp)
{
	struct acomp_units units;

	acomp_units_begin(&units, req, comp);
	while (units.left) {
		acomp_units_note(&units, req, acomp_units_do_one(&units, req));
		acomp_units_resched(&units);
	}
	return acomp_units_end(&units, req);
}

static noinline_for_stack int acomp_units_fall_back(struct acomp_units *units,
						    struct acomp_req *req)
{
	ACOMP_FBREQ_ON_STACK(fbreq, req);
	int err;

	err = units->comp ? crypto_acomp_compress(fbreq) :
			    crypto_acomp_decompress(fbreq);
	req->dlen = fbreq->dlen;
	return err;
}

/*
 * A driver whose queue is full says -EAGAIN, in the call or when it completes the
 * unit.  To the submitter of a request that means something else, so it is no
 * result: the unit goes to software.
 */
static void acomp_units_settle(struct acomp_units *units, struct acomp_req *req,
			       int err)
{
	if (err == -EAGAIN) {
		/* The driver may have changed dlen. */
		acomp_units_set_unit(units, req);
		err = acomp_units_fall_back(units, req);
	}
	acomp_units_note(units, req, err);
}

/*
 * A unit that was accepted is over when both its submission has returned and
 * its callback has been called, in either order and on any two CPUs.  The
 * second of them goes on, so that a driver that calls back at once does not
 * make the loop recurse.  The first must not touch the request any more.
 *
 * The exchange is a full barrier on both sides: it orders the callback's write
 * of @result before the submitter's read, and all that the submitter wrote
 * before what the callback does next.
 *
 * Returns true for the second.
 */
static bool acomp_units_arrive(struct acomp_units *units)
{
	return atomic_xchg(&units->arrived, 1);
}

/*
 * Run until a unit is under way, or all are done.  Returns -EINPROGRESS in the
 * first case: the request then is its callback's.
 */
static int acomp_units_go_on(struct acomp_units *units, struct acomp_req *req)
{
	while (units->left) {
		int err;

		atomic_set(&units->arrived, 0);
		err = acomp_units_do_one(units, req);
		if (err == -EINPROGRESS || err == -EBUSY) {
			if (!acomp_units_arrive(units))
				return -EINPROGRESS;
			err = units->result;
		}
		acomp_units_settle(units, req, err);
	}
	return acomp_units_end(units, req);
}

static void acomp_units_callback(void *data, int err)
{
	struct acomp_req *req = data;
	struct acomp_units *units = acomp_units_of(req);

	/* It left the backlog, which the caller does not know of. */
	if (err == -EINPROGRESS)
		return;

	/* The next unit may have to wait for bottom halves' locks. */
	lockdep_assert(!in_hardirq());

	units->result = err;
	if (!acomp_units_arrive(units))
		return;

	acomp_units_settle(units, req, err);
	err = acomp_units_go_on(units, req);
	if (err != -EINPROGRESS)
		acomp_request_complete(req, err);
}

static int acomp_units_run_async(struct acomp_req *req, bool comp)
{
	struct acomp_units *units = acomp_units_of(req);

	acomp_units_begin(units, req, comp);
	/* All but the first unit are submitted from a callback. */
	req->base.flags &= ~CRYPTO_TFM_REQ_MAY_SLEEP;
	req->base.flags |= CRYPTO_TFM_REQ_MAY_BACKLOG;
	req->base.complete = acomp_units_callback;
	req->base.data = req;
	return acomp_units_go_on(units, req);
}

/* crypto_acomp_compress() and crypto_acomp_decompress() with a unit size. */
int acomp_units_submit(struct acomp_req *req, bool comp)
{
	struct crypto_acomp *tfm = crypto_acomp_reqtfm(req);
	unsigned int total = comp ? req->slen : req->dlen;

	if (likely(acomp_units_is_simple(req, comp)))
		return acomp_units_run_simple(req, comp);

	/* If it is no multiple, what is left over has an entry that must know. */
	req->unit_count = total / req->unit_size + !!(total % req->unit_size);
	if (!acomp_units_valid(req, comp)) {
		acomp_request_fail_units(req, -EINVAL);
		return -EINVAL;
	}

	if (acomp_handles_units(tfm))
		return comp ? tfm->compress(req) : tfm->decompress(req);
	if (acomp_is_async(tfm))
		return acomp_units_run_async(req, comp);
	return acomp_units_run_sync(req, comp);
}
