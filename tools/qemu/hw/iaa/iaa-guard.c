/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: what its own writes may come back to
 *
 * A guest chooses where interrupts go.  One may be aimed at registers of the
 * device itself, or at those of something that writes to it in turn, so that a
 * command arrives in the middle of what the device is doing.  Two rules keep
 * its state whole:
 *
 * Whatever the device does, it does between iaa_guard_enter() and
 * iaa_guard_leave().  Meanwhile the memory API drops accesses to its regions,
 * as it does by itself only for those that come from such an access.
 *
 * Its configuration space is not among these regions, and whoever has access
 * to that can reset the function or even unplug it.  Therefore interrupts are
 * sent last, when there is nothing left that would have to be there still.
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "hw/pci/msix.h"
#include "qemu/host-utils.h"

/**
 * iaa_guard_enter: begin to do something
 * @s: device; it exists until iaa_guard_leave() returns
 *
 * For whoever calls into the device, but for what only looks or resets it.
 */
void iaa_guard_enter(IAAState *s)
{
    MemReentrancyGuard *reentrancy = &DEVICE(s)->mem_reentrancy_guard;

    if (s->guard.depth++ == 0) {
        object_ref(OBJECT(s));
        s->guard.engaged = reentrancy->engaged_in_io;
        reentrancy->engaged_in_io = true;
    }
}

/* Each of them may do anything to the configuration, and unmask the next one */
static void iaa_guard_send(IAAState *s)
{
    while (s->guard.vectors) {
        unsigned vector = 31 - clz32(s->guard.vectors);

        s->guard.vectors &= ~BIT(vector);
        msix_notify(PCI_DEVICE(s), vector);
    }
}

/**
 * iaa_guard_leave: send the interrupts that have come up
 * @s: device; nothing of it may be used by the caller after that
 */
void iaa_guard_leave(IAAState *s)
{
    if (s->guard.depth == 1) {
        iaa_guard_send(s);
    }
    if (--s->guard.depth == 0) {
        DEVICE(s)->mem_reentrancy_guard.engaged_in_io = s->guard.engaged;
        object_unref(OBJECT(s));
    }
}

/**
 * iaa_guard_interrupt: interrupt the guest, at the next iaa_guard_leave()
 * @s: device, between iaa_guard_enter() and iaa_guard_leave()
 * @vector: from 0 to IAA_NUM_VECTORS - 1
 */
void iaa_guard_interrupt(IAAState *s, unsigned vector)
{
    g_assert(s->guard.depth);
    s->guard.vectors |= BIT(vector);
}

/**
 * iaa_guard_reset: forget the interrupts that have not been sent
 * @s: device
 */
void iaa_guard_reset(IAAState *s)
{
    s->guard.vectors = 0;
}
