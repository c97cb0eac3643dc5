/* SPDX-License-Identifier: MIT */
/* Checks a contrast without a model: its words, and that its sides are disjoint. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "inject/plan/plan_contrast.h"
#include "inject/plan/plan_read.h"
#include "model/graph.h"
#include "model/quant.h"

#define WORDS_MAX 65   /* of a dimension */
#define WORDS_TEXT 160 /* of what both sides share, in a message */

static const char *const BIT_FIELDS[] = {"sign", "exponent", "mantissa", "integer"};

struct list {
    const char *word[WORDS_MAX];
    size_t count;
};

static void add(struct list *list, const char *word)
{
    if (list->count < WORDS_MAX)
        list->word[list->count++] = word;
}

static void add_table(struct list *list, enum kinds_table table, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        add(list, kinds_text(table, i));
}

/* The values that strata can have; none if they are numbers or names from a model or plan. */
static void words_of(struct list *out, const struct plan *plan, enum plan_dimension dimension)
{
    *out = (struct list){.count = 0};
    switch (dimension) {
    case PLAN_BY_OP:
        for (uint32_t op = 0; op < OP_COUNT; op++)
            add(out, graph_op_name((enum op)op));
        break;
    case PLAN_BY_PLACE:
        add_table(out, KINDS_PLACE, 0, PLACE_COUNT);
        return;
    case PLAN_BY_POINT:
        add_table(out, KINDS_POINT, HOOK_OPERAND, HOOK_LAST + 1);
        return;
    case PLAN_BY_BIT_FIELD:
        for (size_t i = 0; i < sizeof(BIT_FIELDS) / sizeof(*BIT_FIELDS); i++)
            add(out, BIT_FIELDS[i]);
        break;
    case PLAN_BY_FIELD:
        for (uint32_t f = 0; f < QUANT_FIELD_COUNT; f++)
            add(out, quant_field_name((enum quant_field)f));
        break;
    case PLAN_BY_KIND:
        add_table(out, KINDS_KIND, 0, kinds_count(KINDS_KIND));
        return;
    case PLAN_BY_STAGE:
        add_table(out, KINDS_STAGE, 0, STAGE_ANY); /* strata split it */
        return;
    case PLAN_BY_GRANULARITY:
        add_table(out, KINDS_GRANULARITY, 0, GRANULARITY_COUNT);
        return;
    case PLAN_BY_READERS:
        add_table(out, KINDS_READERS, 0, READERS_COUNT);
        break;
    case PLAN_BY_DURATION:
        add_table(out, KINDS_DURATION, 0, DURATION_COUNT);
        return;
    case PLAN_BY_SITE_GROUP:
        for (uint32_t g = 0; g < plan->n_groups; g++)
            add(out, plan->group[g].name);
        break;
    default:
        return;
    }
    add(out, "none");
}

/* Values of a dimension with numbers are below this; 0: they are words. */
static uint32_t numbers_below(const struct plan *plan, enum plan_dimension dimension)
{
    switch (dimension) {
    case PLAN_BY_LAYER:
    case PLAN_BY_HEAD:
    case PLAN_BY_SCRUB:
        return UINT32_MAX; /* the model decides */
    case PLAN_BY_BIT:
        return 32;
    case PLAN_BY_ITEM:
        return plan_bases(plan);
    default:
        return 0;
    }
}

static enum status check_number(const struct plan_reader *r, const struct json *at,
                                enum plan_dimension dimension, const struct plan_value *value)
{
    const uint32_t below = numbers_below(r->plan, dimension);
    const char *name = kinds_text(KINDS_DIMENSION, dimension);
    const bool scrub = dimension == PLAN_BY_SCRUB;
    static const char *const words[] = {"none", "never"};
    char suggestion[ARGS_SUGGESTION];
    if (value->text && strcmp(value->text, "none") != 0 &&
        !(scrub && strcmp(value->text, "never") == 0))
        log_error("%s: found %s '%.60s', expected a number, a range as 0-9, %snone%s",
                  json_where(r->doc, at), name, value->text, scrub ? "never or " : "or ",
                  args_suggest(suggestion, value->text, words, scrub ? 2 : 1));
    else if (!value->text && value->last >= below)
        log_error("%s: found %s %" PRIu32 ", expected 0 to %" PRIu32, json_where(r->doc, at), name,
                  value->last, below - 1);
    else
        return STATUS_OK;
    return STATUS_INPUT;
}

static enum status check_value(const struct plan_reader *r, const struct json *at,
                               enum plan_dimension dimension, const struct plan_value *value)
{
    struct list words;
    char number[24];
    uint32_t index;
    words_of(&words, r->plan, dimension);
    if (words.count == 0 && numbers_below(r->plan, dimension) == 0)
        return STATUS_OK;
    if (words.count == 0)
        return check_number(r, at, dimension, value);
    for (size_t i = 0; value->text && i < words.count; i++) {
        if (fnmatch(value->text, words.word[i], 0) == 0)
            return STATUS_OK;
    }
    snprintf(number, sizeof(number), "%" PRIu32, value->first);
    return json_fields_find(r->doc, at, value->text ? value->text : number,
                            (struct json_words){words.word, words.count}, &index);
}

