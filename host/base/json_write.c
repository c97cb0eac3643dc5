/* SPDX-License-Identifier: MIT */
/* JSON out: tokens in, well-formed text out. */
#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/fpenv.h"
#include "base/json_scan.h"
#include "base/log.h"
#include "base/text.h"

void json_begin(struct json_writer *w, FILE *file, bool pretty)
{
    *w = (struct json_writer){.file = file, .first = true, .pretty = pretty};
}

void json_take(struct json_writer *w, enum status st)
{
    w->st = w->st ? w->st : st;
}

/* A writer without a file drops everything: it has failed already. */
__attribute__((format(printf, 2, 3))) static void put(struct json_writer *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (w->file)
        vfprintf(w->file, fmt, args);
    va_end(args);
}

static void put_indent(struct json_writer *w)
{
    if (w->pretty)
        put(w, "\n%*s", (int)(2 * w->depth), "");
}

/* What stands before a value: nothing after a key, else a comma if it is not the first. */
static void before_value(struct json_writer *w)
{
    if (!w->keyed && !w->first)
        put(w, w->pretty ? ", " : ",");
    w->keyed = false;
    w->first = false;
}

void json_object_open(struct json_writer *w)
{
    before_value(w);
    put(w, "{");
    w->depth++;
    w->first = true;
}

void json_object_close(struct json_writer *w)
{
    assert(w->depth > 0 && !w->keyed);
    w->depth--;
    if (!w->first)
        put_indent(w);
    put(w, "}");
    w->first = false;
}

void json_array_open(struct json_writer *w)
{
    before_value(w);
    put(w, "[");
    w->first = true;
}

void json_array_close(struct json_writer *w)
{
    assert(!w->keyed);
    put(w, "]");
    w->first = false;
}

static void put_quoted(struct json_writer *w, const char *text, size_t n)
{
    FILE *file = w->file;
    if (!file)
        return;
    fputc('"', file);
    for (size_t i = 0; i < n;) {
        const unsigned char c = (unsigned char)text[i];
        const size_t len = json_scan_utf8(text + i, n - i);
        if (len == 0 && n - i >= 2 && memcmp(text + i, TEXT_NUL, 2) == 0) {
            fputs("\\u0000", file);
            i++;
        } else if (len == 0) {
            fputs("\xef\xbf\xbd", file); /* U+FFFD */
        } else if (c == '"' || c == '\\') {
            fprintf(file, "\\%c", c);
        } else if (c == '\n' || c == '\t' || c == '\r') {
            fputs(c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r", file);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(file, "\\u%04x", c);
        } else {
            fwrite(text + i, 1, len, file);
        }
        i += len ? len : 1;
    }
    fputc('"', file);
}

void json_put_key(struct json_writer *w, const char *key)
{
    assert(!w->keyed && w->depth > 0);
    if (!w->first)
        put(w, ",");
    put_indent(w);
    put_quoted(w, key, strlen(key));
    put(w, w->pretty ? ": " : ":");
    w->keyed = true;
    w->first = false;
}

void json_put_text_n(struct json_writer *w, const char *text, size_t n)
{
    before_value(w);
    put_quoted(w, text, n);
}

void json_put_text(struct json_writer *w, const char *text)
{
    json_put_text_n(w, text, strlen(text));
}

void json_put_int(struct json_writer *w, int64_t value)
{
    before_value(w);
    put(w, "%" PRId64, value);
}

/* True if it was one of the three that JSON numbers cannot express. */
static bool put_special(struct json_writer *w, double value)
{
    if (isfinite(value))
        return false;
    json_put_text(w, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    return true;
}

/* "-0" is read back as an integer, which has no signed zero. */
static void put_digits(struct json_writer *w, const char *text)
{
    before_value(w);
    put(w, "%s", strcmp(text, "-0") == 0 ? "-0.0" : text);
}

void json_put_number(struct json_writer *w, double value)
{
    char text[40];
    double back;

    if (put_special(w, value))
        return;
    /* Bits are compared, since equality takes denormals for zero while they are flushed. A normal
     * number of fewer digits than DBL_DIG is printed without padding by %g. */
    int digits = fabs(value) >= DBL_MIN ? DBL_DIG : 1;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        back = strtod(text, NULL);
    } while (memcmp(&back, &value, sizeof(value)) != 0 && digits++ < DBL_DECIMAL_DIG);
    put_digits(w, text);
}

void json_put_float(struct json_writer *w, float value)
{
    const double wide = fpenv_widen(value);
    char text[40];
    float back;

    if (put_special(w, wide))
        return;
    int digits = fabs(wide) >= FLT_MIN ? FLT_DIG : 1;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, wide);
        back = strtof(text, NULL);
    } while (memcmp(&back, &value, sizeof(value)) != 0 && digits++ < FLT_DECIMAL_DIG);
    put_digits(w, text);
}

void json_put_hex(struct json_writer *w, uint64_t value, int digits)
{
    before_value(w);
    put(w, "\"%0*" PRIx64 "\"", digits, value);
}

