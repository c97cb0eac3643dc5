/* SPDX-License-Identifier: MIT */
/* `vkfi protect bench`: clean runs with and without a policy, in pairs. */
#include <inttypes.h>
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

/* One run. */
struct timing {
    double *step; /* (n + 1) seconds: to the first token, to each other, to the end */
    uint64_t prompt_dispatches, dispatches, hash;
    uint32_t redone, alarms;
};

/* Clock of the run that is being made. */
struct lap {
    const struct bench *bench;
    struct timing *timing;
    double last;
    uint64_t dispatches;
};

struct bench {
    const struct cli_protect_options *o;
    struct arena arena;
    struct model *model;
    struct cli_device device;
    struct cli_protection protection;
    struct generate_params params; /* unprotected */
    struct decode guarded;
    double (*clock)(void);
    double *step;                     /* (2, pairs, n + 1) of plain and of protected runs */
    struct timing *plain, *protected; /* (pairs) */
};

static uint64_t dispatches(const struct bench *b)
{
    struct executor_info info;
    executor_info(b->device.ex, &info);
    return info.dispatches;
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
        lap->timing->prompt_dispatches = dispatches(lap->bench) - lap->dispatches;
}

static enum status run_once(struct timing *out, struct bench *b, bool protected)
{
    struct arena arena = {0};
    struct generation g;
    struct generate_params params = b->params;
    struct lap lap = {.bench = b, .timing = out, .dispatches = dispatches(b)};
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
        out->dispatches = dispatches(b) - lap.dispatches - out->prompt_dispatches;
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

static enum status print(struct bench *b, const char *policy)
{
    const struct timing *plain = &b->plain[0], *protected = &b->protected[0];
    struct stats_overhead prompt, decode;
    struct executor_info info;
    struct json_writer w;
    enum status st = compare(&prompt, b, false);
    st = st ? st : compare(&decode, b, true);
    if (st)
        return st;
    executor_info(b->device.ex, &info);
    if (b->o->json) {
        json_begin(&w, stdout, true);
        json_object_open(&w);
        json_member_text(&w, "policy", policy);
        json_member_text(&w, "model", b->o->model);
        json_member_text(&w, "device", info.device);
        json_member_int(&w, "prompt_tokens", b->params.n_ids);
        json_member_int(&w, "tokens", b->params.rules.n);
        json_member_int(&w, "pairs", (int64_t)b->o->pairs);
        put_overhead(&w, "prompt", &prompt);
        put_overhead(&w, "decode", &decode);
        json_member_int(&w, "dispatches", (int64_t)plain->dispatches);
        json_member_int(&w, "dispatches_protected", (int64_t) protected->dispatches);
        json_member_int(&w, "alarms", protected->alarms);
        json_member_int(&w, "redone", protected->redone);
        json_object_close(&w);
        return json_end(&w);
    }
    printf("policy      %s, on %s (%s)\n", policy, b->o->model, info.device);
    printf("runs        %" PRIu64 " pairs of %" PRIu32 " prompt tokens and %" PRIu32
           " decoded, the same bits in all\n",
           b->o->pairs, b->params.n_ids, b->params.rules.n);
    say("prompt", &prompt);
    say("decode", &decode);
    printf("dispatches  %" PRIu64 " a run, %" PRIu64 " protected\n", plain->dispatches,
           protected->dispatches);
    printf("alarms      %" PRIu32 ", columns computed again: %" PRIu32 "\n", protected->alarms,
           protected->redone);
    return cli_output_flush();
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
    st = st ? st : cli_protection_open(&b->protection, &b->arena, policy, b->device.ex);
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
    st = st ? st : print(&b, operands->item[0]);
    cli_protection_close(&b.protection);
    const enum status closed = cli_device_finish(&b.device);
    model_close(&b.model);
    arena_finish(&b.arena);
    return st ? st : closed;
}
