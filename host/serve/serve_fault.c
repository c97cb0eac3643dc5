/* SPDX-License-Identifier: MIT */
/* Plans are cut to the members that say where, what and when, and drawn from. */
#include "serve/serve_fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "inject/plan/plan.h"
#include "inject/plan/sample.h"
#include "inject/space/fault.h"
#include "model/model.h"

#define TRIES 1000 /* of a random trial that is no control */
#define WORDS(list) ((struct json_words){list, sizeof(list) / sizeof(*(list))})

/* Members that a draw depends on; none of them names a file. */
static const char *const MEMBERS[] = {
    "population", "point_weight", "design",           "where", "groups", "what", "when", "strata",
    "sampling",   "seed",         "faults_per_trial", "tiles", "chunk"};
/* Those that a file may have besides: the prompts are the clients'. */
static const char *const DROPPED[] = {"$schema", "title", "notes",    "model",   "mode",
                                      "act",     "kv",    "decoding", "prompts", "items",
                                      "record",  "arms",  "retry",    "budgets", "lanes"};

static bool is_one_of(const char *word, struct json_words words)
{
    bool found = false;
    for (size_t i = 0; i < words.count; i++)
        found |= strcmp(word, words.text[i]) == 0;
    return found;
}

/* The object with the members of a draw alone. */
static enum status cut(const char **out, struct arena *arena, const struct json *plan)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    for (size_t i = 0; i < json_count(plan); i++) {
        const struct json *member = json_at(plan, i);
        if (is_one_of(json_key(member), WORDS(MEMBERS)))
            json_member_value(&m.w, json_key(member), member);
    }
    json_object_close(&m.w);
    return json_end_line(out, &m, arena);
}

/* --- requests --- */

static void read_trial(struct serve_reader *r, struct serve_fault *out)
{
    const struct json *trial = serve_reader_get(r, "trial");
    if (r->st)
        return;
    if (!trial)
        serve_reader_refuse(r, r->object, "a trial with the plan: a number or \"random\"");
    else if (json_type(trial) == JSON_TEXT && strcmp(json_text(trial), "random") == 0)
        out->random = true;
    else
        r->st = json_fields_bits64(r->doc, r->object, "trial", INT64_MAX, &out->trial);
}

void serve_fault_read(struct serve_reader *r, struct arena *arena, struct serve_fault *out)
{
    const struct json *given = serve_reader_get(r, "fault"), *plan = serve_reader_get(r, "plan");
    struct json_memory m;
    if (r->st)
        return;
    if (given && plan) {
        serve_reader_refuse(r, r->object, "fault or plan, not both");
    } else if (given) {
        json_begin_memory(&m, false);
        json_put_value(&m.w, given);
        r->st = json_end_line(&out->given, &m, arena);
    } else if (plan) {
        r->st = json_fields_object(r->doc, plan,
                                   "a plan, an object with where, what and when: its prompt is the "
                                   "request's",
                                   WORDS(MEMBERS));
        if (!r->st)
            r->st = cut(&out->plan, arena, plan);
        read_trial(r, out);
    } else if (serve_reader_get(r, "trial")) {
        serve_reader_refuse(r, serve_reader_get(r, "trial"), "none without a plan");
    }
}

/* --- files --- */

static enum status load_fault(const char **out, struct arena *arena, const char *path)
{
    struct json_doc *doc = NULL;
    struct json_memory m;
    enum status st = json_load(&doc, path);
    if (st)
        return st;
    json_begin_memory(&m, false);
    json_put_value(&m.w, json_root(doc));
    st = json_end_line(out, &m, arena);
    json_destroy(&doc);
    return st;
}

static enum status load_plan(struct serve_fault *out, struct arena *arena, const char *path)
{
    const char *known[sizeof(MEMBERS) / sizeof(*MEMBERS) + sizeof(DROPPED) / sizeof(*DROPPED)];
    struct json_doc *doc = NULL;
    memcpy(known, MEMBERS, sizeof(MEMBERS));
    memcpy(known + sizeof(MEMBERS) / sizeof(*MEMBERS), DROPPED, sizeof(DROPPED));
    enum status st = json_load(&doc, path);
    if (!st)
        st = json_fields_object(doc, json_root(doc), "a plan that a server can draw from",
                                WORDS(known));
    if (!st)
        st = cut(&out->plan, arena, json_root(doc));
    json_destroy(&doc);
    return st;
}

