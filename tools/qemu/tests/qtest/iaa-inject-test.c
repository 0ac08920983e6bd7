/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest of fault injection into the Intel In-Memory Analytics Accelerator
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "hw/pci/pci_regs.h"
#include "libqos/iaa.h"
#include "libqtest.h"
#include "qobject/qdict.h"

#define ANY         IAA_INJECT_ANY
#define PAGE_SIZE   (4 * KiB)
#define DEVICE      "/machine/peripheral/iaa0"

/* Defaults of the device */
#define BASE_NS         1250
#define COMPRESS_RATE   2100000000ull
#define PAGE_NS         (BASE_NS + PAGE_SIZE * 1000000000ull / COMPRESS_RATE)

static QIAA *start(void)
{
    QIAA *iaa = qiaa_start(",inject=on");

    qiaa_enable_one(iaa);
    return iaa;
}

/* How qom-set ends, and whether that is what should happen */
static void set_property(QIAA *iaa, const char *name, const char *value,
                         bool sound)
{
    QDict *response = qtest_qmp(iaa->qs->qts, "{ 'execute': 'qom-set',"
                                "  'arguments': { 'path': %s, 'property': %s,"
                                "                 'value': %s } }",
                                DEVICE, name, value);

    g_assert_cmpint(qdict_haskey(response, "return"), ==, sound);
    qobject_unref(response);
}

static void set_gone(QIAA *iaa, bool gone)
{
    qtest_qmp_assert_success(iaa->qs->qts, "{ 'execute': 'qom-set',"
                             "  'arguments': { 'path': %s, 'value': %i,"
                             "                 'property': 'gone' } }",
                             DEVICE, gone);
}

static void assert_property(QIAA *iaa, const char *name, const char *expected)
{
    QDict *response = qtest_qmp(iaa->qs->qts, "{ 'execute': 'qom-get',"
                                "  'arguments': { 'path': %s,"
                                "                 'property': %s } }",
                                DEVICE, name);

    g_assert_cmpstr(qdict_get_str(response, "return"), ==, expected);
    qobject_unref(response);
}

/* Test that there is no BAR 4 unless it was asked for */
static void test_bar(void)
{
    QIAA *iaa = qiaa_start("");

    g_assert_cmphex(qpci_config_readl(iaa->dev, PCI_BASE_ADDRESS_4), ==, 0);
    qpci_config_writel(iaa->dev, PCI_BASE_ADDRESS_4, UINT32_MAX);
    g_assert_cmphex(qpci_config_readl(iaa->dev, PCI_BASE_ADDRESS_4), ==, 0);
    qiaa_stop(iaa);

    iaa = qiaa_start(",inject=on");
    g_assert_cmphex(qpci_io_readl(iaa->dev, iaa->inject, A_IAA_INJECT_ID), ==,
                    IAA_INJECT_ID_VALUE);
    g_assert_cmpuint(qpci_io_readl(iaa->dev, iaa->inject,
                                   A_IAA_INJECT_NUM_SLOTS), ==,
                     IAA_INJECT_SLOTS);
    g_assert_cmphex(qpci_io_readl(iaa->dev, iaa->inject,
                                  IAA_BAR_INJECT_SIZE - 4), ==, 0);
    qiaa_stop(iaa);
}

