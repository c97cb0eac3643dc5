/* SPDX-License-Identifier: MIT */
/* A record as a JSON object; a fault's coordinates and mask in words. */
#include "cli/cli_record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "inject/campaign/campaign_row.h"

/* Text that is built up as far as there is room. */
struct line {
    char *out;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(line->out + line->used, line->size - line->used, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < line->size - line->used)
        line->used += (size_t)n;
}

const char *cli_record_bits(const struct fault *fault, char *out, size_t size)
{
    struct line line = {.out = out, .size = size};
    out[0] = '\0';
    if (hook_kinds_takes(fault->kind, KIND_TAKES_VALUE) &&
        !hook_kinds_takes(fault->kind, KIND_TAKES_NUMBER))
        put(&line, "0x%" PRIx32, fault->value);
    if (!hook_kinds_takes(fault->kind, KIND_TAKES_MASK))
        return out;
    for (uint32_t bit = 0, last; bit < 32; bit = last + 1) {
        for (last = bit; last < 31 && fault->mask >> bit & fault->mask >> (last + 1) & 1u;)
            last++;
        if (fault->mask >> bit & 1u)
            put(&line, "%s%" PRIu32, line.used > 0 ? "," : "", bit);
        if (last > bit)
            put(&line, "%s%" PRIu32, last > bit + 1 ? "-" : ",", last);
    }
    return out;
}

/* Appends ", row 3..7 by 2". */
static void put_axis(struct line *line, const char *name, const uint32_t range[3])
{
    const uint32_t count = range[1], step = range[2];
    put(line, "%s%s %" PRIu32, line->used > 0 ? ", " : "", name, range[0]);
    if (count > 1)
        put(line, "..%" PRIu32, range[0] + (count - 1) * step);
    if (count > 1 && step > 1)
        put(line, " by %" PRIu32, step);
}

const char *cli_record_where(const struct fault *fault, const struct fault_bounds *bounds,
                             char *out, size_t size)
{
    const struct fault_axes axes = fault_axes(fault, bounds);
    struct line line = {.out = out, .size = size};
    out[0] = '\0';
    if (fault_has_row(&axes))
        put_axis(&line, "row", (const uint32_t[]){fault->row, fault->row_count, fault->row_step});
    if (axes.k.count > 0)
        put_axis(&line, "k", (const uint32_t[]){fault->k, fault->k_count, fault->k_step});
    if (axes.key && fault->key_count == FAULT_ALL_KEYS)
        put(&line, "%sall keys", line.used > 0 ? ", " : "");
    else if (axes.key)
        put_axis(&line, "key", (const uint32_t[]){fault->key, fault->key_count, 1});
    return out;
}

static enum status take_further(struct row_view *view, struct arena *arena,
                                const struct record *record)
{
    struct store_fault *further = arena_array(arena, record->n_faults, sizeof(*further));
    enum status st = further ? STATUS_OK : STATUS_MEMORY;
    view->further = further;
    view->n_further = record->n_faults - 1;
    for (uint32_t i = 0; !st && i < view->n_further; i++)
        st = fault_put_text(&further[i].json, arena, &record->faults[i + 1]);
    return st;
}

enum status cli_record_view(struct row_view *out, struct arena *arena,
                            const struct cli_record_context *context, const struct record *record)
{
    const struct campaign_row_context rows = {.bounds = context->bounds,
                                              .golden_len = context->golden->run.n_tokens,
                                              .decode = &context->golden->decode};
    struct row *row = arena_alloc(arena, sizeof(*row));
    *out = (struct row_view){.row = row, .joined.golden_text = context->golden_text};
    enum status st = row ? STATUS_OK : STATUS_MEMORY;
    if (!st)
        st = campaign_row_make(row, arena, &rows, NULL, record);
    return st ? st : take_further(out, arena, record);
}

enum status cli_record_json(struct json_writer *w, const struct cli_record_context *context,
                            const struct record *record)
{
    struct arena arena = {0};
    struct row_view view;
    enum status st = cli_record_view(&view, &arena, context, record);
    json_object_open(w);
    if (!st)
        st = row_view_json(w, &view, FIELD_PLACE, FIELD_FULL);
    json_object_close(w);
    arena_finish(&arena);
    return st;
}
