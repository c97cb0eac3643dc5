/* SPDX-License-Identifier: MIT */
/* A policy at work: opened for a device, its findings in words and as JSON. */
#ifndef VKFI_CLI_PROTECTION_H
#define VKFI_CLI_PROTECTION_H

#include "base/json.h"
#include "mitigations/protector.h"

struct cli_protection {
    struct policy policy;
    struct protector *protector;
    const struct model *model;
};

#define CLI_PROTECT_HELP                                                                           \
    "Protects the run: a policy file (mitigations/policy.schema.json), or a built-in policy: "     \
    "robust, nan_trap. See PROTECTION."

/* `name`: a file or a built-in policy; memory from `arena`. */
enum status cli_protection_open(struct cli_protection *out, struct arena *arena, const char *name,
                                struct executor *ex) STATUS_MUST_USE;
void cli_protection_close(struct cli_protection *protection);

/* What it found in a run: `state` is the run's (null: clean), `n_prompt` its prompt. */
struct cli_findings {
    struct decode_summary summary;
    const void *state;
    uint32_t n_prompt;
};

const char *cli_protection_outcome(enum decode_damage damage); /* "clean", "corrected", .. */

/* The member "protect". */
void cli_protection_json(struct json_writer *w, const struct cli_protection *protection,
                         const struct cli_findings *findings);

/* A line an event to the log; `indent`: to standard output instead, after it. */
void cli_protection_say(const struct cli_protection *protection,
                        const struct cli_findings *findings, const char *indent);

/* STATUS_UNCORRECTED (logged) if damage was found and stayed. */
enum status cli_protection_check(const struct cli_findings *findings) STATUS_MUST_USE;

#endif
