/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: state of the device model
 *
 * A descriptor goes one way: portal -> work queue -> engine -> operation ->
 * coder.  Each part calls only those after it, and what comes back to the
 * guest comes through its memory and an interrupt.  There are two ways up:
 * IAAEngine.idle and IAAState.wq_retired, both set when the device is
 * realized.  The interrupt cause and the error log of iaa-regs.c may be called
 * by any part, and so may what takes the device away from under all of them:
 * iaa_cmd_halt() and iaa_pci_set_gone().  Whoever comes from outside goes
 * through the guard of iaa-guard.c.
 *
 * All state belongs to whoever holds the big QEMU lock; it is reached from
 * MMIO, configuration space and properties, from timers and from reset only.
 */

#ifndef HW_IAA_H
#define HW_IAA_H

#include "exec/memory.h"
#include "hw/iaa/iaa-deflate.h"
#include "hw/iaa/iaa-inject.h"
#include "hw/iaa/iaa-regs.h"
#include "hw/pci/pci_device.h"
#include "qemu/timer.h"
#include "qom/object.h"

#define TYPE_IAA "iaa"
OBJECT_DECLARE_SIMPLE_TYPE(IAAState, IAA)

typedef struct IAACommand IAACommand;
typedef struct IAAEngine IAAEngine;
typedef struct IAAOperation IAAOperation;

/* A set of queues, one bit each */
typedef uint8_t IAAQueueSet;
#define IAA_ALL_QUEUES MAKE_64BIT_MASK(0, IAA_NUM_WQS)

/*
 * Work queues (iaa-wq.c)
 */

typedef enum IAAWQState {
    IAA_WQ_DISABLED,
    IAA_WQ_ENABLED,
    IAA_WQ_DRAINING,    /* takes no more descriptors, will be disabled */
} IAAWQState;

typedef struct IAAWorkQueue {
    uint8_t index;
    IAAWQState state;
    /* From GRPCFG, which is locked while the device is enabled; -1: in none */
    int8_t group;
    /* From WQCFG, which is locked while the queue is enabled */
    uint16_t size;
    uint8_t priority;
    bool dedicated;             /* not: shared, takes ENQCMD only */
    bool block_on_fault;
    uint64_t max_transfer;      /* bytes */

    /*
     * Descriptors accepted and not yet retired: @queued of them in the ring,
     * the oldest at @head, the others in engines.  They are at most @size.
     */
    uint16_t outstanding;
    uint16_t queued;
    uint16_t head;
    struct IAAWork *ring;       /* IAA_TOTAL_WQ_SIZE entries */

    /* Descriptors are numbered as they come; a drain waits for all below */
    uint64_t next_seq;
    uint64_t drain_seq;
} IAAWorkQueue;

typedef struct IAAGroup {
    IAAQueueSet wqs;
    uint8_t engines;
    uint8_t last_wq;            /* served last, for round robin */
} IAAGroup;

/* A descriptor on its way, in host byte order */
typedef struct IAAWork {
    IAADescriptor desc;
    IAAWorkQueue *wq;
    uint64_t seq;
    bool ims;                   /* the handle is not one of MSI-X */
    IAAInjection inject;        /* what is to go wrong with it */
} IAAWork;

/* The 64 bytes of a portal write arrive in pieces of 8, lowest first */
typedef struct IAAPortal {
    hwaddr next;                /* where the next piece belongs */
    uint64_t piece[8];
} IAAPortal;

void iaa_wq_init(IAAState *s);
void iaa_wq_exit(IAAState *s);
void iaa_wq_reset(IAAState *s);

