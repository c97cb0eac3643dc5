/* SPDX-License-Identifier: MIT */
/* Rows to arrays, numbered clusters. */
#include "inject/report/report_data.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"

const char *report_data_name(const struct report_data *data, uint32_t name)
{
    return name < data->names.count ? data->names.text[name] : "";
}

uint32_t report_data_underflow(const struct report_data *data)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < data->n_items; i++)
        n += data->item[i].underflow;
    return n;
}

bool report_data_is_complete(const struct report_data *data)
{
    return data->n_rows >= data->expected && data->armed_missing == 0;
}

uint32_t report_data_stratum(const struct report_data *data, const char *label)
{
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (strcmp(data->stratum[h].label, label) == 0)
            return h;
    }
    return REPORT_NONE;
}

bool report_data_dimension(const char *label, const char *dimension, char *out, size_t size)
{
    const size_t n = strlen(dimension);
    for (const char *at = label; *at;) {
        const size_t word = strcspn(at, " ");
        if (strncmp(at, dimension, n) == 0 && at[n] == '=' && word - n - 1 < size) {
            memcpy(out, at + n + 1, word - n - 1);
            out[word - n - 1] = '\0';
            return true;
        }
        at += word;
        at += strspn(at, " ");
    }
    return false;
}

static uint64_t fold_text(uint64_t h, const char *text)
{
    if (!text)
        return hash_fold64(h, 0);
    for (; *text; text++)
        h = hash_fold64(h, (unsigned char)*text);
    return hash_fold64(h, 1);
}

uint64_t report_data_fault_key(const struct trial_row *row)
{
    const bool stored =
        row->place && (strcmp(row->place, kinds_text(KINDS_PLACE, PLACE_WEIGHT)) == 0 ||
                       strcmp(row->place, kinds_text(KINDS_PLACE, PLACE_TABLE)) == 0);
    const char *texts[] = {row->place,       row->site, row->point,    row->readers,
                           row->granularity, row->kind, row->duration, row->bit_field};
    const int64_t numbers[] = {row->row, row->rows, row->k, row->mask, row->bit, row->n_faults};
    uint64_t h = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        h = fold_text(h, texts[i]);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        h = hash_fold64(h, (uint64_t)numbers[i]);
    if (stored)
        return h;
    h = hash_fold64(h, (uint64_t)row->key);
    h = hash_fold64(h, row->step != TRIAL_ROW_NULL);
    return hash_fold64(h, (uint64_t)(row->step != TRIAL_ROW_NULL ? row->step : row->position));
}

