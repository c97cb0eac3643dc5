/* SPDX-License-Identifier: MIT */
/* JSON in: cJSON reads the values, json_scan says where they stand. */
#include "base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json_scan.h"
#include "base/log.h"

#define JSON_WHERE_TEXT 512
#define JSON_WHERE_NAME 200 /* bytes of a document's name; a longer one loses its first folders */

struct json {
    const cJSON *item;         /* owned by the document's tree */
    const struct json *parent; /* null for the root */
    struct json *child;        /* [count], in document order */
    size_t count;
    struct json_place place;
    bool whole;      /* the text was an integer without fraction or exponent */
    int64_t integer; /* its value, if `whole` */
};

struct json_doc {
    struct arena arena; /* all nodes, and the name */
    const char *name;   /* as given, for messages */
    cJSON *tree;        /* owned */
    struct json root;
};

/* What build_node needs. */
struct build {
    struct arena *arena;
    const char *text, *name;
    size_t size;                   /* of `text` */
    const struct json_place *next; /* place of the next value in document order */
};

/* `text` holds the number's first byte, and `size` bytes that need not end in a null. */
static void note_integer(struct json *node, const char *text, size_t size)
{
    char token[JSON_SCAN_NUMBER_MAX + 2] = {0};
    char *end;

    memcpy(token, text, size < sizeof(token) - 1 ? size : sizeof(token) - 1);
    errno = 0;
    node->integer = strtoll(token, &end, 10);
    node->whole = errno == 0 && *end != '.' && *end != 'e' && *end != 'E';
}

static int compare_keys(const void *a, const void *b)
{
    const struct json *x = *(const struct json *const *)a;
    const struct json *y = *(const struct json *const *)b;
    const int order = strcmp(x->item->string, y->item->string);

    return order ? order
                 : (x->place.offset > y->place.offset) - (x->place.offset < y->place.offset);
}

static enum status check_keys(const struct build *b, const struct json *node)
{
    enum status st = STATUS_OK;
    const struct json **sorted = calloc(node->count + 1, sizeof(*sorted));

    if (!sorted) {
        log_error("%s: out of host memory, %zu keys in one object", b->name, node->count);
        return STATUS_MEMORY;
    }
    for (size_t i = 0; i < node->count; i++)
        sorted[i] = &node->child[i];
    qsort(sorted, node->count, sizeof(*sorted), compare_keys);
    for (size_t i = 1; i < node->count && !st; i++) {
        const struct json *before = sorted[i - 1], *here = sorted[i];
        if (strcmp(before->item->string, here->item->string) == 0) {
            log_error("%s:%u:%u: found key \"%s\" again (first on line %u), expected each key once",
                      b->name, here->place.line, here->place.column, here->item->string,
                      before->place.line);
            st = STATUS_INPUT;
        }
    }
    free(sorted);
    return st;
}

/* Fills `node` (its item and parent are set) and all below it, in document order. Recursion is
 * bounded by JSON_SCAN_DEPTH_MAX. */
static enum status build_node(struct build *b, struct json *node)
{
    enum status st = STATUS_OK;
    size_t i = 0;

    node->place = *b->next++;
    if (cJSON_IsNumber(node->item)) {
        if (!isfinite(node->item->valuedouble)) {
            log_error("%s:%u:%u: found a number out of range, expected one that a double can hold",
                      b->name, node->place.line, node->place.column);
            return STATUS_INPUT;
        }
        note_integer(node, b->text + node->place.offset, b->size - node->place.offset);
    }
    for (const cJSON *item = node->item->child; item; item = item->next)
        node->count++;
    if (node->count == 0)
        return STATUS_OK;
    node->child = arena_array(b->arena, node->count, sizeof(*node));
    if (!node->child)
        return STATUS_MEMORY;
    for (const cJSON *item = node->item->child; item && !st; item = item->next) {
        node->child[i].item = item;
        node->child[i].parent = node;
        st = build_node(b, &node->child[i++]);
    }
    if (!st && cJSON_IsObject(node->item))
        st = check_keys(b, node);
    return st;
}

enum status json_parse(struct json_doc **out, const char *text, size_t size, const char *name)
{
    struct json_place *places = NULL;
    struct json_doc *doc = NULL;
    size_t count;
    const size_t mark = json_scan_mark(text, size);

    text += mark;
    size -= mark;
    enum status st = json_scan_text(&places, &count, text, size, name);

