/* SPDX-License-Identifier: MIT */
/* A fault as one line of JSON in an arena. */
#include "inject/campaign/campaign_fault.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum status campaign_fault_json(const char **out, struct arena *arena, const struct fault *fault)
{
    char *text = NULL;
    size_t size = 0;
    struct json_writer w;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        log_error("out of host memory for a fault");
        return STATUS_MEMORY;
    }
    json_begin(&w, file, false);
    fault_put(&w, fault);
    enum status st = json_end(&w);
    fclose(file);
    *out = !st && size > 0 ? arena_text(arena, text, size - 1) : NULL;
    free(text);
    return st || *out ? st : STATUS_MEMORY;
}
