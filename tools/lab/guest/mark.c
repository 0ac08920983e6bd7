// SPDX-License-Identifier: GPL-2.0
/*
 * mark - name what runs next, for the TCG plugin that counts (bench/scopes.c)
 *
 *   mark LABEL
 *
 * The no-operation with this displacement does nothing anywhere else.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: mark LABEL\n");
		return 2;
	}
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x6d, 0x61, 0x72, 0x6b"
		     : : "D" (argv[1]) : "memory");
	return 0;
}