    *out = NULL;
    if (st)
        return st;
    doc = calloc(1, sizeof(*doc));
    if (doc) {
        doc->name = arena_text(&doc->arena, name, strlen(name));
        doc->tree = cJSON_ParseWithLength(text, size);
    }
    if (!doc || !doc->tree || !doc->name) {
        /* The scan has accepted the text, so only memory can be the cause. */
        log_error("%s: out of host memory, %zu JSON values", name, count);
        st = STATUS_MEMORY;
        goto fail;
    }
    struct build b = {
        .arena = &doc->arena, .text = text, .name = name, .size = size, .next = places};
    doc->root.item = doc->tree;
    st = build_node(&b, &doc->root);
    if (st)
        goto fail;
    assert(b.next == places + count);
    free(places);
    *out = doc;
    return STATUS_OK;
fail:
    json_destroy(&doc);
    free(places);
    return st;
}

enum status json_load(struct json_doc **out, const char *path)
{
    struct arena arena = {0};
    char *text;
    size_t size;
    enum status st = file_read(&arena, path, &text, &size);

    *out = NULL;
    if (!st)
        st = json_parse(out, text, size, path);
    arena_finish(&arena);
    return st;
}

void json_destroy(struct json_doc **doc)
{
    if (*doc) {
        cJSON_Delete((*doc)->tree);
        arena_finish(&(*doc)->arena);
        free(*doc);
        *doc = NULL;
    }
}

const struct json *json_root(const struct json_doc *doc)
{
    return &doc->root;
}

enum json_type json_type(const struct json *value)
{
    switch (value ? value->item->type & 0xff : cJSON_NULL) {
    case cJSON_False:
    case cJSON_True:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_TEXT;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

size_t json_count(const struct json *value)
{
    return value ? value->count : 0;
}

const struct json *json_at(const struct json *value, size_t index)
{
    return index < json_count(value) ? &value->child[index] : NULL;
}

const struct json *json_get(const struct json *value, const char *key)
{
    if (json_type(value) != JSON_OBJECT)
        return NULL;
    for (size_t i = 0; i < value->count; i++) {
        if (strcmp(value->child[i].item->string, key) == 0)
            return &value->child[i];
    }
    return NULL;
}

const char *json_key(const struct json *value)
{
    return value ? value->item->string : NULL;
}

bool json_bool(const struct json *value)
{
    return value && cJSON_IsTrue(value->item);
}

double json_number(const struct json *value)
{
    const char *text = json_text(value);

    if (json_type(value) == JSON_NUMBER)
        return value->item->valuedouble;
    if (text && strcmp(text, "Infinity") == 0)
        return INFINITY;
    return text && strcmp(text, "-Infinity") == 0 ? -INFINITY : NAN;
}

const char *json_text(const struct json *value)
{
    return json_type(value) == JSON_TEXT ? value->item->valuestring : NULL;
}

bool json_integer(const struct json *value, int64_t min, int64_t max, int64_t *out)
{
    int64_t integer;

    if (json_type(value) != JSON_NUMBER)
        return false;
    if (value->whole) {
        integer = value->integer;
    } else {
        /* 5.0 and 1e3 are integers too, as long as a double holds them exactly. */
        const double number = value->item->valuedouble;
        if (!(fabs(number) <= 0x1p53) || number != trunc(number))
            return false;
        integer = (int64_t)number;
    }
    if (integer < min || integer > max)
        return false;
    *out = integer;
    return true;
}

/* Writes the pointer of `value` from its root down; stops when the buffer is full. */
static size_t put_pointer(char *out, size_t size, const struct json *value)
{
    if (!value->parent)
        return 0;
    size_t at = put_pointer(out, size, value->parent);
    if (json_type(value->parent) == JSON_ARRAY) {
        const int n = snprintf(out + at, size - at, "/%zu", (size_t)(value - value->parent->child));
        return (size_t)n < size - at ? at + (size_t)n : at;
    }
    if (at + 1 < size)
        out[at++] = '/';
    for (const char *key = value->item->string; *key && at + 2 < size; key++) {
        if (*key == '~' || *key == '/') {
            out[at++] = '~';
            out[at++] = *key == '~' ? '0' : '1';
        } else {
            out[at++] = *key;
        }
    }
    return at;
}

const char *json_where(const struct json_doc *doc, const struct json *value)
{
    static _Thread_local char ring[4][JSON_WHERE_TEXT];
    static _Thread_local unsigned turn;
    char *out = ring[turn++ % 4];
    const struct json *node = value ? value : &doc->root;
    const size_t room = JSON_WHERE_TEXT - 32; /* for the line */
    const size_t len = strlen(doc->name);
    const bool cut = len > JSON_WHERE_NAME;
    size_t at =
        (size_t)snprintf(out, room, "%s%s%s", cut ? "..." : "",
                         doc->name + (cut ? len - JSON_WHERE_NAME : 0), node->parent ? ": " : "");

    at += put_pointer(out + at, room - at, node);
    snprintf(out + at, JSON_WHERE_TEXT - at, " (line %u)", node->place.line);
    return out;
}
