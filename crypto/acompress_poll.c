// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a request, by polling where the algorithm can be polled.
 */
#include <crypto/internal/acompress.h>
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/crypto.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/processor.h>
#include <linux/sched.h>

/*
 * The core's loop over units takes the mark off a request that is under way, and
 * puts it back just before the callback runs.  The poll operation may then be
 * called for a request that has finished, which it must cope with anyway.
 */
static bool acomp_may_poll(struct acomp_req *req, struct acomp_alg *alg)
{
	return (READ_ONCE(req->base.flags) & CRYPTO_ACOMP_REQ_POLL) &&
	       alg && alg->poll;
}

/*
 * A poll takes some 100 ns, so that these take far longer than a request does on a
 * device that works.
 */
#define ACOMP_BUSY_POLLS	10000

/*
 * A request that the poll operation leaves alone may have been claimed by a thread
 * that wants this CPU and has a lower priority: cond_resched() does not let that
 * run, so sleep between polls when there have been many.
 */
static void acomp_poll(struct acomp_req *req, struct acomp_alg *alg,
		       struct crypto_wait *wait)
{
	unsigned int busy = ACOMP_BUSY_POLLS;

	while (!completion_done(&wait->completion)) {
		if (!alg->poll(req))
			return;
		if (!busy) {
			usleep_range(20, 50);
			continue;
		}
		busy--;
		cpu_relax();
		cond_resched();
	}
}

int acomp_wait_in_progress(struct acomp_req *req, int err, struct crypto_wait *wait)
{
	struct acomp_alg *alg = crypto_acomp_alg_or_null(crypto_acomp_reqtfm(req));

	if (acomp_may_poll(req, alg))
		acomp_poll(req, alg, wait);
	return crypto_wait_req(err, wait);
}
EXPORT_SYMBOL_GPL(acomp_wait_in_progress);
