// SPDX-License-Identifier: GPL-2.0
/*
 * as-nobody - a command without any privilege
 *
 *   as-nobody COMMAND [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <err.h>
#include <grp.h>
#include <unistd.h>

#define NOBODY	65534

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: as-nobody COMMAND [ARGUMENT...]");
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		err(1, "giving up privileges");
	execvp(argv[1], argv + 1);
	err(1, "%s", argv[1]);
}
