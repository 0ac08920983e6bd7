/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compressor of the Intel In-Memory Analytics Accelerator
 *
 * The device writes the bits of the output accumulator, which is where
 * software puts the header of the block, then the tokens in the codes of the
 * AECS, then what END_PROCESS asks for.  With one-pass header generation it
 * keeps the tokens until it has made codes for them, and the generated header
 * takes the place of the accumulator.  In statistics mode it writes how often
 * it would have used each symbol, and nothing else; when that is the first of
 * two passes, it makes codes for the second instead and writes nothing at all.
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "iaa-coder.h"

typedef enum DeflatePhase {
    PHASE_COLLECT,          /* header generation: keep and count tokens */
    PHASE_PREFIX,           /* accumulator or generated header */
    PHASE_REPLAY,           /* header generation: write kept tokens */
    PHASE_COMPRESS,         /* write tokens as they are found */
    PHASE_COUNT,            /* statistics: count tokens as they are found */
    PHASE_STATS,            /* statistics: write the counts */
    PHASE_TABLES,           /* first of two passes: make codes */
    PHASE_TRAILER,
    PHASE_FLUSH,
    PHASE_END,
    PHASE_DONE,
} DeflatePhase;

struct IAADeflate {
    DeflatePhase phase;
    bool last;              /* the caller has handed over all input */
    bool flush;
    bool gen_tables;
    bool gen_header;
    bool gen_bfinal;
    uint8_t end_process;
    uint64_t out_left;      /* bytes of max_out not used yet */
    uint64_t produced;

    uint64_t bits;          /* next bit to write lowest */
    unsigned num_bits;
    unsigned last_bits;     /* of the last byte before it was padded */

    uint32_t prefix_pos;    /* bits of prefix written */
    IAABitString prefix;
    IAACodes codes;

    uint32_t num_kept;
    uint32_t num_replayed;
    uint32_t num_stats;     /* counts written */
    IAACounts counts;
    IAAToken kept[IAA_GEN_HEADER_MAX];

    IAACodecResult result;
    IAALz77 lz;
};

QEMU_BUILD_BUG_ON(IAA_BIT_STRING_SIZE < IAA_ACC_SIZE);

IAADeflate *iaa_deflate_new(void)
{
    IAADeflate *s = g_new0(IAADeflate, 1);

    s->phase = PHASE_DONE;
    return s;
}

void iaa_deflate_free(IAADeflate *s)
{
    g_free(s);
}

static void load_accumulator(IAADeflate *s, const IAADeflateParams *params)
{
    memset(&s->prefix, 0, sizeof(s->prefix));
    s->prefix.len = MIN(params->acc_bits, IAA_ACC_MAX_BITS);
    memcpy(s->prefix.data, params->acc, DIV_ROUND_UP(s->prefix.len, 8));
}

static void start_with_aecs(IAADeflate *s, const IAADeflateParams *params)
{
    iaa_huffman_import(&s->codes, params->huffman);
    load_accumulator(s, params);
    s->phase = PHASE_PREFIX;
}

/* EOB has a code even if END_PROCESS does not write it: what follows may */
static void start_with_gen_header(IAADeflate *s,
                                  const IAADeflateParams *params)
{
    s->num_kept = 0;
    s->num_replayed = 0;
    memset(&s->counts, 0, sizeof(s->counts));
    s->counts.ll[IAA_EOB] = 1;
    s->phase = PHASE_COLLECT;
}

static void start_with_stats(IAADeflate *s, const IAADeflateParams *params)
{
    s->num_stats = 0;
    memset(&s->counts, 0, sizeof(s->counts));
    if (params->gen_tables) {
        load_accumulator(s, params);
    }
    s->phase = PHASE_COUNT;
}

void iaa_deflate_start(IAADeflate *s, const IAADeflateParams *params)
{
    s->last = false;
    s->flush = params->flush;
    s->gen_tables = params->gen_tables;
    s->gen_header = params->gen_header;
    s->gen_bfinal = params->gen_bfinal;
    s->end_process = params->end_process;
    s->out_left = params->max_out;
    s->produced = 0;
    s->bits = 0;
    s->num_bits = 0;
    s->last_bits = 0;
    s->prefix_pos = 0;
    s->result = (IAACodecResult) { 0 };
    iaa_lz77_start(&s->lz, params->literals_only);

    if (params->stats || params->gen_tables) {
        start_with_stats(s, params);
    } else if (params->gen_header) {
        start_with_gen_header(s, params);
    } else {
        start_with_aecs(s, params);
    }
}

static void finish(IAADeflate *s, uint8_t status, uint8_t error)
{
    s->result.status = status;
    s->result.error = error;
    s->result.bytes_completed = s->lz.pos;
    s->result.output_size = s->produced;
    s->phase = PHASE_DONE;
}

/* There is room for 57 bits after the 7 that may be left from before */
static void put_bits(IAADeflate *s, uint32_t value, unsigned n)
{
    s->bits |= (uint64_t)value << s->num_bits;
    s->num_bits += n;
}

