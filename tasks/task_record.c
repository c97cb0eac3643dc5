/* SPDX-License-Identifier: MIT */
/* Renders the templates of a definition over a record. */
#include "tasks/task_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static enum status refuse(const struct task_record *r, const char *key,
                          const struct template_problem *problem)
{
    log_error("%s: %s, line %u of the template: %s", r->where, key, problem->line, problem->text);
    return STATUS_INPUT;
}

/* A text from the arena; without a template, `fallback`. */
static enum status make(const struct task_record *r, struct arena *arena, const char *key,
                        const struct template *template, const char **out)
{
    struct template_problem problem;
    struct text text = {0};
    if (!template)
        return STATUS_OK; /* *out holds the default */
    enum status st = template_record_render(r->values, template, &text, &problem);
    if (st == STATUS_INPUT)
        refuse(r, key, &problem);
    if (!st) {
        *out = arena_text(arena, text_of(&text), text.size);
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    text_finish(&text);
    return st;
}

/* `file`: a name, or an object with a name per column. */
static enum status set_file(struct task_record *r, const struct task_file *file)
{
    const struct task_definition *d = r->definition;
    struct template_problem problem;
    enum status st = STATUS_OK;
    if (d->format != TASK_PARALLEL) {
        st = template_record_set_text(r->values, "file", file->name[0], &problem);
        return st == STATUS_INPUT ? refuse(r, "file", &problem) : st;
    }
    for (uint32_t i = 0; !st && i < d->columns.count; i++) {
        char name[128];
        snprintf(name, sizeof(name), "%s_file", d->columns.text[i]);
        st = template_record_set_text(r->values, name, file->name[i], &problem);
    }
    return st == STATUS_INPUT ? refuse(r, "file", &problem) : st;
}

static enum status set_place(struct task_record *r, const struct task_place *place)
{
    struct template_problem problem;
    enum status st = template_record_set_int(r->values, "row", place->row, &problem);
    if (!st)
        st = template_record_set_int(r->values, "index", place->index, &problem);
    if (st == STATUS_INPUT)
        return refuse(r, "row", &problem);
    return st || !place->file ? st : set_file(r, place->file);
}

enum status task_record_init(struct task_record *out, const struct task_definition *definition,
                             const struct json *object, const struct task_place *place)
{
    struct template_problem problem;
    *out = (struct task_record){definition, NULL, place->where, place->index};
    enum status st = template_record_create(&out->values, place->words);
    if (!st)
        st = set_place(out, place);
    for (size_t i = 0; !st && i < json_count(object); i++) {
        const struct json *member = json_at(object, i);
        st = template_record_set(out->values, json_key(member), member, &problem);
        if (st == STATUS_INPUT)
            refuse(out, json_key(member), &problem);
    }
    for (uint32_t i = 0; !st && i < definition->n_fields; i++) {
        const struct task_named *field = &definition->field[i];
        struct arena arena = {0};
        const char *text = "";
        if (!place->file && json_get(object, field->name))
            continue; /* an example in the definition gives it itself */
        st = make(out, &arena, field->name, field->template, &text);
        if (!st)
            st = template_record_set_text(out->values, field->name, text, &problem);
        if (st == STATUS_INPUT && text[0])
            refuse(out, field->name, &problem);
        arena_finish(&arena);
    }
    return st;
}

void task_record_finish(struct task_record *record)
{
    template_record_destroy(&record->values);
}

static enum status make_id(const struct task_record *r, struct arena *arena, const char **out)
{
    *out = arena_printf(arena, "%u", r->index);
    return *out ? make(r, arena, "id", r->definition->id, out) : STATUS_MEMORY;
}

enum status task_record_left_out(const struct task_record *record, bool *out)
{
    const struct task_texts *names = &record->definition->leave_out;
    struct arena arena = {0};
    const char *id = "";
    enum status st = names->count > 0 ? make_id(record, &arena, &id) : STATUS_OK;
    *out = false;
    for (uint32_t i = 0; !st && i < names->count && !*out; i++)
        *out = strcmp(names->text[i], id) == 0;
    arena_finish(&arena);
    return st;
}

enum status task_record_group(const struct task_record *record, struct arena *arena,
                              const char **out)
{
    *out = "";
    return make(record, arena, "group", record->definition->group, out);
}

/* Several texts, by one template each or by one whose value is a list. */
static enum status make_list(const struct task_record *r, struct arena *arena, const char *key,
                             const struct task_templates *templates, struct template_texts *out)
{
    struct template_problem problem;
    enum status st = STATUS_OK;
    if (templates->list) {
        st = template_record_list(r->values, templates->list, arena, out, &problem);
        return st == STATUS_INPUT ? refuse(r, key, &problem) : st;
    }
    *out = (struct template_texts){arena_array(arena, templates->count, sizeof(*out->text)),
                                   templates->count};
    if (!out->text)
        return STATUS_MEMORY;
    for (uint32_t i = 0; !st && i < templates->count; i++)
        st = make(r, arena, key, templates->each[i], &out->text[i]);
    return st;
}

static enum status wrong_count(const struct task_record *r, const char *key, size_t found,
                               size_t expected)
{
    if (expected > 0)
        log_error("%s: %s: found %zu, expected %zu, one for each choice", r->where, key, found,
                  expected);
    else
        log_error("%s: %s: found %zu, expected 2 to %d", r->where, key, found, TASK_CHOICES_MAX);
    return STATUS_INPUT;
}

/* A label, or a place from 0. */
static enum status find_gold(const struct task_record *r, struct arena *arena,
                             struct task_item *item)
{
    const struct task_definition *d = r->definition;
    struct template_texts labels = {0};
    const char *gold = "";
    enum status st = make(r, arena, "gold", d->gold, &gold);
    if (!st && d->labels.given)
        st = make_list(r, arena, "labels", &d->labels, &labels);
    if (!st && d->labels.given && labels.count != item->n_choices)
        return wrong_count(r, "labels", labels.count, item->n_choices);
    for (uint32_t i = 0; !st && i < item->n_choices; i++) {
        char place[16];
        snprintf(place, sizeof(place), "%u", i);
        item->gold = i;
        if (strcmp(d->labels.given ? labels.text[i] : place, gold) == 0)
            return STATUS_OK;
    }
    if (!st)
        log_error("%s: gold: found '%.40s', expected %s of the %u choices", r->where, gold,
                  d->labels.given ? "the label of one" : "the place, from 0,", item->n_choices);
    return st ? st : STATUS_INPUT;
}

static enum status make_choices(const struct task_record *r, struct arena *arena,
                                struct task_item *item)
{
    const struct task_definition *d = r->definition;
    struct template_texts text = {0}, context = {0};
    enum status st = make_list(r, arena, "choices", &d->choices, &text);
    if (!st && d->contexts.given)
        st = make_list(r, arena, "contexts", &d->contexts, &context);
    if (st)
        return st;
    if (text.count < 2 || text.count > TASK_CHOICES_MAX)
        return wrong_count(r, "choices", text.count, 0);
    if (d->contexts.given && context.count != text.count)
        return wrong_count(r, "contexts", context.count, text.count);
    struct task_choice *choice = arena_array(arena, text.count, sizeof(*choice));
    if (!choice)
        return STATUS_MEMORY;
    for (size_t i = 0; i < text.count; i++) {
        choice[i].context = d->contexts.given ? context.text[i] : NULL;
        choice[i].text = arena_printf(arena, "%s%s", d->delimiter, text.text[i]);
        if (!choice[i].text)
            return STATUS_MEMORY;
        if (choice[i].text[0])
            continue;
        log_error("%s: choices: found an empty text as choice %zu", r->where, i);
        return STATUS_INPUT;
    }
    item->choice = choice;
    item->n_choices = (uint32_t)text.count;
    return find_gold(r, arena, item);
}

/* Message and answer of an example in chat form. */
static enum status make_turn(const struct task_record *r, struct arena *arena, const char *prompt,
                             const char *answer, struct template_turn *out)
{
    const struct task_definition *d = r->definition;
    *out = (struct template_turn){prompt, answer};
    const enum status st = make(r, arena, "instruction", d->instruction, &out->user);
    return st ? st : make(r, arena, "reply", d->reply, &out->assistant);
}

enum status task_record_example(const struct task_record *record, struct arena *arena,
                                struct task_example *out)
{
    const struct task_definition *d = record->definition;
    struct task_item item = {0};
    const char *prompt = "", *answer = NULL;
    *out = (struct task_example){0};
    enum status st = make(record, arena, "template", d->prompt, &prompt);
    if (!st && d->task.kind == TASK_CHOICES)
        st = make_choices(record, arena, &item);
    if (!st && item.choice && d->contexts.given)
        prompt = item.choice[item.gold].context;
    if (!st)
        st = make(record, arena, "example", d->example, &answer);
    if (!st && !d->example && d->task.kind != TASK_CHOICES)
        st = make(record, arena, "target", d->target, &answer);
    if (!st && d->task.kind != TASK_CHOICES)
        st = make_turn(record, arena, prompt, answer ? answer : "", &out->turn);
    if (st)
        return st;
    if (!answer && item.choice) /* includes the delimiter */
        out->text = arena_printf(arena, "%s%s", prompt, item.choice[item.gold].text);
    else
        out->text = arena_printf(arena, "%s%s%s", prompt, d->delimiter, answer ? answer : "");
    return out->text ? STATUS_OK : STATUS_MEMORY;
}

/* The turns before an item's message, which is the bare prompt where the task has no instruction;
 * then the header comes first of all. */
static enum status put_turns(struct task_item *item, struct arena *arena, const char *header,
                             const struct task_examples *examples)
{
    struct template_turn *turn = arena_array(arena, examples->n_turns, sizeof(*turn));
    item->turn = examples->turn;
    item->n_turns = examples->n_turns;
    if (item->instruction || examples->n_turns == 0)
        return turn ? STATUS_OK : STATUS_MEMORY;
    item->instruction = item->prompt;
    if (!turn || !header[0])
        return turn ? STATUS_OK : STATUS_MEMORY;
    memcpy(turn, examples->turn, examples->n_turns * sizeof(*turn));
    turn[0].user = arena_printf(arena, "%s%s", header, turn[0].user);
    item->turn = turn;
    return turn[0].user ? STATUS_OK : STATUS_MEMORY;
}

/* Puts header and examples before the prompt, or before each choice's own. */
static enum status put_before(struct task_item *item, struct arena *arena, const char *header,
                              const char *examples)
{
    struct task_choice *choice = arena_array(arena, item->n_choices, sizeof(*choice));
    if (!choice)
        return STATUS_MEMORY;
    if (!header[0] && !examples[0])
        return STATUS_OK;
    item->prompt = arena_printf(arena, "%s%s%s", header, examples, item->prompt);
    for (uint32_t i = 0; item->prompt && i < item->n_choices; i++) {
        choice[i] = item->choice[i];
        if (!choice[i].context)
            continue;
        choice[i].context = arena_printf(arena, "%s%s%s", header, examples, choice[i].context);
        if (!choice[i].context)
            return STATUS_MEMORY;
    }
    if (item->n_choices > 0)
        item->choice = choice;
    return item->prompt ? STATUS_OK : STATUS_MEMORY;
}

enum status task_record_item(const struct task_record *record, struct arena *arena,
                             const struct task_examples *examples, struct task_item *out)
{
    const struct task_definition *d = record->definition;
    const char *header = "";
    *out = (struct task_item){.index = record->index,
                              .group = "",
                              .prompt = "",
                              .target = "",
                              .prefix = "",
                              .test = "",
                              .stop = d->stop.text,
                              .n_stops = d->stop.count,
                              .max_tokens = d->task.max_tokens};
    const struct {
        const char *key;
        const struct template *template;
        const char **out;
    } texts[] = {{"group", d->group, &out->group},
                 {"header", d->header, &header},
                 {"template", d->prompt, &out->prompt},
                 {"instruction", d->instruction, &out->instruction},
                 {"target", d->target, &out->target},
                 {"prefix", d->prefix, &out->prefix},
                 {"test", d->test, &out->test},
                 {"entry_point", d->entry_point, &out->entry_point},
                 {"integrand", d->integrand, &out->integrand},
                 {"variable", d->variable, &out->variable}};
    enum status st = make_id(record, arena, &out->doc_id);
    for (size_t i = 0; !st && i < sizeof(texts) / sizeof(*texts); i++)
        st = make(record, arena, texts[i].key, texts[i].template, texts[i].out);
    if (!st && d->task.kind == TASK_CHOICES)
        st = make_choices(record, arena, out);
    if (!st && examples)
        st = put_turns(out, arena, header, examples);
    return st ? st : put_before(out, arena, header, examples ? examples->text : "");
}
