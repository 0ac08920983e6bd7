// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, and the files in debugfs that show them.
 *
 * A counter is per CPU and only goes up. To reset it is to note what it is, so
 * that no CPU ever writes another's.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include "idxd.h"
#include "iaa.h"

DEFINE_PER_CPU(struct iaa_counters, iaa_counters);

/* Protects what follows, and base of each queue. Taken within iaa_table_lock. */
static DEFINE_MUTEX(iaa_stats_lock);
/* What the counters were at the last reset */
static struct iaa_counters iaa_counters_base;
/* What queues that are gone were used for since */
static struct iaa_wq_stats iaa_retired;

static struct dentry *iaa_debugfs_dir;

/* Both structs consist of counters alone. */
static void iaa_add_up(u64 *sum, const u64 *counters, size_t size)
{
	size_t i;

	for (i = 0; i < size / sizeof(u64); i++)
		sum[i] += READ_ONCE(counters[i]);
}

static void iaa_subtract(u64 *sum, const u64 *counters, size_t size)
{
	size_t i;

	for (i = 0; i < size / sizeof(u64); i++)
		sum[i] -= counters[i];
}

static struct iaa_counters iaa_sum_counters(void)
{
	struct iaa_counters sum = {};
	int cpu;

	for_each_possible_cpu(cpu)
		iaa_add_up((u64 *)&sum, (u64 *)per_cpu_ptr(&iaa_counters, cpu), sizeof(sum));

	return sum;
}

static struct iaa_wq_stats iaa_sum_wq(const struct iaa_wq *wq)
{
	struct iaa_wq_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu)
		iaa_add_up((u64 *)&sum, (u64 *)per_cpu_ptr(wq->stats, cpu), sizeof(sum));

	return sum;
}

static struct iaa_wq_stats iaa_wq_since_reset(const struct iaa_wq *wq)
{
	struct iaa_wq_stats sum = iaa_sum_wq(wq);

	lockdep_assert_held(&iaa_stats_lock);
	iaa_subtract((u64 *)&sum, (u64 *)&wq->base, sizeof(sum));

	return sum;
}

int iaa_wq_stats_alloc(struct iaa_wq *wq)
{
	wq->stats = alloc_percpu(struct iaa_wq_stats);

	return wq->stats ? 0 : -ENOMEM;
}

/**
 * iaa_wq_stats_retire - keep the sums of a queue's counters
 * @wq: a queue that is not used any more, and just taken off the list
 *
 * Context: the caller holds iaa_table_lock.
 */
void iaa_wq_stats_retire(struct iaa_wq *wq)
{
	struct iaa_wq_stats sum;

	lockdep_assert_held(&iaa_table_lock);
	guard(mutex)(&iaa_stats_lock);
	sum = iaa_wq_since_reset(wq);
	iaa_add_up((u64 *)&iaa_retired, (u64 *)&sum, sizeof(sum));
}

void iaa_wq_stats_free(struct iaa_wq *wq)
{
	free_percpu(wq->stats);
}

/* Of all queues, those that are gone included. */
static struct iaa_wq_stats iaa_sum_wqs(void)
{
	struct iaa_wq_stats total = iaa_retired, sum;
	struct iaa_wq *wq;

	lockdep_assert_held(&iaa_table_lock);
	list_for_each_entry(wq, &iaa_wqs, list) {
		sum = iaa_wq_since_reset(wq);
		iaa_add_up((u64 *)&total, (u64 *)&sum, sizeof(sum));
	}

	return total;
}

static void iaa_show(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "  %s: %llu\n", name, value);
}

