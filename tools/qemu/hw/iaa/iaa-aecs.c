/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: state of a decompression in memory
 *
 * A stream that comes in several descriptors is continued from the AECS that
 * the last one wrote.  Where the decompressor stands, its leftover input and
 * its history are where silicon has them; the block it is in takes the place
 * of the decoding tables of silicon, whose layout is not public.  So software
 * can begin and continue streams, but not make tables of its own.
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"

QEMU_BUILD_BUG_ON(IAA_INFLATE_BLOCK_SIZE > sizeof_field(IAADecompressAECS,
                                                        tables));

/* Entries have from 0 to 64 bits, lowest first, and are used one by one */
static bool iaa_aecs_load_input(const IAADecompressAECS *aecs,
                                IAAInflateContext *context)
{
    memset(context->acc, 0, sizeof(context->acc));
    context->acc_bits = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(aecs->input); i++) {
        uint64_t bits = le64_to_cpu(aecs->input[i]);

        if (aecs->input_bits[i] > 64) {
            return false;
        }
        for (unsigned n = aecs->input_bits[i]; n; n--, bits >>= 1) {
            uint32_t to = context->acc_bits++;

            context->acc[to / 8] |= (bits & 1) << to % 8;
        }
    }
    return true;
}

static void iaa_aecs_save_input(IAADecompressAECS *aecs,
                                const IAAInflateContext *context)
{
    unsigned left = context->acc_bits;

    QEMU_BUILD_BUG_ON(sizeof(aecs->input) != sizeof(context->acc));
    memcpy(aecs->input, context->acc, sizeof(aecs->input));
    for (unsigned i = 0; i < ARRAY_SIZE(aecs->input); i++) {
        aecs->input_bits[i] = MIN(left, 64);
        left -= aecs->input_bits[i];
    }
}

/* Bits of output to begin with; the lowest bit of their number is a format */
static bool iaa_aecs_has_output(const IAADecompressAECS *aecs)
{
    return le32_to_cpu(aecs->output_bits) > 1;
}

/* A ring that is written at its end, and was before if it has wrapped */
static bool iaa_aecs_load_history(const IAADecompressAECS *aecs,
                                  IAAInflateContext *context)
{
    uint16_t word = le16_to_cpu(aecs->history_end);
    unsigned end = FIELD_EX16(word, IAA_AECS_HISTORY, END);
    unsigned older = 0;

    if (end > sizeof(aecs->history)) {
        return false;
    }
    if (FIELD_EX16(word, IAA_AECS_HISTORY, WRAPPED)) {
        older = sizeof(aecs->history) - end;
    }
    memcpy(context->history, aecs->history + end, older);
    memcpy(context->history + older, aecs->history, end);
    context->history_len = older + end;
    return true;
}

static void iaa_aecs_save_history(IAADecompressAECS *aecs,
                                  const IAAInflateContext *context)
{
    bool full = context->history_len == sizeof(aecs->history);
    uint16_t word = FIELD_DP16(0, IAA_AECS_HISTORY, WRAPPED, full);

    QEMU_BUILD_BUG_ON(sizeof(aecs->history) != sizeof(context->history));
    word = FIELD_DP16(word, IAA_AECS_HISTORY, END,
                      full ? 0 : context->history_len);
    aecs->history_end = cpu_to_le16(word);
    memcpy(aecs->history, context->history, context->history_len);
}

/**
 * iaa_aecs_load: continue as an AECS says
 * @s: device
 * @inflate: just started
 * @aecs: as in guest memory
 * @size: how much of @aecs there is, one of IAA_AECS_SIZE_*
 *
 * Returns: IAA_CODEC_AECS if it makes no sense, or asks for what the model does
 * not do, otherwise what iaa_inflate_load() says of it.
 */
IAACodecError iaa_aecs_load(const IAAState *s, IAAInflate *inflate,
                            const IAADecompressAECS *aecs, uint32_t size)
{
    IAAInflateContext context = { };

    if (aecs->drop_bytes) {
        return IAA_CODEC_AECS;
    }
    if (size == IAA_AECS_SIZE_CHECKSUMS) {
        return IAA_CODEC_OK;
    }
    if (aecs->format != iaa_aecs_format(s) || aecs->drop_bits ||
        iaa_aecs_has_output(aecs) || !iaa_aecs_load_input(aecs, &context)) {
        return IAA_CODEC_AECS;
    }
    if (size == IAA_AECS_SIZE_FULL && !iaa_aecs_load_history(aecs, &context)) {
        return IAA_CODEC_AECS;
    }
    context.state = le16_to_cpu(aecs->state);
    memcpy(context.block, aecs->tables, sizeof(context.block));
    return iaa_inflate_load(inflate, &context);
}

/**
 * iaa_aecs_save: leave what it takes to continue
 * @s: device
 * @inflate: has stopped, not with an error
 * @aecs: as in guest memory; what does not change stays as it was
 * @size: how much of @aecs there is, IAA_AECS_SIZE_NO_HISTORY or more
 */
void iaa_aecs_save(const IAAState *s, const IAAInflate *inflate,
                   IAADecompressAECS *aecs, uint32_t size)
{
    IAAInflateContext context;

    iaa_inflate_save(inflate, &context);
    aecs->format = iaa_aecs_format(s);
    aecs->state = cpu_to_le16(context.state);
    memcpy(aecs->tables, context.block, sizeof(context.block));
    iaa_aecs_save_input(aecs, &context);
    if (size == IAA_AECS_SIZE_FULL) {
        iaa_aecs_save_history(aecs, &context);
    }
}
