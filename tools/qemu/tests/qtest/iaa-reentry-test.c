/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QTest of what an Intel In-Memory Analytics Accelerator does to itself
 *
 * A guest decides where interrupts go.  Here they go to registers of the
 * device, in the middle of what it is doing, in every way there is.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "libqos/iaa.h"
#include "libqtest.h"

/* More than there are engines, so that some have to wait */
#define BATCH       12

#define DEVICE      "/machine/peripheral/iaa0"

/* Configuration space in memory, where firmware would put it */
#define ECAM        0xb0000000
#define PCIEXBAR    0x60

static void aim(QIAA *iaa, unsigned vector, uint64_t addr, uint32_t data)
{
    uint64_t entry = iaa->dev->msix_table_off + vector * PCI_MSIX_ENTRY_SIZE;
    QPCIBar bar = iaa->dev->msix_table_bar;

    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_UPPER_ADDR,
                   addr >> 32);
    qpci_io_writel(iaa->dev, bar, entry + PCI_MSIX_ENTRY_DATA, data);
}

static void aim_at_command(QIAA *iaa, unsigned vector, QIAA *at, uint32_t code,
                           uint32_t operand)
{
    uint32_t cmd = FIELD_DP32(operand, IAA_CMD, COMMAND, code);

    aim(iaa, vector, at->regs.addr + A_IAA_CMD,
        cmd | R_IAA_CMD_INT_REQUEST_MASK);
}

static uint64_t ecam(QIAA *iaa, unsigned bus, unsigned slot, uint64_t offset)
{
    QPCIDevice *host = qpci_device_find(iaa->qs->pcibus, QPCI_DEVFN(0, 0));

    qpci_config_writel(host, PCIEXBAR, ECAM | 1);
    g_free(host);
    return ECAM + (bus << 20) + (slot << 15) + offset;
}

/* How a descriptor has the device interrupt while it completes */
static void with_completion(IAADescriptor *desc)
{
    desc->op_flags |= IAA_FLAG_RCI;
    desc->int_handle = 1;
}

static void with_error(IAADescriptor *desc)
{
    desc->record_addr += 32;
}

typedef struct Way {
    void (*prepare)(IAADescriptor *desc);
    unsigned vector;
} Way;

static const Way ways[] = { { with_completion, 1 }, { with_error, 0 } };

/* The first of a batch interrupts; the others are there to be lost */
static void submit_batch(QIAA *iaa, const Way *way, IAADescriptor *batch)
{
    for (unsigned i = 0; i < BATCH; i++) {
        batch[i] = qiaa_desc_noop(iaa);
        if (i == 0) {
            way->prepare(&batch[i]);
        }
        qiaa_submit(iaa, 0, &batch[i]);
    }
}

static void assert_idle(QIAA *iaa)
{
    g_assert_cmphex(FIELD_EX32(qiaa_wq_readl(iaa, 0, A_IAA_WQCFG_STATUS),
                               IAA_WQCFG_STATUS, OCCUPANCY), ==, 0);
}

static void assert_works(QIAA *iaa)
{
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_setup(iaa);
    qiaa_enable_one(iaa);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    assert_idle(iaa);
}

static const struct {
    uint32_t code, operand;
} commands[] = {
    { IAA_CMD_ABORT_WQ, 1 }, { IAA_CMD_ABORT_ALL, 0 },
    { IAA_CMD_RESET_WQ, 1 }, { IAA_CMD_RESET_DEVICE, 0 },
    { IAA_CMD_DISABLE_DEVICE, 0 },
};

/* Test that no command comes from an interrupt of the device itself */
static void test_command(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(commands); j++) {
            QIAA *iaa = qiaa_start("");
            IAADescriptor batch[BATCH];

            qiaa_enable_one(iaa);
            aim_at_command(iaa, ways[i].vector, iaa, commands[j].code,
                           commands[j].operand);
            submit_batch(iaa, &ways[i], batch);
            qiaa_step(iaa, QIAA_LONG_NS);
            assert_idle(iaa);
            for (unsigned k = 1; k < BATCH; k++) {
                g_assert_cmphex(qiaa_status(iaa, &batch[k]), ==,
                                IAA_STATUS_SUCCESS);
            }
            g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==,
                            IAA_DEVICE_ENABLED);
            assert_works(iaa);
            qiaa_stop(iaa);
        }
    }
}