static const char *const iaa_cause_names[IAA_NR_CAUSES] = {
	[IAA_BAD_STREAM] = "bad_stream",
	[IAA_PAGE_FAULT] = "page_fault",
	[IAA_WATCHDOG] = "watchdog",
	[IAA_ABORTED] = "aborted",
	[IAA_DEVICE_ERROR] = "device_error",
	[IAA_MISMATCH] = "mismatch",
	[IAA_CAUSE_NO_QUEUE] = "no_queue",
	[IAA_CAUSE_NO_DESC] = "no_descriptor",
	[IAA_CAUSE_UNSUITED] = "unsuited",
	[IAA_CAUSE_MAPPING] = "mapping",
};

static void iaa_show_causes(struct seq_file *m, const struct iaa_counters *c)
{
	unsigned int cause;

	for (cause = 0; cause < IAA_NR_CAUSES; cause++)
		if (iaa_cause_names[cause])
			seq_printf(m, "  fallback_%s: %llu\n", iaa_cause_names[cause],
				   c->causes[cause]);
}

static const char *const iaa_outage_names[IAA_NR_OUTAGES] = {
	[IAA_OUT_OVERDUE] = "overdue",
	[IAA_OUT_QUIESCED] = "quiesced",
	[IAA_OUT_CUT_OFF] = "cut_off",
	[IAA_OUT_HALTED] = "halted",
	[IAA_OUT_UNFIT] = "unfit",
};

static void iaa_show_outages(struct seq_file *m, const struct iaa_counters *c)
{
	unsigned int why;

	for (why = 0; why < IAA_NR_OUTAGES; why++)
		if (iaa_outage_names[why])
			seq_printf(m, "  stops_%s: %llu\n", iaa_outage_names[why],
				   c->stops[why]);
	iaa_show(m, "returns", c->comebacks);
	iaa_show(m, "given_up", c->given_up);
	iaa_show(m, "self_check_failures", c->check_failures);
}

static void iaa_show_batches(struct seq_file *m, const struct iaa_counters *c)
{
	unsigned int i;

	for (i = 0; i < IAA_NR_BATCH_SIZES; i++)
		seq_printf(m, "  batches_of_%u_and_more: %llu\n", 1U << i, c->batches[i]);
}

static void iaa_show_counters(struct seq_file *m, const struct iaa_counters *c,
			      const struct iaa_wq_stats *wqs)
{
	const u64 *causes = c->causes;

	seq_puts(m, "global stats:\n");
	iaa_show(m, "total_comp_calls", wqs->calls[IAA_COMP]);
	iaa_show(m, "total_decomp_calls", wqs->calls[IAA_DECOMP]);
	iaa_show(m, "total_sw_comp_calls", c->sw_calls[IAA_COMP]);
	iaa_show(m, "total_sw_decomp_calls", c->sw_calls[IAA_DECOMP]);
	iaa_show(m, "total_comp_bytes_out", wqs->bytes[IAA_COMP]);
	iaa_show(m, "total_decomp_bytes_in", wqs->bytes[IAA_DECOMP]);
	iaa_show(m, "total_completion_einval_errors",
		 causes[IAA_PAGE_FAULT] + causes[IAA_DEVICE_ERROR] + causes[IAA_MISMATCH]);
	iaa_show(m, "total_completion_timeout_errors",
		 causes[IAA_WATCHDOG] + causes[IAA_ABORTED]);
	iaa_show(m, "total_completion_comp_buf_overflow_errors", c->overflows);
	iaa_show_causes(m, c);
	iaa_show(m, "verifications", c->verifications);
	iaa_show(m, "aborts", c->stops[IAA_OUT_OVERDUE]);
	iaa_show_outages(m, c);
	iaa_show_batches(m, c);
	seq_putc(m, '\n');
}