static bool put_code(IAADeflate *s, IAACode code)
{
    if (!code.len) {
        finish(s, IAA_CODEC_ERROR, IAA_CODEC_NO_CODE);
        return false;
    }
    put_bits(s, code.bits, code.len);
    return true;
}

static unsigned floor_log2(uint32_t value)
{
    return 31 - clz32(value);
}

/* Index into iaa_length_extra: four values of each number of extra bits */
static unsigned length_index(unsigned length)
{
    unsigned offset = length - IAA_MIN_MATCH;
    unsigned bits;

    if (offset < 8 || length == IAA_MAX_MATCH) {
        return MIN(offset, ARRAY_SIZE(iaa_length_extra) - 1);
    }
    bits = floor_log2(offset) - 2;
    return 4 * bits + (offset >> bits);
}

/* Index into iaa_distance_extra: two values of each number of extra bits */
static unsigned distance_index(unsigned distance)
{
    unsigned offset = distance - 1;
    unsigned bits;

    if (offset < 4) {
        return offset;
    }
    bits = floor_log2(offset) - 1;
    return 2 * bits + (offset >> bits);
}

static void put_extra(IAADeflate *s, const IAAExtra *extra, unsigned value)
{
    put_bits(s, value - extra->base, extra->bits);
}

/* 15 + 5 + 15 + 13 bits at most */
static void put_match(IAADeflate *s, IAAToken token)
{
    unsigned l = length_index(token.length);
    unsigned d = distance_index(token.distance);

    if (put_code(s, s->codes.ll[IAA_EOB + 1 + l])) {
        put_extra(s, &iaa_length_extra[l], token.length);
        if (put_code(s, s->codes.d[d])) {
            put_extra(s, &iaa_distance_extra[d], token.distance);
        }
    }
}

static void put_token(IAADeflate *s, IAAToken token)
{
    if (token.distance) {
        put_match(s, token);
    } else {
        put_code(s, s->codes.ll[token.literal]);
    }
}

static void count_token(IAADeflate *s, IAAToken token)
{
    if (token.distance) {
        s->counts.ll[IAA_EOB + 1 + length_index(token.length)]++;
        s->counts.d[distance_index(token.distance)]++;
    } else {
        s->counts.ll[token.literal]++;
    }
}

static void keep_token(IAADeflate *s, IAAToken token)
{
    count_token(s, token);
    s->kept[s->num_kept++] = token;
}

/*
 * What a phase does at a time: put at most 57 bits, or take input, or hand over
 * to another phase.  All whole bytes have been written out before.
 *
 * Returns: false if it cannot go on without more input.
 */
typedef bool PhaseFunc(IAADeflate *s, IAAStream *io);

static bool collect_tokens(IAADeflate *s, IAAStream *io)
{
    bool last = s->last && !io->in_len;
    IAAToken token;

    while (iaa_lz77_next(&s->lz, last, &token)) {
        keep_token(s, token);
    }
    if (io->in_len) {
        iaa_lz77_feed(&s->lz, io);
        if (s->lz.end > IAA_GEN_HEADER_MAX) {
            finish(s, IAA_CODEC_INVALID_SIZE, IAA_CODEC_OK);
        }
        return true;
    }
    if (last) {
        iaa_huffman_generate(&s->counts, s->gen_bfinal, &s->codes, &s->prefix);
        s->phase = PHASE_PREFIX;
    }
    return last;
}

static bool write_prefix(IAADeflate *s, IAAStream *io)
{
    unsigned n = MIN(s->prefix.len - s->prefix_pos, 8);

    if (n) {
        put_bits(s, extract32(s->prefix.data[s->prefix_pos / 8], 0, n), n);
        s->prefix_pos += n;
    } else {
        s->phase = s->gen_header ? PHASE_REPLAY : PHASE_COMPRESS;
    }
    return true;
}

static bool replay_token(IAADeflate *s, IAAStream *io)
{
    if (s->num_replayed < s->num_kept) {
        put_token(s, s->kept[s->num_replayed++]);
    } else {
        s->phase = PHASE_TRAILER;
    }
    return true;
}

static bool compress_token(IAADeflate *s, IAAStream *io)
{
    bool last = s->last && !io->in_len;
    IAAToken token;

    if (iaa_lz77_next(&s->lz, last, &token)) {
        put_token(s, token);
    } else if (io->in_len) {
        iaa_lz77_feed(&s->lz, io);
    } else if (last) {
        s->phase = PHASE_TRAILER;
    } else {
        return false;
    }
    return true;
}

static bool count_tokens(IAADeflate *s, IAAStream *io)
{
    bool last = s->last && !io->in_len;
    IAAToken token;

    if (iaa_lz77_next(&s->lz, last, &token)) {
        count_token(s, token);
    } else if (io->in_len) {
        iaa_lz77_feed(&s->lz, io);
    } else if (last) {
        s->counts.ll[IAA_EOB] = s->end_process != IAA_END_NOTHING;
        s->phase = s->gen_tables ? PHASE_TABLES : PHASE_STATS;
    } else {
        return false;
    }
    return true;
}