/* Test that the descriptors counted are those of the queue and the opcode */
static void test_point(void)
{
    const uint32_t mode = R_IAA_WQCFG_MODE_DEDICATED_MASK;
    const QIAAQueue queues[] = { { 0, 32, mode, 12 }, { 3, 32, mode, 12 } };
    const QIAAFault fault = {
        .action = IAA_INJECT_STATUS, .wq = 3, .code = IAA_OP_NOOP,
        .skip = 2, .count = 2, .status = 0x24, .error = 7,
    };
    QIAA *iaa = qiaa_start(",inject=on");
    IAADescriptor here[6], there[6], drain = qiaa_desc_noop(iaa);

    qiaa_enable(iaa, queues, ARRAY_SIZE(queues));
    drain.op_flags = qiaa_op(IAA_OP_DRAIN, QIAA_RECORD_FLAGS);
    qiaa_inject(iaa, 5, &fault);
    for (unsigned i = 0; i < ARRAY_SIZE(here); i++) {
        here[i] = qiaa_desc_noop(iaa);
        there[i] = qiaa_desc_noop(iaa);
        qiaa_submit(iaa, 0, &there[i]);
        qiaa_submit(iaa, 3, &here[i]);
        if (i == 1) {
            qiaa_submit(iaa, 3, &drain);
        }
    }
    qiaa_step(iaa, QIAA_LONG_NS);
    for (unsigned i = 0; i < ARRAY_SIZE(here); i++) {
        IAACompletion record = qiaa_record(iaa, here[i].record_addr);
        bool hit = i == 2 || i == 3;

        g_assert_cmphex(record.status, ==, hit ? 0x24 : IAA_STATUS_SUCCESS);
        g_assert_cmpuint(record.error, ==, hit ? 7 : 0);
        g_assert_cmphex(qiaa_status(iaa, &there[i]), ==, IAA_STATUS_SUCCESS);
    }
    g_assert_cmphex(qiaa_status(iaa, &drain), ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(qiaa_hits(iaa, 5), ==, 2);
    qiaa_stop(iaa);
}

/* Test that slots count apart, and that one that is for good stays */
static void test_slots(void)
{
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_STATUS, .wq = ANY, .code = ANY, .skip = 1,
        .status = 0x21,
    });
    qiaa_inject(iaa, 1, &(QIAAFault) {
        .action = IAA_INJECT_STATUS, .wq = ANY, .code = ANY, .skip = 1,
        .count = IAA_INJECT_FOREVER, .status = 0x22,
    });
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, 0x21);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, 0x22);
    }
    g_assert_cmpuint(qiaa_hits(iaa, 0), ==, 1);
    g_assert_cmpuint(qiaa_hits(iaa, 1), ==, 6);

    /* What a test has asked for outlives a reset, until it is cleared */
    qiaa_execute(iaa, IAA_CMD_RESET_DEVICE, 0);
    qiaa_setup(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, 0x22);
    qpci_io_writel(iaa->dev, iaa->inject, A_IAA_INJECT_CLEAR, 1);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmpuint(qiaa_hits(iaa, 1), ==, 0);
    qiaa_stop(iaa);
}

/* Test that nothing but the record is written, with a plausible address */
static void test_status(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 1);
    g_autofree uint8_t *zeroes = g_malloc0(PAGE_SIZE);
    g_autofree uint8_t *after = g_malloc(PAGE_SIZE);
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    const struct {
        uint8_t status;
        uint64_t addr;
    } cases[] = {
        { 0x03, desc.src1_addr }, { 0x83, desc.dst_addr },
        { 0x04, desc.src1_addr }, { 0x84, desc.dst_addr },
        { 0x20, desc.src1_addr }, { 0x0a, 0 }, { 0x24, 0 },
        { IAA_STATUS_SUCCESS, 0 },
    };
    IAACompressAECS pair[2] = { qiaa_fixed_aecs(), qiaa_fixed_aecs() }, saved;

    desc.op_flags |= IAA_FLAG_WR_SRC2_DONE | IAA_FLAG_RCI;
    desc.int_handle = 1;
    desc.src2_addr = qiaa_alloc_buf(iaa, pair, sizeof(pair));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        IAACompletion record;

        qiaa_inject(iaa, 0, &(QIAAFault) {
            .action = IAA_INJECT_STATUS, .wq = ANY, .code = IAA_OP_COMPRESS,
            .status = cases[i].status, .error = 25,
        });
        record = qiaa_run(iaa, &desc);
        g_assert_cmphex(record.status, ==, cases[i].status);
        g_assert_cmpuint(record.error, ==, 25);
        g_assert_cmphex(record.fault_addr, ==, cases[i].addr);
        g_assert_cmpuint(record.output_size, ==, 0);
        g_assert_true(qiaa_interrupted(iaa, 1));
        qiaa_memread(iaa, desc.dst_addr, after, PAGE_SIZE);
        g_assert_cmpmem(after, PAGE_SIZE, zeroes, PAGE_SIZE);
        qiaa_memread(iaa, desc.src2_addr + sizeof(saved), &saved,
                     sizeof(saved));
        g_assert_cmpmem(&saved, sizeof(saved), &pair[1], sizeof(pair[1]));
    }
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);

    /* Of a record that cannot be written only the log knows */
    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_STATUS, .wq = ANY, .code = ANY,
        .status = IAA_STATUS_RECORD_FAULT,
    });
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_NONE);
    g_assert_cmphex(FIELD_EX32(qiaa_readl(iaa, A_IAA_SWERR0), IAA_SWERR0,
                               ERROR), ==, IAA_STATUS_RECORD_FAULT);

    /* An unaligned one is not touched, whatever a test wants in it */
    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_STATUS, .wq = ANY, .code = ANY, .status = 0x24,
    });
    desc.record_addr += 8;
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_NONE);
    qiaa_stop(iaa);
}

