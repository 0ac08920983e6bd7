/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: PCI function
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "trace.h"

/* Where they are on Sapphire Rapids, as far as is known */
#define IAA_PCIE_CAP    0x40
#define IAA_MSIX_CAP    0x80

#define IAA_SUBSYSTEM_ID    0x2010

/* Nothing an engine does takes longer than this to begin */
#define IAA_MAX_BASE_NS     NANOSECONDS_PER_SECOND

/* Nor does anybody wait for longer than this to see that it does not abort */
#define IAA_MAX_ABORT_NS    (60 * NANOSECONDS_PER_SECOND)

static bool iaa_parse_generation(IAAState *s, Error **errp)
{
    if (g_str_equal(s->generation_name, "spr")) {
        s->generation = IAA_GENERATION_SPR;
    } else if (g_str_equal(s->generation_name, "gnr")) {
        s->generation = IAA_GENERATION_GNR;
    } else {
        error_setg(errp, "generation must be 'spr' or 'gnr', not '%s'",
                   s->generation_name);
        return false;
    }
    return true;
}

static bool iaa_parse_cut_off(IAAState *s, Error **errp)
{
    if (g_str_equal(s->cut_off_name, "drop")) {
        s->cut_off = IAA_CUT_OFF_DROP;
    } else if (g_str_equal(s->cut_off_name, "hold")) {
        s->cut_off = IAA_CUT_OFF_HOLD;
    } else {
        error_setg(errp, "cut-off must be 'drop' or 'hold', not '%s'",
                   s->cut_off_name);
        return false;
    }
    return true;
}

static bool iaa_check_base(uint64_t base_ns, const char *name, Error **errp)
{
    if (base_ns > IAA_MAX_BASE_NS) {
        error_setg(errp, "%s must not be more than a second", name);
        return false;
    }
    return true;
}

static bool iaa_check_abort(uint64_t ns, const char *name, Error **errp)
{
    if (ns > IAA_MAX_ABORT_NS) {
        error_setg(errp, "%s must not be more than a minute", name);
        return false;
    }
    return true;
}

static bool iaa_check_engines(IAAState *s, Error **errp)
{
    if (s->num_engines < 1 || s->num_engines > IAA_NUM_ENGINES) {
        error_setg(errp, "engines must be from 1 to %d", IAA_NUM_ENGINES);
        return false;
    }
    return true;
}

static bool iaa_check_properties(IAAState *s, Error **errp)
{
    return iaa_parse_generation(s, errp) &&
           iaa_parse_cut_off(s, errp) &&
           iaa_check_abort(s->abort_ns, "abort-ns", errp) &&
           iaa_check_abort(s->abort_late_ns, "abort-late-ns", errp) &&
           iaa_check_engines(s, errp) &&
           iaa_check_base(s->timing[IAA_TIMING_COMPRESS].base_ns,
                          "compress-base-ns", errp) &&
           iaa_check_base(s->timing[IAA_TIMING_DECOMPRESS].base_ns,
                          "decompress-base-ns", errp) &&
           iaa_check_base(s->timing[IAA_TIMING_HEADER].base_ns,
                          "header-base-ns", errp);
}

/*
 * A device that is gone
 */

static uint64_t iaa_gone_read(void *opaque, hwaddr addr, unsigned size)
{
    return UINT64_MAX;
}

static void iaa_gone_write(void *opaque, hwaddr addr, uint64_t value,
                           unsigned size)
{
}

