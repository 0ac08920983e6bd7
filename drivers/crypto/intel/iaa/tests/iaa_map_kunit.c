// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the map of queues to CPUs, on machines made up for them.
 */
#include <kunit/test.h>
#include <linux/numa.h>
#include "../iaa.h"

#define MAX_CPUS	256
#define MAX_QUEUES	64

/* A machine: what the map is built from, and room for it. */
struct machine {
	struct iaa_map_cpu cpus[MAX_CPUS];
	struct iaa_map_queue queues[MAX_QUEUES];
	struct iaa_map_config config;
	struct iaa_map *map;
};

/* A queue is recognised by a pointer that says which it is. */
static struct iaa_wq *fake_wq(int device, int id)
{
	return (struct iaa_wq *)(unsigned long)(device * 100 + id + 1);
}

static int device_of(struct iaa_wq *wq)
{
	return ((unsigned long)wq - 1) / 100;
}

/* Nodes are on a line, as far from each other as their numbers. */
static int line_distance(int from, int to)
{
	return 10 + 10 * abs(from - to);
}

static struct machine *alloc_machine(struct kunit *test)
{
	struct machine *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->config.cpus = m->cpus;
	m->config.queues = m->queues;
	m->config.distance = line_distance;
	m->config.distribute[IAA_COMP] = true;

	return m;
}

/*
 * Packages of cores with one or two threads each, numbered as Linux does: first
 * threads of all cores, then the second ones. Nodes divide the packages evenly.
 */
static void add_cpus(struct machine *m, unsigned int packages, unsigned int cores,
		     unsigned int threads, unsigned int nodes_per_package)
{
	unsigned int nr_cores = packages * cores, cpu;

	m->config.nr_cpus = nr_cores * threads;
	for (cpu = 0; cpu < m->config.nr_cpus; cpu++) {
		unsigned int core = cpu % nr_cores;

		m->cpus[cpu].core = core;
		m->cpus[cpu].package = core / cores;
		m->cpus[cpu].node = core * nodes_per_package / cores;
	}
}

static void add_device(struct machine *m, int device, int node, int nr_wqs)
{
	int id;

	for (id = 0; id < nr_wqs; id++)
		m->queues[m->config.nr_queues++] = (struct iaa_map_queue) {
			.device = device, .id = id, .node = node, .wq = fake_wq(device, id),
		};
}

static void free_map(void *map)
{
	iaa_map_free(map);
}

static void build(struct kunit *test, struct machine *m)
{
	m->map = iaa_map_build(&m->config, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->map);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_map, m->map), 0);
}

static bool cpu_uses(struct machine *m, unsigned int cpu, enum iaa_role role,
		     struct iaa_wq *wq)
{
	unsigned int i;

	for (i = 0; i < iaa_map_nr(m->map, cpu, role); i++)
		if (iaa_map_wq(m->map, cpu, role, i) == wq)
			return true;

	return false;
}

/* The queues of a CPU are these @nr, whichever comes first. */
static void expect_queues(struct kunit *test, struct machine *m, unsigned int cpu,
			  enum iaa_role role, struct iaa_wq *const *wqs, unsigned int nr)
{
	unsigned int i;

	KUNIT_EXPECT_EQ_MSG(test, iaa_map_nr(m->map, cpu, role), nr, "cpu %u role %d",
			    cpu, role);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE_MSG(test, cpu_uses(m, cpu, role, wqs[i]),
				      "cpu %u role %d lacks queue %u.%lu", cpu, role,
				      device_of(wqs[i]), ((unsigned long)wqs[i] - 1) % 100);
}

static void expect_queue(struct kunit *test, struct machine *m, unsigned int cpu,
			 enum iaa_role role, int device, int id)
{
	struct iaa_wq *wq = fake_wq(device, id);

	expect_queues(test, m, cpu, role, &wq, 1);
}

/* 2 x 56 cores with two threads, four devices each; DSA has the even numbers. */
static struct machine *spr_server(struct kunit *test, int nr_wqs, unsigned int nr_comp_wqs)
{
	struct machine *m = alloc_machine(test);
	int device;

	add_cpus(m, 2, 56, 2, 1);
	for (device = 0; device < 8; device++)
		add_device(m, 2 * device + 1, device / 4, nr_wqs);
	m->config.nr_comp_wqs = nr_comp_wqs;
	build(test, m);

	return m;
}

