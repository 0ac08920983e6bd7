// SPDX-License-Identifier: GPL-2.0
/*
 * Every compressor, folio size and kind of data: what comes back from zswap is
 * what went in, and the counters say that all of it was there.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "region.h"
#include "zswap_util.h"

/* One folio of the largest size, and many of the smaller ones. */
#define REGION_SIZE	PMD_FOLIO_SIZE

/* Real data, if the caller has some: pages of this file. */
#define CORPUS		"ZSWAP_CORPUS"

static const size_t folio_sizes[] = {
	KB(4), KB(16), KB(32), KB(64), KB(128), KB(256), KB(512), KB(1024), KB(2048),
};

FIXTURE(contents)
{
	struct zswap_group group;
	struct region region;
};

FIXTURE_VARIANT(contents)
{
	const char *compressor;
};

#define COMPRESSOR(variant, name) \
	FIXTURE_VARIANT_ADD(contents, variant) { .compressor = name }

COMPRESSOR(lzo, "lzo");
COMPRESSOR(lzo_rle, "lzo-rle");
COMPRESSOR(lz4, "lz4");
COMPRESSOR(zstd, "zstd");
COMPRESSOR(deflate, "deflate");
COMPRESSOR(deflate_iaa, "deflate-iaa");
COMPRESSOR(deflate_iaa_dynamic, "deflate-iaa-dynamic");

FIXTURE_SETUP(contents)
{
	const char *why = zswap_unusable();

	if (why)
		SKIP(exit(KSFT_SKIP), "%s", why);
	ASSERT_EQ(0, zswap_group_enter(&self->group));
	if (!zswap_has(variant->compressor)) {
		zswap_group_leave(&self->group);
		SKIP(exit(KSFT_SKIP), "no compressor %s", variant->compressor);
	}
	ASSERT_EQ(0, stay_on_cpu(0));
}

FIXTURE_TEARDOWN(contents)
{
	folios_disable();
	zswap_group_leave(&self->group);
}

/* All pages are out, each folio in one store; @folios were stored before. */
static void assert_stored(struct __test_metadata *_metadata, struct region *region,
			  const struct zswap_counters *before, size_t folios)
{
	struct zswap_counters delta = zswap_since(before);
	long pages = region_nonzero(region);

	ASSERT_EQ(region->nr_pages, region_swapped(region));
	ASSERT_EQ(pages, delta.stored_pages);
	ASSERT_EQ(pages, delta.zswpout);
	ASSERT_EQ(0, delta.pswpout);
	ASSERT_EQ(0, zswap_rejected(&delta));
	if (region->folio_size > PATTERN_PAGE_SIZE)
		ASSERT_EQ(pages * PATTERN_PAGE_SIZE / region->folio_size,
			  folios_zswpout(region->folio_size) - folios);
	if (region->pattern.kind == PAGE_KIND_RANDOM)
		ASSERT_EQ(pages, delta.stored_incompressible_pages);
	if (region->pattern.kind == PAGE_KIND_TEXT)
		ASSERT_EQ(0, delta.stored_incompressible_pages);
}

/* All pages are back, and zswap keeps nothing. */
static void assert_loaded(struct __test_metadata *_metadata, struct region *region,
			  const struct zswap_counters *before)
{
	struct zswap_counters delta;

	ASSERT_EQ(0, region_errors(region));
	delta = zswap_since(before);
	ASSERT_EQ(0, delta.stored_pages);
	ASSERT_EQ(0, delta.stored_incompressible_pages);
	ASSERT_EQ(region_nonzero(region), delta.zswpin);
	ASSERT_EQ(0, delta.decompress_fail);
}

static void out_and_in(struct __test_metadata *_metadata, struct region *region,
		       size_t folio_size, const char *kind)
{
	struct zswap_counters before;
	size_t folios;

	TH_LOG("%zu kB folios", folio_size >> 10);
	ASSERT_EQ(0, folios_enable(&folio_size, 1));
	ASSERT_EQ(0, region_map(region, REGION_SIZE, folio_size, kind));
	region_fill(region, folio_size);
	folios = folios_zswpout(folio_size);
	zswap_read(&before);
	ASSERT_EQ(0, region_page_out(region));
	assert_stored(_metadata, region, &before, folios);
	assert_loaded(_metadata, region, &before);
	region_unmap(region);
}

static void every_folio_size(struct __test_metadata *_metadata, struct region *region,
			     const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folio_sizes); i++)
		out_and_in(_metadata, region, folio_sizes[i], kind);
}

/* Test that pages of zeroes never reach zswap, and come back. */
TEST_F_TIMEOUT(contents, zero, 300)
{
	every_folio_size(_metadata, &self->region, "zero");
}

/* Test that compressible pages are stored compressed, and come back. */
TEST_F_TIMEOUT(contents, text, 300)
{
	every_folio_size(_metadata, &self->region, "text");
}

/* Test that pages that do not shrink are stored as they are, and come back. */
TEST_F_TIMEOUT(contents, random, 300)
{
	every_folio_size(_metadata, &self->region, "random");
}

/* Test that both can be in one folio, with pages of zeroes between them. */
TEST_F_TIMEOUT(contents, mixed, 300)
{
	every_folio_size(_metadata, &self->region, "mixed");
}

/* Test pages of real programs, text and databases. */
TEST_F_TIMEOUT(contents, corpus, 300)
{
	const char *corpus = getenv(CORPUS);
	char kind[256];

	if (!corpus)
		SKIP(return, "no file is named by " CORPUS);
	snprintf(kind, sizeof(kind), "file:%s", corpus);
	every_folio_size(_metadata, &self->region, kind);
}

TEST_HARNESS_MAIN