/* Test that a lost descriptor is no obstacle to a drain */
static void test_drop(void)
{
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_noop(iaa), next = qiaa_desc_noop(iaa);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_DROP, .wq = 0, .code = ANY,
    });
    qiaa_submit(iaa, 0, &desc);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 1u << 30);
    qiaa_submit(iaa, 0, &next);
    qiaa_command(iaa, IAA_CMD_DRAIN_WQ, 1);
    qiaa_step(iaa, BASE_NS);
    g_assert_cmphex(qiaa_command_status(iaa), ==, IAA_CMDSTS_SUCCESS);
    g_assert_cmphex(qiaa_status(iaa, &next), ==, IAA_STATUS_SUCCESS);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    g_assert_cmpuint(qiaa_hits(iaa, 0), ==, 1);
    qiaa_stop(iaa);
}

/* Test that a stuck descriptor holds its engine and a drain, until abandoned */
static void test_stick(void)
{
    static const struct {
        uint32_t code, operand;
    } releases[] = {
        { IAA_CMD_ABORT_WQ, 1 }, { IAA_CMD_ABORT_ALL, 0 },
        { IAA_CMD_RESET_WQ, 1 }, { IAA_CMD_RESET_DEVICE, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(releases); i++) {
        QIAA *iaa = start();
        IAADescriptor stuck = qiaa_desc_noop(iaa), next = qiaa_desc_noop(iaa);

        qiaa_inject(iaa, 0, &(QIAAFault) {
            .action = IAA_INJECT_STICK, .wq = 0, .code = ANY,
            .count = IAA_NUM_ENGINES,
        });
        for (unsigned j = 0; j < IAA_NUM_ENGINES; j++) {
            qiaa_submit(iaa, 0, &stuck);
        }
        qiaa_submit(iaa, 0, &next);
        qiaa_step(iaa, 10ull * QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &stuck), ==, IAA_STATUS_NONE);
        g_assert_cmphex(qiaa_status(iaa, &next), ==, IAA_STATUS_NONE);
        g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==,
                        1u << 30 | (IAA_NUM_ENGINES + 1));

        g_assert_cmphex(qiaa_execute(iaa, releases[i].code,
                                     releases[i].operand), ==,
                        IAA_CMDSTS_SUCCESS);
        qiaa_execute(iaa, IAA_CMD_RESET_DEVICE, 0);
        qiaa_setup(iaa);
        qiaa_enable_one(iaa);
        g_assert_cmphex(qiaa_run(iaa, &next).status, ==, IAA_STATUS_SUCCESS);
        g_assert_cmphex(qiaa_status(iaa, &stuck), ==, IAA_STATUS_NONE);
        qiaa_stop(iaa);
    }
}

/* Test that a drain does not end while a descriptor is stuck */
static void test_stick_drain(void)
{
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_STICK, .wq = 0, .code = ANY,
    });
    qiaa_submit(iaa, 0, &desc);
    qiaa_command(iaa, IAA_CMD_DRAIN_WQ, 1);
    qiaa_step(iaa, 10ull * QIAA_LONG_NS);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==,
                    R_IAA_CMDSTS_ACTIVE_MASK);
    g_assert_false(qiaa_interrupted(iaa, 0));
    qiaa_stop(iaa);
}

