/* SPDX-License-Identifier: MIT */
/* A policy: which protections guard a run, with which parameters. */
#ifndef VKFI_MITIGATIONS_POLICY_H
#define VKFI_MITIGATIONS_POLICY_H

#include "base/json.h"
#include "mitigations/protection.h"

#define POLICY_MOST 16u /* protections */

struct policy_entry {
    const struct protection *protection;
    void *params; /* (protection->params) bytes, as its table of parameters says */
};

struct policy {
    struct policy_entry entry[POLICY_MOST];
    uint32_t n;
    uint32_t most_redone;    /* columns of a run computed again at most */
    const char *calibration; /* path, "": none; policy_load: relative ones are beside its file */
    const char **profile;    /* (n_profile) names of the items that it was chosen on, sorted */
    uint32_t n_profile;
};

/* Reads an object of the form of mitigations/policy.schema.json; memory from `arena`. STATUS_INPUT
 * (logged): what was found, where, what was expected. */
enum status policy_read(struct policy *out, struct arena *arena, const struct json_doc *doc,
                        const struct json *value) STATUS_MUST_USE;

/* A policy file, or a word of policy_builtin. */
enum status policy_load(struct policy *out, struct arena *arena, const char *path) STATUS_MUST_USE;

/* A built-in policy, found by its name wherever a policy file is. */
struct policy_named {
    const char *name, *what;
    const char *text; /* JSON */
};
const struct policy_named *policy_builtins(size_t *out_n);

/* JSON text of a built-in policy; null: there is none of that name. */
const char *policy_builtin(const char *name);

/* All parameters, defaults too, in the order of the tables: equal policies give equal text. */
void policy_put(struct json_writer *w, const struct policy *policy);

/* The same as one line, without the calibration: what the policy does, however it is written. From
 * `arena`. */
enum status policy_line(const char **out, struct arena *arena,
                        const struct policy *policy) STATUS_MUST_USE;

/* Multiply-adds that the protections add to a decoding column, over the column's own. */
double policy_work(const struct policy *policy, const struct protection_column *column);

/* The JSON Schema of a policy, from the tables. */
void policy_schema(struct json_writer *w);

#endif
