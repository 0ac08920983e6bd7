/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest of the Intel In-Memory Analytics Accelerator
 *
 * The virtual clock stands still unless a test steps it, so what is in flight
 * stays there, and times are exact.
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "hw/iaa/iaa-coder.h"
#include "hw/iaa/iaa-deflate.h"
#include "hw/pci/pci_ids.h"
#include "hw/pci/pci_regs.h"
#include "libqos/iaa.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/timer.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"

#define PAGE_SIZE       (4 * KiB)

/* Defaults of the device */
#define BASE_NS             1250
#define HEADER_BASE_NS      3500
#define COMPRESS_RATE       2100000000ull
#define DECOMPRESS_RATE     4000000000ull
#define DEVICE_RATE         3000000000ull

static void assert_memory(QIAA *iaa, uint64_t addr, const void *expected,
                          size_t size)
{
    g_autofree uint8_t *buf = g_malloc(size);

    qiaa_memread(iaa, addr, buf, size);
    g_assert_cmpmem(buf, size, expected, size);
}

/* Fills the room behind a destination, to see that it stays as it is */
static void guard_destination(QIAA *iaa, const IAADescriptor *desc)
{
    qtest_memset(iaa->qs->qts, desc->dst_addr + desc->max_dst_size, 0xa5, 16);
}

static void assert_guarded(QIAA *iaa, const IAADescriptor *desc)
{
    uint8_t guard[16];

    memset(guard, 0xa5, sizeof(guard));
    assert_memory(iaa, desc->dst_addr + desc->max_dst_size, guard,
                  sizeof(guard));
}

static void assert_swerr(QIAA *iaa, uint8_t code, bool overflow)
{
    uint64_t err = qiaa_readq(iaa, A_IAA_SWERR0);

    g_assert_true(FIELD_EX64(err, IAA_SWERR0, VALID));
    g_assert_cmphex(FIELD_EX64(err, IAA_SWERR0, ERROR), ==, code);
    g_assert_cmpint(FIELD_EX64(err, IAA_SWERR0, OVERFLOW), ==, overflow);
}

static void clear_swerr(QIAA *iaa)
{
    qiaa_writeq(iaa, A_IAA_SWERR0,
                R_IAA_SWERR0_VALID_MASK | R_IAA_SWERR0_OVERFLOW_MASK);
    qiaa_writel(iaa, A_IAA_INTCAUSE, R_IAA_INTCAUSE_SWERR_MASK);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==, 0);
    qiaa_interrupted(iaa, 0);
}

/* Test that the function looks like the one idxd knows */
static void test_identity(void)
{
    QIAA *iaa = qiaa_start("");
    uint64_t size;
    uint8_t cap;

    g_assert_cmphex(qpci_config_readw(iaa->dev, PCI_VENDOR_ID), ==,
                    PCI_VENDOR_ID_INTEL);
    g_assert_cmphex(qpci_config_readw(iaa->dev, PCI_DEVICE_ID), ==,
                    IAA_PCI_DEVICE_ID);
    g_assert_cmphex(qpci_config_readw(iaa->dev, PCI_CLASS_DEVICE), ==,
                    PCI_CLASS_SYSTEM_OTHER);
    g_assert_cmpint(qpci_msix_table_size(iaa->dev), ==, IAA_NUM_VECTORS);
    cap = qpci_find_capability(iaa->dev, PCI_CAP_ID_EXP, 0);
    g_assert_cmphex(cap, !=, 0);
    g_assert_cmphex(qpci_config_readl(iaa->dev, cap + PCI_EXP_DEVCAP) &
                    PCI_EXP_DEVCAP_FLR, !=, 0);
    qpci_iomap(iaa->dev, IAA_BAR_PORTALS, &size);
    g_assert_cmphex(size, ==, 0x20000);
    qiaa_stop(iaa);
}

/* Test the registers that say what the device can do */
static void test_capabilities(void)
{
    QIAA *iaa = qiaa_start("");

    g_assert_cmphex(qiaa_readl(iaa, A_IAA_VERSION), ==, 0x100);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_GENCAP), ==, 0x00071f1090160105);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_WQCAP), ==, 0x003f000000080080);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_GRPCAP), ==, 4);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_ENGCAP), ==, 8);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_OPCAP), ==, 0x5);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_OPCAP + 8), ==, 0xc);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_OFFSETS0), ==, 0x0040000200040003);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_OFFSETS1), ==, 0);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_IAACAP), ==, 0);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_DISABLED);
    qiaa_stop(iaa);

    iaa = qiaa_start(",generation=gnr");
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_VERSION), ==, 0x200);
    g_assert_cmphex(qiaa_readq(iaa, A_IAA_IAACAP), ==, 0x101);
    qiaa_stop(iaa);
}

/* Test that what is read only or not there ignores writes */
static void test_read_only(void)
{
    static const uint64_t offsets[] = {
        A_IAA_VERSION, A_IAA_GENCAP, A_IAA_OPCAP, A_IAA_GENSTS, A_IAA_CMDSTS,
        A_IAA_SWERR1, A_IAA_WQCFG_STATUS, A_IAA_WQCFG_RESERVED, 0x4, 0x70,
        0x1f8, IAA_REGS_END, 0x4000, IAA_BAR_REGS_SIZE - 4,
    };
    QIAA *iaa = qiaa_start("");

    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        uint32_t old = qiaa_readl(iaa, offsets[i]);

        qiaa_writel(iaa, offsets[i], ~old);
        g_assert_cmphex(qiaa_readl(iaa, offsets[i]), ==, old);
    }
    g_assert_cmphex(qpci_io_readq(iaa->dev, iaa->portals, 0x1000), ==,
                    UINT64_MAX);
    qiaa_stop(iaa);
}

/* Test each reason why the device cannot be enabled */
static void test_enable_device_errors(void)
{
    QIAA *iaa = qiaa_start("");
    uint16_t pci_command = qpci_config_readw(iaa->dev, PCI_COMMAND);

    qiaa_config_group(iaa, 0, 1, 0);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_GROUP_NO_ENGINES);
    qiaa_config_group(iaa, 0, 0, 1);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_GROUP_NO_WQS);
    qiaa_config_group(iaa, 0, 1, 1);
    qiaa_config_group(iaa, 3, 3, 2);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_GROUP_WQ_SHARED);
    qiaa_config_group(iaa, 3, 2, 3);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_GROUP_ENGINE_SHARED);
    qiaa_config_group(iaa, 3, 2, 2);
    qiaa_wq_writel(iaa, 0, A_IAA_WQCFG_SIZE, 100);
    qiaa_wq_writel(iaa, 7, A_IAA_WQCFG_SIZE, 29);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_WQ_SIZES);
    qiaa_wq_writel(iaa, 7, A_IAA_WQCFG_SIZE, 28);

    qpci_config_writew(iaa->dev, PCI_COMMAND, PCI_COMMAND_MEMORY);
    qiaa_command(iaa, IAA_CMD_ENABLE_DEVICE, 0);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==, IAA_CMDSTS_BUS_MASTER);
    qpci_config_writew(iaa->dev, PCI_COMMAND, pci_command);

    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_SUCCESS);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_ENABLED);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_DEVICE_ENABLED);
    qiaa_stop(iaa);
}

/* Test each reason why a queue cannot be enabled, and how it then can */
static void test_enable_wq_errors(void)
{
    const uint32_t dedicated = R_IAA_WQCFG_MODE_DEDICATED_MASK;
    const struct {
        QIAAQueue queue;
        IAACommandStatus status;
    } cases[] = {
        { { 1, 0, dedicated, 12 }, IAA_CMDSTS_WQ_SIZE },
        { { 2, 16, 0, 12 }, IAA_CMDSTS_WQ_SIZE },
        { { 3, 16, dedicated | R_IAA_WQCFG_MODE_PASID_EN_MASK, 12 },
          IAA_CMDSTS_WQ_PASID },
        { { 4, 16, dedicated, 12 | 1 << 5 }, IAA_CMDSTS_WQ_MAX_BATCH },
        { { 5, 16, dedicated, 23 }, IAA_CMDSTS_WQ_MAX_TRANSFER },
    };
    QIAA *iaa = qiaa_start("");

    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 0), ==,
                    IAA_CMDSTS_DEVICE_NOT_ENABLED);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_WQ, 1), ==,
                    IAA_CMDSTS_NOT_ENABLED);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_DISABLE_NOT_ENABLED);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        qiaa_config_queue(iaa, &cases[i].queue);
    }
    /* More than a shared queue has entries */
    qiaa_wq_writel(iaa, 2, A_IAA_WQCFG_THRESHOLD, 17);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 0), ==,
                    IAA_CMDSTS_WQ_ENABLED);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 8), ==,
                    IAA_CMDSTS_INVALID_WQ);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_WQ, 0x100), ==,
                    IAA_CMDSTS_INVALID_WQ);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_WQ, 0x10001), ==,
                    IAA_CMDSTS_INVALID_WQ);
    g_assert_cmphex(qiaa_execute(iaa, 0, 0), ==, IAA_CMDSTS_INVALID_COMMAND);
    g_assert_cmphex(qiaa_execute(iaa, 31, 0), ==, IAA_CMDSTS_INVALID_COMMAND);
    /* All of them are in no group as yet */
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 2), ==,
                    IAA_CMDSTS_WQ_SIZE);

    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_SUCCESS);
    qiaa_config_group(iaa, 0, 0xff, 0xff);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_SUCCESS);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ,
                                     cases[i].queue.index), ==,
                        cases[i].status);
    }
    qiaa_stop(iaa);
}

/* Test what of the configuration is locked when, and what resets clear */
static void test_configuration(void)
{
    QIAA *iaa = qiaa_start("");
    uint32_t mode = R_IAA_WQCFG_MODE_DEDICATED_MASK;

    qiaa_writel(iaa, A_IAA_MSIX_PERM + IAA_MSIX_PERM_STRIDE, 0xfffff00c);
    qiaa_writel(iaa, A_IAA_GENCFG, R_IAA_GENCFG_USER_INT_EN_MASK);
    qiaa_enable_one(iaa);
    qiaa_wq_writel(iaa, 0, A_IAA_WQCFG_SIZE, 32);
    qiaa_wq_writel(iaa, 0, A_IAA_WQCFG_MODE, 0);
    qiaa_config_group(iaa, 0, 0xff, 0);
    qiaa_writel(iaa, A_IAA_GENCFG, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_SIZE), ==, 16);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_MODE), ==, mode);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GRPCFG_WQS), ==, 1);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENCFG), ==,
                    R_IAA_GENCFG_USER_INT_EN_MASK);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 1u << 30);

    /* Another queue can be set up at any time */
    qiaa_wq_writel(iaa, 1, A_IAA_WQCFG_MODE, mode);
    g_assert_cmphex(qiaa_wq_readl(iaa, 1, A_IAA_WQCFG_MODE), ==, mode);

    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_RESET_WQ, 1), ==,
                    IAA_CMDSTS_SUCCESS);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_MODE), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_LIMITS), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_SIZE), ==, 16);
    g_assert_cmphex(qiaa_wq_readl(iaa, 1, A_IAA_WQCFG_MODE), ==, mode);
    qiaa_wq_writel(iaa, 0, A_IAA_WQCFG_MODE, mode);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 0), ==,
                    IAA_CMDSTS_SUCCESS);

    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_RESET_DEVICE, 0), ==,
                    IAA_CMDSTS_SUCCESS);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_DISABLED);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENCFG), ==, 0);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENCTRL), ==, 0);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GRPCFG_WQS), ==, 0);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GRPCFG_ENGINES), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_SIZE), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 1, A_IAA_WQCFG_MODE), ==, 0);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_MSIX_PERM + IAA_MSIX_PERM_STRIDE),
                    ==, 0);
    qiaa_stop(iaa);
}

