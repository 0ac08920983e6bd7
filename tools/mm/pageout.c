// SPDX-License-Identifier: GPL-2.0
/*
 * pageout - push memory out to swap, fault it back in, compare every byte
 *
 * The region is private anonymous memory in folios of one size, filled from
 * files or with made-up contents. MADV_PAGEOUT reclaims exactly this memory, and
 * at once, so the time per page is that of the swap path and, in front of it, of
 * zswap: memory pressure would add a search for pages to reclaim.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include <linux/types.h>

#include "page_pattern.h"

/* The largest folio, and what the region is aligned to so that one fits. */
#define PMD_FOLIO_SIZE		(2UL << 20)

#define DEFAULT_SIZE		(64UL << 20)

/* Mismatches that are described before they are only counted. */
#define MAX_REPORTS		8

/* Bit of a pagemap entry: the page is in swap (Documentation/admin-guide/mm). */
#define PAGEMAP_SWAPPED		((__u64)1 << 62)

#define THP_DIR			"/sys/kernel/mm/transparent_hugepage"

enum exit_status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE,
};

struct options {
	size_t folio_size;		/* bytes */
	size_t size;			/* bytes; 0: as much as the files have */
	size_t chunk_size;		/* bytes per madvise(); 0: all in one */
	unsigned long rounds;
	unsigned long seed;
	const char *kind;		/* NULL: the contents are those of files */
	char **files;
	int nr_files;
	bool require_swapped;
};

struct region {
	void *mapping;
	size_t mapping_size;
	unsigned char *start;		/* aligned to PMD_FOLIO_SIZE */
	size_t size;			/* whole folios */
};

/* Events of the whole machine since it was started. */
struct counters {
	__u64 folios;			/* allocated of the size of @options */
	__u64 thp_zswpout;		/* of these, stored in zswap */
	__u64 thp_swpout;		/* of these, written to the swap device */
	__u64 thp_swpout_fallback;	/* of these, split to be swapped */
	__u64 zswpout;			/* pages */
	__u64 zswpin;			/* pages */
	__u64 swpout_zero;		/* pages that only needed a mark: all zeroes */
	__u64 pswpout;			/* pages */
	__u64 pswpin;			/* pages */
};

struct outcome {
	size_t swapped;			/* pages */
	size_t errors;			/* pages */
	__u64 out_ns;
	__u64 in_ns;
	__u64 zswap_bytes;		/* compressed, of the cgroup, while all is out */
	__u64 zswapped_bytes;		/* of what these are the compressed form */
	struct counters counters;	/* what this round added */
};

static const char usage_text[] =
"Usage: pageout [OPTION]... FILE...\n"
"       pageout [OPTION]... --kind=KIND\n"
"Fill memory from the whole 4 KiB pages of the FILEs ('-': standard input), or\n"
"with made-up contents; push it out with MADV_PAGEOUT, read it back in, compare\n"
"every byte; print one line of KEY=VALUE for each round.\n"
"\n"
"  -s, --size=SIZE        bytes to use (suffix k, m, g or t), rounded up to whole\n"
"                         folios; files are repeated or cut to fill them\n"
"                         (default: all of the files once, or 64m)\n"
"  -f, --folio=SIZE       folio size, 4k (default) to 2m; a larger one than 4k must\n"
"                         be enabled in sysfs, and no other should be\n"
"  -c, --chunk=SIZE       bytes pushed out per call, whole folios (default: all)\n"
"  -k, --kind=KIND        contents: zero, text, random or mixed\n"
"      --seed=N           choose other contents of the same kind (default 1)\n"
"  -o, --require-out      fail if not every page was swapped out\n"
"  -r, --rounds=N         start over with new memory N times (default 1)\n"
"  -h, --help             print this text\n"
"\n"
"Keys: pages, swapped (pages), errors (pages that differ), out_ns and in_ns (time\n"
"for all pages), folio_kb; folios (allocated of that size), thp_zswpout,\n"
"thp_swpout, thp_swpout_fallback (folios of that size; 0 for 4k, which are not\n"
"counted apart), zswpout, zswpin, swpout_zero, pswpout, pswpin (pages): events of\n"
"the whole machine during the round; zswap, zswapped (bytes): what zswap holds for\n"
"this cgroup while all is out, and of how much memory that is (0 in the root).\n"
"\n"
"Exit status: 0 all bytes were right, 1 some were not or something failed,\n"
"2 the command line was not understood.\n";

