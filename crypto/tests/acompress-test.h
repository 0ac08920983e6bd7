/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test suites of acomp share: algorithms to test, data, scatterlists.
 */
#ifndef _CRYPTO_TESTS_ACOMPRESS_TEST_H
#define _CRYPTO_TESTS_ACOMPRESS_TEST_H

#include <crypto/acompress.h>
#include <crypto/scatterwalk.h>
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/crypto.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

#include "../internal.h"

KUNIT_DEFINE_ACTION_WRAPPER(acomp_test_kvfree, kvfree, const void *);
KUNIT_DEFINE_ACTION_WRAPPER(acomp_test_free_tfm, crypto_free_acomp,
			    struct crypto_acomp *);
KUNIT_DEFINE_ACTION_WRAPPER(acomp_test_free_req, acomp_request_free,
			    struct acomp_req *);
KUNIT_DEFINE_ACTION_WRAPPER(acomp_test_free_table, sg_free_table,
			    struct sg_table *);

/* Names of what is registered for compression, taken when the suite starts. */
struct acomp_test_algs {
	char names[32][CRYPTO_MAX_ALG_NAME];
	unsigned int count;
};

static inline void acomp_test_list_algs(struct acomp_test_algs *algs)
{
	struct crypto_alg *alg;

	algs->count = 0;
	down_read(&crypto_alg_sem);
	list_for_each_entry(alg, &crypto_alg_list, cra_list) {
		if (((alg->cra_flags ^ CRYPTO_ALG_TYPE_ACOMPRESS) &
		     CRYPTO_ALG_TYPE_ACOMPRESS_MASK) ||
		    (alg->cra_flags & CRYPTO_ALG_LARVAL) ||
		    algs->count == ARRAY_SIZE(algs->names))
			continue;
		strscpy(algs->names[algs->count++], alg->cra_driver_name);
	}
	up_read(&crypto_alg_sem);
}

static inline const void *acomp_test_next_alg(struct acomp_test_algs *algs,
					      const void *prev, char *desc)
{
	const char *name = prev ? (const char *)prev + CRYPTO_MAX_ALG_NAME :
				  algs->names[0];

	if (name >= algs->names[algs->count])
		return NULL;
	strscpy(desc, name, KUNIT_PARAM_DESC_SIZE);
	return name;
}

/* Memory that the test ends with. */
static inline void *acomp_test_alloc(struct kunit *test, size_t size)
{
	void *buf = kvmalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, acomp_test_kvfree, buf));
	return buf;
}

static inline struct crypto_acomp *acomp_test_tfm(struct kunit *test,
						  const char *name)
{
	struct crypto_acomp *tfm = crypto_alloc_acomp(name, 0, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tfm);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, acomp_test_free_tfm, tfm));
	return tfm;
}

static inline struct acomp_req *acomp_test_req(struct kunit *test,
					       struct crypto_acomp *tfm)
{
	struct acomp_req *req = acomp_request_alloc(tfm);

	KUNIT_ASSERT_NOT_NULL(test, req);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, acomp_test_free_req, req));
	return req;
}

/* A list of @nents entries; chained if it exceeds a page. */
static inline struct scatterlist *acomp_test_list(struct kunit *test,
						  unsigned int nents)
{
	struct sg_table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(table, nents, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, acomp_test_free_table, table));
	return table->sgl;
}

static inline struct scatterlist *acomp_test_nth(struct scatterlist *sg, unsigned int n)
{
	while (n--)
		sg = sg_next(sg);
	return sg;
}

/* Set an entry to memory of any kind that does not leave its page(s). */
static inline void acomp_test_set_buf(struct scatterlist *sg, void *buf,
				      unsigned int len)
{
	struct page *page = is_vmalloc_addr(buf) ? vmalloc_to_page(buf) :
						   virt_to_page(buf);

	sg_set_page(sg, page, len, offset_in_page(buf));
}

/*
 * A list for @len bytes at @buf, no entry longer than @lens[i] (used in turn)
 * and none across a page, for @buf may be vmalloc memory.
 */
static inline struct scatterlist *acomp_test_split(struct kunit *test,
						   u8 *buf, size_t len,
						   const unsigned int *lens,
						   unsigned int nr_lens)
{
	struct scatterlist *list, *sg;
	unsigned int nents = 0, i;
	size_t pos, here;

	for (pos = 0; pos < len; pos += here, nents++)
		here = min3(len - pos, (size_t)lens[nents % nr_lens],
			    PAGE_SIZE - offset_in_page(buf + pos));

	list = acomp_test_list(test, nents);
	for (pos = 0, i = 0, sg = list; i < nents; pos += here, i++, sg = sg_next(sg)) {
		here = min3(len - pos, (size_t)lens[i % nr_lens],
			    PAGE_SIZE - offset_in_page(buf + pos));
		acomp_test_set_buf(sg, buf + pos, here);
	}
	return list;
}

enum acomp_test_data {
	ACOMP_TEST_ZERO,
	ACOMP_TEST_TEXT,
	ACOMP_TEST_RANDOM,
	ACOMP_TEST_MIXED,
	ACOMP_TEST_NR_DATA
};

static inline void acomp_test_fill_text(u8 *buf, size_t len,
					struct rnd_state *rnd)
{
	static const char * const words[] = {
		"page ", "swap ", "memory ", "of ", "the ", "kernel\n", "unit ",
		"0x7f", "a ", "compressed ",
	};
	size_t pos = 0;

	while (pos < len) {
		const char *word = words[prandom_u32_state(rnd) % ARRAY_SIZE(words)];
		size_t n = min(strlen(word), len - pos);

		memcpy(buf + pos, word, n);
		pos += n;
	}
}

/* The same @seed gives the same bytes. */
static inline void acomp_test_fill(u8 *buf, size_t len,
				   enum acomp_test_data data, u64 seed)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed + 1);
	switch (data) {
	case ACOMP_TEST_ZERO:
		memset(buf, 0, len);
		break;
	case ACOMP_TEST_TEXT:
		acomp_test_fill_text(buf, len, &rnd);
		break;
	case ACOMP_TEST_RANDOM:
		prandom_bytes_state(&rnd, buf, len);
		break;
	default:
		acomp_test_fill_text(buf, len / 2, &rnd);
		prandom_bytes_state(&rnd, buf + len / 2, len / 4);
		memset(buf + len / 2 + len / 4, 0, len - len / 2 - len / 4);
	}
}

#endif /* _CRYPTO_TESTS_ACOMPRESS_TEST_H */
