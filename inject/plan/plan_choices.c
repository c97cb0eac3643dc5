/* SPDX-License-Identifier: MIT */
/* Choices with weights: one text, a list of texts, or an object of text and weight. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_read.h"

#define CHOICES_MAX 64 /* of scrubs */
#define SCRUB_MOST 1000000
#define SCRUB_TEXT 16

static const struct json_range WEIGHT = {.min = 0, .max = 1e9, .open_min = true, .open_max = false};

bool plan_choices_has(const struct plan_choices *choices, uint32_t value)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        if (choices->choice[i].value == value)
            return true;
    }
    return false;
}

/* The i-th choice of any of the three forms: its place, text and weight. */
static enum status nth(const struct plan_reader *r, const struct json *value, size_t i,
                       const char **text, double *weight)
{
    const struct json *at = json_type(value) == JSON_TEXT ? value : json_at(value, i);
    *weight = 1;
    if (json_type(value) != JSON_OBJECT)
        return json_fields_text_of(r->doc, at, text);
    *text = json_key(at);
    return json_fields_number_of(r->doc, at, WEIGHT, weight);
}

/* Their number; STATUS_INPUT if the value has none of the forms or is empty. */
static enum status count_of(const struct plan_reader *r, const struct json *value, size_t *out)
{
    const enum json_type type = json_type(value);
    *out = type == JSON_TEXT ? 1 : json_count(value);
    if (*out > 0 && (type == JSON_TEXT || type == JSON_ARRAY || type == JSON_OBJECT))
        return STATUS_OK;
    log_error("%s: expected a text, a list of texts, or an object of weights such as "
              "{\"name\": 2}, with at least one of them",
              json_where(r->doc, value));
    return STATUS_INPUT;
}

static const struct json *place_of(const struct json *value, size_t i)
{
    return json_type(value) == JSON_TEXT ? value : json_at(value, i);
}

static enum status refuse_twice(const struct plan_reader *r, const struct json *at,
                                const char *text)
{
    log_error("%s: found '%s' again, expected each once", json_where(r->doc, at), text);
    return STATUS_INPUT;
}

enum status plan_choices_read(const struct plan_reader *r, const struct json *value,
                              enum kinds_table words, struct plan_choices *out)
{
    size_t count;
    enum status st = count_of(r, value, &count);
    if (st)
        return st;
    struct plan_choice *choice = arena_array(r->arena, count, sizeof(*choice));
    if (!choice)
        return STATUS_MEMORY;
    out->choice = choice;
    out->count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        struct plan_choice c;
        st = nth(r, value, i, &text, &c.weight);
        if (!st)
            st = json_fields_find(r->doc, place_of(value, i), text, plan_words(words), &c.value);
        if (!st && plan_choices_has(out, c.value))
            st = refuse_twice(r, place_of(value, i), text);
        if (st)
            return st;
        choice[out->count++] = c;
    }
    return STATUS_OK;
}

enum status plan_choices_sites(const struct plan_reader *r, const struct json *value)
{
    struct plan_where *where = &r->plan->where;
    size_t count;
    enum status st = count_of(r, value, &count);
    if (st)
        return st;
    struct plan_site *site = arena_array(r->arena, count, sizeof(*site));
    if (!site)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        st = nth(r, value, i, &text, &site[i].weight);
        if (st)
            return st;
        if (text[0] == '\0') {
            log_error("%s: found an empty text, expected a pattern of site names such as "
                      "\"blk.*.ffn_down\"",
                      json_where(r->doc, place_of(value, i)));
            return STATUS_INPUT;
        }
        for (size_t before = 0; before < i; before++) {
            if (strcmp(site[before].glob, text) == 0)
                return refuse_twice(r, place_of(value, i), text);
        }
        site[i].glob = arena_text(r->arena, text, strlen(text));
        if (!site[i].glob)
            return STATUS_MEMORY;
    }
    where->site = site;
    where->n_sites = (uint32_t)count;
    return STATUS_OK;
}

/* "never" or 0: as long as the run; else positions. `word`: a key, whose digits are a number, or a
 * text; null: a number. */
static enum status scrub_of(const struct plan_reader *r, const struct json *at, const char *word,
                            uint32_t *out)
{
    int64_t number = 0;
    char *end = NULL;
    bool known = !word && json_integer(at, 0, SCRUB_MOST, &number);
    if (word && strcmp(word, "never") == 0) {
        known = true;
    } else if (word && word == json_key(at) && isdigit((unsigned char)*word) && strlen(word) <= 7) {
        number = strtol(word, &end, 10);
        known = *end == '\0' && number <= SCRUB_MOST && (word[0] != '0' || word[1] == '\0');
    }
    *out = (uint32_t)number;
    if (known)
        return STATUS_OK;
    log_error("%s: found %s%s%s, expected positions from 1 to %d until a stored fault is scrubbed, "
              "or never",
              json_where(r->doc, at), word ? "'" : "", word ? word : json_fields_found(at).text,
              word ? "'" : "", SCRUB_MOST);
    return STATUS_INPUT;
}

static const char *scrub_text(uint32_t value, char text[SCRUB_TEXT])
{
    snprintf(text, SCRUB_TEXT, "%" PRIu32, value);
    return value ? text : "never";
}

enum status plan_choices_scrub(const struct plan_reader *r, const struct json *value)
{
    struct plan_choices *out = &r->plan->when.scrub;
    const bool many = json_type(value) == JSON_ARRAY || json_type(value) == JSON_OBJECT;
    const size_t count = many ? json_count(value) : 1;
    if (count == 0 || count > CHOICES_MAX) {
        log_error("%s: found %zu choices, expected 1 to %d", json_where(r->doc, value), count,
                  CHOICES_MAX);
        return STATUS_INPUT;
    }
    struct plan_choice *choice = arena_array(r->arena, count, sizeof(*choice));
    if (!choice)
        return STATUS_MEMORY;
    *out = (struct plan_choices){choice, 0};
    for (size_t i = 0; i < count; i++) {
        const struct json *at = many ? json_at(value, i) : value;
        const bool weighted = json_type(value) == JSON_OBJECT;
        const char *word = weighted                     ? json_key(at)
                           : json_type(at) == JSON_TEXT ? json_text(at)
                                                        : NULL;
        struct plan_choice c = {.weight = 1};
        char text[SCRUB_TEXT];
        enum status st = scrub_of(r, at, word, &c.value);
        if (!st && weighted)
            st = json_fields_number_of(r->doc, at, WEIGHT, &c.weight);
        if (!st && plan_choices_has(out, c.value))
            st = refuse_twice(r, at, scrub_text(c.value, text));
        if (st)
            return st;
        choice[out->count++] = c;
    }
    return STATUS_OK;
}
