// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of compression on behalf of user space, for tests of drivers: KUnit
 * tests what is the same with every driver, this what needs a device that fails,
 * queues that come and go, and tasks that user space pins, signals and kills.
 *
 * A job is a line of KEY=VALUE written to the file "job" in debugfs. It runs in
 * the writer's context, so that as many jobs run at a time as there are writers;
 * afterwards the same file descriptor reads its results. The algorithm's handle
 * stays open until the descriptor is closed.
 *
 *   exec 3<>/sys/kernel/debug/acomp_exercise/job
 *   echo "alg=deflate-iaa op=compress units=8 requests=100" >&3
 *   read -r results <&3
 *
 * What is compressed is inflated, and what is inflated was compressed, by zlib,
 * without the crypto core: so nothing under test judges itself.
 */
#include <crypto/acompress.h>
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/zlib.h>

/* Around and in what a compressor may write; seen again where it did not. */
#define POISON		0xa5
#define GUARD_SIZE	64

#define MAX_LINE	512

enum exercise_data {
	DATA_TEXT,
	DATA_ZERO,
	DATA_RANDOM,
	DATA_MIXED,		/* every other unit is random */
	DATA_FAR,		/* matches reach 3000 bytes back, and no less */
};

static const char * const data_names[] = {
	[DATA_TEXT] = "text",
	[DATA_ZERO] = "zero",
	[DATA_RANDOM] = "random",
	[DATA_MIXED] = "mixed",
	[DATA_FAR] = "far",
};

static const char * const op_names[] = { "compress", "decompress" };

/**
 * struct exercise_job - what a line asks for
 *
 * @alg: name or driver name of the algorithm
 * @op: index in op_names
 * @data: what the units contain, enum exercise_data
 * @unit: bytes in a unit before compression
 * @units: units in a request; 0: a plain request of @unit bytes
 * @capacity: length of a destination entry, 0: @unit
 * @claim: what a plain request says its destination holds, 0: the truth
 * @pieces: entries of the source to compress, or of that of a plain request
 * @window: base two logarithm of the reach of matches in what is decompressed
 * @seed: chooses other data of the same kind
 * @requests: how many; with neither this nor @ms only the handle is opened
 * @ms: time to go on for
 * @depth: requests under way at a time
 * @poll: promise to poll
 * @atomic: submit with bottom halves disabled, and may not sleep
 * @settle: ms to wait at the end for writes that come late
 * @patience: ms after which a request that is not polled is given up
 *
 * All but the first are u32, see job_keys.
 */
struct exercise_job {
	char alg[CRYPTO_MAX_ALG_NAME];
	u32 op;
	u32 data;
	u32 unit;
	u32 units;
	u32 capacity;
	u32 claim;
	u32 pieces;
	u32 window;
	u32 seed;
	u32 requests;
	u32 ms;
	u32 depth;
	u32 poll;
	u32 atomic;
	u32 settle;
	u32 patience;
};

/**
 * struct exercise_results - what came of it
 *
 * @requests: that were submitted
 * @ok: units with the right contents
 * @nospace: units that do not fit
 * @failed: units with any other error, the first of which is @errno
 * @errno: 0 if there was none
 * @wrong: units whose result is success, but whose contents are wrong
 * @overrun: destinations that were written to behind their end
 * @late: destinations that were written to after their request had finished
 * @inconsistent: requests whose own result does not go with those of the units
 * @lost: requests that never finished
 * @twice: callbacks that came after a request had finished
 * @unsafe: callbacks with bottom halves enabled
 * @waited: requests that were under way when the submission returned
 * @bytes: produced
 * @submit_ns: time in submissions
 * @max_submit_ns: the longest
 * @total_ns: time from submissions to completions
 * @min_ns: the shortest
 * @max_ns: the longest
 */
struct exercise_results {
	u64 requests;
	u64 ok;
	u64 nospace;
	u64 failed;
	s64 errno;
	u64 wrong;
	u64 overrun;
	u64 late;
	u64 inconsistent;
	u64 lost;
	atomic64_t twice;
	atomic64_t unsafe;
	u64 waited;
	u64 bytes;
	u64 submit_ns;
	u64 max_submit_ns;
	u64 total_ns;
	u64 min_ns;
	u64 max_ns;
};

