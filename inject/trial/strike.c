/* SPDX-License-Identifier: MIT */
/* A check around the policy's own flips the bit as its column asks for guards; runs are compared
 * with the clean one. */
#include "inject/trial/strike.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "model/executor_abft.h"
#include "model/generate.h"

#define COLUMNS 16u /* of a pass on every device, so that all of them see a fault alike */

/* What a run gave. */
struct result {
    uint64_t hash; /* of its tokens */
    struct decode_summary sum;
};

/* Memory of one protection, or the words of one guard. */
struct place {
    uint32_t entry;
    const char *name;
    struct protection_area area; /* of the protection */
    struct guard *guard;         /* null: none */
    uint64_t bits;
};

/* What is to be put right after a run. */
struct undo {
    uint8_t *byte; /* null: none */
    uint8_t before;
    bool table; /* a word of check sums is */
    struct abft_span span;
    uint32_t word;
};

struct strike {
    struct strike_params params;
    const struct decode_check *inner; /* the policy's */
    struct decode_check check;        /* around it */
    struct arena arena;
    struct decode decode;
    struct strike_area area[STRIKE_AREAS_MOST];
    uint64_t counted[STRIKE_AREAS_MOST]; /* when: in `asks` */
    uint32_t n_areas;
    uint64_t asks; /* of the clean run */
    struct result clean;
    /* of a run */
    const struct strike_area *target; /* null: areas are counted */
    uint32_t position;
    struct rng rng;
    bool struck;
    uint64_t bit;
    struct undo undo;
    enum status st;
};

/* The guards of a column. */
struct asked {
    void *state;
    uint32_t position;
    struct guard *guard; /* (n) */
    uint32_t n;
};

const char *strike_effect_name(enum strike_effect effect)
{
    static const char *const names[STRIKE_EFFECTS] = {"silent", "false_alarm", "refused", "harmed"};
    return names[effect];
}

/* --- places --- */

/* Places are memory of the protections first, then guards of the column; false: there is none. */
static bool place_at(const struct strike *s, const struct asked *asked, uint32_t index,
                     struct place *out)
{
    uint32_t n = 0;
    *out = (struct place){0};
    while (n <= index &&
           protector_area(s->params.protector, asked->state, n, &out->area, &out->entry))
        n++;
    if (n > index) {
        out->name = out->area.name;
        out->bits = 8 * (uint64_t)out->area.size;
        return true;
    }
    if (index - n >= asked->n)
        return false;
    out->guard = &asked->guard[index - n];
    out->entry = protector_asker(out->guard);
    out->name = STRIKE_VERDICTS;
    out->bits = 32 * (uint64_t)guard_words(out->guard, s->params.ex->abft);
    return true;
}

static bool is_of(const struct place *place, const struct strike_area *area)
{
    return place->entry == area->entry && strcmp(place->name, area->name) == 0;
}

static void count_place(struct strike *s, const struct place *place, uint32_t position)
{
    uint32_t i = 0;
    if (place->bits == 0)
        return;
    while (i < s->n_areas && !is_of(place, &s->area[i]))
        i++;
    if (i == STRIKE_AREAS_MOST) {
        log_error("found more than %u areas of the protections' memory, expected no more",
                  STRIKE_AREAS_MOST);
        s->st = STATUS_INTERNAL;
        return;
    }
    struct strike_area *area = &s->area[i];
    if (i == s->n_areas) {
        *area =
            (struct strike_area){.entry = place->entry,
                                 .protection = protector_name(s->params.protector, place->entry),
                                 .name = place->name,
                                 .first = position};
        s->n_areas++;
    }
    area->bits = (s->counted[i] == s->asks ? area->bits : 0) + place->bits;
    area->last = position > area->last ? position : area->last;
    s->counted[i] = s->asks;
}

static void count_places(struct strike *s, const struct asked *asked)
{
    struct place place;
    s->asks++;
    for (uint32_t i = 0; !s->st && place_at(s, asked, i, &place); i++)
        count_place(s, &place, asked->position);
}

/* --- the flip --- */

static enum status flip_table(struct strike *s, uint32_t node, uint64_t bit)
{
    struct undo *undo = &s->undo;
    undo->span = (struct abft_span){node, (uint32_t)(bit / 32), 1};
    const enum status st = executor_abft_read(s->params.ex, &undo->span, &undo->word);
    const uint32_t struck = undo->word ^ 1u << bit % 32;
    undo->table = !st;
    return st ? st : executor_abft_write(s->params.ex, &undo->span, &struck);
}

