/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the driver of the Intel In-Memory Analytics Accelerator know
 * of each other, grouped by file.
 */
#ifndef _IAA_H
#define _IAA_H

#include <crypto/internal/acompress.h>
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include "iaa_hw.h"

struct attribute_group;
struct device;
struct idxd_desc;
struct idxd_device;
struct idxd_wq;
struct iaa_req;
struct iaa_run;
struct iaa_unit;
struct iaa_wq;

/* iaa_mode.c */

enum iaa_mode_id {
	IAA_MODE_FIXED,
	IAA_MODE_DYNAMIC,
	IAA_NR_MODES,
};

/**
 * struct iaa_mode - a way to compress, an algorithm of its own
 * @id: which of them
 * @name: for messages
 * @compr_flags: of its COMPRESS descriptors
 * @max_slen: most bytes that the device takes at once, 0 for no limit
 * @needs_header_gen: the device must be able to generate Huffman tables
 * @init_aecs: fills a zeroed AECS with tables and block header; NULL for a mode
 *	       in which the device makes its own
 */
struct iaa_mode {
	enum iaa_mode_id id;
	const char *name;
	u16 compr_flags;
	u32 max_slen;
	bool needs_header_gen;
	void (*init_aecs)(struct iaa_aecs_comp *aecs);
};

extern const struct iaa_mode *const iaa_modes[IAA_NR_MODES];

u32 iaa_huff_entry(unsigned int code, unsigned int length);
bool iaa_mode_supported(const struct iaa_mode *mode, u64 iaa_cap);

/**
 * iaa_mode_takes - can a device that does this mode compress so much at once?
 * @mode: the mode
 * @slen: bytes to compress
 *
 * The queue has a limit of its own, for all modes.
 *
 * Return: whether it can
 */
static inline bool iaa_mode_takes(const struct iaa_mode *mode, unsigned int slen)
{
	return slen && (!mode->max_slen || slen <= mode->max_slen);
}

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
 * @flags: IDXD_OP_FLAG_RCI for an interrupt at completion; IDXD_OP_FLAG_CC for
 *	   output that goes to the CPU's cache, which the device must support
 */
struct iaa_op {
	dma_addr_t src;
	dma_addr_t dst;
	dma_addr_t record;
	dma_addr_t aecs;
	u32 slen;
	u32 dlen;
	u32 flags;
};

/**
 * enum iaa_outcome - what became of a unit
 * @IAA_DONE: the output is whole
 * @IAA_NO_SPACE: the compressed output does not fit
 * @IAA_BAD_STREAM: the device cannot decode it to what there is room for, or not
 *		    encode it; software may
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

/* iaa_sysfs.c */

/**
 * enum iaa_sync_mode - who looks for completions
 * @IAA_SYNC: the submitter, inside the call
 * @IAA_ASYNC: the submitter, when it waits, if it has announced that; else as
 *	       with IAA_SYNC
 * @IAA_ASYNC_IRQ: nobody; the device raises interrupts
 */
enum iaa_sync_mode {
	IAA_SYNC,
	IAA_ASYNC,
	IAA_ASYNC_IRQ,
};

/**
 * struct iaa_config - what the administrator has set
 * @sync_mode: who looks for completions
 * @verify_compress: whether all that is compressed is decompressed to compare
 * @nr_comp_wqs: see struct iaa_map_config
 * @distribute: see struct iaa_map_config
 *
 * Each field stands for itself: written with WRITE_ONCE(), and read once per
 * request or per map.
 */
struct iaa_config {
	enum iaa_sync_mode sync_mode;
	bool verify_compress;
	unsigned int nr_comp_wqs;
	bool distribute[IAA_NR_ROLES];
};

extern struct iaa_config iaa_config;
extern const struct attribute_group *iaa_driver_groups[];
extern const struct attribute_group *iaa_wq_groups[];

/* iaa_stats.c */

