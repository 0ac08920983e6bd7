// SPDX-License-Identifier: GPL-2.0
/*
 * poke - read or write a 32-bit or 8-bit variable of the running kernel
 *
 *   poke ADDRESS SIZE [VALUE]	ADDRESS: hexadecimal, of the kernel's image
 *
 * Prints the value found, and refuses to write if that is no small number. For what a measurement has to set and the kernel has no
 * knob for; needs a kernel with CONFIG_DEVMEM that was booted with nokaslr.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the image is mapped; without kaslr it lies where it was linked to. */
#define START_KERNEL_MAP	0xffffffff80000000UL

/* What is set here are switches and small numbers: anything else is no such thing. */
#define LARGEST			255

int main(int argc, char **argv)
{
	unsigned long address, size;
	uint32_t value = 0;
	int fd;

	if (argc < 3 || argc > 4)
		errx(2, "usage: poke ADDRESS 1|4 [VALUE]");
	address = strtoul(argv[1], NULL, 16);
	size = strtoul(argv[2], NULL, 10);
	if (address < START_KERNEL_MAP || (size != 1 && size != 4))
		errx(2, "not a variable of the kernel: %s, %s bytes", argv[1], argv[2]);

	fd = open("/dev/mem", O_RDWR);
	if (fd < 0)
		err(1, "/dev/mem");
	if (pread(fd, &value, size, address - START_KERNEL_MAP) != (ssize_t)size)
		err(1, "reading %s", argv[1]);
	printf("%u\n", value);
	if (value > LARGEST)
		errx(1, "%u at %s: not the variable that is meant", value, argv[1]);
	if (argc < 4)
		return 0;
	value = strtoul(argv[3], NULL, 0);
	if (pwrite(fd, &value, size, address - START_KERNEL_MAP) != (ssize_t)size)
		err(1, "writing %s", argv[1]);
	return 0;
}
