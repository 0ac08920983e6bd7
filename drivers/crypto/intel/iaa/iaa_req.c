// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: a window that moves over units.
 *
 *	        +----------------------------------------+
 *	        |                no descriptor           |
 *	        v                                        |
 *	left -> ready -> flight -> (verified: flight) -> result
 *	          |         |                              ^
 *	          +---------+--> soft ---------------------+
 *
 * One context at a time drives a request:
 *
 * - the submitter, inside the call;
 * - who polls, if the submitter has announced that;
 * - with interrupts, whoever makes kicks one. Each interrupt adds one; the driver
 *   subtracts those that it has taken note of, and goes on if there are more.
 *   So the submitter keeps interrupts away while it submits, and two interrupts
 *   on two CPUs never drive together, without a lock around any of it;
 * - the work item of the request. It takes over where software is needed and the
 *   driver is an interrupt; where a submitter would spin for too long; and where
 *   there is neither a descriptor nor an interrupt to expect.
 *
 * The submitter may free a request as soon as it is completed. Interrupts touch
 * it last when they kick, so it is not completed before all have.
 */
#include <linux/processor.h>
#include <linux/sched.h>
#include "idxd.h"
#include "iaa.h"

/* How long units wait for descriptors while nothing else changes. */
#define IAA_DESC_WAIT	ms_to_ktime(10)
/* How long a submitter spins while nothing changes. */
#define IAA_SPIN	ms_to_ktime(10)
/* How long somebody polls in vain before the queue's watchdog does so, too. */
#define IAA_PATIENCE	ms_to_ktime(1)

static bool iaa_req_settled(const struct iaa_req *r)
{
	return !(r->left || r->ready || r->flight || r->soft);
}

/* Of all units, which have their results. */
static int iaa_req_result(struct iaa_req *r)
{
	struct acomp_req *req = iaa_req_base(r);

	if (r->has_units)
		return acomp_request_finish_units(req);
	if (r->result < 0)
		return r->result;
	req->dlen = r->result;
	return 0;
}

static void iaa_req_complete(struct iaa_req *r)
{
	int err = iaa_req_result(r);

	acomp_request_complete_task(iaa_req_base(r), err);
}

static bool iaa_req_reap(struct iaa_req *r)
{
	unsigned long rest = r->running;
	bool progress = false;

	for (; rest; rest &= rest - 1) {
		struct iaa_run *run = &r->runs[__ffs(rest)];

		if (!iaa_run_completed(r, run))
			continue;
		iaa_run_reap(r, run);
		progress = true;
	}

	return progress;
}

/* Steps over what the units so far have used of the source. */
static void iaa_req_find_src(struct iaa_req *r)
{
	while (r->src_offset >= r->src->length) {
		r->src_offset -= r->src->length;
		r->src = sg_next(r->src);
	}
}

static void iaa_req_lengths(const struct iaa_req *r, struct iaa_unit *unit,
			    const struct acomp_req *req)
{
	if (!r->has_units) {
		unit->in.len = req->slen;
		unit->out.len = req->dlen;
	} else if (r->role == IAA_COMP) {
		unit->in.len = r->unit_size;
		unit->out.len = r->dst->length;
	} else {
		unit->in.len = r->src->length;
		unit->out.len = r->unit_size;
	}
}

static void iaa_req_next_unit(struct iaa_req *r, struct iaa_unit *unit)
{
	if (r->has_units && r->role == IAA_COMP)
		iaa_req_find_src(r);
	unit->req = r;
	unit->bit = BIT(unit - r->units);
	unit->src = r->src;
	unit->src_offset = r->src_offset;
	unit->dst = r->dst;
	unit->bounce = NULL;
	iaa_req_lengths(r, unit, iaa_req_base(r));
	unit->in.phys = sg_phys(r->src) + r->src_offset;
	unit->out.phys = sg_phys(r->dst);

	if (!--r->left)
		return;
	r->dst = sg_next(r->dst);
	if (r->role == IAA_COMP)
		r->src_offset += r->unit_size;
	else
		r->src = sg_next(r->src);
}

/* A scattered source is copied to a page. */
static bool iaa_req_suits(struct iaa_req *r, const struct iaa_unit *unit)
{
	u32 in = unit->in.len, out = unit->out.len;

	if (!in || !out || unit->dst->length < out)
		return false;
	if (r->role == IAA_COMP && !iaa_mode_takes(r->mode, in))
		return false;
	if (!iaa_unit_is_linear(unit)) {
		if (in > PAGE_SIZE)
			return false;
		r->scattered = true;
	}
	r->longest = max3(r->longest, in, out);

	return true;
}

