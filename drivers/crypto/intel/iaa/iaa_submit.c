// SPDX-License-Identifier: GPL-2.0
/*
 * Units on their way to a queue and back.
 *
 * A unit that is in flight has a descriptor, mapped buffers and a reference to its
 * queue. It keeps all three until the device has completed it, or cannot touch
 * it any more, however long that takes.
 */
#include <linux/dma-mapping.h>
#include <linux/math.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"
#include "iaa_trace.h"

/* Which of the queues of its span a CPU begins with: another one each time. */
static DEFINE_PER_CPU(unsigned int, iaa_turn);

static void iaa_unit_op(const struct iaa_unit *unit, struct iaa_op *op)
{
	const struct iaa_wq *wq = unit->wq;

	*op = (struct iaa_op) {
		.src = unit->src_dma,
		.dst = unit->dst_dma,
		.record = unit->desc->compl_dma,
		.aecs = wq->device->aecs[unit->req->mode->id],
		.slen = unit->slen,
		.dlen = unit->dlen,
		.cache = wq->cache,
		.irq = unit->req->irq,
	};
}

static void iaa_unit_fill_desc(const struct iaa_unit *unit)
{
	struct iax_hw_desc *hw = unit->desc->iax_hw;
	struct iaa_op op;

	iaa_unit_op(unit, &op);
	if (unit->req->role == IAA_COMP)
		iaa_desc_compress(hw, &op, unit->req->mode);
	else
		iaa_desc_decompress(hw, &op);
}

/* From here on its interrupt may come, but for who drives the request not yet. */
static void iaa_unit_expect_irq(struct iaa_unit *unit)
{
	struct iaa_slot *slot = &unit->wq->slots[unit->desc->id];

	unit->arrived = false;
	slot->unit = unit;
	WRITE_ONCE(slot->deadline, unit->deadline);
	unit->req->expected++;
	iaa_wq_watch(unit->wq);
}

/* The queue did not take it, so there will be none. */
static void iaa_unit_expect_no_irq(struct iaa_unit *unit)
{
	WRITE_ONCE(unit->wq->slots[unit->desc->id].deadline, 0);
	unit->req->expected--;
}

static void iaa_unit_take_off(struct iaa_unit *unit, struct iaa_wq *wq,
			      struct idxd_desc *desc, ktime_t deadline)
{
	unit->wq = wq;
	unit->desc = desc;
	unit->deadline = deadline;
	unit->verifying = false;
	unit->given_up = false;
	iaa_unit_fill_desc(unit);
	if (unit->req->irq)
		iaa_unit_expect_irq(unit);
	unit->req->ready &= ~iaa_unit_bit(unit);
	unit->req->flight |= iaa_unit_bit(unit);
}

/* Gives back all that a unit has because it is, or was to be, in flight. */
static void iaa_unit_land(struct iaa_unit *unit)
{
	struct iaa_wq *wq = unit->wq;

	iaa_dma_unmap(unit->req, wq->device->dev, unit);
	idxd_free_desc(wq->idxd_wq, unit->desc);
	unit->req->flight &= ~iaa_unit_bit(unit);
	percpu_ref_put(&wq->ref);
}

static void iaa_unit_return(struct iaa_unit *unit)
{
	if (unit->req->irq)
		iaa_unit_expect_no_irq(unit);
	iaa_unit_land(unit);
	unit->req->ready |= iaa_unit_bit(unit);
}

static void iaa_unit_to_software(struct iaa_unit *unit, u8 cause)
{
	unit->cause = cause;
	unit->req->ready &= ~iaa_unit_bit(unit);
	unit->req->soft |= iaa_unit_bit(unit);
}

static unsigned int iaa_get_descs(struct iaa_wq *wq, struct idxd_desc **descs,
				  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		descs[i] = idxd_alloc_desc(wq->idxd_wq, IDXD_OP_NONBLOCK);
		if (IS_ERR(descs[i]))
			break;
	}

	return i;
}

static void iaa_put_descs(struct iaa_wq *wq, struct idxd_desc **descs, unsigned int nr)
{
	while (nr--)
		idxd_free_desc(wq->idxd_wq, descs[nr]);
}

/* The units are mapped. Returns how many the queue took; the rest is ready again. */
static unsigned int iaa_launch(struct iaa_req *r, struct iaa_wq *wq,
			       struct iaa_unit **units, struct idxd_desc **descs,
			       unsigned int nr)
{
	ktime_t deadline = ktime_add(ktime_get(), iaa_wq_timeout());
	unsigned int accepted, i;

	/* The caller has the first one's. */
	if (nr > 1)
		percpu_ref_get_many(&wq->ref, nr - 1);
	for (i = 0; i < nr; i++)
		iaa_unit_take_off(units[i], wq, descs[i], deadline);

	accepted = idxd_submit_descs(wq->idxd_wq, descs, nr);
	iaa_wq_count(wq, calls[r->role], accepted);
	trace_iaa_submit(wq, r->role, accepted);

	for (i = accepted; i < nr; i++)
		iaa_unit_return(units[i]);

	return accepted;
}

/* How many of the units, from the first, are not too large for the queue. */
static unsigned int iaa_wq_nr_fitting(const struct iaa_wq *wq,
				      struct iaa_unit **units, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (units[i]->slen > wq->max_xfer || units[i]->dlen > wq->max_xfer)
			break;

	return i;
}

/* Returns how many of the units, from the first, are not ready any more. */
static unsigned int iaa_wq_submit(struct iaa_req *r, struct iaa_wq *wq,
				  struct iaa_unit **units, unsigned int nr)
{
	struct idxd_desc *descs[IAA_WINDOW];
	unsigned int mapped, accepted;

