/* SPDX-License-Identifier: MIT */
/* Draws every trial from (seed, id), so that two fixtures differ only on purpose. */
#include "report_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "inject/plan/plan.h"
#include "inject/store/store.h"
#include "inject/store/store_doubt.h"
#include "report_fixture_corpus.h"

enum { SIGN, EXPONENT, MANTISSA, FIELDS };
static const char *const CLASS_TEXT[FIELDS] = {"sign", "exponent", "mantissa"};
static const char *const HEAD_TEXT[FIELDS] = {"0", "1", "2"};
static const char NAMED_STRATA[] = ", \"site\", \"duration\", \"readers\"";
static const double FIELD_RATE[FIELDS] = {0.06, 0.3, 0.012};
static const double FIELD_SHARE[FIELDS] = {1 / 32., 8 / 32., 23 / 32.};
static const char *const SITES[] = {"attn_q", "attn_output", "ffn_gate", "ffn_down"};
static const char *const OPS[] = {"linear", "linear", "linear", "linear"};
/* Sites and points of a sweep. */
enum { SWEEP_OPS = 3, SWEEP_POINTS = 2 };
static const char *const SWEEP_OP[SWEEP_OPS] = {"norm", "linear", "softmax"};
static const char *const SWEEP_SITE[SWEEP_OPS] = {"attn_norm", "attn_q", "attn_probs"};
static const char *const SWEEP_POINT[SWEEP_POINTS] = {"out", "operand"}; /* not in their order */
static const char *const STAGES[] = {"prefill", "first", "decode"};

#define BATCH 1024
#define FAULTS 5 /* of a trial, at most */
#define TOKENS 24
#define NO_MODEL "000000000000000000000000000000000000000000000000000000000000abcd"

struct report_fixture report_fixture_default(const char *path)
{
    return (struct report_fixture){.path = path,
                                   .seed = 7,
                                   .items = 10,
                                   .layers = 6,
                                   .per_stratum = 60,
                                   .scale = 1,
                                   .summary = true};
}

double report_fixture_rate(const struct report_fixture *fixture, uint32_t layer, uint32_t field,
                           uint32_t item)
{
    const double along = fixture->layers > 1 ? (double)layer / (fixture->layers - 1) : 0;
    const double of_item = 0.6 + 0.8 * (item % 5) / 4;
    return fmin(fixture->scale * FIELD_RATE[field] * (1.4 - 0.9 * along) * of_item, 0.95);
}

/* Sentences of golden, one an item. */
static const char *golden_text(struct arena *arena, const struct report_fixture *fixture,
                               uint32_t item)
{
    return arena_printf(
        arena,
        "She sold %u clips in April and half as many, %u, in May <so> that makes %u "
        "in all & the answer is %u%s.",
        2 * item + 40, item + 20, 3 * item + 60, 3 * item + 60,
        fixture->other_device && item == 1 ? " indeed" : "");
}

double report_fixture_none(uint32_t stratum)
{
    return 0.5 + 0.03 * (stratum % 10);
}

static uint32_t struck_layers(const struct report_fixture *f)
{
    return f->keep ? f->keep : f->layers;
}

static uint32_t strata_of(const struct report_fixture *f)
{
    return f->sweep ? SWEEP_OPS * SWEEP_POINTS * 32 : struck_layers(f) * FIELDS;
}

/* The second dimension of the strata, and its values: those of contrasts. */
static const char *dimension_of(const struct report_fixture *f)
{
    return f->heads ? "head" : "bit_field";
}

