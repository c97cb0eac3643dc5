/* SPDX-License-Identifier: MIT */
/* The fields of a plan's top level, and the steps from a file to a plan: fields, checks,
 * identity. */
#include "inject/plan/plan.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "inject/plan/plan_confirm.h"
#include "inject/plan/plan_field.h"

/* Plans with equal shares keep the identity from before others existed. */
static enum status put_point_weight(struct json_writer *w, const struct plan *plan)
{
    if (plan_shares_sites(plan) && plan->point_weight == PLAN_POINTS_ELEMENTS)
        json_member_text(w, "point_weight", "elements");
    return STATUS_OK;
}

/* Greedy plans keep the identity from before others existed. */
static enum status put_sampling(struct json_writer *w, const struct plan *plan)
{
    if (plan->temperature > 0) {
        json_member_number(w, "temp", plan->temperature);
        json_member_int(w, "top_k", plan->top_k);
        json_member_int(w, "decoding_seed", (int64_t)plan->decoding_seed);
    }
    return STATUS_OK;
}

static const struct plan_field DECODING[] = {
    {"n", "", PLAN_FIELD_U32, .at = PLAN_AT(n), .span = {1, 1000000}, .fallback = "32",
     .examples = "[64]", .what = "Tokens to generate after each prompt, at most."},
    {"stop", "stop_at", PLAN_FIELD_WORD, KINDS_END, PLAN_AT(end), .fallback = "'end'",
     .examples = "['none']", .what = "end: at the model's end token; none: always n tokens."},
    {"temp", "", PLAN_FIELD_NUMBER, .at = PLAN_AT(temperature), .range = {.min = 0, .max = 100},
     .fallback = "0", .examples = "[0.8]",
     .what = "Sampling temperature; 0: the most likely token. Golden and faulty runs use the same "
             "uniform numbers, keyed by seed, item, sample and step."},
    {"top_k", "", PLAN_FIELD_U32, .at = PLAN_AT(top_k), .span = {0, 1000000}, .fallback = "0",
     .examples = "[40]", .what = "Sampling among so many most likely tokens; 0: all."},
    {"seed", "", PLAN_FIELD_U64, .at = PLAN_AT(decoding_seed), .span = {0, INT64_MAX},
     .fallback = "0", .examples = "[1]", .what = "Of the samples."},
    {NULL, NULL, PLAN_FIELD_OTHER, .put = put_sampling}};
static PLAN_FIELDS(fields_decoding, "an object with 'n', 'stop' and sampling", DECODING, true);

static const struct plan_field BUDGETS[] = {
    {"checkpoint_mib", "checkpoint_bytes", PLAN_FIELD_MIB, .at = PLAN_AT(checkpoint_bytes),
     .span = {0, 1048576}, .fallback = "256", .examples = "[1024]",
     .what = "MiB for golden states that trials fork from."},
    {"work_factor", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(work_factor),
     .range = {.min = 1, .max = 1e6}, .fallback = "4", .examples = "[2]",
     .what = "Logical work of a trial over golden's, above which it is ended as a runaway."}};
static PLAN_FIELDS(fields_budgets, "an object with 'checkpoint_mib' and 'work_factor'", BUDGETS,
                   true);

