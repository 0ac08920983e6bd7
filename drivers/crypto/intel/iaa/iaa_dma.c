// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of units, mapped for a device.
 *
 * To map costs about the same whatever the size, so buffers of units that lie one
 * behind the other are mapped together, as long as the units are one run.
 */
#include <crypto/scatterwalk.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include "iaa.h"

/* Buffers for scattered sources, in reserve for when memory is what is short. */
#define IAA_NR_BOUNCES	128

static mempool_t *iaa_bounce_pool;

/* A verification reads what was written; idxd_desc's destination is the source. */
static enum dma_data_direction iaa_in_dir(const struct iaa_req *r)
{
	return r->verify ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static enum dma_data_direction iaa_out_dir(const struct iaa_req *r)
{
	return r->verify ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
}

/* The source of @unit is scattered, and not larger than a page. */
static bool iaa_bounce(struct iaa_unit *unit)
{
	unit->bounce = mempool_alloc(iaa_bounce_pool, GFP_ATOMIC | __GFP_NOWARN);
	if (!unit->bounce)
		return false;

	/* The list is as long as that: iaa_do() has seen to it, or the core, for units. */
	memcpy_from_sglist(unit->bounce, unit->src, unit->src_offset, unit->in.len);
	unit->in.phys = virt_to_phys(unit->bounce);

	return true;
}

static void iaa_unbounce(struct iaa_unit *unit)
{
	mempool_free(unit->bounce, iaa_bounce_pool);
	unit->bounce = NULL;
}

/* Returns of how many units, from the first, the sources are in one piece now. */
static unsigned int iaa_bounce_sources(struct iaa_unit **units, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!iaa_unit_is_linear(units[i]) && !iaa_bounce(units[i]))
			break;

	return i;
}

static __always_inline struct iaa_buffer *iaa_buffer(struct iaa_unit *unit, bool in)
{
	return in ? &unit->in : &unit->out;
}

/*
 * How many buffers, from the first, lie in a row that is not longer than @max, and
 * how long they are together.
 */
static __always_inline unsigned int iaa_row(struct iaa_unit **units, unsigned int nr,
					    bool in, u32 max, u32 *len)
{
	phys_addr_t start = iaa_buffer(units[0], in)->phys;
	u32 sum = iaa_buffer(units[0], in)->len;
	unsigned int i;

	for (i = 1; i < nr; i++) {
		const struct iaa_buffer *buffer = iaa_buffer(units[i], in);

		if (buffer->phys != start + sum || buffer->len > max - sum)
			break;
		sum += buffer->len;
	}
	*len = sum;

	return i;
}

/* Returns how many buffers, from the first, are mapped now; 0 if it cannot be. */
static __always_inline unsigned int iaa_map_row(const struct iaa_wq *wq,
						struct iaa_unit **units,
						unsigned int nr, bool in,
						enum dma_data_direction dir)
{
	struct device *dev = wq->device->dev;
	struct iaa_buffer *first = iaa_buffer(units[0], in);
	dma_addr_t dma;
	unsigned int i;
	u32 len;

	nr = iaa_row(units, nr, in, wq->max_xfer, &len);
	dma = dma_map_phys(dev, first->phys, len, dir, 0);
	if (unlikely(dma_mapping_error(dev, dma)) && nr > 1) {
		/* What is short may suffice for one. */
		nr = 1;
		len = first->len;
		dma = dma_map_phys(dev, first->phys, len, dir, 0);
	}
	if (unlikely(dma_mapping_error(dev, dma)))
		return 0;

	for (i = 0; i < nr; i++) {
		struct iaa_buffer *buffer = iaa_buffer(units[i], in);

		buffer->dma = dma;
		buffer->mapped = 0;
		dma += buffer->len;
	}
	first->mapped = len;

	return nr;
}

/* Returns of how many units, from the first, the buffers are mapped. */
static __always_inline unsigned int iaa_map_buffers(const struct iaa_wq *wq,
						    struct iaa_unit **units,
						    unsigned int nr, bool in,
						    enum dma_data_direction dir)
{
	unsigned int done = 0, mapped;

	do {
		mapped = iaa_map_row(wq, units + done, nr - done, in, dir);
		done += mapped;
	} while (mapped && done < nr);

	return done;
}

static void iaa_unmap_source(struct iaa_req *r, struct device *dev, struct iaa_unit *unit)
{
	if (unit->in.mapped)
		dma_unmap_phys(dev, unit->in.dma, unit->in.mapped, iaa_in_dir(r), 0);
	if (unlikely(unit->bounce))
		iaa_unbounce(unit);
}

/**
 * iaa_dma_map - map the buffers of units
 * @r: their request
 * @wq: queue that they will be given to
 * @units: units whose sources are linear, or no larger than a page
 * @nr: how many; no buffer is longer than the queue's max_xfer
 *
 * Of the units that are mapped, all must be done before any is unmapped. A mapped
 * source may extend over those of units that are not; the device only reads it.
 *
 * Context: any; does not sleep
 * Return: how many units, from the first, are mapped. If that is not all, the next
 *	   one cannot be.
 */
unsigned int iaa_dma_map(struct iaa_req *r, const struct iaa_wq *wq,
			 struct iaa_unit **units, unsigned int nr)
{
	unsigned int bounced = nr, in, out, i;

	if (unlikely(r->scattered))
		bounced = iaa_bounce_sources(units, nr);
	in = bounced ? iaa_map_buffers(wq, units, bounced, true, iaa_in_dir(r)) : 0;
	out = in ? iaa_map_buffers(wq, units, in, false, iaa_out_dir(r)) : 0;

	for (i = out; i < in; i++)
		iaa_unmap_source(r, wq->device->dev, units[i]);
	for (i = in; i < bounced; i++)
		if (units[i]->bounce)
			iaa_unbounce(units[i]);

	return out;
}

/**
 * iaa_dma_unmap - unmap the buffers of units
 * @r: their request
 * @dev: device that they were mapped for; it does not access them any more
 * @units: all that one call of iaa_dma_map() has mapped, one bit each
 *
 * Context: any; does not sleep
 */
void iaa_dma_unmap(struct iaa_req *r, struct device *dev, unsigned long units)
{
	for (; units; units &= units - 1) {
		struct iaa_unit *unit = &r->units[__ffs(units)];

		if (unit->out.mapped)
			dma_unmap_phys(dev, unit->out.dma, unit->out.mapped,
				       iaa_out_dir(r), 0);
		iaa_unmap_source(r, dev, unit);
	}
}

int iaa_dma_init(void)
{
	iaa_bounce_pool = mempool_create_kmalloc_pool(IAA_NR_BOUNCES, PAGE_SIZE);

	return iaa_bounce_pool ? 0 : -ENOMEM;
}

void iaa_dma_exit(void)
{
	mempool_destroy(iaa_bounce_pool);
}
