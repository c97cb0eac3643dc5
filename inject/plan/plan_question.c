/* SPDX-License-Identifier: MIT */
/* An item of a task as JSON: all that a run and a score need, so that a plan can do without data.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_field.h"
#include "tasks/extract.h"
#include "tasks/integral.h"

#define OF(member) offsetof(struct plan_question, member)
#define TEXT_FIELD(name, member, about)                                                            \
    {                                                                                              \
        name, NULL, PLAN_FIELD_TEXT, .at = OF(member), .examples = "['...']", .what = about        \
    }
static const struct plan_field QUESTION[] = {
    {"task", NULL, PLAN_FIELD_TEXT, .at = OF(task), .need = "the name of the item's task",
     .examples = "['arc_challenge']", .what = "The name of the item's task. Must be given."},
    {"area", .form = "{'enum': ['reasoning', 'multilingual', 'mathematical', 'coding', 'other']}",
     .fallback = "'other'", .examples = "['reasoning']", .what = "Group of the task in tables."},
    {"kind", .form = "{'enum': ['choices', 'generation', 'code']}", .fallback = "'generation'",
     .examples = "['code']", .what = "What the item asks."},
    {"metric", .form = "{'enum': ['acc', 'acc_norm', 'exact_match', 'bleu', 'chrf++', 'pass@1']}",
     .examples = "['exact_match']",
     .what = "How an answer is scored, as the kind allows: by default choices by acc, generation "
             "by exact_match, code by pass@1."},
    {"rule", NULL, PLAN_FIELD_TEXT, .at = OF(rule), .fallback = "''", .examples = "['boxed']",
     .what = "Of a generation: how the answer is taken out of a text; none: all of it counts."},
    {"chance", NULL, PLAN_FIELD_NUMBER, .at = OF(chance), .range = {.min = 0, .max = 1},
     .examples = "[0.25]", .what = "Score of a guess. Not known by default."},
    {"format", NULL, PLAN_FIELD_WORD, KINDS_ITEM_FORMAT, OF(format), .fallback = "'auto'",
     .examples = "['plain']", .what = "Form of the prompt."},
    {"index", NULL, PLAN_FIELD_U32, .at = OF(item.index), .span = {0, UINT32_MAX}, .fallback = "0",
     .examples = "[17]", .what = "Its place in the task's data."},
    TEXT_FIELD("doc_id", item.doc_id, "Its name in the task's data. None by default."),
    TEXT_FIELD("group", item.group, "Its language, subject, level or pair. None by default."),
    TEXT_FIELD("prompt", item.prompt, "The text that the model continues. Empty by default."),
    TEXT_FIELD("instruction", item.instruction,
               "What stands in a chat message instead of the prompt. The prompt by default."),
    {"turns",
     .form = "{'type': 'array', 'items': {'type': 'array', 'minItems': 2, 'maxItems': 2, 'items': "
             "{'type': 'string'}}}",
     .fallback = "[]", .examples = "[[['2 + 3 =', '5']]]",
     .what = "In chat form, messages of a user with the assistant's answers before the item's own: "
             "examples."},
    {"choices",
     .form = "{'type': 'array', 'items': {'type': 'array', 'minItems': 1, 'maxItems': "
             "2, 'items': {'type': 'string'}}}",
     .examples = "[[[' Paris'], [' Rome']]]",
     .what = "Of an item of choices, which must give them: each one's text, with a context of its "
             "own before it where the prompt is not it."},
    {"gold", NULL, PLAN_FIELD_U32, .at = OF(item.gold), .span = {0, 1000}, .fallback = "0",
     .examples = "[1]", .what = "The right choice, counted from 0."},
    TEXT_FIELD("target", item.target, "The reference answer. Empty by default."),
    {"stop", .form = "{'type': 'array', 'items': {'type': 'string', 'minLength': 1}}",
     .fallback = "[]", .examples = "[['\\n\\n']]", .what = "Texts that end an answer."},
    {"n", NULL, PLAN_FIELD_U32, .at = OF(item.max_tokens), .span = {1, 1000000}, .fallback = "32",
     .examples = "[64]", .what = "Most tokens of an answer."},
    TEXT_FIELD("integrand", item.integrand,
               "Of integration: what was to be integrated. None by default."),
    TEXT_FIELD("variable", item.variable, "Of integration: the variable. None by default."),
    TEXT_FIELD("prefix", item.prefix, "Of code: the program before the answer. None by default."),
    TEXT_FIELD("test", item.test, "Of code, which must give it: what runs after the program."),
    TEXT_FIELD("entry_point", item.entry_point,
               "Of code: the name that the tests call. None by default.")};
PLAN_FIELDS(plan_fields_question, "an item of a task, an object with 'task' and 'prompt'", QUESTION,
            false);

/* The words of an enum of tasks. */
struct names {
    const char *key, *(*name)(uint32_t);
    uint32_t count;
};

