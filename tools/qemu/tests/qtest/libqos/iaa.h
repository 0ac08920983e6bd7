/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libqos driver of the Intel In-Memory Analytics Accelerator
 */

#ifndef TESTS_LIBQOS_IAA_H
#define TESTS_LIBQOS_IAA_H

#include "hw/iaa/iaa-regs.h"
#include "libqos-pc.h"

/**
 * QIAA: a machine with one accelerator
 * @qs: machine
 * @dev: accelerator
 * @regs: BAR 0
 * @portals: BAR 2
 * @msi: guest memory that interrupts are written to, one dword per vector
 */
typedef struct QIAA {
    QOSState *qs;
    QPCIDevice *dev;
    QPCIBar regs;
    QPCIBar portals;
    uint64_t msi;
} QIAA;

/* How qiaa_enable() sets up a queue */
typedef struct QIAAQueue {
    unsigned index;
    uint32_t size;
    uint32_t mode;
    uint32_t transfer_shift;
} QIAAQueue;

/* Time that any descriptor of a test is done in */
#define QIAA_LONG_NS    (100 * 1000 * 1000)

/* qiaa_setup: map and reset the accelerator after a reset of its function */
void qiaa_setup(QIAA *iaa);

/**
 * qiaa_start: boot a machine and set up its accelerator
 * @options: properties of the device, each with a comma before it
 */
QIAA *qiaa_start(const char *options);
void qiaa_stop(QIAA *iaa);

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

#endif /* TESTS_LIBQOS_IAA_H */