enum status serve_fault_load(struct serve_fault *out, struct arena *arena,
                             const struct serve_fault_files *files)
{
    *out = (struct serve_fault){0};
    if (files->fault && (files->plan || files->trial)) {
        log_error("found --fault with --plan or --trial, expected one way to say what is struck");
        return STATUS_USAGE;
    }
    if ((files->plan != NULL) != (files->trial != NULL)) {
        log_error("found --%s alone, expected --plan and --trial", files->plan ? "plan" : "trial");
        return STATUS_USAGE;
    }
    if (files->fault)
        return load_fault(&out->given, arena, files->fault);
    if (!files->plan)
        return STATUS_OK;
    char *end = NULL;
    out->random = strcmp(files->trial, "random") == 0;
    out->trial = strtoull(files->trial, &end, 10);
    if (!out->random && (end == files->trial || *end || files->trial[0] == '-')) {
        log_error("--trial: found '%s', expected a number or 'random'", files->trial);
        return STATUS_USAGE;
    }
    return load_plan(out, arena, files->plan);
}

/* --- draws --- */

/* The plan with this prompt as its only one. */
static enum status complete(const char **out, struct arena *arena, const char *plan,
                            const struct serve_fault_run *run)
{
    struct json_doc *doc = NULL;
    struct json_memory m;
    enum status st = json_parse(&doc, plan, strlen(plan), "plan");
    if (st)
        return st;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_text(&m.w, "model", "served");
    json_member_text(&m.w, "act", run->act);
    json_member_text(&m.w, "kv", run->kv);
    json_member_object(&m.w, "decoding");
    json_member_int(&m.w, "n", run->tokens);
    json_object_close(&m.w);
    json_member_object(&m.w, "prompts");
    json_member_array(&m.w, "ids");
    json_array_open(&m.w);
    for (uint32_t i = 0; i < run->n_ids; i++)
        json_put_int(&m.w, run->ids[i]);
    json_array_close(&m.w);
    json_array_close(&m.w);
    json_object_close(&m.w);
    for (size_t i = 0; i < json_count(json_root(doc)); i++) {
        const struct json *member = json_at(json_root(doc), i);
        json_member_value(&m.w, json_key(member), member);
    }
    json_object_close(&m.w);
    st = json_end_line(out, &m, arena);
    json_destroy(&doc);
    return st;
}

static enum status put_faults(const char **out, struct arena *arena, const struct sample_draw *draw)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_array_open(&m.w);
    json_array_open(&m.w);
    for (uint32_t i = 0; i < draw->n_faults; i++)
        fault_put(&m.w, &draw->fault[i]);
    json_array_close(&m.w);
    json_array_close(&m.w);
    return json_end_line(out, &m, arena);
}

/* The trial, or a random one that is no control. */
static enum status draw(struct sample_draw *out, struct arena *arena, const struct sample *sample,
                        const struct serve_fault *fault, uint64_t any)
{
    const uint64_t trials = sample_trials(sample);
    uint64_t id = fault->trial;
    enum status st = STATUS_OK;
    if (!fault->random && id >= trials) {
        log_error("plan: found trial %" PRIu64 ", expected one of its %" PRIu64 ", 0 to %" PRIu64,
                  id, trials, trials - 1);
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; i < TRIES && !st; i++) {
        if (fault->random)
            id = hash_fold64(any, i) % trials;
        st = sample_draw(sample, id, arena, out);
        if (st || out->role == ROLE_TRIAL)
            return st;
        if (!fault->random)
            break;
    }
    log_error("plan: found trial %" PRIu64 " to be a control, expected one that counts", id);
    return STATUS_INPUT;
}

enum status serve_fault_draw(const char **out, uint64_t *out_trial, struct arena *arena,
                             const struct serve_fault *fault, const struct serve_fault_run *run)
{
    const char *text = NULL;
    struct plan plan;
    struct sample *sample = NULL;
    struct sample_draw found = {0};
    const struct plan_input input = {.ids = run->ids, .n_ids = run->n_ids, .n = run->tokens};
    struct sample_item item;
    enum status st = complete(&text, arena, fault->plan, run);
    if (!st)
        st = plan_read(&plan, arena,
                       &(struct plan_source){text, strlen(text), "plan", "/nonexistent", NULL});
    st = st ? st : plan_item_size(&item, arena, &plan, &input, run->tokens);
    st = st ? st : sample_create(&sample, &plan, run->model, &item);
    st = st ? st : draw(&found, arena, sample, fault, run->any);
    st = st ? st : put_faults(out, arena, &found);
    sample_destroy(&sample);
    *out_trial = found.trial;
    return st == STATUS_IO || st == STATUS_USAGE ? STATUS_INPUT : st;
}
