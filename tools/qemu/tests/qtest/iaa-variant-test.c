/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest of what may be different on silicon of an Intel In-Memory Analytics
 * Accelerator: how it gives up descriptors, and how it loses the bus
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "libqos/iaa.h"
#include "libqtest.h"

#define PAGE_SIZE   (4 * KiB)

/* More than there are engines, so that some have to wait */
#define BATCH       12

/* Default of the device */
#define BASE_NS     1250

static const struct {
    uint32_t code, operand;
} abandons[] = {
    { IAA_CMD_ABORT_WQ, 1 }, { IAA_CMD_ABORT_ALL, 0 },
    { IAA_CMD_RESET_WQ, 1 }, { IAA_CMD_RESET_DEVICE, 0 },
};

static void set_bus_master(QIAA *iaa, bool on)
{
    qpci_config_writew(iaa->dev, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_MASTER : 0));
}

static void reset_function(QIAA *iaa)
{
    uint8_t cap = qpci_find_capability(iaa->dev, PCI_CAP_ID_EXP, 0);

    qpci_config_writew(iaa->dev, cap + PCI_EXP_DEVCTL,
                       PCI_EXP_DEVCTL_BCR_FLR);
}

/* Whether there is anything where @desc was to write */
static bool has_output(QIAA *iaa, const IAADescriptor *desc)
{
    g_autofree uint8_t *buf = g_malloc(desc->max_dst_size);

    qiaa_memread(iaa, desc->dst_addr, buf, desc->max_dst_size);
    for (unsigned i = 0; i < desc->max_dst_size; i++) {
        if (buf[i]) {
            return true;
        }
    }
    return false;
}

static IAADescriptor desc_page(QIAA *iaa)
{
    g_autofree uint8_t *text = qiaa_make_text(PAGE_SIZE, 1);

    return qiaa_desc_compress(iaa, text, PAGE_SIZE, PAGE_SIZE);
}

static void submit_batch(QIAA *iaa, IAADescriptor *batch)
{
    for (unsigned i = 0; i < BATCH; i++) {
        batch[i] = qiaa_desc_noop(iaa);
        batch[i].op_flags |= IAA_FLAG_RCI;
        batch[i].int_handle = 1;
        qiaa_submit(iaa, 0, &batch[i]);
    }
}

static void assert_batch(QIAA *iaa, const IAADescriptor *batch, uint8_t status)
{
    for (unsigned i = 0; i < BATCH; i++) {
        g_assert_cmphex(qiaa_status(iaa, &batch[i]), ==, status);
    }
    g_assert_cmpint(qiaa_interrupted(iaa, 1), ==, status != IAA_STATUS_NONE);
}

/* Test that the abandoned are told so, before the command is complete */
static void test_abort_status(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(abandons); i++) {
        QIAA *iaa = qiaa_start(",abort-status=0x5a");
        IAADescriptor batch[BATCH], stray = qiaa_desc_noop(iaa);

        qiaa_enable_one(iaa);
        stray.record_addr += 32;
        qiaa_submit(iaa, 0, &stray);
        submit_batch(iaa, batch);
        g_assert_cmphex(qiaa_execute(iaa, abandons[i].code,
                                     abandons[i].operand), ==, 0);
        assert_batch(iaa, batch, 0x5a);
        g_assert_cmphex(qiaa_status(iaa, &stray), ==, IAA_STATUS_NONE);
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &batch[0]), ==, 0x5a);
        g_assert_false(qiaa_interrupted(iaa, 1));
        qiaa_stop(iaa);
    }
}

/* Test that nobody is told when it is not a command that abandons them */
static void test_abort_status_reset(void)
{
    QIAA *iaa = qiaa_start(",abort-status=0x5a");
    IAADescriptor batch[BATCH];

    qiaa_enable_one(iaa);
    submit_batch(iaa, batch);
    reset_function(iaa);
    qiaa_setup(iaa);
    qiaa_step(iaa, QIAA_LONG_NS);
    assert_batch(iaa, batch, IAA_STATUS_NONE);
    qiaa_stop(iaa);
}

/* Test that a device goes on until it has come round to abandoning */
static void test_abort_slow(void)
{
    const int64_t abort_ns = 5000000;

    for (unsigned i = 0; i < ARRAY_SIZE(abandons); i++) {
        QIAA *iaa = qiaa_start(",abort-ns=5000000");
        IAADescriptor early = qiaa_desc_noop(iaa), late = qiaa_desc_noop(iaa);

        qiaa_enable_one(iaa);
        qiaa_submit(iaa, 0, &early);
        qiaa_command(iaa, abandons[i].code, abandons[i].operand);
        qiaa_step(iaa, BASE_NS);
        g_assert_cmphex(qiaa_status(iaa, &early), ==, IAA_STATUS_SUCCESS);
        qiaa_step(iaa, abort_ns - BASE_NS - 1);
        qiaa_submit(iaa, 0, &late);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==,
                        R_IAA_CMDSTS_ACTIVE_MASK);
        g_assert_false(qiaa_interrupted(iaa, 0));
        qiaa_step(iaa, 1);
        g_assert_cmphex(qiaa_command_status(iaa), ==, IAA_CMDSTS_SUCCESS);
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &late), ==, IAA_STATUS_NONE);
        qiaa_stop(iaa);
    }
}

