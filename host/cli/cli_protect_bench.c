/* SPDX-License-Identifier: MIT */
/* `vkfi protect bench`: clean runs with and without a policy, in pairs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "cli/cli_protect.h"
#include "cli/cli_protection.h"
#include "inject/stats/stats_overhead.h"
#include "model/generate.h"

static const char PARAGRAPH[] =
    "A ship leaves the harbour in the morning with twelve crates of oranges and nine crates of "
    "lemons. In the first port the crew sells four crates of oranges and buys two crates of figs; "
    "in the second port all lemons are sold. Write down what is left on board at the end of the "
    "day, and say how you know it.";

struct bench;

/* Counted by the executor (model/executor_work.h). */
struct cost {
    uint64_t macs, bytes, dispatches;
};

/* One run. */
struct timing {
    double *step; /* (n + 1) seconds: to the first token, to each other, to the end */
    struct cost prompt, decode;
    uint64_t hash;
    uint32_t redone, alarms;
};

/* Clock of the run that is being made. */
struct lap {
    const struct bench *bench;
    struct timing *timing;
    double last;
    struct cost start;
};

struct bench {
    const struct cli_protect_options *o;
    struct arena arena;
    struct model *model;
    struct lib_device device;
    struct lib_protection protection;
    struct generate_params params; /* unprotected */
    struct decode guarded;
    double (*clock)(void);
    double *step;                     /* (2, pairs, n + 1) of plain and of protected runs */
    struct timing *plain, *protected; /* (pairs) */
};

static struct cost cost_since(const struct bench *b, struct cost start)
{
    struct executor_info info;
    executor_info(b->device.ex, &info);
    return (struct cost){info.macs - start.macs, info.bytes - start.bytes,
                         info.dispatches - start.dispatches};
}

static void note(struct lap *lap, uint32_t step)
{
    const double now = lap->bench->clock();
    lap->timing->step[step] += now - lap->last;
    lap->last = now;
}

static void on_token(void *user, int32_t token, uint32_t done)
{
    struct lap *lap = user;
    const uint32_t step = token < 0 ? 0 : done - 1;
    note(lap, step);
    if (step == 0)
        lap->timing->prompt = cost_since(lap->bench, lap->start);
}

static enum status run_once(struct timing *out, struct bench *b, bool protected)
{
    struct arena arena = {0};
    struct generation g;
    struct generate_params params = b->params;
    struct lap lap = {.bench = b, .timing = out, .start = cost_since(b, (struct cost){0})};
    if (protected)
        params.rules.check = protector_check(b->protection.protector);
    params.progress = on_token;
    params.progress_user = &lap;
    memset(out->step, 0, (params.rules.n + 1) * sizeof(*out->step));
    lap.last = b->clock();
    const enum status st = generate(&g, &arena, &params);
    if (!st) {
        note(&lap, params.rules.n);
        kv_release(b->device.ex->kv, g.branch);
        const struct cost all = cost_since(b, lap.start), *prompt = &out->prompt;
        out->decode = (struct cost){all.macs - prompt->macs, all.bytes - prompt->bytes,
                                    all.dispatches - prompt->dispatches};
        out->hash = g.hash;
        out->redone = g.redone;
        out->alarms = protected ? decode_sum(&b->guarded, &g).alarms : 0;
    }
    arena_finish(&arena);
    return st;
}

/* In the order A B B A; a first pair warms up. */
static enum status run_pairs(struct bench *b)
{
    const uint32_t pairs = (uint32_t)b->o->pairs;
    struct cli_progress progress;
    cli_progress_init(&progress, 0, 0);
    enum status st = run_once(&b->plain[0], b, false);
    for (uint32_t i = 0; i < pairs && !st; i++) {
        cli_progress_show(&progress, "pair %" PRIu32 "/%" PRIu32, i + 1, pairs);
        for (int second = 0; second < 2 && !st; second++) {
            const bool protected = (i % 2 == 0) == (second == 1);
            st = run_once(protected ? &b->protected[i] : &b->plain[i], b, protected);
        }
        if (!st && b->plain[i].hash != b->protected[i].hash) {
            log_error("pair %" PRIu32 ": the protected run has hash %016" PRIx64
                      ", expected %016" PRIx64 ": a clean run must keep its bits",
                      i + 1, b->protected[i].hash, b->plain[i].hash);
            st = STATUS_INTERNAL;
        }
    }
    cli_progress_clear(&progress);
    return st;
}

/* Of prompts, or of decoding. */
static enum status compare(struct stats_overhead *out, const struct bench *b, bool decode)
{
    const uint32_t stride = b->params.rules.n + 1, pairs = (uint32_t)b->o->pairs;
    const struct stats_overhead_params params = {.plain = b->step,
                                                 .other = b->step + (size_t)pairs * stride,
                                                 .pairs = pairs,
                                                 .stride = stride,
                                                 .first = decode ? 1 : 0,
                                                 .n = decode ? stride - 1 : 1,
                                                 .seed = 1};
    return stats_overhead_of(out, &params);
}

