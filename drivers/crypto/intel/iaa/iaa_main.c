// SPDX-License-Identifier: GPL-2.0
/*
 * The module, and the driver of idxd's queues that it is.
 */
#include <linux/module.h>
#include <linux/sched/mm.h>
#include "idxd.h"
#include "iaa.h"

static int iaa_may_bind(struct idxd_wq *idxd_wq, struct device *dev)
{
	struct idxd_device *idxd = idxd_wq->idxd;

	if (idxd->state != IDXD_DEV_ENABLED)
		return -ENXIO;
	if (idxd->data->type != IDXD_TYPE_IAX)
		return -ENODEV;
	if (!idxd_wq_driver_name_match(idxd_wq, dev)) {
		idxd->cmd_status = IDXD_SCMD_WQ_NO_DRV_NAME;
		return -ENODEV;
	}

	return 0;
}

/* Returns the object of the queue, which idxd has enabled now, or an error. */
static struct iaa_wq *iaa_enable(struct idxd_wq *idxd_wq)
{
	struct iaa_wq *wq;
	int err;

	lockdep_assert_held(&idxd_wq->wq_lock);
	idxd_wq->type = IDXD_WQT_KERNEL;
	err = idxd_drv_enable_wq(idxd_wq);
	if (err) {
		idxd_wq->type = IDXD_WQT_NONE;
		return ERR_PTR(err);
	}

	wq = iaa_wq_create(idxd_wq);
	if (IS_ERR(wq)) {
		__idxd_wq_quiesce(idxd_wq);
		idxd_drv_disable_wq(idxd_wq);
		return wq;
	}
	idxd_wq_set_private(idxd_wq, wq);

	return wq;
}

/* Returns the object of the queue, or an error; @proved: it has shown that it works. */
static struct iaa_wq *iaa_bind(struct idxd_wq *idxd_wq, struct device *dev, bool *proved)
{
	struct iaa_wq *wq;
	int err;

	guard(mutex)(&idxd_wq->wq_lock);
	err = iaa_may_bind(idxd_wq, dev);
	if (err)
		return ERR_PTR(err);

	wq = iaa_enable(idxd_wq);
	if (IS_ERR(wq))
		return wq;
	iaa_table_add(wq);
	*proved = iaa_wq_prove(wq);

	return wq;
}

static int iaa_probe(struct idxd_dev *idxd_dev)
{
	unsigned int noio = memalloc_noio_save();
	struct iaa_wq *wq;
	bool proved;

	wq = iaa_bind(idxd_dev_to_wq(idxd_dev), &idxd_dev->conf_dev, &proved);
	if (!IS_ERR(wq))
		iaa_wq_enter(wq, proved);
	memalloc_noio_restore(noio);
	if (IS_ERR(wq))
		return PTR_ERR(wq);

	/* One that comes to work later is served by software till then. */
	iaa_algs_register(wq->device->modes);
	return 0;
}

static void iaa_remove(struct idxd_dev *idxd_dev)
{
	struct idxd_wq *idxd_wq = idxd_dev_to_wq(idxd_dev);
	struct iaa_wq *wq = idxd_wq_get_private(idxd_wq);

	iaa_wq_drain(wq);

	mutex_lock(&idxd_wq->wq_lock);
	idxd_wq_set_private(idxd_wq, NULL);
	__idxd_wq_quiesce(idxd_wq);
	idxd_drv_disable_wq(idxd_wq);
	mutex_unlock(&idxd_wq->wq_lock);

	iaa_wq_destroy(wq);
}

/* idxd holds wq_lock. */
static void iaa_halted(struct idxd_dev *idxd_dev)
{
	struct iaa_wq *wq = idxd_wq_get_private(idxd_dev_to_wq(idxd_dev));

	iaa_wq_halted(wq);
}

/*
 * The descriptor stays the driver's: what is to be freed is freed when the request
 * is driven on. idxd frees it itself only if it has resubmitted it, which it does
 * for drivers that ask for that.
 */
static void iaa_desc_complete(struct idxd_desc *desc, enum idxd_complete_type type,
			      bool free_desc, void *ctx, u32 *status)
{
	iaa_unit_arrived(desc, type == IDXD_COMPLETE_ABORT);
}

static enum idxd_dev_type iaa_dev_types[] = {
	IDXD_DEV_WQ,
	IDXD_DEV_NONE,
};

static struct idxd_device_driver iaa_driver = {
	.name = "crypto",
	.type = iaa_dev_types,
	.probe = iaa_probe,
	.remove = iaa_remove,
	.desc_complete = iaa_desc_complete,
	.halted = iaa_halted,
	.drv.groups = iaa_driver_groups,
	.drv.dev_groups = iaa_wq_groups,
};

static int __init iaa_init(void)
{
	int err;

	err = iaa_dma_init();
	if (err)
		return err;
	err = iaa_watch_init();
	if (err)
		goto exit_dma;
	err = iaa_wq_init();
	if (err)
		goto exit_watch;
	err = iaa_table_init();
	if (err)
		goto exit_wq;
	err = idxd_driver_register(&iaa_driver);
	if (err)
		goto exit_table;
	iaa_stats_init();
	iaa_algs_say();

	return 0;

exit_table:
	iaa_table_exit();
exit_wq:
	iaa_wq_exit();
exit_watch:
	iaa_watch_exit();
exit_dma:
	iaa_dma_exit();
	return err;
}

static void __exit iaa_exit(void)
{
	iaa_stats_exit();
	/* First, as binding a queue registers algorithms. */
	idxd_driver_unregister(&iaa_driver);
	iaa_algs_unregister();
	iaa_table_exit();
	iaa_wq_exit();
	iaa_watch_exit();
	iaa_dma_exit();
}

MODULE_IMPORT_NS("IDXD");
MODULE_LICENSE("GPL");
MODULE_ALIAS_IDXD_DEVICE(0);
MODULE_DESCRIPTION("Intel In-Memory Analytics Accelerator, compression");

module_init(iaa_init);
module_exit(iaa_exit);
