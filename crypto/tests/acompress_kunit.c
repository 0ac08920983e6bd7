// SPDX-License-Identifier: GPL-2.0
/*
 * Plain acomp requests: sources and destinations in pieces, output that does not
 * fit, windows.  Run for every compressor that is registered.
 */
#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/zlib.h>

#include "acompress-test.h"

static struct acomp_test_algs algs;

static int acomp_suite_init(struct kunit_suite *suite)
{
	acomp_test_list_algs(&algs);
	return algs.count ? 0 : -ENOENT;
}

static const void *acomp_gen_alg(struct kunit *test, const void *prev, char *desc)
{
	return acomp_test_next_alg(&algs, prev, desc);
}

/* A request and all that one needs to submit it and to wait for it. */
struct acomp_test {
	struct kunit *test;
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	struct crypto_wait wait;
	unsigned int dlen;		/* of the last request */
};

static struct acomp_test *acomp_test_start(struct kunit *test, const char *name)
{
	struct acomp_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->tfm = acomp_test_tfm(test, name);
	t->req = acomp_test_req(test, t->tfm);
	crypto_init_wait(&t->wait);
	acomp_request_set_callback(t->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				   crypto_req_done, &t->wait);
	return t;
}

static int acomp_test_run(struct acomp_test *t, bool comp,
			  struct scatterlist *src, unsigned int slen,
			  struct scatterlist *dst, unsigned int dlen)
{
	int err;

	acomp_request_set_params(t->req, src, dst, slen, dlen);
	err = crypto_wait_req(comp ? crypto_acomp_compress(t->req) :
				     crypto_acomp_decompress(t->req), &t->wait);
	t->dlen = t->req->dlen;
	return err;
}

/* From one piece of kmalloc() memory to another. */
static int acomp_test_run_linear(struct acomp_test *t, bool comp,
				 void *src, unsigned int slen,
				 void *dst, unsigned int dlen)
{
	struct scatterlist ssg, dsg;

	sg_init_one(&ssg, src, slen);
	sg_init_one(&dsg, dst, dlen);
	return acomp_test_run(t, comp, &ssg, slen, &dsg, dlen);
}

static void *acomp_test_kmalloc(struct kunit *test, size_t size)
{
	void *buf = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

#define SCATTERED_MAX	(4 * 4096)

static const unsigned int awkward_lens[] = { 1, 511, 4095, 13, 2048, 3 };

static void check_scattered(struct acomp_test *t, unsigned int len, u8 *plain,
			    u8 *one, u8 *other)
{
	struct scatterlist *src, dst;
	unsigned int clen;

	KUNIT_ASSERT_EQ(t->test, 0,
			acomp_test_run_linear(t, true, plain, len, one, 2 * SCATTERED_MAX));
	clen = t->dlen;

	src = acomp_test_split(t->test, plain, len, awkward_lens,
			       ARRAY_SIZE(awkward_lens));
	sg_init_one(&dst, other, 2 * SCATTERED_MAX);
	KUNIT_ASSERT_EQ(t->test, 0, acomp_test_run(t, true, src, len, &dst,
						   2 * SCATTERED_MAX));
	memset(one, 0, len);
	sg_init_one(&dst, one, len);
	src = acomp_test_split(t->test, other, t->dlen, awkward_lens,
			       ARRAY_SIZE(awkward_lens));
	KUNIT_ASSERT_EQ(t->test, 0, acomp_test_run(t, false, src, t->dlen, &dst, len));
	KUNIT_EXPECT_EQ_MSG(t->test, t->dlen, len, "compressed to %u", clen);
	KUNIT_EXPECT_MEMEQ_MSG(t->test, one, plain, len, "%u bytes", len);
}

/* Test that a source in pieces works, also when it exceeds a page. */
static void scattered_source(struct kunit *test)
{
	static const unsigned int lens[] = { 100, 4095, 4096, 4097, SCATTERED_MAX };
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_kmalloc(test, SCATTERED_MAX);
	u8 *one = acomp_test_kmalloc(test, 2 * SCATTERED_MAX);
	u8 *other = acomp_test_kmalloc(test, 2 * SCATTERED_MAX);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		acomp_test_fill(plain, lens[i], ACOMP_TEST_MIXED, i);
		check_scattered(t, lens[i], plain, one, other);
	}
}

