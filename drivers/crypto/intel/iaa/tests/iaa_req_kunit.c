// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of how requests get through queues that a test made up: idxd's submit
 * function is replaced, and the test writes the completion records. So units
 * complete in any order, not at all, or are not even accepted.
 *
 * Buffers are real and so is the software that steps in, so what a unit becomes
 * when the device fails is decompressed and compared.
 */
#include <crypto/acompress.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include "idxd.h"
#include "../iaa.h"

#define NR_QUEUES	2
/* More than a pool has */
#define NR_DESCS	(BITS_PER_LONG + 4)
#define UNIT_SIZE	512
/* More than a window */
#define MAX_UNITS	40
/* What the made-up device claims that the n-th unit came to */
#define FAKE_LENGTH(n)	(100 + (n))

/* A device with one queue. */
struct fake {
	struct pci_dev pdev;
	struct idxd_driver_data data;
	struct idxd_device idxd;
	struct idxd_wq idxd_wq;
	struct idxd_device_driver drv;
	struct idxd_desc descs[NR_DESCS], *desc_ptrs[NR_DESCS];
	struct iax_hw_desc hw[NR_DESCS];
	struct iax_completion_record records[NR_DESCS];
	void *regs;
	struct iaa_wq *wq;
	/* It accepts none, and never will. */
	bool quiesced;
	/* How many more descriptors it accepts */
	unsigned int room;
	/* What it has accepted and not completed, in that order */
	struct idxd_desc *flight[NR_DESCS];
	unsigned int nr_flight;
	unsigned int nr_accepted;
};

struct world {
	struct fake *fakes[NR_QUEUES];
	struct iaa_map *map;
	struct crypto_acomp *tfm;
	struct acomp_req *req;
	struct crypto_wait wait;
	unsigned int nr_callbacks;
	u8 *src;
	u8 *dst;
	struct scatterlist src_sg;
	struct scatterlist dst_sg[MAX_UNITS];
	unsigned int nr_units;
	/* From one destination to the next, in bytes */
	unsigned int stride;
	struct iaa_config config;
	unsigned int timeout_ms;
};

static struct acomp_alg test_alg;

static int fake_submit(struct idxd_wq *idxd_wq, struct idxd_desc **descs, int n)
{
	struct fake *f = container_of(idxd_wq, struct fake, idxd_wq);
	int i;

	if (f->quiesced)
		return -ENXIO;
	for (i = 0; i < n && f->room; i++, f->room--) {
		f->flight[f->nr_flight++] = descs[i];
		f->nr_accepted++;
	}

	return i;
}

static const struct iaa_map *fake_table(void)
{
	struct world *w = current->kunit_test->priv;

	return w->map;
}

/* Takes a descriptor out of those in flight. */
static struct idxd_desc *take_flight(struct fake *f, unsigned int i)
{
	struct idxd_desc *desc = f->flight[i];

	f->nr_flight--;
	memmove(&f->flight[i], &f->flight[i + 1], (f->nr_flight - i) * sizeof(*f->flight));

	return desc;
}

/* Which unit a descriptor is for, by its source. */
static unsigned int unit_of(struct world *w, const struct idxd_desc *desc)
{
	return (desc->iax_hw->src1_addr - virt_to_phys(w->src)) / UNIT_SIZE;
}

static void write_record(struct idxd_desc *desc, u8 status, u8 error, u32 size)
{
	desc->iax_completion->error_code = error;
	desc->iax_completion->output_size = size;
	desc->iax_completion->crc = 0x12345678;
	/* As the device does it: last. */
	smp_store_release(&desc->iax_completion->status, status);
	if (desc->iax_hw->flags & IDXD_OP_FLAG_RCI)
		iaa_unit_arrived(desc, false);
}

/* Completes the i-th descriptor in flight with success. */
static void complete_one(struct world *w, struct fake *f, unsigned int i)
{
	struct idxd_desc *desc = take_flight(f, i);

	if (desc->iax_hw->opcode == IAX_OPCODE_COMPRESS)
		write_record(desc, IAX_COMP_SUCCESS, 0, FAKE_LENGTH(unit_of(w, desc)));
	else
		write_record(desc, IAX_COMP_SUCCESS, 0, desc->iax_hw->max_dst_size);
}

static void fail_one(struct fake *f, u8 status, u8 error)
{
	write_record(take_flight(f, 0), status, error, 0);
}

