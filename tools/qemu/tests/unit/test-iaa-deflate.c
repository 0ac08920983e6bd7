/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test of the DEFLATE coder of the Intel In-Memory Analytics Accelerator
 *
 * zlib is the judge of both directions; streams that it cannot make, and how
 * they have to end, are put together bit by bit.
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "hw/iaa/iaa-deflate.h"
#include "hw/iaa/iaa-coder.h"

#define GUARD_SIZE  64
#define GUARD_BYTE  0xa5

static const char *program;

/* Used for one stream after the other, whatever came of the last one */
static IAADeflate *compressor;
static IAAInflate *decompressor;

/*
 * Data to compress
 */

typedef GByteArray *SampleFunc(size_t len);

static GByteArray *sample_zero(size_t len)
{
    GByteArray *data = g_byte_array_new();

    g_byte_array_set_size(data, len);
    if (len) {
        memset(data->data, 0, len);
    }
    return data;
}

static GByteArray *sample_random(size_t len)
{
    GByteArray *data = sample_zero(len);

    for (size_t i = 0; i < len; i++) {
        data->data[i] = g_test_rand_int();
    }
    return data;
}

/* Words by Zipf's law, more or less */
static GByteArray *sample_text(size_t len)
{
    static const char * const words[] = {
        "the", "of", "page", "and", "to", "a", "in", "is", "memory", "swap",
        "that", "compressed", "for", "device", "with", "as", "not", "queue",
        "descriptor", "be", "on", "folio", "by", "when", "kernel", "batch",
        "this", "it", "from", "completion", "are", "record", "accelerator",
        "pool", "which", "entry", "status", "before", "Huffman", "window",
    };
    GByteArray *data = g_byte_array_new();

    while (data->len < len) {
        int limit = g_test_rand_int_range(1, ARRAY_SIZE(words) + 1);
        const char *word = words[g_test_rand_int_range(0, limit)];

        g_byte_array_append(data, (const uint8_t *)word, strlen(word));
        g_byte_array_append(data, (const uint8_t *)
                            (g_test_rand_int_range(0, 9) ? " " : ".\n"), 1);
    }
    g_byte_array_set_size(data, len);
    return data;
}

/* An array of records as a program keeps them: pointers, counters, flags */
static GByteArray *sample_records(size_t len)
{
    GByteArray *data = g_byte_array_new();
    uint64_t pointer = 0xffff888100000000;

    while (data->len < len) {
        uint64_t record[4] = {
            pointer,
            g_test_rand_int_range(0, 1000),
            g_test_rand_bit() ? pointer + 0x40 : 0,
            0x100000001,
        };

        pointer += 0x40 * g_test_rand_int_range(1, 64);
        g_byte_array_append(data, (uint8_t *)record, sizeof(record));
    }
    g_byte_array_set_size(data, len);
    return data;
}

/* A repetition at every distance that the window has, and just beyond */
static GByteArray *sample_distances(size_t len)
{
    GByteArray *data = sample_random(len);

    for (size_t at = 4200; at + 16 < len; at += 16) {
        size_t distance = 4090 + (at / 16) % 12;

        memcpy(data->data + at, data->data + at - distance, 9);
    }
    return data;
}

/* Matches of three bytes that end one byte into a longest one */
static GByteArray *sample_lazy(size_t len)
{
    GByteArray *data = g_byte_array_new();

    while (data->len < len) {
        g_autoptr(GByteArray) text = sample_random(300);

        g_byte_array_append(data, (const uint8_t *)"Z", 1);
        g_byte_array_append(data, text->data, 2);
        g_byte_array_append(data, text->data, text->len);
        g_byte_array_append(data, (const uint8_t *)"Z", 1);
        g_byte_array_append(data, text->data, text->len);
    }
    g_byte_array_set_size(data, len);
    return data;
}

static GByteArray *program_bytes(void)
{
    char *bytes;
    size_t len;
    GError *err = NULL;

    g_file_get_contents(program, &bytes, &len, &err);
    g_assert_no_error(err);
    return g_byte_array_new_take((uint8_t *)bytes, len);
}

static GByteArray *sample_program(size_t len)
{
    g_autoptr(GByteArray) bytes = program_bytes();
    GByteArray *data = g_byte_array_new();

    g_assert_cmpuint(bytes->len, >, 0);
    while (data->len < len) {
        g_byte_array_append(data, bytes->data,
                            MIN(bytes->len, len - data->len));
    }
    return data;
}

static const struct {
    const char *name;
    SampleFunc *make;
} samples[] = {
    { "zero", sample_zero },
    { "random", sample_random },
    { "text", sample_text },
    { "records", sample_records },
    { "distances", sample_distances },
    { "lazy", sample_lazy },
    { "program", sample_program },
};

static const size_t sizes[] = {
    0, 1, 2, 3, 4, 5, 64, 258, 259, 263, 1000, 4095, 4096, 4097, 8192,
    65535, 65536, 65537, 200000,
};

static GByteArray *sub_array(const GByteArray *data, size_t offset, size_t len)
{
    GByteArray *part = g_byte_array_new();

    g_byte_array_append(part, data->data + offset, len);
    return part;
}

static GByteArray *string_bytes(const char *string)
{
    GByteArray *data = g_byte_array_new();

    g_byte_array_append(data, (const uint8_t *)string, strlen(string));
    return data;
}

static void assert_equal(const GByteArray *a, const GByteArray *b)
{
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
}

static void assert_begins(const GByteArray *whole, const GByteArray *begin)
{
    g_assert_cmpuint(begin->len, <=, whole->len);
    g_assert_cmpmem(begin->data, begin->len, whole->data, begin->len);
}

/*
 * Driving the coder
 */

/* Longest pieces; shorter ones are chosen at random if @vary */
typedef struct Cuts {
    size_t in;
    size_t out;
    bool vary;
} Cuts;

static const Cuts uncut = { IAA_PIECE_SIZE, IAA_PIECE_SIZE, false };

static const Cuts all_cuts[] = {
    { IAA_PIECE_SIZE, IAA_PIECE_SIZE, false },
    { IAA_PIECE_SIZE, 1024, false },
    { 1, 1, false },
    { 1, IAA_PIECE_SIZE, false },
    { 7, 1024, true },
    { 4096, 4096, true },
    { 300, 300, true },
};

static size_t cut(size_t piece, bool vary)
{
    return vary ? g_test_rand_int_range(1, piece + 1) : piece;
}

/* An empty piece before the end is allowed as well */
static uint8_t *next_input(IAAStream *io, const GByteArray *in, size_t *pos,
                           const Cuts *cuts)
{
    size_t len = MIN(cut(cuts->in, cuts->vary), in->len - *pos);
    uint8_t *piece = g_memdup2(in->data + *pos, len);

    *pos += len;
    io->in = piece;
    io->in_len = len;
    io->in_last = *pos == in->len && (!cuts->vary || g_test_rand_bit());
    return piece;
}

static uint8_t *next_output(IAAStream *io, const Cuts *cuts)
{
    uint8_t *piece;

    io->out_len = cut(cuts->out, cuts->vary);
    piece = g_malloc(io->out_len + GUARD_SIZE);
    memset(piece, GUARD_BYTE, io->out_len + GUARD_SIZE);
    io->out = piece;
    return piece;
}

static void assert_guarded(const uint8_t *out, const uint8_t *guard)
{
    g_assert_true(out <= guard);
    for (; out < guard + GUARD_SIZE; out++) {
        g_assert_cmphex(*out, ==, GUARD_BYTE);
    }
}

static void take_output(GByteArray *result, const IAAStream *io,
                        uint8_t *piece)
{
    assert_guarded(io->out, io->out + io->out_len);
    g_byte_array_append(result, piece, io->out - piece);
    g_free(piece);
}

typedef IAAStep StepFunc(void *coder, IAAStream *io);

/* Returns what came out; no piece is ever read or written outside */
static GByteArray *drive(StepFunc *step, void *coder, const GByteArray *in,
                         const Cuts *cuts)
{
    GByteArray *result = g_byte_array_new();
    IAAStream io = { 0 };
    size_t pos = 0;
    uint8_t *in_piece = next_input(&io, in, &pos, cuts);
    uint8_t *out_piece = next_output(&io, cuts);
    IAAStep now;

    while ((now = step(coder, &io)) != IAA_STEP_DONE) {
        if (now == IAA_STEP_INPUT) {
            g_assert_cmpuint(io.in_len, ==, 0);
            g_assert_false(io.in_last);
            g_free(in_piece);
            in_piece = next_input(&io, in, &pos, cuts);
        } else {
            g_assert_cmpuint(io.out_len, ==, 0);
            take_output(result, &io, out_piece);
            out_piece = next_output(&io, cuts);
        }
    }
    take_output(result, &io, out_piece);
    g_free(in_piece);
    return result;
}

static IAAStep deflate_step(void *coder, IAAStream *io)
{
    return iaa_deflate_step(coder, io);
}

static IAAStep inflate_step(void *coder, IAAStream *io)
{
    return iaa_inflate_step(coder, io);
}

static GByteArray *run_deflate(const IAADeflateParams *params,
                               const GByteArray *in, const Cuts *cuts,
                               IAACodecResult *result)
{
    GByteArray *out;

    iaa_deflate_start(compressor, params);
    out = drive(deflate_step, compressor, in, cuts);
    *result = *iaa_deflate_result(compressor);
    g_assert_cmpuint(out->len, ==, result->output_size);
    g_assert_cmpuint(out->len, <=, params->max_out);
    g_assert_cmpuint(result->bytes_completed, <=, in->len);
    return out;
}

static GByteArray *run_inflate(const IAAInflateParams *params,
                               const GByteArray *in, const Cuts *cuts,
                               IAACodecResult *result)
{
    GByteArray *out;

    iaa_inflate_start(decompressor, params);
    out = drive(inflate_step, decompressor, in, cuts);
    *result = *iaa_inflate_result(decompressor);
    g_assert_cmpuint(out->len, ==, result->output_size);
    g_assert_cmpuint(result->bytes_completed, <=, in->len);
    g_assert_cmpuint(result->output_bits, ==, 0);
    if (!params->suppress_output) {
        g_assert_cmpuint(out->len, <=, params->max_out);
    }
    return out;
}

/*
 * The codes and parameters of the iaa_crypto driver of Linux
 */

static uint32_t entry(unsigned len, unsigned code)
{
    return len << 15 | code;
}

static const IAAHuffman *fixed_codes(void)
{
    static IAAHuffman fixed;

    for (unsigned i = 0; i < IAA_NUM_LL; i++) {
        fixed.ll[i] = i < 144 ? entry(8, 0x30 + i) :
                      i < 256 ? entry(9, 0x190 + i - 144) :
                      i < 280 ? entry(7, i - 256) :
                                entry(8, 0xc0 + i - 280);
    }
    for (unsigned i = 0; i < IAA_NUM_D; i++) {
        fixed.d[i] = entry(5, i);
    }
    return &fixed;
}

static IAADeflateParams fixed_params(void)
{
    static const uint8_t final_fixed_block = 3;

    return (IAADeflateParams) {
        .huffman = fixed_codes(),
        .acc = &final_fixed_block,
        .acc_bits = 3,
        .max_out = UINT32_MAX,
        .end_process = IAA_END_EOB,
        .flush = true,
    };
}

static IAADeflateParams gen_header_params(void)
{
    return (IAADeflateParams) {
        .max_out = UINT32_MAX,
        .end_process = IAA_END_EOB,
        .flush = true,
        .gen_header = true,
        .gen_bfinal = true,
    };
}

