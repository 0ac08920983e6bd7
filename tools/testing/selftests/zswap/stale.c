// SPDX-License-Identifier: GPL-2.0
/*
 * A load takes a page out of zswap, so its entries are older than the memory they
 * are of only if nothing was loaded: the page was faulted in again after it was
 * stored, while it was still in the swap cache.
 *
 * That is arranged by a thread that reads a folio as it is pushed out. Its fault
 * waits for the lock that the store holds, and with a reference, so the folio is
 * mapped again where reclaim wanted to free it. The folio keeps its swap slots,
 * and the entries in zswap become stale with the next write. Swap devices without
 * latency (RAM disks) do not do: there, a fault gives the slots back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "region.h"
#include "stale.h"
#include "zswap_util.h"

/* The fault comes too early or too late more often than not. */
#define ATTEMPTS	2000

/*
 * When to read, after the folio is being pushed out: from while it is unmapped,
 * which is too early, to the time that the store of a large folio takes.
 */
#define MIN_DELAY_US	1
#define MAX_DELAY_US	(64 * 1024)

/* CPU of the thread that reads; the other one is the caller's. */
#define READER_CPU	1

/**
 * struct reader - a thread that reads a page some time after it is asked to
 * @thread: the thread
 * @page: what to read; NULL once it has been
 * @delay_us: how long to wait before, set while @page is NULL
 * @stop: the thread is to end
 */
struct reader {
	pthread_t thread;
	unsigned char *_Atomic page;
	unsigned int delay_us;
	atomic_bool stop;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	unsigned char *page;

	stay_on_cpu(READER_CPU);
	while (!reader->stop) {
		page = reader->page;
		if (!page) {
			sched_yield();
			continue;
		}
		usleep(reader->delay_us);
		asm volatile("" : : "r" (*page));
		reader->page = NULL;
	}
	return NULL;
}

static int page_out_while_reading(const struct region *folio, struct reader *reader)
{
	int ret;

	reader->page = folio->start;
	ret = region_page_out(folio);
	while (reader->page)
		sched_yield();
	return ret;
}

static void try_another_delay(struct reader *reader)
{
	reader->delay_us *= 2;
	if (reader->delay_us > MAX_DELAY_US)
		reader->delay_us = MIN_DELAY_US;
}

/* Until all of the folio is both mapped and stored. */
static int store_folio(struct region *folio, struct reader *reader)
{
	long before = zswap_stored_pages();
	unsigned int attempt;
	long stored;
	int ret;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		ret = page_out_while_reading(folio, reader);
		if (ret)
			return ret;
		/* What has no page any more loses its entry with the load. */
		region_read(folio, 0, folio->nr_pages);
		stored = zswap_stored_pages() - before;
		if (stored == folio->nr_pages)
			return 0;
		ret = region_renew(folio);
		if (ret)
			return ret;
		region_fill(folio, folio->pattern.seed);
		try_another_delay(reader);
	}
	return -EBUSY;
}

static int store_folios(struct region *region, struct reader *reader)
{
	struct region folio = *region;
	size_t first;
	int ret;

	folio.nr_pages = region->folio_size / PATTERN_PAGE_SIZE;
	for (first = 0; first < region->nr_pages; first += folio.nr_pages) {
		folio.start = region->start + first * PATTERN_PAGE_SIZE;
		ret = store_folio(&folio, reader);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * stale_store() - leave all pages of a region both mapped and stored in zswap
 * @region: a region; what it contains is lost
 *
 * Return: 0, -EBUSY if it could not be done, or another negative errno.
 */
int stale_store(struct region *region)
{
	struct reader reader = { .delay_us = MIN_DELAY_US };
	int ret;

	if (pthread_create(&reader.thread, NULL, reader_main, &reader))
		return -EAGAIN;
	ret = region_renew(region) ?: store_folios(region, &reader);
	reader.stop = true;
	pthread_join(reader.thread, NULL);
	return ret;
}