static int32_t or_minus(int64_t value)
{
    return value == TRIAL_ROW_NULL ? -1 : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/* A value of a table of kinds; null is its first. */
static enum status find_kind(uint8_t *out, enum kinds_table table, const char *text, uint64_t trial)
{
    *out = 0;
    if (!text)
        return STATUS_OK;
    const int found = kinds_find(table, text);
    if (found < 0) {
        log_error("trial %" PRIu64 ": found \"%s\", which this program does not know", trial, text);
        return STATUS_INPUT;
    }
    *out = (uint8_t)found;
    return STATUS_OK;
}

static enum status find_flags(uint32_t *out, const char *flags)
{
    char word[32];
    *out = 0;
    while (flags && *flags) {
        const size_t n = strcspn(flags, "+");
        if (n < sizeof(word)) {
            memcpy(word, flags, n);
            word[n] = '\0';
            const int flag = kinds_find(KINDS_FLAG, word);
            *out |= flag < 0 ? 0 : UINT32_C(1) << flag;
        }
        flags += n + (flags[n] == '+');
    }
    return STATUS_OK;
}

/* "blk.3.attn_q" is an attn_q; "output" is itself. */
static const char *site_kind(const char *site)
{
    if (!site || strncmp(site, "blk.", 4) != 0)
        return site;
    const char *dot = strchr(site + 4, '.');
    return dot ? dot + 1 : site;
}

static enum status find_names(struct report_data *data, const struct trial_row *row,
                              struct report_trial *t)
{
    struct report_names *names = &data->names;
    enum status st = report_names_find(names, &data->arena, row->site, &t->site);
    st = st ? st : report_names_find(names, &data->arena, site_kind(row->site), &t->site_kind);
    st = st ? st : report_names_find(names, &data->arena, row->op, &t->op);
    return st ? st : report_names_find(names, &data->arena, row->bit_field, &t->field);
}

static enum status find_kinds(const struct trial_row *row, struct report_trial *t)
{
    enum status st = find_kind(&t->place, KINDS_PLACE, row->place, t->trial);
    st = st ? st : find_kind(&t->point, KINDS_POINT, row->point, t->trial);
    st = st ? st : find_kind(&t->kind, KINDS_KIND, row->kind, t->trial);
    st = st ? st : find_kind(&t->duration, KINDS_DURATION, row->duration, t->trial);
    st = st ? st : find_kind(&t->stage, KINDS_STAGE, row->stage, t->trial);
    st = st ? st : find_kind(&t->granularity, KINDS_GRANULARITY, row->granularity, t->trial);
    st = st ? st : find_kind(&t->outcome, KINDS_OUTCOME, row->outcome, t->trial);
    return st ? st : find_kind(&t->due, KINDS_DUE_REASON, row->due_reason, t->trial);
}

void *report_data_grow(void *array, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return array;
    const size_t more = needed > 2 * *room ? needed + 1024 : 2 * *room;
    void *larger = realloc(array, more * size);
    if (!larger) {
        log_error("report: found no memory for %zu elements of %zu bytes", more, size);
        return NULL;
    }
    *room = more;
    return larger;
}

/* The relative L2 distances of "[[max_abs, rel_l2, bits], ...]"; a null boundary is NaN. */
static enum status add_deviation(struct report_data *data, const char *text, struct report_trial *t)
{
    struct json_doc *doc = NULL;
    t->deviation = data->n_deviation;
    if (!text || !*text)
        return STATUS_OK;
    enum status st = json_parse(&doc, text, strlen(text), "deviation");
    if (st)
        return st;
    const size_t count = json_count(json_root(doc));
    double *larger = report_data_grow(data->deviation, &data->deviation_room,
                                      data->n_deviation + count, sizeof(*larger));
    if (larger) {
        data->deviation = larger;
        for (size_t i = 0; i < count; i++)
            larger[data->n_deviation++] = json_number(json_at(json_at(json_root(doc), i), 1));
        t->n_deviation = (uint32_t)count;
    }
    json_destroy(&doc);
    return larger ? STATUS_OK : STATUS_MEMORY;
}

/* At most `item`, which may be none of the plan's: fill_trial refuses it. */
static uint32_t base_of(const struct plan *plan, int64_t item)
{
    return item >= 0 && item < plan->n_items ? plan->item[item].base : (uint32_t)item;
}

/* A text is its own answer where none is extracted from it; if golden's text has none to extract,
 * and the faulty one neither, nothing changed. */
static bool is_answer_changed(const struct plan *plan, const struct trial_row *row, uint8_t outcome)
{
    const uint32_t item = (uint32_t)row->item;
    const struct plan_question *q = item < plan->n_items ? plan->item[item].question : NULL;
    if (outcome < OUTCOME_SDC_UNSCORED)
        return false;
    if (row->answer_golden && row->answer_faulty)
        return strcmp(row->answer_golden, row->answer_faulty) != 0;
    return row->answer_golden || row->answer_faulty || !q || q->metric != TASK_EXACT_MATCH;
}

/* What a trial made of a sentence of a corpus: its answer, or all of a text from which none was
 * taken. */
static enum status keep_text(struct report_data *data, const struct trial_row *row,
                             struct report_trial *t)
{
    const struct plan_question *q =
        t->item < data->plan->n_items ? data->plan->item[t->item].question : NULL;
    if (!q || !task_metric_is_corpus(q->metric) || t->outcome < OUTCOME_SDC_UNSCORED)
        return STATUS_OK;
    const char *text = row->answer_faulty ? row->answer_faulty
                       : row->faulty_text ? row->faulty_text
                                          : "";
    t->text = arena_text(&data->arena, text, strlen(text));
    return t->text ? STATUS_OK : STATUS_MEMORY;
}

static int32_t top_bit_of(int64_t mask)
{
    return mask == TRIAL_ROW_NULL || mask == 0 ? -1 : 63 - __builtin_clzll((uint64_t)mask);
}

static enum status fill_trial(struct report_data *data, const struct trial_row *row,
                              struct report_trial *t)
{
    *t = (struct report_trial){
        .trial = (uint64_t)row->trial,
        .fault_key = report_data_fault_key(row),
        .item = (uint32_t)row->item,
        .base = base_of(data->plan, row->item),
        .stratum = (uint32_t)row->stratum,
        .device = row->device_id == TRIAL_ROW_NULL ? REPORT_NONE : (uint32_t)row->device_id,
        .n_faults = row->n_faults > 0 ? (uint32_t)row->n_faults : 1,
        .layer = or_minus(row->layer),
        .step = or_minus(row->step),
        .bit = or_minus(row->bit),
        .top_bit = top_bit_of(row->mask),
        .first_diff = or_minus(row->first_diff),
        .golden_len = or_minus(row->golden_len),
        .weight = isnan(row->arm_weight) ? 1 : row->arm_weight,
        .faulty_len = or_minus(row->faulty_len),
        .rel_change = row->rel_change,
        .margin = row->margin_at_fault,
        .logp_sum = row->logp_sum,
        .kl = row->kl,
        .score_golden = row->score_golden,
        .score_faulty = row->score_faulty,
    };
    if (row->item < 0 || row->item >= data->n_items || row->stratum < 0 ||
        row->stratum >= data->n_strata) {
        log_error("trial %" PRIu64 ": found item %" PRId64 " and stratum %" PRId64
                  ", expected below %" PRIu32 " and %" PRIu32,
                  t->trial, row->item, row->stratum, data->n_items, data->n_strata);
        return STATUS_INPUT;
    }
    enum status st = find_names(data, row, t);
    st = st ? st : find_kinds(row, t);
    st = st ? st : find_flags(&t->flags, row->flags);
    st = st ? st : add_deviation(data, row->deviation, t);
    st = st ? st : keep_text(data, row, t);
    t->changed = t->outcome != OUTCOME_NOT_REACHED && t->outcome != OUTCOME_INERT;
    t->golden_right = row->score_golden >= REPORT_RIGHT;
    t->answer_changed = is_answer_changed(data->plan, row, t->outcome);
    data->scored = data->scored || !isnan(row->score_golden);
    data->most_faults = t->n_faults > data->most_faults ? t->n_faults : data->most_faults;
    return st;
}

bool report_data_is_masked(uint8_t outcome)
{
    return outcome == OUTCOME_NOT_REACHED || outcome == OUTCOME_INERT ||
           outcome == OUTCOME_MASKED_BITEXACT || outcome == OUTCOME_MASKED_TOKENS;
}

bool report_data_is_harm(const struct report_data *data, const struct report_trial *trial)
{
    return data->scored ? trial->outcome == OUTCOME_SDC_CRITICAL
                        : trial->outcome >= OUTCOME_SDC_UNSCORED;
}

static enum status add_trial(struct report_data *data, const struct trial_row *row)
{
    struct report_trial *larger =
        report_data_grow(data->trial, &data->room, data->n + 1, sizeof(*larger));
    if (!larger)
        return STATUS_MEMORY;
    data->trial = larger;
    return fill_trial(data, row, &larger[data->n++]);
}

static enum status visit(void *user, const struct trial_row *row)
{
    struct report_data *data = user;
    if ((uint64_t)row->trial >= data->limit)
        return STATUS_OK;
    data->n_rows++;
    const int role = row->control ? kinds_find(KINDS_ROLE, row->control) : ROLE_TRIAL;
    if (role < 0) {
        log_error("trial %" PRId64 ": found control \"%s\", which this program does not know",
                  row->trial, row->control);
        return STATUS_INPUT;
    }
    if (row->suspect && role == ROLE_TRIAL)
        data->suspect++;
    else
        data->role[role]++;
    if (row->suspect || role != ROLE_TRIAL)
        return STATUS_OK;
    const int outcome = kinds_find(KINDS_OUTCOME, row->outcome);
    data->armed_missing += data->arm && outcome >= 0 && !report_data_is_masked((uint8_t)outcome);
    return data->arm ? STATUS_OK : add_trial(data, row);
}

/* Runs under the arm; those of trials that are not masked count once. */
static enum status visit_armed(void *user, const struct trial_row *row)
{
    struct report_data *data = user;
    if (row->trial < 0 || (uint64_t)row->trial >= data->limit || row->suspect ||
        strcmp(row->arm, data->arm) != 0)
        return STATUS_OK;
    data->armed_missing -= row->arm_weight <= 1;
    return add_trial(data, row);
}

/* A trial's keys for the numbering of clusters. */
struct keyed {
    uint64_t key;
    size_t trial;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

static int by_stratum(const void *a, const void *b)
{
    const struct report_trial *x = a, *y = b;
    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* Equal keys get one number, in rising order of keys. */
static uint32_t number_keys(struct keyed *keyed, struct report_trial *trial, size_t n, bool cells)
{
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t key = trial[i].fault_key;
        keyed[i] = (struct keyed){cells ? hash_fold64(key, trial[i].base) : key, i};
    }
    qsort(keyed, n, sizeof(*keyed), by_key);
    for (size_t i = 0; i < n; i++) {
        count += i == 0 || keyed[i].key != keyed[i - 1].key;
        if (cells)
            trial[keyed[i].trial].cell = count - 1;
        else
            trial[keyed[i].trial].fault = count - 1;
    }
    return count;
}

static enum status number_clusters(struct report_data *data)
{
    struct keyed *keyed = malloc((data->n + 1) * sizeof(*keyed));
    if (!keyed) {
        log_error("report: found no memory to sort %zu trials", data->n);
        return STATUS_MEMORY;
    }
    if (data->n > 1)
        qsort(data->trial, data->n, sizeof(*data->trial), by_stratum);
    data->n_faults = number_keys(keyed, data->trial, data->n, false);
    data->n_cells = number_keys(keyed, data->trial, data->n, true);
    free(keyed);
    return STATUS_OK;
}

/* Drawn shares of strata without repeated faults. If items share faults a stratum's size does not
 * count what was drawn; a census has each fault on each item it fits. */
static enum status set_drawn(struct report_data *data)
{
    const bool census = data->plan->population == PLAN_CENSUS;
    double total = 0;
    data->drawn = arena_array(&data->arena, (size_t)data->n_strata + 1, sizeof(double));
    if (!data->drawn)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++)
        data->drawn[data->trial[i].stratum]++;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const struct store_stratum *s = &data->stratum[h];
        const bool once =
            !data->arm && s->distinct_faults && (census || data->plan->design == PLAN_NESTED);
        data->drawn[h] = once && s->size > 0 ? fmin(data->drawn[h] / s->size, 1) : 0;
        total += s->size;
    }
    for (uint32_t h = 0; census && h < data->n_strata; h++)
        data->stratum[h].weight = data->stratum[h].size / total;
    return STATUS_OK;
}