static void iaa_req_load(struct iaa_req *r)
{
	unsigned long free = GENMASK(IAA_WINDOW - 1, 0) & ~(r->ready | r->flight | r->soft);

	while (r->left && free) {
		struct iaa_unit *unit = &r->units[__ffs(free)];

		iaa_req_next_unit(r, unit);
		if (!unit->out.len && r->role == IAA_COMP) {
			iaa_req_note(r, unit, -ENOSPC);
			continue;
		}

		free &= free - 1;
		if (likely(iaa_req_suits(r, unit))) {
			r->ready |= unit->bit;
		} else {
			unit->cause = IAA_CAUSE_UNSUITED;
			r->soft |= unit->bit;
		}
	}
}

/*
 * The ready ones, in the order in which to submit them. The longest stream takes
 * the device the longest, so it had better not be the last.
 */
static unsigned int iaa_req_order(struct iaa_req *r)
{
	struct iaa_unit **units = r->order;
	unsigned long rest;
	unsigned int i, nr = 0;

	for (rest = r->ready; rest; rest &= rest - 1) {
		struct iaa_unit *unit = &r->units[__ffs(rest)];

		i = nr++;
		if (r->role == IAA_DECOMP)
			for (; i && units[i - 1]->in.len < unit->in.len; i--)
				units[i] = units[i - 1];
		units[i] = unit;
	}

	return nr;
}

/* Returns whether anything changed. */
static bool iaa_req_advance(struct iaa_req *r)
{
	bool progress = iaa_req_reap(r);

	iaa_req_load(r);
	if (r->ready)
		progress |= iaa_submit(r, r->order, iaa_req_order(r)) > 0;
	if (progress)
		r->looked = 0;

	return progress;
}

static void iaa_req_give_up_hardware(struct iaa_req *r)
{
	unsigned long rest;

	for (rest = r->ready; rest; rest &= rest - 1)
		r->units[__ffs(rest)].cause = IAA_CAUSE_NO_DESC;
	r->soft |= r->ready;
	r->ready = 0;
}

/* What has an interrupt is watched anyway. */
static void iaa_req_watch_runs(struct iaa_req *r)
{
	unsigned long rest;

	for (rest = r->running; rest; rest &= rest - 1) {
		struct iaa_run *run = &r->runs[__ffs(rest)];

		if (!run->watched)
			iaa_run_watch(r, run);
	}
}

/*
 * Nothing has changed. Returns for how long somebody has looked: that he did not is
 * nobody's fault.
 */
static ktime_t iaa_req_watch_clock(struct iaa_req *r)
{
	ktime_t now = ktime_get();

	r->waited = r->looked ? r->waited + iaa_look_counts(now, r->looked) : 0;
	r->looked = now;

	if (r->ready && ktime_after(r->waited, IAA_DESC_WAIT))
		iaa_req_give_up_hardware(r);
	if (!r->irq && ktime_after(r->waited, IAA_PATIENCE))
		iaa_req_watch_runs(r);

	return r->waited;
}

/*
 * Only with nothing in flight, so that no buffer of the request is mapped, and
 * the devices have not been waited for while they were idle.
 */
static void iaa_req_run_software(struct iaa_req *r, bool may_sleep)
{
	for (; r->soft; r->soft &= r->soft - 1) {
		struct iaa_unit *unit = &r->units[__ffs(r->soft)];

		iaa_req_note(r, unit, iaa_fallback(r, unit));
		if (may_sleep)
			cond_resched();
	}
	r->looked = 0;
}

/* Returns for how long nothing has changed. */
static ktime_t iaa_req_turn(struct iaa_req *r, bool may_sleep)
{
	ktime_t waited = 0;

	if (!iaa_req_advance(r))
		waited = iaa_req_watch_clock(r);
	if (r->soft && !r->flight) {
		iaa_req_run_software(r, may_sleep);
		waited = 0;
	}

	return waited;
}

/* Software must not run in an interrupt, and nobody comes for what has no descriptor. */
static bool iaa_req_needs_work(const struct iaa_req *r)
{
	return (r->soft || r->ready) && !r->flight;
}

static void iaa_req_queue_work(struct iaa_req *r)
{
	queue_delayed_work(iaa_workqueue, &r->work, r->soft ? 0 : 1);
}