/* Test that a server with two queues per device, one to compress, is as documented. */
static void test_server_two_queues(struct kunit *test)
{
	struct machine *m = spr_server(test, 2, 1);
	struct iaa_wq *comp[2][4];
	unsigned int cpu, i;

	for (i = 0; i < 8; i++)
		comp[i / 4][i % 4] = fake_wq(2 * i + 1, 1);

	for (cpu = 0; cpu < 224; cpu++) {
		unsigned int core = cpu % 112;

		expect_queues(test, m, cpu, IAA_COMP, comp[core / 56], 4);
		/* 14 cores and their siblings have a device of their own. */
		expect_queue(test, m, cpu, IAA_DECOMP, 2 * (core / 14) + 1, 0);
	}
}

/* Test the same server with one queue per device, which serves both. */
static void test_server_one_queue(struct kunit *test)
{
	struct machine *m = spr_server(test, 1, 1);
	struct iaa_wq *all[2][4];
	unsigned int cpu, i;

	for (i = 0; i < 8; i++)
		all[i / 4][i % 4] = fake_wq(2 * i + 1, 0);

	for (cpu = 0; cpu < 224; cpu++) {
		unsigned int core = cpu % 112;

		expect_queues(test, m, cpu, IAA_COMP, all[core / 56], 4);
		expect_queue(test, m, cpu, IAA_DECOMP, 2 * (core / 14) + 1, 0);
	}
}

/* Test that CPUs that share queues begin with different ones. */
static void test_starts_are_staggered(struct kunit *test)
{
	struct machine *m = spr_server(test, 2, 1);
	unsigned int cpu;

	for (cpu = 0; cpu < 56; cpu++)
		KUNIT_EXPECT_PTR_EQ(test, iaa_map_wq(m->map, cpu, IAA_COMP, 0),
				    fake_wq(2 * (cpu % 4) + 1, 1));
	/* And go on with the next device, back to the first in the end. */
	KUNIT_EXPECT_PTR_EQ(test, iaa_map_wq(m->map, 2, IAA_COMP, 1), fake_wq(7, 1));
	KUNIT_EXPECT_PTR_EQ(test, iaa_map_wq(m->map, 2, IAA_COMP, 2), fake_wq(1, 1));
}

static bool is_comp_only(int q, int g, int id)
{
	return g > 0 && g < q && id >= q - g;
}

static bool is_decomp_only(int q, int g, int id)
{
	return g > 0 && g < q && id < q - g;
}

/* Test the roles of the queues of one device, for all numbers of both kinds. */
static void test_roles(struct kunit *test)
{
	int q, g, id;

	for (q = 1; q <= 8; q++) {
		for (g = 0; g <= 9; g++) {
			struct machine *m = alloc_machine(test);

			add_cpus(m, 1, 2, 1, 1);
			add_device(m, 0, 0, q);
			m->config.nr_comp_wqs = g;
			build(test, m);
			for (id = 0; id < q; id++) {
				KUNIT_EXPECT_EQ_MSG(test, !is_decomp_only(q, g, id),
						    cpu_uses(m, 0, IAA_COMP, fake_wq(0, id)),
						    "q %d g %d id %d", q, g, id);
				KUNIT_EXPECT_EQ_MSG(test, !is_comp_only(q, g, id),
						    cpu_uses(m, 0, IAA_DECOMP, fake_wq(0, id)),
						    "q %d g %d id %d", q, g, id);
			}
		}
	}
}

/* Test that a device that has another number of queues keeps to its own roles. */
static void test_roles_are_per_device(struct kunit *test)
{
	struct machine *m = alloc_machine(test);
	struct iaa_wq *comp[] = { fake_wq(0, 2), fake_wq(1, 0) };
	struct iaa_wq *decomp[] = { fake_wq(0, 0), fake_wq(0, 1), fake_wq(1, 0) };

	add_cpus(m, 1, 4, 1, 1);
	add_device(m, 0, 0, 3);
	add_device(m, 1, 0, 1);
	m->config.nr_comp_wqs = 1;
	m->config.distribute[IAA_DECOMP] = true;
	build(test, m);

	expect_queues(test, m, 3, IAA_COMP, comp, 2);
	expect_queues(test, m, 3, IAA_DECOMP, decomp, 3);
}

static void shuffle(struct machine *m, unsigned int *seed)
{
	unsigned int i;

	for (i = m->config.nr_queues - 1; i > 0; i--) {
		*seed = *seed * 1103515245 + 12345;
		swap(m->queues[i], m->queues[(*seed >> 16) % (i + 1)]);
	}
}

static void expect_same_wq(struct kunit *test, struct iaa_map *a, struct iaa_map *b,
			   unsigned int cpu, enum iaa_role role, unsigned int n)
{
	KUNIT_EXPECT_PTR_EQ_MSG(test, iaa_map_wq(a, cpu, role, n),
				iaa_map_wq(b, cpu, role, n), "cpu %u role %d n %u",
				cpu, role, n);
}

