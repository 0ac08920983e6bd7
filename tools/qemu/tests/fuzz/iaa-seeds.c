/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes inputs for the fuzzer of descriptors of the Intel IAA to begin with:
 * decompressions that are continued from an AECS, in every state that one can
 * stop in.  A fuzzer does not come up with the hundreds of bytes that a state
 * consists of, but it does find out what happens if one of them is wrong.  Also
 * batches that a reset comes into the middle of.
 *
 * Usage: iaa-seeds DIRECTORY
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "hw/iaa/iaa.h"
#include "iaa-descriptor-fuzz.h"

#define TEXT_SIZE   2000

/* Places in the memory of the fuzzer */
#define DST         0x8000
#define RECORD      0xf000

/* Text of a small alphabet, for matches and for codes of all lengths */
static void make_text(uint8_t *text)
{
    uint32_t seed = 17;

    for (unsigned i = 0; i < TEXT_SIZE; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = "eeeeeetttaaooinshrdlu .,"[(seed >> 16) % 24];
    }
}

static size_t deflate_text(int level, int strategy, uint8_t *stream)
{
    uint8_t text[TEXT_SIZE];
    z_stream z = { .next_in = text, .avail_in = TEXT_SIZE,
                   .next_out = stream, .avail_out = 2 * TEXT_SIZE };

    make_text(text);
    g_assert_cmpint(deflateInit2(&z, level, Z_DEFLATED, -12, 8, strategy), ==,
                    Z_OK);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    g_assert_cmpint(deflateEnd(&z), ==, Z_OK);
    return z.total_out;
}

/* Decompresses @len bytes, to at most @max_out.  Returns: bytes used */
static uint32_t stop_after(IAAInflate *inflate, const uint8_t *stream,
                           size_t len, size_t max_out)
{
    static uint8_t out[IAA_PIECE_SIZE];
    IAAStream io = { .in = stream, .in_len = len, .in_last = true,
                     .out = out, .out_len = sizeof(out) };
    IAAInflateParams params = { .max_out = max_out, .to_be_continued = true };

    iaa_inflate_start(inflate, &params);
    g_assert_cmpint(iaa_inflate_step(inflate, &io), ==, IAA_STEP_DONE);
    g_assert_cmpint(iaa_inflate_result(inflate)->status, !=, IAA_CODEC_ERROR);
    return iaa_inflate_result(inflate)->bytes_completed;
}

/* The second half of a descriptor's AECS is written to, if it is */
static GByteArray *make_seed(const IAAState *s, const IAADecompressAECS *aecs,
                             uint32_t aecs_size, const uint8_t *rest,
                             size_t len)
{
    bool written = aecs_size != IAA_AECS_SIZE_FULL;
    uint32_t src1 = written ? 2 * aecs_size : aecs_size;
    const IAADescriptor desc = {
        .op_flags = IAA_OP_DECOMPRESS << R_IAA_DESC_OP_OPCODE_SHIFT |
                    IAA_FLAG_CRAV | IAA_FLAG_RCR | IAA_FLAG_RD_SRC2_AECS |
                    (written ? IAA_FLAG_WR_SRC2_DONE : 0),
        .record_addr = RECORD,
        .src1_addr = src1,
        .src1_size = len,
        .dst_addr = DST,
        .max_dst_size = TEXT_SIZE,
        .src2_size = aecs_size,
        .mode = IAA_DECOMPRESS_ENABLE | IAA_DECOMPRESS_FLUSH,
    };
    const uint8_t first = fuzz_first_byte(s->generation, 1);
    GByteArray *seed = g_byte_array_new();

    g_byte_array_append(seed, &first, 1);
    g_byte_array_append(seed, (const uint8_t *)&desc, sizeof(desc));
    g_byte_array_append(seed, (const uint8_t *)aecs, aecs_size);
    g_byte_array_set_size(seed, 1 + sizeof(desc) + src1);
    g_byte_array_append(seed, rest, len);
    return seed;
}