/**
 * enum iaa_cause - why a unit is done in software
 * @IAA_CAUSE_NO_QUEUE: no queue can take it
 * @IAA_CAUSE_NO_DESC: no queue had a descriptor in time
 * @IAA_CAUSE_UNSUITED: too large, or scattered
 * @IAA_CAUSE_MAPPING: its buffers could not be mapped
 * @IAA_NR_CAUSES: how many there are
 *
 * These come after the outcomes that need software.
 */
enum iaa_cause {
	IAA_CAUSE_NO_QUEUE = IAA_NR_OUTCOMES,
	IAA_CAUSE_NO_DESC,
	IAA_CAUSE_UNSUITED,
	IAA_CAUSE_MAPPING,
	IAA_NR_CAUSES,
};

/* Units that a request submits to the device at once. */
#define IAA_WINDOW		16
/* How many units a request had that were submitted together: 1, 2-3, 4-7, ... */
#define IAA_NR_BATCH_SIZES	(const_ilog2(IAA_WINDOW) + 1)

/**
 * enum iaa_outage - why a queue is not in use
 * @IAA_IN_USE: it is
 * @IAA_OUT_NEW: it has been bound, and not checked yet
 * @IAA_OUT_OVERDUE: the device has had a unit for too long
 * @IAA_OUT_QUIESCED: idxd has ended submissions to it for good
 * @IAA_OUT_CUT_OFF: its device did not let go of what a queue had
 * @IAA_OUT_HALTED: its device has halted
 * @IAA_OUT_UNFIT: its check has found nothing that it can be used for
 * @IAA_NR_OUTAGES: how many there are
 */
enum iaa_outage {
	IAA_IN_USE,
	IAA_OUT_NEW,
	IAA_OUT_OVERDUE,
	IAA_OUT_QUIESCED,
	IAA_OUT_CUT_OFF,
	IAA_OUT_HALTED,
	IAA_OUT_UNFIT,
	IAA_NR_OUTAGES,
};

/**
 * struct iaa_counters - what is counted over all queues, on one CPU
 * @sw_calls: units done in software, per role
 * @causes: why they were, per outcome and cause
 * @overflows: units whose compressed data did not fit
 * @verifications: units that were decompressed again to compare
 * @stops: queues that were taken out of use, per reason
 * @comebacks: queues that came back by themselves
 * @given_up: queues for which no further attempt is made
 * @check_failures: wrong answers in self-checks
 * @batches: how often so many units were submitted together, by the logarithm
 */
struct iaa_counters {
	u64 sw_calls[IAA_NR_ROLES];
	u64 causes[IAA_NR_CAUSES];
	u64 overflows;
	u64 verifications;
	u64 stops[IAA_NR_OUTAGES];
	u64 comebacks;
	u64 given_up;
	u64 check_failures;
	u64 batches[IAA_NR_BATCH_SIZES];
};

/**
 * struct iaa_wq_stats - what a queue was used for, on one CPU
 * @calls: units that were submitted, per role; not again to verify them
 * @bytes: compressed data that they gave or took, per role
 */
struct iaa_wq_stats {
	u64 calls[IAA_NR_ROLES];
	u64 bytes[IAA_NR_ROLES];
};

#ifdef CONFIG_CRYPTO_DEV_IAA_CRYPTO_STATS
DECLARE_PER_CPU(struct iaa_counters, iaa_counters);

#define iaa_count(counter)	this_cpu_inc(iaa_counters.counter)
#define iaa_count_many(counter, n) \
	this_cpu_add(iaa_counters.counter, n)
#define iaa_wq_count(wq, counter, n) \
	this_cpu_add((wq)->stats->counter, n)

int iaa_wq_stats_alloc(struct iaa_wq *wq);
void iaa_wq_stats_retire(struct iaa_wq *wq);
void iaa_wq_stats_free(struct iaa_wq *wq);
void iaa_stats_init(void);
void iaa_stats_exit(void);
#else
#define iaa_count(counter)		do { } while (0)
#define iaa_count_many(counter, n)	do { } while (0)
#define iaa_wq_count(wq, counter, n)	do { } while (0)