/* Ids of the shard below `limit`. */
static uint64_t ids_of_shard(const struct store_identity *identity, uint64_t limit)
{
    const uint64_t trials = limit < identity->trials ? limit : identity->trials;
    const uint32_t shards = identity->shards ? identity->shards : 1;
    return trials > identity->shard ? (trials - identity->shard + shards - 1) / shards : 0;
}

/* Rows name strata and items by id; the arrays must be in that order. */
static enum status check_order(const struct report_data *data)
{
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (data->stratum[h].id != h) {
            log_error("table stratum: found id %" PRIu32 ", expected %" PRIu32, data->stratum[h].id,
                      h);
            return STATUS_INPUT;
        }
    }
    for (uint32_t i = 0; i < data->n_items; i++) {
        if (data->item[i].id != i) {
            log_error("table item: found id %" PRIu32 ", expected %" PRIu32, data->item[i].id, i);
            return STATUS_INPUT;
        }
    }
    return STATUS_OK;
}

enum status report_data_load(struct report_data *out, struct store *store, const struct plan *plan,
                             uint64_t limit, const char *arm)
{
    *out = (struct report_data){.store = store,
                                .plan = plan,
                                .limit = limit,
                                .arm = arm,
                                .identity = store_identity(store),
                                .design_effect = 1};
    struct arena *arena = &out->arena;
    enum status st = store_read_strata(store, arena, &out->stratum, &out->n_strata);
    st = st ? st : store_read_items(store, arena, &out->item, &out->n_items);
    st = st ? st : store_read_devices(store, arena, &out->device, &out->n_devices);
    st = st ? st : store_read_incidents(store, arena, &out->incident, &out->n_incidents);
    st = st ? st : check_order(out);
    out->n_bases = out->n_items > 0 ? base_of(plan, out->n_items - 1) + 1 : 0;
    st = st ? st : store_each_row(store, visit, out);
    if (!st && arm)
        st = store_each_armed(store, visit_armed, out);
    st = st ? st : number_clusters(out);
    st = st ? st : set_drawn(out);
    out->expected = ids_of_shard(out->identity, limit);
    if (st)
        report_data_finish(out);
    return st;
}

void report_data_finish(struct report_data *data)
{
    free(data->trial);
    free(data->deviation);
    arena_finish(&data->arena);
    *data = (struct report_data){0};
}