uint8_t iaa_wq_check_groups(const IAAState *s);
void iaa_wq_load_groups(IAAState *s);
uint8_t iaa_wq_check(const IAAState *s, unsigned index);
void iaa_wq_enable(IAAState *s, IAAQueueSet wqs);
void iaa_wq_stop(IAAState *s, IAAQueueSet wqs);
void iaa_wq_disable(IAAState *s, IAAQueueSet wqs);
void iaa_wq_abort(IAAState *s, IAAQueueSet wqs);
void iaa_wq_cancel(IAAState *s, IAAQueueSet wqs);
void iaa_wq_drain(IAAState *s, IAAQueueSet wqs);
bool iaa_wq_drained(const IAAState *s, IAAQueueSet wqs);
bool iaa_wq_held(const IAAState *s);
void iaa_wq_release(IAAState *s);
void iaa_wq_forget_late(IAAState *s);

extern const MemoryRegionOps iaa_portal_ops;

/*
 * Engines (iaa-engine.c)
 */

/*
 * Cost of an operation: @base_ns + bytes / @rate, and all that engines do at
 * the same time takes no less than bytes / @device_rate.  Rates are in bytes
 * per second, 0 is no limit.
 */
typedef struct IAATiming {
    uint64_t base_ns;
    uint64_t rate;
    uint64_t device_rate;
} IAATiming;

typedef struct IAAChecksum {
    bool crc32c;
    uint32_t crc;
    uint16_t xor;
    uint64_t len;
} IAAChecksum;

/* What an engine knows about the descriptor it works on */
typedef struct IAAJob {
    IAAWork work;
    const IAAOperation *op;     /* NULL: not an operation */
    IAACompletion record;       /* host byte order; status is set at the end */
    IAATiming timing;
    int64_t start_ns;
    int64_t device_ns;          /* when the device has moved its data */
    bool writes;                /* output goes to guest memory */
    uint64_t fetched;           /* bytes of source 1 */
    uint64_t delivered;         /* bytes of destination */
    uint64_t done;              /* bytes that count for the time taken */
    IAAChecksum sum;
} IAAJob;

/* Output of an abandoned descriptor that is on its way nevertheless */
typedef struct IAALateWrite {
    QEMUTimer *timer;           /* runs until it arrives */
    uint64_t addr;
    uint32_t len;
    uint8_t *buf;               /* IAA_PIECE_SIZE */
} IAALateWrite;

struct IAAEngine {
    IAAState *iaa;
    uint8_t index;
    int8_t group;               /* -1: in none */
    bool busy;

    /* Called when the engine has retired a descriptor and is idle again */
    void (*idle)(IAAState *s, IAAWorkQueue *wq);

    QEMUTimer *timer;           /* runs while the engine is busy */
    bool held;                  /* but not if it waits for bus mastering */
    IAAJob job;
    union {                     /* as in guest memory */
        IAACompressAECS compress_aecs;
        IAADecompressAECS decompress_aecs;
    };
    IAAStream io;
    uint8_t *in;                /* IAA_PIECE_SIZE */
    uint8_t *out;               /* IAA_PIECE_SIZE */
    IAADeflate *deflate;
    IAAInflate *inflate;
    IAALateWrite late;
};

void iaa_engine_init(IAAState *s, unsigned index,
                     void (*idle)(IAAState *s, IAAWorkQueue *wq));
void iaa_engine_exit(IAAEngine *e);
void iaa_engine_start(IAAEngine *e, const IAAWork *work);
void iaa_engine_abort(IAAEngine *e);
void iaa_engine_cancel(IAAState *s, const IAAWork *work);
void iaa_engine_release(IAAEngine *e);
void iaa_engine_forget_late(IAAEngine *e);

/*
 * Operations (iaa-ops.c)
 */

typedef enum IAATimingKind {
    IAA_TIMING_COMPRESS,
    IAA_TIMING_DECOMPRESS,
    IAA_TIMING_HEADER,          /* a compression that generates a header */
    IAA_TIMING_MAX,
} IAATimingKind;

/**
 * IAAOperation: how an engine carries out an opcode
 * @name: for traces
 * @flags: descriptor flags that mean something
 * @timing: what the time taken depends on
 * @check: look at the operands, before any memory is touched.  Returns
 *         IAA_STATUS_NONE or why the descriptor is refused
 * @start: get ready; the AECS is there if the flags ask to read it.  Returns
 *         false when the job ends right here, its status set
 * @step: do one piece of work on IAAEngine.io.  Sets the status of the job
 *        with IAA_STEP_DONE
 * @save: fill the AECS before it is written back
 */
