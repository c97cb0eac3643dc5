/* SPDX-License-Identifier: MIT */
/* One pass over the graph: member of struct executor_ops. */
#ifndef VKFI_CPU_CPU_PASS_H
#define VKFI_CPU_CPU_PASS_H

#include "cpu/cpu_state.h"

enum status cpu_pass(struct executor *ex, const struct schedule *schedule,
                     struct column_result *out) STATUS_MUST_USE;

#endif
