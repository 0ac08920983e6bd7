/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the driver of the Intel In-Memory Analytics Accelerator know
 * of each other, grouped by file.
 */
#ifndef _IAA_H
#define _IAA_H

#include <linux/rcupdate.h>
#include <linux/types.h>
#include "iaa_hw.h"

struct iaa_wq;

/* iaa_mode.c */

/**
 * struct iaa_mode - a way to compress, an algorithm of its own
 * @name: for messages
 * @compr_flags: of its COMPRESS descriptors
 * @max_slen: most bytes that the device takes at once, 0 for no limit
 * @needs_header_gen: the device must be able to generate Huffman tables
 * @init_aecs: fills a zeroed AECS with tables and block header; NULL for a mode
 *	       in which the device makes its own
 */
struct iaa_mode {
	const char *name;
	u16 compr_flags;
	u32 max_slen;
	bool needs_header_gen;
	void (*init_aecs)(struct iaa_aecs_comp *aecs);
};

u32 iaa_huff_entry(unsigned int code, unsigned int length);
bool iaa_mode_supported(const struct iaa_mode *mode, u64 iaa_cap);
bool iaa_mode_takes(const struct iaa_mode *mode, unsigned int slen);

/* iaa_mode_fixed.c */
extern const struct iaa_mode iaa_mode_fixed;

/* iaa_mode_dynamic.c */
extern const struct iaa_mode iaa_mode_dynamic;

/* iaa_desc.c */

/**
 * struct iaa_op - one unit, as the device sees it
 * @src: DMA address of the input
 * @dst: DMA address of the output
 * @record: DMA address of the completion record, a multiple of 64
 * @aecs: DMA address of the mode's AECS, if the mode has one
 * @slen: length of the input in bytes, 1 up to the queue's transfer limit
 * @dlen: room for the output in bytes, from 1
 * @cache: let the output go to the CPU's cache; the device must support it
 * @irq: ask for an interrupt at completion
 *
 * Lies on the caller's stack.
 */
struct iaa_op {
	dma_addr_t src;
	dma_addr_t dst;
	dma_addr_t record;
	dma_addr_t aecs;
	u32 slen;
	u32 dlen;
	bool cache;
	bool irq;
};

/**
 * enum iaa_outcome - what became of a unit
 * @IAA_DONE: the output is whole
 * @IAA_NO_SPACE: the output does not fit, and would not in software
 * @IAA_BAD_STREAM: the device cannot decode it, or not encode it; software may
 * @IAA_PAGE_FAULT: the device could not reach a buffer
 * @IAA_WATCHDOG: the device took too long and gave up
 * @IAA_ABORTED: idxd or the device gave the descriptor up
 * @IAA_DEVICE_ERROR: the device refused or failed in any other way
 * @IAA_MISMATCH: what was compressed does not decompress to what it was
 * @IAA_NR_OUTCOMES: how many there are
 *
 * The first two are final. All others are done again in software.
 */
enum iaa_outcome {
	IAA_DONE,
	IAA_NO_SPACE,
	IAA_BAD_STREAM,
	IAA_PAGE_FAULT,
	IAA_WATCHDOG,
	IAA_ABORTED,
	IAA_DEVICE_ERROR,
	IAA_MISMATCH,
	IAA_NR_OUTCOMES,
};

static inline bool iaa_outcome_needs_software(enum iaa_outcome outcome)
{
	return outcome > IAA_NO_SPACE;
}

void iaa_desc_compress(struct iax_hw_desc *hw, const struct iaa_op *op,
		       const struct iaa_mode *mode);
void iaa_desc_decompress(struct iax_hw_desc *hw, const struct iaa_op *op);
void iaa_desc_verify(struct iax_hw_desc *hw, const struct iaa_op *op, u32 clen);
enum iaa_outcome iaa_desc_outcome(const struct iax_hw_desc *hw,
				  const struct iax_completion_record *record);
