/* SPDX-License-Identifier: MIT */
/* How far the faulted residual lies from golden at each layer boundary. */
#ifndef VKFI_INJECT_DEVIATION_H
#define VKFI_INJECT_DEVIATION_H

#include "base/arena.h"
#include "base/status.h"
#include "inject/trial/fork.h"

/* (n_layers + 1) entries for the struck position: golden's checkpoint row against the spare row,
 * in double, index order. Boundaries below `first` were not evaluated and are golden. */
enum status deviation_read(struct trial_deviation **out, struct arena *arena,
                           const struct trial *trial, uint32_t first) STATUS_MUST_USE;

#endif
