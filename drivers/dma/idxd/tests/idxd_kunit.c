// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of submission, completion and commands on a device made of memory: its
 * portal and its registers are pages that nobody answers on, so that a test sees
 * what is written to them, and is the device itself.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include "../idxd.h"

#define NR_DESCS	8
#define SLOT_SIZE	sizeof(struct dsa_raw_desc)
#define NR_SLOTS	(PAGE_SIZE / SLOT_SIZE)
#define INT_HANDLE	5
#define NEW_HANDLE	9
#define MAX_CMDS	8
#define REFUSED		0x32

/* What idxd knows of a device with one queue, and the memory behind it. */
struct fake {
	struct idxd_device idxd;
	struct idxd_driver_data data;
	struct pci_dev pdev;
	struct idxd_wq wq;
	struct idxd_device_driver drv;
	struct idxd_desc descs[NR_DESCS];
	struct idxd_desc *batch[NR_DESCS];
	struct iax_completion_record records[NR_DESCS];
	struct iax_hw_desc hw[NR_DESCS];
	struct dsa_raw_desc *slots;
	void *regs;
	/* What the driver was told, in order */
	struct idxd_desc *completed[NR_DESCS];
	enum idxd_complete_type types[NR_DESCS];
	int nr_completed;
	/* How many more descriptors a shared queue takes */
	int room;
	/* Commands, in order, and what becomes of each number */
	struct idxd_wq *wqs[1];
	u8 cmds[MAX_CMDS];
	int nr_cmds;
	u32 cmd_status[32];
	/* A drain that takes its time, and who wants another queue aborted meanwhile */
	struct delayed_work drained;
	struct work_struct aborter;
	int aborted;
};

static void fake_complete(struct idxd_desc *desc, enum idxd_complete_type type,
			  bool free_desc, void *ctx, u32 *status)
{
	struct fake *f = container_of(desc->wq, struct fake, wq);

	f->completed[f->nr_completed] = desc;
	f->types[f->nr_completed] = type;
	f->nr_completed++;
}

/* ENQCMDS of a queue with so much room, filling the slots one after the other. */
static int fake_enqcmds(struct idxd_wq *wq, void __iomem *portal, const void *desc)
{
	struct fake *f = container_of(wq, struct fake, wq);

	if (!f->room)
		return -EAGAIN;
	f->room--;
	memcpy((__force void *)portal, desc, SLOT_SIZE);

	return 0;
}

static void init_descs(struct fake *f)
{
	int i;

	for (i = 0; i < NR_DESCS; i++) {
		f->descs[i].wq = &f->wq;
		f->descs[i].id = i;
		f->descs[i].iax_hw = &f->hw[i];
		f->descs[i].iax_completion = &f->records[i];
		f->hw[i].src1_addr = 0x1000 * (i + 1);
		f->batch[i] = &f->descs[i];
	}
}

/* The device's side of a command: it is done at once. */
static void fake_cmd_write(struct idxd_device *idxd, u32 bits)
{
	struct fake *f = container_of(idxd, struct fake, idxd);
	union idxd_command_reg cmd = { .bits = bits };

	if (f->nr_cmds < MAX_CMDS)
		f->cmds[f->nr_cmds++] = cmd.cmd;
	iowrite32(f->cmd_status[cmd.cmd], idxd->reg_base + IDXD_CMDSTS_OFFSET);
}

/* As above, for a device that takes longer than any short command may to drain. */
static void fake_slow_drain(struct idxd_device *idxd, u32 bits)
{
	struct fake *f = container_of(idxd, struct fake, idxd);

	iowrite32(IDXD_CMDSTS_ACTIVE, idxd->reg_base + IDXD_CMDSTS_OFFSET);
	schedule_work(&f->aborter);
	schedule_delayed_work(&f->drained, msecs_to_jiffies(IDXD_CMD_TIMEOUT_MS * 2));
}

static void fake_drained(struct work_struct *work)
{
	struct fake *f = container_of(to_delayed_work(work), struct fake, drained);

	iowrite32(IDXD_CMDSTS_SUCCESS, f->idxd.reg_base + IDXD_CMDSTS_OFFSET);
}

