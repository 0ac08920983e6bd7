/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decompressor of the Intel In-Memory Analytics Accelerator
 *
 * It differs from other implementations of RFC 1951 in what it refuses:
 * distances beyond 4 KiB, and runs of code lengths that go from the
 * literal/length list into the distance list, since the device decodes the two
 * separately.  Which error code belongs to what is known from the tests of
 * Intel's Query Processing Library.
 *
 * A stream is a sequence of small elements: a block header, one code length,
 * one token, all of at most MAX_ELEMENT_BITS.  An element is only begun when
 * that many bits are there or no more will come, so that it never has to be
 * interrupted and the bit buffer is all there is to carry over between pieces.
 * Between streams that belong together, the rest of the state goes along.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "iaa-coder.h"

/* A match: two codes of 15 bits, with 5 and 13 extra bits */
#define MAX_ELEMENT_BITS    48

/* Codes longer than this are rare and are decoded bit by bit */
#define LOOKUP_BITS         9

/* The fixed code has symbols that no other code can have, 286 and 287 */
#define NUM_FIXED_LL        288
#define NUM_FIXED_D         32

enum {
    BLOCK_STORED    = 0,
    BLOCK_FIXED     = 1,
    BLOCK_DYNAMIC   = 2,
};

/*
 * A canonical code: those of one length are consecutive numbers, most
 * significant bit first, and belong to consecutive members of @symbols.
 */
typedef struct Decoder {
    uint16_t lookup[1 << LOOKUP_BITS];  /* symbol << 4 | length, or 0 */
    uint16_t num[IAA_MAX_CODE_LEN + 1]; /* codes of each length */
    uint16_t symbols[NUM_FIXED_LL];
} Decoder;

struct IAAInflate {
    IAAInflateState state;
    IAAInflateParams params;
    IAACodecResult result;
    bool last;              /* the caller has handed over all input */
    bool bfinal;
    bool begun;             /* past the header of the first block */
    bool after_eob;         /* the last token was an end-of-block symbol */
    bool ended;             /* with the final block */
    IAAInflateState stopped;    /* what was next before IAA_STATE_DONE */

    /* Input that was left over before this stream, and bits of it used */
    IAABitString acc;
    uint32_t acc_pos;

    uint64_t bits;          /* next bit lowest, zero from num_bits on */
    unsigned num_bits;
    uint64_t bytes_in;      /* including those in bits */

    uint64_t out_left;      /* bytes of max_out not used yet */
    uint64_t produced;
    uint64_t piece_start;   /* produced when the step began */

    /* What is left of the stored block or the match */
    unsigned length;
    unsigned distance;

    /* The header of a dynamic block: how many lengths, and those read */
    unsigned num_ll, num_d, num_cl;
    unsigned num_lens;
    uint8_t cl_lens[IAA_NUM_CL];
    uint8_t lens[IAA_NUM_LL + IAA_NUM_D];

    const Decoder *ll, *d;  /* those of the block */
    Decoder dynamic_ll, dynamic_d, dynamic_cl;
    Decoder fixed_ll, fixed_d;

    /* Output before this step, up to its last byte */
    uint8_t history[IAA_WINDOW_SIZE];
    unsigned continued;     /* bytes of it that were there at the start */
};

/* How to go on; at the end of the stream, IAA_STATE_DONE goes before this */
typedef enum Next {
    NEXT_ELEMENT,
    NEXT_INPUT,
    NEXT_OUTPUT,
} Next;

static uint64_t low_bits(uint64_t bits, unsigned num)
{
    return bits & ((1ULL << num) - 1);
}

/* Whole bytes that have been read ahead do not count as used */
static void unread_bytes(IAAInflate *s)
{
    unsigned n = MIN(s->num_bits / 8, s->bytes_in);

    s->bytes_in -= n;
    s->num_bits -= 8 * n;
    s->bits = low_bits(s->bits, s->num_bits);
}

static Next stop(IAAInflate *s, uint8_t status, uint8_t error)
{
    s->result.status = status;
    s->result.error = error;
    s->result.bytes_completed = s->bytes_in;
    s->result.output_size = s->produced;
    s->stopped = s->state;
    s->state = IAA_STATE_DONE;
    return NEXT_ELEMENT;
}

static Next finish(IAAInflate *s, uint8_t status, uint8_t error)
{
    unread_bytes(s);
    return stop(s, status, error);
}

static Next fail(IAAInflate *s, IAACodecError error)
{
    return finish(s, IAA_CODEC_ERROR, error);
}

