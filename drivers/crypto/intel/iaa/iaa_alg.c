// SPDX-License-Identifier: GPL-2.0
/*
 * The algorithms that the driver offers, one per mode.
 */
#include <crypto/internal/acompress.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <kunit/visibility.h>
#include "iaa.h"

/* Who asks for one of them has the module loaded. */
MODULE_ALIAS_CRYPTO("deflate-iaa");
MODULE_ALIAS_CRYPTO("deflate-iaa-dynamic");

/* How many buffers are worth having at once: twice that is in the window. */
#define IAA_BATCH_SIZE	8

static_assert(IAA_BATCH_SIZE <= IAA_WINDOW);

struct iaa_tfm {
	const struct iaa_mode *mode;
};

/* The device writes what it is told to, so lengths must be those of the lists. */
static bool iaa_sg_holds(struct scatterlist *sg, unsigned int len)
{
	return sg && (sg->length >= len || sg_nents_for_len(sg, len) > 0);
}

/* The core checks requests of units. */
static bool iaa_plain_is_valid(struct acomp_req *req)
{
	return req->slen && iaa_sg_holds(req->src, req->slen) &&
	       iaa_sg_holds(req->dst, req->dlen);
}

static unsigned long iaa_needs(const struct iaa_req *r)
{
	if (r->role == IAA_DECOMP)
		return IAA_CAN_DECOMPRESS;

	return BIT(r->mode->id) | (r->verify ? IAA_CAN_VERIFY : 0);
}

/* All but what a unit or a driver of its interrupts fills in. */
static void iaa_req_init(struct iaa_req *r, struct acomp_req *req, enum iaa_role role)
{
	struct iaa_tfm *tfm = acomp_tfm_ctx(crypto_acomp_reqtfm(req));
	enum iaa_sync_mode sync_mode = READ_ONCE(iaa_config.sync_mode);

	r->mode = tfm->mode;
	r->role = role;
	r->verify = role == IAA_COMP && READ_ONCE(iaa_config.verify_compress);
	r->irq = sync_mode == IAA_ASYNC_IRQ;
	r->polled = sync_mode == IAA_ASYNC && acomp_request_may_poll(req);
	r->has_units = acomp_request_has_units(req);
	r->may_sleep = acomp_request_flags(req) & CRYPTO_TFM_REQ_MAY_SLEEP;
	r->left = r->has_units ? acomp_request_unit_count(req) : 1;
	r->unit_size = acomp_request_unit_size(req);
	r->src = req->src;
	r->src_offset = 0;
	r->dst = req->dst;
	r->ready = 0;
	r->flight = 0;
	r->soft = 0;
	r->running = 0;
	r->scattered = false;
	r->longest = 0;
	r->looked = 0;
	r->needs = iaa_needs(r);
}

static int iaa_do(struct acomp_req *req, enum iaa_role role)
{
	struct iaa_req *r = acomp_request_ctx(req);

	if (!acomp_request_has_units(req) && !iaa_plain_is_valid(req)) {
		/* Whoever waits looks here, even now. */
		r->polled = false;
		return -EINVAL;
	}

	iaa_req_init(r, req, role);
	return iaa_req_submit(r);
}

static int iaa_compress(struct acomp_req *req)
{
	return iaa_do(req, IAA_COMP);
}

static int iaa_decompress(struct acomp_req *req)
{
	return iaa_do(req, IAA_DECOMP);
}

static bool iaa_poll(struct acomp_req *req)
{
	return iaa_req_poll(acomp_request_ctx(req));
}

static int iaa_init_fixed(struct crypto_acomp *acomp)
{
	struct iaa_tfm *tfm = acomp_tfm_ctx(acomp);

	tfm->mode = &iaa_mode_fixed;
	return 0;
}

static int iaa_init_dynamic(struct crypto_acomp *acomp)
{
	struct iaa_tfm *tfm = acomp_tfm_ctx(acomp);

	tfm->mode = &iaa_mode_dynamic;
	return 0;
}

/* Protects iaa_algs_registered. */
static DEFINE_MUTEX(iaa_algs_lock);
static unsigned long iaa_algs_registered;

/*
 * Who asks for "deflate" gets the fixed mode, as ever. The other one, which takes
 * the device longer, is for who asks for it.
 */
VISIBLE_IF_KUNIT struct acomp_alg iaa_algs[IAA_NR_MODES] = {
	[IAA_MODE_FIXED] = {
		.init			= iaa_init_fixed,
		.compress		= iaa_compress,
		.decompress		= iaa_decompress,
		.poll			= iaa_poll,
		.batch_size		= IAA_BATCH_SIZE,
		.base			= {
			.cra_name		= "deflate",
			.cra_driver_name	= "deflate-iaa",
			.cra_flags		= CRYPTO_ALG_ASYNC | CRYPTO_ALG_REQ_UNITS,
			.cra_ctxsize		= sizeof(struct iaa_tfm),
			.cra_reqsize		= sizeof(struct iaa_req),
			.cra_module		= THIS_MODULE,
			.cra_priority		= 300,
		},
	},
	[IAA_MODE_DYNAMIC] = {
		.init			= iaa_init_dynamic,
		.compress		= iaa_compress,
		.decompress		= iaa_decompress,
		.poll			= iaa_poll,
		.batch_size		= IAA_BATCH_SIZE,
		.base			= {
			.cra_name		= "deflate",
			.cra_driver_name	= "deflate-iaa-dynamic",
			.cra_flags		= CRYPTO_ALG_ASYNC | CRYPTO_ALG_REQ_UNITS,
			.cra_ctxsize		= sizeof(struct iaa_tfm),
			.cra_reqsize		= sizeof(struct iaa_req),
			.cra_module		= THIS_MODULE,
			.cra_priority		= 200,
		},
	},
};
EXPORT_SYMBOL_IF_KUNIT(iaa_algs);

/**
 * iaa_algs_say - tell who has the module loaded for an algorithm if there is none
 *
 * Context: module initialisation, after queues that are ready were bound
 */
void iaa_algs_say(void)
{
	if (!iaa_algs_registered)
		pr_info("iaa_crypto: no queue is bound yet, %s comes with the first\n",
			iaa_algs[IAA_MODE_FIXED].base.cra_driver_name);
}

/**
 * iaa_algs_register - offer the algorithms that a device can do
 * @modes: a bit for each mode; what is registered already stays so
 *
 * Registering tests an algorithm. So a queue that can do it is in the table, and
 * no lock is held that stopping a queue takes.
 *
 * Context: may sleep
 */
void iaa_algs_register(unsigned long modes)
{
	unsigned int id;

	guard(mutex)(&iaa_algs_lock);
	modes &= ~iaa_algs_registered;
	for_each_set_bit(id, &modes, IAA_NR_MODES) {
		int err = crypto_register_acomp(&iaa_algs[id]);

		if (err)
			pr_err("iaa_crypto: could not register %s: %d\n",
			       iaa_algs[id].base.cra_driver_name, err);
		else
			iaa_algs_registered |= BIT(id);
	}
}

/**
 * iaa_algs_unregister - take the algorithms back
 *
 * Context: module exit: no tfm is left
 */
void iaa_algs_unregister(void)
{
	unsigned int id;

	for_each_set_bit(id, &iaa_algs_registered, IAA_NR_MODES)
		crypto_unregister_acomp(&iaa_algs[id]);
}
