/* SPDX-License-Identifier: MIT */
/* `vkfi protect strike`: one bit of the protections' own memory, flipped in a clean run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_prompt.h"
#include "cli/cli_protect.h"
#include "cli/cli_protection.h"
#include "inject/stats/stats_interval.h"
#include "model/generate.h"

#define AREAS_MOST 64u
#define VERDICTS "verdicts"

enum effect { SILENT, FALSE_ALARM, REFUSED, HARMED, EFFECTS };
static const char *const EFFECT[EFFECTS] = {"silent", "false_alarm", "refused", "harmed"};

/* All areas of one name. */
struct area {
    const char *owner, *name;
    uint64_t bits; /* at the last column of the run */
    uint64_t count[EFFECTS];
};

/* A check around the policy's: flips a bit before a column is looked at. */
struct striker {
    const struct protector *protector;
    const struct decode_check *inner;
    void *state;             /* of the run */
    const struct area *area; /* null: nothing is struck, all areas are counted */
    uint32_t position;       /* the bit is flipped at the first column from here that has one */
    struct rng rng;
    struct guard *guard; /* (inner->most_guards) */
    bool struck;
    uint8_t *byte; /* to be put right after the run; null: none */
    uint8_t before;
    uint32_t at; /* position */
    uint64_t bit;
    struct area *all; /* (n) counted */
    uint32_t n;
};

struct strike {
    const struct cli_protect_options *o;
    struct arena arena;
    struct model *model;
    struct cli_device device;
    struct cli_protection protection;
    struct generate_params params;
    struct decode_check check; /* the striker's */
    struct decode guarded;
    struct striker striker;
    struct area area[AREAS_MOST];
    uint32_t n_areas;
    uint64_t hash;   /* of the clean run's tokens */
    uint32_t alarms; /* false ones, that it has */
};

static bool is(const struct area *area, const char *owner, const char *name)
{
    return strcmp(area->owner, owner) == 0 && strcmp(area->name, name) == 0;
}

/* Bits of one place of the area; false: it has no such place. Places are memory of the protections
 * first, then guards of the column. */
struct place {
    const char *owner, *name;
    uint8_t *bytes;
    size_t size;
};
static bool place_at(const struct striker *s, const struct decode_view *view, uint32_t index,
                     struct place *out)
{
    struct protection_area area;
    uint32_t n = 0;
    while (n <= index && protector_area(s->protector, s->state, n, &area, &out->owner))
        n++;
    if (n > index) {
        *out = (struct place){out->owner, area.name, area.bytes, area.size};
        return true;
    }
    if (index - n >= view->n_guards)
        return false;
    struct guard *guard = &s->guard[index - n];
    *out = (struct place){protector_asker(s->protector, guard), VERDICTS, (uint8_t *)guard->verdict,
                          sizeof(guard->verdict)};
    return true;
}

static void count_areas(struct striker *s, const struct decode_view *view)
{
    struct place place;
    for (uint32_t i = 0; i < s->n; i++)
        s->all[i].bits = 0;
    for (uint32_t i = 0; place_at(s, view, i, &place); i++) {
        uint32_t k = 0;
        while (k < s->n && !is(&s->all[k], place.owner, place.name))
            k++;
        if (k == AREAS_MOST)
            continue;
        if (k == s->n)
            s->all[s->n++] = (struct area){place.owner, place.name, 0, {0}};
        s->all[k].bits += 8 * (uint64_t)place.size;
    }
}

/* Flips one bit of the area, each as likely. Nothing if it has none at this column. */
static void flip(struct striker *s, const struct decode_view *view)
{
    struct place place;
    uint64_t bits = 0;
    for (uint32_t i = 0; place_at(s, view, i, &place); i++)
        bits += is(s->area, place.owner, place.name) ? 8 * (uint64_t)place.size : 0;
    if (bits == 0)
        return;
    uint64_t bit = rng_below(&s->rng, bits);
    s->bit = bit;
    s->at = view->position;
    s->struck = true;
    for (uint32_t i = 0; place_at(s, view, i, &place); i++) {
        const uint64_t own = is(s->area, place.owner, place.name) ? 8 * (uint64_t)place.size : 0;
        if (bit < own) {
            uint8_t *byte = place.bytes + bit / 8;
            const uint8_t *state = s->state;
            const bool of_run = byte >= state && byte < state + s->inner->state;
            s->byte = of_run || strcmp(place.name, VERDICTS) == 0 ? NULL : byte;
            s->before = *byte;
            *byte ^= (uint8_t)(1u << bit % 8);
            return;
        }
        bit -= own;
    }
}

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    struct striker *s = user;
    struct decode_view own = *view;
    s->state = state;
    if (view->n_guards > 0)
        memcpy(s->guard, view->guard, view->n_guards * sizeof(*s->guard));
    own.guard = s->guard;
    if (!s->area)
        count_areas(s, view);
    else if (!s->struck && view->position >= s->position)
        flip(s, view);
    return s->inner->look(s->inner->user, state, &own, out);
}

static uint32_t ask(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out)
{
    const struct striker *s = user;
    return s->inner->ask(s->inner->user, state, position, prompt, out);
}

