/* SPDX-License-Identifier: MIT */
/* `vkfi plan diff`: the fields in which the canonical forms of two plans differ. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli_plan.h"

/* Differences in the order of the canonical form. */
struct differ {
    struct json_writer *w; /* null: as text */
    size_t count;
};

static void print_value(const struct json *value)
{
    struct json_writer w;
    if (!value) {
        printf("nothing");
        return;
    }
    json_begin(&w, stdout, false);
    json_put_value(&w, value);
}

static void report(struct differ *d, const char *path, const struct json *a, const struct json *b)
{
    d->count++;
    if (d->w) {
        json_object_open(d->w);
        json_put_key(d->w, "field");
        json_put_text(d->w, path);
        json_put_key(d->w, "first");
        json_put_value(d->w, a);
        json_put_key(d->w, "second");
        json_put_value(d->w, b);
        json_object_close(d->w);
        return;
    }
    printf("%s: ", path);
    print_value(a);
    printf(" | ");
    print_value(b);
    putchar('\n');
}

static bool equal(const struct json *a, const struct json *b)
{
    if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
        return false;
    for (size_t i = 0; i < json_count(a); i++) {
        const struct json *x = json_at(a, i);
        const bool object = json_type(a) == JSON_OBJECT;
        if (!equal(x, object ? json_get(b, json_key(x)) : json_at(b, i)))
            return false;
    }
    if (json_type(a) == JSON_TEXT)
        return strcmp(json_text(a), json_text(b)) == 0;
    if (json_type(a) == JSON_NUMBER)
        return !(json_number(a) < json_number(b)) && !(json_number(a) > json_number(b));
    return json_type(a) != JSON_BOOL || json_bool(a) == json_bool(b);
}

static enum status compare(struct differ *d, const char *path, const struct json *a,
                           const struct json *b);

/* Members or elements of either; objects by key, lists by place. */
static enum status compare_inside(struct differ *d, const char *path, const struct json *a,
                                  const struct json *b)
{
    const bool object = json_type(a) == JSON_OBJECT;
    enum status st = STATUS_OK;
    const size_t most = json_count(a) > json_count(b) ? json_count(a) : json_count(b);
    for (size_t i = 0; !st && i < (object ? json_count(a) : most); i++) {
        struct text inner = {0};
        const struct json *x = json_at(a, i);
        st = object ? text_addf(&inner, "%s/%s", path, json_key(x))
                    : text_addf(&inner, "%s/%zu", path, i);
        if (!st)
            st = compare(d, inner.data, x, object ? json_get(b, json_key(x)) : json_at(b, i));
        text_finish(&inner);
    }
    for (size_t i = 0; !st && object && i < json_count(b); i++) {
        struct text inner = {0};
        const struct json *y = json_at(b, i);
        if (json_get(a, json_key(y)))
            continue;
        st = text_addf(&inner, "%s/%s", path, json_key(y));
        if (!st)
            report(d, inner.data, NULL, y);
        text_finish(&inner);
    }
    return st;
}

static enum status compare(struct differ *d, const char *path, const struct json *a,
                           const struct json *b)
{
    const enum json_type type = json_type(a);
    if (a && b && type == json_type(b) && (type == JSON_OBJECT || type == JSON_ARRAY))
        return compare_inside(d, path, a, b);
    if (!a || !b || !equal(a, b))
        report(d, path, a, b);
    return STATUS_OK;
}

static enum status compare_plans(struct differ *d, const struct plan *a, const struct plan *b)
{
    struct json_doc *x = NULL, *y = NULL;
    enum status st = json_parse(&x, a->canon, strlen(a->canon), "the first plan");
    if (!st)
        st = json_parse(&y, b->canon, strlen(b->canon), "the second plan");
    if (!st)
        st = compare(d, "", json_root(x), json_root(y));
    json_destroy(&x);
    json_destroy(&y);
    return st;
}

static enum status print_diff(const struct plan *a, const struct plan *b, bool json)
{
    struct json_writer w;
    struct differ d = {.w = json ? &w : NULL};
    const bool same = strcmp(a->hash, b->hash) == 0;
    const bool words = strcmp(a->title, b->title) == 0 && strcmp(a->notes, b->notes) == 0;
    if (json) {
        json_begin(&w, stdout, true);
        json_object_open(&w);
        json_put_key(&w, "same_identity");
        json_put_bool(&w, same);
        json_put_key(&w, "same_title_and_notes");
        json_put_bool(&w, words);
        json_put_key(&w, "differences");
        json_array_open(&w);
    }
    enum status st = compare_plans(&d, a, b);
    if (st)
        return st;
    if (json) {
        json_array_close(&w);
        json_object_close(&w);
        return json_end(&w);
    }
    if (!words)
        printf("title or notes differ, which does not matter\n");
    printf("%s: %s\n", same ? "the same campaign" : "different campaigns",
           same ? a->hash : "their databases never mix");
    return STATUS_OK;
}

enum status cli_plan_diff(const char *const path[2], bool json)
{
    struct arena arena = {0};
    struct plan a, b;
    enum status st = plan_load(&a, &arena, path[0]);
    if (!st)
        st = plan_load(&b, &arena, path[1]);
    if (!st)
        st = print_diff(&a, &b, json);
    arena_finish(&arena);
    return st;
}