static void bad_usage(const char *what, const char *value)
{
	fprintf(stderr, "pageout: %s: '%s'; see pageout --help\n", what, value);
	exit(STATUS_USAGE);
}

static size_t size_option(const char *what)
{
	size_t size;

	if (parse_size(optarg, &size) || !size)
		bad_usage(what, optarg);
	return size;
}

static unsigned long number_option(const char *what)
{
	unsigned long value;

	if (parse_number(optarg, INT_MAX, &value))
		bad_usage(what, optarg);
	return value;
}

static size_t folio_option(void)
{
	size_t size = size_option("bad folio size");

	if (size < PATTERN_PAGE_SIZE || size > PMD_FOLIO_SIZE || size & (size - 1))
		bad_usage("a folio is a power of two from 4k to 2m", optarg);
	return size;
}

static void parse_option(struct options *opts, int option)
{
	switch (option) {
	case 's':
		opts->size = size_option("bad size");
		break;
	case 'f':
		opts->folio_size = folio_option();
		break;
	case 'c':
		opts->chunk_size = size_option("bad chunk size");
		break;
	case 'k':
		opts->kind = optarg;
		break;
	case 'S':
		opts->seed = number_option("bad seed");
		break;
	case 'o':
		opts->require_swapped = true;
		break;
	case 'r':
		opts->rounds = number_option("bad number of rounds");
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(STATUS_OK);
	default:
		exit(STATUS_USAGE);
	}
}

static void check_options(const struct options *opts)
{
	if (!opts->rounds)
		bad_usage("bad number of rounds", "0");
	if (opts->chunk_size % opts->folio_size)
		bad_usage("the chunk is not of whole folios", "--chunk");
	if (!opts->kind == !opts->nr_files)
		bad_usage("either files or --kind are needed",
			  opts->nr_files ? opts->files[0] : "");
	if (opts->kind && !strncmp(opts->kind, "file:", 5))
		bad_usage("give the file as an argument", opts->kind);
}

static void parse_arguments(struct options *opts, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "size",		required_argument,	NULL, 's' },
		{ "folio",		required_argument,	NULL, 'f' },
		{ "chunk",		required_argument,	NULL, 'c' },
		{ "kind",		required_argument,	NULL, 'k' },
		{ "seed",		required_argument,	NULL, 'S' },
		{ "require-out",	no_argument,		NULL, 'o' },
		{ "rounds",		required_argument,	NULL, 'r' },
		{ "help",		no_argument,		NULL, 'h' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "s:f:c:k:or:h", longs, NULL)) != -1)
		parse_option(opts, option);

	opts->files = argv + optind;
	opts->nr_files = argc - optind;
	check_options(opts);
}

static void add_files(struct page_pattern *pattern, const struct options *opts)
{
	int ret;
	int i;

	for (i = 0; i < opts->nr_files; i++) {
		ret = page_pattern_add_file(pattern, opts->files[i]);
		if (ret == -EINVAL)
			errx(STATUS_FAILED, "%s: not a regular file", opts->files[i]);
		if (ret)
			errx(STATUS_FAILED, "%s: %s", opts->files[i], strerror(-ret));
	}
	if (!pattern->nr_pages)
		errx(STATUS_FAILED, "the files have not one whole page");
}

static void prepare_pattern(struct page_pattern *pattern, const struct options *opts)
{
	int ret;

	ret = page_pattern_init(pattern, opts->kind ?: "zero", opts->seed);
	if (ret == -EINVAL)
		bad_usage("unknown kind", opts->kind);
	if (ret)
		errx(STATUS_FAILED, "%s", strerror(-ret));
	if (opts->nr_files)
		add_files(pattern, opts);
}

/* Round up to whole folios, so that each page of the region is in one. */
static void settle_size(struct options *opts, const struct page_pattern *pattern)
{
	if (!opts->size)
		opts->size = opts->nr_files ? pattern->nr_pages * PATTERN_PAGE_SIZE :
			     DEFAULT_SIZE;
	if (opts->size > SSIZE_MAX - 2 * PMD_FOLIO_SIZE)
		errx(STATUS_FAILED, "%zu bytes do not fit into memory", opts->size);

	opts->size = (opts->size + opts->folio_size - 1) & ~(opts->folio_size - 1);
	if (!opts->chunk_size)
		opts->chunk_size = opts->size;
}

