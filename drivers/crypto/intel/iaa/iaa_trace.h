/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iaa_crypto

#if !defined(_IAA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IAA_TRACE_H

#include <linux/tracepoint.h>
#include "idxd.h"
#include "iaa.h"

TRACE_EVENT(iaa_submit,
	TP_PROTO(const struct iaa_wq *wq, enum iaa_role role, unsigned int nr),
	TP_ARGS(wq, role, nr),
	TP_STRUCT__entry(
		__field(int, device)
		__field(int, queue)
		__field(bool, comp)
		__field(unsigned int, nr)
	),
	TP_fast_assign(
		__entry->device = wq->device->idxd->id;
		__entry->queue = wq->idxd_wq->id;
		__entry->comp = role == IAA_COMP;
		__entry->nr = nr;
	),
	TP_printk("wq%d.%d %s %u units", __entry->device, __entry->queue,
		  __entry->comp ? "compress" : "decompress", __entry->nr)
);

TRACE_EVENT(iaa_complete,
	TP_PROTO(const struct iaa_unit *unit, enum iaa_outcome outcome, u32 produced),
	TP_ARGS(unit, outcome, produced),
	TP_STRUCT__entry(
		__field(int, device)
		__field(int, queue)
		__field(bool, comp)
		__field(bool, verified)
		__field(u8, outcome)
		__field(u8, status)
		__field(u8, error)
		__field(u32, slen)
		__field(u32, produced)
	),
	TP_fast_assign(
		__entry->device = unit->run->wq->device->idxd->id;
		__entry->queue = unit->run->wq->idxd_wq->id;
		__entry->comp = unit->req->role == IAA_COMP;
		__entry->verified = unit->run->verifying;
		__entry->outcome = outcome;
		__entry->status = unit->desc->iax_completion->status;
		__entry->error = unit->desc->iax_completion->error_code;
		__entry->slen = unit->in.len;
		__entry->produced = produced;
	),
	TP_printk("wq%d.%d %s%s %u to %u bytes: outcome %u, status %#x, error %#x",
		  __entry->device, __entry->queue, __entry->comp ? "compress" : "decompress",
		  __entry->verified ? " and verify" : "", __entry->slen, __entry->produced,
		  __entry->outcome, __entry->status, __entry->error)
);

TRACE_EVENT(iaa_software,
	TP_PROTO(const struct iaa_unit *unit, int result),
	TP_ARGS(unit, result),
	TP_STRUCT__entry(
		__field(bool, comp)
		__field(u8, cause)
		__field(u32, slen)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->comp = unit->req->role == IAA_COMP;
		__entry->cause = unit->cause;
		__entry->slen = unit->in.len;
		__entry->result = result;
	),
	TP_printk("%s %u bytes, cause %u: %d", __entry->comp ? "compress" : "decompress",
		  __entry->slen, __entry->cause, __entry->result)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE iaa_trace
#include <trace/define_trace.h>