/* In the order of the canonical form. */
static const struct plan_field ROOT[] = {
    {"$schema", "", PLAN_FIELD_TEXT, .at = PLAN_AT(schema),
     .examples = "['https://json-schema.org/draft/2020-12/schema']",
     .what = "This schema, for editors; not read. Nothing by default."},
    {"title", "", PLAN_FIELD_TEXT, .at = PLAN_AT(title), .examples = "['Which bits matter?']",
     .what = "One line for reports, outside the plan's identity. None by default."},
    {"notes", "", PLAN_FIELD_TEXT, .at = PLAN_AT(notes),
     .examples = "['Exponent bits first: see the pilot.']",
     .what = "Why the plan is as it is, outside its identity. None by default."},

    {"model", NULL, PLAN_FIELD_TEXT, .at = PLAN_AT(model), .examples = "['smollm2-135m']",
     .need = "a name such as \"smollm2-135m\" or the path of a GGUF file",
     .what = "A name that `vkfi model list` knows, or the path of a GGUF file. Must be given."},
    {"mode", NULL, PLAN_FIELD_WORD, KINDS_MODE, PLAN_AT(mode), .fallback = "'exact'",
     .examples = "['exact']", .what = "exact: the same bits on every device."},
    {"act", NULL, PLAN_FIELD_WORD, KINDS_STORAGE, PLAN_AT(act), .fallback = "'f32'",
     .examples = "['f16']", .what = "Storage type of activations between ops."},
    {"kv", NULL, PLAN_FIELD_WORD, KINDS_STORAGE, PLAN_AT(kv), .fallback = "'f32'",
     .examples = "['f16']", .what = "Storage type of the KV cache."},
    {"decoding", NULL, PLAN_FIELD_GROUP, .members = &fields_decoding,
     .fallback = "{'n': 32, 'stop': 'end'}", .examples = "[{'n': 16, 'stop': 'none'}]",
     .what = "How answers are generated: how long, and where they end."},
    {"prompts", NULL, PLAN_FIELD_OTHER, .read = plan_prompts_read, .put = plan_prompts_put,
     .form = "{'oneOf': [{'$ref': '#/$defs/prompt_set'}, {'type': 'array', 'minItems': 1, 'items': "
             "{'$ref': '#/$defs/prompt_set'}}]}",
     .examples = "[{'texts': ['The capital of France is', 'Two plus two is']}, [{'texts': ['Name "
                 "three rivers.'], 'chat': true, 'group': 'short'}, {'ids': [[9, 8, 7]]}]]",
     .what = "Items without a score: texts, a file of lines, or token ids; one set, or a list of "
             "sets. prompts or items must be given."},
    {"items", NULL, PLAN_FIELD_OTHER, .read = plan_items_read, .put = plan_items_put,
     .form = "{'$ref': '#/$defs/task_items'}",
     .examples = "[{'list': [{'task': 'capitals', 'prompt': 'The capital of France is', 'target': "
                 "'Paris', 'rule': 'first_line'}]}]",
     .what = "Items of tasks (`vkfi task list`), whose answers are scored. None by default."},
    {"population", NULL, PLAN_FIELD_WORD, KINDS_POPULATION, PLAN_AT(population),
     .need = "ops, bits, equal or census: there is no rate without one",
     .examples = "['ops', 'bits']",
     .what = "What a rate is of. ops: evaluations, by MACs or elements written; bits: stored bits, "
             "by the MACs that run while they are there; equal: each stratum's faults alike, no "
             "total over strata; census: every fault once. Must be given."},
    {"item_weight", NULL, PLAN_FIELD_WORD, KINDS_ITEM_WEIGHT, PLAN_AT(item_weight),
     .fallback = "'equal'", .examples = "['exposure']",
     .what = "equal: each item counts the same; exposure: by what of the population it has (long "
             "items count more)."},
    {"point_weight", NULL, PLAN_FIELD_WORD, KINDS_POINT_WEIGHT, PLAN_AT(point_weight),
     .put = put_point_weight, .fallback = "'elements'", .examples = "['equal']",
     .what = "How the points and fields of a site share its weight, with population ops: by the "
             "elements that an evaluation reads, adds or writes there (a code counts one, a scale "
             "one for all elements that it scales), or equally."},
    {"design", NULL, PLAN_FIELD_WORD, KINDS_DESIGN, PLAN_AT(design), .fallback = "'nested'",
     .examples = "['crossed']",
     .what = "nested: each item has faults of its own; crossed: every fault strikes every item; "
             "fault_major: every fault lies in stored weights before each item's first position."},
    {"where", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_where, .fallback = "{}",
     .examples = "[{'sites': 'blk.*.ffn_down', 'point': 'out'}]",
     .what = "Which sites, points and elements are struck."},
    {"groups", NULL, PLAN_FIELD_OTHER, .read = plan_groups_read, .put = plan_groups_put,
     .form =
         "{'type': 'object', 'minProperties': 1, 'maxProperties': 64, 'propertyNames': {'pattern': "
         "'^(?!none$)[^ \\\\t\\\\n\\\\r:,&<>!~=*?\\\\[0-9][^ \\\\t\\\\n\\\\r:,&<>!~=*?\\\\[]*$'}, "
         "'additionalProperties': {'$ref': '#/$defs/globs'}}",
     .examples = "[{'mlp': ['*.ffn_*'], 'attention': ['*.attn_*']}]",
     .what = "Sites under names, by patterns, for strata by site_group: no site may be in two "
             "groups, sites in none have the value none. No groups by default."},
    {"what", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_what, .fallback = "{}",
     .examples = "[{'kind': 'flip', 'bits': 'exponent'}]", .what = "What happens to the bits."},
    {"when", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_when, .fallback = "{}",
     .examples = "[{'stage': 'decode'}]", .what = "At which positions, and for how long."},
    {"strata", NULL, PLAN_FIELD_OTHER, .read = plan_strata_read, .put = plan_strata_put,
     .form = "{'type': 'array', 'uniqueItems': true, 'items': {'$ref': '#/$defs/dimension'}}",
     .fallback = "[]", .examples = "[['layer', 'bit_field']]",
     .what = "Dimensions: faults that differ in one of them are in different strata, each with "
             "trials and a rate of its own."},
    {"sampling", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_sampling,
     .examples = "[{'trials': 2000}]",
     .what = "How many trials: exactly one of trials, half_width, relative_half_width and "
             "upper_bound. Must be given, but for a census."},
    {"faults_per_trial", NULL, PLAN_FIELD_OTHER, .read = plan_faults_read, .put = plan_faults_put,
     .form = "{'oneOf': [{'type': 'integer', 'minimum': 1, 'maximum': 1000}, {'type': 'object', "
             "'additionalProperties': false, 'properties': {'ber': {'type': 'number', "
             "'exclusiveMinimum': 0, 'exclusiveMaximum': 1, 'description': 'Chance of each stored "
             "bit to be struck. Must be given in this form.', 'examples': [1e-07]}}, 'required': "
             "['ber']}]}",
     .fallback = "1", .examples = "[2, {'ber': 1e-07}]",
     .what = "Faults of one trial, drawn from one stratum: a number, or ber, a bit error rate: the "
             "chance of each stored bit to be struck; their number is then binomial, given at "
             "least one (a mean of at most 4096 faults in memory, 500 where evaluations are "
             "struck)."},
    {"stop", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_stop, .fallback = "{'rule': 'fixed'}",
     .examples = "[{'rule': 'spending', 'looks': [0.25, 0.5, 1]}]",
     .what = "When a campaign may be looked at, and the question that ends it."},
    {"controls", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_controls,
     .fallback = "{'dry': 0.01, 'sentinel': 0.01, 'naive': 0.01, 'cpu': 0.01}",
     .examples = "[{'dry': 0.02}]",
     .what = "Shares of the trials that are run again as checks of the apparatus."},
    {"nan_policy", NULL, PLAN_FIELD_WORD, KINDS_NAN_POLICY, PLAN_AT(nan_policy),
     .fallback = "'skip'", .examples = "['trap']",
     .what = "skip: a NaN goes on through the run; trap: the first NaN ends it (due)."},
    {"score_eps", NULL, PLAN_FIELD_NUMBER, .at = PLAN_AT(score_eps),
     .range = {.min = 0, .max = 1e6}, .fallback = "0", .examples = "[0.1]",
     .what = "Fall of a score above which a changed text is critical (items with scores). 0 stands "
             "for 0.05 where translations are scored, by sentence chrF++ / 100."},
    {"record", NULL, PLAN_FIELD_WORD, KINDS_RECORD, PLAN_AT(record), .fallback = "'outcome'",
     .examples = "['full']",
     .what = "What a row has: outcome; summary: also log-probabilities and KL; full: also the "
             "deviation at each layer, healing, the origin of a NaN."},
    {"retry", NULL, PLAN_FIELD_U32, .at = PLAN_AT(retry), .span = {0, 100}, .fallback = "2",
     .examples = "[0]",
     .what = "Fresh workers that a trial gets after an abnormal end, before it counts as an "
             "incident."},
    {"lanes", NULL, PLAN_FIELD_U32, .at = PLAN_AT(lanes), .span = {1, 4096}, .fallback = "8",
     .examples = "[32]", .what = "L of granularity lane: elements with the same index mod L."},
    {"tiles", NULL, PLAN_FIELD_U32, .at = PLAN_AT(tiles), .span = {1, 65536}, .fallback = "32",
     .examples = "[16]",
     .what = "R of granularity and readers tile: neighbouring elements or rows."},
    {"chunk", NULL, PLAN_FIELD_U32, .at = PLAN_AT(chunk), .span = {1, 1000000}, .fallback = "512",
     .examples = "[64]", .what = "C of readers chunk: positions that share a weight as read."},
    {"seed", NULL, PLAN_FIELD_U64, .at = PLAN_AT(seed), .span = {0, INT64_MAX}, .fallback = "1",
     .examples = "[7]", .what = "Of all draws: another seed is another sample."},
    {"budgets", NULL, PLAN_FIELD_GROUP, .members = &fields_budgets,
     .fallback = "{'checkpoint_mib': 256, 'work_factor': 4}",
     .examples = "[{'checkpoint_mib': 64}]", .what = "Limits of memory and work."},
    {"hypotheses", NULL, PLAN_FIELD_OTHER, .read = plan_hypotheses_read, .put = plan_hypotheses_put,
     .form = "{'type': 'array', 'maxItems': 1000, 'items': {'$ref': '#/$defs/hypothesis'}}",
     .fallback = "[]",
     .examples = "[[{'name': 'early above late', 'contrast': 'layer: 0-9 > 20-29'}]]",
     .what = "Contrasts between strata that are tested, fixed before the first trial."},
    {"confirm", NULL, PLAN_FIELD_GROUP, .members = &plan_fields_confirm, .put = plan_confirm_field,
     .examples = "[{'strata': ['layer=3'], 'of': "
                 "'0000000000000000000000000000000000000000000000000000000000000000'}]",
     .what = "Only these strata of another plan are drawn, on fresh faults: an estimate without "
             "the bias of a list that was chosen by its estimates. `vkfi plan confirm` writes such "
             "a plan. Nothing by default."},
    {"arms", NULL, PLAN_FIELD_OTHER, .read = plan_arms_read, .put = plan_arms_put,
     .form = "{'type': 'array', 'minItems': 1, 'maxItems': 32, 'items': {'$ref': '#/$defs/arm'}}",
     .examples = "[[{'name': 'trap', 'policy': {'protect': [{'kind': 'nan_trap'}]}}]]",
     .what =
         "Policies of protections. Every trial whose outcome is not masked, and one in twenty of "
         "the others, runs again under each of them, and every prompt once without a fault. "
         "None by default."}};
PLAN_FIELDS(plan_fields_root,
            "a plan, an object with 'model', 'prompts' or 'items', 'population' and 'sampling'",
            ROOT, false);

static enum status parse(struct plan *out, struct arena *arena, const struct json_doc *doc,
                         const struct plan_source *source)
{
    const struct plan_reader r = {
        .doc = doc, .arena = arena, .folder = source->folder, .tasks = source->tasks, .plan = out};
    const struct json *root = json_root(doc);
    *out = (struct plan){.faults_per_trial = 1, .what.pattern_bits = 1};
    plan_field_defaults(&plan_fields_root, out);
    enum status st = plan_field_read(&r, root, &plan_fields_root, out);
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
        st = parse(out, arena, doc, source);
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

enum status plan_load(struct plan *out, struct arena *arena, const char *path,
                      const struct plan_tasks *tasks)
{
    struct plan_source source = {.name = path, .folder = "", .tasks = tasks};
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