static const char *hypotheses(struct arena *arena, const struct report_fixture *f)
{
    const char *dimension = dimension_of(f);
    const char *const value[] = {f->heads ? "1" : "exponent", f->heads ? "2" : "mantissa",
                                 f->heads ? "0" : "sign"};
    if (f->confirm || f->sweep)
        return "[]";
    return arena_printf(
        arena,
        "[\n"
        "    {\"name\": \"exponents matter\", \"contrast\": \"%s: %s > %s\"},\n"
        "    {\"name\": \"early layers matter\", \"contrast\": \"trend layer falls\"},\n"
        "    {\"name\": \"signs as mantissas\", \"contrast\": \"%s: %s ~ %s\", \"margin\": 0.02},\n"
        "    {\"name\": \"detection falls\", \"contrast\": \"trend layer falls\", \"of\": "
        "\"due\"}\n"
        "  ]",
        dimension, value[0], value[1], dimension, value[2], value[1]);
}

/* Optional fields of the plan, each followed by a comma. */
static const char *further(struct arena *arena, const struct report_fixture *f)
{
    const char *stop = f->stop ? arena_printf(arena, "  \"stop\": %s,\n", f->stop) : "";
    const char *confirm = f->confirm ? arena_printf(arena, "  \"confirm\": %s,\n", f->confirm) : "";
    const char *faults =
        f->ber > 0 ? arena_printf(arena, "  \"faults_per_trial\": {\"ber\": %g},\n", f->ber) : "";
    return stop && confirm && faults ? arena_printf(arena, "%s%s%s", stop, confirm, faults) : NULL;
}

static char *plan_text(struct arena *arena, const struct report_fixture *f)
{
    char *prompts = arena_printf(arena, "\"Item 0: how many clips?\"");
    const char *sentences = f->corpus ? report_fixture_corpus_plan(arena, f->items) : NULL;
    for (uint32_t i = 1; i < f->items && prompts; i++)
        prompts = arena_printf(arena, "%s, \"Item %u: how many clips?\"", prompts, i);
    const bool equal = f->equal || f->sweep;
    const char *strata = f->sweep ? "\"op\", \"point\", \"bit\""
                                  : arena_printf(arena, "\"layer\", \"%s\"%s", dimension_of(f),
                                                 f->named ? NAMED_STRATA : "");
    const char *more = further(arena, f), *asked = hypotheses(arena, f);
    const char *waves = f->wave ? arena_printf(arena, ", \"waves\": [%u]", f->wave) : "";
    if (!prompts || !strata || !more || !asked || !waves || (f->corpus && !sentences))
        return NULL;
    const char *items =
        f->corpus ? sentences : arena_printf(arena, "  \"prompts\": {\"texts\": [%s]},\n", prompts);
    return arena_printf(
        arena,
        "{\n  \"title\": \"%s of a synthetic model\",\n  \"notes\": \"Made for "
        "tests: rates are known.\",\n  \"model\": \"smollm2-135m\",\n  \"decoding\": {\"n\": %d},\n"
        "%s  \"population\": \"%s\",\n  \"design\": \"%s\",\n"
        "  \"strata\": [%s],\n  \"sampling\": {\"trials\": %u%s},\n"
        "  \"record\": \"%s\",\n%s  \"seed\": %llu,\n  \"hypotheses\": %s\n}\n",
        f->sweep   ? "Ops, points and bits"
        : f->heads ? "Layers and heads"
                   : "Layers and bit fields",
        TOKENS, items ? items : "", equal ? "equal" : "ops", f->crossed ? "crossed" : "nested",
        strata, f->per_stratum * (equal ? 1 : strata_of(f)) - f->wave, waves,
        f->summary ? "summary" : "outcome", more, (unsigned long long)f->seed, asked);
}

static uint64_t trials_of(const struct report_fixture *f)
{
    return (uint64_t)strata_of(f) * f->per_stratum * (f->crossed ? f->items : 1);
}

/* The fault of a trial. */
struct drawn {
    uint32_t stratum, layer, field, item, bit, site, stage;
    uint32_t op, point; /* of a sweep */
    uint64_t fault;
};