/* Test that the order in which queues were enabled makes no difference. */
static void test_order_does_not_matter(struct kunit *test)
{
	struct machine *m = spr_server(test, 3, 1);
	struct iaa_map *first = m->map;
	unsigned int seed = 1, round, cpu, n;
	enum iaa_role role;

	for (round = 0; round < 20; round++) {
		shuffle(m, &seed);
		build(test, m);
		for (cpu = 0; cpu < m->config.nr_cpus; cpu++)
			for (role = 0; role < IAA_NR_ROLES; role++)
				for (n = 0; n < iaa_map_nr(first, cpu, role); n++)
					expect_same_wq(test, m->map, first, cpu, role, n);
	}
}

/* Test a device number that comes late on the first package, and gaps. */
static void test_devices_follow_their_node(struct kunit *test)
{
	struct machine *m = alloc_machine(test);

	add_cpus(m, 2, 4, 1, 1);
	add_device(m, 2, 1, 1);
	add_device(m, 9, 0, 1);
	build(test, m);

	expect_queue(test, m, 0, IAA_COMP, 9, 0);
	expect_queue(test, m, 4, IAA_COMP, 2, 0);
}

/* Test that all devices of a package serve it, on whichever of its nodes they are. */
static void test_more_nodes_than_packages(struct kunit *test)
{
	struct machine *m = alloc_machine(test);
	struct iaa_wq *first[] = { fake_wq(0, 0), fake_wq(1, 0) };
	unsigned int cpu;

	add_cpus(m, 2, 8, 1, 4);
	add_device(m, 0, 0, 1);
	add_device(m, 1, 3, 1);
	add_device(m, 2, 5, 1);
	build(test, m);

	for (cpu = 0; cpu < 8; cpu++)
		expect_queues(test, m, cpu, IAA_COMP, first, 2);
	for (cpu = 8; cpu < 16; cpu++)
		expect_queue(test, m, cpu, IAA_COMP, 2, 0);
}

/* Test that a node of memory only counts as the nearest that has CPUs. */
static void test_node_without_cpus(struct kunit *test)
{
	struct machine *m = alloc_machine(test);

	add_cpus(m, 2, 2, 1, 1);
	m->cpus[2].node = 4;
	m->cpus[3].node = 4;
	add_device(m, 0, 1, 1);
	add_device(m, 1, 3, 1);
	build(test, m);

	expect_queue(test, m, 0, IAA_COMP, 0, 0);
	expect_queue(test, m, 3, IAA_COMP, 1, 0);
}

/* Test that a device without a node serves all packages, beside their own. */
static void test_device_without_node(struct kunit *test)
{
	struct machine *m = alloc_machine(test);
	struct iaa_wq *both[] = { fake_wq(0, 0), fake_wq(1, 0) };

	add_cpus(m, 2, 2, 1, 1);
	add_device(m, 0, NUMA_NO_NODE, 1);
	add_device(m, 1, 1, 1);
	build(test, m);

	expect_queue(test, m, 0, IAA_COMP, 0, 0);
	expect_queues(test, m, 2, IAA_COMP, both, 2);
}

/* Test that a package without a device uses those of all others. */
static void test_package_without_device(struct kunit *test)
{
	struct machine *m = alloc_machine(test);
	struct iaa_wq *all[] = { fake_wq(0, 0), fake_wq(1, 0) };

	add_cpus(m, 3, 2, 2, 1);
	add_device(m, 0, 0, 1);
	add_device(m, 1, 1, 1);
	build(test, m);

	expect_queues(test, m, 4, IAA_COMP, all, 2);
	/* For decompression, one for each of the two cores. */
	expect_queue(test, m, 4, IAA_DECOMP, 0, 0);
	expect_queue(test, m, 11, IAA_DECOMP, 1, 0);
	expect_queue(test, m, 0, IAA_COMP, 0, 0);
}

/* Test that CPUs that are not online have queues, and take none from others. */
static void test_offline_cpus(struct kunit *test)
{
	struct machine *m = alloc_machine(test);
	unsigned int cpu;

	add_cpus(m, 1, 8, 1, 1);
	for (cpu = 0; cpu < 8; cpu += 2)
		m->cpus[cpu].package = -1;
	add_device(m, 0, 0, 1);
	add_device(m, 1, 0, 1);
	build(test, m);

	for (cpu = 0; cpu < 8; cpu += 2)
		KUNIT_EXPECT_EQ(test, iaa_map_nr(m->map, cpu, IAA_DECOMP), 1);
	expect_queue(test, m, 1, IAA_DECOMP, 0, 0);
	expect_queue(test, m, 3, IAA_DECOMP, 0, 0);
	expect_queue(test, m, 5, IAA_DECOMP, 1, 0);
	expect_queue(test, m, 7, IAA_DECOMP, 1, 0);
}

