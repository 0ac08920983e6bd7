/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DEFLATE (RFC 1951) coder of the Intel In-Memory Analytics Accelerator
 *
 * The compressor and the decompressor work on local memory and know nothing
 * of PCI, descriptors or the guest.  Both are driven the same way:
 *
 *     iaa_inflate_start(s, &params);
 *     for (;;) {
 *         switch (iaa_inflate_step(s, &io)) {
 *         case IAA_STEP_INPUT:   ... set io.in, io.in_len, io.in_last
 *         case IAA_STEP_OUTPUT:  ... take the piece, set io.out, io.out_len
 *         case IAA_STEP_DONE:    ... take the rest, look at the result
 *         }
 *     }
 *
 * A step does no more work than one piece of input or one piece of output
 * asks for and allocates nothing, whatever the input and the tables are.  What
 * comes out does not depend on how input or output are cut into pieces.  There
 * is no locking: one thread at a time uses a coder.
 */

#ifndef HW_IAA_DEFLATE_H
#define HW_IAA_DEFLATE_H

#include "qemu/units.h"

/* The farthest distance the device generates or accepts, in bytes */
#define IAA_WINDOW_SIZE     (4 * KiB)

/* The most a caller hands over in one step, in either direction */
#define IAA_PIECE_SIZE      (64 * KiB)

/* Longest input of one-pass header generation, in bytes */
#define IAA_GEN_HEADER_MAX  (4 * KiB)

/* Output accumulator of the compress AECS */
#define IAA_ACC_SIZE        256
#define IAA_ACC_MAX_BITS    (IAA_ACC_SIZE * 8)

/* Symbols that have an entry in the tables of the compress AECS */
#define IAA_NUM_LL          286
#define IAA_NUM_D           30

/* Counts that statistics mode writes, 4 bytes each, those of distances last */
#define IAA_STATS_D         288
#define IAA_STATS_ENTRIES   320

/* Completion status; the numbers are those of the completion record */
enum {
    IAA_CODEC_SUCCESS       = 0x01,
    IAA_CODEC_ERROR         = 0x0a, /* IAACodecResult.error says why */
    IAA_CODEC_OUTPUT_FULL   = 0x0b,
    IAA_CODEC_INVALID_SIZE  = 0x13,
};

/* Error under IAA_CODEC_ERROR; the numbers are those of the record */
typedef enum IAACodecError {
    IAA_CODEC_OK                = 0,
    IAA_CODEC_HEADER_TRUNCATED  = 1,
    IAA_CODEC_UNDEFINED_CL      = 2,
    IAA_CODEC_LL_REPEATS_NONE   = 3,  /* first LL length is a repeat */
    IAA_CODEC_D_REPEATS_NONE    = 4,
    IAA_CODEC_NO_LL_CODES       = 5,  /* in an AECS; a header may say so */
    IAA_CODEC_LL_RUN            = 6,  /* run passes the end of the list */
    IAA_CODEC_D_RUN             = 7,
    IAA_CODEC_BAD_CL_LENGTHS    = 8,  /* oversubscribed */
    IAA_CODEC_BAD_LL_LENGTHS    = 9,
    IAA_CODEC_BAD_D_LENGTHS     = 10,
    IAA_CODEC_BAD_LL_CODE       = 11,
    IAA_CODEC_BAD_D_CODE        = 12,
    IAA_CODEC_BAD_BLOCK_TYPE    = 13,
    IAA_CODEC_STORED_LENGTH     = 14,
    IAA_CODEC_END_OF_FILE       = 15,
    IAA_CODEC_BAD_LENGTH_SYMBOL = 16,
    IAA_CODEC_DISTANCE_FAR      = 17, /* farther than IAA_WINDOW_SIZE */
    IAA_CODEC_BEFORE_START      = 18,
    IAA_CODEC_AECS              = 22, /* state that makes no sense or room */
    IAA_CODEC_OVERFLOW          = 25, /* compressed data does not fit */
    IAA_CODEC_NO_CODE           = 30, /* symbol needed has no code */
    IAA_CODEC_TOO_MANY_LL       = 35,
    IAA_CODEC_TOO_MANY_D        = 36,
} IAACodecError;

typedef enum IAAStep {
    IAA_STEP_INPUT,     /* all input is used, hand over the next piece */
    IAA_STEP_OUTPUT,    /* the output piece is full, hand over another */
    IAA_STEP_DONE,      /* all output is in the piece, the result is valid */
} IAAStep;

/**
 * IAAStream: what caller and coder pass each other in a step
 * @in: next byte of input
 * @in_len: bytes at @in, at most IAA_PIECE_SIZE
 * @in_last: no input follows these bytes
 * @out: where the next byte of output goes
 * @out_len: room at @out in bytes, at most IAA_PIECE_SIZE
 *
 * The caller sets the fields, the coder advances pointers and lengths.  The
 * coder may keep a few hundred bytes of input inside, so @in_len says nothing
 * about how much of it has been processed; the result does.
 */
