// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that consist of units, for every compressor that is registered and
 * for mock algorithms in each of their modes.
 */
#include <crypto/internal/acompress.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "acompress-test.h"
#include "acompress_mock.h"

#define MAX_COUNT	512
#define MAX_SIZE	16384
/* Data repeats after so many units, so that few need a reference. */
#define DISTINCT	16

/* What is tested: an algorithm, and how it is made to complete. */
struct units_param {
	char name[CRYPTO_MAX_ALG_NAME];
	enum mock_mode mode;
	bool poll;
};

static const struct {
	enum mock_mode mode;
	const char *name;
	const char *only;	/* for this mock, if not for both */
} modes[] = {
	{ MOCK_INLINE, "inline" }, { MOCK_AT_ONCE, "at-once" },
	{ MOCK_WORK, "work" }, { MOCK_LATE, "late" }, { MOCK_TIMER, "softirq" },
	{ MOCK_IRQ, "hardirq", MOCK_UNITS }, { MOCK_BACKLOG, "backlog" },
	/* Of whole requests -EAGAIN says something else. */
	{ MOCK_FULL, "full", MOCK_ASYNC },
	{ MOCK_GIVEN_BACK, "given back", MOCK_ASYNC },
	{ MOCK_GIVEN_BACK_LATE, "given back late", MOCK_ASYNC },
	{ MOCK_MIXED, "mixed" }, { MOCK_POLL, "poll" }, { MOCK_RACE, "race" },
	{ MOCK_RACE_IRQ, "hardirq race" },
};

static struct acomp_test_algs algs;
static struct units_param params[80];
static unsigned int nr_params;

static void add_mode_params(const char *name)
{
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		struct units_param *param = &params[nr_params];

		if (modes[i / 2].only && strcmp(name, modes[i / 2].only))
			continue;
		nr_params++;
		strscpy(param->name, name);
		param->mode = modes[i / 2].mode;
		param->poll = i % 2;
	}
}

static int units_suite_init(struct kunit_suite *suite)
{
	unsigned int i;
	int err;

	nr_params = 0;
	acomp_test_list_algs(&algs);
	for (i = 0; i < algs.count && i < 16; i++)
		strscpy(params[nr_params++].name, algs.names[i]);
	err = mock_register();
	if (err)
		return err;
	strscpy(params[nr_params++].name, MOCK_SYNC);
	add_mode_params(MOCK_ASYNC);
	add_mode_params(MOCK_UNITS);
	return 0;
}

static void units_suite_exit(struct kunit_suite *suite)
{
	mock_unregister();
}

static bool is_mock(const struct units_param *param)
{
	return !strncmp(param->name, "kunit-", 6);
}

static void describe_param(const struct units_param *param, char *desc)
{
	unsigned int i;

	strscpy(desc, param->name, KUNIT_PARAM_DESC_SIZE);
	if (!is_mock(param) || !strcmp(param->name, MOCK_SYNC))
		return;
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (modes[i].mode == param->mode)
			scnprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s%s", param->name,
				  modes[i].name, param->poll ? " polled" : "");
	}
}

static const void *gen_param(struct kunit *test, const void *prev, char *desc)
{
	const struct units_param *param = prev;

	param = param ? param + 1 : params;
	if (param == params + nr_params)
		return NULL;
	describe_param(param, desc);
	return param;
}

struct units_test {
	struct kunit *test;
	const struct units_param *param;
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	struct crypto_wait wait;

	/* To do something else between submission and wait. */
	bool wander;

	/* Counted by the callback. */
	atomic_t calls, notices, interruptible;

	/* The case at hand. */
	unsigned int size, count;
	enum acomp_test_data data;

	u8 *plain;			/* vmalloc memory */
	unsigned int capacity;		/* of out[], for @size */
	u8 *out[MAX_COUNT];		/* compressed, linear */
	u8 *back[MAX_COUNT];		/* decompressed, linear */
	u8 *ref[DISTINCT];		/* compressed by a plain request */
	int ref_result[DISTINCT];
};

static void units_callback(void *data, int err)
{
	struct units_test *t = data;

	atomic_inc(&t->calls);
	if (err == -EINPROGRESS)
		atomic_inc(&t->notices);
	if (!in_interrupt())
		atomic_inc(&t->interruptible);
	crypto_req_done(&t->wait, err);
}

static void units_set_flags(struct units_test *t, u32 flags)
{
	acomp_request_set_callback(t->req, flags, units_callback, t);
}

static void units_set_callback(struct units_test *t)
{
	units_set_flags(t, CRYPTO_TFM_REQ_MAY_SLEEP | CRYPTO_TFM_REQ_MAY_BACKLOG);
}

static void *units_alloc_buf(struct kunit *test, size_t size)
{
	void *buf = kmalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, acomp_test_kvfree, buf));
	return buf;
}

/* No compressor exceeds this by more than an eighth and a header. */
static unsigned int units_capacity(unsigned int size)
{
	return size + size / 4 + 128;
}

static struct units_test *units_start_sized(struct kunit *test, unsigned int max_count,
					    unsigned int max_size)
{
	struct units_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->param = test->param_value;
	t->tfm = acomp_test_tfm(test, t->param->name);
	t->req = acomp_test_req(test, t->tfm);
	crypto_init_wait(&t->wait);
	units_set_callback(t);
	acomp_request_set_poll(t->req, t->param->poll);

	t->plain = acomp_test_alloc(test, max_size * (size_t)max_count);
	for (i = 0; i < max_count; i++) {
		t->out[i] = units_alloc_buf(test, units_capacity(max_size));
		t->back[i] = units_alloc_buf(test, max_size);
	}
	for (i = 0; i < DISTINCT; i++)
		t->ref[i] = units_alloc_buf(test, units_capacity(max_size));
	return t;
}

