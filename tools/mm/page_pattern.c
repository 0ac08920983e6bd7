// SPDX-License-Identifier: GPL-2.0
/*
 * Page contents for the memory workloads.
 *
 * A page is a function of the pattern, the seed and the page's index, so nothing
 * has to be kept to check it later. It is also cheap to make: raw material is
 * generated once, and a page is a copy of a piece of it under a stamp with seed
 * and index. The stamp tells pages apart that have the same material, so that a
 * page which comes back in the place of another one is found.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "page_pattern.h"

/* Pages of raw material of each sort: a power of two. */
#define MATERIAL_PAGES	64UL
#define MATERIAL_SIZE	(MATERIAL_PAGES * PATTERN_PAGE_SIZE)

struct page_stamp {
	__u64 seed;
	__u64 index;
};

static const char * const kind_names[PAGE_KIND_FILE] = {
	[PAGE_KIND_ZERO]	= "zero",
	[PAGE_KIND_TEXT]	= "text",
	[PAGE_KIND_RANDOM]	= "random",
	[PAGE_KIND_MIXED]	= "mixed",
};

/* The output function of the splitmix64 generator: every bit depends on all. */
static __u64 scramble(__u64 value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
	return value ^ (value >> 31);
}

static __u64 next_random(__u64 *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return scramble(*state);
}

static void make_noise(unsigned char *noise)
{
	__u64 state = 1;
	__u64 value;
	size_t pos;

	for (pos = 0; pos < MATERIAL_SIZE; pos += sizeof(value)) {
		value = next_random(&state);
		memcpy(noise + pos, &value, sizeof(value));
	}
}

/* Append one word of one to three syllables; return its length. */
static size_t make_word(char *word, __u64 random)
{
	static const char syllables[32][4] = {
		"a", "an", "be", "cor", "de", "di", "e", "er", "fi", "for", "ge",
		"ing", "is", "ka", "le", "lo", "ma", "men", "mi", "na", "ne", "o",
		"on", "per", "ra", "re", "sta", "te", "the", "ti", "u", "ver",
	};
	unsigned int left = 1 + random % 3;
	size_t len = 0;
	size_t n;

	for (random >>= 8; left; left--, random >>= 5) {
		n = strnlen(syllables[random % 32], sizeof(syllables[0]));
		memcpy(word + len, syllables[random % 32], n);
		len += n;
	}
	return len;
}

static void make_text(unsigned char *text)
{
	__u64 state = 2;
	char word[16];
	size_t pos = 0;
	size_t len;

	while (pos < MATERIAL_SIZE) {
		len = make_word(word, next_random(&state));
		word[len++] = ' ';
		if (len > MATERIAL_SIZE - pos)
			len = MATERIAL_SIZE - pos;
		memcpy(text + pos, word, len);
		pos += len;
	}
}

static int make_material(struct page_pattern *pattern)
{
	pattern->text = malloc(MATERIAL_SIZE);
	pattern->noise = malloc(MATERIAL_SIZE);
	if (!pattern->text || !pattern->noise) {
		free(pattern->text);
		free(pattern->noise);
		return -ENOMEM;
	}
	make_text(pattern->text);
	make_noise(pattern->noise);
	return 0;
}

/**
 * page_pattern_init() - prepare a pattern
 * @pattern: the pattern; its former content is ignored
 * @kind: "zero", "text", "random", "mixed", or "file:" and a path
 * @seed: tells regions of the same kind apart
 *
 * A pattern lives as long as the program: its memory is never given back.
 *
 * Return: 0, -EINVAL for an unknown kind, or another negative errno.
 */
