// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the compression modes. Streams are put together here from nothing but
 * the AECS, as the device does it, and compared with what any inflate reads.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
#include "../iaa.h"

#define END_OF_BLOCK	256
#define MAX_STREAM	64

struct stream {
	u8 bytes[MAX_STREAM];
	unsigned int nr_bits;
};

static struct iaa_aecs_comp *fixed_aecs(struct kunit *test)
{
	struct iaa_aecs_comp *aecs = kunit_kzalloc(test, sizeof(*aecs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, aecs);
	iaa_mode_fixed.init_aecs(aecs);

	return aecs;
}

static void put_bit(struct stream *s, bool bit)
{
	s->bytes[s->nr_bits / 8] |= bit << (s->nr_bits % 8);
	s->nr_bits++;
}

/* A code goes out with its most significant bit first. */
static void put_symbol(struct stream *s, u32 entry)
{
	int bit;

	for (bit = FIELD_GET(IAA_HUFF_LENGTH, entry) - 1; bit >= 0; bit--)
		put_bit(s, FIELD_GET(IAA_HUFF_CODE, entry) & BIT(bit));
}

static void put_header(struct stream *s, const struct iaa_aecs_comp *aecs)
{
	unsigned int bit;

	for (bit = 0; bit < aecs->nr_accum_bits; bit++)
		put_bit(s, aecs->accum[bit / 8] & BIT(bit % 8));
}

struct literals {
	const char *name;
	u8 in[4];
	unsigned int slen;
	u8 out[8];
	unsigned int dlen;
};

/* The device writes just this for inputs that are too short for a match. */
static const struct literals literals[] = {
	{ "nothing", {}, 0, { 0x03, 0x00 }, 2 },
	{ "a", { 0x61 }, 1, { 0x4b, 0x04, 0x00 }, 3 },
	{ "abc", { 0x61, 0x62, 0x63 }, 3, { 0x4b, 0x4c, 0x4a, 0x06, 0x00 }, 5 },
	{ "codes of 9 bits", { 0xff, 0x90, 0x00 }, 3, { 0xfb, 0x3f, 0x81, 0x01, 0x00 }, 5 },
};
KUNIT_ARRAY_PARAM_DESC(literals, literals, name);

/* Test that header, codes and end of block make the stream that RFC 1951 says. */
static void test_fixed_stream(struct kunit *test)
{
	const struct literals *want = test->param_value;
	const struct iaa_aecs_comp *aecs = fixed_aecs(test);
	struct stream s = {};
	unsigned int i;

	put_header(&s, aecs);
	for (i = 0; i < want->slen; i++)
		put_symbol(&s, aecs->ll_sym[want->in[i]]);
	put_symbol(&s, aecs->ll_sym[END_OF_BLOCK]);

	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(s.nr_bits, 8), want->dlen);
	KUNIT_EXPECT_MEMEQ(test, s.bytes, want->out, want->dlen);
}

/* Test the entries at which the fixed codes change, as the hardware wants them. */
static void test_fixed_entries(struct kunit *test)
{
	const struct iaa_aecs_comp *aecs = fixed_aecs(test);

	KUNIT_EXPECT_EQ(test, aecs->ll_sym[0], 0x40030);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[143], 0x400bf);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[144], 0x48190);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[255], 0x481ff);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[256], 0x38000);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[279], 0x38017);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[280], 0x400c0);
	KUNIT_EXPECT_EQ(test, aecs->ll_sym[285], 0x400c5);
	KUNIT_EXPECT_EQ(test, aecs->d_sym[0], 0x28000);
	KUNIT_EXPECT_EQ(test, aecs->d_sym[29], 0x2801d);
}

/* The share of all bit strings that begin with one of the codes, in 2^-15. */
static unsigned int used_share(const u32 *entries, unsigned int nr)
{
	unsigned int i, sum = 0;

	for (i = 0; i < nr; i++)
		sum += 1 << (15 - FIELD_GET(IAA_HUFF_LENGTH, entries[i]));

	return sum;
}

