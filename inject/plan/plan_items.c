/* SPDX-License-Identifier: MIT */
/* Items of tasks in a plan: which ones are taken, and the items themselves in a form that needs no
 * data. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_field.h"
#include "tasks/task_split.h"

#define ITEMS_MAX 1000000 /* items of a plan */
#define TASKS_MAX 64u
#define SAMPLES_MAX 1000

static enum status wrong_list(const struct plan_reader *r, const struct json *at, const char *what)
{
    log_error("%s: found %s, expected %s", json_where(r->doc, at), json_fields_found(at).text,
              what);
    return STATUS_INPUT;
}

/* What a plan asks of tasks. */
struct asked {
    enum plan_split split;
    enum plan_format format;
    uint32_t n, shots, tokens; /* 0: all; PLAN_TASK_SHOTS: the task's; 0: the task's */
    uint64_t seed;
    uint32_t samples;
    enum plan_filter filter;
    enum plan_mc mc_target;
    const char *data; /* "": where data are looked for */
};

#define ASKED(member) offsetof(struct asked, member)
static const struct plan_field ITEMS[] = {
    {"tasks",
     .form = "{'oneOf': [{'type': 'string', 'minLength': 1}, {'type': 'array', 'minItems': 1, "
             "'maxItems': 64, 'uniqueItems': true, 'items': {'type': 'string', 'minLength': 1}}]}",
     .examples = "['gsm8k', ['arc_challenge', 'mgsm']]",
     .what = "Names of tasks, or paths of definitions of your own (`vkfi task --help`). tasks or "
             "list must be given."},
    {"data", NULL, PLAN_FIELD_TEXT, .at = ASKED(data), .examples = "['own', 'data']",
     .what = "Folder of the tasks' data, seen from the plan's; own: the small sets of items that "
             "come with the program. Where `vkfi task` looks by default."},
    {"n", NULL, PLAN_FIELD_U32, .at = ASKED(n), .span = {1, ITEMS_MAX}, .examples = "[50]",
     .what = "Items of each task, drawn by the seed from those of the split. All by default."},
    {"split", NULL, PLAN_FIELD_WORD, KINDS_SPLIT, ASKED(split), .fallback = "'all'",
     .examples = "['evaluate']",
     .what = "Which of a task's items: a fifth is for calibrate, a fifth for profile, the others "
             "for evaluate, by the digest of their names. Beside list: what they were drawn from, "
             "for the report."},
    {"seed", NULL, PLAN_FIELD_U64, .at = ASKED(seed), .span = {0, INT64_MAX}, .fallback = "0",
     .examples = "[7]", .what = "Of the draw of n items."},
    {"shots", NULL, PLAN_FIELD_U32, .at = ASKED(shots), .span = {0, 64}, .examples = "[5]",
     .what = "Examples before each prompt. The task's own number by default."},
    {"tokens", NULL, PLAN_FIELD_U32, .at = ASKED(tokens), .span = {1, 1000000}, .examples = "[64]",
     .what = "Most tokens of an answer. The task's own number by default."},
    {"format", NULL, PLAN_FIELD_WORD, KINDS_ITEM_FORMAT, ASKED(format), .fallback = "'auto'",
     .examples = "['plain']",
     .what = "Form of generated answers' prompts. chat: a message in the model's own template, "
             "after a turn of the chat for each example; auto: chat where the model has one. "
             "Choices are always plain."},
    {"samples", NULL, PLAN_FIELD_U32, .at = ASKED(samples), .span = {1, SAMPLES_MAX},
     .fallback = "1", .examples = "[4]",
     .what = "Answers to each item, drawn apart: a golden run each, with pass@k of them with and "
             "without faults. Of generation and code, with a temperature above 0. Design nested "
             "strikes one sample at a time, crossed and fault_major all of them by each fault."},
    {"filter", NULL, PLAN_FIELD_WORD, KINDS_ITEM_FILTER, ASKED(filter), .fallback = "'all'",
     .examples = "['golden_right']",
     .what = "golden_right: only items that the golden run answers right are struck."},
    {"mc_target", NULL, PLAN_FIELD_WORD, KINDS_MC_TARGET, ASKED(mc_target), .fallback = "'context'",
     .examples = "['one_choice']",
     .what = "Of choices, which runs are struck. context: all of them, in what they have in "
             "common; one_choice: that of one choice, drawn; all: each, anywhere."},
    {"list", .form = "{'type': 'array', 'minItems': 1, 'items': {'$ref': '#/$defs/task_item'}}",
     .examples = "[[{'task': 'capitals', 'prompt': 'The capital of France is', 'target': 'Paris', "
                 "'rule': 'first_line'}]]",
     .what =
         "The items themselves instead of tasks: as a database keeps them, so that a plan needs "
         "no data."}};
