// SPDX-License-Identifier: GPL-2.0
/*
 * The dynamic mode: one block with Huffman codes that the device makes for it, in
 * the same pass. For devices that can generate headers (IAACAP bit 8).
 */
#include <kunit/visibility.h>
#include "iaa.h"

const struct iaa_mode iaa_mode_dynamic = {
	.id = IAA_MODE_DYNAMIC,
	.name = "dynamic",
	.compr_flags = IAA_COMP_FLUSH_OUTPUT | IAA_COMP_APPEND_EOB |
		       IAA_COMP_GEN_HDR_1_PASS,
	.max_slen = IAA_GEN_HDR_MAX_INPUT,
	.needs_header_gen = true,
};
EXPORT_SYMBOL_IF_KUNIT(iaa_mode_dynamic);