/* Test that NOOP completes, when it should, with what was asked for */
static void test_noop(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);
    IAACompletion record;

    qiaa_enable_one(iaa);
    desc.op_flags |= IAA_FLAG_RCI;
    desc.int_handle = 1;
    qiaa_submit(iaa, 0, &desc);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==,
                    1u << 30 | 1);
    qiaa_step(iaa, BASE_NS - 1);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    g_assert_false(qiaa_interrupted(iaa, 1));
    qiaa_step(iaa, 1);
    record = qiaa_record(iaa, desc.record_addr);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(record.error, ==, 0);
    g_assert_cmphex(record.output_size, ==, 0);
    g_assert_true(qiaa_interrupted(iaa, 1));
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 1u << 30);

    /* Nothing is written on success that was not asked for */
    desc.op_flags = qiaa_op(IAA_OP_NOOP, IAA_FLAG_CRAV);
    desc.int_handle = 0;
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_NONE);
    g_assert_false(qiaa_interrupted(iaa, 1));
    qiaa_stop(iaa);
}

/* Test fixed codes against streams that are known to be right */
static void test_compress_anchors(void)
{
    static const struct {
        uint8_t in[4], out[6];
        unsigned in_len, out_len, out_bits;
        uint32_t crc;
        uint16_t xor;
    } cases[] = {
        { { }, { 0x03, 0x00 }, 0, 2, 2, 0, 0 },
        { { 0x61 }, { 0x4b, 0x04, 0x00 }, 1, 3, 2, 0xe8b7be43, 0x0061 },
        { { 0x61, 0x62, 0x63 }, { 0x4b, 0x4c, 0x4a, 0x06, 0x00 }, 3, 5, 2,
          0x352441c2, 0x6202 },
        { { 0xff, 0x90, 0x00 }, { 0xfb, 0x3f, 0x81, 0x01, 0x00 }, 3, 5, 4,
          0x309867e5, 0x90ff },
    };
    QIAA *iaa = qiaa_start("");

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        IAADescriptor desc = qiaa_desc_compress(iaa, cases[i].in,
                                                cases[i].in_len, 64);
        IAACompletion record = qiaa_run(iaa, &desc);

        g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
        g_assert_cmpuint(record.bytes_completed, ==, cases[i].in_len);
        g_assert_cmpuint(record.output_size, ==, cases[i].out_len);
        g_assert_cmpuint(record.output_bits, ==, cases[i].out_bits);
        g_assert_cmphex(record.crc, ==, cases[i].crc);
        g_assert_cmphex(record.xor_checksum, ==, cases[i].xor);
        assert_memory(iaa, desc.dst_addr, cases[i].out, cases[i].out_len);

        desc = qiaa_desc_decompress(iaa, cases[i].out, cases[i].out_len, 64);
        record = qiaa_run(iaa, &desc);
        g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
        g_assert_cmpuint(record.bytes_completed, ==, cases[i].out_len);
        g_assert_cmpuint(record.output_size, ==, cases[i].in_len);
        g_assert_cmphex(record.crc, ==, cases[i].crc);
        g_assert_cmphex(record.xor_checksum, ==, cases[i].xor);
        assert_memory(iaa, desc.dst_addr, cases[i].in, cases[i].in_len);
    }
    qiaa_stop(iaa);
}

static void round_trip(QIAA *iaa, const uint8_t *data, uint32_t size)
{
    IAADescriptor desc = qiaa_desc_compress(iaa, data, size, size);
    IAACompletion there = qiaa_run(iaa, &desc), back;

    g_assert_cmphex(there.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(there.bytes_completed, ==, size);
    g_assert_cmphex(there.crc, ==, crc32(0, data, size));
    desc = qiaa_desc_of_output(iaa, &desc, there.output_size);
    back = qiaa_run(iaa, &desc);
    g_assert_cmphex(back.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(back.bytes_completed, ==, there.output_size);
    g_assert_cmpuint(back.output_size, ==, size);
    g_assert_cmphex(back.crc, ==, there.crc);
    g_assert_cmphex(back.xor_checksum, ==, there.xor_checksum);
    assert_memory(iaa, desc.dst_addr, data, size);
}

/* Test data of one piece and of many, up to the most in one descriptor */
static void test_round_trip(void)
{
    static const uint32_t sizes[] = {
        1000, PAGE_SIZE, 64 * KiB, 64 * KiB + 1, 200001,
        1 << IAA_MAX_TRANSFER_SHIFT,
    };
    QIAA *iaa = qiaa_start("");
    g_autofree uint8_t *zeroes = g_malloc0(1 << IAA_MAX_TRANSFER_SHIFT);

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        g_autofree uint8_t *text = qiaa_make_text(sizes[i], i);

        round_trip(iaa, text, sizes[i]);
        round_trip(iaa, zeroes, sizes[i]);
    }
    qiaa_stop(iaa);
}

/* Test that compressed data that does not fit stays within its buffer */
static void test_compress_overflow(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_compress(iaa, "abc", 3, 4);
    IAACompletion record;

    qiaa_enable_one(iaa);
    guard_destination(iaa, &desc);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, 0x19);
    assert_guarded(iaa, &desc);

    desc.max_dst_size = 5;
    guard_destination(iaa, &desc);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.output_size, ==, 5);
    assert_guarded(iaa, &desc);
    qiaa_stop(iaa);
}

/* Test that decompressed data that does not fit fills its buffer, not more */
static void test_decompress_overflow(void)
{
    static const uint8_t abc[] = { 0x4b, 0x4c, 0x4a, 0x06, 0x00 };
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_decompress(iaa, abc, sizeof(abc), 2);
    IAACompletion record;

    qiaa_enable_one(iaa);
    guard_destination(iaa, &desc);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_OUTPUT_FULL);
    g_assert_cmphex(record.error, ==, 0);
    g_assert_cmpuint(record.output_size, ==, 2);
    assert_memory(iaa, desc.dst_addr, "ab", 2);
    assert_guarded(iaa, &desc);

    desc.max_dst_size = 3;
    guard_destination(iaa, &desc);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.output_size, ==, 3);
    assert_memory(iaa, desc.dst_addr, "abc", 3);
    assert_guarded(iaa, &desc);

    /* As Linux verifies: destination and its size do not matter */
    desc.mode |= IAA_DECOMPRESS_SUPPRESS;
    desc.max_dst_size = 1;
    desc.dst_addr = desc.src1_addr;
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(record.crc, ==, 0x352441c2);
    assert_memory(iaa, desc.src1_addr, abc, sizeof(abc));
    qiaa_stop(iaa);
}

/* Test that a broken stream is told from one that the device cannot do */
static void test_decompress_error(void)
{
    static const uint8_t block_type_3[] = { 0x07, 0x00, 0x00 };
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_decompress(iaa, block_type_3,
                                              sizeof(block_type_3), 64);
    IAACompletion record;

    qiaa_enable_one(iaa);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, 13);
    qiaa_stop(iaa);
}

/* Test CRC-32C; the digits are the check value of the polynomial */
static void test_crc32c(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_compress(iaa, "123456789", 9, 64);
    IAACompletion record;

    qiaa_enable_one(iaa);
    desc.op_flags |= IAA_FLAG_CRC32C;
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(record.crc, ==, 0xe3069283);
    qiaa_stop(iaa);
}

/*
 * Test that a stream can be made by two descriptors, with bits and checksums
 * handed over in a pair of AECS that change places
 */
static void test_aecs_chain(void)
{
    static const uint8_t abc[] = { 0x4b, 0x4c, 0x4a, 0x06, 0x00 };
    IAACompressAECS pair[2] = { qiaa_fixed_aecs(), qiaa_fixed_aecs() };
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_compress(iaa, "abc", 3, 64);
    IAACompletion first, second;

    qiaa_enable_one(iaa);
    desc.src2_addr = qiaa_alloc_buf(iaa, pair, sizeof(pair));
    desc.op_flags |= IAA_FLAG_WR_SRC2_DONE;
    desc.src1_size = 1;
    desc.mode = 0;
    first = qiaa_run(iaa, &desc);
    g_assert_cmphex(first.status, ==, IAA_STATUS_SUCCESS);
    qiaa_memread(iaa, desc.src2_addr, pair, sizeof(pair));
    g_assert_cmphex(pair[0].crc, ==, 0);
    g_assert_cmphex(le32_to_cpu(pair[1].crc), ==, 0xe8b7be43);
    g_assert_cmphex(le32_to_cpu(pair[1].xor_checksum), ==, 0x61);

    desc.op_flags ^= IAA_FLAG_WR_SRC2_DONE | IAA_FLAG_AECS_TOGGLE;
    desc.src1_addr++;
    desc.src1_size = 2;
    desc.dst_addr += first.output_size;
    desc.mode = QIAA_COMPRESS_MODE;
    second = qiaa_run(iaa, &desc);
    g_assert_cmphex(second.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(second.crc, ==, 0x352441c2);
    /* A word begins anew with each descriptor */
    g_assert_cmphex(second.xor_checksum, ==, 0x0061 ^ 0x6362);
    g_assert_cmpuint(first.output_size + second.output_size, ==, sizeof(abc));
    assert_memory(iaa, desc.dst_addr - first.output_size, abc, sizeof(abc));
    qiaa_stop(iaa);
}

static uint64_t sum_stats(const uint32_t *stats, unsigned begin, unsigned end)
{
    uint64_t sum = 0;

    for (unsigned i = begin; i < end; i++) {
        sum += le32_to_cpu(stats[i]);
    }
    return sum;
}

/* Test that symbols are counted, with and without an AECS, and all of them */
static void test_stats(void)
{
    const uint32_t size = 100000;
    g_autofree uint8_t *text = qiaa_make_text(size, 8);
    uint32_t stats[IAA_STATS_ENTRIES];
    IAACompressAECS aecs = qiaa_fixed_aecs(), saved;
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_compress(iaa, "abcabcabcabc", 12,
                                            sizeof(stats));
    IAACompletion record;

    qiaa_enable_one(iaa);
    desc.mode = IAA_COMPRESS_STATS | QIAA_COMPRESS_MODE;
    desc.op_flags |= IAA_FLAG_WR_SRC2_DONE | IAA_FLAG_AECS_TOGGLE;
    desc.src2_addr = qiaa_alloc(iaa, 2 * sizeof(aecs));
    qiaa_memwrite(iaa, desc.src2_addr + sizeof(aecs), &aecs, sizeof(aecs));
    guard_destination(iaa, &desc);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.output_size, ==, sizeof(stats));
    g_assert_cmphex(record.crc, ==, crc32(0, (uint8_t *)"abcabcabcabc", 12));
    assert_guarded(iaa, &desc);
    qiaa_memread(iaa, desc.dst_addr, stats, sizeof(stats));
    g_assert_cmpuint(le32_to_cpu(stats['a']), ==, 1);
    g_assert_cmpuint(le32_to_cpu(stats['b']), ==, 1);
    g_assert_cmpuint(le32_to_cpu(stats['c']), ==, 1);
    g_assert_cmpuint(le32_to_cpu(stats[256]), ==, 1);
    /* Length 9 is symbol 263, distance 3 symbol 2 */
    g_assert_cmpuint(le32_to_cpu(stats[263]), ==, 1);
    g_assert_cmpuint(le32_to_cpu(stats[IAA_STATS_D + 2]), ==, 1);
    g_assert_cmpuint(sum_stats(stats, 0, IAA_STATS_ENTRIES), ==, 6);
    aecs.crc = cpu_to_le32(record.crc);
    aecs.xor_checksum = cpu_to_le32(record.xor_checksum);
    qiaa_memread(iaa, desc.src2_addr, &saved, sizeof(saved));
    g_assert_cmpmem(&saved, sizeof(saved), &aecs, sizeof(aecs));

    /* Each length has a distance, and nothing ends that need not */
    desc = qiaa_desc_compress(iaa, text, size, sizeof(stats));
    desc.op_flags = qiaa_op(IAA_OP_COMPRESS, QIAA_RECORD_FLAGS);
    desc.mode = IAA_COMPRESS_STATS;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_memread(iaa, desc.dst_addr, stats, sizeof(stats));
    g_assert_cmpuint(le32_to_cpu(stats[256]), ==, 0);
    g_assert_cmpuint(sum_stats(stats, 257, 286), ==,
                     sum_stats(stats, IAA_STATS_D, IAA_STATS_D + 30));
    g_assert_cmpuint(sum_stats(stats, 257, 286), >, 1000);

    desc.mode |= IAA_COMPRESS_LITERALS;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_memread(iaa, desc.dst_addr, stats, sizeof(stats));
    g_assert_cmpuint(sum_stats(stats, 0, 256), ==, size);

    desc.max_dst_size = sizeof(stats) - 1;
    guard_destination(iaa, &desc);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, 0x19);
    assert_guarded(iaa, &desc);
    qiaa_stop(iaa);
}