static inline int iaa_wq_stats_alloc(struct iaa_wq *wq) { return 0; }
static inline void iaa_wq_stats_retire(struct iaa_wq *wq) { }
static inline void iaa_wq_stats_free(struct iaa_wq *wq) { }
static inline void iaa_stats_init(void) { }
static inline void iaa_stats_exit(void) { }
#endif

/* iaa_device.c */

/**
 * struct iaa_device - a device that has queues bound to the driver
 * @idxd: the device, as idxd knows it
 * @dev: the PCI function, which does the DMA
 * @modes: a bit for each mode that it can do
 * @aecs: per mode, DMA address of the AECS, if the mode has one
 * @images: per mode, the AECS; not written once the device has a queue
 * @cut_off: it cannot reach memory until idxd has reset it; set once
 * @nr_wqs: how many queues hold it, under iaa_devices_lock
 * @list: in iaa_devices, under iaa_devices_lock
 */
struct iaa_device {
	struct idxd_device *idxd;
	struct device *dev;
	unsigned long modes;
	dma_addr_t aecs[IAA_NR_MODES];
	struct iaa_aecs_comp *images[IAA_NR_MODES];
	bool cut_off;
	unsigned int nr_wqs;
	struct list_head list;
};

struct iaa_device *iaa_device_get(struct idxd_device *idxd);
void iaa_device_put(struct iaa_device *device);
void iaa_device_cut_off(struct iaa_device *device);

/* iaa_wq.c */

/**
 * struct iaa_slot - a descriptor, as the watchdog sees it
 * @unit: the unit that has it, if that asked for an interrupt
 * @watched: number of the unit while the device has it and it is watched, else
 *	     zero or negative: see iaa_watch.c
 * @number: of the last unit that was watched; who has the descriptor counts
 * @seen: number that the watchdog saw at its last look; its own, as the next one
 * @waited: for how long it has looked at that unit in vain
 */
struct iaa_slot {
	struct iaa_unit *unit;
	atomic_t watched;
	int number;
	int seen;
	ktime_t waited;
};

/**
 * struct iaa_pool - descriptors of a queue
 * @free: which of them no run has, one bit each
 * @descs: the descriptors
 *
 * A queue has several, so that not all CPUs write the same cache line.
 */
struct iaa_pool {
	atomic_long_t free;
	struct idxd_desc **descs;
} ____cacheline_aligned_in_smp;

/**
 * struct iaa_wq - a queue that is bound to the driver
 * @ref: held by each run that has descriptors of the queue
 * @idxd_wq: the queue, as idxd knows it; enabled while @ref is not zero
 * @device: its device
 * @max_xfer: most bytes that a source or a destination may have
 * @can: what it can be used for: a bit for each mode, IAA_CAN_DECOMPRESS, ...;
 *	 changes only while nobody can get it
 * @outage: why it is not in use, an enum iaa_outage
 * @flags: IAA_WQ_LEAVING, IAA_WQ_CLOSED
 * @given_up: no further attempt is made to bring it back
 * @attempts: how often it was tried since it was last in use
 * @back_since: when that succeeded, in jiffies
 * @check_memory: what its self-check has used, and the device may still have
 * @check_dma: ... and where that is for the device
 * @op_flags: of all descriptors, see struct iaa_op
 * @let_go: see iaa_wq_has_let_go()
 * @stats: counters per CPU
 * @base: what they were when they were last reset, under the statistics' lock
 * @drained: completed when @ref is zero
 * @stop: takes back what the device does not complete
 * @restart: brings it back after an outage
 * @watchdog: looks at units that are watched
 * @looked: when it did that last
 * @calm: no unit is suspected
 * @list: in iaa_wqs, under iaa_table_lock
 * @rcu: for readers of the table
 * @nr_pools: how many @pools there are
 * @pools: the descriptors, each BITS_PER_LONG of them, in the order of numbers
 * @nr_slots: how many descriptors the queue has
 * @slots: indexed by the number of the descriptor
 */
