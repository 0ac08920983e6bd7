// SPDX-License-Identifier: GPL-2.0
/*
 * The self-check of a queue: before pages are entrusted to it, it shows that it does
 * what the driver takes for granted.
 *
 * Compressed bytes are never compared, as a device may choose them: what counts is
 * that they are not more than deflate allows, the CRC, and what they decompress to.
 * A deviation takes away only what cannot work: a mode, decompression, verification.
 */
#include <linux/bitops.h>
#include <linux/crc32.h>
#include <linux/dma-mapping.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/zlib.h>
#include <kunit/visibility.h>
#include "idxd.h"
#include "iaa.h"

static bool iaa_self_check = true;
module_param_named(self_check, iaa_self_check, bool, 0644);
MODULE_PARM_DESC(self_check, "Check a queue before it is used [Y]");

/* What each of the streams below decompresses to: 'a' + number of ones of the index */
#define IAA_PATTERN_LEN		256

static const u8 iaa_fixed_stream[] = {
	0x4b, 0x4c, 0x4a, 0x4a, 0x4e, 0x4a, 0x4e, 0x4e, 0x01, 0xe1, 0xe4, 0x94,
	0x94, 0x54, 0x18, 0x0d, 0xc2, 0x29, 0xa9, 0xa9, 0x69, 0xe8, 0x7c, 0x18,
	0x0d, 0xc2, 0xa9, 0x69, 0x69, 0xe9, 0x84, 0xe4, 0xd1, 0xf9, 0x30, 0x1a,
	0x84, 0xd3, 0xd2, 0xd3, 0x33, 0x28, 0xd5, 0x4f, 0x48, 0x1e, 0x9d, 0x0f,
	0xa3, 0x41, 0x38, 0x3d, 0x23, 0x23, 0x13, 0x00,
};

static const u8 iaa_dynamic_stream[] = {
	0xa5, 0x8b, 0xb9, 0x0d, 0x00, 0x30, 0x08, 0x03, 0x67, 0x0d, 0x36, 0x4f,
	0xf6, 0x5f, 0x20, 0x72, 0x41, 0x43, 0x43, 0x91, 0xe2, 0x74, 0x3a, 0x59,
	0x3e, 0x66, 0x30, 0x80, 0x02, 0xa4, 0xb7, 0x05, 0xdd, 0x63, 0x76, 0x5b,
	0x78, 0x44, 0x6e, 0xfb, 0xec, 0xb6, 0x88, 0xcc, 0xfa, 0xfd, 0x6f, 0xfb,
	0xec, 0xb6, 0xc8, 0xaa, 0xfb, 0x00,
};

/* The first eight bytes of the pattern */
static const u8 iaa_stored_stream[] = {
	0x01, 0x08, 0x00, 0xf7, 0xff, 0x61, 0x62, 0x62, 0x63, 0x62, 0x63, 0x63, 0x64,
};

/* A fixed block, an empty stored one, a stored one of eight bytes, a fixed one */
static const u8 iaa_blocks_stream[] = {
	0x4a, 0x4c, 0x4a, 0x4a, 0x4e, 0x4a, 0x4e, 0x4e, 0x01, 0xe1, 0xe4, 0x94,
	0x94, 0x54, 0x18, 0x0d, 0xc2, 0x29, 0xa9, 0xa9, 0x69, 0xe8, 0x7c, 0x18,
	0x0d, 0xc2, 0xa9, 0x69, 0x69, 0xe9, 0x84, 0xe4, 0x01, 0x00, 0x00, 0x00,
	0xff, 0xff, 0x00, 0x08, 0x00, 0xf7, 0xff, 0x63, 0x64, 0x64, 0x65, 0x64,
	0x65, 0x65, 0x66, 0x4b, 0x49, 0x4d, 0x4d, 0x4b, 0x4d, 0x4b, 0x4b, 0x4f,
	0x81, 0xd2, 0x20, 0x9c, 0x96, 0x9e, 0x9e, 0x91, 0x94, 0x9c, 0x9c, 0x92,
	0x9c, 0x92, 0x92, 0x0a, 0xc2, 0x20, 0x39, 0x18, 0x0d, 0x53, 0x87, 0xce,
	0x47, 0xd7, 0x4f, 0x48, 0x1e, 0x9d, 0x0f, 0xa3, 0x41, 0x38, 0x3d, 0x23,
	0x23, 0x13, 0x00,
};