/* The conditions of both sides on one dimension. */
struct both {
    const struct plan_condition *condition[2 * PLAN_CONTRAST_CONDITIONS];
    uint32_t count;
};

static void gather(struct both *out, const struct plan_side *side, enum plan_dimension dimension)
{
    for (uint32_t i = 0; i < side->n_conditions; i++) {
        if (side->condition[i].dimension == dimension)
            out->condition[out->count++] = &side->condition[i];
    }
}

static bool begins_alike(const struct plan_value *a, const struct plan_value *b)
{
    return a->text && b->text ? strcmp(a->text, b->text) == 0
                              : !a->text && !b->text && a->first == b->first;
}

/* True if all conditions include the start of `value`; *out: from there to where the first of them
 * ends. */
static bool is_common(const struct both *both, const struct plan_value *value,
                      struct plan_value *out)
{
    *out = *value;
    for (uint32_t i = 0; i < both->count; i++) {
        const struct plan_condition *c = both->condition[i];
        uint32_t last = 0;
        bool any = false;
        for (uint32_t v = 0; v < c->n_values; v++) {
            const struct plan_value *have = &c->value[v];
            if (value->text ? !begins_alike(have, value)
                            : have->text || value->first < have->first || value->first > have->last)
                continue;
            last = any && last > have->last ? last : have->last;
            any = true;
        }
        if (!any)
            return false;
        out->last = last < out->last ? last : out->last;
    }
    return true;
}

/* True if a value before (condition, value) starts like it: it has been listed. */
static bool is_told(const struct both *both, uint32_t condition, uint32_t value)
{
    const struct plan_value *this = &both->condition[condition]->value[value];
    for (uint32_t i = 0; i <= condition; i++) {
        const struct plan_condition *c = both->condition[i];
        for (uint32_t v = 0; v < (i == condition ? value : c->n_values); v++) {
            if (begins_alike(&c->value[v], this))
                return true;
        }
    }
    return false;
}

/* A common value of unions of ranges starts where one of the ranges does. Adds "layer 2-3, 5" to
 * the text, cut to fit; false if there is none. */
static bool add_common(const struct both *both, char text[WORDS_TEXT])
{
    const char *name = kinds_text(KINDS_DIMENSION, both->condition[0]->dimension);
    size_t at = strlen(text);
    bool any = false;
    for (uint32_t i = 0; i < both->count; i++) {
        for (uint32_t v = 0; v < both->condition[i]->n_values; v++) {
            struct plan_value common;
            if (is_told(both, i, v) || !is_common(both, &both->condition[i]->value[v], &common))
                continue;
            if (at < WORDS_TEXT)
                at +=
                    (size_t)snprintf(text + at, WORDS_TEXT - at, "%s%s%s",
                                     at ? any ? ", " : " & " : "", any ? "" : name, any ? "" : " ");
            if (at < WORDS_TEXT && common.text)
                at += (size_t)snprintf(text + at, WORDS_TEXT - at, "%s", common.text);
            else if (at < WORDS_TEXT)
                at += (size_t)snprintf(text + at, WORDS_TEXT - at,
                                       common.last > common.first ? "%" PRIu32 "-%" PRIu32
                                                                  : "%" PRIu32,
                                       common.first, common.last);
            any = true;
        }
    }
    return any;
}

/* A stratum on both sides would count on neither. */
static enum status check_apart(const struct plan_reader *r, const struct json *at,
                               const struct plan_hypothesis *h)
{
    char text[WORDS_TEXT] = "";
    for (uint32_t d = 0; d < PLAN_DIMENSION_COUNT; d++) {
        struct both both = {.count = 0};
        gather(&both, &h->left, (enum plan_dimension)d);
        gather(&both, &h->right, (enum plan_dimension)d);
        if (both.count > 0 && !add_common(&both, text))
            return STATUS_OK;
    }
    log_error("%s: found %s on both sides of '%s', expected sides that share no stratum",
              json_where(r->doc, at), text, h->contrast);
    return STATUS_INPUT;
}

/* The values of a side's conditions. */
enum status plan_words_side(const struct plan_reader *r, const struct json *at,
                            const struct plan_side *side)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < side->n_conditions; i++) {
        const struct plan_condition *c = &side->condition[i];
        for (uint32_t v = 0; !st && v < c->n_values; v++)
            st = check_value(r, at, c->dimension, &c->value[v]);
    }
    return st;
}

enum status plan_words_check(const struct plan_reader *r, const struct json *contrast,
                             const struct plan_hypothesis *hypothesis)
{
    if (hypothesis->relation >= PLAN_RISES)
        return STATUS_OK;
    enum status st = plan_words_side(r, contrast, &hypothesis->left);
    st = st ? st : plan_words_side(r, contrast, &hypothesis->right);
    return st ? st : check_apart(r, contrast, hypothesis);
}
