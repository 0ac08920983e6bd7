/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver of the Intel In-Memory Analytics Accelerator sees: registers,
 * portals, descriptors, completion records and compression state.
 *
 * The facts come from the drivers and libraries that Intel published (the
 * idxd driver of Linux, QPL, accel-config) and from a register dump of a
 * Sapphire Rapids system.  All of it is little endian.
 */

#ifndef HW_IAA_REGS_H
#define HW_IAA_REGS_H

#include "hw/registerfields.h"
#include "qemu/units.h"

#define IAA_PCI_DEVICE_ID       0x0cfe

/* What a device has */
#define IAA_NUM_WQS             8
#define IAA_NUM_GROUPS          4
#define IAA_NUM_ENGINES         8       /* at most */
#define IAA_TOTAL_WQ_SIZE       128         /* entries, of all queues */
#define IAA_NUM_VECTORS         (1 + IAA_NUM_WQS)
#define IAA_MAX_TRANSFER_SHIFT  22

/*
 * BAR 0: registers
 *
 * 64-bit registers are listed by their lower half, tables by their first
 * entry.
 */
#define IAA_BAR_REGS            0
#define IAA_BAR_REGS_SIZE       (64 * KiB)
#define IAA_MSIX_TABLE          0x2000
#define IAA_MSIX_PBA            0x3000
#define IAA_REGS_END            0x0500      /* nothing but zeroes after it */

REG32(IAA_VERSION, 0x00)
    FIELD(IAA_VERSION, MINOR, 0, 8)
    FIELD(IAA_VERSION, MAJOR, 8, 8)

REG64(IAA_GENCAP, 0x10)
    FIELD(IAA_GENCAP, MAX_TRANSFER_SHIFT, 16, 5)
REG64(IAA_WQCAP, 0x20)
REG64(IAA_GRPCAP, 0x30)
REG64(IAA_ENGCAP, 0x38)
REG64(IAA_OPCAP, 0x40)                      /* 256 bits, one per opcode */
#define IAA_OPCAP_DWORDS        8
REG64(IAA_OFFSETS0, 0x60)                   /* of the tables, in 0x100 bytes */
REG64(IAA_OFFSETS1, 0x68)

REG32(IAA_GENCFG, 0x80)
    FIELD(IAA_GENCFG, READ_BUFFER_LIMIT, 0, 8)
    FIELD(IAA_GENCFG, USER_INT_EN, 12, 1)

REG32(IAA_GENCTRL, 0x88)
    FIELD(IAA_GENCTRL, SWERR_INT_EN, 0, 1)
    FIELD(IAA_GENCTRL, HALT_INT_EN, 1, 1)

REG32(IAA_GENSTS, 0x90)
    FIELD(IAA_GENSTS, STATE, 0, 2)
    FIELD(IAA_GENSTS, RESET_TYPE, 2, 2)

typedef enum IAADeviceState {
    IAA_DEVICE_DISABLED = 0,
    IAA_DEVICE_ENABLED  = 1,
    IAA_DEVICE_DRAINING = 2,
    IAA_DEVICE_HALTED   = 3,
} IAADeviceState;

/* What it takes to leave IAA_DEVICE_HALTED */
typedef enum IAAResetType {
    IAA_RESET_SOFTWARE  = 0,                /* RESET_DEVICE */
    IAA_RESET_FLR       = 1,
    IAA_RESET_WARM      = 2,
    IAA_RESET_COLD      = 3,
} IAAResetType;

REG32(IAA_INTCAUSE, 0x98)                   /* write 1 to clear */
    FIELD(IAA_INTCAUSE, SWERR, 0, 1)
    FIELD(IAA_INTCAUSE, COMMAND, 1, 1)
    FIELD(IAA_INTCAUSE, OCCUPANCY, 2, 1)
    FIELD(IAA_INTCAUSE, PERFMON, 3, 1)
    FIELD(IAA_INTCAUSE, HALT, 4, 1)
    FIELD(IAA_INTCAUSE, EVENT_LOG, 5, 1)
    FIELD(IAA_INTCAUSE, HANDLES_REVOKED, 31, 1)

