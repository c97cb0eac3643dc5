/* SPDX-License-Identifier: MIT */
/* The question from the plan, the work from the trials. */
#include "inject/report/report_methods.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"

/* "llama, file type Q4_1, 92.2 MiB, tensors Q4_1 (211), F32 (61); " as in the database. */
static void put_about(struct text *out, const struct store_identity *identity)
{
    struct json_doc *doc = NULL;
    const char *text = identity->model ? identity->model : "";
    if (!*text)
        return; /* nothing is known */
    const enum status st = json_parse(&doc, text, strlen(text), "table campaign, model");
    out->st = out->st ? out->st : st;
    if (st)
        return;
    const struct json *root = json_root(doc), *tensors = json_get(root, "tensors");
    const struct json *arch = json_get(root, "architecture"), *type = json_get(root, "file_type");
    const struct json *bytes = json_get(root, "bytes");
    if (arch && json_type(arch) == JSON_TEXT)
        text_addf(out, "%s, ", json_text(arch));
    if (type && json_type(type) == JSON_TEXT)
        text_addf(out, "file type %s, ", json_text(type));
    if (bytes && json_type(bytes) == JSON_NUMBER)
        text_addf(out, "%.4g MiB, ", json_number(bytes) / 1048576);
    for (size_t i = 0; i < json_count(tensors); i++)
        text_addf(out, "%s%s (%.0f)", i ? ", " : "tensors ", json_key(json_at(tensors, i)),
                  json_number(json_at(tensors, i)));
    text_put(out, "; ");
    json_destroy(&doc);
}

/* A model by its name or its file's; the reader can check the hash. */
static void put_model(struct text *out, const struct report_context *context)
{
    const struct report_data *data = context->data;
    const struct plan *plan = data->plan;
    const char *name = strrchr(plan->model, '/');
    text_addf(out, "The model is %s (", name ? name + 1 : plan->model);
    if (context->model_about && *context->model_about)
        text_addf(out, "%s; ", context->model_about);
    put_about(out, data->identity);
    text_addf(out,
              "SHA-256 %.12s), run by %s under arithmetic contract %s, with activations "
              "stored as %s and keys and values as %s. ",
              data->identity->model_hash, data->identity->tool, data->identity->contract,
              storage_name(plan->act), storage_name(plan->kv));
}

static bool is_first_of_group(const struct plan *plan, uint32_t item)
{
    for (uint32_t i = 0; i < item; i++) {
        if (strcmp(plan->item[i].group, plan->item[item].group) == 0)
            return false;
    }
    return true;
}

static uint32_t items_of_group(const struct plan *plan, const char *group)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->n_items; i++)
        count += plan->item[i].sample == 0 && strcmp(plan->item[i].group, group) == 0;
    return count;
}

/* "arc_challenge (reasoning, 12 items, acc)" */
static void put_task(struct text *out, const struct plan *plan, const struct plan_item *item)
{
    const struct plan_question *q = item->question;
    text_addf(out, "%s (%s, %" PRIu32 " items, %s", q->task, task_area_name(q->area),
              items_of_group(plan, item->group), task_metric_name(q->metric));
    if (q->rule && q->rule[0])
        text_addf(out, " by the rule %s", q->rule);
    text_put(out, ")");
}

