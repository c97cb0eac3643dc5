/* SPDX-License-Identifier: MIT */
/* The golden executor: the graph on the CPU, as device `cpu`. */
#ifndef VKFI_CPU_CPU_H
#define VKFI_CPU_CPU_H

#include <stdbool.h>

#include "base/status.h"
#include "model/executor.h"

/* Forms of the same arithmetic: equal bits, different speed. */
enum cpu_form {
    CPU_AUTO,   /* the fastest this machine has            */
    CPU_SCALAR, /* plain loops in contract order: the truth */
    CPU_AVX2,
    CPU_AVX512, /* F, BW, DQ, VL                           */
};

/* True if processor and operating system can run the form. */
bool cpu_form_available(enum cpu_form form);

/* STATUS_DEVICE (logged) where the form is not available or the floating-point mode of fpenv.h is
 * not set. The SIMD forms hold their own weights; the scalar form reads and edits the model's
 * mapping. */
enum status cpu_create(struct executor **out, enum cpu_form form,
                       const struct executor_params *params) STATUS_MUST_USE;

#endif
