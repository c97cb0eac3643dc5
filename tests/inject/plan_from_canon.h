/* SPDX-License-Identifier: MIT */
/* The plan of a canonical form, from that form alone. */
#ifndef VKFI_TESTS_PLAN_FROM_CANON_H
#define VKFI_TESTS_PLAN_FROM_CANON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"

static inline const struct json *plan_from_canon_member(const struct json *at, const char *key)
{
    const struct json *found = json_get(at, key);
    assert_non_null(found);
    return found;
}

static inline void plan_from_canon_put_member(struct json_writer *w, const char *key,
                                              const struct json *value)
{
    if (!value)
        return;
    json_put_key(w, key);
    json_put_value(w, value);
}

static inline void plan_from_canon_put_where(struct json_writer *w, const struct json *where)
{
    const struct json *sites = plan_from_canon_member(where, "sites");
    json_object_open(w);
    if (json_count(sites) > 0) {
        json_put_key(w, "sites");
        json_object_open(w);
        for (size_t i = 0; i < json_count(sites); i++)
            plan_from_canon_put_member(w, json_text(json_at(json_at(sites, i), 0)),
                                       json_at(json_at(sites, i), 1));
        json_object_close(w);
    }
    const bool op = json_get(plan_from_canon_member(where, "place"), "op") != NULL;
    plan_from_canon_put_member(w, "place", plan_from_canon_member(where, "place"));
    plan_from_canon_put_member(w, "point", op ? plan_from_canon_member(where, "point") : NULL);
    plan_from_canon_put_member(w, "granularity", plan_from_canon_member(where, "granularity"));
    plan_from_canon_put_member(w, "readers", json_get(where, "readers"));
    plan_from_canon_put_member(w, "field", json_get(where, "field"));
    json_object_close(w);
}

/* Of the fields that plan_fixture.h and test_plan_identity.c give a plan. */
static inline void plan_from_canon(struct json_writer *w, const struct json *canon)
{
    const struct json *share = json_get(canon, "point_weight"),
                      *when = plan_from_canon_member(canon, "when");
    const struct json *places =
        plan_from_canon_member(plan_from_canon_member(canon, "where"), "place");
    const bool stored =
        json_get(places, "weight") || json_get(places, "kv") || json_get(places, "table");
    json_object_open(w);
    json_put_key(w, "prompts");
    json_array_open(w);
    for (size_t i = 0; i < json_count(plan_from_canon_member(canon, "prompts")); i++) {
        const struct json *item = json_at(plan_from_canon_member(canon, "prompts"), i);
        json_object_open(w);
        json_put_key(w, "ids");
        json_array_open(w);
        json_put_value(w, plan_from_canon_member(item, "ids"));
        json_array_close(w);
        plan_from_canon_put_member(w, "n", plan_from_canon_member(item, "n"));
        json_object_close(w);
    }
    json_array_close(w);
    plan_from_canon_put_member(w, "model", plan_from_canon_member(canon, "model"));
    plan_from_canon_put_member(w, "population", plan_from_canon_member(canon, "population"));
    plan_from_canon_put_member(w, "seed", plan_from_canon_member(canon, "seed"));
    if (!share && strcmp(json_text(plan_from_canon_member(canon, "population")), "ops") == 0)
        json_member_text(w, "point_weight", "equal");
    json_put_key(w, "where");
    plan_from_canon_put_where(w, plan_from_canon_member(canon, "where"));
    json_put_key(w, "what");
    json_object_open(w);
    plan_from_canon_put_member(
        w, "kind", plan_from_canon_member(plan_from_canon_member(canon, "what"), "kind"));
    json_object_close(w);
    json_put_key(w, "when");
    json_object_open(w);
    plan_from_canon_put_member(w, "stage", plan_from_canon_member(when, "stage"));
    plan_from_canon_put_member(w, "duration", plan_from_canon_member(when, "duration"));
    plan_from_canon_put_member(w, "scrub", stored ? plan_from_canon_member(when, "scrub") : NULL);
    json_object_close(w);
    plan_from_canon_put_member(w, "groups", json_get(canon, "groups"));
    plan_from_canon_put_member(w, "strata", plan_from_canon_member(canon, "strata"));
    json_put_key(w, "sampling");
    json_object_open(w);
    plan_from_canon_put_member(
        w, "trials", plan_from_canon_member(plan_from_canon_member(canon, "sampling"), "trials"));
    json_object_close(w);
    json_object_close(w);
}

#endif
