/* SPDX-License-Identifier: MIT */
/* Keys of clients, compared in a time that says nothing about them. */
#ifndef VKFI_SERVE_SERVE_KEYS_H
#define VKFI_SERVE_SERVE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/status.h"

#define SERVE_KEY_LEAST 16 /* characters */

struct serve_keys {
    char (*hash)[HASH_SHA256_TEXT]; /* (count) */
    size_t count;                   /* 0: none is asked for */
};

/* One key a line; empty lines and those that begin with '#' are skipped. STATUS_INPUT (logged): a
 * key that is short or has blanks, or none. */
enum status serve_keys_load(struct serve_keys *out, struct arena *arena,
                            const char *path) STATUS_MUST_USE;

/* Whether an Authorization header (null: none) has one of the keys: "Bearer KEY". */
bool serve_keys_allow(const struct serve_keys *keys, const char *header);

#endif