static enum status end(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out)
{
    const struct striker *s = user;
    return s->inner->end(s->inner->user, state, view, out);
}

static void summary(void *user, const void *state, struct decode_summary *out)
{
    const struct striker *s = user;
    s->inner->summary(s->inner->user, state, out);
}

/* --- runs --- */

/* What a run gave. */
struct result {
    uint64_t hash; /* of its tokens */
    struct decode_summary sum;
};

static enum status run_once(struct strike *k, struct result *out)
{
    struct arena arena = {0};
    struct generation g;
    struct striker *s = &k->striker;
    const enum status st = generate(&g, &arena, &k->params);
    if (!st) {
        uint64_t hash = g.n_tokens;
        for (uint32_t i = 0; i < g.n_tokens; i++)
            hash = hash_fold64(hash, (uint32_t)g.tokens[i]);
        *out = (struct result){hash, decode_sum(&k->guarded, &g)};
        kv_release(k->device.ex->kv, g.branch);
    }
    if (s->byte)
        *s->byte = s->before;
    s->byte = NULL;
    arena_finish(&arena);
    return st;
}

static enum effect effect_of(const struct strike *k, const struct result *result)
{
    if (result->hash != k->hash)
        return HARMED;
    if (result->sum.damage == DECODE_UNCORRECTED)
        return REFUSED;
    return result->sum.alarms > k->alarms ? FALSE_ALARM : SILENT;
}

static enum status run_trial(struct strike *k, uint64_t trial, enum effect *out)
{
    struct striker *s = &k->striker;
    struct area *area = &k->area[trial % k->n_areas];
    struct result result = {0};
    rng_init(&s->rng, k->o->seed, trial);
    s->area = area;
    s->struck = false;
    s->position = (uint32_t)rng_below(&s->rng, k->params.n_ids + k->params.rules.n - 1);
    const enum status st = run_once(k, &result);
    *out = effect_of(k, &result);
    area->count[*out]++;
    return st;
}

static enum status run_clean(struct strike *k)
{
    struct result result = {0};
    k->striker.all = k->area;
    const enum status st = run_once(k, &result);
    k->n_areas = k->striker.n;
    k->hash = result.hash;
    k->alarms = result.sum.alarms;
    if (!st && k->n_areas == 0) {
        log_error("found a policy whose protections keep nothing and ask for no guards, expected "
                  "memory that a fault may strike");
        return STATUS_INPUT;
    }
    return st;
}

static enum status run_trials(struct strike *k)
{
    struct cli_progress progress;
    enum effect effect;
    enum status st = STATUS_OK;
    cli_progress_init(&progress, 0, 0);
    for (uint64_t t = 0; t < k->o->trials && !st; t++) {
        cli_progress_show(&progress, "trial %" PRIu64 "/%" PRIu64, t + 1, k->o->trials);
        st = run_trial(k, t, &effect);
    }
    cli_progress_clear(&progress);
    return st;
}

/* --- output --- */

/* Share of an effect among n trials, with its exact interval. */
struct share {
    double rate;
    struct stats_interval bounds;
};

static uint64_t trials_of(const struct area *area)
{
    uint64_t n = 0;
    for (int e = 0; e < EFFECTS; e++)
        n += area->count[e];
    return n;
}

static struct share share_of(const struct area *area, enum effect effect)
{
    const double n = (double)trials_of(area), events = (double)area->count[effect];
    return (struct share){n > 0 ? events / n : 0,
                          stats_interval_clopper_pearson(
                              events, n, (struct stats_interval_level){0.95, STATS_INTERVAL_BOTH})};
}

/* Over all areas, by their bits. */
static double total_of(const struct strike *k, enum effect effect)
{
    double sum = 0, bits = 0;
    for (uint32_t i = 0; i < k->n_areas; i++) {
        sum += (double)k->area[i].bits * share_of(&k->area[i], effect).rate;
        bits += (double)k->area[i].bits;
    }
    return sum / bits;
}

static void put_areas(struct json_writer *w, const struct strike *k)
{
    json_member_array(w, "areas");
    for (uint32_t i = 0; i < k->n_areas; i++) {
        const struct area *area = &k->area[i];
        json_object_open(w);
        json_member_text(w, "protection", area->owner);
        json_member_text(w, "area", area->name);
        json_member_int(w, "bits", (int64_t)area->bits);
        json_member_int(w, "trials", (int64_t)trials_of(area));
        for (int e = 0; e < EFFECTS; e++) {
            const struct share share = share_of(area, (enum effect)e);
            json_member_object(w, EFFECT[e]);
            json_member_int(w, "count", (int64_t)area->count[e]);
            json_member_number(w, "low", share.bounds.low);
            json_member_number(w, "high", share.bounds.high);
            json_object_close(w);
        }
        json_object_close(w);
    }
    json_array_close(w);
}

