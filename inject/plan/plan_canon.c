/* SPDX-License-Identifier: MIT */
/* The canonical form of a plan: one line of JSON with every field, from which its identity comes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "inject/plan/plan_field.h"

enum status plan_canon(struct plan *plan, struct arena *arena)
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer w;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        log_error("out of host memory for the canonical form of the plan");
        return STATUS_MEMORY;
    }
    json_begin(&w, file, false);
    json_object_open(&w);
    enum status st = plan_field_put(&w, &plan_fields_root, plan);
    json_object_close(&w);
    const enum status ended = json_end(&w);
    if (fclose(file) != 0 && !st) {
        log_error("out of host memory for the canonical form of the plan");
        st = STATUS_MEMORY;
    }
    st = st ? st : ended;
    if (!st) {
        plan->canon = arena_text(arena, text, size);
        st = plan->canon ? STATUS_OK : STATUS_MEMORY;
        hash_sha256(text, size, plan->hash);
    }
    free(text);
    return st;
}