static IAAInflateParams whole_stream(void)
{
    return (IAAInflateParams) {
        .max_out = UINT32_MAX,
        .stop_on_eob = true,
        .check_eob = true,
        .select_bfinal = true,
    };
}

static GByteArray *deflate_success(const IAADeflateParams *params,
                                   const GByteArray *in, const Cuts *cuts)
{
    IAACodecResult result;
    GByteArray *out = run_deflate(params, in, cuts, &result);

    g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
    g_assert_cmpuint(result.error, ==, IAA_CODEC_OK);
    g_assert_cmpuint(result.bytes_completed, ==, in->len);
    return out;
}

static GByteArray *inflate_success(const IAAInflateParams *params,
                                   const GByteArray *in, const Cuts *cuts)
{
    IAACodecResult result;
    GByteArray *out = run_inflate(params, in, cuts, &result);

    g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
    g_assert_cmpuint(result.error, ==, IAA_CODEC_OK);
    g_assert_cmpuint(result.bytes_completed, ==, in->len);
    return out;
}

/*
 * zlib
 */

static GByteArray *zlib_deflate(const GByteArray *in, int level, int bits,
                                int strategy)
{
    GByteArray *out = g_byte_array_new();
    z_stream z = { 0 };

    g_assert_cmpint(deflateInit2(&z, level, Z_DEFLATED, -bits, 9, strategy),
                    ==, Z_OK);
    g_byte_array_set_size(out, deflateBound(&z, in->len) + 64);
    z.next_in = in->data;
    z.avail_in = in->len;
    z.next_out = out->data;
    z.avail_out = out->len;
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    g_byte_array_set_size(out, z.total_out);
    deflateEnd(&z);
    return out;
}

/* Returns: NULL unless @in is one whole stream of at most @max bytes */
static GByteArray *zlib_inflate(const GByteArray *in, int bits, size_t max)
{
    GByteArray *out = sample_zero(max);
    z_stream z = { 0 };
    int ret;

    g_assert_cmpint(inflateInit2(&z, -bits), ==, Z_OK);
    z.next_in = in->data;
    z.avail_in = in->len;
    z.next_out = out->data;
    z.avail_out = out->len;
    ret = inflate(&z, Z_FINISH);
    g_byte_array_set_size(out, z.total_out);
    inflateEnd(&z);
    if (ret != Z_STREAM_END) {
        g_byte_array_unref(out);
        return NULL;
    }
    return out;
}

static void assert_inflates_to(const GByteArray *stream, const GByteArray *data)
{
    IAAInflateParams params = whole_stream();
    g_autoptr(GByteArray) ours = inflate_success(&params, stream, &uncut);
    g_autoptr(GByteArray) large = zlib_inflate(stream, 15, data->len + 1);
    g_autoptr(GByteArray) small = zlib_inflate(stream, 12, data->len + 1);

    assert_equal(ours, data);
    g_assert_nonnull(large);
    assert_equal(large, data);
    g_assert_nonnull(small);
    assert_equal(small, data);
}

/*
 * Streams made by hand
 */

typedef struct BitWriter {
    GByteArray *bytes;
    unsigned used;      /* bits of the last byte */
} BitWriter;

static BitWriter writer_new(void)
{
    return (BitWriter) { .bytes = g_byte_array_new(), .used = 8 };
}

static void put_bit(BitWriter *w, unsigned bit)
{
    if (w->used == 8) {
        g_byte_array_append(w->bytes, (const uint8_t *)"", 1);
        w->used = 0;
    }
    w->bytes->data[w->bytes->len - 1] |= bit << w->used++;
}

static void put(BitWriter *w, unsigned value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        put_bit(w, (value >> i) & 1);
    }
}

static void put_code(BitWriter *w, unsigned code, unsigned n)
{
    while (n--) {
        put_bit(w, (code >> n) & 1);
    }
}

/*
 * A script: numbers and codes in the order in which they are sent.  "3:2" is
 * the number 3 in 2 bits, "0110" a code from its first bit on, "|" goes to the
 * next byte.
 */
static void put_script(BitWriter *w, const char *script)
{
    g_auto(GStrv) words = g_strsplit(script, " ", 0);

    for (char **word = words; *word; word++) {
        unsigned value, n;

        if (sscanf(*word, "%u:%u", &value, &n) == 2) {
            put(w, value, n);
        } else if (g_str_equal(*word, "|")) {
            w->used = 8;
        } else {
            for (char *c = *word; *c; c++) {
                g_assert_true(*c == '0' || *c == '1');
                put_bit(w, *c - '0');
            }
        }
    }
}

static GByteArray *script_bytes(const char *script)
{
    BitWriter w = writer_new();

    put_script(&w, script);
    return w.bytes;
}

/*
 * Compression
 */

/* Test that the smallest streams are the very bytes the silicon makes */
static void test_deflate_anchors(void)
{
    static const struct {
        size_t in_len;
        const char *in;
        size_t out_len;
        const char *out;
        unsigned bits;
    } anchors[] = {
        { 0, "", 2, "\x03\x00", 2 },
        { 1, "a", 3, "\x4b\x04\x00", 2 },
        { 3, "abc", 5, "\x4b\x4c\x4a\x06\x00", 2 },
        { 3, "\xff\x90\x00", 5, "\xfb\x3f\x81\x01\x00", 4 },
    };
    IAADeflateParams params = fixed_params();

    for (size_t i = 0; i < ARRAY_SIZE(anchors); i++) {
        g_autoptr(GByteArray) in = g_byte_array_new();
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        g_byte_array_append(in, (const uint8_t *)anchors[i].in,
                            anchors[i].in_len);
        out = run_deflate(&params, in, &uncut, &result);
        g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
        g_assert_cmpuint(result.output_bits, ==, anchors[i].bits);
        g_assert_cmpmem(out->data, out->len,
                        anchors[i].out, anchors[i].out_len);
    }
}

/* Test that incompressible data costs nine bits a byte and no more */
static void test_deflate_worst_case(void)
{
    IAADeflateParams params = fixed_params();
    g_autoptr(GByteArray) in = sample_zero(4096);
    g_autoptr(GByteArray) out = NULL;

    for (size_t i = 0; i < in->len; i++) {
        in->data[i] = 0x90 + i % 0x70;
    }
    params.literals_only = true;
    out = deflate_success(&params, in, &uncut);
    g_assert_cmpuint(out->len, ==, 4610);
    assert_inflates_to(out, in);
}

static void check_round_trip(const IAADeflateParams *params,
                             const GByteArray *in)
{
    g_autoptr(GByteArray) whole = deflate_success(params, in, &uncut);

    assert_inflates_to(whole, in);
    for (size_t i = 0; i < ARRAY_SIZE(all_cuts); i++) {
        g_autoptr(GByteArray) cut = deflate_success(params, in, &all_cuts[i]);

        assert_equal(cut, whole);
    }
}

/* Test that data of any kind and size comes back, however it is cut */
static void test_deflate_round_trip(void)
{
    IAADeflateParams params = fixed_params();

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            g_autoptr(GByteArray) in = samples[i].make(sizes[j]);

            g_test_message("%s, %zu bytes", samples[i].name, sizes[j]);
            check_round_trip(&params, in);
        }
    }
}

/* Test the same for codes made on the way */
static void test_gen_header_round_trip(void)
{
    IAADeflateParams params = gen_header_params();

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        for (size_t j = 0; sizes[j] <= IAA_GEN_HEADER_MAX; j++) {
            g_autoptr(GByteArray) in = samples[i].make(sizes[j]);

            g_test_message("%s, %zu bytes", samples[i].name, sizes[j]);
            check_round_trip(&params, in);
        }
    }
}

/* The second of two passes, with what the first has left in @acc */
static IAADeflateParams second_pass(const IAAHuffman *huffman,
                                    const uint8_t *acc, uint32_t acc_bits)
{
    return (IAADeflateParams) {
        .huffman = huffman,
        .acc = acc,
        .acc_bits = acc_bits,
        .max_out = UINT32_MAX,
        .end_process = IAA_END_EOB,
        .flush = true,
    };
}

static IAADeflateParams first_pass(const uint8_t *acc, uint32_t acc_bits)
{
    IAADeflateParams params = gen_header_params();

    params.max_out = 0;
    params.gen_tables = true;
    params.acc = acc;
    params.acc_bits = acc_bits;
    return params;
}

static GByteArray *deflate_two_pass(const GByteArray *in, const Cuts *cuts)
{
    uint8_t acc[IAA_ACC_SIZE] = { 0 };
    IAADeflateParams params = first_pass(acc, 0);
    g_autoptr(GByteArray) nothing = deflate_success(&params, in, cuts);
    IAAHuffman huffman;
    uint32_t bits = iaa_deflate_tables(compressor, &huffman, acc);

    g_assert_cmpuint(nothing->len, ==, 0);
    params = second_pass(&huffman, acc, bits);
    return deflate_success(&params, in, cuts);
}

/* Test that two passes make what one makes where one is enough, and go on */
static void test_two_pass_round_trip(void)
{
    IAADeflateParams one_pass = gen_header_params();

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            g_autoptr(GByteArray) in = samples[i].make(sizes[j]);
            g_autoptr(GByteArray) out = NULL;

            g_test_message("%s, %zu bytes", samples[i].name, sizes[j]);
            out = deflate_two_pass(in, &all_cuts[j % ARRAY_SIZE(all_cuts)]);
            assert_inflates_to(out, in);
            if (sizes[j] <= IAA_GEN_HEADER_MAX) {
                g_autoptr(GByteArray) same = deflate_success(&one_pass, in,
                                                             &uncut);

                assert_equal(out, same);
            }
        }
    }
}

/* Test that a header goes behind what the accumulator has, if it fits */
static void test_two_pass_accumulator(void)
{
    g_autoptr(GByteArray) in = sample_text(1000);
    g_autoptr(GByteArray) noise = sample_random(IAA_ACC_SIZE);
    IAADeflateParams params = first_pass(noise->data, 0);
    g_autoptr(GByteArray) nothing = deflate_success(&params, in, &uncut);
    uint8_t header[IAA_ACC_SIZE], acc[IAA_ACC_SIZE];
    IAAHuffman huffman, same;
    uint32_t len = iaa_deflate_tables(compressor, &huffman, header);

    for (uint32_t bits = 0; bits <= IAA_ACC_MAX_BITS; bits++) {
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        params.acc_bits = bits;
        out = run_deflate(&params, in, &uncut, &result);
        g_assert_cmpuint(out->len, ==, 0);
        if (bits + len > IAA_ACC_MAX_BITS) {
            g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
            g_assert_cmpuint(result.error, ==, IAA_CODEC_AECS);
            continue;
        }
        g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
        g_assert_cmpuint(iaa_deflate_tables(compressor, &same, acc), ==,
                         bits + len);
        g_assert_cmpmem(&same, sizeof(same), &huffman, sizeof(huffman));
        for (uint32_t i = 0; i < bits + len; i++) {
            const uint8_t *from = i < bits ? noise->data : header;
            uint32_t at = i < bits ? i : i - bits;

            g_assert_cmpuint(acc[i / 8] >> i % 8 & 1, ==,
                             from[at / 8] >> at % 8 & 1);
        }
    }
}

