// SPDX-License-Identifier: GPL-2.0
/*
 * hostile-device - nonsense for an IAA, behind the back of its driver
 *
 *   hostile-device PCI-ADDRESS registers|commands|portals SEED COUNT START SIZE
 *
 * Writes COUNT times to what the device's first regions have: to its registers, to
 * the one for commands, or descriptors to its portals. What a descriptor has as
 * addresses is in the SIZE bytes of physical memory from START (hexadecimal), that
 * the kernel was told to leave alone, or where there is no memory: what this tests is
 * not whether a device can be told to write to memory. It can.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Registers, in bytes. Behind them is where interrupts go: that is memory, too. */
#define REGISTERS_END	0x800
#define CMD		0xa0
#define REGISTERS_SIZE	(64 << 10)
#define PORTALS_SIZE	(128 << 10)

/* No machine of the lab has memory there. */
#define NOWHERE		(1ull << 45)

/* Of the memory, so that no size a descriptor may have reaches beyond. */
#define LARGEST		(1u << 20)

struct descriptor {
	uint32_t pasid;
	uint32_t flags;
	uint64_t record;
	uint64_t src;
	uint64_t dst;
	uint32_t src_size;
	uint16_t handle;
	uint16_t op_flags;
	uint64_t aecs;
	uint32_t max_dst;
	uint32_t aecs_size;
	uint64_t reserved;
} __attribute__((packed, aligned(64)));

_Static_assert(sizeof(struct descriptor) == 64, "what the device takes");

static volatile uint8_t *registers, *portals;
static uint64_t memory, memory_size;
static uint64_t state;

static uint32_t random_number(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 32;
}

static uint32_t random_below(uint32_t end)
{
	return random_number() % end;
}

static volatile void *map_region(const char *device, int region, size_t size)
{
	char path[128];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", device, region);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		err(1, "%s", path);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return map;
}

static void write_register(void)
{
	uint32_t offset = random_below(REGISTERS_END / 8) * 8;

	/* Also nearly sound values: all random ones are refused at first sight. */
	uint64_t value = random_below(2) ? random_below(16) :
			 (uint64_t)random_number() << 32 | random_number();

	if (random_below(2))
		*(volatile uint64_t *)(registers + offset) = value;
	else
		*(volatile uint32_t *)(registers + offset + random_below(2) * 4) = value;
}

/* Mostly those that there are, for queues that there are. */
static void write_command(void)
{
	uint32_t command = random_below(16), operand = random_below(4);

	if (random_below(8) == 0)
		operand = random_number() & 0xfffff;
	*(volatile uint32_t *)(registers + CMD) = command << 20 | operand;
	usleep(random_below(20000));
}

static uint64_t random_address(void)
{
	if (random_below(8) == 0)
		return NOWHERE + random_number();
	return memory + random_below(memory_size - LARGEST);
}

/* Sound but for one or two bytes of what is no address and no size. */
static void submit(void)
{
	static const uint8_t opcodes[] = { 0x00, 0x02, 0x42, 0x43, 0x43, 0x42 };
	uint32_t portal = random_below(PORTALS_SIZE / 64) * 64;
	struct descriptor desc = {
		.flags = (uint32_t)opcodes[random_below(sizeof(opcodes))] << 24 | 0x1000c,
		.record = random_address() & ~63ull,
		.src = random_address(),
		.dst = random_address(),
		.src_size = random_below(2) ? random_below(LARGEST) : 4096,
		.op_flags = random_below(2) ? 6 : random_number(),
		.aecs = random_address() & ~31ull,
		.max_dst = random_below(2) ? random_below(LARGEST) : 4096,
		.aecs_size = random_below(2) ? 0x620 : random_below(LARGEST),
	};

	if (random_below(4) == 0)
		desc.flags ^= 1u << random_below(32);
	if (random_below(8) == 0)
		desc.handle = random_number();
	if (random_below(8) == 0)
		desc.reserved = random_number();
	asm volatile("movdir64b %0, %1"
		     : : "m" (desc), "r" (portals + portal) : "memory");
}

static unsigned long number(const char *text, int base)
{
	char *end;
	unsigned long value = strtoul(text, &end, base);

	if (end == text || *end)
		errx(2, "not a number: %s", text);
	return value;
}

int main(int argc, char **argv)
{
	void (*step)(void) = NULL;
	unsigned long count;

	if (argc == 7 && !strcmp(argv[2], "registers"))
		step = write_register;
	else if (argc == 7 && !strcmp(argv[2], "commands"))
		step = write_command;
	else if (argc == 7 && !strcmp(argv[2], "portals"))
		step = submit;
	if (!step)
		errx(2, "usage: hostile-device PCI-ADDRESS registers|commands|portals SEED COUNT START SIZE");
	state = number(argv[3], 0);
	count = number(argv[4], 0);
	memory = number(argv[5], 16);
	memory_size = number(argv[6], 16);
	if (memory_size <= LARGEST)
		errx(2, "too little memory: %s", argv[6]);

	registers = map_region(argv[1], 0, REGISTERS_SIZE);
	portals = map_region(argv[1], 2, PORTALS_SIZE);
	for (unsigned long i = 0; i < count; i++)
		step();
	return 0;
}