/* Test that it is no better if another device passes the interrupt on */
static void test_detour(void)
{
    QIAA *iaa = qiaa_start(" -device iaa,addr=5");
    QIAA *other = qiaa_another(iaa, 5);
    IAADescriptor batch[BATCH];

    qiaa_enable_one(iaa);
    aim_at_command(iaa, 1, other, IAA_CMD_RESET_DEVICE, 0);
    aim_at_command(other, 0, iaa, IAA_CMD_RESET_DEVICE, 0);
    submit_batch(iaa, &ways[0], batch);
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_readl(other, A_IAA_INTCAUSE), ==,
                    R_IAA_INTCAUSE_COMMAND_MASK);
    assert_idle(iaa);
    for (unsigned i = 0; i < BATCH; i++) {
        g_assert_cmphex(qiaa_status(iaa, &batch[i]), ==, IAA_STATUS_SUCCESS);
    }
    assert_works(iaa);
    qiaa_release(other);
    qiaa_stop(iaa);
}

/* Test that a descriptor is whole, although an interrupt goes to its portal */
static void test_portal(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor first = qiaa_desc_noop(iaa), second = qiaa_desc_noop(iaa);
    const uint64_t *pieces = (const uint64_t *)&second;

    qiaa_enable_one(iaa);
    with_completion(&first);
    aim(iaa, 1, iaa->portals.addr + IAA_PORTAL_LIMITED, 0);
    qiaa_submit(iaa, 0, &first);
    for (unsigned i = 0; i < 8; i++) {
        if (i == 4) {
            qiaa_step(iaa, QIAA_LONG_NS);
        }
        qpci_io_writeq(iaa->dev, iaa->portals, IAA_PORTAL_LIMITED + 8 * i,
                       pieces[i]);
    }
    qiaa_step(iaa, QIAA_LONG_NS);
    g_assert_cmphex(qiaa_status(iaa, &first), ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_status(iaa, &second), ==, IAA_STATUS_SUCCESS);
    qiaa_stop(iaa);
}

/* Test that an interrupt does not change where interrupts go */
static void test_vectors(void)
{
    QIAA *iaa = qiaa_start("");
    uint64_t control = IAA_MSIX_TABLE + PCI_MSIX_ENTRY_SIZE +
                       PCI_MSIX_ENTRY_VECTOR_CTRL;
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    with_completion(&desc);
    aim(iaa, 1, iaa->regs.addr + control, PCI_MSIX_ENTRY_CTRL_MASKBIT);
    g_assert_cmphex(qiaa_run(iaa, &desc).status, ==, IAA_STATUS_SUCCESS);
    g_assert_cmphex(qiaa_readl(iaa, control), ==, 0);
    qiaa_stop(iaa);
}

/* Test that a device that halts does not reset itself on the way */
static void test_halt(void)
{
    QIAA *iaa = qiaa_start("");
    IAADescriptor desc = qiaa_desc_noop(iaa);

    qiaa_enable_one(iaa);
    qiaa_writel(iaa, A_IAA_GENCTRL, R_IAA_GENCTRL_HALT_INT_EN_MASK);
    qiaa_submit(iaa, 0, &desc);
    aim_at_command(iaa, 0, iaa, IAA_CMD_RESET_DEVICE, 0);
    qtest_qmp_assert_success(iaa->qs->qts, "{ 'execute': 'qom-set',"
                             "  'arguments': { 'path': %s, 'value': %s,"
                             "                 'property': 'halt' } }",
                             DEVICE, "software");
    g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==, IAA_DEVICE_HALTED);
    assert_works(iaa);
    qiaa_stop(iaa);
}

