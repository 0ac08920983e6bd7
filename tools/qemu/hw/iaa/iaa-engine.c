/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: engines
 *
 * An engine does the work of a descriptor piece by piece.  It computes a piece
 * at once and delivers it when the modelled time has passed: the timer is set
 * to the moment when the hardware would have come as far.  That way a step
 * never takes the host long, whatever the descriptor asks for, and the guest
 * sees results in an order and at times that do not depend on the host.
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "trace.h"

/* IAACompletion.fault_info: which operand; the numbers are a guess */
typedef enum IAAOperand {
    IAA_OPERAND_SRC1    = 0,
    IAA_OPERAND_DST     = 1,
    IAA_OPERAND_SRC2    = 2,
} IAAOperand;

static bool iaa_engine_finished(const IAAEngine *e)
{
    return e->job.record.status != IAA_STATUS_NONE;
}

/*
 * Whether the descriptor is no longer there.  An access that fails may have an
 * IOMMU interrupt the guest, which may have aimed that at the configuration
 * space of the device: the function is then reset, or gone, when it returns.
 */
static bool iaa_engine_lost(const IAAEngine *e)
{
    return !e->busy;
}

static bool iaa_engine_has_flag(const IAAEngine *e, uint32_t flag)
{
    return e->job.work.desc.op_flags & flag;
}

static void iaa_engine_fault(IAAEngine *e, const IAAFault *fault,
                             IAAOperand operand)
{
    IAACompletion *record = &e->job.record;

    record->status = fault->status;
    record->error = 0;
    record->fault_info = FIELD_DP8(0, IAA_FAULT_INFO, OPERAND, operand);
    record->fault_addr = fault->addr;
    record->bytes_completed = e->job.fetched - e->io.in_len;
}

/*
 * Faults that a test has asked for
 */

static bool iaa_engine_injects(const IAAEngine *e, IAAInjectAction action)
{
    return e->job.work.inject.action == action;
}

/* Both statuses of a page fault, and that of an address nothing answers */
static bool iaa_status_has_address(uint8_t status)
{
    switch (status) {
    case IAA_STATUS_READ_FAULT:
    case IAA_STATUS_WRITE_FAULT:
    case IAA_STATUS_READ_INVALID:
    case IAA_STATUS_WRITE_INVALID:
    case IAA_STATUS_UNSUPPORTED_REQ:
        return true;
    default:
        return false;
    }
}

/*
 * Ends the job with the status asked for.  Nobody reads a record that is not
 * aligned, whatever its status.
 */
static bool iaa_engine_inject_status(IAAEngine *e)
{
    const IAAWork *work = &e->job.work;
    IAACompletion *record = &e->job.record;
    bool write = work->inject.status & 0x80;

    if (!iaa_engine_injects(e, IAA_INJECT_STATUS) ||
        record->status == IAA_STATUS_RECORD_ALIGN) {
        return false;
    }
    if (iaa_status_has_address(work->inject.status)) {
        iaa_engine_fault(e, &(IAAFault) {
            .status = work->inject.status,
            .addr = write ? work->desc.dst_addr : work->desc.src1_addr,
        }, write ? IAA_OPERAND_DST : IAA_OPERAND_SRC1);
    }
    /* A record without a status is one that is not written */
    record->status = work->inject.status ?: IAA_STATUS_SUCCESS;
    record->error = work->inject.error;
    return true;
}

/* @len bytes of output are about to be delivered */
static void iaa_engine_inject_output(IAAEngine *e, uint32_t len)
{
    const IAAInjection *inject = &e->job.work.inject;
    uint64_t delivered = e->job.delivered;

    if (iaa_engine_injects(e, IAA_INJECT_OUTPUT) &&
        inject->offset >= delivered && inject->offset - delivered < len) {
        e->out[inject->offset - delivered] ^= inject->mask;
    }
}

/*
 * Time
 */