static struct drawn place_of(const struct report_fixture *f, uint64_t id)
{
    struct drawn p;
    struct rng rng;
    const uint64_t strata = strata_of(f), stratum = id % strata;
    uint64_t rest = id / strata;
    p.stratum = (uint32_t)stratum;
    p.item = (uint32_t)(rest % f->items);
    p.fault = f->crossed ? rest / f->items * strata + stratum : id;
    rng_init(&rng, f->seed, p.fault);
    p.bit = (uint32_t)stratum % 32;
    p.op = (uint32_t)stratum / 32 / SWEEP_POINTS % SWEEP_OPS;
    p.point = (uint32_t)stratum / 32 % SWEEP_POINTS;
    p.layer =
        f->sweep ? (uint32_t)rng_below(&rng, f->layers) : f->first + (uint32_t)(stratum / FIELDS);
    p.field = !f->sweep     ? (uint32_t)(stratum % FIELDS)
              : p.bit == 31 ? SIGN
              : p.bit >= 23 ? EXPONENT
                            : MANTISSA;
    if (!f->sweep)
        p.bit = p.field == SIGN       ? 31
                : p.field == EXPONENT ? 23 + (uint32_t)rng_below(&rng, 8)
                                      : (uint32_t)rng_below(&rng, 23);
    p.site = (uint32_t)rng_below(&rng, 4);
    p.stage = (uint32_t)rng_below(&rng, 3);
    return p;
}

static void fill_where(struct trial_row *row, struct arena *arena, const struct report_fixture *f,
                       const struct drawn *p)
{
    struct rng rng;
    rng_init(&rng, p->fault, 99);
    row->place = "op";
    row->site =
        arena_printf(arena, "blk.%u.%s", p->layer, f->sweep ? SWEEP_SITE[p->op] : SITES[p->site]);
    row->layer = p->layer;
    row->op = f->sweep ? SWEEP_OP[p->op] : OPS[p->site];
    row->point = f->sweep ? SWEEP_POINT[p->point] : "out";
    row->granularity = "element";
    row->kind = p->fault % 10 == 0 ? "stuck_at_1" : "flip";
    row->duration = p->fault % 4 == 0 ? "intermittent" : "transient";
    row->stage = STAGES[p->stage];
    row->step = p->stage == 0   ? TRIAL_ROW_NULL
                : p->stage == 1 ? 0
                                : 1 + (int64_t)rng_below(&rng, 20);
    row->position = p->stage == 0 ? 2 : 5 + row->step;
    row->positions = row->rows = 1;
    row->n_faults = f->ber > 0 ? 1 + (int64_t)(p->fault % FAULTS) : 1;
    row->row =
        (int64_t)rng_below(&rng, 576) + (int64_t)(p->fault / 4) * 576; /* never the same twice */
    row->bit = p->bit;
    row->mask = INT64_C(1) << p->bit;
    row->bit_field = CLASS_TEXT[p->field];
    row->dir = rng_below(&rng, 2) ? "0>1" : "1>0";
    row->before_value = rng_unit(&rng) - 0.5;
    row->rel_change = p->field == SIGN       ? 2
                      : p->field == EXPONENT ? exp2(exp2(p->bit - 23 > 4 ? 4 : p->bit - 23)) - 1
                                             : exp2((double)p->bit - 23);
    if (p->bit == 30)
        row->rel_change = INFINITY;
    row->after_value = row->before_value * (1 + row->rel_change);
    row->before = 0x3f000000;
    row->after = row->before ^ row->mask;
    row->activations = row->expected_activations = 1;
}

static void fill_text(struct trial_row *row, struct arena *arena, const struct report_fixture *f,
                      const struct drawn *p, struct rng *rng)
{
    const int64_t from = row->step == TRIAL_ROW_NULL ? 0 : row->step;
    row->first_diff = from + (int64_t)rng_below(rng, (uint64_t)(TOKENS - from));
    row->faulty_len = rng_below(rng, 3) ? TOKENS : 12;
    row->flags = rng_below(rng, 4) ? NULL : "repetition+stopped_early";
    row->faulty_text =
        arena_printf(arena,
                     "She sold %u clips in April and half of them, %u, in \"May\" so the "
                     "answer is %u \xe2\x82\xac.",
                     2 * p->item + 40, p->item + 20, (unsigned)rng_below(rng, 1000));
    if (f->summary) {
        row->logp_sum = -8 * rng_unit(rng);
        row->kl = rng_unit(rng);
    }
}

