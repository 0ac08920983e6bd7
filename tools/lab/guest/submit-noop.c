// SPDX-License-Identifier: GPL-2.0
/*
 * submit-noop - give an IAA something to do that its driver knows nothing of
 *
 *   submit-noop PCI-ADDRESS QUEUE
 *
 * A descriptor that does nothing, wants no record and no interrupt, for an enabled
 * queue: what another user may have in it. With a fault that delays it, a drain of
 * the queue takes as long.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PORTALS_REGION	2
#define PORTALS_SIZE	(4 * 4096)	/* of a queue */
#define NR_QUEUES	8

struct descriptor {
	uint8_t bytes[64];
} __attribute__((aligned(64)));

static void *map_portals(const char *device, unsigned long queue)
{
	char path[128];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", device,
		 PORTALS_REGION);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		err(1, "%s", path);
	map = mmap(NULL, PORTALS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   queue * PORTALS_SIZE);
	if (map == MAP_FAILED)
		err(1, "%s", path);
	close(fd);

	return map;
}

int main(int argc, char **argv)
{
	static const struct descriptor noop;
	unsigned long queue;
	char *end;

	if (argc != 3)
		errx(2, "usage: submit-noop PCI-ADDRESS QUEUE");
	queue = strtoul(argv[2], &end, 10);
	if (end == argv[2] || *end || queue >= NR_QUEUES)
		errx(2, "not a queue: %s", argv[2]);

	asm volatile("movdir64b %0, %1"
		     : : "m" (noop), "r" (map_portals(argv[1], queue)) : "memory");
	return 0;
}