/*
 * Drives a request with interrupts as long as there are kicks, r->owned of which
 * the caller holds and has subtracted from r->expected. Returns true if the
 * request is to be completed; else it may be gone.
 */
static bool iaa_req_drive(struct iaa_req *r)
{
	for (;;) {
		int more;

		iaa_req_advance(r);
		if (iaa_req_needs_work(r)) {
			/* The work owns the kicks now. */
			iaa_req_queue_work(r);
			return false;
		}
		if (iaa_req_settled(r) && !r->expected)
			return true;

		/* Full barrier: the next one to drive sees what this one did. */
		more = atomic_sub_return(r->owned, &r->kicks);
		if (!more)
			return false;
		r->owned = more;
		r->expected -= more;
	}
}

static void iaa_req_work_irq(struct iaa_req *r)
{
	if (r->soft)
		iaa_req_run_software(r, true);
	else
		iaa_req_watch_clock(r);
	if (iaa_req_drive(r))
		iaa_req_complete(r);
}

static void iaa_req_work_poll(struct iaa_req *r)
{
	ktime_t waited = iaa_req_turn(r, true);

	if (iaa_req_settled(r))
		iaa_req_complete(r);
	else
		queue_delayed_work(iaa_workqueue, &r->work, waited ? 1 : 0);
}

static void iaa_req_work(struct work_struct *work)
{
	struct iaa_req *r = container_of(to_delayed_work(work), struct iaa_req, work);

	if (r->irq)
		iaa_req_work_irq(r);
	else
		iaa_req_work_poll(r);
}

static int iaa_req_submit_irq(struct iaa_req *r)
{
	INIT_DELAYED_WORK(&r->work, iaa_req_work);
	atomic_set(&r->kicks, 1);
	r->owned = 1;
	r->expected = 0;
	if (iaa_req_drive(r))
		return iaa_req_result(r);

	return -EINPROGRESS;
}

static int iaa_req_submit_sync(struct iaa_req *r)
{
	for (;;) {
		ktime_t waited = iaa_req_turn(r, r->may_sleep);

		if (iaa_req_settled(r))
			return iaa_req_result(r);
		if (ktime_after(waited, IAA_SPIN))
			break;
		cpu_relax();
		if (r->may_sleep)
			cond_resched();
	}

	INIT_DELAYED_WORK(&r->work, iaa_req_work);
	iaa_req_queue_work(r);
	return -EINPROGRESS;
}

/**
 * iaa_req_submit - submit a request
 * @r: the request, set up by iaa_alg.c
 *
 * Context: any but hard interrupt. Does not sleep unless r->may_sleep. With
 *	    neither polling nor interrupts, spins until the request is done, but
 *	    not for longer than IAA_SPIN without a change.
 * Return: -EINPROGRESS if the request will be completed; else its result
 */
int iaa_req_submit(struct iaa_req *r)
{
	if (r->irq)
		return iaa_req_submit_irq(r);
	if (!r->polled)
		return iaa_req_submit_sync(r);

	iaa_req_advance(r);
	if (!iaa_req_settled(r))
		return -EINPROGRESS;
	r->polled = false;
	return iaa_req_result(r);
}

/**
 * iaa_req_poll - look for what is done of a request, and go on with it
 * @r: the request
 *
 * Leaves a request alone that is completed, or that is completed by other means.
 *
 * Context: task, may sleep. One thread at a time polls a request.
 * Return: whether it has to be polled again
 */
bool iaa_req_poll(struct iaa_req *r)
{
	if (!r->polled)
		return false;

	iaa_req_turn(r, true);
	if (!iaa_req_settled(r))
		return true;
	r->polled = false;
	iaa_req_complete(r);

	return false;
}

/**
 * iaa_req_kick - tell a request that one of its units has arrived
 * @r: a request with interrupts; it may be gone afterwards
 * @now: whether to drive it here, else in its work item
 *
 * Called once for each unit that was submitted.
 *
 * Context: task
 */
void iaa_req_kick(struct iaa_req *r, bool now)
{
	/* Full barrier: see iaa_req_drive(). */
	if (atomic_inc_return(&r->kicks) > 1)
		return;

	r->owned = 1;
	r->expected--;
	if (!now)
		iaa_req_queue_work(r);
	else if (iaa_req_drive(r))
		iaa_req_complete(r);
}
