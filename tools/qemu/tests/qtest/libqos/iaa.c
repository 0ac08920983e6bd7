/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libqos driver of the Intel In-Memory Analytics Accelerator
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "hw/pci/pci_regs.h"
#include "iaa.h"
#include "pci.h"
#include "qemu/bswap.h"

#define QIAA_DEVFN      QPCI_DEVFN(4, 0)
#define QIAA_MSI_DATA   0x1aa00000

uint32_t qiaa_readl(QIAA *iaa, uint64_t offset)
{
    return qpci_io_readl(iaa->dev, iaa->regs, offset);
}

uint64_t qiaa_readq(QIAA *iaa, uint64_t offset)
{
    return qpci_io_readq(iaa->dev, iaa->regs, offset);
}

void qiaa_writel(QIAA *iaa, uint64_t offset, uint32_t value)
{
    qpci_io_writel(iaa->dev, iaa->regs, offset, value);
}

void qiaa_writeq(QIAA *iaa, uint64_t offset, uint64_t value)
{
    qpci_io_writeq(iaa->dev, iaa->regs, offset, value);
}

uint32_t qiaa_wq_readl(QIAA *iaa, unsigned wq, uint64_t offset)
{
    return qiaa_readl(iaa, offset + wq * IAA_WQCFG_STRIDE);
}

void qiaa_wq_writel(QIAA *iaa, unsigned wq, uint64_t offset, uint32_t value)
{
    qiaa_writel(iaa, offset + wq * IAA_WQCFG_STRIDE, value);
}

uint64_t qiaa_alloc(QIAA *iaa, size_t size)
{
    uint64_t addr = guest_alloc(&iaa->qs->alloc, size);

    qtest_memset(iaa->qs->qts, addr, 0, size);
    return addr;
}

uint64_t qiaa_alloc_buf(QIAA *iaa, const void *buf, size_t size)
{
    uint64_t addr = qiaa_alloc(iaa, MAX(size, 1));

    qiaa_memwrite(iaa, addr, buf, size);
    return addr;
}

void qiaa_memread(QIAA *iaa, uint64_t addr, void *buf, size_t size)
{
    if (size) {
        qtest_bufread(iaa->qs->qts, addr, buf, size);
    }
}

void qiaa_memwrite(QIAA *iaa, uint64_t addr, const void *buf, size_t size)
{
    if (size) {
        qtest_bufwrite(iaa->qs->qts, addr, buf, size);
    }
}

/* An interrupt is a write, and nobody minds if it goes to memory */
static void qiaa_setup_vector(QIAA *iaa, unsigned vector)
{
    uint64_t entry = iaa->dev->msix_table_off + vector * PCI_MSIX_ENTRY_SIZE;
    QPCIBar bar = iaa->dev->msix_table_bar;

    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                   iaa->msi + 4 * vector);
    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_DATA,
                   QIAA_MSI_DATA + vector);
    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
}

/* Maps BAR 0, where the table of vectors is */
static void qiaa_setup_interrupts(QIAA *iaa)
{
    qpci_msix_enable(iaa->dev);
    iaa->regs = iaa->dev->msix_table_bar;
    qtest_memset(iaa->qs->qts, iaa->msi, 0, 4 * IAA_NUM_VECTORS);
    for (unsigned i = 0; i < IAA_NUM_VECTORS; i++) {
        qiaa_setup_vector(iaa, i);
    }
}

bool qiaa_interrupted(QIAA *iaa, unsigned vector)
{
    uint64_t addr = iaa->msi + 4 * vector;
    uint32_t data = qtest_readl(iaa->qs->qts, addr);

    g_assert(data == 0 || data == QIAA_MSI_DATA + vector);
    qtest_writel(iaa->qs->qts, addr, 0);
    return data;
}

void qiaa_map(QIAA *iaa)
{
    qpci_device_enable(iaa->dev);
    qiaa_setup_interrupts(iaa);
    iaa->portals = qpci_iomap(iaa->dev, IAA_BAR_PORTALS, NULL);
    if (iaa->injects) {
        iaa->inject = qpci_iomap(iaa->dev, IAA_BAR_INJECT, NULL);
    }
}

