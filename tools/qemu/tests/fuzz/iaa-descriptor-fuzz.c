/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: descriptors on their way through the Intel IAA
 *
 * Queues, engines, operations and the coder, without the rest of QEMU: guest
 * memory, time and interrupts are those of this file.  A guest may have the
 * latter reset the function, while it is at work.
 *
 * Input: see iaa-descriptor-fuzz.h.  Every descriptor that is accepted
 * must be retired, and nothing may be written but to the destination, the
 * record and the AECS of one of them.
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "hw/pci/msix.h"
#include "iaa-descriptor-fuzz.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "trace/control.h"

#define MEMORY_SIZE     (64 * KiB)
#define MEMORY_BASE     (1 * MiB)
#define MAX_TIMERS      (2 * IAA_NUM_ENGINES)

static uint8_t memory[MEMORY_SIZE];
static IAADescriptor submitted[MAX_DESCRIPTORS];
static unsigned num_submitted;
static uint8_t first_byte;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Time: jumps to the next timer
 */

static QEMUTimer *timers[MAX_TIMERS];
static unsigned num_timers;
static int64_t now;

void timer_init_full(QEMUTimer *ts, QEMUTimerListGroup *group,
                     QEMUClockType type, int scale, int attributes,
                     QEMUTimerCB *cb, void *opaque)
{
    g_assert_cmpuint(num_timers, <, MAX_TIMERS);
    *ts = (QEMUTimer) { .expire_time = -1, .cb = cb, .opaque = opaque };
    timers[num_timers++] = ts;
}

void timer_mod_ns(QEMUTimer *ts, int64_t expire_time)
{
    g_assert_cmpint(expire_time, >, now);
    ts->expire_time = expire_time;
}

void timer_del(QEMUTimer *ts)
{
    ts->expire_time = -1;
}

int64_t qemu_clock_get_ns(QEMUClockType type)
{
    return now;
}

static QEMUTimer *next_timer(void)
{
    QEMUTimer *next = NULL;

    for (unsigned i = 0; i < num_timers; i++) {
        if (timers[i]->expire_time >= 0 &&
            (!next || timers[i]->expire_time < next->expire_time)) {
            next = timers[i];
        }
    }
    return next;
}

static void run_timers(void)
{
    QEMUTimer *next;

    while ((next = next_timer())) {
        now = next->expire_time;
        next->expire_time = -1;
        next->cb(next->opaque);
    }
}

/*
 * Guest memory
 */

static bool within(uint64_t addr, uint64_t len, uint64_t start, uint64_t size)
{
    return addr >= start && len <= size && addr - start <= size - len;
}

/* Where MMIO would be dropped, this is all that can come in */
static void reset_function(IAAState *s)
{
    g_assert_true(DEVICE(s)->mem_reentrancy_guard.engaged_in_io);
    iaa_wq_reset(s);
    iaa_guard_reset(s);
}

static uint8_t *lookup(IAAState *s, uint64_t addr, uint32_t len, bool write,
                       IAAFault *fault)
{
    if (!within(addr, len, MEMORY_BASE, MEMORY_SIZE)) {
        if (first_byte & FUZZ_FAULT_RESETS) {
            reset_function(s);
        }
        fault->status = write ? IAA_STATUS_WRITE_FAULT
                              : IAA_STATUS_READ_FAULT;
        fault->addr = addr;
        return NULL;
    }
    return memory + (addr - MEMORY_BASE);
}

static bool may_write(uint64_t addr, uint32_t len)
{
    for (unsigned i = 0; i < num_submitted; i++) {
        const IAADescriptor *desc = &submitted[i];

        if (within(addr, len, desc->dst_addr, desc->max_dst_size) ||
            within(addr, len, desc->record_addr, sizeof(IAACompletion)) ||
            within(addr, len, desc->src2_addr,
                   2 * (uint64_t)desc->src2_size)) {
            return true;
        }
    }
    return false;
}

bool iaa_dma_read(IAAState *s, uint64_t addr, void *buf, uint32_t len,
                  IAAFault *fault)
{
    const uint8_t *from = lookup(s, addr, len, false, fault);

    if (from) {
        memcpy(buf, from, len);
    }
    return from;
}

bool iaa_dma_write(IAAState *s, uint64_t addr, const void *buf, uint32_t len,
                   IAAFault *fault)
{
    uint8_t *to = lookup(s, addr, len, true, fault);

    g_assert_true(!len || may_write(addr, len));
    if (to) {
        memcpy(to, buf, len);
    }
    return to;
}

bool iaa_dma_write_record(IAAState *s, uint64_t addr,
                          const IAACompletion *record, IAAFault *fault)
{
    g_assert_cmpuint(record->status, !=, IAA_STATUS_NONE);
    g_assert_cmpuint(addr % IAA_RECORD_ALIGN, ==, 0);
    return iaa_dma_write(s, addr, record, sizeof(*record), fault);
}

/*
 * The rest of the device, as far as it can be reached from here
 */

void iaa_regs_log_error(IAAState *s, uint8_t code, const IAAErrorInfo *info)
{
    g_assert_cmpuint(code, !=, IAA_STATUS_SUCCESS);
}

void msix_notify(PCIDevice *dev, unsigned vector)
{
    g_assert_cmpuint(vector, >, 0);
    g_assert_cmpuint(vector, <, IAA_NUM_VECTORS);
    if (first_byte & FUZZ_INTERRUPT_RESETS) {
        reset_function(IAA(dev));
    }
}

bool iaa_pci_bus_master(const IAAState *s)
{
    return true;
}

