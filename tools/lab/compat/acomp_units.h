/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What acomp_exercise.c needs that the base kernel does not have, so that the
 * tests of a driver also show what the driver of that kernel does.
 */
#ifndef _LAB_COMPAT_ACOMP_UNITS_H
#define _LAB_COMPAT_ACOMP_UNITS_H

#include <crypto/acompress.h>
#include <linux/scatterlist.h>

/* There are no units: a request of some is made one that every driver refuses. */
static inline void acomp_request_set_unit_size(struct acomp_req *req, unsigned int size)
{
	if (size)
		req->slen = 0;
}

static inline int acomp_unit_result(const struct scatterlist *sg)
{
	return (int)sg->length;
}

/* There is no polling either: the caller sleeps. */
static inline void acomp_request_set_poll(struct acomp_req *req, bool poll)
{
}

static inline int crypto_acomp_wait(struct acomp_req *req, int err, struct crypto_wait *wait)
{
	return crypto_wait_req(err, wait);
}

#endif