int page_pattern_init(struct page_pattern *pattern, const char *kind, __u64 seed)
{
	size_t i;

	memset(pattern, 0, sizeof(*pattern));
	pattern->seed = seed;

	if (!strncmp(kind, "file:", 5))
		return page_pattern_add_file(pattern, kind + 5);

	for (i = 0; i < PAGE_KIND_FILE; i++) {
		if (strcmp(kind, kind_names[i]))
			continue;
		pattern->kind = i;
		return i == PAGE_KIND_ZERO ? 0 : make_material(pattern);
	}
	return -EINVAL;
}

/* Only a file can be mapped: keep a pipe's bytes in one that has no name. */
static int spool(int in)
{
	char buf[65536];
	ssize_t len;
	int out;

	out = memfd_create("pattern", 0);
	if (out < 0)
		return -errno;

	while ((len = read(in, buf, sizeof(buf))) > 0) {
		if (write(out, buf, len) != len) {
			close(out);
			return -EIO;
		}
	}
	if (len < 0) {
		close(out);
		return -EIO;
	}
	return out;
}

static int open_source(const char *path)
{
	int fd;

	if (!strcmp(path, "-"))
		return spool(STDIN_FILENO);

	fd = open(path, O_RDONLY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int append_pages(struct page_pattern *pattern, const unsigned char *data,
			size_t count)
{
	const unsigned char **pages;
	size_t i;

	pages = realloc(pattern->pages,
			(pattern->nr_pages + count) * sizeof(*pages));
	if (!pages)
		return -ENOMEM;

	for (i = 0; i < count; i++)
		pages[pattern->nr_pages + i] = data + i * PATTERN_PAGE_SIZE;
	pattern->pages = pages;
	pattern->nr_pages += count;
	return 0;
}

/*
 * The mapping is shared and read-only: the pages stay those of the page cache,
 * which are neither the ones under test nor ever swapped out with them.
 */
static int append_file(struct page_pattern *pattern, int fd)
{
	struct stat st;
	size_t count;
	void *data;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;

	count = st.st_size / PATTERN_PAGE_SIZE;
	if (!count)
		return 0;

	data = mmap(NULL, count * PATTERN_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;

	ret = append_pages(pattern, data, count);
	if (ret)
		munmap(data, count * PATTERN_PAGE_SIZE);
	return ret;
}

/**
 * page_pattern_add_file() - take the contents of one more file
 * @pattern: an initialised pattern; becomes one of PAGE_KIND_FILE
 * @path: a regular file, or "-" for standard input
 *
 * Only whole pages count: what is left at the end of a file is not used, and a
 * file without a whole page adds nothing. The file must not change until the
 * last check: a page of a changed file is reported as a mismatch.
 *
 * Return: 0, -EINVAL if @path is no regular file, or another negative errno.
 */
int page_pattern_add_file(struct page_pattern *pattern, const char *path)
{
	int ret;
	int fd;

	fd = open_source(path);
	if (fd < 0)
		return fd;

	pattern->kind = PAGE_KIND_FILE;
	ret = append_file(pattern, fd);
	close(fd);
	return ret;
}

static void put_stamp(const struct page_pattern *pattern, size_t index, void *page)
{
	struct page_stamp stamp = { .seed = pattern->seed, .index = index };

	memcpy(page, &stamp, sizeof(stamp));
}

static __u64 page_random(const struct page_pattern *pattern, size_t index)
{
	return scramble(pattern->seed ^ scramble(index + 1));
}

/* The low bits of a page's random number have another use in fill_mixed(). */
static const unsigned char *material_page(const unsigned char *material, __u64 random)
{
	return material + (random >> 32) % MATERIAL_PAGES * PATTERN_PAGE_SIZE;
}

static void fill_material(const struct page_pattern *pattern, size_t index,
			  const unsigned char *material, void *page)
{
	memcpy(page, material_page(material, page_random(pattern, index)),
	       PATTERN_PAGE_SIZE);
	put_stamp(pattern, index, page);
}

static void fill_half_and_half(const struct page_pattern *pattern, size_t index,
			       unsigned char *page)
{
	const size_t half = PATTERN_PAGE_SIZE / 2;
	__u64 random = page_random(pattern, index);

	memcpy(page, material_page(pattern->text, random), half);
	memcpy(page + half, material_page(pattern->noise, random), half);
	put_stamp(pattern, index, page);
}

/*
 * One page in eight is empty and one does not compress, as in the memory of
 * many programs; the order is irregular, for neighbours are often alike but
 * a batch must not rely on it.
 */
static void fill_mixed(const struct page_pattern *pattern, size_t index, void *page)
{
	switch (page_random(pattern, index) % 8) {
	case 0:
		memset(page, 0, PATTERN_PAGE_SIZE);
		break;
	case 1:
		fill_material(pattern, index, pattern->noise, page);
		break;
	case 2:
	case 3:
		fill_half_and_half(pattern, index, page);
		break;
	default:
		fill_material(pattern, index, pattern->text, page);
		break;
	}
}

/**
 * page_pattern_fill() - write a page
 * @pattern: the pattern; one of files must have at least one page
 * @index: of the page in its region; files start over when they end
 * @page: PATTERN_PAGE_SIZE bytes to write to
 */
void page_pattern_fill(const struct page_pattern *pattern, size_t index, void *page)
{
	switch (pattern->kind) {
	case PAGE_KIND_ZERO:
		memset(page, 0, PATTERN_PAGE_SIZE);
		break;
	case PAGE_KIND_TEXT:
		fill_material(pattern, index, pattern->text, page);
		break;
	case PAGE_KIND_RANDOM:
		fill_material(pattern, index, pattern->noise, page);
		break;
	case PAGE_KIND_MIXED:
		fill_mixed(pattern, index, page);
		break;
	case PAGE_KIND_FILE:
		memcpy(page, pattern->pages[index % pattern->nr_pages],
		       PATTERN_PAGE_SIZE);
		break;
	}
}

/**
 * page_pattern_check() - compare every byte of a page with the pattern
 * @pattern: the pattern the page was written with
 * @index: of the page in its region
 * @page: the PATTERN_PAGE_SIZE bytes to check
 * @mismatch: where to describe the first byte that differs; untouched if none
 *
 * Return: whether all bytes are as they were written.
 */
bool page_pattern_check(const struct page_pattern *pattern, size_t index,
			const void *page, struct page_mismatch *mismatch)
{
	unsigned char expected[PATTERN_PAGE_SIZE];
	const unsigned char *actual = page;
	size_t i;

	page_pattern_fill(pattern, index, expected);
	if (!memcmp(expected, actual, sizeof(expected)))
		return true;

	for (i = 0; i < sizeof(expected) - 1 && expected[i] == actual[i]; i++)
		;
	mismatch->offset = i;
	mismatch->expected = expected[i];
	mismatch->actual = actual[i];
	return false;
}

/**
 * parse_number() - read a whole decimal number
 * @text: nothing but digits
 * @max: largest number that is accepted
 * @value: where to put the number
 *
 * Return: 0, or -EINVAL.
 */
int parse_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return errno || *end || *value > max ? -EINVAL : 0;
}

/**
 * parse_size() - read a number of bytes
 * @text: decimal, optionally with a suffix k, m, g or t (powers of 1024, in
 *	either case)
 * @size: where to put the number of bytes
 *
 * Return: 0, or -EINVAL if @text is no size or one of 2^63 or more.
 */
int parse_size(const char *text, size_t *size)
{
	static const char suffixes[] = "kmgt";
	unsigned int shift = 0;
	const char *suffix;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;

	errno = 0;
	*size = strtoul(text, &end, 10);
	if (errno)
		return -EINVAL;

	if (*end) {
		suffix = strchr(suffixes, tolower((unsigned char)*end));
		if (!suffix || end[1])
			return -EINVAL;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (*size > (size_t)SSIZE_MAX >> shift)
		return -EINVAL;

	*size <<= shift;
	return 0;
}
