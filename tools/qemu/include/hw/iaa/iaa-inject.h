/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fault injection into the Intel In-Memory Analytics Accelerator
 *
 * Nothing here exists on silicon.  A test has the device fail at an exact
 * point: the third compression of queue 2 from now on never ends, the next
 * ENABLE_WQ is refused.  What is to go wrong, and when, is in a slot; the host
 * fills slots through a property, a guest through BAR 4.
 */

#ifndef HW_IAA_INJECT_H
#define HW_IAA_INJECT_H

#include "hw/registerfields.h"
#include "qemu/units.h"

#define IAA_INJECT_SLOTS        8

/**
 * IAAInjectAction: what goes wrong
 *
 * Those below IAA_INJECT_COMMANDS count the descriptors that queues accept,
 * the others count the commands that are written while none is active.
 */
typedef enum IAAInjectAction {
    IAA_INJECT_NONE         = 0,
    IAA_INJECT_STATUS       = 1,    /* completes with a status, does nothing */
    IAA_INJECT_DROP         = 2,    /* is lost, as if never written */
    IAA_INJECT_STICK        = 3,    /* holds its engine until abort or reset */
    IAA_INJECT_DELAY        = 4,    /* takes longer */
    IAA_INJECT_CRC          = 5,    /* the record has a wrong CRC */
    IAA_INJECT_OUTPUT       = 6,    /* a byte of the output is wrong */
    IAA_INJECT_NO_INTERRUPT = 7,    /* the completion interrupt is lost */
    IAA_INJECT_HALT         = 8,    /* the device halts instead */
    IAA_INJECT_GONE         = 9,    /* the device is gone instead */
    IAA_INJECT_COMMANDS     = 16,
    IAA_INJECT_REFUSE       = 16,   /* the command fails with a code */
    IAA_INJECT_HANG         = 17,   /* the command never completes */
} IAAInjectAction;

/*
 * BAR 4, with the property "inject" only
 */
#define IAA_BAR_INJECT          4
#define IAA_BAR_INJECT_SIZE     (4 * KiB)
#define IAA_INJECT_ID_VALUE     0x46414149  /* "IAAF" in memory */

REG32(IAA_INJECT_ID, 0x00)                  /* read only */
REG32(IAA_INJECT_NUM_SLOTS, 0x04)           /* read only */
REG32(IAA_INJECT_HALT, 0x08)                /* a write halts the device */
    FIELD(IAA_INJECT_HALT, TYPE, 0, 2)      /* of the reset that it needs */
REG32(IAA_INJECT_GONE, 0x0c)                /* 1: gone, 0: back */
REG32(IAA_INJECT_CLEAR, 0x10)               /* a write disarms all slots */

/* The first of the slots; a write to CONTROL arms, so it comes last */
REG32(IAA_SLOT_CONTROL, 0x100)
    FIELD(IAA_SLOT_CONTROL, ACTION, 0, 8)   /* IAAInjectAction */
    FIELD(IAA_SLOT_CONTROL, WQ, 8, 8)       /* IAA_INJECT_ANY or which */
    FIELD(IAA_SLOT_CONTROL, CODE, 16, 8)    /* opcode or command, or ANY */
#define IAA_INJECT_ANY          0xff
REG32(IAA_SLOT_SKIP, 0x104)                 /* so many pass before the first */
REG32(IAA_SLOT_COUNT, 0x108)                /* so many are hit; 0: none */
#define IAA_INJECT_FOREVER      UINT32_MAX
REG32(IAA_SLOT_HITS, 0x10c)                 /* since armed; read only */
REG32(IAA_SLOT_STATUS, 0x110)
    FIELD(IAA_SLOT_STATUS, STATUS, 0, 8)    /* of the record or of CMDSTS */
    FIELD(IAA_SLOT_STATUS, ERROR, 8, 8)     /* of the record */
    FIELD(IAA_SLOT_STATUS, RESET, 16, 2)    /* that a halt needs */
REG32(IAA_SLOT_MASK, 0x114)                 /* bits to flip; 0: all */
REG32(IAA_SLOT_OFFSET, 0x118)               /* of the wrong byte of output */
REG32(IAA_SLOT_DELAY, 0x11c)                /* in ns */
#define IAA_SLOT_STRIDE         0x20
#define IAA_SLOT_REGS           (IAA_SLOT_STRIDE / 4)

/* A slot, as its registers are; SKIP and COUNT go down as things happen */
typedef struct IAAInjectSlot {
    uint32_t regs[IAA_SLOT_REGS];
} IAAInjectSlot;

/* What a slot does to the descriptor or command that it hits */
typedef struct IAAInjection {
    IAAInjectAction action;
    uint8_t status;
    uint8_t error;
    uint8_t reset_type;
    uint32_t mask;
    uint32_t offset;
    uint32_t delay_ns;
} IAAInjection;

#endif /* HW_IAA_INJECT_H */
