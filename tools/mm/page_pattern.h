/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page contents that can be written and, later, told apart byte by byte: what
 * the memory workloads of this directory have in common.
 */
#ifndef PAGE_PATTERN_H
#define PAGE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* The unit of a pattern, of swap and of zswap on x86-64. */
#define PATTERN_PAGE_SIZE	4096UL

enum page_kind {
	PAGE_KIND_ZERO,		/* nothing but zeroes */
	PAGE_KIND_TEXT,		/* made-up words: 44 % of its size when deflated */
	PAGE_KIND_RANDOM,	/* does not compress */
	PAGE_KIND_MIXED,	/* some of each: 54 % of its size when deflated */
	PAGE_KIND_FILE,		/* the whole pages of files, one after the other */
};

/**
 * struct page_pattern - what the pages of a region contain
 * @kind: how page contents are made
 * @seed: tells regions apart; a copy of the pattern with another seed describes
 *	another region and shares the memory of the original
 * @text: compressible raw material, NULL unless @kind needs it
 * @noise: incompressible raw material, NULL unless @kind needs it
 * @pages: addresses of the whole pages of all files, for PAGE_KIND_FILE
 * @nr_pages: length of @pages
 */
struct page_pattern {
	enum page_kind kind;
	__u64 seed;
	unsigned char *text;
	unsigned char *noise;
	const unsigned char **pages;
	size_t nr_pages;
};

/**
 * struct page_mismatch - the first byte that is not what it should be
 * @offset: of the byte in its page
 * @expected: value the pattern has there
 * @actual: value that was found
 */
struct page_mismatch {
	size_t offset;
	unsigned char expected;
	unsigned char actual;
};

int page_pattern_init(struct page_pattern *pattern, const char *kind, __u64 seed);
int page_pattern_add_file(struct page_pattern *pattern, const char *path);
void page_pattern_fill(const struct page_pattern *pattern, size_t index, void *page);
bool page_pattern_check(const struct page_pattern *pattern, size_t index,
			const void *page, struct page_mismatch *mismatch);

int parse_number(const char *text, unsigned long max, unsigned long *value);
int parse_size(const char *text, size_t *size);

#endif /* PAGE_PATTERN_H */
