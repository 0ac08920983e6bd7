/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input of the fuzzer of descriptors of the Intel IAA: a byte, descriptors, and
 * what memory begins with
 */

#ifndef TESTS_FUZZ_IAA_DESCRIPTOR_H
#define TESTS_FUZZ_IAA_DESCRIPTOR_H

#include "hw/iaa/iaa.h"

#define MAX_DESCRIPTORS 16

/* What comes of the first byte besides the numbers below */
#define FUZZ_INTERRUPT_RESETS   BIT(5)  /* the function, through its config */
#define FUZZ_FAULT_RESETS       BIT(6)  /* likewise, by way of an IOMMU */

static inline uint8_t fuzz_first_byte(IAAGeneration generation, unsigned count)
{
    return (generation == IAA_GENERATION_GNR) | (count - 1) << 1;
}

static inline IAAGeneration fuzz_generation(uint8_t first)
{
    return first & 1 ? IAA_GENERATION_GNR : IAA_GENERATION_SPR;
}

static inline unsigned fuzz_count(uint8_t first)
{
    return 1 + (first >> 1) % MAX_DESCRIPTORS;
}

#endif /* TESTS_FUZZ_IAA_DESCRIPTOR_H */
