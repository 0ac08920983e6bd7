/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: portals and work queues
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "qemu/log.h"
#include "trace.h"

/*
 * Dispatch
 */

static const IAAWork *iaa_wq_peek(const IAAWorkQueue *wq)
{
    return &wq->ring[wq->head];
}

/* Whether an engine still works on a descriptor older than @seq */
static bool iaa_wq_in_engines(const IAAState *s, const IAAWorkQueue *wq,
                              uint64_t seq)
{
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        const IAAEngine *e = &s->engine[i];

        if (e->busy && e->job.work.wq == wq && e->job.work.seq < seq) {
            return true;
        }
    }
    return false;
}

/*
 * DRAIN waits at the head of its queue for all before it, and those after it
 * wait behind: the order between them is nobody's business.
 */
static bool iaa_wq_ready(const IAAState *s, const IAAWorkQueue *wq)
{
    const IAAWork *work = iaa_wq_peek(wq);

    return wq->queued &&
           (iaa_desc_opcode(&work->desc) != IAA_OP_DRAIN ||
            !iaa_wq_in_engines(s, wq, work->seq));
}

/* The queue of the highest priority, in turn among equals */
static IAAWorkQueue *iaa_wq_pick(IAAState *s, IAAGroup *group)
{
    IAAWorkQueue *best = NULL;

    for (unsigned i = 1; i <= IAA_NUM_WQS; i++) {
        IAAWorkQueue *wq = &s->wq[(group->last_wq + i) % IAA_NUM_WQS];

        if (group->wqs & BIT(wq->index) && iaa_wq_ready(s, wq) &&
            (!best || wq->priority > best->priority)) {
            best = wq;
        }
    }
    return best;
}

static void iaa_wq_start_oldest(IAAWorkQueue *wq, IAAEngine *e)
{
    const IAAWork *work = iaa_wq_peek(wq);

    wq->head = (wq->head + 1) % IAA_TOTAL_WQ_SIZE;
    wq->queued--;
    iaa_engine_start(e, work);
}

/**
 * iaa_wq_held: whether engines have to wait for bus mastering
 * @s: device
 */
bool iaa_wq_held(const IAAState *s)
{
    return s->cut_off == IAA_CUT_OFF_HOLD && !iaa_pci_bus_master(s);
}

static void iaa_wq_dispatch(IAAState *s)
{
    if (iaa_wq_held(s)) {
        return;
    }
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        IAAEngine *e = &s->engine[i];
        IAAWorkQueue *wq;

        if (e->busy || e->group < 0) {
            continue;
        }
        wq = iaa_wq_pick(s, &s->group[e->group]);
        if (wq) {
            s->group[e->group].last_wq = wq->index;
            iaa_wq_start_oldest(wq, e);
        }
    }
}

static void iaa_wq_engine_idle(IAAState *s, IAAWorkQueue *wq)
{
    wq->outstanding--;
    iaa_wq_dispatch(s);
    s->wq_retired(s);
}

/*
 * Submission
 */

static IAADescriptor iaa_desc_from_le(const IAADescriptor *le)
{
    return (IAADescriptor) {
        .pasid = le32_to_cpu(le->pasid),
        .op_flags = le32_to_cpu(le->op_flags),
        .record_addr = le64_to_cpu(le->record_addr),
        .src1_addr = le64_to_cpu(le->src1_addr),
        .dst_addr = le64_to_cpu(le->dst_addr),
        .src1_size = le32_to_cpu(le->src1_size),
        .int_handle = le16_to_cpu(le->int_handle),
        .mode = le16_to_cpu(le->mode),
        .src2_addr = le64_to_cpu(le->src2_addr),
        .max_dst_size = le32_to_cpu(le->max_dst_size),
        .src2_size = le32_to_cpu(le->src2_size),
        .filter_flags = le32_to_cpu(le->filter_flags),
        .num_inputs = le32_to_cpu(le->num_inputs),
    };
}

