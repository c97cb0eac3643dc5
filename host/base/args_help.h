/* SPDX-License-Identifier: MIT */
/* The --help page of a command; used by args.c alone. */
#ifndef VKFI_BASE_ARGS_HELP_H
#define VKFI_BASE_ARGS_HELP_H

#include <stdio.h>

#include "base/args.h"

/* NAME, SYNOPSIS, OPTIONS and the details, in 80 columns. */
void args_help_print(const struct args_spec *spec, FILE *out);

#endif