static int iaa_global_stats_show(struct seq_file *m, void *v)
{
	struct iaa_wq_stats wqs;
	struct iaa_counters c = iaa_sum_counters();

	scoped_guard(mutex, &iaa_table_lock) {
		guard(mutex)(&iaa_stats_lock);
		iaa_subtract((u64 *)&c, (u64 *)&iaa_counters_base, sizeof(c));
		wqs = iaa_sum_wqs();
	}
	iaa_show_counters(m, &c, &wqs);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(iaa_global_stats);

static void iaa_show_wq_stats(struct seq_file *m, const char *indent,
			      const struct iaa_wq_stats *stats)
{
	seq_printf(m, "%scomp_calls: %llu\n", indent, stats->calls[IAA_COMP]);
	seq_printf(m, "%scomp_bytes: %llu\n", indent, stats->bytes[IAA_COMP]);
	seq_printf(m, "%sdecomp_calls: %llu\n", indent, stats->calls[IAA_DECOMP]);
	seq_printf(m, "%sdecomp_bytes: %llu\n", indent, stats->bytes[IAA_DECOMP]);
}

static void iaa_show_wq(struct seq_file *m, const struct iaa_wq *wq)
{
	struct iaa_wq_stats stats = iaa_wq_since_reset(wq);
	char state[IAA_DESCRIPTION];

	iaa_wq_describe(wq, state, sizeof(state));
	seq_printf(m, "    name: %s\n", wq->idxd_wq->name);
	seq_printf(m, "    state: %s\n", state);
	iaa_show_wq_stats(m, "    ", &stats);
	seq_putc(m, '\n');
}

static void iaa_show_device(struct seq_file *m, const struct iaa_device *device)
{
	struct iaa_wq_stats total = {}, stats;
	unsigned int nr = 0;
	struct iaa_wq *wq;

	list_for_each_entry(wq, &iaa_wqs, list) {
		if (wq->device != device)
			continue;
		stats = iaa_wq_since_reset(wq);
		iaa_add_up((u64 *)&total, (u64 *)&stats, sizeof(total));
		nr++;
	}

	seq_puts(m, "iaa device:\n");
	seq_printf(m, "  id: %d\n", device->idxd->id);
	seq_printf(m, "  n_wqs: %u\n", nr);
	iaa_show_wq_stats(m, "  ", &total);
	seq_puts(m, "  wqs:\n");
	list_for_each_entry(wq, &iaa_wqs, list)
		if (wq->device == device)
			iaa_show_wq(m, wq);
}

static bool iaa_is_first_of_device(const struct iaa_wq *wq)
{
	const struct iaa_wq *other;

	list_for_each_entry(other, &iaa_wqs, list)
		if (other->device == wq->device)
			return other == wq;

	return false;
}

static int iaa_wq_stats_show(struct seq_file *m, void *v)
{
	struct iaa_wq *wq;

	guard(mutex)(&iaa_table_lock);
	guard(mutex)(&iaa_stats_lock);
	list_for_each_entry(wq, &iaa_wqs, list)
		if (iaa_is_first_of_device(wq))
			iaa_show_device(m, wq->device);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(iaa_wq_stats);

static int iaa_stats_reset(void *data, u64 value)
{
	struct iaa_wq *wq;

	guard(mutex)(&iaa_table_lock);
	guard(mutex)(&iaa_stats_lock);
	iaa_counters_base = iaa_sum_counters();
	iaa_retired = (struct iaa_wq_stats) {};
	list_for_each_entry(wq, &iaa_wqs, list)
		wq->base = iaa_sum_wq(wq);

	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(iaa_stats_reset_fops, NULL, iaa_stats_reset, "%llu\n");

void iaa_stats_init(void)
{
	iaa_debugfs_dir = debugfs_create_dir("iaa_crypto", NULL);

	debugfs_create_file("global_stats", 0444, iaa_debugfs_dir, NULL, &iaa_global_stats_fops);
	debugfs_create_file("wq_stats", 0444, iaa_debugfs_dir, NULL, &iaa_wq_stats_fops);
	debugfs_create_file("stats_reset", 0200, iaa_debugfs_dir, NULL, &iaa_stats_reset_fops);
}

void iaa_stats_exit(void)
{
	debugfs_remove(iaa_debugfs_dir);
}
