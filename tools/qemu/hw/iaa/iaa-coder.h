/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the DEFLATE coder of the Intel In-Memory Analytics
 * Accelerator share.  Its users want hw/iaa/iaa-deflate.h.
 */

#ifndef HW_IAA_CODER_H
#define HW_IAA_CODER_H

#include "hw/iaa/iaa-deflate.h"

/* RFC 1951, sections 3.2.5 and 3.2.7 */
#define IAA_MIN_MATCH       3
#define IAA_MAX_MATCH       258
#define IAA_EOB             256
#define IAA_NUM_CL          19      /* symbols of the code-length alphabet */
#define IAA_MAX_CODE_LEN    15      /* of literals, lengths and distances */
#define IAA_MAX_CL_CODE_LEN 7

/* Symbols of the code-length alphabet from here on are runs */
enum {
    IAA_CL_REPEAT           = 16,   /* of the length before, 3..6 */
    IAA_CL_ZEROES           = 17,   /* 3..10 */
    IAA_CL_MANY_ZEROES      = 18,   /* 11..138 */
};

/* A value that is sent as a symbol and @bits more bits, counted from @base */
typedef struct IAAExtra {
    uint16_t base;
    uint8_t bits;
} IAAExtra;

/* iaa-huffman.c */

extern const IAAExtra iaa_length_extra[29];     /* symbols 257..285 */
extern const IAAExtra iaa_distance_extra[30];
extern const IAAExtra iaa_cl_extra[3];          /* symbols 16..18 */
extern const uint8_t iaa_cl_order[IAA_NUM_CL];  /* as lengths are sent */

/* A code with its first bit lowest, as it is written; @len 0: there is none */
typedef struct IAACode {
    uint16_t bits;
    uint8_t len;
} IAACode;

/* All codes of a block */
typedef struct IAACodes {
    IAACode ll[IAA_NUM_LL];
    IAACode d[IAA_NUM_D];
} IAACodes;

/* How often each symbol of a block occurs */
typedef struct IAACounts {
    uint32_t ll[IAA_NUM_LL];
    uint32_t d[IAA_NUM_D];
} IAACounts;

/*
 * A bit string, first bit lowest in byte 0.  The longest header of a dynamic
 * block has 17 + 19 * 3 + 316 * 14 bits (each of the 286 + 30 lengths sent in
 * the most bits possible), more than an accumulator holds.
 */
#define IAA_BIT_STRING_SIZE 576

typedef struct IAABitString {
    uint32_t len;
    uint8_t data[IAA_BIT_STRING_SIZE];
} IAABitString;

/**
 * iaa_huffman_import: take over the codes of a compress AECS
 * @codes: where to
 * @huffman: anything a guest may have written
 */
void iaa_huffman_import(IAACodes *codes, const IAAHuffman *huffman);

/* iaa_huffman_export: the reverse of iaa_huffman_import() */
void iaa_huffman_export(IAAHuffman *huffman, const IAACodes *codes);

/**
 * iaa_huffman_generate: make the best codes for a block, and its header
 * @counts: occurrences of each symbol, at most 2^24 in total
 * @bfinal: BFINAL bit of the header
 * @codes: the codes made
 * @header: the header, replacing what was in the string
 */
void iaa_huffman_generate(const IAACounts *counts, bool bfinal,
                          IAACodes *codes, IAABitString *header);

/* iaa-inflate.c */

/* What comes next in a stream */
typedef enum IAAInflateState {
    IAA_STATE_HEADER,           /* BFINAL and BTYPE */
    IAA_STATE_STORED_LENGTH,
    IAA_STATE_STORED,
    IAA_STATE_COUNTS,           /* HLIT, HDIST, HCLEN */
    IAA_STATE_CL_LENGTHS,
    IAA_STATE_LENGTHS,          /* LL and D */
    IAA_STATE_TOKENS,
    IAA_STATE_COPY,             /* inside a match */
    IAA_STATE_DONE,
} IAAInflateState;

/* A form of IAAInflateContext.block that has nothing to say is all zeroes */
#define IAA_BLOCK_MAGIC     0x6b6c6249

enum {
    IAA_BLOCK_BFINAL        = 1 << 0,
    IAA_BLOCK_BEGUN         = 1 << 1,   /* past the first header */
    IAA_BLOCK_AFTER_EOB     = 1 << 2,   /* which was the last token */
    IAA_BLOCK_FIXED         = 1 << 3,   /* the codes of RFC 1951, 3.2.6 */
};

/**
 * IAAInflateBlock: the block that a decompressor has stopped in
 * @magic: IAA_BLOCK_MAGIC
 * @state: IAAInflateState
 * @flags: IAA_BLOCK_*
 * @length: bytes left of a stored block or a match
 * @distance: of the match
 * @num_ll: literal/length codes of a dynamic block
 * @num_d: distance codes
 * @num_cl: code-length codes
 * @num_lens: lengths read so far, of the list that @state is about
 * @cl_lens: lengths of the code-length codes, by symbol
 * @lens: lengths of the LL codes, then those of the D codes
 *
 * Little endian, and zero wherever @state has no use for it.
 */
typedef struct QEMU_PACKED IAAInflateBlock {
    uint32_t magic;
    uint8_t state;
    uint8_t flags;
    uint16_t length;
    uint16_t distance;
    uint16_t num_ll;
    uint16_t num_d;
    uint16_t num_cl;
    uint16_t num_lens;
    uint8_t cl_lens[IAA_NUM_CL];
    uint8_t lens[IAA_NUM_LL + IAA_NUM_D];
} IAAInflateBlock;

QEMU_BUILD_BUG_ON(sizeof(IAAInflateBlock) > IAA_INFLATE_BLOCK_SIZE);

/* iaa-lz77.c */

/* A literal if @distance is 0, otherwise a match of @length bytes */
typedef struct IAAToken {
    union {
        uint16_t literal;
        uint16_t length;
    };
    uint16_t distance;
} IAAToken;

/* History, the bytes ahead, and room to move seldom */
#define IAA_LZ77_BUFFER_SIZE    (4 * IAA_WINDOW_SIZE)
#define IAA_LZ77_HASH_BITS      12

/*
 * Positions are counted from the start of the stream, modulo 2^32, which is
 * also the most a descriptor can ask for.  In @head and @older they have 1
 * added so that 0 says there is none.
 */
typedef struct IAALz77 {
    bool literals_only;
    uint32_t start;         /* position of buf[0] */
    uint32_t pos;           /* of the next token */
    uint32_t end;           /* of the next byte to come in */
    uint32_t hashed;        /* all before are in the chains */
    IAAToken found;         /* at @pos, by looking one ahead; or length 0 */
    uint32_t head[1 << IAA_LZ77_HASH_BITS];
    uint32_t older[IAA_WINDOW_SIZE];    /* position of the one before */
    uint8_t buf[IAA_LZ77_BUFFER_SIZE];
} IAALz77;

/* iaa_lz77_start: begin a stream */
void iaa_lz77_start(IAALz77 *lz, bool literals_only);

/* iaa_lz77_feed: take as much input as there is room for */
void iaa_lz77_feed(IAALz77 *lz, IAAStream *io);

/**
 * iaa_lz77_next: the next token
 * @lz: match finder
 * @last: no input follows what has been fed
 * @token: set if there is one
 *
 * Returns: false if there is none before more is fed, or at the end.
 */
bool iaa_lz77_next(IAALz77 *lz, bool last, IAAToken *token);

#endif /* HW_IAA_CODER_H */
