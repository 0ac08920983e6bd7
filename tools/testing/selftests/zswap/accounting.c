// SPDX-License-Identifier: GPL-2.0
/*
 * What zswap counts and charges is what it holds, to the page: after stores and
 * loads, after stores that fail, at limits, and when a store replaces an older
 * version of its pages.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "region.h"
#include "stale.h"
#include "zswap_util.h"

FIXTURE(accounting)
{
	struct zswap_group group;
	struct region region;
	struct zswap_counters before;
	long pages;
	long folios;
};

FIXTURE_VARIANT(accounting)
{
	const char *compressor;
	size_t folio_size;
	size_t size;
};

#define VARIANT(name, compressor_, folio_kb, size_kb) \
	FIXTURE_VARIANT_ADD(accounting, name##_##folio_kb##kB) { \
		.compressor = compressor_, .folio_size = KB(folio_kb), .size = KB(size_kb), \
	}

VARIANT(lz4, "lz4", 4, 128);
VARIANT(lz4, "lz4", 64, 512);
VARIANT(lz4, "lz4", 2048, 4096);
VARIANT(iaa, "deflate-iaa", 4, 128);
VARIANT(iaa, "deflate-iaa", 64, 512);
VARIANT(iaa, "deflate-iaa", 2048, 4096);

FIXTURE_SETUP(accounting)
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
	ASSERT_EQ(0, folios_enable(&variant->folio_size, 1));
	self->pages = variant->size / PATTERN_PAGE_SIZE;
	self->folios = variant->size / variant->folio_size;
}

FIXTURE_TEARDOWN(accounting)
{
	folios_disable();
	zswap_group_leave(&self->group);
}

static void fill_new_region(struct __test_metadata *_metadata,
			    FIXTURE_DATA(accounting) *self,
			    const FIXTURE_VARIANT(accounting) *variant, const char *kind)
{
	ASSERT_EQ(0, region_map(&self->region, variant->size, variant->folio_size, kind));
	region_fill(&self->region, 1);
	zswap_read(&self->before);
}

#define fill_new_region(kind) fill_new_region(_metadata, self, variant, kind)

/* zswap and the cgroup agree on what is stored. */
static void assert_held(struct __test_metadata *_metadata, FIXTURE_DATA(accounting) *self,
			long pages, long incompressible)
{
	struct zswap_counters delta = zswap_since(&self->before);
	long bytes = pages * PATTERN_PAGE_SIZE;

	ASSERT_EQ(pages, delta.stored_pages);
	ASSERT_EQ(incompressible, delta.stored_incompressible_pages);
	ASSERT_EQ(bytes, zswap_group_stat(&self->group, "zswapped ", bytes));
	ASSERT_EQ(incompressible * PATTERN_PAGE_SIZE,
		  zswap_group_stat(&self->group, "zswap_incomp ",
				   incompressible * PATTERN_PAGE_SIZE));
}

#define assert_held(pages, incompressible) \
	assert_held(_metadata, self, pages, incompressible)

/* Nothing is stored and nothing charged, not one byte. */
static void assert_empty(struct __test_metadata *_metadata, FIXTURE_DATA(accounting) *self)
{
	(assert_held)(_metadata, self, 0, 0);
	ASSERT_EQ(0, zswap_group_stat(&self->group, "zswap ", 0));
}

#define assert_empty() assert_empty(_metadata, self)

/* Test that pages are counted when stored, loaded and freed. */
TEST_F_TIMEOUT(accounting, stored_loaded_freed, 120)
{
	long charged;

	fill_new_region("text");
	ASSERT_EQ(0, region_page_out(&self->region));
	assert_held(self->pages, 0);
	ASSERT_EQ(self->pages, zswap_group_stat(&self->group, "zswpout ", self->pages));
	charged = zswap_group_read(&self->group, "zswap ");
	ASSERT_GT(charged, self->pages * 64);
	ASSERT_LT(charged, self->pages * (long)PATTERN_PAGE_SIZE);

	region_read(&self->region, 0, self->pages / 2);
	assert_held(self->pages / 2, 0);
	ASSERT_EQ(self->pages / 2, zswap_group_stat(&self->group, "zswpin ", self->pages / 2));
	ASSERT_LT(zswap_group_read(&self->group, "zswap "), charged);

	region_unmap(&self->region);
	assert_empty();
	ASSERT_EQ(self->pages / 2, zswap_group_stat(&self->group, "zswpin ", self->pages / 2));
}

/* Test that a page that does not shrink is charged as a whole page. */
TEST_F_TIMEOUT(accounting, incompressible, 120)
{
	fill_new_region("random");
	ASSERT_EQ(0, region_page_out(&self->region));
	assert_held(self->pages, self->pages);
	ASSERT_EQ(variant->size, zswap_group_stat(&self->group, "zswap ", variant->size));
	ASSERT_EQ(0, region_errors(&self->region));
	assert_empty();
}