/* Test that codes without a header leave the accumulator as it was */
static void test_two_pass_no_header(void)
{
    g_autoptr(GByteArray) in = sample_records(9000);
    uint8_t acc[IAA_ACC_SIZE] = { 5 };
    IAADeflateParams params = first_pass(acc, 3);
    g_autoptr(GByteArray) nothing = deflate_success(&params, in, &uncut);
    IAAHuffman with, without;

    iaa_deflate_tables(compressor, &with, acc);
    memset(acc, 0, sizeof(acc));
    acc[0] = 5;
    params.gen_header = false;
    g_byte_array_unref(deflate_success(&params, in, &uncut));
    memset(acc, 0xff, sizeof(acc));
    g_assert_cmpuint(iaa_deflate_tables(compressor, &without, acc), ==, 3);
    g_assert_cmphex(acc[0], ==, 5);
    g_assert_cmpmem(&with, sizeof(with), &without, sizeof(without));

    /* A block that is not ended has no use for a code that ends it */
    g_assert_cmpuint(with.ll[256] >> 15, !=, 0);
    params.end_process = IAA_END_NOTHING;
    g_byte_array_unref(deflate_success(&params, in, &uncut));
    iaa_deflate_tables(compressor, &without, acc);
    g_assert_cmpuint(without.ll[256] >> 15, ==, 0);
}

/* Test small alphabets, whose LL and D lengths go over into each other */
static void test_gen_header_few_symbols(void)
{
    IAADeflateParams params = gen_header_params();

    for (unsigned i = 0; i < 20000; i++) {
        size_t len = g_test_rand_int_range(1, 100);
        g_autoptr(GByteArray) in = sample_zero(len);
        g_autoptr(GByteArray) out = NULL;
        int symbols = g_test_rand_int_range(1, 5);

        for (size_t j = 0; j < len; j++) {
            in->data[j] = g_test_rand_int_range(0, symbols);
        }
        out = deflate_success(&params, in, &uncut);
        assert_inflates_to(out, in);
    }
}

static uint64_t take_rarest(uint64_t *weights, unsigned *num)
{
    unsigned rarest = 0;
    uint64_t weight;

    for (unsigned i = 1; i < *num; i++) {
        rarest = weights[i] < weights[rarest] ? i : rarest;
    }
    weight = weights[rarest];
    weights[rarest] = weights[--*num];
    return weight;
}

/*
 * Bits that Huffman's own method takes: merging the two rarest again and again
 * costs one bit for each occurrence of what is merged.
 */
static uint64_t huffman_cost(const uint32_t *counts, unsigned n)
{
    uint64_t weights[IAA_NUM_LL], cost = 0;
    unsigned num = 0;

    for (unsigned i = 0; i < n; i++) {
        if (counts[i]) {
            weights[num++] = counts[i];
        }
    }
    while (num > 1) {
        uint64_t merged = take_rarest(weights, &num);

        merged += take_rarest(weights, &num);
        weights[num++] = merged;
        cost += merged;
    }
    return cost;
}

/* Returns: the bits these codes take, which are complete */
static uint64_t codes_cost(const IAACode *codes, const uint32_t *counts,
                           unsigned n)
{
    uint64_t cost = 0;
    unsigned space = 0;

    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpuint(codes[i].len, <=, 15);
        space += codes[i].len ? 0x8000 >> codes[i].len : 0;
        cost += counts[i] * codes[i].len;
    }
    g_assert_cmphex(space, ==, 0x8000);
    return cost;
}

/* Test that there is no better code */
static void test_gen_header_optimal(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        IAACounts counts = { .ll[IAA_EOB] = 1, .d[7] = 1, .d[8] = 1 };
        IAABitString header;
        IAACodes codes;

        /* Seldom enough for no code to reach 15 bits */
        for (unsigned n = 2 + i; n; n--) {
            counts.ll[g_test_rand_int_range(0, IAA_NUM_LL) /
                      g_test_rand_int_range(1, 50)]++;
            counts.d[g_test_rand_int_range(0, IAA_NUM_D) /
                     g_test_rand_int_range(1, 50)]++;
        }
        iaa_huffman_generate(&counts, true, &codes, &header);
        g_assert_cmpuint(codes_cost(codes.ll, counts.ll, IAA_NUM_LL), ==,
                         huffman_cost(counts.ll, IAA_NUM_LL));
        g_assert_cmpuint(codes_cost(codes.d, counts.d, IAA_NUM_D), ==,
                         huffman_cost(counts.d, IAA_NUM_D));
    }
}

/*
 * Lucas numbers, behind the one EOB: each symbol needs one bit more than the
 * one that occurs next more often.  There are @num besides EOB.
 */
static IAACounts steep_counts(unsigned num)
{
    IAACounts counts = { .ll[IAA_EOB] = 1, .ll[0] = 1, .ll[1] = 3 };

    for (unsigned i = 2; i < num; i++) {
        counts.ll[i] = counts.ll[i - 1] + counts.ll[i - 2];
    }
    return counts;
}

/* Test that codes have up to 15 bits, as a page can just make them have */
static void test_gen_header_long_codes(void)
{
    IAADeflateParams params = gen_header_params();
    IAACounts counts = steep_counts(15);
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_autoptr(GByteArray) out = NULL;
    IAABitString header;
    IAACodes codes;

    for (unsigned i = 0; i < 15; i++) {
        for (unsigned j = 0; j < counts.ll[i]; j++) {
            g_byte_array_append(in, &(uint8_t) { i }, 1);
        }
    }
    iaa_huffman_generate(&counts, true, &codes, &header);
    g_assert_cmpuint(codes.ll[0].len, ==, 15);
    g_assert_cmpuint(codes_cost(codes.ll, counts.ll, IAA_NUM_LL), ==,
                     huffman_cost(counts.ll, IAA_NUM_LL));

    params.literals_only = true;
    out = deflate_success(&params, in, &uncut);
    assert_inflates_to(out, in);
}

/* Test that codes are limited to 15 bits where the best would be longer */
static void test_gen_header_limited_codes(void)
{
    for (unsigned num = 16; num < 30; num++) {
        IAACounts counts = steep_counts(num);
        IAABitString header;
        IAACodes codes;

        iaa_huffman_generate(&counts, true, &codes, &header);
        g_assert_cmpuint(codes.ll[0].len, ==, 15);
        g_assert_cmpuint(codes_cost(codes.ll, counts.ll, IAA_NUM_LL), >,
                         huffman_cost(counts.ll, IAA_NUM_LL));
    }
}

/* Test that a run of one byte works with one length and one distance */
static void test_gen_header_single_distance(void)
{
    IAADeflateParams params = gen_header_params();

    for (size_t len = 0; len < 600; len++) {
        g_autoptr(GByteArray) in = sample_zero(len);
        g_autoptr(GByteArray) out = deflate_success(&params, in, &uncut);

        assert_inflates_to(out, in);
    }
}

#define JOIN_US "Join us now and share the software "

/* Test that these get as small as Granite Rapids was seen to make them */
static void test_gen_header_silicon(void)
{
    static const struct {
        const char *in;
        size_t silicon;
    } vectors[] = {
        { JOIN_US JOIN_US, 46 },
        { "This document describes a compression method based on the DEFLATE"
          "compression algorithm.  This document defines the application of "
          "the DEFLATE algorithm to the IP Payload Compression Protocol.",
          121 },
    };
    IAADeflateParams params = gen_header_params();

    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        g_autoptr(GByteArray) in = string_bytes(vectors[i].in);
        g_autoptr(GByteArray) out = deflate_success(&params, in, &uncut);

        assert_inflates_to(out, in);
        g_test_message("%u bytes, silicon %zu", out->len, vectors[i].silicon);
        g_assert_cmpuint(out->len, <=, vectors[i].silicon);
    }
}

/* Test that what the silicon made of the first of them is read */
static void test_inflate_silicon(void)
{
    static const uint8_t vector[] = {
        0x85, 0xca, 0xc1, 0x09, 0x00, 0x20, 0x08, 0x05, 0xd0, 0x55, 0xfe, 0x3c,
        0x6e, 0x21, 0x64, 0xd8, 0x45, 0x21, 0x0d, 0xd7, 0xb7, 0x26, 0xe8, 0xf8,
        0xe0, 0x91, 0x2f, 0xc3, 0x09, 0x98, 0x17, 0xd8, 0x06, 0x42, 0x79, 0x0b,
        0x52, 0x05, 0xe1, 0x33, 0xeb, 0x81, 0x3e, 0xe5, 0xa2, 0x01,
    };
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(GByteArray) text = string_bytes(JOIN_US JOIN_US);

    g_byte_array_append(stream, vector, sizeof(vector));
    assert_inflates_to(stream, text);
}

/* Test that a page is the most that header generation takes */
static void test_gen_header_too_long(void)
{
    IAADeflateParams params = gen_header_params();
    g_autoptr(GByteArray) in = sample_text(IAA_GEN_HEADER_MAX + 1);

    for (size_t i = 0; i < ARRAY_SIZE(all_cuts); i++) {
        IAACodecResult result;
        g_autoptr(GByteArray) out = run_deflate(&params, in, &all_cuts[i],
                                                &result);

        g_assert_cmphex(result.status, ==, IAA_CODEC_INVALID_SIZE);
        g_assert_cmpuint(out->len, ==, 0);
    }
}

/* Test that a farthest match is used, and one with the start of the stream */
static void test_deflate_window(void)
{
    IAADeflateParams params = fixed_params();
    g_autoptr(GByteArray) in = sample_random(2 * IAA_WINDOW_SIZE + 2);
    g_autoptr(GByteArray) near = NULL;
    g_autoptr(GByteArray) far = NULL;

    memcpy(in->data + IAA_WINDOW_SIZE, in->data, IAA_WINDOW_SIZE);
    near = deflate_success(&params, in, &uncut);
    assert_inflates_to(near, in);
    /* Nine bits for half of the literals, sixteen matches at 26 bits or so */
    g_assert_cmpuint(near->len, <, 4500);

    memmove(in->data + IAA_WINDOW_SIZE + 1, in->data + IAA_WINDOW_SIZE,
            IAA_WINDOW_SIZE + 1);
    far = deflate_success(&params, in, &uncut);
    assert_inflates_to(far, in);
    g_assert_cmpuint(far->len, >, 8192);
}

/* Test that not one byte more than allowed is needed or written */
static void check_deflate_capacity(IAADeflateParams params,
                                   const GByteArray *in)
{
    g_autoptr(GByteArray) whole = deflate_success(&params, in, &uncut);

    for (size_t max = 0; max <= whole->len + 1;
         max += max + 40 < whole->len && max > 40 ? 37 : 1) {
        IAACodecResult result;
        g_autoptr(GByteArray) out = NULL;

        params.max_out = max;
        out = run_deflate(&params, in, &all_cuts[max % ARRAY_SIZE(all_cuts)],
                          &result);
        if (max >= whole->len) {
            g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
            assert_equal(out, whole);
        } else {
            g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
            g_assert_cmpuint(result.error, ==, IAA_CODEC_OVERFLOW);
            g_assert_cmpuint(result.output_bits, ==, 0);
        }
    }
}

static void test_deflate_capacity(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) page = samples[i].make(4096);

        check_deflate_capacity(fixed_params(), page);
        check_deflate_capacity(gen_header_params(), page);
    }
}