struct IAAOperation {
    const char *name;
    uint32_t flags;
    IAATimingKind timing;
    uint8_t (*check)(const IAAState *s, const IAAJob *job);
    bool (*start)(IAAEngine *e);
    IAAStep (*step)(IAAEngine *e);
    void (*save)(IAAEngine *e);
};

const IAAOperation *iaa_ops_find(uint8_t opcode);

/*
 * State of a decompression (iaa-aecs.c)
 */

IAACodecError iaa_aecs_load(const IAAState *s, IAAInflate *inflate,
                            const IAADecompressAECS *aecs, uint32_t size);
void iaa_aecs_save(const IAAState *s, const IAAInflate *inflate,
                   IAADecompressAECS *aecs, uint32_t size);

/*
 * Guest memory (iaa-dma.c)
 */

typedef struct IAAFault {
    IAAStatus status;
    uint64_t addr;
} IAAFault;

bool iaa_dma_read(IAAState *s, uint64_t addr, void *buf, uint32_t len,
                  IAAFault *fault);
bool iaa_dma_write(IAAState *s, uint64_t addr, const void *buf, uint32_t len,
                   IAAFault *fault);
bool iaa_dma_write_record(IAAState *s, uint64_t addr,
                          const IAACompletion *record, IAAFault *fault);

/*
 * Administrative commands (iaa-cmd.c)
 */

typedef struct IAACommandState {
    const IAACommand *active;   /* waits for descriptors; NULL: none does */
    IAAQueueSet wqs;            /* those it is about */
    bool int_request;
    int64_t done_ns;            /* it takes until then */
} IAACommandState;

void iaa_cmd_init(IAAState *s);
void iaa_cmd_exit(IAAState *s);
void iaa_cmd_write(IAAState *s, uint32_t value);
void iaa_cmd_progress(IAAState *s);
void iaa_cmd_halt(IAAState *s, IAAResetType type);
void iaa_cmd_reset(IAAState *s);

/*
 * Fault injection (iaa-inject.c)
 */

void iaa_inject_init(IAAState *s);
void iaa_inject_class_init(ObjectClass *klass);
IAAInjection iaa_inject_descriptor(IAAState *s, const IAAWorkQueue *wq,
                                   uint8_t opcode);
IAAInjection iaa_inject_command(IAAState *s, uint8_t code);

/*
 * Protection from what the device sets off (iaa-guard.c)
 */

typedef struct IAAGuard {
    unsigned depth;             /* of iaa_guard_enter() */
    bool engaged;               /* so was MemReentrancyGuard before */
    uint32_t vectors;           /* to be sent, one bit each */
} IAAGuard;

QEMU_BUILD_BUG_ON(IAA_NUM_VECTORS > 32);

void iaa_guard_enter(IAAState *s);
void iaa_guard_leave(IAAState *s);
void iaa_guard_interrupt(IAAState *s, unsigned vector);
void iaa_guard_reset(IAAState *s);

/*
 * Registers (iaa-regs.c)
 */

/* What goes to SWERR besides the error code */
typedef struct IAAErrorInfo {
    const IAAWorkQueue *wq;     /* NULL: the error belongs to none */
    const IAADescriptor *desc;  /* NULL: nor to a descriptor */
    uint32_t invalid_flags;
    bool write;
    uint64_t addr;
} IAAErrorInfo;

void iaa_regs_init(IAAState *s);
void iaa_regs_reset(IAAState *s);
void iaa_regs_raise(IAAState *s, uint32_t cause);
void iaa_regs_log_error(IAAState *s, uint8_t code, const IAAErrorInfo *info);

extern const MemoryRegionOps iaa_regs_ops;

/*
 * The device (iaa-pci.c)
 */