static bool is_right(uint32_t item)
{
    return item % 3 != 0;
}

const struct report_fixture_task *report_fixture_task(const struct report_fixture *f, uint32_t item)
{
    static const struct report_fixture_task tasks[] = {
        {"pick", "reasoning", 0.25}, {"say", "mathematical", 0}, {"pose", "mathematical", 0}};
    return &tasks[6 * (uint64_t)item < 5 * (uint64_t)f->items ? 0 : 1 + item % 2];
}

static void fill_score(struct trial_row *row, const struct drawn *p, struct rng *rng)
{
    const bool right = is_right(p->item), sdc = row->first_diff != TRIAL_ROW_NULL;
    row->score_golden = right;
    row->answer_golden = right ? "right" : "wrong";
    if (strcmp(row->outcome, "due") == 0)
        return;
    const bool turned = sdc && rng_unit(rng) < (right ? 0.6 : 0.2);
    row->score_faulty = turned ? !right : right;
    row->answer_faulty = row->score_faulty > 0 ? "right" : "wrong";
    if (sdc)
        row->outcome = !turned ? "sdc_benign" : right ? "sdc_critical" : "sdc_improved";
}

static void fill_outcome(struct trial_row *row, struct arena *arena, const struct report_fixture *f,
                         const struct drawn *p)
{
    struct rng rng;
    rng_init(&rng, f->seed + 1000, (uint64_t)row->trial);
    const double u = rng_unit(&rng);
    const double sdc = report_fixture_rate(f, p->layer, p->field, p->item);
    const double due = p->field == EXPONENT ? 0.02 : 0.002;
    const bool inert = strcmp(row->kind, "stuck_at_1") == 0 && rng_below(&rng, 2);
    row->golden_len = row->faulty_len = TOKENS;
    row->outcome = inert           ? "inert"
                   : u < sdc       ? "sdc_unscored"
                   : u < sdc + due ? "due"
                   : u < 0.5       ? "masked_tokens"
                                   : "masked_bitexact";
    if (f->disagree && row->trial % f->disagree == 1 && !inert)
        row->outcome = u < sdc ? "masked_tokens" : "sdc_unscored";
    if (inert) {
        row->after = row->before;
        row->rel_change = 0;
        row->dir = NULL;
    }
    if (strcmp(row->outcome, "due") == 0)
        row->due_reason = "nan_trap";
    if (strcmp(row->outcome, "sdc_unscored") == 0)
        fill_text(row, arena, f, p, &rng);
    if (f->corpus)
        report_fixture_corpus_row(row, arena);
    else if (f->scored)
        fill_score(row, p, &rng);
    row->hash = "0123456789abcdef";
}

/* Distance falls by 20 % a layer; bit-exact ones heal at once. */
static void fill_summary(struct trial_row *row, struct arena *arena, const struct report_fixture *f)
{
    struct rng rng;
    rng_init(&rng, f->seed + 2000, (uint64_t)row->trial);
    const bool healed = strcmp(row->outcome, "masked_bitexact") == 0;
    double value = exp2(-12 * rng_unit(&rng)), margin = 6 * rng_unit(&rng) * rng_unit(&rng);
    char *text = arena_printf(arena, "[");
    for (uint32_t l = 0; l <= f->layers && text; l++) {
        const double own = l <= row->layer ? 0 : healed && l > row->layer + 1 ? 0 : value;
        text = arena_printf(arena, "%s%s[%.9g,%.9g,%d]", text, l ? "," : "", own, own, own > 0);
        value *= 0.8;
    }
    row->deviation = text ? arena_printf(arena, "%s]", text) : NULL;
    row->margin_at_fault = margin;
    row->margin_min_after = margin / 2;
}