/*
 * A posted write cannot be refused, so what a dedicated queue has no room for
 * is lost.  A shared queue takes none at all: it wants ENQCMD, which a CPU of
 * QEMU does not have.  Whether silicon logs that is not known.
 */
static void iaa_wq_drop(IAAState *s, IAAWorkQueue *wq,
                        const IAADescriptor *desc)
{
    trace_iaa_err_wq_drop(wq->index, wq->state, wq->outstanding);
    if (s->overflow_swerr) {
        iaa_regs_log_error(s, s->overflow_swerr, &(IAAErrorInfo) {
            .wq = wq,
            .desc = desc,
        });
    }
}

/* What is done to a descriptor before it is in the queue; true if it is lost */
static bool iaa_wq_intercept(IAAState *s, const IAAInjection *inject)
{
    switch (inject->action) {
    case IAA_INJECT_DROP:
        return true;
    case IAA_INJECT_HALT:
        iaa_cmd_halt(s, inject->reset_type);
        return true;
    case IAA_INJECT_GONE:
        iaa_pci_set_gone(s, true);
        return true;
    default:
        return false;
    }
}

static void iaa_wq_push(IAAWorkQueue *wq, const IAADescriptor *desc, bool ims,
                        const IAAInjection *inject)
{
    unsigned tail = (wq->head + wq->queued) % IAA_TOTAL_WQ_SIZE;

    wq->ring[tail] = (IAAWork) {
        .desc = *desc,
        .wq = wq,
        .seq = wq->next_seq++,
        .ims = ims,
        .inject = *inject,
    };
    wq->queued++;
    wq->outstanding++;
    trace_iaa_wq_submit(wq->index, iaa_desc_opcode(desc), wq->outstanding);
}

static void iaa_wq_submit(IAAState *s, IAAWorkQueue *wq,
                          const IAADescriptor *desc, bool ims)
{
    IAAInjection inject;

    if (wq->state != IAA_WQ_ENABLED || !wq->dedicated ||
        wq->outstanding >= wq->size) {
        iaa_wq_drop(s, wq, desc);
        return;
    }
    inject = iaa_inject_descriptor(s, wq, iaa_desc_opcode(desc));
    if (iaa_wq_intercept(s, &inject)) {
        return;
    }
    iaa_wq_push(wq, desc, ims, &inject);
    iaa_wq_dispatch(s);
}

/*
 * Portals
 */

static uint64_t iaa_portal_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

/*
 * MOVDIR64B writes 64 aligned bytes at once.  The memory API hands them over
 * as eight writes that nothing comes between, because the vCPU keeps the big
 * QEMU lock for as long.  Anything else is not a submission.
 */
static bool iaa_portal_collect(IAAPortal *portal, hwaddr addr, uint64_t value,
                               unsigned size)
{
    unsigned i = addr / 8 % ARRAY_SIZE(portal->piece);

    if (size != 8 || (i != 0 && addr != portal->next)) {
        qemu_log_mask(LOG_GUEST_ERROR, "iaa: write of %u bytes to portal 0x%"
                      HWADDR_PRIx " is not part of a descriptor\n", size, addr);
        portal->next = 0;
        return false;
    }
    portal->piece[i] = cpu_to_le64(value);
    portal->next = addr + 8;
    return i == ARRAY_SIZE(portal->piece) - 1;
}

static void iaa_portal_write(void *opaque, hwaddr addr, uint64_t value,
                             unsigned size)
{
    IAAState *s = opaque;
    IAADescriptor le, desc;

    if (!iaa_portal_collect(&s->portal, addr, value, size)) {
        return;
    }
    s->portal.next = 0;
    memcpy(&le, s->portal.piece, sizeof(le));
    desc = iaa_desc_from_le(&le);
    iaa_guard_enter(s);
    iaa_wq_submit(s, &s->wq[addr / IAA_PORTAL_STRIDE], &desc,
                  addr & IAA_PORTAL_IMS);
    iaa_guard_leave(s);
}

