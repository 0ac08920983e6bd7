/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: registers in BAR 0
 *
 * To add a register: name it in iaa-regs.h, give it a row in iaa_registers[]
 * and, if it does not reset to zero, one in iaa_capabilities[].
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "qemu/log.h"
#include "trace.h"

/* What makes a register read only for a time */
typedef enum IAARegisterLock {
    IAA_UNLOCKED,
    IAA_LOCKED_BY_DEVICE,       /* while the device is not disabled */
    IAA_LOCKED_BY_WQ,           /* while the queue it belongs to is not */
} IAARegisterLock;

/**
 * IAARegister: one register, or one in each entry of a table
 * @name: for traces
 * @offset: of the first
 * @dwords: its length; what follows applies to each of them
 * @count: how many
 * @stride: bytes from one to the next
 * @rw: bits that software sets and clears
 * @w1c: bits that software clears by writing 1
 * @lock: when writes are ignored
 * @read: what to read instead of the stored value
 * @write: what to do instead of storing the value
 */
typedef struct IAARegister {
    const char *name;
    uint16_t offset;
    uint16_t dwords;
    uint16_t count;
    uint16_t stride;
    uint32_t rw;
    uint32_t w1c;
    IAARegisterLock lock;
    uint32_t (*read)(const IAAState *s, unsigned index);
    void (*write)(IAAState *s, uint32_t value);
} IAARegister;

static uint32_t iaa_wqcfg_status_read(const IAAState *s, unsigned index)
{
    const IAAWorkQueue *wq = &s->wq[index];
    uint32_t value = 0;

    value = FIELD_DP32(value, IAA_WQCFG_STATUS, OCCUPANCY, wq->outstanding);
    return FIELD_DP32(value, IAA_WQCFG_STATUS, STATE,
                      wq->state == IAA_WQ_ENABLED);
}