static bool is_prefix(u32 a, u32 b)
{
	int shift = FIELD_GET(IAA_HUFF_LENGTH, b) - FIELD_GET(IAA_HUFF_LENGTH, a);

	return shift >= 0 &&
	       FIELD_GET(IAA_HUFF_CODE, b) >> shift == FIELD_GET(IAA_HUFF_CODE, a);
}

static void expect_prefix_free(struct kunit *test, const u32 *entries, unsigned int nr)
{
	unsigned int a, b;

	for (a = 0; a < nr; a++)
		for (b = 0; b < nr; b++)
			KUNIT_EXPECT_FALSE_MSG(test, a != b && is_prefix(entries[a], entries[b]),
					       "the code of %u begins that of %u", a, b);
}

/* Test that no code begins another, and that just those of RFC 1951 are left out. */
static void test_fixed_codes_are_complete(struct kunit *test)
{
	const struct iaa_aecs_comp *aecs = fixed_aecs(test);

	expect_prefix_free(test, aecs->ll_sym, IAA_NR_LL_SYMS);
	expect_prefix_free(test, aecs->d_sym, IAA_NR_D_SYMS);
	/* Two codes of 8 bits and two of 5 bits exist, but occur in no stream. */
	KUNIT_EXPECT_EQ(test, used_share(aecs->ll_sym, IAA_NR_LL_SYMS),
			(1 << 15) - 2 * (1 << 7));
	KUNIT_EXPECT_EQ(test, used_share(aecs->d_sym, IAA_NR_D_SYMS),
			(1 << 15) - 2 * (1 << 10));
}

/* Test that seeds and all that is reserved stay zero. */
static void test_fixed_rest_is_zero(struct kunit *test)
{
	struct iaa_aecs_comp *aecs = fixed_aecs(test);

	memset(aecs->ll_sym, 0, sizeof(aecs->ll_sym));
	memset(aecs->d_sym, 0, sizeof(aecs->d_sym));
	KUNIT_EXPECT_EQ(test, aecs->nr_accum_bits, 3);
	KUNIT_EXPECT_EQ(test, aecs->accum[0], 3);
	aecs->nr_accum_bits = 0;
	aecs->accum[0] = 0;
	KUNIT_EXPECT_NULL(test, memchr_inv(aecs, 0, sizeof(*aecs)));
}

/* Test which devices and lengths a mode takes. */
static void test_limits(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, iaa_mode_supported(&iaa_mode_fixed, 0));
	KUNIT_EXPECT_TRUE(test, iaa_mode_supported(&iaa_mode_fixed, ~0ULL));
	KUNIT_EXPECT_FALSE(test, iaa_mode_supported(&iaa_mode_dynamic, 0));
	KUNIT_EXPECT_FALSE(test, iaa_mode_supported(&iaa_mode_dynamic, ~BIT_ULL(8)));
	KUNIT_EXPECT_TRUE(test, iaa_mode_supported(&iaa_mode_dynamic, BIT_ULL(8)));

	KUNIT_EXPECT_FALSE(test, iaa_mode_takes(&iaa_mode_fixed, 0));
	KUNIT_EXPECT_TRUE(test, iaa_mode_takes(&iaa_mode_fixed, 1));
	KUNIT_EXPECT_TRUE(test, iaa_mode_takes(&iaa_mode_fixed, 2 << 20));
	KUNIT_EXPECT_FALSE(test, iaa_mode_takes(&iaa_mode_dynamic, 0));
	KUNIT_EXPECT_TRUE(test, iaa_mode_takes(&iaa_mode_dynamic, 4096));
	KUNIT_EXPECT_FALSE(test, iaa_mode_takes(&iaa_mode_dynamic, 4097));
}

static struct kunit_case iaa_mode_cases[] = {
	KUNIT_CASE_PARAM(test_fixed_stream, literals_gen_params),
	KUNIT_CASE(test_fixed_entries),
	KUNIT_CASE(test_fixed_codes_are_complete),
	KUNIT_CASE(test_fixed_rest_is_zero),
	KUNIT_CASE(test_limits),
	{}
};

static struct kunit_suite iaa_mode_suite = {
	.name = "iaa_mode",
	.test_cases = iaa_mode_cases,
};
kunit_test_suite(iaa_mode_suite);