/* Test codes and headers made by the device, where it can */
static void test_header_generation(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 1);
    QIAA *iaa = qiaa_start(",generation=gnr");
    IAADescriptor desc = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    IAACompletion fixed, record;

    qiaa_enable_one(iaa);
    fixed = qiaa_run(iaa, &desc);
    desc.op_flags &= ~IAA_FLAG_RD_SRC2;
    desc.src2_addr = 0;
    desc.src2_size = 0;
    desc.mode |= IAA_HEADER_ONE_PASS_FINAL << R_IAA_COMPRESS_HEADER_SHIFT;
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(record.crc, ==, crc32(0, text, PAGE_SIZE));
    g_assert_cmpuint(record.output_size, <, fixed.output_size);
    desc = qiaa_desc_of_output(iaa, &desc, record.output_size);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    assert_memory(iaa, desc.dst_addr, text, PAGE_SIZE);
    qiaa_stop(iaa);
}

static void set_header(IAADescriptor *desc, unsigned kind)
{
    desc->mode = FIELD_DP16(desc->mode, IAA_COMPRESS, HEADER, kind);
}

/* The first of two passes over the source of @desc: it only fills an AECS */
static void first_pass(IAADescriptor *desc, unsigned kind)
{
    desc->op_flags |= IAA_FLAG_WR_SRC2_DONE;
    desc->mode = IAA_COMPRESS_STATS | QIAA_COMPRESS_MODE;
    desc->filter_flags = IAA_COMPRESS2_TABLES;
    desc->dst_addr = 0;
    desc->max_dst_size = 0;
    set_header(desc, kind);
}

/*
 * Test that one descriptor makes the codes and the header that the next one
 * compresses with, for more than fits into one pass
 */
static void test_two_pass(void)
{
    const uint32_t size = 100000;
    g_autofree uint8_t *text = qiaa_make_text(size, 9);
    QIAA *iaa = qiaa_start(",generation=gnr");
    IAADescriptor desc = qiaa_desc_compress(iaa, text, size, size), first;
    IAACompressAECS aecs = { };
    IAACompletion fixed, record;

    qiaa_enable_one(iaa);
    fixed = qiaa_run(iaa, &desc);
    desc.src2_addr = qiaa_alloc(iaa, 2 * sizeof(aecs));
    qiaa_memwrite(iaa, desc.src2_addr, &aecs, sizeof(aecs));
    first = desc;
    first_pass(&first, IAA_HEADER_TWO_PASS_FINAL);
    record = qiaa_run(iaa, &first);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.bytes_completed, ==, size);
    g_assert_cmpuint(record.output_size, ==, 0);
    g_assert_cmphex(record.crc, ==, crc32(0, text, size));

    /* The checksum of the first pass is not to be continued */
    qiaa_memread(iaa, desc.src2_addr + sizeof(aecs), &aecs, sizeof(aecs));
    g_assert_cmpuint(le32_to_cpu(aecs.acc_bits), >, 17);
    g_assert_cmphex(aecs.acc[0] & 7, ==, 5);
    aecs.crc = 0;
    aecs.xor_checksum = 0;
    qiaa_memwrite(iaa, desc.src2_addr + sizeof(aecs), &aecs, sizeof(aecs));

    desc.op_flags |= IAA_FLAG_AECS_TOGGLE;
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(record.crc, ==, crc32(0, text, size));
    g_assert_cmpuint(record.output_size, <, fixed.output_size);
    desc = qiaa_desc_of_output(iaa, &desc, record.output_size);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.output_size, ==, size);
    assert_memory(iaa, desc.dst_addr, text, size);
    qiaa_stop(iaa);
}

/* Test that a header goes behind what is in the accumulator, or not at all */
static void test_two_pass_accumulator(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 10);
    QIAA *iaa = qiaa_start(",generation=gnr");
    IAADescriptor desc = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    const IAACompressAECS empty = qiaa_fixed_aecs();
    IAACompressAECS aecs[2] = { empty, empty };
    IAACompletion record;

    qiaa_enable_one(iaa);
    desc.src2_addr = qiaa_alloc_buf(iaa, aecs, sizeof(aecs));
    first_pass(&desc, IAA_HEADER_TABLES);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    qiaa_memread(iaa, desc.src2_addr, aecs, sizeof(aecs));
    g_assert_cmpmem(&aecs[0], sizeof(empty), &empty, sizeof(empty));
    g_assert_cmpmem(aecs[1].acc, sizeof(empty.acc), empty.acc,
                    sizeof(empty.acc));
    g_assert_cmpuint(aecs[1].acc_bits, ==, empty.acc_bits);
    g_assert_cmpint(memcmp(aecs[1].ll, empty.ll, sizeof(empty.ll)), !=, 0);

    aecs[0].acc_bits = cpu_to_le32(8 * sizeof(empty.acc));
    aecs[1] = empty;
    qiaa_memwrite(iaa, desc.src2_addr, aecs, sizeof(aecs));
    set_header(&desc, IAA_HEADER_TWO_PASS);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, IAA_CODEC_AECS);
    qiaa_memread(iaa, desc.src2_addr, aecs, sizeof(aecs));
    g_assert_cmpmem(&aecs[1], sizeof(empty), &empty, sizeof(empty));
    qiaa_stop(iaa);
}

/* Test what does not go together in the first of two passes */
static void test_two_pass_errors(void)
{
    QIAA *iaa = qiaa_start(",generation=gnr");
    IAADescriptor sound = qiaa_desc_compress(iaa, "abc", 3, 64), desc;
    const IAACompressAECS pair[2] = { };

    qiaa_enable_one(iaa);
    sound.src2_addr = qiaa_alloc_buf(iaa, pair, sizeof(pair));
    first_pass(&sound, IAA_HEADER_TWO_PASS);
    g_assert_cmphex(qiaa_run(iaa, &sound).status, ==, IAA_STATUS_SUCCESS);

    desc = sound;
    desc.filter_flags = 0;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_MODE);
    desc.filter_flags = 2 * IAA_COMPRESS2_TABLES;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_MODE);
    desc = sound;
    desc.mode &= ~IAA_COMPRESS_STATS;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_MODE);
    desc = sound;
    set_header(&desc, IAA_HEADER_ONE_PASS);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_MODE);
    desc = sound;
    desc.op_flags &= ~IAA_FLAG_WR_SRC2;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_FLAGS);

    /* Of three sizes that must not all be 0, there is one */
    desc = sound;
    desc.src1_size = 0;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/*
 * Decompression in several descriptors
 */

static IAADecompressAECS at_block_header(uint8_t format)
{
    return (IAADecompressAECS) {
        .state = cpu_to_le16(IAA_INFLATE_HEADER),
        .format = format,
    };
}

/* Continued from the AECS that the descriptor before it has written */
static void make_continued(QIAA *iaa, IAADescriptor *desc, uint8_t format)
{
    IAADecompressAECS pair[2] = { at_block_header(format) };

    desc->mode = IAA_DECOMPRESS_ENABLE | IAA_DECOMPRESS_FLUSH;
    desc->op_flags |= IAA_FLAG_RD_SRC2_AECS | IAA_FLAG_WR_SRC2_DONE;
    desc->src2_addr = qiaa_alloc_buf(iaa, pair, sizeof(pair));
    desc->src2_size = sizeof(pair[0]);
}

static void check_continued(const char *options, uint8_t format)
{
    const uint32_t size = 60000;
    g_autofree uint8_t *text = qiaa_make_text(size, 11);
    QIAA *iaa = qiaa_start(options);
    IAADescriptor desc = qiaa_desc_compress(iaa, text, size, size);
    IAACompletion record;
    uint32_t in_left, done = 0;
    uint64_t dst;

    qiaa_enable_one(iaa);
    in_left = qiaa_run(iaa, &desc).output_size;
    desc = qiaa_desc_of_output(iaa, &desc, in_left);
    make_continued(iaa, &desc, format);
    dst = desc.dst_addr;
    while (done < size) {
        desc.src1_size = MIN(in_left, 3001);
        desc.dst_addr = dst + done;
        desc.max_dst_size = MIN(size - done, 7919);
        record = qiaa_run(iaa, &desc);
        g_assert_true(record.status == IAA_STATUS_SUCCESS ||
                      record.status == IAA_STATUS_OUTPUT_FULL);
        g_assert_true(record.bytes_completed || record.output_size);
        desc.src1_addr += record.bytes_completed;
        in_left -= record.bytes_completed;
        done += record.output_size;
        desc.op_flags ^= IAA_FLAG_AECS_TOGGLE;
        g_assert_cmphex(record.crc, ==, crc32(0, text, done));
    }
    assert_memory(iaa, dst, text, size);
    qiaa_stop(iaa);
}

