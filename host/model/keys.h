/* SPDX-License-Identifier: MIT */
/* One table of every key of a model file that may change numbers, and how it is treated. */
#ifndef VKFI_MODEL_KEYS_H
#define VKFI_MODEL_KEYS_H

#include <stddef.h>

#include "base/status.h"
#include "model/arch.h"
#include "model/gguf.h"

enum keys_verdict {
    KEYS_USED,       /* its value is part of the sizes and constants, or checked against them */
    KEYS_IRRELEVANT, /* changes no number of the models that run here */
    KEYS_REFUSED     /* changes numbers in a way this program lacks */
};

struct keys_entry {
    const char *name; /* after "ARCHITECTURE.", or a whole key; "ssm.*": a prefix */
    enum keys_verdict verdict;
    uint32_t used_by; /* bits of architectures that use it, whatever the verdict for others */
    const char *what; /* of a refused one: what is not supported */
    /* Values that mean "none" in a refused one; NaN and null: no such value. */
    double neutral[2];
    const char *neutral_text;
};

const struct keys_entry *keys_table(size_t *out_count);

enum keys_verdict keys_verdict(const struct keys_entry *entry, enum arch arch);

/* STATUS_INPUT, logged by name: a part of a split model, a refused key other than "none", a key of
 * the architecture that the table lacks (it may change numbers). */
enum status keys_check(const struct gguf *gguf, enum arch arch) STATUS_MUST_USE;

/* The first part of keys_check: a later part of a split model has no architecture. */
enum status keys_check_split(const struct gguf *gguf) STATUS_MUST_USE;

#endif