/* Both lists are filled up to a multiple of four */
static uint32_t stats_entry(const IAADeflate *s, unsigned i)
{
    unsigned d = i - IAA_STATS_D;

    if (i < IAA_STATS_D) {
        return i < IAA_NUM_LL ? s->counts.ll[i] : 0;
    }
    return d < IAA_NUM_D ? s->counts.d[d] : 0;
}

static bool write_stats(IAADeflate *s, IAAStream *io)
{
    if (s->num_stats < IAA_STATS_ENTRIES) {
        put_bits(s, stats_entry(s, s->num_stats++), 32);
    } else {
        s->phase = PHASE_END;
    }
    return true;
}

/* Returns: false if an accumulator cannot hold both */
static bool append_bits(IAABitString *s, const IAABitString *more)
{
    if (s->len + more->len > IAA_ACC_MAX_BITS) {
        return false;
    }
    for (unsigned i = 0; i < more->len; i++, s->len++) {
        s->data[s->len / 8] &= ~(1 << s->len % 8);
        s->data[s->len / 8] |= (more->data[i / 8] >> i % 8 & 1) << s->len % 8;
    }
    return true;
}

/* The header waits in the accumulator for the second pass */
static bool make_tables(IAADeflate *s, IAAStream *io)
{
    IAABitString header;

    s->phase = PHASE_END;
    iaa_huffman_generate(&s->counts, s->gen_bfinal, &s->codes, &header);
    if (s->gen_header && !append_bits(&s->prefix, &header)) {
        finish(s, IAA_CODEC_ERROR, IAA_CODEC_AECS);
    }
    return true;
}

/* LEN 0 and its complement, from the next byte boundary on */
static void put_empty_stored_block(IAADeflate *s, bool bfinal)
{
    put_bits(s, bfinal, 3);
    put_bits(s, 0, -s->num_bits % 8);
    put_bits(s, 0xffff0000, 32);
}

static bool write_trailer(IAADeflate *s, IAAStream *io)
{
    s->phase = PHASE_FLUSH;
    if (s->end_process == IAA_END_NOTHING ||
        !put_code(s, s->codes.ll[IAA_EOB])) {
        return true;
    }
    if (s->end_process != IAA_END_EOB) {
        put_empty_stored_block(s, s->end_process == IAA_END_FINAL_STORED);
    }
    return true;
}

static bool flush_last_byte(IAADeflate *s, IAAStream *io)
{
    if (s->flush) {
        s->last_bits = s->num_bits;
        put_bits(s, 0, -s->num_bits % 8);
    }
    s->phase = PHASE_END;
    return true;
}

static bool end_stream(IAADeflate *s, IAAStream *io)
{
    s->result.output_bits = s->last_bits;
    finish(s, IAA_CODEC_SUCCESS, IAA_CODEC_OK);
    return true;
}

static PhaseFunc * const phase_func[] = {
    [PHASE_COLLECT]     = collect_tokens,
    [PHASE_PREFIX]      = write_prefix,
    [PHASE_REPLAY]      = replay_token,
    [PHASE_COMPRESS]    = compress_token,
    [PHASE_COUNT]       = count_tokens,
    [PHASE_STATS]       = write_stats,
    [PHASE_TABLES]      = make_tables,
    [PHASE_TRAILER]     = write_trailer,
    [PHASE_FLUSH]       = flush_last_byte,
    [PHASE_END]         = end_stream,
};

static void write_byte(IAADeflate *s, IAAStream *io)
{
    *io->out++ = s->bits;
    io->out_len--;
    s->bits >>= 8;
    s->num_bits -= 8;
    s->out_left--;
    s->produced++;
}

IAAStep iaa_deflate_step(IAADeflate *s, IAAStream *io)
{
    s->last |= io->in_last;
    while (s->phase != PHASE_DONE) {
        if (s->num_bits < 8) {
            if (!phase_func[s->phase](s, io)) {
                return IAA_STEP_INPUT;
            }
        } else if (!s->out_left) {
            finish(s, IAA_CODEC_ERROR, IAA_CODEC_OVERFLOW);
        } else if (!io->out_len) {
            return IAA_STEP_OUTPUT;
        } else {
            write_byte(s, io);
        }
    }
    return IAA_STEP_DONE;
}

const IAACodecResult *iaa_deflate_result(const IAADeflate *s)
{
    return &s->result;
}

uint32_t iaa_deflate_pending(const IAADeflate *s, uint8_t *acc)
{
    bool success = s->result.status == IAA_CODEC_SUCCESS;

    memset(acc, 0, IAA_ACC_SIZE);
    if (success) {
        acc[0] = s->bits;
    }
    return success ? s->num_bits : 0;
}

uint32_t iaa_deflate_tables(const IAADeflate *s, IAAHuffman *huffman,
                            uint8_t *acc)
{
    memcpy(acc, s->prefix.data, IAA_ACC_SIZE);
    iaa_huffman_export(huffman, &s->codes);
    return s->prefix.len;
}