static void fake_aborter(struct work_struct *work)
{
	struct fake *f = container_of(work, struct fake, aborter);

	f->aborted = idxd_wq_abort(&f->wq);
}

static void fake_recovery(struct work_struct *work)
{
}

static void cancel_recovery(void *work)
{
	cancel_delayed_work_sync(work);
}

static void exit_ref(void *ref)
{
	percpu_ref_exit(ref);
}

static struct fake *alloc_fake(struct kunit *test)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->slots = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	f->regs = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->slots);
	KUNIT_ASSERT_NOT_NULL(test, f->regs);

	f->idxd.state = IDXD_DEV_ENABLED;
	f->idxd.pdev = &f->pdev;
	f->idxd.data = &f->data;
	f->idxd.reg_base = (void __iomem *)f->regs;
	f->idxd.wqs = f->wqs;
	f->wqs[0] = &f->wq;
	/* Its configuration space neither takes nor gives anything. */
	f->pdev.error_state = pci_channel_io_perm_failure;
	f->pdev.is_busmaster = true;
	spin_lock_init(&f->idxd.dev_lock);
	spin_lock_init(&f->idxd.cmd_lock);
	INIT_DELAYED_WORK(&f->drained, fake_drained);
	INIT_WORK(&f->aborter, fake_aborter);
	INIT_DELAYED_WORK(&f->idxd.recovery, fake_recovery);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, cancel_recovery,
							&f->idxd.recovery), 0);
	init_waitqueue_head(&f->idxd.cmd_waitq);

	f->wq.idxd = &f->idxd;
	f->wq.state = IDXD_WQ_ENABLED;
	f->wq.portal = (void __iomem *)f->slots;
	f->wq.ie.int_handle = INT_HANDLE;
	f->drv.desc_complete = fake_complete;
	f->wq.idxd_dev.conf_dev.driver = &f->drv.drv;
	__set_bit(WQ_FLAG_DEDICATED, &f->wq.flags);
	mutex_init(&f->wq.wq_lock);
	init_completion(&f->wq.wq_dead);
	init_completion(&f->wq.wq_resurrect);
	spin_lock_init(&f->wq.ie.list_lock);
	init_llist_head(&f->wq.ie.pending_llist);
	INIT_LIST_HEAD(&f->wq.ie.work_list);
	KUNIT_ASSERT_EQ(test, idxd_wq_init_percpu_ref(&f->wq), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, exit_ref, &f->wq.wq_active), 0);
	init_descs(f);

	return f;
}

static struct fake *alloc_shared_fake(struct kunit *test, int room)
{
	struct fake *f = alloc_fake(test);

	__clear_bit(WQ_FLAG_DEDICATED, &f->wq.flags);
	f->room = room;
	kunit_activate_static_stub(test, idxd_enqcmds, fake_enqcmds);

	return f;
}

static void ask_for_interrupts(struct fake *f)
{
	int i;

	for (i = 0; i < NR_DESCS; i++)
		f->hw[i].flags |= IDXD_OP_FLAG_RCI;
}

static void expect_slot(struct kunit *test, struct fake *f, unsigned int slot, int desc)
{
	KUNIT_EXPECT_MEMEQ(test, &f->slots[slot], &f->hw[desc], SLOT_SIZE);
}

static int nr_used_slots(struct fake *f)
{
	int i, nr = 0;

	for (i = 0; i < NR_SLOTS; i++)
		nr += !!memchr_inv(&f->slots[i], 0, SLOT_SIZE);

	return nr;
}

/* The device completes a descriptor. */
static void write_record(struct fake *f, int desc)
{
	f->records[desc].status = IAX_COMP_SUCCESS;
}

/* The device raises the queue's interrupt. */
static void interrupt(struct fake *f)
{
	idxd_wq_thread(0, &f->wq.ie);
}

