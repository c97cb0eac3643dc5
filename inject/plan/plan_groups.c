/* SPDX-License-Identifier: MIT */
/* Patterns of site names without weights: named groups of sites, and excluded sites. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_field.h"

#define GROUPS_MAX 64

/* Blanks, the grammar of contrasts and labels, and pattern characters. */
#define NOT_IN_NAMES " \t\n\r:,&<>!~=*?["

static enum status read_glob(const struct plan_reader *r, const struct json *at,
                             const struct plan_globs *before, const char **out)
{
    const char *text = NULL;
    enum status st = json_fields_text_of(r->doc, at, &text);
    if (st)
        return st;
    for (uint32_t i = 0; i < before->count; i++) {
        if (strcmp(before->glob[i], text) == 0) {
            log_error("%s: found '%s' again, expected each once", json_where(r->doc, at), text);
            return STATUS_INPUT;
        }
    }
    if (text[0] == '\0') {
        log_error("%s: found an empty text, expected a pattern of site names such as "
                  "\"*.ffn_*\"",
                  json_where(r->doc, at));
        return STATUS_INPUT;
    }
    *out = arena_text(r->arena, text, strlen(text));
    return *out ? STATUS_OK : STATUS_MEMORY;
}

enum status plan_groups_globs(const struct plan_reader *r, const struct json *value,
                              struct plan_globs *out)
{
    const bool list = json_type(value) == JSON_ARRAY;
    const size_t count = list ? json_count(value) : 1;
    if (count == 0 || (!list && json_type(value) != JSON_TEXT)) {
        log_error("%s: expected a pattern of site names such as \"*.ffn_*\", or a list of at least "
                  "one",
                  json_where(r->doc, value));
        return STATUS_INPUT;
    }
    const char **glob = arena_array(r->arena, count, sizeof(*glob));
    if (!glob)
        return STATUS_MEMORY;
    *out = (struct plan_globs){glob, 0};
    for (size_t i = 0; i < count; i++) {
        const enum status st = read_glob(r, list ? json_at(value, i) : value, out, &glob[i]);
        if (st)
            return st;
        out->count++;
    }
    return STATUS_OK;
}

/* A name that labels of strata and contrasts can hold. */
static enum status check_name(const struct plan_reader *r, const struct json *at, const char *name)
{
    if (name[0] == '\0' || isdigit((unsigned char)name[0]) || name[strcspn(name, NOT_IN_NAMES)] ||
        strcmp(name, "none") == 0) {
        log_error("%s: found a group named '%s', expected a name that begins with no digit and has "
                  "no blanks and none of : , & < > ! ~ = * ? [, and not 'none' (sites of no group)",
                  json_where(r->doc, at), name);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

enum status plan_groups_read(const struct plan_reader *r, const struct json *groups)
{
    const size_t count = json_count(groups);
    if (json_type(groups) != JSON_OBJECT || count == 0 || count > GROUPS_MAX) {
        log_error("%s: expected an object of 1 to %d groups such as {\"mlp\": [\"*.ffn_*\"]}",
                  json_where(r->doc, groups), GROUPS_MAX);
        return STATUS_INPUT;
    }
    struct plan_group *group = arena_array(r->arena, count, sizeof(*group));
    if (!group)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct json *at = json_at(groups, i);
        const char *name = json_key(at);
        enum status st = check_name(r, at, name);
        if (!st)
            st = plan_groups_globs(r, at, &group[i].sites);
        if (st)
            return st;
        group[i].name = arena_text(r->arena, name, strlen(name));
        if (!group[i].name)
            return STATUS_MEMORY;
    }
    r->plan->group = group;
    r->plan->n_groups = (uint32_t)count;
    return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct plan_group *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Omitted from plans without any: they keep their identity. */
enum status plan_groups_put(struct json_writer *w, const struct plan *plan)
{
    enum status st = STATUS_OK;
    if (plan->n_groups == 0)
        return STATUS_OK;
    struct plan_group *sorted = calloc(plan->n_groups, sizeof(*sorted));
    if (!sorted) {
        log_error("out of host memory, %u groups of sites", plan->n_groups);
        return STATUS_MEMORY;
    }
    memcpy(sorted, plan->group, plan->n_groups * sizeof(*sorted));
    qsort(sorted, plan->n_groups, sizeof(*sorted), by_name);
    json_put_key(w, "groups");
    json_object_open(w);
    for (uint32_t i = 0; !st && i < plan->n_groups; i++) {
        json_put_key(w, sorted[i].name);
        st = plan_field_globs(w, &sorted[i].sites);
    }
    json_object_close(w);
    free(sorted);
    return st;
}