void qiaa_setup(QIAA *iaa)
{
    qiaa_map(iaa);
    qiaa_writel(iaa, A_IAA_CMD, FIELD_DP32(0, IAA_CMD, COMMAND,
                                           IAA_CMD_RESET_DEVICE));
    if (qiaa_readl(iaa, A_IAA_CMDSTS) & R_IAA_CMDSTS_ACTIVE_MASK) {
        qiaa_step(iaa, QIAA_LONG_NS);
    }
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==, 0);
    qiaa_writel(iaa, A_IAA_GENCTRL, R_IAA_GENCTRL_SWERR_INT_EN_MASK);
}

QIAA *qiaa_start(const char *options)
{
    QIAA *iaa = g_new0(QIAA, 1);

    iaa->qs = qtest_pc_boot("-machine q35 -device iaa,id=iaa0,addr=4%s",
                            options);
    iaa->dev = qpci_device_find(iaa->qs->pcibus, QIAA_DEVFN);
    g_assert_nonnull(iaa->dev);
    iaa->msi = qiaa_alloc(iaa, 4 * IAA_NUM_VECTORS);
    iaa->injects = strstr(options, ",inject=on");
    qiaa_setup(iaa);
    return iaa;
}

QIAA *qiaa_another(QIAA *iaa, unsigned slot)
{
    QIAA *another = g_new0(QIAA, 1);

    another->qs = iaa->qs;
    another->dev = qpci_device_find(iaa->qs->pcibus, QPCI_DEVFN(slot, 0));
    g_assert_nonnull(another->dev);
    another->msi = qiaa_alloc(another, 4 * IAA_NUM_VECTORS);
    qiaa_setup(another);
    return another;
}

void qiaa_release(QIAA *iaa)
{
    qpci_msix_disable(iaa->dev);
    g_free(iaa->dev);
    g_free(iaa);
}

void qiaa_stop(QIAA *iaa)
{
    QOSState *qs = iaa->qs;

    qiaa_release(iaa);
    qtest_shutdown(qs);
}

void qiaa_command(QIAA *iaa, uint32_t code, uint32_t operand)
{
    uint32_t cmd = R_IAA_CMD_INT_REQUEST_MASK;

    cmd = FIELD_DP32(cmd, IAA_CMD, COMMAND, code);
    qiaa_writel(iaa, A_IAA_CMD, cmd | operand);
}

uint8_t qiaa_command_status(QIAA *iaa)
{
    uint32_t status = qiaa_readl(iaa, A_IAA_CMDSTS);

    g_assert_cmphex(status & ~R_IAA_CMDSTS_ERROR_MASK, ==, 0);
    g_assert_true(qiaa_interrupted(iaa, 0));
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==,
                    R_IAA_INTCAUSE_COMMAND_MASK);
    qiaa_writel(iaa, A_IAA_INTCAUSE, R_IAA_INTCAUSE_COMMAND_MASK);
    return status;
}

uint8_t qiaa_execute(QIAA *iaa, uint32_t code, uint32_t operand)
{
    qiaa_command(iaa, code, operand);
    return qiaa_command_status(iaa);
}

void qiaa_config_group(QIAA *iaa, unsigned group, uint32_t wqs,
                       uint32_t engines)
{
    uint64_t base = group * IAA_GRPCFG_STRIDE;

    qiaa_writeq(iaa, A_IAA_GRPCFG_WQS + base, wqs);
    qiaa_writeq(iaa, A_IAA_GRPCFG_ENGINES + base, engines);
}

void qiaa_config_queue(QIAA *iaa, const QIAAQueue *queue)
{
    qiaa_wq_writel(iaa, queue->index, A_IAA_WQCFG_SIZE, queue->size);
    qiaa_wq_writel(iaa, queue->index, A_IAA_WQCFG_MODE, queue->mode);
    qiaa_wq_writel(iaa, queue->index, A_IAA_WQCFG_LIMITS,
                   queue->transfer_shift);
}

void qiaa_enable(QIAA *iaa, const QIAAQueue *queues, unsigned count)
{
    uint32_t wqs = 0;

    for (unsigned i = 0; i < count; i++) {
        wqs |= BIT(queues[i].index);
        qiaa_config_queue(iaa, &queues[i]);
    }
    qiaa_config_group(iaa, 0, wqs, MAKE_64BIT_MASK(0, IAA_NUM_ENGINES));
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_SUCCESS);
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, queues[i].index),
                        ==, IAA_CMDSTS_SUCCESS);
    }
}