static int64_t iaa_engine_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/*
 * The bytes of a descriptor are at most some 2^32 (a transfer, inflated), so
 * that nothing overflows here.
 */
static uint64_t iaa_duration(uint64_t bytes, uint64_t rate)
{
    return rate ? bytes * NANOSECONDS_PER_SECOND / rate : 0;
}

static void iaa_engine_arm(IAAEngine *e)
{
    const IAAJob *job = &e->job;
    int64_t when = job->start_ns + job->timing.base_ns +
                   iaa_duration(job->done, job->timing.rate);

    if (iaa_engine_lost(e)) {
        return;
    }
    /* Always later than now, or the main loop would run nothing but us */
    when = MAX(when, iaa_engine_now() + 1);
    timer_mod_ns(e->timer, MAX(when, job->device_ns));
}

/*
 * All engines together are no faster than the device moves data.  What moves
 * none is not held up.
 */
static void iaa_engine_charge_device(IAAEngine *e, uint64_t bytes)
{
    int64_t *free_ns = &e->iaa->device_free_ns[e->job.op->timing];

    if (bytes) {
        *free_ns = MAX(*free_ns, iaa_engine_now()) +
                   iaa_duration(bytes, e->job.timing.device_rate);
        e->job.device_ns = *free_ns;
    }
}

/*
 * Validation
 */

static uint32_t iaa_engine_invalid_flags(const IAAEngine *e)
{
    const IAAJob *job = &e->job;
    uint32_t allowed = job->op->flags;

    if (!job->work.wq->block_on_fault) {
        allowed &= ~IAA_FLAG_BOF;
    }
    return iaa_desc_flags(&job->work.desc) & ~allowed;
}

static bool iaa_engine_handle_valid(const IAAWork *work)
{
    /* Vector 0 belongs to the device, and there is no interrupt storage */
    return !work->ims && work->desc.int_handle > 0 &&
           work->desc.int_handle < IAA_NUM_VECTORS;
}

static uint8_t iaa_engine_check(IAAEngine *e)
{
    IAAJob *job = &e->job;
    const IAADescriptor *desc = &job->work.desc;

    if (iaa_engine_has_flag(e, IAA_FLAG_CRAV) &&
        desc->record_addr % IAA_RECORD_ALIGN) {
        return IAA_STATUS_RECORD_ALIGN;
    }
    if (!job->op) {
        return IAA_STATUS_OPCODE;
    }
    job->record.invalid_flags = iaa_engine_invalid_flags(e);
    if (job->record.invalid_flags) {
        return IAA_STATUS_FLAGS;
    }
    if (FIELD_EX32(desc->pasid, IAA_DESC_PASID, RESERVED)) {
        return IAA_STATUS_RESERVED;
    }
    if (!iaa_engine_has_flag(e, IAA_FLAG_RCI)) {
        if (desc->int_handle) {
            return IAA_STATUS_RESERVED;
        }
    } else if (!iaa_engine_handle_valid(&job->work)) {
        return IAA_STATUS_INT_HANDLE;
    }
    return job->op->check(e->iaa, job);
}

/*
 * Data
 */

/* Software keeps two AECS side by side and has them change places */
static uint64_t iaa_engine_aecs_addr(const IAAEngine *e, bool second)
{
    const IAADescriptor *desc = &e->job.work.desc;

    return desc->src2_addr + (second ? desc->src2_size : 0);
}

static bool iaa_engine_load_aecs(IAAEngine *e)
{
    uint64_t addr = iaa_engine_aecs_addr(
        e, iaa_engine_has_flag(e, IAA_FLAG_AECS_TOGGLE));
    IAAFault fault;

    if (!iaa_engine_has_flag(e, IAA_FLAG_RD_SRC2)) {
        return true;
    }
    if (!iaa_dma_read(e->iaa, addr, &e->decompress_aecs,
                      e->job.work.desc.src2_size, &fault)) {
        iaa_engine_fault(e, &fault, IAA_OPERAND_SRC2);
        return false;
    }
    return true;
}

