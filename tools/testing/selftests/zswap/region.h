/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private anonymous memory in folios of one size, with contents that can be told
 * apart byte by byte, pushed out to swap on demand.
 */
#ifndef REGION_H
#define REGION_H

#include <stdbool.h>
#include <stddef.h>

#include "page_pattern.h"

#define KB(x)		((size_t)(x) << 10)
#define PMD_FOLIO_SIZE	KB(2048)

/**
 * struct region - memory under test
 * @start: first byte, aligned to PMD_FOLIO_SIZE
 * @nr_pages: length in pages, whole folios
 * @folio_size: in bytes
 * @pattern: what the pages contain: set by region_fill()
 * @reserved: the mapping that @start is in
 */
struct region {
	unsigned char *start;
	size_t nr_pages;
	size_t folio_size;
	struct page_pattern pattern;
	void *reserved;
};

int folios_enable(const size_t *sizes, size_t nr);
void folios_disable(void);
size_t folios_zswpout(size_t size);

int region_map(struct region *region, size_t size, size_t folio_size, const char *kind);
int region_renew(struct region *region);
void region_unmap(struct region *region);
void region_fill(struct region *region, unsigned long seed);
void region_fill_page(struct region *region, size_t index, const struct page_pattern *pattern);
int region_page_out(const struct region *region);
size_t region_errors(const struct region *region);
void region_read(const struct region *region, size_t first, size_t nr);
size_t region_swapped(const struct region *region);
size_t region_nonzero(const struct region *region);

int stay_on_cpu(int cpu);

#endif /* REGION_H */