PLAN_FIELDS(plan_fields_items, "an object with 'tasks' or 'list'", ITEMS, false);

/* A task that was opened. */
struct source {
    const struct task *task;
    const struct task_items *items;
    const char *place; /* of its name in the plan */
};

static enum status make_question(const struct plan_reader *r, const struct asked *asked,
                                 const struct source *from, const struct task_item *item,
                                 struct plan_question *out)
{
    const struct task *task = from->task;
    struct json_memory m;
    struct json_doc *doc = NULL;
    *out = (struct plan_question){.task = task->name,
                                  .area = task->area,
                                  .kind = task->kind,
                                  .metric = task->metric[0],
                                  .rule = task->n_extracts > 0 ? task->extract[0] : "",
                                  .chance = item->n_choices > 0 ? 1.0 / item->n_choices
                                                                : from->items->chance,
                                  .format = asked->format,
                                  .item = *item};
    if (asked->tokens > 0)
        out->item.max_tokens = asked->tokens;
    /* The form that needs no task is what is kept: what is read from it later is the same. */
    json_begin_memory(&m, false);
    plan_question_put(&m.w, out);
    enum status st = json_end_memory(&m, r->arena);
    if (!st)
        st = json_parse(&doc, m.text, m.size, task->name);
    struct plan_reader own = *r;
    own.doc = doc;
    if (!st)
        st = plan_question_read(&own, json_root(doc), out);
    json_destroy(&doc);
    return st;
}

static enum status make_room(const struct plan_reader *r)
{
    struct plan *plan = r->plan;
    if (plan->n_items == ITEMS_MAX) {
        log_error("%s: expected at most %d items in all, each sample counted",
                  json_where(r->doc, json_root(r->doc)), ITEMS_MAX);
        return STATUS_INPUT;
    }
    if (plan->n_items & (plan->n_items - 1))
        return STATUS_OK; /* full at each power of two */
    struct plan_item *more =
        arena_array(r->arena, plan->n_items ? 2 * (size_t)plan->n_items : 1, sizeof(*more));
    if (!more)
        return STATUS_MEMORY;
    if (plan->n_items > 0)
        memcpy(more, plan->item, plan->n_items * sizeof(*more));
    plan->item = more;
    return STATUS_OK;
}

/* All samples of an item. */
static enum status add(const struct plan_reader *r, const struct plan_question *question,
                       const char *at, uint32_t index)
{
    struct plan *plan = r->plan;
    struct plan_question *kept = arena_alloc(r->arena, sizeof(*kept));
    const uint32_t base = plan_bases(plan);
    enum status st = kept ? STATUS_OK : STATUS_MEMORY;
    if (kept)
        *kept = *question;
    for (uint32_t sample = 0; sample < plan->samples && !st; sample++) {
        st = make_room(r);
        if (!st)
            plan->item[plan->n_items++] = (struct plan_item){.prompt = kept->item.prompt,
                                                             .n = kept->item.max_tokens,
                                                             .group = kept->task,
                                                             .at = at,
                                                             .index = index,
                                                             .question = kept,
                                                             .sample = sample,
                                                             .base = base};
    }
    return st;
}

