/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Match finder of the Intel In-Memory Analytics Accelerator
 *
 * Hash chains over the last 4 KiB and lazy evaluation.  The policy of the
 * silicon is not public: matches of 3 to 258 bytes at distances of 1 to 4096,
 * stream position 0 included, are what is known of it, and that its parse is
 * not the one of zlib.  Sizes are close to those of zlib with a window of the
 * same size, no byte of them is meant to be equal.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "iaa-coder.h"

/* Candidates looked at for one position; bounds the work for any input */
#define MAX_CANDIDATES      128

/* A match of this length is taken without looking one position ahead */
#define LONG_ENOUGH         64

/* What a decision may depend on: the longest match, one position ahead */
#define LOOKAHEAD           (1 + IAA_MAX_MATCH)

void iaa_lz77_start(IAALz77 *lz, bool literals_only)
{
    lz->literals_only = literals_only;
    lz->start = 0;
    lz->pos = 0;
    lz->end = 0;
    lz->hashed = 0;
    lz->found.length = 0;
    memset(lz->head, 0, sizeof(lz->head));
}

/* Drop what no match can reach any more */
static void make_room(IAALz77 *lz)
{
    uint32_t used = lz->pos - lz->start;

    if (used > IAA_WINDOW_SIZE) {
        uint32_t drop = used - IAA_WINDOW_SIZE;

        memmove(lz->buf, lz->buf + drop, lz->end - lz->start - drop);
        lz->start += drop;
    }
}

void iaa_lz77_feed(IAALz77 *lz, IAAStream *io)
{
    uint32_t len;

    if (lz->end - lz->start == sizeof(lz->buf)) {
        make_room(lz);
    }
    len = MIN(io->in_len, sizeof(lz->buf) - (lz->end - lz->start));
    memcpy(lz->buf + (lz->end - lz->start), io->in, len);
    lz->end += len;
    io->in += len;
    io->in_len -= len;
}

static const uint8_t *bytes_at(const IAALz77 *lz, uint32_t pos)
{
    return lz->buf + (pos - lz->start);
}

/* Three bytes, spread by the golden ratio */
static uint32_t hash_at(const IAALz77 *lz, uint32_t pos)
{
    const uint8_t *p = bytes_at(lz, pos);
    uint32_t bytes = p[0] | p[1] << 8 | (uint32_t)p[2] << 16;

    return (bytes * 0x9e3779b1) >> (32 - IAA_LZ77_HASH_BITS);
}

static uint32_t *older_than(IAALz77 *lz, uint32_t pos)
{
    return &lz->older[pos % IAA_WINDOW_SIZE];
}

static void hash_until(IAALz77 *lz, uint32_t pos)
{
    for (; lz->hashed != pos; lz->hashed++) {
        uint32_t *head = &lz->head[hash_at(lz, lz->hashed)];

        *older_than(lz, lz->hashed) = *head;
        *head = lz->hashed + 1;
    }
}

static unsigned equal_bytes(const uint8_t *a, const uint8_t *b, unsigned max)
{
    unsigned n = 0;

    for (; max - n >= 8; n += 8) {
        uint64_t diff = ldq_le_p(a + n) ^ ldq_le_p(b + n);

        if (diff) {
            return n + ctz64(diff) / 8;
        }
    }
    while (n < max && a[n] == b[n]) {
        n++;
    }
    return n;
}

/*
 * The longest match at @pos and the nearest of these, or one of length 0 if
 * none is longer than @beat
 */
static IAAToken find_match(IAALz77 *lz, uint32_t pos, unsigned beat)
{
    const uint8_t *here = bytes_at(lz, pos);
    unsigned max = MIN(lz->end - pos, IAA_MAX_MATCH);
    IAAToken best = { .length = 0 };
    uint32_t other;         /* position + 1 */

    if (lz->literals_only || max <= beat) {
        return best;
    }

    hash_until(lz, pos);
    other = lz->head[hash_at(lz, pos)];
    for (unsigned i = 0; other && i < MAX_CANDIDATES && beat < max; i++) {
        uint32_t distance = pos - (other - 1);
        const uint8_t *there = here - distance;
        unsigned len;

        if (distance > IAA_WINDOW_SIZE) {
            break;
        }
        /* A longer match has this byte in common, most have not */
        len = there[beat] == here[beat] ? equal_bytes(there, here, max) : 0;
        if (len > beat) {
            best = (IAAToken) { .length = len, .distance = distance };
            beat = len;
        }
        other = *older_than(lz, other - 1);
    }
    return best;
}

static IAAToken take_found(IAALz77 *lz)
{
    IAAToken match = lz->found;

    lz->found.length = 0;
    return match;
}

bool iaa_lz77_next(IAALz77 *lz, bool last, IAAToken *token)
{
    uint32_t ahead = lz->end - lz->pos;
    IAAToken match;

    if (ahead < (last ? 1 : LOOKAHEAD)) {
        return false;
    }

    match = take_found(lz);
    if (!match.length) {
        match = find_match(lz, lz->pos, IAA_MIN_MATCH - 1);
    }
    if (match.length && match.length < LONG_ENOUGH) {
        lz->found = find_match(lz, lz->pos + 1, match.length);
    }

    if (match.length && !lz->found.length) {
        *token = match;
        lz->pos += match.length;
    } else {
        *token = (IAAToken) { .literal = *bytes_at(lz, lz->pos++) };
    }
    return true;
}