/* Test that a symbol without a code is an error if, and only if, it is used */
static void test_deflate_no_code(void)
{
    static const struct {
        const char *in;
        unsigned without;
        IAACodecError error;
    } cases[] = {
        { "abc", 'b', IAA_CODEC_NO_CODE },
        { "abc", 'd', IAA_CODEC_OK },
        { "abc", 256, IAA_CODEC_NO_CODE },
        { "aaaaaa", 259, IAA_CODEC_NO_CODE },
        { "aaaaaa", 258, IAA_CODEC_OK },
        { "aaaaaa", IAA_NUM_LL + 0, IAA_CODEC_NO_CODE },
        { "aaaaaa", IAA_NUM_LL + 1, IAA_CODEC_OK },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        IAADeflateParams params = fixed_params();
        IAAHuffman codes = *params.huffman;
        g_autoptr(GByteArray) in = string_bytes(cases[i].in);
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        if (cases[i].without < IAA_NUM_LL) {
            codes.ll[cases[i].without] = 0;
        } else {
            codes.d[cases[i].without - IAA_NUM_LL] = 0;
        }
        params.huffman = &codes;
        out = run_deflate(&params, in, &uncut, &result);
        g_assert_cmphex(result.status, ==, cases[i].error ? IAA_CODEC_ERROR
                                                          : IAA_CODEC_SUCCESS);
        g_assert_cmpuint(result.error, ==, cases[i].error);
        g_assert_true(cases[i].error || out->len > 0);
    }
}

/* The header of a dynamic block with each length in a code of four bits */
static void put_plain_header(BitWriter *w, const uint8_t *ll, unsigned num_ll,
                             const uint8_t *d, unsigned num_d)
{
    put_script(w, "1:1 2:2");
    put(w, num_ll - 257, 5);
    put(w, num_d - 1, 5);
    put_script(w, "15:4 0:3 0:3 0:3");
    for (unsigned i = 0; i < 16; i++) {
        put(w, 4, 3);
    }
    for (unsigned i = 0; i < num_ll; i++) {
        put_code(w, ll[i], 4);
    }
    for (unsigned i = 0; i < num_d; i++) {
        put_code(w, d[i], 4);
    }
}

/* Complete codes of up to 15 bits, those of the farthest distances longest */
static void long_lengths(uint8_t *ll, uint8_t *d)
{
    memset(ll, 9, 256);
    ll[256] = 2;
    for (unsigned i = 257; i < IAA_NUM_LL; i++) {
        ll[i] = i < 265 ? i - 254 : i < 276 ? 14 : 15;
    }
    for (unsigned i = 0; i < IAA_NUM_D; i++) {
        d[i] = i < 10 ? i + 1 : i < 22 ? 14 : 15;
    }
}

/* With all bits set that are to be ignored */
static void canonical_entries(uint32_t *entries, const uint8_t *lens,
                              unsigned n)
{
    unsigned code = 0;

    for (unsigned len = 1; len <= 15; len++, code <<= 1) {
        for (unsigned i = 0; i < n; i++) {
            if (lens[i] == len) {
                entries[i] = entry(len, code++) | 0xfff80000 |
                             (0x7fff >> len << len);
            }
        }
    }
}

/* Test that codes of up to 15 bits are written as they are in the tables */
static void test_deflate_long_codes(void)
{
    uint8_t ll_lens[IAA_NUM_LL], d_lens[IAA_NUM_D];
    IAADeflateParams params = fixed_params();
    IAAHuffman codes;
    BitWriter w = writer_new();
    g_autoptr(GByteArray) header = w.bytes;

    long_lengths(ll_lens, d_lens);
    canonical_entries(codes.ll, ll_lens, IAA_NUM_LL);
    canonical_entries(codes.d, d_lens, IAA_NUM_D);
    put_plain_header(&w, ll_lens, IAA_NUM_LL, d_lens, IAA_NUM_D);
    params.huffman = &codes;
    params.acc = header->data;
    params.acc_bits = header->len * 8 - (8 - w.used);

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) in = samples[i].make(20000);

        check_round_trip(&params, in);
    }
}

/* Test that a stream goes on from the bits that another descriptor left */
static void test_deflate_pending(void)
{
    g_autoptr(GByteArray) data = sample_text(30000);
    g_autoptr(GByteArray) stream = g_byte_array_new();
    IAADeflateParams params = fixed_params();
    uint8_t acc[IAA_ACC_SIZE] = { 3 };

    params.acc = acc;
    for (size_t done = 0, len; done < data->len; done += len) {
        g_autoptr(GByteArray) part = NULL;
        g_autoptr(GByteArray) out = NULL;

        len = MIN(g_test_rand_int_range(0, 2000), data->len - done);
        part = sub_array(data, done, len);
        params.flush = done + len == data->len;
        params.end_process = params.flush ? IAA_END_EOB : IAA_END_NOTHING;
        out = deflate_success(&params, part, &uncut);
        g_byte_array_append(stream, out->data, out->len);
        params.acc_bits = iaa_deflate_pending(compressor, acc);
        g_assert_cmpuint(params.acc_bits, <, 8);
    }
    g_assert_cmpuint(params.acc_bits, ==, 0);
    assert_inflates_to(stream, data);
}

/* Test that an accumulator of any length comes out first, bit by bit */
static void test_deflate_accumulator(void)
{
    g_autoptr(GByteArray) acc = sample_random(IAA_ACC_SIZE);
    g_autoptr(GByteArray) empty = g_byte_array_new();
    IAADeflateParams params = fixed_params();

    params.acc = acc->data;
    params.end_process = IAA_END_NOTHING;
    for (unsigned bits = 0; bits <= IAA_ACC_MAX_BITS; bits++) {
        g_autoptr(GByteArray) expected = sub_array(acc, 0,
                                                   DIV_ROUND_UP(bits, 8));
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        if (bits % 8) {
            expected->data[bits / 8] &= (1 << bits % 8) - 1;
        }
        params.acc_bits = bits;
        out = run_deflate(&params, empty, &uncut, &result);
        assert_equal(out, expected);
        g_assert_cmpuint(result.output_bits, ==, bits % 8);
    }
}

/* Test that the blocks END_PROCESS adds are where they have to be */
static void test_deflate_end_process(void)
{
    static const uint8_t not_final = 2;     /* a fixed block */
    IAADeflateParams params = fixed_params();

    params.acc = &not_final;
    for (size_t len = 0; len < 64; len++) {
        g_autoptr(GByteArray) data = sample_text(len);
        g_autoptr(GByteArray) final = NULL;
        g_autoptr(GByteArray) open = NULL;

        params.end_process = IAA_END_FINAL_STORED;
        final = deflate_success(&params, data, &uncut);
        assert_inflates_to(final, data);

        params.end_process = IAA_END_STORED;
        open = deflate_success(&params, data, &uncut);
        g_assert_cmpuint(open->len, ==, final->len);
        g_byte_array_append(open, (const uint8_t *)"\x03", 2);
        assert_inflates_to(open, data);
    }
}

/* Sizes of the pages of @data, each compressed by itself */
static size_t sum_deflate(const IAADeflateParams *params,
                          const GByteArray *data)
{
    size_t sum = 0;

    for (size_t at = 0; at + 4096 <= data->len; at += 4096) {
        g_autoptr(GByteArray) page = sub_array(data, at, 4096);
        g_autoptr(GByteArray) out = deflate_success(params, page, &uncut);

        sum += out->len;
    }
    return sum;
}

static size_t sum_zlib(int strategy, const GByteArray *data)
{
    size_t sum = 0;

    for (size_t at = 0; at + 4096 <= data->len; at += 4096) {
        g_autoptr(GByteArray) page = sub_array(data, at, 4096);
        g_autoptr(GByteArray) out = zlib_deflate(page, 6, 12, strategy);

        sum += out->len;
    }
    return sum;
}

static void check_ratio(const char *name, const IAADeflateParams *params,
                        int strategy, const GByteArray *data)
{
    size_t ours = sum_deflate(params, data);
    size_t zlib = sum_zlib(strategy, data);

    g_test_message("%s: %zu bytes of %u, zlib %zu", name, ours, data->len,
                   zlib);
    g_assert_cmpuint(ours * 100, <=, zlib * 101);
}

/* Test that pages get about as small as zlib makes them */
static void test_deflate_ratio(void)
{
    IAADeflateParams fixed = fixed_params(), gen = gen_header_params();
    SampleFunc * const compressible[] = {
        sample_text, sample_records, sample_program,
    };

    for (size_t i = 0; i < ARRAY_SIZE(compressible); i++) {
        g_autoptr(GByteArray) data = compressible[i](64 * 4096);

        check_ratio("fixed", &fixed, Z_FIXED, data);
        check_ratio("generated", &gen, Z_DEFAULT_STRATEGY, data);
    }
}

/* Test that nothing of a stream that failed halfway gets into the next */
static void test_deflate_reuse(void)
{
    IAADeflateParams params = fixed_params();
    g_autoptr(GByteArray) text = sample_text(5000);
    g_autoptr(GByteArray) expected = deflate_success(&params, text, &uncut);

    for (size_t max = 0; max < 500; max++) {
        IAADeflateParams too_small = fixed_params();
        g_autoptr(GByteArray) cut_off = NULL;
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        too_small.max_out = max;
        cut_off = run_deflate(&too_small, text, &uncut, &result);
        g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
        g_assert_cmpuint(cut_off->len, ==, max);
        out = deflate_success(&params, text, &uncut);
        assert_equal(out, expected);
    }
}

/* Test that no tables and no parameters lead outside of any buffer */
static void test_deflate_garbage(void)
{
    for (unsigned i = 0; i < 300; i++) {
        g_autoptr(GByteArray) tables = sample_random(sizeof(IAAHuffman));
        g_autoptr(GByteArray) acc = sample_random(IAA_ACC_SIZE);
        size_t len = g_test_rand_int_range(0, 5000);
        g_autoptr(GByteArray) in = samples[i % ARRAY_SIZE(samples)].make(len);
        g_autoptr(GByteArray) out = NULL;
        IAADeflateParams params = {
            .huffman = (const IAAHuffman *)tables->data,
            .acc = acc->data,
            .acc_bits = g_test_rand_bit() ? g_test_rand_int_range(0, 2049)
                                          : g_test_rand_int(),
            .max_out = g_test_rand_int_range(0, 5000),
            .end_process = g_test_rand_int(),
            .flush = g_test_rand_bit(),
            .literals_only = g_test_rand_bit(),
            .gen_tables = g_test_rand_bit(),
            .gen_header = g_test_rand_bit(),
            .gen_bfinal = g_test_rand_bit(),
        };
        IAACodecResult result;

        out = run_deflate(&params, in, &all_cuts[i % ARRAY_SIZE(all_cuts)],
                          &result);
        g_assert_cmpuint(out->len, <=, params.max_out);
    }
}

/*
 * Decompression
 */

/* Test that all that zlib can make of a window of 4 KiB comes back */
static void test_inflate_zlib(void)
{
    static const int strategies[] = {
        Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED,
    };
    IAAInflateParams params = whole_stream();

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) data = samples[i].make(35000);

        for (unsigned j = 0; j < 10 * 4 * ARRAY_SIZE(strategies); j++) {
            int level = j % 10, bits = 9 + j / 10 % 4;
            int strategy = strategies[j / 40];
            g_autoptr(GByteArray) stream = zlib_deflate(data, level, bits,
                                                        strategy);
            const Cuts *cuts = j % 10 == 6 ? all_cuts + j / 10 %
                                             ARRAY_SIZE(all_cuts) : &uncut;
            g_autoptr(GByteArray) out = inflate_success(&params, stream, cuts);

            assert_equal(out, data);
        }
    }
}

/* Test that it does not matter how a stream is cut */
static void test_inflate_cuts(void)
{
    IAAInflateParams params = whole_stream();

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) data = samples[i].make(140000);

        for (int level = 0; level < 10; level += 3) {
            g_autoptr(GByteArray) stream =
                zlib_deflate(data, level, 12, Z_DEFAULT_STRATEGY);

            for (size_t j = 0; j < ARRAY_SIZE(all_cuts); j++) {
                g_autoptr(GByteArray) out = inflate_success(&params, stream,
                                                            &all_cuts[j]);

                assert_equal(out, data);
            }
        }
    }
}

