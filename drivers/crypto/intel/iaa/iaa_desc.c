// SPDX-License-Identifier: GPL-2.0
/*
 * Units to descriptors, and completion records to outcomes. Nothing here sleeps,
 * takes a lock or touches a device.
 */
#include <linux/bitfield.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

#define IAA_DECOMP_FLAGS	(IAA_DECOMP_ENABLE | IAA_DECOMP_FLUSH_OUTPUT | \
				 IAA_DECOMP_STOP_ON_EOB | IAA_DECOMP_CHECK_FOR_EOB | \
				 IAA_DECOMP_SELECT_BFINAL_EOB)

/* All but what the opcode needs; fields of an earlier use of @hw are cleared. */
static __always_inline void iaa_desc_init(struct iax_hw_desc *hw, const struct iaa_op *op,
					  u8 opcode, u32 flags, u16 opcode_flags)
{
	struct dsa_raw_desc *raw = (struct dsa_raw_desc *)hw;

	/* idxd has put the PASID there; a device without PASIDs ignores it. */
	raw->field[0] &= IAA_DESC_PASID;
	raw->field[0] |= FIELD_PREP(IAA_DESC_FLAGS, flags | op->flags |
				    IDXD_OP_FLAG_CRAV | IDXD_OP_FLAG_RCR) |
			 FIELD_PREP(IAA_DESC_OPCODE, opcode);
	hw->completion_addr = op->record;
	hw->src1_addr = op->src;
	hw->dst_addr = op->dst;
	hw->src1_size = op->slen;
	hw->int_handle = 0;
	hw->compr_flags = opcode_flags;
	hw->src2_addr = 0;
	hw->max_dst_size = op->dlen;
	hw->src2_size = 0;
	raw->field[7] = 0;
}

/**
 * iaa_desc_compress - describe a compression
 * @hw: descriptor of idxd's, zeroed or used before
 * @op: the unit
 * @mode: how to compress; it takes @op->slen bytes
 */
void iaa_desc_compress(struct iax_hw_desc *hw, const struct iaa_op *op,
		       const struct iaa_mode *mode)
{
	u32 flags = mode->init_aecs ? IDXD_OP_FLAG_RD_SRC2_AECS : 0;

	iaa_desc_init(hw, op, IAX_OPCODE_COMPRESS, flags, mode->compr_flags);
	if (flags) {
		hw->src2_addr = op->aecs;
		hw->src2_size = sizeof(struct iaa_aecs_comp);
	}
}
EXPORT_SYMBOL_IF_KUNIT(iaa_desc_compress);

/**
 * iaa_desc_decompress - describe the decompression of a whole stream
 * @hw: descriptor of idxd's, zeroed or used before
 * @op: the unit
 *
 * The device stops at the end of the final block; a stream without one is an
 * error, and what follows the block is ignored.
 */
void iaa_desc_decompress(struct iax_hw_desc *hw, const struct iaa_op *op)
{
	iaa_desc_init(hw, op, IAX_OPCODE_DECOMPRESS, 0, IAA_DECOMP_FLAGS);
}
EXPORT_SYMBOL_IF_KUNIT(iaa_desc_decompress);

/**
 * iaa_desc_verify - describe a decompression of what was compressed, for its CRC
 * @hw: the descriptor that compressed
 * @op: the unit that was compressed; its buffers are mapped for both directions
 * @clen: length of the compressed data in bytes
 *
 * Writes nothing but the completion record.
 */
void iaa_desc_verify(struct iax_hw_desc *hw, const struct iaa_op *op, u32 clen)
{
	struct iaa_op verify = *op;

	verify.src = op->dst;
	verify.slen = clen;
	verify.dst = op->src;
	verify.dlen = op->slen;
	iaa_desc_decompress(hw, &verify);
	hw->decompr_flags |= IAA_DECOMP_SUPPRESS_OUTPUT;
}
EXPORT_SYMBOL_IF_KUNIT(iaa_desc_verify);