REG32(IAA_CMD, 0xa0)
    FIELD(IAA_CMD, OPERAND, 0, 20)
    FIELD(IAA_CMD, COMMAND, 20, 5)
    FIELD(IAA_CMD, INT_REQUEST, 31, 1)

/* A set of queues as the operand of a command: 16 of them, and which 16 */
    FIELD(IAA_CMD, WQ_MASK, 0, 16)
    FIELD(IAA_CMD, WQ_SET, 16, 4)

typedef enum IAACommandCode {
    IAA_CMD_ENABLE_DEVICE   = 1,
    IAA_CMD_DISABLE_DEVICE  = 2,
    IAA_CMD_DRAIN_ALL       = 3,
    IAA_CMD_ABORT_ALL       = 4,
    IAA_CMD_RESET_DEVICE    = 5,
    IAA_CMD_ENABLE_WQ       = 6,
    IAA_CMD_DISABLE_WQ      = 7,
    IAA_CMD_DRAIN_WQ        = 8,
    IAA_CMD_ABORT_WQ        = 9,
    IAA_CMD_RESET_WQ        = 10,
    IAA_CMD_DRAIN_PASID     = 11,
    IAA_CMD_ABORT_PASID     = 12,
} IAACommandCode;

REG32(IAA_CMDSTS, 0xa8)
    FIELD(IAA_CMDSTS, ERROR, 0, 8)
    FIELD(IAA_CMDSTS, RESULT, 8, 16)
    FIELD(IAA_CMDSTS, ACTIVE, 31, 1)

typedef enum IAACommandStatus {
    IAA_CMDSTS_SUCCESS              = 0x00,
    IAA_CMDSTS_INVALID_COMMAND      = 0x01,
    IAA_CMDSTS_INVALID_WQ           = 0x02,
    IAA_CMDSTS_HARDWARE             = 0x03,
    IAA_CMDSTS_DEVICE_ENABLED       = 0x10,
    IAA_CMDSTS_BUS_MASTER           = 0x12,
    IAA_CMDSTS_WQ_SIZES             = 0x14,
    IAA_CMDSTS_GROUP_WQ_SHARED      = 0x15,
    IAA_CMDSTS_GROUP_ENGINE_SHARED  = 0x16,
    IAA_CMDSTS_GROUP_NO_ENGINES     = 0x17,
    IAA_CMDSTS_GROUP_NO_WQS         = 0x18,
    IAA_CMDSTS_DEVICE_NOT_ENABLED   = 0x20, /* by ENABLE_WQ */
    IAA_CMDSTS_WQ_ENABLED           = 0x21,
    IAA_CMDSTS_WQ_SIZE              = 0x22,
    IAA_CMDSTS_WQ_MODE              = 0x24,
    IAA_CMDSTS_WQ_PASID             = 0x26,
    IAA_CMDSTS_WQ_MAX_BATCH         = 0x27,
    IAA_CMDSTS_WQ_MAX_TRANSFER      = 0x28,
    IAA_CMDSTS_DISABLE_NOT_ENABLED  = 0x31, /* by DISABLE_DEVICE */
    IAA_CMDSTS_NOT_ENABLED          = 0x32, /* by the others */
} IAACommandStatus;

/* First error of software since the register was cleared, 256 bits */
REG32(IAA_SWERR0, 0xc0)
    FIELD(IAA_SWERR0, VALID, 0, 1)          /* write 1 to clear */
    FIELD(IAA_SWERR0, OVERFLOW, 1, 1)       /* write 1 to clear */
    FIELD(IAA_SWERR0, DESC_VALID, 2, 1)
    FIELD(IAA_SWERR0, WQ_VALID, 3, 1)
    FIELD(IAA_SWERR0, BATCH, 4, 1)
    FIELD(IAA_SWERR0, WRITE, 5, 1)
    FIELD(IAA_SWERR0, PRIV, 6, 1)
    FIELD(IAA_SWERR0, ERROR, 8, 8)          /* IAAStatus or IAASoftError */
    FIELD(IAA_SWERR0, WQ, 16, 8)