static struct units_test *units_start(struct kunit *test, unsigned int max_count)
{
	return units_start_sized(test, max_count, MAX_SIZE);
}

/* Allocate, move to another CPU, and sleep there. */
static void units_wander(struct kunit *test)
{
	unsigned int cpu = cpumask_next_wrap(raw_smp_processor_id(), cpu_online_mask);

	KUNIT_EXPECT_NOT_NULL(test, kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	usleep_range(100, 200);
}

/* Submit a request as it is, wait, and check what holds for all of them. */
static int units_submit(struct units_test *t, bool comp)
{
	struct acomp_req old = *t->req;
	struct kunit *test = t->test;
	int submitted, err;

	atomic_set(&t->calls, 0);
	submitted = comp ? crypto_acomp_compress(t->req) :
			   crypto_acomp_decompress(t->req);
	if (t->wander)
		units_wander(test);
	err = crypto_acomp_wait(t->req, submitted, &t->wait);

	KUNIT_EXPECT_NE(test, err, -EINPROGRESS);
	KUNIT_EXPECT_NE(test, err, -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, old.src, t->req->src);
	KUNIT_EXPECT_PTR_EQ(test, old.dst, t->req->dst);
	KUNIT_EXPECT_EQ(test, old.slen, t->req->slen);
	KUNIT_EXPECT_EQ(test, old.base.flags, t->req->base.flags);
	KUNIT_EXPECT_PTR_EQ(test, old.base.data, t->req->base.data);
	KUNIT_EXPECT_TRUE(test, old.base.complete == t->req->base.complete);

	if (submitted == -EBUSY)	/* a driver's own backlog, with its notice */
		KUNIT_EXPECT_EQ(test, 2, atomic_read(&t->calls));
	else
		KUNIT_EXPECT_EQ(test, submitted == -EINPROGRESS, atomic_read(&t->calls));
	KUNIT_EXPECT_EQ(test, submitted == -EBUSY, atomic_xchg(&t->notices, 0));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->interruptible));
	KUNIT_EXPECT_EQ(test, 0, mock_wrong());
	return err;
}

static int units_run(struct units_test *t, bool comp, struct scatterlist *src,
		     unsigned int slen, struct scatterlist *dst, unsigned int dlen)
{
	acomp_request_set_params(t->req, src, dst, slen, dlen);
	acomp_request_set_unit_size(t->req, t->size);
	return units_submit(t, comp);
}

/* One unit of the case by a plain request of the same tfm. */
static void units_make_ref(struct units_test *t, unsigned int i)
{
	struct scatterlist dst, *src;

	src = acomp_test_split(t->test, t->plain + i * t->size, t->size, &t->size, 1);
	sg_init_one(&dst, t->ref[i], t->capacity);
	mock_mode = MOCK_WORK;
	acomp_request_set_params(t->req, src, &dst, t->size, t->capacity);
	acomp_request_set_unit_size(t->req, 0);
	KUNIT_ASSERT_EQ(t->test, 0, units_submit(t, true));
	t->ref_result[i] = t->req->dlen;
	mock_mode = t->param->mode;
}

static void units_set_case(struct units_test *t, unsigned int size,
			   unsigned int count, enum acomp_test_data data)
{
	unsigned int i;

	t->size = size;
	t->count = count;
	t->data = data;
	t->capacity = units_capacity(size);
	for (i = 0; i < count; i++) {
		u8 *unit = t->plain + i * (size_t)size;

		if (i >= DISTINCT)
			memcpy(unit, unit - DISTINCT * (size_t)size, size);
		else if (data == ACOMP_TEST_MIXED)
			acomp_test_fill(unit, size, i % ACOMP_TEST_NR_DATA, i);
		else
			acomp_test_fill(unit, size, data, i);
	}
	for (i = 0; i < min(count, DISTINCT); i++)
		units_make_ref(t, i);
}

/* The lists of the case. Capacities are set, and outputs made wrong. */
static struct scatterlist *units_dst(struct units_test *t, u8 **bufs, unsigned int capacity)
{
	struct scatterlist *list = acomp_test_list(t->test, t->count), *sg;
	unsigned int i;

	for_each_sg(list, sg, t->count, i) {
		memset(bufs[i], 0xee, capacity);
		acomp_test_set_buf(sg, bufs[i], capacity);
	}
	return list;
}

static struct scatterlist *units_compressed(struct units_test *t, unsigned int *slen)
{
	struct scatterlist *list = acomp_test_list(t->test, t->count), *sg;
	unsigned int i;

	*slen = 0;
	for_each_sg(list, sg, t->count, i) {
		acomp_test_set_buf(sg, t->ref[i % DISTINCT], t->ref_result[i % DISTINCT]);
		*slen += sg->length;
	}
	return list;
}

static void expect_compressed(struct units_test *t, struct scatterlist *sg, unsigned int i)
{
	int want = t->ref_result[i % DISTINCT];

	KUNIT_ASSERT_EQ_MSG(t->test, want, acomp_unit_result(sg),
			    "unit %u of %u, size %u, data %d", i, t->count, t->size, t->data);
	KUNIT_EXPECT_EQ_MSG(t->test, 0, memcmp(t->out[i], t->ref[i % DISTINCT], want),
			    "unit %u of %u, size %u, data %d", i, t->count, t->size, t->data);
}

