// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps others from a CPU.
 *
 *   hog CPU SECONDS [PRIORITY]
 *
 * With a PRIORITY, 1 to 99, as a real-time task (SCHED_FIFO), which interrupt threads
 * have 50 of; else as any other task.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct sched_param param = {};
	cpu_set_t cpus;
	double end;

	if (argc < 3 || argc > 4)
		error(2, 0, "usage: hog CPU SECONDS [PRIORITY]");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		error(1, errno, "cannot run on CPU %s", argv[1]);
	if (argc == 4) {
		param.sched_priority = atoi(argv[3]);
		if (sched_setscheduler(0, SCHED_FIFO, &param))
			error(1, errno, "cannot have priority %s", argv[3]);
	}

	for (end = now() + atof(argv[2]); now() < end;)
		;

	return 0;
}
