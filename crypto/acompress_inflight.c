// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that are under way, watched for users who forget about them.
 *
 * A request is under way from its submission until its user's callback runs, or
 * the call returns with a result.  The user's callback is replaced meanwhile.
 * Only asynchronous algorithms are watched: others leave nothing under way.
 */
#include <crypto/internal/acompress.h>
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/export.h>

#include "compress.h"

static bool acomp_inflight_watched(struct acomp_req *req)
{
	return acomp_is_async(crypto_acomp_reqtfm(req)) && !acomp_req_on_stack(req);
}

/* The last access to the request and the tfm before the user may free them. */
static void acomp_inflight_end(struct acomp_req *req)
{
	struct acomp_inflight *inflight = &req->inflight;

	req->base.complete = inflight->compl;
	req->base.data = inflight->data;
	inflight->self = NULL;
	atomic_dec(&crypto_acomp_reqtfm(req)->inflight);
}

static void acomp_inflight_done(void *data, int err)
{
	struct acomp_req *req = data;
	crypto_completion_t compl = req->inflight.compl;

	data = req->inflight.data;
	/* It left the backlog, and is still under way. */
	if (err != -EINPROGRESS)
		acomp_inflight_end(req);
	compl(data, err);
}

/* For a copy of a request on the stack, where nothing has been initialised. */
void acomp_inflight_init(struct acomp_req *req)
{
	req->inflight.self = NULL;
}

void acomp_inflight_begin(struct acomp_req *req)
{
	struct acomp_inflight *inflight = &req->inflight;

	if (!acomp_inflight_watched(req))
		return;
	if (WARN(inflight->self == req,
		 "acomp: request of %s submitted again before it has completed\n",
		 crypto_acomp_driver_name(crypto_acomp_reqtfm(req))))
		return;

	inflight->compl = req->base.complete;
	inflight->data = req->base.data;
	inflight->self = req;
	req->base.complete = acomp_inflight_done;
	req->base.data = req;
	atomic_inc(&crypto_acomp_reqtfm(req)->inflight);
}

/* The call returns @err.  A request that was accepted may be gone already. */
int acomp_inflight_submitted(struct acomp_req *req, int err)
{
	if (err == -EINPROGRESS || err == -EBUSY)
		return err;
	if (acomp_inflight_watched(req))
		acomp_inflight_end(req);
	return err;
}

bool acomp_inflight_may_free(const struct acomp_req *req)
{
	/* A copy by memcpy() of a request that is under way is not under way. */
	return !WARN(req->inflight.self == req,
		     "acomp: request freed before it has completed\n");
}
EXPORT_SYMBOL_GPL(acomp_inflight_may_free);

void acomp_inflight_exit_tfm(struct crypto_acomp *tfm)
{
	int inflight = atomic_read(&tfm->inflight);

	WARN(inflight, "acomp: tfm of %s freed with %d requests under way\n",
	     crypto_acomp_driver_name(tfm), inflight);
}