typedef struct IAAStream {
    const uint8_t *in;
    uint32_t in_len;
    bool in_last;
    uint8_t *out;
    uint32_t out_len;
} IAAStream;

/**
 * IAACodecResult: how a stream ended
 * @status: completion status
 * @error: IAACodecError under IAA_CODEC_ERROR, otherwise 0
 * @bytes_completed: bytes of input used, a partly used one included
 * @output_size: bytes of output produced
 * @output_bits: valid bits in the last byte of output, 0 means all 8
 */
typedef struct IAACodecResult {
    uint8_t status;
    uint8_t error;
    uint32_t bytes_completed;
    uint32_t output_size;
    uint8_t output_bits;
} IAACodecResult;

/**
 * IAAHuffman: codes as they are in the compress AECS
 *
 * An entry has the length of the code in bits 18:15 (0: the symbol has no
 * code) and the code, most significant bit first, in bits 14:0.  Code bits
 * beyond the length and entry bits beyond 18 are ignored.
 */
typedef struct IAAHuffman {
    uint32_t ll[IAA_NUM_LL];
    uint32_t d[IAA_NUM_D];
} IAAHuffman;

/* What follows the last token, as in the compression flags */
enum {
    IAA_END_NOTHING         = 0,
    IAA_END_EOB             = 1,
    IAA_END_STORED          = 2, /* EOB and an empty stored block */
    IAA_END_FINAL_STORED    = 3, /* the same with BFINAL set */
};

typedef struct IAADeflate IAADeflate;

/**
 * IAADeflateParams: what to compress, and how
 * @huffman: codes to use, copied
 * @acc: output accumulator, the bits that come first; bit 0 of byte 0 leads
 * @acc_bits: number of bits in @acc, more than IAA_ACC_MAX_BITS are ignored
 * @max_out: most bytes to produce; needing more is IAA_CODEC_OVERFLOW
 * @end_process: one of IAA_END_*
 * @flush: pad the last byte with zeroes and write it out; without, its bits
 *         are left for iaa_deflate_pending()
 * @literals_only: do not look for matches
 * @stats: write IAA_STATS_ENTRIES counts of the symbols needed instead, without
 *         @huffman and @acc.  The end-of-block symbol counts if @end_process
 *         has one
 * @gen_tables: write nothing at all but make codes, with one for the
 *              end-of-block symbol under the same condition, without @huffman.
 *              iaa_deflate_tables() has them
 * @gen_header: generate codes and the header of a dynamic block in one pass,
 *              without @huffman and @acc.  More than IAA_GEN_HEADER_MAX bytes
 *              of input end in IAA_CODEC_INVALID_SIZE (what silicon does is
 *              not public).  With @gen_tables, any number of bytes will do and
 *              the header is put behind the bits of @acc; if there is no room
 *              the end is IAA_CODEC_AECS (not public either)
 * @gen_bfinal: BFINAL of the generated header
 */
typedef struct IAADeflateParams {
    const IAAHuffman *huffman;
    const uint8_t *acc;
    uint32_t acc_bits;
    uint64_t max_out;
    uint8_t end_process;
    bool flush;
    bool literals_only;
    bool stats;
    bool gen_tables;
    bool gen_header;
    bool gen_bfinal;
} IAADeflateParams;

/**
 * iaa_deflate_new: allocate a compressor, to be freed by iaa_deflate_free()
 *
 * A compressor serves any number of streams, one after the other.
 */
IAADeflate *iaa_deflate_new(void);
void iaa_deflate_free(IAADeflate *s);

/**
 * iaa_deflate_start: begin a stream, forgetting any earlier one
 * @s: compressor
 * @params: parameters, not needed after the call
 */
void iaa_deflate_start(IAADeflate *s, const IAADeflateParams *params);

/**
 * iaa_deflate_step: go on until input, output or the stream ends
 * @s: compressor
 * @io: pieces of input and output
 *
 * Returns: what is needed next.  IAA_STEP_INPUT is not returned once
 * IAAStream.in_last has been seen, and IAA_STEP_DONE is returned again by
 * further calls.  After an overflow the content of the output is undefined,
 * but there is never more than IAADeflateParams.max_out of it.
 */
IAAStep iaa_deflate_step(IAADeflate *s, IAAStream *io);

/* iaa_deflate_result: the result, valid after IAA_STEP_DONE */
const IAACodecResult *iaa_deflate_result(const IAADeflate *s);

/**
 * iaa_deflate_pending: bits that did not fill a byte, to continue later from
 * @s: compressor after IAA_STEP_DONE
 * @acc: room for IAA_ACC_SIZE bytes, filled like IAADeflateParams.acc
 *
 * Returns: number of bits, 0 if the stream was flushed or failed.
 */
uint32_t iaa_deflate_pending(const IAADeflate *s, uint8_t *acc);