#define REG(_reg, _dwords, _count, _stride, ...) \
    { #_reg, A_IAA_##_reg, _dwords, _count, _stride, __VA_ARGS__ }
#define ONE(_reg, ...)          REG(_reg, 1, 1, 4, __VA_ARGS__)
#define DWORDS(_reg, _dwords)   REG(_reg, _dwords, 1, 4 * (_dwords))
#define PER_VECTOR(_reg, ...) \
    REG(_reg, 1, IAA_NUM_VECTORS, IAA_MSIX_PERM_STRIDE, __VA_ARGS__)
#define PER_GROUP(_reg, _dwords, ...) \
    REG(_reg, _dwords, IAA_NUM_GROUPS, IAA_GRPCFG_STRIDE, __VA_ARGS__)
#define PER_WQ(_reg, ...) \
    REG(_reg, 1, IAA_NUM_WQS, IAA_WQCFG_STRIDE, __VA_ARGS__)
#define MASK(_reg, _field)  R_IAA_##_reg##_##_field##_MASK

static const IAARegister iaa_registers[] = {
    ONE(VERSION),
    DWORDS(GENCAP, 2),
    DWORDS(WQCAP, 2),
    DWORDS(GRPCAP, 2),
    DWORDS(ENGCAP, 2),
    DWORDS(OPCAP, IAA_OPCAP_DWORDS),
    DWORDS(OFFSETS0, 2),
    DWORDS(OFFSETS1, 2),
    ONE(GENCFG, .lock = IAA_LOCKED_BY_DEVICE,
        .rw = MASK(GENCFG, READ_BUFFER_LIMIT) | MASK(GENCFG, USER_INT_EN)),
    ONE(GENCTRL,
        .rw = MASK(GENCTRL, SWERR_INT_EN) | MASK(GENCTRL, HALT_INT_EN)),
    ONE(GENSTS),
    ONE(INTCAUSE, .w1c = UINT32_MAX),
    ONE(CMD, .rw = UINT32_MAX, .write = iaa_cmd_write),
    ONE(CMDSTS),
    ONE(SWERR0, .w1c = MASK(SWERR0, VALID) | MASK(SWERR0, OVERFLOW)),
    DWORDS(SWERR1, IAA_SWERR_DWORDS - 1),
    DWORDS(IAACAP, 2),
    PER_VECTOR(MSIX_PERM,
        .rw = MASK(MSIX_PERM, IGNORE) | MASK(MSIX_PERM, PASID_EN) |
              MASK(MSIX_PERM, PASID)),
    PER_VECTOR(MSIX_PERM_HIGH),
    PER_GROUP(GRPCFG_WQS, 1, .lock = IAA_LOCKED_BY_DEVICE,
        .rw = IAA_ALL_QUEUES),
    PER_GROUP(GRPCFG_WQS_HIGH, 7),
    PER_GROUP(GRPCFG_ENGINES, 1, .lock = IAA_LOCKED_BY_DEVICE,
        .rw = MAKE_64BIT_MASK(0, IAA_NUM_ENGINES)),
    PER_GROUP(GRPCFG_ENGINES_HIGH, 1),
    PER_GROUP(GRPCFG_FLAGS0, 1, .lock = IAA_LOCKED_BY_DEVICE,
        .rw = MASK(GRPCFG_FLAGS0, TC_A) | MASK(GRPCFG_FLAGS0, TC_B) |
              MASK(GRPCFG_FLAGS0, USE_READ_BUFFER_LIMIT) |
              MASK(GRPCFG_FLAGS0, READ_BUFFERS_RESERVED) |
              MASK(GRPCFG_FLAGS0, READ_BUFFERS_ALLOWED)),
    PER_GROUP(GRPCFG_FLAGS1, 1, .lock = IAA_LOCKED_BY_DEVICE,
        .rw = MASK(GRPCFG_FLAGS1, DESC_PROGRESS_LIMIT) |
              MASK(GRPCFG_FLAGS1, BATCH_PROGRESS_LIMIT)),
    PER_WQ(WQCFG_SIZE, .lock = IAA_LOCKED_BY_DEVICE,
        .rw = MASK(WQCFG_SIZE, SIZE)),
    PER_WQ(WQCFG_THRESHOLD, .lock = IAA_LOCKED_BY_WQ,
        .rw = MASK(WQCFG_THRESHOLD, THRESHOLD)),
    PER_WQ(WQCFG_MODE, .lock = IAA_LOCKED_BY_WQ,
        .rw = MASK(WQCFG_MODE, DEDICATED) | MASK(WQCFG_MODE, BOF_EN) |
              MASK(WQCFG_MODE, ATS_DISABLE) | MASK(WQCFG_MODE, PRS_DISABLE) |
              MASK(WQCFG_MODE, PRIORITY) | MASK(WQCFG_MODE, PASID) |
              MASK(WQCFG_MODE, PASID_EN) | MASK(WQCFG_MODE, PRIV)),
    PER_WQ(WQCFG_LIMITS, .lock = IAA_LOCKED_BY_WQ,
        .rw = MASK(WQCFG_LIMITS, MAX_TRANSFER_SHIFT) |
              MASK(WQCFG_LIMITS, MAX_BATCH_SHIFT)),
    PER_WQ(WQCFG_OCCUPANCY_INT, .lock = IAA_LOCKED_BY_WQ,
        .rw = MASK(WQCFG_OCCUPANCY_INT, HANDLE) |
              MASK(WQCFG_OCCUPANCY_INT, TABLE)),
    PER_WQ(WQCFG_OCCUPANCY_LIMIT, .lock = IAA_LOCKED_BY_WQ,
        .rw = MASK(WQCFG_OCCUPANCY_LIMIT, LIMIT) |
              MASK(WQCFG_OCCUPANCY_LIMIT, INT_EN)),
    PER_WQ(WQCFG_STATUS, .read = iaa_wqcfg_status_read),
    PER_WQ(WQCFG_RESERVED),
};

#undef REG
#undef ONE
#undef DWORDS
#undef PER_VECTOR
#undef PER_GROUP
#undef PER_WQ
#undef MASK

static const IAARegister *iaa_regs_find(hwaddr addr, unsigned *index)
{
    for (size_t i = 0; i < ARRAY_SIZE(iaa_registers); i++) {
        const IAARegister *reg = &iaa_registers[i];
        hwaddr offset = addr - reg->offset;

        if (addr >= reg->offset && offset / reg->stride < reg->count &&
            offset % reg->stride / 4 < reg->dwords) {
            *index = offset / reg->stride;
            return reg;
        }
    }
    return NULL;
}

static uint64_t iaa_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    IAAState *s = opaque;
    unsigned index;
    const IAARegister *reg = iaa_regs_find(addr, &index);
    uint32_t value;

    if (!reg) {
        qemu_log_mask(LOG_GUEST_ERROR, "iaa: read of unknown register 0x%"
                      HWADDR_PRIx "\n", addr);
        return 0;
    }
    value = reg->read ? reg->read(s, index) : iaa_reg(s, addr);
    trace_iaa_reg_read(reg->name, addr, value);
    return value;
}