void json_put_bool(struct json_writer *w, bool value)
{
    before_value(w);
    put(w, "%s", value ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
    before_value(w);
    put(w, "null");
}

void json_member_text(struct json_writer *w, const char *key, const char *text)
{
    json_put_key(w, key);
    if (text)
        json_put_text(w, text);
    else
        json_put_null(w);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
    json_put_key(w, key);
    json_put_bool(w, value);
}

void json_member_int(struct json_writer *w, const char *key, int64_t value)
{
    json_put_key(w, key);
    json_put_int(w, value);
}

void json_member_known(struct json_writer *w, const char *key, bool known, int64_t value)
{
    json_put_key(w, key);
    if (known)
        json_put_int(w, value);
    else
        json_put_null(w);
}

void json_member_hex(struct json_writer *w, const char *key, uint64_t value, int digits)
{
    json_put_key(w, key);
    json_put_hex(w, value, digits);
}

void json_member_null(struct json_writer *w, const char *key)
{
    json_put_key(w, key);
    json_put_null(w);
}

void json_member_number(struct json_writer *w, const char *key, double value)
{
    json_put_key(w, key);
    if (isnan(value))
        json_put_null(w);
    else
        json_put_number(w, value);
}

void json_member_value(struct json_writer *w, const char *key, const struct json *value)
{
    json_put_key(w, key);
    json_put_value(w, value);
}

void json_member_ids(struct json_writer *w, const char *key, const int32_t *ids, size_t n)
{
    json_member_array(w, key);
    for (size_t i = 0; i < n; i++)
        json_put_int(w, ids[i]);
    json_array_close(w);
}

void json_member_object(struct json_writer *w, const char *key)
{
    json_put_key(w, key);
    json_object_open(w);
}

void json_member_array(struct json_writer *w, const char *key)
{
    json_put_key(w, key);
    json_array_open(w);
}

void json_put_value(struct json_writer *w, const struct json *value)
{
    const enum json_type type = json_type(value);
    int64_t integer;
    switch (type) {
    case JSON_NULL:
        json_put_null(w);
        break;
    case JSON_BOOL:
        json_put_bool(w, json_bool(value));
        break;
    case JSON_NUMBER:
        if (json_integer(value, INT64_MIN, INT64_MAX, &integer))
            json_put_int(w, integer);
        else
            json_put_number(w, json_number(value));
        break;
    case JSON_TEXT:
        json_put_text(w, json_text(value));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        (type == JSON_ARRAY ? json_array_open : json_object_open)(w);
        for (size_t i = 0; i < json_count(value); i++) {
            if (type == JSON_OBJECT)
                json_put_key(w, json_key(json_at(value, i)));
            json_put_value(w, json_at(value, i));
        }
        (type == JSON_ARRAY ? json_array_close : json_object_close)(w);
        break;
    }
}

enum status json_end(struct json_writer *w)
{
    assert(w->depth == 0 && !w->keyed);
    put(w, "\n");
    if (w->file && (fflush(w->file) != 0 || ferror(w->file))) {
        file_check_reader(w->file);
        log_error("JSON output: cannot write: %s", strerror(errno));
        json_take(w, STATUS_IO);
    }
    return w->st;
}

void json_begin_memory(struct json_memory *out, bool pretty)
{
    *out = (struct json_memory){.text = NULL};
    json_begin(&out->w, open_memstream(&out->text, &out->size), pretty);
    if (!out->w.file) {
        log_error("out of host memory for JSON");
        json_take(&out->w, STATUS_MEMORY);
    }
}

enum status json_end_memory(struct json_memory *m, struct arena *arena)
{
    enum status st = json_end(&m->w);
    if (m->w.file && fclose(m->w.file) != 0 && !st) {
        log_error("out of host memory for JSON");
        st = STATUS_MEMORY;
    }
    char *text = m->text;
    m->text = st ? NULL : arena_text(arena, text, m->size);
    free(text);
    return st || m->text ? st : STATUS_MEMORY;
}

enum status json_end_line(const char **out, struct json_memory *m, struct arena *arena)
{
    const enum status st = json_end_memory(m, arena);
    *out = m->text;
    if (!st)
        m->text[--m->size] = '\0';
    return st;
}

enum status json_put_terse(struct json_writer *w, const char *key, const char *json)
{
    char text[1024];
    struct json_doc *doc = NULL;
    const size_t n = strlen(json);
    assert(n < sizeof(text));
    for (size_t i = 0; i <= n; i++)
        text[i] = json[i] == '\'' ? '"' : json[i];
    const enum status st = json_parse(&doc, text, n, "a table of fields");
    json_take(w, st);
    if (!st && key) {
        json_put_key(w, key);
        json_put_value(w, json_root(doc));
    }
    for (size_t i = 0; !st && !key && i < json_count(json_root(doc)); i++) {
        const struct json *member = json_at(json_root(doc), i);
        json_put_key(w, json_key(member));
        json_put_value(w, member);
    }
    json_destroy(&doc);
    return st;
}