/* "It answers 16 items of tasks: ...", and which of them are struck, and how. */
static void put_tasks(struct text *out, const struct plan *plan)
{
    static const char *const targets[] = {[PLAN_MC_CONTEXT] =
                                              "what the runs of all choices have in common",
                                          [PLAN_MC_ONE_CHOICE] = "the run of one choice, drawn",
                                          [PLAN_MC_ALL] = "the runs of all choices, anywhere"};
    bool choices = false, first = true, graded = false;
    uint32_t plain = 0;
    text_put(out, "It answers items of tasks: ");
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_question *q = plan->item[i].question;
        plain += !q;
        if (!q)
            continue;
        choices = choices || q->kind == TASK_CHOICES;
        graded = graded || q->metric == TASK_BLEU || q->metric == TASK_CHRF;
        if (!is_first_of_group(plan, i))
            continue;
        text_put(out, first ? "" : ", ");
        put_task(out, plan, &plan->item[i]);
        first = false;
    }
    text_addf(out, "; of the split %s, %s. ", kinds_text(KINDS_SPLIT, plan->split),
              plan->filter == PLAN_FILTER_GOLDEN_RIGHT
                  ? "of which only those are struck that the golden run answers right "
                    "(filter golden_right)"
                  : "right and wrong (filter all)");
    if (plan->samples > 1)
        text_addf(out,
                  "Each of them is answered %" PRIu32 " times, and each answer is a golden run of "
                  "its own, struck %s. ",
                  plan->samples,
                  plan->design == PLAN_NESTED ? "by faults of its own"
                                              : "by the faults that strike the others");
    if (plain > 0)
        text_addf(out, "Beside them stand %" PRIu32 " prompts without a score. ", plain);
    if (choices)
        text_addf(out,
                  "The answer among choices is the one of the highest log-likelihood (acc_norm: "
                  "per character); faults strike %s "
                  "(mc_target %s). ",
                  targets[plan->mc_target], kinds_text(KINDS_MC_TARGET, plan->mc_target));
    if (graded)
        text_put(out, "A translation alone is scored by chrF, for metrics of a corpus say nothing "
                      "of one sentence. ");
}

/* "24 prompts in the model's chat template, in groups maths (12) and code (12)". */
static void put_prompts(struct text *out, const struct report_data *data)
{
    const struct plan *plan = data->plan;
    uint32_t chat = 0, ids = 0, groups = 0;
    if (plan_scores(plan)) {
        put_tasks(out, plan);
        return;
    }
    for (uint32_t i = 0; i < plan->n_items; i++) {
        chat += plan->item[i].chat;
        ids += plan->item[i].ids != NULL;
        groups += is_first_of_group(plan, i);
    }
    text_addf(out, "It answers %" PRIu32 " prompt%s", plan->n_items, plan->n_items == 1 ? "" : "s");
    if (ids == plan->n_items)
        text_put(out, " given as token ids");
    else if (chat == plan->n_items)
        text_put(out, " in its chat template");
    else if (chat > 0)
        text_addf(out, ", %" PRIu32 " of them in its chat template", chat);
    for (uint32_t i = 0; groups > 1 && i < plan->n_items; i++) {
        const uint32_t count = items_of_group(plan, plan->item[i].group);
        if (!is_first_of_group(plan, i))
            continue;
        text_addf(out, "%s%s (%" PRIu32 ")", i == 0 ? ", of groups " : ", ",
                  plan->item[i].group[0] ? plan->item[i].group : "without a name", count);
    }
    text_addf(out, "%s. ", data->scored ? ", whose answers are scored" : "");
}

/* Nothing where there are only choices. */
static void put_decoding(struct text *out, const struct plan *plan)
{
    uint32_t n = plan_scores(plan) ? 0 : plan->n;
    for (uint32_t i = 0; i < plan->n_items && plan_scores(plan); i++) {
        const struct plan_question *q = plan->item[i].question;
        if ((!q || q->kind != TASK_CHOICES) && plan->item[i].n > n)
            n = plan->item[i].n;
    }
    if (n == 0)
        return;
    text_addf(out, "Up to %" PRIu32 " tokens were generated ", n);
    if (plan->temperature > 0) {
        text_addf(out, "at temperature %g", plan->temperature);
        if (plan->top_k > 0)
            text_addf(out, " from the %" PRIu32 " most likely tokens", plan->top_k);
        text_addf(out, ", with the same draws in golden and faulty runs (seed %" PRIu64 ")",
                  plan->decoding_seed);
    } else {
        text_put(out, "greedily");
    }
    text_addf(out, "%s. ", plan->end == PLAN_END_LENGTH ? " without stop" : "");
}

