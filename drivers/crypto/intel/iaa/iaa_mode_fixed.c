// SPDX-License-Identifier: GPL-2.0
/*
 * The fixed mode: one block with the fixed Huffman codes of RFC 1951, 3.2.6. Any
 * device can do it.
 *
 * The device knows no fixed codes. It takes all codes from the AECS, and the
 * block header from the bits that the AECS says the output begins with.
 */
#include <kunit/visibility.h>
#include "iaa.h"

/* BFINAL = 1 and BTYPE = 01, the first bit of the stream in bit 0 */
#define FIXED_HEADER		3
#define FIXED_HEADER_BITS	3

static void fixed_ll_codes(struct iaa_aecs_comp *aecs)
{
	static const struct {
		u16 first_sym;
		u16 first_code;
		u8 length;
	} runs[] = {
		{   0, 0x030, 8 },
		{ 144, 0x190, 9 },
		{ 256, 0x000, 7 },
		{ 280, 0x0c0, 8 },
	};
	unsigned int run = 0, sym;

	for (sym = 0; sym < IAA_NR_LL_SYMS; sym++) {
		if (run + 1 < ARRAY_SIZE(runs) && sym == runs[run + 1].first_sym)
			run++;
		aecs->ll_sym[sym] = iaa_huff_entry(runs[run].first_code + sym -
						   runs[run].first_sym, runs[run].length);
	}
}

static void fixed_init_aecs(struct iaa_aecs_comp *aecs)
{
	unsigned int sym;

	fixed_ll_codes(aecs);
	for (sym = 0; sym < IAA_NR_D_SYMS; sym++)
		aecs->d_sym[sym] = iaa_huff_entry(sym, 5);

	aecs->accum[0] = FIXED_HEADER;
	aecs->nr_accum_bits = FIXED_HEADER_BITS;
}

const struct iaa_mode iaa_mode_fixed = {
	.id = IAA_MODE_FIXED,
	.name = "fixed",
	.compr_flags = IAA_COMP_FLUSH_OUTPUT | IAA_COMP_APPEND_EOB,
	.init_aecs = fixed_init_aecs,
};
EXPORT_SYMBOL_IF_KUNIT(iaa_mode_fixed);
