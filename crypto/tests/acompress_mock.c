// SPDX-License-Identifier: GPL-2.0
/*
 * Mock algorithms.  All three know one format, so that the synchronous one is
 * the fallback of the others: a byte that says how, then either the value of
 * all bytes and their number, or the bytes themselves.
 */
#include <crypto/internal/acompress.h>
#include <crypto/scatterwalk.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "acompress-test.h"
#include "acompress_mock.h"

#define MOCK_VERBATIM	0
#define MOCK_REPEATED	1
#define MOCK_REPEAT_LEN	6	/* how, value, number of bytes */
#define MOCK_NR_WORKS	2U
#define MOCK_MAX_HANDICAP	10000	/* us */
/* A thread that has not run after so many polls does not get the CPU. */
#define MOCK_MAX_POLLS	1000000

enum mock_mode mock_mode;
struct kthread_worker *mock_thread;

static atomic_t polls, polled, timed, submitted, wrong;
static atomic_t handicap;		/* us, of polling; negative: of the timer */

unsigned int mock_polls(void)
{
	return atomic_xchg(&polls, 0);
}

unsigned int mock_polled(void)
{
	return atomic_xchg(&polled, 0);
}

unsigned int mock_timed(void)
{
	return atomic_xchg(&timed, 0);
}

unsigned int mock_wrong(void)
{
	return atomic_xchg(&wrong, 0);
}

static void mock_expect(bool right, const char *what)
{
	if (right)
		return;
	pr_err_ratelimited("kunit-rle: expected %s\n", what);
	atomic_inc(&wrong);
}

/*
 * A unit that the core made a plain request of.  Of a request that is one unit it
 * makes none, but takes off the flag.
 */
static bool mock_is_unit(struct acomp_req *req)
{
	return !acomp_req_on_stack(req) && !acomp_request_has_units(req) &&
	       req->unit_size && (req->unit_count > 1 ||
				  acomp_is_async(crypto_acomp_reqtfm(req)));
}

static void mock_check_lists(struct acomp_req *req)
{
	mock_expect(sg_nents(req->dst) == 1, "one destination entry");
	mock_expect(req->dst->length == req->dlen, "a destination of dlen bytes");
	mock_expect(req->dlen, "a destination of some bytes");
	mock_expect(req->src->length || !req->slen, "no empty entry first");
	if (req->src->length < req->slen)
		return;
	mock_expect(sg_nents(req->src) == 1, "one source entry");
	mock_expect(req->src->length == req->slen, "a source of slen bytes");
}

static void mock_check(struct acomp_req *req)
{
	u32 flags = acomp_request_flags(req);

	mock_expect(!(flags & CRYPTO_TFM_REQ_MAY_SLEEP) || !in_interrupt(),
		    "not MAY_SLEEP here");
	if (!mock_is_unit(req))
		return;
	mock_check_lists(req);
	if (!acomp_is_async(crypto_acomp_reqtfm(req)))
		return;
	mock_expect(!(flags & CRYPTO_TFM_REQ_MAY_SLEEP), "not MAY_SLEEP");
	mock_expect(flags & CRYPTO_TFM_REQ_MAY_BACKLOG, "MAY_BACKLOG");
}

/* A unit, or a whole plain request. */
struct mock_piece {
	struct scatterlist *src, *dst;
	unsigned int skip;		/* bytes of the source before the piece */
	unsigned int slen, dlen;
};

/* The context of an asynchronous request. */
struct mock_req {
	struct acomp_req *req;
	enum mock_mode mode;
	bool comp;
	unsigned int count;		/* units, 0 for a plain request */
	int err;			/* of a plain request */
	struct work_struct works[MOCK_NR_WORKS];
	struct kthread_work thread_work;
	unsigned int polls;		/* while the thread has the request */
	struct hrtimer timer;
	atomic_t next;			/* piece to work on, see mock_order() */
	atomic_t left;			/* works that have not ended */
	atomic_t claimed;		/* somebody completes the request */
};

static int mock_compress_buf(const u8 *in, u8 *out, struct mock_piece *piece)
{
	u32 len = piece->slen;

	if (!memchr_inv(in, in[0], len)) {
		out[0] = MOCK_REPEATED;
		out[1] = in[0];
		memcpy(out + 2, &len, sizeof(len));
		len = MOCK_REPEAT_LEN;
	} else {
		out[0] = MOCK_VERBATIM;
		memcpy(out + 1, in, len++);
	}
	if (len > piece->dlen)
		return -ENOSPC;
	memcpy_to_sglist(piece->dst, 0, out, len);
	return len;
}

