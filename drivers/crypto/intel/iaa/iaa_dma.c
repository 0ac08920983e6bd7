// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of units, mapped for a device.
 */
#include <linux/dma-mapping.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include "iaa.h"

/* Pages for scattered sources, in reserve for when memory is what is short. */
#define IAA_NR_BOUNCE_PAGES	128

static mempool_t *iaa_bounce_pool;

/* A verification reads what was written; idxd_desc's destination is the source. */
static enum dma_data_direction iaa_src_dir(const struct iaa_req *r)
{
	return r->verify ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static enum dma_data_direction iaa_dst_dir(const struct iaa_req *r)
{
	return r->verify ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
}

/* Does the unit's source go on where the one before ends? */
static bool iaa_unit_follows(const struct iaa_unit *unit, const struct iaa_unit *before)
{
	return unit->src == before->src && iaa_unit_is_linear(unit) &&
	       unit->src_offset == before->src_offset + before->slen;
}

static unsigned int iaa_units_in_a_row(struct iaa_unit **units, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr; i++)
		if (!iaa_unit_follows(units[i], units[i - 1]))
			break;

	return i;
}

static dma_addr_t iaa_map_sg(struct device *dev, struct scatterlist *sg, u32 offset,
			     u32 len, enum dma_data_direction dir)
{
	size_t start = (size_t)sg->offset + offset;

	return dma_map_page(dev, sg_page(sg) + start / PAGE_SIZE, offset_in_page(start),
			    len, dir);
}

static bool iaa_map_row(struct iaa_req *r, struct device *dev, struct iaa_mapping *mapping,
			struct iaa_unit **units, unsigned int nr)
{
	struct iaa_unit *first = units[0], *last = units[nr - 1];

	mapping->users = nr;
	mapping->bounce = NULL;
	mapping->len = last->src_offset + last->slen - first->src_offset;
	mapping->addr = iaa_map_sg(dev, first->src, first->src_offset, mapping->len,
				   iaa_src_dir(r));

	return !dma_mapping_error(dev, mapping->addr);
}

/* The source of @unit is scattered, and not larger than a page. */
static bool iaa_map_copy(struct iaa_req *r, struct device *dev, struct iaa_mapping *mapping,
			 struct iaa_unit *unit)
{
	struct page *page = mempool_alloc(iaa_bounce_pool, GFP_ATOMIC | __GFP_NOWARN);

	if (!page)
		return false;

	mapping->users = 1;
	mapping->bounce = page;
	mapping->len = unit->slen;
	if (sg_pcopy_to_buffer(unit->src, sg_nents(unit->src), page_address(page),
			       unit->slen, unit->src_offset) == unit->slen) {
		mapping->addr = dma_map_page(dev, page, 0, unit->slen, iaa_src_dir(r));
		if (!dma_mapping_error(dev, mapping->addr))
			return true;
	}
	mempool_free(page, iaa_bounce_pool);

	return false;
}

/* Returns of how many units, from the first, the sources are mapped. */
static unsigned int iaa_map_sources(struct iaa_req *r, struct device *dev,
				    struct iaa_mapping *mapping,
				    struct iaa_unit **units, unsigned int nr)
{
	if (!iaa_unit_is_linear(units[0]))
		return iaa_map_copy(r, dev, mapping, units[0]);

	nr = iaa_units_in_a_row(units, nr);
	if (iaa_map_row(r, dev, mapping, units, nr))
		return nr;
	/* There are limits to what can be mapped at once. */
	return nr > 1 && iaa_map_row(r, dev, mapping, units, 1);
}

static void iaa_drop_mapping(struct iaa_req *r, struct device *dev,
			     struct iaa_mapping *mapping, unsigned int users)
{
	mapping->users -= users;
	if (mapping->users)
		return;

	dma_unmap_page(dev, mapping->addr, mapping->len, iaa_src_dir(r));
	if (mapping->bounce)
		mempool_free(mapping->bounce, iaa_bounce_pool);
	r->mappings_used &= ~BIT(mapping - r->mappings);
}

static bool iaa_map_unit(struct iaa_req *r, struct device *dev, struct iaa_mapping *mapping,
			 struct iaa_unit *unit, u32 offset)
{
	unit->mapping = mapping;
	unit->src_dma = mapping->addr + offset;
	unit->dst_dma = iaa_map_sg(dev, unit->dst, 0, unit->dlen, iaa_dst_dir(r));

	return !dma_mapping_error(dev, unit->dst_dma);
}

/* Returns how many are mapped; all, or those before the first failure. */
static unsigned int iaa_map_units(struct iaa_req *r, struct device *dev,
				  struct iaa_unit **units, unsigned int nr)
{
	/* Each mapping has a unit in flight, and @units[0] is not. */
	struct iaa_mapping *mapping = &r->mappings[ffz(r->mappings_used)];
	unsigned int i;
	u32 offset = 0;

	nr = iaa_map_sources(r, dev, mapping, units, nr);
	if (!nr)
		return 0;

	r->mappings_used |= BIT(mapping - r->mappings);
	for (i = 0; i < nr; i++) {
		if (!iaa_map_unit(r, dev, mapping, units[i], offset))
			break;
		offset += units[i]->slen;
	}
	if (i < nr)
		iaa_drop_mapping(r, dev, mapping, nr - i);

	return i;
}

/**
 * iaa_dma_map - map the buffers of units
 * @r: their request
 * @dev: device that will access them
 * @units: units whose sources are linear, or no larger than a page
 * @nr: how many
 *
 * Sources that lie in a row are mapped together.
 *
 * Context: any; does not sleep
 * Return: how many units, from the first, are mapped. If that is not all, the next
 *	   one cannot be.
 */
unsigned int iaa_dma_map(struct iaa_req *r, struct device *dev,
			 struct iaa_unit **units, unsigned int nr)
{
	unsigned int done = 0, mapped;

	do {
		mapped = iaa_map_units(r, dev, units + done, nr - done);
		done += mapped;
	} while (mapped && done < nr);

	return done;
}

/**
 * iaa_dma_unmap - unmap the buffers of a unit
 * @r: its request
 * @dev: device that they were mapped for; it does not access them any more
 * @unit: a unit that iaa_dma_map() has mapped
 *
 * A source that was mapped together with others stays so until all are unmapped.
 *
 * Context: any; does not sleep
 */
void iaa_dma_unmap(struct iaa_req *r, struct device *dev, struct iaa_unit *unit)
{
	dma_unmap_page(dev, unit->dst_dma, unit->dlen, iaa_dst_dir(r));
	iaa_drop_mapping(r, dev, unit->mapping, 1);
}

int iaa_dma_init(void)
{
	iaa_bounce_pool = mempool_create_page_pool(IAA_NR_BOUNCE_PAGES, 0);

	return iaa_bounce_pool ? 0 : -ENOMEM;
}

void iaa_dma_exit(void)
{
	mempool_destroy(iaa_bounce_pool);
}