static void check_status(const GByteArray *stream,
                         const IAAInflateParams *params,
                         uint8_t status, uint8_t error)
{
    IAACodecResult result;
    g_autoptr(GByteArray) whole = run_inflate(params, stream, &uncut, &result);

    for (size_t i = 0; i < ARRAY_SIZE(all_cuts); i++) {
        g_autoptr(GByteArray) out = run_inflate(params, stream, &all_cuts[i],
                                                &result);

        g_assert_cmphex(result.status, ==, status);
        g_assert_cmpuint(result.error, ==, error);
        assert_equal(out, whole);
    }
}

/* Test that each thing that can be wrong with a stream has its error */
static void test_inflate_errors(void)
{
    static const struct {
        IAACodecError error;
        const char *script;
    } cases[] = {
        { IAA_CODEC_BAD_BLOCK_TYPE, "1:1 3:2" },
        { IAA_CODEC_STORED_LENGTH, "1:1 0:2 | 5:16 5:16" },
        { IAA_CODEC_STORED_LENGTH, "1:1 0:2 | 0:16 65534:16" },
        /* A match of three bytes before there is anything, or too little */
        { IAA_CODEC_BEFORE_START, "1:1 1:2 0000001 00000 0000000" },
        { IAA_CODEC_BEFORE_START, "1:1 1:2 10010001 0000001 00001 0000000" },
        { IAA_CODEC_BEFORE_START, "1:1 1:2 0000001 10111 1023:10 0000000" },
        { IAA_CODEC_DISTANCE_FAR, "1:1 1:2 0000001 11000 0:11 0000000" },
        { IAA_CODEC_DISTANCE_FAR, "1:1 1:2 0000001 11101 8191:13 0000000" },
        /* Symbols 286, 287 and 30, 31 of the fixed code */
        { IAA_CODEC_BAD_LENGTH_SYMBOL, "1:1 1:2 11000110 0:32" },
        { IAA_CODEC_BAD_LENGTH_SYMBOL, "1:1 1:2 11000111 0:32" },
        { IAA_CODEC_BAD_D_CODE, "1:1 1:2 0000001 11110 0:32" },
        { IAA_CODEC_BAD_D_CODE, "1:1 1:2 0000001 11111 0:32" },
        { IAA_CODEC_TOO_MANY_LL, "1:1 2:2 30:5 0:5 0:4" },
        { IAA_CODEC_TOO_MANY_D, "1:1 2:2 29:5 30:5 0:4" },
        /* Lengths of the codes for 16, 17, 18 and 0, then items */
        { IAA_CODEC_BAD_CL_LENGTHS, "1:1 2:2 0:5 0:5 0:4 1:3 1:3 0:3 1:3" },
        { IAA_CODEC_UNDEFINED_CL, "1:1 2:2 0:5 0:5 0:4 0:3 0:3 0:3 0:3" },
        { IAA_CODEC_UNDEFINED_CL, "1:1 2:2 0:5 0:5 0:4 0:3 0:3 0:3 2:3 11" },
        { IAA_CODEC_LL_REPEATS_NONE,
          "1:1 2:2 0:5 0:5 0:4 1:3 0:3 0:3 1:3 1 0:2" },
        { IAA_CODEC_D_REPEATS_NONE,
          "1:1 2:2 0:5 0:5 0:4 2:3 0:3 2:3 1:3 11 127:7 11 108:7 10 0:2" },
        { IAA_CODEC_LL_RUN,
          "1:1 2:2 0:5 0:5 0:4 2:3 0:3 2:3 1:3 11 127:7 11 109:7" },
        { IAA_CODEC_D_RUN,
          "1:1 2:2 0:5 0:5 0:4 2:3 0:3 2:3 1:3 11 127:7 11 108:7 11 0:7" },
        { IAA_CODEC_BAD_LL_CODE,
          "1:1 2:2 0:5 0:5 0:4 2:3 0:3 2:3 1:3 11 127:7 11 108:7 0" },
        /* The end of the input */
        { IAA_CODEC_HEADER_TRUNCATED, "" },
        { IAA_CODEC_HEADER_TRUNCATED, "1:1 0:2 | 5:16" },
        { IAA_CODEC_HEADER_TRUNCATED, "1:1 2:2 0:5" },
        { IAA_CODEC_HEADER_TRUNCATED, "1:1 2:2 0:5 0:5 15:4" },
        { IAA_CODEC_END_OF_FILE, "1:1 1:2 10010001" },
        { IAA_CODEC_END_OF_FILE, "1:1 0:2 | 5:16 65530:16 97:8" },
        /* Four bits of a distance code that, with a fifth, may be a bad one */
        { IAA_CODEC_END_OF_FILE,
          "1:1 1:2 110010000 110010000 0000001 1111" },
        /* The padding after a block that is not the last is a header */
        { IAA_CODEC_HEADER_TRUNCATED, "0:1 1:2 10010001 0000000" },
    };
    IAAInflateParams params = whole_stream();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(GByteArray) stream = script_bytes(cases[i].script);

        g_test_message("error %u: %s", cases[i].error, cases[i].script);
        check_status(stream, &params, IAA_CODEC_ERROR, cases[i].error);
    }
}

/* Test that codes that are too many fail at once, missing ones when used */
static void test_inflate_code_lengths(void)
{
    static const struct {
        IAACodecError error;
        uint8_t a, b, eob, length3;     /* lengths of these LL codes */
        uint8_t d[3];
        const char *script;
    } cases[] = {
        { IAA_CODEC_OK, 2, 2, 2, 2, { 1, 1 }, "00 10" },
        { IAA_CODEC_BAD_LL_LENGTHS, 2, 2, 2, 1, { 1, 1 }, "" },
        { IAA_CODEC_BAD_LL_LENGTHS, 1, 1, 15, 0, { 1, 1 }, "" },
        { IAA_CODEC_BAD_D_LENGTHS, 2, 2, 2, 2, { 1, 1, 1 }, "" },
        { IAA_CODEC_BAD_D_LENGTHS, 2, 2, 2, 2, { 1, 1, 15 }, "" },
        { IAA_CODEC_OK, 2, 2, 2, 0, { 0 }, "00 01 10" },
        { IAA_CODEC_BAD_LL_CODE, 2, 2, 2, 0, { 0 }, "00 01 11" },
        { IAA_CODEC_BAD_LL_CODE, 15, 0, 15, 0, { 0 }, "000000000000010" },
        { IAA_CODEC_OK, 15, 0, 15, 0, { 0 }, "000000000000001" },
        { IAA_CODEC_BAD_LL_CODE, 0, 0, 0, 0, { 0 }, "" },
        { IAA_CODEC_BAD_D_CODE, 2, 2, 2, 2, { 0 }, "00 11 0" },
        { IAA_CODEC_BAD_D_CODE, 2, 2, 2, 2, { 1 }, "00 11 1" },
        { IAA_CODEC_OK, 2, 2, 2, 2, { 1 }, "00 11 0 10" },
        { IAA_CODEC_END_OF_FILE, 2, 2, 15, 2, { 1 }, "00" },
    };
    IAAInflateParams params = whole_stream();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t ll[258] = {
            ['a'] = cases[i].a, ['b'] = cases[i].b,
            [256] = cases[i].eob, [257] = cases[i].length3,
        };
        BitWriter w = writer_new();
        g_autoptr(GByteArray) stream = w.bytes;

        g_test_message("case %zu", i);
        put_plain_header(&w, ll, ARRAY_SIZE(ll),
                         cases[i].d, ARRAY_SIZE(cases[i].d));
        put_script(&w, cases[i].script);
        check_status(stream, &params, cases[i].error ? IAA_CODEC_ERROR
                                                     : IAA_CODEC_SUCCESS,
                     cases[i].error);
    }
}

/* What comes out up to the stop, and how much goes in */
typedef struct StopCase {
    const char *script;
    enum {
        NO_RULE = 0,
        STOP    = 1,
        CHECK   = 2,
        SELECT  = 4,
    } rules;
    const char *out;
    unsigned completed;
    IAACodecError error;
} StopCase;

static void check_stop(const StopCase *c, const Cuts *cuts)
{
    g_autoptr(GByteArray) stream = script_bytes(c->script);
    g_autoptr(GByteArray) out = NULL;
    IAACodecResult result;
    IAAInflateParams params = {
        .max_out = 10,
        .stop_on_eob = c->rules & STOP,
        .check_eob = c->rules & CHECK,
        .select_bfinal = c->rules & SELECT,
    };

    out = run_inflate(&params, stream, cuts, &result);
    g_assert_cmpmem(out->data, out->len, c->out, strlen(c->out));
    g_assert_cmphex(result.status, ==, c->error ? IAA_CODEC_ERROR
                                                : IAA_CODEC_SUCCESS);
    g_assert_cmpuint(result.error, ==, c->error);
    g_assert_cmpuint(result.bytes_completed, ==, c->completed);
}

/* Test that blocks, rules and the end of the input make it stop as they say */
static void test_inflate_stop(void)
{
    /* Fixed blocks of "a" and "b", stored ones of "c" and "d" */
    #define A       "0:1 1:2 10010001 0000000 "
    #define B_FINAL "1:1 1:2 10010010 0000000 "
    #define C       "0:1 0:2 | 1:16 65534:16 99:8 "
    #define D_FINAL "1:1 0:2 | 1:16 65534:16 100:8 "
    #define MORE    "| 0:16"
    static const StopCase cases[] = {
        { A B_FINAL MORE, STOP | CHECK, "a", 3 },
        { A B_FINAL MORE, STOP | CHECK | SELECT, "ab", 5 },
        { A B_FINAL MORE, CHECK, "ab", 5 },
        { A B_FINAL MORE, NO_RULE, "ab", 5 },
        { A A, CHECK, "aa", 5, IAA_CODEC_HEADER_TRUNCATED },
        { A A A, CHECK, "aaa", 7 },
        { A A A, STOP | CHECK | SELECT, "aaa", 7, IAA_CODEC_END_OF_FILE },
        { A A A, STOP | SELECT, "aaa", 7 },
        { A A A A, CHECK, "aaaa", 9 },
        { A A A A, CHECK | SELECT, "aaaa", 9, IAA_CODEC_END_OF_FILE },
        { C A B_FINAL, STOP | CHECK, "ca", 9 },
        { C D_FINAL MORE, STOP | CHECK, "cd", 12 },
        { C D_FINAL MORE, STOP | CHECK | SELECT, "cd", 12 },
        { C C, STOP | CHECK, "cc", 12, IAA_CODEC_END_OF_FILE },
        { C C, STOP, "cc", 12 },
        { A "0:1 1:2 10010001", CHECK, "aa", 4, IAA_CODEC_END_OF_FILE },
        { A "0:1 1:2 10010001", STOP | SELECT, "aa", 4 },
    };
    #undef A
    #undef B_FINAL
    #undef C
    #undef D_FINAL
    #undef MORE

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("rules %d: %s", cases[i].rules, cases[i].script);
        for (size_t j = 0; j < ARRAY_SIZE(all_cuts); j++) {
            check_stop(&cases[i], &all_cuts[j]);
        }
    }
}

static GByteArray *run_truncated(const GByteArray *stream, size_t len,
                                 bool check_eob, IAACodecResult *result)
{
    IAAInflateParams params = whole_stream();
    g_autoptr(GByteArray) begin = sub_array(stream, 0, len);

    params.check_eob = check_eob;
    return run_inflate(&params, begin, &all_cuts[len % ARRAY_SIZE(all_cuts)],
                       result);
}