/*
 * Test that the function is like new after it has reset itself, which is none
 * of its regions' business: that is done through its configuration space
 */
static void test_function_reset(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        QIAA *iaa = qiaa_start("");
        uint8_t cap = qpci_find_capability(iaa->dev, PCI_CAP_ID_EXP, 0);
        IAADescriptor batch[BATCH];

        qiaa_enable_one(iaa);
        aim(iaa, ways[i].vector, ecam(iaa, 0, 4, cap + PCI_EXP_DEVCTL),
            PCI_EXP_DEVCTL_BCR_FLR);
        submit_batch(iaa, &ways[i], batch);
        qiaa_step(iaa, QIAA_LONG_NS);
        g_assert_cmphex(qpci_config_readw(iaa->dev, PCI_COMMAND) &
                        PCI_COMMAND_MASTER, ==, 0);
        qiaa_map(iaa);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_GENSTS), ==,
                        IAA_DEVICE_DISABLED);
        g_assert_cmphex(qiaa_readl(iaa, A_IAA_SWERR0), ==, 0);
        assert_idle(iaa);
        assert_works(iaa);
        qiaa_stop(iaa);
    }
}

/* The only device behind a root port that can be switched off */
static QIAA *start_behind_port(QPCIDevice **port)
{
    QIAA *iaa = g_new0(QIAA, 1);

    iaa->qs = qtest_pc_boot(
        "-machine q35 -device pcie-root-port,id=rp0,chassis=1,addr=4 "
        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device iaa,id=iaa0,bus=rp0");
    *port = qpci_device_find(iaa->qs->pcibus, QPCI_DEVFN(4, 0));
    g_assert_nonnull(*port);
    qpci_config_writeb(*port, PCI_SECONDARY_BUS, 1);
    qpci_config_writeb(*port, PCI_SUBORDINATE_BUS, 1);
    /* All that BARs are taken from */
    qpci_config_writew(*port, PCI_PREF_MEMORY_BASE, 0xe000);
    qpci_config_writew(*port, PCI_PREF_MEMORY_LIMIT, 0xeff0);
    qpci_config_writew(*port, PCI_COMMAND,
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    iaa->dev = qpci_device_find(iaa->qs->pcibus, 1 << 8);
    g_assert_nonnull(iaa->dev);
    iaa->msi = qiaa_alloc(iaa, 4 * IAA_NUM_VECTORS);
    qiaa_setup(iaa);
    return iaa;
}

/* Test that a device may unplug itself, by the switch of its slot */
static void test_unplug(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        QPCIDevice *port;
        QIAA *iaa = start_behind_port(&port);
        QOSState *qs = iaa->qs;
        uint8_t cap = qpci_find_capability(port, PCI_CAP_ID_EXP, 0);
        IAADescriptor batch[BATCH];

        qiaa_enable_one(iaa);
        aim(iaa, ways[i].vector, ecam(iaa, 0, 4, cap + PCI_EXP_SLTCTL),
            PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC);
        submit_batch(iaa, &ways[i], batch);
        qiaa_step(iaa, QIAA_LONG_NS);
        qtest_qmp_eventwait(qs->qts, "DEVICE_DELETED");
        for (unsigned j = 1; j < BATCH; j++) {
            g_assert_cmphex(qiaa_status(iaa, &batch[j]), ==, IAA_STATUS_NONE);
        }
        qiaa_step(iaa, QIAA_LONG_NS);
        g_free(port);
        g_free(iaa->dev);
        g_free(iaa);
        qtest_shutdown(qs);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/iaa-reentry/command", test_command);
    qtest_add_func("/iaa-reentry/detour", test_detour);
    qtest_add_func("/iaa-reentry/portal", test_portal);
    qtest_add_func("/iaa-reentry/vectors", test_vectors);
    qtest_add_func("/iaa-reentry/halt", test_halt);
    qtest_add_func("/iaa-reentry/function-reset", test_function_reset);
    qtest_add_func("/iaa-reentry/unplug", test_unplug);

    return g_test_run();
}