REG32(IAA_SWERR1, 0xc4)
    FIELD(IAA_SWERR1, OPCODE, 0, 8)
    FIELD(IAA_SWERR1, PASID, 8, 20)
REG32(IAA_SWERR3, 0xcc)                     /* invalid flags */
REG64(IAA_SWERR_ADDR, 0xd0)
#define IAA_SWERR_DWORDS        8

/* Codes in SWERR that no completion record has */
typedef enum IAASoftError {
    IAA_SWERR_BUS_MASTER            = 0x51, /* cleared while enabled */
    IAA_SWERR_COMMAND_ACTIVE        = 0x52, /* CMD written too early */
} IAASoftError;

REG64(IAA_IAACAP, 0x180)                    /* from version 2.0 on */
    FIELD(IAA_IAACAP, AECS_FORMAT2, 0, 1)
    FIELD(IAA_IAACAP, HEADER_GENERATION, 8, 1)

REG32(IAA_MSIX_PERM, 0x200)
    FIELD(IAA_MSIX_PERM, IGNORE, 2, 1)
    FIELD(IAA_MSIX_PERM, PASID_EN, 3, 1)
    FIELD(IAA_MSIX_PERM, PASID, 12, 20)
REG32(IAA_MSIX_PERM_HIGH, 0x204)
#define IAA_MSIX_PERM_STRIDE    8

REG32(IAA_GRPCFG_WQS, 0x300)                /* first of 256 bits */
REG32(IAA_GRPCFG_WQS_HIGH, 0x304)
REG32(IAA_GRPCFG_ENGINES, 0x320)            /* first of 64 bits */
REG32(IAA_GRPCFG_ENGINES_HIGH, 0x324)
REG32(IAA_GRPCFG_FLAGS0, 0x328)
    FIELD(IAA_GRPCFG_FLAGS0, TC_A, 0, 3)
    FIELD(IAA_GRPCFG_FLAGS0, TC_B, 3, 3)
    FIELD(IAA_GRPCFG_FLAGS0, USE_READ_BUFFER_LIMIT, 7, 1)
    FIELD(IAA_GRPCFG_FLAGS0, READ_BUFFERS_RESERVED, 8, 8)
    FIELD(IAA_GRPCFG_FLAGS0, READ_BUFFERS_ALLOWED, 20, 8)
REG32(IAA_GRPCFG_FLAGS1, 0x32c)
    FIELD(IAA_GRPCFG_FLAGS1, DESC_PROGRESS_LIMIT, 0, 2)
    FIELD(IAA_GRPCFG_FLAGS1, BATCH_PROGRESS_LIMIT, 4, 2)
#define IAA_GRPCFG_STRIDE       64

REG32(IAA_WQCFG_SIZE, 0x400)
    FIELD(IAA_WQCFG_SIZE, SIZE, 0, 16)
REG32(IAA_WQCFG_THRESHOLD, 0x404)
    FIELD(IAA_WQCFG_THRESHOLD, THRESHOLD, 0, 16)
REG32(IAA_WQCFG_MODE, 0x408)
    FIELD(IAA_WQCFG_MODE, DEDICATED, 0, 1)
    FIELD(IAA_WQCFG_MODE, BOF_EN, 1, 1)
    FIELD(IAA_WQCFG_MODE, ATS_DISABLE, 2, 1)
    FIELD(IAA_WQCFG_MODE, PRS_DISABLE, 3, 1)
    FIELD(IAA_WQCFG_MODE, PRIORITY, 4, 4)
    FIELD(IAA_WQCFG_MODE, PASID, 8, 20)
    FIELD(IAA_WQCFG_MODE, PASID_EN, 28, 1)
    FIELD(IAA_WQCFG_MODE, PRIV, 29, 1)
REG32(IAA_WQCFG_LIMITS, 0x40c)
    FIELD(IAA_WQCFG_LIMITS, MAX_TRANSFER_SHIFT, 0, 5)
    FIELD(IAA_WQCFG_LIMITS, MAX_BATCH_SHIFT, 5, 4)