/**
 * struct exercise_unit - a unit of a request
 *
 * @plain: its contents, in the request's own
 * @stream: compressed; only to decompress
 * @slen: length of @stream
 * @out: destination, with a guard behind it
 */
struct exercise_unit {
	const u8 *plain;
	u8 *stream;
	unsigned int slen;
	u8 *out;
};

/**
 * struct exercise_request - a request that is used again and again
 *
 * @run: it belongs to
 * @req: the request
 * @wait: completed by the callback
 * @callbacks: since the submission
 * @under_way: submitted, and not yet judged
 * @submitted: when
 * @finished: when; written by the callback if there is one
 * @err: what the submission returned
 * @plain: contents of all units, one behind the other
 * @units: as many as the job says, or one
 * @src: source list
 * @dst: destination list
 */
struct exercise_request {
	struct exercise_run *run;
	struct acomp_req *req;
	struct crypto_wait wait;
	atomic_t callbacks;
	bool under_way;
	ktime_t submitted;
	ktime_t finished;
	int err;
	u8 *plain;
	struct exercise_unit *units;
	struct sg_table src;
	struct sg_table dst;
};

/**
 * struct exercise_run - a job while it runs
 *
 * @job: the job
 * @results: so far
 * @tfm: the algorithm's handle
 * @requests: @job.depth of them
 * @zlib: stream of the reference, for inflating
 * @inflated: what came out of it, a unit
 */
struct exercise_run {
	struct exercise_job *job;
	struct exercise_results *results;
	struct crypto_acomp *tfm;
	struct exercise_request *requests;
	z_stream zlib;
	u8 *inflated;
};

/**
 * struct exercise_file - an open file
 *
 * @lock: protects all of it: a job runs under it
 * @tfm: handle of @job.alg, NULL before the first job
 * @job: the last one
 * @results: of it
 * @line: @results as text
 * @left: what of @line has not been read
 */
struct exercise_file {
	struct mutex lock;
	struct crypto_acomp *tfm;
	struct exercise_job job;
	struct exercise_results results;
	char line[MAX_LINE];
	const char *left;
};

/* The reference */

static int reference_deflate(const u8 *src, unsigned int slen, u8 *dst,
			     unsigned int room, unsigned int window)
{
	z_stream zlib = {
		.next_in = src,
		.avail_in = slen,
		.next_out = dst,
		.avail_out = room,
	};
	int err;

	zlib.workspace = vzalloc(zlib_deflate_workspacesize(-window, MAX_MEM_LEVEL));
	if (!zlib.workspace)
		return -ENOMEM;

	err = zlib_deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window,
				MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY);
	if (err == Z_OK)
		err = zlib_deflate(&zlib, Z_FINISH);
	vfree(zlib.workspace);
	return err == Z_STREAM_END ? zlib.total_out : -EINVAL;
}

/* Is @slen bytes at @src a whole stream of just the unit's contents? */
static bool reference_inflates(struct exercise_run *run, const u8 *src,
			       unsigned int slen, const u8 *plain)
{
	z_stream *zlib = &run->zlib;

	zlib->next_in = src;
	zlib->avail_in = slen;
	zlib->next_out = run->inflated;
	zlib->avail_out = run->job->unit;
	return zlib_inflateInit2(zlib, -MAX_WBITS) == Z_OK &&
	       zlib_inflate(zlib, Z_FINISH) == Z_STREAM_END &&
	       !zlib->avail_in && zlib->total_out == run->job->unit &&
	       !memcmp(run->inflated, plain, run->job->unit);
}

/* Contents */

static void fill_text(u8 *buf, size_t len, struct rnd_state *rnd)
{
	static const char * const words[] = {
		"accelerator ", "batch ", "compress", "descriptor ", "engine ", "folio ",
		"in ", "memory\n", "of ", "page", "queue ", "s ", "the ", "to ", "0x",
	};
	size_t pos = 0;

	while (pos < len) {
		const char *word = words[prandom_u32_state(rnd) % ARRAY_SIZE(words)];
		size_t n = min(strlen(word), len - pos);

		memcpy(buf + pos, word, n);
		pos += n;
	}
}