/*
 * Test that a page that does not shrink stays in memory when the cgroup allows no
 * writeback, and that its folio counts once, as one that compresses poorly.
 */
TEST_F_TIMEOUT(accounting, incompressible_without_writeback, 120)
{
	struct zswap_counters delta;

	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.writeback", "0"));
	fill_new_region("random");
	ASSERT_EQ(0, region_page_out(&self->region));
	assert_empty();
	ASSERT_EQ(0, region_errors(&self->region));
	delta = zswap_since(&self->before);
	ASSERT_EQ(self->folios, zswap_rejected(&delta));
	ASSERT_EQ(0, delta.zswpout);
	ASSERT_EQ(0, delta.pswpout);
	ASSERT_EQ(0, delta.pswpin);
	EXPECT_EQ(self->folios, delta.reject_compress_poor);
}

/*
 * Test that one page that does not shrink, in any place, keeps its folio out of
 * zswap, and no other.
 */
TEST_F_TIMEOUT(accounting, one_incompressible_without_writeback, 120)
{
	size_t folio_pages = variant->folio_size / PATTERN_PAGE_SIZE;
	const size_t places[] = { 0, folio_pages / 2, folio_pages - 1 };
	struct zswap_counters delta;
	struct page_pattern noise;
	size_t i;

	ASSERT_EQ(0, page_pattern_init(&noise, "random", 1));
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.writeback", "0"));
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		TH_LOG("page %zu of %zu", places[i], folio_pages);
		fill_new_region("text");
		region_fill_page(&self->region, places[i], &noise);
		ASSERT_EQ(0, region_page_out(&self->region));
		assert_held(self->pages - folio_pages, 0);
		delta = zswap_since(&self->before);
		ASSERT_EQ(1, zswap_rejected(&delta));
		ASSERT_EQ(0, delta.pswpout);
		region_fill_page(&self->region, places[i], &self->region.pattern);
		ASSERT_EQ(0, region_errors(&self->region));
		assert_empty();
		region_unmap(&self->region);
	}
}

/* All pages went to the swap device, and come back from there. */
static void assert_on_disk(struct __test_metadata *_metadata,
			   FIXTURE_DATA(accounting) *self)
{
	struct zswap_counters delta = zswap_since(&self->before);

	ASSERT_EQ(self->pages, region_swapped(&self->region));
	ASSERT_EQ(self->pages, delta.pswpout);
	ASSERT_EQ(0, delta.zswpout);
	ASSERT_EQ(0, zswap_rejected(&delta));
	assert_empty();
	ASSERT_EQ(0, region_errors(&self->region));
	delta = zswap_since(&self->before);
	ASSERT_EQ(0, delta.zswpin);
}

#define assert_on_disk() assert_on_disk(_metadata, self)

/* Test that a pool without room is a limit that each folio hits once. */
TEST_F_TIMEOUT(accounting, no_room, 120)
{
	struct zswap_counters delta;

	fill_new_region("text");
	ASSERT_EQ(0, zswap_set("max_pool_percent", "0"));
	ASSERT_EQ(0, region_page_out(&self->region));
	delta = zswap_since(&self->before);
	ASSERT_EQ(self->folios, delta.pool_limit_hit);
	assert_on_disk();
}

/* Test that a cgroup that may use no zswap uses none. */
TEST_F_TIMEOUT(accounting, cgroup_without_zswap, 120)
{
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.max", "0"));
	fill_new_region("text");
	ASSERT_EQ(0, region_page_out(&self->region));
	assert_on_disk();
}

/* Test that nothing is stored while zswap is disabled. */
TEST_F_TIMEOUT(accounting, disabled, 120)
{
	fill_new_region("text");
	ASSERT_EQ(0, zswap_set("enabled", "N"));
	ASSERT_EQ(0, region_page_out(&self->region));
	assert_on_disk();
}

/* Test that a cgroup does not outgrow its limit by more than one folio. */
TEST_F_TIMEOUT(accounting, cgroup_limit, 120)
{
	long limit = variant->size / 2;
	char value[32];
	long held;

	snprintf(value, sizeof(value), "%ld", limit);
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.max", value));
	fill_new_region("random");
	ASSERT_EQ(0, region_page_out(&self->region));
	held = zswap_group_read(&self->group, "zswap ");
	ASSERT_GT(held, 0);
	ASSERT_LE(held, limit - PATTERN_PAGE_SIZE + variant->folio_size);
	ASSERT_EQ(self->pages, region_swapped(&self->region));
	ASSERT_EQ(0, region_errors(&self->region));
	assert_empty();
}

/* All pages are mapped although they are stored, too; then write to them. */
static void write_to_stored_pages(struct __test_metadata *_metadata,
				  FIXTURE_DATA(accounting) *self)
{
	struct zswap_counters delta;

	ASSERT_EQ(0, stale_store(&self->region));
	region_fill(&self->region, 2);
	delta = zswap_since(&self->before);
	ASSERT_EQ(self->pages, delta.stored_pages);
	ASSERT_EQ(0, region_swapped(&self->region));
}