const MemoryRegionOps iaa_portal_ops = {
    .read = iaa_portal_read,
    .write = iaa_portal_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/*
 * Configuration
 */

static uint8_t iaa_wq_check_sizes(const IAAState *s)
{
    unsigned total = 0;

    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        total += iaa_wqcfg(s, A_IAA_WQCFG_SIZE, i);
    }
    return total > IAA_TOTAL_WQ_SIZE ? IAA_CMDSTS_WQ_SIZES
                                     : IAA_CMDSTS_SUCCESS;
}

/* Bits of engines that the device does not have mean nothing */
static uint8_t iaa_wq_group_engines(const IAAState *s, unsigned index)
{
    return iaa_grpcfg(s, A_IAA_GRPCFG_ENGINES, index) &
           MAKE_64BIT_MASK(0, s->num_engines);
}

/**
 * iaa_wq_check_groups: whether the device can be enabled as configured
 * @s: device
 *
 * Which of the codes of a bad group means what is not documented; the order
 * here is a guess.
 *
 * Returns: IAACommandStatus
 */
uint8_t iaa_wq_check_groups(const IAAState *s)
{
    uint32_t all_wqs = 0, all_engines = 0;

    for (unsigned i = 0; i < IAA_NUM_GROUPS; i++) {
        uint32_t wqs = iaa_grpcfg(s, A_IAA_GRPCFG_WQS, i);
        uint32_t engines = iaa_wq_group_engines(s, i);

        if (wqs & all_wqs) {
            return IAA_CMDSTS_GROUP_WQ_SHARED;
        }
        if (engines & all_engines) {
            return IAA_CMDSTS_GROUP_ENGINE_SHARED;
        }
        if (wqs && !engines) {
            return IAA_CMDSTS_GROUP_NO_ENGINES;
        }
        if (engines && !wqs) {
            return IAA_CMDSTS_GROUP_NO_WQS;
        }
        all_wqs |= wqs;
        all_engines |= engines;
    }
    return iaa_wq_check_sizes(s);
}

static void iaa_wq_leave_groups(IAAState *s)
{
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        s->wq[i].group = -1;
    }
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        s->engine[i].group = -1;
    }
    memset(s->group, 0, sizeof(s->group));
}

static void iaa_wq_load_group(IAAState *s, unsigned index)
{
    IAAGroup *group = &s->group[index];

    group->wqs = iaa_grpcfg(s, A_IAA_GRPCFG_WQS, index);
    group->engines = iaa_wq_group_engines(s, index);

    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        if (group->wqs & BIT(i)) {
            s->wq[i].group = index;
        }
    }
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        if (group->engines & BIT(i)) {
            s->engine[i].group = index;
        }
    }
}

/**
 * iaa_wq_load_groups: put queues and engines together as GRPCFG says
 * @s: device, about to be enabled
 */
void iaa_wq_load_groups(IAAState *s)
{
    iaa_wq_leave_groups(s);
    for (unsigned i = 0; i < IAA_NUM_GROUPS; i++) {
        iaa_wq_load_group(s, i);
    }
}

/*
 * A shared queue can be set up and enabled, like on silicon, but nobody can
 * submit to it, hence its PASID does not matter.  The codes are guesses.
 */
static uint8_t iaa_wq_check_mode(const IAAState *s, unsigned index)
{
    uint32_t mode = iaa_wqcfg(s, A_IAA_WQCFG_MODE, index);

    if (FIELD_EX32(mode, IAA_WQCFG_MODE, DEDICATED)) {
        return FIELD_EX32(mode, IAA_WQCFG_MODE, PASID_EN) ?
               IAA_CMDSTS_WQ_PASID : IAA_CMDSTS_SUCCESS;
    }
    return iaa_wqcfg(s, A_IAA_WQCFG_THRESHOLD, index) >
           iaa_wqcfg(s, A_IAA_WQCFG_SIZE, index) ?
           IAA_CMDSTS_WQ_SIZE : IAA_CMDSTS_SUCCESS;
}

/**
 * iaa_wq_check: whether a queue can be enabled as configured
 * @s: device
 * @index: queue
 *
 * Returns: IAACommandStatus
 */
