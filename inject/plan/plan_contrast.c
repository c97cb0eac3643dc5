/* SPDX-License-Identifier: MIT */
/* A recursive-descent parser of contrasts, and the match of a stratum with a side. */
#include "inject/plan/plan_contrast.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"

#define CONTRAST_VALUES 64
#define CONTRAST_WORD 64

struct scan {
    const char *at, *text;
    struct arena *arena;
    const struct plan *plan;
    const char *problem; /* null: none */
};

/* Characters of a value or a dimension: no blanks, none of the grammar's own. */
static size_t word_length(const char *at)
{
    return strcspn(at, " \t\n\r:,&<>!~");
}

static void problem(struct scan *s, const char *expected)
{
    if (!s->problem)
        s->problem = arena_printf(s->arena, "at \"%.24s\" (character %d): expected %s", s->at,
                                  (int)(s->at - s->text) + 1, expected);
    if (!s->problem)
        s->problem = "out of memory";
}

/* The same for an unknown word: suggests the nearest. */
static void wrong_word(struct scan *s, const char *expected, const char *const *words, size_t count)
{
    char word[CONTRAST_WORD], suggestion[ARGS_SUGGESTION];
    snprintf(word, sizeof(word), "%.*s", (int)word_length(s->at), s->at);
    args_suggest(suggestion, word, words, count);
    const char *text = arena_printf(s->arena, "%s%s", expected, suggestion);
    problem(s, text ? text : "more memory");
}

static void skip_space(struct scan *s)
{
    while (isspace((unsigned char)*s->at))
        s->at++;
}

