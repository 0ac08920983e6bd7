// SPDX-License-Identifier: GPL-2.0
/*
 * Compressors that report, as a success, whatever size they are told to: for tests of
 * what their users do with a result that is as long as the source, longer, or nothing.
 * The bytes that they produce are the source's, inverted, so that nobody can take them
 * for the source.
 *
 * /sys/module/acomp_sizes/parameters/result is the size.
 */
#include <crypto/internal/acompress.h>
#include <crypto/internal/scompress.h>
#include <crypto/scatterwalk.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#define SIZES_BATCH_SIZE	8

static unsigned int result = PAGE_SIZE;
module_param(result, uint, 0644);
MODULE_PARM_DESC(result, "size in bytes that each compression reports");

static void sizes_invert(u8 *dst, const u8 *src, unsigned int len)
{
	while (len--)
		*dst++ = ~*src++;
}

/* Anything but NULL, which would say that there is none for this CPU. */
static void *sizes_alloc_ctx(void)
{
	return THIS_MODULE;
}

static void sizes_free_ctx(void *ctx)
{
}

static int sizes_scompress(struct crypto_scomp *tfm, const u8 *src, unsigned int slen,
			   u8 *dst, unsigned int *dlen, void *ctx)
{
	sizes_invert(dst, src, min(slen, *dlen));
	*dlen = result;
	return 0;
}

/* Nobody may ask for it: what was reported cannot have been stored. */
static int sizes_sdecompress(struct crypto_scomp *tfm, const u8 *src, unsigned int slen,
			     u8 *dst, unsigned int *dlen, void *ctx)
{
	return -EBADMSG;
}

static void sizes_invert_at(struct scatterlist *dst, struct scatterlist *src,
			    unsigned int offset, unsigned int len)
{
	unsigned int i;
	u8 byte;

	for (i = 0; i < len; i++) {
		memcpy_from_sglist(&byte, src, offset + i, 1);
		byte = ~byte;
		memcpy_to_sglist(dst, i, &byte, 1);
	}
}

static int sizes_compress_units(struct acomp_req *req)
{
	unsigned int size = acomp_request_unit_size(req);
	struct scatterlist *dst = req->dst;
	unsigned int i;

	for (i = 0; i < acomp_request_unit_count(req); i++, dst = sg_next(dst)) {
		sizes_invert_at(dst, req->src, i * size, min(size, dst->length));
		acomp_unit_set_result(dst, result);
	}
	return acomp_request_finish_units(req);
}

static int sizes_compress(struct acomp_req *req)
{
	if (acomp_request_unit_count(req))
		return sizes_compress_units(req);

	sizes_invert_at(req->dst, req->src, 0, min(req->slen, req->dlen));
	req->dlen = result;
	return 0;
}

static int sizes_decompress(struct acomp_req *req)
{
	return -EBADMSG;
}

/* Of each kind one: the core treats their results differently. */
static struct scomp_alg sizes_scomp = {
	.streams		= {
		.alloc_ctx	= sizes_alloc_ctx,
		.free_ctx	= sizes_free_ctx,
	},
	.compress		= sizes_scompress,
	.decompress		= sizes_sdecompress,
	.base.cra_name		= "sizes",
	.base.cra_driver_name	= "sizes-scomp",
	.base.cra_module	= THIS_MODULE,
};

static struct acomp_alg sizes_acomps[] = {
	{
		.compress		= sizes_compress,
		.decompress		= sizes_decompress,
		.base.cra_name		= "sizes",
		.base.cra_driver_name	= "sizes-async",
		.base.cra_flags		= CRYPTO_ALG_ASYNC,
		.base.cra_module	= THIS_MODULE,
	}, {
		.compress		= sizes_compress,
		.decompress		= sizes_decompress,
		.batch_size		= SIZES_BATCH_SIZE,
		.base.cra_name		= "sizes",
		.base.cra_driver_name	= "sizes-units",
		.base.cra_flags		= CRYPTO_ALG_ASYNC | CRYPTO_ALG_REQ_UNITS,
		.base.cra_module	= THIS_MODULE,
	},
};

/* The first is what the core falls back to for the others. */
static int __init sizes_init(void)
{
	int err;

	err = crypto_register_scomp(&sizes_scomp);
	if (err)
		return err;
	err = crypto_register_acomps(sizes_acomps, ARRAY_SIZE(sizes_acomps));
	if (err)
		crypto_unregister_scomp(&sizes_scomp);
	return err;
}

static void __exit sizes_exit(void)
{
	crypto_unregister_acomps(sizes_acomps, ARRAY_SIZE(sizes_acomps));
	crypto_unregister_scomp(&sizes_scomp);
}

module_init(sizes_init);
module_exit(sizes_exit);

MODULE_ALIAS_CRYPTO("sizes-scomp");
MODULE_ALIAS_CRYPTO("sizes-async");
MODULE_ALIAS_CRYPTO("sizes-units");
MODULE_DESCRIPTION("Compressors that report any size");
MODULE_LICENSE("GPL");
