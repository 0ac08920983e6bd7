/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: operations
 *
 * To add an operation: give it an opcode in iaa-regs.h, write its steps, put
 * them in a row of iaa_operations[] and set its bit in OPCAP.
 */

#include "qemu/osdep.h"
#include <zlib.h>
#include "hw/iaa/iaa.h"
#include "qemu/crc32c.h"

/* Flags that say how to complete; any operation takes them */
#define IAA_FLAGS_COMPLETE \
    (IAA_FLAG_CRAV | IAA_FLAG_RCR | IAA_FLAG_RCI | IAA_FLAG_CRSTS | \
     IAA_FLAG_TC_RECORD)

/* Flags that say how to access data; they make no difference to the model */
#define IAA_FLAGS_ACCESS \
    (IAA_FLAG_BOF | IAA_FLAG_CC | IAA_FLAG_TC_ADDR1 | IAA_FLAG_TC_ADDR2 | \
     IAA_FLAG_TC_ADDR3 | IAA_FLAG_STORD | IAA_FLAG_DRDBK | IAA_FLAG_DSTS)

/* Flags about source 2, where operations have their state */
#define IAA_FLAGS_AECS \
    (IAA_FLAG_RD_SRC2 | IAA_FLAG_WR_SRC2 | IAA_FLAG_SRC2_STS | \
     IAA_FLAG_AECS_TOGGLE)

/*
 * Checksums, always of the uncompressed data
 */

static void iaa_checksum_start(IAAChecksum *sum, bool crc32c, uint32_t crc,
                               uint16_t xor)
{
    *sum = (IAAChecksum) { .crc32c = crc32c, .crc = crc, .xor = xor };
}

/* Of 16-bit words, which may be cut in two by the end of a piece */
static uint16_t iaa_xor(uint64_t pos, const uint8_t *buf, size_t len)
{
    uint8_t byte[2] = { };

    for (size_t i = 0; i < len; i++) {
        byte[(pos + i) & 1] ^= buf[i];
    }
    return byte[1] << 8 | byte[0];
}

static void iaa_checksum_update(IAAChecksum *sum, const uint8_t *buf,
                                size_t len)
{
    if (sum->crc32c) {
        sum->crc = crc32c(~sum->crc, buf, len);
    } else {
        sum->crc = crc32(sum->crc, buf, len);
    }
    sum->xor ^= iaa_xor(sum->len, buf, len);
    sum->len += len;
}

/* A stream has ended: put what came out into the record */
static void iaa_ops_finish(IAAJob *job, const IAACodecResult *result)
{
    job->record.status = result->status;
    job->record.error = result->error;
    job->record.bytes_completed = result->bytes_completed;
    job->record.output_size = result->output_size;
    job->record.output_bits = result->output_bits;
    job->record.xor_checksum = job->sum.xor;
    job->record.crc = job->sum.crc;
}

static bool iaa_overlaps(uint64_t a, uint32_t a_len, uint64_t b,
                         uint32_t b_len)
{
    /* Distances wrap around like addresses do */
    return a_len && b_len && (a - b < b_len || b - a < a_len);
}

/* What COMPRESS and DECOMPRESS have in common */
static uint8_t iaa_ops_check_data(const IAAState *s, const IAAJob *job,
                                  bool writes)
{
    const IAADescriptor *desc = &job->work.desc;
    uint32_t sizes = desc->src1_size | desc->max_dst_size;

    if (desc->src1_size > job->work.wq->max_transfer) {
        return IAA_STATUS_SIZE;
    }
    /* IAA 2.0 is content with any of three */
    if (iaa_aecs_format(s)) {
        sizes |= desc->src2_size;
    }
    if (!sizes) {
        return IAA_STATUS_SIZE;
    }
    if (writes && iaa_overlaps(desc->src1_addr, desc->src1_size,
                               desc->dst_addr, desc->max_dst_size)) {
        return IAA_STATUS_OVERLAP;
    }
    return IAA_STATUS_NONE;
}

/*
 * NOOP and DRAIN; DRAIN has waited in its queue for those before it
 */

