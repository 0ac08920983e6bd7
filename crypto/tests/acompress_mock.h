/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mock algorithms that complete in every way a driver can.
 */
#ifndef _CRYPTO_TESTS_ACOMPRESS_MOCK_H
#define _CRYPTO_TESTS_ACOMPRESS_MOCK_H

struct kthread_worker;

#define MOCK_SYNC	"kunit-rle-sync"
/* Asynchronous, without and with CRYPTO_ALG_REQ_UNITS. */
#define MOCK_ASYNC	"kunit-rle-async"
#define MOCK_UNITS	"kunit-rle-units"

#define MOCK_BATCH_SIZE	8

/**
 * enum mock_mode - how requests of the asynchronous mocks complete
 *
 * @MOCK_INLINE: before the call returns, without the callback
 * @MOCK_AT_ONCE: by the callback, before the call returns
 * @MOCK_WORK: from work on other CPUs, units in no order
 * @MOCK_LATE: the same, a while later
 * @MOCK_TIMER: from softirq
 * @MOCK_IRQ: from a hard interrupt; not for the core's loop, which would submit
 *	the next unit there
 * @MOCK_BACKLOG: from work, after -EBUSY and the notice of the backlog
 * @MOCK_FULL: every third request is refused with -EAGAIN
 * @MOCK_GIVEN_BACK: every third is accepted, and completed with -EAGAIN before the
 *	call returns
 * @MOCK_GIVEN_BACK_LATE: the same, from work
 * @MOCK_MIXED: one way after the other
 * @MOCK_POLL: by the poll operation, if the request may be polled
 * @MOCK_RACE: by the poll operation or a timer, whoever is first
 * @MOCK_RACE_IRQ: the same, with a hard interrupt
 * @MOCK_THREAD: by mock_thread, which the poll operation wakes
 * @MOCK_HOLD: by mock_release() only
 * @MOCK_REFUSE: the call returns -ENODEV for the whole request
 */
enum mock_mode {
	MOCK_INLINE,
	MOCK_AT_ONCE,
	MOCK_WORK,
	MOCK_LATE,
	MOCK_TIMER,
	MOCK_IRQ,
	MOCK_BACKLOG,
	MOCK_FULL,
	MOCK_GIVEN_BACK,
	MOCK_GIVEN_BACK_LATE,
	MOCK_MIXED,
	MOCK_POLL,
	MOCK_RACE,
	MOCK_RACE_IRQ,
	MOCK_THREAD,
	MOCK_HOLD,
	MOCK_REFUSE,
};

/* Set by tests while no request is under way. */
extern enum mock_mode mock_mode;
extern struct kthread_worker *mock_thread;

int mock_register(void);
void mock_unregister(void);

/* Calls of the poll operation since the last call. */
unsigned int mock_polls(void);
/* Requests completed by polling, and by a timer, since the last call. */
unsigned int mock_polled(void);
unsigned int mock_timed(void);

/* Things about requests that were not as drivers may expect, since the last call. */
unsigned int mock_wrong(void);

/* Complete a request that was submitted with MOCK_HOLD. */
void mock_release(struct acomp_req *req);

#endif /* _CRYPTO_TESTS_ACOMPRESS_MOCK_H */
