// SPDX-License-Identifier: GPL-2.0
/*
 * The table: the map of queues to CPUs that is in force.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

/*
 * Protects the list of queues, and who replaces the table. Taken within wq_lock
 * and cpus_read_lock(), in this order. Memory is allocated under it, without
 * waiting for reclaim, which may be waiting for the driver.
 */
DEFINE_MUTEX(iaa_table_lock);
LIST_HEAD(iaa_wqs);

static struct iaa_map __rcu *iaa_map;
static int iaa_cpuhp_state;

/**
 * iaa_table_read - the map that is in force
 *
 * Context: the caller is in an RCU read-side critical section, and uses the map
 *	    and its queues only there.
 * Return: a map, or NULL if there are no queues
 */
const struct iaa_map *iaa_table_read(void)
{
	KUNIT_STATIC_STUB_REDIRECT(iaa_table_read);

	return rcu_dereference(iaa_map);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_table_read);

/* Returns how many. */
static unsigned int iaa_table_fill_queues(struct iaa_map_queue *queues)
{
	unsigned int nr = 0;
	struct iaa_wq *wq;

	list_for_each_entry(wq, &iaa_wqs, list) {
		if (READ_ONCE(wq->outage) || test_bit(IAA_WQ_LEAVING, &wq->flags))
			continue;
		queues[nr++] = (struct iaa_map_queue) {
			.device = wq->idxd_wq->idxd->id,
			.id = wq->idxd_wq->id,
			.node = dev_to_node(wq->device->dev),
			.wq = wq,
		};
	}

	return nr;
}

static void iaa_table_fill_cpus(struct iaa_map_cpu *cpus)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		cpus[cpu] = (struct iaa_map_cpu) { .package = -1, .core = cpu };

	for_each_online_cpu(cpu) {
		cpus[cpu].package = topology_physical_package_id(cpu);
		cpus[cpu].node = cpu_to_node(cpu);
		cpus[cpu].core = cpumask_first_and(topology_sibling_cpumask(cpu),
						   cpu_online_mask);
	}
}

static int iaa_distance(int from, int to)
{
	return node_distance(from, to);
}

/*
 * There is no way to go on without a map that does not have the queue that was
 * taken out. It is small. The last queue leaves none behind: who would free it?
 */
static struct iaa_map *iaa_table_build(void)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOFAIL;
	struct iaa_map_queue *queues = kvcalloc(list_count_nodes(&iaa_wqs),
						sizeof(*queues), gfp);
	struct iaa_map_cpu *cpus = kvcalloc(nr_cpu_ids, sizeof(*cpus), gfp);
	struct iaa_map_config config = {
		.queues = queues,
		.nr_queues = iaa_table_fill_queues(queues),
		.cpus = cpus,
		.nr_cpus = nr_cpu_ids,
		.distance = iaa_distance,
		.nr_comp_wqs = READ_ONCE(iaa_config.nr_comp_wqs),
		.distribute[IAA_COMP] = READ_ONCE(iaa_config.distribute[IAA_COMP]),
		.distribute[IAA_DECOMP] = READ_ONCE(iaa_config.distribute[IAA_DECOMP]),
	};
	struct iaa_map *map = NULL;

	if (config.nr_queues) {
		iaa_table_fill_cpus(cpus);
		map = iaa_map_build(&config, gfp);
	}
	kvfree(cpus);
	kvfree(queues);

	return map;
}

static void iaa_map_free_rcu(struct rcu_head *rcu)
{
	iaa_map_free(container_of(rcu, struct iaa_map, rcu));
}

static void iaa_table_replace(void)
{
	unsigned int noio = memalloc_noio_save();
	struct iaa_map *map, *old;

	lockdep_assert_held(&iaa_table_lock);
	lockdep_assert_cpus_held();
	map = iaa_table_build();
	old = rcu_replace_pointer(iaa_map, map, lockdep_is_held(&iaa_table_lock));
	if (old)
		call_rcu(&old->rcu, iaa_map_free_rcu);
	memalloc_noio_restore(noio);
}

/**
 * iaa_table_rebuild - build the table anew, after what it depends on has changed
 *
 * There may be readers of the former table until a grace period has passed.
 *
 * Context: may sleep
 */
void iaa_table_rebuild(void)
{
	guard(cpus_read_lock)();
	guard(mutex)(&iaa_table_lock);
	iaa_table_replace();
}

/**
 * iaa_table_add - put a queue on the list that the table is made from
 * @wq: a queue that nobody knows of yet, and that is not in use
 *
 * Context: may sleep
 */
void iaa_table_add(struct iaa_wq *wq)
{
	guard(mutex)(&iaa_table_lock);
	list_add_tail(&wq->list, &iaa_wqs);
}

/**
 * iaa_table_forget - take a queue off the list that the table is made from
 * @wq: a queue that is not in the table any more
 *
 * Context: may sleep
 */
void iaa_table_forget(struct iaa_wq *wq)
{
	guard(mutex)(&iaa_table_lock);
	list_del(&wq->list);
	iaa_wq_stats_retire(wq);
}

static int iaa_cpu_online(unsigned int cpu)
{
	guard(mutex)(&iaa_table_lock);
	iaa_table_replace();

	return 0;
}

int iaa_table_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "crypto/iaa:online",
					      iaa_cpu_online, NULL);

	if (state < 0)
		return state;
	iaa_cpuhp_state = state;

	return 0;
}

void iaa_table_exit(void)
{
	cpuhp_remove_state_nocalls(iaa_cpuhp_state);
	/* For maps on their way to be freed. */
	rcu_barrier();
}
