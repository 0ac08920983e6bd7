// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that are bound to the driver: what they consist of, from the first moment to
 * the last. Why one is not in use meanwhile is in iaa_outage.c.
 */
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

/* Runs what reclaim waits for, so it has a rescuer. */
struct workqueue_struct *iaa_workqueue;

static void iaa_wq_drained(struct percpu_ref *ref)
{
	struct iaa_wq *wq = container_of(ref, struct iaa_wq, ref);

	complete_all(&wq->drained);
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
	INIT_LIST_HEAD(&wq->list);
	iaa_watch_prepare(wq);
	iaa_outage_prepare(wq);

	wq->device = iaa_device_get(wq->idxd_wq->idxd);
	if (IS_ERR(wq->device))
		return PTR_ERR(wq->device);

	err = iaa_wq_stats_alloc(wq);
	if (err)
		goto put_device;
	err = percpu_ref_init(&wq->ref, iaa_wq_drained, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
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

/* What the device takes, and what can be mapped for it in one piece */
static u32 iaa_max_xfer(const struct idxd_wq *idxd_wq)
{
	u64 max_map = dma_max_mapping_size(&idxd_wq->idxd->pdev->dev);

	return min3(idxd_wq->max_xfer_bytes, max_map, (u64)U32_MAX);
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
	wq->max_xfer = iaa_max_xfer(idxd_wq);
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
 * Context: may sleep. The caller does not hold wq_lock.
 */
void iaa_wq_drain(struct iaa_wq *wq)
{
	iaa_wq_leave(wq);
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
