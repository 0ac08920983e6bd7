// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that acomp itself executes for a request, for algorithms that do
 * nothing, and those of a request that has a page compressed or decompressed, for
 * algorithms that do that.  To be loaded where the time stamp counter counts instructions, as it
 * does in QEMU with -icount shift=0: the numbers are exact there, and time
 * elsewhere.  Builds for kernels without units, too, to be compared with.
 *
 * Prints "acomp_cost: NUMBER WHAT" and does not stay loaded.
 */
#define pr_fmt(fmt) "acomp_cost: " fmt

#include <asm/tsc.h>
#include <crypto/internal/acompress.h>
#include <crypto/internal/scompress.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#define COST_LEN	512
#define COST_UNITS	33

static int cost_do(struct acomp_req *req)
{
	return 0;
}

static int cost_scomp_do(struct crypto_scomp *tfm, const u8 *src, unsigned int slen,
			 u8 *dst, unsigned int *dlen, void *ctx)
{
	return 0;
}

/* Anything but NULL, which would say that there is none for this CPU. */
static void *cost_scomp_alloc_ctx(void)
{
	return THIS_MODULE;
}

static void cost_scomp_free_ctx(void *ctx)
{
}

/* Of the kinds there are: all that are synchronous take virtual addresses. */
static struct acomp_alg cost_acomps[] = {
	{
		.compress		= cost_do,
		.decompress		= cost_do,
		.base.cra_name		= "cost",
		.base.cra_driver_name	= "cost-sync",
		.base.cra_flags		= CRYPTO_ALG_REQ_VIRT,
		.base.cra_module	= THIS_MODULE,
	}, {
		.compress		= cost_do,
		.decompress		= cost_do,
		.base.cra_name		= "cost",
		.base.cra_driver_name	= "cost-async",
		.base.cra_flags		= CRYPTO_ALG_ASYNC,
		.base.cra_module	= THIS_MODULE,
	},
};

static struct scomp_alg cost_scomp = {
	.streams		= {
		.alloc_ctx	= cost_scomp_alloc_ctx,
		.free_ctx	= cost_scomp_free_ctx,
	},
	.compress		= cost_scomp_do,
	.decompress		= cost_scomp_do,
	.base.cra_name		= "cost",
	.base.cra_driver_name	= "cost-scomp",
	.base.cra_module	= THIS_MODULE,
};

/* What a request is made of. */
struct cost {
	const char *name;
	struct crypto_acomp *tfm;
	u8 *src, *dst;				/* COST_UNITS * COST_LEN each */
	unsigned int slen, dlen;
	struct scatterlist src_sg[COST_UNITS], dst_sg[COST_UNITS];
};

/*
 * The shortest of some runs: the first may take a path of its own.  Returns what
 * the last one returned.
 */
static int cost_print(struct cost *cost, struct acomp_req *req, bool comp, const char *what)
{
	int (*submit)(struct acomp_req *req) = comp ? crypto_acomp_compress :
						      crypto_acomp_decompress;
	unsigned int least = UINT_MAX, i;
	int err = 0;

	for (i = 0; i < 5; i++) {
		unsigned long flags;
		u64 start, end;

		sg_init_one(cost->src_sg, cost->src, cost->slen);
		sg_init_one(cost->dst_sg, cost->dst, cost->dlen);
		req->slen = cost->slen;
		req->dlen = cost->dlen;
		local_irq_save(flags);
		start = rdtsc_ordered();
		err = submit(req);
		end = rdtsc_ordered();
		local_irq_restore(flags);
		least = min_t(u64, least, end - start);
	}
	pr_info("%u %s, %s, %scompress\n", least, cost->name, what, comp ? "" : "de");
	return err;
}

static void cost_print_both(struct cost *cost, struct acomp_req *req, const char *what)
{
	cost_print(cost, req, true, what);
	cost_print(cost, req, false, what);
}

static void cost_set_lists(struct cost *cost, struct acomp_req *req)
{
	sg_init_one(cost->src_sg, cost->src, cost->slen);
	sg_init_one(cost->dst_sg, cost->dst, cost->dlen);
	acomp_request_set_callback(req, 0, NULL, NULL);
	acomp_request_set_params(req, cost->src_sg, cost->dst_sg, cost->slen, cost->dlen);
}

static void cost_plain(struct cost *cost, struct acomp_req *req)
{
	cost_set_lists(cost, req);
	cost_print_both(cost, req, "lists");
	acomp_request_set_src_dma(req, cost->src, COST_LEN);
	acomp_request_set_dst_dma(req, cost->dst, COST_LEN);
	cost_print_both(cost, req, "addresses");
}

static void cost_on_stack(struct cost *cost)
{
	ACOMP_REQUEST_ON_STACK(req, cost->tfm);

	cost_set_lists(cost, req);
	cost_print_both(cost, req, "lists on the stack");
	acomp_request_set_src_dma(req, cost->src, COST_LEN);
	acomp_request_set_dst_dma(req, cost->dst, COST_LEN);
	cost_print_both(cost, req, "addresses on the stack");
}

#ifdef CRYPTO_ACOMP_REQ_UNITS

