// SPDX-License-Identifier: GPL-2.0
/*
 * Which queues serve which CPU.
 *
 * A device serves the package of its NUMA node's CPUs; a node without CPUs counts
 * as the nearest one that has some. A device without a node serves all packages.
 * A package that no device serves uses all of them, and so do CPUs that are not
 * online: they get their place when the map is built anew as they come.
 *
 * Nothing here depends on the order in which devices and queues were enabled.
 */
#include <linux/cleanup.h>
#include <linux/limits.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <kunit/visibility.h>
#include "iaa.h"

/* A package number that no package has: of a device that serves all */
#define ANY_PACKAGE	INT_MIN

/* A queue on its way into the map: where it belongs, and what it is for. */
struct sorted_queue {
	const struct iaa_map_queue *queue;
	int package;
	bool roles[IAA_NR_ROLES];
};

/* What the map is built in. Devices are counted within the current package. */
struct builder {
	const struct iaa_map_config *config;
	struct iaa_map *map;
	struct sorted_queue *queues;
	unsigned int nr_wqs;
	/* Of the current package: the queues of a role, as a whole and by device */
	struct iaa_map_span whole[IAA_NR_ROLES];
	struct iaa_map_span (*devices)[IAA_NR_ROLES];
	unsigned int nr_devices;
};

static int compare_queues(const void *a, const void *b)
{
	const struct iaa_map_queue *qa = ((const struct sorted_queue *)a)->queue;
	const struct iaa_map_queue *qb = ((const struct sorted_queue *)b)->queue;

	if (qa->device != qb->device)
		return qa->device < qb->device ? -1 : 1;

	return qa->id < qb->id ? -1 : qa->id > qb->id;
}

/* A node is nearest to itself, so that its own CPUs win if it has any. */
static int package_of_node(const struct iaa_map_config *config, int node)
{
	int package = ANY_PACKAGE, nearest = INT_MAX;
	unsigned int cpu;

	if (node == NUMA_NO_NODE)
		return ANY_PACKAGE;

	for (cpu = 0; cpu < config->nr_cpus; cpu++) {
		const struct iaa_map_cpu *c = &config->cpus[cpu];
		int distance;

		if (c->package < 0)
			continue;
		distance = config->distance(node, c->node);
		if (distance < nearest) {
			nearest = distance;
			package = c->package;
		}
	}

	return package;
}

static unsigned int nr_queues_of_device(struct builder *b, unsigned int first)
{
	unsigned int i = first;

	while (i < b->config->nr_queues &&
	       b->queues[i].queue->device == b->queues[first].queue->device)
		i++;

	return i - first;
}

/* The last queues of a device compress, the others decompress; or all do both. */
static void set_roles(struct builder *b, unsigned int first, unsigned int nr)
{
	unsigned int nr_comp = b->config->nr_comp_wqs;
	bool split = nr_comp > 0 && nr_comp < nr;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		bool comp = i >= nr - nr_comp;

		b->queues[first + i].roles[IAA_COMP] = !split || comp;
		b->queues[first + i].roles[IAA_DECOMP] = !split || !comp;
	}
}

static void sort_queues(struct builder *b)
{
	const struct iaa_map_config *config = b->config;
	unsigned int i, nr;

	for (i = 0; i < config->nr_queues; i++) {
		b->queues[i].queue = &config->queues[i];
		b->queues[i].package = package_of_node(config, config->queues[i].node);
	}
	sort(b->queues, config->nr_queues, sizeof(*b->queues), compare_queues, NULL);

	for (i = 0; i < config->nr_queues; i += nr) {
		nr = nr_queues_of_device(b, i);
		set_roles(b, i, nr);
	}
}

static bool serves(const struct sorted_queue *sorted, int package)
{
	return sorted->package == package || sorted->package == ANY_PACKAGE;
}

static bool package_is_served(const struct builder *b, int package)
{
	unsigned int i;

	for (i = 0; i < b->config->nr_queues; i++)
		if (serves(&b->queues[i], package))
			return true;

	return false;
}

/* Puts a package's queues of one role into the map, and notes where they lie. */
static void add_role(struct builder *b, int package, bool all, enum iaa_role role)
{
	const struct sorted_queue *last = NULL, *sorted;
	struct iaa_map_span *device = NULL;
	unsigned int i;

	b->whole[role].first = b->nr_wqs;
	b->nr_devices = 0;
	for (i = 0; i < b->config->nr_queues; i++) {
		sorted = &b->queues[i];
		if (!sorted->roles[role] || !(all || serves(sorted, package)))
			continue;
		if (!last || last->queue->device != sorted->queue->device) {
			device = &b->devices[b->nr_devices++][role];
			device->first = b->nr_wqs;
			device->nr = 0;
		}
		last = sorted;
		device->nr++;
		b->map->wqs[b->nr_wqs++] = sorted->queue->wq;
	}
	b->whole[role].nr = b->nr_wqs - b->whole[role].first;
}