static void expect_idle(struct kunit *test, struct fake *f)
{
	KUNIT_EXPECT_TRUE(test, llist_empty(&f->wq.ie.pending_llist));
	KUNIT_EXPECT_TRUE(test, list_empty(&f->wq.ie.work_list));
	/* A reference that was kept would make this wait for ever. */
	idxd_wq_quiesce(&f->wq);
}

/* Test that a dedicated queue gets all, in order, each in a slot of its own. */
static void test_dedicated_takes_all(struct kunit *test)
{
	struct fake *f = alloc_fake(test);
	int i;

	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, NR_DESCS), NR_DESCS);
	for (i = 0; i < NR_DESCS; i++)
		expect_slot(test, f, i, i);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), NR_DESCS);
	KUNIT_EXPECT_EQ(test, f->hw[0].int_handle, 0);
	expect_idle(test, f);
}

/* Test that slots are used in turn, over the end of the portal. */
static void test_slots_wrap(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	f->wq.portal_offset = (NR_SLOTS - 2) * SLOT_SIZE;
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 3), 3);
	expect_slot(test, f, NR_SLOTS - 2, 0);
	expect_slot(test, f, NR_SLOTS - 1, 1);
	expect_slot(test, f, 0, 2);
	KUNIT_EXPECT_EQ(test, idxd_submit_desc(&f->wq, f->batch[3]), 0);
	expect_slot(test, f, 1, 3);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 4);
}

/* Test that nothing is submitted where nothing is given. */
static void test_empty_batch(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 0), 0);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 0);
	expect_idle(test, f);
}

/* Test that interrupts complete just what has a status, once, with the handle set. */
static void test_interrupts_complete(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	ask_for_interrupts(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 3), 3);
	KUNIT_EXPECT_EQ(test, f->hw[1].int_handle, INT_HANDLE);
	expect_slot(test, f, 1, 1);

	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 0);
	write_record(f, 1);
	interrupt(f);
	KUNIT_ASSERT_EQ(test, f->nr_completed, 1);
	KUNIT_EXPECT_PTR_EQ(test, f->completed[0], f->batch[1]);
	KUNIT_EXPECT_EQ(test, f->types[0], IDXD_COMPLETE_NORMAL);
	write_record(f, 0);
	write_record(f, 2);
	interrupt(f);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 3);
	expect_idle(test, f);
}

/* Test that a shared queue takes those before the first that it refuses. */
static void test_shared_refuses(struct kunit *test)
{
	struct fake *f = alloc_shared_fake(test, 2);

	ask_for_interrupts(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 5), 2);
	expect_slot(test, f, 0, 0);
	expect_slot(test, f, 1, 1);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 2);

	/* The others are not idxd's any more, even if their records say "done". */
	write_record(f, 0);
	write_record(f, 1);
	write_record(f, 2);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 2);
	expect_idle(test, f);
}

/* Test the same when the interrupt thread has seen them in between. */
static void test_shared_refuses_after_interrupt(struct kunit *test)
{
	struct fake *f = alloc_shared_fake(test, 1);

	ask_for_interrupts(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 1), 1);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch + 1, 2), 0);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 0);
	write_record(f, 0);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 1);
	expect_idle(test, f);
}

/* Test that a single submission that is refused is an error and no completion. */
static void test_single_refused(struct kunit *test)
{
	struct fake *f = alloc_shared_fake(test, 0);

	ask_for_interrupts(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_desc(&f->wq, f->batch[0]), -EAGAIN);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 0);
	expect_idle(test, f);
}

/* Test that a quiet queue takes nothing and makes nobody wait, however often. */
static void test_quiesced_queue(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	ask_for_interrupts(f);
	idxd_wq_quiesce(&f->wq);
	idxd_wq_quiesce(&f->wq);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 2), -ENXIO);
	KUNIT_EXPECT_EQ(test, idxd_submit_desc(&f->wq, f->batch[0]), -ENXIO);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 0);
	expect_idle(test, f);
}

/* Test that a device that is not enabled takes nothing. */
static void test_halted_device(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	f->idxd.state = IDXD_DEV_HALTED;
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 2), -ENXIO);
	KUNIT_EXPECT_EQ(test, idxd_submit_desc(&f->wq, f->batch[0]), -EIO);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 0);
	expect_idle(test, f);
}