static enum status flip_place(struct strike *s, const struct place *place, uint64_t bit)
{
    if (place->guard) {
        place->guard->flip = 1 + (uint32_t)bit;
        return STATUS_OK;
    }
    if (!place->area.bytes)
        return flip_table(s, place->area.node, bit);
    s->undo.byte = place->area.bytes + bit / 8;
    s->undo.before = *s->undo.byte;
    *s->undo.byte ^= (uint8_t)(1u << bit % 8);
    return STATUS_OK;
}

/* One bit of the area, each as likely. Nothing if it has none at this column. */
static enum status flip(struct strike *s, const struct asked *asked)
{
    struct place place;
    uint64_t bits = 0;
    for (uint32_t i = 0; place_at(s, asked, i, &place); i++)
        bits += is_of(&place, s->target) ? place.bits : 0;
    if (bits == 0)
        return STATUS_OK;
    uint64_t bit = rng_below(&s->rng, bits);
    s->bit = bit;
    s->position = asked->position;
    s->struck = true;
    for (uint32_t i = 0; place_at(s, asked, i, &place); i++) {
        const uint64_t own = is_of(&place, s->target) ? place.bits : 0;
        if (bit < own)
            return flip_place(s, &place, bit);
        bit -= own;
    }
    return STATUS_INTERNAL;
}

static enum status put_right(struct strike *s)
{
    struct undo *undo = &s->undo;
    enum status st = STATUS_OK;
    if (undo->byte)
        *undo->byte = undo->before;
    if (undo->table)
        st = executor_abft_write(s->params.ex, &undo->span, &undo->word);
    *undo = (struct undo){0};
    return st;
}

/* --- the check around the policy's --- */

static uint32_t ask(void *user, void *state, uint32_t position, uint32_t prompt, struct guard *out)
{
    struct strike *s = user;
    const struct asked asked = {state, position, out,
                                s->inner->ask(s->inner->user, state, position, prompt, out)};
    if (!s->target)
        count_places(s, &asked);
    else if (!s->struck && position >= s->position)
        s->st = flip(s, &asked);
    return asked.n;
}

static enum status look(void *user, void *state, const struct decode_view *view,
                        struct decode_verdict *out)
{
    const struct strike *s = user;
    return s->st ? s->st : s->inner->look(s->inner->user, state, view, out);
}

static enum status end(void *user, void *state, const struct decode_view *view,
                       struct decode_verdict *out)
{
    const struct strike *s = user;
    return s->inner->end(s->inner->user, state, view, out);
}

static void summary(void *user, const void *state, struct decode_summary *out)
{
    const struct strike *s = user;
    s->inner->summary(s->inner->user, state, out);
}

/* --- runs --- */

static enum status run_once(struct strike *s, struct result *out)
{
    struct arena arena = {0};
    struct generation g;
    const struct generate_params params = {.ex = s->params.ex,
                                           .ids = s->params.ids,
                                           .n_ids = s->params.n_ids,
                                           .rules = s->decode.rules,
                                           .columns = COLUMNS,
                                           .save_position = EXECUTOR_NONE};
    s->st = STATUS_OK;
    enum status st = generate(&g, &arena, &params);
    if (!st) {
        uint64_t hash = g.n_tokens;
        for (uint32_t i = 0; i < g.n_tokens; i++)
            hash = hash_fold64(hash, (uint32_t)g.tokens[i]);
        *out = (struct result){hash, decode_sum(&s->decode, &g)};
        kv_release(s->params.ex->kv, g.branch);
    }
    const enum status right = put_right(s); /* the run's memory is still there */
    arena_finish(&arena);
    return st ? st : right;
}

enum status strike_open(struct strike **out, const struct strike_params *params)
{
    struct strike *s = calloc(1, sizeof(*s));
    *out = s;
    if (!s) {
        log_error("no host memory for trials of the protections' memory");
        return STATUS_MEMORY;
    }
    s->params = *params;
    s->inner = protector_check(params->protector);
    s->check = *s->inner;
    s->check.ask = ask;
    s->check.look = look;
    s->check.end = end;
    s->check.summary = summary;
    s->check.user = s;
    s->check.most_guards++; /* columns ask where the policy has no guard either */
    const struct decode_rules rules = {.n = params->n, .ignore_end = true, .check = &s->check};
    enum status st = decode_open(&s->decode, &s->arena, &rules, params->ex);
    st = st ? st : run_once(s, &s->clean);
    if (!st && s->n_areas == 0) {
        log_error("found a policy whose protections keep nothing and ask for no guards, expected "
                  "memory that a fault may strike");
        st = STATUS_INPUT;
    }
    if (st)
        strike_close(out);
    return st;
}