	nr = iaa_wq_nr_fitting(wq, units, nr);
	if (!nr) {
		iaa_unit_to_software(units[0], IAA_CAUSE_UNSUITED);
		return 1;
	}

	if (!percpu_ref_tryget_live_rcu(&wq->ref))
		return 0;

	nr = iaa_get_descs(wq, descs, nr);
	mapped = nr ? iaa_dma_map(r, wq->device->dev, units, nr) : 0;
	iaa_put_descs(wq, descs + mapped, nr - mapped);
	if (!mapped) {
		percpu_ref_put(&wq->ref);
		accepted = 0;
	} else {
		accepted = iaa_launch(r, wq, units, descs, mapped);
	}

	if (mapped < nr && accepted == mapped) {
		iaa_unit_to_software(units[mapped], IAA_CAUSE_MAPPING);
		return mapped + 1;
	}

	return accepted;
}

static bool iaa_wq_can(const struct iaa_wq *wq, const struct iaa_req *r)
{
	return r->role == IAA_DECOMP || wq->device->modes & BIT(r->mode->id);
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
		done += iaa_wq_submit(r, wq, units + done, share);
	}

	if (done)
		iaa_count(batches[ilog2(done)]);
	if (found)
		return done;

	for (i = 0; i < nr; i++)
		iaa_unit_to_software(units[i], IAA_CAUSE_NO_QUEUE);
	return nr;
}

/**
 * iaa_unit_completed - is a unit out of the device's hands?
 * @unit: a unit in flight
 *
 * Without interrupts, by looking at the completion record.
 *
 * Context: any
 * Return: whether iaa_unit_reap() may be called
 */
bool iaa_unit_completed(struct iaa_unit *unit)
{
	const struct iax_completion_record *record = unit->desc->iax_completion;

	/* Pairs with iaa_unit_arrived(): idxd has the descriptor until then. */
	if (unit->req->irq)
		return smp_load_acquire(&unit->arrived);

	if (!READ_ONCE(record->status)) {
		if (likely(!iaa_wq_has_let_go(unit->wq)))
			return false;
		/* It may just have been in time. */
		unit->given_up = !READ_ONCE(record->status);
		iaa_wq_overdue(unit->wq);
	}
	/* The device writes the status last. */
	dma_rmb();

	return true;
}

static enum iaa_outcome iaa_unit_outcome(const struct iaa_unit *unit)
{
	const struct iax_completion_record *record = unit->desc->iax_completion;

	if (unit->given_up)
		return IAA_ABORTED;
	if (unit->verifying)
		return iaa_desc_verified(unit->desc->iax_hw, record, unit->slen, unit->crc);

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

	WRITE_ONCE(slot->deadline, 0);
	unit->given_up = given_up;
	/* The device writes the status, which was seen, last. */
	dma_rmb();
	/* Pairs with iaa_unit_completed(). The queue may be gone after this. */
	smp_store_release(&unit->arrived, true);
	iaa_req_kick(r, !stopped);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_unit_arrived);

/* Uses the unit's own descriptor, as to wait for another might be for ever. */
static bool iaa_unit_verify(struct iaa_unit *unit)
{
	struct iax_completion_record *record = unit->desc->iax_completion;
	struct iaa_op op;

	unit->verifying = true;
	unit->clen = record->output_size;
	unit->crc = record->crc;
	unit->deadline = ktime_add(ktime_get(), iaa_wq_timeout());
	iaa_unit_op(unit, &op);
	iaa_desc_verify(unit->desc->iax_hw, &op, unit->clen);
	WRITE_ONCE(record->status, 0);
	if (unit->req->irq)
		iaa_unit_expect_irq(unit);
	if (idxd_submit_descs(unit->wq->idxd_wq, &unit->desc, 1))
		return true;

	if (unit->req->irq)
		iaa_unit_expect_no_irq(unit);
	return false;
}

static u32 iaa_unit_produced(const struct iaa_unit *unit)
{
	return unit->verifying ? unit->clen : unit->desc->iax_completion->output_size;
}

static void iaa_unit_count(const struct iaa_unit *unit, enum iaa_outcome outcome, u32 produced)
{
	enum iaa_role role = unit->req->role;

	trace_iaa_complete(unit, outcome, produced);
	if (outcome == IAA_DONE)
		iaa_wq_count(unit->wq, bytes[role], role == IAA_COMP ? produced : unit->slen);
	else if (outcome == IAA_NO_SPACE && role == IAA_COMP)
		iaa_count(overflows);
}

/**
 * iaa_unit_reap - take a unit out of flight
 * @unit: a unit for which iaa_unit_completed() said so
 * @result: what to note the result in: bytes produced, or -ENOSPC
 *
 * Context: any; does not sleep
 * Return: what is next for the unit. Unless it is to be verified, its buffers are
 *	   not mapped any more, apart from a source that it has in common with
 *	   others in flight
 */
enum iaa_next iaa_unit_reap(struct iaa_unit *unit, int *result)
{
	enum iaa_outcome outcome = iaa_unit_outcome(unit);
	u32 produced;

	if (outcome == IAA_DONE && unit->req->verify && !unit->verifying) {
		if (iaa_unit_verify(unit))
			return IAA_NEXT_VERIFY;
		outcome = IAA_ABORTED;
	}

	produced = iaa_unit_produced(unit);
	iaa_unit_count(unit, outcome, produced);
	iaa_unit_land(unit);
	if (iaa_outcome_needs_software(outcome)) {
		iaa_unit_to_software(unit, outcome);
		return IAA_NEXT_SOFTWARE;
	}

	*result = outcome == IAA_DONE ? produced : -ENOSPC;
	return IAA_NEXT_RESULT;
}