/* More than the zeroes below take with any compressor. */
#define LARGE_OUT	SZ_256K

/*
 * Test that a source in pieces that is larger than kmalloc() can copy may be
 * submitted where one must not sleep.  Debug kernels say so if something does.
 */
static void large_source_atomic(struct kunit *test)
{
	static const size_t len = KMALLOC_MAX_SIZE + PAGE_SIZE;
	static const unsigned int piece = PAGE_SIZE;
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_alloc(test, len);
	u8 *out = acomp_test_kmalloc(test, LARGE_OUT);
	struct scatterlist *src, dst;
	int err;

	if (acomp_is_async(t->tfm))
		kunit_skip(test, "a driver, which does not copy");
	acomp_test_fill(plain, len, ACOMP_TEST_ZERO, 0);
	src = acomp_test_split(test, plain, len, &piece, 1);
	sg_init_one(&dst, out, LARGE_OUT);
	acomp_request_set_params(t->req, src, &dst, len, LARGE_OUT);

	preempt_disable();
	err = crypto_acomp_compress(t->req);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, 0, err);
}

#define GUARD_ORDER	7
#define GUARD_BYTE	0xa5

/*
 * Pages of which every second is held and the others are given back, so that the
 * pages allocated next lie before one of ours.
 */
static struct page *guard_pages(struct kunit *test)
{
	struct page *pages = alloc_pages_node(cpu_to_node(0), GFP_KERNEL, GUARD_ORDER);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	split_page(pages, GUARD_ORDER);
	for (i = 1; i < 1 << GUARD_ORDER; i += 2)
		memset(page_address(pages + i), GUARD_BYTE, PAGE_SIZE);
	for (i = 0; i < 1 << GUARD_ORDER; i += 2)
		__free_page(pages + i);
	return pages;
}

static void check_guard_pages(struct kunit *test, struct page *pages)
{
	unsigned int i;

	for (i = 1; i < 1 << GUARD_ORDER; i += 2) {
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(page_address(pages + i),
						       GUARD_BYTE, PAGE_SIZE),
				      "memory behind page %u was overwritten", i - 1);
		__free_page(pages + i);
	}
}

/*
 * Test that a source in pieces does not overwrite what lies behind a scratch
 * page.  The page is allocated with the first tfm, on the first CPU's node; with
 * luck, which on an idle machine it always has, it lies before a guard page.
 */
