// SPDX-License-Identifier: GPL-2.0
/*
 * Pages come back whatever is changed while they are stored and loaded: the
 * compressor, zswap itself, CPUs, the swap device, the devices that compress.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "region.h"
#include "zswap_util.h"

/* How long something is changed again and again. */
#define STORM_SECONDS	3

/* A machine that is slow, or much slowed down by debugging, does less in it. */
#define MIN_ROUNDS	1

#define CRYPTO		"/sys/bus/dsa/drivers/crypto/"
#define QUEUES		"/sys/bus/dsa/devices/"
#define QUEUE_NAME	16
#define MAX_QUEUES	64

/**
 * struct worker - a process that swaps a region out and in, over and over
 * @pid: of the process
 * @rounds: how often all of its region came back right
 */
struct worker {
	pid_t pid;
	atomic_long rounds;
};

/* What each of the workers has. */
static const struct {
	size_t folio_size;
	size_t size;
} loads[] = {
	{ KB(4),    KB(512) },
	{ KB(64),   KB(1024) },
	{ KB(2048), KB(2048) },
	{ KB(64),   KB(1024) },
};

FIXTURE(changes)
{
	struct zswap_group group;
	struct zswap_counters before;
	struct worker *workers;
	char swap[128];
};

/* Software that is used by turns, or devices that may go away. */
FIXTURE_VARIANT(changes)
{
	const char *compressor;
	const char *other;
};

FIXTURE_VARIANT_ADD(changes, software) { .compressor = "lz4", .other = "zstd" };
FIXTURE_VARIANT_ADD(changes, iaa) { .compressor = "deflate-iaa", .other = "lzo" };

static int first_swap(char *path, size_t size)
{
	char format[16];
	FILE *file;
	int fields;

	file = fopen("/proc/swaps", "r");
	if (!file)
		return -errno;
	snprintf(format, sizeof(format), "%%%zus", size - 1);
	fields = fscanf(file, "%*[^\n]");
	fields = fscanf(file, format, path);
	fclose(file);
	return fields == 1 ? 0 : -ENOENT;
}

FIXTURE_SETUP(changes)
{
	const size_t sizes[] = { KB(64), KB(2048) };
	const char *why = zswap_unusable();

	if (why)
		SKIP(exit(KSFT_SKIP), "%s", why);
	ASSERT_EQ(0, first_swap(self->swap, sizeof(self->swap)));
	ASSERT_EQ(0, zswap_group_enter(&self->group));
	if (!zswap_has(variant->compressor)) {
		zswap_group_leave(&self->group);
		SKIP(exit(KSFT_SKIP), "no compressor %s", variant->compressor);
	}
	ASSERT_EQ(0, folios_enable(sizes, ARRAY_SIZE(sizes)));
	self->workers = mmap(NULL, sizeof(*self->workers) * ARRAY_SIZE(loads),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->workers);
	zswap_read(&self->before);
}

FIXTURE_TEARDOWN(changes)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(loads); i++)
		if (self->workers[i].pid)
			kill(self->workers[i].pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	folios_disable();
	zswap_group_leave(&self->group);
}

/* Never returns: swaps until it is told to stop, or until a byte is wrong. */
static void swap_over_and_over(struct worker *worker, size_t load, const char *kind)
{
	struct region region;
	unsigned long round;

	stay_on_cpu(load % sysconf(_SC_NPROCESSORS_ONLN));
	if (region_map(&region, loads[load].size, loads[load].folio_size, kind))
		_exit(KSFT_FAIL);
	for (round = 1;; round++) {
		if (region_renew(&region))
			_exit(KSFT_FAIL);
		region_fill(&region, round);
		if (region_page_out(&region) || region_errors(&region))
			_exit(KSFT_FAIL);
		worker->rounds++;
	}
}

static void start_workers(struct __test_metadata *_metadata, FIXTURE_DATA(changes) *self,
			  const char *kind)
{
	pid_t pid;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(loads); i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			swap_over_and_over(&self->workers[i], i, kind);
		self->workers[i].pid = pid;
	}
}

static long slowest_worker(const struct worker *workers)
{
	long rounds = workers[0].rounds;
	size_t i;

	for (i = 1; i < ARRAY_SIZE(loads); i++)
		if (workers[i].rounds < rounds)
			rounds = workers[i].rounds;
	return rounds;
}

/* A worker that has ended has seen something wrong, and said what. */
static bool workers_are_alive(const struct worker *workers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(loads); i++)
		if (waitpid(workers[i].pid, NULL, WNOHANG))
			return false;
	return true;
}