static unsigned int nr_flight(struct world *w)
{
	unsigned int i, nr = 0;

	for (i = 0; i < NR_QUEUES; i++)
		nr += w->fakes[i]->nr_flight;

	return nr;
}

static void set_room(struct world *w, unsigned int room)
{
	unsigned int i;

	for (i = 0; i < NR_QUEUES; i++)
		w->fakes[i]->room = room;
}

static bool is_done(struct world *w)
{
	return completion_done(&w->wait.completion);
}

static void poll(struct world *w)
{
	if (!is_done(w))
		test_alg.poll(w->req);
	cond_resched();
}

static void count_callback(void *data, int err)
{
	struct world *w = data;

	w->nr_callbacks++;
	crypto_req_done(&w->wait, err);
}

static int submit(struct world *w, unsigned int nr_units)
{
	unsigned int i;

	w->nr_units = nr_units;
	w->nr_callbacks = 0;
	crypto_init_wait(&w->wait);
	sg_init_one(&w->src_sg, w->src, nr_units * UNIT_SIZE);
	sg_init_table(w->dst_sg, nr_units);
	for (i = 0; i < nr_units; i++)
		sg_set_buf(&w->dst_sg[i], w->dst + i * w->stride, UNIT_SIZE);

	acomp_request_set_callback(w->req, CRYPTO_TFM_REQ_MAY_BACKLOG, count_callback, w);
	acomp_request_set_params(w->req, &w->src_sg, w->dst_sg, nr_units * UNIT_SIZE, 0);
	acomp_request_set_unit_size(w->req, UNIT_SIZE);
	acomp_request_set_poll(w->req, true);

	return crypto_acomp_compress(w->req);
}

/* Decompresses what software made of a unit. */
static void expect_round_trip(struct kunit *test, struct world *w, unsigned int i)
{
	struct crypto_acomp *fb = crypto_acomp_fb(w->tfm);
	struct acomp_req *req = acomp_request_alloc(fb);
	u8 *out = kunit_kzalloc(test, UNIT_SIZE, GFP_KERNEL);
	struct scatterlist src, dst;

	KUNIT_ASSERT_NOT_NULL(test, req);
	KUNIT_ASSERT_NOT_NULL(test, out);
	sg_init_one(&src, w->dst + i * w->stride, acomp_unit_result(&w->dst_sg[i]));
	sg_init_one(&dst, out, UNIT_SIZE);
	acomp_request_set_callback(req, 0, NULL, NULL);
	acomp_request_set_params(req, &src, &dst, src.length, UNIT_SIZE);
	KUNIT_EXPECT_EQ_MSG(test, crypto_acomp_decompress(req), 0, "unit %u", i);
	KUNIT_EXPECT_MEMEQ_MSG(test, out, w->src + i * UNIT_SIZE, UNIT_SIZE, "unit %u", i);
	acomp_request_free(req);
}

static bool is_of_device(struct world *w, unsigned int i)
{
	return acomp_unit_result(&w->dst_sg[i]) == FAKE_LENGTH(i);
}

/* All units have a result, of the device or of software; returns how many of it. */
static unsigned int expect_results(struct kunit *test, struct world *w)
{
	unsigned int i, sum = 0, nr_software = 0;

	KUNIT_EXPECT_TRUE(test, is_done(w));
	KUNIT_EXPECT_EQ(test, w->nr_callbacks, 1);
	for (i = 0; i < w->nr_units; i++) {
		int result = acomp_unit_result(&w->dst_sg[i]);

		KUNIT_ASSERT_GT_MSG(test, result, 0, "unit %u", i);
		sum += result;
		if (is_of_device(w, i))
			continue;
		nr_software++;
		expect_round_trip(test, w, i);
	}
	KUNIT_EXPECT_EQ(test, w->req->dlen, sum);

	return nr_software;
}

static unsigned int nr_descs_used(const struct fake *f)
{
	unsigned int i, nr = NR_DESCS;

	for (i = 0; i < f->wq->nr_pools; i++)
		nr -= hweight_long(atomic_long_read(&f->wq->pools[i].free));

	return nr;
}

/* Nothing is in flight, and nothing is held. */
static void expect_all_given_back(struct kunit *test, struct world *w)
{
	unsigned int i;

	for (i = 0; i < NR_QUEUES; i++) {
		KUNIT_EXPECT_EQ(test, w->fakes[i]->nr_flight, 0);
		KUNIT_EXPECT_EQ(test, nr_descs_used(w->fakes[i]), 0);
	}
}