uint8_t iaa_wq_check(const IAAState *s, unsigned index)
{
    const IAAWorkQueue *wq = &s->wq[index];
    uint32_t limits = iaa_wqcfg(s, A_IAA_WQCFG_LIMITS, index);
    uint8_t status;

    if (wq->state != IAA_WQ_DISABLED) {
        return IAA_CMDSTS_WQ_ENABLED;
    }
    /* No code is known for a queue in no group, which cannot ever be served */
    if (!iaa_wqcfg(s, A_IAA_WQCFG_SIZE, index) || wq->group < 0) {
        return IAA_CMDSTS_WQ_SIZE;
    }
    status = iaa_wq_check_mode(s, index);
    if (status != IAA_CMDSTS_SUCCESS) {
        return status;
    }
    if (FIELD_EX32(limits, IAA_WQCFG_LIMITS, MAX_BATCH_SHIFT)) {
        return IAA_CMDSTS_WQ_MAX_BATCH;
    }
    if (FIELD_EX32(limits, IAA_WQCFG_LIMITS, MAX_TRANSFER_SHIFT) >
        IAA_MAX_TRANSFER_SHIFT) {
        return IAA_CMDSTS_WQ_MAX_TRANSFER;
    }
    return IAA_CMDSTS_SUCCESS;
}

static void iaa_wq_enable_one(IAAState *s, IAAWorkQueue *wq)
{
    uint32_t mode = iaa_wqcfg(s, A_IAA_WQCFG_MODE, wq->index);
    uint32_t limits = iaa_wqcfg(s, A_IAA_WQCFG_LIMITS, wq->index);

    wq->size = iaa_wqcfg(s, A_IAA_WQCFG_SIZE, wq->index);
    wq->priority = FIELD_EX32(mode, IAA_WQCFG_MODE, PRIORITY);
    wq->dedicated = FIELD_EX32(mode, IAA_WQCFG_MODE, DEDICATED);
    wq->block_on_fault = FIELD_EX32(mode, IAA_WQCFG_MODE, BOF_EN);
    wq->max_transfer = 1ull << FIELD_EX32(limits, IAA_WQCFG_LIMITS,
                                          MAX_TRANSFER_SHIFT);
    wq->state = IAA_WQ_ENABLED;
}

static void iaa_wq_stop_one(IAAState *s, IAAWorkQueue *wq)
{
    if (wq->state == IAA_WQ_ENABLED) {
        wq->state = IAA_WQ_DRAINING;
    }
}

static void iaa_wq_abort_one(IAAState *s, IAAWorkQueue *wq)
{
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        IAAEngine *e = &s->engine[i];

        if (e->busy && e->job.work.wq == wq) {
            iaa_engine_abort(e);
        }
    }
    wq->queued = 0;
    wq->outstanding = 0;
}

static void iaa_wq_cancel_one(IAAState *s, IAAWorkQueue *wq)
{
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        IAAEngine *e = &s->engine[i];

        if (e->busy && e->job.work.wq == wq) {
            iaa_engine_cancel(s, &e->job.work);
        }
    }
    for (unsigned i = 0; i < wq->queued; i++) {
        iaa_engine_cancel(s, &wq->ring[(wq->head + i) % IAA_TOTAL_WQ_SIZE]);
    }
}

static void iaa_wq_disable_one(IAAState *s, IAAWorkQueue *wq)
{
    iaa_wq_abort_one(s, wq);
    wq->state = IAA_WQ_DISABLED;
}

static void iaa_wq_drain_one(IAAState *s, IAAWorkQueue *wq)
{
    wq->drain_seq = wq->next_seq;
}

static void iaa_wq_for_each(IAAState *s, IAAQueueSet wqs,
                            void (*one)(IAAState *s, IAAWorkQueue *wq))
{
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        if (wqs & BIT(i)) {
            one(s, &s->wq[i]);
        }
    }
}

/**
 * iaa_wq_enable: let queues that iaa_wq_check() has passed take descriptors
 * @s: device
 * @wqs: queues
 */
void iaa_wq_enable(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_for_each(s, wqs, iaa_wq_enable_one);
}