IAAInjection iaa_inject_descriptor(IAAState *s, const IAAWorkQueue *wq,
                                   uint8_t opcode)
{
    return (IAAInjection) { };
}

void iaa_cmd_halt(IAAState *s, IAAResetType type)
{
    g_assert_not_reached();
}

void iaa_pci_set_gone(IAAState *s, bool gone)
{
    g_assert_not_reached();
}

void memory_region_init_io(MemoryRegion *mr, Object *owner,
                           const MemoryRegionOps *ops, void *opaque,
                           const char *name, uint64_t size)
{
}

Object *object_ref(void *obj)
{
    return obj;
}

void object_unref(void *obj)
{
}

Object *object_dynamic_cast_assert(Object *obj, const char *type,
                                   const char *file, int line,
                                   const char *func)
{
    return obj;
}

/* Logging and tracing are off */

int qemu_loglevel;
int trace_events_enabled_count;
bool message_with_timestamp;

void qemu_log(const char *fmt, ...)
{
}

int qemu_get_thread_id(void)
{
    return 0;
}

void trace_event_register_group(TraceEvent **events)
{
}

void register_module_init(void (*fn)(void), module_init_type type)
{
}

static void retired(IAAState *s)
{
}

static IAAState *new_device(void)
{
    IAAState *s = g_new0(IAAState, 1);

    s->num_engines = IAA_NUM_ENGINES;
    s->wq_retired = retired;
    for (unsigned i = 0; i < IAA_TIMING_MAX; i++) {
        s->timing[i] = (IAATiming) { 1250, 2100000000, 3000000000 };
    }
    iaa_wq_init(s);
    return s;
}

static void set_reg(IAAState *s, hwaddr offset, unsigned index,
                    unsigned stride, uint32_t value)
{
    s->regs[(offset + index * stride) / 4] = value;
}

/* Two groups that share the engines, and one queue that may block on faults */
static void enable(IAAState *s)
{
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        uint32_t mode = R_IAA_WQCFG_MODE_DEDICATED_MASK |
                        i << R_IAA_WQCFG_MODE_PRIORITY_SHIFT;

        set_reg(s, A_IAA_WQCFG_SIZE, i, IAA_WQCFG_STRIDE, 1 + i);
        set_reg(s, A_IAA_WQCFG_MODE, i, IAA_WQCFG_STRIDE,
                i ? mode : mode | R_IAA_WQCFG_MODE_BOF_EN_MASK);
        set_reg(s, A_IAA_WQCFG_LIMITS, i, IAA_WQCFG_STRIDE, 16);
    }
    set_reg(s, A_IAA_GRPCFG_WQS, 0, IAA_GRPCFG_STRIDE, 0x0f);
    set_reg(s, A_IAA_GRPCFG_ENGINES, 0, IAA_GRPCFG_STRIDE, 0x03);
    set_reg(s, A_IAA_GRPCFG_WQS, 1, IAA_GRPCFG_STRIDE, 0xf0);
    set_reg(s, A_IAA_GRPCFG_ENGINES, 1, IAA_GRPCFG_STRIDE, 0xfc);
    g_assert_cmphex(iaa_wq_check_groups(s), ==, IAA_CMDSTS_SUCCESS);
    iaa_wq_load_groups(s);
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        g_assert_cmphex(iaa_wq_check(s, i), ==, IAA_CMDSTS_SUCCESS);
    }
    iaa_wq_enable(s, IAA_ALL_QUEUES);
}

/* Most addresses are of memory, or a fuzzer would hardly ever find one */
static uint64_t place(uint64_t addr)
{
    return addr >> 60 ? addr : MEMORY_BASE + addr % MEMORY_SIZE;
}

/* x86 only, so that descriptors need not be swapped */
static void submit(IAAState *s, const uint8_t *bytes)
{
    IAADescriptor *desc = &submitted[num_submitted++];
    uint64_t pieces[8];
    hwaddr portal;

    memcpy(desc, bytes, sizeof(*desc));
    desc->record_addr = place(desc->record_addr);
    desc->src1_addr = place(desc->src1_addr);
    desc->dst_addr = place(desc->dst_addr);
    desc->src2_addr = place(desc->src2_addr);
    portal = desc->pasid % IAA_NUM_WQS * IAA_PORTAL_STRIDE;
    desc->pasid &= ~R_IAA_DESC_PASID_RESERVED_MASK;
    memcpy(pieces, desc, sizeof(pieces));
    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        iaa_portal_ops.write(s, portal + 8 * i, pieces[i], 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static IAAState *s;
    unsigned count;

    if (!s) {
        s = new_device();
    }
    if (size < 1 + sizeof(IAADescriptor)) {
        return -1;
    }
    first_byte = data[0];
    s->generation = fuzz_generation(first_byte);
    count = MIN(fuzz_count(first_byte), (size - 1) / sizeof(IAADescriptor));
    data++;
    size--;
    memset(memory, 0, sizeof(memory));
    memcpy(memory, data + count * sizeof(IAADescriptor),
           MIN(size - count * sizeof(IAADescriptor), MEMORY_SIZE));

    now = 0;
    num_submitted = 0;
    enable(s);
    for (unsigned i = 0; i < count; i++) {
        submit(s, data + i * sizeof(IAADescriptor));
    }
    run_timers();
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        g_assert_cmpuint(s->wq[i].outstanding, ==, 0);
        g_assert_cmpuint(s->wq[i].queued, ==, 0);
    }
    iaa_wq_reset(s);
    return 0;
}