static void complete_flight(struct world *w)
{
	unsigned int i;

	for (i = 0; i < NR_QUEUES; i++)
		while (w->fakes[i]->nr_flight)
			complete_one(w, w->fakes[i], 0);
}

/* For at most some seconds, with a device that completes all it gets. */
static void run_to_end(struct world *w)
{
	ktime_t end = ktime_add_ms(ktime_get(), 5000);

	while (!is_done(w) && ktime_before(ktime_get(), end)) {
		complete_flight(w);
		poll(w);
	}
}

/* Test that a request has the results of its units, whatever the number of these. */
static void test_numbers(struct kunit *test)
{
	static const unsigned int numbers[] = { 1, 2, 3, 7, 8, 15, 16, 17, 33, MAX_UNITS };
	struct world *w = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		KUNIT_ASSERT_EQ(test, submit(w, numbers[i]), -EINPROGRESS);
		run_to_end(w);
		KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
		expect_all_given_back(test, w);
	}
}

/* Test that both queues get their share, in one run each. */
static void test_share(struct kunit *test)
{
	struct world *w = test->priv;

	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, w->fakes[0]->nr_flight, 4);
	KUNIT_EXPECT_EQ(test, w->fakes[1]->nr_flight, 4);
	KUNIT_EXPECT_EQ(test, unit_of(w, w->fakes[0]->flight[0]) + 3,
			unit_of(w, w->fakes[0]->flight[3]));
	run_to_end(w);
	expect_results(test, w);
}

/* Leaves @nr descriptors in each pool of a queue. */
static void limit_descs(struct fake *f, unsigned long *saved, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < f->wq->nr_pools; i++) {
		saved[i] = atomic_long_read(&f->wq->pools[i].free);
		atomic_long_set(&f->wq->pools[i].free, BIT(nr) - 1);
	}
}

static void unlimit_descs(struct fake *f, const unsigned long *saved)
{
	unsigned int i;

	for (i = 0; i < f->wq->nr_pools; i++)
		atomic_long_set(&f->wq->pools[i].free, saved[i]);
}

