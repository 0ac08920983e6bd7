/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of real data through the coder of the Intel IAA
 *
 *   iaa-pages FILE PAGES
 *
 * Compresses each page of 4 KiB of the file with fixed codes and with codes
 * made for it, inflates both with the coder and with zlib, and compares every
 * byte.  After the end of the file it goes on from the beginning, with some
 * bytes of each page changed, until it has done so many pages.
 *
 * What the file as it is compresses to must be within 3 % of what zlib makes of
 * it at level 6 with the same window, fixed or dynamic.
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "hw/iaa/iaa-deflate.h"

#define PAGE_SIZE       (4 * KiB)
#define MAX_STREAM      (2 * PAGE_SIZE)
#define TOLERANCE       3       /* per cent */

typedef struct Coders {
    IAADeflate *deflate;
    IAAInflate *inflate;
    IAAHuffman fixed;
} Coders;

/* Bytes of the file, compressed */
typedef struct Totals {
    uint64_t ours[2];
    uint64_t zlib[2];
} Totals;

/* RFC 1951, 3.2.6 */
static void make_fixed(IAAHuffman *huffman)
{
    for (unsigned i = 0; i < IAA_NUM_LL; i++) {
        huffman->ll[i] = i < 144 ? 8 << 15 | (0x30 + i) :
                         i < 256 ? 9 << 15 | (0x190 + i - 144) :
                         i < 280 ? 7 << 15 | (i - 256) :
                                   8 << 15 | (0xc0 + i - 280);
    }
    for (unsigned i = 0; i < IAA_NUM_D; i++) {
        huffman->d[i] = 5 << 15 | i;
    }
}

static size_t compress_page(Coders *c, const uint8_t *page, bool dynamic,
                            uint8_t *stream)
{
    static const uint8_t header[IAA_ACC_SIZE] = { 3 };
    IAADeflateParams params = {
        .huffman = &c->fixed,
        .acc = header,
        .acc_bits = 3,
        .max_out = MAX_STREAM,
        .end_process = IAA_END_EOB,
        .flush = true,
        .gen_header = dynamic,
        .gen_bfinal = true,
    };
    IAAStream io = {
        .in = page, .in_len = PAGE_SIZE, .in_last = true,
        .out = stream, .out_len = MAX_STREAM,
    };

    iaa_deflate_start(c->deflate, &params);
    g_assert_cmpint(iaa_deflate_step(c->deflate, &io), ==, IAA_STEP_DONE);
    g_assert_cmpuint(iaa_deflate_result(c->deflate)->status, ==,
                     IAA_CODEC_SUCCESS);
    return MAX_STREAM - io.out_len;
}

static void check_inflate(Coders *c, const uint8_t *stream, size_t len,
                          const uint8_t *page)
{
    const IAAInflateParams params = {
        .max_out = PAGE_SIZE, .stop_on_eob = true, .check_eob = true,
        .select_bfinal = true,
    };
    uint8_t out[PAGE_SIZE];
    IAAStream io = {
        .in = stream, .in_len = len, .in_last = true,
        .out = out, .out_len = sizeof(out),
    };

    iaa_inflate_start(c->inflate, &params);
    g_assert_cmpint(iaa_inflate_step(c->inflate, &io), ==, IAA_STEP_DONE);
    g_assert_cmpuint(iaa_inflate_result(c->inflate)->status, ==,
                     IAA_CODEC_SUCCESS);
    g_assert_cmpuint(iaa_inflate_result(c->inflate)->bytes_completed, ==, len);
    g_assert_cmpmem(out, sizeof(out) - io.out_len, page, PAGE_SIZE);
}

static void check_zlib(const uint8_t *stream, size_t len, const uint8_t *page)
{
    uint8_t out[PAGE_SIZE];
    z_stream z = {
        .next_in = (uint8_t *)stream, .avail_in = len,
        .next_out = out, .avail_out = sizeof(out),
    };

    g_assert_cmpint(inflateInit2(&z, -12), ==, Z_OK);
    g_assert_cmpint(inflate(&z, Z_FINISH), ==, Z_STREAM_END);
    g_assert_cmpmem(out, z.total_out, page, PAGE_SIZE);
    inflateEnd(&z);
}

static size_t zlib_size(const uint8_t *page, bool dynamic)
{
    uint8_t out[MAX_STREAM];
    z_stream z = {
        .next_in = (uint8_t *)page, .avail_in = PAGE_SIZE,
        .next_out = out, .avail_out = sizeof(out),
    };

    g_assert_cmpint(deflateInit2(&z, 6, Z_DEFLATED, -12, 8,
                                 dynamic ? Z_DEFAULT_STRATEGY : Z_FIXED), ==,
                    Z_OK);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

/* A page that does not shrink counts as it is: that is how it would be kept */
static void count(Totals *totals, const uint8_t *page, size_t ours,
                  bool dynamic)
{
    totals->ours[dynamic] += MIN(ours, PAGE_SIZE);
    totals->zlib[dynamic] += MIN(zlib_size(page, dynamic), PAGE_SIZE);
}

static void do_page(Coders *c, const uint8_t *page, Totals *totals)
{
    uint8_t stream[MAX_STREAM];

    for (unsigned dynamic = 0; dynamic < 2; dynamic++) {
        size_t len = compress_page(c, page, dynamic, stream);

        check_inflate(c, stream, len, page);
        check_zlib(stream, len, page);
        if (totals) {
            count(totals, page, len, dynamic);
        }
    }
}

/* A few bytes, somewhere */
static void change(uint8_t *page, GRand *rand)
{
    for (int i = g_rand_int_range(rand, 1, 64); i > 0; i--) {
        page[g_rand_int_range(rand, 0, PAGE_SIZE)] = g_rand_int(rand);
    }
}

static bool report(const Totals *totals, uint64_t bytes)
{
    static const char *const names[] = { "fixed", "dynamic" };
    bool good = true;

    for (unsigned i = 0; i < 2; i++) {
        double ours = (double)bytes / totals->ours[i];
        double zlib = (double)bytes / totals->zlib[i];
        double off = 100 * (ours / zlib - 1);

        printf("%s: ratio %.3f, zlib %.3f, %+.2f %%\n", names[i], ours, zlib,
               off);
        good = good && ABS(off) <= TOLERANCE;
    }
    return good;
}

int main(int argc, char **argv)
{
    Coders c;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    Totals totals = { };
    uint64_t pages, in_file;
    g_autofree char *file = NULL;
    size_t size;

    if (argc != 3 || !g_file_get_contents(argv[1], &file, &size, NULL) ||
        size < PAGE_SIZE) {
        fprintf(stderr, "usage: iaa-pages FILE PAGES\n");
        return 2;
    }
    c.deflate = iaa_deflate_new();
    c.inflate = iaa_inflate_new();
    make_fixed(&c.fixed);
    in_file = size / PAGE_SIZE;
    pages = MAX(g_ascii_strtoull(argv[2], NULL, 0), in_file);
    for (uint64_t i = 0; i < pages; i++) {
        uint8_t page[PAGE_SIZE];

        memcpy(page, file + i % in_file * PAGE_SIZE, PAGE_SIZE);
        if (i >= in_file) {
            change(page, rand);
        }
        do_page(&c, page, i < in_file ? &totals : NULL);
    }
    iaa_inflate_free(c.inflate);
    iaa_deflate_free(c.deflate);
    printf("%" PRIu64 " pages, every byte compared\n", pages);
    return report(&totals, in_file * PAGE_SIZE) ? 0 : 1;
}
