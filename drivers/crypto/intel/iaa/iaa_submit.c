// SPDX-License-Identifier: GPL-2.0
/*
 * Units on their way to a queue and back.
 *
 * Units that a queue is given together are a run. It has descriptors, mapped
 * buffers and a reference to the queue, and keeps all three until the device has
 * completed all of its units, or cannot touch them any more, however long that
 * takes.
 */
#include <linux/dma-mapping.h>
#include <linux/math.h>
#include <linux/percpu.h>
#include <linux/percpu-refcount.h>
#include <linux/smp.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"
#include "iaa_trace.h"

/* Which of the queues of its span a CPU begins with: another one each time. */
static DEFINE_PER_CPU(unsigned int, iaa_turn);

/* What the units of a run have in common */
static void iaa_run_set_op(const struct iaa_req *r, struct iaa_run *run)
{
	const struct iaa_wq *wq = run->wq;

	run->op.aecs = wq->device->aecs[r->mode->id];
	run->op.flags = wq->op_flags | (r->irq ? IDXD_OP_FLAG_RCI : 0);
}

/* What they have not */
static const struct iaa_op *iaa_unit_op(const struct iaa_unit *unit, struct iaa_op *op)
{
	op->src = unit->in.dma;
	op->dst = unit->out.dma;
	op->record = unit->desc->compl_dma;
	op->slen = unit->in.len;
	op->dlen = unit->out.len;

	return op;
}

static struct iaa_slot *iaa_unit_slot(const struct iaa_unit *unit)
{
	return &unit->run->wq->slots[unit->desc->id];
}

/* From here on its interrupt may come, but for who drives the request not yet. */
static void iaa_unit_expect_irq(struct iaa_unit *unit)
{
	unit->arrived = false;
	iaa_slot_depart(iaa_unit_slot(unit), unit);
	unit->req->expected++;
}

/* The queue did not take it, so there will be none. */
static void iaa_unit_expect_no_irq(struct iaa_unit *unit)
{
	iaa_slot_forget(iaa_unit_slot(unit));
	unit->req->expected--;
}

static void iaa_unit_to_software(struct iaa_unit *unit, u8 cause)
{
	unit->cause = cause;
	unit->req->ready &= ~unit->bit;
	unit->req->soft |= unit->bit;
}

/* Returns which, up to @nr of them. */
static unsigned long iaa_take_descs(struct iaa_pool *pool, unsigned int nr)
{
	unsigned long rest, free = atomic_long_read(&pool->free);
	unsigned int i;

	do {
		rest = free;
		for (i = 0; i < nr && rest; i++)
			rest &= rest - 1;
	} while (rest != free && !atomic_long_try_cmpxchg_acquire(&pool->free, &free, rest));

	return free ^ rest;
}

/* The next who has them may overwrite their records, which were read before. */
static void iaa_give_descs(struct iaa_pool *pool, unsigned long descs)
{
	if (descs)
		atomic_long_fetch_or_release(descs, &pool->free);
}

/* The lowest descriptors go to the first units, so it keeps as many as it has. */
static void iaa_run_keep_descs(struct iaa_run *run, unsigned int nr)
{
	unsigned long rest = run->descs;

	while (nr--)
		rest &= rest - 1;
	run->descs &= ~rest;
	iaa_give_descs(run->pool, rest);
}

/* Nothing of it is in flight. What the queue refused is ready again. */
static void iaa_run_end(struct iaa_req *r, struct iaa_run *run)
{
	struct iaa_wq *wq = run->wq;

	iaa_dma_unmap(r, wq->device->dev, run->units);
	iaa_give_descs(run->pool, run->descs);
	r->flight &= ~run->units;
	r->ready |= run->refused;
	r->running &= ~BIT(run - r->runs);
	percpu_ref_put(&wq->ref);
}

static void iaa_record_clear(struct iax_completion_record *record)
{
	/* Up to and with the CRC: what is looked at. */
	memset((void *)record, 0, offsetofend(struct iax_completion_record, crc));
}

static void iaa_unit_fill_desc(struct iaa_req *r, struct iaa_unit *unit, struct iaa_op *op)
{
	struct idxd_desc *desc = unit->desc;

	iaa_record_clear(desc->iax_completion);
	iaa_unit_op(unit, op);
	if (r->role == IAA_COMP)
		iaa_desc_compress(desc->iax_hw, op, r->mode);
	else
		iaa_desc_decompress(desc->iax_hw, op);
}

