// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TCG plugin: how many instructions a function executed, with all it called
 *
 * A scope is the time between the entry of a watched function and its return.
 * Scopes nest: each path of scopes (zswap_store/lz4_scompress) has a counter of
 * its own, and counts of blocks, so that what a function did by itself and what
 * the compressor below it did can be told apart. A scope belongs to the task that
 * entered it: what runs while that task does not is not counted.
 *
 *   -plugin libscopes.so,output=FILE,switch=ADDRESS,scope=NAME:ADDRESS[:REGISTER],...
 *
 * ADDRESS is hexadecimal; that of switch is of __switch_to_asm(prev, next). Several
 * functions may have one NAME. REGISTER (rdi, rsi, rdx or rcx) has the size that a
 * function is asked to allocate: the sum, each rounded up as kmalloc() does, is the
 * memory that a path took. A
 * guest program that executes a no-operation with the displacement MARK names
 * what follows: it has the address of a label in %rdi. Written for each label:
 *
 *   label LABEL
 *   path PATH ENTRIES INSNS MIN MAX PORTAL_ENTRIES PORTAL_INSNS AFTER_INSNS SUM
 *   block PATH ADDRESS INSNS_IN_BLOCK INSNS_EXECUTED
 *
 * INSNS, MIN and MAX are with everything that was called. Of the entries that
 * wrote to a portal (MOVDIR64B), PORTAL_INSNS went before the last write and
 * AFTER_INSNS followed it, both without those of scopes named "interrupt". Blocks
 * are counted for the innermost scope only.
 *
 * For one vCPU: nothing here is locked.
 */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* nopl MARK(%rax,%rax,1): no compiler emits this displacement. */
static const uint8_t mark_insn[] = { 0x0f, 0x1f, 0x84, 0x00, 0x6d, 0x61, 0x72, 0x6b };
static const uint8_t movdir64b_insn[] = { 0x66, 0x0f, 0x38, 0xf8 };

#define MAX_PATHS	64
#define MAX_LABEL	64

typedef struct {
	char *name;
	uint64_t address;
	int reg;			/* index in reg_names, -1: none */
} Scope;

/* One path of scopes; @index is also that of its counters in blocks. */
typedef struct Path {
	struct Path *parent;
	const Scope *scope;
	char *name;
	unsigned int index;
	bool is_interrupt;		/* it, or a scope it is in */
	uint64_t entries, insns, min, max;
	uint64_t portal_entries, portal_insns, after_insns;
	uint64_t sum;			/* of the scope's register */
} Path;

/* A scope that was entered; the counts are the task's at that moment. */
typedef struct {
	Path *path;
	uint64_t return_address;
	uint64_t start;
	uint64_t work_start;
	uint64_t portal;		/* work then; 0: no portal was written yet */
} Frame;

typedef struct {
	GArray *frames;
	uint64_t executed;		/* instructions, in scopes only */
	uint64_t work;			/* of these, not in interrupts */
} Task;

typedef struct {
	uint64_t start;
	uint64_t insns;
	uint64_t after_portal;		/* address behind a MOVDIR64B, or 0 */
	uint64_t portal_insns;		/* up to and with it */
	uint64_t *executed;		/* instructions, by path; NULL: none */
} Block;

static GArray *scopes;
static GPtrArray *paths;
static GHashTable *blocks;
static GHashTable *tasks;		/* by the address of the task_struct */
static Task *task;
static Block *previous;
static FILE *output;
static uint64_t switch_address;
static char label[MAX_LABEL];

/* Not 0 while the running task is in a scope: only then are blocks counted. */
static struct qemu_plugin_scoreboard *active;
enum { RSP, RDI, RSI, RDX, RCX, NR_REGS };
static const char * const reg_names[NR_REGS] = { "rsp", "rdi", "rsi", "rdx", "rcx" };
static struct qemu_plugin_register *regs[NR_REGS];

