/* SPDX-License-Identifier: MIT */
/* Members of a request: as base/json_fields.h, but null stands for a member that is not there, as
 * clients send it, and the first failure is kept. */
#ifndef VKFI_SERVE_SERVE_READER_H
#define VKFI_SERVE_SERVE_READER_H

#include "base/json_fields.h"

struct serve_reader {
    const struct json_doc *doc;
    const struct json *object;
    enum status st; /* the first failure, logged */
};

/* The member; null: it is absent, or null. */
const struct json *serve_reader_get(const struct serve_reader *r, const char *key);

/* Each leaves *out alone where the member is absent. */
void serve_reader_u32(struct serve_reader *r, const char *key, struct json_span span,
                      uint32_t *out);
void serve_reader_number(struct serve_reader *r, const char *key, struct json_range range,
                         double *out);
void serve_reader_bool(struct serve_reader *r, const char *key, bool *out);
void serve_reader_text(struct serve_reader *r, const char *key, const char **out);

/* Notes a failure: what was found at `value`, and what was expected. */
void serve_reader_refuse(struct serve_reader *r, const struct json *value, const char *expected);

#endif