/* The first @header bytes, at least, belong to the header of the only block */
static void check_truncation(const GByteArray *stream, const GByteArray *data,
                             size_t header)
{
    bool past_header = false;

    for (size_t len = 0; len < stream->len; len++) {
        IAACodecResult checked, unchecked;
        g_autoptr(GByteArray) out = run_truncated(stream, len, true, &checked);
        g_autoptr(GByteArray) same = run_truncated(stream, len, false,
                                                   &unchecked);

        assert_begins(data, out);
        assert_equal(same, out);

        past_header |= checked.error == IAA_CODEC_END_OF_FILE;
        g_assert_cmphex(checked.status, ==, IAA_CODEC_ERROR);
        g_assert_cmpuint(checked.error, ==, past_header ?
                         IAA_CODEC_END_OF_FILE : IAA_CODEC_HEADER_TRUNCATED);
        g_assert_cmphex(unchecked.status, ==, past_header ?
                        IAA_CODEC_SUCCESS : IAA_CODEC_ERROR);
        g_assert_true(past_header ? len >= header : out->len == 0);
    }
    g_assert_true(past_header);
}

/* Test that a stream can be cut off anywhere and how that is reported */
static void test_inflate_truncation(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) data = samples[i].make(600);
        g_autoptr(GByteArray) fixed = zlib_deflate(data, 6, 12, Z_FIXED);
        g_autoptr(GByteArray) stored = zlib_deflate(data, 0, 12, Z_FIXED);
        IAADeflateParams params = gen_header_params();
        g_autoptr(GByteArray) dynamic = deflate_success(&params, data, &uncut);

        check_truncation(fixed, data, 1);
        check_truncation(stored, data, 5);
        check_truncation(dynamic, data, 10);
    }
}

/* Test that output is limited to the byte, and that an EOB still fits */
static void check_inflate_capacity(const GByteArray *stream,
                                   const GByteArray *data)
{
    for (size_t max = 0; max <= data->len + 1;
         max += max + 40 < data->len && max > 40 ? 37 : 1) {
        IAAInflateParams params = whole_stream();
        IAACodecResult result;
        g_autoptr(GByteArray) out = NULL;

        params.max_out = max;
        out = run_inflate(&params, stream,
                          &all_cuts[max % ARRAY_SIZE(all_cuts)], &result);
        g_assert_cmpuint(result.error, ==, IAA_CODEC_OK);
        if (max >= data->len) {
            g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
            assert_equal(out, data);
        } else {
            g_assert_cmphex(result.status, ==, IAA_CODEC_OUTPUT_FULL);
            g_assert_cmpmem(out->data, out->len, data->data, max);
        }
    }
}

static void test_inflate_capacity(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) data = samples[i].make(4096);

        for (int level = 0; level < 10; level += 3) {
            g_autoptr(GByteArray) stream =
                zlib_deflate(data, level, 12, Z_DEFAULT_STRATEGY);

            check_inflate_capacity(stream, data);
        }
    }
}

/* Test that a token is not used up as long as nothing of it fits */
static void test_inflate_full(void)
{
    static const struct {
        const char *script;
        unsigned max_out;
        unsigned completed;
    } cases[] = {
        /* 3 bits, literals of 8, and a match of 12 that makes three bytes */
        { "1:1 1:2 10010001 10010001 10010001 0000000", 0, 1 },
        { "1:1 1:2 10010001 10010001 10010001 0000000", 1, 2 },
        { "1:1 1:2 10010001 10010001 10010001 0000000", 2, 3 },
        { "1:1 1:2 10010001 0000001 00000 0000000", 1, 2 },
        { "1:1 1:2 10010001 0000001 00000 0000000", 2, 3 },
        { "1:1 1:2 10010001 0000001 00000 0000000", 3, 3 },
        { "1:1 0:2 | 3:16 65532:16 97:8 97:8 97:8", 0, 5 },
        { "1:1 0:2 | 3:16 65532:16 97:8 97:8 97:8", 2, 7 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(GByteArray) stream = script_bytes(cases[i].script);
        IAAInflateParams params = whole_stream();
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        params.max_out = cases[i].max_out;
        out = run_inflate(&params, stream, &uncut, &result);
        g_assert_cmphex(result.status, ==, IAA_CODEC_OUTPUT_FULL);
        g_assert_cmpuint(out->len, ==, cases[i].max_out);
        g_assert_cmpuint(result.bytes_completed, ==, cases[i].completed);
    }
}

/* Test that without output there is no limit to it */
static void test_inflate_suppress_output(void)
{
    IAAInflateParams params = whole_stream();
    g_autoptr(GByteArray) data = sample_text(300000);
    g_autoptr(GByteArray) stream = zlib_deflate(data, 6, 12,
                                                Z_DEFAULT_STRATEGY);
    g_autoptr(GByteArray) out = NULL;

    params.suppress_output = true;
    params.max_out = 1;
    out = inflate_success(&params, stream, &uncut);
    assert_equal(out, data);
}

/* Test that zlib's larger windows are refused where, and only where, used */
static void test_inflate_large_window(void)
{
    IAAInflateParams params = whole_stream();
    g_autoptr(GByteArray) data = sample_random(2 * IAA_WINDOW_SIZE);
    g_autoptr(GByteArray) stream = NULL;
    g_autoptr(GByteArray) out = NULL;
    IAACodecResult result;

    memcpy(data->data + IAA_WINDOW_SIZE + 1, data->data, 1000);
    stream = zlib_deflate(data, 9, 15, Z_DEFAULT_STRATEGY);
    out = run_inflate(&params, stream, &uncut, &result);
    g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
    g_assert_cmpuint(result.error, ==, IAA_CODEC_DISTANCE_FAR);
    g_assert_cmpuint(out->len, >=, IAA_WINDOW_SIZE + 1);
    assert_begins(data, out);
}

static void check_damaged(const GByteArray *stream)
{
    IAAInflateParams params = whole_stream();
    g_autoptr(GByteArray) zlib = NULL;
    g_autoptr(GByteArray) ours = NULL;
    IAACodecResult result;

    params.max_out = 2 * IAA_WINDOW_SIZE;
    ours = run_inflate(&params, stream,
                       &all_cuts[stream->len % ARRAY_SIZE(all_cuts)], &result);
    zlib = zlib_inflate(stream, 12, params.max_out);
    if (zlib && result.status == IAA_CODEC_SUCCESS) {
        assert_equal(ours, zlib);
    }
    /* The device is stricter in these two; zlib's window is all its output */
    if (zlib && result.error != IAA_CODEC_LL_RUN &&
        result.error != IAA_CODEC_DISTANCE_FAR) {
        g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
    }
}

/* Test that damaged streams do no harm and that zlib takes them likewise */
static void test_inflate_damaged(void)
{
    for (unsigned i = 0; i < 3000; i++) {
        g_autoptr(GByteArray) data =
            samples[i % ARRAY_SIZE(samples)].make(g_test_rand_int_range(1,
                                                                        3000));
        g_autoptr(GByteArray) stream =
            zlib_deflate(data, g_test_rand_int_range(0, 10), 12,
                         g_test_rand_bit() ? Z_FIXED : Z_DEFAULT_STRATEGY);

        for (int n = g_test_rand_int_range(1, 4); n; n--) {
            /* Half of the damage is where the header is */
            size_t end = g_test_rand_bit() ? MIN(stream->len, 60)
                                           : stream->len;

            stream->data[g_test_rand_int_range(0, end)] ^=
                1 << g_test_rand_int_range(0, 8);
        }
        check_damaged(stream);
    }
}

/* Test that what never was a stream does no harm either */
static void test_inflate_garbage(void)
{
    for (unsigned i = 0; i < 5000; i++) {
        g_autoptr(GByteArray) stream =
            sample_random(g_test_rand_int_range(1, 700));

        /* A dynamic block as often as the other types together */
        if (g_test_rand_bit()) {
            stream->data[0] = (stream->data[0] & ~6) | 4;
        }
        check_damaged(stream);
    }
}

/*
 * Streams in several descriptors
 */

/* How a stream is taken apart: at most so many bytes at a time */
typedef struct Parts {
    size_t in;
    size_t out;
} Parts;

static const Parts all_parts[] = {
    { 1, 65536 }, { 2, 3 }, { 65536, 1 }, { 7, 200 }, { 300, 40 },
    { 4096, 4096 }, { 65536, 100 },
};

static IAAInflateParams part_of_stream(size_t max_out)
{
    return (IAAInflateParams) {
        .max_out = max_out,
        .to_be_continued = true,
    };
}

/* Small, because there are many, and pieces are looked at as a whole */
static const Cuts part_cuts = { 4096, 256, false };

/* Returns: the output of one descriptor that goes on from @context, or NULL */
static GByteArray *inflate_part(const IAAInflateParams *params,
                                IAAInflateContext *context,
                                const GByteArray *in, IAACodecResult *result)
{
    GByteArray *out;

    iaa_inflate_start(decompressor, params);
    if (iaa_inflate_load(decompressor, context) != IAA_CODEC_OK) {
        return NULL;
    }
    out = drive(inflate_step, decompressor, in, &part_cuts);
    *result = *iaa_inflate_result(decompressor);
    g_assert_cmpuint(result->bytes_completed, <=, in->len);
    g_assert_cmpuint(out->len, <=, params->max_out);
    if (result->status == IAA_CODEC_SUCCESS ||
        result->status == IAA_CODEC_OUTPUT_FULL) {
        iaa_inflate_save(decompressor, context);
    }
    return out;
}

static void scramble_decompressor(void)
{
    g_autoptr(GByteArray) noise = sample_random(50);
    IAAInflateParams params = part_of_stream(5000);
    IAACodecResult result;

    g_byte_array_unref(run_inflate(&params, noise, &part_cuts, &result));
}

/* What it takes to begin is what software can know: where, and nothing else */
static GByteArray *inflate_in_parts(const GByteArray *stream,
                                    const Parts *parts)
{
    IAAInflateContext context = { .state = IAA_INFLATE_HEADER };
    GByteArray *out = g_byte_array_new();
    IAACodecResult result = { .status = IAA_CODEC_SUCCESS };

    for (size_t at = 0; context.state != IAA_INFLATE_END;
         at += result.bytes_completed) {
        size_t len = MIN(g_test_rand_int_range(0, parts->in) + 1,
                         stream->len - at);
        IAAInflateParams params =
            part_of_stream(g_test_rand_int_range(0, parts->out) + 1);
        g_autoptr(GByteArray) in = sub_array(stream, at, len);
        g_autoptr(GByteArray) part = NULL;

        part = inflate_part(&params, &context, in, &result);
        g_assert_nonnull(part);
        g_assert_true(result.status == IAA_CODEC_SUCCESS ||
                      result.status == IAA_CODEC_OUTPUT_FULL);
        g_assert_true(result.bytes_completed || part->len || !len);
        g_byte_array_append(out, part->data, part->len);
        scramble_decompressor();
    }
    return out;
}

/* Test that a stream can be continued wherever input or output has ended */
static void test_continue_parts(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        g_autoptr(GByteArray) data = samples[i].make(5000);

        for (unsigned j = 0; j < 4 * ARRAY_SIZE(all_parts); j++) {
            int strategy = j & 1 ? Z_FIXED : Z_DEFAULT_STRATEGY;
            g_autoptr(GByteArray) stream = zlib_deflate(data, 3 * (j & 2), 12,
                                                        strategy);
            g_autoptr(GByteArray) out = NULL;

            g_test_message("%s, case %u", samples[i].name, j);
            out = inflate_in_parts(stream, &all_parts[j / 4]);
            assert_equal(out, data);
        }
    }
}

