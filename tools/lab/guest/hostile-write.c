// SPDX-License-Identifier: GPL-2.0
/*
 * hostile-write - what no administrator would write to a file of sysfs
 *
 *   hostile-write SEED ROUNDS FILE...
 *
 * Four processes at once pick a file and a value, again and again: nothing, spaces,
 * numbers beyond every range, a megabyte, bytes that are no text, words that other
 * files take. Each reads the file afterwards: that must work, and end in a newline.
 *
 * Prints "injected=N accepted=N unreadable=N".
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS	4
#define HUGE	(1 << 20)

struct count {
	unsigned long injected, accepted, unreadable;
};

static const char *const values[] = {
	"", "\n", " ", "\n\n\n", "-1", "-1\n", "-9223372036854775808", "0", "1", "00", "0x0",
	"4294967295", "4294967296", "18446744073709551615", "18446744073709551616",
	"99999999999999999999999999999999999999999", "1e9", "1.5", "+1", "1 2", "1\n2", "1\t",
	"Y", "N", "y\n", "true", "yes please", "async", "sync", "async_irq", "async\nsync",
	"asynchronous", "ASYNC", "lzo", "lzo\n", "lzo lzo", "zstd", "deflate", "deflate-iaa",
	"deflate-iaa\n\n", "cost", "(null)", "%s%n%s%n", "../../../../etc", "/", "\xff\xfe",
	"\xc0\x80",
};

static char *huge;
static uint64_t state;

static uint32_t random_below(uint32_t end)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % end;
}

/* Returns the length of what is to be written next. */
static size_t pick(const char **value)
{
	size_t len;

	switch (random_below(8)) {
	case 0:
		memset(huge, "9-A\n\0 "[random_below(6)], HUGE);
		*value = huge;
		return 1 + random_below(3) * (HUGE / 2 - 1) + random_below(5000);
	case 1:
		len = random_below(300);
		for (size_t i = 0; i < len; i++)
			huge[i] = random_below(256);
		*value = huge;
		return len;
	default:
		*value = values[random_below(sizeof(values) / sizeof(values[0]))];
		/* The byte that ends it may come along. */
		return strlen(*value) + (random_below(8) == 0);
	}
}

static void write_one(const char *path, struct count *count)
{
	int fd = open(path, O_WRONLY);
	const char *value;
	size_t len = pick(&value);
	char text[4096];
	ssize_t got;

	if (fd < 0)
		err(1, "%s", path);
	count->injected++;
	count->accepted += write(fd, value, len) >= 0;
	close(fd);

	fd = open(path, O_RDONLY);
	/* Some can only be written. */
	if (fd < 0)
		return;
	got = read(fd, text, sizeof(text));
	if (got <= 0 || text[got - 1] != '\n') {
		warnx("%s does not read as a line: %zd bytes", path, got);
		count->unreadable++;
	}
	close(fd);
}

static void write_many(uint64_t seed, unsigned long rounds, char **files, int nr_files,
		       struct count *count)
{
	state = seed;
	huge = malloc(HUGE + 5000);
	if (!huge)
		err(1, "memory");
	while (rounds--)
		write_one(files[random_below(nr_files)], count);
}

int main(int argc, char **argv)
{
	struct count *counts, sum = { };
	int status, failed = 0;

	if (argc < 4)
		errx(2, "usage: hostile-write SEED ROUNDS FILE...");
	counts = mmap(NULL, WRITERS * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		err(1, "memory");
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (pid)
			continue;
		write_many(strtoull(argv[1], NULL, 0) * WRITERS + i, strtoul(argv[2], NULL, 0),
			   argv + 3, argc - 3, &counts[i]);
		return 0;
	}
	while (wait(&status) > 0)
		failed |= status;
	for (int i = 0; i < WRITERS; i++) {
		sum.injected += counts[i].injected;
		sum.accepted += counts[i].accepted;
		sum.unreadable += counts[i].unreadable;
	}
	printf("injected=%lu accepted=%lu unreadable=%lu\n", sum.injected, sum.accepted,
	       sum.unreadable);
	return failed || sum.unreadable;
}