static int mock_decompress_buf(const u8 *in, u8 *out, struct mock_piece *piece)
{
	u32 len = piece->slen - 1;

	if (in[0] == MOCK_REPEATED && piece->slen == MOCK_REPEAT_LEN)
		memcpy(&len, in + 2, sizeof(len));
	else if (in[0] != MOCK_VERBATIM)
		return -EINVAL;
	if (len > piece->dlen)
		return -ENOSPC;
	if (in[0] == MOCK_REPEATED)
		memset(out, in[1], len);
	else
		memcpy(out, in + 1, len);
	memcpy_to_sglist(piece->dst, 0, out, len);
	return len;
}

/* Returns the number of bytes produced or an error. */
static int mock_do_piece(struct mock_piece *piece, bool comp)
{
	unsigned int room = max(piece->slen, piece->dlen) + MOCK_REPEAT_LEN;
	u8 *buf;
	int ret;

	if (!piece->slen)
		return -EINVAL;
	if (!piece->dlen)
		return -ENOSPC;
	buf = kmalloc(2 * room, GFP_ATOMIC);
	if (!buf)
		return -ENOMEM;
	memcpy_from_sglist(buf, piece->src, piece->skip, piece->slen);
	ret = comp ? mock_compress_buf(buf, buf + room, piece) :
		     mock_decompress_buf(buf, buf + room, piece);
	kfree(buf);
	return ret;
}

static int mock_do_plain(struct acomp_req *req, bool comp)
{
	struct mock_piece piece = {
		.src = req->src, .slen = req->slen,
		.dst = req->dst, .dlen = req->dlen,
	};
	int ret = mock_do_piece(&piece, comp);

	if (ret < 0)
		return ret;
	req->dlen = ret;
	return 0;
}

static void mock_do_unit(struct mock_req *mock, unsigned int index)
{
	struct acomp_req *req = mock->req;
	unsigned int size = acomp_request_unit_size(req);
	struct mock_piece piece = { .dst = acomp_test_nth(req->dst, index) };

	if (mock->comp) {
		piece.src = req->src;
		piece.skip = index * size;
		piece.slen = size;
		piece.dlen = piece.dst->length;
	} else {
		piece.src = acomp_test_nth(req->src, index);
		piece.slen = piece.src->length;
		piece.dlen = size;
	}
	acomp_unit_set_result(piece.dst, mock_do_piece(&piece, mock->comp));
}

/* Units are taken in an order that is not theirs; 7919 is a prime. */
static unsigned int mock_order(struct mock_req *mock, unsigned int turn)
{
	return (turn * 7919 + 5) % mock->count;
}

static unsigned int mock_pieces(struct mock_req *mock)
{
	return max(mock->count, 1U);
}

static void mock_do_turn(struct mock_req *mock, unsigned int turn)
{
	if (mock->count)
		mock_do_unit(mock, mock_order(mock, turn));
	else
		mock->err = mock_do_plain(mock->req, mock->comp);
}

/* Do the next piece.  Returns false if all are taken. */
static bool mock_do_next(struct mock_req *mock)
{
	unsigned int turn = atomic_inc_return(&mock->next) - 1;

	if (turn >= mock_pieces(mock))
		return false;
	mock_do_turn(mock, turn);
	return true;
}

static int mock_result(struct mock_req *mock)
{
	return mock->count ? acomp_request_finish_units(mock->req) : mock->err;
}

static int mock_do_all(struct mock_req *mock)
{
	while (mock_do_next(mock))
		;
	return mock_result(mock);
}

/* As a driver may leave it that has found out late that its queue is full. */
static void mock_give_back(struct mock_req *mock)
{
	mock->req->dlen = 0;
	acomp_request_complete_task(mock->req, -EAGAIN);
}

/* Pieces are dealt out before, for the last work to end completes the request. */
static void mock_work(struct mock_req *mock, unsigned int which)
{
	unsigned int turn;

	if (mock->mode == MOCK_LATE || mock->mode == MOCK_GIVEN_BACK_LATE)
		usleep_range(500, 1000);
	if (mock->mode == MOCK_GIVEN_BACK_LATE) {
		mock_give_back(mock);
		return;
	}
	if (mock->mode == MOCK_BACKLOG && which == 0)
		acomp_request_complete_task(mock->req, -EINPROGRESS);

	for (turn = which; turn < mock_pieces(mock); turn += MOCK_NR_WORKS)
		mock_do_turn(mock, turn);
	if (atomic_dec_and_test(&mock->left))
		acomp_request_complete_task(mock->req, mock_result(mock));
}

static void mock_work_0(struct work_struct *work)
{
	mock_work(container_of(work, struct mock_req, works[0]), 0);
}

static void mock_work_1(struct work_struct *work)
{
	mock_work(container_of(work, struct mock_req, works[1]), 1);
}

static bool mock_races(enum mock_mode mode)
{
	return mode == MOCK_RACE || mode == MOCK_RACE_IRQ;
}