/* Test each bit that may come first, as if software had shifted the stream */
static void test_continue_accumulator(void)
{
    g_autoptr(GByteArray) data = sample_text(3000);
    g_autoptr(GByteArray) stream = zlib_deflate(data, 6, 12,
                                                Z_DEFAULT_STRATEGY);
    g_autoptr(GByteArray) stored = zlib_deflate(data, 0, 12,
                                                Z_DEFAULT_STRATEGY);
    const GByteArray *streams[] = { stream, stored };

    for (unsigned i = 0; i < 2 * IAA_ACC_SIZE; i++) {
        const GByteArray *from = streams[i & 1];
        IAAInflateContext context = { .state = IAA_INFLATE_HEADER };
        IAAInflateParams params = whole_stream();
        size_t ahead = i / 2 + 1;
        g_autoptr(GByteArray) rest = sub_array(from, ahead, from->len - ahead);
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        memcpy(context.acc, from->data, ahead);
        context.acc_bits = 8 * ahead;
        out = inflate_part(&params, &context, rest, &result);
        g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
        g_assert_cmpuint(result.bytes_completed, ==, rest->len);
        g_assert_cmpuint(context.state, ==, IAA_INFLATE_END);
        assert_equal(out, data);
    }
}

/* Test that a stream that has ended stays so, and that a check still checks */
static void test_continue_end(void)
{
    g_autoptr(GByteArray) data = sample_text(1000);
    g_autoptr(GByteArray) stream = zlib_deflate(data, 6, 12,
                                                Z_DEFAULT_STRATEGY);
    g_autoptr(GByteArray) begin = sub_array(stream, 0, 3);
    IAAInflateContext context = { .state = IAA_INFLATE_HEADER };
    IAAInflateParams params = part_of_stream(2000);
    g_autoptr(GByteArray) out = NULL, more = NULL, cut_off = NULL;
    IAACodecResult result;

    out = inflate_part(&params, &context, stream, &result);
    assert_equal(out, data);
    g_assert_cmpuint(context.state, ==, IAA_INFLATE_END);
    more = inflate_part(&params, &context, stream, &result);
    g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
    g_assert_cmpuint(result.bytes_completed, ==, 0);
    g_assert_cmpuint(more->len, ==, 0);

    context = (IAAInflateContext) { .state = IAA_INFLATE_HEADER };
    params.check_eob = true;
    cut_off = inflate_part(&params, &context, begin, &result);
    g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
    g_assert_cmpuint(result.error, ==, IAA_CODEC_HEADER_TRUNCATED);
}

/* Test that what was written before a stream is history, and no more of it */
static void test_continue_history(void)
{
    /* Length 3, distance 4096, and the end of the block */
    g_autoptr(GByteArray) stream = script_bytes("1:1 1:2 0000001 10111 "
                                                "1023:10 0000000");
    g_autoptr(GByteArray) bytes = sample_random(IAA_WINDOW_SIZE);
    IAAInflateParams params = part_of_stream(100);

    for (unsigned len = IAA_WINDOW_SIZE - 1; len <= IAA_WINDOW_SIZE; len++) {
        IAAInflateContext context = {
            .state = IAA_INFLATE_HEADER,
            .history_len = len,
        };
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        memcpy(context.history, bytes->data, len);
        out = inflate_part(&params, &context, stream, &result);
        if (len < IAA_WINDOW_SIZE) {
            g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
            g_assert_cmpuint(result.error, ==, IAA_CODEC_BEFORE_START);
        } else {
            g_assert_cmphex(result.status, ==, IAA_CODEC_SUCCESS);
            g_assert_cmpmem(out->data, out->len, bytes->data, 3);
        }
    }
}

/* Test that inside a block there is no going on without knowing the block */
static void test_continue_unknown(void)
{
    static const uint16_t states[] = {
        IAA_INFLATE_TOKENS, IAA_INFLATE_STORED, IAA_INFLATE_TOKENS_FINAL,
        IAA_INFLATE_STORED_FINAL, 3, 5, 7, 9, 0xffff,
    };
    IAAInflateParams params = part_of_stream(100);

    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        IAAInflateContext context = { .state = states[i] };

        iaa_inflate_start(decompressor, &params);
        g_assert_cmpint(iaa_inflate_load(decompressor, &context), ==,
                        IAA_CODEC_AECS);
    }
}

static void damage_context(IAAInflateContext *context)
{
    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        context->acc_bits = g_test_rand_int_range(0, IAA_ACC_MAX_BITS + 1);
        break;
    case 1:
        context->history_len = g_test_rand_int_range(0, IAA_WINDOW_SIZE + 1);
        break;
    default:
        /* Not the first bytes, which say that there is a block */
        context->block[g_test_rand_int_range(4, 360)] ^=
            1 << g_test_rand_int_range(0, 8);
    }
}

/* Test that a context that was damaged is refused or at least does no harm */
static void test_continue_damaged(void)
{
    g_autoptr(GByteArray) data = sample_text(9000);
    GByteArray *streams[10];
    unsigned refused = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(streams); i++) {
        streams[i] = zlib_deflate(data, i, 12, Z_DEFAULT_STRATEGY);
    }
    for (unsigned i = 0; i < 4000; i++) {
        const GByteArray *stream = streams[i % ARRAY_SIZE(streams)];
        size_t half = g_test_rand_int_range(1, stream->len);
        g_autoptr(GByteArray) first = sub_array(stream, 0, half);
        g_autoptr(GByteArray) second = sub_array(stream, half,
                                                 stream->len - half);
        IAAInflateContext context = { .state = IAA_INFLATE_HEADER };
        IAAInflateParams params = part_of_stream(
            g_test_rand_int_range(1, 9000));
        g_autoptr(GByteArray) out = NULL, more = NULL;
        IAACodecResult result;

        out = inflate_part(&params, &context, first, &result);
        for (unsigned n = g_test_rand_int_range(1, 3); n; n--) {
            damage_context(&context);
        }
        more = inflate_part(&params, &context, second, &result);
        refused += !more;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(streams); i++) {
        g_byte_array_unref(streams[i]);
    }
    g_test_message("%u refused", refused);
    g_assert_cmpuint(refused, >, 200);
    g_assert_cmpuint(refused, <, 3800);
}

/*
 * What a guest may have made of a context before it comes back
 */

static const IAAInflateBlock *block_of(const IAAInflateContext *context)
{
    return (const IAAInflateBlock *)context->block;
}

/* Shortest part of @stream that stops in @state, by its input or its output */
static IAAInflateContext stop_in_state(const GByteArray *stream,
                                       IAAInflateState state)
{
    for (size_t n = 1; n <= 2 * stream->len; n++) {
        bool full = state == IAA_STATE_COPY;
        IAAInflateParams params = part_of_stream(full ? n : 100000);
        g_autoptr(GByteArray) in =
            sub_array(stream, 0, full ? stream->len : MIN(n, stream->len));
        IAAInflateContext context = { .state = IAA_INFLATE_HEADER };
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        out = inflate_part(&params, &context, in, &result);
        g_assert_nonnull(out);
        if (context.state != IAA_INFLATE_END &&
            block_of(&context)->state == state) {
            return context;
        }
    }
    g_assert_not_reached();
}

static IAACodecError load_error(const IAAInflateContext *context)
{
    IAAInflateParams params = part_of_stream(100000);

    iaa_inflate_start(decompressor, &params);
    return iaa_inflate_load(decompressor, context);
}

static void set_bytes(void *to, uint64_t value, size_t size)
{
    for (; size; size--, value >>= 8) {
        *(uint8_t *)to++ = value;
    }
}

/**
 * BadField: a field of a block, and a value that no decompressor leaves there
 * @state: that the block has
 * @fixed: it has the fixed codes, instead of codes of its own
 * @offset: of the field
 * @size: of the field in bytes
 * @value: for the field
 */
typedef struct BadField {
    IAAInflateState state;
    bool fixed;
    size_t offset;
    size_t size;
    uint64_t value;
} BadField;

#define BAD_IN(_state, _fixed, _field, _value)                              \
    { IAA_STATE_##_state, _fixed, offsetof(IAAInflateBlock, _field),        \
      sizeof_field(IAAInflateBlock, _field), _value }
#define BAD(_state, _field, _value)     BAD_IN(_state, false, _field, _value)
#define BAD_BYTE(_state, _field, _index, _value)                            \
    { IAA_STATE_##_state, false,                                            \
      offsetof(IAAInflateBlock, _field) + (_index), 1, _value }

static const BadField bad_fields[] = {
    /* A state that there is not, or not to be continued in */
    BAD(HEADER, state, IAA_STATE_DONE),
    BAD(HEADER, state, IAA_STATE_DONE + 1),
    BAD(HEADER, state, 0xff),

    /* Flags that mean nothing, are missing, or contradict the state */
    BAD(HEADER, flags, IAA_BLOCK_BEGUN | 1 << 4),
    BAD(HEADER, flags, IAA_BLOCK_BEGUN | 1 << 7),
    BAD(HEADER, flags, IAA_BLOCK_BEGUN | IAA_BLOCK_BFINAL),
    BAD(HEADER, flags, IAA_BLOCK_BEGUN | IAA_BLOCK_FIXED),
    BAD(HEADER, flags, IAA_BLOCK_AFTER_EOB),
    BAD(COUNTS, flags, IAA_BLOCK_BFINAL),
    BAD(COUNTS, flags, IAA_BLOCK_BFINAL | IAA_BLOCK_BEGUN |
                       IAA_BLOCK_AFTER_EOB),
    BAD(STORED_LENGTH, flags, IAA_BLOCK_BFINAL),
    BAD(STORED, flags, IAA_BLOCK_BFINAL),
    BAD(STORED, flags, IAA_BLOCK_BFINAL | IAA_BLOCK_BEGUN | IAA_BLOCK_FIXED),
    BAD(TOKENS, flags, IAA_BLOCK_BFINAL),
    BAD(TOKENS, flags, IAA_BLOCK_BFINAL | IAA_BLOCK_BEGUN | IAA_BLOCK_FIXED),
    BAD(TOKENS, flags, IAA_BLOCK_BFINAL | IAA_BLOCK_BEGUN |
                       IAA_BLOCK_AFTER_EOB),
    BAD_IN(TOKENS, true, flags, IAA_BLOCK_BFINAL | IAA_BLOCK_BEGUN),

    /* What is left of a stored block or a match, where there is one */
    BAD(HEADER, length, 1),
    BAD(STORED_LENGTH, length, 1),
    BAD(STORED, length, 0),
    BAD(COUNTS, length, 1),
    BAD(CL_LENGTHS, length, 1),
    BAD(LENGTHS, length, 1),
    BAD(TOKENS, length, 1),
    BAD(COPY, length, 0),
    BAD(COPY, length, IAA_MAX_MATCH),
    BAD(COPY, length, 0xffff),

    /* Before the start, farther than anything, or of no match */
    BAD(HEADER, distance, 1),
    BAD(STORED, distance, 1),
    BAD(TOKENS, distance, 1),
    BAD(COPY, distance, 0),
    BAD(COPY, distance, IAA_WINDOW_SIZE),
    BAD(COPY, distance, 0xffff),

    /* Counts that no header has, or of no dynamic block */
    BAD(HEADER, num_ll, 257),
    BAD(CL_LENGTHS, num_ll, 0),
    BAD(CL_LENGTHS, num_ll, 256),
    BAD(CL_LENGTHS, num_ll, 287),
    BAD(LENGTHS, num_ll, 0),
    BAD(LENGTHS, num_ll, 0xffff),
    BAD(TOKENS, num_ll, 256),
    BAD(TOKENS, num_ll, 287),
    BAD(COPY, num_ll, 0),
    BAD_IN(TOKENS, true, num_ll, 257),
    BAD(HEADER, num_d, 1),
    BAD(CL_LENGTHS, num_d, 0),
    BAD(LENGTHS, num_d, 31),
    BAD(TOKENS, num_d, 0),
    BAD(COPY, num_d, 0xffff),
    BAD_IN(TOKENS, true, num_d, 1),
    BAD(HEADER, num_cl, 4),
    BAD(CL_LENGTHS, num_cl, 20),
    BAD(CL_LENGTHS, num_cl, 0xffff),
    BAD(LENGTHS, num_cl, 3),
    BAD(LENGTHS, num_cl, 20),
    BAD(TOKENS, num_cl, 4),

    /* As many lengths as there are, or more: the next one has no place */
    BAD(COUNTS, num_lens, 1),
    BAD(CL_LENGTHS, num_lens, 19),
    BAD(CL_LENGTHS, num_lens, 0xffff),
    BAD(LENGTHS, num_lens, IAA_NUM_LL + IAA_NUM_D),
    BAD(LENGTHS, num_lens, 0xffff),
    BAD(TOKENS, num_lens, 1),

    /* Longer than a code can be, not read yet, or not there at all */
    BAD_BYTE(HEADER, cl_lens, 0, 1),
    BAD_BYTE(CL_LENGTHS, cl_lens, 16, 8),
    BAD_BYTE(CL_LENGTHS, cl_lens, 15, 1),
    BAD_BYTE(LENGTHS, cl_lens, 8, 0xff),
    BAD_BYTE(TOKENS, cl_lens, 0, 1),
    BAD_BYTE(HEADER, lens, 0, 1),
    BAD_BYTE(CL_LENGTHS, lens, 0, 1),
    BAD_BYTE(LENGTHS, lens, 0, 16),
    BAD_BYTE(LENGTHS, lens, IAA_NUM_LL + IAA_NUM_D - 1, 1),
    BAD_BYTE(TOKENS, lens, 0, 16),
    BAD_BYTE(TOKENS, lens, IAA_NUM_LL + IAA_NUM_D - 1, 1),
    BAD_BYTE(COPY, lens, 'e', 0xff),
    { IAA_STATE_TOKENS, true, offsetof(IAAInflateBlock, lens), 1, 1 },

    /* Behind all of the fields */
    { IAA_STATE_HEADER, false, IAA_INFLATE_BLOCK_SIZE - 1, 1, 1 },
    { IAA_STATE_TOKENS, false, sizeof(IAAInflateBlock), 1, 1 },
};