/* Test that a late descriptor is as late as it should be, and right */
static void test_delay(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 2);
    QIAA *iaa = start();
    IAADescriptor late = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    IAADescriptor other = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    const uint32_t delay = 123456789;

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_DELAY, .wq = ANY, .code = ANY, .delay_ns = delay,
    });
    qiaa_submit(iaa, 0, &late);
    qiaa_submit(iaa, 0, &other);
    qiaa_step(iaa, PAGE_NS);
    g_assert_cmphex(qiaa_status(iaa, &other), ==, IAA_STATUS_SUCCESS);
    qiaa_step(iaa, delay - 1);
    g_assert_cmphex(qiaa_status(iaa, &late), ==, IAA_STATUS_NONE);
    qiaa_step(iaa, 1);
    g_assert_cmphex(qiaa_status(iaa, &late), ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_record(iaa, late.record_addr).crc, ==,
                    crc32(0, text, PAGE_SIZE));
    qiaa_stop(iaa);
}

/* Test that a wrong CRC is all that is wrong */
static void test_crc(void)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 3);
    const uint32_t crc = crc32(0, text, PAGE_SIZE);
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
    IAACompletion sound = qiaa_run(iaa, &desc), record;

    g_assert_cmphex(sound.crc, ==, crc);
    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_CRC, .wq = ANY, .code = ANY, .mask = 0x10,
    });
    qiaa_inject(iaa, 1, &(QIAAFault) {
        .action = IAA_INJECT_CRC, .wq = ANY, .code = ANY, .skip = 1,
    });
    record = qiaa_run(iaa, &desc);
    g_assert_cmphex(record.crc, ==, crc ^ 0x10);
    record.crc = crc;
    g_assert_cmpmem(&record, sizeof(record), &sound, sizeof(sound));
    g_assert_cmphex(qiaa_run(iaa, &desc).crc, ==, ~crc);
    g_assert_cmphex(qiaa_run(iaa, &desc).crc, ==, crc);
    qiaa_stop(iaa);
}

/* Test that one byte is wrong, in any piece, and that nothing else tells */
static void test_output(void)
{
    const uint32_t size = 200000;
    static const uint32_t offsets[] = { 0, 65535, 65536, 199999 };
    g_autofree uint8_t *text = qiaa_make_text(size, 4);
    g_autofree uint8_t *spoiled = g_malloc(size);
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_compress(iaa, text, size, size);
    IAACompletion record = qiaa_run(iaa, &desc);

    desc = qiaa_desc_of_output(iaa, &desc, record.output_size);
    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        qiaa_inject(iaa, 0, &(QIAAFault) {
            .action = IAA_INJECT_OUTPUT, .wq = ANY,
            .code = IAA_OP_DECOMPRESS, .mask = 0x81, .offset = offsets[i],
        });
        record = qiaa_run(iaa, &desc);
        g_assert_cmphex(record.status, ==, IAA_STATUS_SUCCESS);
        g_assert_cmphex(record.crc, ==, crc32(0, text, size));
        qiaa_memread(iaa, desc.dst_addr, spoiled, size);
        spoiled[offsets[i]] ^= 0x81;
        g_assert_cmpmem(spoiled, size, text, size);
    }
    qiaa_run(iaa, &desc);
    qiaa_memread(iaa, desc.dst_addr, spoiled, size);
    g_assert_cmpmem(spoiled, size, text, size);
    qiaa_stop(iaa);
}

/* Test that a completion can come without the interrupt it should have */
static void test_no_interrupt(void)
{
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_noop(iaa);

    desc.op_flags |= IAA_FLAG_RCI;
    desc.int_handle = 1;
    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_NO_INTERRUPT, .wq = ANY, .code = ANY,
    });
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_false(qiaa_interrupted(iaa, 1));
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_true(qiaa_interrupted(iaa, 1));
    qiaa_stop(iaa);
}