static const MemoryRegionOps iaa_gone_ops = {
    .read = iaa_gone_read,
    .write = iaa_gone_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/* Above the MSI-X table, too */
static void iaa_init_gone(IAAState *s, MemoryRegion *mr, MemoryRegion *bar)
{
    memory_region_init_io(mr, OBJECT(s), &iaa_gone_ops, s, "iaa-gone",
                          memory_region_size(bar));
    memory_region_set_enabled(mr, false);
    memory_region_add_subregion_overlap(bar, 0, mr, 1);
}

static void iaa_exit_gone(IAAState *s)
{
    memory_region_del_subregion(&s->portals_mr, &s->gone_portals_mr);
    memory_region_del_subregion(&s->regs_mr, &s->gone_regs_mr);
}

static void iaa_forget_all(IAAState *s)
{
    iaa_cmd_reset(s);
    iaa_wq_reset(s);
    iaa_wq_forget_late(s);
    iaa_regs_reset(s);
    iaa_guard_reset(s);
}

/**
 * iaa_pci_set_gone: take the device from its slot, or put it back
 * @s: device
 * @gone: whether it no longer answers
 *
 * Reads return all ones, writes are ignored, and as all descriptors are
 * abandoned, nothing is written and nobody is interrupted any more.  A device
 * that comes back is like after a reset, but its configuration space is as it
 * was, so that whoever maps its registers still can.
 */
void iaa_pci_set_gone(IAAState *s, bool gone)
{
    if (gone == s->gone) {
        return;
    }
    trace_iaa_gone(gone);
    iaa_forget_all(s);
    s->gone = gone;
    memory_region_transaction_begin();
    memory_region_set_enabled(&s->gone_regs_mr, gone);
    memory_region_set_enabled(&s->gone_portals_mr, gone);
    memory_region_transaction_commit();
}

static void iaa_init_state(IAAState *s)
{
    iaa_regs_init(s);
    iaa_cmd_init(s);
    iaa_wq_init(s);
    iaa_inject_init(s);
    iaa_init_gone(s, &s->gone_regs_mr, &s->regs_mr);
    iaa_init_gone(s, &s->gone_portals_mr, &s->portals_mr);
    s->wq_retired = iaa_cmd_progress;
}

static void iaa_exit_state(IAAState *s)
{
    iaa_exit_gone(s);
    iaa_wq_exit(s);
    iaa_cmd_exit(s);
}

static void iaa_init_bars(IAAState *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint8_t type = PCI_BASE_ADDRESS_SPACE_MEMORY |
                   PCI_BASE_ADDRESS_MEM_TYPE_64 |
                   PCI_BASE_ADDRESS_MEM_PREFETCH;

    pci_register_bar(pci, IAA_BAR_REGS, type, &s->regs_mr);
    pci_register_bar(pci, IAA_BAR_PORTALS, type, &s->portals_mr);
    if (s->inject) {
        pci_register_bar(pci, IAA_BAR_INJECT, PCI_BASE_ADDRESS_SPACE_MEMORY |
                         PCI_BASE_ADDRESS_MEM_TYPE_64, &s->inject_mr);
    }
}

/*
 * Vector 0 is for the device, each queue has one more.  Linux takes all there
 * are, so there must not be others.
 */
static bool iaa_init_msix(IAAState *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

    if (msix_init(pci, IAA_NUM_VECTORS, &s->regs_mr, IAA_BAR_REGS,
                  IAA_MSIX_TABLE, &s->regs_mr, IAA_BAR_REGS, IAA_MSIX_PBA,
                  IAA_MSIX_CAP, errp) < 0) {
        return false;
    }
    for (unsigned i = 0; i < IAA_NUM_VECTORS; i++) {
        msix_vector_use(pci, i);
    }
    return true;
}

static bool iaa_init_pci(IAAState *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

    iaa_init_bars(s);
    if (pcie_endpoint_cap_init(pci, IAA_PCIE_CAP) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        return false;
    }
    pcie_cap_flr_init(pci);
    return iaa_init_msix(s, errp);
}

static void iaa_realize(PCIDevice *pci, Error **errp)
{
    IAAState *s = IAA(pci);

    if (!iaa_check_properties(s, errp)) {
        return;
    }
    iaa_init_state(s);
    if (!iaa_init_pci(s, errp)) {
        iaa_exit_state(s);
    }
}

static void iaa_exit(PCIDevice *pci)
{
    IAAState *s = IAA(pci);

    /* An engine may be about to write, which is what has led to this */
    iaa_forget_all(s);
    msix_uninit(pci, &s->regs_mr, &s->regs_mr);
    pcie_cap_exit(pci);
    iaa_exit_state(s);
}

/* The PCI core leaves the bit set until the function has been reset */
static bool iaa_in_flr(PCIDevice *pci)
{
    return pci_get_word(pci->config + pci->exp.exp_cap + PCI_EXP_DEVCTL) &
           PCI_EXP_DEVCTL_BCR_FLR;
}

/* Also for a function level reset, whose other half the PCI core does */
static void iaa_reset_hold(Object *obj, ResetType type)
{
    IAAState *s = IAA(obj);
    uint32_t gensts = iaa_reg(s, A_IAA_GENSTS);
    bool stays_halted = iaa_device_state(s) == IAA_DEVICE_HALTED &&
                        FIELD_EX32(gensts, IAA_GENSTS, RESET_TYPE) >
                        IAA_RESET_FLR && iaa_in_flr(PCI_DEVICE(s));

    trace_iaa_reset();
    iaa_forget_all(s);
    if (stays_halted) {
        s->regs[R_IAA_GENSTS] = gensts;
    }
}

/**
 * iaa_pci_bus_master: whether the device may access memory
 * @s: device
 */
bool iaa_pci_bus_master(const IAAState *s)
{
    return pci_get_word(s->parent_obj.config + PCI_COMMAND) &
           PCI_COMMAND_MASTER;
}

static void iaa_lose_bus(IAAState *s)
{
    if (iaa_device_state(s) == IAA_DEVICE_DISABLED) {
        return;
    }
    iaa_regs_log_error(s, IAA_SWERR_BUS_MASTER, &(IAAErrorInfo) { });
    if (s->cut_off_halt) {
        iaa_cmd_halt(s, IAA_RESET_SOFTWARE);
    }
}

static uint32_t iaa_config_read(PCIDevice *pci, uint32_t addr, int len)
{
    if (IAA(pci)->gone) {
        return UINT32_MAX;
    }
    return pci_default_read_config(pci, addr, len);
}

static void iaa_config_write(PCIDevice *pci, uint32_t addr, uint32_t value,
                             int len)
{
    IAAState *s = IAA(pci);
    bool bus_master = iaa_pci_bus_master(s);

    if (s->gone) {
        return;
    }
    iaa_guard_enter(s);
    pci_default_write_config(pci, addr, value, len);
    if (bus_master && !iaa_pci_bus_master(s)) {
        iaa_lose_bus(s);
    } else if (!bus_master && iaa_pci_bus_master(s)) {
        iaa_wq_release(s);
    }
    pcie_cap_flr_write_config(pci, addr, value, len);
    iaa_guard_leave(s);
}

/*
 * Times are a fit of what Intel published about 64 KiB folios on Sapphire
 * Rapids (what a device takes for a header and how fast it is as a whole was
 * not published).  Rates are in bytes of uncompressed data per second.
 */
static const Property iaa_properties[] = {
    DEFINE_PROP_STRING("generation", IAAState, generation_name),
    DEFINE_PROP_UINT8("engines", IAAState, num_engines, IAA_NUM_ENGINES),
    DEFINE_PROP_UINT64("compress-base-ns", IAAState,
                       timing[IAA_TIMING_COMPRESS].base_ns, 1250),
    DEFINE_PROP_UINT64("compress-rate", IAAState,
                       timing[IAA_TIMING_COMPRESS].rate, 2100000000),
    DEFINE_PROP_UINT64("device-rate", IAAState,
                       timing[IAA_TIMING_COMPRESS].device_rate, 3000000000),
    DEFINE_PROP_UINT64("decompress-base-ns", IAAState,
                       timing[IAA_TIMING_DECOMPRESS].base_ns, 1250),
    DEFINE_PROP_UINT64("decompress-rate", IAAState,
                       timing[IAA_TIMING_DECOMPRESS].rate, 4000000000),
    DEFINE_PROP_UINT64("decompress-device-rate", IAAState,
                       timing[IAA_TIMING_DECOMPRESS].device_rate, 0),
    DEFINE_PROP_UINT64("header-base-ns", IAAState,
                       timing[IAA_TIMING_HEADER].base_ns, 3500),
    DEFINE_PROP_UINT64("header-rate", IAAState,
                       timing[IAA_TIMING_HEADER].rate, 2100000000),
    DEFINE_PROP_UINT64("header-device-rate", IAAState,
                       timing[IAA_TIMING_HEADER].device_rate, 3000000000),
    DEFINE_PROP_UINT8("overflow-swerr", IAAState, overflow_swerr, 0),
    DEFINE_PROP_UINT8("abort-status", IAAState, abort_status, 0),
    DEFINE_PROP_UINT64("abort-ns", IAAState, abort_ns, 0),
    DEFINE_PROP_UINT64("abort-late-ns", IAAState, abort_late_ns, 0),
    DEFINE_PROP_STRING("cut-off", IAAState, cut_off_name),
    DEFINE_PROP_BOOL("cut-off-halt", IAAState, cut_off_halt, false),
    DEFINE_PROP_BOOL("inject", IAAState, inject, false),
};

static const VMStateDescription iaa_vmstate = {
    .name = TYPE_IAA,
    .unmigratable = 1,
};

static void iaa_instance_init(Object *obj)
{
    /* String properties have no default of their own */
    IAA(obj)->generation_name = g_strdup("spr");
    IAA(obj)->cut_off_name = g_strdup("drop");
}

static void iaa_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    pc->realize = iaa_realize;
    pc->exit = iaa_exit;
    pc->config_read = iaa_config_read;
    pc->config_write = iaa_config_write;
    pc->vendor_id = PCI_VENDOR_ID_INTEL;
    pc->device_id = IAA_PCI_DEVICE_ID;
    pc->subsystem_vendor_id = PCI_VENDOR_ID_INTEL;
    pc->subsystem_id = IAA_SUBSYSTEM_ID;
    pc->class_id = PCI_CLASS_SYSTEM_OTHER;

    dc->desc = "Intel In-Memory Analytics Accelerator";
    dc->vmsd = &iaa_vmstate;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, iaa_properties);
    iaa_inject_class_init(klass);
    rc->phases.hold = iaa_reset_hold;
}

static const TypeInfo iaa_info = {
    .name = TYPE_IAA,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(IAAState),
    .instance_init = iaa_instance_init,
    .class_init = iaa_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void iaa_register_types(void)
{
    type_register_static(&iaa_info);
}
type_init(iaa_register_types)
