/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is mapped and may be written to while zswap holds a copy of it.
 */
#ifndef STALE_H
#define STALE_H

#include "region.h"

int stale_store(struct region *region);

#endif /* STALE_H */