void qiaa_enable_one(QIAA *iaa)
{
    const QIAAQueue queue = {
        .size = 16,
        .mode = R_IAA_WQCFG_MODE_DEDICATED_MASK,
        .transfer_shift = IAA_MAX_TRANSFER_SHIFT,
    };

    qiaa_enable(iaa, &queue, 1);
}

void qiaa_submit(QIAA *iaa, unsigned wq, const IAADescriptor *desc)
{
    IAADescriptor le = {
        .pasid = cpu_to_le32(desc->pasid),
        .op_flags = cpu_to_le32(desc->op_flags),
        .record_addr = cpu_to_le64(desc->record_addr),
        .src1_addr = cpu_to_le64(desc->src1_addr),
        .dst_addr = cpu_to_le64(desc->dst_addr),
        .src1_size = cpu_to_le32(desc->src1_size),
        .int_handle = cpu_to_le16(desc->int_handle),
        .mode = cpu_to_le16(desc->mode),
        .src2_addr = cpu_to_le64(desc->src2_addr),
        .max_dst_size = cpu_to_le32(desc->max_dst_size),
        .src2_size = cpu_to_le32(desc->src2_size),
        .filter_flags = cpu_to_le32(desc->filter_flags),
        .num_inputs = cpu_to_le32(desc->num_inputs),
    };

    qpci_memwrite(iaa->dev, iaa->portals,
                  wq * IAA_PORTAL_STRIDE + IAA_PORTAL_LIMITED,
                  &le, sizeof(le));
}

IAACompletion qiaa_record(QIAA *iaa, uint64_t addr)
{
    IAACompletion record;

    qiaa_memread(iaa, addr, &record, sizeof(record));
    record.bytes_completed = le32_to_cpu(record.bytes_completed);
    record.fault_addr = le64_to_cpu(record.fault_addr);
    record.invalid_flags = le32_to_cpu(record.invalid_flags);
    record.output_size = le32_to_cpu(record.output_size);
    record.xor_checksum = le16_to_cpu(record.xor_checksum);
    record.crc = le32_to_cpu(record.crc);
    return record;
}

void qiaa_step(QIAA *iaa, int64_t ns)
{
    qtest_clock_step(iaa->qs->qts, ns);
}

IAACompletion qiaa_run(QIAA *iaa, const IAADescriptor *desc)
{
    qtest_memset(iaa->qs->qts, desc->record_addr, 0, sizeof(IAACompletion));
    qiaa_submit(iaa, 0, desc);
    qiaa_step(iaa, QIAA_LONG_NS);
    return qiaa_record(iaa, desc->record_addr);
}

uint32_t qiaa_op(IAAOpcode opcode, uint32_t flags)
{
    return flags | opcode << R_IAA_DESC_OP_OPCODE_SHIFT;
}

IAADescriptor qiaa_desc_noop(QIAA *iaa)
{
    return (IAADescriptor) {
        .op_flags = qiaa_op(IAA_OP_NOOP, QIAA_RECORD_FLAGS),
        .record_addr = qiaa_alloc(iaa, sizeof(IAACompletion)),
    };
}

/* Codes of RFC 1951, 3.2.6, and the header of a final block that uses them */
IAACompressAECS qiaa_fixed_aecs(void)
{
    IAACompressAECS aecs = { .acc_bits = cpu_to_le32(3), .acc = { 3 } };

    for (unsigned i = 0; i < ARRAY_SIZE(aecs.ll); i++) {
        uint32_t entry = i < 144 ? 8 << 15 | (0x30 + i) :
                         i < 256 ? 9 << 15 | (0x190 + i - 144) :
                         i < 280 ? 7 << 15 | (i - 256) :
                                   8 << 15 | (0xc0 + i - 280);

        aecs.ll[i] = cpu_to_le32(entry);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(aecs.d); i++) {
        aecs.d[i] = cpu_to_le32(5 << 15 | i);
    }
    return aecs;
}

