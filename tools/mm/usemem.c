// SPDX-License-Identifier: GPL-2.0
/*
 * usemem - processes that use memory, and check that it keeps what they wrote
 *
 * An implementation of its own of vm-scalability's program of that name: the
 * options in common mean the same. Contents of chosen compressibility and the
 * comparison of every byte are additions, made to test and measure zswap with
 * the memory of the processes limited to less than they use.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <linux/types.h>

#include "page_pattern.h"

/* All processes are let go with one write to a pipe, which has to be atomic. */
#define MAX_PROCESSES	PIPE_BUF

/* Mismatches a process describes before it only counts them. */
#define MAX_REPORTS	8

enum exit_status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE,
};

struct options {
	size_t size;			/* bytes of each process */
	unsigned long processes;
	unsigned long bind_interval;	/* CPUs; 0: the scheduler decides */
	unsigned long read_passes;
	unsigned long sleep;		/* seconds */
	unsigned long seed;
	const char *kind;		/* NULL: the default */
	bool anonymous;
	bool writable;
	bool init_time;
};

/* What a process has to tell: it writes, the parent reads when it has ended. */
struct result {
	__u64 use_usecs;		/* of the first pass over the region */
	__u64 read_usecs;		/* of all read passes together */
	__u64 mismatches;		/* pages */
};

/* Processes say that they are ready in one pipe and wait for the other. */
struct start_line {
	int ready[2];
	int go[2];
};

struct process {
	const struct options *opts;
	struct page_pattern pattern;
	struct result *result;
	unsigned long number;
	unsigned char *region;
	__u64 start;			/* usecs: what the first pass is timed from */
};

static const char usage_text[] =
"Usage: usemem [OPTION]... SIZE\n"
"Processes that each map SIZE bytes (suffix k, m, g or t), write to every page\n"
"and then compare every byte with what was written.\n"
"\n"
"  -n, --nproc=N          start N processes (default 1)\n"
"  -O, --anonymous        map anonymous memory (default: /dev/zero, privately)\n"
"  -w, --open-rw          map for writing; without it pages are only read\n"
"  -b, --bind-interval=N  bind process I to CPU I * N, counting the CPUs that may\n"
"                         be used and starting over at their end; 0: do not bind\n"
"  -s, --sleep=SECONDS    keep the memory for that long after the work, before it\n"
"                         is read back\n"
"      --init-time        leave forking and mapping out of the throughput\n"
"  -p, --pattern=KIND     contents: zero, text, random, mixed (default) or\n"
"                         file:PATH (its whole 4 KiB pages, repeated)\n"
"  -r, --read-passes=N    read back and compare N times (default 1)\n"
"      --seed=N           choose other contents of the same kind (default 1)\n"
"  -h, --help             print this text\n"
"\n"
"Exit status: 0 all bytes were right, 1 some were not or a process failed,\n"
"2 the command line was not understood.\n";

static void bad_usage(const char *what, const char *value)
{
	fprintf(stderr, "usemem: %s: '%s'; see usemem --help\n", what, value);
	exit(STATUS_USAGE);
}

static unsigned long number_option(const char *what, unsigned long max)
{
	unsigned long value;

	if (parse_number(optarg, max, &value))
		bad_usage(what, optarg);
	return value;
}

static void parse_option(struct options *opts, int option)
{
	switch (option) {
	case 'n':
		opts->processes = number_option("bad number of processes",
						MAX_PROCESSES);
		break;
	case 'O':
		opts->anonymous = true;
		break;
	case 'w':
		opts->writable = true;
		break;
	case 'b':
		opts->bind_interval = number_option("bad bind interval", INT_MAX);
		break;
	case 's':
		opts->sleep = number_option("bad number of seconds", INT_MAX);
		break;
	case 'T':
		opts->init_time = true;
		break;
	case 'p':
		opts->kind = optarg;
		break;
	case 'r':
		opts->read_passes = number_option("bad number of passes", INT_MAX);
		break;
	case 'S':
		opts->seed = number_option("bad seed", INT_MAX);
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(STATUS_OK);
	default:
		exit(STATUS_USAGE);
	}
}