static struct fake *alloc_obeying_fake(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	f->wq.type = IDXD_WQT_KERNEL;
	kunit_activate_static_stub(test, idxd_cmd_write, fake_cmd_write);

	return f;
}

static void expect_cmds(struct kunit *test, struct fake *f, int nr, const u8 *cmds)
{
	KUNIT_ASSERT_EQ(test, f->nr_cmds, nr);
	KUNIT_EXPECT_MEMEQ(test, f->cmds, cmds, nr);
}

#define EXPECT_CMDS(test, f, ...)					\
	expect_cmds(test, f, sizeof((u8[]){ __VA_ARGS__ }), (u8[]){ __VA_ARGS__ })

/*
 * Test that what is terminated is aborted first and then goes to the queue's driver:
 * aborted, or as it ended. The queue takes more.
 */
static void test_terminate(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	ask_for_interrupts(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 2), 2);
	write_record(f, 1);
	idxd_wq_terminate(&f->wq);

	EXPECT_CMDS(test, f, IDXD_CMD_ABORT_WQ);
	KUNIT_ASSERT_EQ(test, f->nr_completed, 2);
	KUNIT_EXPECT_EQ(test, f->types[f->completed[0] == f->batch[1]], IDXD_COMPLETE_ABORT);
	KUNIT_EXPECT_EQ(test, f->types[f->completed[0] != f->batch[1]], IDXD_COMPLETE_NORMAL);

	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch + 2, 1), 1);
	KUNIT_EXPECT_EQ(test, f->hw[2].int_handle, INT_HANDLE);
	write_record(f, 2);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 3);
	KUNIT_EXPECT_TRUE(test, f->pdev.is_busmaster);
	expect_idle(test, f);
}

/* Test that nothing is given back that the device can write to, if it does not abort. */
static void test_terminate_in_vain(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	f->cmd_status[IDXD_CMD_ABORT_WQ] = REFUSED;
	ask_for_interrupts(f);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 2), 2);
	idxd_wq_terminate(&f->wq);
	KUNIT_EXPECT_FALSE(test, f->pdev.is_busmaster);
	KUNIT_EXPECT_TRUE(test, test_bit(IDXD_FLAG_DISOBEYS, &f->idxd.flags));
	KUNIT_EXPECT_EQ(test, f->nr_completed, 2);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch + 2, 1), -ENXIO);
	expect_idle(test, f);
}

/* Test that a queue that drains is not aborted. */
static void test_let_go_drains(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	idxd_wq_let_go(&f->wq);
	EXPECT_CMDS(test, f, IDXD_CMD_DRAIN_WQ);
	KUNIT_EXPECT_TRUE(test, f->pdev.is_busmaster);
}

/* Test that a queue that does not drain is aborted. */
static void test_let_go_aborts(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	f->cmd_status[IDXD_CMD_DRAIN_WQ] = REFUSED;
	idxd_wq_let_go(&f->wq);
	EXPECT_CMDS(test, f, IDXD_CMD_DRAIN_WQ, IDXD_CMD_ABORT_WQ);
	KUNIT_EXPECT_TRUE(test, f->pdev.is_busmaster);
}

/* Test that a device that does neither is cut off and will be reset, once. */
static void test_let_go_cuts_off(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	f->cmd_status[IDXD_CMD_DRAIN_WQ] = REFUSED;
	f->cmd_status[IDXD_CMD_ABORT_WQ] = REFUSED;
	idxd_wq_let_go(&f->wq);
	KUNIT_EXPECT_FALSE(test, f->pdev.is_busmaster);
	KUNIT_EXPECT_TRUE(test, test_bit(IDXD_FLAG_DISOBEYS, &f->idxd.flags));
	idxd_wq_let_go(&f->wq);
	EXPECT_CMDS(test, f, IDXD_CMD_DRAIN_WQ, IDXD_CMD_ABORT_WQ);
}