static uint8_t iaa_noop_check(const IAAState *s, const IAAJob *job)
{
    const IAADescriptor *desc = &job->work.desc;

    if (desc->src1_addr || desc->dst_addr || desc->src1_size || desc->mode ||
        desc->src2_addr || desc->max_dst_size || desc->src2_size ||
        desc->filter_flags || desc->num_inputs) {
        return IAA_STATUS_RESERVED;
    }
    return IAA_STATUS_NONE;
}

static bool iaa_noop_start(IAAEngine *e)
{
    return true;
}

static IAAStep iaa_noop_step(IAAEngine *e)
{
    e->job.record.status = IAA_STATUS_SUCCESS;
    return IAA_STEP_DONE;
}

/*
 * COMPRESS
 */

static uint8_t iaa_compress_header(const IAADescriptor *desc)
{
    return FIELD_EX16(desc->mode, IAA_COMPRESS, HEADER);
}

static bool iaa_compress_counts(const IAADescriptor *desc)
{
    return desc->mode & IAA_COMPRESS_STATS;
}

/* The first of two passes counts like one that only wants to know */
static bool iaa_compress_makes_tables(const IAADescriptor *desc)
{
    return iaa_compress_counts(desc) &&
           iaa_compress_header(desc) != IAA_HEADER_NONE;
}

static bool iaa_compress_one_pass(const IAADescriptor *desc)
{
    return !iaa_compress_counts(desc) &&
           iaa_compress_header(desc) != IAA_HEADER_NONE;
}

static bool iaa_compress_makes_header(const IAADescriptor *desc)
{
    return iaa_compress_header(desc) != IAA_HEADER_NONE &&
           iaa_compress_header(desc) != IAA_HEADER_TABLES;
}

static bool iaa_compress_makes_final(const IAADescriptor *desc)
{
    return iaa_compress_header(desc) == IAA_HEADER_ONE_PASS_FINAL ||
           iaa_compress_header(desc) == IAA_HEADER_TWO_PASS_FINAL;
}

static bool iaa_compress_header_known(const IAADescriptor *desc)
{
    switch (iaa_compress_header(desc)) {
    case IAA_HEADER_ONE_PASS:
    case IAA_HEADER_ONE_PASS_FINAL:
        return !iaa_compress_counts(desc);
    case IAA_HEADER_TABLES:
    case IAA_HEADER_TWO_PASS:
    case IAA_HEADER_TWO_PASS_FINAL:
        return iaa_compress_counts(desc);
    default:
        return false;
    }
}

static uint8_t iaa_compress_check_mode(const IAAState *s,
                                       const IAADescriptor *desc)
{
    uint16_t known = IAA_COMPRESS_STATS | IAA_COMPRESS_FLUSH |
                     IAA_COMPRESS_LITERALS | R_IAA_COMPRESS_END_PROCESS_MASK;

    uint32_t more = 0;

    if (iaa_header_generation(s) && iaa_compress_header_known(desc)) {
        known |= R_IAA_COMPRESS_HEADER_MASK;
        more = iaa_compress_makes_tables(desc) ? IAA_COMPRESS2_TABLES : 0;
    }
    if (desc->mode & ~known || desc->filter_flags != more) {
        return IAA_STATUS_MODE;
    }
    return desc->num_inputs ? IAA_STATUS_RESERVED : IAA_STATUS_NONE;
}

static uint8_t iaa_compress_check_aecs(const IAADescriptor *desc)
{
    if (desc->src2_addr % IAA_AECS_ALIGN || desc->src2_size % IAA_AECS_ALIGN) {
        return IAA_STATUS_AECS_ALIGN;
    }
    return desc->src2_size == sizeof(IAACompressAECS) ? IAA_STATUS_NONE
                                                      : IAA_STATUS_SIZE;
}

/* Only reading all of the AECS, and writing it at completion, is modelled */
static uint8_t iaa_compress_check_src2(const IAADescriptor *desc)
{
    switch (desc->op_flags & IAA_FLAG_WR_SRC2) {
    case 0:
    case IAA_FLAG_WR_SRC2_DONE:
        break;
    default:
        return IAA_STATUS_MODE;
    }

    switch (desc->op_flags & IAA_FLAG_RD_SRC2) {
    case 0:
        /* The codes have to come from somewhere */
        if (desc->op_flags & IAA_FLAG_WR_SRC2 ||
            (!iaa_compress_one_pass(desc) && !iaa_compress_counts(desc))) {
            return IAA_STATUS_FLAGS;
        }
        break;
    case IAA_FLAG_RD_SRC2_AECS:
        if (iaa_compress_check_aecs(desc) != IAA_STATUS_NONE) {
            return iaa_compress_check_aecs(desc);
        }
        break;
    default:
        return IAA_STATUS_FLAGS;
    }

    /* And go somewhere */
    if (iaa_compress_makes_tables(desc) &&
        !(desc->op_flags & IAA_FLAG_WR_SRC2)) {
        return IAA_STATUS_FLAGS;
    }
    return IAA_STATUS_NONE;
}