static void scratch_overrun(struct kunit *test)
{
	u8 *plain = acomp_test_kmalloc(test, 2 * PAGE_SIZE);
	u8 *out = acomp_test_kmalloc(test, 4 * PAGE_SIZE);
	struct scatterlist *src, dst;
	struct acomp_test *t;
	struct page *pages;

	/* Page lists of the allocator are per CPU. */
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	acomp_test_fill(plain, 2 * PAGE_SIZE, ACOMP_TEST_MIXED, 1);
	src = acomp_test_split(test, plain, 2 * PAGE_SIZE, awkward_lens,
			       ARRAY_SIZE(awkward_lens));
	sg_init_one(&dst, out, 4 * PAGE_SIZE);

	pages = guard_pages(test);
	t = acomp_test_start(test, test->param_value);
	KUNIT_EXPECT_EQ(test, 0, acomp_test_run(t, true, src, 2 * PAGE_SIZE, &dst,
						4 * PAGE_SIZE));
	check_guard_pages(test, pages);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

#define PIECES_LEN	3000

/* Decompress what is in pieces; the destination is one. */
static void check_round_trip(struct acomp_test *t, struct scatterlist *src,
			     unsigned int slen, const u8 *plain, u8 *back)
{
	struct scatterlist dst;

	sg_init_one(&dst, back, PIECES_LEN);
	KUNIT_EXPECT_EQ_MSG(t->test, 0,
			    acomp_test_run(t, false, src, slen, &dst, PIECES_LEN),
			    "output of %u bytes", slen);
	KUNIT_EXPECT_EQ(t->test, t->dlen, PIECES_LEN);
	KUNIT_EXPECT_MEMEQ(t->test, back, plain, PIECES_LEN);
}

/*
 * Test that a destination in two pieces takes the output or is too small, for
 * every total around the size of the output and every place to split it.
 */
static void destination_in_pieces(struct kunit *test)
{
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_kmalloc(test, PIECES_LEN);
	u8 *out = acomp_test_kmalloc(test, 2 * PIECES_LEN);
	u8 *back = acomp_test_kmalloc(test, PIECES_LEN);
	unsigned int total, first, fitted = 0, last;
	struct scatterlist src[1], dst[2];

	acomp_test_fill(plain, PIECES_LEN, ACOMP_TEST_TEXT, 3);
	KUNIT_ASSERT_EQ(test, 0, acomp_test_run_linear(t, true, plain, PIECES_LEN,
						       out, 2 * PIECES_LEN));
	last = t->dlen + 24;
	for (total = t->dlen - 16; total <= last; total++) {
		for (first = total - 20; first < total; first++) {
			int err;

			sg_init_one(src, plain, PIECES_LEN);
			sg_init_table(dst, 2);
			sg_set_buf(&dst[0], out, first);
			sg_set_buf(&dst[1], out + PIECES_LEN, total - first);
			err = acomp_test_run(t, true, src, PIECES_LEN, dst, total);
			if (err == -ENOSYS)
				kunit_skip(test, "takes one piece only");
			if (err) {
				KUNIT_ASSERT_EQ(test, -ENOSPC, err);
				continue;
			}
			fitted++;
			KUNIT_ASSERT_LE(test, t->dlen, total);
			check_round_trip(t, dst, t->dlen, plain, back);
		}
	}
	KUNIT_EXPECT_GT(test, fitted, 0);
}

/* Test that decompression fills a destination of many pieces, to the last byte. */
static void decompress_into_pieces(struct kunit *test)
{
	static const unsigned int lens[] = { 700, 1, 4096, 33 };
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_kmalloc(test, SCATTERED_MAX);
	u8 *out = acomp_test_kmalloc(test, 2 * SCATTERED_MAX);
	u8 *back = acomp_test_kmalloc(test, SCATTERED_MAX);
	struct scatterlist *src, *dst;
	unsigned int clen, piece;
	int err;

	acomp_test_fill(plain, SCATTERED_MAX, ACOMP_TEST_TEXT, 11);
	KUNIT_ASSERT_EQ(test, 0, acomp_test_run_linear(t, true, plain, SCATTERED_MAX,
						       out, 2 * SCATTERED_MAX));
	clen = t->dlen;
	for (piece = 1; piece <= clen; piece = 2 * piece + 1) {
		src = acomp_test_split(test, out, clen, &piece, 1);
		dst = acomp_test_split(test, back, SCATTERED_MAX, lens, ARRAY_SIZE(lens));
		memset(back, 0, SCATTERED_MAX);
		err = acomp_test_run(t, false, src, clen, dst, SCATTERED_MAX);
		if (err == -ENOSYS)
			kunit_skip(test, "takes one piece only");
		KUNIT_EXPECT_EQ_MSG(test, 0, err, "source in pieces of %u", piece);
		KUNIT_EXPECT_EQ(test, t->dlen, SCATTERED_MAX);
		KUNIT_EXPECT_EQ(test, 0, memcmp(back, plain, SCATTERED_MAX));

		KUNIT_EXPECT_EQ(test, -ENOSPC,
				acomp_test_run(t, false, src, clen, dst, SCATTERED_MAX - 1));
		if (piece < clen - 8)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					acomp_test_run(t, false, src, clen - 8, dst,
						       SCATTERED_MAX));
	}
}

