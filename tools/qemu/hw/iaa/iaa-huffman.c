/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Huffman codes of the Intel In-Memory Analytics Accelerator
 *
 * Codes come from the guest, in a compress AECS, or are made for one block.
 * Those made have the least possible total length, as the code lengths seen
 * from Granite Rapids have.
 */

#include "qemu/osdep.h"
#include "iaa-coder.h"

const IAAExtra iaa_length_extra[29] = {
    { 3, 0 }, { 4, 0 }, { 5, 0 }, { 6, 0 }, { 7, 0 }, { 8, 0 }, { 9, 0 },
    { 10, 0 }, { 11, 1 }, { 13, 1 }, { 15, 1 }, { 17, 1 }, { 19, 2 },
    { 23, 2 }, { 27, 2 }, { 31, 2 }, { 35, 3 }, { 43, 3 }, { 51, 3 },
    { 59, 3 }, { 67, 4 }, { 83, 4 }, { 99, 4 }, { 115, 4 }, { 131, 5 },
    { 163, 5 }, { 195, 5 }, { 227, 5 }, { 258, 0 },
};

const IAAExtra iaa_distance_extra[30] = {
    { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 5, 1 }, { 7, 1 }, { 9, 2 },
    { 13, 2 }, { 17, 3 }, { 25, 3 }, { 33, 4 }, { 49, 4 }, { 65, 5 },
    { 97, 5 }, { 129, 6 }, { 193, 6 }, { 257, 7 }, { 385, 7 }, { 513, 8 },
    { 769, 8 }, { 1025, 9 }, { 1537, 9 }, { 2049, 10 }, { 3073, 10 },
    { 4097, 11 }, { 6145, 11 }, { 8193, 12 }, { 12289, 12 }, { 16385, 13 },
    { 24577, 13 },
};

const IAAExtra iaa_cl_extra[3] = {
    { 3, 2 }, { 3, 3 }, { 11, 7 },
};

const uint8_t iaa_cl_order[IAA_NUM_CL] = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
};

/*
 * Huffman codes go out from their most significant bit, all else from bit 0.
 * What turns a code around turns it back as well.
 */
static IAACode make_code(uint32_t code, unsigned len)
{
    IAACode reversed = { .len = len };

    for (unsigned i = 0; i < len; i++) {
        reversed.bits |= ((code >> i) & 1) << (len - 1 - i);
    }
    return reversed;
}

static void import_codes(IAACode *codes, const uint32_t *entries, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        codes[i] = make_code(entries[i], (entries[i] >> 15) & 0xf);
    }
}

void iaa_huffman_import(IAACodes *codes, const IAAHuffman *huffman)
{
    import_codes(codes->ll, huffman->ll, IAA_NUM_LL);
    import_codes(codes->d, huffman->d, IAA_NUM_D);
}

static void export_codes(uint32_t *entries, const IAACode *codes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        IAACode code = make_code(codes[i].bits, codes[i].len);

        entries[i] = code.len << 15 | code.bits;
    }
}

void iaa_huffman_export(IAAHuffman *huffman, const IAACodes *codes)
{
    export_codes(huffman->ll, codes->ll, IAA_NUM_LL);
    export_codes(huffman->d, codes->d, IAA_NUM_D);
}

/*
 * Code lengths by package-merge (Larmore and Hirschberg, 1990)
 *
 * To give a symbol a code of n bits is to buy one coin of each of the n lowest
 * denominations, each at the price of the symbol's count; a complete code for
 * n symbols takes coins worth n - 1 in all.  From the lowest denomination on,
 * coins are paired up and the pairs compete with the coins of the next one.
 */

typedef struct Leaf {
    uint32_t count;
    unsigned symbol;
} Leaf;

#define MAX_LEAVES  IAA_NUM_LL

/* Coins and pairs of one denomination, cheapest first */
typedef struct Level {
    unsigned len;
    uint32_t price[2 * MAX_LEAVES];
} Level;

static int compare_leaves(const void *a, const void *b)
{
    const Leaf *x = a, *y = b;

    if (x->count != y->count) {
        return x->count < y->count ? -1 : 1;
    }
    return x->symbol < y->symbol ? -1 : 1;
}

