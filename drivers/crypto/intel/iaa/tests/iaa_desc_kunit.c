// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of descriptors and completion records. Descriptors are compared as the
 * bytes that the device reads; expectations do not use the driver's names.
 */
#include <kunit/test.h>
#include <linux/unaligned.h>
#include "../iaa.h"

static const struct iaa_op op = {
	.src = 0x1111222233334000,
	.dst = 0x5555666677778000,
	.record = 0x9999aaaabbbbc0c0,
	.aecs = 0xddddeeeeffff0020,
	.slen = 4096,
	.dlen = 5000,
};

/* Descriptors come zeroed from idxd, or from an earlier use; but for the PASID. */
static void dirty(struct iax_hw_desc *hw)
{
	memset(hw, 0xa5, sizeof(*hw));
	hw->pasid = 0x12345;
}

static void expect_fields(struct kunit *test, const struct iax_hw_desc *hw, u32 flags,
			  u8 opcode, u16 op_flags)
{
	const u8 *bytes = (const u8 *)hw;

	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bytes + 0), 0x12345);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bytes + 4), flags | opcode << 24);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 8), op.record);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(bytes + 36), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(bytes + 38), op_flags);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 56), 0);
}

static void expect_buffers(struct kunit *test, const struct iax_hw_desc *hw, u64 src,
			   u32 slen, u64 dst, u32 dlen)
{
	const u8 *bytes = (const u8 *)hw;

	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 16), src);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bytes + 32), slen);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 24), dst);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bytes + 48), dlen);
}

static void expect_aecs(struct kunit *test, const struct iax_hw_desc *hw, u64 addr, u32 size)
{
	const u8 *bytes = (const u8 *)hw;

	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 40), addr);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bytes + 52), size);
}

/* Test a compression in fixed mode: tables from the AECS, one final block. */
static void test_compress_fixed(struct kunit *test)
{
	struct iax_hw_desc hw;

	dirty(&hw);
	iaa_desc_compress(&hw, &op, &iaa_mode_fixed);
	expect_fields(test, &hw, 0x1000c, 0x43, 0x0006);
	expect_buffers(test, &hw, op.src, 4096, op.dst, 5000);
	expect_aecs(test, &hw, op.aecs, 1568);
}

/* Test that the device makes the tables in dynamic mode, and is given none. */
static void test_compress_dynamic(struct kunit *test)
{
	struct iax_hw_desc hw;

	dirty(&hw);
	iaa_desc_compress(&hw, &op, &iaa_mode_dynamic);
	expect_fields(test, &hw, 0x000c, 0x43, 0x3006);
	expect_buffers(test, &hw, op.src, 4096, op.dst, 5000);
	expect_aecs(test, &hw, 0, 0);
}

/* Test that a decompression goes on to the end of the final block. */
static void test_decompress(struct kunit *test)
{
	struct iax_hw_desc hw;

	dirty(&hw);
	iaa_desc_decompress(&hw, &op);
	expect_fields(test, &hw, 0x000c, 0x42, 0x001f);
	expect_buffers(test, &hw, op.src, 4096, op.dst, 5000);
	expect_aecs(test, &hw, 0, 0);
}

/* Test that a verification reads what was written, and writes nothing. */
static void test_verify(struct kunit *test)
{
	struct iax_hw_desc hw;

	dirty(&hw);
	iaa_desc_compress(&hw, &op, &iaa_mode_fixed);
	iaa_desc_verify(&hw, &op, 1234);
	expect_fields(test, &hw, 0x000c, 0x42, 0x021f);
	expect_buffers(test, &hw, op.dst, 1234, op.src, 4096);
	expect_aecs(test, &hw, 0, 0);
}

/* Test that the cache hint and the interrupt are there when asked for. */
static void test_flags(struct kunit *test)
{
	struct iaa_op all = op;
	struct iax_hw_desc hw;

	all.flags = IDXD_OP_FLAG_CC;
	dirty(&hw);
	iaa_desc_compress(&hw, &all, &iaa_mode_fixed);
	expect_fields(test, &hw, 0x1010c, 0x43, 0x0006);

	all.flags |= IDXD_OP_FLAG_RCI;
	dirty(&hw);
	iaa_desc_decompress(&hw, &all);
	expect_fields(test, &hw, 0x011c, 0x42, 0x001f);

	iaa_desc_verify(&hw, &all, 1);
	expect_fields(test, &hw, 0x011c, 0x42, 0x021f);
}

/* What each status that the device or idxd can give means, for both directions. */
struct meaning {
	u8 status;
	enum iaa_outcome comp;
	enum iaa_outcome decomp;
};

static const struct meaning meanings[] = {
	{ 0x01, IAA_DONE, IAA_DONE },
	{ 0x03, IAA_PAGE_FAULT, IAA_PAGE_FAULT },
	{ 0x83, IAA_PAGE_FAULT, IAA_PAGE_FAULT },
	{ 0x04, IAA_PAGE_FAULT, IAA_PAGE_FAULT },
	{ 0x84, IAA_PAGE_FAULT, IAA_PAGE_FAULT },
	{ 0x0a, IAA_BAD_STREAM, IAA_BAD_STREAM },
	{ 0x0b, IAA_DEVICE_ERROR, IAA_BAD_STREAM },
	{ 0x24, IAA_WATCHDOG, IAA_WATCHDOG },
	{ 0xff, IAA_ABORTED, IAA_ABORTED },
};