/* Copy the choice, the word in brackets, out of a file like "always [never]". */
static bool read_choice(const char *path, char *choice, size_t size)
{
	char line[128] = "";
	char *start;
	FILE *file;

	file = fopen(path, "r");
	if (!file)
		return false;
	start = fgets(line, sizeof(line), file);
	fclose(file);

	start = start ? strchr(start, '[') : NULL;
	if (!start)
		return false;
	start++;
	start[strcspn(start, "]")] = '\0';
	snprintf(choice, size, "%s", start);
	return true;
}

/* Memory would silently be in other folios than the ones asked for. */
static void check_folio_enabled(size_t folio_size)
{
	char path[128];
	char choice[16];

	snprintf(path, sizeof(path), THP_DIR "/hugepages-%zukB/enabled", folio_size >> 10);
	if (!read_choice(path, choice, sizeof(choice)))
		errx(STATUS_FAILED, "this kernel has no anonymous folios of %zu kB",
		     folio_size >> 10);

	if (!strcmp(choice, "inherit")) {
		snprintf(path, sizeof(path), THP_DIR "/enabled");
		if (!read_choice(path, choice, sizeof(choice)))
			errx(STATUS_FAILED, "cannot read %s", path);
	}

	if (!strcmp(choice, "never"))
		errx(STATUS_FAILED, "folios of %zu kB are off: write madvise to %s",
		     folio_size >> 10, path);
}

/*
 * A page that was just allocated waits in a batch of the CPU that allocated it,
 * and MADV_PAGEOUT empties only the batch of its own CPU: were this task to
 * migrate in between, some pages would not be found and stay.
 */
static void stay_on_this_cpu(void)
{
	cpu_set_t set[8];	/* 8192 CPUs, as many as x86-64 can have */
	int cpu = sched_getcpu();

	if (cpu < 0)
		err(STATUS_FAILED, "sched_getcpu");

	CPU_ZERO_S(sizeof(set), set);
	CPU_SET_S(cpu, sizeof(set), set);
	if (sched_setaffinity(0, sizeof(set), set))
		err(STATUS_FAILED, "binding to CPU %d", cpu);
}

static void advise_folio_size(const struct region *region, size_t folio_size)
{
	int advice = folio_size > PATTERN_PAGE_SIZE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;

	if (!madvise(region->start, region->size, advice))
		return;
	/* A kernel without large folios does not know the wish to have none. */
	if (errno != EINVAL || advice != MADV_NOHUGEPAGE)
		err(STATUS_FAILED, "advising folios of %zu kB", folio_size >> 10);
}

static void map_region(struct region *region, const struct options *opts)
{
	unsigned long address;

	region->size = opts->size;
	region->mapping_size = opts->size + PMD_FOLIO_SIZE;
	region->mapping = mmap(NULL, region->mapping_size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region->mapping == MAP_FAILED)
		err(STATUS_FAILED, "mapping %zu bytes", region->mapping_size);

	address = (unsigned long)region->mapping + PMD_FOLIO_SIZE - 1;
	region->start = (unsigned char *)(address & ~(PMD_FOLIO_SIZE - 1));
	advise_folio_size(region, opts->folio_size);
}

static void unmap_region(const struct region *region)
{
	munmap(region->mapping, region->mapping_size);
}

static size_t nr_pages(const struct region *region)
{
	return region->size / PATTERN_PAGE_SIZE;
}

static unsigned char *page_address(const struct region *region, size_t index)
{
	return region->start + index * PATTERN_PAGE_SIZE;
}