static enum status read_name(const struct plan_reader *r, const struct json *object,
                             const struct names *names, uint32_t *out)
{
    const char *words[16];
    for (uint32_t i = 0; i < names->count; i++)
        words[i] = names->name(i);
    return json_fields_word(r->doc, object, names->key, (struct json_words){words, names->count},
                            out);
}

static const char *area_name(uint32_t area)
{
    return task_area_name((enum task_area)area);
}

static const char *kind_name(uint32_t kind)
{
    return task_kind_name((enum task_kind)kind);
}

static const char *metric_name(uint32_t metric)
{
    return task_metric_name((enum task_metric)metric);
}

static enum status wrong_list(const struct plan_reader *r, const struct json *at, const char *what)
{
    log_error("%s: found %s, expected %s", json_where(r->doc, at), json_fields_found(at).text,
              what);
    return STATUS_INPUT;
}

static enum status copy_text(const struct plan_reader *r, const struct json *value,
                             const char **out)
{
    const char *text = NULL;
    const enum status st = json_fields_text_of(r->doc, value, &text);
    if (st)
        return st;
    *out = arena_text(r->arena, text, strlen(text));
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static enum status read_choices(const struct plan_reader *r, const struct json *list,
                                struct task_item *item)
{
    static const char what[] = "a list of at least two choices, each a list of its text, or of its "
                               "context and its text";
    const size_t n = json_count(list);
    if (json_type(list) != JSON_ARRAY || n < 2 || n > 1000)
        return wrong_list(r, list, what);
    struct task_choice *choice = arena_array(r->arena, n, sizeof(*choice));
    enum status st = choice ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; !st && i < n; i++) {
        const struct json *own = json_at(list, i);
        const size_t parts = json_count(own);
        if (json_type(own) != JSON_ARRAY || parts < 1 || parts > 2)
            return wrong_list(r, own, what);
        st = copy_text(r, json_at(own, parts - 1), &choice[i].text);
        if (!st && !choice[i].text[0])
            return wrong_list(r, json_at(own, parts - 1), "a text of at least one byte");
        if (!st && parts == 2)
            st = copy_text(r, json_at(own, 0), &choice[i].context);
    }
    item->choice = choice;
    item->n_choices = (uint32_t)n;
    return st;
}

static enum status read_turns(const struct plan_reader *r, const struct json *list,
                              struct task_item *item)
{
    const size_t n = json_count(list);
    if (json_type(list) != JSON_ARRAY || n > 1000)
        return wrong_list(r, list, "a list of pairs of texts");
    struct template_turn *turn = arena_array(r->arena, n + 1, sizeof(*turn));
    enum status st = turn ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; !st && i < n; i++) {
        const struct json *pair = json_at(list, i);
        if (json_type(pair) != JSON_ARRAY || json_count(pair) != 2)
            return wrong_list(r, pair, "a list of a user's message and its answer");
        st = copy_text(r, json_at(pair, 0), &turn[i].user);
        if (!st)
            st = copy_text(r, json_at(pair, 1), &turn[i].assistant);
    }
    item->turn = turn;
    item->n_turns = (uint32_t)n;
    return st;
}

