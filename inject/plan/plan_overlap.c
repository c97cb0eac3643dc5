/* SPDX-License-Identifier: MIT */
/* Names of items, and those that two lists share. */
#include "inject/plan/plan_overlap.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/sort.h"
#include "base/text.h"

#define NAMED 3u       /* items that a message names */
#define HASH_DIGITS 16 /* of a prompt */

static const char *name_of(struct arena *arena, const struct plan_item *item)
{
    const struct plan_question *q = item->question;
    char hash[HASH_SHA256_TEXT];
    if (q && q->item.doc_id)
        return arena_printf(arena, "%s/%s", q->task, q->item.doc_id);
    const char *text = q ? q->item.prompt : item->prompt;
    if (item->ids)
        hash_sha256(item->ids, item->n_ids * sizeof(*item->ids), hash);
    else
        hash_sha256(text, strlen(text), hash);
    return arena_printf(arena, "prompt:%.*s", HASH_DIGITS, hash);
}

enum status plan_overlap_list(struct plan_overlap *out, struct arena *arena,
                              const struct plan *plan)
{
    uint32_t kept = 0;
    *out = (struct plan_overlap){arena_array(arena, plan->n_items, sizeof(*out->name)), 0};
    if (!out->name)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < plan->n_items; i++) {
        out->name[i] = name_of(arena, &plan->item[i]);
        if (!out->name[i])
            return STATUS_MEMORY;
    }
    sort_texts(out->name, plan->n_items);
    for (uint32_t i = 0; i < plan->n_items; i++) {
        if (kept == 0 || strcmp(out->name[kept - 1], out->name[i]) != 0)
            out->name[kept++] = out->name[i];
    }
    out->n = kept;
    return STATUS_OK;
}

enum status plan_overlap_check(const struct plan_overlap *items, const struct plan_overlap *used,
                               const char *where, const char *what)
{
    struct text list = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < items->n; i++) {
        if (!sort_has_text(used->name, used->n, items->name[i]))
            continue;
        if (n++ < NAMED)
            text_addf(&list, "%s'%s'", n > 1 ? ", " : "", items->name[i]);
    }
    enum status st = list.st;
    if (n > 0 && !st) {
        log_error("%s: found %" PRIu32 " item%s of %s (%s%s), expected other items", where, n,
                  n == 1 ? "" : "s", what, list.data, n > NAMED ? ", .." : "");
        st = STATUS_INPUT;
    }
    text_finish(&list);
    return st;
}