/* After an error there is nothing to continue from */
static bool iaa_engine_saves_aecs(const IAAEngine *e)
{
    uint8_t status = e->job.record.status;

    if (iaa_engine_lost(e) || iaa_engine_injects(e, IAA_INJECT_STATUS)) {
        return false;
    }
    switch (e->job.work.desc.op_flags & IAA_FLAG_WR_SRC2) {
    case IAA_FLAG_WR_SRC2_DONE:
        return status == IAA_STATUS_SUCCESS ||
               status == IAA_STATUS_OUTPUT_FULL;
    case IAA_FLAG_WR_SRC2_FULL:
        return status == IAA_STATUS_OUTPUT_FULL;
    default:
        return false;
    }
}

static void iaa_engine_save_aecs(IAAEngine *e)
{
    uint64_t addr = iaa_engine_aecs_addr(
        e, !iaa_engine_has_flag(e, IAA_FLAG_AECS_TOGGLE));
    IAAFault fault;

    if (!iaa_engine_saves_aecs(e)) {
        return;
    }
    e->job.op->save(e);
    if (!iaa_dma_write(e->iaa, addr, &e->decompress_aecs,
                       e->job.work.desc.src2_size, &fault)) {
        iaa_engine_fault(e, &fault, IAA_OPERAND_SRC2);
    }
}

static bool iaa_engine_fetch(IAAEngine *e)
{
    IAAJob *job = &e->job;
    const IAADescriptor *desc = &job->work.desc;
    uint32_t len = MIN(desc->src1_size - job->fetched, IAA_PIECE_SIZE);
    IAAFault fault;

    if (e->io.in_len) {
        return true;
    }
    if (!iaa_dma_read(e->iaa, desc->src1_addr + job->fetched, e->in, len,
                      &fault)) {
        iaa_engine_fault(e, &fault, IAA_OPERAND_SRC1);
        return false;
    }
    job->fetched += len;
    e->io.in = e->in;
    e->io.in_len = len;
    e->io.in_last = job->fetched == desc->src1_size;
    return true;
}

/* Output that nobody wants is there for its checksum only */
static bool iaa_engine_deliver(IAAEngine *e)
{
    IAAJob *job = &e->job;
    uint32_t len = IAA_PIECE_SIZE - e->io.out_len;
    IAAFault fault;

    e->io.out = e->out;
    e->io.out_len = IAA_PIECE_SIZE;
    if (!job->writes) {
        return true;
    }
    iaa_engine_inject_output(e, len);
    if (!iaa_dma_write(e->iaa, job->work.desc.dst_addr + job->delivered,
                       e->out, len, &fault)) {
        iaa_engine_fault(e, &fault, IAA_OPERAND_DST);
        return false;
    }
    job->delivered += len;
    return true;
}

/*
 * Completion
 */

static void iaa_engine_log(IAAEngine *e, uint8_t status, uint64_t addr)
{
    iaa_regs_log_error(e->iaa, status, &(IAAErrorInfo) {
        .wq = e->job.work.wq,
        .desc = &e->job.work.desc,
        .invalid_flags = e->job.record.invalid_flags,
        .write = status == IAA_STATUS_RECORD_FAULT ||
                 status == IAA_STATUS_WRITE_FAULT,
        .addr = addr,
    });
}

