/* SPDX-License-Identifier: MIT */
/* Reads members. */
#include "serve/serve_reader.h"

#include "base/log.h"

const struct json *serve_reader_get(const struct serve_reader *r, const char *key)
{
    const struct json *value = json_get(r->object, key);
    return json_type(value) == JSON_NULL ? NULL : value;
}

/* Whether a member is to be read. */
static bool reads(const struct serve_reader *r, const char *key)
{
    return !r->st && serve_reader_get(r, key);
}

void serve_reader_u32(struct serve_reader *r, const char *key, struct json_span span, uint32_t *out)
{
    if (reads(r, key))
        r->st = json_fields_u32(r->doc, r->object, key, span, out);
}

void serve_reader_number(struct serve_reader *r, const char *key, struct json_range range,
                         double *out)
{
    if (reads(r, key))
        r->st = json_fields_number(r->doc, r->object, key, range, out);
}

void serve_reader_bool(struct serve_reader *r, const char *key, bool *out)
{
    if (reads(r, key))
        r->st = json_fields_bool(r->doc, r->object, key, out);
}

void serve_reader_text(struct serve_reader *r, const char *key, const char **out)
{
    if (reads(r, key))
        r->st = json_fields_text(r->doc, r->object, key, out);
}

void serve_reader_refuse(struct serve_reader *r, const struct json *value, const char *expected)
{
    if (r->st)
        return;
    log_error("%s: found %s, expected %s", json_where(r->doc, value), json_fields_found(value).text,
              expected);
    r->st = STATUS_INPUT;
}
