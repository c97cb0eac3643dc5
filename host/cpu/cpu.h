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
    CPU_MAPPED, /* the fastest; packs 16 rows of the file's mapping each time they are read */
    CPU_FORMS
};

/* What CPU_AUTO stands for: CPU_MAPPED if packed weights of `weights` bytes do not fit into
 * `available` bytes of memory, else the fastest SIMD form, else CPU_SCALAR. Other forms stay. */
enum cpu_form cpu_form_choose(enum cpu_form form, uint64_t weights, uint64_t available);

/* The same for a model and the memory there is now (memory_available); warns of CPU_MAPPED. */
enum cpu_form cpu_form_for(enum cpu_form form, const struct model *model);

/* True for forms that read, and where faults strike, edit the model's mapping. */
bool cpu_form_maps(enum cpu_form form);

/* True if processor and operating system can run the form. */
bool cpu_form_available(enum cpu_form form);

/* STATUS_DEVICE (logged) where the form is not available or the floating-point mode of fpenv.h is
 * not set. Where cpu_form_maps is false, weights are held
 * packed, in as many bytes as in the file. */
enum status cpu_create(struct executor **out, enum cpu_form form,
                       const struct executor_params *params) STATUS_MUST_USE;

#endif