/* Values of a table that occur in trials. */
struct seen {
    uint32_t kind, point, place, granularity, duration, stage;
    bool masks; /* some fault is a mask of bits */
};

static void put_list(struct text *out, const char *before, enum kinds_table table, uint32_t set)
{
    bool first = true;
    for (uint32_t v = 0; v < kinds_count(table) && v < 32; v++) {
        if (!(set >> v & 1))
            continue;
        text_addf(out, "%s%s", first ? before : ", ", kinds_text(table, v));
        first = false;
    }
}

static const char *bits_text(enum plan_bits bits)
{
    static const char *const names[] = {[PLAN_BITS_ANY] = "at any position",
                                        [PLAN_BITS_SIGN] = "of the sign",
                                        [PLAN_BITS_EXPONENT] = "of the exponent",
                                        [PLAN_BITS_MANTISSA] = "of the mantissa",
                                        [PLAN_BITS_LIST] = "at listed positions"};
    return names[bits];
}

static void put_pattern(struct text *out, const struct plan_what *what)
{
    if (what->pattern == PLAN_PATTERN_SINGLE)
        text_addf(out, ", single bits %s", bits_text(what->bits));
    else
        text_addf(out, ", %s of %" PRIu32 " bits",
                  what->pattern == PLAN_PATTERN_BURST ? "bursts" : "random patterns",
                  what->pattern_bits);
}

static void put_globs(struct text *out, const char *before, const struct plan_globs *globs)
{
    for (uint32_t i = 0; i < globs->count; i++)
        text_addf(out, "%s%s", i == 0 ? before : ", ", globs->glob[i]);
}

/* Nothing if stored faults stay to the end. */
static void put_scrub(struct text *out, const struct plan_choices *scrub)
{
    for (uint32_t i = 0; i < scrub->count; i++) {
        const uint32_t positions = scrub->choice[i].value;
        if (scrub->count == 1 && positions == 0)
            return;
        text_put(out, i == 0 ? ", scrubbed " : ", ");
        if (positions == 0)
            text_put(out, "never");
        else
            text_addf(out, "after %" PRIu32 " position%s", positions, positions > 1 ? "s" : "");
    }
}

static void put_sites(struct text *out, const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->where.n_sites; i++)
        text_addf(out, "%s%s", i == 0 ? ", at sites " : ", ", plan->where.site[i].glob);
    put_globs(out, plan->where.n_sites > 0 ? " but not " : ", at all sites but ",
              &plan->where.exclude);
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        text_addf(out, "%s%s", g == 0 ? "; groups of sites: " : "; ", plan->group[g].name);
        put_globs(out, " ", &plan->group[g].sites);
    }
}

static void put_faults(struct text *out, const struct report_data *data)
{
    struct seen seen = {0};
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        seen.kind |= UINT32_C(1) << t->kind;
        seen.point |= UINT32_C(1) << t->point;
        seen.place |= UINT32_C(1) << t->place;
        seen.granularity |= UINT32_C(1) << t->granularity;
        seen.duration |= UINT32_C(1) << t->duration;
        seen.stage |= UINT32_C(1) << t->stage;
        seen.masks = seen.masks || t->bit >= 0;
    }
    if (data->n == 0)
        return;
    put_list(out, "Faults are of kind ", KINDS_KIND, seen.kind);
    if (seen.masks)
        put_pattern(out, &data->plan->what);
    put_list(out, ", at point ", KINDS_POINT, seen.point);
    put_list(out, " of place ", KINDS_PLACE, seen.place);
    put_list(out, ", granularity ", KINDS_GRANULARITY, seen.granularity);
    put_list(out, ", duration ", KINDS_DURATION, seen.duration);
    put_list(out, ", stage ", KINDS_STAGE, seen.stage);
    put_scrub(out, &data->plan->when.scrub);
    put_sites(out, data->plan);
    text_put(out, ". ");
}

void report_subject_put(struct text *out, const struct report_context *context)
{
    put_model(out, context);
    put_prompts(out, context->data);
    put_decoding(out, context->data->plan);
    put_faults(out, context->data);
}