static uint64_t read_register(int reg)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	uint64_t value = 0;

	if (qemu_plugin_read_register(regs[reg], bytes) >= (int)sizeof(value))
		memcpy(&value, bytes->data, sizeof(value));
	return value;
}

static uint64_t read_word(uint64_t address)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	uint64_t value = 0;

	if (qemu_plugin_read_memory_vaddr(address, bytes, sizeof(value)))
		memcpy(&value, bytes->data, sizeof(value));
	return value;
}

static void read_label(uint64_t address)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	size_t i;

	label[0] = '\0';
	for (i = 0; i < MAX_LABEL - 1; i++) {
		if (!qemu_plugin_read_memory_vaddr(address + i, bytes, 1) || !bytes->data[0])
			break;
		label[i] = bytes->data[0];
		label[i + 1] = '\0';
	}
}

static Frame *top_frame(void)
{
	if (!task->frames->len)
		return NULL;
	return &g_array_index(task->frames, Frame, task->frames->len - 1);
}

static void update_active(void)
{
	qemu_plugin_u64_set(qemu_plugin_scoreboard_u64(active), 0, task->frames->len);
}

/* kmalloc() has powers of two, 96 and 192; what is larger takes whole pages. */
static uint64_t round_up_size(uint64_t size)
{
	uint64_t bucket = 8;

	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	while (bucket < size && bucket < 8192)
		bucket *= 2;
	return size <= bucket ? bucket : (size + 4095) / 4096 * 4096;
}

static Path *find_path(Path *parent, const Scope *scope)
{
	Path *path;
	guint i;

	for (i = 0; i < paths->len; i++) {
		path = g_ptr_array_index(paths, i);
		if (path->parent == parent && !strcmp(path->scope->name, scope->name))
			return path;
	}
	g_assert(paths->len < MAX_PATHS);
	path = g_new0(Path, 1);
	path->parent = parent;
	path->scope = scope;
	path->index = paths->len;
	path->name = parent ? g_strdup_printf("%s/%s", parent->name, scope->name) :
			      g_strdup(scope->name);
	path->is_interrupt = !strcmp(scope->name, "interrupt") || (parent && parent->is_interrupt);
	path->min = UINT64_MAX;
	g_ptr_array_add(paths, path);
	return path;
}

static void leave_scope(void)
{
	Frame *frame = top_frame();
	Path *path = frame->path;
	uint64_t insns = task->executed - frame->start;

	path->entries++;
	path->insns += insns;
	path->min = MIN(path->min, insns);
	path->max = MAX(path->max, insns);
	if (frame->portal) {
		path->portal_entries++;
		path->portal_insns += frame->portal - frame->work_start;
		path->after_insns += task->work - frame->portal;
	}
	g_array_set_size(task->frames, task->frames->len - 1);
	update_active();
}

static void on_scope(unsigned int vcpu, void *udata)
{
	const Scope *scope = udata;
	Frame *top = top_frame();
	Frame frame;

	/* A loop back to the first instruction, or the block was retried. */
	frame.return_address = read_word(read_register(RSP));
	if (top && !strcmp(top->path->scope->name, scope->name) &&
	    top->return_address == frame.return_address)
		return;

	frame.path = find_path(top ? top->path : NULL, scope);
	if (scope->reg >= 0)
		frame.path->sum += round_up_size(read_register(scope->reg));
	frame.start = task->executed;
	frame.work_start = task->work;
	frame.portal = 0;
	g_array_append_val(task->frames, frame);
	update_active();
}

static Task *find_task(uint64_t address)
{
	Task *found = g_hash_table_lookup(tasks, GSIZE_TO_POINTER(address));

	if (!found) {
		found = g_new0(Task, 1);
		found->frames = g_array_new(FALSE, FALSE, sizeof(Frame));
		g_hash_table_insert(tasks, GSIZE_TO_POINTER(address), found);
	}
	return found;
}