static void expect_decompressed(struct units_test *t, struct scatterlist *sg, unsigned int i)
{
	KUNIT_ASSERT_EQ_MSG(t->test, t->size, acomp_unit_result(sg),
			    "unit %u of %u, data %d", i, t->count, t->data);
	KUNIT_EXPECT_EQ_MSG(t->test, 0,
			    memcmp(t->back[i], t->plain + i * (size_t)t->size, t->size),
			    "unit %u of %u, size %u, data %d", i, t->count, t->size, t->data);
}

static void check_compress(struct units_test *t, struct scatterlist *src)
{
	struct scatterlist *dst = units_dst(t, t->out, t->capacity), *sg;
	unsigned int i, sum = 0;

	KUNIT_ASSERT_EQ(t->test, 0, units_run(t, true, src, t->size * t->count, dst, 0));
	for_each_sg(dst, sg, t->count, i) {
		expect_compressed(t, sg, i);
		sum += acomp_unit_result(sg);
	}
	KUNIT_EXPECT_EQ(t->test, sum, t->req->dlen);
}

static void check_decompress(struct units_test *t)
{
	struct scatterlist *dst = units_dst(t, t->back, t->size), *src, *sg;
	unsigned int i, slen;

	src = units_compressed(t, &slen);
	KUNIT_ASSERT_EQ(t->test, 0, units_run(t, false, src, slen, dst, t->size * t->count));
	for_each_sg(dst, sg, t->count, i)
		expect_decompressed(t, sg, i);
	KUNIT_EXPECT_EQ(t->test, t->size * t->count, t->req->dlen);
}

static struct scatterlist *units_src(struct units_test *t, const unsigned int *lens,
				     unsigned int nr_lens)
{
	return acomp_test_split(t->test, t->plain, t->size * (size_t)t->count, lens, nr_lens);
}

static const unsigned int sizes[] = { 512, 4096, 16384 };

static void check_both(struct units_test *t, unsigned int size, unsigned int count,
		       enum acomp_test_data data)
{
	units_set_case(t, size, count, data);
	check_compress(t, units_src(t, &size, 1));
	check_decompress(t);
}

/*
 * Test that results are those of plain requests, for every number of units, size
 * and kind of data.  The mocks, which there are many of, have one kind.
 */
static void match_plain_requests(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 2, 3, 7, 8, 9, 32 };
	struct units_test *t = units_start(test, 32);
	enum acomp_test_data data = is_mock(t->param) ? ACOMP_TEST_MIXED : 0;
	unsigned int i, j;

	for (; data < ACOMP_TEST_NR_DATA; data++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (j = 0; j < ARRAY_SIZE(counts); j++)
				check_both(t, sizes[i], counts[j], data);
		}
	}
}

/* Test the same for more units than fit into a page of list entries. */
static void many_units(struct kunit *test)
{
	bool mock = is_mock(test->param_value);
	struct units_test *t = units_start_sized(test, MAX_COUNT, mock ? sizes[0] : MAX_SIZE);
	unsigned int i;

	for (i = 0; i < (mock ? 1 : ARRAY_SIZE(sizes)); i++)
		check_both(t, sizes[i], MAX_COUNT, ACOMP_TEST_MIXED);
}

/* What of a list is unit @i, piece by piece. */
static struct scatterlist *units_pieces(struct units_test *t, struct scatterlist *sg,
					unsigned int i)
{
	unsigned int skip = i * t->size, left = t->size, nents = 0, here;
	struct scatterlist *first, *list, *out;

	while (skip >= sg->length) {
		skip -= sg->length;
		sg = sg_next(sg);
	}
	first = sg;
	for (here = 0; here < skip + left; nents++, sg = sg_next(sg))
		here += sg->length;

	list = acomp_test_list(t->test, nents);
	for (out = list, sg = first; left; out = sg_next(out), sg = sg_next(sg)) {
		here = min(left, sg->length - skip);
		sg_set_page(out, sg_page(sg), here, sg->offset + skip);
		left -= here;
		skip = 0;
	}
	return list;
}

/*
 * Some compressors produce other bytes for a source in pieces, so that the
 * reference is a plain request for the same pieces.
 */
static void check_pieces(struct units_test *t, struct scatterlist *src)
{
	struct scatterlist *dst = units_dst(t, t->out, t->capacity), *sg, one;
	unsigned int i;

	KUNIT_ASSERT_EQ(t->test, 0, units_run(t, true, src, t->size * t->count, dst, 0));
	mock_mode = MOCK_WORK;
	acomp_request_set_unit_size(t->req, 0);
	for_each_sg(dst, sg, t->count, i) {
		sg_init_one(&one, t->ref[0], t->capacity);
		acomp_request_set_params(t->req, units_pieces(t, src, i), &one, t->size,
					 t->capacity);
		KUNIT_ASSERT_EQ(t->test, 0, units_submit(t, true));
		KUNIT_ASSERT_EQ_MSG(t->test, t->req->dlen, acomp_unit_result(sg),
				    "unit %u of %u, size %u", i, t->count, t->size);
		KUNIT_EXPECT_EQ_MSG(t->test, 0, memcmp(t->out[i], t->ref[0], t->req->dlen),
				    "unit %u of %u, size %u", i, t->count, t->size);
	}
	mock_mode = t->param->mode;
}

