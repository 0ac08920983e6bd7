/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libqos driver of the Intel In-Memory Analytics Accelerator
 */

#ifndef TESTS_LIBQOS_IAA_H
#define TESTS_LIBQOS_IAA_H

#include "hw/iaa/iaa-inject.h"
#include "hw/iaa/iaa-regs.h"
#include "libqos-pc.h"

/**
 * QIAA: a machine with one accelerator
 * @qs: machine
 * @dev: accelerator
 * @regs: BAR 0
 * @portals: BAR 2
 * @inject: BAR 4
 * @injects: whether there is BAR 4
 * @msi: guest memory that interrupts are written to, one dword per vector
 */
typedef struct QIAA {
    QOSState *qs;
    QPCIDevice *dev;
    QPCIBar regs;
    QPCIBar portals;
    QPCIBar inject;
    bool injects;
    uint64_t msi;
} QIAA;

/* How qiaa_enable() sets up a queue */
typedef struct QIAAQueue {
    unsigned index;
    uint32_t size;
    uint32_t mode;
    uint32_t transfer_shift;
} QIAAQueue;

/* What goes wrong with the descriptor or command after @skip others */
typedef struct QIAAFault {
    IAAInjectAction action;
    uint8_t wq;
    uint8_t code;
    uint32_t skip;
    uint32_t count;             /* 0 stands for 1 */
    uint8_t status;
    uint8_t error;
    IAAResetType reset;
    uint32_t mask;
    uint32_t offset;
    uint32_t delay_ns;
} QIAAFault;

#define QIAA_RECORD_FLAGS   (IAA_FLAG_CRAV | IAA_FLAG_RCR)

/* The flags of Linux: one block, ended and flushed */
#define QIAA_COMPRESS_MODE  (IAA_COMPRESS_FLUSH | IAA_COMPRESS_END_EOB)
#define QIAA_DECOMPRESS_MODE \
    (IAA_DECOMPRESS_ENABLE | IAA_DECOMPRESS_FLUSH | \
     IAA_DECOMPRESS_STOP_ON_EOB | IAA_DECOMPRESS_CHECK_EOB)

/* Time that any descriptor of a test is done in */
#define QIAA_LONG_NS    (100 * 1000 * 1000)

/* qiaa_map: map the BARs and the vectors, after a reset of the function */
void qiaa_map(QIAA *iaa);

/* qiaa_setup: map and reset the accelerator after a reset of its function */
void qiaa_setup(QIAA *iaa);

/**
 * qiaa_start: boot a machine and set up its accelerator
 * @options: properties of the device, each with a comma before it
 */
QIAA *qiaa_start(const char *options);
void qiaa_stop(QIAA *iaa);

/**
 * qiaa_another: set up one more accelerator of the same machine
 * @iaa: machine
 * @slot: where it is on the root bus
 *
 * Returns: to be freed by qiaa_release() before qiaa_stop().
 */
QIAA *qiaa_another(QIAA *iaa, unsigned slot);
void qiaa_release(QIAA *iaa);

uint32_t qiaa_readl(QIAA *iaa, uint64_t offset);
uint64_t qiaa_readq(QIAA *iaa, uint64_t offset);
void qiaa_writel(QIAA *iaa, uint64_t offset, uint32_t value);
void qiaa_writeq(QIAA *iaa, uint64_t offset, uint64_t value);
uint32_t qiaa_wq_readl(QIAA *iaa, unsigned wq, uint64_t offset);
void qiaa_wq_writel(QIAA *iaa, unsigned wq, uint64_t offset, uint32_t value);

/* qiaa_interrupted: whether a vector was used since it was last asked */
bool qiaa_interrupted(QIAA *iaa, unsigned vector);

/* qiaa_command: write CMD, asking for an interrupt */
void qiaa_command(QIAA *iaa, uint32_t code, uint32_t operand);

/* qiaa_command_status: check how a command ended, and that it was said so */
uint8_t qiaa_command_status(QIAA *iaa);

/* qiaa_execute: the former two */
uint8_t qiaa_execute(QIAA *iaa, uint32_t code, uint32_t operand);

void qiaa_config_group(QIAA *iaa, unsigned group, uint32_t wqs,
                       uint32_t engines);
void qiaa_config_queue(QIAA *iaa, const QIAAQueue *queue);

/**
 * qiaa_enable: enable the device with all engines and queues in group 0
 * @iaa: machine
 * @queues: queues to enable
 * @count: how many
 */
void qiaa_enable(QIAA *iaa, const QIAAQueue *queues, unsigned count);

/* qiaa_enable_one: the same with queue 0 of 16 entries */
void qiaa_enable_one(QIAA *iaa);

uint64_t qiaa_alloc(QIAA *iaa, size_t size);
uint64_t qiaa_alloc_buf(QIAA *iaa, const void *buf, size_t size);
void qiaa_memread(QIAA *iaa, uint64_t addr, void *buf, size_t size);
void qiaa_memwrite(QIAA *iaa, uint64_t addr, const void *buf, size_t size);

/* qiaa_submit: write a descriptor, in host byte order, to a queue's portal */
void qiaa_submit(QIAA *iaa, unsigned wq, const IAADescriptor *desc);

/* qiaa_record: read a completion record, into host byte order */
IAACompletion qiaa_record(QIAA *iaa, uint64_t addr);

/* qiaa_step: let virtual time pass */
void qiaa_step(QIAA *iaa, int64_t ns);

/* qiaa_run: submit to queue 0, wait and read the record */
IAACompletion qiaa_run(QIAA *iaa, const IAADescriptor *desc);

/* qiaa_op: the second dword of a descriptor */
uint32_t qiaa_op(IAAOpcode opcode, uint32_t flags);

/*
 * Sound descriptors, with all that they need in memory; behind a destination
 * there is room for 16 bytes more
 */
IAADescriptor qiaa_desc_noop(QIAA *iaa);
IAADescriptor qiaa_desc_compress(QIAA *iaa, const void *src, uint32_t size,
                                 uint32_t max_dst);
IAADescriptor qiaa_desc_decompress(QIAA *iaa, const void *src, uint32_t size,
                                   uint32_t max_dst);

/* qiaa_desc_of_output: to decompress what @desc made, @size bytes */
IAADescriptor qiaa_desc_of_output(QIAA *iaa, const IAADescriptor *desc,
                                  uint32_t size);

/* qiaa_fixed_aecs: codes of RFC 1951, 3.2.6, and the header of a final block */
IAACompressAECS qiaa_fixed_aecs(void);

/* qiaa_status: of the record of a descriptor, IAA_STATUS_NONE before it ends */
uint8_t qiaa_status(QIAA *iaa, const IAADescriptor *desc);

/* qiaa_make_text: compresses to about a third, different for every seed */
uint8_t *qiaa_make_text(size_t size, uint32_t seed);

/**
 * qiaa_inject: arm a fault, on a device with inject=on
 * @iaa: machine
 * @slot: from 0 to IAA_INJECT_SLOTS - 1
 * @fault: IAA_INJECT_ANY is any queue, any opcode or command
 */
void qiaa_inject(QIAA *iaa, unsigned slot, const QIAAFault *fault);

/* qiaa_hits: how often the fault in a slot has happened since it was armed */
uint32_t qiaa_hits(QIAA *iaa, unsigned slot);

#endif /* TESTS_LIBQOS_IAA_H */
