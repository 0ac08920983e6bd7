// SPDX-License-Identifier: GPL-2.0
/*
 * Has an emulated IAA fail at an exact point, from inside the guest.
 *
 *   iaa-fault DEVICE arm SLOT ACTION [KEY=VALUE...]
 *   iaa-fault DEVICE hits SLOT        how often it has happened since
 *   iaa-fault DEVICE clear            disarm all slots
 *   iaa-fault DEVICE halt software|flr|warm|cold
 *   iaa-fault DEVICE gone 0|1
 *
 * DEVICE is a PCI address, as in 0000:21:00.0, of a device that has BAR 4, that
 * is, the property inject=on, and whose memory is enabled. Actions and keys are
 * those of the property "fault" in docs/specs/iaa.rst of QEMU: a descriptor or
 * command is counted if its queue is WQ and its opcode or number is CODE; SKIP
 * of them pass and COUNT are hit. Numbers may be hexadecimal.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BAR_SIZE	4096
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

static volatile uint32_t *map_bar(const char *device)
{
	volatile uint32_t *bar;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource4", device);
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

static volatile uint32_t *find_slot(volatile uint32_t *bar, const char *text)
{
	uint32_t slot = parse_number(text, 8);

	if (slot >= bar[NUM_SLOTS])
		fail("there is no such slot", text);
	return bar + FIRST_SLOT + slot * SLOT_DWORDS;
}

static void put_key(uint32_t *regs, char *pair)
{
	char *value = strchr(pair, '=');

	if (!value)
		fail("not KEY=VALUE", pair);
	*value++ = '\0';
	if (!strcmp(pair, "reset")) {
		regs[STATUS] |= find_name(resets, NUM_ELEMS(resets), value) << 16;
		return;
	}
	for (size_t i = 0; i < NUM_ELEMS(keys); i++) {
		const struct key *key = &keys[i];
		uint32_t mask = (uint32_t)((1ull << key->bits) - 1) << key->shift;

		if (!strcmp(key->name, pair)) {
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

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[2] : "";
	volatile uint32_t *bar;

	if (argc < 3)
		fail("usage: iaa-fault DEVICE arm|hits|clear|halt|gone ...", "no command");
	bar = map_bar(argv[1]);
	if (!strcmp(command, "arm") && argc >= 5)
		arm(find_slot(bar, argv[3]), argv[4], argv + 5, argc - 5);
	else if (!strcmp(command, "hits") && argc == 4)
		printf("%u\n", find_slot(bar, argv[3])[HITS]);
	else if (!strcmp(command, "clear") && argc == 3)
		bar[CLEAR] = 1;
	else if (!strcmp(command, "halt") && argc == 4)
		bar[HALT] = find_name(resets, NUM_ELEMS(resets), argv[3]);
	else if (!strcmp(command, "gone") && argc == 4)
		bar[GONE] = parse_number(argv[3], 1);
	else
		fail("unknown, or the wrong number of arguments", command);
	return 0;
}