/**
 * iaa_deflate_tables: what the first of two passes leaves to the second
 * @s: compressor after IAA_STEP_DONE, started with IAADeflateParams.gen_tables
 * @huffman: the codes made
 * @acc: room for IAA_ACC_SIZE bytes, filled like IAADeflateParams.acc
 *
 * Returns: number of bits in @acc.
 */
uint32_t iaa_deflate_tables(const IAADeflate *s, IAAHuffman *huffman,
                            uint8_t *acc);

typedef struct IAAInflate IAAInflate;

/**
 * IAAInflateParams: when decompression stops
 * @max_out: most bytes to produce; needing more is IAA_CODEC_OUTPUT_FULL
 * @suppress_output: the output is only looked at (for its checksum), so that
 *                   @max_out does not apply.  Pieces are filled as usual
 * @stop_on_eob: stop at an end-of-block symbol
 * @check_eob: input that ends without one is IAA_CODEC_END_OF_FILE
 * @select_bfinal: the former two only regard the final block
 * @to_be_continued: input that ends within a header is no error but a success,
 *                   unless @check_eob; iaa_inflate_save() has the rest
 *
 * The end of a final block ends the stream in any case.  A stored block has no
 * end-of-block symbol, but the end of a final one counts as such.
 */
typedef struct IAAInflateParams {
    uint64_t max_out;
    bool suppress_output;
    bool stop_on_eob;
    bool check_eob;
    bool select_bfinal;
    bool to_be_continued;
} IAAInflateParams;

/* Where in a stream a decompressor has stopped, as the AECS says it */
enum {
    IAA_INFLATE_TOKENS          = 0,
    IAA_INFLATE_HEADER          = 1, /* before or inside */
    IAA_INFLATE_STORED          = 2,
    IAA_INFLATE_TOKENS_FINAL    = 4,
    IAA_INFLATE_STORED_FINAL    = 6,
    IAA_INFLATE_END             = 8, /* of the final block */
};

#define IAA_INFLATE_BLOCK_SIZE  384

/**
 * IAAInflateContext: what it takes to continue a stream
 * @state: one of IAA_INFLATE_*
 * @block: the block it is in, little endian, in a form that only the
 *         decompressor knows; zeroes are no block
 * @acc: input that comes first, bit 0 of byte 0 leads
 * @acc_bits: number of bits in @acc, at most IAA_ACC_MAX_BITS
 * @history: output that matches may refer to, oldest first
 * @history_len: number of bytes in @history
 */
typedef struct IAAInflateContext {
    uint16_t state;
    uint8_t block[IAA_INFLATE_BLOCK_SIZE];
    uint8_t acc[IAA_ACC_SIZE];
    uint32_t acc_bits;
    uint8_t history[IAA_WINDOW_SIZE];
    uint32_t history_len;
} IAAInflateContext;

/**
 * iaa_inflate_new: allocate a decompressor, to be freed by iaa_inflate_free()
 *
 * A decompressor serves any number of streams, one after the other.
 */
IAAInflate *iaa_inflate_new(void);
void iaa_inflate_free(IAAInflate *s);

/**
 * iaa_inflate_start: begin a stream, forgetting any earlier one
 * @s: decompressor
 * @params: parameters, not needed after the call
 */
void iaa_inflate_start(IAAInflate *s, const IAAInflateParams *params);

/**
 * iaa_inflate_load: continue a stream instead of beginning one
 * @s: decompressor, iaa_inflate_start() has just been called
 * @context: from iaa_inflate_save(), or anything a guest may have written
 *
 * Only what iaa_inflate_save() could have left makes sense, besides what any
 * guest can know: to begin a block, @context need not have one, and there may
 * be more bits of input and any history.
 *
 * Returns: IAA_CODEC_NO_LL_CODES, or IAA_CODEC_AECS if @context makes no sense;
 * the decompressor has to be started again then.
 */
IAACodecError iaa_inflate_load(IAAInflate *s, const IAAInflateContext *context);

/**
 * iaa_inflate_save: what it takes to continue later
 * @s: decompressor after IAA_STEP_DONE, without an error
 * @context: filled
 *
 * Input is to go on at IAACodecResult.bytes_completed.
 */
void iaa_inflate_save(const IAAInflate *s, IAAInflateContext *context);

/**
 * iaa_inflate_step: go on until input, output or the stream ends
 * @s: decompressor
 * @io: pieces of input and output
 *
 * Returns: what is needed next, as for iaa_deflate_step().  There is never
 * more output than IAAInflateParams.max_out, and up to there it is valid
 * whatever the status is.
 */
IAAStep iaa_inflate_step(IAAInflate *s, IAAStream *io);

/* iaa_inflate_result: the result, valid after IAA_STEP_DONE */
const IAACodecResult *iaa_inflate_result(const IAAInflate *s);

#endif /* HW_IAA_DEFLATE_H */