/* Test that without a queue there is a map, and that it is empty. */
static void test_no_queues(struct kunit *test)
{
	struct machine *m = alloc_machine(test);

	add_cpus(m, 2, 2, 1, 1);
	build(test, m);
	KUNIT_EXPECT_EQ(test, iaa_map_nr(m->map, 0, IAA_COMP), 0);
	KUNIT_EXPECT_EQ(test, iaa_map_nr(m->map, 3, IAA_DECOMP), 0);
}

static unsigned int users_of_device(struct machine *m, int device)
{
	unsigned int cpu, nr = 0;

	for (cpu = 0; cpu < m->config.nr_cpus; cpu++)
		nr += device_of(iaa_map_wq(m->map, cpu, IAA_DECOMP, 0)) == device;

	return nr;
}

/* Counts for which a device may differ by one core's threads from the others. */
static void expect_even(struct kunit *test, struct machine *m, unsigned int packages,
			unsigned int devices, unsigned int cores, unsigned int threads)
{
	unsigned int device, fewest = cores / devices * threads;

	for (device = 0; device < packages * devices; device++) {
		unsigned int users = users_of_device(m, device);

		KUNIT_EXPECT_TRUE_MSG(test, users == fewest || users == fewest + threads,
				      "%u packages, %u devices, %u cores, %u threads: device %u has %u CPUs",
				      packages, devices, cores, threads, device, users);
	}
}

static void check_shape(struct kunit *test, unsigned int packages, unsigned int devices,
			unsigned int cores, unsigned int threads)
{
	struct machine *m = alloc_machine(test);
	unsigned int i, cpu;

	add_cpus(m, packages, cores, threads, 1);
	for (i = 0; i < packages * devices; i++)
		add_device(m, i, i / devices, 2);
	m->config.nr_comp_wqs = 1;
	build(test, m);

	for (cpu = 0; cpu < m->config.nr_cpus; cpu++) {
		KUNIT_EXPECT_EQ(test, iaa_map_nr(m->map, cpu, IAA_COMP), devices);
		KUNIT_EXPECT_EQ(test, iaa_map_nr(m->map, cpu, IAA_DECOMP), 1);
		KUNIT_EXPECT_EQ(test, device_of(iaa_map_wq(m->map, cpu, IAA_DECOMP, 0)) / devices,
				m->cpus[cpu].package);
	}
	expect_even(test, m, packages, devices, cores, threads);
}

/* Test that devices are shared evenly on machines of 1 to 8 packages. */
static void test_shapes(struct kunit *test)
{
	static const unsigned int packages[] = { 1, 2, 4, 8 };
	unsigned int p, devices, cores, threads;

	for (p = 0; p < ARRAY_SIZE(packages); p++)
		for (devices = 1; devices <= 4; devices++)
			for (cores = 4; cores <= 16; cores += 3)
				for (threads = 1; threads <= 2; threads++)
					check_shape(test, packages[p], devices, cores, threads);
}

/* Test that more devices than cores leave no CPU without, and each core its own. */
static void test_more_devices_than_cores(struct kunit *test)
{
	struct machine *m = alloc_machine(test);
	int device;

	add_cpus(m, 1, 2, 1, 1);
	for (device = 0; device < 4; device++)
		add_device(m, device, 0, 1);
	build(test, m);

	expect_queue(test, m, 0, IAA_DECOMP, 0, 0);
	expect_queue(test, m, 1, IAA_DECOMP, 2, 0);
}

static struct kunit_case iaa_map_cases[] = {
	KUNIT_CASE(test_server_two_queues),
	KUNIT_CASE(test_server_one_queue),
	KUNIT_CASE(test_starts_are_staggered),
	KUNIT_CASE(test_roles),
	KUNIT_CASE(test_roles_are_per_device),
	KUNIT_CASE(test_order_does_not_matter),
	KUNIT_CASE(test_devices_follow_their_node),
	KUNIT_CASE(test_more_nodes_than_packages),
	KUNIT_CASE(test_node_without_cpus),
	KUNIT_CASE(test_device_without_node),
	KUNIT_CASE(test_package_without_device),
	KUNIT_CASE(test_offline_cpus),
	KUNIT_CASE(test_no_queues),
	KUNIT_CASE(test_shapes),
	KUNIT_CASE(test_more_devices_than_cores),
	{}
};

static struct kunit_suite iaa_map_suite = {
	.name = "iaa_map",
	.test_cases = iaa_map_cases,
};
kunit_test_suite(iaa_map_suite);