/* Test that a reset of the function does not wait for a slow abort */
static void test_abort_slow_reset(void)
{
    QIAA *iaa = qiaa_start(",abort-ns=5000000");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    qiaa_command(iaa, IAA_CMD_ABORT_ALL, 0);
    reset_function(iaa);
    qiaa_map(iaa);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==, 0);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_false(qiaa_interrupted(iaa, 0));
    qiaa_setup(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that output comes after all, once it is said not to, but no record */
static void test_abort_late(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(abandons); i++) {
        QIAA *iaa = qiaa_start(",abort-late-ns=3000000");
        IAADescriptor desc = desc_page(iaa);

        qiaa_enable_one(iaa);
        qiaa_submit(iaa, 0, &desc);
        qiaa_step(iaa, BASE_NS);
        g_assert_cmphex(qiaa_execute(iaa, abandons[i].code,
                                     abandons[i].operand), ==, 0);
        qiaa_step(iaa, 2999999);
        g_assert_false(has_output(iaa, &desc));
        qiaa_step(iaa, 1);
        g_assert_true(has_output(iaa, &desc));
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
        qiaa_stop(iaa);
    }
}

/* Test that only a reset of the function puts an end to it */
static void test_abort_late_reset(void)
{
    QIAA *iaa = qiaa_start(",abort-late-ns=3000000");
    IAADescriptor desc = desc_page(iaa);

    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &desc);
    g_assert_cmphex(qiaa_execute(iaa, IAA_CMD_ABORT_ALL, 0), ==, 0);
    reset_function(iaa);
    qiaa_setup(iaa);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_false(has_output(iaa, &desc));
    qiaa_stop(iaa);
}

/* Test that what comes due without the bus is lost for good */
static void test_cut_off_drop(void)
{
    QIAA *iaa = qiaa_start(",cut-off=drop");
    IAADescriptor desc = desc_page(iaa);

    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &desc);
    set_bus_master(iaa, false);
    qiaa_step(iaa, QIAA_LONG_NS);
    set_bus_master(iaa, true);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
    g_assert_false(has_output(iaa, &desc));
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==, 1u << 30);
    qiaa_stop(iaa);
}

/* Test that it waits, as do those behind it, and is written in the end */
static void test_cut_off_hold(void)
{
    QIAA *iaa = qiaa_start(",cut-off=hold");
    IAADescriptor begun = desc_page(iaa), behind = desc_page(iaa);

    qiaa_enable_one(iaa);
    qiaa_submit(iaa, 0, &begun);
    set_bus_master(iaa, false);
    qiaa_submit(iaa, 0, &behind);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS), ==,
                    1u << 30 | 2);
    g_assert_false(has_output(iaa, &begun));

    set_bus_master(iaa, true);
    qiaa_step(iaa, 1);
    g_assert_cmphex(qiaa_status(iaa, &begun), ==, IAA_STATUS_SUCCESS);
    g_assert_true(has_output(iaa, &begun));
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &behind), ==, IAA_STATUS_SUCCESS);
    g_assert_true(has_output(iaa, &behind));
    qiaa_stop(iaa);
}

/* Test that it is not written if the device is told to forget it before */
static void test_cut_off_hold_abandon(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(abandons); i++) {
        QIAA *iaa = qiaa_start(",cut-off=hold");
        IAADescriptor desc = desc_page(iaa);

        qiaa_enable_one(iaa);
        qiaa_submit(iaa, 0, &desc);
        set_bus_master(iaa, false);
        qiaa_step(iaa, QIAA_LONG_NS);
        qiaa_command(iaa, abandons[i].code, abandons[i].operand);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_CMDSTS), ==, 0);
        set_bus_master(iaa, true);
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qiaa_status(iaa, &desc), ==, IAA_STATUS_NONE);
        g_assert_false(has_output(iaa, &desc));
        qiaa_stop(iaa);
    }
}

/* Test that a device can halt when it loses the bus, but only at work */
static void test_cut_off_halt(void)
{
    QIAA *iaa = qiaa_start(",cut-off-halt=on");
    IAADescriptor desc = desc_page(iaa);

    set_bus_master(iaa, false);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_DISABLED);
    set_bus_master(iaa, true);
    qiaa_enable_one(iaa);
    qiaa_writel(iaa, A_IAA_GENCTRL, R_IAA_GENCTRL_HALT_INT_EN_MASK);
    qiaa_submit(iaa, 0, &desc);
    set_bus_master(iaa, false);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_HALTED);
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_INTCAUSE), ==,
                    R_IAA_INTCAUSE_HALT_MASK);
    g_assert_cmphex(FIELD_EX32(qiaa_readl(iaa, A_IAA_SWERR0), IAA_SWERR0,
                               ERROR), ==, IAA_SWERR_BUS_MASTER);
    set_bus_master(iaa, true);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_false(has_output(iaa, &desc));
    qiaa_setup(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/iaa-variant/abort/status", test_abort_status);
    qtest_add_func("/iaa-variant/abort/status-reset", test_abort_status_reset);
    qtest_add_func("/iaa-variant/abort/slow", test_abort_slow);
    qtest_add_func("/iaa-variant/abort/slow-reset", test_abort_slow_reset);
    qtest_add_func("/iaa-variant/abort/late", test_abort_late);
    qtest_add_func("/iaa-variant/abort/late-reset", test_abort_late_reset);
    qtest_add_func("/iaa-variant/cut-off/drop", test_cut_off_drop);
    qtest_add_func("/iaa-variant/cut-off/hold", test_cut_off_hold);
    qtest_add_func("/iaa-variant/cut-off/hold-abandon",
                   test_cut_off_hold_abandon);
    qtest_add_func("/iaa-variant/cut-off/halt", test_cut_off_halt);

    return g_test_run();
}