struct iaa_wq {
	struct percpu_ref ref;
	struct idxd_wq *idxd_wq;
	struct iaa_device *device;
	u32 max_xfer;
	unsigned long can;
	int outage;
	unsigned long flags;
	bool given_up;
	unsigned int attempts;
	unsigned long back_since;
	void *check_memory;
	dma_addr_t check_dma;
	u32 op_flags;
	bool let_go;
	struct iaa_wq_stats __percpu *stats;
	struct iaa_wq_stats base;
	struct completion drained;
	struct work_struct stop;
	struct delayed_work restart;
	struct delayed_work watchdog;
	ktime_t looked;
	bool calm;
	struct list_head list;
	struct rcu_head rcu;
	unsigned int nr_pools;
	struct iaa_pool *pools;
	unsigned int nr_slots;
	struct iaa_slot slots[] __counted_by(nr_slots);
};

/* It is being unbound: not to be in the table any more. */
#define IAA_WQ_LEAVING	0
/* Its @ref is killed. */
#define IAA_WQ_CLOSED	1

/* In @can, beside the modes in which it can compress */
#define IAA_CAN_DECOMPRESS	BIT(IAA_NR_MODES)
#define IAA_CAN_VERIFY		BIT(IAA_NR_MODES + 1)

/**
 * iaa_wq_has_let_go - has the device given up what the queue had?
 * @wq: a queue that the caller has a reference to
 *
 * Return: true if the device does not touch buffers and completion records of the
 *	   queue any more. Records of what it gave up may have no status.
 */
static inline bool iaa_wq_has_let_go(const struct iaa_wq *wq)
{
	/* Pairs with iaa_wq_note_let_go() and iaa_device_cut_off(): records are read after. */
	return smp_load_acquire(&wq->let_go) || smp_load_acquire(&wq->device->cut_off);
}

extern struct workqueue_struct *iaa_workqueue;

struct iaa_wq *iaa_wq_create(struct idxd_wq *idxd_wq);
void iaa_wq_drain(struct iaa_wq *wq);
void iaa_wq_destroy(struct iaa_wq *wq);
int iaa_wq_init(void);
void iaa_wq_exit(void);

/* iaa_check.c */
int iaa_check_wq(struct iaa_wq *wq);
void iaa_check_release(struct iaa_wq *wq);

/* iaa_outage.c */

/* Enough for all that iaa_wq_describe() may say */
#define IAA_DESCRIPTION	128

int iaa_wq_describe(const struct iaa_wq *wq, char *buf, size_t size);
void iaa_wq_stop(struct iaa_wq *wq, enum iaa_outage why);
void iaa_wq_halted(struct iaa_wq *wq);
bool iaa_wq_prove(struct iaa_wq *wq);
void iaa_wq_enter(struct iaa_wq *wq, bool proved);
void iaa_wq_leave(struct iaa_wq *wq);
void iaa_outage_prepare(struct iaa_wq *wq);

/* iaa_watch.c */

/* A look at a record counts for this long at most, see iaa_watch.c. */
#define IAA_LOOK_MAX	ms_to_ktime(8)

/**
 * iaa_look_counts - for how long somebody has waited in vain
 * @now: when he looks
 * @looked: when he last looked
 *
 * Return: the time between, as far as it counts
 */
static inline ktime_t iaa_look_counts(ktime_t now, ktime_t looked)
{
	return min(ktime_sub(now, looked), IAA_LOOK_MAX);
}

ktime_t iaa_wq_timeout(void);
void iaa_slot_depart(struct iaa_slot *slot, struct iaa_unit *unit);
void iaa_slot_watch(struct iaa_slot *slot);
void iaa_slot_forget(struct iaa_slot *slot);
void iaa_run_watch(struct iaa_req *r, struct iaa_run *run);
void iaa_run_unwatch(struct iaa_req *r, struct iaa_run *run);
void iaa_wq_watch(struct iaa_wq *wq);
void iaa_watch_prepare(struct iaa_wq *wq);
int iaa_watch_init(void);
void iaa_watch_exit(void);

