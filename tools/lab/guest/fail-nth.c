// SPDX-License-Identifier: GPL-2.0
/*
 * fail-nth - pages go out to swap and come back while the kernel's n-th faultable
 * operation fails, for each n there is
 *
 *   fail-nth PAGES KIND STEP [CGROUP]
 *
 * Two sweeps, over MADV_PAGEOUT and over reading the pages back. Each step fills
 * new memory, arms /proc/thread-self/fail-nth, does the one thing, and compares
 * every byte. The next one is STEP operations further on, and a sweep ends with the
 * step in which the fault was no longer reached. With CGROUP, each step is taken in
 * a new child of it, for which there is nothing yet that the kernel keeps.
 *
 * Prints "kind=fail-nth-store injected=N pages=N wrong=N" and the same for load.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../mm/page_pattern.h"

#define ALIGNMENT	(2UL << 20)
#define MAX_STEPS	5000

/* One step's memory. */
struct memory {
	void *mapping;
	unsigned char *pages;
	size_t count;
};

/* Open for good: opening it could be what fails. */
static int nth_file;

static void open_nth_file(void)
{
	nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_file < 0)
		err(1, "/proc/thread-self/fail-nth");
}

static void arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_file, text, len, 0) != len)
		err(1, "could not arm the fault");
}

/* Whether the fault has been reached, rather than by what asks for that. */
static bool disarm(void)
{
	char text[16] = "";
	bool reached = pread(nth_file, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	while (pwrite(nth_file, "0", 1, 0) != 1)
		;
	return reached;
}

/* NULL: all steps are taken where the program was started. */
static const char *parent_group;

static void join_group(const char *group)
{
	char path[256];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	procs = fopen(path, "w");
	if (!procs || fprintf(procs, "%d", getpid()) < 0 || fclose(procs))
		err(1, "%s", path);
}

static void enter_new_group(char *group, size_t size, unsigned int nth)
{
	snprintf(group, size, "%s/nth%u", parent_group, nth);
	if (mkdir(group, 0755))
		err(1, "%s", group);
	join_group(group);
}

static void leave_group(const char *group)
{
	char home[256];

	snprintf(home, sizeof(home), "%s/home", parent_group);
	if (mkdir(home, 0755) && errno != EEXIST)
		err(1, "%s", home);
	join_group(home);
	if (rmdir(group))
		err(1, "%s", group);
}

static void map_memory(struct memory *memory)
{
	size_t size = memory->count * PATTERN_PAGE_SIZE + ALIGNMENT;

	memory->mapping = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory->mapping == MAP_FAILED)
		err(1, "mmap");
	memory->pages = (unsigned char *)(((size_t)memory->mapping + ALIGNMENT - 1) &
					  ~(ALIGNMENT - 1));
}

static void unmap_memory(struct memory *memory)
{
	munmap(memory->mapping, memory->count * PATTERN_PAGE_SIZE + ALIGNMENT);
}

/* Where the faults are to happen, and not in what makes or checks the pages. */
static void push_out(struct memory *memory)
{
	/* That it fails is no error: the pages then stay where they are. */
	madvise(memory->pages, memory->count * PATTERN_PAGE_SIZE, MADV_PAGEOUT);
}

static void bring_in(struct memory *memory)
{
	size_t i;

	for (i = 0; i < memory->count; i++)
		(void)*(volatile unsigned char *)(memory->pages + i * PATTERN_PAGE_SIZE);
}

static size_t count_wrong(struct memory *memory, const struct page_pattern *pattern)
{
	struct page_mismatch mismatch;
	size_t i, wrong = 0;

	for (i = 0; i < memory->count; i++) {
		if (page_pattern_check(pattern, i, memory->pages + i * PATTERN_PAGE_SIZE,
				       &mismatch))
			continue;
		printf("page %zu differs at byte %zu\n", i, mismatch.offset);
		wrong++;
	}
	return wrong;
}

/* Returns the number of pages that came back wrong. */
static size_t step(size_t count, struct page_pattern *pattern, bool store,
		   unsigned int nth, bool *reached)
{
	struct memory memory = { .count = count };
	char group[256];
	size_t i, wrong;

	if (parent_group)
		enter_new_group(group, sizeof(group), nth);
	map_memory(&memory);
	pattern->seed++;
	for (i = 0; i < count; i++)
		page_pattern_fill(pattern, i, memory.pages + i * PATTERN_PAGE_SIZE);

	if (!store)
		push_out(&memory);
	arm(nth);
	if (store)
		push_out(&memory);
	else
		bring_in(&memory);
	*reached = disarm();

	wrong = count_wrong(&memory, pattern);
	unmap_memory(&memory);
	if (parent_group)
		leave_group(group);
	return wrong;
}

/* Returns the number of pages that came back wrong. */
static size_t sweep(size_t count, struct page_pattern *pattern, bool store,
		    unsigned int distance)
{
	unsigned int nth, steps = 0;
	size_t wrong = 0;
	bool reached = true;

	for (nth = 1; reached; nth += distance, steps++) {
		if (steps == MAX_STEPS)
			errx(1, "the fault is still reached at the %u-th operation", nth);
		wrong += step(count, pattern, store, nth, &reached);
	}
	printf("kind=fail-nth-%s injected=%u pages=%zu wrong=%zu\n",
	       store ? "store" : "load", steps - 1, steps * count, wrong);
	return wrong;
}

int main(int argc, char **argv)
{
	struct page_pattern pattern;
	unsigned long pages, distance;
	size_t wrong;

	if (argc < 4 || argc > 5 || parse_number(argv[1], 65536, &pages) || !pages ||
	    parse_number(argv[3], 65536, &distance) || !distance)
		errx(2, "usage: fail-nth PAGES KIND STEP [CGROUP]");
	if (page_pattern_init(&pattern, argv[2], 1))
		errx(1, "no contents of kind '%s'", argv[2]);
	parent_group = argv[4];
	open_nth_file();
	wrong = sweep(pages, &pattern, true, distance) + sweep(pages, &pattern, false, distance);
	return wrong != 0;
}