static void parse_region_size(struct options *opts, const char *text)
{
	if (parse_size(text, &opts->size) || !opts->size)
		bad_usage("bad size", text);
	if (opts->size % PATTERN_PAGE_SIZE)
		bad_usage("the size must be a multiple of 4 KiB", text);
}

static void parse_arguments(struct options *opts, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "nproc",		required_argument,	NULL, 'n' },
		{ "anonymous",		no_argument,		NULL, 'O' },
		{ "open-rw",		no_argument,		NULL, 'w' },
		{ "bind-interval",	required_argument,	NULL, 'b' },
		{ "sleep",		required_argument,	NULL, 's' },
		{ "init-time",		no_argument,		NULL, 'T' },
		{ "pattern",		required_argument,	NULL, 'p' },
		{ "read-passes",	required_argument,	NULL, 'r' },
		{ "seed",		required_argument,	NULL, 'S' },
		{ "help",		no_argument,		NULL, 'h' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:Owb:s:p:r:h", longs, NULL)) != -1)
		parse_option(opts, option);

	if (argc - optind != 1)
		bad_usage("exactly one size is needed", optind < argc ?
			  argv[argc - 1] : "");
	parse_region_size(opts, argv[optind]);

	if (!opts->processes)
		bad_usage("bad number of processes", "0");
	/* Nobody wrote to a mapping that is only read: it holds zeroes. */
	if (!opts->writable && opts->kind)
		bad_usage("a pattern needs --open-rw", opts->kind);
	if (!opts->kind)
		opts->kind = opts->writable ? "mixed" : "zero";
}

static void prepare_pattern(struct page_pattern *pattern, const struct options *opts)
{
	int ret = page_pattern_init(pattern, opts->kind, opts->seed);

	if (ret == -EINVAL)
		bad_usage("unknown pattern or no regular file", opts->kind);
	if (ret)
		errx(STATUS_FAILED, "%s: %s", opts->kind, strerror(-ret));
	if (pattern->kind == PAGE_KIND_FILE && !pattern->nr_pages)
		errx(STATUS_FAILED, "%s: not one whole page in it", opts->kind);
}

/* The clock is the same in all processes. */
static __u64 now_usecs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

/* Kilobytes (of 1024 bytes) per second; a run too short to time counts as 1 us. */
static __u64 throughput(__u64 bytes, __u64 usecs)
{
	return (bytes >> 10) * 1000000 / (usecs ? usecs : 1);
}

/*
 * The CPUs are those this program may run on, in ascending order: their numbers
 * may have gaps, for some are offline or belong to others.
 */
static void bind_process(const struct process *proc)
{
	cpu_set_t allowed[8];	/* 8192 CPUs, as many as x86-64 can have */
	cpu_set_t chosen[8];
	unsigned long skip;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(allowed), allowed))
		err(STATUS_FAILED, "sched_getaffinity");

	skip = proc->number * proc->opts->bind_interval %
	       CPU_COUNT_S(sizeof(allowed), allowed);
	while (!CPU_ISSET_S(cpu, sizeof(allowed), allowed) || skip--)
		cpu++;

	CPU_ZERO_S(sizeof(chosen), chosen);
	CPU_SET_S(cpu, sizeof(chosen), chosen);
	if (sched_setaffinity(0, sizeof(chosen), chosen))
		err(STATUS_FAILED, "binding process %lu to CPU %d", proc->number, cpu);
}

static void map_region(struct process *proc)
{
	const struct options *opts = proc->opts;
	int prot = PROT_READ | (opts->writable ? PROT_WRITE : 0);
	int flags = MAP_PRIVATE;
	int fd = -1;

	if (opts->anonymous) {
		flags |= MAP_ANONYMOUS;
	} else {
		fd = open("/dev/zero", O_RDONLY);
		if (fd < 0)
			err(STATUS_FAILED, "/dev/zero");
	}

	proc->region = mmap(NULL, opts->size, prot, flags, fd, 0);
	if (proc->region == MAP_FAILED)
		err(STATUS_FAILED, "mapping %zu bytes", opts->size);
	if (fd >= 0)
		close(fd);
}