/* iaa_table.c */
extern struct list_head iaa_wqs;
extern struct mutex iaa_table_lock;

const struct iaa_map *iaa_table_read(void);
void iaa_table_add(struct iaa_wq *wq);
void iaa_table_forget(struct iaa_wq *wq);
void iaa_table_rebuild(void);
int iaa_table_init(void);
void iaa_table_exit(void);

/* iaa_req.c */

/**
 * struct iaa_buffer - source or destination of a unit
 * @phys: where it is
 * @dma: where it is for the device, while the unit is in flight
 * @len: how long it is, or how much room it has, in bytes
 * @mapped: bytes from @dma on that were mapped together: its own, and those of
 *	    units after it; 0 if it was mapped with one before it
 */
struct iaa_buffer {
	phys_addr_t phys;
	dma_addr_t dma;
	u32 len;
	u32 mapped;
};

/**
 * struct iaa_unit - a unit that is under way
 * @req: its request
 * @bit: its place in the window
 * @src: entry that its source begins in
 * @dst: entry of its destination
 * @in: its source; if it is scattered, a copy of it while it is in flight
 * @out: its destination
 * @bounce: buffer with the copy, or NULL
 * @src_offset: where in @src, in bytes
 * @cause: why it is to be done in software
 * @arrived: its interrupt came; set with release semantics
 * @given_up: the device has given it up, and written no status
 * @run: those that it was submitted with, while it is in flight
 * @desc: its descriptor, as long
 * @clen: compressed length, while it is verified
 * @crc: CRC-32 of the source, while it is verified
 *
 * Written by whoever drives the request, but for @arrived and @given_up, by who
 * completes the descriptor.
 */
struct iaa_unit {
	struct iaa_req *req;
	unsigned long bit;
	struct scatterlist *src;
	struct scatterlist *dst;
	struct iaa_buffer in;
	struct iaa_buffer out;
	void *bounce;
	u32 src_offset;
	u8 cause;
	bool arrived;
	bool given_up;
	struct iaa_run *run;
	struct idxd_desc *desc;
	u32 clen;
	u32 crc;
};

/**
 * struct iaa_run - units that were given to a queue together
 * @wq: the queue; the run has a reference to it
 * @pool: of @wq, that the descriptors are from
 * @descs: which of them, one bit each
 * @units: all units, one bit each
 * @flight: ... that the device has, or that were not reaped since
 * @unseen: ... that were not seen to be completed
 * @refused: ... that the queue did not accept; ready again when the run ends
 * @op: of the unit that was filled in last
 * @verifying: what is in flight is being decompressed to compare
 * @watched: what is in flight is polled, and watched nevertheless
 *
 * What the units have in common, and what is given back when the last of them has
 * returned: descriptors, mappings, the reference.
 */
struct iaa_run {
	struct iaa_wq *wq;
	struct iaa_pool *pool;
	unsigned long descs;
	unsigned long units;
	unsigned long flight;
	unsigned long unseen;
	unsigned long refused;
	struct iaa_op op;
	bool verifying;
	bool watched;
};