/* Test that units wait for descriptors, and get those of all pools. */
static void test_few_descriptors(struct kunit *test)
{
	struct world *w = test->priv;
	unsigned long saved[NR_QUEUES][BITS_TO_LONGS(NR_DESCS)];
	unsigned int i;

	for (i = 0; i < NR_QUEUES; i++)
		limit_descs(w->fakes[i], saved[i], 1);
	KUNIT_ASSERT_EQ(test, submit(w, MAX_UNITS), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, nr_flight(w), NR_QUEUES * BITS_TO_LONGS(NR_DESCS));
	run_to_end(w);
	for (i = 0; i < NR_QUEUES; i++)
		unlimit_descs(w->fakes[i], saved[i]);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* What the buffers of the first unit in flight in a queue are mapped with, in bytes. */
static u32 mapped_with(struct fake *f, struct iaa_req *r, bool in)
{
	const struct iaa_unit *unit = r->units;

	while (unit->desc != f->flight[0])
		unit++;

	return in ? unit->in.mapped : unit->out.mapped;
}

/* Test that buffers in a row are mapped together, and others are not. */
static void test_rows(struct kunit *test)
{
	struct world *w = test->priv;
	struct iaa_req *r = acomp_request_ctx(w->req);

	KUNIT_ASSERT_EQ(test, submit(w, 4), -EINPROGRESS);
	KUNIT_ASSERT_EQ(test, w->fakes[0]->nr_flight, 2);
	KUNIT_EXPECT_EQ(test, mapped_with(w->fakes[0], r, true), 2 * UNIT_SIZE);
	KUNIT_EXPECT_EQ(test, mapped_with(w->fakes[0], r, false), 2 * UNIT_SIZE);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);

	w->stride = UNIT_SIZE + 64;
	KUNIT_ASSERT_EQ(test, submit(w, 4), -EINPROGRESS);
	KUNIT_ASSERT_EQ(test, w->fakes[0]->nr_flight, 2);
	KUNIT_EXPECT_EQ(test, mapped_with(w->fakes[0], r, true), 2 * UNIT_SIZE);
	KUNIT_EXPECT_EQ(test, mapped_with(w->fakes[0], r, false), UNIT_SIZE);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* Test that units may complete in the reverse order. */
static void test_reverse(struct kunit *test)
{
	struct world *w = test->priv;

	KUNIT_ASSERT_EQ(test, submit(w, MAX_UNITS), -EINPROGRESS);
	while (nr_flight(w)) {
		unsigned int i;

		for (i = 0; i < NR_QUEUES; i++)
			if (w->fakes[i]->nr_flight)
				complete_one(w, w->fakes[i], w->fakes[i]->nr_flight - 1);
		poll(w);
	}
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* Test that a unit that has no result yet keeps the others from completion. */
static void test_one_missing(struct kunit *test)
{
	struct world *w = test->priv;

	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	while (nr_flight(w) > 1)
		complete_one(w, w->fakes[w->fakes[0]->nr_flight ? 0 : 1], 0);
	poll(w);
	poll(w);
	KUNIT_EXPECT_FALSE(test, is_done(w));
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
}

/* Test that queues which take some of the units, one, or none in turn lose none. */
static void test_partly_accepted(struct kunit *test)
{
	struct world *w = test->priv;
	unsigned int round;

	set_room(w, 3);
	KUNIT_ASSERT_EQ(test, submit(w, MAX_UNITS), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, nr_flight(w), 6);
	for (round = 0; !is_done(w) && round < 1000; round++) {
		complete_flight(w);
		w->fakes[0]->room = round % 3;
		w->fakes[1]->room = round % 2;
		poll(w);
	}
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	KUNIT_EXPECT_EQ(test, w->fakes[0]->nr_accepted + w->fakes[1]->nr_accepted, MAX_UNITS);
	expect_all_given_back(test, w);
}

/* Test that units that no queue accepts are done in software, but not at once. */
static void test_never_accepted(struct kunit *test)
{
	struct world *w = test->priv;
	ktime_t start = ktime_get();

	set_room(w, 0);
	KUNIT_ASSERT_EQ(test, submit(w, 4), -EINPROGRESS);
	poll(w);
	KUNIT_EXPECT_FALSE(test, is_done(w));
	run_to_end(w);
	KUNIT_EXPECT_GE(test, ktime_ms_delta(ktime_get(), start), 10);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 4);
	expect_all_given_back(test, w);
}

/* Test that without a queue all is done in software. */
static void test_no_queue(struct kunit *test)
{
	struct world *w = test->priv;
	struct iaa_map *map = w->map;

	w->map = NULL;
	KUNIT_ASSERT_EQ(test, submit(w, MAX_UNITS), -EINPROGRESS);
	run_to_end(w);
	w->map = map;
	KUNIT_EXPECT_EQ(test, expect_results(test, w), MAX_UNITS);
}

/* Test that a unit that the device fails, in any way, is done in software. */
static void test_failures(struct kunit *test)
{
	static const struct { u8 status, error; } failures[] = {
		{ IAX_COMP_ANALYTICS_ERROR, 1 },
		{ IAX_COMP_ANALYTICS_ERROR, 0x1e },
		{ IAX_COMP_WATCHDOG, 0 },
		{ IAA_STATUS_PAGE_FAULT_NOBOF, 0 },
		{ IAA_STATUS_PAGE_FAULT_NOBOF | IAA_STATUS_FAULT_WRITE, 0 },
		{ IAX_COMP_INVALID_FLAGS, 0 },
		{ IAX_COMP_INVALID_SIZE, 0 },
		{ IAX_COMP_OUTBUF_OVERFLOW, 0 },
		{ IDXD_COMP_DESC_ABORT, 0 },
		{ 0x7f, 0 },
	};
	struct world *w = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
		fail_one(w->fakes[0], failures[i].status, failures[i].error);
		run_to_end(w);
		KUNIT_EXPECT_EQ_MSG(test, expect_results(test, w), 1, "status %#x",
				    failures[i].status);
		expect_all_given_back(test, w);
	}
}

/* Test that what does not fit is a result, of that unit and of the request. */
static void test_no_space(struct kunit *test)
{
	struct world *w = test->priv;
	unsigned int i, unit;

	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	unit = unit_of(w, w->fakes[1]->flight[0]);
	fail_one(w->fakes[1], IAX_COMP_ANALYTICS_ERROR, IAA_ERROR_OUTPUT_OVERFLOW);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, w->wait.err, -ENOSPC);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, acomp_unit_result(&w->dst_sg[i]),
				i == unit ? -ENOSPC : FAKE_LENGTH(i));
	expect_all_given_back(test, w);
}