/* How many cores of the package come before @core, which need not be one. */
static unsigned int cores_before(const struct iaa_map_config *config, int package, int core)
{
	unsigned int cpu, nr = 0;

	for (cpu = 0; cpu < config->nr_cpus; cpu++) {
		const struct iaa_map_cpu *c = &config->cpus[cpu];

		/* Counted at the CPU that gives the core its number */
		nr += c->package == package && c->core == cpu && c->core < core;
	}

	return nr;
}

static void map_cpu(struct builder *b, unsigned int cpu, unsigned int rank,
		    unsigned int nr_cores)
{
	const struct iaa_map_cpu *c = &b->config->cpus[cpu];
	unsigned int core = cores_before(b->config, c->package, c->core);
	unsigned int device = core * b->nr_devices / nr_cores;
	enum iaa_role role;

	for (role = 0; role < IAA_NR_ROLES; role++) {
		struct iaa_map_span *span = &b->map->spans[cpu][role];

		*span = b->config->distribute[role] ? b->whole[role] :
						      b->devices[device][role];
		span->start = rank % span->nr;
	}
}

/* Each device that serves a package has a queue for each role: see set_roles(). */
static void map_package(struct builder *b, int package)
{
	unsigned int nr_cores = cores_before(b->config, package, INT_MAX);
	bool all = !package_is_served(b, package);
	unsigned int cpu, rank = 0;
	enum iaa_role role;

	for (role = 0; role < IAA_NR_ROLES; role++)
		add_role(b, package, all, role);

	for (cpu = 0; cpu < b->config->nr_cpus; cpu++)
		if (b->config->cpus[cpu].package == package)
			map_cpu(b, cpu, rank++, nr_cores);
}

static bool first_of_package(const struct iaa_map_config *config, unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < cpu; i++)
		if (config->cpus[i].package == config->cpus[cpu].package)
			return false;

	return true;
}

static unsigned int nr_packages(const struct iaa_map_config *config)
{
	unsigned int cpu, nr = 0;

	for (cpu = 0; cpu < config->nr_cpus; cpu++)
		nr += first_of_package(config, cpu);

	return nr;
}

static struct iaa_map *alloc_map(const struct iaa_map_config *config, gfp_t gfp)
{
	size_t nr_wqs = size_mul(nr_packages(config) * IAA_NR_ROLES, config->nr_queues);
	struct iaa_map *map;

	map = kvzalloc(struct_size(map, spans, config->nr_cpus), gfp);
	if (!map)
		return NULL;

	map->nr_cpus = config->nr_cpus;
	map->wqs = kvcalloc(nr_wqs, sizeof(*map->wqs), gfp);
	if (!map->wqs) {
		kvfree(map);
		return NULL;
	}

	return map;
}

/**
 * iaa_map_build - make a map
 * @config: what it depends on; not used afterwards
 * @gfp: how to allocate memory
 *
 * The time is of the order of the square of the number of CPUs.
 *
 * Context: sleeps if @gfp allows it. Calls @config->distance.
 * Return: a map, to be freed with iaa_map_free(); NULL if there is no memory
 */
struct iaa_map *iaa_map_build(const struct iaa_map_config *config, gfp_t gfp)
{
	struct sorted_queue *queues __free(kvfree) =
		kvcalloc(config->nr_queues, sizeof(*queues), gfp);
	struct iaa_map_span (*devices)[IAA_NR_ROLES] __free(kvfree) =
		kvcalloc(config->nr_queues, sizeof(*devices), gfp);
	struct builder b = { .config = config, .queues = queues, .devices = devices };
	unsigned int cpu;

	if (config->nr_queues && (!queues || !devices))
		return NULL;

	b.map = alloc_map(config, gfp);
	if (!b.map || !config->nr_queues)
		return b.map;

	sort_queues(&b);
	for (cpu = 0; cpu < config->nr_cpus; cpu++)
		if (first_of_package(config, cpu))
			map_package(&b, config->cpus[cpu].package);

	return b.map;
}
EXPORT_SYMBOL_IF_KUNIT(iaa_map_build);

/**
 * iaa_map_free - free a map that nobody reads any more
 * @map: a map, or NULL
 */
void iaa_map_free(struct iaa_map *map)
{
	if (!map)
		return;

	kvfree(map->wqs);
	kvfree(map);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_map_free);