static enum status print_json(const struct strike *k, const char *policy)
{
    struct json_writer w;
    json_begin(&w, stdout, true);
    json_object_open(&w);
    json_member_text(&w, "policy", policy);
    json_member_text(&w, "model", k->o->model);
    json_member_int(&w, "seed", (int64_t)k->o->seed);
    json_member_int(&w, "prompt_tokens", k->params.n_ids);
    json_member_int(&w, "tokens", k->params.rules.n);
    put_areas(&w, k);
    json_member_object(&w, "by_bits");
    for (int e = 0; e < EFFECTS; e++)
        json_member_number(&w, EFFECT[e], total_of(k, (enum effect)e));
    json_object_close(&w);
    json_object_close(&w);
    return json_end(&w);
}

static enum status print(const struct strike *k, const char *policy)
{
    if (k->o->json)
        return print_json(k, policy);
    printf("%-28s %12s %6s  %s\n", "memory", "bits", "n",
           "false alarm, refused, harmed: % [95 %, exact]");
    for (uint32_t i = 0; i < k->n_areas; i++) {
        const struct area *area = &k->area[i];
        char name[64];
        snprintf(name, sizeof(name), "%s.%s", area->owner, area->name);
        printf("%-28s %12" PRIu64 " %6" PRIu64, name, area->bits, trials_of(area));
        for (int e = FALSE_ALARM; e < EFFECTS; e++) {
            const struct share share = share_of(area, (enum effect)e);
            printf("  %5.1f [%.1f, %.1f]", 100 * share.rate, 100 * share.bounds.low,
                   100 * share.bounds.high);
        }
        putchar('\n');
    }
    printf("%-28s %12s %6s  %5.1f  %5.1f  %5.1f\n", "all, by bits", "", "",
           100 * total_of(k, FALSE_ALARM), 100 * total_of(k, REFUSED), 100 * total_of(k, HARMED));
    return cli_output_flush();
}

static enum status print_trial(struct strike *k)
{
    const struct area *area = &k->area[k->o->trial % k->n_areas];
    enum effect effect;
    const enum status st = run_trial(k, k->o->trial, &effect);
    if (st)
        return st;
    printf("trial %" PRIu64 ": bit %" PRIu64 " of %s.%s at position %" PRIu32 ": %s\n", k->o->trial,
           k->striker.bit, area->owner, area->name, k->striker.at, EFFECT[effect]);
    return cli_output_flush();
}

/* --- life --- */

static enum status open_strike(struct strike *k, const struct cli_env *env, const char *policy)
{
    static const char prompt[] = "A ship leaves the harbour with twelve crates of oranges. In the "
                                 "first port the crew sells four of them. Left on board are";
    const struct cli_protect_options *o = k->o;
    struct cli_progress progress;
    int32_t *ids;
    cli_progress_init(&progress, 0, 0);
    enum status st = cli_manifest_open(&k->model, env, o->model);
    if (!st)
        st = cli_prompt_ids(&(struct cli_prompt){.text = o->prompt ? o->prompt : prompt}, k->model,
                            &k->arena, &ids, &k->params.n_ids);
    if (!st)
        st = cli_prompt_fits(k->model, k->params.n_ids, o->n);
    if (st)
        return st;
    st = cli_device_open(&k->device, env, "cpu",
                         &(struct executor_params){.model = k->model,
                                                   .act = (enum storage)o->act,
                                                   .kv = (enum storage)o->kv,
                                                   .positions = k->params.n_ids + (uint32_t)o->n,
                                                   .branches = 1,
                                                   .threads = (uint32_t)o->threads},
                         &progress);
    st = st ? st : cli_protection_open(&k->protection, &k->arena, policy, k->device.ex);
    if (st)
        return st;
    const struct decode_check *inner = protector_check(k->protection.protector);
    k->striker = (struct striker){
        .protector = k->protection.protector,
        .inner = inner,
        .guard = arena_array(&k->arena, inner->most_guards + 1, sizeof(*k->striker.guard))};
    k->check = *inner;
    k->check.ask = inner->ask ? ask : NULL;
    k->check.look = look;
    k->check.end = inner->end ? end : NULL;
    k->check.summary = summary;
    k->check.user = &k->striker;
    k->params.ids = ids;
    k->params.ex = k->device.ex;
    k->params.save_position = EXECUTOR_NONE;
    k->params.rules =
        (struct decode_rules){.n = (uint32_t)o->n, .ignore_end = true, .check = &k->check};
    return k->striker.guard ? decode_open(&k->guarded, &k->arena, &k->params.rules, k->device.ex)
                            : STATUS_MEMORY;
}

enum status cli_protect_strike(const struct cli_env *env, const void *options,
                               const struct args_list *operands)
{
    const struct cli_protect_options *o = options;
    struct strike k = {.o = o};
    enum status st = cli_manifest_check(o->model);
    if (st)
        return st;
    st = open_strike(&k, env, operands->item[0]);
    st = st ? st : run_clean(&k);
    if (!st && o->trial != CLI_PROTECT_ALL)
        st = print_trial(&k);
    else if (!st)
        st = run_trials(&k);
    if (!st && o->trial == CLI_PROTECT_ALL)
        st = print(&k, operands->item[0]);
    cli_protection_close(&k.protection);
    const enum status closed = cli_device_finish(&k.device);
    model_close(&k.model);
    arena_finish(&k.arena);
    return st ? st : closed;
}
