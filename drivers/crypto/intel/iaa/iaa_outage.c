// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that are out of use: why, what is done about what they had, and how they
 * come back.
 *
 *	            check passed                   stopped
 *	bound ---> proved ---------> in use <------------------> out
 *	             |                  ^                         |
 *	             | check failed     | check passed            | device let go
 *	             v                  |                         v
 *	            out ----------> pause (1, 4, 16 s) <-----------
 *	                                |
 *	                                | third failure
 *	                                v
 *	                              stays out
 *
 * A device that does not let go of what a queue had is cut off from memory. Then
 * all of its queues are out until idxd has reset it and binds them again, which
 * brings them here at the top.
 */
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>
#include "idxd.h"
#include "iaa.h"

/* Before each attempt to bring a queue back, in seconds */
static const unsigned int iaa_pauses[] = { 1, 4, 16 };

/* A queue that is stopped again sooner has not come back. */
#define IAA_PROBATION	(60 * HZ)

static const char *const iaa_outages[IAA_NR_OUTAGES] = {
	[IAA_OUT_NEW] = "not checked yet",
	[IAA_OUT_OVERDUE] = "a completion is overdue",
	[IAA_OUT_QUIESCED] = "idxd has quiesced it",
	[IAA_OUT_CUT_OFF] = "the device is cut off from memory",
	[IAA_OUT_HALTED] = "the device has halted",
	[IAA_OUT_UNFIT] = "it has failed its self-check",
};

static int iaa_wq_describe_loss(const struct iaa_wq *wq, char *buf, size_t size)
{
	unsigned long lost = wq->device->modes & ~wq->can;
	unsigned int id;
	int len = 0;

	for_each_set_bit(id, &lost, IAA_NR_MODES)
		len += scnprintf(buf + len, size - len, ", without %s mode", iaa_modes[id]->name);
	if (!(wq->can & IAA_CAN_DECOMPRESS))
		len += scnprintf(buf + len, size - len, ", without decompression");
	if (!(wq->can & IAA_CAN_VERIFY))
		len += scnprintf(buf + len, size - len, ", without verification");

	return len;
}

/**
 * iaa_wq_describe - say whether a queue is in use, and why not
 * @wq: a queue
 * @buf: for the phrase
 * @size: of @buf in bytes
 *
 * Context: any; what is said may have changed already
 * Return: length of the phrase
 */
int iaa_wq_describe(const struct iaa_wq *wq, char *buf, size_t size)
{
	enum iaa_outage outage = READ_ONCE(wq->outage);

	if (outage == IAA_IN_USE) {
		int len = scnprintf(buf, size, "in use");

		return len + iaa_wq_describe_loss(wq, buf + len, size - len);
	}

	return scnprintf(buf, size, "%s: %s", READ_ONCE(wq->given_up) ? "given up" : "out",
			 iaa_outages[outage]);
}

/* Units can get the queue no more. */
static void iaa_wq_close(struct iaa_wq *wq)
{
	if (!test_and_set_bit(IAA_WQ_CLOSED, &wq->flags))
		percpu_ref_kill(&wq->ref);
}

/* Has all units of the queue completed, with or without a status. */
static void iaa_wq_note_let_go(struct iaa_wq *wq)
{
	lockdep_assert_held(&wq->idxd_wq->wq_lock);

	/* Pairs with iaa_wq_has_let_go(): the device wrote its last before. */
	smp_store_release(&wq->let_go, true);
	idxd_wq_flush_pending(wq->idxd_wq);
}

/*
 * All queues of the device are out with it, but for those that are leaving, whose works
 * may be cancelled already. Under the lock none begins to leave that was found not to:
 * see iaa_wq_leave().
 */
static void iaa_wq_cut_off_device(struct iaa_wq *wq)
{
	struct iaa_wq *other;

	iaa_device_cut_off(wq->device);

	guard(mutex)(&iaa_table_lock);
	list_for_each_entry(other, &iaa_wqs, list)
		if (other != wq && other->device == wq->device &&
		    !test_bit(IAA_WQ_LEAVING, &other->flags))
			iaa_wq_stop(other, IAA_OUT_CUT_OFF);
}