/* Test that each unit is decompressed to compare, in the same descriptor. */
static void test_verify(struct kunit *test)
{
	struct world *w = test->priv;
	struct idxd_desc *desc;

	iaa_config.verify_compress = true;
	KUNIT_ASSERT_EQ(test, submit(w, 1), -EINPROGRESS);
	desc = w->fakes[w->fakes[0]->nr_flight ? 0 : 1]->flight[0];
	complete_flight(w);
	poll(w);
	KUNIT_EXPECT_FALSE(test, is_done(w));
	KUNIT_ASSERT_EQ(test, nr_flight(w), 1);
	KUNIT_EXPECT_PTR_EQ(test, desc,
			    w->fakes[w->fakes[0]->nr_flight ? 0 : 1]->flight[0]);
	KUNIT_EXPECT_TRUE(test, desc->iax_hw->opcode == IAX_OPCODE_DECOMPRESS);
	KUNIT_EXPECT_EQ(test, desc->iax_completion->status, 0);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* Test that a unit that is something else when it is decompressed goes to software. */
static void test_mismatch(struct kunit *test)
{
	struct world *w = test->priv;
	struct fake *f;

	iaa_config.verify_compress = true;
	KUNIT_ASSERT_EQ(test, submit(w, 1), -EINPROGRESS);
	f = w->fakes[w->fakes[0]->nr_flight ? 0 : 1];
	complete_flight(w);
	poll(w);
	KUNIT_ASSERT_EQ(test, f->nr_flight, 1);
	write_record(take_flight(f, 0), IAX_COMP_SUCCESS, 0, UNIT_SIZE - 1);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 1);
	expect_all_given_back(test, w);
}

/* Test that a verification that is not accepted counts as failed. */
static void test_verify_not_accepted(struct kunit *test)
{
	struct world *w = test->priv;

	iaa_config.verify_compress = true;
	KUNIT_ASSERT_EQ(test, submit(w, 4), -EINPROGRESS);
	set_room(w, 0);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 4);
	expect_all_given_back(test, w);
}

/*
 * Test that a unit which the device keeps stops its queue; that it has no result
 * before the device was made to let go; and that the other queue goes on.
 */
static void test_overdue(struct kunit *test)
{
	struct world *w = test->priv;
	struct fake *stuck = w->fakes[0], *well = w->fakes[1];
	ktime_t start = ktime_get();

	iaa_timeout_ms = 20;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	while (!is_done(w) && ktime_ms_delta(ktime_get(), start) < 10000) {
		bool let_go = iaa_wq_has_let_go(stuck->wq);

		while (well->nr_flight)
			complete_one(w, well, 0);
		poll(w);
		if (is_done(w))
			KUNIT_EXPECT_TRUE(test, iaa_wq_has_let_go(stuck->wq));
		else if (!let_go)
			KUNIT_EXPECT_EQ(test, nr_descs_used(stuck), 4);
	}
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 4);
	stuck->nr_flight = 0;
	expect_all_given_back(test, w);

	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	/* Which of the queues is tried first differs. */
	poll(w);
	KUNIT_EXPECT_EQ(test, stuck->nr_flight, 0);
	KUNIT_EXPECT_EQ(test, well->nr_flight, 8);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
}

static void expect_in_use(struct kunit *test, struct world *w)
{
	unsigned int i;

	for (i = 0; i < NR_QUEUES; i++)
		KUNIT_EXPECT_EQ(test, w->fakes[i]->wq->outage, IAA_IN_USE);
}

/*
 * Test that a queue is not stopped because nobody looked at it for a long time: who
 * polls was kept from the CPU, or the whole machine was.
 */
static void test_late_observer(struct kunit *test)
{
	struct world *w = test->priv;

	iaa_timeout_ms = 20;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	poll(w);
	msleep(10 * iaa_timeout_ms);
	poll(w);
	expect_in_use(test, w);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_in_use(test, w);
	expect_all_given_back(test, w);
}

/* Test that units do not go to software because nobody tried to submit them. */
static void test_late_submitter(struct kunit *test)
{
	struct world *w = test->priv;

	set_room(w, 0);
	KUNIT_ASSERT_EQ(test, submit(w, 4), -EINPROGRESS);
	poll(w);
	msleep(100);
	poll(w);
	set_room(w, UINT_MAX);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* Test that a queue that idxd has quiesced for good is taken out of use. */
static void test_quiesced(struct kunit *test)
{
	struct world *w = test->priv;

	w->fakes[0]->quiesced = true;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, w->fakes[0]->wq->outage, IAA_OUT_QUIESCED);
	KUNIT_EXPECT_EQ(test, w->fakes[1]->wq->outage, IAA_IN_USE);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	KUNIT_EXPECT_EQ(test, w->fakes[1]->nr_accepted, 8);
	expect_all_given_back(test, w);
}