/* Test each field of a block, in states that use it and in some that do not */
static void test_continue_fields(void)
{
    g_autoptr(GByteArray) text = sample_text(3000);
    g_autoptr(GByteArray) stored = zlib_deflate(text, 0, 12,
                                                Z_DEFAULT_STRATEGY);
    g_autoptr(GByteArray) fixed = zlib_deflate(text, 6, 12, Z_FIXED);
    g_autoptr(GByteArray) dynamic = zlib_deflate(text, 6, 12,
                                                 Z_DEFAULT_STRATEGY);
    /* Ends with the block at the end of a byte, before another one */
    g_autoptr(GByteArray) between =
        script_bytes("0:1 1:2 110010000 110010000 110010000 110010000 "
                     "110010000 110010000 0000000");

    for (size_t i = 0; i < ARRAY_SIZE(bad_fields); i++) {
        const BadField *bad = &bad_fields[i];
        const GByteArray *stream =
            bad->state == IAA_STATE_HEADER ? between :
            bad->state == IAA_STATE_STORED_LENGTH ||
            bad->state == IAA_STATE_STORED ? stored :
            bad->fixed ? fixed : dynamic;
        IAAInflateContext context = stop_in_state(stream, bad->state);

        g_test_message("field %zu: state %u, offset %zu, value 0x%" PRIx64, i,
                       bad->state, bad->offset, bad->value);
        g_assert_cmpint(load_error(&context), ==, IAA_CODEC_OK);
        set_bytes(context.block + bad->offset, bad->value, bad->size);
        g_assert_cmpint(load_error(&context), ==, IAA_CODEC_AECS);
    }
}

/*
 * Test that a stored block goes on at a byte and nowhere else.  Software has
 * put bits in front of its input here.
 */
static void test_continue_stored_bits(void)
{
    static const IAAInflateState states[] = {
        IAA_STATE_STORED_LENGTH, IAA_STATE_STORED,
    };
    g_autoptr(GByteArray) text = sample_text(300);
    g_autoptr(GByteArray) stream = zlib_deflate(text, 0, 12,
                                                Z_DEFAULT_STRATEGY);

    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        for (unsigned more = 1; more <= 64; more++) {
            IAAInflateContext context = stop_in_state(stream, states[i]);

            context.acc_bits += more;
            g_assert_cmpint(load_error(&context), ==,
                            more % 8 ? IAA_CODEC_AECS : IAA_CODEC_OK);
        }
    }
}

/* Test that codes which nothing can be said with have an error of their own */
static void test_continue_no_codes(void)
{
    g_autoptr(GByteArray) text = sample_text(3000);
    g_autoptr(GByteArray) stream = zlib_deflate(text, 6, 12,
                                                Z_DEFAULT_STRATEGY);
    IAAInflateParams params = part_of_stream(100);
    static const IAAInflateState states[] = {
        IAA_STATE_TOKENS, IAA_STATE_COPY,
    };

    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        IAAInflateContext context = stop_in_state(stream, states[i]);
        IAAInflateBlock *block = (IAAInflateBlock *)context.block;

        memset(block->lens, 0, lduw_le_p(&block->num_ll));
        g_assert_cmpint(load_error(&context), ==, IAA_CODEC_NO_LL_CODES);
    }

    /* With some, an input that has none of them is what is wrong */
    {
        IAAInflateContext context = stop_in_state(stream, IAA_STATE_TOKENS);
        IAAInflateBlock *block = (IAAInflateBlock *)context.block;
        g_autoptr(GByteArray) ones = script_bytes("11111111 11111111");
        g_autoptr(GByteArray) out = NULL;
        IAACodecResult result;

        memset(block->lens, 0, lduw_le_p(&block->num_ll));
        block->lens['e'] = 2;
        context.acc_bits = 0;
        out = inflate_part(&params, &context, ones, &result);
        g_assert_nonnull(out);
        g_assert_cmphex(result.status, ==, IAA_CODEC_ERROR);
        g_assert_cmpint(result.error, ==, IAA_CODEC_BAD_LL_CODE);
    }
}

/* Test that a context says nothing about streams that came before it */
static void test_continue_forgets(void)
{
    g_autoptr(GByteArray) nothing = sample_zero(0);
    IAAInflateParams params = part_of_stream(100);
    IAAInflateContext begin = { .state = IAA_INFLATE_HEADER }, first, context;
    IAACodecResult result;

    for (unsigned i = 0; i < 100; i++) {
        context = begin;
        g_byte_array_unref(inflate_part(&params, &context, nothing, &result));
        if (i == 0) {
            first = context;
        }
        g_assert_cmpmem(context.block, sizeof(context.block), first.block,
                        sizeof(first.block));
        scramble_decompressor();
    }
}

int main(int argc, char **argv)
{
    int ret;

    program = argv[0];
    compressor = iaa_deflate_new();
    decompressor = iaa_inflate_new();

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iaa/deflate/anchors", test_deflate_anchors);
    g_test_add_func("/iaa/deflate/worst-case", test_deflate_worst_case);
    g_test_add_func("/iaa/deflate/round-trip", test_deflate_round_trip);
    g_test_add_func("/iaa/deflate/window", test_deflate_window);
    g_test_add_func("/iaa/deflate/capacity", test_deflate_capacity);
    g_test_add_func("/iaa/deflate/no-code", test_deflate_no_code);
    g_test_add_func("/iaa/deflate/long-codes", test_deflate_long_codes);
    g_test_add_func("/iaa/deflate/pending", test_deflate_pending);
    g_test_add_func("/iaa/deflate/accumulator", test_deflate_accumulator);
    g_test_add_func("/iaa/deflate/end-process", test_deflate_end_process);
    g_test_add_func("/iaa/deflate/ratio", test_deflate_ratio);
    g_test_add_func("/iaa/deflate/reuse", test_deflate_reuse);
    g_test_add_func("/iaa/deflate/garbage", test_deflate_garbage);
    g_test_add_func("/iaa/gen-header/round-trip", test_gen_header_round_trip);
    g_test_add_func("/iaa/gen-header/long-codes", test_gen_header_long_codes);
    g_test_add_func("/iaa/gen-header/limited-codes",
                    test_gen_header_limited_codes);
    g_test_add_func("/iaa/gen-header/few-symbols",
                    test_gen_header_few_symbols);
    g_test_add_func("/iaa/gen-header/optimal", test_gen_header_optimal);
    g_test_add_func("/iaa/gen-header/single-distance",
                    test_gen_header_single_distance);
    g_test_add_func("/iaa/gen-header/silicon", test_gen_header_silicon);
    g_test_add_func("/iaa/gen-header/too-long", test_gen_header_too_long);
    g_test_add_func("/iaa/two-pass/round-trip", test_two_pass_round_trip);
    g_test_add_func("/iaa/two-pass/accumulator", test_two_pass_accumulator);
    g_test_add_func("/iaa/two-pass/no-header", test_two_pass_no_header);
    g_test_add_func("/iaa/inflate/zlib", test_inflate_zlib);
    g_test_add_func("/iaa/inflate/silicon", test_inflate_silicon);
    g_test_add_func("/iaa/inflate/cuts", test_inflate_cuts);
    g_test_add_func("/iaa/inflate/errors", test_inflate_errors);
    g_test_add_func("/iaa/inflate/code-lengths", test_inflate_code_lengths);
    g_test_add_func("/iaa/inflate/stop", test_inflate_stop);
    g_test_add_func("/iaa/inflate/truncation", test_inflate_truncation);
    g_test_add_func("/iaa/inflate/capacity", test_inflate_capacity);
    g_test_add_func("/iaa/inflate/full", test_inflate_full);
    g_test_add_func("/iaa/inflate/suppress-output",
                    test_inflate_suppress_output);
    g_test_add_func("/iaa/inflate/large-window", test_inflate_large_window);
    g_test_add_func("/iaa/inflate/damaged", test_inflate_damaged);
    g_test_add_func("/iaa/inflate/garbage", test_inflate_garbage);
    g_test_add_func("/iaa/continue/parts", test_continue_parts);
    g_test_add_func("/iaa/continue/accumulator", test_continue_accumulator);
    g_test_add_func("/iaa/continue/end", test_continue_end);
    g_test_add_func("/iaa/continue/history", test_continue_history);
    g_test_add_func("/iaa/continue/unknown", test_continue_unknown);
    g_test_add_func("/iaa/continue/damaged", test_continue_damaged);
    g_test_add_func("/iaa/continue/fields", test_continue_fields);
    g_test_add_func("/iaa/continue/stored-bits", test_continue_stored_bits);
    g_test_add_func("/iaa/continue/no-codes", test_continue_no_codes);
    g_test_add_func("/iaa/continue/forgets", test_continue_forgets);
    ret = g_test_run();

    iaa_deflate_free(compressor);
    iaa_inflate_free(decompressor);
    return ret;
}