/* The device gives up what it has of the queue, or is made to. */
static void iaa_wq_empty(struct iaa_wq *wq)
{
	struct idxd_wq *idxd_wq = wq->idxd_wq;

	lockdep_assert_held(&idxd_wq->wq_lock);
	/* What was not submitted yet never will be. */
	__idxd_wq_quiesce(idxd_wq);
	if (!READ_ONCE(wq->device->cut_off) && idxd_wq_abort(idxd_wq)) {
		dev_err(wq->device->dev, "wq%d.%d cannot be aborted, cutting the device off\n",
			idxd_wq->idxd->id, idxd_wq->id);
		iaa_wq_cut_off_device(wq);
	}
	iaa_wq_note_let_go(wq);
}

static void iaa_wq_give_up(struct iaa_wq *wq)
{
	dev_err(wq->device->dev, "wq%d.%d stays out of use after %zu attempts: %s\n",
		wq->idxd_wq->idxd->id, wq->idxd_wq->id, ARRAY_SIZE(iaa_pauses),
		iaa_outages[READ_ONCE(wq->outage)]);
	WRITE_ONCE(wq->given_up, true);
	iaa_count(given_up);
}

/* Nothing of the queue is in the device's hands now. */
static void iaa_wq_plan_return(struct iaa_wq *wq)
{
	if (test_bit(IAA_WQ_LEAVING, &wq->flags))
		return;
	if (READ_ONCE(wq->device->cut_off)) {
		idxd_recover(wq->device->idxd);
		return;
	}
	if (wq->attempts == ARRAY_SIZE(iaa_pauses)) {
		iaa_wq_give_up(wq);
		return;
	}
	queue_delayed_work(system_dfl_wq, &wq->restart, iaa_pauses[wq->attempts++] * HZ);
}

static void iaa_wq_stop_work(struct work_struct *work)
{
	struct iaa_wq *wq = container_of(work, struct iaa_wq, stop);

	mutex_lock(&wq->idxd_wq->wq_lock);
	iaa_wq_empty(wq);
	mutex_unlock(&wq->idxd_wq->wq_lock);

	iaa_table_rebuild();
	if (!time_before(jiffies, wq->back_since + IAA_PROBATION))
		wq->attempts = 0;
	iaa_wq_plan_return(wq);
}

/**
 * iaa_wq_stop - take a queue out of use
 * @wq: a queue that the caller has a reference to, or that cannot be unbound now
 * @why: what is wrong with it
 *
 * The queue takes no more units, and in a while what it has is completed. It comes
 * back when it has proved that it works. Does nothing to a queue that is out
 * already: the first reason counts.
 *
 * Context: any
 */
void iaa_wq_stop(struct iaa_wq *wq, enum iaa_outage why)
{
	if (READ_ONCE(wq->outage) != IAA_IN_USE ||
	    cmpxchg(&wq->outage, IAA_IN_USE, why) != IAA_IN_USE)
		return;

	dev_err(wq->device->dev, "wq%d.%d is stopped, %s\n",
		wq->idxd_wq->idxd->id, wq->idxd_wq->id, iaa_outages[why]);
	iaa_count(stops[why]);
	iaa_wq_close(wq);
	/* After a halt idxd calls iaa_wq_halted(), which does the rest. */
	if (why != IAA_OUT_HALTED)
		queue_work(iaa_workqueue, &wq->stop);
}

/**
 * iaa_wq_halted - the queue's device has halted, or is about to be reset
 * @wq: a queue
 *
 * Context: may sleep. The caller holds wq_lock.
 */
void iaa_wq_halted(struct iaa_wq *wq)
{
	iaa_wq_stop(wq, IAA_OUT_HALTED);
	iaa_wq_close(wq);
	__idxd_wq_quiesce(wq->idxd_wq);
	iaa_device_cut_off(wq->device);
	iaa_wq_note_let_go(wq);
	iaa_table_rebuild();
}

static void iaa_wq_put_in_use(struct iaa_wq *wq)
{
	WRITE_ONCE(wq->outage, IAA_IN_USE);
	iaa_table_rebuild();
}

/**
 * iaa_wq_prove - let a queue prove that it can be used for something
 * @wq: an open queue that nobody but the caller uses
 *
 * Context: may sleep. The caller holds wq_lock.
 * Return: whether it can. If not, the device has nothing of it.
 */
