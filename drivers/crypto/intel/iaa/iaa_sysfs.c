// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of the driver, /sys/bus/dsa/drivers/crypto, and what it adds to those of
 * queues that are bound to it, /sys/bus/dsa/devices/wq<m>.<n>.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

struct iaa_config iaa_config = {
	.sync_mode = IAA_ASYNC,
	.distribute[IAA_COMP] = true,
};
EXPORT_SYMBOL_IF_KUNIT(iaa_config);

static const char *const iaa_sync_modes[] = {
	[IAA_SYNC] = "sync",
	[IAA_ASYNC] = "async",
	[IAA_ASYNC_IRQ] = "async_irq",
};

static ssize_t sync_mode_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "%s\n", iaa_sync_modes[READ_ONCE(iaa_config.sync_mode)]);
}

static ssize_t sync_mode_store(struct device_driver *drv, const char *buf, size_t count)
{
	int mode = sysfs_match_string(iaa_sync_modes, buf);

	if (mode < 0)
		return mode;
	WRITE_ONCE(iaa_config.sync_mode, mode);

	return count;
}
static DRIVER_ATTR_RW(sync_mode);

static ssize_t iaa_store_bool(bool *setting, const char *buf, size_t count)
{
	bool value;
	int err;

	err = kstrtobool(buf, &value);
	if (err)
		return err;
	WRITE_ONCE(*setting, value);

	return count;
}

static ssize_t verify_compress_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(iaa_config.verify_compress));
}

static ssize_t verify_compress_store(struct device_driver *drv, const char *buf, size_t count)
{
	return iaa_store_bool(&iaa_config.verify_compress, buf, count);
}
static DRIVER_ATTR_RW(verify_compress);

static ssize_t g_comp_wqs_per_iaa_show(struct device_driver *drv, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(iaa_config.nr_comp_wqs));
}

static ssize_t g_comp_wqs_per_iaa_store(struct device_driver *drv, const char *buf, size_t count)
{
	unsigned int value;

	/* Out of its range is no less bad. */
	if (kstrtouint(buf, 10, &value))
		return -EINVAL;
	WRITE_ONCE(iaa_config.nr_comp_wqs, value);
	iaa_table_rebuild();

	return count;
}
static DRIVER_ATTR_RW(g_comp_wqs_per_iaa);

static ssize_t iaa_show_distribute(enum iaa_role role, char *buf)
{
	return sysfs_emit(buf, "%c\n", READ_ONCE(iaa_config.distribute[role]) ? 'Y' : 'N');
}

static ssize_t iaa_store_distribute(enum iaa_role role, const char *buf, size_t count)
{
	ssize_t ret = iaa_store_bool(&iaa_config.distribute[role], buf, count);

	if (ret > 0)
		iaa_table_rebuild();

	return ret;
}

static ssize_t distribute_comps_show(struct device_driver *drv, char *buf)
{
	return iaa_show_distribute(IAA_COMP, buf);
}

static ssize_t distribute_comps_store(struct device_driver *drv, const char *buf, size_t count)
{
	return iaa_store_distribute(IAA_COMP, buf, count);
}
static DRIVER_ATTR_RW(distribute_comps);

static ssize_t distribute_decomps_show(struct device_driver *drv, char *buf)
{
	return iaa_show_distribute(IAA_DECOMP, buf);
}

static ssize_t distribute_decomps_store(struct device_driver *drv, const char *buf, size_t count)
{
	return iaa_store_distribute(IAA_DECOMP, buf, count);
}
static DRIVER_ATTR_RW(distribute_decomps);

static struct attribute *iaa_driver_attrs[] = {
	&driver_attr_sync_mode.attr,
	&driver_attr_verify_compress.attr,
	&driver_attr_g_comp_wqs_per_iaa.attr,
	&driver_attr_distribute_comps.attr,
	&driver_attr_distribute_decomps.attr,
	NULL
};

static const struct attribute_group iaa_driver_group = {
	.attrs = iaa_driver_attrs,
};

const struct attribute_group *iaa_driver_groups[] = {
	&iaa_driver_group,
	NULL
};

/* There while the queue is bound: the driver core takes it away before. */
static ssize_t crypto_state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	char state[IAA_DESCRIPTION];

	iaa_wq_describe(idxd_wq_get_private(confdev_to_wq(dev)), state, sizeof(state));

	return sysfs_emit(buf, "%s\n", state);
}
static DEVICE_ATTR_RO(crypto_state);

static struct attribute *iaa_wq_attrs[] = {
	&dev_attr_crypto_state.attr,
	NULL
};

static const struct attribute_group iaa_wq_group = {
	.attrs = iaa_wq_attrs,
};

const struct attribute_group *iaa_wq_groups[] = {
	&iaa_wq_group,
	NULL
};