/* Test that a stream can be cut anywhere, by its input or by its output */
static void test_decompress_chain(void)
{
    check_continued("", 0);
    check_continued(",generation=gnr", 1);
}

/* Test the AECS that is only written if there was no room for the output */
static void test_decompress_chain_full(void)
{
    static const uint8_t abc[] = { 0x4b, 0x4c, 0x4a, 0x06, 0x00 };
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_decompress(iaa, abc, sizeof(abc), 2);
    IAADecompressAECS pair[2];
    IAACompletion record;

    qiaa_enable_one(iaa);
    make_continued(iaa, &desc, 0);
    desc.op_flags ^= IAA_FLAG_WR_SRC2_DONE | IAA_FLAG_WR_SRC2_FULL;
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_OUTPUT_FULL);
    qiaa_memread(iaa, desc.src2_addr, pair, sizeof(pair));
    g_assert_cmphex(le32_to_cpu(pair[1].crc), ==, crc32(0, (void *)"ab", 2));
    g_assert_cmphex(le16_to_cpu(pair[1].history_end), ==, 2);
    g_assert_cmpmem(pair[1].history, 2, "ab", 2);
    g_assert_cmphex(le16_to_cpu(pair[1].state), ==, IAA_INFLATE_TOKENS_FINAL);

    /* It fits now: the stream ends, and nothing is written */
    desc.op_flags |= IAA_FLAG_AECS_TOGGLE;
    desc.src1_addr += record.bytes_completed;
    desc.src1_size -= record.bytes_completed;
    memset(&pair[0], 0xee, sizeof(pair[0]));
    qiaa_memwrite(iaa, desc.src2_addr, &pair[0], sizeof(pair[0]));
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.output_size, ==, 1);
    assert_memory(iaa, desc.dst_addr, "c", 1);
    qiaa_memread(iaa, desc.src2_addr, &pair[1], sizeof(pair[1]));
    g_assert_cmpmem(&pair[1], sizeof(pair[1]), &pair[0], sizeof(pair[0]));
    qiaa_stop(iaa);
}

/* Test that checksums go on from those of an AECS of any size */
static void test_decompress_seeds(void)
{
    static const uint8_t bc[] = { 0x4b, 0x4a, 0x06, 0x00 };
    static const uint32_t sizes[] = {
        IAA_AECS_SIZE_CHECKSUMS, IAA_AECS_SIZE_NO_HISTORY, IAA_AECS_SIZE_FULL,
    };
    IAADecompressAECS aecs = at_block_header(0);
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_decompress(iaa, bc, sizeof(bc), 64);

    qiaa_enable_one(iaa);
    aecs.crc = cpu_to_le32(crc32(0, (void *)"a", 1));
    aecs.xor_checksum = cpu_to_le32(0x61);
    desc.op_flags |= IAA_FLAG_RD_SRC2_AECS;
    desc.src2_addr = qiaa_alloc_buf(iaa, &aecs, sizeof(aecs));
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        IAACompletion record;

        desc.src2_size = sizes[i];
        record = qiaa_run(iaa, &desc);
        g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
        g_assert_cmphex(record.crc, ==, crc32(0, (void *)"abc", 3));
        g_assert_cmphex(record.xor_checksum, ==, 0x61 ^ 0x6362);
    }
    qiaa_stop(iaa);
}

/* Test a ring of history that has wrapped around, and where it ends */
static void test_decompress_history(void)
{
    /* A final fixed block: length 3, distance 4096 and the end */
    static const uint8_t farthest[] = { 0x03, 0xf6, 0xff, 0x01 };
    IAADecompressAECS aecs = at_block_header(0);
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_decompress(iaa, farthest, sizeof(farthest),
                                              64);
    IAACompletion record;

    qiaa_enable_one(iaa);
    aecs.history_end = cpu_to_le16(1 << 15 | 100);
    memcpy(aecs.history + 100, "old", 3);
    desc.op_flags |= IAA_FLAG_RD_SRC2_AECS;
    desc.src2_addr = qiaa_alloc_buf(iaa, &aecs, sizeof(aecs));
    desc.src2_size = sizeof(aecs);
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(record.output_size, ==, 3);
    assert_memory(iaa, desc.dst_addr, "old", 3);

    /* Had it not wrapped, there would not be as much */
    aecs.history_end = cpu_to_le16(100);
    qiaa_memwrite(iaa, desc.src2_addr, &aecs, sizeof(aecs));
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, IAA_CODEC_BEFORE_START);
    qiaa_stop(iaa);
}

/* Test states that make no sense, or that the model does not know */
static void test_decompress_bad_aecs(void)
{
    static const uint8_t abc[] = { 0x4b, 0x4c, 0x4a, 0x06, 0x00 };
    IAADecompressAECS bad[8];
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_decompress(iaa, abc, sizeof(abc), 64);

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        bad[i] = at_block_header(0);
    }
    bad[0].format = 1;
    bad[1].drop_bytes = cpu_to_le32(1);
    bad[2].drop_bits = 1;
    bad[3].input_bits[31] = 65;
    bad[4].history_end = cpu_to_le16(4097);
    bad[5].state = cpu_to_le16(IAA_INFLATE_TOKENS);
    bad[6].output_bits = cpu_to_le32(8);
    bad[7].state = cpu_to_le16(3);

    qiaa_enable_one(iaa);
    desc.op_flags |= IAA_FLAG_RD_SRC2_AECS;
    desc.src2_addr = qiaa_alloc(iaa, sizeof(bad[0]));
    desc.src2_size = sizeof(bad[0]);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        IAACompletion record;

        g_test_message("bad AECS %u", i);
        qiaa_memwrite(iaa, desc.src2_addr, &bad[i], sizeof(bad[i]));
        record = qiaa_run(iaa, &desc);
        g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
        g_assert_cmphex(record.error, ==, IAA_CODEC_AECS);
    }
    qiaa_stop(iaa);
}

/* The AECS that the first @size bytes of @stream leave, to be read next */
static IAADecompressAECS stop_after(QIAA *iaa, IAADescriptor *desc,
                                    const void *stream, uint32_t size)
{
    IAADecompressAECS aecs;

    *desc = qiaa_desc_decompress(iaa, stream, size, PAGE_SIZE);
    make_continued(iaa, desc, 1);
    g_assert_cmphex(qiaa_run(iaa, desc).status, ==, IAA_STATUS_SUCCESS);
    desc->op_flags |= IAA_FLAG_AECS_TOGGLE;
    qiaa_memread(iaa, desc->src2_addr + sizeof(aecs), &aecs, sizeof(aecs));
    return aecs;
}

static void assert_spoiled(QIAA *iaa, IAADescriptor *desc,
                           const IAADecompressAECS *aecs, IAACodecError error)
{
    IAACompletion record;

    qiaa_memwrite(iaa, desc->src2_addr + sizeof(*aecs), aecs, sizeof(*aecs));
    record = qiaa_run(iaa, desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, error);
}

/*
 * Test an AECS that was sound when the device wrote it, but has bits in front
 * of the bytes of a stored block, or no codes, when it is read again
 */
static void test_decompress_spoiled_aecs(void)
{
    static const uint8_t stored[] = {
        0x01, 0x05, 0x00, 0xfa, 0xff, 'h', 'e', 'l', 'l', 'o',
    };
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 13);
    g_autofree uint8_t *stream = g_malloc(PAGE_SIZE);
    QIAA *iaa = qiaa_start(",generation=gnr");
    IAADescriptor desc = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    IAADecompressAECS aecs;
    IAACompletion record;

    qiaa_enable_one(iaa);
    desc.mode |= IAA_HEADER_ONE_PASS_FINAL << R_IAA_COMPRESS_HEADER_SHIFT;
    record = qiaa_run(iaa, &desc);
    qiaa_memread(iaa, desc.dst_addr, stream, record.output_size);

    for (unsigned size = 2; size < sizeof(stored); size += 5) {
        aecs = stop_after(iaa, &desc, stored, size);
        aecs.input_bits[0] += 3;
        assert_spoiled(iaa, &desc, &aecs, IAA_CODEC_AECS);
    }

    aecs = stop_after(iaa, &desc, stream, record.output_size / 2);
    g_assert_cmphex(le16_to_cpu(aecs.state), ==, IAA_INFLATE_TOKENS_FINAL);
    memset(aecs.tables + offsetof(IAAInflateBlock, lens), 0,
           lduw_le_p(aecs.tables + offsetof(IAAInflateBlock, num_ll)));
    assert_spoiled(iaa, &desc, &aecs, IAA_CODEC_NO_LL_CODES);
    qiaa_stop(iaa);
}

/*
 * Test what is wrong with a descriptor is what its record says
 *
 * Each case is a sound descriptor with one thing changed.
 */
typedef struct BadDescriptor {
    IAAOpcode opcode;
    void (*spoil)(IAADescriptor *desc);
    IAAStatus status;
    uint32_t invalid_flags;
} BadDescriptor;

static void spoil_opcode(IAADescriptor *desc)
{
    desc->op_flags = qiaa_op(0x44, QIAA_RECORD_FLAGS);
}

static void spoil_high_opcode(IAADescriptor *desc)
{
    desc->op_flags = qiaa_op(0xff, QIAA_RECORD_FLAGS);
}

static void spoil_fence(IAADescriptor *desc)
{
    desc->op_flags |= BIT(0) | BIT(23);
}

static void spoil_bof(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_BOF;
}

static void spoil_pasid(IAADescriptor *desc)
{
    desc->pasid = BIT(20);
}

static void spoil_unused(IAADescriptor *desc)
{
    desc->num_inputs = 1;
}

static void spoil_src1_size(IAADescriptor *desc)
{
    desc->src1_size = (1 << IAA_MAX_TRANSFER_SHIFT) + 1;
}

static void spoil_both_sizes(IAADescriptor *desc)
{
    desc->src1_size = 0;
    desc->max_dst_size = 0;
}

static void spoil_overlap(IAADescriptor *desc)
{
    desc->dst_addr = desc->src1_addr - desc->max_dst_size + 1;
}

static void spoil_int_handle(IAADescriptor *desc)
{
    desc->int_handle = 1;
}

static void spoil_int_handle_0(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RCI;
}

static void spoil_int_handle_9(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RCI;
    desc->int_handle = IAA_NUM_VECTORS;
}

static void spoil_aecs_addr(IAADescriptor *desc)
{
    desc->src2_addr += 16;
}

static void spoil_aecs_size(IAADescriptor *desc)
{
    desc->src2_size += 16;
}

static void spoil_aecs_length(IAADescriptor *desc)
{
    desc->src2_size += 32;
}

static void spoil_no_aecs(IAADescriptor *desc)
{
    desc->op_flags &= ~IAA_FLAG_RD_SRC2;
}