static enum status read_stops(const struct plan_reader *r, const struct json *list,
                              struct task_item *item)
{
    const size_t n = json_count(list);
    if (json_type(list) != JSON_ARRAY || n > 1000)
        return wrong_list(r, list, "a list of texts");
    const char **stop = arena_array(r->arena, n + 1, sizeof(*stop));
    enum status st = stop ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; !st && i < n; i++) {
        st = copy_text(r, json_at(list, i), &stop[i]);
        if (!st && !stop[i][0])
            return wrong_list(r, json_at(list, i), "a text of at least one byte");
    }
    item->stop = stop;
    item->n_stops = (uint32_t)n;
    return st;
}

static enum status wrong_word(const struct plan_reader *r, const struct json *value,
                              const struct plan_question *q, const char *key)
{
    log_error("%s: found metric %s and rule '%.64s' with the kind %s, expected a %s of that kind",
              json_where(r->doc, json_get(value, key)), metric_name(q->metric), q->rule,
              kind_name(q->kind), key);
    return STATUS_INPUT;
}

static enum status missing(const struct plan_reader *r, const struct json *value, const char *key,
                           const char *what)
{
    log_error("%s: '%s' is missing; expected it with %s", json_where(r->doc, value), key, what);
    return STATUS_INPUT;
}

/* What no answer could be right of is no question. */
static enum status check_integrand(const struct plan_reader *r, const struct json *value,
                                   const struct task_item *item)
{
    enum integral_verdict verdict;
    if (!item->integrand || !item->variable)
        return missing(r, value, item->integrand ? "variable" : "integrand", "the rule integral");
    const enum status st =
        integral_check(&verdict, &(struct integral_problem){item->integrand, item->variable}, "0");
    if (st || verdict != INTEGRAL_NO_PROBLEM)
        return st;
    log_error("%s: found '%.64s', expected an expression of known functions and of '%.64s', real "
              "at many points",
              json_where(r->doc, json_get(value, "integrand")), item->integrand, item->variable);
    return STATUS_INPUT;
}

/* Metric and rule belong to a kind, as in a definition. */
static enum status check_words(const struct plan_reader *r, const struct json *value,
                               const struct plan_question *q)
{
    if (task_metric_kind(q->metric) != q->kind)
        return wrong_word(r, value, q, "metric");
    const bool code = q->kind == TASK_CODE && strcmp(q->rule, "code") == 0;
    if (!q->rule[0] || code)
        return STATUS_OK;
    if (q->kind != TASK_GENERATION || strcmp(q->rule, "code") == 0)
        return wrong_word(r, value, q, "rule");
    if (strcmp(q->rule, "integral") == 0)
        return check_integrand(r, value, &q->item);
    return extract_check(q->rule, json_where(r->doc, json_get(value, "rule")));
}