/* What ran before the first switch was the boot, which is in no scope. */
static void on_switch(unsigned int vcpu, void *udata)
{
	Task *prev = find_task(read_register(RDI));

	if (prev != task && task->frames->len) {
		g_array_set_size(prev->frames, 0);
		g_array_append_vals(prev->frames, task->frames->data, task->frames->len);
		prev->executed = task->executed;
		prev->work = task->work;
		g_array_set_size(task->frames, 0);
	}
	task = find_task(read_register(RSI));
	update_active();
}

/*
 * An instruction that writes to a device may only be the last of a block: QEMU
 * then leaves the block behind it, although all of it was counted.
 */
static void take_back_rest(const Block *block)
{
	uint64_t rest;

	if (!previous || block->start != previous->after_portal)
		return;
	rest = previous->insns - previous->portal_insns;
	previous->executed[top_frame()->path->index] -= rest;
	task->executed -= rest;
	task->work -= rest;
}

static void note_portal(const Block *block)
{
	guint i;

	for (i = 0; i < task->frames->len; i++)
		g_array_index(task->frames, Frame, i).portal =
			task->work - block->insns + block->portal_insns;
}

static void on_block(unsigned int vcpu, void *udata)
{
	Block *block = udata;

	take_back_rest(block);
	while (top_frame() && top_frame()->return_address == block->start)
		leave_scope();
	previous = NULL;
	if (!top_frame())
		return;

	if (!block->executed)
		block->executed = g_new0(uint64_t, MAX_PATHS);
	block->executed[top_frame()->path->index] += block->insns;
	task->executed += block->insns;
	if (!top_frame()->path->is_interrupt)
		task->work += block->insns;
	if (block->after_portal) {
		note_portal(block);
		previous = block;
	}
}

static void write_path(const Path *path)
{
	fprintf(output, "path %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", path->name, path->entries,
		path->insns, path->min, path->max, path->portal_entries,
		path->portal_insns, path->after_insns, path->sum);
}

static void write_blocks(const Path *path)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, blocks);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const Block *block = key;

		if (block->executed && block->executed[path->index])
			fprintf(output, "block %s %" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
				path->name, block->start, block->insns,
				block->executed[path->index]);
	}
}

static void write_label(void)
{
	guint i;

	fprintf(output, "label %s\n", label);
	for (i = 0; i < paths->len; i++) {
		const Path *path = g_ptr_array_index(paths, i);

		if (!path->entries)
			continue;
		write_path(path);
		write_blocks(path);
	}
}

static void reset_counts(void)
{
	GHashTableIter iter;
	gpointer key;
	guint i;

	for (i = 0; i < paths->len; i++) {
		Path *path = g_ptr_array_index(paths, i);

		path->entries = path->insns = path->max = 0;
		path->portal_entries = path->portal_insns = path->after_insns = 0;
		path->sum = 0;
		path->min = UINT64_MAX;
	}
	g_hash_table_iter_init(&iter, blocks);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		Block *block = key;

		if (block->executed)
			memset(block->executed, 0, MAX_PATHS * sizeof(uint64_t));
	}
}

static void on_mark(unsigned int vcpu, void *udata)
{
	if (label[0])
		write_label();
	reset_counts();
	read_label(read_register(RDI));
}

static guint block_hash(gconstpointer key)
{
	const Block *block = key;

	return g_int64_hash(&block->start) ^ block->insns;
}

static gboolean block_equal(gconstpointer a, gconstpointer b)
{
	const Block *x = a, *y = b;

	return x->start == y->start && x->insns == y->insns &&
	       x->after_portal == y->after_portal;
}

/* A block that was thrown away and translated anew goes on counting. */
static Block *find_block(const Block *key)
{
	Block *block = g_hash_table_lookup(blocks, key);

	if (!block) {
		block = g_memdup2(key, sizeof(*key));
		g_hash_table_add(blocks, block);
	}
	return block;
}

static bool insn_is(const struct qemu_plugin_insn *insn, const uint8_t *bytes, size_t len)
{
	uint8_t data[16];

	return qemu_plugin_insn_data(insn, data, len) == len && !memcmp(data, bytes, len);
}