/*
 * Who races is at times the first, at times the second, however late or prompt
 * timers are on this machine: who was first has to wait for longer the next time.
 * The poll operation waits after the timer's time has come; if that makes it never
 * the first, the timer is set to a later time.
 */
static void mock_set_handicap(int sign)
{
	int us = atomic_read(&handicap);

	atomic_set(&handicap, clamp(us + sign * (abs(us) / 4 + 1),
				    -MOCK_MAX_HANDICAP, MOCK_MAX_HANDICAP));
}

static bool mock_has_handicap(struct mock_req *mock)
{
	return ktime_to_us(hrtimer_get_remaining(&mock->timer)) > -atomic_read(&handicap);
}

static enum hrtimer_restart mock_timer(struct hrtimer *timer)
{
	struct mock_req *mock = container_of(timer, struct mock_req, timer);

	if (atomic_xchg(&mock->claimed, 1))
		return HRTIMER_NORESTART;
	atomic_inc(&timed);
	mock_set_handicap(-1);
	acomp_request_complete(mock->req, mock_do_all(mock));
	return HRTIMER_NORESTART;
}

void mock_release(struct acomp_req *req)
{
	acomp_request_complete_task(req, mock_do_all(acomp_request_ctx(req)));
}

static void mock_thread_work(struct kthread_work *work)
{
	struct mock_req *mock = container_of(work, struct mock_req, thread_work);

	acomp_request_complete_task(mock->req, mock_do_all(mock));
}

/* As by a device whose interrupt has a thread. */
static void mock_poll_thread(struct mock_req *mock)
{
	if (!atomic_xchg(&mock->claimed, 1))
		kthread_queue_work(mock_thread, &mock->thread_work);
	else if (++mock->polls == MOCK_MAX_POLLS &&
		 kthread_cancel_work_sync(&mock->thread_work))
		acomp_request_complete_task(mock->req, -ETIME);
}

static void mock_poll_once(struct acomp_req *req, struct mock_req *mock)
{
	if (mock->mode == MOCK_THREAD) {
		mock_poll_thread(mock);
		return;
	}
	if (mock->mode == MOCK_POLL) {
		/* One at a time: the caller must come back. */
		if (atomic_read(&mock->claimed) || mock_do_next(mock))
			return;
	} else if (mock_has_handicap(mock)) {
		return;
	}
	if (atomic_xchg(&mock->claimed, 1))
		return;
	if (mock_races(mock->mode)) {
		hrtimer_cancel(&mock->timer);
		mock_set_handicap(1);
	}
	atomic_inc(&polled);
	acomp_request_complete_task(req, mock->mode == MOCK_POLL ?
					 mock_result(mock) : mock_do_all(mock));
}

static bool mock_poll(struct acomp_req *req)
{
	struct mock_req *mock = acomp_request_ctx(req);

	atomic_inc(&polls);
	if (mock->mode != MOCK_POLL && mock->mode != MOCK_THREAD && !mock_races(mock->mode))
		return false;
	mock_poll_once(req, mock);

	return true;
}

static void mock_start_work(struct mock_req *mock)
{
	unsigned int works = min(mock_pieces(mock), MOCK_NR_WORKS);
	unsigned int cpu = raw_smp_processor_id();
	unsigned int i;

	atomic_set(&mock->left, works);
	/* The request may be gone when the last has been queued. */
	for (i = 0; i < works; i++) {
		cpu = cpumask_next_wrap(cpu, cpu_online_mask);
		queue_work_on(cpu, system_highpri_wq, &mock->works[i]);
	}
}

static void mock_start_timer(struct mock_req *mock)
{
	enum hrtimer_mode mode = HRTIMER_MODE_REL_SOFT;
	int us = 1;

	if (mock->mode == MOCK_IRQ || mock->mode == MOCK_RACE_IRQ)
		mode = HRTIMER_MODE_REL_HARD;
	if (mock_races(mock->mode))
		us += max(-atomic_read(&handicap), 0);
	hrtimer_setup(&mock->timer, mock_timer, CLOCK_MONOTONIC, mode);
	hrtimer_start(&mock->timer, us_to_ktime(us), mode);
}

static enum mock_mode mock_choose_mode(struct acomp_req *req)
{
	static const enum mock_mode mixed[] = {
		MOCK_INLINE, MOCK_WORK, MOCK_AT_ONCE, MOCK_TIMER, MOCK_AT_ONCE,
		MOCK_BACKLOG, MOCK_INLINE,
	};
	unsigned int turn = atomic_inc_return(&submitted);
	enum mock_mode mode = mock_mode;