/* Test that commands are refused, and have not done anything then */
static void test_refuse(void)
{
    QIAA *iaa = start();

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_REFUSE, .wq = ANY, .code = IAA_CMD_ENABLE_WQ,
        .skip = 1, .status = IAA_CMDSTS_HARDWARE,
    });
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_WQ, 1), ==, 0);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 0), ==, 0);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_WQ, 1), ==, 0);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 0), ==,
                    IAA_CMDSTS_HARDWARE);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 0);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ENABLE_WQ, 0), ==, 0);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_REFUSE, .wq = ANY, .code = ANY, .status = 0x31,
    });
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_DEVICE, 0), ==, 0x31);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_ENABLED);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DISABLE_DEVICE, 0), ==, 0);
    qiaa_stop(iaa);
}

static void reset_function(QIAA *iaa)
{
    uint8_t cap = qpci_find_capability(iaa->dev, PCI_CAP_ID_EXP, 0);

    qpci_config_writew(iaa->dev, cap + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
}

/* Test that a command hangs until the function is reset */
static void test_hang(void)
{
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_HANG, .wq = ANY, .code = IAA_CMD_DRAIN_ALL,
    });
    qiaa_command(iaa, IAA_CMD_DRAIN_ALL, 0);
    /* The rest of the device goes on */
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_step(iaa, 10ull * QIAA_LONG_NS);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==,
                    R_IAA_CMDSTS_ACTIVE_MASK);
    g_assert_false(qiaa_interrupted(iaa, 0));

    reset_function(iaa);
    qiaa_setup(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_ALL, 0), ==, 0);
    qiaa_stop(iaa);
}

/*
 * Halt
 */

static void assert_halted(QIAA *iaa, IAAResetType type)
{
    uint32_t gensts = qiaa_readl(iaa, A_IAA_GENSTS);

    g_assert_cmphex(gensts, ==, IAA_DEVICE_HALTED |
                    type << R_IAA_GENSTS_RESET_TYPE_SHIFT);
}

static void enable_halt_interrupt(QIAA *iaa)
{
    qiaa_writel(iaa, A_IAA_GENCTRL, R_IAA_GENCTRL_SWERR_INT_EN_MASK |
                                    R_IAA_GENCTRL_HALT_INT_EN_MASK);
}

static void halt_by_register(QIAA *iaa, IAAResetType type)
{
    qpci_io_writel(iaa->dev, iaa->inject, A_IAA_INJECT_HALT, type);
}

static void halt_by_property(QIAA *iaa, IAAResetType type)
{
    static const char *const names[] = { "software", "flr", "warm", "cold" };

    assert_property(iaa, "halt", "");
    set_property(iaa, "halt", names[type], true);
    assert_property(iaa, "halt", names[type]);
}

static void halt_by_descriptor(QIAA *iaa, IAAResetType type)
{
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_HALT, .wq = 0, .code = ANY, .reset = type,
    });
    qiaa_submit(iaa, 0, &desc);
}

static void assert_leaves_halt(QIAA *iaa)
{
    IAADescriptor desc = qiaa_desc_noop(iaa);

    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_DISABLED);
    qiaa_setup(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
}

/* Test that a reset that is not enough leaves the device halted */
static void reset_after_halt(QIAA *iaa, IAAResetType type)
{
    qiaa_execute(iaa, IAA_CMD_ENABLE_DEVICE, 0);
    assert_halted(iaa, type);
    qiaa_command(iaa, IAA_CMD_RESET_DEVICE, 0);
    if (type == IAA_RESET_SOFTWARE) {
        g_assert_cmphex(qiaa_command_status(iaa), ==, 0);
        return;
    }
    g_assert_cmphex(qiaa_command_status(iaa), ==, IAA_CMDSTS_HARDWARE);
    assert_halted(iaa, type);

    reset_function(iaa);
    qiaa_map(iaa);
    if (type == IAA_RESET_FLR) {
        return;
    }
    assert_halted(iaa, type);
    qtest_system_reset(iaa->qs->qts);
    qiaa_map(iaa);
}