/* Test sources in pieces that have nothing to do with the units. */
static void awkward_sources(struct kunit *test)
{
	static const unsigned int lens[] = { 1, 511, 4095, 13, 2048, 3 };
	static const unsigned int counts[] = { 1, 3, 8, 32 };
	struct units_test *t = units_start(test, 32);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(counts); j++) {
			units_set_case(t, sizes[i], counts[j], ACOMP_TEST_MIXED);
			check_pieces(t, units_src(t, lens, ARRAY_SIZE(lens)));
		}
	}
}

/* Test a folio: one entry, longer than a page, that does not begin with it. */
static void one_source_entry(struct kunit *test)
{
	struct units_test *t = units_start(test, 16);
	u8 *buf = units_alloc_buf(test, 17 * MAX_SIZE);
	struct scatterlist src;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		units_set_case(t, sizes[i], 16, ACOMP_TEST_MIXED);
		memcpy(buf + 5000, t->plain, 16 * sizes[i]);
		sg_init_table(&src, 1);
		sg_set_page(&src, virt_to_page(buf), 16 * sizes[i], 5000);
		check_pieces(t, &src);
	}
}

/* Test lists that are chained by hand, and entries beyond the last unit. */
static void chained_lists(struct kunit *test)
{
	struct units_test *t = units_start(test, 4);
	struct scatterlist first[3], second[4], *dst, *sg;
	unsigned int i;

	units_set_case(t, 4096, 3, ACOMP_TEST_TEXT);
	sg_init_table(first, 3);
	sg_init_table(second, 4);
	for (i = 0; i < 2; i++)
		sg_set_buf(&first[i], t->out[i], t->capacity);
	sg_chain(first, 3, second);
	sg_set_buf(&second[0], t->out[2], t->capacity);
	sg_set_buf(&second[1], t->out[3], 77);
	dst = first;
	KUNIT_ASSERT_EQ(test, 0, units_run(t, true, units_src(t, &t->size, 1),
					   3 * 4096, dst, 0));
	for_each_sg(dst, sg, 3, i)
		expect_compressed(t, sg, i);
	KUNIT_EXPECT_EQ(test, 77, second[1].length);
}

/* Test that empty entries of the source are passed over between units. */
static void empty_entries(struct kunit *test)
{
	struct units_test *t = units_start(test, 3);
	struct scatterlist *src, *sg;
	unsigned int i;

	units_set_case(t, 4096, 3, ACOMP_TEST_MIXED);
	/* Nothing, and a unit in two pieces, three times. */
	src = acomp_test_list(test, 10);
	for_each_sg(src, sg, 10, i) {
		u8 *piece = t->plain + i / 3 * 4096;

		if (i % 3 == 0)
			acomp_test_set_buf(sg, t->plain, 0);
		else
			acomp_test_set_buf(sg, piece + (i % 3 - 1) * 1024,
					   i % 3 == 1 ? 1024 : 3072);
	}
	check_pieces(t, src);
}

/* Test requests whose submitter allows nothing. */
static void without_flags(struct kunit *test)
{
	struct units_test *t = units_start(test, 9);

	units_set_flags(t, 0);
	check_both(t, 4096, 9, ACOMP_TEST_MIXED);
	check_both(t, 4096, 1, ACOMP_TEST_TEXT);
}

/* Test that the submitter may do as it likes before it waits, on any CPU. */
static void wait_elsewhere(struct kunit *test)
{
	struct units_test *t = units_start(test, 9);

	units_set_case(t, 4096, 9, ACOMP_TEST_MIXED);
	t->wander = true;
	check_compress(t, units_src(t, &t->size, 1));
	check_decompress(t);
	t->wander = false;
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void expect_all(struct units_test *t, struct scatterlist *dst, unsigned int count, int err)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(dst, sg, count, i)
		KUNIT_EXPECT_EQ_MSG(t->test, err, acomp_unit_result(sg), "unit %u", i);
	KUNIT_EXPECT_EQ(t->test, 0, t->req->dlen);
}

/* Test that units that do not fit leave the others alone. */
static void units_that_do_not_fit(struct kunit *test)
{
	static const unsigned int bad[] = { 2, 5, 6 };
	struct units_test *t = units_start(test, 8);
	struct scatterlist *dst, *sg;
	unsigned int i, j, sum = 0;

	units_set_case(t, 4096, 8, ACOMP_TEST_RANDOM);
	dst = units_dst(t, t->out, t->capacity);
	for (j = 0; j < ARRAY_SIZE(bad); j++)
		sg_set_buf(acomp_test_nth(dst, bad[j]), t->out[bad[j]], 2048);
	KUNIT_EXPECT_EQ(test, -ENOSPC, units_run(t, true, units_src(t, &t->size, 1),
						 8 * 4096, dst, 0));
	for_each_sg(dst, sg, 8, i) {
		if (i == 2 || i == 5 || i == 6) {
			KUNIT_EXPECT_EQ_MSG(test, -ENOSPC, acomp_unit_result(sg), "unit %u", i);
			continue;
		}
		expect_compressed(t, sg, i);
		sum += acomp_unit_result(sg);
	}
	KUNIT_EXPECT_EQ(test, sum, t->req->dlen);
}