static bool take(struct scan *s, const char *word)
{
    const size_t n = strlen(word);
    skip_space(s);
    if (strncmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static bool take_dimension(struct scan *s, enum plan_dimension *out)
{
    skip_space(s);
    const size_t n = word_length(s->at);
    for (uint32_t d = 0; d < s->plan->n_strata; d++) {
        const char *name = kinds_text(KINDS_DIMENSION, s->plan->strata[d]);
        if (strlen(name) == n && strncmp(s->at, name, n) == 0) {
            *out = s->plan->strata[d];
            s->at += n;
            return true;
        }
    }
    return false;
}

/* Reports that no dimension of the strata is here. `more`: what else may stand here, or null. */
static void wrong_dimension(struct scan *s, const char *after, const char *more)
{
    const char *words[PLAN_DIMENSION_COUNT + 1], *list = "";
    size_t count = 0;
    for (uint32_t d = 0; d < s->plan->n_strata && list; d++) {
        words[count++] = kinds_text(KINDS_DIMENSION, s->plan->strata[d]);
        list = arena_printf(s->arena, "%s%s%s", list, d ? ", " : "", words[d]);
    }
    if (more)
        words[count++] = more;
    const char *expected = list ? arena_printf(s->arena, "a dimension of the plan's strata (%s)%s",
                                               *list ? list : "none", after)
                                : NULL;
    wrong_word(s, expected ? expected : "more memory", words, count);
}

/* True if a colon follows the next word. */
static bool names_dimension(const struct scan *s)
{
    const char *end = s->at + word_length(s->at);
    return end[strspn(end, " \t\n\r")] == ':';
}

/* "7", "0-9" to a range; anything else is a text. */
static void read_value(struct scan *s, struct plan_value *out)
{
    char *end = NULL;
    const size_t n = word_length(s->at);
    *out = (struct plan_value){0};
    if (n == 0) {
        problem(s, "a value");
        return;
    }
    if (isdigit((unsigned char)*s->at) && n < 20) {
        const unsigned long first = strtoul(s->at, &end, 10);
        unsigned long last = first;
        if (*end == '-' && isdigit((unsigned char)end[1]))
            last = strtoul(end + 1, &end, 10);
        if (end == s->at + n && first <= last && last < UINT32_MAX) {
            *out = (struct plan_value){.first = (uint32_t)first, .last = (uint32_t)last};
            s->at = end;
            return;
        }
        problem(s, "an integer or a rising range of them, as 0-9");
        return;
    }
    out->text = arena_text(s->arena, s->at, n);
    if (!out->text)
        problem(s, "more memory");
    s->at += n;
}

static void read_values(struct scan *s, struct plan_condition *out)
{
    struct plan_value values[CONTRAST_VALUES];
    out->n_values = 0;
    do {
        if (out->n_values == CONTRAST_VALUES) {
            problem(s, "at most 64 values");
            return;
        }
        skip_space(s);
        read_value(s, &values[out->n_values++]);
    } while (!s->problem && take(s, ","));
    struct plan_value *copy = arena_array(s->arena, out->n_values, sizeof(*copy));
    if (!copy)
        problem(s, "more memory");
    else
        memcpy(copy, values, out->n_values * sizeof(*copy));
    out->value = copy;
}

/* `other`: the left side, whose dimensions the right one takes in order where it names none. */
static void read_side(struct scan *s, struct plan_side *out, const struct plan_side *other)
{
    struct plan_condition conditions[PLAN_CONTRAST_CONDITIONS];
    uint32_t n = 0;
    do {
        if (n == PLAN_CONTRAST_CONDITIONS) {
            problem(s, "at most 8 conditions");
            return;
        }
        struct plan_condition *c = &conditions[n];
        const char *back = s->at;
        *c = (struct plan_condition){0};
        if (!take_dimension(s, &c->dimension) || !take(s, ":")) {
            s->at = back;
            skip_space(s);
            if (!other || n >= other->n_conditions || names_dimension(s)) {
                const bool first = !other && n == 0 && !names_dimension(s);
                wrong_dimension(s, ", then ':'", first ? "trend" : NULL);
                return;
            }
            c->dimension = other->condition[n].dimension;
        }
        read_values(s, c);
        n++;
    } while (!s->problem && take(s, "&"));
    struct plan_condition *copy = arena_array(s->arena, n, sizeof(*copy));
    if (!copy)
        problem(s, "more memory");
    else
        memcpy(copy, conditions, n * sizeof(*copy));
    *out = (struct plan_side){.condition = copy, .n_conditions = n};
}

static void read_trend(struct scan *s, struct plan_hypothesis *out)
{
    static const char *const turns[] = {"rises", "falls", "changes"};
    if (!take_dimension(s, &out->dimension))
        wrong_dimension(s, "", NULL);
    else if (out->dimension != PLAN_BY_LAYER && out->dimension != PLAN_BY_BIT &&
             out->dimension != PLAN_BY_ITEM && out->dimension != PLAN_BY_HEAD &&
             out->dimension != PLAN_BY_GROUP && out->dimension != PLAN_BY_SCRUB)
        problem(s, "a dimension with numbers: layer, bit, head, item, scrub, or group where "
                   "groups are named by numbers");
    else if (take(s, "rises"))
        out->relation = PLAN_RISES;
    else if (take(s, "falls"))
        out->relation = PLAN_FALLS;
    else if (take(s, "changes"))
        out->relation = PLAN_CHANGES;
    else
        wrong_word(s, "'rises', 'falls' or 'changes'", turns, sizeof(turns) / sizeof(*turns));
}

static void read_relation(struct scan *s, struct plan_hypothesis *out)
{
    if (take(s, ">"))
        out->relation = PLAN_GREATER;
    else if (take(s, "<"))
        out->relation = PLAN_LESS;
    else if (take(s, "!="))
        out->relation = PLAN_DIFFERENT;
    else if (take(s, "~"))
        out->relation = PLAN_EQUIVALENT;
    else
        problem(s, "'>', '<', '!=', '~', ',' or '&'");
}

const char *plan_contrast_parse(struct plan_hypothesis *out, struct arena *arena, const char *text,
                                const struct plan *plan)
{
    struct scan s = {.at = text, .text = text, .arena = arena, .plan = plan};
    out->contrast = text;
    skip_space(&s);
    if (strncmp(s.at, "trend", 5) == 0 && isspace((unsigned char)s.at[5])) {
        s.at += 5;
        read_trend(&s, out);
    } else {
        read_side(&s, &out->left, NULL);
        if (!s.problem)
            read_relation(&s, out);
        if (!s.problem)
            read_side(&s, &out->right, &out->left);
    }
    skip_space(&s);
    if (!s.problem && *s.at != '\0')
        problem(&s, "the end");
    return s.problem;
}

/* "a=1 b=2,3" as "a:1&b:2,3". */
static const char *from_label(struct arena *arena, const char *text)
{
    char *copy = arena_text(arena, text, strlen(text));
    if (!copy || strchr(text, ':'))
        return copy;
    for (char *at = copy; *at; at++)
        *at = *at == '=' ? ':' : *at == ' ' ? '&' : *at;
    return copy;
}

const char *plan_contrast_side(struct plan_side *out, struct arena *arena, const char *text,
                               const struct plan *plan)
{
    struct scan s = {.arena = arena, .plan = plan};
    s.at = s.text = strchr(text, '=') ? from_label(arena, text) : text;
    if (!s.text)
        return "out of memory";
    read_side(&s, out, NULL);
    skip_space(&s);
    if (!s.problem && *s.at != '\0')
        problem(&s, "',', '&' or the end");
    return s.problem;
}

static bool matches(const struct plan_value *want, const char *found)
{
    char *end = NULL;
    if (want->text)
        return fnmatch(want->text, found, 0) == 0;
    if (!isdigit((unsigned char)*found))
        return false;
    const unsigned long number = strtoul(found, &end, 10);
    return *end == '\0' && number >= want->first && number <= want->last;
}

bool plan_contrast_has(const struct plan_side *side, const char *const *value)
{
    for (uint32_t c = 0; c < side->n_conditions; c++) {
        const struct plan_condition *condition = &side->condition[c];
        const char *found = value[condition->dimension];
        bool any = false;
        for (uint32_t v = 0; found && v < condition->n_values; v++)
            any = any || matches(&condition->value[v], found);
        if (!any)
            return false;
    }
    return true;
}

int plan_contrast_sign(const struct plan_hypothesis *hypothesis, const char *const *value)
{
    if (hypothesis->relation >= PLAN_RISES) {
        const char *found = value[hypothesis->dimension];
        return found && isdigit((unsigned char)*found);
    }
    return plan_contrast_has(&hypothesis->left, value) -
           plan_contrast_has(&hypothesis->right, value);
}