/*
 * That a compressed page does not fit costs nobody his data, so the device is
 * believed. That a decompressed one does not is for software to say: a device
 * that is wrong would have the caller lose it.
 */
static bool iaa_output_overflowed(const struct iax_hw_desc *hw,
				  const struct iax_completion_record *record)
{
	return hw->opcode == IAX_OPCODE_COMPRESS &&
	       record->status == IAX_COMP_ANALYTICS_ERROR &&
	       record->error_code == IAA_ERROR_OUTPUT_OVERFLOW;
}

/* The device has another code for decompression. */
static bool iaa_stream_failed(const struct iax_hw_desc *hw,
			      const struct iax_completion_record *record)
{
	return record->status == IAX_COMP_ANALYTICS_ERROR ||
	       (record->status == IAX_COMP_OUTBUF_OVERFLOW &&
		hw->opcode == IAX_OPCODE_DECOMPRESS);
}

static enum iaa_outcome iaa_success(const struct iax_hw_desc *hw,
				    const struct iax_completion_record *record)
{
	/* A device that wrote past its limit, or nothing, is not to be believed. */
	if (record->output_size > hw->max_dst_size)
		return IAA_DEVICE_ERROR;
	if (hw->opcode == IAX_OPCODE_COMPRESS && !record->output_size)
		return IAA_DEVICE_ERROR;

	return IAA_DONE;
}

/**
 * iaa_desc_outcome - what a completion record says
 * @hw: the descriptor that it belongs to
 * @record: the record; its status is not zero, and dma_rmb() was called since
 *	    that was seen
 *
 * Return: an outcome other than IAA_MISMATCH. With IAA_DONE, output_size of the
 *	   record is the length of the output, at most what the unit had room for.
 */
enum iaa_outcome iaa_desc_outcome(const struct iax_hw_desc *hw,
				  const struct iax_completion_record *record)
{
	if (likely(record->status == IAX_COMP_SUCCESS))
		return iaa_success(hw, record);
	if (iaa_output_overflowed(hw, record))
		return IAA_NO_SPACE;
	if (iaa_stream_failed(hw, record))
		return IAA_BAD_STREAM;

	switch (record->status) {
	case IAA_STATUS_PAGE_FAULT_NOBOF:
	case IAA_STATUS_PAGE_FAULT_NOBOF | IAA_STATUS_FAULT_WRITE:
	case IAX_COMP_PAGE_FAULT_IR:
	case IAX_COMP_PAGE_FAULT_IR | IAA_STATUS_FAULT_WRITE:
		return IAA_PAGE_FAULT;
	case IAX_COMP_WATCHDOG:
		return IAA_WATCHDOG;
	case IDXD_COMP_DESC_ABORT:
		return IAA_ABORTED;
	default:
		return IAA_DEVICE_ERROR;
	}
}
EXPORT_SYMBOL_IF_KUNIT(iaa_desc_outcome);

/**
 * iaa_desc_verified - what the completion record of a verification says
 * @hw: the descriptor that iaa_desc_verify() filled
 * @record: its record, as for iaa_desc_outcome()
 * @slen: length of the data before compression in bytes
 * @crc: CRC-32 that the compression's record gave for it
 *
 * Return: IAA_DONE if the stream gives the same data; IAA_MISMATCH if it gives
 *	   other data or none at all; else what kept the device from telling.
 */
enum iaa_outcome iaa_desc_verified(const struct iax_hw_desc *hw,
				   const struct iax_completion_record *record,
				   u32 slen, u32 crc)
{
	enum iaa_outcome outcome = iaa_desc_outcome(hw, record);

	switch (outcome) {
	case IAA_DONE:
		/* Nothing is put out, so a device may say 0: nobody has published which. */
		if (record->crc == crc &&
		    (record->output_size == slen || !record->output_size))
			return IAA_DONE;
		fallthrough;
	case IAA_NO_SPACE:
	case IAA_BAD_STREAM:
		return IAA_MISMATCH;
	default:
		return outcome;
	}
}
EXPORT_SYMBOL_IF_KUNIT(iaa_desc_verified);