/* All workers go on after the last change, and leave nothing behind. */
static void stop_workers(struct __test_metadata *_metadata, FIXTURE_DATA(changes) *self)
{
	long rounds = slowest_worker(self->workers);
	struct zswap_counters delta;
	size_t i;

	while (workers_are_alive(self->workers) &&
	       slowest_worker(self->workers) < rounds + MIN_ROUNDS)
		usleep(10000);
	ASSERT_TRUE(workers_are_alive(self->workers));
	for (i = 0; i < ARRAY_SIZE(loads); i++) {
		kill(self->workers[i].pid, SIGKILL);
		waitpid(self->workers[i].pid, NULL, 0);
		self->workers[i].pid = 0;
	}
	ASSERT_EQ(0, zswap_group_stat(&self->group, "zswapped ", 0));
	ASSERT_EQ(0, zswap_group_stat(&self->group, "zswap ", 0));
	ASSERT_EQ(0, zswap_group_stat(&self->group, "zswap_incomp ", 0));
	delta = zswap_since(&self->before);
	ASSERT_EQ(0, delta.stored_pages);
	ASSERT_EQ(0, delta.stored_incompressible_pages);
	ASSERT_EQ(0, delta.decompress_fail);
	ASSERT_GT(delta.zswpout, 0);
}

static bool storm_lasts(time_t *end)
{
	if (!*end)
		*end = time(NULL) + STORM_SECONDS;
	return time(NULL) < *end;
}

#define storm_until(end) for (time_t end = 0; storm_lasts(&end);)

/* Test that each page is decompressed by what has compressed it. */
TEST_F_TIMEOUT(changes, compressor, 300)
{
	start_workers(_metadata, self, "mixed");
	storm_until(end) {
		ASSERT_TRUE(zswap_has(variant->other));
		usleep(20000);
		ASSERT_TRUE(zswap_has(variant->compressor));
		usleep(20000);
	}
	stop_workers(_metadata, self);
}

/* A parameter of zswap has another value for a moment, over and over. */
static void change_parameter(struct __test_metadata *_metadata, FIXTURE_DATA(changes) *self,
			     const char *name, const char *other, const char *usual)
{
	start_workers(_metadata, self, "mixed");
	storm_until(end) {
		ASSERT_EQ(0, zswap_set(name, other));
		usleep(10000);
		ASSERT_EQ(0, zswap_set(name, usual));
		usleep(30000);
	}
	stop_workers(_metadata, self);
}

/* Test that pages stored before zswap was disabled can still be loaded. */
TEST_F_TIMEOUT(changes, enabled, 300)
{
	change_parameter(_metadata, self, "enabled", "N", "Y");
}

/* Test that pages go to the device, and back from there, while there is no room. */
TEST_F_TIMEOUT(changes, limit, 300)
{
	change_parameter(_metadata, self, "max_pool_percent", "0", "50");
}

static int write_file(const char *path, const char *text)
{
	ssize_t ret;
	int fd;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret < 0 ? -errno : 0;
}

static int set_cpu_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_file(path, online ? "1" : "0");
}

/* Test that tasks go on that lose their CPU, and its buffers, in a store. */
TEST_F_TIMEOUT(changes, cpus, 300)
{
	long nr_cpus = sysconf(_SC_NPROCESSORS_CONF);
	int cpu = 0;

	if (nr_cpus < 2 || set_cpu_online(1, true))
		SKIP(return, "needs a CPU that can be taken offline");
	start_workers(_metadata, self, "mixed");
	storm_until(end) {
		cpu = 1 + cpu % (nr_cpus - 1);
		ASSERT_EQ(0, set_cpu_online(cpu, false));
		usleep(20000);
		ASSERT_EQ(0, set_cpu_online(cpu, true));
	}
	stop_workers(_metadata, self);
}

/* Test that a swap device can be taken away: its pages come back to memory. */
TEST_F_TIMEOUT(changes, swapoff, 300)
{
	start_workers(_metadata, self, "mixed");
	storm_until(end) {
		ASSERT_EQ(0, swapoff(self->swap));
		ASSERT_EQ(0, swapon(self->swap, 0));
		usleep(100000);
	}
	stop_workers(_metadata, self);
}