static const enum task_split SPLIT[] = {[PLAN_SPLIT_ALL] = TASK_SPLIT_ALL,
                                        [PLAN_SPLIT_CALIBRATE] = TASK_SPLIT_CALIBRATE,
                                        [PLAN_SPLIT_PROFILE] = TASK_SPLIT_PROFILE,
                                        [PLAN_SPLIT_EVALUATE] = TASK_SPLIT_EVALUATE};

static enum status take_items(const struct plan_reader *r, const struct asked *asked,
                              const struct json *at, const struct source *from)
{
    const struct task *task = from->task;
    const struct task_items *items = from->items;
    uint32_t *chosen = calloc(items->count + 1, sizeof(*chosen));
    uint32_t n = 0;
    const struct task_split_ask ask = {SPLIT[asked->split], asked->seed, asked->n};
    enum status st =
        chosen ? task_split_choose(chosen, &n, task->name, items, &ask) : STATUS_MEMORY;
    if (!st && n == 0) {
        log_error("%s: found no item of '%s' in the split %s", json_where(r->doc, at), task->name,
                  kinds_text(KINDS_SPLIT, asked->split));
        st = STATUS_INPUT;
    }
    for (uint32_t i = 0; !st && i < n; i++) {
        struct plan_question question;
        log_set_place(from->place);
        st = make_question(r, asked, from, &items->item[chosen[i]], &question);
        log_set_place(NULL);
        if (!st)
            st = add(r, &question, "/items/tasks", i);
    }
    free(chosen);
    return st;
}

static enum status take_task(const struct plan_reader *r, const struct asked *asked,
                             const struct json *value)
{
    const char *name = NULL;
    char place[PLAN_PLACE_ROOM];
    struct task *task = NULL;
    struct task_items items = {0};
    enum status st = json_fields_text_of(r->doc, value, &name);
    if (st)
        return st;
    if (!r->tasks) {
        log_error("%s: found task '%s' where none can be opened, expected 'list'",
                  json_where(r->doc, value), name);
        return STATUS_INPUT;
    }
    plan_set_place(place, r, value);
    st =
        r->tasks->open(r->tasks->user, &(struct plan_task_request){name, asked->data, asked->shots},
                       &task, &items);
    log_set_place(NULL);
    if (!st)
        st = take_items(r, asked, value, &(struct source){task, &items, place});
    task_items_finish(&items);
    task_close(&task);
    return st;
}

