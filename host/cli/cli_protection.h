/* SPDX-License-Identifier: MIT */
/* A policy's findings in words, and its option. */
#ifndef VKFI_CLI_PROTECTION_H
#define VKFI_CLI_PROTECTION_H

#include "lib/lib_protection.h"

#define CLI_PROTECT_HELP                                                                           \
    "Protects the run: a policy file (mitigations/policy.schema.json), or a built-in policy: "     \
    "robust, nan_trap. See PROTECTION."

/* A line an event to the log; `indent`: to standard output instead, after it. */
void cli_protection_say(const struct lib_protection *protection,
                        const struct lib_findings *findings, const char *indent);

#endif