static void check_does_not_fit(struct acomp_test *t, enum acomp_test_data data,
			       u8 *plain, u8 *out, u8 *back)
{
	struct kunit *test = t->test;
	unsigned int clen;

	acomp_test_fill(plain, PAGE_SIZE, data, 5);
	KUNIT_ASSERT_EQ(test, 0, acomp_test_run_linear(t, true, plain, PAGE_SIZE,
						       out, 2 * PAGE_SIZE));
	clen = t->dlen;

	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, false, out, clen, back,
							     PAGE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, false, out, clen, back,
							     PAGE_SIZE / 2));
	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, false, out, clen, back, 1));
	KUNIT_EXPECT_EQ(test, 0, acomp_test_run_linear(t, false, out, clen, back, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, t->dlen);

	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, true, plain, PAGE_SIZE,
							     out, clen - 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, true, plain, PAGE_SIZE,
							     out, clen / 2));
	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, true, plain, PAGE_SIZE,
							     out, 1));
}

/* Test that output that does not fit is -ENOSPC, in both directions. */
static void does_not_fit(struct kunit *test)
{
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_kmalloc(test, PAGE_SIZE);
	u8 *out = acomp_test_kmalloc(test, 2 * PAGE_SIZE);
	u8 *back = acomp_test_kmalloc(test, PAGE_SIZE);
	enum acomp_test_data data;

	for (data = ACOMP_TEST_ZERO; data < ACOMP_TEST_NR_DATA; data++)
		check_does_not_fit(t, data, plain, out, back);
}

/*
 * Test that a destination of no bytes is one where nothing fits, and that none at
 * all, or an empty source, is an error of the caller.
 */
static void no_room(struct kunit *test)
{
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_kmalloc(test, PAGE_SIZE);
	u8 *out = acomp_test_kmalloc(test, 2 * PAGE_SIZE);
	struct scatterlist src;
	unsigned int clen;

	acomp_test_fill(plain, PAGE_SIZE, ACOMP_TEST_TEXT, 6);
	KUNIT_ASSERT_EQ(test, 0, acomp_test_run_linear(t, true, plain, PAGE_SIZE,
						       out, 2 * PAGE_SIZE));
	clen = t->dlen;
	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, true, plain, PAGE_SIZE, out, 0));
	KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_test_run_linear(t, false, out, clen, plain, 0));

	KUNIT_EXPECT_EQ(test, -EINVAL, acomp_test_run_linear(t, true, plain, 0, out, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, acomp_test_run_linear(t, false, out, 0, plain, 0));
	sg_init_one(&src, plain, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EINVAL, acomp_test_run(t, true, &src, PAGE_SIZE, NULL, 0));
	sg_init_one(&src, out, clen);
	KUNIT_EXPECT_EQ(test, -EINVAL, acomp_test_run(t, false, &src, clen, NULL, 0));
}

/* Test that a source that ends too early is no -ENOSPC. */
static void truncated_source(struct kunit *test)
{
	struct acomp_test *t = acomp_test_start(test, test->param_value);
	u8 *plain = acomp_test_kmalloc(test, PAGE_SIZE);
	u8 *out = acomp_test_kmalloc(test, 2 * PAGE_SIZE);
	u8 *back = acomp_test_kmalloc(test, 2 * PAGE_SIZE);
	int err;

	acomp_test_fill(plain, PAGE_SIZE, ACOMP_TEST_TEXT, 7);
	KUNIT_ASSERT_EQ(test, 0, acomp_test_run_linear(t, true, plain, PAGE_SIZE,
						       out, 2 * PAGE_SIZE));
	err = acomp_test_run_linear(t, false, out, t->dlen / 2, back, 2 * PAGE_SIZE);
	KUNIT_EXPECT_LT(test, err, 0);
	KUNIT_EXPECT_NE(test, -ENOSPC, err);
}