/*
 * A code with fewer than two symbols would be incomplete, and not every
 * decompressor takes that: let unused symbols make up the number.
 */
static unsigned collect_leaves(Leaf *leaves, const uint32_t *counts,
                               unsigned n)
{
    unsigned used = 0, num = 0;

    for (unsigned i = 0; i < n; i++) {
        used += counts[i] != 0;
    }
    for (unsigned i = 0; i < n; i++) {
        if (counts[i] || used < 2) {
            used += !counts[i];
            leaves[num++] = (Leaf) { .count = counts[i], .symbol = i };
        }
    }
    qsort(leaves, num, sizeof(*leaves), compare_leaves);
    return num;
}

/* Coins before pairs where prices are equal: the longest code stays shorter */
static void merge_level(Level *level, bool *is_pair, const Level *lower,
                        const Leaf *leaves, unsigned num_leaves)
{
    unsigned num_pairs = lower->len / 2;
    unsigned leaf = 0, pair = 0;

    level->len = num_leaves + num_pairs;
    for (unsigned i = 0; i < level->len; i++) {
        uint32_t price = 0;
        bool take_pair = leaf == num_leaves;

        if (pair < num_pairs) {
            price = lower->price[2 * pair] + lower->price[2 * pair + 1];
            take_pair = take_pair || price < leaves[leaf].count;
        }
        is_pair[i] = take_pair;
        if (take_pair) {
            level->price[i] = price;
            pair++;
        } else {
            level->price[i] = leaves[leaf++].count;
        }
    }
}

static unsigned count_pairs(const bool *is_pair, unsigned num)
{
    unsigned pairs = 0;

    for (unsigned i = 0; i < num; i++) {
        pairs += is_pair[i];
    }
    return pairs;
}

/* Lengths, 0 for symbols without a code, at most @max_len (15 or less) */
static void optimal_lengths(uint8_t *lens, const uint32_t *counts, unsigned n,
                            unsigned max_len)
{
    bool is_pair[IAA_MAX_CODE_LEN][2 * MAX_LEAVES];
    Level levels[2];
    Leaf leaves[MAX_LEAVES];
    unsigned num = collect_leaves(leaves, counts, n);
    unsigned take = 2 * num - 2;

    levels[1].len = 0;
    for (unsigned l = 0; l < max_len; l++) {
        merge_level(&levels[l % 2], is_pair[l], &levels[(l + 1) % 2],
                    leaves, num);
    }

    memset(lens, 0, n);
    for (unsigned l = max_len; l-- > 0; ) {
        unsigned pairs = count_pairs(is_pair[l], take);

        /* Coins are taken from the cheapest on: those of the first leaves */
        for (unsigned i = 0; i < take - pairs; i++) {
            lens[leaves[i].symbol]++;
        }
        take = 2 * pairs;
    }
}

/* The canonical code of RFC 1951, section 3.2.2 */
static void assign_codes(IAACode *codes, const uint8_t *lens, unsigned n)
{
    uint32_t next[IAA_MAX_CODE_LEN + 2] = { 0 };

    for (unsigned i = 0; i < n; i++) {
        next[lens[i] + 1] += lens[i] != 0;
    }
    for (unsigned len = 1; len < ARRAY_SIZE(next); len++) {
        next[len] = (next[len] + next[len - 1]) << 1;
    }
    for (unsigned i = 0; i < n; i++) {
        codes[i] = make_code(lens[i] ? next[lens[i]]++ : 0, lens[i]);
    }
}

/* One symbol of the code-length alphabet with its extra bits */
typedef struct Item {
    uint8_t symbol;
    uint8_t extra;
} Item;

/* The code lengths of a block as they are sent */
typedef struct LengthList {
    unsigned len;
    Item items[IAA_NUM_LL + IAA_NUM_D];
    uint32_t counts[IAA_NUM_CL];
} LengthList;

static void add_item(LengthList *list, unsigned symbol, unsigned extra)
{
    list->items[list->len++] = (Item) { .symbol = symbol, .extra = extra };
    list->counts[symbol]++;
}

