/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: access to guest memory
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "hw/pci/pci_device.h"
#include "system/dma.h"
#include "trace.h"

/* Translations and protection change only between pages of this size */
#define IAA_DMA_PAGE (4 * KiB)

static MemTxAttrs iaa_dma_attrs(IAAState *s)
{
    /*
     * Only memory is a valid operand.  Refusing everything else also keeps a
     * guest from having the device write to the registers of a device, its own
     * above all, in the middle of what it is doing.
     */
    return (MemTxAttrs) {
        .memory = 1,
        .requester_id = pci_requester_id(PCI_DEVICE(s)),
    };
}

/* An IOMMU may be there and let everything pass that this device asks for */
static bool iaa_dma_translated(IAAState *s, uint64_t addr)
{
    AddressSpace *as = pci_device_iommu_address_space(PCI_DEVICE(s));
    MemoryRegionSection section = memory_region_find(as->root, addr, 1);
    bool translated = section.mr && memory_region_get_iommu(section.mr);

    memory_region_unref(section.mr);
    return translated;
}

/*
 * The memory API does not tell a translation that failed from an address that
 * nothing answers; but where there is no translation, none has failed.
 */
static IAAStatus iaa_dma_status(IAAState *s, uint64_t addr, DMADirection dir)
{
    if (!iaa_dma_translated(s, addr)) {
        return IAA_STATUS_UNSUPPORTED_REQ;
    }
    return dir == DMA_DIRECTION_TO_DEVICE ? IAA_STATUS_READ_FAULT
                                          : IAA_STATUS_WRITE_FAULT;
}

/*
 * Goes page by page so that the fault has the address of the first page that
 * cannot be accessed, and all before it has been transferred.
 */
static bool iaa_dma_rw(IAAState *s, uint64_t addr, uint8_t *buf, uint32_t len,
                       DMADirection dir, IAAFault *fault)
{
    PCIDevice *pci = PCI_DEVICE(s);
    MemTxAttrs attrs = iaa_dma_attrs(s);

    while (len) {
        uint32_t n = MIN(len, IAA_DMA_PAGE - addr % IAA_DMA_PAGE);

        if (pci_dma_rw(pci, addr, buf, n, dir, attrs) != MEMTX_OK) {
            fault->status = iaa_dma_status(s, addr, dir);
            fault->addr = addr;
            trace_iaa_err_dma(addr, n, fault->status);
            return false;
        }
        addr += n;
        buf += n;
        len -= n;
    }
    return true;
}

/**
 * iaa_dma_read: copy from guest memory
 * @s: device
 * @addr: address as the guest's driver knows it
 * @buf: where to
 * @len: in bytes
 * @fault: filled on failure
 *
 * Returns: false if some of it cannot be read.
 */
bool iaa_dma_read(IAAState *s, uint64_t addr, void *buf, uint32_t len,
                  IAAFault *fault)
{
    return iaa_dma_rw(s, addr, buf, len, DMA_DIRECTION_TO_DEVICE, fault);
}

/**
 * iaa_dma_write: copy to guest memory
 * @s: device
 * @addr: address as the guest's driver knows it
 * @buf: where from
 * @len: in bytes
 * @fault: filled on failure
 *
 * Returns: false if some of it cannot be written; pages before have been.
 */
bool iaa_dma_write(IAAState *s, uint64_t addr, const void *buf, uint32_t len,
                   IAAFault *fault)
{
    return iaa_dma_rw(s, addr, (uint8_t *)buf, len,
                      DMA_DIRECTION_FROM_DEVICE, fault);
}

static IAACompletion iaa_record_to_le(const IAACompletion *record)
{
    IAACompletion le = *record;

    le.bytes_completed = cpu_to_le32(record->bytes_completed);
    le.fault_addr = cpu_to_le64(record->fault_addr);
    le.invalid_flags = cpu_to_le32(record->invalid_flags);
    le.output_size = cpu_to_le32(record->output_size);
    le.xor_checksum = cpu_to_le16(record->xor_checksum);
    le.crc = cpu_to_le32(record->crc);
    return le;
}

/**
 * iaa_dma_write_record: tell the guest that a descriptor is complete
 * @s: device
 * @addr: address of the record, a multiple of IAA_RECORD_ALIGN
 * @record: in host byte order
 * @fault: filled on failure
 *
 * Returns: false if the record cannot be written.
 */
bool iaa_dma_write_record(IAAState *s, uint64_t addr,
                          const IAACompletion *record, IAAFault *fault)
{
    IAACompletion le = iaa_record_to_le(record);

    /*
     * Another vCPU may be polling the status, so it has to become visible
     * after everything else: the results, written earlier, and the rest of the
     * record.  pci_dma_rw() has a full barrier before each access; its pair is
     * the order of loads that x86 guests rely on.
     */
    return iaa_dma_write(s, addr + 1, (uint8_t *)&le + 1, sizeof(le) - 1,
                         fault) &&
           iaa_dma_write(s, addr, &le.status, sizeof(le.status), fault);
}