/**
 * iaa_wq_stop: take no more descriptors
 * @s: device
 * @wqs: queues
 */
void iaa_wq_stop(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_for_each(s, wqs, iaa_wq_stop_one);
}

/**
 * iaa_wq_abort: abandon all descriptors, as if they had never come
 * @s: device
 * @wqs: queues
 *
 * Nothing is written for them any more, and their records stay as they are.
 */
void iaa_wq_abort(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_for_each(s, wqs, iaa_wq_abort_one);
    iaa_wq_dispatch(s);
}

/**
 * iaa_wq_cancel: tell software of descriptors that are about to be abandoned
 * @s: device
 * @wqs: queues
 *
 * Does nothing unless this is a device that does.
 */
void iaa_wq_cancel(IAAState *s, IAAQueueSet wqs)
{
    if (s->abort_status) {
        iaa_wq_for_each(s, wqs, iaa_wq_cancel_one);
    }
}

/**
 * iaa_wq_disable: take no more descriptors and abandon those there are
 * @s: device
 * @wqs: queues
 */
void iaa_wq_disable(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_for_each(s, wqs, iaa_wq_disable_one);
    iaa_wq_dispatch(s);
}

/**
 * iaa_wq_drain: have iaa_wq_drained() wait for the descriptors of this moment
 * @s: device
 * @wqs: queues
 */
void iaa_wq_drain(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_for_each(s, wqs, iaa_wq_drain_one);
}

static bool iaa_wq_drained_one(const IAAState *s, const IAAWorkQueue *wq)
{
    return (!wq->queued || iaa_wq_peek(wq)->seq >= wq->drain_seq) &&
           !iaa_wq_in_engines(s, wq, wq->drain_seq);
}

/**
 * iaa_wq_drained: whether all descriptors have been retired that the queues
 *                 had when iaa_wq_drain() was called
 * @s: device
 * @wqs: queues
 */
bool iaa_wq_drained(const IAAState *s, IAAQueueSet wqs)
{
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        if (wqs & BIT(i) && !iaa_wq_drained_one(s, &s->wq[i])) {
            return false;
        }
    }
    return true;
}

/**
 * iaa_wq_release: go on after iaa_wq_held()
 * @s: device
 */
void iaa_wq_release(IAAState *s)
{
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        iaa_engine_release(&s->engine[i]);
    }
    iaa_wq_dispatch(s);
}

/**
 * iaa_wq_forget_late: have nothing written by descriptors abandoned before
 * @s: device
 */
void iaa_wq_forget_late(IAAState *s)
{
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        iaa_engine_forget_late(&s->engine[i]);
    }
}

/**
 * iaa_wq_reset: disable all queues, abandon all descriptors, forget the groups
 * @s: device
 */
void iaa_wq_reset(IAAState *s)
{
    iaa_wq_for_each(s, IAA_ALL_QUEUES, iaa_wq_disable_one);
    iaa_wq_leave_groups(s);
    s->portal.next = 0;
    memset(s->device_free_ns, 0, sizeof(s->device_free_ns));
}

/**
 * iaa_wq_init: set up queues, engines and the memory region of BAR 2
 * @s: device
 */
void iaa_wq_init(IAAState *s)
{
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        s->wq[i].index = i;
        s->wq[i].ring = g_new0(IAAWork, IAA_TOTAL_WQ_SIZE);
    }
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        iaa_engine_init(s, i, iaa_wq_engine_idle);
    }
    iaa_wq_leave_groups(s);
    memory_region_init_io(&s->portals_mr, OBJECT(s), &iaa_portal_ops, s,
                          "iaa-portals", IAA_BAR_PORTALS_SIZE);
}

/**
 * iaa_wq_exit: the reverse of iaa_wq_init()
 * @s: device
 */
void iaa_wq_exit(IAAState *s)
{
    for (unsigned i = 0; i < IAA_NUM_ENGINES; i++) {
        iaa_engine_exit(&s->engine[i]);
    }
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        g_free(s->wq[i].ring);
    }
}