static void fill_region(const struct region *region, const struct page_pattern *pattern)
{
	size_t i;

	for (i = 0; i < nr_pages(region); i++)
		page_pattern_fill(pattern, i, page_address(region, i));
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static __u64 push_out(const struct region *region, size_t chunk_size)
{
	__u64 start = now_ns();
	size_t done;
	size_t len;

	for (done = 0; done < region->size; done += len) {
		len = region->size - done < chunk_size ? region->size - done : chunk_size;
		if (madvise(region->start + done, len, MADV_PAGEOUT))
			err(STATUS_FAILED, "madvise(MADV_PAGEOUT)");
	}
	return now_ns() - start;
}

/* One read in each page; the asm uses the byte, so the compiler has to read it. */
static __u64 read_in(const struct region *region)
{
	__u64 start = now_ns();
	size_t i;

	for (i = 0; i < nr_pages(region); i++)
		asm volatile("" : : "r" (*page_address(region, i)));
	return now_ns() - start;
}

static size_t count_swapped_entries(const __u64 *entries, size_t count)
{
	size_t swapped = 0;
	size_t i;

	for (i = 0; i < count; i++)
		swapped += !!(entries[i] & PAGEMAP_SWAPPED);
	return swapped;
}

/* Looks at the page table only, so no page comes back by being counted. */
static size_t count_swapped(const struct region *region)
{
	size_t first = (unsigned long)region->start / PATTERN_PAGE_SIZE;
	size_t swapped = 0;
	__u64 entries[512];
	ssize_t want;
	size_t done;
	size_t left;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd < 0)
		err(STATUS_FAILED, "/proc/self/pagemap (CONFIG_PROC_PAGE_MONITOR)");

	for (done = 0; done < nr_pages(region); done += want / sizeof(*entries)) {
		left = (nr_pages(region) - done) * sizeof(*entries);
		want = left < sizeof(entries) ? left : sizeof(entries);
		if (pread(fd, entries, want, (first + done) * sizeof(*entries)) != want)
			err(STATUS_FAILED, "reading /proc/self/pagemap");
		swapped += count_swapped_entries(entries, want / sizeof(*entries));
	}
	close(fd);
	return swapped;
}

static size_t check_region(const struct region *region,
			   const struct page_pattern *pattern)
{
	struct page_mismatch mismatch;
	size_t errors = 0;
	size_t i;

	for (i = 0; i < nr_pages(region); i++) {
		if (page_pattern_check(pattern, i, page_address(region, i), &mismatch))
			continue;
		if (errors++ < MAX_REPORTS)
			warnx("page %zu, offset %zu: expected 0x%02x, found 0x%02x", i,
			      mismatch.offset, mismatch.expected, mismatch.actual);
	}
	return errors;
}

/* 0 for a counter that this kernel, or a folio of 4 kB, does not have. */
static __u64 read_folio_counter(size_t folio_size, const char *name)
{
	unsigned long long value = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), THP_DIR "/hugepages-%zukB/stats/%s",
		 folio_size >> 10, name);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static void store_page_counter(struct counters *now, const char *name, __u64 value)
{
	if (!strcmp(name, "zswpout"))
		now->zswpout = value;
	else if (!strcmp(name, "zswpin"))
		now->zswpin = value;
	else if (!strcmp(name, "swpout_zero"))
		now->swpout_zero = value;
	else if (!strcmp(name, "pswpout"))
		now->pswpout = value;
	else if (!strcmp(name, "pswpin"))
		now->pswpin = value;
}

static void read_page_counters(struct counters *now)
{
	unsigned long long value;
	char name[64];
	FILE *file;

	file = fopen("/proc/vmstat", "r");
	if (!file)
		return;
	while (fscanf(file, "%63s %llu", name, &value) == 2)
		store_page_counter(now, name, value);
	fclose(file);
}

static struct counters read_counters(size_t folio_size)
{
	struct counters now = {
		.folios = read_folio_counter(folio_size, "anon_fault_alloc"),
		.thp_zswpout = read_folio_counter(folio_size, "zswpout"),
		.thp_swpout = read_folio_counter(folio_size, "swpout"),
		.thp_swpout_fallback = read_folio_counter(folio_size, "swpout_fallback"),
	};

	read_page_counters(&now);
	return now;
}

static struct counters counters_since(const struct counters *before, size_t folio_size)
{
	struct counters now = read_counters(folio_size);

	now.folios -= before->folios;
	now.thp_zswpout -= before->thp_zswpout;
	now.thp_swpout -= before->thp_swpout;
	now.thp_swpout_fallback -= before->thp_swpout_fallback;
	now.zswpout -= before->zswpout;
	now.zswpin -= before->zswpin;
	now.swpout_zero -= before->swpout_zero;
	now.pswpout -= before->pswpout;
	now.pswpin -= before->pswpin;
	return now;
}

/* The memory.stat of the cgroup (v2) that this process is in. */
static FILE *open_memory_stat(void)
{
	char group[256] = "";
	char path[320];
	FILE *file;

	file = fopen("/proc/self/cgroup", "r");
	if (!file)
		return NULL;
	if (fscanf(file, "0::%255s", group) != 1)
		group[0] = '\0';
	fclose(file);

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", group);
	return fopen(path, "r");
}

