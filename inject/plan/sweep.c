/* SPDX-License-Identifier: MIT */
/* Writes the plan of a sweep as JSON, with as many trials per cell as fit. */
#include "inject/plan/sweep.h"

#include <inttypes.h>

#include "base/log.h"
#include "inject/plan/sample.h"

/* Short prompts of different kinds; a sweep is about sites, not texts. */
static const char *const PROMPTS[] = {
    "The capital of France is",
    "2 + 2 =",
    "Once upon a time there was",
    "def add(a, b):",
};
#define PROMPT_COUNT (sizeof(PROMPTS) / sizeof(*PROMPTS))

static void put_texts(struct json_writer *w, const char *key, const char *const *text, size_t count)
{
    json_put_key(w, key);
    json_array_open(w);
    for (size_t i = 0; i < count; i++)
        json_put_text(w, text[i]);
    json_array_close(w);
}

static void put_where(struct json_writer *w, const struct sweep_params *params)
{
    static const char *const points[] = {"operand", "weight", "partial",
                                         "out",     "mem",    "accumulator"};
    json_put_key(w, "where");
    json_object_open(w);
    if (params->n_sites > 0)
        put_texts(w, "sites", params->sites, params->n_sites);
    put_texts(w, "point", points, sizeof(points) / sizeof(*points));
    json_object_close(w);
    json_put_key(w, "what");
    json_object_open(w);
    json_put_key(w, "bits");
    json_array_open(w);
    for (uint32_t bit = params->bit_first; bit <= params->bit_last; bit++)
        json_put_int(w, bit);
    json_array_close(w);
    json_object_close(w);
}

static void put_plan(struct json_writer *w, const struct sweep_params *params, uint64_t trials)
{
    static const char *const strata[] = {"op", "point", "bit"};
    json_object_open(w);
    json_put_key(w, "title");
    json_put_text(w, "Sweep over op, point and bit");
    json_put_key(w, "notes");
    json_put_text(w, "Each cell has the same number of trials, so there is no total. Layer, site, "
                     "element, position and prompt are drawn.");
    json_put_key(w, "model");
    json_put_text(w, params->model);
    json_put_key(w, "decoding");
    json_object_open(w);
    json_member_int(w, "n", params->n);
    json_put_key(w, "stop");
    json_put_text(w, "none");
    json_object_close(w);
    json_put_key(w, "prompts");
    json_object_open(w);
    put_texts(w, "texts", PROMPTS, PROMPT_COUNT);
    json_object_close(w);
    json_put_key(w, "population");
    json_put_text(w, "equal");
    put_where(w, params);
    put_texts(w, "strata", strata, sizeof(strata) / sizeof(*strata));
    json_put_key(w, "sampling");
    json_object_open(w);
    json_member_int(w, "trials", trials);
    json_object_close(w);
    json_member_int(w, "seed", params->seed);
    json_object_close(w);
}

static enum status make(struct plan *out, struct arena *arena, const struct sweep_params *params,
                        uint64_t trials)
{
    struct json_memory m;
    json_begin_memory(&m, true);
    put_plan(&m.w, params, trials);
    const enum status st = json_end_memory(&m, arena);
    if (st)
        return st;
    return plan_read(out, arena,
                     &(struct plan_source){m.text, m.size, "the plan of the sweep", "", NULL});
}

/* Cells and runs of the plan with `trials` per cell. */
static enum status count(const struct plan *plan, const struct model *model, struct arena *arena,
                         uint32_t *cells, uint64_t *runs)
{
    struct sample *sample = NULL;
    struct sample_item *items = arena_array(arena, plan->n_items, sizeof(*items));
    enum status st = items ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < plan->n_items; i++) {
        struct plan_input input;
        st = plan_item_input(plan, i, model, arena, &input);
        st = st ? st : plan_item_size(&items[i], arena, plan, &input, input.n);
    }
    if (!st)
        st = sample_create(&sample, plan, model, items);
    if (!st) {
        *cells = sample_strata(sample);
        *runs = sample_trials(sample);
    }
    sample_destroy(&sample);
    return st;
}

enum status sweep_plan(struct plan *out, struct arena *arena, const struct sweep_params *params,
                       const struct model *model)
{
    uint32_t cells = 0;
    uint64_t runs = 0, trials = 1;
    enum status st = make(out, arena, params, 1);
    if (!st)
        st = count(out, model, arena, &cells, &runs);
    if (st)
        return st;
    if (runs > params->trials) {
        log_error("sweep: found %" PRIu32 " cells of op, point and bit, which take %" PRIu64
                  " runs with one trial each, expected at most %" PRIu64
                  ": fewer sites or bits, or more trials",
                  cells, runs, params->trials);
        return STATUS_INPUT;
    }
    /* as many per cell as fit, controls included */
    for (trials = params->trials / cells; trials > 1; trials--) {
        st = make(out, arena, params, trials);
        if (!st)
            st = count(out, model, arena, &cells, &runs);
        if (st || runs <= params->trials)
            return st;
    }
    return make(out, arena, params, 1);
}
