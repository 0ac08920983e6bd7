// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the tests of zswap push out and read back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "region.h"

#define THP_DIR		"/sys/kernel/mm/transparent_hugepage"

/*
 * khugepaged copies pages to huge ones, and their swap slots go with the old ones. So it
 * is to come in 49 days rather than, as by default, every 10 seconds.
 */
#define KHUGEPAGED_SLEEP	THP_DIR "/khugepaged/scan_sleep_millisecs"
#define KHUGEPAGED_NEVER	"4294967295"
#define KHUGEPAGED_DEFAULT	"10000"

/* Bit of a pagemap entry: the page is in swap (Documentation/admin-guide/mm). */
#define PAGEMAP_SWAPPED	((__u64)1 << 62)

/* Mismatches that are described before they are only counted. */
#define MAX_REPORTS	4

static int write_choice(const char *path, const char *choice)
{
	ssize_t len = strlen(choice);
	ssize_t ret;
	int fd;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, choice, len);
	close(fd);
	return ret == len ? 0 : -EIO;
}

/** folios_disable() - let anonymous memory be in single pages only */
void folios_disable(void)
{
	glob_t files;
	size_t i;

	if (glob(THP_DIR "/hugepages-*kB/enabled", 0, NULL, &files))
		return;
	for (i = 0; i < files.gl_pathc; i++)
		write_choice(files.gl_pathv[i], "never");
	globfree(&files);
	write_choice(KHUGEPAGED_SLEEP, KHUGEPAGED_DEFAULT);
}

/**
 * folios_enable() - choose the folios that anonymous memory may be in
 * @sizes: in bytes; that of a page stands for none
 * @nr: length of @sizes
 *
 * Of several sizes the kernel takes the largest that fits into a mapping.
 *
 * Return: 0, or a negative errno: -ENOENT if the kernel has no folios of a size.
 */