static void look_at_insns(struct qemu_plugin_tb *tb, Block *block)
{
	size_t i;

	for (i = 0; i < block->insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (insn_is(insn, mark_insn, sizeof(mark_insn)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
				QEMU_PLUGIN_CB_R_REGS, NULL);
		if (insn_is(insn, movdir64b_insn, sizeof(movdir64b_insn))) {
			block->after_portal = qemu_plugin_insn_vaddr(insn) +
					      qemu_plugin_insn_size(insn);
			block->portal_insns = i + 1;
		}
	}
}

/* In this order: a switch or an entry comes before the count of its first block. */
static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	Block key = {
		.start = qemu_plugin_tb_vaddr(tb),
		.insns = qemu_plugin_tb_n_insns(tb),
	};
	guint i;

	look_at_insns(tb, &key);
	if (key.start == switch_address)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_switch, QEMU_PLUGIN_CB_R_REGS, NULL);
	for (i = 0; i < scopes->len; i++) {
		Scope *scope = &g_array_index(scopes, Scope, i);

		if (scope->address == key.start)
			qemu_plugin_register_vcpu_tb_exec_cb(tb, on_scope,
				QEMU_PLUGIN_CB_R_REGS, scope);
	}
	qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS,
		QEMU_PLUGIN_COND_NE, qemu_plugin_scoreboard_u64(active), 0,
		find_block(&key));
}

static void on_vcpu(qemu_plugin_id_t id, unsigned int vcpu)
{
	g_autoptr(GArray) registers = qemu_plugin_get_registers();
	guint i, r;

	g_assert(vcpu == 0);
	for (i = 0; i < registers->len; i++) {
		qemu_plugin_reg_descriptor *reg =
			&g_array_index(registers, qemu_plugin_reg_descriptor, i);

		for (r = 0; r < NR_REGS; r++)
			if (!strcmp(reg->name, reg_names[r]))
				regs[r] = reg->handle;
	}
	for (r = 0; r < NR_REGS; r++)
		g_assert(regs[r]);
}

static void on_end(qemu_plugin_id_t id, void *unused)
{
	if (label[0])
		write_label();
	fclose(output);
}

static bool add_scope(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 3);
	Scope scope = { .reg = -1 };
	int r;

	if (!parts[0] || !parts[1])
		return false;
	scope.name = g_strdup(parts[0]);
	scope.address = g_ascii_strtoull(parts[1], NULL, 16);
	for (r = 0; parts[2] && r < NR_REGS; r++)
		if (!strcmp(parts[2], reg_names[r]))
			scope.reg = r;
	g_array_append_val(scopes, scope);
	return scope.address != 0 && (!parts[2] || scope.reg >= 0);
}

static bool parse_argument(const char *text)
{
	if (g_str_has_prefix(text, "output="))
		return (output = fopen(text + strlen("output="), "w")) != NULL;
	if (g_str_has_prefix(text, "switch="))
		return (switch_address = g_ascii_strtoull(text + strlen("switch="), NULL, 16)) != 0;
	if (g_str_has_prefix(text, "scope="))
		return add_scope(text + strlen("scope="));
	return false;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
					   int argc, char **argv)
{
	int i;

	scopes = g_array_new(FALSE, FALSE, sizeof(Scope));
	for (i = 0; i < argc; i++) {
		if (!parse_argument(argv[i])) {
			fprintf(stderr, "scopes: bad argument: %s\n", argv[i]);
			return -1;
		}
	}
	if (!output || !switch_address || !scopes->len) {
		fprintf(stderr, "scopes: output=, switch= and scope= are needed\n");
		return -1;
	}
	paths = g_ptr_array_new();
	blocks = g_hash_table_new(block_hash, block_equal);
	tasks = g_hash_table_new(NULL, NULL);
	task = find_task(0);
	active = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_init_cb(id, on_vcpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
	return 0;
}
