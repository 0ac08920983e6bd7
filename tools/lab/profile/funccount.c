// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TCG plugin: how many instructions were executed where
 *
 * Counts the executions of each translation block and, at the end, writes one
 * line for each run of instructions that was executed: address, number of
 * instructions in it, executions. Addresses only: a kernel image in memory has
 * no symbols, so they are resolved afterwards.
 *
 *   -plugin libfunccount.so,output=FILE
 *
 * A block that ends early, by a page fault for example, counts as executed
 * whole. That makes the counts a little too high, and the same in each run.
 */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

typedef struct {
	uint64_t start;
	uint64_t insns;
	struct qemu_plugin_scoreboard *executions;
} Block;

/* Blocks by start and length; translation happens on any vCPU's thread. */
static GHashTable *blocks;
static GMutex lock;
static char *output;

static guint block_hash(gconstpointer key)
{
	const Block *block = key;

	return g_int64_hash(&block->start) ^ block->insns;
}

static gboolean block_equal(gconstpointer a, gconstpointer b)
{
	const Block *x = a, *y = b;

	return x->start == y->start && x->insns == y->insns;
}

/* A block that was thrown away and translated anew goes on counting. */
static Block *find_block(uint64_t start, uint64_t insns)
{
	Block key = { .start = start, .insns = insns };
	Block *block;

	g_mutex_lock(&lock);
	block = g_hash_table_lookup(blocks, &key);
	if (!block) {
		block = g_new(Block, 1);
		*block = key;
		block->executions = qemu_plugin_scoreboard_new(sizeof(uint64_t));
		g_hash_table_add(blocks, block);
	}
	g_mutex_unlock(&lock);
	return block;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	Block *block = find_block(qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb));

	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb,
		QEMU_PLUGIN_INLINE_ADD_U64,
		qemu_plugin_scoreboard_u64(block->executions), 1);
}

static void write_counts(qemu_plugin_id_t id, void *unused)
{
	GHashTableIter iter;
	gpointer key;
	FILE *file;

	file = fopen(output, "w");
	if (!file) {
		perror(output);
		return;
	}
	g_hash_table_iter_init(&iter, blocks);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Block *block = key;
		uint64_t executions = qemu_plugin_u64_sum(
			qemu_plugin_scoreboard_u64(block->executions));

		if (executions)
			fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
				block->start, block->insns, executions);
	}
	fclose(file);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
					   int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (g_str_has_prefix(argv[i], "output="))
			output = g_strdup(argv[i] + strlen("output="));
	}
	if (!output) {
		fprintf(stderr, "funccount: output=FILE is needed\n");
		return -1;
	}
	blocks = g_hash_table_new(block_hash, block_equal);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, write_counts, NULL);
	return 0;
}
