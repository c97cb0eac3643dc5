/* SPDX-License-Identifier: MIT */
/* The items of a task: chooses records for them and for examples. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tasks/task_record.h"

#define LEFT_OUT UINT32_MAX

/* A source of examples: all data, or a group. */
struct group {
    const char *name;
    uint32_t count;             /* records */
    uint32_t pool;              /* of them, at the end, for examples */
    uint32_t seen;              /* so far, or wanted */
    struct text examples;       /* with a separator after each */
    struct template_turn *turn; /* (n_turns) the same as turns of a chat */
    uint32_t n_examples, n_turns;
};

struct maker {
    const struct task_definition *d;
    const struct task_query *query;
    struct task_items *out;
    struct arena arena; /* freed after making the items */
    struct task_files files;
    struct template_record *words;
    struct group all;    /* examples for every item */
    struct group *group; /* (n_groups) */
    uint32_t n_groups;
    uint32_t *group_of; /* (n_records) of each record, or LEFT_OUT; null: not needed */
    uint8_t *wanted;    /* (n_records) as an item; null: all in range */
    uint32_t n_records, n_left_out;
    uint32_t room_records, room_items;
};

/* A pass's action on each record, and on those that are left out; `stop` ends it. */
struct visit {
    enum status (*record)(struct maker *m, const struct task_record *record);
    enum status (*left_out)(struct maker *m);                        /* null: none */
    bool (*skip)(const struct maker *m, uint32_t index, bool *stop); /* null: none */
};

static enum status visit_record(struct maker *m, const struct visit *visit,
                                const struct json *object, const struct task_place *place)
{
    struct task_record record;
    bool left_out = false;
    enum status st = task_record_init(&record, m->d, object, place);
    if (!st)
        st = task_record_left_out(&record, &left_out);
    if (!st && !left_out)
        st = visit->record(m, &record);
    else if (!st && visit->left_out)
        st = visit->left_out(m);
    task_record_finish(&record);
    return st;
}

static enum status visit_file(struct maker *m, const struct visit *visit,
                              const struct task_file *file, uint32_t *index, bool *stop)
{
    struct task_source source = {m->d->format, m->d->columns.text, m->d->columns.count, {NULL}};
    struct task_reader *reader = NULL;
    memcpy(source.path, file->path, sizeof(source.path));
    enum status st = task_reader_create(&reader, &source);
    for (uint32_t row = 0; !st && !*stop; row++, ++*index) {
        struct json_doc *doc = NULL;
        st = task_reader_next(reader, &doc);
        if (st || !doc)
            break;
        const struct task_place place = {m->words, file, row, *index, task_reader_where(reader)};
        if (!visit->skip || !visit->skip(m, *index, stop))
            st = visit_record(m, visit, json_root(doc), &place);
        json_destroy(&doc);
    }
    task_reader_destroy(&reader);
    return st;
}

static enum status visit_all(struct maker *m, const struct visit *visit)
{
    uint32_t index = 0;
    bool stop = false;
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && !stop && i < m->files.count; i++)
        st = visit_file(m, visit, &m->files.file[i], &index, &stop);
    return st;
}

/* Room for one more of `count` elements. */
static enum status grow(void **list, uint32_t *room, uint32_t count, size_t size)
{
    if (count < *room)
        return STATUS_OK;
    const uint32_t more = *room ? 2 * *room : 256;
    void *larger = realloc(*list, more * size);
    if (!larger) {
        log_error("out of host memory, %u records", more);
        return STATUS_MEMORY;
    }
    *list = larger;
    *room = more;
    return STATUS_OK;
}

static enum status find_group(struct maker *m, const char *name, uint32_t *out)
{
    for (*out = m->n_groups; *out > 0;) { /* records of a group are mostly together */
        if (strcmp(m->group[--*out].name, name) == 0)
            return STATUS_OK;
    }
    struct group *more = realloc(m->group, (m->n_groups + 1) * sizeof(*more));
    char *copy = arena_text(&m->arena, name, strlen(name));
    if (more)
        m->group = more;
    if (!more || !copy)
        return STATUS_MEMORY;
    *out = m->n_groups++;
    m->group[*out] = (struct group){.name = copy};
    return STATUS_OK;
}

static enum status add_group(struct maker *m, uint32_t group)
{
    const enum status st =
        grow((void **)&m->group_of, &m->room_records, m->n_records, sizeof(*m->group_of));
    if (!st)
        m->group_of[m->n_records++] = group;
    return st;
}

static enum status count_left_out(struct maker *m)
{
    m->n_left_out++;
    return add_group(m, LEFT_OUT);
}