#define write_to_stored_pages() write_to_stored_pages(_metadata, self)

/* Test that a store replaces what is stored of an older version of its pages. */
TEST_F_TIMEOUT(accounting, older_entries_are_replaced, 600)
{
	fill_new_region("text");
	write_to_stored_pages();
	ASSERT_EQ(0, region_page_out(&self->region));
	ASSERT_EQ(self->pages, region_swapped(&self->region));
	assert_held(self->pages, 0);
	ASSERT_EQ(0, region_errors(&self->region));
	assert_empty();
}

/* Test that a store that is refused at once takes older entries with it. */
TEST_F_TIMEOUT(accounting, older_entries_go_with_a_refused_store, 120)
{
	fill_new_region("text");
	write_to_stored_pages();
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.max", "0"));
	ASSERT_EQ(0, region_page_out(&self->region));
	ASSERT_EQ(self->pages, region_swapped(&self->region));
	assert_empty();
	ASSERT_EQ(0, region_errors(&self->region));
}

/* Test the same of a store that is refused because zswap was disabled. */
TEST_F_TIMEOUT(accounting, older_entries_go_when_disabled, 120)
{
	fill_new_region("text");
	write_to_stored_pages();
	ASSERT_EQ(0, zswap_set("enabled", "N"));
	ASSERT_EQ(0, region_page_out(&self->region));
	ASSERT_EQ(self->pages, region_swapped(&self->region));
	assert_empty();
	ASSERT_EQ(0, region_errors(&self->region));
}

/* Test the same of a store that fails at the last page of its folio. */
TEST_F_TIMEOUT(accounting, older_entries_go_with_a_failed_store, 120)
{
	size_t step = variant->folio_size / PATTERN_PAGE_SIZE;
	struct zswap_counters delta;
	struct page_pattern noise;
	size_t page;

	ASSERT_EQ(0, page_pattern_init(&noise, "random", 1));
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.writeback", "0"));
	fill_new_region("text");
	write_to_stored_pages();
	for (page = step - 1; page < self->region.nr_pages; page += step)
		region_fill_page(&self->region, page, &noise);
	ASSERT_EQ(0, region_page_out(&self->region));
	assert_empty();
	delta = zswap_since(&self->before);
	ASSERT_EQ(self->folios, zswap_rejected(&delta));
	ASSERT_EQ(0, delta.pswpout);
	for (page = step - 1; page < self->region.nr_pages; page += step)
		region_fill_page(&self->region, page, &self->region.pattern);
	ASSERT_EQ(0, region_errors(&self->region));
}

/* The pool's limit is a part of all memory: it takes a lot of data to get there. */
FIXTURE(pool)
{
	struct zswap_group group;
	struct region region;
	long limit;
};

FIXTURE_VARIANT(pool)
{
	size_t folio_size;
};

FIXTURE_VARIANT_ADD(pool, 4kB) { .folio_size = KB(4) };
FIXTURE_VARIANT_ADD(pool, 2048kB) { .folio_size = KB(2048) };

FIXTURE_SETUP(pool)
{
	const char *why = zswap_unusable();

	if (why)
		SKIP(exit(KSFT_SKIP), "%s", why);
	ASSERT_EQ(0, zswap_group_enter(&self->group));
	ASSERT_EQ(0, zswap_set("max_pool_percent", "1"));
	ASSERT_EQ(0, stay_on_cpu(0));
	ASSERT_EQ(0, folios_enable(&variant->folio_size, 1));
	self->limit = sysconf(_SC_PHYS_PAGES) * PATTERN_PAGE_SIZE / 100;
}

FIXTURE_TEARDOWN(pool)
{
	folios_disable();
	zswap_group_leave(&self->group);
}

/* Test that zswap does not outgrow its share of memory by more than one folio. */
TEST_F_TIMEOUT(pool, limit, 300)
{
	size_t size = (self->limit / PMD_FOLIO_SIZE + 3) * PMD_FOLIO_SIZE;
	struct zswap_counters before, delta;

	ASSERT_EQ(0, region_map(&self->region, size, variant->folio_size, "random"));
	region_fill(&self->region, 1);
	zswap_read(&before);
	ASSERT_EQ(0, region_page_out(&self->region));

	delta = zswap_since(&before);
	ASSERT_GT(delta.pool_limit_hit, 0);
	ASSERT_GT(delta.zswpout, 0);
	ASSERT_GT(delta.pswpout, 0);
	/* The size is known in zspages, which have up to four pages. */
	ASSERT_LT(zswap_pool_size(), self->limit + (long)variant->folio_size + KB(16));
	ASSERT_EQ(size / PATTERN_PAGE_SIZE, region_swapped(&self->region));
	ASSERT_EQ(0, region_errors(&self->region));
	ASSERT_EQ(0, zswap_group_stat(&self->group, "zswap ", 0));
}

TEST_HARNESS_MAIN
