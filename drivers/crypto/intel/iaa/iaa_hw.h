/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the Intel In-Memory Analytics Accelerator reads and writes, beyond the
 * descriptor and the completion record of <uapi/linux/idxd.h>.
 *
 * The names and values follow Intel's Query Processing Library, which drives the
 * same hardware from user space.
 */
#ifndef _IAA_HW_H
#define _IAA_HW_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <uapi/linux/idxd.h>

/* In the first 8 bytes of a descriptor */
#define IAA_DESC_PASID			GENMASK_ULL(19, 0)
#define IAA_DESC_FLAGS			GENMASK_ULL(55, 32)
#define IAA_DESC_OPCODE			GENMASK_ULL(63, 56)

/* Flags of a COMPRESS descriptor (compr_flags) */
#define IAA_COMP_FLUSH_OUTPUT		BIT(1)
#define IAA_COMP_APPEND_EOB		BIT(2)
/* Generate the Huffman tables in the same pass, with a header that says "final". */
#define IAA_COMP_GEN_HDR_1_PASS		(BIT(12) | BIT(13))

/* Flags of a DECOMPRESS descriptor (decompr_flags) */
#define IAA_DECOMP_ENABLE		BIT(0)
#define IAA_DECOMP_FLUSH_OUTPUT		BIT(1)
#define IAA_DECOMP_STOP_ON_EOB		BIT(2)
#define IAA_DECOMP_CHECK_FOR_EOB	BIT(3)
/* The two above then mean the end of the final block, not of any block. */
#define IAA_DECOMP_SELECT_BFINAL_EOB	BIT(4)
#define IAA_DECOMP_SUPPRESS_OUTPUT	BIT(9)

/* error_code of a completion record whose status is IAX_COMP_ANALYTICS_ERROR */
#define IAA_ERROR_OUTPUT_OVERFLOW	0x19

/* In the status of a page fault: the access that faulted was a write. */
#define IAA_STATUS_FAULT_WRITE		BIT(7)
/* Not blocked, as opposed to IAX_COMP_PAGE_FAULT_IR, to which there was a response. */
#define IAA_STATUS_PAGE_FAULT_NOBOF	0x03

/* Header generation takes no more than this, in bytes. */
#define IAA_GEN_HDR_MAX_INPUT		4096

#define IAA_NR_LL_SYMS			286
#define IAA_NR_D_SYMS			30

/*
 * A Huffman table entry: the code as a number, most significant bit first, and
 * its length in bits; all zeroes if the symbol has no code.
 *
 *  31        19 18     15 14              0
 *  +-----------+---------+----------------+
 *  | reserved  | length  |      code      |
 *  +-----------+---------+----------------+
 */
#define IAA_HUFF_CODE			GENMASK(14, 0)
#define IAA_HUFF_LENGTH			GENMASK(18, 15)

/**
 * struct iaa_aecs_comp - Analytics Engine Configuration and State of a COMPRESS
 * @crc: seed of the CRC-32 of the uncompressed data, 0 to start anew
 * @xor_checksum: seed of the XOR of its 16-bit words
 * @reserved0: zero
 * @nr_accum_bits: how many bits of @accum are valid
 * @accum: a bit string that the output begins with, here a block header
 * @ll_sym: codes of the literals, the end of block and the lengths
 * @reserved1: zero
 * @d_sym: codes of the distances
 * @reserved2: zero
 *
 * Only read if the descriptor does not ask for it to be written back, so that
 * one in memory serves all descriptors. Little endian, like the CPUs that have
 * such a device.
 */
struct iaa_aecs_comp {
	u32 crc;
	u32 xor_checksum;
	u32 reserved0[5];
	u32 nr_accum_bits;
	u8 accum[256];
	u32 ll_sym[IAA_NR_LL_SYMS];
	u32 reserved1[2];
	u32 d_sym[IAA_NR_D_SYMS];
	u32 reserved2[2];
};

static_assert(offsetof(struct iaa_aecs_comp, nr_accum_bits) == 28);
static_assert(offsetof(struct iaa_aecs_comp, ll_sym) == 288);
static_assert(offsetof(struct iaa_aecs_comp, d_sym) == 1440);
static_assert(sizeof(struct iaa_aecs_comp) == 1568);
/* The device takes addresses and sizes that are multiples of this only. */
#define IAA_AECS_ALIGN			32
static_assert(sizeof(struct iaa_aecs_comp) % IAA_AECS_ALIGN == 0);

static_assert(sizeof(struct iax_hw_desc) == 64);
static_assert(sizeof(struct iax_completion_record) == 64);
static_assert(offsetof(struct iax_completion_record, output_size) == 24);
static_assert(offsetof(struct iax_completion_record, crc) == 32);

#endif
