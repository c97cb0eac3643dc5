/* SPDX-License-Identifier: MIT */
/* Reads a plan: the file, the fields of its top level, then its parts, checks and identity. */
#include "inject/plan/plan.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "inject/plan/plan_read.h"

static const char *const KNOWN[] = {"$schema",      "title",      "notes",
                                    "model",        "mode",       "act",
                                    "kv",           "decoding",   "prompts",
                                    "task",         "population", "item_weight",
                                    "point_weight", "design",     "where",
                                    "groups",       "what",       "when",
                                    "strata",       "sampling",   "faults_per_trial",
                                    "stop",         "controls",   "nan_policy",
                                    "score_eps",    "record",     "retry",
                                    "lanes",        "tiles",      "chunk",
                                    "seed",         "budgets",    "hypotheses",
                                    "confirm"};

static const struct json_range SHARE_OF_SCORE = {.min = 0, .max = 1e6};

/* A text that must be there. */
static enum status need_text(const struct plan_reader *r, const struct json *root, const char *key,
                             const char *example, const char **out)
{
    const char *text = NULL;
    enum status st = json_fields_text(r->doc, root, key, &text);
    if (!st && (!text || !text[0])) {
        const struct json *value = json_get(root, key);
        log_error("%s: '%s' is missing or empty; expected %s",
                  json_where(r->doc, value ? value : root), key, example);
        return STATUS_INPUT;
    }
    if (!st) {
        *out = arena_text(r->arena, text, strlen(text));
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    return st;
}

static enum status optional_text(const struct plan_reader *r, const struct json *root,
                                 const char *key, const char **out)
{
    const char *text = "";
    enum status st = json_fields_text(r->doc, root, key, &text);
    if (!st) {
        *out = arena_text(r->arena, text, strlen(text));
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    return st;
}

static enum status read_model(const struct plan_reader *r, const struct json *root)
{
    static const char *const modes[] = {"exact"};
    struct plan *plan = r->plan;
    const char *schema;
    uint32_t mode = 0, act = STORAGE_F32, kv = STORAGE_F32;
    if (json_get(root, "task")) {
        log_error("%s: tasks are not supported yet; expected 'prompts'",
                  json_where(r->doc, json_get(root, "task")));
        return STATUS_INPUT;
    }
    enum status st = optional_text(r, root, "$schema", &schema);
    if (!st)
        st = optional_text(r, root, "title", &plan->title);
    if (!st)
        st = optional_text(r, root, "notes", &plan->notes);
    if (!st)
        st = need_text(r, root, "model",
                       "a name such as \"smollm2-135m\" or the path of a GGUF "
                       "file",
                       &plan->model);
    if (!st)
        st = json_fields_word(r->doc, root, "mode", WORDS(modes), &mode);
    if (!st)
        st = json_fields_word(r->doc, root, "act", plan_words(KINDS_STORAGE), &act);
    if (!st)
        st = json_fields_word(r->doc, root, "kv", plan_words(KINDS_STORAGE), &kv);
    plan->act = (enum storage)act;
    plan->kv = (enum storage)kv;
    return st;
}

static enum status read_decoding(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"n", "stop"};
    static const struct json_span tokens = {1, 1000000};
    const struct json *decoding = json_get(root, "decoding");
    uint32_t stop = 0;
    r->plan->n = 32;
    if (!decoding)
        return STATUS_OK;
    enum status st =
        json_fields_object(r->doc, decoding, "an object with 'n' and 'stop'", WORDS(known));
    if (!st)
        st = json_fields_u32(r->doc, decoding, "n", tokens, &r->plan->n);
    if (!st)
        st = json_fields_word(r->doc, decoding, "stop", plan_words(KINDS_END), &stop);
    r->plan->ignore_end = stop == 1;
    return st;
}

static enum status read_population(const struct plan_reader *r, const struct json *root)
{
    struct plan *plan = r->plan;
    uint32_t population = 0, weight = 0, share = 0, design = 0;
    if (!json_get(root, "population")) {
        log_error("%s: 'population' is missing; expected ops, bits, equal or census: there is no "
                  "rate without one",
                  json_where(r->doc, root));
        return STATUS_INPUT;
    }
    enum status st =
        json_fields_word(r->doc, root, "population", plan_words(KINDS_POPULATION), &population);
    if (!st)
        st = json_fields_word(r->doc, root, "item_weight", plan_words(KINDS_ITEM_WEIGHT), &weight);
    if (!st)
        st = json_fields_word(r->doc, root, "point_weight", plan_words(KINDS_POINT_WEIGHT), &share);
    if (!st)
        st = json_fields_word(r->doc, root, "design", plan_words(KINDS_DESIGN), &design);
    plan->population = (enum plan_population)population;
    plan->item_weight = (enum plan_item_weight)weight;
    plan->point_weight = (enum plan_point_weight)share;
    plan->design = (enum plan_design)design;
    return st;
}

static enum status read_trial_settings(const struct plan_reader *r, const struct json *root)
{
    static const struct json_span retries = {0, 100}, lanes = {1, 4096}, tiles = {1, 65536},
                                  chunk = {1, 1000000};
    struct plan *plan = r->plan;
    uint32_t policy = PLAN_NAN_SKIP, record = PLAN_RECORD_OUTCOME;
    int64_t seed = 1;
    enum status st =
        json_fields_word(r->doc, root, "nan_policy", plan_words(KINDS_NAN_POLICY), &policy);
    if (!st)
        st = json_fields_number(r->doc, root, "score_eps", SHARE_OF_SCORE, &plan->score_eps);
    if (!st)
        st = json_fields_word(r->doc, root, "record", plan_words(KINDS_RECORD), &record);
    if (!st)
        st = json_fields_u32(r->doc, root, "retry", retries, &plan->retry);
    if (!st)
        st = json_fields_u32(r->doc, root, "lanes", lanes, &plan->lanes);
    if (!st)
        st = json_fields_u32(r->doc, root, "tiles", tiles, &plan->tiles);
    if (!st)
        st = json_fields_u32(r->doc, root, "chunk", chunk, &plan->chunk);
    if (!st)
        st = json_fields_integer(r->doc, root, "seed", (struct json_span){0, INT64_MAX}, &seed);
    plan->nan_policy = (enum plan_nan)policy;
    plan->record = (enum plan_record)record;
    plan->seed = (uint64_t)seed;
    return st;
}

static enum status read_budgets(const struct plan_reader *r, const struct json *root)
{
    static const char *const known[] = {"checkpoint_mib", "work_factor"};
    static const struct json_span mib = {0, 1048576};
    static const struct json_range factor = {.min = 1, .max = 1e6};
    const struct json *budgets = json_get(root, "budgets");
    int64_t checkpoint = 256;
    if (budgets) {
        enum status st = json_fields_object(
            r->doc, budgets, "an object with 'checkpoint_mib' and 'work_factor'", WORDS(known));
        if (!st)
            st = json_fields_integer(r->doc, budgets, "checkpoint_mib", mib, &checkpoint);
        if (!st)
            st = json_fields_number(r->doc, budgets, "work_factor", factor, &r->plan->work_factor);
        if (st)
            return st;
    }
    r->plan->checkpoint_bytes = (uint64_t)checkpoint << 20;
    return STATUS_OK;
}

enum status plan_parse(struct plan *out, struct arena *arena, const struct json_doc *doc,
                       const char *folder)
{
    const struct plan_reader r = {.doc = doc, .arena = arena, .folder = folder, .plan = out};
    const struct json *root = json_root(doc);
    *out = (struct plan){.confidence = 0.95,
                         .expected_rate = 0.5,
                         .design_effect = 1,
                         .control_dry = 0.01,
                         .control_sentinel = 0.01,
                         .control_naive = 0.01,
                         .control_cpu = 0.01,
                         .retry = 2,
                         .lanes = 8,
                         .tiles = 32,
                         .chunk = 512,
                         .work_factor = 4,
                         .gate = {.confidence = 0.95}};
    enum status st = json_fields_object(doc, root,
                                        "a plan, an object with 'model', 'prompts', "
                                        "'population' and 'sampling'",
                                        WORDS(KNOWN));
    if (!st)
        st = read_model(&r, root);
    if (!st)
        st = read_decoding(&r, root);
    if (!st)
        st = plan_prompts_read(&r, root);
    if (!st)
        st = read_population(&r, root);
    if (!st)
        st = plan_groups_read(&r, root);
    if (!st)
        st = plan_where_read(&r, root);
    if (!st)
        st = plan_what_read(&r, root);
    if (!st)
        st = plan_when_read(&r, root);
    if (!st)
        st = read_trial_settings(&r, root);
    if (!st)
        st = read_budgets(&r, root);
    if (!st)
        st = plan_sampling_read(&r, root);
    if (!st)
        st = plan_confirm_read(&r, root);
    if (!st)
        st = plan_check(&r, root);
    if (!st)
        st = plan_normal(&r);
    if (!st)
        st = plan_inline(out, arena, root);
    return st ? st : plan_canon(out, arena);
}

enum status plan_read(struct plan *out, struct arena *arena, const struct plan_source *source)
{
    struct json_doc *doc = NULL;
    enum status st = json_parse(&doc, source->text, source->size, source->name);
    if (!st)
        st = plan_parse(out, arena, doc, source->folder);
    json_destroy(&doc);
    if (st)
        return st;
    out->source =
        (struct plan_source){.text = arena_text(arena, source->text, source->size),
                             .size = source->size,
                             .name = arena_text(arena, source->name, strlen(source->name)),
                             .folder = ""};
    return out->source.text && out->source.name ? STATUS_OK : STATUS_MEMORY;
}

enum status plan_load(struct plan *out, struct arena *arena, const char *path)
{
    struct plan_source source = {.name = path, .folder = ""};
    char *text = NULL, *folder = NULL;
    const char *slash = strrchr(path, '/');
    enum status st = file_read(arena, path, &text, &source.size);
    if (st)
        return st;
    source.text = text;
    if (slash) {
        folder = arena_text(arena, path, slash == path ? 1 : (size_t)(slash - path));
        if (!folder)
            return STATUS_MEMORY;
        source.folder = folder;
    }
    return plan_read(out, arena, &source);
}