/* Gives each unit its descriptor. */
static void iaa_run_take_off(struct iaa_req *r, struct iaa_run *run,
			     struct iaa_unit **units, unsigned int nr)
{
	unsigned long left = run->descs, bits = 0;
	unsigned int i;

	iaa_run_set_op(r, run);
	for (i = 0; i < nr; i++, left &= left - 1) {
		struct iaa_unit *unit = units[i];

		unit->desc = run->pool->descs[__ffs(left)];
		unit->run = run;
		unit->given_up = false;
		iaa_unit_fill_desc(r, unit, &run->op);
		r->descs[i] = unit->desc;
		bits |= unit->bit;
	}

	run->units = bits;
	r->running |= BIT(run - r->runs);
	r->ready &= ~bits;
	r->flight |= bits;
}

static unsigned long iaa_unit_bits(struct iaa_unit **units, unsigned int nr)
{
	unsigned long bits = 0;

	while (nr--)
		bits |= units[nr]->bit;

	return bits;
}

/* As iaa_run_give(), of the descriptors alone. */
static unsigned int iaa_run_give_descs(struct iaa_req *r, struct iaa_run *run, unsigned int nr)
{
	int accepted = idxd_submit_descs(run->wq->idxd_wq, r->descs, nr);

	if (likely(accepted >= 0))
		return accepted;
	iaa_wq_stop(run->wq, run->wq->idxd_wq->idxd->state == IDXD_DEV_HALTED ?
			     IAA_OUT_HALTED : IAA_OUT_QUIESCED);

	return 0;
}

static unsigned int iaa_run_give_with_irqs(struct iaa_req *r, struct iaa_run *run,
					   struct iaa_unit **units, unsigned int nr)
{
	unsigned int accepted, i;

	for (i = 0; i < nr; i++)
		iaa_unit_expect_irq(units[i]);
	accepted = iaa_run_give_descs(r, run, nr);
	for (i = 0; i < accepted; i++)
		iaa_slot_watch(iaa_unit_slot(units[i]));
	for (; i < nr; i++)
		iaa_unit_expect_no_irq(units[i]);
	iaa_wq_watch(run->wq);

	return accepted;
}

/*
 * Their descriptors are r->descs. Returns how many of the units, from the first,
 * the queue took.
 */
static unsigned int iaa_run_give(struct iaa_req *r, struct iaa_run *run,
				 struct iaa_unit **units, unsigned int nr)
{
	run->watched = false;
	if (r->irq)
		return iaa_run_give_with_irqs(r, run, units, nr);

	return iaa_run_give_descs(r, run, nr);
}

/* The units are mapped. Returns how many of them, from the first, are in the run. */
static unsigned int iaa_run_launch(struct iaa_req *r, struct iaa_run *run,
				   struct iaa_unit **units, unsigned int nr)
{
	unsigned int accepted;

	run->verifying = false;
	run->refused = 0;
	iaa_run_take_off(r, run, units, nr);
	accepted = iaa_run_give(r, run, units, nr);
	iaa_wq_count(run->wq, calls[r->role], accepted);
	trace_iaa_submit(run->wq, r->role, accepted);

	if (unlikely(accepted < nr))
		run->refused = iaa_unit_bits(units + accepted, nr - accepted);
	run->flight = run->units & ~run->refused;
	run->unseen = run->flight;
	if (likely(accepted))
		return nr;

	iaa_run_end(r, run);
	return 0;
}

/* How many of the units, from the first, are not too large for the queue. */
static unsigned int iaa_wq_nr_fitting(const struct iaa_wq *wq,
				      struct iaa_unit **units, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (units[i]->in.len > wq->max_xfer || units[i]->out.len > wq->max_xfer)
			break;

	return i;
}

/* As iaa_wq_submit(), with descriptors of one pool. */
static unsigned int iaa_pool_submit(struct iaa_req *r, struct iaa_wq *wq,
				    struct iaa_pool *pool, struct iaa_unit **units,
				    unsigned int nr)
{
	/* Each has a unit of the window, and @units[0] is in none. */
	struct iaa_run *run = &r->runs[ffz(r->running)];
	unsigned int mapped;

	if (!percpu_ref_tryget_live_rcu(&wq->ref))
		return 0;
	run->wq = wq;
	run->pool = pool;
	run->descs = iaa_take_descs(pool, nr);
	nr = min_t(unsigned int, nr, hweight_long(run->descs));
	mapped = nr ? iaa_dma_map(r, wq, units, nr) : 0;
	if (likely(mapped)) {
		if (mapped < nr)
			iaa_run_keep_descs(run, mapped);
		return iaa_run_launch(r, run, units, mapped);
	}

	iaa_give_descs(pool, run->descs);
	percpu_ref_put(&wq->ref);
	if (!nr)
		return 0;
	iaa_unit_to_software(units[0], IAA_CAUSE_MAPPING);
	return 1;
}