/**
 * struct iaa_req - a request, as a window that moves over its units
 * @mode: how to compress
 * @role: compress or decompress
 * @verify: whether to verify what was compressed
 * @needs: what a queue must be able to do for it, see struct iaa_wq
 * @irq: the device raises interrupts for it
 * @polled: the submitter polls it, and will complete it by doing so
 * @has_units: it consists of units, else the whole is one
 * @may_sleep: the submitter may sleep in the call
 * @scattered: a source in the window may be scattered
 * @result: bytes produced or a negative errno, if it has no units
 * @left: how many units have not entered the window
 * @unit_size: of a unit before compression, in bytes
 * @longest: buffer of any unit so far, in bytes
 * @src: where the next unit's source begins: entry
 * @src_offset: ... and how far in it, in bytes
 * @dst: entry of the next unit's destination
 * @ready: window of the units that wait for a descriptor, one bit each
 * @flight: ... that are in a run
 * @soft: ... that are to be done in software; those in a run are in @flight, too
 * @running: which of @runs are in use, one bit each
 * @looked: when it was last looked for a change in vain; 0 if there was one
 * @waited: for how long that has been in vain
 * @kicks: interrupts that nobody has taken note of, and one of who drives it;
 *	   zero if nobody does
 * @owned: how many of @kicks are the driver's own, that it has taken note of
 * @expected: how many more kicks will come
 * @work: drives it where neither submitter nor interrupt can
 * @order: the units that are ready, in the order in which to submit them
 * @descs: those of a run that is submitted
 * @runs: of units in flight
 * @units: the window
 *
 * One context at a time drives a request and may use it: the one that polls or,
 * with interrupts, the one that made @kicks one. See iaa_req.c.
 */
struct iaa_req {
	const struct iaa_mode *mode;
	enum iaa_role role;
	bool verify;
	bool irq;
	bool polled;
	bool has_units;
	bool may_sleep;
	bool scattered;
	int result;
	unsigned long needs;
	unsigned int left;
	u32 unit_size;
	u32 longest;
	struct scatterlist *src;
	u32 src_offset;
	struct scatterlist *dst;
	unsigned long ready;
	unsigned long flight;
	unsigned long soft;
	unsigned long running;
	ktime_t looked;
	ktime_t waited;
	atomic_t kicks;
	int owned;
	int expected;
	struct delayed_work work;
	struct iaa_unit *order[IAA_WINDOW];
	struct idxd_desc *descs[IAA_WINDOW];
	struct iaa_run runs[IAA_WINDOW];
	struct iaa_unit units[IAA_WINDOW];
};

static_assert(IAA_WINDOW <= BITS_PER_LONG);

static inline struct acomp_req *iaa_req_base(struct iaa_req *r)
{
	return container_of((void *)r, struct acomp_req, __ctx);
}

/* Bytes produced by a unit, or -ENOSPC, or what software says. */
static inline void iaa_req_note(struct iaa_req *r, struct iaa_unit *unit, int result)
{
	if (r->has_units)
		acomp_unit_set_result(unit->dst, result);
	else
		r->result = result;
}

/* Does the source lie in one entry? */
static inline bool iaa_unit_is_linear(const struct iaa_unit *unit)
{
	return unit->src->length - unit->src_offset >= unit->in.len;
}

int iaa_req_submit(struct iaa_req *r);
bool iaa_req_poll(struct iaa_req *r);
void iaa_req_kick(struct iaa_req *r, bool now);

/* iaa_submit.c */
unsigned int iaa_submit(struct iaa_req *r, struct iaa_unit **units, unsigned int nr);
bool iaa_run_completed(struct iaa_req *r, struct iaa_run *run);
void iaa_run_reap(struct iaa_req *r, struct iaa_run *run);
void iaa_unit_arrived(struct idxd_desc *desc, bool given_up);

/* iaa_dma.c */
unsigned int iaa_dma_map(struct iaa_req *r, const struct iaa_wq *wq,
			 struct iaa_unit **units, unsigned int nr);
void iaa_dma_unmap(struct iaa_req *r, struct device *dev, unsigned long units);
int iaa_dma_init(void);
void iaa_dma_exit(void);

/* iaa_fallback.c */
int iaa_fallback(struct iaa_req *r, struct iaa_unit *unit);

/* iaa_alg.c */
#if IS_ENABLED(CONFIG_KUNIT)
extern struct acomp_alg iaa_algs[IAA_NR_MODES];
extern unsigned int iaa_timeout_ms;
#endif

void iaa_algs_say(void);
void iaa_algs_register(unsigned long modes);
void iaa_algs_unregister(void);

#endif
