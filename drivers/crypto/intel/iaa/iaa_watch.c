// SPDX-License-Identifier: GPL-2.0
/*
 * The watchdog of a queue: is the device late, or is it who waits for it?
 *
 * Who waits may be kept from the CPU for any time: by others, by a hypervisor, or
 * because the machine was paused. So time that passed says nothing about the
 * device. What counts is time in which somebody looked at the completion record
 * and found nothing there, and the watchdog is who looks: often if there is
 * something to suspect, else seldom. A look counts for IAA_LOOK_MAX at most,
 * however long ago the last one was, so a watchdog that is kept from the CPU finds
 * nobody guilty. A unit whose record has a status never makes a queue stop.
 *
 * Watched is what asked for an interrupt, and what somebody has polled for in vain
 * for IAA_PATIENCE. Each unit that is watched has a number, so that a descriptor
 * that is used again is not taken for one that never came back.
 */
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

#define IAA_TIMEOUT_MIN_MS	1
#define IAA_TIMEOUT_MAX_MS	60000

/* Between two looks when a unit is suspected */
#define IAA_LOOK_MS		4
/* How many looks a time limit has when none is */
#define IAA_CALM_LOOKS		4

VISIBLE_IF_KUNIT unsigned int iaa_timeout_ms = 1000;
EXPORT_SYMBOL_IF_KUNIT(iaa_timeout_ms);

static int iaa_set_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, IAA_TIMEOUT_MIN_MS, IAA_TIMEOUT_MAX_MS);
}

static const struct kernel_param_ops iaa_timeout_ops = {
	.set = iaa_set_timeout,
	.get = param_get_uint,
};
module_param_cb(timeout_ms, &iaa_timeout_ops, &iaa_timeout_ms, 0644);
MODULE_PARM_DESC(timeout_ms, "How long the device may take for a unit, 1 to 60000 ms [1000]");

/* Apart from what takes long, and ahead of other tasks: looks are short. */
static struct workqueue_struct *iaa_watch_queue;

/* Of a slot: not watched; on its way to the device; else the number of its unit */
#define IAA_UNWATCHED	0
#define IAA_DEPARTING	-1

/**
 * iaa_wq_timeout - how long a device may take for a unit
 *
 * Return: the time
 */
ktime_t iaa_wq_timeout(void)
{
	return ms_to_ktime(READ_ONCE(iaa_timeout_ms));
}

/* What owns the slot's descriptor calls this, so nobody else counts. */
static int iaa_slot_next_number(struct iaa_slot *slot)
{
	slot->number = slot->number % INT_MAX + 1;

	return slot->number;
}

/**
 * iaa_slot_depart - a unit with interrupt is about to be submitted
 * @slot: slot of its descriptor, which the caller has
 * @unit: the unit
 *
 * Its interrupt may come as soon as it is submitted, before iaa_slot_watch().
 *
 * Context: any
 */
void iaa_slot_depart(struct iaa_slot *slot, struct iaa_unit *unit)
{
	slot->unit = unit;
	atomic_set(&slot->watched, IAA_DEPARTING);
}

/**
 * iaa_slot_watch - the device has a unit since iaa_slot_depart()
 * @slot: slot of its descriptor
 *
 * Not before: who submits may be kept from the CPU in between for any time. Does
 * nothing if the unit has arrived meanwhile.
 *
 * Context: any. The caller has the descriptor.
 */
void iaa_slot_watch(struct iaa_slot *slot)
{
	atomic_cmpxchg(&slot->watched, IAA_DEPARTING, iaa_slot_next_number(slot));
}

/**
 * iaa_slot_forget - the device does not have a unit any more
 * @slot: slot of its descriptor
 *
 * Context: any
 */
void iaa_slot_forget(struct iaa_slot *slot)
{
	atomic_set(&slot->watched, IAA_UNWATCHED);
}

/* Applies to what a run of polled units has in flight. */
static void iaa_run_each_slot(struct iaa_req *r, struct iaa_run *run, bool watch)
{
	unsigned long rest;

	for (rest = run->flight; rest; rest &= rest - 1) {
		struct iaa_slot *slot = &run->wq->slots[r->units[__ffs(rest)].desc->id];

		atomic_set(&slot->watched, watch ? iaa_slot_next_number(slot) : IAA_UNWATCHED);
	}
	run->watched = watch;
	/* Pairs with iaa_slot_look(): the record may be cleared after this. */
	smp_wmb();
}

/**
 * iaa_run_watch - have units watched that are polled for in vain
 * @r: their request, driven by the caller
 * @run: the run that they are
 *
 * Context: any
 */
void iaa_run_watch(struct iaa_req *r, struct iaa_run *run)
{
	iaa_run_each_slot(r, run, true);
	iaa_wq_watch(run->wq);
}

/**
 * iaa_run_unwatch - the device does not have the units of a run any more
 * @r: their request, driven by the caller
 * @run: a run that is watched
 *
 * Context: any
 */
void iaa_run_unwatch(struct iaa_req *r, struct iaa_run *run)
{
	iaa_run_each_slot(r, run, false);
}