REG32(IAA_WQCFG_OCCUPANCY_INT, 0x410)
    FIELD(IAA_WQCFG_OCCUPANCY_INT, HANDLE, 0, 16)
    FIELD(IAA_WQCFG_OCCUPANCY_INT, TABLE, 16, 1)
REG32(IAA_WQCFG_OCCUPANCY_LIMIT, 0x414)
    FIELD(IAA_WQCFG_OCCUPANCY_LIMIT, LIMIT, 0, 16)
    FIELD(IAA_WQCFG_OCCUPANCY_LIMIT, INT_EN, 16, 1)
REG32(IAA_WQCFG_STATUS, 0x418)              /* read only */
    FIELD(IAA_WQCFG_STATUS, OCCUPANCY, 0, 16)
    FIELD(IAA_WQCFG_STATUS, STATE, 30, 2)
REG32(IAA_WQCFG_RESERVED, 0x41c)
#define IAA_WQCFG_STRIDE        32

/*
 * BAR 2: portals
 *
 * Each queue has four pages.  Which of the 64 slots of a page is written does
 * not matter.  The first two pages take interrupt handles from the MSI-X
 * table, the others from the interrupt message storage.
 */
#define IAA_BAR_PORTALS         2
#define IAA_BAR_PORTALS_SIZE    (IAA_NUM_WQS * IAA_PORTAL_STRIDE)
#define IAA_PORTAL_STRIDE       (4 * IAA_PORTAL_PAGE)
#define IAA_PORTAL_PAGE         0x1000
#define IAA_PORTAL_LIMITED      0x1000      /* the page that Linux uses */
#define IAA_PORTAL_IMS          0x2000      /* address bit of the latter two */

/* What a descriptor asks for */
typedef enum IAAOpcode {
    IAA_OP_NOOP         = 0x00,
    IAA_OP_DRAIN        = 0x02,
    IAA_OP_DECOMPRESS   = 0x42,
    IAA_OP_COMPRESS     = 0x43,
} IAAOpcode;

/* Flags of any descriptor; bits 0, 6, 7 and 23 are reserved */
#define IAA_FLAG_BOF            BIT(1)      /* block on fault */
#define IAA_FLAG_CRAV           BIT(2)      /* completion address is valid */
#define IAA_FLAG_RCR            BIT(3)      /* record wanted on success, too */
#define IAA_FLAG_RCI            BIT(4)      /* completion interrupt wanted */
#define IAA_FLAG_CRSTS          BIT(5)
#define IAA_FLAG_CC             BIT(8)      /* destination to the cache */
#define IAA_FLAG_TC_ADDR1       BIT(9)
#define IAA_FLAG_TC_ADDR2       BIT(10)
#define IAA_FLAG_TC_ADDR3       BIT(11)
#define IAA_FLAG_TC_RECORD      BIT(12)
#define IAA_FLAG_STORD          BIT(13)     /* strictly ordered writes */
#define IAA_FLAG_DRDBK          BIT(14)     /* destination readback */
#define IAA_FLAG_DSTS           BIT(15)
#define IAA_FLAG_RD_SRC2        (3u << 16)
#define IAA_FLAG_RD_SRC2_AECS   (1u << 16)
#define IAA_FLAG_WR_SRC2        (3u << 18)
#define IAA_FLAG_WR_SRC2_DONE   (1u << 18)  /* at completion */
#define IAA_FLAG_WR_SRC2_FULL   (2u << 18)  /* if the output is full */
#define IAA_FLAG_SRC2_STS       BIT(20)
#define IAA_FLAG_CRC32C         BIT(21)     /* instead of CRC-32 */
#define IAA_FLAG_AECS_TOGGLE    BIT(22)     /* read second, write first */

