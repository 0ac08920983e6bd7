// SPDX-License-Identifier: GPL-2.0
/*
 * Has an emulated IAA fail at an exact point, from inside the guest.
 *
 *   iaa-fault DEVICE arm SLOT ACTION [KEY=VALUE...]
 *   iaa-fault DEVICE hits [SLOT]      how often it has happened since; of all slots
 *   iaa-fault DEVICE clear            disarm all slots
 *   iaa-fault DEVICE halt software|flr|warm|cold
 *   iaa-fault DEVICE gone 0|1
 *   iaa-fault DEVICE ... -- ...       one after the other
 *
 * DEVICE is a PCI address, as in 0000:21:00.0, of a device that has BAR 4, that
 * is, the property inject=on, and whose memory is enabled. Actions and keys are
 * those of the property "fault" in docs/specs/iaa.rst of QEMU: a descriptor or
 * command is counted if its queue is WQ and its opcode or number is CODE; SKIP
 * of them pass and COUNT are hit. Numbers may be hexadecimal.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BAR_SIZE	4096
#define MAX_DEVICES	64
#define NUM_ELEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* Registers, as dwords */
#define ID		0
#define ID_VALUE	0x46414149
#define NUM_SLOTS	1
#define HALT		2
#define GONE		3
#define CLEAR		4
#define FIRST_SLOT	64
#define SLOT_DWORDS	8

/* Within a slot */
#define CONTROL		0
#define SKIP		1
#define COUNT		2
#define HITS		3
#define STATUS		4
#define MASK		5
#define OFFSET		6
#define DELAY		7

static const char *const actions[] = {
	"none", "status", "drop", "stick", "delay", "crc", "output",
	"no-interrupt", "halt", "gone",
	[16] = "refuse", "hang",
};

static const char *const resets[] = { "software", "flr", "warm", "cold" };

static const struct key {
	const char *name;
	unsigned int dword;
	unsigned int shift;
	unsigned int bits;
	uint32_t initial;
} keys[] = {
	{ "wq", CONTROL, 8, 8, 0xff },
	{ "code", CONTROL, 16, 8, 0xff },
	{ "skip", SKIP, 0, 32, 0 },
	{ "count", COUNT, 0, 32, 1 },
	{ "status", STATUS, 0, 8, 0 },
	{ "error", STATUS, 8, 8, 0 },
	{ "mask", MASK, 0, 32, 0 },
	{ "offset", OFFSET, 0, 32, 0 },
	{ "delay", DELAY, 0, 32, 0 },
};

static void __attribute__((noreturn)) fail(const char *what, const char *about)
{
	fprintf(stderr, "iaa-fault: %s: %s\n", about, what);
	exit(1);
}

static volatile uint32_t *map_bar(const char *path)
{
	volatile uint32_t *bar;
	int fd;

	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		fail(strerror(errno), path);
	bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		fail(strerror(errno), path);
	close(fd);
	if (bar[ID] != ID_VALUE)
		fail("not the registers of fault injection", path);
	return bar;
}

/* Those of the devices that were named on the command line. */
static volatile uint32_t *bars[MAX_DEVICES];
static size_t num_bars;

static void map_bars(const char *device)
{
	char pattern[128];
	glob_t found;

	if (!strcmp(device, "all"))
		snprintf(pattern, sizeof(pattern), "/sys/bus/dsa/devices/iax*/../resource4");
	else
		snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/resource4", device);
	if (glob(pattern, 0, NULL, &found))
		fail("there is none", pattern);
	if (found.gl_pathc > MAX_DEVICES)
		fail("too many devices", pattern);
	while (num_bars < found.gl_pathc) {
		bars[num_bars] = map_bar(found.gl_pathv[num_bars]);
		num_bars++;
	}
}

static uint32_t find_name(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	fail("there is no such name", name);
}

static uint32_t parse_number(const char *text, unsigned int bits)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value >> bits)
		fail("not a number, or too large", text);
	return value;
}

static volatile uint32_t *find_slot(volatile uint32_t *bar, uint32_t slot)
{
	if (slot >= bar[NUM_SLOTS])
		fail("the device has no such slot", "arm");
	return bar + FIRST_SLOT + slot * SLOT_DWORDS;
}

static int begins_with(const char *pair, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(pair, name, length) && pair[length] == '=';
}

static void put_key(uint32_t *regs, const char *pair)
{
	const char *value = strchr(pair, '=');

	if (!value)
		fail("not KEY=VALUE", pair);
	value++;
	if (begins_with(pair, "reset")) {
		regs[STATUS] |= find_name(resets, NUM_ELEMS(resets), value) << 16;
		return;
	}
	for (size_t i = 0; i < NUM_ELEMS(keys); i++) {
		const struct key *key = &keys[i];
		uint32_t mask = (uint32_t)((1ull << key->bits) - 1) << key->shift;

		if (begins_with(pair, key->name)) {
			regs[key->dword] &= ~mask;
			regs[key->dword] |= parse_number(value, key->bits) << key->shift;
			return;
		}
	}
	fail("there is no such key", pair);
}

/* CONTROL arms the slot and so is written last. */
static void arm(volatile uint32_t *slot, const char *action, char **pairs, int count)
{
	uint32_t regs[SLOT_DWORDS] = {};

	regs[CONTROL] = find_name(actions, NUM_ELEMS(actions), action);
	for (size_t i = 0; i < NUM_ELEMS(keys); i++)
		regs[keys[i].dword] |= keys[i].initial << keys[i].shift;
	for (int i = 0; i < count; i++)
		put_key(regs, pairs[i]);
	for (int i = SLOT_DWORDS - 1; i >= 0; i--)
		slot[i] = regs[i];
}

static void print_hits(const char *text)
{
	uint32_t last = bars[0][NUM_SLOTS] - 1, slot = 0;

	if (text)
		slot = last = parse_number(text, 8);
	for (; slot <= last; slot++) {
		uint32_t hits = 0;

		for (size_t i = 0; i < num_bars; i++)
			hits += find_slot(bars[i], slot)[HITS];
		printf("%u%c", hits, slot == last ? '\n' : ' ');
	}
}

static void run(volatile uint32_t *bar, char **argv, int argc)
{
	const char *command = argv[0];

	if (!strcmp(command, "arm") && argc >= 3)
		arm(find_slot(bar, parse_number(argv[1], 8)), argv[2], argv + 3, argc - 3);
	else if (!strcmp(command, "clear") && argc == 1)
		bar[CLEAR] = 1;
	else if (!strcmp(command, "halt") && argc == 2)
		bar[HALT] = find_name(resets, NUM_ELEMS(resets), argv[1]);
	else if (!strcmp(command, "gone") && argc == 2)
		bar[GONE] = parse_number(argv[1], 1);
	else
		fail("unknown, or the wrong number of arguments", command);
}

static void run_on_all(char **argv, int argc)
{
	if (!argc)
		fail("usage: iaa-fault DEVICE arm|hits|clear|halt|gone ...", "no command");
	if (!strcmp(argv[0], "hits") && argc <= 2) {
		print_hits(argc == 2 ? argv[1] : NULL);
		return;
	}
	for (size_t i = 0; i < num_bars; i++)
		run(bars[i], argv, argc);
}

int main(int argc, char **argv)
{
	int first = 2;

	map_bars(argc > 1 ? argv[1] : "");
	for (int i = first; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], "--"))
			continue;
		run_on_all(argv + first, i - first);
		first = i + 1;
	}
	return 0;
}
