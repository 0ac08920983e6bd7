// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that have queues bound to the driver, and what they read to compress.
 */
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include "idxd.h"
#include "iaa.h"

/* Protects the list, nr_wqs of its members, and who creates one. */
static DEFINE_MUTEX(iaa_devices_lock);
static LIST_HEAD(iaa_devices);

/* The device only reads it, so that one serves all descriptors. */
static int iaa_device_alloc_image(struct iaa_device *device, const struct iaa_mode *mode)
{
	struct iaa_aecs_comp *image;

	image = dma_alloc_coherent(device->dev, sizeof(*image), &device->aecs[mode->id],
				   GFP_KERNEL);
	if (!image)
		return -ENOMEM;
	mode->init_aecs(image);
	device->images[mode->id] = image;

	return 0;
}

static int iaa_device_init_mode(struct iaa_device *device, const struct iaa_mode *mode)
{
	if (!iaa_mode_supported(mode, device->idxd->hw.iaa_cap.bits))
		return 0;

	device->modes |= BIT(mode->id);
	return mode->init_aecs ? iaa_device_alloc_image(device, mode) : 0;
}

/* Takes half-built devices too. */
static void iaa_device_free(struct iaa_device *device)
{
	unsigned int id;

	for (id = 0; id < IAA_NR_MODES; id++)
		if (device->images[id])
			dma_free_coherent(device->dev, sizeof(*device->images[id]),
					  device->images[id], device->aecs[id]);
	kfree(device);
}

static struct iaa_device *iaa_device_alloc(struct idxd_device *idxd)
{
	struct iaa_device *device = kzalloc_obj(*device);
	unsigned int id;

	if (!device)
		return NULL;

	device->idxd = idxd;
	device->dev = &idxd->pdev->dev;
	for (id = 0; id < IAA_NR_MODES; id++) {
		if (iaa_device_init_mode(device, iaa_modes[id])) {
			iaa_device_free(device);
			return NULL;
		}
	}

	return device;
}

static struct iaa_device *iaa_device_find(const struct idxd_device *idxd)
{
	struct iaa_device *device;

	lockdep_assert_held(&iaa_devices_lock);
	list_for_each_entry(device, &iaa_devices, list)
		if (device->idxd == idxd)
			return device;

	return NULL;
}

/**
 * iaa_device_get - the driver's object of a device, for a queue of it
 * @idxd: an enabled IAA
 *
 * Context: may sleep. Who allocates memory here must not depend on the driver to
 *	    get it: the caller has called memalloc_noio_save().
 * Return: the object, to be given to iaa_device_put(); -ENOMEM; or -EIO if the
 *	   device has been cut off, and not been reset since
 */
struct iaa_device *iaa_device_get(struct idxd_device *idxd)
{
	struct iaa_device *device;

	guard(mutex)(&iaa_devices_lock);
	/* What it was given before it was cut off, it would do now. */
	if (!idxd->pdev->is_busmaster)
		return ERR_PTR(-EIO);

	device = iaa_device_find(idxd);
	if (!device) {
		device = iaa_device_alloc(idxd);
		if (!device)
			return ERR_PTR(-ENOMEM);
		list_add(&device->list, &iaa_devices);
	}
	device->nr_wqs++;

	return device;
}

/**
 * iaa_device_put - give up what iaa_device_get() gave
 * @device: the device; the queue has no unit in flight
 *
 * Context: may sleep
 */
void iaa_device_put(struct iaa_device *device)
{
	guard(mutex)(&iaa_devices_lock);
	if (--device->nr_wqs)
		return;

	list_del(&device->list);
	iaa_device_free(device);
}

/**
 * iaa_device_cut_off - keep a device from memory
 * @device: a device that does not give up what it has
 *
 * The last resort. It ends all that the device does, interrupts included. idxd
 * lets it access memory again when it enables the device, having reset it.
 *
 * Context: may sleep
 */
void iaa_device_cut_off(struct iaa_device *device)
{
	/* The answer to this write comes behind all that the device has written. */
	pci_clear_master(to_pci_dev(device->dev));
	/* Pairs with iaa_wq_has_let_go(). */
	smp_store_release(&device->cut_off, true);
}