static size_t nr_pages(const struct process *proc)
{
	return proc->opts->size / PATTERN_PAGE_SIZE;
}

static unsigned char *page_address(const struct process *proc, size_t index)
{
	return proc->region + index * PATTERN_PAGE_SIZE;
}

static void write_region(const struct process *proc)
{
	size_t i;

	for (i = 0; i < nr_pages(proc); i++)
		page_pattern_fill(&proc->pattern, i, page_address(proc, i));
}

/* The asm uses the byte, so that the compiler has to read it. */
static void touch_region(const struct process *proc)
{
	size_t i;

	for (i = 0; i < nr_pages(proc); i++)
		asm volatile("" : : "r" (*page_address(proc, i)));
}

static void report_mismatch(const struct process *proc, size_t page,
			    const struct page_mismatch *mismatch)
{
	if (proc->result->mismatches++ < MAX_REPORTS)
		warnx("process %lu: page %zu, offset %zu: expected 0x%02x, found 0x%02x",
		      proc->number, page, mismatch->offset, mismatch->expected,
		      mismatch->actual);
}

static void check_region(const struct process *proc)
{
	struct page_mismatch mismatch;
	size_t i;

	for (i = 0; i < nr_pages(proc); i++)
		if (!page_pattern_check(&proc->pattern, i, page_address(proc, i),
					&mismatch))
			report_mismatch(proc, i, &mismatch);
}

static void use_region(struct process *proc)
{
	if (proc->opts->init_time)
		proc->start = now_usecs();

	if (proc->opts->writable)
		write_region(proc);
	else
		touch_region(proc);
	proc->result->use_usecs = now_usecs() - proc->start;
}

static void read_region_back(const struct process *proc)
{
	__u64 start = now_usecs();
	unsigned long i;

	for (i = 0; i < proc->opts->read_passes; i++)
		check_region(proc);
	proc->result->read_usecs = now_usecs() - start;
}

static void open_start_line(struct start_line *line)
{
	if (pipe(line->ready) || pipe(line->go))
		err(STATUS_FAILED, "pipe");
}

/* Returns whether the start was given; the parent may have called it off. */
static bool wait_for_start(struct start_line *line)
{
	char token = 0;

	/* Or this process would keep alive the pipe whose end it waits for. */
	close(line->go[1]);

	if (write(line->ready[1], &token, 1) != 1)
		return false;
	close(line->ready[1]);
	return read(line->go[0], &token, 1) == 1;
}

static int run_process(struct process *proc, struct start_line *line)
{
	/* Do not outlive a parent that is killed: memory would stay in use. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);

	if (proc->opts->bind_interval)
		bind_process(proc);
	map_region(proc);

	if (!wait_for_start(line))
		return STATUS_FAILED;

	use_region(proc);
	/*
	 * Before reading back: as long as all keep what they have written, a
	 * limit below the sum makes each of them lose some of it to swap.
	 */
	sleep(proc->opts->sleep);
	read_region_back(proc);

	return proc->result->mismatches ? STATUS_FAILED : STATUS_OK;
}

static pid_t start_process(struct process *proc, struct start_line *line)
{
	pid_t pid = fork();

	if (!pid)
		_exit(run_process(proc, line));
	if (pid < 0)
		warn("fork of process %lu", proc->number);
	return pid;
}

/* Start all processes, those that could be: returns how many. */
static unsigned long start_processes(struct process *proc, pid_t *pids,
				     struct start_line *line)
{
	struct result *results = proc->result;
	__u64 seed = proc->pattern.seed << 32;
	unsigned long i;

	for (i = 0; i < proc->opts->processes; i++) {
		proc->number = i;
		proc->result = &results[i];
		proc->pattern.seed = seed + i;
		pids[i] = start_process(proc, line);
		if (pids[i] < 0)
			break;
	}
	return i;
}