static enum iaa_outcome meaning_of(u8 status, bool comp)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].status == status)
			return comp ? meanings[i].comp : meanings[i].decomp;

	/* Refused for its flags, sizes or opcode, or not to be explained. */
	return IAA_DEVICE_ERROR;
}

static struct iax_hw_desc used_desc(bool comp)
{
	struct iax_hw_desc hw = {};

	if (comp)
		iaa_desc_compress(&hw, &op, &iaa_mode_fixed);
	else
		iaa_desc_decompress(&hw, &op);

	return hw;
}

/* Test all values of the status byte. */
static void test_every_status(struct kunit *test)
{
	int status, comp;

	for (comp = 0; comp <= 1; comp++) {
		struct iax_hw_desc hw = used_desc(comp);

		for (status = 1; status <= 0xff; status++) {
			struct iax_completion_record record = {
				.status = status,
				.output_size = 100,
			};

			KUNIT_EXPECT_EQ_MSG(test, iaa_desc_outcome(&hw, &record),
					    meaning_of(status, comp), "status %#x, %s",
					    status, comp ? "compress" : "decompress");
		}
	}
}

/* Test all error codes of the decoder: only one, of compressions, is "no space". */
static void test_every_error_code(struct kunit *test)
{
	struct iax_hw_desc comp = used_desc(true), decomp = used_desc(false);
	int code;

	for (code = 0; code <= 0xff; code++) {
		struct iax_completion_record record = { .status = 0x0a, .error_code = code };

		KUNIT_EXPECT_EQ_MSG(test, iaa_desc_outcome(&comp, &record),
				    code == 25 ? IAA_NO_SPACE : IAA_BAD_STREAM,
				    "error code %d", code);
		KUNIT_EXPECT_EQ_MSG(test, iaa_desc_outcome(&decomp, &record),
				    IAA_BAD_STREAM, "error code %d", code);
	}
}

/* Test that an error code counts only with the status that it belongs to. */
static void test_stale_error_code(struct kunit *test)
{
	struct iax_hw_desc comp = used_desc(true);
	struct iax_completion_record record = {
		.status = 0x01, .error_code = 25, .output_size = 100,
	};

	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&comp, &record), IAA_DONE);
	record.status = 0x24;
	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&comp, &record), IAA_WATCHDOG);
}

/* Test the lengths that a successful record may have. */
static void test_output_size(struct kunit *test)
{
	struct iax_hw_desc comp = used_desc(true), decomp = used_desc(false);
	struct iax_completion_record record = { .status = 0x01, .output_size = 5000 };

	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&comp, &record), IAA_DONE);
	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&decomp, &record), IAA_DONE);
	record.output_size = 5001;
	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&comp, &record), IAA_DEVICE_ERROR);
	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&decomp, &record), IAA_DEVICE_ERROR);
	/* A stream may be of nothing, but it is never nothing itself. */
	record.output_size = 0;
	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&comp, &record), IAA_DEVICE_ERROR);
	KUNIT_EXPECT_EQ(test, iaa_desc_outcome(&decomp, &record), IAA_DONE);
}

/* Test that a verification needs the same length and the same checksum. */
static void test_verified(struct kunit *test)
{
	struct iax_completion_record record = {
		.status = 0x01, .output_size = 4096, .crc = 0x352441c2,
	};
	struct iax_hw_desc hw = {};

	iaa_desc_verify(&hw, &op, 1234);
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c2), IAA_DONE);
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c3), IAA_MISMATCH);
	record.output_size = 4095;
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c2), IAA_MISMATCH);
	record.output_size = 0;
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c2), IAA_DONE);
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c3), IAA_MISMATCH);
	record.output_size = 4096;
	record.status = 0x0a;
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c2), IAA_MISMATCH);
	record.status = 0x0b;
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c2), IAA_MISMATCH);
	record.status = 0x24;
	KUNIT_EXPECT_EQ(test, iaa_desc_verified(&hw, &record, 4096, 0x352441c2), IAA_WATCHDOG);
}

/* Test that all but what is final goes to software, a mismatch too. */
static void test_software_takes_the_rest(struct kunit *test)
{
	enum iaa_outcome outcome;

	for (outcome = 0; outcome < IAA_NR_OUTCOMES; outcome++)
		KUNIT_EXPECT_EQ_MSG(test, iaa_outcome_needs_software(outcome),
				    outcome != IAA_DONE && outcome != IAA_NO_SPACE,
				    "outcome %d", outcome);
}

static struct kunit_case iaa_desc_cases[] = {
	KUNIT_CASE(test_compress_fixed),
	KUNIT_CASE(test_compress_dynamic),
	KUNIT_CASE(test_decompress),
	KUNIT_CASE(test_verify),
	KUNIT_CASE(test_flags),
	KUNIT_CASE(test_every_status),
	KUNIT_CASE(test_every_error_code),
	KUNIT_CASE(test_stale_error_code),
	KUNIT_CASE(test_output_size),
	KUNIT_CASE(test_verified),
	KUNIT_CASE(test_software_takes_the_rest),
	{}
};

static struct kunit_suite iaa_desc_suite = {
	.name = "iaa_desc",
	.test_cases = iaa_desc_cases,
};
kunit_test_suite(iaa_desc_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the pure parts of the IAA driver");
MODULE_LICENSE("GPL");
