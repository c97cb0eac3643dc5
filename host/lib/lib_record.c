/* SPDX-License-Identifier: MIT */
/* A record as the row of an export, and that as JSON. */
#include "lib/lib_record.h"

#include "inject/campaign/campaign_row.h"

static enum status take_further(struct trial_row_view *view, struct arena *arena,
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

enum status lib_record_view(struct trial_row_view *out, struct arena *arena,
                            const struct lib_record_context *context, const struct record *record)
{
    const struct campaign_row_context rows = {.bounds = context->bounds,
                                              .golden_len = context->golden->run.n_tokens,
                                              .decode = &context->golden->decode};
    struct trial_row *row = arena_alloc(arena, sizeof(*row));
    *out = (struct trial_row_view){.row = row, .joined.golden_text = context->golden_text};
    enum status st = row ? STATUS_OK : STATUS_MEMORY;
    st = st ? st : campaign_row_make(row, arena, &rows, NULL, record);
    return st ? st : take_further(out, arena, record);
}

struct lib_findings lib_record_findings(const struct lib_record_context *context,
                                        const struct record *record)
{
    return (struct lib_findings){record->protection, record->check_state, context->bounds.n_prompt};
}

void lib_record_json(struct json_writer *w, const struct lib_record_context *context,
                     const struct record *record)
{
    struct arena arena = {0};
    struct trial_row_view view;
    const enum status st = lib_record_view(&view, &arena, context, record);
    json_object_open(w);
    json_take(w, st ? st : trial_row_view_json(w, &view, FIELD_PLACE, FIELD_FULL));
    const struct lib_findings findings = lib_record_findings(context, record);
    if (context->protection)
        lib_protection_json(w, context->protection, &findings);
    json_object_close(w);
    arena_finish(&arena);
}