/* Source 2 as more data, which is for filters */
static void spoil_rd_src2(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RD_SRC2 & ~IAA_FLAG_RD_SRC2_AECS;
}

static void spoil_wr_src2(IAADescriptor *desc)
{
    desc->op_flags &= ~IAA_FLAG_RD_SRC2;
    desc->op_flags |= IAA_FLAG_WR_SRC2_DONE;
}

static void spoil_wr_src2_full(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_WR_SRC2_FULL;
}

static void spoil_wr_src2_both(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_WR_SRC2;
}

static void spoil_state_addr(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RD_SRC2_AECS;
    desc->src2_size = IAA_AECS_SIZE_FULL;
    desc->src2_addr = 16;
}

static void spoil_state_size(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RD_SRC2_AECS;
    desc->src2_size = IAA_AECS_SIZE_FULL - 32;
}

static void spoil_state_checksums(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RD_SRC2_AECS | IAA_FLAG_WR_SRC2_DONE;
    desc->src2_size = IAA_AECS_SIZE_CHECKSUMS;
}

static void spoil_mode(IAADescriptor *desc)
{
    desc->mode |= BIT(15);
}

static void spoil_header(IAADescriptor *desc)
{
    desc->mode |= IAA_HEADER_ONE_PASS_FINAL << R_IAA_COMPRESS_HEADER_SHIFT;
}

static void spoil_filter(IAADescriptor *desc)
{
    desc->filter_flags = 1;
}

static const BadDescriptor bad_descriptors[] = {
    { IAA_OP_NOOP, spoil_opcode, IAA_STATUS_OPCODE },
    { IAA_OP_NOOP, spoil_high_opcode, IAA_STATUS_OPCODE },
    { IAA_OP_NOOP, spoil_fence, IAA_STATUS_FLAGS, BIT(0) | BIT(23) },
    { IAA_OP_NOOP, spoil_unused, IAA_STATUS_RESERVED },
    { IAA_OP_NOOP, spoil_pasid, IAA_STATUS_RESERVED },
    { IAA_OP_NOOP, spoil_int_handle, IAA_STATUS_RESERVED },
    { IAA_OP_NOOP, spoil_int_handle_0, IAA_STATUS_INT_HANDLE },
    { IAA_OP_NOOP, spoil_int_handle_9, IAA_STATUS_INT_HANDLE },
    { IAA_OP_COMPRESS, spoil_bof, IAA_STATUS_FLAGS, IAA_FLAG_BOF },
    { IAA_OP_COMPRESS, spoil_src1_size, IAA_STATUS_SIZE },
    { IAA_OP_COMPRESS, spoil_both_sizes, IAA_STATUS_SIZE },
    { IAA_OP_COMPRESS, spoil_overlap, IAA_STATUS_OVERLAP },
    { IAA_OP_COMPRESS, spoil_aecs_addr, IAA_STATUS_AECS_ALIGN },
    { IAA_OP_COMPRESS, spoil_aecs_size, IAA_STATUS_AECS_ALIGN },
    { IAA_OP_COMPRESS, spoil_aecs_length, IAA_STATUS_SIZE },
    { IAA_OP_COMPRESS, spoil_no_aecs, IAA_STATUS_FLAGS },
    { IAA_OP_COMPRESS, spoil_mode, IAA_STATUS_MODE },
    { IAA_OP_COMPRESS, spoil_header, IAA_STATUS_MODE },
    { IAA_OP_COMPRESS, spoil_filter, IAA_STATUS_MODE },
    { IAA_OP_COMPRESS, spoil_unused, IAA_STATUS_RESERVED },
    { IAA_OP_COMPRESS, spoil_wr_src2, IAA_STATUS_FLAGS },
    { IAA_OP_COMPRESS, spoil_wr_src2_full, IAA_STATUS_MODE },
    { IAA_OP_DECOMPRESS, spoil_rd_src2, IAA_STATUS_FLAGS },
    { IAA_OP_DECOMPRESS, spoil_wr_src2, IAA_STATUS_FLAGS },
    { IAA_OP_DECOMPRESS, spoil_wr_src2_both, IAA_STATUS_MODE },
    { IAA_OP_DECOMPRESS, spoil_state_addr, IAA_STATUS_AECS_ALIGN },
    { IAA_OP_DECOMPRESS, spoil_state_size, IAA_STATUS_SIZE },
    { IAA_OP_DECOMPRESS, spoil_state_checksums, IAA_STATUS_SIZE },
    { IAA_OP_DECOMPRESS, spoil_overlap, IAA_STATUS_OVERLAP },
    { IAA_OP_DECOMPRESS, spoil_mode, IAA_STATUS_MODE },
    { IAA_OP_DECOMPRESS, spoil_filter, IAA_STATUS_FILTER_FLAGS },
};

static void test_bad_descriptors(void)
{
    static const uint8_t abc[] = { 0x4b, 0x4c, 0x4a, 0x06, 0x00 };
    QIAA *iaa = qiaa_start("");
    const IAADescriptor sound_noop = qiaa_desc_noop(iaa);
    const IAADescriptor sound_compress = qiaa_desc_compress(iaa, "abc", 3, 64);
    const IAADescriptor sound_decompress =
        qiaa_desc_decompress(iaa, abc, sizeof(abc), 64);

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_descriptors); i++) {
        const BadDescriptor *bad = &bad_descriptors[i];
        IAADescriptor desc = bad->opcode == IAA_OP_NOOP ? sound_noop :
                             bad->opcode == IAA_OP_COMPRESS ? sound_compress :
                                                              sound_decompress;
        IAACompletion record = qiaa_run(iaa, &desc);

        g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
        g_test_message("bad descriptor %u", i);
        bad->spoil(&desc);
        record = qiaa_run(iaa, &desc);
        g_assert_cmphex(record.status, ==, bad->status);
        if (bad->invalid_flags) {
            g_assert_cmphex(record.invalid_flags, ==, bad->invalid_flags);
        }
    }
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_SWERR0), ==, 0);
    qiaa_stop(iaa);
}

/* Test that a symbol without a code and a bad AECS are refused */
static void test_bad_aecs(void)
{
    IAACompressAECS aecs = qiaa_fixed_aecs();
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_compress(iaa, "abc", 3, 64);
    IAACompletion record;

    qiaa_enable_one(iaa);
    aecs.ll['b'] = 0;
    qiaa_memwrite(iaa, desc.src2_addr, &aecs, sizeof(aecs));
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, 30);

    aecs = qiaa_fixed_aecs();
    aecs.acc_bits = cpu_to_le32(8 * sizeof(aecs.acc) + 1);
    qiaa_memwrite(iaa, desc.src2_addr, &aecs, sizeof(aecs));
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.status, ==, IAA_STATUS_ANALYTICS);
    g_assert_cmphex(record.error, ==, IAA_CODEC_AECS);
    qiaa_stop(iaa);
}

/* Test that errors that no record can tell are logged, the first of them */
static void test_software_error(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    desc.record_addr += 32;
    qiaa_run(iaa, &desc);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    g_assert_true(qiaa_interrupted(iaa, 0));
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==,
                    R_IAA_INTCAUSE_SWERR_MASK);
    assert_swerr(iaa, IAA_STATUS_RECORD_ALIGN, false);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_SWERR0) &
                    R_IAA_SWERR0_WQ_VALID_MASK, !=, 0);

    desc.op_flags = qiaa_op(0x44, 0);
    qiaa_submit(iaa, 0, &desc);
    qiaa_step(iaa, QIAA_LONG_NS);
    assert_swerr(iaa, IAA_STATUS_RECORD_ALIGN, true);
    clear_swerr(iaa);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_SWERR0) &
                    R_IAA_SWERR0_VALID_MASK, ==, 0);

    qiaa_submit(iaa, 0, &desc);
    qiaa_step(iaa, QIAA_LONG_NS);
    assert_swerr(iaa, IAA_STATUS_OPCODE, false);
    g_assert_cmphex(FIELD_EX32(qiaa_readl(iaa, A_IAA_SWERR1), IAA_SWERR1,
                               OPCODE), ==, 0x44);
    clear_swerr(iaa);

    /* Nobody is interrupted who did not ask for it */
    qiaa_writel(iaa, A_IAA_GENCTRL, 0);
    qiaa_submit(iaa, 0, &desc);
    qiaa_step(iaa, QIAA_LONG_NS);
    assert_swerr(iaa, IAA_STATUS_OPCODE, false);
    g_assert_false(qiaa_interrupted(iaa, 0));
    qiaa_stop(iaa);
}

/* Each operand where there is no memory, but registers or nothing */
static void check_dma_errors(const char *options)
{
    QIAA *iaa = qiaa_start(options);
    IAADescriptor desc = qiaa_desc_compress(iaa, "abc", 3, 64);
    const uint64_t bad[] = {
        iaa->regs.addr, iaa->regs.addr + IAA_MSIX_TABLE, iaa->portals.addr,
        1ull << 46, UINT64_MAX - 31,
    };

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        IAADescriptor d = desc;
        IAACompletion record;

        d.src1_addr = bad[i];
        record = qiaa_run(iaa, &d);
        g_assert_cmphex(record.status, ==, IAA_STATUS_UNSUPPORTED_REQ);
        g_assert_cmphex(record.fault_addr, ==, bad[i]);

        d = desc;
        d.dst_addr = bad[i];
        record = qiaa_run(iaa, &d);
        g_assert_cmphex(record.status, ==, IAA_STATUS_UNSUPPORTED_REQ);
        g_assert_cmphex(record.fault_addr, ==, bad[i]);

        d = desc;
        d.src2_addr = bad[i];
        record = qiaa_run(iaa, &d);
        g_assert_cmphex(record.status, ==, IAA_STATUS_UNSUPPORTED_REQ);

        d = desc;
        d.record_addr = QEMU_ALIGN_DOWN(bad[i], IAA_RECORD_ALIGN);
        qiaa_submit(iaa, 0, &d);
        qiaa_step(iaa, QIAA_LONG_NS);
        assert_swerr(iaa, IAA_STATUS_RECORD_FAULT, false);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_SWERR0) &
                        R_IAA_SWERR0_WRITE_MASK, !=, 0);
        clear_swerr(iaa);
    }
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_ENABLED);
    qiaa_stop(iaa);
}

/* Test that no access reaches registers, those of the device above all */
static void test_dma_errors(void)
{
    check_dma_errors("");
}

/* Test that an IOMMU that translates nothing makes no difference */
static void test_dma_errors_bypass(void)
{
    check_dma_errors(" -device intel-iommu");
}

/*
 * Registers of an IOMMU, and the tables that have it map the first gigabyte to
 * itself in pages of 2 MiB: "VT-d specification", 9.1, 9.3 and 9.8
 */
#define VTD_BASE            0xfed90000
#define VTD_GCMD            0x18
#define VTD_RTADDR          0x20
#define VTD_GCMD_SRTP       BIT(30)
#define VTD_GCMD_TE         BIT(31)
#define VTD_PRESENT         1
#define VTD_WIDTH_39        1
#define VTD_READ_WRITE      3
#define VTD_LARGE           BIT(7)

