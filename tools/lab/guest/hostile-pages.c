// SPDX-License-Identifier: GPL-2.0
/*
 * hostile-pages - contents that compressors do not like, a page after the other
 *
 *   hostile-pages SEED
 *
 * Writes them to standard output: pages that expand, that have nothing or too much
 * to match, and whose best Huffman codes are longer than a compressor may use.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE		4096
#define VARIANTS	32

static uint64_t state;

static uint32_t random_below(uint32_t end)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % end;
}

static void shuffle(unsigned char *page, size_t len)
{
	for (size_t i = len; i > 1; i--) {
		size_t other = random_below(i);
		unsigned char byte = page[i - 1];

		page[i - 1] = page[other];
		page[other] = byte;
	}
}

/* The fixed code has nine bits for these: a page grows by an eighth. */
static void nine_bits(unsigned char *page, unsigned int variant)
{
	(void)variant;
	for (size_t i = 0; i < PAGE; i++)
		page[i] = 144 + random_below(112);
}

/* Not compressible at all. */
static void noise(unsigned char *page, unsigned int variant)
{
	(void)variant;
	for (size_t i = 0; i < PAGE; i++)
		page[i] = random_below(256);
}

/*
 * A de Bruijn sequence of 16 symbols, which has every three of them once: few
 * symbols, and no three bytes come twice.
 */
static unsigned char *bruijn_out;
static size_t bruijn_count;
static unsigned char bruijn_word[4];

static void bruijn(unsigned int t, unsigned int p)
{
	if (t > 3) {
		if (3 % p)
			return;
		for (unsigned int i = 1; i <= p && bruijn_count < PAGE; i++)
			bruijn_out[bruijn_count++] = bruijn_word[i];
		return;
	}
	bruijn_word[t] = bruijn_word[t - p];
	bruijn(t + 1, p);
	for (unsigned char next = bruijn_word[t - p] + 1; next < 16; next++) {
		bruijn_word[t] = next;
		bruijn(t + 1, t);
	}
}

static void nothing_twice(unsigned char *page, unsigned int variant)
{
	bruijn_out = page;
	bruijn_count = 0;
	memset(bruijn_word, 0, sizeof(bruijn_word));
	bruijn(1, 1);
	/* Other symbols: those of each variant lie elsewhere among the 256. */
	for (size_t i = 0; i < PAGE; i++)
		page[i] = page[i] * (2 * variant + 1) + variant;
}

/* Every place looks like the start of a match that ends after three bytes. */
static void false_starts(unsigned char *page, unsigned int variant)
{
	unsigned int period = 4 + variant % 8;

	for (size_t i = 0; i < PAGE; i++)
		page[i] = i % period < 3 ? 'a' + i % period : random_below(256);
}

/* Matches of all lengths around the longest, which is 258. */
static void long_runs(unsigned char *page, unsigned int variant)
{
	size_t i = 0;

	while (i < PAGE) {
		size_t len = 250 + (variant + i) % 20;
		unsigned char byte = random_below(256);

		while (len-- && i < PAGE)
			page[i++] = byte;
	}
}

/* One match as far back as it can be, around powers of two and the whole page. */
static void distant(unsigned char *page, unsigned int variant)
{
	size_t distance = (2ul << variant % 11) + variant / 11 - 1;

	noise(page, variant);
	if (variant >= 22)
		distance = PAGE - 3 - (variant - 22) * 30;
	for (size_t i = distance; i < PAGE; i++)
		page[i] = page[i - distance];
}

/*
 * Symbols as frequent as the numbers of Fibonacci: the best code of n of them
 * needs n - 1 bits, and 17 of them fit into a page. zstd ends at 11 bits and deflate
 * at 15 (which is out of reach once the matches are taken out of a page).
 */
static void fibonacci(unsigned char *page, unsigned int variant)
{
	unsigned int symbols = 10 + variant % 8;
	size_t count = 0, number = 1, next = 1;

	memset(page, 0xff, PAGE);
	for (unsigned int symbol = 0; symbol < symbols; symbol++) {
		for (size_t i = 0; i < number && count < PAGE; i++)
			page[count++] = symbol * 13 + variant;
		next += number;
		number = next - number;
	}
	shuffle(page, PAGE);
}

/*
 * The code of the code's lengths ends at 7 bits, which it reaches when the lengths
 * are unevenly frequent.
 */
static void code_of_codes(unsigned char *page, unsigned int variant)
{
	size_t count = 0;
	unsigned int symbol = variant;

	for (unsigned int length = 1; length < 9; length++)
		for (unsigned int i = 0; i < 1u << (length - 1); i++, symbol += 7)
			for (unsigned int n = 0; n < 1u << (9 - length) && count < PAGE; n++)
				page[count++] = symbol;
	while (count < PAGE)
		page[count++] = random_below(256);
	shuffle(page, PAGE);
}

/* One symbol, or all but one: the smallest codes there are. */
static void nearly_nothing(unsigned char *page, unsigned int variant)
{
	memset(page, variant, PAGE);
	page[(variant * 133) % PAGE] ^= 1 + variant;
}

/* As many of each byte: no code is better than another. */
static void level(unsigned char *page, unsigned int variant)
{
	for (size_t i = 0; i < PAGE; i++)
		page[i] = i + variant;
	shuffle(page, PAGE);
}

/* Compresses to about a page, which is the line between stored and refused. */
static void on_the_line(unsigned char *page, unsigned int variant)
{
	noise(page, variant);
	memset(page + PAGE / 2, 0, variant);
}

int main(int argc, char **argv)
{
	static void (*const families[])(unsigned char *page, unsigned int variant) = {
		nine_bits, noise, nothing_twice, false_starts, long_runs, distant,
		fibonacci, code_of_codes, nearly_nothing, level, on_the_line,
	};
	unsigned char page[PAGE];

	if (argc != 2)
		errx(2, "usage: hostile-pages SEED");
	state = strtoull(argv[1], NULL, 0);
	/* Families alternate, so that the pages of a folio are of all of them. */
	for (unsigned int variant = 0; variant < VARIANTS; variant++) {
		for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
			families[i](page, variant);
			if (fwrite(page, PAGE, 1, stdout) != 1)
				err(1, "standard output");
		}
	}
	return 0;
}