static double weight_of(const struct report_fixture *f, uint32_t field)
{
    return f->equal || f->sweep ? NAN : FIELD_SHARE[field] / struck_layers(f);
}

static void fill_row(struct trial_row *row, struct arena *arena, const struct report_fixture *f,
                     uint64_t id)
{
    const uint64_t trials = trials_of(f);
    const char *const roles[] = {NULL, "dry", "sentinel", "naive", "cpu"};
    const struct drawn p = place_of(f, id % trials);
    trial_row_init(row);
    row->trial = (int64_t)id;
    row->arm = "none";
    row->control = roles[id < trials ? 0 : 1 + (id - trials) % 4];
    row->item = p.item;
    row->stratum = p.stratum;
    row->weight = weight_of(f, p.field);
    row->draw_prob = 1e-6;
    fill_where(row, arena, f, &p);
    fill_outcome(row, arena, f, &p);
    if (f->summary)
        fill_summary(row, arena, f);
    row->path = "fast";
    row->attempts = 1;
    row->device_id = 0;
    row->seconds = 0.05;
}

static enum status put_range(struct store *store, const struct report_fixture *f, uint64_t id,
                             uint64_t end)
{
    static struct trial_row row[BATCH];
    static struct store_fault further[BATCH * FAULTS];
    enum status st = STATUS_OK;
    while (!st && id < end) {
        struct arena arena = {0};
        struct store_batch batch = {.rows = row, .faults = further};
        while (id < end && batch.n_rows < BATCH) {
            const struct trial_row *own = &row[batch.n_rows];
            fill_row(&row[batch.n_rows++], &arena, f, id++);
            for (uint32_t i = 1; i < (uint32_t)own->n_faults; i++)
                further[batch.n_faults++] = (struct store_fault){(uint64_t)own->trial, i, "{}"};
        }
        st = store_put(store, &batch);
        arena_finish(&arena);
    }
    return st;
}

/* In order of id; for suspect rows the controls come before the second half of the trials. */
static enum status put_rows(struct store *store, const struct report_fixture *f, uint64_t ids)
{
    const uint64_t trials = trials_of(f);
    if (!f->suspect)
        return put_range(store, f, 0, ids - (uint64_t)(f->missing * (double)ids));
    enum status st = put_range(store, f, 0, trials / 2);
    st = st ? st : put_range(store, f, trials, ids);
    return st ? st : put_range(store, f, trials / 2, trials);
}

static const char *label_of(struct arena *arena, const struct report_fixture *f,
                            const struct drawn *p)
{
    if (f->sweep)
        return arena_printf(arena, "op=%s point=%s bit=%u", SWEEP_OP[p->op], SWEEP_POINT[p->point],
                            p->bit);
    const char *value = f->heads ? HEAD_TEXT[p->field] : CLASS_TEXT[p->field];
    if (f->named)
        return arena_printf(arena,
                            "layer=%u %s=%s site=blk.%u.post_attention_norm duration=intermittent "
                            "readers=column",
                            p->layer, dimension_of(f), value, p->layer);
    return arena_printf(arena, "layer=%u %s=%s", p->layer, dimension_of(f), value);
}