/*
 * Let the processes go at once when all are ready. One that fails before closes
 * its end of the pipe instead, and then no other starts either.
 */
static bool give_start(struct start_line *line, unsigned long processes)
{
	char tokens[MAX_PROCESSES] = { 0 };
	unsigned long ready = 0;
	ssize_t len;

	close(line->ready[1]);
	while ((len = read(line->ready[0], tokens, sizeof(tokens))) > 0)
		ready += len;

	if (ready < processes)
		warnx("only %lu of %lu processes were ready, none was started",
		      ready, processes);
	else if (write(line->go[1], tokens, processes) != (ssize_t)processes)
		err(STATUS_FAILED, "starting the processes");
	close(line->go[1]);
	return ready == processes;
}

/* Returns whether all processes ended well; those that did not have said why. */
static bool wait_for_processes(const pid_t *pids, unsigned long processes)
{
	bool good = true;
	unsigned long i;
	int status;

	for (i = 0; i < processes; i++) {
		if (waitpid(pids[i], &status, 0) < 0)
			err(STATUS_FAILED, "waiting for process %lu", i);
		if (WIFSIGNALED(status))
			warnx("process %lu was killed by signal %d (%s)", i,
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
		good &= !status;
	}
	return good;
}

static void print_total(const char *what, const struct options *opts,
			__u64 longest, __u64 rate)
{
	printf("%s: %lu processes, longest %llu usecs, sum %llu KB/s, average %llu KB/s\n",
	       what, opts->processes, longest, rate, rate / opts->processes);
}

static void print_uses(const struct result *results, const struct options *opts)
{
	__u64 longest = 0;
	__u64 sum = 0;
	unsigned long i;
	__u64 usecs;
	__u64 rate;

	for (i = 0; i < opts->processes; i++) {
		usecs = results[i].use_usecs;
		rate = throughput(opts->size, usecs);
		printf("%zu bytes / %llu usecs = %llu KB/s\n", opts->size, usecs, rate);
		longest = usecs > longest ? usecs : longest;
		sum += rate;
	}
	print_total("total", opts, longest, sum);
}

static void print_reads(const struct result *results, const struct options *opts)
{
	__u64 longest = 0;
	__u64 sum = 0;
	unsigned long i;
	__u64 usecs;

	for (i = 0; i < opts->processes; i++) {
		usecs = results[i].read_usecs;
		sum += throughput(opts->size * opts->read_passes, usecs);
		longest = usecs > longest ? usecs : longest;
	}
	print_total("read back", opts, longest, sum);
}

static void print_mismatches(const struct result *results, const struct options *opts)
{
	__u64 sum = 0;
	unsigned long i;

	for (i = 0; i < opts->processes; i++)
		sum += results[i].mismatches;
	if (sum)
		warnx("%llu pages were not what was written", sum);
}

static void print_results(const struct result *results, const struct options *opts)
{
	print_uses(results, opts);
	if (opts->read_passes)
		print_reads(results, opts);
}

static struct result *map_results(unsigned long processes)
{
	struct result *results;

	results = mmap(NULL, processes * sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		err(STATUS_FAILED, "mapping the results");
	return results;
}

static bool run(const struct options *opts)
{
	struct process proc = { .opts = opts, .start = now_usecs() };
	struct result *results = map_results(opts->processes);
	pid_t pids[MAX_PROCESSES];
	struct start_line line;
	unsigned long started;
	bool good;

	prepare_pattern(&proc.pattern, opts);
	open_start_line(&line);

	proc.result = results;
	started = start_processes(&proc, pids, &line);
	good = give_start(&line, opts->processes);
	good &= wait_for_processes(pids, started);

	/* Figures of a run that failed are worth nothing. */
	if (good)
		print_results(results, opts);
	else
		print_mismatches(results, opts);
	return good;
}

int main(int argc, char **argv)
{
	struct options opts = { .processes = 1, .read_passes = 1, .seed = 1 };

	parse_arguments(&opts, argc, argv);
	return run(&opts) ? STATUS_OK : STATUS_FAILED;
}