static bool iaa_regs_locked(const IAAState *s, const IAARegister *reg,
                            unsigned index)
{
    switch (reg->lock) {
    case IAA_LOCKED_BY_DEVICE:
        return iaa_device_state(s) != IAA_DEVICE_DISABLED;
    case IAA_LOCKED_BY_WQ:
        return s->wq[index].state != IAA_WQ_DISABLED;
    default:
        return false;
    }
}

/* Software is free to write back what it has read, and Linux does */
static void iaa_regs_store(IAAState *s, const IAARegister *reg,
                           unsigned index, hwaddr addr, uint32_t value)
{
    uint32_t old = iaa_reg(s, addr);
    uint32_t rw = iaa_regs_locked(s, reg, index) ? 0 : reg->rw;

    if ((value ^ old) & ~(rw | reg->w1c) && !reg->read) {
        qemu_log_mask(LOG_GUEST_ERROR, "iaa: write of 0x%" PRIx32 " changes "
                      "read-only bits of %s[%u]\n", value, reg->name, index);
    }
    s->regs[addr / 4] = ((value & rw) | (old & ~rw)) & ~(value & reg->w1c);
}

static void iaa_regs_write(void *opaque, hwaddr addr, uint64_t value,
                           unsigned size)
{
    IAAState *s = opaque;
    unsigned index;
    const IAARegister *reg = iaa_regs_find(addr, &index);

    if (!reg) {
        qemu_log_mask(LOG_GUEST_ERROR, "iaa: write of unknown register 0x%"
                      HWADDR_PRIx "\n", addr);
        return;
    }
    trace_iaa_reg_write(reg->name, addr, value);
    if (reg->write) {
        iaa_guard_enter(s);
        reg->write(s, value);
        iaa_guard_leave(s);
    } else {
        iaa_regs_store(s, reg, index, addr, value);
    }
}