bool iaa_wq_prove(struct iaa_wq *wq)
{
	int err = iaa_check_wq(wq);

	lockdep_assert_held(&wq->idxd_wq->wq_lock);
	if (!err && wq->can)
		return true;
	if (err) {
		/* It still has what it was sent. */
		iaa_wq_close(wq);
		iaa_wq_empty(wq);
		iaa_check_release(wq);
	}
	WRITE_ONCE(wq->outage, IAA_OUT_UNFIT);

	return false;
}

/**
 * iaa_wq_enter - go on with a queue that has just been bound
 * @wq: a queue on the list
 * @proved: what iaa_wq_prove() said of it
 *
 * A queue that does not work stays bound, and further attempts are made.
 *
 * Context: may sleep. The queue cannot be unbound now.
 */
void iaa_wq_enter(struct iaa_wq *wq, bool proved)
{
	if (proved) {
		iaa_wq_put_in_use(wq);
		return;
	}

	dev_err(wq->device->dev, "wq%d.%d is not used, %s\n",
		wq->idxd_wq->idxd->id, wq->idxd_wq->id, iaa_outages[READ_ONCE(wq->outage)]);
	iaa_count(stops[IAA_OUT_UNFIT]);
	iaa_wq_plan_return(wq);
}

/* All units have given the queue back. */
static int iaa_wq_reopen(struct iaa_wq *wq)
{
	int err;

	if (!test_bit(IAA_WQ_CLOSED, &wq->flags))
		return 0;
	err = idxd_wq_unquiesce(wq->idxd_wq);
	if (err)
		return err;

	wq->let_go = false;
	reinit_completion(&wq->drained);
	percpu_ref_reinit(&wq->ref);
	clear_bit(IAA_WQ_CLOSED, &wq->flags);

	return 0;
}

/* Returns whether the queue is in use again. */
static bool iaa_wq_return(struct iaa_wq *wq)
{
	guard(mutex)(&wq->idxd_wq->wq_lock);
	if (test_bit(IAA_WQ_LEAVING, &wq->flags) || READ_ONCE(wq->device->cut_off))
		return false;
	if (iaa_wq_reopen(wq) || !iaa_wq_prove(wq))
		return false;

	wq->back_since = jiffies;
	iaa_wq_put_in_use(wq);
	return true;
}

static void iaa_wq_restart_work(struct work_struct *work)
{
	struct iaa_wq *wq = container_of(to_delayed_work(work), struct iaa_wq, restart);
	unsigned int noio;
	bool back;

	if (test_bit(IAA_WQ_CLOSED, &wq->flags))
		wait_for_completion(&wq->drained);
	/* Readers of a former table may still try to get it. */
	synchronize_rcu();

	noio = memalloc_noio_save();
	back = iaa_wq_return(wq);
	memalloc_noio_restore(noio);
	if (!back) {
		iaa_wq_plan_return(wq);
		return;
	}

	iaa_count(comebacks);
	dev_info(wq->device->dev, "wq%d.%d is back in use, at attempt %u\n",
		 wq->idxd_wq->idxd->id, wq->idxd_wq->id, wq->attempts);
}

/**
 * iaa_wq_leave - take a queue out of use for good, and wait until no run has it
 * @wq: a queue
 *
 * A unit that the device keeps for too long is the watchdog's affair. What is waited
 * for here is that those who poll come round, as they have promised.
 *
 * Context: may sleep. The caller does not hold wq_lock, which stopping takes.
 */
void iaa_wq_leave(struct iaa_wq *wq)
{
	/* In this order, so that requests find another queue, not this one closed. */
	set_bit(IAA_WQ_LEAVING, &wq->flags);
	iaa_table_rebuild();
	/* Who brings it back has done so, or will see that it is leaving. */
	cancel_delayed_work_sync(&wq->restart);
	iaa_wq_close(wq);
	wait_for_completion(&wq->drained);
	/* In this order: the watchdog stops a queue, and what stops it restarts it. */
	cancel_delayed_work_sync(&wq->watchdog);
	cancel_work_sync(&wq->stop);
	cancel_delayed_work_sync(&wq->restart);
}

/**
 * iaa_outage_prepare - a queue is out of use until it is put there
 * @wq: a queue that nobody knows of yet
 */
void iaa_outage_prepare(struct iaa_wq *wq)
{
	wq->outage = IAA_OUT_NEW;
	wq->back_since = jiffies - IAA_PROBATION;
	INIT_WORK(&wq->stop, iaa_wq_stop_work);
	INIT_DELAYED_WORK(&wq->restart, iaa_wq_restart_work);
}