#define WINDOW_LEN	(80 * 1024)

/* Compress with zlib and its largest window. */
static unsigned int zlib_compress(struct kunit *test, const u8 *src, u8 *dst)
{
	struct z_stream_s stream = {
		.workspace = acomp_test_alloc(test, zlib_deflate_workspacesize(-MAX_WBITS,
									       MAX_MEM_LEVEL)),
		.next_in = src,
		.avail_in = WINDOW_LEN,
		.next_out = dst,
		.avail_out = WINDOW_LEN,
	};

	KUNIT_ASSERT_EQ(test, Z_OK,
			zlib_deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
					  -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY));
	KUNIT_ASSERT_EQ(test, Z_STREAM_END, zlib_deflate(&stream, Z_FINISH));
	return stream.total_out;
}

/*
 * Test that a stream of another compressor inflates, however far its matches
 * reach back: noise that repeats at a distance compresses only by such matches.
 */
static void deflate_window(struct kunit *test)
{
	static const unsigned int distances[] = { 2047, 2049, 4096, 20000, 32500 };
	static const unsigned int lens[] = { 700 };
	struct acomp_test *t = acomp_test_start(test, "deflate-generic");
	u8 *plain = acomp_test_alloc(test, WINDOW_LEN);
	u8 *out = acomp_test_alloc(test, WINDOW_LEN);
	u8 *back = acomp_test_alloc(test, WINDOW_LEN);
	struct scatterlist *src, *dst;
	unsigned int i, pos, clen;

	for (i = 0; i < ARRAY_SIZE(distances); i++) {
		acomp_test_fill(plain, distances[i], ACOMP_TEST_RANDOM, i);
		for (pos = distances[i]; pos < WINDOW_LEN; pos++)
			plain[pos] = plain[pos - distances[i]];
		clen = zlib_compress(test, plain, out);
		KUNIT_ASSERT_LT_MSG(test, clen, distances[i] + WINDOW_LEN / 20,
				    "no match at distance %u", distances[i]);

		memset(back, 0, WINDOW_LEN);
		src = acomp_test_split(test, out, clen, lens, ARRAY_SIZE(lens));
		dst = acomp_test_split(test, back, WINDOW_LEN, lens, ARRAY_SIZE(lens));
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    acomp_test_run(t, false, src, clen, dst, WINDOW_LEN),
				    "distance %u", distances[i]);
		KUNIT_EXPECT_EQ(test, t->dlen, WINDOW_LEN);
		KUNIT_EXPECT_EQ(test, 0, memcmp(back, plain, WINDOW_LEN));
	}
}

static struct kunit_case acomp_cases[] = {
	KUNIT_CASE_PARAM(scratch_overrun, acomp_gen_alg),
	KUNIT_CASE_PARAM(scattered_source, acomp_gen_alg),
	KUNIT_CASE_PARAM(large_source_atomic, acomp_gen_alg),
	KUNIT_CASE_PARAM(destination_in_pieces, acomp_gen_alg),
	KUNIT_CASE_PARAM(decompress_into_pieces, acomp_gen_alg),
	KUNIT_CASE_PARAM(does_not_fit, acomp_gen_alg),
	KUNIT_CASE_PARAM(no_room, acomp_gen_alg),
	KUNIT_CASE_PARAM(truncated_source, acomp_gen_alg),
	KUNIT_CASE(deflate_window),
	{}
};

static struct kunit_suite acomp_suite = {
	.name = "acompress",
	.suite_init = acomp_suite_init,
	.test_cases = acomp_cases,
};
kunit_test_suite(acomp_suite);

MODULE_DESCRIPTION("KUnit tests of acomp requests");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("CRYPTO_INTERNAL");