/* Bits of an element that is not complete are used, too, or kept for later */
static Next end_in_header(IAAInflate *s)
{
    if (s->params.to_be_continued && !s->params.check_eob) {
        return stop(s, IAA_CODEC_SUCCESS, IAA_CODEC_OK);
    }
    return stop(s, IAA_CODEC_ERROR, IAA_CODEC_HEADER_TRUNCATED);
}

/* The end-of-block symbols that count are those that stop_on_eob stops at */
static Next end_of_input(IAAInflate *s)
{
    bool counts = s->after_eob && !s->params.select_bfinal;

    if (s->params.check_eob && !counts) {
        return stop(s, IAA_CODEC_ERROR, IAA_CODEC_END_OF_FILE);
    }
    return stop(s, IAA_CODEC_SUCCESS, IAA_CODEC_OK);
}

/*
 * Input
 */

static uint32_t acc_left(const IAAInflate *s)
{
    return s->acc.len - s->acc_pos;
}

/* At most 63 bits, as refill() wants.  Returns: whether nothing is left */
static bool refill_from_acc(IAAInflate *s)
{
    while (acc_left(s) && s->num_bits < 56) {
        unsigned n = MIN(acc_left(s), 8);
        uint64_t bits = low_bits(s->acc.data[s->acc_pos / 8], n);

        s->bits |= bits << s->num_bits;
        s->num_bits += n;
        s->acc_pos += n;
    }
    return !acc_left(s);
}

/* As many whole bytes as fit */
static void refill(IAAInflate *s, IAAStream *io)
{
    unsigned n;

    if (unlikely(acc_left(s)) && !refill_from_acc(s)) {
        return;
    }
    if (io->in_len >= 8) {
        s->bits |= ldq_le_p(io->in) << s->num_bits;
        n = (63 - s->num_bits) / 8;
        s->num_bits += n * 8;
        s->bits = low_bits(s->bits, s->num_bits);
    } else {
        for (n = 0; n < io->in_len && s->num_bits <= 56; n++) {
            s->bits |= (uint64_t)io->in[n] << s->num_bits;
            s->num_bits += 8;
        }
    }
    io->in += n;
    io->in_len -= n;
    s->bytes_in += n;
}

/* @num is MAX_ELEMENT_BITS or less.  Returns: true if that many are there */
static bool have_bits(IAAInflate *s, IAAStream *io, unsigned num)
{
    if (s->num_bits < num) {
        refill(s, io);
    }
    return s->num_bits >= num;
}

static void drop_bits(IAAInflate *s, unsigned num)
{
    s->bits >>= num;
    s->num_bits -= num;
}

static uint32_t take_bits(IAAInflate *s, unsigned num)
{
    uint32_t value = low_bits(s->bits, num);

    drop_bits(s, num);
    return value;
}

/* For elements of a header, which are an error when cut off */
static Next need_header_bits(IAAInflate *s)
{
    return s->last ? end_in_header(s) : NEXT_INPUT;
}

/*
 * Decoding
 */

static unsigned reverse_bits(unsigned code, unsigned len)
{
    unsigned reversed = 0;

    while (len--) {
        reversed = reversed << 1 | (code & 1);
        code >>= 1;
    }
    return reversed;
}

/* Codes short enough go wherever an index begins with them */
static void fill_lookup(Decoder *dec)
{
    const uint16_t *symbol = dec->symbols;
    unsigned code = 0;

    memset(dec->lookup, 0, sizeof(dec->lookup));
    for (unsigned len = 1; len <= LOOKUP_BITS; len++, code <<= 1) {
        for (unsigned i = 0; i < dec->num[len]; i++, code++, symbol++) {
            for (unsigned index = reverse_bits(code, len);
                 index < ARRAY_SIZE(dec->lookup); index += 1 << len) {
                dec->lookup[index] = *symbol << 4 | len;
            }
        }
    }
}

/*
 * Returns: false if there are more codes than their lengths allow.  Fewer are
 * tolerated as long as the codes missing do not occur.
 */
