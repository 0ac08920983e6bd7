/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: the decompressor of the Intel IAA
 *
 * Input: a byte of flags, two bytes that say how input and output are cut, two
 * bytes for the room there is, then the stream.  It must do the same however
 * it is cut, stay within the room, and never accept a whole stream that zlib
 * inflates to something else, or refuses for anything but an incomplete code.
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "hw/iaa/iaa-deflate.h"
#include "qemu/bitops.h"

#define HEADER      5
#define MAX_OUT     (1 * MiB)

/* Bits of the first byte */
#define STOP        BIT(0)
#define CHECK       BIT(1)
#define BFINAL      BIT(2)
#define SUPPRESS    BIT(3)
#define WHOLE       (STOP | CHECK | BFINAL)

typedef struct Output {
    uint8_t *data;
    size_t len;
    IAACodecResult result;
} Output;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static IAAInflateParams params_of(const uint8_t *header)
{
    return (IAAInflateParams) {
        .max_out = header[3] | header[4] << 8,
        .stop_on_eob = header[0] & STOP,
        .check_eob = header[0] & CHECK,
        .select_bfinal = header[0] & BFINAL,
        .suppress_output = header[0] & SUPPRESS,
    };
}

static void feed(IAAStream *io, const uint8_t **data, size_t *size,
                 size_t piece)
{
    size_t len = MIN(piece, *size);

    io->in = *data;
    io->in_len = len;
    *data += len;
    *size -= len;
    io->in_last = !*size;
}

/* Output is allocated for each piece, so that sanitizers see where it ends */
static void drain(IAAStream *io, Output *output, uint8_t *piece, size_t room)
{
    size_t made = room - io->out_len;

    if (output->len + made <= MAX_OUT) {
        memcpy(output->data + output->len, piece, made);
    }
    output->len += made;
    io->out = piece;
    io->out_len = room;
}

static void run(IAAInflate *s, const IAAInflateParams *params,
                const uint8_t *data, size_t size, size_t in_piece,
                size_t out_piece, Output *output)
{
    g_autofree uint8_t *piece = g_malloc(out_piece);
    IAAStream io = { .out = piece, .out_len = out_piece };
    IAAStep step;

    output->len = 0;
    feed(&io, &data, &size, in_piece);
    iaa_inflate_start(s, params);
    do {
        step = iaa_inflate_step(s, &io);
        if (step == IAA_STEP_INPUT) {
            g_assert_cmpuint(io.in_len, ==, 0);
            feed(&io, &data, &size, in_piece);
        } else {
            drain(&io, output, piece, out_piece);
        }
    } while (step != IAA_STEP_DONE && output->len <= MAX_OUT);
    output->result = *iaa_inflate_result(s);
}

static void compare(const Output *a, const Output *b)
{
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    g_assert_cmpuint(a->result.status, ==, b->result.status);
    g_assert_cmpuint(a->result.error, ==, b->result.error);
    g_assert_cmpuint(a->result.bytes_completed, ==, b->result.bytes_completed);
    g_assert_cmpuint(a->result.output_size, ==, b->result.output_size);
}

/*
 * zlib wants every code to be complete, the device only those that occur to be
 * defined.  zlib says the same of codes that are too many, which the unit tests
 * have to find.
 */
static bool refuses_code(const z_stream *z)
{
    return !strcmp(z->msg, "invalid code lengths set") ||
           !strcmp(z->msg, "invalid literal/lengths set") ||
           !strcmp(z->msg, "invalid distances set");
}

/* Blocks before the one that zlib refuses must be the same, too */
static void compare_with_zlib(const uint8_t *data, size_t size,
                              const Output *output)
{
    g_autofree uint8_t *buf = g_malloc(MAX_OUT);
    z_stream z = {
        .next_in = (uint8_t *)data,
        .avail_in = size,
        .next_out = buf,
        .avail_out = MAX_OUT,
    };
    int status;

    g_assert_cmpint(inflateInit2(&z, -12), ==, Z_OK);
    status = inflate(&z, Z_FINISH);
    if (status == Z_DATA_ERROR && refuses_code(&z)) {
        g_assert_cmpuint(z.total_out, <=, output->len);
        g_assert_cmpmem(buf, z.total_out, output->data, z.total_out);
    } else {
        g_assert_cmpint(status, ==, Z_STREAM_END);
        g_assert_cmpmem(buf, z.total_out, output->data, output->len);
        g_assert_cmpuint(z.total_in, ==, output->result.bytes_completed);
    }
    inflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static IAAInflate *s;
    static Output one, other;
    IAAInflateParams params;

    if (!s) {
        s = iaa_inflate_new();
        one.data = g_malloc(MAX_OUT);
        other.data = g_malloc(MAX_OUT);
    }
    if (size < HEADER) {
        return -1;
    }
    params = params_of(data);
    run(s, &params, data + HEADER, size - HEADER, IAA_PIECE_SIZE,
        IAA_PIECE_SIZE, &one);
    if (one.len > MAX_OUT) {
        return 0;
    }
    if (!params.suppress_output) {
        g_assert_cmpuint(one.len, <=, params.max_out);
    }
    g_assert_cmpuint(one.result.bytes_completed, <=, size - HEADER);
    run(s, &params, data + HEADER, size - HEADER, 1 + data[1], 1 + data[2],
        &other);
    compare(&one, &other);
    if ((data[0] & WHOLE) == WHOLE &&
        one.result.status == IAA_CODEC_SUCCESS) {
        compare_with_zlib(data + HEADER, size - HEADER, &one);
    }
    return 0;
}