static void map_first_gigabyte(QIAA *iaa)
{
    QTestState *qts = iaa->qs->qts;
    uint64_t root = guest_alloc(&iaa->qs->alloc, 4 * PAGE_SIZE);
    uint64_t context = root + PAGE_SIZE;
    uint64_t level3 = root + 2 * PAGE_SIZE, level2 = root + 3 * PAGE_SIZE;

    qtest_memset(qts, root, 0, 4 * PAGE_SIZE);
    qtest_writeq(qts, root, context | VTD_PRESENT);
    qtest_writeq(qts, context + 16 * iaa->dev->devfn, level3 | VTD_PRESENT);
    qtest_writeq(qts, context + 16 * iaa->dev->devfn + 8, VTD_WIDTH_39);
    qtest_writeq(qts, level3, level2 | VTD_READ_WRITE);
    for (uint64_t i = 0; i < 512; i++) {
        qtest_writeq(qts, level2 + 8 * i,
                     i * 2 * MiB | VTD_LARGE | VTD_READ_WRITE);
    }
    qtest_writeq(qts, VTD_BASE + VTD_RTADDR, root);
    qtest_writel(qts, VTD_BASE + VTD_GCMD, VTD_GCMD_SRTP);
    qtest_writel(qts, VTD_BASE + VTD_GCMD, VTD_GCMD_TE);
}

/* Test that an address that is not translated is a page fault of the operand */
static void test_dma_faults(void)
{
    QIAA *iaa = qiaa_start(" -device intel-iommu");
    IAADescriptor desc = qiaa_desc_compress(iaa, "abc", 3, 64), d;
    const uint64_t unmapped = 1ull << 30;
    IAACompletion record;

    qiaa_enable_one(iaa);
    map_first_gigabyte(iaa);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    d = desc;
    d.src1_addr = unmapped;
    record = qiaa_run(iaa, &d);
    g_assert_cmphex(record.status, ==, IAA_STATUS_READ_FAULT);
    g_assert_cmphex(record.fault_addr, ==, unmapped);
    d = desc;
    d.dst_addr = unmapped;
    record = qiaa_run(iaa, &d);
    g_assert_cmphex(record.status, ==, IAA_STATUS_WRITE_FAULT);
    g_assert_cmphex(record.fault_addr, ==, unmapped);
    qiaa_stop(iaa);
}

/* Test that a queue takes as many descriptors as it has entries */
static void test_queue_depth(void)
{
    const QIAAQueue queue = {
        .size = 4,
        .mode = R_IAA_WQCFG_MODE_DEDICATED_MASK,
        .transfer_shift = 12,
    };
    QIAA *iaa = qiaa_start(",overflow-swerr=0x70");
    IAADescriptor desc[5];

    for (unsigned i = 0; i < ARRAY_SIZE(desc); i++) {
        desc[i] = qiaa_desc_noop(iaa);
    }
    /* Before the queue is enabled it takes none */
    qiaa_submit(iaa, 0, &desc[0]);
    assert_swerr(iaa, 0x70, false);
    clear_swerr(iaa);
    qiaa_enable(iaa, &queue, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(desc); i++) {
        qiaa_submit(iaa, 0, &desc[i]);
    }
    assert_swerr(iaa, 0x70, false);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS) & 0xffff, ==, 4);
    qiaa_step(iaa, QIAA_LONG_NS);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(qiaa_status(iaa, &desc[i]), ==, IAA_STATUS_SUCCESS);
    }
    g_assert_cmphex(qiaa_status(iaa, &desc[4]), ==, IAA_STATUS_NONE);
    qiaa_submit(iaa, 0, &desc[4]);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc[4]), ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that a shared queue can be enabled, and takes no posted writes */
static void test_shared_queue(void)
{
    const QIAAQueue queue = {
        .size = 16,
        .mode = R_IAA_WQCFG_MODE_PASID_EN_MASK,
        .transfer_shift = 12,
    };
    QIAA *iaa = qiaa_start(",overflow-swerr=0x70");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_wq_writel(iaa, 0, A_IAA_WQCFG_THRESHOLD, 16);
    qiaa_enable(iaa, &queue, 1);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 1u << 30);
    qiaa_submit(iaa, 0, &desc);
    assert_swerr(iaa, 0x70, false);
    clear_swerr(iaa);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_WQ, 1), ==, 0);
    qiaa_stop(iaa);
}

/* Test that there is nothing to wait for or to abandon by PASID */
static void test_pasid_commands(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_PASID, 7), ==,
                    IAA_CMDSTS_NOT_ENABLED);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ABORT_PASID, 7), ==,
                    IAA_CMDSTS_NOT_ENABLED);
    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &desc);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_PASID, 7), ==, 0);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ABORT_PASID, 7), ==, 0);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    qiaa_step(iaa, BASE_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that only 64 bytes in order make a descriptor */
static void test_portal(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);
    uint64_t portal = IAA_PORTAL_LIMITED;
    uint32_t occupancy;

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < 64; i += 4) {
        qpci_io_writel(iaa->dev, iaa->portals, portal + i, 0);
    }
    for (int i = 56; i >= 0; i -= 8) {
        qpci_io_writeq(iaa->dev, iaa->portals, portal + i, 0);
    }
    for (unsigned i = 0; i < 56; i += 8) {
        qpci_io_writeq(iaa->dev, iaa->portals, portal + i, 0);
    }
    qpci_io_writeq(iaa->dev, iaa->portals, portal + 64 + 56, 0);
    qpci_io_writeq(iaa->dev, iaa->portals, portal + 56, 0);
    occupancy = qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS) & 0xffff;
    g_assert_cmpuint(occupancy, ==, 0);

    /* The last slot of the last page is as good as any other */
    qpci_memwrite(iaa->dev, iaa->portals, IAA_PORTAL_STRIDE - 64, &desc, 64);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that a drain waits for what was there before it, and only that */
static void test_drain(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor before[9], after = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < ARRAY_SIZE(before); i++) {
        before[i] = qiaa_desc_noop(iaa);
        qiaa_submit(iaa, 0, &before[i]);
    }
    qiaa_command(iaa, IAA_CMD_DRAIN_WQ, 1);
    qiaa_step(iaa, BASE_NS / 2);
    qiaa_submit(iaa, 0, &after);
    qiaa_step(iaa, BASE_NS + BASE_NS / 2 - 1);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==,
                    R_IAA_CMDSTS_ACTIVE_MASK);
    g_assert_false(qiaa_interrupted(iaa, 0));

    /* CMD must be left alone for as long */
    qiaa_command(iaa, IAA_CMD_RESET_DEVICE, 0);
    assert_swerr(iaa, IAA_SWERR_COMMAND_ACTIVE, false);
    clear_swerr(iaa);

    qiaa_step(iaa, 1);
    g_assert_cmphex(qiaa_status(iaa, &before[8]), ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_command_status(iaa), ==, IAA_CMDSTS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that disabling waits, takes no more, and keeps the configuration */
static void test_disable(void)
{
    static const struct {
        uint32_t code, operand;
    } commands[] = {
        { IAA_CMD_DISABLE_WQ, 1 },
        { IAA_CMD_DISABLE_DEVICE, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        QIAA *iaa = qiaa_start("");
        IAADescriptor desc = qiaa_desc_noop(iaa), late = qiaa_desc_noop(iaa);

        qiaa_enable_one(iaa);
        qiaa_submit(iaa, 0, &desc);
        qiaa_command(iaa, commands[i].code, commands[i].operand);
        qiaa_submit(iaa, 0, &late);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==,
                        R_IAA_CMDSTS_ACTIVE_MASK);
        qiaa_step(iaa, BASE_NS);
        g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_SUCCESS);
        g_assert_cmphex(qiaa_command_status(iaa), ==, IAA_CMDSTS_SUCCESS);
        g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 0);
        g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_SIZE), ==, 16);
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &late), ==, IAA_STATUS_NONE);
        qiaa_stop(iaa);
    }
}

static void reset_function(QIAA *iaa)
{
    uint8_t cap = qpci_find_capability(iaa->dev, PCI_CAP_ID_EXP, 0);

    qpci_config_writew(iaa->dev, cap + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
}

static void abort_all(QIAA *iaa)
{
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ABORT_ALL, 0), ==, 0);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 1u << 30);
}

static void abort_wq(QIAA *iaa)
{
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ABORT_WQ, 1), ==, 0);
}

static void reset_wq(QIAA *iaa)
{
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_RESET_WQ, 1), ==, 0);
}

static void reset_device(QIAA *iaa)
{
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_RESET_DEVICE, 0), ==, 0);
}

static void reset_machine(QIAA *iaa)
{
    qtest_system_reset(iaa->qs->qts);
}

/* Test that nothing is written for a descriptor that was abandoned */
static void test_abandon(void)
{
    static void (*const abandon[])(QIAA *iaa) = {
        abort_all, abort_wq, reset_wq, reset_device, reset_function,
        reset_machine,
    };
    const uint32_t size = 1 * MiB;
    g_autofree uint8_t *text = qiaa_make_text(size, 2);
    g_autofree uint8_t *before = g_malloc(size), *after = g_malloc(size);

    for (unsigned i = 0; i < ARRAY_SIZE(abandon); i++) {
        QIAA *iaa = qiaa_start("");
        IAADescriptor desc[12];

        qiaa_enable_one(iaa);
        for (unsigned j = 0; j < ARRAY_SIZE(desc); j++) {
            desc[j] = qiaa_desc_compress(iaa, text, size, size);
            qiaa_submit(iaa, 0, &desc[j]);
        }
        qiaa_step(iaa, 100 * 1000);
        qiaa_memread(iaa, desc[0].dst_addr, before, size);
        g_assert_false(buffer_is_zero(before, size));
        abandon[i](iaa);
        qiaa_step(iaa, QIAA_LONG_NS);
        qiaa_memread(iaa, desc[0].dst_addr, after, size);
        g_assert_cmpmem(before, size, after, size);
        for (unsigned j = 0; j < ARRAY_SIZE(desc); j++) {
            g_assert_cmphex(qiaa_status(iaa, &desc[j]), ==, IAA_STATUS_NONE);
        }
        qiaa_stop(iaa);
    }
}