static const struct {
	const char *what;
	const u8 *data;
	u32 len;
	u32 plain_len;
} iaa_streams[] = {
	{ "a fixed block", iaa_fixed_stream, sizeof(iaa_fixed_stream), IAA_PATTERN_LEN },
	{ "a dynamic block", iaa_dynamic_stream, sizeof(iaa_dynamic_stream), IAA_PATTERN_LEN },
	{ "a stored block", iaa_stored_stream, sizeof(iaa_stored_stream), 8 },
	{ "several blocks", iaa_blocks_stream, sizeof(iaa_blocks_stream), IAA_PATTERN_LEN },
};

/**
 * struct iaa_check_memory - what the device reads and writes
 * @plain: what is compressed, or what a stream must decompress to
 * @coded: a stream
 * @output: what a stream was decompressed to
 */
struct iaa_check_memory {
	u8 plain[SZ_4K];
	u8 coded[SZ_4K];
	u8 output[SZ_4K];
};

/**
 * struct iaa_check - a check that is under way
 * @wq: the queue
 * @desc: the descriptor of it that is used for all
 * @mem: the memory
 * @dma: where @mem is for the device
 * @workspace: of software that reads streams
 * @what: what is being sent
 * @at_stake: what the queue cannot be used for if the answer is wrong
 * @can: what the queue can still be used for
 */
struct iaa_check {
	struct iaa_wq *wq;
	struct idxd_desc *desc;
	struct iaa_check_memory *mem;
	dma_addr_t dma;
	void *workspace;
	const char *what;
	unsigned long at_stake;
	unsigned long can;
};

/* A status, and what goes with it; @size_optional: or none. */
struct iaa_answer {
	u8 status;
	u8 error;
	u32 size;
	u32 crc;
	bool size_optional;
};

/* The observer's delays are not the device's: see iaa_watch.c. */
static int iaa_check_wait(const struct iax_completion_record *record)
{
	ktime_t looked = ktime_get(), waited = 0;

	while (!READ_ONCE(record->status)) {
		ktime_t now = ktime_get();

		if (waited > iaa_wq_timeout() && !READ_ONCE(record->status))
			return -ETIMEDOUT;
		waited += iaa_look_counts(now, looked);
		looked = now;
		cpu_relax();
		cond_resched();
	}
	dma_rmb();

	return 0;
}

/* The descriptor is filled in. Returns an error if there was no answer. */
static int iaa_check_send(struct iaa_check *c)
{
	struct iax_completion_record *record = c->desc->iax_completion;
	int err;

	memset((void *)record, 0, sizeof(*record));
	if (idxd_submit_descs(c->wq->idxd_wq, &c->desc, 1) != 1)
		err = -EIO;
	else
		err = iaa_check_wait(record);
	if (err)
		dev_warn(c->wq->device->dev, "wq%d.%d self-check: no answer to %s: %d\n",
			 c->wq->idxd_wq->idxd->id, c->wq->idxd_wq->id, c->what, err);

	return err;
}

static bool iaa_check_deviates(struct iaa_check *c, const char *how)
{
	const struct iax_completion_record *record = c->desc->iax_completion;

	dev_warn(c->wq->device->dev,
		 "wq%d.%d self-check: %s: %s (status %#x, error %#x, %u bytes, CRC %#x)\n",
		 c->wq->idxd_wq->idxd->id, c->wq->idxd_wq->id, c->what, how,
		 record->status, record->error_code, record->output_size, record->crc);
	iaa_count(check_failures);
	c->can &= ~c->at_stake;

	return true;
}

/* Returns whether the answer is another than it should be, and says so. */
static bool iaa_check_answer(struct iaa_check *c, const struct iaa_answer *right)
{
	const struct iax_completion_record *record = c->desc->iax_completion;

	if (record->status != right->status)
		return iaa_check_deviates(c, "wrong status");
	if (right->status != IAX_COMP_SUCCESS)
		return right->error && record->error_code != right->error &&
		       iaa_check_deviates(c, "wrong error code");
	if (record->crc != right->crc)
		return iaa_check_deviates(c, "wrong CRC");
	if (record->output_size != right->size && !(right->size_optional && !record->output_size))
		return iaa_check_deviates(c, "wrong size");

	return false;
}

static u32 iaa_crc(const u8 *data, u32 len)
{
	return ~crc32_le(~0, data, len);
}