static void put_overhead(struct json_writer *w, const char *key, const struct stats_overhead *o)
{
    json_member_object(w, key);
    json_member_number(w, "median", o->share);
    json_member_array(w, "interval");
    json_put_number(w, o->low);
    json_put_number(w, o->high);
    json_array_close(w);
    json_object_close(w);
}

static void say(const char *what, const struct stats_overhead *o)
{
    printf("%-10s  %+.2f %% [%+.2f, %+.2f]\n", what, 100 * o->share, 100 * o->low, 100 * o->high);
}

/* What a token of a phase costs without the policy, and under it. */
struct row {
    const char *key, *name;
    double unit, plain, protected;
};

enum { ROWS = 3 };
static void rows_of(struct row out[ROWS], const struct bench *b, bool decode)
{
    const double tokens = decode ? b->params.rules.n - 1 : b->params.n_ids;
    const struct timing *plain = &b->plain[0], *protected = &b->protected[0];
    const struct cost a = decode ? plain->decode : plain->prompt;
    const struct cost c = decode ? protected->decode : protected->prompt;
    out[0] = (struct row){"multiply_adds", "multiply-adds, M", 1e6, (double)a.macs / tokens,
                          (double)c.macs / tokens};
    out[1] =
        (struct row){"bytes", "bytes, MB", 1e6, (double)a.bytes / tokens, (double)c.bytes / tokens};
    out[2] = (struct row){"dispatches", "dispatches", 1, (double)a.dispatches / tokens,
                          (double)c.dispatches / tokens};
}

static void put_counted(struct json_writer *w, const struct bench *b, bool decode)
{
    struct row row[ROWS];
    rows_of(row, b, decode);
    json_member_object(w, decode ? "decode" : "prompt");
    for (int i = 0; i < ROWS; i++) {
        json_member_object(w, row[i].key);
        json_member_number(w, "plain", row[i].plain);
        json_member_number(w, "protected", row[i].protected);
        json_object_close(w);
    }
    json_object_close(w);
}

static void say_counted(const struct bench *b, bool decode)
{
    struct row row[ROWS];
    rows_of(row, b, decode);
    for (int i = 0; i < ROWS; i++)
        printf("%-10s  %-16s  %10.4f  %10.4f  %+.2f %%\n", decode ? "decode" : "prompt",
               row[i].name, row[i].plain / row[i].unit, row[i].protected / row[i].unit,
               100 * (row[i].protected / row[i].plain - 1));
}

static void put_quantiles(struct json_writer *w, const char *key, const struct stats_quantile q[2])
{
    json_member_object(w, key);
    for (int i = 0; i < 2; i++) {
        json_member_number(w, i ? "p99" : "p50", q[i].value);
        json_member_array(w, i ? "p99_interval" : "p50_interval");
        json_put_number(w, q[i].low);
        json_put_number(w, q[i].high);
        json_array_close(w);
    }
    json_object_close(w);
}

static void say_quantiles(const char *what, const struct stats_quantile q[2], double unit)
{
    char low[24], high[24];
    printf("recovery    %-16s", what);
    for (int i = 0; i < 2; i++) {
        snprintf(low, sizeof(low), "%.4g", q[i].low / unit);
        snprintf(high, sizeof(high), "%.4g", q[i].high / unit);
        printf("  p%s %.4g [%s, %s]", i ? "99" : "50", q[i].value / unit,
               isfinite(q[i].low) ? low : "?", isfinite(q[i].high) ? high : "?");
    }
    putchar('\n');
}

/* All that is printed. */
struct result {
    struct stats_overhead prompt, decode;
    struct cli_protect_recovery recovery;
    struct executor_info info;
};

static enum status print_json(const struct bench *b, const char *policy, const struct result *r)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "policy", policy);
    json_member_text(&w, "model", b->o->model);
    json_member_text(&w, "device", r->info.device);
    json_member_int(&w, "prompt_tokens", b->params.n_ids);
    json_member_int(&w, "tokens", b->params.rules.n);
    json_member_int(&w, "pairs", (int64_t)b->o->pairs);
    put_overhead(&w, "prompt", &r->prompt);
    put_overhead(&w, "decode", &r->decode);
    json_member_object(&w, "counted");
    put_counted(&w, b, false);
    put_counted(&w, b, true);
    json_object_close(&w);
    json_member_int(&w, "alarms", b->protected[0].alarms);
    json_member_int(&w, "redone", b->protected[0].redone);
    if (b->o->recovery > 0) {
        json_member_object(&w, "recovery");
        json_member_int(&w, "faults", (int64_t)r->recovery.faults);
        json_member_int(&w, "drawn", (int64_t)r->recovery.drawn);
        json_member_int(&w, "seed", (int64_t)b->o->seed);
        put_quantiles(&w, "seconds", r->recovery.seconds);
        put_quantiles(&w, "columns", r->recovery.columns);
        json_object_close(&w);
    }
    json_object_close(&w);
    return json_end(&w);
}