/* Flags of COMPRESS */
#define IAA_COMPRESS_STATS      BIT(0)      /* counts of symbols instead */
#define IAA_COMPRESS_FLUSH      BIT(1)
#define IAA_COMPRESS_LITERALS   BIT(4)
REG16(IAA_COMPRESS, 0)
    FIELD(IAA_COMPRESS, END_PROCESS, 2, 2)
    FIELD(IAA_COMPRESS, HEADER, 12, 3)

#define IAA_COMPRESS_END_EOB    (1u << 2)   /* end-of-block symbol at the end */

enum {
    IAA_HEADER_NONE             = 0,        /* tables come from the AECS */
    IAA_HEADER_ONE_PASS         = 2,
    IAA_HEADER_ONE_PASS_FINAL   = 3,
    /* The first of two passes, which leaves to the second what it has made */
    IAA_HEADER_TABLES           = 5,        /* but no header */
    IAA_HEADER_TWO_PASS         = 6,
    IAA_HEADER_TWO_PASS_FINAL   = 7,
};

#define IAA_COMPRESS2_TABLES    BIT(1)      /* in IAADescriptor.filter_flags */

/* Flags of DECOMPRESS */
#define IAA_DECOMPRESS_ENABLE       BIT(0)
#define IAA_DECOMPRESS_FLUSH        BIT(1)
#define IAA_DECOMPRESS_STOP_ON_EOB  BIT(2)
#define IAA_DECOMPRESS_CHECK_EOB    BIT(3)
#define IAA_DECOMPRESS_BFINAL       BIT(4)  /* the former two: final block */
#define IAA_DECOMPRESS_SUPPRESS     BIT(9)  /* write nothing */

typedef struct QEMU_PACKED IAADescriptor {
    uint32_t pasid;             /* 19:0; 31 privileged */
    uint32_t op_flags;          /* 23:0 flags, 31:24 opcode */
    uint64_t record_addr;
    uint64_t src1_addr;
    uint64_t dst_addr;
    uint32_t src1_size;
    uint16_t int_handle;
    uint16_t mode;              /* flags of the operation */
    uint64_t src2_addr;
    uint32_t max_dst_size;
    uint32_t src2_size;
    uint32_t filter_flags;      /* COMPRESS: more flags */
    uint32_t num_inputs;
} IAADescriptor;

QEMU_BUILD_BUG_ON(sizeof(IAADescriptor) != 64);

REG32(IAA_DESC_PASID, 0x00)
    FIELD(IAA_DESC_PASID, PASID, 0, 20)
    FIELD(IAA_DESC_PASID, RESERVED, 20, 11)
    FIELD(IAA_DESC_PASID, PRIV, 31, 1)
REG32(IAA_DESC_OP, 0x04)
    FIELD(IAA_DESC_OP, FLAGS, 0, 24)
    FIELD(IAA_DESC_OP, OPCODE, 24, 8)

#define IAA_RECORD_ALIGN        64
#define IAA_AECS_ALIGN          32

/* What has become of a descriptor */
typedef enum IAAStatus {
    IAA_STATUS_NONE             = 0x00,
    IAA_STATUS_SUCCESS          = 0x01,
    IAA_STATUS_READ_FAULT       = 0x03,
    IAA_STATUS_READ_INVALID     = 0x04,     /* by page request; not modelled */
    IAA_STATUS_ANALYTICS        = 0x0a,     /* see IAACompletion.error */
    IAA_STATUS_OUTPUT_FULL      = 0x0b,
    IAA_STATUS_OPCODE           = 0x10,
    IAA_STATUS_FLAGS            = 0x11,
    IAA_STATUS_RESERVED         = 0x12,
    IAA_STATUS_SIZE             = 0x13,
    IAA_STATUS_OVERLAP          = 0x16,
    IAA_STATUS_INT_HANDLE       = 0x19,
    IAA_STATUS_RECORD_FAULT     = 0x1a,     /* only in SWERR */
    IAA_STATUS_RECORD_ALIGN     = 0x1b,     /* only in SWERR */
    IAA_STATUS_AECS_ALIGN       = 0x1c,
    IAA_STATUS_UNSUPPORTED_REQ  = 0x20,     /* nothing answers the address */
    IAA_STATUS_MODE             = 0x30,     /* IAADescriptor.mode */
    IAA_STATUS_FILTER_FLAGS     = 0x31,
    IAA_STATUS_WRITE_FAULT      = 0x83,
    IAA_STATUS_WRITE_INVALID    = 0x84,
} IAAStatus;