static enum status put_tables(struct store *store, struct arena *arena,
                              const struct report_fixture *f)
{
    struct store_stratum *stratum = arena_array(arena, strata_of(f), sizeof(*stratum));
    uint32_t device = 0;
    if (!stratum)
        return STATUS_MEMORY;
    enum status st =
        store_device(store,
                     &(struct store_device){f->other_device ? "another device" : "synthetic device",
                                            "0011-22", "driver", f->other_device ? "2" : "1",
                                            "passed", "ids 0-100", "avx2", 2},
                     &device);
    for (uint32_t h = 0; h < strata_of(f); h++) {
        const struct drawn p = place_of(f, h);
        stratum[h] = (struct store_stratum){.id = h,
                                            .label = label_of(arena, f, &p),
                                            .weight = weight_of(f, p.field),
                                            .size = 1e6,
                                            .planned = (uint64_t)f->per_stratum *
                                                       (f->crossed ? f->items : 1),
                                            .distinct_faults = f->ber == 0,
                                            .no_fault = f->ber > 0 ? report_fixture_none(h) : 0};
    }
    st = st ? st : store_put_strata(store, stratum, strata_of(f));
    for (uint32_t i = 0; !st && i < f->items; i++) {
        const struct report_fixture_task *task = report_fixture_task(f, i);
        struct store_item item = {.id = i,
                                  .sample = STORE_ONE_SAMPLE,
                                  .prompt = arena_printf(arena, "Item %u: how many clips?", i),
                                  .text = golden_text(arena, f, i),
                                  .prompt_group = "",
                                  .prompt_ids = "[7,8,9]",
                                  .tokens = "[1, 2]",
                                  .hash = f->other_device && i == 1 ? "00ff" : "ff00",
                                  .n_prompt = 6,
                                  .n_tokens = TOKENS,
                                  .weight = 1. / f->items,
                                  .underflow = i < f->underflow,
                                  .task = f->scored ? task->name : NULL,
                                  .area = f->scored ? task->area : NULL,
                                  .score = f->scored ? is_right(i) : NAN,
                                  .chance = !f->scored      ? NAN
                                            : f->chance > 0 ? f->chance
                                                            : task->chance};
        if (f->corpus)
            report_fixture_corpus_item(&item, arena);
        st = store_put_item(store, &item);
    }
    return st;
}

static enum status mark(struct store *store, const struct report_fixture *f)
{
    const struct store_incident incident = {3, 0, "device lost <once>"};
    enum status st = store_put_incident(store, &incident);
    struct store_mark half;
    bool found = false;
    uint64_t rows = 0;
    if (!st && f->suspect)
        st = store_doubt_find(store, trials_of(f) / 2, &half, &found);
    if (st || !found)
        return st;
    const struct store_doubt doubt = {STORE_EVERY_DEVICE, half.batch, TRIAL_ROW_NULL};
    const struct store_doubt_reason reason = {&doubt, 1, "a dry fault was not masked"};
    return store_doubt_mark(store, &reason, &rows);
}

enum status report_fixture_make(const struct report_fixture *f)
{
    struct arena arena = {0};
    struct plan plan;
    struct store *store = NULL;
    char *text = plan_text(&arena, f);
    const uint64_t ids = trials_of(f) + 4 * (trials_of(f) / 100 + 1);
    const char *waves = f->wave ? arena_printf(&arena, "%u@%llu", f->wave,
                                               (unsigned long long)(trials_of(f) - f->wave))
                                : NULL;
    enum status st =
        text ? plan_read(&plan, &arena, &(struct plan_source){text, strlen(text), "plan", "", NULL})
             : STATUS_MEMORY;
    st = st ? st
            : store_create(
                  &store, f->path,
                  &(struct store_identity){.plan_hash = plan.hash,
                                           .model_hash = f->model_hash ? f->model_hash : NO_MODEL,
                                           .shaders = "1111",
                                           .contract = "exact-1",
                                           .tool = "vkfi 0.1.0",
                                           .model = f->model,
                                           .plan = text,
                                           .waves = waves,
                                           .trials = ids,
                                           .shard = 0,
                                           .shards = 1});
    st = st ? st : put_tables(store, &arena, f);
    st = st ? st : put_rows(store, f, ids);
    st = st ? st : mark(store, f);
    store_destroy(&store);
    arena_finish(&arena);
    return st;
}
