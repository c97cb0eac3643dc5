/* SPDX-License-Identifier: MIT */
/* A fault as an object of a fault file: what the database keeps of a trial's further faults. */
#ifndef VKFI_INJECT_CAMPAIGN_FAULT_H
#define VKFI_INJECT_CAMPAIGN_FAULT_H

#include "base/arena.h"
#include "base/status.h"
#include "inject/space/fault.h"

/* One line; the text from `arena`. */
enum status campaign_fault_json(const char **out, struct arena *arena,
                                const struct fault *fault) STATUS_MUST_USE;

#endif
