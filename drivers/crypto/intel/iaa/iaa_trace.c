// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of iaa_trace.h.
 */
#define CREATE_TRACE_POINTS
#include "iaa_trace.h"
