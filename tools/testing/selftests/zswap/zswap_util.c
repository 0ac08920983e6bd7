// SPDX-License-Identifier: GPL-2.0
/*
 * Parameters and counters of zswap for its tests.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "cgroup_util.h"
#include "kselftest.h"
#include "zswap_util.h"

#define PARAMETERS	"/sys/module/zswap/parameters/"
#define COUNTERS	"/sys/kernel/debug/zswap/"

/* How long to wait for what is freed or written back by others. */
#define STAT_RETRIES	60
#define STAT_WAIT_US	(100 * 1000)

/* Changes of a cgroup's statistics, each of 64 a CPU, that bring them up to date. */
#define FLUSH_PAGES	1024

static const char * const saved_parameters[] = {
	"compressor", "max_pool_percent", "accept_threshold_percent",
	"shrinker_enabled", "enabled",
};

static long read_long(const char *dir, const char *name)
{
	char path[256];
	long value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%ld", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

/**
 * zswap_set() - write a parameter
 * @parameter: its name
 * @value: what to write
 *
 * Return: 0, or a negative errno.
 */
int zswap_set(const char *parameter, const char *value)
{
	char path[128];
	ssize_t ret;

	snprintf(path, sizeof(path), PARAMETERS "%s", parameter);
	ret = write_text(path, (char *)value, strlen(value));
	return ret < 0 ? ret : 0;
}

/** zswap_get() - read @parameter into @value of @size bytes; 0 or an errno */
int zswap_get(const char *parameter, char *value, size_t size)
{
	char path[128];
	ssize_t ret;

	snprintf(path, sizeof(path), PARAMETERS "%s", parameter);
	ret = read_text(path, value, size);
	if (ret < 0)
		return ret;
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

/** zswap_has() - can @compressor be used? It is the current one then. */
bool zswap_has(const char *compressor)
{
	char now[64];

	return !zswap_set("compressor", compressor) &&
	       !zswap_get("compressor", now, sizeof(now)) && !strcmp(now, compressor);
}

static bool have_swap(void)
{
	char line[256];
	int lines = 0;
	FILE *file;

	file = fopen("/proc/swaps", "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		lines++;
	fclose(file);
	return lines > 1;
}

/* The counters are there once zswap has been enabled for the first time. */
static bool have_counters(void)
{
	char enabled[8];

	if (access(COUNTERS "stored_pages", R_OK) &&
	    !zswap_get("enabled", enabled, sizeof(enabled)) &&
	    !zswap_set("enabled", "Y"))
		zswap_set("enabled", enabled);
	return !access(COUNTERS "stored_pages", R_OK);
}

/** zswap_unusable() - why no test can run here, or NULL */
const char *zswap_unusable(void)
{
	if (geteuid())
		return "must be run as root";
	if (access(PARAMETERS "enabled", W_OK))
		return "no zswap in this kernel";
	if (!have_counters())
		return "needs debugfs, mounted at /sys/kernel/debug";
	if (!have_swap())
		return "needs swap, best on a RAM disk";
	return NULL;
}

static void read_vmstat(struct zswap_counters *now)
{
	char name[64];
	FILE *file;
	long value;

	file = fopen("/proc/vmstat", "r");
	if (!file)
		return;
	while (fscanf(file, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, "zswpout"))
			now->zswpout = value;
		else if (!strcmp(name, "zswpin"))
			now->zswpin = value;
		else if (!strcmp(name, "zswpwb"))
			now->zswpwb = value;
		else if (!strcmp(name, "pswpout"))
			now->pswpout = value;
		else if (!strcmp(name, "pswpin"))
			now->pswpin = value;
	}
	fclose(file);
}

/** zswap_stored_pages() - pages that are in zswap */
long zswap_stored_pages(void)
{
	return read_long(COUNTERS, "stored_pages");
}

/** zswap_read() - take all counters; exact while no one else swaps */
void zswap_read(struct zswap_counters *now)
{
	*now = (struct zswap_counters) {
#define COUNTER(name) .name = read_long(COUNTERS, #name)
		COUNTER(stored_pages),
		COUNTER(stored_incompressible_pages),
		COUNTER(pool_limit_hit),
		COUNTER(reject_reclaim_fail),
		COUNTER(reject_alloc_fail),
		COUNTER(reject_kmemcache_fail),
		COUNTER(reject_compress_fail),
		COUNTER(reject_compress_poor),
		COUNTER(decompress_fail),
#undef COUNTER
	};
	read_vmstat(now);
}

/** zswap_since() - what was added to the counters since @before */
struct zswap_counters zswap_since(const struct zswap_counters *before)
{
	struct zswap_counters now;

	zswap_read(&now);
#define SUBTRACT(name) now.name -= before->name
	SUBTRACT(stored_pages);
	SUBTRACT(stored_incompressible_pages);
	SUBTRACT(pool_limit_hit);
	SUBTRACT(reject_reclaim_fail);
	SUBTRACT(reject_alloc_fail);
	SUBTRACT(reject_kmemcache_fail);
	SUBTRACT(reject_compress_fail);
	SUBTRACT(reject_compress_poor);
	SUBTRACT(decompress_fail);
	SUBTRACT(zswpout);
	SUBTRACT(zswpin);
	SUBTRACT(zswpwb);
	SUBTRACT(pswpout);
	SUBTRACT(pswpin);
#undef SUBTRACT
	return now;
}

/** zswap_rejected() - stores that failed for any reason but a limit */
long zswap_rejected(const struct zswap_counters *counters)
{
	return counters->reject_reclaim_fail + counters->reject_alloc_fail +
	       counters->reject_kmemcache_fail + counters->reject_compress_fail +
	       counters->reject_compress_poor;
}

/** zswap_pool_size() - bytes of memory that all pools take */
long zswap_pool_size(void)
{
	return read_long(COUNTERS, "pool_total_size");
}

static void save_parameters(struct zswap_group *group)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(saved_parameters); i++)
		if (zswap_get(saved_parameters[i], group->saved[i], sizeof(group->saved[i])))
			group->saved[i][0] = '\0';
}