static void fill_far(u8 *buf, size_t len, struct rnd_state *rnd)
{
	size_t period = min_t(size_t, len, 3000), pos;

	prandom_bytes_state(rnd, buf, period);
	for (pos = period; pos < len; pos++)
		buf[pos] = buf[pos - period];
}

static void fill_unit(u8 *buf, const struct exercise_job *job, unsigned int nr,
		      struct rnd_state *rnd)
{
	switch (job->data) {
	case DATA_ZERO:
		memset(buf, 0, job->unit);
		break;
	case DATA_RANDOM:
		prandom_bytes_state(rnd, buf, job->unit);
		break;
	case DATA_MIXED:
		if (nr % 2)
			prandom_bytes_state(rnd, buf, job->unit);
		else
			fill_text(buf, job->unit, rnd);
		break;
	case DATA_FAR:
		fill_far(buf, job->unit, rnd);
		break;
	default:
		fill_text(buf, job->unit, rnd);
	}
}

/* Making requests */

static unsigned int nr_units(const struct exercise_job *job)
{
	return max(job->units, 1U);
}

static unsigned int capacity(const struct exercise_job *job)
{
	return job->capacity ?: job->unit;
}

/* Everything from the destination's start that is looked at. */
static unsigned int guarded_size(const struct exercise_job *job)
{
	return max(capacity(job), job->claim) + GUARD_SIZE;
}

static int make_stream(const struct exercise_job *job, struct exercise_unit *unit)
{
	/* More than zlib ever adds to what does not shrink. */
	unsigned int room = job->unit + job->unit / 8 + 64;
	int len;

	unit->stream = kmalloc(room, GFP_KERNEL);
	if (!unit->stream)
		return -ENOMEM;
	len = reference_deflate(unit->plain, job->unit, unit->stream, room, job->window);
	if (len < 0)
		return len;
	unit->slen = len;
	return 0;
}

