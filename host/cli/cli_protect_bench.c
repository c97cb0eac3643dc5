/* SPDX-License-Identifier: MIT */
/* `vkfi protect bench`: clean runs with and without a policy, in pairs. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/sort.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "cli/cli_protect.h"
#include "cli/cli_protection.h"
#include "inject/stats/stats_special.h"
#include "model/generate.h"

static const char PARAGRAPH[] =
    "A ship leaves the harbour in the morning with twelve crates of oranges and nine crates of "
    "lemons. In the first port the crew sells four crates of oranges and buys two crates of figs; "
    "in the second port all lemons are sold. Write down what is left on board at the end of the "
    "day, and say how you know it.";

/* One run. */
struct timing {
    double prompt, decode; /* seconds */
    uint64_t dispatches, hash;
    uint32_t redone, alarms;
};

struct bench {
    const struct cli_protect_options *o;
    struct arena arena;
    struct model *model;
    struct cli_device device;
    struct cli_protection protection;
    struct generate_params params; /* unprotected */
    struct decode guarded;
    struct timing *plain, *protected; /* (pairs) */
};

/* A ratio over pairs: its median, and an interval that holds whatever the times' distribution. */
struct overhead {
    double median, low, high; /* share added: 0.05 is 5 % */
};

/* Largest number of values that may be left out on each side: P(Bin(n, 1/2) < k) <= 0.025. */
static size_t left_out(size_t n)
{
    size_t k = 0;
    while (k + 1 < n / 2 && stats_special_beta((double)(n - k), (double)(k + 1), 0.5) <= 0.025)
        k++;
    return k;
}

static struct overhead overhead_of(double *ratio, size_t n)
{
    const size_t k = left_out(n);
    sort_doubles(ratio, n);
    return (struct overhead){.median = (ratio[(n - 1) / 2] + ratio[n / 2]) / 2 - 1,
                             .low = ratio[k > 0 ? k - 1 : 0] - 1,
                             .high = ratio[k > 0 ? n - k : n - 1] - 1};
}

static enum status run_once(struct timing *out, struct bench *b, bool protected)
{
    struct executor *ex = b->device.ex;
    struct executor_info before, after;
    struct arena arena = {0};
    struct generation g;
    struct generate_params params = b->params;
    if (protected)
        params.rules.check = protector_check(b->protection.protector);
    executor_info(ex, &before);
    const enum status st = generate(&g, &arena, &params);
    if (!st) {
        executor_info(ex, &after);
        kv_release(ex->kv, g.branch);
        *out = (struct timing){.prompt = g.prompt_seconds,
                               .decode = g.decode_seconds,
                               .dispatches = after.dispatches - before.dispatches,
                               .hash = g.hash,
                               .redone = g.redone,
                               .alarms = protected ? decode_sum(&b->guarded, &g).alarms : 0};
    }
    arena_finish(&arena);
    return st;
}

/* In the order A B B A; a first pair warms up. */
static enum status run_pairs(struct bench *b)
{
    const uint32_t pairs = (uint32_t)b->o->pairs;
    struct cli_progress progress;
    struct timing warm;
    cli_progress_init(&progress, 0, 0);
    enum status st = run_once(&warm, b, false);
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
static struct overhead compare(struct bench *b, bool decode)
{
    const size_t n = (size_t)b->o->pairs;
    double *ratio = arena_array(&b->arena, n, sizeof(*ratio));
    if (!ratio)
        return (struct overhead){0};
    for (size_t i = 0; i < n; i++)
        ratio[i] = decode ? b->protected[i].decode / b->plain[i].decode
                          : b->protected[i].prompt / b->plain[i].prompt;
    return overhead_of(ratio, n);
}

static void put_overhead(struct json_writer *w, const char *key, const struct overhead *o)
{
    json_member_object(w, key);
    json_member_number(w, "median", o->median);
    json_member_array(w, "interval");
    json_put_number(w, o->low);
    json_put_number(w, o->high);
    json_array_close(w);
    json_object_close(w);
}

static void say(const char *what, const struct overhead *o)
{
    printf("%-10s  %+.2f %% [%+.2f, %+.2f]\n", what, 100 * o->median, 100 * o->low, 100 * o->high);
}

static enum status print(struct bench *b, const char *policy)
{
    const struct overhead prompt = compare(b, false), decode = compare(b, true);
    const struct timing *plain = &b->plain[0], *protected = &b->protected[0];
    struct executor_info info;
    struct json_writer w;
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
    b->params.save_position = EXECUTOR_NONE;
    b->params.rules = (struct decode_rules){.n = (uint32_t)o->n, .ignore_end = true};
    st = st ? st : cli_protection_open(&b->protection, &b->arena, policy, b->device.ex);
    if (st)
        return st;
    struct decode_rules rules = b->params.rules;
    rules.check = protector_check(b->protection.protector);
    return decode_open(&b->guarded, &b->arena, &rules, b->device.ex);
}

enum status cli_protect_bench(const struct cli_env *env, const void *options,
                              const struct args_list *operands)
{
    const struct cli_protect_options *o = options;
    struct bench b = {.o = o};
    enum status st = cli_manifest_check(o->model);
    if (st)
        return st;
    b.plain = arena_array(&b.arena, o->pairs, sizeof(*b.plain));
    b.protected = arena_array(&b.arena, o->pairs, sizeof(*b.protected));
    st = b.plain && b.protected ? STATUS_OK : STATUS_MEMORY;
    st = st ? st : open_bench(&b, env, operands->item[0]);
    st = st ? st : run_pairs(&b);
    st = st ? st : print(&b, operands->item[0]);
    cli_protection_close(&b.protection);
    const enum status closed = cli_device_finish(&b.device);
    model_close(&b.model);
    arena_finish(&b.arena);
    return st ? st : closed;
}