/* Test the same for a request of one unit. */
static void one_unit_that_does_not_fit(struct kunit *test)
{
	struct units_test *t = units_start(test, 1);
	struct scatterlist *dst;

	units_set_case(t, 4096, 1, ACOMP_TEST_RANDOM);
	dst = units_dst(t, t->out, 2048);
	KUNIT_EXPECT_EQ(test, -ENOSPC, units_run(t, true, units_src(t, &t->size, 1),
						 4096, dst, 0));
	expect_all(t, dst, 1, -ENOSPC);
}

/* Test that nothing fits into entries of no bytes, whatever the algorithm. */
static void no_room(struct kunit *test)
{
	struct units_test *t = units_start(test, 5);
	struct scatterlist *src, *dst, *sg;
	unsigned int i;

	units_set_case(t, 4096, 5, ACOMP_TEST_MIXED);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);
	for_each_sg(dst, sg, 5, i)
		sg->length = i % 2 ? t->capacity : 0;
	KUNIT_EXPECT_EQ(test, -ENOSPC, units_run(t, true, src, 5 * 4096, dst, 0));
	for_each_sg(dst, sg, 5, i) {
		if (i % 2)
			expect_compressed(t, sg, i);
		else
			KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_unit_result(sg));
	}

	dst->length = 0;
	KUNIT_EXPECT_EQ(test, -ENOSPC, units_run(t, true, src, 4096, dst, 0));
	expect_all(t, dst, 1, -ENOSPC);
}

/* Compressed data that is twice a unit of 4096 bytes. */
static struct scatterlist *units_large(struct units_test *t)
{
	struct scatterlist *sg = acomp_test_list(t->test, 1);

	units_set_case(t, 8192, 1, ACOMP_TEST_TEXT);
	memcpy(t->out[0], t->ref[0], t->ref_result[0]);
	sg_set_buf(sg, t->out[0], t->ref_result[0]);
	return sg;
}

/* Test that a unit may not exceed its size, however large its entry is. */
static void room_beyond_the_unit(struct kunit *test)
{
	struct units_test *t = units_start(test, 3);
	struct scatterlist *large = units_large(t), *src, *dst, *sg;
	unsigned int slen, i;

	units_set_case(t, 4096, 3, ACOMP_TEST_TEXT);
	src = units_compressed(t, &slen);
	slen += large->length - acomp_test_nth(src, 1)->length;
	sg_set_buf(acomp_test_nth(src, 1), sg_virt(large), large->length);
	dst = units_dst(t, t->back, 3 * 4096);
	KUNIT_EXPECT_EQ(test, -ENOSPC, units_run(t, false, src, slen, dst, 3 * 4096));
	for_each_sg(dst, sg, 3, i) {
		if (i == 1)
			KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_unit_result(sg));
		else
			expect_decompressed(t, sg, i);
	}
	KUNIT_EXPECT_EQ(test, 2 * 4096, t->req->dlen);

	dst = units_dst(t, t->back, 3 * 4096);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			units_run(t, false, large, large->length, dst, 4096));
	expect_all(t, dst, 1, -ENOSPC);
}

/* Test that the request's error is that of the first unit that failed. */
static void first_error_counts(struct kunit *test)
{
	struct units_test *t = units_start(test, 8);
	struct scatterlist *large = units_large(t), *dst, *src, *sg;
	unsigned int slen, i;

	units_set_case(t, 4096, 8, ACOMP_TEST_TEXT);
	src = units_compressed(t, &slen);
	dst = units_dst(t, t->back, 4096);
	/* Unit 3: nothing at all, which no compressor takes. */
	slen -= acomp_test_nth(src, 3)->length;
	acomp_test_nth(src, 3)->length = 0;
	slen += large->length - acomp_test_nth(src, 6)->length;
	sg_set_buf(acomp_test_nth(src, 6), sg_virt(large), large->length);

	KUNIT_EXPECT_EQ(test, -EINVAL, units_run(t, false, src, slen, dst, 8 * 4096));
	for_each_sg(dst, sg, 8, i) {
		if (i == 3)
			KUNIT_EXPECT_EQ(test, -EINVAL, acomp_unit_result(sg));
		else if (i == 6)
			KUNIT_EXPECT_EQ(test, -ENOSPC, acomp_unit_result(sg));
		else
			expect_decompressed(t, sg, i);
	}
	KUNIT_EXPECT_EQ(test, 6 * 4096, t->req->dlen);
}

static void expect_refused(struct units_test *t, bool comp, struct scatterlist *src,
			   unsigned int slen, struct scatterlist *dst, unsigned int dlen,
			   unsigned int entries)
{
	KUNIT_EXPECT_EQ(t->test, -EINVAL, units_run(t, comp, src, slen, dst, dlen));
	expect_all(t, dst, entries, -EINVAL);
}