/* What the kind asks of an item is there and fits. */
static enum status check_kind(const struct plan_reader *r, const struct json *value,
                              const struct plan_question *q)
{
    const struct task_item *item = &q->item;
    const struct json *choices = json_get(value, "choices");
    if (q->kind == TASK_CHOICES && !choices)
        return missing(r, value, "choices", "the kind choices");
    if (q->kind == TASK_CODE && !item->test[0])
        return missing(r, value, "test", "the kind code, since without it all that runs is right");
    if (q->kind != TASK_CHOICES && choices) {
        log_error("%s: found choices with the kind %s, expected the kind choices",
                  json_where(r->doc, choices), kind_name(q->kind));
        return STATUS_INPUT;
    }
    if (item->n_choices > 0 && item->gold >= item->n_choices) {
        log_error("%s: found %" PRIu32 ", expected one of %" PRIu32 " choices, counted from 0",
                  json_where(r->doc, json_get(value, "gold")), item->gold, item->n_choices);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static const char *or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

enum status plan_question_read(const struct plan_reader *r, const struct json *value,
                               struct plan_question *q)
{
    *q = (struct plan_question){
        .kind = TASK_GENERATION, .area = TASK_OTHER, .metric = TASK_EXACT_MATCH, .chance = NAN};
    plan_field_defaults(&plan_fields_question, q);
    enum status st = plan_field_read(r, value, &plan_fields_question, q);
    if (!st)
        st = read_name(r, value, &(struct names){"area", area_name, TASK_AREA_COUNT}, &q->area);
    if (!st)
        st = read_name(r, value, &(struct names){"kind", kind_name, TASK_KIND_COUNT}, &q->kind);
    q->metric = q->kind == TASK_CHOICES ? TASK_ACC
                : q->kind == TASK_CODE  ? TASK_PASS
                                        : TASK_EXACT_MATCH;
    if (!st)
        st = read_name(r, value, &(struct names){"metric", metric_name, TASK_METRIC_COUNT},
                       &q->metric);
    const struct json *choices = json_get(value, "choices"), *stops = json_get(value, "stop"),
                      *turns = json_get(value, "turns");
    if (!st && choices)
        st = read_choices(r, choices, &q->item);
    if (!st && turns)
        st = read_turns(r, turns, &q->item);
    if (!st && stops)
        st = read_stops(r, stops, &q->item);
    if (!st)
        st = check_kind(r, value, q);
    q->item.instruction = or_null(q->item.instruction);
    q->item.integrand = or_null(q->item.integrand);
    q->item.variable = or_null(q->item.variable);
    q->item.entry_point = or_null(q->item.entry_point);
    return st ? st : check_words(r, value, q);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    if (text && text[0])
        json_member_text(w, key, text);
}

static void put_choices(struct json_writer *w, const struct task_item *item)
{
    if (item->n_choices == 0)
        return;
    json_member_array(w, "choices");
    for (uint32_t i = 0; i < item->n_choices; i++) {
        json_array_open(w);
        if (item->choice[i].context)
            json_put_text(w, item->choice[i].context);
        json_put_text(w, item->choice[i].text);
        json_array_close(w);
    }
    json_array_close(w);
    json_member_int(w, "gold", item->gold);
}

static void put_stops(struct json_writer *w, const struct task_item *item)
{
    if (item->n_stops == 0)
        return;
    json_member_array(w, "stop");
    for (uint32_t i = 0; i < item->n_stops; i++)
        json_put_text(w, item->stop[i]);
    json_array_close(w);
}

void plan_question_put(struct json_writer *w, const struct plan_question *q)
{
    const struct task_item *item = &q->item;
    json_object_open(w);
    json_member_text(w, "task", q->task);
    json_member_text(w, "area", area_name(q->area));
    json_member_text(w, "kind", kind_name(q->kind));
    json_member_text(w, "metric", metric_name(q->metric));
    put_text(w, "rule", q->rule);
    if (!isnan(q->chance))
        json_member_number(w, "chance", q->chance);
    json_member_text(w, "format", kinds_text(KINDS_ITEM_FORMAT, q->format));
    json_member_int(w, "index", item->index);
    put_text(w, "doc_id", item->doc_id);
    put_text(w, "group", item->group);
    json_member_text(w, "prompt", item->prompt);
    put_text(w, "instruction", item->instruction);
    task_items_put_turns(w, item);
    put_choices(w, item);
    put_text(w, "target", item->target);
    put_stops(w, item);
    json_member_int(w, "n", item->max_tokens);
    put_text(w, "integrand", item->integrand);
    put_text(w, "variable", item->variable);
    put_text(w, "prefix", item->prefix);
    put_text(w, "test", item->test);
    put_text(w, "entry_point", item->entry_point);
    json_object_close(w);
}