/* Leaves 0 where there is no cgroup to ask: the root has no such account. */
static void read_cgroup_zswap(struct outcome *outcome)
{
	unsigned long long value;
	char name[64];
	FILE *file;

	outcome->zswap_bytes = 0;
	outcome->zswapped_bytes = 0;
	file = open_memory_stat();
	if (!file)
		return;
	while (fscanf(file, "%63s %llu", name, &value) == 2) {
		if (!strcmp(name, "zswap"))
			outcome->zswap_bytes = value;
		else if (!strcmp(name, "zswapped"))
			outcome->zswapped_bytes = value;
	}
	fclose(file);
}

static void run_round(const struct options *opts, const struct page_pattern *pattern,
		      struct outcome *outcome)
{
	struct counters before = read_counters(opts->folio_size);
	struct region region;

	/* New memory each time: what was swapped in may be in smaller folios. */
	map_region(&region, opts);
	fill_region(&region, pattern);

	outcome->out_ns = push_out(&region, opts->chunk_size);
	outcome->swapped = count_swapped(&region);
	read_cgroup_zswap(outcome);
	outcome->in_ns = read_in(&region);
	outcome->errors = check_region(&region, pattern);
	outcome->counters = counters_since(&before, opts->folio_size);
	unmap_region(&region);
}

static void print_outcome(const struct options *opts, const struct outcome *outcome,
			  unsigned long round)
{
	const struct counters *counters = &outcome->counters;

	printf("round=%lu folio_kb=%zu pages=%zu swapped=%zu errors=%zu ", round,
	       opts->folio_size >> 10, opts->size / PATTERN_PAGE_SIZE,
	       outcome->swapped, outcome->errors);
	printf("out_ns=%llu in_ns=%llu ", outcome->out_ns, outcome->in_ns);
	printf("folios=%llu thp_zswpout=%llu thp_swpout=%llu thp_swpout_fallback=%llu ",
	       counters->folios, counters->thp_zswpout, counters->thp_swpout,
	       counters->thp_swpout_fallback);
	printf("zswpout=%llu zswpin=%llu swpout_zero=%llu ", counters->zswpout,
	       counters->zswpin, counters->swpout_zero);
	printf("pswpout=%llu pswpin=%llu ", counters->pswpout, counters->pswpin);
	printf("zswap=%llu zswapped=%llu\n", outcome->zswap_bytes,
	       outcome->zswapped_bytes);
	fflush(stdout);
}

/* The figures were for other folios than their line says: worth a word. */
static void warn_about_folios(const struct options *opts, const struct outcome *outcome)
{
	size_t expected = opts->size / opts->folio_size;

	if (opts->folio_size > PATTERN_PAGE_SIZE && outcome->counters.folios < expected)
		warnx("only %llu of %zu folios are of %zu kB", outcome->counters.folios,
		      expected, opts->folio_size >> 10);
}

static bool judge_outcome(const struct options *opts, const struct outcome *outcome)
{
	size_t pages = opts->size / PATTERN_PAGE_SIZE;

	warn_about_folios(opts, outcome);
	if (outcome->errors)
		warnx("%zu of %zu pages are not what was written", outcome->errors, pages);

	if (!opts->require_swapped || outcome->swapped == pages)
		return !outcome->errors;
	warnx("only %zu of %zu pages were swapped out: is there enough swap?",
	      outcome->swapped, pages);
	return false;
}

int main(int argc, char **argv)
{
	struct options opts = {
		.folio_size = PATTERN_PAGE_SIZE,
		.rounds = 1,
		.seed = 1,
	};
	struct page_pattern pattern;
	struct outcome outcome;
	unsigned long round;
	bool good = true;

	parse_arguments(&opts, argc, argv);
	prepare_pattern(&pattern, &opts);
	settle_size(&opts, &pattern);
	if (opts.folio_size > PATTERN_PAGE_SIZE)
		check_folio_enabled(opts.folio_size);
	stay_on_this_cpu();

	for (round = 1; round <= opts.rounds; round++) {
		run_round(&opts, &pattern, &outcome);
		print_outcome(&opts, &outcome, round);
		good &= judge_outcome(&opts, &outcome);
	}
	return good ? STATUS_OK : STATUS_FAILED;
}