/* Test that a device gets access to memory by a reset that succeeds, and only so. */
static void test_admit(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	KUNIT_EXPECT_EQ(test, idxd_device_admit(&f->idxd), 0);
	KUNIT_EXPECT_EQ(test, f->nr_cmds, 0);

	f->pdev.is_busmaster = false;
	f->cmd_status[IDXD_CMD_RESET_DEVICE] = REFUSED;
	KUNIT_EXPECT_EQ(test, idxd_device_admit(&f->idxd), -EIO);
	KUNIT_EXPECT_FALSE(test, f->pdev.is_busmaster);

	f->cmd_status[IDXD_CMD_RESET_DEVICE] = IDXD_CMDSTS_SUCCESS;
	KUNIT_EXPECT_EQ(test, idxd_device_admit(&f->idxd), 0);
	KUNIT_EXPECT_TRUE(test, f->pdev.is_busmaster);
	EXPECT_CMDS(test, f, IDXD_CMD_RESET_DEVICE, IDXD_CMD_RESET_DEVICE);
}

/*
 * Test that a drain may take longer than other commands, and that the abort of
 * another queue waits for it instead of failing.
 */
static void test_slow_drain(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	f->aborted = 1;
	kunit_activate_static_stub(test, idxd_cmd_write, fake_slow_drain);
	idxd_wq_let_go(&f->wq);
	flush_work(&f->aborter);
	flush_delayed_work(&f->drained);
	KUNIT_EXPECT_TRUE(test, f->pdev.is_busmaster);
	KUNIT_EXPECT_EQ(test, f->aborted, 0);
}

/* A device that has revoked its interrupt handles. */
static struct fake *alloc_revoking_fake(struct kunit *test)
{
	struct fake *f = alloc_obeying_fake(test);

	f->idxd.request_int_handles = true;
	f->idxd.irq_cnt = 2;
	f->idxd.hw.cmd_cap = BIT(IDXD_CMD_REQUEST_INT_HANDLE);
	f->cmd_status[IDXD_CMD_REQUEST_INT_HANDLE] = NEW_HANDLE << IDXD_CMDSTS_RES_SHIFT;

	return f;
}

/* Test that a queue goes on with its new handle. */
static void test_handle_is_renewed(struct kunit *test)
{
	struct fake *f = alloc_revoking_fake(test);

	ask_for_interrupts(f);
	idxd_int_handle_revoke_work(&f->idxd.revoke_work);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 1), 1);
	KUNIT_EXPECT_EQ(test, f->hw[0].int_handle, NEW_HANDLE);
	write_record(f, 0);
	interrupt(f);
	KUNIT_EXPECT_EQ(test, f->nr_completed, 1);
	expect_idle(test, f);
}

/* Test that a queue without a handle says that it takes nothing any more. */
static void test_handle_is_not_renewed(struct kunit *test)
{
	struct fake *f = alloc_revoking_fake(test);

	f->cmd_status[IDXD_CMD_REQUEST_INT_HANDLE] = REFUSED;
	idxd_int_handle_revoke_work(&f->idxd.revoke_work);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 0);
	expect_idle(test, f);
}

/* Test that renewing the handle of a quiet queue neither waits for it nor wakes it. */
static void test_handle_of_quiet_queue(struct kunit *test)
{
	struct fake *f = alloc_revoking_fake(test);

	idxd_wq_quiesce(&f->wq);
	idxd_int_handle_revoke_work(&f->idxd.revoke_work);
	KUNIT_EXPECT_EQ(test, f->wq.ie.int_handle, NEW_HANDLE);
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, nr_used_slots(f), 0);
	expect_idle(test, f);
}

/* Test that a queue that is only paused does not say that it is closed. */
static void test_paused_queue(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	scoped_guard(mutex, &f->wq.wq_lock) {
		idxd_wq_pause(&f->wq);
		KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 1), 0);
		idxd_wq_resume(&f->wq);
	}
	KUNIT_EXPECT_EQ(test, idxd_submit_descs(&f->wq, f->batch, 1), 1);
	expect_idle(test, f);
}

static u32 reg(struct fake *f, unsigned int offset)
{
	return ioread32(f->idxd.reg_base + offset);
}

