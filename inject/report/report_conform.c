/* SPDX-License-Identifier: MIT */
/* A sum of each row's comparable fields finds the rows that differ; those are compared in full. */
#include "inject/report/report_conform.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/stats/stats_interval.h"
#include "inject/store/store_prompt.h"

#define CONFORM_CONFIDENCE 0.95

struct sum {
    int64_t trial;
    const char *arm;
    uint64_t hash;
};

struct sums {
    struct sum *sum; /* (count) by trial, then arm; owned */
    size_t count, room;
    struct arena arena; /* names of arms */
    struct report_names names;
};

static enum status visit(void *user, const struct trial_row *row)
{
    struct sums *sums = user;
    if (row->control && strcmp(row->control, "cpu") == 0)
        return STATUS_OK; /* the CPU ran it in both: it says nothing about a device */
    if (row->suspect)
        return STATUS_OK;
    if (sums->count == sums->room) {
        const size_t room = 2 * sums->room + 1024;
        struct sum *larger = realloc(sums->sum, room * sizeof(*larger));
        if (!larger) {
            log_error("compare: found no memory for %zu trials", room);
            return STATUS_MEMORY;
        }
        sums->sum = larger;
        sums->room = room;
    }
    uint32_t arm = 0;
    const enum status st = report_names_find(&sums->names, &sums->arena, row->arm, &arm);
    if (!st)
        sums->sum[sums->count++] =
            (struct sum){row->trial, sums->names.text[arm], trial_row_digest(row)};
    return st;
}

static int compare_keys(const struct sum *a, const struct sum *b)
{
    return a->trial != b->trial ? (a->trial > b->trial) - (a->trial < b->trial)
                                : strcmp(a->arm, b->arm);
}

static int by_place(const void *a, const void *b)
{
    return compare_keys(a, b);
}

/* Rows of all arms. */
static enum status read_sums(struct sums *out, const struct store *store)
{
    enum status st = store_each_row(store, visit, out);
    st = st ? st : store_each_armed(store, visit, out);
    if (out->count > 1)
        qsort(out->sum, out->count, sizeof(*out->sum), by_place);
    return st;
}

static enum status check_identity(const struct report_source *first,
                                  const struct report_source *second)
{
    const struct store_identity *a = store_identity(first->store);
    const struct store_identity *b = store_identity(second->store);
    const bool same = strcmp(a->plan_hash, b->plan_hash) == 0;
    if (same && strcmp(a->model_hash, b->model_hash) == 0) {
        /* waves that only one of them has are not shared */
        if (store_waves_begin(a->waves, b->waves) || store_waves_begin(b->waves, a->waves))
            return STATUS_OK;
        log_error("%s: found the waves '%s' (trials @ first id), expected those of %s or their "
                  "first ones: '%s'",
                  second->path, b->waves, first->path, a->waves);
        return STATUS_INPUT;
    }
    log_error(
        "%s: found another %s than in %s, expected the same campaign; releases are compared by "
        "--baseline",
        second->path, same ? "model" : "plan", first->path);
    return STATUS_INPUT;
}

/* Records of other prompts are other records. */
static enum status check_prompts(const struct report_source *first,
                                 const struct report_source *second)
{
    const struct report_data *a = &first->data, *b = &second->data;
    struct store_prompt_difference difference;
    for (uint32_t i = 0; i < a->n_items && i < b->n_items; i++) {
        if (store_prompt_same(b->item[i].prompt_ids, a->item[i].prompt_ids, &difference))
            continue;
        log_error("%s: item %" PRIu32 ": %s, as in %s: the tokenizer or chat template is another",
                  second->path, i, difference.text, first->path);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static void count_field(struct report_conform *out, const char *field)
{
    uint32_t at = 0;
    while (at < out->n_fields && out->field[at].field != field)
        at++;
    if (at == out->n_fields)
        out->field[out->n_fields++] = (struct report_conform_field){field, 0};
    out->field[at].count++;
}

static bool is_marked(const struct report_source *source, int64_t item)
{
    return item >= 0 && item < source->data.n_items && source->data.item[item].underflow;
}

/* Compares both rows in full: the first field that differs. */
static enum status examine(struct report_conform *out, struct arena *arena,
                           const struct report_source *const source[2], const struct sum *sum)
{
    const struct report_source *first = source[0], *second = source[1];
    const struct store_key key = {sum->trial, sum->arm};
    struct arena own = {0};
    struct trial_row a, b;
    struct trial_row_difference difference = {0};
    bool found_a = false, found_b = false;
    enum status st = store_find_armed(first->store, &key, &own, &a, &found_a);
    st = st ? st : store_find_armed(second->store, &key, &own, &b, &found_b);
    if (!st && found_a && found_b)
        trial_row_compare(&a, &b, &difference);
    out->differ_underflow += found_a && (is_marked(first, a.item) || is_marked(second, a.item));
    if (difference.field) {
        count_field(out, difference.field->name);
        if (out->n_examples < REPORT_CONFORM_SHOWN) {
            const char *text = arena_text(arena, difference.text, strlen(difference.text));
            const char *arm = arena_text(arena, sum->arm, strlen(sum->arm));
            out->example[out->n_examples++] =
                (struct report_conform_example){sum->trial, arm, difference.field->name, text};
            st = text && arm ? STATUS_OK : STATUS_MEMORY;
        }
    }
    arena_finish(&own);
    return st;
}

static int by_count(const void *a, const void *b)
{
    const struct report_conform_field *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return strcmp(x->field, y->field);
}

static enum status merge(struct report_conform *out, struct arena *arena,
                         const struct report_source *const source[2], const struct sums sums[2])
{
    enum status st = STATUS_OK;
    size_t i = 0, j = 0;
    while (!st && i < sums[0].count && j < sums[1].count) {
        const struct sum *a = &sums[0].sum[i], *b = &sums[1].sum[j];
        const int order = compare_keys(a, b);
        i += order <= 0;
        j += order >= 0;
        out->only_first += order < 0;
        out->only_second += order > 0;
        if (order != 0)
            continue;
        out->shared++;
        if (a->hash == b->hash)
            continue;
        out->differ++;
        st = examine(out, arena, source, a);
    }
    out->only_first += sums[0].count - i;
    out->only_second += sums[1].count - j;
    return st;
}

enum status report_conform_compare(struct report_conform *out, struct arena *arena,
                                   const struct report_source *first,
                                   const struct report_source *second)
{
    struct sums sums[2] = {{0}, {0}};
    const struct report_source *const source[2] = {first, second};
    *out = (struct report_conform){
        .field = arena_array(arena, trial_row_table.count, sizeof(*out->field))};
    enum status st = out->field ? check_identity(first, second) : STATUS_MEMORY;
    st = st ? st : check_prompts(first, second);
    for (int s = 0; !st && s < 2; s++)
        st = read_sums(&sums[s], source[s]->store);
    st = st ? st : merge(out, arena, source, sums);
    if (!st) {
        qsort(out->field, out->n_fields, sizeof(*out->field), by_count);
        out->upper = stats_interval_clopper_pearson(
                         (double)out->differ, (double)out->shared,
                         (struct stats_interval_level){CONFORM_CONFIDENCE, STATS_INTERVAL_UPPER})
                         .high;
    }
    for (int s = 0; s < 2; s++) {
        arena_finish(&sums[s].arena);
        free(sums[s].sum);
    }
    return st;
}
