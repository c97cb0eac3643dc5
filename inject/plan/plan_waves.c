/* SPDX-License-Identifier: MIT */
/* Waves read, checked, added; the error that looks at them spend. */
#include "inject/plan/plan_waves.h"

#include <math.h>
#include <string.h>

#include "base/log.h"

enum status plan_waves_read(const struct plan_reader *r, const struct json *waves)
{
    static const struct json_span span = {1, INT64_C(1) << 53};
    const size_t count = json_count(waves);
    if (json_type(waves) != JSON_ARRAY || count == 0 || count > PLAN_WAVES_MAX) {
        log_error("%s: expected a list of 1 to %d numbers of trials, such as [1000]",
                  json_where(r->doc, waves), PLAN_WAVES_MAX);
        return STATUS_INPUT;
    }
    uint64_t *wave = arena_array(r->arena, count, sizeof(*wave));
    if (!wave)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        int64_t number = 0;
        const enum status st = json_fields_integer_of(r->doc, json_at(waves, i), span, &number);
        if (st)
            return st;
        wave[i] = (uint64_t)number;
    }
    r->plan->wave = wave;
    r->plan->n_waves = (uint32_t)count;
    return STATUS_OK;
}

double plan_waves_tail(const struct plan *plan, double alpha, uint32_t look)
{
    return plan->stop == PLAN_STOP_FIXED && look == 0 ? alpha : ldexp(alpha, -(int)look - 1);
}

double plan_waves_spent(const struct plan *plan, double alpha, uint32_t look)
{
    double spent = 0;
    for (uint32_t i = 0; i <= look; i++)
        spent += plan_waves_tail(plan, alpha, i);
    return spent;
}

double plan_waves_share(const struct plan *plan, const struct plan *other)
{
    const bool waves = plan->stop == PLAN_STOP_WAVES || (other && other->stop == PLAN_STOP_WAVES);
    const struct plan rule = {.stop = waves ? PLAN_STOP_WAVES : PLAN_STOP_FIXED};
    return plan_waves_tail(&rule, 1, plan->n_waves + (other ? other->n_waves : 0));
}

/* --- one more wave --- */

static void put_sampling(struct json_writer *w, const struct json *sampling, uint64_t trials)
{
    json_put_key(w, "sampling");
    json_object_open(w);
    for (size_t i = 0; i < json_count(sampling); i++) {
        const struct json *member = json_at(sampling, i);
        if (strcmp(json_key(member), "waves") == 0)
            continue;
        json_put_key(w, json_key(member));
        json_put_value(w, member);
    }
    const struct json *waves = json_get(sampling, "waves");
    json_put_key(w, "waves");
    json_array_open(w);
    for (size_t i = 0; i < json_count(waves); i++)
        json_put_value(w, json_at(waves, i));
    json_put_int(w, (int64_t)trials);
    json_array_close(w);
    json_object_close(w);
}

static void put_plan(struct json_writer *w, const struct json *root, uint64_t trials)
{
    json_object_open(w);
    for (size_t i = 0; i < json_count(root); i++) {
        const struct json *member = json_at(root, i);
        if (strcmp(json_key(member), "sampling") == 0) {
            put_sampling(w, member, trials);
            continue;
        }
        json_put_key(w, json_key(member));
        json_put_value(w, member);
    }
    if (!json_get(root, "sampling"))
        put_sampling(w, NULL, trials); /* a census, whose own message refuses it */
    json_object_close(w);
}

enum status plan_waves_extend(struct plan *out, struct arena *arena, const struct plan *base,
                              uint64_t trials)
{
    struct json_doc *doc = NULL;
    struct json_memory m;
    enum status st = json_parse(&doc, base->text, strlen(base->text), "the plan to extend");
    if (!st) {
        json_begin_memory(&m, true);
        put_plan(&m.w, json_root(doc), trials);
        st = json_end_memory(&m, arena);
    }
    if (!st)
        st = plan_read(out, arena,
                       &(struct plan_source){m.text, m.size, "the extended plan", "", NULL});
    json_destroy(&doc);
    return st;
}