int folios_enable(const size_t *sizes, size_t nr)
{
	char path[128];
	size_t i;
	int ret;

	folios_disable();
	for (i = 0; i < nr; i++) {
		if (sizes[i] == PATTERN_PAGE_SIZE)
			continue;
		ret = write_choice(KHUGEPAGED_SLEEP, KHUGEPAGED_NEVER);
		if (ret)
			return ret;
		snprintf(path, sizeof(path), THP_DIR "/hugepages-%zukB/enabled",
			 sizes[i] >> 10);
		ret = write_choice(path, "always");
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * folios_zswpout() - count folios that zswap stored since the machine was started
 * @size: of the folios, in bytes, more than a page
 *
 * Return: their number; 0 also if the kernel does not tell.
 */
size_t folios_zswpout(size_t size)
{
	size_t count = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), THP_DIR "/hugepages-%zukB/stats/zswpout", size >> 10);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%zu", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

/**
 * region_renew() - give the region new memory, which no page was allocated for
 * @region: a mapped region; its contents are lost
 *
 * What was swapped in once is in single pages: only new memory is in folios.
 *
 * Return: 0, or a negative errno.
 */
int region_renew(struct region *region)
{
	bool large = region->folio_size > PATTERN_PAGE_SIZE;
	size_t size = region->nr_pages * PATTERN_PAGE_SIZE;

	if (mmap(region->start, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	if (madvise(region->start, size, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		return -errno;
	return 0;
}

/**
 * region_map() - set a region up
 * @region: the region; to be given to region_unmap()
 * @size: in bytes, whole folios; below PMD_FOLIO_SIZE no folio of that size can
 *	be in it, which allows to have smaller ones while these are enabled
 * @folio_size: in bytes; larger ones than a page must be enabled
 * @kind: of contents, as of page_pattern_init()
 *
 * Return: 0, or a negative errno.
 */
int region_map(struct region *region, size_t size, size_t folio_size, const char *kind)
{
	unsigned long address;
	int ret;

	ret = page_pattern_init(&region->pattern, kind, 0);
	if (ret)
		return ret;

	region->nr_pages = size / PATTERN_PAGE_SIZE;
	region->folio_size = folio_size;
	region->reserved = mmap(NULL, size + PMD_FOLIO_SIZE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (region->reserved == MAP_FAILED)
		return -errno;

	address = (unsigned long)region->reserved + PMD_FOLIO_SIZE - 1;
	region->start = (unsigned char *)(address & ~(PMD_FOLIO_SIZE - 1));
	return region_renew(region);
}

void region_unmap(struct region *region)
{
	munmap(region->reserved, region->nr_pages * PATTERN_PAGE_SIZE + PMD_FOLIO_SIZE);
	region->start = NULL;
}

static unsigned char *page_address(const struct region *region, size_t index)
{
	return region->start + index * PATTERN_PAGE_SIZE;
}

/**
 * region_fill() - write every page
 * @region: the region
 * @seed: other seeds are other contents
 */
void region_fill(struct region *region, unsigned long seed)
{
	size_t i;

	region->pattern.seed = seed;
	for (i = 0; i < region->nr_pages; i++)
		page_pattern_fill(&region->pattern, i, page_address(region, i));
}

/** region_fill_page() - give page @index the contents of another pattern */
void region_fill_page(struct region *region, size_t index,
		      const struct page_pattern *pattern)
{
	page_pattern_fill(pattern, index, page_address(region, index));
}

/**
 * region_page_out() - have all pages reclaimed, at once
 * @region: the region
 *
 * A page that was just allocated waits in a batch of its CPU, where others do not
 * find it: the task must be bound to the CPU that it filled the region on.
 *
 * Return: 0, or a negative errno. That pages could not be reclaimed is none.
 */
int region_page_out(const struct region *region)
{
	size_t size = region->nr_pages * PATTERN_PAGE_SIZE;

	return madvise(region->start, size, MADV_PAGEOUT) ? -errno : 0;
}

/** region_read() - fault in @nr pages from page @first on */
void region_read(const struct region *region, size_t first, size_t nr)
{
	size_t i;

	for (i = first; i < first + nr; i++)
		asm volatile("" : : "r" (*page_address(region, i)));
}

/**
 * region_errors() - compare every byte
 * @region: the region
 *
 * Return: pages that are not what region_fill() wrote last.
 */
size_t region_errors(const struct region *region)
{
	struct page_mismatch mismatch;
	size_t errors = 0;
	size_t i;

	for (i = 0; i < region->nr_pages; i++) {
		if (page_pattern_check(&region->pattern, i, page_address(region, i),
				       &mismatch))
			continue;
		if (errors++ < MAX_REPORTS)
			fprintf(stderr, "# page %zu of %zu kB folios, seed %llu, offset %zu: 0x%02x became 0x%02x\n",
				i, region->folio_size >> 10, region->pattern.seed,
				mismatch.offset, mismatch.expected, mismatch.actual);
	}
	return errors;
}

/**
 * region_swapped() - count the pages that are in swap
 * @region: the region
 *
 * Looks at the page table only, so no page comes back by being counted.
 *
 * Return: their number; 0 also if the kernel does not tell.
 */
size_t region_swapped(const struct region *region)
{
	off_t first = (unsigned long)region->start / PATTERN_PAGE_SIZE;
	size_t swapped = 0;
	__u64 entry;
	size_t i;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd < 0)
		return 0;
	for (i = 0; i < region->nr_pages; i++) {
		if (pread(fd, &entry, sizeof(entry), (first + i) * sizeof(entry)) !=
		    sizeof(entry))
			break;
		swapped += !!(entry & PAGEMAP_SWAPPED);
	}
	close(fd);
	return swapped;
}

static bool folio_is_zero(const struct region *region, size_t first, size_t nr)
{
	static const unsigned char zeroes[PATTERN_PAGE_SIZE];
	unsigned char page[PATTERN_PAGE_SIZE];
	size_t i;

	for (i = first; i < first + nr; i++) {
		page_pattern_fill(&region->pattern, i, page);
		if (memcmp(page, zeroes, sizeof(page)))
			return false;
	}
	return true;
}

/**
 * region_nonzero() - count the pages that swap has to keep
 * @region: the region
 *
 * A folio of zeroes only gets a mark in the swap table: zswap never sees it.
 *
 * Return: the pages of all other folios.
 */
size_t region_nonzero(const struct region *region)
{
	size_t nr = region->folio_size / PATTERN_PAGE_SIZE;
	size_t pages = 0;
	size_t first;

	for (first = 0; first < region->nr_pages; first += nr)
		if (!folio_is_zero(region, first, nr))
			pages += nr;
	return pages;
}

/** stay_on_cpu() - bind this task to @cpu; return 0 or a negative errno */
int stay_on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}