static struct iaa_op iaa_check_op(const struct iaa_check *c, size_t src, u32 slen,
				  size_t dst, u32 dlen)
{
	return (struct iaa_op) {
		.src = c->dma + src,
		.dst = c->dma + dst,
		.record = c->desc->compl_dma,
		.slen = slen,
		.dlen = dlen,
		.flags = c->wq->op_flags,
	};
}

#define PLAIN	offsetof(struct iaa_check_memory, plain)
#define CODED	offsetof(struct iaa_check_memory, coded)
#define OUTPUT	offsetof(struct iaa_check_memory, output)

static int iaa_check_compress(struct iaa_check *c, const struct iaa_mode *mode,
			      u32 len, u32 room)
{
	struct iaa_op op = iaa_check_op(c, PLAIN, len, CODED, room);

	op.aecs = c->wq->device->aecs[mode->id];
	iaa_desc_compress(c->desc->iax_hw, &op, mode);

	return iaa_check_send(c);
}

static int iaa_check_decompress(struct iaa_check *c, u32 len, u32 room)
{
	struct iaa_op op = iaa_check_op(c, CODED, len, OUTPUT, room);

	memset(c->mem->output, 0, sizeof(c->mem->output));
	iaa_desc_decompress(c->desc->iax_hw, &op);

	return iaa_check_send(c);
}

/* What came out must be @len bytes of c->mem->plain. */
static void iaa_check_output(struct iaa_check *c, u32 len)
{
	struct iaa_answer right = {
		.status = IAX_COMP_SUCCESS,
		.size = len,
		.crc = iaa_crc(c->mem->plain, len),
	};

	if (iaa_check_answer(c, &right))
		return;
	if (memcmp(c->mem->output, c->mem->plain, len))
		iaa_check_deviates(c, "wrong output");
	/* The device has no business behind its output. */
	else if (memchr_inv(c->mem->output + len, 0, sizeof(c->mem->output) - len))
		iaa_check_deviates(c, "output beyond its end");
}

static void iaa_check_fill_pattern(struct iaa_check *c)
{
	unsigned int i;

	for (i = 0; i < IAA_PATTERN_LEN; i++)
		c->mem->plain[i] = 'a' + hweight8(i);
}

/* Streams of all kinds, whose output fits exactly. */
static int iaa_check_streams(struct iaa_check *c)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(iaa_streams); i++) {
		u32 len = iaa_streams[i].len, plain_len = iaa_streams[i].plain_len;
		int err;

		c->what = iaa_streams[i].what;
		memcpy(c->mem->coded, iaa_streams[i].data, len);
		err = iaa_check_decompress(c, len, plain_len);
		if (err)
			return err;
		iaa_check_output(c, plain_len);
	}

	return 0;
}

/* An output that fits by one byte not. */
static int iaa_check_overflow(struct iaa_check *c)
{
	static const struct iaa_answer too_long = { .status = IAX_COMP_OUTBUF_OVERFLOW };
	int err;

	c->what = "a fixed block with a byte too little room";
	memcpy(c->mem->coded, iaa_fixed_stream, sizeof(iaa_fixed_stream));
	err = iaa_check_decompress(c, sizeof(iaa_fixed_stream), IAA_PATTERN_LEN - 1);
	if (err)
		return err;
	if (!iaa_check_answer(c, &too_long) && c->mem->output[IAA_PATTERN_LEN - 1])
		iaa_check_deviates(c, "output beyond its end");

	return 0;
}

static int iaa_check_decompression(struct iaa_check *c)
{
	int err;

	c->at_stake = IAA_CAN_DECOMPRESS | IAA_CAN_VERIFY;
	iaa_check_fill_pattern(c);
	err = iaa_check_streams(c);

	return err ?: iaa_check_overflow(c);
}

/* A decompression for its CRC alone. */
static int iaa_check_verification(struct iaa_check *c)
{
	struct iaa_op op = iaa_check_op(c, PLAIN, IAA_PATTERN_LEN, CODED,
					sizeof(iaa_fixed_stream));
	struct iaa_answer right = {
		.status = IAX_COMP_SUCCESS,
		.size = IAA_PATTERN_LEN,
		.crc = iaa_crc(c->mem->plain, IAA_PATTERN_LEN),
		.size_optional = true,
	};
	int err;

	c->what = "a verification";
	c->at_stake = IAA_CAN_VERIFY;
	memcpy(c->mem->coded, iaa_fixed_stream, sizeof(iaa_fixed_stream));
	iaa_desc_verify(c->desc->iax_hw, &op, sizeof(iaa_fixed_stream));
	err = iaa_check_send(c);
	if (!err)
		iaa_check_answer(c, &right);

	return err;
}