/* First pass: groups, with their sizes. */
static enum status count_record(struct maker *m, const struct task_record *record)
{
    struct arena arena = {0};
    const char *name = "";
    uint32_t group = 0;
    enum status st = task_record_group(record, &arena, &name);
    if (!st)
        st = find_group(m, name, &group);
    if (!st)
        st = add_group(m, group);
    if (!st)
        m->group[group].count++;
    arena_finish(&arena);
    return st;
}

static bool by_group(const struct maker *m)
{
    return m->d->pool_of_groups && !m->d->examples;
}

/* The group whose examples a record gives or gets. */
static struct group *pool_of(struct maker *m, uint32_t index)
{
    return by_group(m) ? &m->group[m->group_of[index]] : &m->all;
}

/* Records for examples, the last of all or of each group and at most half of them, are not
 * items. */
static enum status mark_pool(struct maker *m, struct group *group)
{
    group->pool = m->d->pool < group->count / 2 ? m->d->pool : group->count / 2;
    group->seen = 0;
    if (group->pool >= m->query->shots)
        return STATUS_OK;
    log_error("task %s: found %u shots, expected at most %u of %u records%s%s", m->d->task.name,
              m->query->shots, group->pool, group->count, by_group(m) ? " of " : "",
              by_group(m) ? group->name : "");
    return STATUS_INPUT;
}

static enum status mark_pools(struct maker *m)
{
    enum status st = STATUS_OK;
    m->all.count = m->n_records - m->n_left_out;
    for (uint32_t i = 0; !st && by_group(m) && i < m->n_groups; i++)
        st = mark_pool(m, &m->group[i]);
    if (!st && !by_group(m))
        st = mark_pool(m, &m->all);
    for (uint32_t i = 0; !st && i < m->n_records; i++) {
        if (m->group_of[i] == LEFT_OUT)
            continue;
        struct group *group = pool_of(m, i);
        m->wanted[i] = group->seen++ + group->pool < group->count;
    }
    return st;
}

static enum status add_example(struct maker *m, const struct task_record *record)
{
    struct group *group = pool_of(m, record->index);
    struct task_example example;
    if (group->n_examples == m->query->shots)
        return STATUS_OK;
    if (!group->turn)
        group->turn = arena_array(&m->out->arena, m->query->shots, sizeof(*group->turn));
    enum status st =
        group->turn ? task_record_example(record, &m->out->arena, &example) : STATUS_MEMORY;
    if (!st)
        st = text_addf(&group->examples, "%s%s", example.text, m->d->separator);
    if (!st && example.turn.user)
        group->turn[group->n_turns++] = example.turn;
    group->n_examples += !st;
    return st;
}

/* Examples in the definition itself. */
static enum status take_records(struct maker *m)
{
    const struct visit visit = {add_example, NULL, NULL};
    enum status st = STATUS_OK;
    if (json_count(m->d->examples) < m->query->shots) {
        log_error("task %s: found %u shots, expected at most %zu", m->d->task.name, m->query->shots,
                  json_count(m->d->examples));
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; !st && i < m->query->shots; i++) {
        const struct json *object = json_at(m->d->examples, i);
        char where[512]; /* json_where has one buffer for all */
        snprintf(where, sizeof(where), "%s", json_where(m->d->doc, object));
        const struct task_place place = {m->words, NULL, i, 0, where};
        st = visit_record(m, &visit, object, &place);
    }
    return st;
}

static bool skip_wanted(const struct maker *m, uint32_t index, bool *stop)
{
    (void)stop;
    return m->wanted[index] != 0;
}

/* Limits the wanted items: one of each group, then a second of each, and so on. */
static void spread(struct maker *m)
{
    uint32_t rest = m->query->spread, most = 0, full = 0, sum = 0;
    for (uint32_t i = 0; i < m->n_groups; i++)
        m->group[i].count = m->group[i].seen = 0;
    for (uint32_t i = 0; i < m->n_records; i++) {
        if (m->wanted[i])
            m->group[m->group_of[i]].count++;
    }
    for (uint32_t i = 0; i < m->n_groups; i++)
        most = m->group[i].count > most ? m->group[i].count : most;
    for (; full < most; full++, rest -= sum) { /* whole rounds */
        sum = 0;
        for (uint32_t i = 0; i < m->n_groups; i++)
            sum += m->group[i].count > full;
        if (sum > rest)
            break;
    }
    for (uint32_t i = 0; i < m->n_records; i++) {
        if (!m->wanted[i])
            continue;
        struct group *group = &m->group[m->group_of[i]];
        m->wanted[i] = group->seen < full || (group->seen == full && rest > 0);
        rest -= group->seen == full && m->wanted[i];
        group->seen++;
    }
}

static bool in_range(const struct task_query *query, uint32_t index)
{
    return index >= query->first && (query->limit == 0 || index - query->first < query->limit);
}