/* Test that a queue gets only what it can do. */
static void test_abilities(struct kunit *test)
{
	struct world *w = test->priv;

	w->fakes[0]->wq->can = IAA_CAN_DECOMPRESS | IAA_CAN_VERIFY;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, w->fakes[0]->nr_flight, 0);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	KUNIT_EXPECT_EQ(test, w->fakes[1]->nr_accepted, 8);

	w->fakes[1]->wq->can = BIT(IAA_MODE_FIXED);
	iaa_config.verify_compress = true;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	run_to_end(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 8);
}

static void run_irqs(struct world *w)
{
	ktime_t end = ktime_add_ms(ktime_get(), 5000);

	while (!is_done(w) && ktime_before(ktime_get(), end)) {
		complete_flight(w);
		/* Software has a work item of its own. */
		usleep_range(100, 200);
	}
}

/* Test that interrupts complete a request, which nobody polls. */
static void test_irqs(struct kunit *test)
{
	struct world *w = test->priv;

	iaa_config.sync_mode = IAA_ASYNC_IRQ;
	KUNIT_ASSERT_EQ(test, submit(w, MAX_UNITS), -EINPROGRESS);
	run_irqs(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* Test that a unit that fails is not done in software inside the interrupt. */
static void test_irq_failure(struct kunit *test)
{
	struct world *w = test->priv;

	iaa_config.sync_mode = IAA_ASYNC_IRQ;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	fail_one(w->fakes[0], IAX_COMP_WATCHDOG, 0);
	run_irqs(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 1);
	expect_all_given_back(test, w);
}

/* Test that polling a request that interrupts complete does nothing. */
static void test_irqs_and_polls(struct kunit *test)
{
	struct world *w = test->priv;

	iaa_config.sync_mode = IAA_ASYNC_IRQ;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	poll(w);
	while (nr_flight(w) > 1) {
		complete_one(w, w->fakes[w->fakes[0]->nr_flight ? 0 : 1], 0);
		poll(w);
	}
	KUNIT_EXPECT_FALSE(test, is_done(w));
	run_irqs(w);
	test_alg.poll(w->req);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
}

/* The device has completed a unit, but the thread of its interrupt did not run yet. */
static struct idxd_desc *complete_without_irq(struct world *w, struct fake *f)
{
	struct idxd_desc *desc = take_flight(f, 0);

	desc->iax_completion->output_size = FAKE_LENGTH(unit_of(w, desc));
	/* As the device does it: last. */
	smp_store_release(&desc->iax_completion->status, IAX_COMP_SUCCESS);

	return desc;
}

/* Test that a queue is not stopped because the thread of its interrupt had no CPU. */
static void test_late_irq(struct kunit *test)
{
	struct world *w = test->priv;
	struct idxd_desc *late;

	iaa_timeout_ms = 20;
	iaa_config.sync_mode = IAA_ASYNC_IRQ;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	late = complete_without_irq(w, w->fakes[0]);
	while (nr_flight(w))
		complete_one(w, w->fakes[w->fakes[0]->nr_flight ? 0 : 1], 0);
	msleep(10 * iaa_timeout_ms);
	expect_in_use(test, w);
	KUNIT_EXPECT_FALSE(test, is_done(w));
	iaa_unit_arrived(late, false);
	run_irqs(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 0);
	expect_all_given_back(test, w);
}

/* Test that a unit whose interrupt never comes stops its queue, though nobody polls. */
static void test_overdue_irq(struct kunit *test)
{
	struct world *w = test->priv;
	ktime_t end = ktime_add_ms(ktime_get(), 10000);

	iaa_timeout_ms = 20;
	iaa_config.sync_mode = IAA_ASYNC_IRQ;
	KUNIT_ASSERT_EQ(test, submit(w, 8), -EINPROGRESS);
	while (!w->fakes[0]->wq->outage && ktime_before(ktime_get(), end)) {
		while (w->fakes[1]->nr_flight)
			complete_one(w, w->fakes[1], 0);
		usleep_range(100, 200);
	}
	KUNIT_EXPECT_EQ(test, w->fakes[0]->wq->outage, IAA_OUT_OVERDUE);
	KUNIT_EXPECT_EQ(test, w->fakes[1]->wq->outage, IAA_IN_USE);
	/* What idxd does when the queue is flushed: it does not know of these. */
	while (!iaa_wq_has_let_go(w->fakes[0]->wq) && ktime_before(ktime_get(), end))
		usleep_range(100, 200);
	while (w->fakes[0]->nr_flight)
		iaa_unit_arrived(take_flight(w->fakes[0], 0), true);
	run_irqs(w);
	KUNIT_EXPECT_EQ(test, expect_results(test, w), 4);
	expect_all_given_back(test, w);
}

static void fake_init_wq(struct kunit *test, struct fake *f)
{
	struct idxd_wq *wq = &f->idxd_wq;
	unsigned int i;

	wq->idxd = &f->idxd;
	/* So that it does not come back after an outage: no device would check it. */
	wq->state = IDXD_WQ_DISABLED;
	wq->num_descs = NR_DESCS;
	wq->max_xfer_bytes = SZ_2M;
	wq->descs = f->desc_ptrs;
	wq->idxd_dev.conf_dev.driver = &f->drv.drv;
	mutex_init(&wq->wq_lock);
	init_completion(&wq->wq_dead);
	init_completion(&wq->wq_resurrect);
	spin_lock_init(&wq->ie.list_lock);
	init_llist_head(&wq->ie.pending_llist);
	INIT_LIST_HEAD(&wq->ie.work_list);
	KUNIT_ASSERT_EQ(test, sbitmap_queue_init_node(&wq->sbq, NR_DESCS, -1, false,
						      GFP_KERNEL, NUMA_NO_NODE), 0);
	KUNIT_ASSERT_EQ(test, idxd_wq_init_percpu_ref(wq), 0);
	/* Work items, which no function is replaced for, are refused. */
	percpu_ref_kill(&wq->wq_active);
	for (i = 0; i < NR_DESCS; i++) {
		f->desc_ptrs[i] = &f->descs[i];
		f->descs[i].iax_hw = &f->hw[i];
		f->descs[i].iax_completion = &f->records[i];
		f->descs[i].id = i;
		f->descs[i].wq = wq;
	}
}

static struct fake *fake_create(struct kunit *test, unsigned int id)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->regs = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->regs);
	device_initialize(&f->pdev.dev);
	dev_set_name(&f->pdev.dev, "fake%u", id);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(&f->pdev.dev, DMA_BIT_MASK(64)), 0);
	f->pdev.is_busmaster = 1;

	f->data.type = IDXD_TYPE_IAX;
	f->data.compl_size = sizeof(struct iax_completion_record);
	f->idxd.id = id;
	f->idxd.state = IDXD_DEV_ENABLED;
	f->idxd.pdev = &f->pdev;
	f->idxd.data = &f->data;
	f->idxd.reg_base = (void __iomem *)f->regs;
	spin_lock_init(&f->idxd.cmd_lock);
	init_waitqueue_head(&f->idxd.cmd_waitq);
	fake_init_wq(test, f);

	f->wq = iaa_wq_create(&f->idxd_wq);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->wq);
	f->wq->outage = IAA_IN_USE;
	f->wq->can = BIT(IAA_MODE_FIXED) | IAA_CAN_DECOMPRESS | IAA_CAN_VERIFY;
	idxd_wq_set_private(&f->idxd_wq, f->wq);
	f->room = UINT_MAX;

	return f;
}

