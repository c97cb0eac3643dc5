/* SPDX-License-Identifier: MIT */
/* Digests of items' names; their order is that of a draw. */
#include "tasks/task_split.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

/* The first half of the digest of a text of these parts. */
static enum status digest(uint64_t *out, const char *what, const char *task, const char *doc_id)
{
    struct arena arena = {0};
    char hex[HASH_SHA256_TEXT];
    const char *text = arena_printf(&arena, "%s\n%s\n%s", what, task, doc_id);
    if (text) {
        hash_sha256(text, strlen(text), hex);
        hex[16] = '\0';
        *out = strtoull(hex, NULL, 16);
    }
    arena_finish(&arena);
    return text ? STATUS_OK : STATUS_MEMORY;
}

static enum status in_split(bool *out, enum task_split split, const char *task, const char *doc_id)
{
    uint64_t key = 0;
    const enum status st = digest(&key, "split", task, doc_id);
    const uint64_t fifth = key % 5;
    *out = split == TASK_SPLIT_ALL || split == (fifth == 0   ? TASK_SPLIT_CALIBRATE
                                                : fifth == 1 ? TASK_SPLIT_PROFILE
                                                             : TASK_SPLIT_EVALUATE);
    return st;
}

struct choice {
    uint64_t key;   /* in the order of a seed */
    uint32_t index; /* among the task's items */
};

static int by_key(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_index(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

enum status task_split_choose(uint32_t *out, uint32_t *out_n, const char *task,
                              const struct task_items *items, const struct task_split_ask *ask)
{
    char order[48];
    uint32_t n = 0;
    struct choice *chosen = calloc(items->count + 1, sizeof(*chosen));
    enum status st = chosen ? STATUS_OK : STATUS_MEMORY;
    if (st)
        log_error("task '%s': no host memory for %" PRIu32 " items", task, items->count);
    snprintf(order, sizeof(order), "order %" PRIu64, ask->seed);
    for (uint32_t i = 0; !st && i < items->count; i++) {
        bool in = false;
        chosen[n].index = i;
        st = in_split(&in, ask->split, task, items->item[i].doc_id);
        if (!st)
            st = digest(&chosen[n].key, order, task, items->item[i].doc_id);
        n += in;
    }
    if (!st) {
        qsort(chosen, n, sizeof(*chosen), by_key);
        n = ask->n > 0 && ask->n < n ? ask->n : n;
        qsort(chosen, n, sizeof(*chosen), by_index);
    }
    for (uint32_t i = 0; !st && i < n; i++)
        out[i] = chosen[i].index;
    *out_n = st ? 0 : n;
    free(chosen);
    return st;
}
