// SPDX-License-Identifier: GPL-2.0
/*
 * zswap has a list of pages for each node that pages come from. A node may lose its
 * memory while they are in zswap: they must be written back all the same.
 *
 * Needs a node whose memory is all movable, as "memhp_default_state=online_movable"
 * makes that of a DIMM which has been plugged in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "../kselftest_harness.h"
#include "region.h"
#include "zswap_util.h"

#define NODES		"/sys/devices/system/node/"
#define MAX_NODES	64

/*
 * Stored pages: each is looked at twice before it is written, and zswap gives up after
 * sixteen times 32 in vain.
 */
#define REGION_SIZE	KB(512)

/* How often something is tried again that others may hold up: for ten seconds. */
#define RETRIES		100
#define RETRY_US	(100 * 1000)

/* Is @node in the list of nodes in @file, such as "0,2-3"? */
static bool node_in(const char *file, int node)
{
	char path[64], text[256], *next = text;
	long first, last;
	FILE *list;

	snprintf(path, sizeof(path), NODES "%s", file);
	list = fopen(path, "r");
	if (!list)
		return false;
	if (!fgets(text, sizeof(text), list))
		text[0] = '\0';
	fclose(list);
	while (*next >= '0' && *next <= '9') {
		first = strtol(next, &next, 10);
		last = first;
		if (*next == '-')
			last = strtol(next + 1, &next, 10);
		if (node >= first && node <= last)
			return true;
		next += *next == ',';
	}
	return false;
}

/* Returns the first node whose memory is all movable, -1 if there is none. */
static int movable_node(void)
{
	int node;

	for (node = 0; node < MAX_NODES; node++)
		if (node_in("has_memory", node) && !node_in("has_normal_memory", node))
			return node;
	return -1;
}

static int write_state(const char *path, const char *state)
{
	ssize_t ret;
	int fd;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, state, strlen(state));
	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret < 0 ? ret : 0;
}

/* Sets the state of all memory of @node; the first error, if any. */
static int node_set_memory(int node, const char *state)
{
	char pattern[64];
	glob_t files;
	int ret = 0;
	size_t i;

	snprintf(pattern, sizeof(pattern), NODES "node%d/memory*/state", node);
	if (glob(pattern, 0, NULL, &files))
		return -ENOENT;
	for (i = 0; !ret && i < files.gl_pathc; i++)
		ret = write_state(files.gl_pathv[i], state);
	globfree(&files);
	return ret;
}

static int node_take_memory(int node)
{
	int retries, ret = -EBUSY;

	/* What is there must be moved away first, and may be in use at the moment. */
	for (retries = RETRIES; ret && retries; retries--) {
		ret = node_set_memory(node, "offline");
		if (ret)
			usleep(RETRY_US);
	}
	return ret;
}

/* Memory that is allocated from now on is that of @node; -1: of any. */
static int allocate_from(int node)
{
	unsigned long mask = node < 0 ? 0 : 1UL << node;

	return syscall(SYS_set_mempolicy, node < 0 ? MPOL_DEFAULT : MPOL_BIND,
		       node < 0 ? NULL : &mask, MAX_NODES) ? -errno : 0;
}

static int node_of(void *address)
{
	int node;

	if (syscall(SYS_get_mempolicy, &node, NULL, 0, address, MPOL_F_NODE | MPOL_F_ADDR))
		return -errno;
	return node;
}

FIXTURE(nodes)
{
	struct zswap_group group;
	struct region region;
	struct region other;
	struct zswap_counters before;
	int node;
};

FIXTURE_SETUP(nodes)
{
	const size_t size = PATTERN_PAGE_SIZE;
	const char *why = zswap_unusable();

	if (why)
		SKIP(exit(KSFT_SKIP), "%s", why);
	self->node = movable_node();
	if (self->node < 0)
		SKIP(exit(KSFT_SKIP), "no node has nothing but movable memory");
	ASSERT_EQ(0, zswap_group_enter(&self->group));
	ASSERT_EQ(0, stay_on_cpu(0));
	ASSERT_EQ(0, folios_enable(&size, 1));
}

FIXTURE_TEARDOWN(nodes)
{
	node_set_memory(self->node, "online_movable");
	folios_disable();
	zswap_group_leave(&self->group);
}

/* Pages of the node are in zswap, and then the node has no memory any more. */
static void store_and_take_memory(struct __test_metadata *_metadata,
				  FIXTURE_DATA(nodes) *self)
{
	struct zswap_counters delta;

	ASSERT_EQ(0, allocate_from(self->node));
	ASSERT_EQ(0, region_map(&self->region, REGION_SIZE, PATTERN_PAGE_SIZE, "text"));
	region_fill(&self->region, 1);
	ASSERT_EQ(0, allocate_from(-1));
	ASSERT_EQ(self->node, node_of(self->region.start));
	ASSERT_EQ(0, region_map(&self->other, REGION_SIZE, PATTERN_PAGE_SIZE, "text"));
	zswap_read(&self->before);

	ASSERT_EQ(0, region_page_out(&self->region));
	delta = zswap_since(&self->before);
	ASSERT_EQ(self->region.nr_pages, delta.stored_pages);
	ASSERT_EQ(0, node_take_memory(self->node));
	ASSERT_FALSE(node_in("has_memory", self->node));
	delta = zswap_since(&self->before);
	ASSERT_EQ(self->region.nr_pages, delta.stored_pages);
}

#define store_and_take_memory() store_and_take_memory(_metadata, self)

/* Stores at the limit have older pages written back: here all that the node had. */
static void assert_written_back(struct __test_metadata *_metadata,
				FIXTURE_DATA(nodes) *self)
{
	struct zswap_counters delta;
	int retries = RETRIES;

	do {
		region_fill(&self->other, 2);
		ASSERT_EQ(0, region_page_out(&self->other));
		usleep(RETRY_US);
		delta = zswap_since(&self->before);
	} while (delta.zswpwb < (long)self->region.nr_pages && --retries);
	zswap_read(&self->before);
	ASSERT_EQ(0, region_errors(&self->region));
	delta = zswap_since(&self->before);
	ASSERT_EQ(0, delta.zswpin);
	ASSERT_EQ(0, region_errors(&self->other));
	region_unmap(&self->other);
	region_unmap(&self->region);
}

#define assert_written_back() assert_written_back(_metadata, self)

/* Test that pages of a node without memory are written back when the pool is full. */
TEST_F_TIMEOUT(nodes, pool_limit, 120)
{
	store_and_take_memory();
	ASSERT_EQ(0, zswap_set("max_pool_percent", "0"));
	assert_written_back();
}

/* Test the same when the cgroup is at its limit. */
TEST_F_TIMEOUT(nodes, cgroup_limit, 120)
{
	store_and_take_memory();
	ASSERT_EQ(0, zswap_group_set(&self->group, "memory.zswap.max", "1"));
	assert_written_back();
}

TEST_HARNESS_MAIN