/* Returns how many of the units, from the first, are not ready any more. */
static unsigned int iaa_wq_submit(struct iaa_req *r, struct iaa_wq *wq, unsigned int cpu,
				  struct iaa_unit **units, unsigned int nr)
{
	unsigned int i, done = 0;

	if (unlikely(r->longest > wq->max_xfer)) {
		nr = iaa_wq_nr_fitting(wq, units, nr);
		if (!nr) {
			iaa_unit_to_software(units[0], IAA_CAUSE_UNSUITED);
			return 1;
		}
	}

	for (i = 0; i < wq->nr_pools && done < nr; i++)
		done += iaa_pool_submit(r, wq, &wq->pools[(cpu + i) % wq->nr_pools],
					units + done, nr - done);

	return done;
}

static bool iaa_wq_can(const struct iaa_wq *wq, const struct iaa_req *r)
{
	return !(r->needs & ~wq->can);
}

/**
 * iaa_submit - submit units
 * @r: their request, driven by the caller
 * @units: units that are ready
 * @nr: how many, at least 1
 *
 * Gives each queue of the CPU a run of units, as many as the others. If a queue
 * has too few descriptors, those after it get more.
 *
 * Context: any; does not sleep
 * Return: how many of the units, from the first, are not ready any more, but in
 *	   flight, or to be done in software. With no queue for them that is all.
 */
unsigned int iaa_submit(struct iaa_req *r, struct iaa_unit **units, unsigned int nr)
{
	unsigned int nr_wqs, turn, i, done = 0;
	const struct iaa_map *map;
	bool found = false;
	int cpu;

	guard(rcu)();
	map = iaa_table_read();
	cpu = raw_smp_processor_id();
	nr_wqs = map ? iaa_map_nr(map, cpu, r->role) : 0;
	turn = this_cpu_inc_return(iaa_turn);

	for (i = 0; i < nr_wqs && done < nr; i++) {
		struct iaa_wq *wq = iaa_map_wq(map, cpu, r->role, turn + i);
		unsigned int share = DIV_ROUND_UP(nr - done, nr_wqs - i);

		if (!iaa_wq_can(wq, r))
			continue;
		found = true;
		done += iaa_wq_submit(r, wq, cpu, units + done, share);
	}

	if (done)
		iaa_count(batches[ilog2(done)]);
	if (found)
		return done;

	for (i = 0; i < nr; i++)
		iaa_unit_to_software(units[i], IAA_CAUSE_NO_QUEUE);
	return nr;
}

/* Without interrupts, by looking at the completion record. */
static bool iaa_unit_completed(const struct iaa_req *r, struct iaa_unit *unit)
{
	const struct iax_completion_record *record = unit->desc->iax_completion;

	if (r->irq) {
		/* Pairs with iaa_unit_arrived(): idxd has the descriptor until then. */
		return smp_load_acquire(&unit->arrived);
	}

	if (!READ_ONCE(record->status)) {
		if (likely(!iaa_wq_has_let_go(unit->run->wq)))
			return false;
		/* It may just have been in time. */
		unit->given_up = !READ_ONCE(record->status);
		iaa_wq_stop(unit->run->wq, IAA_OUT_CUT_OFF);
	}

	return true;
}

/**
 * iaa_run_completed - is all of a run out of the device's hands?
 * @r: its request, driven by the caller
 * @run: the run
 *
 * Context: any
 * Return: whether iaa_run_reap() may be called
 */
bool iaa_run_completed(struct iaa_req *r, struct iaa_run *run)
{
	for (; run->unseen; run->unseen &= run->unseen - 1)
		if (!iaa_unit_completed(r, &r->units[__ffs(run->unseen)]))
			return false;
	/* The device writes the status last. */
	dma_rmb();

	return true;
}

static enum iaa_outcome iaa_unit_outcome(const struct iaa_unit *unit)
{
	const struct iax_completion_record *record = unit->desc->iax_completion;