typedef enum IAAGeneration {
    IAA_GENERATION_SPR,         /* Sapphire Rapids, IAA 1.0 */
    IAA_GENERATION_GNR,         /* Granite Rapids, IAA 2.0 */
} IAAGeneration;

/* What a device does with accesses to memory that it must not make */
typedef enum IAACutOff {
    IAA_CUT_OFF_DROP,           /* they fail */
    IAA_CUT_OFF_HOLD,           /* they wait until it may */
} IAACutOff;

bool iaa_pci_bus_master(const IAAState *s);
void iaa_pci_set_gone(IAAState *s, bool gone);

struct IAAState {
    PCIDevice parent_obj;

    MemoryRegion regs_mr;
    MemoryRegion portals_mr;
    MemoryRegion inject_mr;

    /* Cover BAR 0 and BAR 2, MSI-X table included, while the device is gone */
    MemoryRegion gone_regs_mr;
    MemoryRegion gone_portals_mr;
    bool gone;

    IAAGuard guard;
    uint32_t regs[IAA_REGS_END / 4];
    IAACommandState cmd;
    QEMUTimer *cmd_timer;       /* runs until IAACommandState.done_ns */
    IAAGroup group[IAA_NUM_GROUPS];
    IAAWorkQueue wq[IAA_NUM_WQS];
    IAAPortal portal;
    IAAEngine engine[IAA_NUM_ENGINES];

    /* Called when a queue has come closer to being drained */
    void (*wq_retired)(IAAState *s);

    /*
     * When the engines together will have done what they have taken on;
     * compression, by whatever codes, and decompression do not share it
     */
    int64_t device_free_ns[IAA_TIMING_MAX];

    /* Set by tests, kept over resets */
    IAAInjectSlot inject_slot[IAA_INJECT_SLOTS];

    /* Properties */
    char *generation_name;
    IAAGeneration generation;
    uint8_t num_engines;        /* the first so many of @engine */
    IAATiming timing[IAA_TIMING_MAX];
    uint8_t overflow_swerr;     /* code to log for a drop, 0: none */
    uint8_t abort_status;       /* of abandoned descriptors, 0: no record */
    uint64_t abort_ns;          /* that a command takes to abandon them */
    uint64_t abort_late_ns;     /* after which they still write, 0: never */
    char *cut_off_name;
    IAACutOff cut_off;
    bool cut_off_halt;
    bool inject;                /* there is BAR 4 */
};

static inline uint32_t iaa_reg(const IAAState *s, hwaddr offset)
{
    return s->regs[offset / 4];
}

static inline uint32_t iaa_wqcfg(const IAAState *s, hwaddr offset,
                                 unsigned index)
{
    return iaa_reg(s, offset + index * IAA_WQCFG_STRIDE);
}

static inline uint32_t iaa_grpcfg(const IAAState *s, hwaddr offset,
                                  unsigned index)
{
    return iaa_reg(s, offset + index * IAA_GRPCFG_STRIDE);
}

static inline IAADeviceState iaa_device_state(const IAAState *s)
{
    return FIELD_EX32(iaa_reg(s, A_IAA_GENSTS), IAA_GENSTS, STATE);
}

static inline bool iaa_header_generation(const IAAState *s)
{
    return s->generation >= IAA_GENERATION_GNR;
}

/* IAADecompressAECS.format; with format 2 come other changes of IAA 2.0 */
static inline uint8_t iaa_aecs_format(const IAAState *s)
{
    return s->generation >= IAA_GENERATION_GNR ? 1 : 0;
}

static inline uint32_t iaa_desc_flags(const IAADescriptor *desc)
{
    return FIELD_EX32(desc->op_flags, IAA_DESC_OP, FLAGS);
}

static inline uint8_t iaa_desc_opcode(const IAADescriptor *desc)
{
    return FIELD_EX32(desc->op_flags, IAA_DESC_OP, OPCODE);
}

#endif /* HW_IAA_H */