/* @run lengths by as few runs of @symbol as possible; returns what is left */
static unsigned add_runs(LengthList *list, unsigned symbol, unsigned run)
{
    const IAAExtra *e = &iaa_cl_extra[symbol - IAA_CL_REPEAT];

    while (run >= e->base) {
        unsigned now = MIN(run, e->base + (1u << e->bits) - 1);

        add_item(list, symbol, now - e->base);
        run -= now;
    }
    return run;
}

static void add_equal(LengthList *list, unsigned value, unsigned run)
{
    if (value == 0) {
        run = add_runs(list, IAA_CL_MANY_ZEROES, run);
        run = add_runs(list, IAA_CL_ZEROES, run);
    } else {
        add_item(list, value, 0);
        run = add_runs(list, IAA_CL_REPEAT, run - 1);
    }
    while (run--) {
        add_item(list, value, 0);
    }
}

/*
 * Called for the LL and for the D lengths: no run goes from one to the other,
 * which the device's decompressor would not accept.
 */
static void add_lengths(LengthList *list, const uint8_t *lens, unsigned n)
{
    unsigned next;

    for (unsigned i = 0; i < n; i = next) {
        for (next = i + 1; next < n && lens[next] == lens[i]; ) {
            next++;
        }
        add_equal(list, lens[i], next - i);
    }
}

static unsigned trim(const uint8_t *lens, unsigned n, unsigned min)
{
    while (n > min && lens[n - 1] == 0) {
        n--;
    }
    return n;
}

static unsigned trim_cl(const uint8_t *lens)
{
    unsigned n = IAA_NUM_CL;

    while (n > 4 && lens[iaa_cl_order[n - 1]] == 0) {
        n--;
    }
    return n;
}

static void put_bits(IAABitString *s, uint32_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++, s->len++) {
        s->data[s->len / 8] |= ((value >> i) & 1) << (s->len % 8);
    }
}

static void put_item(IAABitString *s, const IAACode *codes, Item item)
{
    IAACode code = codes[item.symbol];

    put_bits(s, code.bits, code.len);
    if (item.symbol >= IAA_CL_REPEAT) {
        put_bits(s, item.extra, iaa_cl_extra[item.symbol - IAA_CL_REPEAT].bits);
    }
}

/* RFC 1951, section 3.2.7 */
static void put_header(IAABitString *s, bool bfinal,
                       const uint8_t *ll_lens, const uint8_t *d_lens)
{
    unsigned hlit = trim(ll_lens, IAA_NUM_LL, IAA_EOB + 1);
    unsigned hdist = trim(d_lens, IAA_NUM_D, 1);
    unsigned hclen;
    LengthList list = { 0 };
    uint8_t cl_lens[IAA_NUM_CL];
    IAACode cl_codes[IAA_NUM_CL];

    add_lengths(&list, ll_lens, hlit);
    add_lengths(&list, d_lens, hdist);
    optimal_lengths(cl_lens, list.counts, IAA_NUM_CL, IAA_MAX_CL_CODE_LEN);
    assign_codes(cl_codes, cl_lens, IAA_NUM_CL);
    hclen = trim_cl(cl_lens);

    put_bits(s, bfinal, 1);
    put_bits(s, 2, 2);
    put_bits(s, hlit - (IAA_EOB + 1), 5);
    put_bits(s, hdist - 1, 5);
    put_bits(s, hclen - 4, 4);
    for (unsigned i = 0; i < hclen; i++) {
        put_bits(s, cl_lens[iaa_cl_order[i]], 3);
    }
    for (unsigned i = 0; i < list.len; i++) {
        put_item(s, cl_codes, list.items[i]);
    }
}

void iaa_huffman_generate(const IAACounts *counts, bool bfinal,
                          IAACodes *codes, IAABitString *header)
{
    uint8_t ll_lens[IAA_NUM_LL], d_lens[IAA_NUM_D];

    optimal_lengths(ll_lens, counts->ll, IAA_NUM_LL, IAA_MAX_CODE_LEN);
    optimal_lengths(d_lens, counts->d, IAA_NUM_D, IAA_MAX_CODE_LEN);
    assign_codes(codes->ll, ll_lens, IAA_NUM_LL);
    assign_codes(codes->d, d_lens, IAA_NUM_D);

    memset(header, 0, sizeof(*header));
    put_header(header, bfinal, ll_lens, d_lens);
}