/* A page of words: some in no order, and these again and again */
static void iaa_check_fill_text(u8 *page)
{
	static const char words[][8] = {
		"memory ", "page ", "swap ", "the ", "of ", "in ", "cold ", "hot ",
	};
	u32 i, j, turn = 1;

	for (i = 0; i < IAA_PATTERN_LEN; turn = turn * 1103515245 + 12345)
		for (j = 0; words[turn >> 29][j] && i < IAA_PATTERN_LEN; j++)
			page[i++] = words[turn >> 29][j];
	for (; i < SZ_4K; i += IAA_PATTERN_LEN)
		memcpy(page + i, page, IAA_PATTERN_LEN);
}

/* Most bytes that a block of this mode may have: literals of nine bits, and a header. */
static u32 iaa_check_bound(const struct iaa_mode *mode, u32 len)
{
	/* 14 bits, 19 lengths of 3 bits, and 7 + 7 bits for each of 316 codes at most */
	u32 header = mode->needs_header_gen ? (14 + 19 * 3 + 316 * 14) / 8 + 1 : 0;

	return header + DIV_ROUND_UP(10 + 9 * len, 8);
}

/* Returns whether software makes of a stream what it was made of. */
static bool iaa_check_inflates(struct iaa_check *c, u32 len, u32 coded_len)
{
	struct z_stream_s stream = {
		.workspace = c->workspace,
		.next_in = c->mem->coded,
		.avail_in = coded_len,
		.next_out = c->mem->output,
		.avail_out = sizeof(c->mem->output),
	};

	return zlib_inflateInit2(&stream, -MAX_WBITS) == Z_OK &&
	       zlib_inflate(&stream, Z_FINISH) == Z_STREAM_END &&
	       stream.total_out == len && !memcmp(c->mem->output, c->mem->plain, len);
}

/* Compresses @len bytes of c->mem->plain; sets @coded_len unless that is wrong. */
static int iaa_check_there(struct iaa_check *c, const struct iaa_mode *mode, u32 len,
			   u32 *coded_len)
{
	const struct iax_completion_record *record = c->desc->iax_completion;
	u32 room = min_t(u32, iaa_check_bound(mode, len), sizeof(c->mem->coded));
	struct iaa_answer right = {
		.status = IAX_COMP_SUCCESS,
		.crc = iaa_crc(c->mem->plain, len),
	};
	int err;

	c->at_stake = BIT(mode->id);
	err = iaa_check_compress(c, mode, len, room);
	if (err)
		return err;

	right.size = record->output_size;
	if (iaa_check_answer(c, &right))
		return 0;
	if (!right.size || right.size > room)
		iaa_check_deviates(c, "wrong size");
	else if (!iaa_check_inflates(c, len, right.size))
		iaa_check_deviates(c, "wrong output");
	else
		*coded_len = right.size;

	return 0;
}

/* ... and back. What was made is good, so it is decompression that may be wrong. */
static int iaa_check_back(struct iaa_check *c, u32 len, u32 coded_len)
{
	int err;

	c->at_stake = IAA_CAN_DECOMPRESS | IAA_CAN_VERIFY;
	err = iaa_check_decompress(c, coded_len, len);
	if (!err)
		iaa_check_output(c, len);

	return err;
}

static int iaa_check_round_trip(struct iaa_check *c, const struct iaa_mode *mode, u32 len,
				u32 *coded_len)
{
	int err;

	*coded_len = 0;
	err = iaa_check_there(c, mode, len, coded_len);
	if (err || !*coded_len)
		return err;

	return iaa_check_back(c, len, *coded_len);
}

