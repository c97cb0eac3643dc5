/* SPDX-License-Identifier: MIT */
/* Faults of a request, or of the server: given, or drawn from a plan for the prompt at hand. */
#ifndef VKFI_SERVE_SERVE_FAULT_H
#define VKFI_SERVE_SERVE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "serve/serve_reader.h"

/* All zeros: none. */
struct serve_fault {
    const char *given; /* as vkfi_session_fault takes them; null: drawn */
    const char *plan;  /* its members that say where, what and when; null: none is drawn */
    uint64_t trial;
    bool random; /* any trial */
};

/* Of a request's member vkfi: fault, or plan and trial. */
void serve_fault_read(struct serve_reader *r, struct arena *arena, struct serve_fault *out);

/* Of files; null: there is none. Memory from `arena`. STATUS_INPUT, STATUS_USAGE (logged). */
struct serve_fault_files {
    const char *fault, *plan, *trial; /* paths; a number or "random" */
};
enum status serve_fault_load(struct serve_fault *out, struct arena *arena,
                             const struct serve_fault_files *files) STATUS_MUST_USE;

/* A prompt and its run. */
struct serve_fault_run {
    const struct model *model;
    const char *act, *kv; /* how activations, K and V are stored */
    const int32_t *ids;   /* (n_ids) */
    uint32_t n_ids, tokens;
    uint64_t any; /* chooses among trials */
};

/* The plan's trial as if this prompt were its only item: the text of its faults. STATUS_INPUT
 * (logged): the plan is wrong for this model, or has no such trial. */
enum status serve_fault_draw(const char **out, uint64_t *out_trial, struct arena *arena,
                             const struct serve_fault *fault,
                             const struct serve_fault_run *run) STATUS_MUST_USE;

#endif