/* A task that a plan names twice would be struck twice. */
static enum status check_once(const struct plan_reader *r, const struct json *tasks)
{
    for (size_t i = 0; i < json_count(tasks); i++) {
        const char *name = json_text(json_at(tasks, i));
        for (size_t before = 0; name && before < i; before++) {
            const char *other = json_text(json_at(tasks, before));
            if (!other || strcmp(other, name) != 0)
                continue;
            log_error("%s: found '%s' again, expected each once",
                      json_where(r->doc, json_at(tasks, i)), name);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

static enum status take_tasks(const struct plan_reader *r, const struct asked *asked,
                              const struct json *tasks)
{
    if (json_type(tasks) != JSON_ARRAY)
        return take_task(r, asked, tasks);
    if (json_count(tasks) == 0 || json_count(tasks) > TASKS_MAX)
        return wrong_list(r, tasks, "a list of 1 to 64 names of tasks");
    enum status st = check_once(r, tasks);
    for (size_t i = 0; !st && i < json_count(tasks); i++)
        st = take_task(r, asked, json_at(tasks, i));
    return st;
}

static enum status take_list(const struct plan_reader *r, const struct json *list)
{
    enum status st = STATUS_OK;
    if (json_type(list) != JSON_ARRAY || json_count(list) == 0)
        return wrong_list(r, list, "a list of at least one item");
    for (size_t i = 0; !st && i < json_count(list); i++) {
        struct plan_question question;
        st = plan_question_read(r, json_at(list, i), &question);
        if (!st)
            st = add(r, &question, "/items/list", (uint32_t)i);
    }
    return st;
}

/* A relative folder lies beside the plan. */
static enum status find_data(const char **data, const struct plan_reader *r)
{
    const char *given = *data;
    if (!given[0]) {
        *data = NULL;
        return STATUS_OK;
    }
    if (strcmp(given, PLAN_TASK_OWN) == 0 || given[0] == '/' || !r->folder[0])
        return STATUS_OK;
    *data = arena_printf(r->arena, "%s/%s", r->folder, given);
    return *data ? STATUS_OK : STATUS_MEMORY;
}

enum status plan_items_read(const struct plan_reader *r, const struct json *value)
{
    struct asked asked = {.shots = PLAN_TASK_SHOTS};
    const struct json *tasks = json_get(value, "tasks"), *list = json_get(value, "list");
    plan_field_defaults(&plan_fields_items, &asked);
    asked.shots = PLAN_TASK_SHOTS;
    enum status st = plan_field_read(r, value, &plan_fields_items, &asked);
    if (!st && (tasks != NULL) + (list != NULL) != 1) {
        log_error("%s: expected exactly one of 'tasks' and 'list'", json_where(r->doc, value));
        st = STATUS_INPUT;
    }
    if (!st && list && asked.data[0]) {
        log_error("%s: found 'data' beside 'list', which holds all that its items need",
                  json_where(r->doc, value));
        st = STATUS_INPUT;
    }
    st = st ? st : find_data(&asked.data, r);
    r->plan->split = asked.split;
    r->plan->samples = asked.samples;
    r->plan->filter = asked.filter;
    r->plan->mc_target = asked.mc_target;
    if (!st && r->plan->n_items > 0) { /* room for more: see add */
        struct plan_item *prompts = r->plan->item;
        uint32_t room = 1;
        while (room < r->plan->n_items)
            room *= 2;
        r->plan->item = arena_array(r->arena, 2 * (size_t)room, sizeof(*prompts));
        if (!r->plan->item)
            return STATUS_MEMORY;
        memcpy(r->plan->item, prompts, r->plan->n_items * sizeof(*prompts));
    }
    if (st)
        return st;
    return tasks ? take_tasks(r, &asked, tasks) : take_list(r, list);
}

/* How items are struck, then all of them. */
static void put_items(struct json_writer *w, const struct plan *plan, bool with_split)
{
    json_object_open(w);
    if (with_split)
        json_member_text(w, "split", kinds_text(KINDS_SPLIT, plan->split));
    json_member_text(w, "filter", kinds_text(KINDS_ITEM_FILTER, plan->filter));
    json_member_text(w, "mc_target", kinds_text(KINDS_MC_TARGET, plan->mc_target));
    if (plan->samples > 1) /* plans without keep their identity */
        json_member_int(w, "samples", plan->samples);
    json_member_array(w, "list");
    for (uint32_t i = 0; i < plan->n_items; i++) {
        if (plan->item[i].question && plan->item[i].sample == 0)
            plan_question_put(w, plan->item[i].question);
    }
    json_array_close(w);
    json_object_close(w);
}

void plan_items_inline(struct json_writer *w, const struct plan *plan)
{
    put_items(w, plan, true);
}

uint32_t plan_bases(const struct plan *plan)
{
    return plan->n_items > 0 ? plan->item[plan->n_items - 1].base + 1 : 0;
}

bool plan_scores(const struct plan *plan)
{
    bool any = false;
    for (uint32_t i = 0; i < plan->n_items; i++)
        any = any || plan->item[i].question;
    return any;
}

/* Plans without them keep their identity; the items themselves say what the split gave. */
enum status plan_items_put(struct json_writer *w, const struct plan *plan)
{
    if (plan_scores(plan)) {
        json_put_key(w, "items");
        put_items(w, plan, false);
    }
    return STATUS_OK;
}