static void test_halt(void)
{
    static void (*const halt[])(QIAA *iaa, IAAResetType type) = {
        halt_by_register, halt_by_property, halt_by_descriptor,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(halt); i++) {
        for (unsigned type = IAA_RESET_SOFTWARE; type <= IAA_RESET_COLD;
             type++) {
            QIAA *iaa = start();
            IAADescriptor before = qiaa_desc_noop(iaa);
            IAADescriptor after = qiaa_desc_noop(iaa);

            enable_halt_interrupt(iaa);
            qiaa_submit(iaa, 0, &before);
            halt[i](iaa, type);
            assert_halted(iaa, type);
            g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==,
                            R_IAA_INTCAUSE_HALT_MASK);
            g_assert_true(qiaa_interrupted(iaa, 0));
            qiaa_writel(iaa, A_IAA_INTCAUSE, R_IAA_INTCAUSE_HALT_MASK);
            qiaa_submit(iaa, 0, &after);
            qiaa_step(iaa, QIAA_LONG_NS);
            g_assert_cmphex(qiaa_status(iaa, &before), ==, IAA_STATUS_NONE);
            g_assert_cmphex(qiaa_status(iaa, &after), ==, IAA_STATUS_NONE);
            reset_after_halt(iaa, type);
            assert_leaves_halt(iaa);
            qiaa_stop(iaa);
        }
    }
}

/* Test that nobody is interrupted who did not ask for it */
static void test_halt_silent(void)
{
    QIAA *iaa = start();

    qiaa_writel(iaa, A_IAA_GENCTRL, 0);
    halt_by_register(iaa, IAA_RESET_FLR);
    g_assert_false(qiaa_interrupted(iaa, 0));
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==, 0);
    qiaa_stop(iaa);
}

/* Test that a command that waits when the device halts is not left waiting */
static void test_halt_drain(void)
{
    QIAA *iaa = start();
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_submit(iaa, 0, &desc);
    qiaa_command(iaa, IAA_CMD_DRAIN_ALL, 0);
    halt_by_register(iaa, IAA_RESET_SOFTWARE);
    g_assert_cmphex(qiaa_command_status(iaa), ==, IAA_CMDSTS_HARDWARE);
    qiaa_stop(iaa);
}

/*
 * Gone
 */

static void assert_gone(QIAA *iaa)
{
    static const uint64_t offsets[] = {
        A_IAA_VERSION, A_IAA_GENSTS, A_IAA_CMDSTS, A_IAA_WQCFG_SIZE,
        IAA_MSIX_TABLE, IAA_MSIX_PBA, IAA_BAR_REGS_SIZE - 8,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_assert_cmphex(qiaa_readl(iaa, offsets[i]), ==, UINT32_MAX);
        g_assert_cmphex(qiaa_readq(iaa, offsets[i]), ==, UINT64_MAX);
        qiaa_writel(iaa, offsets[i], 0);
    }
    g_assert_cmphex(qpci_io_readq(iaa->dev, iaa->portals, 0x1000), ==,
                    UINT64_MAX);
    g_assert_cmphex(qpci_config_readw(iaa->dev, PCI_VENDOR_ID), ==, 0xffff);
    g_assert_cmphex(qpci_config_readl(iaa->dev, PCI_BASE_ADDRESS_0), ==,
                    UINT32_MAX);
    qpci_config_writew(iaa->dev, PCI_COMMAND, 0);
    g_assert_cmphex(qpci_io_readl(iaa->dev, iaa->inject, A_IAA_INJECT_GONE),
                    ==, 1);
}

static void gone_by_register(QIAA *iaa)
{
    qpci_io_writel(iaa->dev, iaa->inject, A_IAA_INJECT_GONE, 1);
}

static void gone_by_property(QIAA *iaa)
{
    set_gone(iaa, true);
}

static void gone_by_descriptor(QIAA *iaa)
{
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_inject(iaa, 0, &(QIAAFault) {
        .action = IAA_INJECT_GONE, .wq = 0, .code = ANY,
    });
    qiaa_submit(iaa, 0, &desc);
}