static int make_units(struct exercise_request *request, unsigned int seed)
{
	const struct exercise_job *job = request->run->job;
	struct rnd_state rnd;
	unsigned int i;
	int err;

	request->plain = kmalloc_array(nr_units(job), job->unit, GFP_KERNEL);
	request->units = kcalloc(nr_units(job), sizeof(*request->units), GFP_KERNEL);
	if (!request->plain || !request->units)
		return -ENOMEM;

	prandom_seed_state(&rnd, seed);
	for (i = 0; i < nr_units(job); i++) {
		struct exercise_unit *unit = &request->units[i];
		u8 *plain = request->plain + (size_t)i * job->unit;

		fill_unit(plain, job, i, &rnd);
		unit->plain = plain;
		unit->out = kmalloc(guarded_size(job), GFP_KERNEL);
		if (!unit->out)
			return -ENOMEM;
		memset(unit->out, POISON, guarded_size(job));
		err = job->op ? make_stream(job, unit) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* One buffer in @pieces entries of about the same length. */
static void set_pieces(struct scatterlist *sg, u8 *buf, size_t len,
		       unsigned int pieces)
{
	size_t here;

	for (; pieces; pieces--, buf += here, len -= here, sg = sg_next(sg)) {
		here = len / pieces;
		sg_set_buf(sg, buf, here);
	}
}

static int make_source(struct exercise_request *request)
{
	const struct exercise_job *job = request->run->job;
	bool by_unit = job->op && job->units;
	struct scatterlist *sg;
	unsigned int i;
	int err;

	err = sg_alloc_table(&request->src, by_unit ? job->units : job->pieces, GFP_KERNEL);
	if (err)
		return err;

	if (by_unit)
		for_each_sgtable_sg(&request->src, sg, i)
			sg_set_buf(sg, request->units[i].stream, request->units[i].slen);
	else if (job->op)
		set_pieces(request->src.sgl, request->units->stream,
			   request->units->slen, job->pieces);
	else
		set_pieces(request->src.sgl, request->plain,
			   (size_t)nr_units(job) * job->unit, job->pieces);
	return 0;
}

static void request_done(void *data, int err)
{
	struct exercise_request *request = data;

	/* The notice that a request has left the backlog. */
	if (err == -EINPROGRESS)
		return;

	request->finished = ktime_get();
	if (!in_softirq() && !irqs_disabled())
		atomic64_inc(&request->run->results->unsafe);
	if (atomic_inc_return(&request->callbacks) != 1)
		atomic64_inc(&request->run->results->twice);
	crypto_req_done(&request->wait, err);
}

static int make_request(struct exercise_run *run, unsigned int nr)
{
	struct exercise_request *request = &run->requests[nr];
	u32 flags = CRYPTO_TFM_REQ_MAY_BACKLOG;
	int err;

	request->run = run;
	crypto_init_wait(&request->wait);
	err = make_units(request, run->job->seed + nr);
	if (err)
		return err;
	err = make_source(request);
	if (err)
		return err;
	err = sg_alloc_table(&request->dst, nr_units(run->job), GFP_KERNEL);
	if (err)
		return err;
	request->req = acomp_request_alloc(run->tfm);
	if (!request->req)
		return -ENOMEM;

	if (!run->job->atomic)
		flags |= CRYPTO_TFM_REQ_MAY_SLEEP;
	acomp_request_set_callback(request->req, flags, request_done, request);
	acomp_request_set_poll(request->req, run->job->poll);
	return 0;
}

static void free_request(struct exercise_run *run, struct exercise_request *request)
{
	unsigned int i;

	acomp_request_free(request->req);
	sg_free_table(&request->src);
	sg_free_table(&request->dst);
	for (i = 0; request->units && i < nr_units(run->job); i++) {
		kfree(request->units[i].stream);
		kfree(request->units[i].out);
	}
	kfree(request->units);
	kfree(request->plain);
}

/* Submitting */

/* Both lists as they are before a submission: results are in the lengths. */
static void set_lists(struct exercise_request *request)
{
	const struct exercise_job *job = request->run->job;
	unsigned int total = nr_units(job) * job->unit, slen = 0, i;
	struct acomp_req *req = request->req;
	struct scatterlist *sg;

	for_each_sgtable_sg(&request->dst, sg, i) {
		sg_set_buf(sg, request->units[i].out, capacity(job));
		slen += request->units[i].slen;
	}
	if (!job->units)
		total = job->claim ?: capacity(job);
	if (!job->op)
		slen = nr_units(job) * job->unit;
	acomp_request_set_params(req, request->src.sgl, request->dst.sgl, slen, total);
	acomp_request_set_unit_size(req, job->units ? job->unit : 0);
}

static bool is_poison(const u8 *buf, unsigned int len)
{
	return !memchr_inv(buf, POISON, len);
}

static void expect_untouched(struct exercise_request *request)
{
	struct exercise_run *run = request->run;
	unsigned int i;

	for (i = 0; i < nr_units(run->job); i++)
		if (!is_poison(request->units[i].out, guarded_size(run->job)))
			run->results->late++;
}

static int call_algorithm(struct exercise_request *request)
{
	const struct exercise_job *job = request->run->job;
	int err;

	if (job->atomic)
		local_bh_disable();
	err = job->op ? crypto_acomp_decompress(request->req) :
			crypto_acomp_compress(request->req);
	if (job->atomic)
		local_bh_enable();
	return err;
}

static bool is_under_way(int err)
{
	return err == -EINPROGRESS || err == -EBUSY;
}

static void submit(struct exercise_request *request)
{
	struct exercise_results *results = request->run->results;
	u64 ns;

	expect_untouched(request);
	set_lists(request);
	atomic_set(&request->callbacks, 0);
	request->under_way = true;
	request->submitted = ktime_get();
	request->err = call_algorithm(request);
	ns = ktime_to_ns(ktime_sub(ktime_get(), request->submitted));
	if (is_under_way(request->err))
		results->waited++;
	else
		request->finished = ktime_get();
	results->requests++;
	results->submit_ns += ns;
	results->max_submit_ns = max(results->max_submit_ns, ns);
}

/* Judging */

static bool unit_is_right(struct exercise_run *run, const struct exercise_unit *unit,
			  unsigned int len)
{
	if (len > capacity(run->job))
		return false;
	if (run->job->op)
		return len == run->job->unit && !memcmp(unit->out, unit->plain, len);
	return reference_inflates(run, unit->out, len, unit->plain);
}

static void judge_unit(struct exercise_run *run, struct exercise_unit *unit, int result)
{
	struct exercise_results *results = run->results;

	if (result == -ENOSPC) {
		results->nospace++;
	} else if (result < 0) {
		results->failed++;
		results->errno = results->errno ?: result;
	} else if (unit_is_right(run, unit, result)) {
		results->ok++;
		results->bytes += result;
	} else {
		results->wrong++;
	}
	if (!is_poison(unit->out + capacity(run->job),
		       guarded_size(run->job) - capacity(run->job)))
		results->overrun++;
	memset(unit->out, POISON, guarded_size(run->job));
}

/* The request's result is that of the first unit that failed, dlen the sum. */
static void judge_units(struct exercise_request *request, int err)
{
	struct exercise_run *run = request->run;
	unsigned int sum = 0, i;
	struct scatterlist *sg;
	int first = 0;

	for_each_sgtable_sg(&request->dst, sg, i) {
		int result = acomp_unit_result(sg);

		if (result < 0)
			first = first ?: result;
		else
			sum += result;
		judge_unit(run, &request->units[i], result);
	}
	if (err != first || request->req->dlen != sum)
		run->results->inconsistent++;
}

static void judge_time(struct exercise_request *request)
{
	struct exercise_results *results = request->run->results;
	u64 ns = ktime_to_ns(ktime_sub(request->finished, request->submitted));

	results->total_ns += ns;
	results->max_ns = max(results->max_ns, ns);
	results->min_ns = results->min_ns ? min(results->min_ns, ns) : ns;
}

/* A wait that ends even if the request does not. */
static int wait_patiently(struct exercise_request *request)
{
	unsigned long timeout = msecs_to_jiffies(request->run->job->patience);

	if (!is_under_way(request->err))
		return request->err;
	if (!wait_for_completion_timeout(&request->wait.completion, timeout))
		return -ETIME;
	reinit_completion(&request->wait.completion);
	return request->wait.err;
}

/*
 * A device or driver may come back to a lost request any time: nothing of it may
 * be freed, the code of its callback included.
 */
static void give_up(struct exercise_request *request)
{
	request->run->results->lost++;
	__module_get(THIS_MODULE);
}

static void finish(struct exercise_request *request)
{
	struct exercise_run *run = request->run;
	int err;

	if (run->job->poll)
		err = crypto_acomp_wait(request->req, request->err, &request->wait);
	else
		err = wait_patiently(request);
	if (err == -ETIME) {
		give_up(request);
		return;
	}

	/* What has finished in the call has no callback. */
	if (!is_under_way(request->err) && atomic_read(&request->callbacks))
		atomic64_inc(&run->results->twice);
	request->under_way = false;
	judge_time(request);
	if (run->job->units)
		judge_units(request, err);
	else
		judge_unit(run, request->units, err ?: request->req->dlen);
}

/* Running */

static bool run_goes_on(const struct exercise_run *run, ktime_t end)
{
	if (run->results->lost || fatal_signal_pending(current))
		return false;
	if (run->job->ms)
		return ktime_before(ktime_get(), end);
	return run->results->requests < run->job->requests;
}

static void run_requests(struct exercise_run *run)
{
	ktime_t end = ktime_add_ms(ktime_get(), run->job->ms);
	unsigned int i;

	for (i = 0; run_goes_on(run, end); i++) {
		struct exercise_request *request = &run->requests[i % run->job->depth];

		if (request->under_way)
			finish(request);
		if (!request->under_way)
			submit(request);
		cond_resched();
	}
	for (i = 0; i < run->job->depth; i++)
		if (run->requests[i].under_way)
			finish(&run->requests[i]);
	msleep(run->job->settle);
	for (i = 0; i < run->job->depth; i++)
		if (!run->requests[i].under_way)
			expect_untouched(&run->requests[i]);
}

static int make_run(struct exercise_run *run)
{
	unsigned int i;
	int err;

	run->inflated = vmalloc(run->job->unit);
	run->zlib.workspace = vzalloc(zlib_inflate_workspacesize());
	run->requests = kcalloc(run->job->depth, sizeof(*run->requests), GFP_KERNEL);
	if (!run->inflated || !run->zlib.workspace || !run->requests)
		return -ENOMEM;
	for (i = 0; i < run->job->depth; i++) {
		err = make_request(run, i);
		if (err)
			return err;
	}
	return 0;
}

/* With a request lost, all that it may refer to stays. */
static void free_run(struct exercise_run *run)
{
	unsigned int i;

	vfree(run->inflated);
	vfree(run->zlib.workspace);
	for (i = 0; run->requests && i < run->job->depth; i++)
		free_request(run, &run->requests[i]);
	kfree(run->requests);
	kfree(run);
}

static int open_algorithm(struct exercise_file *file, const char *alg)
{
	struct crypto_acomp *tfm;

	if (file->tfm && !strcmp(file->job.alg, alg))
		return 0;
	tfm = crypto_alloc_acomp(alg, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	if (file->tfm)
		crypto_free_acomp(file->tfm);
	file->tfm = tfm;
	return 0;
}

static int run_job(struct exercise_file *file)
{
	struct exercise_run *run;
	int err;

	memset(&file->results, 0, sizeof(file->results));
	if (!file->job.requests && !file->job.ms)
		return 0;

	run = kzalloc_obj(*run);
	if (!run)
		return -ENOMEM;
	run->job = &file->job;
	run->results = &file->results;
	run->tfm = file->tfm;
	err = make_run(run);
	if (!err)
		run_requests(run);
	if (!file->results.lost)
		free_run(run);
	return err;
}

/* Text in, text out */

static const struct job_key {
	const char *name;
	size_t offset;
	u32 initial;
	u32 min;
	u32 max;
} job_keys[] = {
#define KEY(name, initial, min, max) \
	{ #name, offsetof(struct exercise_job, name), initial, min, max }
	KEY(unit, 4096, 1, SZ_2M),
	KEY(units, 0, 0, 1024),
	KEY(capacity, 0, 0, SZ_2M),
	KEY(claim, 0, 0, SZ_2M),
	KEY(pieces, 1, 1, 64),
	KEY(window, 12, 9, MAX_WBITS),
	KEY(seed, 1, 1, UINT_MAX),
	KEY(requests, 0, 0, UINT_MAX),
	KEY(ms, 0, 0, 3600000),
	KEY(depth, 1, 1, 4096),
	KEY(poll, 0, 0, 1),
	KEY(atomic, 0, 0, 1),
	KEY(settle, 0, 0, 60000),
	KEY(patience, 20000, 1, 3600000),
#undef KEY
};

static u32 *job_value(struct exercise_job *job, const struct job_key *key)
{
	return (u32 *)((char *)job + key->offset);
}

static int find_name(const char * const *names, size_t count, const char *name, u32 *index)
{
	int i = match_string(names, count, name);

	if (i < 0)
		return i;
	*index = i;
	return 0;
}

static int parse_number(struct exercise_job *job, const char *name, const char *text)
{
	u32 value;
	size_t i;

	if (kstrtou32(text, 0, &value))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(job_keys); i++) {
		const struct job_key *key = &job_keys[i];

		if (strcmp(key->name, name))
			continue;
		if (value < key->min || value > key->max)
			return -ERANGE;
		*job_value(job, key) = value;
		return 0;
	}
	return -EINVAL;
}

static int parse_pair(struct exercise_job *job, char *pair)
{
	char *value = pair;
	const char *name = strsep(&value, "=");

	if (!value)
		return -EINVAL;
	if (!strcmp(name, "alg"))
		return strscpy(job->alg, value) > 0 ? 0 : -EINVAL;
	if (!strcmp(name, "op"))
		return find_name(op_names, ARRAY_SIZE(op_names), value, &job->op);
	if (!strcmp(name, "data"))
		return find_name(data_names, ARRAY_SIZE(data_names), value, &job->data);
	return parse_number(job, name, value);
}

static int parse_job(struct exercise_job *job, char *line)
{
	char *pair;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(job_keys); i++)
		*job_value(job, &job_keys[i]) = job_keys[i].initial;
	while ((pair = strsep(&line, " \t\n"))) {
		err = *pair ? parse_pair(job, pair) : 0;
		if (err)
			return err;
	}
	/* All units of a request lie in one buffer. */
	if (!job->alg[0] || (u64)nr_units(job) * job->unit > KMALLOC_MAX_SIZE ||
	    job->unit < job->pieces)
		return -EINVAL;
	return 0;
}

static void print_results(struct exercise_file *file)
{
	struct exercise_results *r = &file->results;
	char *line = file->line;
	int n = 0;

	n += scnprintf(line + n, MAX_LINE - n,
		       "requests=%llu ok=%llu nospace=%llu failed=%llu errno=%lld",
		       r->requests, r->ok, r->nospace, r->failed, r->errno);
	n += scnprintf(line + n, MAX_LINE - n,
		       " wrong=%llu overrun=%llu late=%llu inconsistent=%llu lost=%llu",
		       r->wrong, r->overrun, r->late, r->inconsistent, r->lost);
	n += scnprintf(line + n, MAX_LINE - n, " twice=%lld unsafe=%lld waited=%llu bytes=%llu",
		       (s64)atomic64_read(&r->twice), (s64)atomic64_read(&r->unsafe),
		       r->waited, r->bytes);
	scnprintf(line + n, MAX_LINE - n,
		  " submit_ns=%llu max_submit_ns=%llu total_ns=%llu min_ns=%llu max_ns=%llu\n",
		  r->submit_ns, r->max_submit_ns, r->total_ns, r->min_ns, r->max_ns);
	file->left = line;
}

static ssize_t job_write(struct file *filp, const char __user *buf, size_t count,
			 loff_t *pos)
{
	char *line __free(kfree) = NULL;
	struct exercise_file *file = filp->private_data;
	struct exercise_job job = {};
	int err;

	if (count >= MAX_LINE)
		return -E2BIG;
	line = memdup_user_nul(buf, count);
	if (IS_ERR(line))
		return PTR_ERR(line);

	err = parse_job(&job, line);
	if (err)
		return err;
	guard(mutex)(&file->lock);
	/* What it refers to is still in use. */
	if (file->results.lost)
		return -EBUSY;
	err = open_algorithm(file, job.alg);
	if (err)
		return err;
	file->job = job;
	err = run_job(file);
	if (err)
		return err;
	print_results(file);
	return count;
}

static ssize_t job_read(struct file *filp, char __user *buf, size_t count, loff_t *pos)
{
	struct exercise_file *file = filp->private_data;
	size_t n;

	guard(mutex)(&file->lock);
	n = min(count, strlen(file->left));
	if (copy_to_user(buf, file->left, n))
		return -EFAULT;
	file->left += n;
	return n;
}

static int job_open(struct inode *inode, struct file *filp)
{
	struct exercise_file *file = kzalloc_obj(*file);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	file->left = file->line;
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int job_release(struct inode *inode, struct file *filp)
{
	struct exercise_file *file = filp->private_data;

	if (file->results.lost)
		return 0;
	if (file->tfm)
		crypto_free_acomp(file->tfm);
	kfree(file);
	return 0;
}

static const struct file_operations job_fops = {
	.owner = THIS_MODULE,
	.open = job_open,
	.read = job_read,
	.write = job_write,
	.release = job_release,
};

static struct dentry *exercise_dir;

static int __init exercise_init(void)
{
	exercise_dir = debugfs_create_dir("acomp_exercise", NULL);
	debugfs_create_file("job", 0600, exercise_dir, NULL, &job_fops);
	return 0;
}

static void __exit exercise_exit(void)
{
	debugfs_remove_recursive(exercise_dir);
}

module_init(exercise_init);
module_exit(exercise_exit);

MODULE_DESCRIPTION("Compression requests on behalf of user space, for tests");
MODULE_LICENSE("GPL");