/* The page of text with as much room as it needs, and a byte less. */
static int iaa_check_room(struct iaa_check *c, const struct iaa_mode *mode, u32 coded_len)
{
	struct iaa_answer fits = {
		.status = IAX_COMP_SUCCESS,
		.size = coded_len,
		.crc = iaa_crc(c->mem->plain, SZ_4K),
	};
	static const struct iaa_answer too_long = {
		.status = IAX_COMP_ANALYTICS_ERROR,
		.error = IAA_ERROR_OUTPUT_OVERFLOW,
	};
	int err;

	c->at_stake = BIT(mode->id);
	c->what = "text with just enough room";
	err = iaa_check_compress(c, mode, SZ_4K, coded_len);
	if (err)
		return err;
	iaa_check_answer(c, &fits);

	c->what = "text with a byte too little room";
	memset(c->mem->coded, 0, sizeof(c->mem->coded));
	err = iaa_check_compress(c, mode, SZ_4K, coded_len - 1);
	if (err)
		return err;
	if (!iaa_check_answer(c, &too_long) && c->mem->coded[coded_len - 1])
		iaa_check_deviates(c, "output beyond its end");

	return 0;
}

static int iaa_check_samples(struct iaa_check *c, const struct iaa_mode *mode)
{
	static const struct {
		const char *what;
		u8 data[3];
		u32 len;
	} samples[] = {
		{ "\"a\"", "a", 1 },
		{ "\"abc\"", "abc", 3 },
		{ "ff 90 00", { 0xff, 0x90, 0x00 }, 3 },
	};
	unsigned int i;
	u32 coded_len;
	int err;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		c->what = samples[i].what;
		memcpy(c->mem->plain, samples[i].data, samples[i].len);
		err = iaa_check_round_trip(c, mode, samples[i].len, &coded_len);
		if (err)
			return err;
	}

	return 0;
}

static int iaa_check_mode(struct iaa_check *c, const struct iaa_mode *mode)
{
	u32 coded_len;
	int err;

	err = iaa_check_samples(c, mode);
	if (err)
		return err;

	c->what = "a page of text";
	iaa_check_fill_text(c->mem->plain);
	err = iaa_check_round_trip(c, mode, SZ_4K, &coded_len);
	if (err || !coded_len)
		return err;

	return iaa_check_room(c, mode, coded_len);
}

static int iaa_check_all(struct iaa_check *c)
{
	unsigned long modes = c->wq->device->modes;
	unsigned int id;
	int err;

	err = iaa_check_decompression(c);
	if (err)
		return err;
	err = iaa_check_verification(c);
	if (err)
		return err;

	for_each_set_bit(id, &modes, IAA_NR_MODES) {
		err = iaa_check_mode(c, iaa_modes[id]);
		if (err)
			return err;
	}

	return 0;
}

/* iaa_check_release() frees it, when the device has let go. */
static int iaa_check_alloc(struct iaa_check *c)
{
	struct iaa_wq *wq = c->wq;

	c->mem = dma_alloc_coherent(wq->device->dev, sizeof(*c->mem), &c->dma, GFP_KERNEL);
	if (!c->mem)
		return -ENOMEM;
	wq->check_memory = c->mem;
	wq->check_dma = c->dma;

	c->workspace = kvmalloc(zlib_inflate_workspacesize(), GFP_KERNEL);
	return c->workspace ? 0 : -ENOMEM;
}

/**
 * iaa_check_wq - find out what a queue can be used for
 * @wq: an open queue that nobody but the caller uses; its ->can is set
 *
 * If the check is turned off, the queue is taken at its device's word. Takes less
 * than 200 us on a device that works, and up to the time limit on one that does not.
 *
 * Context: may sleep. The caller holds wq_lock, and has called memalloc_noio_save().
 * Return: 0; -ENOMEM; or another error if the device did not answer. Then it may still
 *	   read and write what is to be freed by iaa_check_release().
 */
int iaa_check_wq(struct iaa_wq *wq)
{
	struct iaa_check c = {
		.wq = wq,
		.desc = wq->idxd_wq->descs[0],
		.can = wq->device->modes | IAA_CAN_DECOMPRESS | IAA_CAN_VERIFY,
	};
	int err;

	wq->can = c.can;
	if (!READ_ONCE(iaa_self_check))
		return 0;

	err = iaa_check_alloc(&c) ?: iaa_check_all(&c);
	kvfree(c.workspace);
	wq->can = err ? 0 : c.can;
	if (!err)
		iaa_check_release(wq);

	return err;
}

/**
 * iaa_check_release - free what the check of a queue has left
 * @wq: a queue of which the device has nothing
 *
 * Context: may sleep
 */
void iaa_check_release(struct iaa_wq *wq)
{
	if (wq->check_memory)
		dma_free_coherent(wq->device->dev, sizeof(struct iaa_check_memory),
				  wq->check_memory, wq->check_dma);
	wq->check_memory = NULL;
}