/* Test that each invalid request is refused, and that every entry says so. */
static void invalid_requests(struct kunit *test)
{
	struct units_test *t = units_start(test, 4);
	struct scatterlist *src, *csrc, *dst;
	unsigned int clen;

	units_set_case(t, 4096, 4, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	csrc = units_compressed(t, &clen);

	/* No multiple, no units, fewer destination entries, a short source. */
	dst = units_dst(t, t->out, t->capacity);
	expect_refused(t, true, src, 4 * 4096 - 1, dst, 0, 4);
	dst = units_dst(t, t->out, t->capacity);
	KUNIT_EXPECT_EQ(test, -EINVAL, units_run(t, true, src, 0, dst, 0));
	KUNIT_EXPECT_EQ(test, t->capacity, dst->length);
	t->count = 3;
	dst = units_dst(t, t->out, t->capacity);
	t->count = 4;
	expect_refused(t, true, src, 4 * 4096, dst, 0, 3);
	dst = units_dst(t, t->out, t->capacity);
	acomp_test_nth(src, 3)->length = 4095;
	expect_refused(t, true, src, 4 * 4096, dst, 0, 4);
	acomp_test_nth(src, 3)->length = 4096;
	/* Results of the last submission in place of capacities. */
	expect_refused(t, true, src, 4 * 4096, dst, 0, 4);

	/* Lengths that do not add up, fewer source entries, a short entry. */
	dst = units_dst(t, t->back, 4096);
	expect_refused(t, false, csrc, clen + 1, dst, 4 * 4096, 4);
	dst = units_dst(t, t->back, 4096);
	expect_refused(t, false, csrc, clen - 1, dst, 4 * 4096, 4);
	dst = units_dst(t, t->back, 4096);
	expect_refused(t, false, csrc, clen, dst, 4 * 4096 - 1, 4);
	dst = units_dst(t, t->back, 4096);
	expect_refused(t, false, acomp_test_nth(csrc, 1), clen - csrc->length, dst, 4 * 4096, 4);
	dst = units_dst(t, t->back, 4096);
	acomp_test_nth(dst, 2)->length = 4095;
	expect_refused(t, false, csrc, clen, dst, 4 * 4096, 4);
}

/* Test that virtual addresses are refused. */
static void virtual_addresses(struct kunit *test)
{
	struct units_test *t = units_start(test, 4);
	struct scatterlist *src, *dst;

	units_set_case(t, 4096, 4, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);

	acomp_request_set_params(t->req, src, dst, 4 * 4096, 0);
	acomp_request_set_unit_size(t->req, 4096);
	acomp_request_set_src_dma(t->req, t->plain, 4 * 4096);
	KUNIT_EXPECT_EQ(test, -EINVAL, units_submit(t, true));
	expect_all(t, dst, 4, -EINVAL);

	dst = units_dst(t, t->out, t->capacity);
	acomp_request_set_params(t->req, src, dst, 4 * 4096, 0);
	acomp_request_set_src_nondma(t->req, t->plain, 4 * 4096);
	KUNIT_EXPECT_EQ(test, -EINVAL, units_submit(t, true));
	expect_all(t, dst, 4, -EINVAL);

	acomp_request_set_params(t->req, src, dst, 4 * 4096, 0);
	acomp_request_set_dst_dma(t->req, t->out[0], t->capacity);
	KUNIT_EXPECT_EQ(test, -EINVAL, units_submit(t, true));
}

/* Test what the unit size survives, and that 0 ends it. */
static void unit_size_stays(struct kunit *test)
{
	struct units_test *t = units_start(test, 4);
	struct scatterlist *src, *dst, one;
	struct acomp_req *clone;

	units_set_case(t, 4096, 4, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);

	acomp_request_set_unit_size(t->req, 4096);
	units_set_callback(t);
	acomp_request_set_params(t->req, src, dst, 4 * 4096, 0);
	KUNIT_ASSERT_EQ(test, 0, units_submit(t, true));
	expect_compressed(t, acomp_test_nth(dst, 3), 3);

	clone = acomp_request_clone(t->req, sizeof(*t->req), GFP_KERNEL);
	KUNIT_ASSERT_PTR_NE(test, clone, t->req);
	KUNIT_EXPECT_EQ(test, 4096, acomp_request_unit_size(clone));
	acomp_request_free(clone);

	{
		ACOMP_FBREQ_ON_STACK(fbreq, t->req);

		KUNIT_EXPECT_EQ(test, 0, acomp_request_unit_size(fbreq));
		KUNIT_EXPECT_FALSE(test, acomp_request_may_poll(fbreq));
	}

	/* A full queue is what the submitter of a plain request sees. */
	mock_mode = MOCK_WORK;
	acomp_request_set_unit_size(t->req, 0);
	sg_init_one(&one, t->out[0], t->capacity);
	acomp_request_set_params(t->req, src, &one, 4096, t->capacity);
	KUNIT_EXPECT_EQ(test, 0, units_submit(t, true));
	KUNIT_EXPECT_EQ(test, t->ref_result[0], t->req->dlen);
}

/* Test requests on the stack, and their clones where they are refused. */
static void request_on_stack(struct kunit *test)
{
	struct units_test *t = units_start(test, 4);
	ACOMP_REQUEST_ON_STACK(req, t->tfm);
	struct scatterlist *src, *dst, *sg;
	struct acomp_req *heap = t->req;
	unsigned int i;
	int err;

	units_set_case(t, 4096, 4, ACOMP_TEST_MIXED);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);
	t->req = req;
	units_set_callback(t);
	acomp_request_set_params(req, src, dst, 4 * 4096, 0);
	acomp_request_set_unit_size(req, 4096);
	acomp_request_set_poll(req, t->param->poll);
	err = units_submit(t, true);

	if (acomp_is_async(t->tfm)) {
		KUNIT_EXPECT_EQ(test, -EAGAIN, err);
		for_each_sg(dst, sg, 4, i)
			KUNIT_EXPECT_EQ(test, t->capacity, sg->length);
		t->req = ACOMP_REQUEST_CLONE(req, GFP_KERNEL);
		KUNIT_ASSERT_PTR_NE(test, t->req, req);
		err = units_submit(t, true);
	}
	KUNIT_EXPECT_EQ(test, 0, err);
	for_each_sg(dst, sg, 4, i)
		expect_compressed(t, sg, i);
	acomp_request_free(t->req);
	t->req = heap;
}