static void fake_destroy(struct fake *f)
{
	iaa_wq_drain(f->wq);
	WARN_ON(sbitmap_weight(&f->idxd_wq.sbq.sb));
	iaa_wq_destroy(f->wq);
	percpu_ref_exit(&f->idxd_wq.wq_active);
	sbitmap_queue_free(&f->idxd_wq.sbq);
	kfree_const(f->pdev.dev.kobj.name);
}

static int one_distance(int from, int to)
{
	return 10;
}

static void build_map(struct kunit *test, struct world *w)
{
	struct iaa_map_cpu *cpus = kunit_kcalloc(test, nr_cpu_ids, sizeof(*cpus), GFP_KERNEL);
	struct iaa_map_queue queues[NR_QUEUES];
	struct iaa_map_config config = {
		.queues = queues,
		.nr_queues = NR_QUEUES,
		.cpus = cpus,
		.nr_cpus = nr_cpu_ids,
		.distance = one_distance,
		.distribute = { true, true },
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, cpus);
	for (i = 0; i < nr_cpu_ids; i++)
		cpus[i].core = i;
	for (i = 0; i < NR_QUEUES; i++)
		queues[i] = (struct iaa_map_queue) {
			.device = i,
			.node = NUMA_NO_NODE,
			.wq = w->fakes[i]->wq,
		};
	w->map = iaa_map_build(&config, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->map);
}