/* Without a record to put it in, an error goes to the log of the device */
static void iaa_engine_report(IAAEngine *e)
{
    const IAADescriptor *desc = &e->job.work.desc;
    const IAACompletion *record = &e->job.record;
    bool success = record->status == IAA_STATUS_SUCCESS;
    IAAFault fault;

    if (record->status == IAA_STATUS_RECORD_ALIGN ||
        record->status == IAA_STATUS_RECORD_FAULT) {
        iaa_engine_log(e, record->status, desc->record_addr);
        return;
    }
    if (!iaa_engine_has_flag(e, IAA_FLAG_CRAV)) {
        if (!success) {
            iaa_engine_log(e, record->status, record->fault_addr);
        }
        return;
    }
    if (success && !iaa_engine_has_flag(e, IAA_FLAG_RCR)) {
        return;
    }
    if (!iaa_dma_write_record(e->iaa, desc->record_addr, record, &fault) &&
        !iaa_engine_lost(e)) {
        iaa_engine_log(e, IAA_STATUS_RECORD_FAULT, fault.addr);
    }
}

static void iaa_engine_interrupt(IAAState *s, const IAAWork *work)
{
    if (work->desc.op_flags & IAA_FLAG_RCI && iaa_engine_handle_valid(work) &&
        work->inject.action != IAA_INJECT_NO_INTERRUPT) {
        iaa_guard_interrupt(s, work->desc.int_handle);
    }
}

static void iaa_engine_complete(IAAEngine *e)
{
    IAACompletion *record = &e->job.record;

    iaa_engine_save_aecs(e);
    if (iaa_engine_lost(e)) {
        return;
    }
    if (iaa_engine_injects(e, IAA_INJECT_CRC)) {
        record->crc ^= e->job.work.inject.mask;
    }
    trace_iaa_engine_complete(e->index, record->status, record->error,
                              record->bytes_completed, record->output_size);
    iaa_engine_report(e);
    if (iaa_engine_lost(e)) {
        return;
    }
    iaa_engine_interrupt(e->iaa, &e->job.work);

    e->busy = false;
    e->idle(e->iaa, e->job.work.wq);
}

static void iaa_engine_step(IAAEngine *e)
{
    uint64_t done = e->job.done;

    if (iaa_engine_fetch(e)) {
        e->job.op->step(e);
        iaa_engine_charge_device(e, e->job.done - done);
    }
}

static void iaa_engine_tick(void *opaque)
{
    IAAEngine *e = opaque;
    IAAState *s = e->iaa;

    if (iaa_wq_held(s)) {
        e->held = true;
        return;
    }
    iaa_guard_enter(s);
    if (iaa_engine_deliver(e) && !iaa_engine_finished(e)) {
        iaa_engine_step(e);
        iaa_engine_arm(e);
    } else {
        iaa_engine_complete(e);
    }
    iaa_guard_leave(s);
}

/* Takes the descriptor as far as it goes before time has to pass */
static void iaa_engine_begin(IAAEngine *e)
{
    IAAJob *job = &e->job;

    job->record.status = iaa_engine_check(e);
    if (iaa_engine_inject_status(e)) {
        return;
    }
    if (!iaa_engine_finished(e) && iaa_engine_load_aecs(e) &&
        job->op->start(e)) {
        iaa_engine_step(e);
    }
}

/**
 * iaa_engine_start: work on a descriptor
 * @e: idle engine
 * @work: copied
 */
void iaa_engine_start(IAAEngine *e, const IAAWork *work)
{
    IAAJob *job = &e->job;
    const IAAOperation *op = iaa_ops_find(iaa_desc_opcode(&work->desc));

    *job = (IAAJob) {
        .work = *work,
        .op = op,
        .timing = e->iaa->timing[op ? op->timing : IAA_TIMING_COMPRESS],
        .start_ns = iaa_engine_now(),
    };
    e->io = (IAAStream) { .out = e->out, .out_len = IAA_PIECE_SIZE };
    e->busy = true;
    e->held = false;
    trace_iaa_engine_start(e->index, work->wq->index, op ? op->name : "unknown",
                           work->desc.src1_size, work->desc.max_dst_size);

    /* Nothing but iaa_engine_abort() makes it idle again */
    if (iaa_engine_injects(e, IAA_INJECT_STICK)) {
        return;
    }
    job->timing.base_ns += work->inject.delay_ns;
    iaa_engine_begin(e);
    iaa_engine_arm(e);
}

