/* SPDX-License-Identifier: MIT */
/* Where a value is in the text of a plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "inject/plan/plan_read.h"

#define PLACE_KEY 64 /* bytes of a plan's longest key, and more */

/* The member or element named by the first `n` bytes of `key`; null if there is none. */
static const struct json *step(const struct json *at, const char *key, size_t n)
{
    char name[PLACE_KEY];
    if (n == 0 || n >= sizeof(name))
        return NULL;
    memcpy(name, key, n);
    name[n] = '\0';
    if (strspn(name, "0123456789") == n)
        return json_at(at, strtoul(name, NULL, 10));
    return json_get(at, name);
}

const char *plan_place(const struct plan *plan, const char *pointer)
{
    const struct plan_source *source = &plan->source;
    struct json_doc *doc = NULL;
    if (!source->text || json_parse(&doc, source->text, source->size, source->name))
        return "plan";
    const struct json *at = json_root(doc), *next = at;
    for (const char *key = pointer; next && *key == '/';) {
        const size_t n = strcspn(++key, "/");
        next = step(at, key, n);
        at = next ? next : at;
        key += n;
    }
    const char *where = json_where(doc, at);
    json_destroy(&doc);
    return where;
}

void plan_set_place(char kept[PLAN_PLACE_ROOM], const struct plan_reader *r,
                    const struct json *value)
{
    snprintf(kept, PLAN_PLACE_ROOM, "%s", json_where(r->doc, value));
    log_set_place(kept);
}