/* Test that what the shrinker writes back is read back from the device. */
TEST_F_TIMEOUT(changes, shrinker, 300)
{
	struct zswap_counters delta;

	ASSERT_EQ(0, zswap_set("shrinker_enabled", "Y"));
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.max", "1M"));
	start_workers(_metadata, self, "mixed");
	storm_until(end) {
		zswap_group_set(&self->group, "memory.reclaim", "1M");
		usleep(10000);
	}
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.max", "max"));
	stop_workers(_metadata, self);
	delta = zswap_since(&self->before);
	ASSERT_GT(delta.zswpwb, 0);
}

static int take_queue(const char *name)
{
	return write_file(CRYPTO "unbind", name);
}

/* A queue that was taken has forgotten all but its size and group. */
static int give_queue(const char *name)
{
	static const char * const settings[][2] = {
		{ "mode", "dedicated" },
		{ "type", "kernel" },
		{ "name", "zswap" },
		{ "driver_name", "crypto" },
	};
	char path[64];
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), QUEUES "%s/%s", name, settings[i][0]);
		ret = write_file(path, settings[i][1]);
	}
	return ret ? ret : write_file(CRYPTO "bind", name);
}

static int change_queues(int (*change)(const char *name), char names[][QUEUE_NAME], size_t nr)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < nr; i++)
		ret = change(names[i]);
	return ret;
}

/* The queues that the driver has, by name. */
static size_t find_queues(char names[][QUEUE_NAME])
{
	struct dirent *entry;
	size_t nr = 0;
	DIR *dir;

	dir = opendir(CRYPTO);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)) && nr < MAX_QUEUES)
		if (!strncmp(entry->d_name, "wq", 2))
			snprintf(names[nr++], QUEUE_NAME, "%.15s", entry->d_name);
	closedir(dir);
	return nr;
}

/*
 * Test that all queues can be taken from the driver and given back under load:
 * pages are compressed in software meanwhile, and never kept uncompressed.
 */
TEST_F_TIMEOUT(changes, queues, 300)
{
	char names[MAX_QUEUES][QUEUE_NAME];
	struct zswap_counters delta;
	size_t nr;

	if (strcmp(variant->compressor, "deflate-iaa"))
		SKIP(return, "%s has no queues", variant->compressor);
	nr = find_queues(names);
	if (!nr)
		SKIP(return, "the driver has no queues");
	start_workers(_metadata, self, "text");
	storm_until(end) {
		ASSERT_EQ(0, change_queues(take_queue, names, nr));
		usleep(50000);
		delta = zswap_since(&self->before);
		ASSERT_EQ(0, delta.stored_incompressible_pages);
		ASSERT_EQ(0, change_queues(give_queue, names, nr));
		usleep(20000);
		delta = zswap_since(&self->before);
		ASSERT_EQ(0, delta.stored_incompressible_pages);
		ASSERT_EQ(0, zswap_rejected(&delta));
	}
	stop_workers(_metadata, self);
}

/* What a child of fork() does with pages that it shares, until it writes. */
static int use_shared_region(struct region *region, unsigned long seed)
{
	if (region_errors(region))
		return KSFT_FAIL;
	region_fill(region, seed);
	if (region_page_out(region) || region_errors(region))
		return KSFT_FAIL;
	return KSFT_PASS;
}

/* Test that pages in zswap that processes share are each one's own when written. */
TEST_F_TIMEOUT(changes, fork, 300)
{
	struct zswap_counters delta;
	struct region region;
	int child, status;

	ASSERT_EQ(0, region_map(&region, PMD_FOLIO_SIZE, KB(64), "text"));
	region_fill(&region, 1);
	ASSERT_EQ(0, region_page_out(&region));
	for (child = 0; child < 3; child++)
		if (!fork())
			_exit(use_shared_region(&region, 2 + child));
	/* What they still share is reclaimed only this way. */
	zswap_group_set(&self->group, "memory.reclaim", "8M");
	for (child = 0; child < 3; child++) {
		ASSERT_GT(wait(&status), 0);
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(KSFT_PASS, WEXITSTATUS(status));
	}
	ASSERT_EQ(0, region_errors(&region));
	region_unmap(&region);
	/* Pages that were read while shared may still be in the swap cache. */
	ASSERT_EQ(0, swapoff(self->swap));
	ASSERT_EQ(0, swapon(self->swap, 0));
	ASSERT_EQ(0, zswap_group_stat(&self->group, "zswap ", 0));
	delta = zswap_since(&self->before);
	ASSERT_EQ(0, delta.stored_pages);
}

TEST_HARNESS_MAIN