static enum status print_text(const struct bench *b, const char *policy, const struct result *r)
{
    printf("policy      %s, on %s (%s)\n", policy, b->o->model, r->info.device);
    printf("runs        %" PRIu64 " pairs of %" PRIu32 " prompt tokens and %" PRIu32
           " decoded, the same bits in all\n",
           b->o->pairs, b->params.n_ids, b->params.rules.n);
    say("prompt", &r->prompt);
    say("decode", &r->decode);
    printf("\ncounted     a token            unprotected   protected\n");
    say_counted(b, false);
    say_counted(b, true);
    printf("alarms      %" PRIu32 ", columns computed again: %" PRIu32 "\n", b->protected[0].alarms,
           b->protected[0].redone);
    if (b->o->recovery > 0) {
        printf("\nrecovery    %" PRIu64 " corrected faults of %" PRIu64
               " drawn, from the alarm to the right token\n",
               r->recovery.faults, r->recovery.drawn);
        say_quantiles("milliseconds", r->recovery.seconds, 1e-3);
        say_quantiles("columns", r->recovery.columns, 1);
    }
    return cli_output_flush();
}

static enum status conclude(struct bench *b, const char *policy)
{
    const struct cli_protect_recovery_params recovery = {.run = &b->params,
                                                         .guarded = &b->guarded,
                                                         .n = b->o->recovery,
                                                         .seed = b->o->seed,
                                                         .clock = b->clock};
    struct result r = {0};
    enum status st = compare(&r.prompt, b, false);
    st = st ? st : compare(&r.decode, b, true);
    if (!st && b->o->recovery > 0)
        st = cli_protect_recovery(&r.recovery, &recovery);
    if (st)
        return st;
    executor_info(b->device.ex, &r.info);
    return b->o->json ? print_json(b, policy, &r) : print_text(b, policy, &r);
}

static enum status open_bench(struct bench *b, const struct cli_env *env, const char *policy)
{
    const struct cli_protect_options *o = b->o;
    const struct cli_prompt prompt = {.text = o->prompt ? o->prompt : PARAGRAPH};
    struct cli_progress progress;
    int32_t *ids;
    cli_progress_init(&progress, 0, 0);
    enum status st = cli_manifest_open(&b->model, env, o->model);
    st = st ? st : cli_prompt_ids(&prompt, b->model, &b->arena, &ids, &b->params.n_ids);
    st = st ? st : cli_prompt_fits(b->model, b->params.n_ids, o->n);
    if (st)
        return st;
    const struct executor_params needs = {.model = b->model,
                                          .act = (enum storage)o->act,
                                          .kv = (enum storage)o->kv,
                                          .positions = b->params.n_ids + (uint32_t)o->n,
                                          .branches = 1,
                                          .threads = (uint32_t)o->threads};
    st = cli_device_open(&b->device, env, o->device, &needs, &progress);
    b->params.ids = ids;
    b->params.ex = b->device.ex;
    b->clock = o->processor ? clock_processor : clock_seconds;
    b->params.save_position = EXECUTOR_NONE;
    b->params.rules = (struct decode_rules){.n = (uint32_t)o->n, .ignore_end = true};
    st = st ? st : lib_protection_open(&b->protection, &b->arena, policy, b->device.ex);
    if (st)
        return st;
    struct decode_rules rules = b->params.rules;
    rules.check = protector_check(b->protection.protector);
    return decode_open(&b->guarded, &b->arena, &rules, b->device.ex);
}

static enum status make_room(struct bench *b)
{
    const size_t pairs = b->o->pairs, stride = b->o->n + 1;
    b->plain = arena_array(&b->arena, pairs, sizeof(*b->plain));
    b->protected = arena_array(&b->arena, pairs, sizeof(*b->protected));
    b->step = arena_array(&b->arena, 2 * pairs * stride, sizeof(*b->step));
    if (!b->plain || !b->protected || !b->step)
        return STATUS_MEMORY;
    for (size_t i = 0; i < pairs; i++) {
        b->plain[i].step = b->step + i * stride;
        b->protected[i].step = b->step + (pairs + i) * stride;
    }
    return STATUS_OK;
}

enum status cli_protect_bench(const struct cli_env *env, const void *options,
                              const struct args_list *operands)
{
    const struct cli_protect_options *o = options;
    struct bench b = {.o = o};
    enum status st = cli_manifest_check(o->model);
    if (st)
        return st;
    st = make_room(&b);
    st = st ? st : open_bench(&b, env, operands->item[0]);
    st = st ? st : run_pairs(&b);
    st = st ? st : conclude(&b, operands->item[0]);
    lib_protection_close(&b.protection);
    const enum status closed = lib_device_finish(&b.device);
    model_close(&b.model);
    arena_finish(&b.arena);
    return st ? st : closed;
}