IAADescriptor qiaa_desc_compress(QIAA *iaa, const void *src, uint32_t size,
                                 uint32_t max_dst)
{
    IAACompressAECS aecs = qiaa_fixed_aecs();

    return (IAADescriptor) {
        .op_flags = qiaa_op(IAA_OP_COMPRESS,
                            QIAA_RECORD_FLAGS | IAA_FLAG_CC |
                            IAA_FLAG_RD_SRC2_AECS),
        .record_addr = qiaa_alloc(iaa, sizeof(IAACompletion)),
        .src1_addr = qiaa_alloc_buf(iaa, src, size),
        .src1_size = size,
        .dst_addr = qiaa_alloc(iaa, max_dst + 16),
        .max_dst_size = max_dst,
        .src2_addr = qiaa_alloc_buf(iaa, &aecs, sizeof(aecs)),
        .src2_size = sizeof(aecs),
        .mode = QIAA_COMPRESS_MODE,
    };
}

IAADescriptor qiaa_desc_decompress(QIAA *iaa, const void *src, uint32_t size,
                                   uint32_t max_dst)
{
    return (IAADescriptor) {
        .op_flags = qiaa_op(IAA_OP_DECOMPRESS, QIAA_RECORD_FLAGS | IAA_FLAG_CC),
        .record_addr = qiaa_alloc(iaa, sizeof(IAACompletion)),
        .src1_addr = qiaa_alloc_buf(iaa, src, size),
        .src1_size = size,
        .dst_addr = qiaa_alloc(iaa, max_dst + 16),
        .max_dst_size = max_dst,
        .mode = QIAA_DECOMPRESS_MODE,
    };
}

IAADescriptor qiaa_desc_of_output(QIAA *iaa, const IAADescriptor *desc,
                                  uint32_t size)
{
    g_autofree uint8_t *stream = g_malloc(size);

    qiaa_memread(iaa, desc->dst_addr, stream, size);
    return qiaa_desc_decompress(iaa, stream, size, desc->src1_size);
}

uint8_t qiaa_status(QIAA *iaa, const IAADescriptor *desc)
{
    return qiaa_record(iaa, desc->record_addr).status;
}

uint8_t *qiaa_make_text(size_t size, uint32_t seed)
{
    static const char *words[] = {
        "page ", "folio ", "swap ", "the ", "of ", "engine ", "queue ", "a ",
        "descriptor ", "to ", "memory ", "batch ", "is ", "record ", "in ",
        "0x7f3a ",
    };
    uint8_t *text = g_malloc(size);
    size_t len = 0;

    while (len < size) {
        const char *word;

        seed = seed * 1103515245 + 12345;
        word = words[seed >> 16 & 15];
        for (; *word && len < size; word++) {
            text[len++] = *word;
        }
    }
    return text;
}

void qiaa_inject(QIAA *iaa, unsigned slot, const QIAAFault *fault)
{
    uint64_t base = slot * IAA_SLOT_STRIDE;
    const struct {
        uint64_t offset;
        uint32_t value;
    } regs[] = {
        { A_IAA_SLOT_SKIP, fault->skip },
        { A_IAA_SLOT_COUNT, fault->count ?: 1 },
        { A_IAA_SLOT_STATUS, fault->status |
          fault->error << R_IAA_SLOT_STATUS_ERROR_SHIFT |
          fault->reset << R_IAA_SLOT_STATUS_RESET_SHIFT },
        { A_IAA_SLOT_MASK, fault->mask },
        { A_IAA_SLOT_OFFSET, fault->offset },
        { A_IAA_SLOT_DELAY, fault->delay_ns },
        { A_IAA_SLOT_CONTROL, fault->action |
          fault->wq << R_IAA_SLOT_CONTROL_WQ_SHIFT |
          fault->code << R_IAA_SLOT_CONTROL_CODE_SHIFT },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
        qpci_io_writel(iaa->dev, iaa->inject, regs[i].offset + base,
                       regs[i].value);
    }
}

uint32_t qiaa_hits(QIAA *iaa, unsigned slot)
{
    return qpci_io_readl(iaa->dev, iaa->inject,
                         A_IAA_SLOT_HITS + slot * IAA_SLOT_STRIDE);
}