/* The memory API makes two of an access of 8 bytes, the lower half first */
const MemoryRegionOps iaa_regs_ops = {
    .read = iaa_regs_read,
    .write = iaa_regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/**
 * iaa_regs_raise: tell software that something happened
 * @s: device
 * @cause: bit of INTCAUSE
 */
void iaa_regs_raise(IAAState *s, uint32_t cause)
{
    trace_iaa_raise(cause);
    s->regs[R_IAA_INTCAUSE] |= cause;
    iaa_guard_interrupt(s, 0);
}

/**
 * iaa_regs_log_error: report an error of software in SWERR
 * @s: device
 * @code: IAAStatus or IAASoftError
 * @info: what is known about it
 *
 * The first error stays until software has cleared it.  Those that follow are
 * not kept, only that there were some.
 */
void iaa_regs_log_error(IAAState *s, uint8_t code, const IAAErrorInfo *info)
{
    uint32_t *dw = &s->regs[R_IAA_SWERR0];

    trace_iaa_err_software(code, info->wq ? info->wq->index : -1, info->addr);
    if (FIELD_EX32(dw[0], IAA_SWERR0, VALID)) {
        dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, OVERFLOW, 1);
        return;
    }

    memset(dw, 0, IAA_SWERR_DWORDS * sizeof(*dw));
    dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, VALID, 1);
    dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, WRITE, info->write);
    dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, ERROR, code);
    if (info->wq) {
        dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, WQ_VALID, 1);
        dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, WQ, info->wq->index);
    }
    if (info->desc) {
        dw[0] = FIELD_DP32(dw[0], IAA_SWERR0, DESC_VALID, 1);
        s->regs[R_IAA_SWERR1] = iaa_desc_opcode(info->desc);
    }
    s->regs[R_IAA_SWERR3] = info->invalid_flags;
    s->regs[A_IAA_SWERR_ADDR / 4] = info->addr;
    s->regs[A_IAA_SWERR_ADDR / 4 + 1] = info->addr >> 32;

    if (FIELD_EX32(iaa_reg(s, A_IAA_GENCTRL), IAA_GENCTRL, SWERR_INT_EN)) {
        iaa_regs_raise(s, R_IAA_INTCAUSE_SWERR_MASK);
    }
}

/*
 * GENCAP, WQCAP, GRPCAP and ENGCAP were observed on Sapphire Rapids, but for
 * the largest transfer, 2 GiB there.  OPCAP lists what the model can do.  The
 * upper half of GENCAP is not documented.
 */
static const struct {
    hwaddr offset;
    uint64_t value;
} iaa_capabilities[] = {
    { A_IAA_GENCAP, 0x00071f1090000105 |
      IAA_MAX_TRANSFER_SHIFT << R_IAA_GENCAP_MAX_TRANSFER_SHIFT_SHIFT },
    { A_IAA_WQCAP, 0x003f000000080000 | IAA_TOTAL_WQ_SIZE },
    { A_IAA_GRPCAP, IAA_NUM_GROUPS },
    { A_IAA_OPCAP, BIT_ULL(IAA_OP_NOOP) | BIT_ULL(IAA_OP_DRAIN) },
    { A_IAA_OPCAP + 8, BIT_ULL(IAA_OP_DECOMPRESS - 64) |
                       BIT_ULL(IAA_OP_COMPRESS - 64) },
    { A_IAA_OFFSETS0, A_IAA_GRPCFG_WQS >> 8 | A_IAA_WQCFG_SIZE >> 8 << 16 |
                      (uint64_t)A_IAA_MSIX_PERM >> 8 << 32 | 0x40ull << 48 },
};

static void iaa_regs_set64(IAAState *s, hwaddr offset, uint64_t value)
{
    s->regs[offset / 4] = value;
    s->regs[offset / 4 + 1] = value >> 32;
}

/**
 * iaa_regs_reset: give all registers their reset values
 * @s: device
 */
void iaa_regs_reset(IAAState *s)
{
    memset(s->regs, 0, sizeof(s->regs));

    for (size_t i = 0; i < ARRAY_SIZE(iaa_capabilities); i++) {
        iaa_regs_set64(s, iaa_capabilities[i].offset,
                       iaa_capabilities[i].value);
    }
    s->regs[R_IAA_VERSION] =
        FIELD_DP32(0, IAA_VERSION, MAJOR,
                   s->generation == IAA_GENERATION_SPR ? 1 : 2);
    iaa_regs_set64(s, A_IAA_ENGCAP, s->num_engines);
    if (iaa_header_generation(s)) {
        s->regs[A_IAA_IAACAP / 4] = R_IAA_IAACAP_AECS_FORMAT2_MASK |
                                    R_IAA_IAACAP_HEADER_GENERATION_MASK;
    }
}

/**
 * iaa_regs_init: set up the memory region of BAR 0
 * @s: device
 */
void iaa_regs_init(IAAState *s)
{
    memory_region_init_io(&s->regs_mr, OBJECT(s), &iaa_regs_ops, s,
                          "iaa-regs", IAA_BAR_REGS_SIZE);
}