/* Test that the DRAIN operation comes after all that were before it */
static void test_drain_operation(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 3);
    QIAA *iaa = qiaa_start("");
    IAADescriptor slow = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    IAADescriptor drain = qiaa_desc_noop(iaa), later = qiaa_desc_noop(iaa);
    const int64_t slow_ns = BASE_NS +
                            PAGE_SIZE * NANOSECONDS_PER_SECOND / COMPRESS_RATE;

    qiaa_enable_one(iaa);
    drain.op_flags = qiaa_op(IAA_OP_DRAIN, QIAA_RECORD_FLAGS);
    qiaa_submit(iaa, 0, &slow);
    qiaa_submit(iaa, 0, &drain);
    qiaa_submit(iaa, 0, &later);
    qiaa_step(iaa, slow_ns + BASE_NS - 1);
    g_assert_cmphex(qiaa_status(iaa, &slow), ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_status(iaa, &drain), ==, IAA_STATUS_NONE);
    qiaa_step(iaa, 1);
    g_assert_cmphex(qiaa_status(iaa, &drain), ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that queues share the engines of their group by priority, in turns */
static void test_priority(void)
{
    const uint32_t mode = R_IAA_WQCFG_MODE_DEDICATED_MASK;
    const QIAAQueue queues[] = {
        { 0, 16, mode | 1 << R_IAA_WQCFG_MODE_PRIORITY_SHIFT, 12 },
        { 1, 16, mode | 9 << R_IAA_WQCFG_MODE_PRIORITY_SHIFT, 12 },
        { 2, 16, mode | 9 << R_IAA_WQCFG_MODE_PRIORITY_SHIFT, 12 },
    };
    /* By queue; the first finds the engine idle */
    static const unsigned submitted[] = { 0, 0, 1, 1, 2, 2 };
    static const unsigned served[] = { 0, 2, 4, 3, 5, 1 };
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc[ARRAY_SIZE(submitted)];

    qiaa_enable(iaa, queues, ARRAY_SIZE(queues));
    /* One engine will do, and other groups are none of its business */
    qiaa_execute(iaa, IAA_CMD_DISABLE_DEVICE, 0);
    qiaa_config_group(iaa, 0, 7, 0x10);
    qiaa_config_group(iaa, 1, 8, 0x20);
    qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(queues); i++) {
        g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, i), ==, 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(desc); i++) {
        desc[i] = qiaa_desc_noop(iaa);
        qiaa_submit(iaa, submitted[i], &desc[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(desc); i++) {
        g_assert_cmphex(qiaa_status(iaa, &desc[served[i]]), ==,
                        IAA_STATUS_NONE);
        qiaa_step(iaa, BASE_NS);
        g_assert_cmphex(qiaa_status(iaa, &desc[served[i]]), ==,
                        IAA_STATUS_SUCCESS);
    }
    qiaa_stop(iaa);
}

static void assert_completes_after(QIAA *iaa, const IAADescriptor *desc,
                                   int64_t ns)
{
    qiaa_step(iaa, ns - 1);
    g_assert_cmphex(qiaa_status(iaa, desc), ==, IAA_STATUS_NONE);
    qiaa_step(iaa, 1);
    g_assert_cmphex(qiaa_status(iaa, desc), ==, IAA_STATUS_SUCCESS);
}

/* Test that operations take the time of the model, to the nanosecond */
static void test_timing(void)
{
    const uint32_t size = 200000;
    g_autofree uint8_t *text = qiaa_make_text(size, 4);
    QIAA *iaa = qiaa_start(",device-rate=0,generation=gnr");
    IAADescriptor desc = qiaa_desc_compress(iaa, text, size, size);
    uint32_t stream;

    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &desc);
    assert_completes_after(iaa, &desc, BASE_NS +
                           size * NANOSECONDS_PER_SECOND / COMPRESS_RATE);
    stream = qiaa_record(iaa, desc.record_addr).output_size;
    desc = qiaa_desc_of_output(iaa, &desc, stream);
    qiaa_submit(iaa, 0, &desc);
    assert_completes_after(iaa, &desc, BASE_NS +
                           size * NANOSECONDS_PER_SECOND / DECOMPRESS_RATE);

    desc = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    desc.mode |= IAA_HEADER_ONE_PASS << R_IAA_COMPRESS_HEADER_SHIFT;
    qiaa_submit(iaa, 0, &desc);
    assert_completes_after(iaa, &desc, BASE_NS + HEADER_BASE_NS +
                           PAGE_SIZE * NANOSECONDS_PER_SECOND / COMPRESS_RATE);
    qiaa_stop(iaa);
}

/* Test that a device with two engines does two descriptors at a time */
static void test_engines(void)
{
    QIAA *iaa = qiaa_start(",engines=2");
    IAADescriptor first = qiaa_desc_noop(iaa);
    IAADescriptor second = qiaa_desc_noop(iaa);
    IAADescriptor third = qiaa_desc_noop(iaa);

    g_assert_cmphex(qiaa_readq(iaa, A_IAA_ENGCAP), ==, 2);
    qiaa_config_group(iaa, 0, 1, BIT(2));
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0), ==,
                    IAA_CMDSTS_GROUP_NO_ENGINES);

    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &first);
    qiaa_submit(iaa, 0, &second);
    qiaa_submit(iaa, 0, &third);
    assert_completes_after(iaa, &second, BASE_NS);
    g_assert_cmphex(qiaa_record(iaa, first.record_addr).status, ==,
                    IAA_STATUS_SUCCESS);
    assert_completes_after(iaa, &third, BASE_NS);
    qiaa_stop(iaa);
}

/* Test that engines work side by side, as fast as the device lets them */
static void test_device_rate(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 5);
    const int64_t engine = BASE_NS +
                           PAGE_SIZE * NANOSECONDS_PER_SECOND / COMPRESS_RATE;
    const int64_t device = PAGE_SIZE * NANOSECONDS_PER_SECOND / DEVICE_RATE;
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc[IAA_NUM_ENGINES - 1], last = qiaa_desc_noop(iaa);
    int64_t now = BASE_NS;

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < ARRAY_SIZE(desc); i++) {
        desc[i] = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
        qiaa_submit(iaa, 0, &desc[i]);
    }
    /* What moves no data is not held up */
    qiaa_submit(iaa, 0, &last);
    assert_completes_after(iaa, &last, BASE_NS);
    for (unsigned i = 0; i < ARRAY_SIZE(desc); i++) {
        int64_t when = MAX(engine, (i + 1) * device);

        if (when > now) {
            assert_completes_after(iaa, &desc[i], when - now);
            now = when;
        }
        g_assert_cmphex(qiaa_status(iaa, &desc[i]), ==, IAA_STATUS_SUCCESS);
    }
    qiaa_stop(iaa);
}

#define BATCH   8

static void submit_batch(QIAA *iaa, const IAADescriptor *desc)
{
    for (unsigned i = 0; i < BATCH; i++) {
        qiaa_submit(iaa, 0, &desc[i]);
    }
}

/* Whether all of a batch ends just after @ns */
static void assert_batch_takes(QIAA *iaa, const IAADescriptor *desc,
                               int64_t ns)
{
    unsigned done = 0;

    qiaa_step(iaa, ns - 1);
    for (unsigned i = 0; i < BATCH; i++) {
        done += qiaa_status(iaa, &desc[i]) == IAA_STATUS_SUCCESS;
    }
    g_assert_cmpuint(done, <, BATCH);
    qiaa_step(iaa, 1);
    for (unsigned i = 0; i < BATCH; i++) {
        g_assert_cmphex(qiaa_status(iaa, &desc[i]), ==, IAA_STATUS_SUCCESS);
    }
}

/*
 * Test that each kind of work has rates of its own; the first batch, of
 * plain compression, does not keep the other two waiting
 */
static void test_rates(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 12);
    QIAA *iaa = qiaa_start(",generation=gnr,compress-rate=0,device-rate=0"
                           ",header-rate=1000000000"
                           ",header-device-rate=800000000"
                           ",decompress-device-rate=500000000");
    IAADescriptor fixed[BATCH], generated[BATCH], back[BATCH];

    qiaa_enable_one(iaa);
    for (unsigned i = 0; i < BATCH; i++) {
        fixed[i] = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
        generated[i] = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
        generated[i].mode |= IAA_HEADER_ONE_PASS << R_IAA_COMPRESS_HEADER_SHIFT;
    }
    submit_batch(iaa, fixed);
    assert_batch_takes(iaa, fixed, BASE_NS);
    for (unsigned i = 0; i < BATCH; i++) {
        uint32_t size = qiaa_record(iaa, fixed[i].record_addr).output_size;

        back[i] = qiaa_desc_of_output(iaa, &fixed[i], size);
    }
    /* One has its engine's rate, of more the device's is what counts */
    qiaa_submit(iaa, 0, &generated[0]);
    assert_completes_after(iaa, &generated[0], BASE_NS + HEADER_BASE_NS +
                           PAGE_SIZE * NANOSECONDS_PER_SECOND / 1000000000);
    qiaa_memwrite(iaa, generated[0].record_addr, "", 1);
    submit_batch(iaa, generated);
    assert_batch_takes(iaa, generated,
                       BATCH * PAGE_SIZE * NANOSECONDS_PER_SECOND / 800000000);
    submit_batch(iaa, back);
    assert_batch_takes(iaa, back,
                       BATCH * PAGE_SIZE * NANOSECONDS_PER_SECOND / 500000000);
    qiaa_stop(iaa);
}

/*
 * Test that devices do not share their engines or their rate: two batches on
 * two devices take as long as one, and on one device nearly twice as long
 */
static void test_devices(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 7);
    const int64_t engine = BASE_NS +
                           PAGE_SIZE * NANOSECONDS_PER_SECOND / COMPRESS_RATE;
    const int64_t page = PAGE_SIZE * NANOSECONDS_PER_SECOND / DEVICE_RATE;
    QIAA *first = qiaa_start(" -device iaa,addr=5");
    QIAA *second = qiaa_another(first, 5);
    IAADescriptor here[BATCH], there[BATCH];

    g_assert_cmpint(BATCH * page, >, engine);
    qiaa_enable_one(first);
    qiaa_enable_one(second);
    for (unsigned i = 0; i < BATCH; i++) {
        here[i] = qiaa_desc_compress(first, text, PAGE_SIZE, PAGE_SIZE);
        there[i] = qiaa_desc_compress(first, text, PAGE_SIZE, PAGE_SIZE);
    }
    submit_batch(first, here);
    submit_batch(second, there);
    assert_batch_takes(first, here, BATCH * page);
    for (unsigned i = 0; i < BATCH; i++) {
        g_assert_cmphex(qiaa_status(second, &there[i]), ==,
                        IAA_STATUS_SUCCESS);
        qtest_memset(first->qs->qts, here[i].record_addr, 0, 64);
        qtest_memset(first->qs->qts, there[i].record_addr, 0, 64);
    }

    submit_batch(first, here);
    submit_batch(first, there);
    assert_batch_takes(first, there, 2 * BATCH * page);
    qiaa_release(second);
    qiaa_stop(first);
}

/* Test that losing the bus is logged, and does no harm */
static void test_bus_master(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &desc);
    qpci_config_writew(iaa->dev, PCI_COMMAND, PCI_COMMAND_MEMORY);
    assert_swerr(iaa, IAA_SWERR_BUS_MASTER, false);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    qiaa_stop(iaa);
}

/*
 * Test that a device can come and go, and that there can be several
 *
 * A slot that the guest has not turned on lets go of its device at once.
 */
