/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zswap as the tests see it: its parameters, its counters, and a cgroup of their
 * own, whose share of the counters no one else touches.
 */
#ifndef ZSWAP_UTIL_H
#define ZSWAP_UTIL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct zswap_counters - events and amounts of the whole machine, in pages
 *
 * All but the first two only grow. What failed stores add to counters of zswap
 * (reject_*, pool_limit_hit) is in stores: one a folio.
 */
struct zswap_counters {
	long stored_pages;
	long stored_incompressible_pages;
	long pool_limit_hit;
	long reject_reclaim_fail;
	long reject_alloc_fail;
	long reject_kmemcache_fail;
	long reject_compress_fail;
	long reject_compress_poor;
	long decompress_fail;
	long zswpout;
	long zswpin;
	long zswpwb;
	long pswpout;
	long pswpin;
};

/**
 * struct zswap_group - a cgroup of the test, and the settings to go back to
 * @root: the hierarchy it is in
 * @path: the cgroup
 * @saved: values of zswap's parameters before
 */
struct zswap_group {
	char root[256];
	char *path;
	char saved[5][64];
};

const char *zswap_unusable(void);
int zswap_set(const char *parameter, const char *value);
int zswap_get(const char *parameter, char *value, size_t size);
bool zswap_has(const char *compressor);

void zswap_read(struct zswap_counters *now);
struct zswap_counters zswap_since(const struct zswap_counters *before);
long zswap_rejected(const struct zswap_counters *counters);
long zswap_stored_pages(void);
long zswap_pool_size(void);

int zswap_group_enter(struct zswap_group *group);
void zswap_group_leave(struct zswap_group *group);
int zswap_group_set(const struct zswap_group *group, const char *file, const char *value);
long zswap_group_read(const struct zswap_group *group, const char *name);
long zswap_group_stat(const struct zswap_group *group, const char *name, long expected);

#endif /* ZSWAP_UTIL_H */