static unsigned int cost_of_units(struct cost *cost, struct acomp_req *req, bool comp,
				  unsigned int units)
{
	unsigned long flags;
	unsigned int i;
	u64 start, end;

	sg_init_table(cost->src_sg, COST_UNITS);
	sg_init_table(cost->dst_sg, COST_UNITS);
	for (i = 0; i < COST_UNITS; i++) {
		sg_set_buf(&cost->src_sg[i], cost->src + i * COST_LEN, COST_LEN);
		sg_set_buf(&cost->dst_sg[i], cost->dst + i * COST_LEN, COST_LEN);
	}
	acomp_request_set_params(req, cost->src_sg, cost->dst_sg, units * COST_LEN,
				 units * COST_LEN);
	acomp_request_set_unit_size(req, COST_LEN);

	local_irq_save(flags);
	start = rdtsc_ordered();
	if (comp)
		crypto_acomp_compress(req);
	else
		crypto_acomp_decompress(req);
	end = rdtsc_ordered();
	local_irq_restore(flags);
	return end - start;
}

/*
 * What a request of one unit costs, which may take a path of its own; what each
 * further unit costs, and what the request costs besides.
 */
static void cost_units(struct cost *cost, struct acomp_req *req, bool comp)
{
	unsigned int one, two, all, unit;

	cost_of_units(cost, req, comp, 1);
	one = cost_of_units(cost, req, comp, 1);
	cost_of_units(cost, req, comp, 2);
	two = cost_of_units(cost, req, comp, 2);
	all = cost_of_units(cost, req, comp, COST_UNITS);
	unit = (all - two) / (COST_UNITS - 2);
	pr_info("%u %s, a request of one unit, %scompress\n", one, cost->name,
		comp ? "" : "de");
	pr_info("%u %s, a unit of several, %scompress\n", unit, cost->name,
		comp ? "" : "de");
	pr_info("%u %s, a request of units without these, %scompress\n", two - 2 * unit,
		cost->name, comp ? "" : "de");
}

#else

static void cost_units(struct cost *cost, struct acomp_req *req, bool comp)
{
}

#endif

/* All of it, for an algorithm that does nothing. */
static int cost_nothing(struct cost *cost, struct acomp_req *req)
{
	cost->slen = COST_LEN;
	cost->dlen = COST_LEN;
	cost_plain(cost, req);
	/* It refuses what is on the stack. */
	if (!acomp_is_async(cost->tfm))
		cost_on_stack(cost);
	cost_set_lists(cost, req);
	cost_units(cost, req, true);
	cost_units(cost, req, false);
	return 0;
}

/* Words, the same in each run: neither too regular nor too random to compress. */
static void cost_fill_page(u8 *page)
{
	u32 random = 1;
	unsigned int i;

	for (i = 0; i < PAGE_SIZE; i++) {
		if (i % 8 == 0)
			random = random * 1664525 + 1013904223;
		page[i] = 'a' + ((random >> 27) * 7 + i % 8) % 26;
	}
}

/* As zswap does it. */
static int cost_page(struct cost *cost, struct acomp_req *req)
{
	int err;

	cost_fill_page(cost->src);
	cost->slen = PAGE_SIZE;
	cost->dlen = PAGE_SIZE;
	cost_set_lists(cost, req);
	err = cost_print(cost, req, true, "a page");
	if (err)
		return err;

	swap(cost->src, cost->dst);
	cost->slen = req->dlen;
	cost_set_lists(cost, req);
	err = cost_print(cost, req, false, "a page");
	swap(cost->src, cost->dst);
	return err;
}

static int cost_alg(struct cost *cost, const char *name,
		    int (*measure)(struct cost *cost, struct acomp_req *req))
{
	struct acomp_req *req;
	int err = -ENOMEM;

	cost->name = name;
	cost->tfm = crypto_alloc_acomp(name, 0, 0);
	if (IS_ERR(cost->tfm))
		return PTR_ERR(cost->tfm);
	req = acomp_request_alloc(cost->tfm);
	if (req)
		err = measure(cost, req);
	acomp_request_free(req);
	crypto_free_acomp(cost->tfm);
	return err;
}

static int cost_all(void)
{
	static const char * const names[] = { "cost-sync", "cost-async", "cost-scomp" };
	static const char * const real[] = {
		"lzo", "lzo-rle", "lz4", "lz4hc", "zstd", "deflate", "842",
	};
	struct cost *cost = kzalloc(sizeof(*cost), GFP_KERNEL);
	int err = -ENOMEM;
	unsigned int i;

	if (!cost)
		return -ENOMEM;
	cost->src = kmalloc(COST_UNITS * COST_LEN, GFP_KERNEL);
	cost->dst = kmalloc(COST_UNITS * COST_LEN, GFP_KERNEL);
	if (cost->src && cost->dst)
		err = 0;
	for (i = 0; i < ARRAY_SIZE(names) && !err; i++)
		err = cost_alg(cost, names[i], cost_nothing);
	for (i = 0; i < ARRAY_SIZE(real) && !err; i++)
		err = cost_alg(cost, real[i], cost_page);
	kfree(cost->src);
	kfree(cost->dst);
	kfree(cost);
	return err;
}

static int __init cost_init(void)
{
	int err = crypto_register_scomp(&cost_scomp);

	if (err)
		return err;
	err = crypto_register_acomps(cost_acomps, ARRAY_SIZE(cost_acomps));
	if (!err) {
		err = cost_all();
		crypto_unregister_acomps(cost_acomps, ARRAY_SIZE(cost_acomps));
	}
	crypto_unregister_scomp(&cost_scomp);
	/* There is nothing to stay for. */
	return err ?: -ECANCELED;
}
module_init(cost_init);

MODULE_DESCRIPTION("Instructions that acomp executes for a request");
MODULE_LICENSE("GPL");