	if (mode == MOCK_MIXED)
		mode = mixed[turn % ARRAY_SIZE(mixed)];
	switch (mode) {
	case MOCK_FULL:
	case MOCK_GIVEN_BACK:
	case MOCK_GIVEN_BACK_LATE:
		return turn % 3 ? MOCK_WORK : mode;
	case MOCK_BACKLOG:
		if (acomp_request_flags(req) & CRYPTO_TFM_REQ_MAY_BACKLOG)
			return MOCK_BACKLOG;
		return MOCK_WORK;
	case MOCK_POLL:
		return acomp_request_may_poll(req) ? MOCK_POLL : MOCK_TIMER;
	case MOCK_RACE:
	case MOCK_RACE_IRQ:
		return acomp_request_may_poll(req) ? mode : MOCK_WORK;
	default:
		return mode;
	}
}

static void mock_prepare(struct mock_req *mock, struct acomp_req *req, bool comp)
{
	mock->req = req;
	mock->comp = comp;
	mock->mode = mock_choose_mode(req);
	mock->count = acomp_request_unit_count(req);
	atomic_set(&mock->next, 0);
	atomic_set(&mock->claimed, 0);
	INIT_WORK(&mock->works[0], mock_work_0);
	INIT_WORK(&mock->works[1], mock_work_1);
	kthread_init_work(&mock->thread_work, mock_thread_work);
	mock->polls = 0;
}

static int mock_refuse(struct acomp_req *req, int err)
{
	if (acomp_request_unit_count(req))
		acomp_request_fail_units(req, err);
	return err;
}

static int mock_submit(struct acomp_req *req, bool comp)
{
	struct mock_req *mock = acomp_request_ctx(req);

	mock_check(req);
	mock_prepare(mock, req, comp);
	switch (mock->mode) {
	case MOCK_INLINE:
		return mock_do_all(mock);
	case MOCK_AT_ONCE:
		acomp_request_complete_task(req, mock_do_all(mock));
		return -EINPROGRESS;
	case MOCK_FULL:
		return -EAGAIN;
	case MOCK_GIVEN_BACK:
		mock_give_back(mock);
		return -EINPROGRESS;
	case MOCK_REFUSE:
		return mock_refuse(req, -ENODEV);
	case MOCK_BACKLOG:
		mock_start_work(mock);
		return -EBUSY;
	case MOCK_IRQ:
	case MOCK_RACE_IRQ:
		/* As by a device: an interrupt only says that it is done. */
		mock_do_all(mock);
		fallthrough;
	case MOCK_TIMER:
	case MOCK_RACE:
		mock_start_timer(mock);
		return -EINPROGRESS;
	case MOCK_POLL:
	case MOCK_THREAD:
	case MOCK_HOLD:
		return -EINPROGRESS;
	default:
		mock_start_work(mock);
		return -EINPROGRESS;
	}
}

static int mock_compress(struct acomp_req *req)
{
	return mock_submit(req, true);
}

static int mock_decompress(struct acomp_req *req)
{
	return mock_submit(req, false);
}

static int mock_compress_sync(struct acomp_req *req)
{
	mock_check(req);
	return mock_do_plain(req, true);
}

static int mock_decompress_sync(struct acomp_req *req)
{
	mock_check(req);
	return mock_do_plain(req, false);
}

static struct acomp_alg mock_algs[] = {
	{
		.compress		= mock_compress_sync,
		.decompress		= mock_decompress_sync,
		.base.cra_name		= "kunit-rle",
		.base.cra_driver_name	= MOCK_SYNC,
		.base.cra_priority	= 1,
		.base.cra_module	= THIS_MODULE,
	}, {
		.compress		= mock_compress,
		.decompress		= mock_decompress,
		.poll			= mock_poll,
		.base.cra_name		= "kunit-rle",
		.base.cra_driver_name	= MOCK_ASYNC,
		.base.cra_flags		= CRYPTO_ALG_ASYNC,
		.base.cra_reqsize	= sizeof(struct mock_req),
		.base.cra_module	= THIS_MODULE,
	}, {
		.compress		= mock_compress,
		.decompress		= mock_decompress,
		.poll			= mock_poll,
		.batch_size		= MOCK_BATCH_SIZE,
		.base.cra_name		= "kunit-rle",
		.base.cra_driver_name	= MOCK_UNITS,
		.base.cra_flags		= CRYPTO_ALG_ASYNC | CRYPTO_ALG_REQ_UNITS,
		.base.cra_reqsize	= sizeof(struct mock_req),
		.base.cra_module	= THIS_MODULE,
	},
};

int mock_register(void)
{
	return crypto_register_acomps(mock_algs, ARRAY_SIZE(mock_algs));
}

void mock_unregister(void)
{
	crypto_unregister_acomps(mock_algs, ARRAY_SIZE(mock_algs));
}