typedef struct QEMU_PACKED IAACompletion {
    uint8_t status;             /* written last; 7: the fault was a write */
    uint8_t error;
    uint8_t fault_info;         /* 3:1 operand */
    uint8_t reserved3;
    uint32_t bytes_completed;   /* of source 1 */
    uint64_t fault_addr;
    uint32_t invalid_flags;
    uint32_t reserved20;
    uint32_t output_size;       /* in bytes */
    uint8_t output_bits;        /* valid in the last byte, 0 means 8 */
    uint8_t reserved29;
    uint16_t xor_checksum;
    uint32_t crc;
    uint8_t reserved36[28];
} IAACompletion;

QEMU_BUILD_BUG_ON(sizeof(IAACompletion) != 64);

REG8(IAA_FAULT_INFO, 2)
    FIELD(IAA_FAULT_INFO, OPERAND, 1, 3)

/* Analytics engine configuration and state, of COMPRESS */
typedef struct QEMU_PACKED IAACompressAECS {
    uint32_t crc;
    uint32_t xor_checksum;
    uint8_t reserved8[20];
    uint32_t acc_bits;
    uint8_t acc[256];           /* output accumulator */
    uint32_t ll[286];           /* 18:15 length of the code, 14:0 code */
    uint32_t reserved1432[2];
    uint32_t d[30];
    uint32_t reserved1560[2];
} IAACompressAECS;

QEMU_BUILD_BUG_ON(sizeof(IAACompressAECS) != 1568);

/* The same of DECOMPRESS and of filters, which are not modelled */
typedef struct QEMU_PACKED IAADecompressAECS {
    uint32_t crc;
    uint32_t xor_checksum;
    uint32_t filter_low;
    uint32_t filter_high;
    uint32_t output_index;
    uint32_t drop_bytes;        /* of output, at the start */
    uint32_t reserved24;
    uint32_t reserved28;
    uint8_t reserved32[136];
    uint32_t output_acc[2];
    uint32_t output_bits;
    uint32_t index_bits;
    uint64_t input[32];         /* input accumulator */
    uint8_t input_bits[32];     /* valid in each of the former */
    uint32_t eob_code;
    uint8_t drop_bits;          /* of input, at the start */
    uint8_t format;             /* 0: of IAA 1.0, 1: of IAA 2.0 */
    uint16_t reserved478;
    uint8_t tables[596];
    uint16_t state;             /* IAA_INFLATE_* */
    uint16_t reserved1078;
    uint8_t more_tables[172];
    uint16_t history_end;
    uint16_t reserved1254;
    uint8_t history[4096];
    uint8_t reserved5352[24];
} IAADecompressAECS;

REG16(IAA_AECS_HISTORY, 1252)
    FIELD(IAA_AECS_HISTORY, END, 0, 15)     /* where the next byte goes */
    FIELD(IAA_AECS_HISTORY, WRAPPED, 15, 1)

/* How much of it there may be */
#define IAA_AECS_SIZE_CHECKSUMS     0x20
#define IAA_AECS_SIZE_NO_HISTORY    0x4e0
#define IAA_AECS_SIZE_FULL          0x1500

QEMU_BUILD_BUG_ON(sizeof(IAADecompressAECS) != IAA_AECS_SIZE_FULL);
QEMU_BUILD_BUG_ON(offsetof(IAADecompressAECS, reserved32) !=
                  IAA_AECS_SIZE_CHECKSUMS);
QEMU_BUILD_BUG_ON(offsetof(IAADecompressAECS, input) != 184);
QEMU_BUILD_BUG_ON(offsetof(IAADecompressAECS, state) != 1076);
QEMU_BUILD_BUG_ON(offsetof(IAADecompressAECS, history) != 1256);

#endif /* HW_IAA_REGS_H */
