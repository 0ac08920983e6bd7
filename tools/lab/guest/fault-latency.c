// SPDX-License-Identifier: GPL-2.0
/*
 * fault-latency - how long a page takes to come back while the CPU stores others
 *
 *   fault-latency COUNT FILE
 *
 * A child pushes out 2 MB at a time, over and over. This process, more urgent,
 * wakes up now and then in the middle of that and touches one page that is out.
 * Prints the time of the touches, sorted: only a lock that the store holds, or
 * what cannot be interrupted, can make one longer than it would be alone.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_SIZE	4096UL
#define FOLIO_SIZE	(2UL << 20)
/* Nanoseconds between two touches: so odd that they meet every phase of a store. */
#define PERIOD		1370077UL

struct data {
	const unsigned char *bytes;
	size_t size;
};

static struct data map_file(const char *path)
{
	struct data data;
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	data.size = st.st_size / PAGE_SIZE * PAGE_SIZE;
	if (data.size < FOLIO_SIZE)
		errx(1, "%s: smaller than a folio", path);
	data.bytes = mmap(NULL, data.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data.bytes == MAP_FAILED)
		err(1, "%s", path);
	return data;
}

static unsigned char *map_memory(size_t size, int advice)
{
	unsigned char *memory;

	memory = mmap(NULL, size + FOLIO_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mapping %zu bytes", size);
	memory = (unsigned char *)(((uintptr_t)memory + FOLIO_SIZE - 1) & ~(FOLIO_SIZE - 1));
	if (madvise(memory, size, advice))
		err(1, "madvise for folios");
	return memory;
}

static void push_out(unsigned char *memory, size_t size)
{
	if (madvise(memory, size, MADV_PAGEOUT))
		err(1, "madvise(MADV_PAGEOUT)");
}

/* Until it is killed. Reading the memory anew would be a swap-in: drop it. */
static void store_on_and_on(const struct data *data)
{
	unsigned char *folio = map_memory(FOLIO_SIZE, MADV_HUGEPAGE);
	size_t at = 0;

	for (;;) {
		memcpy(folio, data->bytes + at, FOLIO_SIZE);
		push_out(folio, FOLIO_SIZE);
		if (madvise(folio, FOLIO_SIZE, MADV_DONTNEED))
			err(1, "madvise(MADV_DONTNEED)");
		at = at + 2 * FOLIO_SIZE <= data->size ? at + FOLIO_SIZE : 0;
	}
}

static pid_t start_storing(const struct data *data)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid)
		store_on_and_on(data);
	return pid;
}

/* The child that stores shall not be: it is to be interrupted. */
static void become_urgent(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (mlockall(MCL_CURRENT))
		err(1, "mlockall");
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		err(1, "sched_setscheduler");
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t touch(volatile unsigned char *page)
{
	uint64_t start = now_ns();

	(void)*page;
	return now_ns() - start;
}

static void take_samples(unsigned char *pages, uint64_t *samples, size_t count)
{
	struct timespec pause = { .tv_nsec = PERIOD };
	size_t i;

	for (i = 0; i < count; i++) {
		nanosleep(&pause, NULL);
		samples[i] = touch(pages + i * PAGE_SIZE);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_samples(uint64_t *samples, size_t count)
{
	uint64_t sum = 0;
	size_t i;

	qsort(samples, count, sizeof(*samples), compare);
	for (i = 0; i < count; i++)
		sum += samples[i];
	printf("faults=%zu fault_min_ns=%llu fault_p50_ns=%llu fault_p90_ns=%llu fault_max_ns=%llu fault_mean_ns=%llu\n",
	       count, (unsigned long long)samples[0], (unsigned long long)samples[count / 2],
	       (unsigned long long)samples[count * 9 / 10],
	       (unsigned long long)samples[count - 1], (unsigned long long)(sum / count));
}

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct data data;
	unsigned char *pages;
	uint64_t *samples;
	pid_t pid;

	if (!count)
		errx(2, "usage: fault-latency COUNT FILE");
	data = map_file(argv[2]);
	if (count * PAGE_SIZE > data.size)
		errx(2, "%s has no %zu pages", argv[2], count);
	samples = calloc(count, sizeof(*samples));
	become_urgent();
	pages = map_memory(count * PAGE_SIZE, MADV_NOHUGEPAGE);
	memcpy(pages, data.bytes, count * PAGE_SIZE);
	push_out(pages, count * PAGE_SIZE);

	pid = start_storing(&data);
	take_samples(pages, samples, count);
	if (waitpid(pid, NULL, WNOHANG))
		errx(1, "the child that stores has died");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_samples(samples, count);
	return 0;
}
