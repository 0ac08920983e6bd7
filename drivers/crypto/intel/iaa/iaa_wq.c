// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that are bound to the driver: life, end, and what is done if the device
 * does not complete what a queue was given.
 */
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

#define IAA_TIMEOUT_MIN_MS	1
#define IAA_TIMEOUT_MAX_MS	60000

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

/* Runs what reclaim waits for, so it has a rescuer. */
struct workqueue_struct *iaa_workqueue;

/**
 * iaa_wq_timeout - how long a device may take for a unit
 *
 * Return: the time
 */
ktime_t iaa_wq_timeout(void)
{
	return ms_to_ktime(READ_ONCE(iaa_timeout_ms));
}

/* Units can get the queue no more. */
static void iaa_wq_close(struct iaa_wq *wq)
{
	set_bit(IAA_WQ_OUT, &wq->flags);
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

static void iaa_wq_stop_work(struct work_struct *work)
{
	struct iaa_wq *wq = container_of(work, struct iaa_wq, stop);
	struct idxd_wq *idxd_wq = wq->idxd_wq;

	mutex_lock(&idxd_wq->wq_lock);
	/* What was not submitted yet never will be. */
	__idxd_wq_quiesce(idxd_wq);
	if (idxd_wq_abort(idxd_wq)) {
		dev_err(wq->device->dev, "wq%d.%d cannot be aborted, cutting the device off\n",
			idxd_wq->idxd->id, idxd_wq->id);
		iaa_device_cut_off(wq->device);
	}
	iaa_wq_note_let_go(wq);
	mutex_unlock(&idxd_wq->wq_lock);

	iaa_table_rebuild();
	iaa_count(aborts);
}

/**
 * iaa_wq_overdue - stop a queue because the device took too long
 * @wq: a queue that the caller has a reference to
 *
 * The queue takes no more units, and in a while what it has is completed. It
 * stays out of use until it is bound again.
 *
 * Context: any
 */
void iaa_wq_overdue(struct iaa_wq *wq)
{
	if (test_bit(IAA_WQ_OVERDUE, &wq->flags) ||
	    test_and_set_bit(IAA_WQ_OVERDUE, &wq->flags))
		return;

	dev_err(wq->device->dev, "wq%d.%d is stopped, a completion is overdue\n",
		wq->idxd_wq->idxd->id, wq->idxd_wq->id);
	iaa_wq_close(wq);
	queue_work(iaa_workqueue, &wq->stop);
}

/**
 * iaa_wq_halted - the queue's device has halted
 * @wq: a queue
 *
 * Context: may sleep. The caller holds wq_lock.
 */
void iaa_wq_halted(struct iaa_wq *wq)
{
	iaa_wq_close(wq);
	__idxd_wq_quiesce(wq->idxd_wq);
	iaa_device_cut_off(wq->device);
	iaa_wq_note_let_go(wq);
	iaa_table_rebuild();
}

/**
 * iaa_wq_watch - have overdue units found that nobody polls
 * @wq: a queue that the caller has a reference to, with a deadline in a slot
 *
 * Context: any
 */
void iaa_wq_watch(struct iaa_wq *wq)
{
	if (!delayed_work_pending(&wq->watchdog))
		queue_delayed_work(iaa_workqueue, &wq->watchdog,
				   msecs_to_jiffies(READ_ONCE(iaa_timeout_ms)));
}

static void iaa_wq_watchdog_work(struct work_struct *work)
{
	struct iaa_wq *wq = container_of(to_delayed_work(work), struct iaa_wq, watchdog);
	bool watch = false, overdue = READ_ONCE(wq->device->cut_off);
	ktime_t now = ktime_get();
	unsigned int i;

	for (i = 0; i < wq->nr_slots; i++) {
		ktime_t deadline = READ_ONCE(wq->slots[i].deadline);

		if (!deadline)
			continue;
		watch = true;
		overdue |= ktime_after(now, deadline);
	}

	if (watch && overdue)
		iaa_wq_overdue(wq);
	else if (watch)
		iaa_wq_watch(wq);
}

static void iaa_wq_drained(struct percpu_ref *ref)
{
	struct iaa_wq *wq = container_of(ref, struct iaa_wq, ref);

	complete(&wq->drained);
}

static void iaa_wq_return_descs(struct iaa_wq *wq)
{
	unsigned int i;

	for (i = 0; i < wq->nr_slots; i++)
		if (atomic_long_read(&wq->pools[i / BITS_PER_LONG].free) & BIT(i % BITS_PER_LONG))
			idxd_free_desc(wq->idxd_wq, wq->idxd_wq->descs[i]);
}

/* The queue is the driver's alone. So are its descriptors, which it deals out in numbers. */
static int iaa_wq_claim_descs(struct iaa_wq *wq)
{
	unsigned int i;

	for (i = 0; i < wq->nr_pools; i++)
		wq->pools[i].descs = wq->idxd_wq->descs + i * BITS_PER_LONG;
	for (i = 0; i < wq->nr_slots; i++) {
		struct idxd_desc *desc = idxd_alloc_desc(wq->idxd_wq, IDXD_OP_NONBLOCK);

		if (IS_ERR(desc)) {
			iaa_wq_return_descs(wq);
			return PTR_ERR(desc);
		}
		atomic_long_or(BIT(desc->id % BITS_PER_LONG),
			       &wq->pools[desc->id / BITS_PER_LONG].free);
	}

	return 0;
}

static int iaa_wq_init_pools(struct iaa_wq *wq)
{
	int err;

	wq->nr_pools = BITS_TO_LONGS(wq->nr_slots);
	wq->pools = kcalloc(wq->nr_pools, sizeof(*wq->pools), GFP_KERNEL);
	if (!wq->pools)
		return -ENOMEM;

	err = iaa_wq_claim_descs(wq);
	if (err)
		kfree(wq->pools);

	return err;
}

static int iaa_wq_init_parts(struct iaa_wq *wq)
{
	int err;

	init_completion(&wq->drained);
	INIT_WORK(&wq->stop, iaa_wq_stop_work);
	INIT_DELAYED_WORK(&wq->watchdog, iaa_wq_watchdog_work);
	INIT_LIST_HEAD(&wq->list);

	wq->device = iaa_device_get(wq->idxd_wq->idxd);
	if (IS_ERR(wq->device))
		return PTR_ERR(wq->device);

	err = iaa_wq_stats_alloc(wq);
	if (err)
		goto put_device;
	err = percpu_ref_init(&wq->ref, iaa_wq_drained, 0, GFP_KERNEL);
	if (err)
		goto free_stats;
	err = iaa_wq_init_pools(wq);
	if (err)
		goto exit_ref;

	return 0;

exit_ref:
	percpu_ref_exit(&wq->ref);
free_stats:
	iaa_wq_stats_free(wq);
put_device:
	iaa_device_put(wq->device);
	return err;
}

/**
 * iaa_wq_create - make the driver's object of a queue
 * @idxd_wq: a queue that idxd has enabled; it stays so until iaa_wq_drain()
 *
 * Context: may sleep. See iaa_device_get() about memory.
 * Return: the object, that nobody knows of yet; or a negative errno
 */
struct iaa_wq *iaa_wq_create(struct idxd_wq *idxd_wq)
{
	struct iaa_wq *wq = kzalloc_flex(*wq, slots, idxd_wq->num_descs);
	int err;

	if (!wq)
		return ERR_PTR(-ENOMEM);

	wq->nr_slots = idxd_wq->num_descs;
	wq->idxd_wq = idxd_wq;
	wq->max_xfer = min_t(u64, idxd_wq->max_xfer_bytes, U32_MAX);
	if (idxd_wq->idxd->hw.gen_cap.cache_control_mem)
		wq->op_flags = IDXD_OP_FLAG_CC;
	err = iaa_wq_init_parts(wq);
	if (err) {
		kfree(wq);
		return ERR_PTR(err);
	}

	return wq;
}
EXPORT_SYMBOL_IF_KUNIT(iaa_wq_create);

/**
 * iaa_wq_drain - take a queue out of the table, and wait until no run has it
 * @wq: a queue
 *
 * If the device keeps a unit for too long, the queue is stopped. Then what is
 * waited for is that those who poll come round, as they have promised.
 *
 * Context: may sleep. The caller does not hold wq_lock, which stopping takes.
 */
void iaa_wq_drain(struct iaa_wq *wq)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(iaa_timeout_ms));

	/* In this order, so that requests find another queue, not this one closed. */
	set_bit(IAA_WQ_OUT, &wq->flags);
	iaa_table_rebuild();
	iaa_wq_close(wq);
	if (!wait_for_completion_timeout(&wq->drained, timeout)) {
		iaa_wq_overdue(wq);
		wait_for_completion(&wq->drained);
	}
	cancel_work_sync(&wq->stop);
	cancel_delayed_work_sync(&wq->watchdog);
	iaa_wq_return_descs(wq);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_wq_drain);

/**
 * iaa_wq_destroy - free the object of a queue
 * @wq: a queue that is drained
 *
 * Context: may sleep
 */
void iaa_wq_destroy(struct iaa_wq *wq)
{
	/* Readers of a former table may still try to get it. */
	synchronize_rcu();
	iaa_table_forget(wq);
	percpu_ref_exit(&wq->ref);
	iaa_wq_stats_free(wq);
	iaa_device_put(wq->device);
	kfree(wq->pools);
	kfree(wq);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_wq_destroy);

int iaa_wq_init(void)
{
	iaa_workqueue = alloc_workqueue("iaa_crypto", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);

	return iaa_workqueue ? 0 : -ENOMEM;
}

void iaa_wq_exit(void)
{
	destroy_workqueue(iaa_workqueue);
}