enum iaa_outcome iaa_desc_verified(const struct iax_hw_desc *hw,
				   const struct iax_completion_record *record,
				   u32 slen, u32 crc);

/* iaa_map.c */

enum iaa_role {
	IAA_COMP,
	IAA_DECOMP,
	IAA_NR_ROLES,
};

/**
 * struct iaa_map_queue - an enabled queue, as the map is made of
 * @device: number of its device
 * @id: number of the queue in its device
 * @node: NUMA node of the device, or NUMA_NO_NODE
 * @wq: what a lookup returns
 */
struct iaa_map_queue {
	int device;
	int id;
	int node;
	struct iaa_wq *wq;
};

/**
 * struct iaa_map_cpu - where a CPU is
 * @package: number of its package, or -1 for a CPU that is not online
 * @node: its NUMA node
 * @core: lowest numbered CPU of its core that is online, or its own number if
 *	  it is not
 */
struct iaa_map_cpu {
	int package;
	int node;
	int core;
};

/**
 * struct iaa_map_config - all that the map depends on
 * @queues: the queues, in any order
 * @nr_queues: how many
 * @cpus: indexed by CPU number
 * @nr_cpus: one more than the highest CPU number
 * @distance: of two NUMA nodes, smaller is nearer
 * @nr_comp_wqs: how many queues of a device are for compression only, if it
 *		 has more than that
 * @distribute: per role, whether a CPU uses all queues of its package, not only
 *		those of the device mapped to it
 */
struct iaa_map_config {
	const struct iaa_map_queue *queues;
	unsigned int nr_queues;
	const struct iaa_map_cpu *cpus;
	unsigned int nr_cpus;
	int (*distance)(int from, int to);
	unsigned int nr_comp_wqs;
	bool distribute[IAA_NR_ROLES];
};

/**
 * struct iaa_map_span - the queues that a CPU uses in one role
 * @first: index of the first one in the map's wqs
 * @nr: how many; they are in the order of devices and, within these, of queues
 * @start: which of them to try first, below @nr
 */
struct iaa_map_span {
	unsigned int first;
	unsigned int nr;
	unsigned int start;
};

/**
 * struct iaa_map - which queues serve which CPU
 * @rcu: for the owner, to free a map that readers may still use
 * @nr_cpus: one more than the highest CPU number
 * @wqs: the queues of each package and role, one after the other
 * @spans: indexed by CPU number and role
 *
 * Never changes once it is built. An owner publishes it with RCU and replaces
 * it whole.
 */
struct iaa_map {
	struct rcu_head rcu;
	unsigned int nr_cpus;
	struct iaa_wq **wqs;
	struct iaa_map_span spans[][IAA_NR_ROLES];
};

struct iaa_map *iaa_map_build(const struct iaa_map_config *config, gfp_t gfp);
void iaa_map_free(struct iaa_map *map);

/**
 * iaa_map_nr - how many queues a CPU can use
 * @map: the map
 * @cpu: number of the CPU
 * @role: for what
 *
 * Return: 0 only in a map without queues.
 */
static inline unsigned int iaa_map_nr(const struct iaa_map *map, unsigned int cpu,
				      enum iaa_role role)
{
	return map->spans[cpu][role].nr;
}

/**
 * iaa_map_wq - the queue that a CPU tries at its n-th attempt
 * @map: the map
 * @cpu: number of the CPU
 * @role: for what
 * @n: any number; counting up from 0 visits all queues in turn
 *
 * Context: the map must not be empty. The queue lives as long as the caller's
 *	    RCU read-side critical section, unless it takes a reference.
 * Return: a queue
 */
static inline struct iaa_wq *iaa_map_wq(const struct iaa_map *map, unsigned int cpu,
					enum iaa_role role, unsigned int n)
{
	const struct iaa_map_span *span = &map->spans[cpu][role];

	return map->wqs[span->first + (span->start + n) % span->nr];
}

#endif