static void set_reg(struct fake *f, unsigned int offset, u32 value)
{
	iowrite32(value, f->idxd.reg_base + offset);
}

/* Test that a command whose interrupt got lost is found to be done. */
static void test_lost_interrupt(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	f->wq.id = 3;
	KUNIT_EXPECT_EQ(test, idxd_wq_abort(&f->wq), 0);
	/* Command 9 for the queue of bit 3, with an interrupt */
	KUNIT_EXPECT_EQ(test, reg(f, IDXD_CMD_OFFSET), 0x80900008);
	KUNIT_EXPECT_NULL(test, f->idxd.cmd_done);
}

/* Test that an error of the device's is an error. */
static void test_refused_command(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	set_reg(f, IDXD_CMDSTS_OFFSET, REFUSED);
	KUNIT_EXPECT_EQ(test, idxd_wq_abort(&f->wq), -EIO);
	KUNIT_EXPECT_EQ(test, f->idxd.cmd_status, REFUSED);
}

/* Test that no command is sent to a device that stays busy with one. */
static void test_busy_device(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	set_reg(f, IDXD_CMDSTS_OFFSET, IDXD_CMDSTS_ACTIVE);
	KUNIT_EXPECT_EQ(test, idxd_wq_abort(&f->wq), -EIO);
	KUNIT_EXPECT_EQ(test, reg(f, IDXD_CMD_OFFSET), 0);
	KUNIT_EXPECT_FALSE(test, test_bit(IDXD_FLAG_CMD_RUNNING, &f->idxd.flags));
}

/* Test that a halted device is sent nothing. */
static void test_command_to_halted_device(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	set_reg(f, IDXD_GENSTATS_OFFSET, IDXD_DEVICE_STATE_HALT);
	KUNIT_EXPECT_EQ(test, idxd_wq_abort(&f->wq), -EIO);
	KUNIT_EXPECT_EQ(test, reg(f, IDXD_CMD_OFFSET), 0);
}

/* Test that an interrupt of a command that nobody waits for does no harm. */
static void test_late_interrupt(struct kunit *test)
{
	struct fake *f = alloc_fake(test);

	set_reg(f, IDXD_INTCAUSE_OFFSET, IDXD_INTC_CMD);
	KUNIT_EXPECT_EQ(test, idxd_misc_thread(0, &f->idxd.ie), IRQ_HANDLED);
}

static struct kunit_case idxd_cases[] = {
	KUNIT_CASE(test_dedicated_takes_all),
	KUNIT_CASE(test_slots_wrap),
	KUNIT_CASE(test_empty_batch),
	KUNIT_CASE(test_interrupts_complete),
	KUNIT_CASE(test_shared_refuses),
	KUNIT_CASE(test_shared_refuses_after_interrupt),
	KUNIT_CASE(test_single_refused),
	KUNIT_CASE(test_quiesced_queue),
	KUNIT_CASE(test_halted_device),
	KUNIT_CASE(test_paused_queue),
	KUNIT_CASE(test_handle_is_renewed),
	KUNIT_CASE(test_handle_is_not_renewed),
	KUNIT_CASE(test_handle_of_quiet_queue),
	KUNIT_CASE(test_terminate),
	KUNIT_CASE(test_terminate_in_vain),
	KUNIT_CASE(test_let_go_drains),
	KUNIT_CASE(test_let_go_aborts),
	KUNIT_CASE(test_let_go_cuts_off),
	KUNIT_CASE(test_admit),
	KUNIT_CASE_SLOW(test_slow_drain),
	KUNIT_CASE(test_lost_interrupt),
	KUNIT_CASE(test_refused_command),
	KUNIT_CASE_SLOW(test_busy_device),
	KUNIT_CASE(test_command_to_halted_device),
	KUNIT_CASE(test_late_interrupt),
	{}
};

static struct kunit_suite idxd_suite = {
	.name = "idxd",
	.test_cases = idxd_cases,
};
kunit_test_suite(idxd_suite);

MODULE_DESCRIPTION("KUnit tests of the idxd driver");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("IDXD");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