static void write_seed(const char *dir, const char *name, size_t at,
                       IAAGeneration generation, const GByteArray *seed)
{
    g_autofree char *path = g_strdup_printf("%s/%s-%zu-%d", dir, name, at,
                                            generation);
    GError *error = NULL;

    g_file_set_contents(path, (const char *)seed->data, seed->len, &error);
    g_assert_no_error(error);
}

/* A batch that all engines work on, with a reset in the middle */
static void seed_reset(const char *dir, const char *name, uint8_t flag,
                       uint32_t op_flags, uint16_t int_handle,
                       uint64_t record_addr)
{
    const IAADescriptor desc = {
        .pasid = 7,
        .op_flags = IAA_OP_NOOP << R_IAA_DESC_OP_OPCODE_SHIFT |
                    IAA_FLAG_CRAV | IAA_FLAG_RCR | op_flags,
        .int_handle = int_handle,
        .record_addr = record_addr,
    };
    const uint8_t first = fuzz_first_byte(IAA_GENERATION_SPR, 8) | flag;
    g_autoptr(GByteArray) seed = g_byte_array_new();

    g_byte_array_append(seed, &first, 1);
    for (unsigned i = 0; i < 8; i++) {
        g_byte_array_append(seed, (const uint8_t *)&desc, sizeof(desc));
    }
    write_seed(dir, name, 0, IAA_GENERATION_SPR, seed);
}

typedef struct Stream {
    const char *name;
    int level;
    int strategy;
} Stream;

/* Stops where the input is cut, or, with room for @max_out bytes, in a match */
static void seed_stream(const char *dir, IAAState *s, const Stream *stream,
                        size_t cut, size_t max_out, uint32_t aecs_size)
{
    g_autofree uint8_t *bytes = g_malloc(2 * TEXT_SIZE);
    size_t len = deflate_text(stream->level, stream->strategy, bytes);
    g_autofree IAADecompressAECS *aecs = g_new0(IAADecompressAECS, 1);
    g_autoptr(GByteArray) seed = NULL;
    IAAInflate *inflate = iaa_inflate_new();
    uint32_t used = stop_after(inflate, bytes, MIN(cut, len), max_out);

    iaa_aecs_save(s, inflate, aecs, aecs_size);
    iaa_inflate_free(inflate);
    seed = make_seed(s, aecs, aecs_size, bytes + used, len - used);
    write_seed(dir, stream->name, cut + max_out, s->generation, seed);
}

int main(int argc, char **argv)
{
    static const Stream streams[] = {
        { "stored", 0, Z_DEFAULT_STRATEGY },
        { "fixed", 9, Z_FIXED },
        { "dynamic", 9, Z_DEFAULT_STRATEGY },
    };
    /* A header after another: counts, two kinds of lengths; then the data */
    static const size_t cuts[] = { 0, 1, 3, 5, 12, 20, 30, 200 };
    IAAState *s = g_new0(IAAState, 1);

    g_assert_cmpint(argc, ==, 2);
    for (unsigned i = 0; i < ARRAY_SIZE(streams); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(cuts); j++) {
            s->generation = (i + j) & 1 ? IAA_GENERATION_GNR
                                        : IAA_GENERATION_SPR;
            seed_stream(argv[1], s, &streams[i], cuts[j], TEXT_SIZE,
                        IAA_AECS_SIZE_NO_HISTORY);
        }
        for (size_t max_out = 1001; max_out < 1006; max_out++) {
            s->generation = max_out & 1 ? IAA_GENERATION_GNR
                                        : IAA_GENERATION_SPR;
            seed_stream(argv[1], s, &streams[i], 2 * TEXT_SIZE, max_out,
                        IAA_AECS_SIZE_FULL);
        }
    }
    g_free(s);
    seed_reset(argv[1], "interrupt", FUZZ_INTERRUPT_RESETS, IAA_FLAG_RCI, 1,
               RECORD);
    seed_reset(argv[1], "fault", FUZZ_FAULT_RESETS, 0, 0, 0xffull << 56);
    return 0;
}