/* Test the hint, and that any number of units is taken whatever it says. */
static void batch_size(struct kunit *test)
{
	struct units_test *t = units_start(test, 1);
	unsigned int want = strcmp(t->param->name, MOCK_UNITS) ? 1 : MOCK_BATCH_SIZE;

	if (!is_mock(t->param) && acomp_is_async(t->tfm))
		kunit_skip(test, "a driver, with a hint of its own");
	KUNIT_EXPECT_EQ(test, want, crypto_acomp_batch_size(t->tfm));
}

static struct units_test *units_start_mock(struct kunit *test, unsigned int max_count)
{
	const struct units_param *param = test->param_value;

	if (!is_mock(param) || !strcmp(param->name, MOCK_SYNC))
		kunit_skip(test, "not an asynchronous mock");
	return units_start(test, max_count);
}

/* Test that a request that is refused as a whole says so in every entry. */
static void refused_by_driver(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 4);
	struct scatterlist *src, *dst;

	units_set_case(t, 4096, 4, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);
	mock_mode = MOCK_REFUSE;
	KUNIT_EXPECT_EQ(test, -ENODEV, units_run(t, true, src, 4 * 4096, dst, 0));
	expect_all(t, dst, 4, -ENODEV);
}

/*
 * Test that polling completes what may be polled, and nothing else: plain
 * requests and those of an algorithm that handles units itself.
 */
static void who_completes(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 8);
	bool core = !strcmp(t->param->name, MOCK_ASYNC);
	unsigned int polled, timed;
	struct scatterlist *src;

	units_set_case(t, 4096, 8, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	mock_mode = MOCK_POLL;
	mock_polled();
	mock_timed();
	check_compress(t, src);
	polled = mock_polled();
	timed = mock_timed();
	KUNIT_EXPECT_EQ(test, t->param->poll && !core ? 1 : 0, polled);
	KUNIT_EXPECT_EQ(test, !t->param->poll || core ? (core ? 8 : 1) : 0, timed);
}

/* Test that poll and interrupt, in a race, complete a request once. */
static void poll_races_interrupt(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 8);
	unsigned int i, polled = 0, timed = 0;
	struct scatterlist *src, *dst, *sg;

	if (!t->param->poll || strcmp(t->param->name, MOCK_UNITS) ||
	    (t->param->mode != MOCK_RACE && t->param->mode != MOCK_RACE_IRQ))
		kunit_skip(test, "nothing to race with");
	units_set_case(t, 512, 8, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);
	mock_polled();
	mock_timed();
	for (i = 0; i < 2000; i++) {
		unsigned int j;

		for_each_sg(dst, sg, 8, j)
			sg->length = t->capacity;
		KUNIT_ASSERT_EQ(test, 0, units_run(t, true, src, 8 * 512, dst, 0));
		expect_compressed(t, dst, 0);
	}
	polled = mock_polled();
	timed = mock_timed();
	KUNIT_EXPECT_EQ(test, 2000, polled + timed);
	KUNIT_EXPECT_GT(test, polled, 0);
	KUNIT_EXPECT_GT(test, timed, 0);
	kunit_info(test, "%u by poll, %u by interrupt", polled, timed);
}

/* Test that a waiter sleeps when it is told that there is nothing to poll for. */
static void waiter_sleeps(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 8);
	struct scatterlist *src, *dst;

	if (strcmp(t->param->name, MOCK_UNITS) || t->param->mode != MOCK_POLL || !t->param->poll)
		kunit_skip(test, "not what is completed by others than who polls");
	units_set_case(t, 4096, 8, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);
	mock_mode = MOCK_LATE;
	mock_polls();
	KUNIT_EXPECT_EQ(test, 0, units_run(t, true, src, 8 * 4096, dst, 0));
	KUNIT_EXPECT_LE(test, mock_polls(), 1);
}

KUNIT_DEFINE_ACTION_WRAPPER(destroy_worker, kthread_destroy_worker, struct kthread_worker *);

/*
 * Test that a waiter lets the thread run that has claimed its request, if that has
 * a lower priority and wants the waiter's CPU.
 */
static void waiter_makes_way(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 8);
	unsigned int cpu = cpumask_any(cpu_online_mask);
	struct scatterlist *src, *dst;

	if (strcmp(t->param->name, MOCK_UNITS) || t->param->mode != MOCK_POLL || !t->param->poll)
		kunit_skip(test, "not what is claimed by a thread");
	mock_thread = kthread_run_worker_on_cpu(cpu, 0, "kunit-rle/%u");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock_thread);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_worker, mock_thread));
	/* Threads of no real-time priority get a share of the CPU without this. */
	sched_set_fifo_low(mock_thread->task);

	units_set_case(t, 4096, 8, ACOMP_TEST_TEXT);
	src = units_src(t, &t->size, 1);
	dst = units_dst(t, t->out, t->capacity);
	mock_mode = MOCK_THREAD;
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	sched_set_fifo(current);
	KUNIT_EXPECT_EQ(test, 0, units_run(t, true, src, 8 * 4096, dst, 0));
	sched_set_normal(current, 0);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

#ifdef CONFIG_CRYPTO_ACOMP_DEBUG

