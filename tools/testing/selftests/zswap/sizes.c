// SPDX-License-Identifier: GPL-2.0
/*
 * A page that did not shrink is stored as it is, or not at all, whatever size the
 * compressor reports for it: as long as the page, longer, or nothing. What it has
 * written then is of no use to anybody.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "region.h"
#include "zswap_util.h"

/* Of crypto/tests/acomp_sizes.c. */
#define RESULT	"/sys/module/acomp_sizes/parameters/result"

static const size_t folio_sizes[] = { KB(4), KB(64), KB(2048) };

FIXTURE(sizes)
{
	struct zswap_group group;
	struct region region;
};

FIXTURE_VARIANT(sizes)
{
	const char *compressor;
	const char *result;
};

#define VARIANT(kind, name, value) \
	FIXTURE_VARIANT_ADD(sizes, kind##_##name) { \
		.compressor = "sizes-" #kind, .result = value, \
	}

VARIANT(scomp, nothing, "0");
VARIANT(scomp, page, "4096");
VARIANT(scomp, more, "4097");
VARIANT(async, nothing, "0");
VARIANT(async, page, "4096");
VARIANT(async, more, "4097");
VARIANT(units, nothing, "0");
VARIANT(units, page, "4096");
VARIANT(units, more, "4097");

static int set_result(const char *value)
{
	ssize_t ret;
	int fd;

	fd = open(RESULT, O_WRONLY);
	if (fd < 0)
		return -1;
	ret = write(fd, value, strlen(value));
	close(fd);
	return ret < 0 ? -1 : 0;
}

FIXTURE_SETUP(sizes)
{
	const char *why = zswap_unusable();

	if (why)
		SKIP(exit(KSFT_SKIP), "%s", why);
	ASSERT_EQ(0, zswap_group_enter(&self->group));
	if (!zswap_has(variant->compressor)) {
		zswap_group_leave(&self->group);
		SKIP(exit(KSFT_SKIP), "no compressor %s", variant->compressor);
	}
	ASSERT_EQ(0, set_result(variant->result));
	ASSERT_EQ(0, stay_on_cpu(0));
}

FIXTURE_TEARDOWN(sizes)
{
	folios_disable();
	zswap_group_leave(&self->group);
}

static void page_out(struct __test_metadata *_metadata, struct region *region,
		     size_t folio_size)
{
	TH_LOG("%zu kB folios", folio_size >> 10);
	ASSERT_EQ(0, folios_enable(&folio_size, 1));
	ASSERT_EQ(0, region_map(region, PMD_FOLIO_SIZE, folio_size, "text"));
	region_fill(region, folio_size);
	ASSERT_EQ(0, region_page_out(region));
}

static void stored_as_it_is(struct __test_metadata *_metadata, struct region *region,
			    size_t folio_size)
{
	struct zswap_counters before, delta;

	zswap_read(&before);
	page_out(_metadata, region, folio_size);
	delta = zswap_since(&before);
	ASSERT_EQ(region->nr_pages, region_swapped(region));
	ASSERT_EQ(region->nr_pages, delta.stored_pages);
	ASSERT_EQ(region->nr_pages, delta.stored_incompressible_pages);
	ASSERT_EQ(0, region_errors(region));
	delta = zswap_since(&before);
	ASSERT_EQ(region->nr_pages, delta.zswpin);
	ASSERT_EQ(0, delta.pswpin);
	ASSERT_EQ(0, delta.decompress_fail);
	region_unmap(region);
}

/* Test that such a page is stored as it is, and comes back. */
TEST_F_TIMEOUT(sizes, with_writeback, 300)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folio_sizes); i++)
		stored_as_it_is(_metadata, &self->region, folio_sizes[i]);
}

static void refused(struct __test_metadata *_metadata, struct region *region,
		    size_t folio_size)
{
	struct zswap_counters before, delta;

	zswap_read(&before);
	page_out(_metadata, region, folio_size);
	delta = zswap_since(&before);
	ASSERT_EQ(0, delta.stored_pages);
	ASSERT_EQ(0, delta.pswpout);
	ASSERT_EQ(PMD_FOLIO_SIZE / folio_size, delta.reject_compress_fail);
	ASSERT_EQ(delta.reject_compress_fail, zswap_rejected(&delta));
	ASSERT_EQ(0, region_errors(region));
	region_unmap(region);
}

/* Test that its folio is refused, once, where nothing may be written back. */
TEST_F_TIMEOUT(sizes, without_writeback, 300)
{
	size_t i;

	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.writeback", "0"));
	for (i = 0; i < ARRAY_SIZE(folio_sizes); i++)
		refused(_metadata, &self->region, folio_sizes[i]);
}

TEST_HARNESS_MAIN
