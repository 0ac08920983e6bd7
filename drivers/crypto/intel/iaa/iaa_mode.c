// SPDX-License-Identifier: GPL-2.0
/*
 * What compression modes have in common.
 */
#include <linux/bitfield.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

const struct iaa_mode *const iaa_modes[IAA_NR_MODES] = {
	[IAA_MODE_FIXED] = &iaa_mode_fixed,
	[IAA_MODE_DYNAMIC] = &iaa_mode_dynamic,
};

/**
 * iaa_huff_entry - a Huffman code as the device takes it
 * @code: the code, most significant bit first, as RFC 1951 prints them
 * @length: its length in bits, 1 to 15
 *
 * Return: an entry for an AECS
 */
u32 iaa_huff_entry(unsigned int code, unsigned int length)
{
	return FIELD_PREP(IAA_HUFF_LENGTH, length) | FIELD_PREP(IAA_HUFF_CODE, code);
}

/**
 * iaa_mode_supported - can a device do this mode?
 * @mode: the mode
 * @iaa_cap: the device's IAACAP register; zero before version 2.0
 *
 * Return: whether it can
 */
bool iaa_mode_supported(const struct iaa_mode *mode, u64 iaa_cap)
{
	union iaa_cap_reg cap = { .bits = iaa_cap };

	return !mode->needs_header_gen || cap.header_gen;
}
EXPORT_SYMBOL_IF_KUNIT(iaa_mode_supported);