/*
 * Abandoned descriptors
 */

static void iaa_engine_late(void *opaque)
{
    IAAEngine *e = opaque;
    IAAState *s = e->iaa;
    IAAFault fault;

    iaa_guard_enter(s);
    trace_iaa_engine_late(e->index, e->late.addr, e->late.len);
    iaa_dma_write(s, e->late.addr, e->late.buf, e->late.len, &fault);
    iaa_guard_leave(s);
}

/* What has come out so far is on its way, and nobody can call it back */
static void iaa_engine_send_late(IAAEngine *e)
{
    const IAAJob *job = &e->job;
    uint32_t len = IAA_PIECE_SIZE - e->io.out_len;

    if (!e->iaa->abort_late_ns || !job->writes || !len) {
        return;
    }
    e->late.addr = job->work.desc.dst_addr + job->delivered;
    e->late.len = len;
    memcpy(e->late.buf, e->out, len);
    timer_mod_ns(e->late.timer, iaa_engine_now() + e->iaa->abort_late_ns);
}

/**
 * iaa_engine_forget_late: never write what iaa_engine_abort() has left
 * @e: engine
 */
void iaa_engine_forget_late(IAAEngine *e)
{
    timer_del(e->late.timer);
}

/**
 * iaa_engine_abort: abandon the descriptor, writing nothing more for it now
 * @e: engine
 */
void iaa_engine_abort(IAAEngine *e)
{
    trace_iaa_engine_abort(e->index);
    iaa_engine_send_late(e);
    timer_del(e->timer);
    e->busy = false;
}

/**
 * iaa_engine_cancel: say in its record that a descriptor is to be abandoned
 * @s: device with IAAState.abort_status
 * @work: the descriptor, in an engine or not
 *
 * One that cannot be told is not told.
 */
void iaa_engine_cancel(IAAState *s, const IAAWork *work)
{
    const IAACompletion record = { .status = s->abort_status };
    const IAADescriptor *desc = &work->desc;
    IAAFault fault;

    if (desc->op_flags & IAA_FLAG_CRAV &&
        desc->record_addr % IAA_RECORD_ALIGN == 0) {
        iaa_dma_write_record(s, desc->record_addr, &record, &fault);
    }
    iaa_engine_interrupt(s, work);
}

/**
 * iaa_engine_release: go on with what has been held back
 * @e: engine, of a device that may access memory again
 */
void iaa_engine_release(IAAEngine *e)
{
    if (e->busy && e->held) {
        e->held = false;
        timer_mod_ns(e->timer, iaa_engine_now() + 1);
    }
}

/**
 * iaa_engine_init: set up an engine
 * @s: device
 * @index: engine
 * @idle: called when a descriptor of @wq is retired and the engine can take
 *        another one
 */
void iaa_engine_init(IAAState *s, unsigned index,
                     void (*idle)(IAAState *s, IAAWorkQueue *wq))
{
    IAAEngine *e = &s->engine[index];

    e->iaa = s;
    e->index = index;
    e->idle = idle;
    e->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, iaa_engine_tick, e);
    e->late.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, iaa_engine_late, e);
    e->late.buf = g_malloc(IAA_PIECE_SIZE);
    e->in = g_malloc(IAA_PIECE_SIZE);
    e->out = g_malloc(IAA_PIECE_SIZE);
    e->deflate = iaa_deflate_new();
    e->inflate = iaa_inflate_new();
}

/**
 * iaa_engine_exit: the reverse of iaa_engine_init()
 * @e: engine, idle or not
 */
void iaa_engine_exit(IAAEngine *e)
{
    timer_free(e->timer);
    iaa_inflate_free(e->inflate);
    iaa_deflate_free(e->deflate);
    g_free(e->out);
    g_free(e->in);
    g_free(e->late.buf);
    timer_free(e->late.timer);
}