	if (unlikely(unit->given_up))
		return IAA_ABORTED;
	if (unit->run->verifying)
		return iaa_desc_verified(unit->desc->iax_hw, record, unit->in.len, unit->crc);

	return iaa_desc_outcome(unit->desc->iax_hw, record);
}

/**
 * iaa_unit_arrived - the driver of idxd is done with a descriptor
 * @desc: a descriptor that asked for an interrupt
 * @given_up: it has no status and will get none
 *
 * Called once for each such descriptor that was accepted.
 *
 * Context: task
 */
void iaa_unit_arrived(struct idxd_desc *desc, bool given_up)
{
	struct iaa_wq *wq = idxd_wq_get_private(desc->wq);
	struct iaa_slot *slot = &wq->slots[desc->id];
	struct iaa_unit *unit = slot->unit;
	struct iaa_req *r = unit->req;
	/* If it has, this is not the interrupt, but called with a lock held. */
	bool stopped = iaa_wq_has_let_go(wq);

	iaa_slot_forget(slot);
	unit->given_up = given_up;
	/* The device writes the status, which was seen, last. */
	dma_rmb();
	/* Pairs with iaa_unit_completed(). The queue may be gone after this. */
	smp_store_release(&unit->arrived, true);
	iaa_req_kick(r, !stopped);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_unit_arrived);

/* Takes note of what became of a unit. Returns the compressed bytes that were handled. */
static u32 iaa_unit_settle(struct iaa_req *r, struct iaa_unit *unit, enum iaa_outcome outcome)
{
	u32 produced = unit->run->verifying ? unit->clen :
					      unit->desc->iax_completion->output_size;

	trace_iaa_complete(unit, outcome, produced);
	if (likely(outcome == IAA_DONE)) {
		iaa_req_note(r, unit, produced);
		return r->role == IAA_COMP ? produced : unit->in.len;
	}

	if (iaa_outcome_needs_software(outcome)) {
		iaa_unit_to_software(unit, outcome);
	} else {
		iaa_req_note(r, unit, -ENOSPC);
		iaa_count(overflows);
	}

	return 0;
}

static void iaa_unit_prepare_verify(struct iaa_unit *unit, struct iaa_op *op)
{
	struct iax_completion_record *record = unit->desc->iax_completion;

	unit->clen = record->output_size;
	unit->crc = record->crc;
	iaa_unit_op(unit, op);
	iaa_desc_verify(unit->desc->iax_hw, op, unit->clen);
	iaa_record_clear(record);
}

/*
 * Uses the units' own descriptors, as to wait for others might be for ever.
 * Returns false if no unit is in flight again.
 */
static bool iaa_run_verify(struct iaa_req *r, struct iaa_run *run, unsigned long which)
{
	struct iaa_unit *units[IAA_WINDOW];
	unsigned int nr = 0, accepted;

	run->verifying = true;
	for (; which; which &= which - 1, nr++) {
		units[nr] = &r->units[__ffs(which)];
		r->descs[nr] = units[nr]->desc;
		iaa_unit_prepare_verify(units[nr], &run->op);
	}

	accepted = iaa_run_give(r, run, units, nr);
	iaa_count_many(verifications, accepted);
	run->flight = iaa_unit_bits(units, accepted);
	run->unseen = run->flight;
	while (nr-- > accepted)
		iaa_unit_settle(r, units[nr], IAA_ABORTED);

	return accepted;
}

/**
 * iaa_run_reap - take note of what became of the units of a run
 * @r: its request, driven by the caller
 * @run: a run for which iaa_run_completed() said so
 *
 * Ends the run, unless there is something to verify, which is in flight then.
 *
 * Context: any; does not sleep
 */
void iaa_run_reap(struct iaa_req *r, struct iaa_run *run)
{
	bool verify = r->verify && !run->verifying;
	unsigned long rest, again = 0;
	u32 bytes = 0;

	if (unlikely(run->watched))
		iaa_run_unwatch(r, run);
	for (rest = run->flight; rest; rest &= rest - 1) {
		struct iaa_unit *unit = &r->units[__ffs(rest)];
		enum iaa_outcome outcome = iaa_unit_outcome(unit);

		if (unlikely(verify) && outcome == IAA_DONE)
			again |= unit->bit;
		else
			bytes += iaa_unit_settle(r, unit, outcome);
	}
	if (bytes)
		iaa_wq_count(run->wq, bytes[r->role], bytes);

	if (!again || !iaa_run_verify(r, run, again))
		iaa_run_end(r, run);
}