static void test_gone(void)
{
    static void (*const gone[])(QIAA *iaa) = {
        gone_by_register, gone_by_property, gone_by_descriptor,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(gone); i++) {
        QIAA *iaa = start();
        IAADescriptor desc = qiaa_desc_noop(iaa);

        enable_halt_interrupt(iaa);
        desc.op_flags |= IAA_FLAG_RCI;
        desc.int_handle = 1;
        qiaa_submit(iaa, 0, &desc);
        qiaa_command(iaa, IAA_CMD_DRAIN_ALL, 0);
        gone[i](iaa);
        assert_gone(iaa);
        qiaa_submit(iaa, 0, &desc);
        qiaa_command(iaa, IAA_CMD_RESET_DEVICE, 0);
        halt_by_register(iaa, IAA_RESET_FLR);
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
        g_assert_false(qiaa_interrupted(iaa, 0));
        g_assert_false(qiaa_interrupted(iaa, 1));
        assert_gone(iaa);

        /* It comes back as if it had been reset */
        set_gone(iaa, false);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_VERSION), ==, 0x100);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==,
                        IAA_DEVICE_DISABLED);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==, 0);
        g_assert_cmphex(qpci_config_readw(iaa->dev, PCI_DEVICE_ID), ==,
                        IAA_PCI_DEVICE_ID);
        qpci_io_writel(iaa->dev, iaa->inject, A_IAA_INJECT_CLEAR, 1);
        qiaa_setup(iaa);
        qiaa_enable_one(iaa);
        g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
        qiaa_stop(iaa);
    }
}

/* Test that the host can do without BAR 4, and is told what is wrong */
static void test_property(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    assert_property(iaa, "fault", "");
    set_property(iaa, "fault", "action=status,status=0x24,skip=1,count=2",
                 true);
    set_property(iaa, "fault", "slot=7,action=refuse,code=3,status=0x32",
                 true);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, 0x24);
    assert_property(iaa, "fault",
                    "slot=0,action=status,hits=1,wq=0xff,code=0xff,skip=0x0,"
                    "count=0x1,status=0x24,error=0x0,mask=0x0,offset=0x0,"
                    "delay=0x0;"
                    "slot=7,action=refuse,hits=0,wq=0xff,code=0x3,skip=0x0,"
                    "count=0x1,status=0x32,error=0x0,mask=0x0,offset=0x0,"
                    "delay=0x0");
    set_property(iaa, "fault", "slot=0", true);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_DRAIN_ALL, 0), ==, 0x32);

    set_property(iaa, "fault", "slot=8,action=drop", false);
    set_property(iaa, "fault", "action=explode", false);
    set_property(iaa, "fault", "action=halt,reset=lukewarm", false);
    set_property(iaa, "fault", "action=status,status=0x100", false);
    set_property(iaa, "fault", "action=status,status=-1", false);
    set_property(iaa, "fault", "action=status,stauts=1", false);
    set_property(iaa, "fault", "action=drop,count=many", false);
    set_property(iaa, "halt", "none", false);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/iaa-inject/bar", test_bar);
    qtest_add_func("/iaa-inject/point", test_point);
    qtest_add_func("/iaa-inject/slots", test_slots);
    qtest_add_func("/iaa-inject/property", test_property);
    qtest_add_func("/iaa-inject/descriptor/status", test_status);
    qtest_add_func("/iaa-inject/descriptor/drop", test_drop);
    qtest_add_func("/iaa-inject/descriptor/stick", test_stick);
    qtest_add_func("/iaa-inject/descriptor/stick-drain", test_stick_drain);
    qtest_add_func("/iaa-inject/descriptor/delay", test_delay);
    qtest_add_func("/iaa-inject/descriptor/crc", test_crc);
    qtest_add_func("/iaa-inject/descriptor/output", test_output);
    qtest_add_func("/iaa-inject/descriptor/no-interrupt", test_no_interrupt);
    qtest_add_func("/iaa-inject/command/refuse", test_refuse);
    qtest_add_func("/iaa-inject/command/hang", test_hang);
    qtest_add_func("/iaa-inject/halt/kinds", test_halt);
    qtest_add_func("/iaa-inject/halt/silent", test_halt_silent);
    qtest_add_func("/iaa-inject/halt/drain", test_halt_drain);
    qtest_add_func("/iaa-inject/gone", test_gone);

    return g_test_run();
}