static void test_hotplug(void)
{
    QTestState *qts = qtest_init(
        "-machine q35 -device iaa,id=iaa0 "
        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device pcie-root-port,id=rp0,chassis=1");

    for (unsigned i = 0; i < 3; i++) {
        qtest_qmp_device_add(qts, "iaa", "iaa1",
                             "{'bus': 'rp0', 'generation': 'gnr'}");
        qtest_qmp_device_del(qts, "iaa1");
    }
    qtest_quit(qts);
}

static void assert_refused(QTestState *qts, const char *name,
                           const char *value)
{
    g_autofree char *args = g_strdup_printf(
        "{ 'driver': 'iaa', 'bus': 'rp0', '%s': %s }", name, value);
    QDict *response = qtest_qmp(qts, "{ 'execute': 'device_add',"
                                "  'arguments': %p }",
                                qobject_from_json(args, &error_abort));
    QDict *error = qdict_get_qdict(response, "error");

    g_assert_nonnull(error);
    g_assert_true(g_str_has_prefix(qdict_get_str(error, "desc"), name));
    qobject_unref(response);
}

/* Test that properties that make no sense are refused */
static void test_properties(void)
{
    QTestState *qts = qtest_init("-machine q35 "
                                 "-device pcie-root-port,id=rp0,chassis=1");

    assert_refused(qts, "generation", "'dmr'");
    assert_refused(qts, "engines", "0");
    assert_refused(qts, "engines", "9");
    assert_refused(qts, "compress-base-ns", "1000000001");
    assert_refused(qts, "decompress-base-ns", "1000000001");
    assert_refused(qts, "header-base-ns", "1000000001");
    assert_refused(qts, "abort-ns", "60000000001");
    assert_refused(qts, "abort-late-ns", "60000000001");
    assert_refused(qts, "cut-off", "'maybe'");
    qtest_quit(qts);
}

/*
 * Whatever a guest does, the device goes on
 */

#define RANDOM_STEPS    4000

static uint32_t random_below(uint32_t end)
{
    return g_test_rand_int() % end;
}

/* Mostly sound, so that it gets beyond the first check */
static void random_submit(QIAA *iaa, const IAADescriptor *sound, unsigned count)
{
    IAADescriptor desc = sound[random_below(count)];
    uint8_t *bytes = (uint8_t *)&desc;

    for (unsigned i = random_below(4); i > 0; i--) {
        bytes[random_below(sizeof(desc))] ^= 1 << random_below(8);
    }
    qiaa_submit(iaa, random_below(IAA_NUM_WQS), &desc);
}

static void random_register(QIAA *iaa)
{
    uint64_t offset = random_below(IAA_REGS_END / 4) * 4;

    if (offset % 8 == 0 && random_below(2)) {
        qiaa_writeq(iaa, offset, (uint64_t)g_test_rand_int() << 32 |
                                 (uint32_t)g_test_rand_int());
    } else {
        qiaa_writel(iaa, offset, g_test_rand_int());
    }
}

static void random_fault(QIAA *iaa)
{
    const QIAAFault fault = {
        .action = random_below(20),
        .wq = random_below(2) ? IAA_INJECT_ANY : random_below(10),
        .code = random_below(2) ? IAA_INJECT_ANY : g_test_rand_int(),
        .skip = random_below(4),
        .count = random_below(4),
        .status = g_test_rand_int(),
        .error = g_test_rand_int(),
        .reset = random_below(4),
        .mask = g_test_rand_int(),
        .offset = random_below(PAGE_SIZE),
        .delay_ns = random_below(100000),
    };

    qiaa_inject(iaa, random_below(IAA_INJECT_SLOTS), &fault);
}

static void random_bus_master(QIAA *iaa)
{
    qpci_config_writew(iaa->dev, PCI_COMMAND,
                       qpci_config_readw(iaa->dev, PCI_COMMAND) ^
                       PCI_COMMAND_MASTER);
}

/* The smallest reset that helps */
static void random_recover(QIAA *iaa)
{
    qpci_io_writel(iaa->dev, iaa->inject, A_IAA_INJECT_GONE, 0);
    qpci_io_writel(iaa->dev, iaa->inject, A_IAA_INJECT_CLEAR, 0);
    if (FIELD_EX32(qiaa_readl(iaa, A_IAA_GENSTS), IAA_GENSTS, STATE) ==
        IAA_DEVICE_HALTED) {
        reset_machine(iaa);
    } else {
        reset_function(iaa);
    }
    qiaa_setup(iaa);
}

static void random_setup(QIAA *iaa)
{
    qiaa_command(iaa, IAA_CMD_RESET_DEVICE, 0);
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        const QIAAQueue queue = {
            .index = i,
            .size = random_below(20),
            .mode = R_IAA_WQCFG_MODE_DEDICATED_MASK |
                    random_below(16) << R_IAA_WQCFG_MODE_PRIORITY_SHIFT,
            .transfer_shift = 12 + random_below(12),
        };

        qiaa_config_queue(iaa, &queue);
    }
    qiaa_config_group(iaa, random_below(IAA_NUM_GROUPS), 0x0f, 0x55);
    qiaa_config_group(iaa, random_below(IAA_NUM_GROUPS), 0xf0, 0xaa);
    qiaa_command(iaa, IAA_CMD_ENABLE_DEVICE, 0);
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        qiaa_command(iaa, IAA_CMD_ENABLE_WQ, i);
    }
}

static void random_step(QIAA *iaa, const IAADescriptor *sound, unsigned count)
{
    switch (random_below(100)) {
    case 0 ... 1:
        random_setup(iaa);
        break;
    case 2 ... 4:
        qiaa_command(iaa, random_below(16), random_below(0x200));
        break;
    case 5 ... 9:
        random_register(iaa);
        break;
    case 10:
        random_recover(iaa);
        break;
    case 97:
        random_fault(iaa);
        break;
    case 98:
        random_bus_master(iaa);
        break;
    case 11 ... 30:
        qiaa_step(iaa, 1 + random_below(20000));
        break;
    default:
        random_submit(iaa, sound, count);
    }
}

static void check_random(const char *options)
{
    const uint32_t size = 100000;
    g_autofree uint8_t *text = qiaa_make_text(size, 6);
    g_autofree uint8_t *stream = g_malloc(size);
    QIAA *iaa = qiaa_start(options);
    IAADescriptor sound[] = {
        qiaa_desc_noop(iaa), qiaa_desc_noop(iaa),
        qiaa_desc_compress(iaa, text, size, size),
        qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE),
        qiaa_desc_compress(iaa, text, PAGE_SIZE, 1000),
        qiaa_desc_decompress(iaa, text, size, size),
        qiaa_desc_decompress(iaa, text, size, size),
    };
    IAADescriptor last = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    sound[1].op_flags = qiaa_op(IAA_OP_DRAIN, QIAA_RECORD_FLAGS);
    g_assert_cmphex(qiaa_run(iaa, &sound[2]).status, ==, IAA_STATUS_SUCCESS);
    qiaa_memread(iaa, sound[2].dst_addr, stream, size);
    qiaa_memwrite(iaa, sound[5].src1_addr, stream, size);

    for (unsigned i = 0; i < RANDOM_STEPS; i++) {
        random_step(iaa, sound, ARRAY_SIZE(sound));
    }

    random_recover(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_run(iaa, &last).status, ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that no sequence of accesses breaks the device */
static void test_random(void)
{
    check_random(",generation=gnr,overflow-swerr=1,inject=on");
}

/* Test the same with what may be different on silicon */
static void test_random_variant(void)
{
    check_random(",inject=on,abort-status=0x5a,abort-ns=2000,"
                 "abort-late-ns=5000,cut-off=hold,cut-off-halt=on");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/iaa/identity", test_identity);
    qtest_add_func("/iaa/hotplug", test_hotplug);
    qtest_add_func("/iaa/properties", test_properties);
    qtest_add_func("/iaa/regs/capabilities", test_capabilities);
    qtest_add_func("/iaa/regs/read-only", test_read_only);
    qtest_add_func("/iaa/regs/configuration", test_configuration);
    qtest_add_func("/iaa/cmd/enable-device-errors", test_enable_device_errors);
    qtest_add_func("/iaa/cmd/enable-wq-errors", test_enable_wq_errors);
    qtest_add_func("/iaa/cmd/drain", test_drain);
    qtest_add_func("/iaa/cmd/disable", test_disable);
    qtest_add_func("/iaa/cmd/abandon", test_abandon);
    qtest_add_func("/iaa/wq/depth", test_queue_depth);
    qtest_add_func("/iaa/wq/portal", test_portal);
    qtest_add_func("/iaa/wq/shared", test_shared_queue);
    qtest_add_func("/iaa/cmd/pasid", test_pasid_commands);
    qtest_add_func("/iaa/wq/priority", test_priority);
    qtest_add_func("/iaa/op/noop", test_noop);
    qtest_add_func("/iaa/op/drain", test_drain_operation);
    qtest_add_func("/iaa/op/anchors", test_compress_anchors);
    qtest_add_func("/iaa/op/round-trip", test_round_trip);
    qtest_add_func("/iaa/op/compress-overflow", test_compress_overflow);
    qtest_add_func("/iaa/op/decompress-overflow", test_decompress_overflow);
    qtest_add_func("/iaa/op/decompress-error", test_decompress_error);
    qtest_add_func("/iaa/op/crc32c", test_crc32c);
    qtest_add_func("/iaa/op/aecs-chain", test_aecs_chain);
    qtest_add_func("/iaa/op/stats", test_stats);
    qtest_add_func("/iaa/op/header-generation", test_header_generation);
    qtest_add_func("/iaa/op/two-pass", test_two_pass);
    qtest_add_func("/iaa/op/two-pass-accumulator", test_two_pass_accumulator);
    qtest_add_func("/iaa/op/two-pass-errors", test_two_pass_errors);
    qtest_add_func("/iaa/op/decompress-chain", test_decompress_chain);
    qtest_add_func("/iaa/op/decompress-chain-full",
                   test_decompress_chain_full);
    qtest_add_func("/iaa/op/decompress-seeds", test_decompress_seeds);
    qtest_add_func("/iaa/op/decompress-history", test_decompress_history);
    qtest_add_func("/iaa/error/decompress-aecs", test_decompress_bad_aecs);
    qtest_add_func("/iaa/error/spoiled-aecs", test_decompress_spoiled_aecs);
    qtest_add_func("/iaa/error/descriptors", test_bad_descriptors);
    qtest_add_func("/iaa/error/aecs", test_bad_aecs);
    qtest_add_func("/iaa/error/software", test_software_error);
    qtest_add_func("/iaa/error/dma", test_dma_errors);
    qtest_add_func("/iaa/error/dma-bypass", test_dma_errors_bypass);
    qtest_add_func("/iaa/error/dma-faults", test_dma_faults);
    qtest_add_func("/iaa/error/bus-master", test_bus_master);
    qtest_add_func("/iaa/error/random", test_random);
    qtest_add_func("/iaa/error/random-variant", test_random_variant);
    qtest_add_func("/iaa/time/engine", test_timing);
    qtest_add_func("/iaa/time/engines", test_engines);
    qtest_add_func("/iaa/time/device", test_device_rate);
    qtest_add_func("/iaa/time/rates", test_rates);
    qtest_add_func("/iaa/time/devices", test_devices);

    return g_test_run();
}