static void restore_parameters(const struct zswap_group *group)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(saved_parameters); i++)
		if (group->saved[i][0])
			zswap_set(saved_parameters[i], group->saved[i]);
}

static int default_parameters(void)
{
	return zswap_set("accept_threshold_percent", "90") ?:
	       zswap_set("max_pool_percent", "50") ?:
	       zswap_set("shrinker_enabled", "N") ?:
	       zswap_set("enabled", "Y");
}

/**
 * zswap_group_enter() - move this task into a new cgroup, with zswap enabled
 * @group: to be given to zswap_group_leave() in the end, also after an error
 *
 * Return: 0, or a negative errno.
 */
int zswap_group_enter(struct zswap_group *group)
{
	char name[32];
	int ret;

	group->path = NULL;
	save_parameters(group);
	if (cg_find_unified_root(group->root, sizeof(group->root), NULL))
		return -ENODEV;
	cg_write(group->root, "cgroup.subtree_control", "+memory");

	snprintf(name, sizeof(name), "zswap_test_%d", getpid());
	group->path = cg_name(group->root, name);
	if (!group->path)
		return -ENOMEM;
	if (cg_create(group->path))
		return -errno;
	ret = cg_enter_current(group->path);
	return ret ?: default_parameters();
}

void zswap_group_leave(struct zswap_group *group)
{
	restore_parameters(group);
	if (!group->path)
		return;
	cg_enter_current(group->root);
	cg_destroy(group->path);
	free(group->path);
}

/** zswap_group_set() - write @value to @file of the cgroup; 0 or an errno */
int zswap_group_set(const struct zswap_group *group, const char *file, const char *value)
{
	return cg_write(group->path, file, (char *)value);
}

/*
 * The kernel sums the statistics of a cgroup up when there were many changes or
 * some time has passed: see to the former.
 */
static void flush_stats(void)
{
	size_t size = FLUSH_PAGES * sysconf(_SC_PAGESIZE);
	char *memory;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		return;
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	munmap(memory, size);
}

/**
 * zswap_group_stat() - wait for a value in memory.stat
 * @group: the cgroup
 * @name: of the value, with a blank behind
 * @expected: value to wait for
 *
 * Return: @expected, or what the value still is after some seconds.
 */
long zswap_group_stat(const struct zswap_group *group, const char *name, long expected)
{
	flush_stats();
	return cg_read_key_long_poll(group->path, "memory.stat", name, expected,
				     STAT_RETRIES, STAT_WAIT_US);
}

/** zswap_group_read() - what @name in memory.stat is now */
long zswap_group_read(const struct zswap_group *group, const char *name)
{
	flush_stats();
	return cg_read_key_long(group->path, "memory.stat", name);
}