void strike_close(struct strike **strike)
{
    if (*strike)
        arena_finish(&(*strike)->arena);
    free(*strike);
    *strike = NULL;
}

const struct strike_area *strike_areas(const struct strike *strike, uint32_t *out_n)
{
    *out_n = strike->n_areas;
    return strike->area;
}

static enum strike_effect effect_of(const struct strike *s, const struct result *result)
{
    if (result->hash != s->clean.hash)
        return STRIKE_HARMED;
    if (result->sum.damage == DECODE_UNCORRECTED)
        return STRIKE_REFUSED;
    return result->sum.alarms > s->clean.sum.alarms ? STRIKE_FALSE_ALARM : STRIKE_SILENT;
}

enum status strike_run(struct strike *s, uint64_t trial, struct strike_trial *out)
{
    struct strike_area *area = &s->area[trial % s->n_areas];
    struct result result = {0};
    rng_init(&s->rng, s->params.seed, trial);
    s->target = area;
    s->struck = false;
    s->position = area->first + (uint32_t)rng_below(&s->rng, area->last - area->first + 1);
    const enum status st = run_once(s, &result);
    if (st)
        return st;
    if (!s->struck) {
        log_error("trial %" PRIu64 ": found no column with %s of %s, expected one", trial,
                  area->name, area->protection);
        return STATUS_INTERNAL;
    }
    *out = (struct strike_trial){area, s->position, s->bit, effect_of(s, &result)};
    area->count[out->effect]++;
    return STATUS_OK;
}

/* --- shares --- */

uint64_t strike_trials(const struct strike_area *area)
{
    uint64_t n = 0;
    for (int e = 0; e < STRIKE_EFFECTS; e++)
        n += area->count[e];
    return n;
}

struct strike_share strike_share_of(const struct strike_area *area, enum strike_effect effect,
                                    double confidence)
{
    const double n = (double)strike_trials(area), events = (double)area->count[effect];
    const struct stats_interval_level level = {confidence, STATS_INTERVAL_BOTH};
    return (struct strike_share){n > 0 ? events / n : 0,
                                 stats_interval_clopper_pearson(events, n, level)};
}

struct strike_share strike_total(const struct strike_area *areas, uint32_t n,
                                 enum strike_effect effect, double confidence)
{
    const struct stats_interval_level level = {confidence, STATS_INTERVAL_BOTH};
    double bits = 0, rate = 0, variance = 0;
    for (uint32_t i = 0; i < n; i++)
        bits += strike_trials(&areas[i]) > 0 ? (double)areas[i].bits : 0;
    for (uint32_t i = 0; i < n; i++) {
        const double trials = (double)strike_trials(&areas[i]), w = (double)areas[i].bits / bits;
        rate += trials > 0 ? w * (double)areas[i].count[effect] / trials : 0;
        variance += trials > 0 ? w * w / trials : 0;
    }
    const double kish = variance > 0 ? 1 / variance : 0;
    return (struct strike_share){rate, stats_interval_clopper_pearson(rate * kish, kish, level)};
}

static void put_bounds(struct json_writer *w, struct stats_interval bounds)
{
    json_member_number(w, "low", bounds.low);
    json_member_number(w, "high", bounds.high);
}

static void put_area(struct json_writer *w, const struct strike_area *area, double confidence)
{
    json_object_open(w);
    json_member_int(w, "entry", area->entry);
    json_member_text(w, "protection", area->protection);
    json_member_text(w, "area", area->name);
    json_member_int(w, "bits", (int64_t)area->bits);
    json_member_int(w, "trials", (int64_t)strike_trials(area));
    for (int e = 0; e < STRIKE_EFFECTS; e++) {
        const struct strike_share share = strike_share_of(area, (enum strike_effect)e, confidence);
        json_member_object(w, strike_effect_name((enum strike_effect)e));
        json_member_int(w, "count", (int64_t)area->count[e]);
        put_bounds(w, share.bounds);
        json_object_close(w);
    }
    json_object_close(w);
}

void strike_put(struct json_writer *w, const struct strike_area *areas, uint32_t n,
                double confidence)
{
    json_member_array(w, "areas");
    for (uint32_t i = 0; i < n; i++)
        put_area(w, &areas[i], confidence);
    json_array_close(w);
    json_member_object(w, "by_bits");
    for (int e = 0; e < STRIKE_EFFECTS; e++) {
        const struct strike_share share = strike_total(areas, n, (enum strike_effect)e, confidence);
        json_member_object(w, strike_effect_name((enum strike_effect)e));
        json_member_number(w, "rate", share.rate);
        put_bounds(w, share.bounds);
        json_object_close(w);
    }
    json_object_close(w);
}