static bool build_decoder(Decoder *dec, const uint8_t *lens, unsigned n)
{
    uint16_t first[IAA_MAX_CODE_LEN + 1];   /* index into symbols */
    int unused = 1;

    memset(dec->num, 0, sizeof(dec->num));
    for (unsigned i = 0; i < n; i++) {
        dec->num[lens[i]] += lens[i] != 0;
    }

    first[0] = 0;
    for (unsigned len = 1; len <= IAA_MAX_CODE_LEN; len++) {
        first[len] = first[len - 1] + dec->num[len - 1];
        unused = 2 * unused - dec->num[len];
        if (unused < 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (lens[i]) {
            dec->symbols[first[lens[i]]++] = i;
        }
    }

    fill_lookup(dec);
    return true;
}

/* symbol << 4 | length, or 0 if @bits do not begin with a code */
static unsigned decode_long(const Decoder *dec, uint64_t bits)
{
    unsigned code = 0, first = 0, index = 0;

    for (unsigned len = 1; len <= IAA_MAX_CODE_LEN; len++) {
        code = code << 1 | (bits & 1);
        first <<= 1;
        if (code - first < dec->num[len]) {
            return dec->symbols[index + code - first] << 4 | len;
        }
        first += dec->num[len];
        index += dec->num[len];
        bits >>= 1;
    }
    return 0;
}

/*
 * Input that has ended goes on with zeroes here, which make the lowest code
 * possible, and codes that are not defined are higher than all others: what
 * comes out undefined is so with any continuation.  That a defined code may be
 * longer than the input is left to the caller.
 */
static unsigned decode(const Decoder *dec, uint64_t bits)
{
    unsigned entry = dec->lookup[low_bits(bits, LOOKUP_BITS)];

    return likely(entry) ? entry : decode_long(dec, bits);
}

/*
 * Output
 */

static void advance_output(IAAInflate *s, IAAStream *io, unsigned n)
{
    io->out += n;
    io->out_len -= n;
    s->out_left -= n;
    s->produced += n;
}

/* The part of @n bytes that there is room for */
static unsigned room_for(const IAAInflate *s, const IAAStream *io, unsigned n)
{
    return MIN(MIN(n, io->out_len), s->out_left);
}

/* There is no room for the next byte */
static Next need_room(IAAInflate *s)
{
    if (!s->out_left) {
        return finish(s, IAA_CODEC_OUTPUT_FULL, IAA_CODEC_OK);
    }
    return NEXT_OUTPUT;
}

/* The last bytes of a piece follow those of earlier ones in the history */
static void save_history(IAAInflate *s, const uint8_t *piece, size_t len)
{
    size_t from_piece = MIN(len, sizeof(s->history));
    size_t keep = sizeof(s->history) - from_piece;

    memmove(s->history, s->history + from_piece, keep);
    memcpy(s->history + keep, piece + len - from_piece, from_piece);
}

/* Repeat output of this step; what is copied may be part of the source */
static void copy_within_piece(uint8_t *out, unsigned distance, unsigned n)
{
    const uint8_t *from = out - distance;

    if (distance >= n) {
        memcpy(out, from, n);
    } else {
        while (n--) {
            *out++ = *from++;
        }
    }
}

/* Copy the beginning of a match, at most @n bytes.  Returns: how many */
static unsigned copy_from_window(const IAAInflate *s, uint8_t *out, unsigned n)
{
    uint64_t in_piece = s->produced - s->piece_start;
    unsigned before;

    if (s->distance <= in_piece) {
        copy_within_piece(out, s->distance, n);
        return n;
    }
    before = s->distance - in_piece;
    n = MIN(n, before);
    memcpy(out, s->history + sizeof(s->history) - before, n);
    return n;
}

/*
 * Elements
 */

static Next end_of_block(IAAInflate *s, bool eob)
{
    s->after_eob = eob;
    s->ended = s->bfinal;
    s->state = IAA_STATE_HEADER;
    if (s->ended ||
        (eob && s->params.stop_on_eob && !s->params.select_bfinal)) {
        return finish(s, IAA_CODEC_SUCCESS, IAA_CODEC_OK);
    }
    return NEXT_ELEMENT;
}

static Next read_header(IAAInflate *s, IAAStream *io)
{
    if (!have_bits(s, io, 3)) {
        /* Between blocks, the input may end; fewer bits are no header */
        return s->begun && s->last ? end_of_input(s) : need_header_bits(s);
    }
    s->begun = true;
    s->after_eob = false;
    s->bfinal = take_bits(s, 1);
    switch (take_bits(s, 2)) {
    case BLOCK_STORED:
        drop_bits(s, (s->num_bits + acc_left(s)) % 8);
        s->state = IAA_STATE_STORED_LENGTH;
        return NEXT_ELEMENT;
    case BLOCK_FIXED:
        s->ll = &s->fixed_ll;
        s->d = &s->fixed_d;
        s->state = IAA_STATE_TOKENS;
        return NEXT_ELEMENT;
    case BLOCK_DYNAMIC:
        s->state = IAA_STATE_COUNTS;
        return NEXT_ELEMENT;
    default:
        return fail(s, IAA_CODEC_BAD_BLOCK_TYPE);
    }
}

static Next read_stored_length(IAAInflate *s, IAAStream *io)
{
    uint16_t complement;

    if (!have_bits(s, io, 32)) {
        return need_header_bits(s);
    }
    s->length = take_bits(s, 16);
    complement = take_bits(s, 16);
    if (s->length != (uint16_t)~complement) {
        return fail(s, IAA_CODEC_STORED_LENGTH);
    }
    s->state = IAA_STATE_STORED;
    return NEXT_ELEMENT;
}

/* What the bit buffer has comes first, the rest directly from the input */
static Next copy_stored(IAAInflate *s, IAAStream *io)
{
    unsigned n;

    if (!s->length) {
        return end_of_block(s, false);
    }
    refill_from_acc(s);
    if (!s->num_bits && !io->in_len) {
        return s->last ? end_of_input(s) : NEXT_INPUT;
    }
    n = room_for(s, io, s->length);
    if (!n) {
        return need_room(s);
    }

    if (s->num_bits) {
        n = 1;
        *io->out = take_bits(s, 8);
    } else {
        n = MIN(n, io->in_len);
        memcpy(io->out, io->in, n);
        io->in += n;
        io->in_len -= n;
        s->bytes_in += n;
    }
    advance_output(s, io, n);
    s->length -= n;
    return NEXT_ELEMENT;
}

static Next read_counts(IAAInflate *s, IAAStream *io)
{
    if (!have_bits(s, io, 14)) {
        return need_header_bits(s);
    }
    s->num_ll = take_bits(s, 5) + 257;
    s->num_d = take_bits(s, 5) + 1;
    s->num_cl = take_bits(s, 4) + 4;
    if (s->num_ll > IAA_NUM_LL) {
        return fail(s, IAA_CODEC_TOO_MANY_LL);
    }
    if (s->num_d > IAA_NUM_D) {
        return fail(s, IAA_CODEC_TOO_MANY_D);
    }
    memset(s->cl_lens, 0, sizeof(s->cl_lens));
    s->num_lens = 0;
    s->state = IAA_STATE_CL_LENGTHS;
    return NEXT_ELEMENT;
}

static Next read_cl_length(IAAInflate *s, IAAStream *io)
{
    if (!have_bits(s, io, 3)) {
        return need_header_bits(s);
    }
    s->cl_lens[iaa_cl_order[s->num_lens++]] = take_bits(s, 3);
    if (s->num_lens < s->num_cl) {
        return NEXT_ELEMENT;
    }
    if (!build_decoder(&s->dynamic_cl, s->cl_lens, IAA_NUM_CL)) {
        return fail(s, IAA_CODEC_BAD_CL_LENGTHS);
    }
    s->num_lens = 0;
    s->state = IAA_STATE_LENGTHS;
    return NEXT_ELEMENT;
}

static bool in_d_list(const IAAInflate *s)
{
    return s->num_lens >= s->num_ll;
}

static Next end_of_ll_list(IAAInflate *s)
{
    if (!build_decoder(&s->dynamic_ll, s->lens, s->num_ll)) {
        return fail(s, IAA_CODEC_BAD_LL_LENGTHS);
    }
    return NEXT_ELEMENT;
}

static Next end_of_d_list(IAAInflate *s)
{
    if (!build_decoder(&s->dynamic_d, s->lens + s->num_ll, s->num_d)) {
        return fail(s, IAA_CODEC_BAD_D_LENGTHS);
    }
    s->ll = &s->dynamic_ll;
    s->d = &s->dynamic_d;
    s->state = IAA_STATE_TOKENS;
    return NEXT_ELEMENT;
}

static Next add_lengths(IAAInflate *s, uint8_t len, unsigned run)
{
    bool d = in_d_list(s);
    unsigned end = d ? s->num_ll + s->num_d : s->num_ll;

    if (run > end - s->num_lens) {
        return fail(s, d ? IAA_CODEC_D_RUN : IAA_CODEC_LL_RUN);
    }
    memset(s->lens + s->num_lens, len, run);
    s->num_lens += run;
    if (s->num_lens < end) {
        return NEXT_ELEMENT;
    }
    return d ? end_of_d_list(s) : end_of_ll_list(s);
}

/*
 * @used bits have been looked at, those of the code of @symbol.  A run in the D
 * list that repeats the last LL length begins nowhere.
 */
static Next read_run(IAAInflate *s, unsigned symbol, unsigned used)
{
    const IAAExtra *extra = &iaa_cl_extra[symbol - IAA_CL_REPEAT];
    uint8_t len = 0;

    if (symbol == IAA_CL_REPEAT) {
        if (s->num_lens == 0) {
            return fail(s, IAA_CODEC_LL_REPEATS_NONE);
        }
        if (s->num_lens == s->num_ll) {
            return fail(s, IAA_CODEC_D_REPEATS_NONE);
        }
        len = s->lens[s->num_lens - 1];
    }
    if (s->num_bits < used + extra->bits) {
        return end_in_header(s);
    }
    drop_bits(s, used);
    return add_lengths(s, len, extra->base + take_bits(s, extra->bits));
}

static Next read_length(IAAInflate *s, IAAStream *io)
{
    unsigned entry, symbol, used;

    if (!have_bits(s, io, IAA_MAX_CL_CODE_LEN + 7) && !s->last) {
        return NEXT_INPUT;
    }
    entry = decode(&s->dynamic_cl, s->bits);
    if (!entry) {
        return fail(s, IAA_CODEC_UNDEFINED_CL);
    }
    symbol = entry >> 4;
    used = entry & 0xf;
    if (used > s->num_bits) {
        return end_in_header(s);
    }
    if (symbol >= IAA_CL_REPEAT) {
        return read_run(s, symbol, used);
    }
    drop_bits(s, used);
    return add_lengths(s, symbol, 1);
}

static Next write_literal(IAAInflate *s, IAAStream *io, uint8_t literal,
                          unsigned used)
{
    if (!room_for(s, io, 1)) {
        return need_room(s);
    }
    drop_bits(s, used);
    *io->out = literal;
    advance_output(s, io, 1);
    return NEXT_ELEMENT;
}

/* The value whose extra bits follow the @used bits, which they are added to */
static unsigned peek_value(const IAAInflate *s, const IAAExtra *extra,
                           unsigned *used)
{
    unsigned value = extra->base + low_bits(s->bits >> *used, extra->bits);

    *used += extra->bits;
    return value;
}

static Next begin_match(IAAInflate *s, IAAStream *io, unsigned length,
                        unsigned distance, unsigned used)
{
    if (distance > IAA_WINDOW_SIZE) {
        return fail(s, IAA_CODEC_DISTANCE_FAR);
    }
    if (distance > s->continued + s->produced) {
        return fail(s, IAA_CODEC_BEFORE_START);
    }
    if (!room_for(s, io, 1)) {
        return need_room(s);
    }
    drop_bits(s, used);
    s->length = length;
    s->distance = distance;
    s->state = IAA_STATE_COPY;
    return NEXT_ELEMENT;
}

/* @used bits have been looked at, those of the LL code @symbol */
static Next read_match(IAAInflate *s, IAAStream *io, unsigned symbol,
                       unsigned used)
{
    unsigned entry, length, distance;

    if (symbol >= IAA_NUM_LL) {
        return fail(s, IAA_CODEC_BAD_LENGTH_SYMBOL);
    }
    length = peek_value(s, &iaa_length_extra[symbol - (IAA_EOB + 1)], &used);
    if (used > s->num_bits) {
        return end_of_input(s);
    }

    entry = decode(s->d, s->bits >> used);
    symbol = entry >> 4;
    used += entry & 0xf;
    if (!entry) {
        return fail(s, IAA_CODEC_BAD_D_CODE);
    }
    if (used > s->num_bits) {
        return end_of_input(s);
    }
    if (symbol >= IAA_NUM_D) {
        return fail(s, IAA_CODEC_BAD_D_CODE);
    }

    distance = peek_value(s, &iaa_distance_extra[symbol], &used);
    if (used > s->num_bits) {
        return end_of_input(s);
    }
    return begin_match(s, io, length, distance, used);
}

/* A token is not used up before there is room for the first byte of it */
static Next read_token(IAAInflate *s, IAAStream *io)
{
    unsigned entry, symbol, used;

    if (!have_bits(s, io, MAX_ELEMENT_BITS) && !s->last) {
        return NEXT_INPUT;
    }
    entry = decode(s->ll, s->bits);
    if (!entry) {
        return fail(s, IAA_CODEC_BAD_LL_CODE);
    }
    symbol = entry >> 4;
    used = entry & 0xf;
    if (used > s->num_bits) {
        return end_of_input(s);
    }
    if (symbol < IAA_EOB) {
        return write_literal(s, io, symbol, used);
    }
    if (symbol > IAA_EOB) {
        return read_match(s, io, symbol, used);
    }
    drop_bits(s, used);
    return end_of_block(s, true);
}

static Next copy_match(IAAInflate *s, IAAStream *io)
{
    unsigned n = room_for(s, io, s->length);

    if (!n) {
        return need_room(s);
    }
    n = copy_from_window(s, io->out, n);
    advance_output(s, io, n);
    s->length -= n;
    if (!s->length) {
        s->state = IAA_STATE_TOKENS;
    }
    return NEXT_ELEMENT;
}

typedef Next StateFunc(IAAInflate *s, IAAStream *io);

static StateFunc * const state_func[] = {
    [IAA_STATE_HEADER]          = read_header,
    [IAA_STATE_STORED_LENGTH]   = read_stored_length,
    [IAA_STATE_STORED]          = copy_stored,
    [IAA_STATE_COUNTS]          = read_counts,
    [IAA_STATE_CL_LENGTHS]      = read_cl_length,
    [IAA_STATE_LENGTHS]         = read_length,
    [IAA_STATE_TOKENS]          = read_token,
    [IAA_STATE_COPY]            = copy_match,
};

/*
 * The coder as others see it
 */

/* RFC 1951, section 3.2.6 */
static void build_fixed_decoders(IAAInflate *s)
{
    uint8_t lens[NUM_FIXED_LL];

    memset(lens, 8, 144);
    memset(lens + 144, 9, 112);
    memset(lens + 256, 7, 24);
    memset(lens + 280, 8, 8);
    build_decoder(&s->fixed_ll, lens, NUM_FIXED_LL);
    memset(lens, 5, NUM_FIXED_D);
    build_decoder(&s->fixed_d, lens, NUM_FIXED_D);
}

IAAInflate *iaa_inflate_new(void)
{
    IAAInflate *s = g_new0(IAAInflate, 1);

    build_fixed_decoders(s);
    s->state = IAA_STATE_DONE;
    return s;
}

void iaa_inflate_free(IAAInflate *s)
{
    g_free(s);
}

void iaa_inflate_start(IAAInflate *s, const IAAInflateParams *params)
{
    s->state = IAA_STATE_HEADER;
    s->params = *params;
    s->result = (IAACodecResult) { 0 };
    s->last = false;
    s->bfinal = false;
    s->begun = false;
    s->after_eob = false;
    s->ended = false;
    s->acc.len = 0;
    s->acc_pos = 0;
    s->continued = 0;
    s->length = 0;
    s->distance = 0;
    s->num_ll = 0;
    s->num_d = 0;
    s->num_cl = 0;
    s->num_lens = 0;
    memset(s->cl_lens, 0, sizeof(s->cl_lens));
    memset(s->lens, 0, sizeof(s->lens));
    s->ll = NULL;
    s->d = NULL;
    s->bits = 0;
    s->num_bits = 0;
    s->bytes_in = 0;
    s->out_left = params->suppress_output ? UINT64_MAX : params->max_out;
    s->produced = 0;
}

/*
 * To be continued
 */

static unsigned context_state(IAAInflateState state, bool bfinal)
{
    switch (state) {
    case IAA_STATE_TOKENS:
    case IAA_STATE_COPY:
        return bfinal ? IAA_INFLATE_TOKENS_FINAL : IAA_INFLATE_TOKENS;
    case IAA_STATE_STORED:
        return bfinal ? IAA_INFLATE_STORED_FINAL : IAA_INFLATE_STORED;
    default:
        return IAA_INFLATE_HEADER;
    }
}

/* What comes between blocks belongs to none */
static uint8_t block_flags(const IAAInflate *s, IAAInflateState state)
{
    uint8_t flags = s->begun ? IAA_BLOCK_BEGUN : 0;

    if (state == IAA_STATE_HEADER) {
        return s->after_eob ? flags | IAA_BLOCK_AFTER_EOB : flags;
    }
    return s->bfinal ? flags | IAA_BLOCK_BFINAL : flags;
}

static void save_codes(const IAAInflate *s, unsigned num_lens,
                       IAAInflateBlock *block)
{
    block->num_ll = cpu_to_le16(s->num_ll);
    block->num_d = cpu_to_le16(s->num_d);
    memcpy(block->lens, s->lens, num_lens);
}

static void save_header(const IAAInflate *s, unsigned num_lens,
                        IAAInflateBlock *block)
{
    save_codes(s, num_lens, block);
    block->num_cl = cpu_to_le16(s->num_cl);
    block->num_lens = cpu_to_le16(s->num_lens);
    memcpy(block->cl_lens, s->cl_lens, sizeof(block->cl_lens));
}

/*
 * Fields that @state has no use for stay zero.  So there is one form for each
 * state, and nothing of what came before goes to the guest.
 */
static void save_block(const IAAInflate *s, IAAInflateState state,
                       IAAInflateBlock *block)
{
    *block = (IAAInflateBlock) {
        .magic = cpu_to_le32(IAA_BLOCK_MAGIC),
        .state = state,
        .flags = block_flags(s, state),
    };
    switch (state) {
    case IAA_STATE_STORED:
        block->length = cpu_to_le16(s->length);
        break;
    case IAA_STATE_CL_LENGTHS:
        save_header(s, 0, block);
        break;
    case IAA_STATE_LENGTHS:
        save_header(s, s->num_lens, block);
        break;
    case IAA_STATE_COPY:
        block->length = cpu_to_le16(s->length);
        block->distance = cpu_to_le16(s->distance);
        /* fall through */
    case IAA_STATE_TOKENS:
        if (s->ll == &s->fixed_ll) {
            block->flags |= IAA_BLOCK_FIXED;
        } else {
            save_codes(s, s->num_ll + s->num_d, block);
        }
        break;
    default:
        break;
    }
}

/* What is in the bit buffer has come from before what is left */
static void save_acc(const IAAInflate *s, IAAInflateContext *context)
{
    uint32_t left = acc_left(s);

    memset(context->acc, 0, sizeof(context->acc));
    for (unsigned i = 0; i < s->num_bits; i++) {
        context->acc[i / 8] |= (s->bits >> i & 1) << i % 8;
    }
    for (unsigned i = 0; i < left; i++) {
        unsigned from = s->acc_pos + i, to = s->num_bits + i;

        context->acc[to / 8] |= (s->acc.data[from / 8] >> from % 8 & 1)
                                << to % 8;
    }
    context->acc_bits = s->num_bits + left;
}

void iaa_inflate_save(const IAAInflate *s, IAAInflateContext *context)
{
    unsigned len = MIN(s->continued + s->produced, IAA_WINDOW_SIZE);

    memset(context->block, 0, sizeof(context->block));
    save_block(s, s->stopped, (IAAInflateBlock *)context->block);
    save_acc(s, context);
    memcpy(context->history, s->history + IAA_WINDOW_SIZE - len, len);
    context->history_len = len;
    context->state = s->ended ? IAA_INFLATE_END
                              : context_state(s->stopped, s->bfinal);
}

static bool lengths_at_most(const uint8_t *lens, unsigned n, unsigned max)
{
    for (unsigned i = 0; i < n; i++) {
        if (lens[i] > max) {
            return false;
        }
    }
    return true;
}

/* What read_counts() lets pass */
static bool counts_valid(const IAAInflate *s)
{
    return s->num_ll >= 257 && s->num_ll <= IAA_NUM_LL &&
           s->num_d >= 1 && s->num_d <= IAA_NUM_D;
}

/* Of the code-length codes, the first @n have been read */
static bool cl_valid(const IAAInflate *s, unsigned n)
{
    if (!counts_valid(s) || s->num_cl < 4 || s->num_cl > IAA_NUM_CL) {
        return false;
    }
    for (unsigned i = 0; i < IAA_NUM_CL; i++) {
        if (s->cl_lens[iaa_cl_order[i]] > (i < n ? IAA_MAX_CL_CODE_LEN : 0)) {
            return false;
        }
    }
    return true;
}

/* Those of the LL list are complete before the D list begins */
static bool load_lengths(IAAInflate *s)
{
    return cl_valid(s, s->num_cl) && s->num_lens < s->num_ll + s->num_d &&
           lengths_at_most(s->lens, s->num_lens, IAA_MAX_CODE_LEN) &&
           build_decoder(&s->dynamic_cl, s->cl_lens, IAA_NUM_CL) &&
           (!in_d_list(s) ||
            build_decoder(&s->dynamic_ll, s->lens, s->num_ll));
}

/* The first byte of a match is out when its state is entered */
static bool match_valid(const IAAInflate *s)
{
    return s->length >= 1 && s->length < IAA_MAX_MATCH &&
           s->distance >= 1 && s->distance <= s->continued;
}

/*
 * Silicon tells codes that there are none of, which it finds in the AECS, from
 * a code that is not among those there are.
 */
static IAACodecError load_codes(IAAInflate *s)
{
    if (s->ll == &s->fixed_ll) {
        s->d = &s->fixed_d;
        return IAA_CODEC_OK;
    }
    s->ll = &s->dynamic_ll;
    s->d = &s->dynamic_d;
    if (!counts_valid(s) ||
        !lengths_at_most(s->lens, s->num_ll + s->num_d, IAA_MAX_CODE_LEN)) {
        return IAA_CODEC_AECS;
    }
    if (lengths_at_most(s->lens, s->num_ll, 0)) {
        return IAA_CODEC_NO_LL_CODES;
    }
    return build_decoder(&s->dynamic_ll, s->lens, s->num_ll) &&
           build_decoder(&s->dynamic_d, s->lens + s->num_ll, s->num_d) ?
           IAA_CODEC_OK : IAA_CODEC_AECS;
}

/* What the state counts on */
static IAACodecError load_state(IAAInflate *s)
{
    bool valid = false;

    switch (s->state) {
    case IAA_STATE_HEADER:
    case IAA_STATE_COUNTS:
        valid = true;
        break;
    case IAA_STATE_STORED_LENGTH:
        valid = acc_left(s) % 8 == 0;
        break;
    case IAA_STATE_STORED:
        valid = acc_left(s) % 8 == 0 && s->length;
        break;
    case IAA_STATE_CL_LENGTHS:
        valid = s->num_lens < s->num_cl && cl_valid(s, s->num_lens);
        break;
    case IAA_STATE_LENGTHS:
        valid = load_lengths(s);
        break;
    case IAA_STATE_COPY:
        if (!match_valid(s)) {
            break;
        }
        /* fall through */
    case IAA_STATE_TOKENS:
        return load_codes(s);
    default:
        break;
    }
    return valid ? IAA_CODEC_OK : IAA_CODEC_AECS;
}

/* The form that save_block() would give it is the only one that is taken */
static bool block_canonical(const IAAInflate *s, const uint8_t *bytes)
{
    uint8_t again[IAA_INFLATE_BLOCK_SIZE] = { };

    save_block(s, s->state, (IAAInflateBlock *)again);
    return !memcmp(again, bytes, sizeof(again));
}

static IAACodecError load_block(IAAInflate *s,
                                const IAAInflateContext *context)
{
    const IAAInflateBlock *block = (IAAInflateBlock *)context->block;
    IAACodecError error;

    s->state = block->state;
    s->bfinal = block->flags & IAA_BLOCK_BFINAL;
    s->begun = block->flags & IAA_BLOCK_BEGUN;
    s->after_eob = block->flags & IAA_BLOCK_AFTER_EOB;
    s->ll = block->flags & IAA_BLOCK_FIXED ? &s->fixed_ll : &s->dynamic_ll;
    s->length = le16_to_cpu(block->length);
    s->distance = le16_to_cpu(block->distance);
    s->num_ll = le16_to_cpu(block->num_ll);
    s->num_d = le16_to_cpu(block->num_d);
    s->num_cl = le16_to_cpu(block->num_cl);
    s->num_lens = le16_to_cpu(block->num_lens);
    memcpy(s->cl_lens, block->cl_lens, sizeof(s->cl_lens));
    memcpy(s->lens, block->lens, sizeof(s->lens));

    /* Behind the first header, or in the middle of any, a block has begun */
    if (!s->begun && (s->after_eob || s->state != IAA_STATE_HEADER)) {
        return IAA_CODEC_AECS;
    }
    error = load_state(s);
    if (error == IAA_CODEC_OK && !block_canonical(s, context->block)) {
        error = IAA_CODEC_AECS;
    }
    return error;
}

/* Whether a block says what the state of the context says, too */
static bool block_agrees(const IAAInflateContext *context,
                         const IAAInflateBlock *block)
{
    return le32_to_cpu(block->magic) == IAA_BLOCK_MAGIC &&
           context->state == context_state(block->state, block->flags &
                                           IAA_BLOCK_BFINAL);
}

IAACodecError iaa_inflate_load(IAAInflate *s, const IAAInflateContext *context)
{
    const IAAInflateBlock *block = (IAAInflateBlock *)context->block;
    unsigned len = MIN(context->history_len, IAA_WINDOW_SIZE);

    s->continued = len;
    memcpy(s->history + IAA_WINDOW_SIZE - len, context->history, len);
    s->acc.len = MIN(context->acc_bits, IAA_ACC_MAX_BITS);
    memcpy(s->acc.data, context->acc, sizeof(context->acc));

    if (context->state == IAA_INFLATE_END) {
        s->ended = true;
        stop(s, IAA_CODEC_SUCCESS, IAA_CODEC_OK);
        return IAA_CODEC_OK;
    }
    if (block_agrees(context, block)) {
        return load_block(s, context);
    }
    /* Nobody needs to know what a block looks like to begin one */
    return context->state == IAA_INFLATE_HEADER ? IAA_CODEC_OK
                                                : IAA_CODEC_AECS;
}

IAAStep iaa_inflate_step(IAAInflate *s, IAAStream *io)
{
    const uint8_t *piece = io->out;
    Next next = NEXT_ELEMENT;

    s->last |= io->in_last;
    s->piece_start = s->produced;
    while (s->state != IAA_STATE_DONE && next == NEXT_ELEMENT) {
        next = state_func[s->state](s, io);
    }
    save_history(s, piece, io->out - piece);

    if (s->state == IAA_STATE_DONE) {
        return IAA_STEP_DONE;
    }
    return next == NEXT_INPUT ? IAA_STEP_INPUT : IAA_STEP_OUTPUT;
}

const IAACodecResult *iaa_inflate_result(const IAAInflate *s)
{
    return &s->result;
}