/* A request of units that is under way until mock_release(). */
static struct units_test *units_hold(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 1);

	units_set_case(t, 4096, 1, ACOMP_TEST_ZERO);
	mock_mode = MOCK_HOLD;
	atomic_set(&t->calls, 0);
	acomp_request_set_params(t->req, units_src(t, &t->size, 1),
				 units_dst(t, t->out, t->capacity), 4096, 0);
	acomp_request_set_unit_size(t->req, 4096);
	KUNIT_ASSERT_EQ(test, -EINPROGRESS, crypto_acomp_compress(t->req));
	return t;
}

static void units_let_go(struct units_test *t)
{
	mock_release(t->req);
	KUNIT_EXPECT_EQ(t->test, 0, crypto_acomp_wait(t->req, -EINPROGRESS, &t->wait));
	KUNIT_EXPECT_EQ(t->test, t->ref_result[0], t->req->dlen);
	KUNIT_EXPECT_EQ(t->test, 1, atomic_read(&t->calls));
}

/* Test that a clone is not under way, whatever lay on the stack. */
static void clone_is_idle(struct kunit *test)
{
	struct units_test *t = units_start_mock(test, 1);
	ACOMP_REQUEST_ON_STACK(req, t->tfm);
	struct acomp_req *clone;

	memset(&req->inflight, 0xee, sizeof(req->inflight));
	clone = ACOMP_REQUEST_CLONE(req, GFP_KERNEL);
	KUNIT_ASSERT_PTR_NE(test, clone, req);
	KUNIT_EXPECT_NULL(test, clone->inflight.self);
	acomp_request_free(clone);
}

/* Test that freeing a request under way warns, and does not free it. */
static void freed_under_way(struct kunit *test)
{
	struct units_test *t = units_hold(test);

	kunit_warning_suppress(test) {
		acomp_request_free(t->req);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	units_let_go(t);
}

/* Test that submitting a request under way warns, and that it completes once. */
static void submitted_under_way(struct kunit *test)
{
	struct units_test *t = units_hold(test);
	struct acomp_req old = *t->req;

	kunit_warning_suppress(test) {
		crypto_acomp_compress(t->req);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	*t->req = old;
	units_let_go(t);
}

/* Test that freeing a tfm with a request under way warns. */
static void tfm_freed_under_way(struct kunit *test)
{
	struct units_test *t = units_hold(test);
	struct crypto_acomp *tfm = crypto_alloc_acomp(t->param->name, 0, 0);
	struct acomp_req *req;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tfm);
	req = acomp_request_alloc(tfm);
	KUNIT_ASSERT_NOT_NULL(test, req);
	acomp_request_set_params(req, t->req->src, t->req->dst, 4096, 4096);
	KUNIT_EXPECT_EQ(test, -EINPROGRESS, crypto_acomp_compress(req));
	kunit_warning_suppress(test) {
		crypto_free_acomp(tfm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kfree_sensitive(req);
	units_let_go(t);
}

#endif /* CONFIG_CRYPTO_ACOMP_DEBUG */

static struct kunit_case units_cases[] = {
	KUNIT_CASE_PARAM(match_plain_requests, gen_param),
	KUNIT_CASE_PARAM(many_units, gen_param),
	KUNIT_CASE_PARAM(awkward_sources, gen_param),
	KUNIT_CASE_PARAM(one_source_entry, gen_param),
	KUNIT_CASE_PARAM(chained_lists, gen_param),
	KUNIT_CASE_PARAM(empty_entries, gen_param),
	KUNIT_CASE_PARAM(without_flags, gen_param),
	KUNIT_CASE_PARAM(wait_elsewhere, gen_param),
	KUNIT_CASE_PARAM(units_that_do_not_fit, gen_param),
	KUNIT_CASE_PARAM(one_unit_that_does_not_fit, gen_param),
	KUNIT_CASE_PARAM(no_room, gen_param),
	KUNIT_CASE_PARAM(room_beyond_the_unit, gen_param),
	KUNIT_CASE_PARAM(first_error_counts, gen_param),
	KUNIT_CASE_PARAM(invalid_requests, gen_param),
	KUNIT_CASE_PARAM(virtual_addresses, gen_param),
	KUNIT_CASE_PARAM(unit_size_stays, gen_param),
	KUNIT_CASE_PARAM(request_on_stack, gen_param),
	KUNIT_CASE_PARAM(batch_size, gen_param),
	KUNIT_CASE_PARAM(refused_by_driver, gen_param),
	KUNIT_CASE_PARAM(who_completes, gen_param),
	KUNIT_CASE_PARAM(poll_races_interrupt, gen_param),
	KUNIT_CASE_PARAM(waiter_sleeps, gen_param),
	KUNIT_CASE_PARAM(waiter_makes_way, gen_param),
#ifdef CONFIG_CRYPTO_ACOMP_DEBUG
	KUNIT_CASE_PARAM(clone_is_idle, gen_param),
	KUNIT_CASE_PARAM(freed_under_way, gen_param),
	KUNIT_CASE_PARAM(submitted_under_way, gen_param),
	KUNIT_CASE_PARAM(tfm_freed_under_way, gen_param),
#endif
	{}
};

static struct kunit_suite units_suite = {
	.name = "acompress_units",
	.suite_init = units_suite_init,
	.suite_exit = units_suite_exit,
	.test_cases = units_cases,
};
kunit_test_suite(units_suite);

MODULE_DESCRIPTION("KUnit tests of acomp requests that consist of units");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("CRYPTO_INTERNAL");