/* Each unit is text that compresses, and differs from the others. */
static void fill_source(struct world *w)
{
	unsigned int i, j;

	for (i = 0; i < MAX_UNITS; i++)
		for (j = 0; j < UNIT_SIZE; j++)
			w->src[i * UNIT_SIZE + j] = 'a' + (i + j * j) % 23;
}

static int req_init(struct kunit *test)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	test->priv = w;
	w->config = iaa_config;
	w->timeout_ms = iaa_timeout_ms;
	w->stride = UNIT_SIZE;
	iaa_config.sync_mode = IAA_ASYNC;
	iaa_config.verify_compress = false;

	for (i = 0; i < NR_QUEUES; i++)
		w->fakes[i] = fake_create(test, i);
	build_map(test, w);
	w->src = kunit_kmalloc(test, MAX_UNITS * UNIT_SIZE, GFP_KERNEL);
	w->dst = kunit_kmalloc(test, MAX_UNITS * UNIT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->src);
	KUNIT_ASSERT_NOT_NULL(test, w->dst);
	fill_source(w);

	w->tfm = crypto_alloc_acomp(test_alg.base.cra_driver_name, 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->tfm);
	w->req = acomp_request_alloc(w->tfm);
	KUNIT_ASSERT_NOT_NULL(test, w->req);
	kunit_activate_static_stub(test, idxd_submit_descs, fake_submit);
	kunit_activate_static_stub(test, iaa_table_read, fake_table);

	return 0;
}

static void req_exit(struct kunit *test)
{
	struct world *w = test->priv;
	unsigned int i;

	acomp_request_free(w->req);
	crypto_free_acomp(w->tfm);
	for (i = 0; i < NR_QUEUES; i++)
		fake_destroy(w->fakes[i]);
	iaa_map_free(w->map);
	iaa_config = w->config;
	iaa_timeout_ms = w->timeout_ms;
}

/* An algorithm like deflate-iaa, which is registered without a device too. */
static int req_suite_init(struct kunit_suite *suite)
{
	test_alg = iaa_algs[IAA_MODE_FIXED];
	memset(&test_alg.base.cra_list, 0, sizeof(test_alg.base.cra_list));
	memset(&test_alg.base.cra_users, 0, sizeof(test_alg.base.cra_users));
	refcount_set(&test_alg.base.cra_refcnt, 0);
	test_alg.base.cra_flags = CRYPTO_ALG_ASYNC | CRYPTO_ALG_REQ_UNITS;
	test_alg.base.cra_priority = 1;
	test_alg.base.cra_module = THIS_MODULE;
	strscpy(test_alg.base.cra_driver_name, "deflate-iaa-kunit");

	return crypto_register_acomp(&test_alg);
}

static void req_suite_exit(struct kunit_suite *suite)
{
	crypto_unregister_acomp(&test_alg);
}

static struct kunit_case req_cases[] = {
	KUNIT_CASE(test_numbers),
	KUNIT_CASE(test_share),
	KUNIT_CASE(test_few_descriptors),
	KUNIT_CASE(test_rows),
	KUNIT_CASE(test_reverse),
	KUNIT_CASE(test_one_missing),
	KUNIT_CASE(test_partly_accepted),
	KUNIT_CASE(test_never_accepted),
	KUNIT_CASE(test_no_queue),
	KUNIT_CASE(test_failures),
	KUNIT_CASE(test_no_space),
	KUNIT_CASE(test_verify),
	KUNIT_CASE(test_mismatch),
	KUNIT_CASE(test_verify_not_accepted),
	KUNIT_CASE(test_overdue),
	KUNIT_CASE(test_late_observer),
	KUNIT_CASE(test_late_submitter),
	KUNIT_CASE(test_quiesced),
	KUNIT_CASE(test_abilities),
	KUNIT_CASE(test_irqs),
	KUNIT_CASE(test_irq_failure),
	KUNIT_CASE(test_irqs_and_polls),
	KUNIT_CASE(test_late_irq),
	KUNIT_CASE(test_overdue_irq),
	{}
};

static struct kunit_suite req_suite = {
	.name = "iaa_req",
	.suite_init = req_suite_init,
	.suite_exit = req_suite_exit,
	.init = req_init,
	.exit = req_exit,
	.test_cases = req_cases,
};
kunit_test_suite(req_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_IMPORT_NS("IDXD");