/* First counts the records, if that decides which are items. */
static enum status choose(struct maker *m)
{
    const struct visit count = {count_record, count_left_out, NULL},
                       examples = {add_example, NULL, skip_wanted};
    const bool pooled = m->query->shots > 0 && !m->d->examples;
    if (m->query->shots > 0 && m->d->examples) {
        const enum status st = take_records(m);
        if (st)
            return st;
    }
    if (!pooled && m->query->spread == 0)
        return STATUS_OK;
    enum status st = visit_all(m, &count);
    m->wanted = malloc(m->n_records + 1);
    if (!m->wanted) {
        log_error("out of host memory, %u records", m->n_records);
        return STATUS_MEMORY;
    }
    for (uint32_t i = 0; i < m->n_records; i++)
        m->wanted[i] = m->group_of[i] != LEFT_OUT;
    if (!st && pooled)
        st = mark_pools(m);
    if (!st && pooled)
        st = visit_all(m, &examples);
    for (uint32_t i = 0; i < m->n_records; i++)
        m->wanted[i] = m->wanted[i] && in_range(m->query, i);
    if (!st && m->query->spread > 0)
        spread(m);
    return st;
}

static bool skip_others(const struct maker *m, uint32_t index, bool *stop)
{
    *stop = m->query->limit > 0 && index >= m->query->first &&
            index - m->query->first >= m->query->limit;
    return m->wanted ? !m->wanted[index] : !in_range(m->query, index);
}

static enum status add_item(struct maker *m, const struct task_record *record)
{
    struct task_items *out = m->out;
    enum status st = grow((void **)&out->item, &m->room_items, out->count, sizeof(*out->item));
    if (st)
        return st;
    const struct group *group = m->query->shots > 0 ? pool_of(m, record->index) : NULL;
    struct task_examples examples = {0};
    if (group)
        examples = (struct task_examples){text_of(&group->examples), group->turn, group->n_turns};
    st = task_record_item(record, &out->arena, group ? &examples : NULL, &out->item[out->count]);
    out->count += !st;
    return st;
}

/* The definition's words, visible to every record. */
static enum status set_words(struct maker *m)
{
    struct template_problem problem;
    enum status st = template_record_create(&m->words, NULL);
    if (!st && m->d->words)
        st = template_record_set(m->words, "words", m->d->words, &problem);
    if (st == STATUS_INPUT)
        log_error("%s: %s", json_where(m->d->doc, m->d->words), problem.text);
    return st;
}

static void set_chance(struct maker *m)
{
    struct task_items *out = m->out;
    double sum = 0;
    for (uint32_t i = 0; i < out->count && m->d->task.kind == TASK_CHOICES; i++)
        sum += 1.0 / out->item[i].n_choices;
    out->chance = !isnan(m->d->task.chance) ? m->d->task.chance
                  : out->count > 0          ? sum / out->count
                                            : 0;
}

static void finish(struct maker *m)
{
    for (uint32_t i = 0; i < m->n_groups; i++)
        text_finish(&m->group[i].examples);
    text_finish(&m->all.examples);
    template_record_destroy(&m->words);
    arena_finish(&m->arena);
    free(m->group);
    free(m->group_of);
    free(m->wanted);
}

enum status task_items(struct task_items *out, const struct task *task,
                       const struct task_query *query)
{
    const struct visit items = {add_item, NULL, skip_others};
    struct maker m = {.d = task_definition_of(task), .query = query, .out = out};
    *out = (struct task_items){0};
    enum status st = task_files_find(&m.files, &m.arena, m.d, query);
    if (!st)
        st = set_words(&m);
    if (!st)
        st = choose(&m);
    if (!st)
        st = visit_all(&m, &items);
    if (!st)
        set_chance(&m);
    finish(&m);
    if (st)
        task_items_finish(out);
    return st;
}

enum status task_count(struct task_count *out, const struct task *task,
                       const struct task_query *query)
{
    const struct visit count = {count_record, count_left_out, NULL};
    struct maker m = {.d = task_definition_of(task), .query = query};
    enum status st = task_files_find(&m.files, &m.arena, m.d, query);
    if (!st)
        st = set_words(&m);
    if (!st)
        st = visit_all(&m, &count);
    *out = (struct task_count){m.n_records, m.n_left_out};
    finish(&m);
    return st;
}

void task_items_finish(struct task_items *items)
{
    arena_finish(&items->arena);
    free(items->item);
    *items = (struct task_items){0};
}

void task_items_put_turns(struct json_writer *w, const struct task_item *item)
{
    if (item->n_turns == 0)
        return;
    json_member_array(w, "turns");
    for (uint32_t i = 0; i < item->n_turns; i++) {
        json_array_open(w);
        json_put_text(w, item->turn[i].user);
        json_put_text(w, item->turn[i].assistant);
        json_array_close(w);
    }
    json_array_close(w);
}