static uint8_t iaa_compress_check(const IAAState *s, const IAAJob *job)
{
    const IAADescriptor *desc = &job->work.desc;
    uint8_t status = iaa_compress_check_mode(s, desc);

    if (status == IAA_STATUS_NONE) {
        status = iaa_compress_check_src2(desc);
    }
    if (status == IAA_STATUS_NONE) {
        status = iaa_ops_check_data(s, job, !iaa_compress_makes_tables(desc));
    }
    /* What silicon answers is not known */
    if (status == IAA_STATUS_NONE && iaa_compress_one_pass(desc) &&
        desc->src1_size > IAA_GEN_HEADER_MAX) {
        status = IAA_STATUS_SIZE;
    }
    return status;
}

static void iaa_compress_load_tables(IAAHuffman *huffman,
                                     const IAACompressAECS *aecs)
{
    QEMU_BUILD_BUG_ON(ARRAY_SIZE(huffman->ll) != ARRAY_SIZE(aecs->ll));
    QEMU_BUILD_BUG_ON(ARRAY_SIZE(huffman->d) != ARRAY_SIZE(aecs->d));

    for (unsigned i = 0; i < ARRAY_SIZE(huffman->ll); i++) {
        huffman->ll[i] = le32_to_cpu(aecs->ll[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(huffman->d); i++) {
        huffman->d[i] = le32_to_cpu(aecs->d[i]);
    }
}

static bool iaa_compress_start(IAAEngine *e)
{
    IAAJob *job = &e->job;
    const IAADescriptor *desc = &job->work.desc;
    const IAACompressAECS *aecs = &e->compress_aecs;
    IAAHuffman huffman;
    IAADeflateParams params = {
        .max_out = desc->max_dst_size,
        .end_process = FIELD_EX16(desc->mode, IAA_COMPRESS, END_PROCESS),
        .flush = desc->mode & IAA_COMPRESS_FLUSH,
        .literals_only = desc->mode & IAA_COMPRESS_LITERALS,
        .stats = iaa_compress_counts(desc),
        .gen_tables = iaa_compress_makes_tables(desc),
        .gen_header = iaa_compress_makes_header(desc),
        .gen_bfinal = iaa_compress_makes_final(desc),
    };

    job->writes = !params.gen_tables;
    if (params.gen_header || params.gen_tables) {
        const IAATiming *timing = &e->iaa->timing[IAA_TIMING_HEADER];

        job->timing.base_ns += timing->base_ns;
        job->timing.rate = timing->rate;
        job->timing.device_rate = timing->device_rate;
    }
    if (!(desc->op_flags & IAA_FLAG_RD_SRC2)) {
        memset(&e->compress_aecs, 0, sizeof(e->compress_aecs));
    }
    if (le32_to_cpu(aecs->acc_bits) > 8 * sizeof(aecs->acc)) {
        job->record.status = IAA_STATUS_ANALYTICS;
        job->record.error = IAA_CODEC_AECS;
        return false;
    }
    iaa_checksum_start(&job->sum, desc->op_flags & IAA_FLAG_CRC32C,
                       le32_to_cpu(aecs->crc), le32_to_cpu(aecs->xor_checksum));
    iaa_compress_load_tables(&huffman, aecs);
    params.huffman = &huffman;
    params.acc = aecs->acc;
    params.acc_bits = le32_to_cpu(aecs->acc_bits);
    iaa_deflate_start(e->deflate, &params);
    return true;
}

static IAAStep iaa_compress_step(IAAEngine *e)
{
    const uint8_t *in = e->io.in;
    IAAStep step = iaa_deflate_step(e->deflate, &e->io);
    size_t used = e->io.in - in;

    iaa_checksum_update(&e->job.sum, in, used);
    e->job.done += used;
    if (step == IAA_STEP_DONE) {
        iaa_ops_finish(&e->job, iaa_deflate_result(e->deflate));
    }
    return step;
}

static uint32_t iaa_compress_save_tables(IAAEngine *e, IAACompressAECS *aecs)
{
    IAAHuffman huffman;
    uint32_t bits = iaa_deflate_tables(e->deflate, &huffman, aecs->acc);

    for (unsigned i = 0; i < ARRAY_SIZE(huffman.ll); i++) {
        aecs->ll[i] = cpu_to_le32(huffman.ll[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(huffman.d); i++) {
        aecs->d[i] = cpu_to_le32(huffman.d[i]);
    }
    return bits;
}

/* Counting alone has not used the accumulator, so what is in it stays */
static void iaa_compress_save(IAAEngine *e)
{
    const IAADescriptor *desc = &e->job.work.desc;
    IAACompressAECS *aecs = &e->compress_aecs;
    uint32_t bits = le32_to_cpu(aecs->acc_bits);

    if (iaa_compress_makes_tables(desc)) {
        bits = iaa_compress_save_tables(e, aecs);
    } else if (!iaa_compress_counts(desc)) {
        bits = iaa_deflate_pending(e->deflate, aecs->acc);
    }
    aecs->acc_bits = cpu_to_le32(bits);
    aecs->crc = cpu_to_le32(e->job.sum.crc);
    aecs->xor_checksum = cpu_to_le32(e->job.sum.xor);
}

/*
 * DECOMPRESS
 */

static bool iaa_decompress_writes(const IAADescriptor *desc)
{
    return !(desc->mode & IAA_DECOMPRESS_SUPPRESS);
}

static uint8_t iaa_decompress_check_aecs(const IAADescriptor *desc)
{
    bool written = desc->op_flags & IAA_FLAG_WR_SRC2;

    if (desc->src2_addr % IAA_AECS_ALIGN || desc->src2_size % IAA_AECS_ALIGN) {
        return IAA_STATUS_AECS_ALIGN;
    }
    switch (desc->src2_size) {
    case IAA_AECS_SIZE_CHECKSUMS:
        return written ? IAA_STATUS_SIZE : IAA_STATUS_NONE;
    case IAA_AECS_SIZE_NO_HISTORY:
    case IAA_AECS_SIZE_FULL:
        return IAA_STATUS_NONE;
    default:
        return IAA_STATUS_SIZE;
    }
}

static uint8_t iaa_decompress_check_src2(const IAADescriptor *desc)
{
    if ((desc->op_flags & IAA_FLAG_WR_SRC2) == IAA_FLAG_WR_SRC2) {
        return IAA_STATUS_MODE;
    }
    switch (desc->op_flags & IAA_FLAG_RD_SRC2) {
    case 0:
        return desc->op_flags & IAA_FLAG_WR_SRC2 ? IAA_STATUS_FLAGS
                                                 : IAA_STATUS_NONE;
    case IAA_FLAG_RD_SRC2_AECS:
        return iaa_decompress_check_aecs(desc);
    default:
        return IAA_STATUS_FLAGS;
    }
}

static uint8_t iaa_decompress_check(const IAAState *s, const IAAJob *job)
{
    const IAADescriptor *desc = &job->work.desc;
    uint8_t status = iaa_decompress_check_src2(desc);
    uint16_t known = IAA_DECOMPRESS_ENABLE | IAA_DECOMPRESS_FLUSH |
                     IAA_DECOMPRESS_STOP_ON_EOB | IAA_DECOMPRESS_CHECK_EOB |
                     IAA_DECOMPRESS_BFINAL | IAA_DECOMPRESS_SUPPRESS;

    if (desc->mode & ~known || !(desc->mode & IAA_DECOMPRESS_ENABLE)) {
        return IAA_STATUS_MODE;
    }
    if (desc->filter_flags || desc->num_inputs) {
        return IAA_STATUS_FILTER_FLAGS;
    }
    if (status == IAA_STATUS_NONE) {
        status = iaa_ops_check_data(s, job, iaa_decompress_writes(desc));
    }
    return status;
}

static bool iaa_decompress_start(IAAEngine *e)
{
    IAAJob *job = &e->job;
    const IAADescriptor *desc = &job->work.desc;
    const IAADecompressAECS *aecs = &e->decompress_aecs;
    IAAInflateParams params = {
        .max_out = desc->max_dst_size,
        .suppress_output = !iaa_decompress_writes(desc),
        .stop_on_eob = desc->mode & IAA_DECOMPRESS_STOP_ON_EOB,
        .check_eob = desc->mode & IAA_DECOMPRESS_CHECK_EOB,
        .select_bfinal = desc->mode & IAA_DECOMPRESS_BFINAL,
        .to_be_continued = desc->op_flags & IAA_FLAG_WR_SRC2_DONE,
    };
    IAACodecError error;

    job->writes = iaa_decompress_writes(desc);
    iaa_inflate_start(e->inflate, &params);
    if (!(desc->op_flags & IAA_FLAG_RD_SRC2)) {
        iaa_checksum_start(&job->sum, desc->op_flags & IAA_FLAG_CRC32C, 0, 0);
        return true;
    }
    iaa_checksum_start(&job->sum, desc->op_flags & IAA_FLAG_CRC32C,
                       le32_to_cpu(aecs->crc), le32_to_cpu(aecs->xor_checksum));
    error = iaa_aecs_load(e->iaa, e->inflate, aecs, desc->src2_size);
    if (error != IAA_CODEC_OK) {
        job->record.status = IAA_STATUS_ANALYTICS;
        job->record.error = error;
        return false;
    }
    return true;
}

static IAAStep iaa_decompress_step(IAAEngine *e)
{
    const uint8_t *out = e->io.out;
    IAAStep step = iaa_inflate_step(e->inflate, &e->io);
    size_t made = e->io.out - out;

    iaa_checksum_update(&e->job.sum, out, made);
    e->job.done += made;
    if (step == IAA_STEP_DONE) {
        iaa_ops_finish(&e->job, iaa_inflate_result(e->inflate));
    }
    return step;
}

static void iaa_decompress_save(IAAEngine *e)
{
    IAADecompressAECS *aecs = &e->decompress_aecs;

    iaa_aecs_save(e->iaa, e->inflate, aecs, e->job.work.desc.src2_size);
    aecs->crc = cpu_to_le32(e->job.sum.crc);
    aecs->xor_checksum = cpu_to_le32(e->job.sum.xor);
}

/* By opcode; those without a name do not exist */
static const IAAOperation iaa_operations[] = {
    [IAA_OP_NOOP] = {
        .name = "noop",
        .flags = IAA_FLAGS_COMPLETE,
        .timing = IAA_TIMING_COMPRESS,
        .check = iaa_noop_check,
        .start = iaa_noop_start,
        .step = iaa_noop_step,
    },
    [IAA_OP_DRAIN] = {
        .name = "drain",
        .flags = IAA_FLAGS_COMPLETE,
        .timing = IAA_TIMING_COMPRESS,
        .check = iaa_noop_check,
        .start = iaa_noop_start,
        .step = iaa_noop_step,
    },
    [IAA_OP_DECOMPRESS] = {
        .name = "decompress",
        .flags = IAA_FLAGS_COMPLETE | IAA_FLAGS_ACCESS | IAA_FLAGS_AECS |
                 IAA_FLAG_CRC32C,
        .timing = IAA_TIMING_DECOMPRESS,
        .check = iaa_decompress_check,
        .start = iaa_decompress_start,
        .step = iaa_decompress_step,
        .save = iaa_decompress_save,
    },
    [IAA_OP_COMPRESS] = {
        .name = "compress",
        .flags = IAA_FLAGS_COMPLETE | IAA_FLAGS_ACCESS | IAA_FLAGS_AECS |
                 IAA_FLAG_CRC32C,
        .timing = IAA_TIMING_COMPRESS,
        .check = iaa_compress_check,
        .start = iaa_compress_start,
        .step = iaa_compress_step,
        .save = iaa_compress_save,
    },
};

/**
 * iaa_ops_find: look up an operation
 * @opcode: as in the descriptor
 *
 * Returns: NULL if there is none.
 */
const IAAOperation *iaa_ops_find(uint8_t opcode)
{
    if (opcode >= ARRAY_SIZE(iaa_operations) || !iaa_operations[opcode].name) {
        return NULL;
    }
    return &iaa_operations[opcode];
}