/* Not so long that a time limit passes between two looks. */
static unsigned long iaa_calm_interval(void)
{
	return max(1UL, msecs_to_jiffies(READ_ONCE(iaa_timeout_ms)) / IAA_CALM_LOOKS);
}

/**
 * iaa_wq_watch - have the watchdog look at a queue
 * @wq: a queue that the caller has a reference to, with a unit that is watched
 *
 * Context: any
 */
void iaa_wq_watch(struct iaa_wq *wq)
{
	/* Either the watchdog sees what is watched now, or this that it has ended. */
	smp_mb();
	if (!delayed_work_pending(&wq->watchdog))
		queue_delayed_work(iaa_watch_queue, &wq->watchdog, iaa_calm_interval());
}

/* What a look at a slot finds, from good to bad */
enum iaa_sight {
	IAA_NOTHING,
	IAA_ARRIVED,
	IAA_UNDER_WAY,
	IAA_SUSPECT,
	IAA_OVERDUE,
};

/* @elapsed counts for what was under way at the last look, too; see the clock first. */
static enum iaa_sight iaa_slot_look(struct iaa_slot *slot,
				    const struct iax_completion_record *record,
				    ktime_t elapsed)
{
	int number = atomic_read_acquire(&slot->watched);

	if (number == IAA_UNWATCHED || number == IAA_DEPARTING)
		return IAA_NOTHING;
	if (number != slot->seen) {
		slot->seen = number;
		slot->waited = 0;
		return READ_ONCE(record->status) ? IAA_ARRIVED : IAA_UNDER_WAY;
	}

	slot->waited += elapsed;
	if (READ_ONCE(record->status))
		return IAA_ARRIVED;
	/* Whoever uses the record next clears it after the slot's number has gone. */
	smp_rmb();
	if (atomic_read(&slot->watched) != number)
		return IAA_NOTHING;

	return slot->waited > iaa_wq_timeout() ? IAA_OVERDUE : IAA_SUSPECT;
}

/* The time since the last look, as far as it counts */
static ktime_t iaa_wq_elapsed(struct iaa_wq *wq)
{
	ktime_t now = ktime_get();
	ktime_t elapsed = iaa_look_counts(now, wq->looked);

	wq->looked = now;

	return elapsed;
}

/* The worst of all slots; @late: an interrupt has not been handled yet. */
static enum iaa_sight iaa_wq_look(struct iaa_wq *wq, bool *late)
{
	enum iaa_sight worst = IAA_NOTHING;
	ktime_t elapsed = iaa_wq_elapsed(wq);
	unsigned int i;

	for (i = 0; i < wq->nr_slots; i++) {
		const struct idxd_desc *desc = wq->idxd_wq->descs[i];
		enum iaa_sight sight = iaa_slot_look(&wq->slots[i], desc->iax_completion,
						     elapsed);

		*late |= sight == IAA_ARRIVED && desc->iax_hw->flags & IDXD_OP_FLAG_RCI;
		worst = max(worst, sight);
	}

	return worst;
}

/* An interrupt that is lost is as good as come; a thread that has no CPU will get it. */
static void iaa_wq_kick(struct iaa_wq *wq)
{
	struct idxd_irq_entry *ie = &wq->idxd_wq->ie;

	if (ie->vector > 0)
		irq_wake_thread(ie->vector, ie);
}

static void iaa_wq_watchdog_work(struct work_struct *work)
{
	struct iaa_wq *wq = container_of(to_delayed_work(work), struct iaa_wq, watchdog);
	unsigned long interval = msecs_to_jiffies(IAA_LOOK_MS);
	bool calm = wq->calm, late = false;
	enum iaa_sight sight = iaa_wq_look(wq, &late);

	if (late)
		iaa_wq_kick(wq);
	if (sight == IAA_NOTHING)
		return;
	if (sight == IAA_OVERDUE || READ_ONCE(wq->device->cut_off)) {
		iaa_wq_stop(wq, sight == IAA_OVERDUE ? IAA_OUT_OVERDUE : IAA_OUT_CUT_OFF);
		return;
	}

	/* On a busy queue something always is under way, but not for two looks. */
	wq->calm = !(sight == IAA_SUSPECT || (sight == IAA_UNDER_WAY && calm));
	if (wq->calm)
		interval = iaa_calm_interval();
	queue_delayed_work(iaa_watch_queue, &wq->watchdog, interval);
}

/**
 * iaa_watch_prepare - prepare the watchdog of a queue
 * @wq: a queue that nobody knows of yet
 */
void iaa_watch_prepare(struct iaa_wq *wq)
{
	wq->calm = true;
	INIT_DELAYED_WORK(&wq->watchdog, iaa_wq_watchdog_work);
}

int iaa_watch_init(void)
{
	iaa_watch_queue = alloc_workqueue("iaa_watch",
					  WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI, 0);

	return iaa_watch_queue ? 0 : -ENOMEM;
}

void iaa_watch_exit(void)
{
	destroy_workqueue(iaa_watch_queue);
}
