/* SPDX-License-Identifier: MIT */
/* A record as a block of lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_output.h"
#include "cli/cli_record.h"
#include "inject/space/fault_bits.h"

/* Factor, term, ends, the coordinate meant instead. */
static void print_numbers(const struct fault *fault)
{
    const struct fault_bits f32 = {.width = 32, .is_float = true, .storage = STORAGE_F32};
    char a[32], b[32];
    if (fault->kind == KIND_SCALE || fault->kind == KIND_ADD)
        printf(" %s %s", fault->kind == KIND_SCALE ? "by" : "of",
               cli_output_float(a, fault_bits_float(&f32, fault->value)));
    if (hook_kinds_takes(fault->kind, KIND_TAKES_RANGE))
        printf(" to %s .. %s", cli_output_float(a, fault_bits_float(&f32, fault->low)),
               cli_output_float(b, fault_bits_float(&f32, fault->high)));
    if (hook_kinds_takes(fault->kind, KIND_TAKES_OTHER))
        printf(" from %" PRIu32, fault->from);
}

/* "flip of bit 30 of 32", "set to 0x3c00", "scale by 2", "zero". */
static void print_change(const struct fault *fault, uint32_t width)
{
    char bits[128];
    cli_record_bits(fault, bits, sizeof(bits));
    printf("%s", kinds_text(KINDS_KIND, fault->kind));
    if (hook_kinds_takes(fault->kind, KIND_TAKES_VALUE) && bits[0] != '\0')
        printf(" to %s", bits);
    else if (bits[0] != '\0')
        printf(" of bit%s %s of %" PRIu32, strpbrk(bits, ",-") ? "s" : "", bits, width);
    else
        print_numbers(fault);
}

/* What the first coordinates do not say. */
static void print_extent(const struct fault *fault)
{
    if (fault->only_mask != 0)
        printf(", where bits & 0x%" PRIx32 " are 0x%" PRIx32, fault->only_mask, fault->only_value);
    if (fault->duration == DURATION_INTERMITTENT)
        printf(", at random with rate %g", fault->rate * 0x1p-32);
    if (fault->position_count == FAULT_FOREVER)
        printf("%s", fault->duration == DURATION_PERSISTENT ? "" : ", to the end");
    else if (fault->position_count > 1)
        printf(", for %" PRIu32 " positions", fault->position_count);
}

static void print_fault(const struct cli_record_context *context, const struct fault *fault)
{
    char where[CLI_RECORD_WHERE], site[FAULT_SITE_TEXT];
    fault_site(fault, site);
    const bool prefill = fault->position + 1 < context->bounds.n_prompt;
    printf("  site         %s", site);
    if (fault->layer != GRAPH_NO_LAYER)
        printf(", layer %" PRIu32, fault->layer);
    printf("\n  coordinates  %s", cli_record_where(fault, &context->bounds, where, sizeof(where)));
    if (fault_bits_weight(fault, &context->bounds))
        printf(", field %s", quant_field_name(fault->field));
    printf("%sposition %" PRIu32, where[0] != '\0' ? ", " : "", fault->position);
    if (prefill)
        printf(" (prompt)\n");
    else
        printf(" (step %" PRIu32 ")\n", fault->position + 1 - context->bounds.n_prompt);
    printf("  fault        ");
    print_change(fault, fault_width(fault, &context->bounds));
    printf(", at %s", kinds_text(KINDS_POINT, fault->point));
    print_extent(fault);
    putchar('\n');
}

/* "  before       0x3f800000 (1)" */
static enum status print_bits(const struct row_view *view, const char *bits, const char *value)
{
    printf("  %-11s  ", bits);
    enum status st = row_view_text(stdout, view, bits);
    fputs(" (", stdout);
    if (!st)
        st = row_view_text(stdout, view, value);
    puts(")");
    return st;
}

static enum status print_proof(const struct row_view *view)
{
    enum status st = STATUS_OK;
    if (view->row->activations > 0)
        st = print_bits(view, "before", "before_value");
    if (!st && view->row->activations > 0)
        st = print_bits(view, "after", "after_value");
    printf("  activations  %" PRId64 " of %" PRId64 "\n", view->row->activations,
           view->row->expected_activations);
    return st;
}

static enum status print_token(const struct cli_record_context *context, const int32_t *tokens,
                               uint32_t n, uint32_t step)
{
    struct text text = {0};
    if (step >= n) {
        printf("end of run");
        return STATUS_OK;
    }
    enum status st = cli_output_tokens(&text, context->bounds.model->tokenizer, tokens + step, 1);
    if (!st) {
        printf("%" PRId32 " ", tokens[step]);
        cli_output_quoted(text.data);
    }
    text_finish(&text);
    return st;
}

static enum status print_first_diff(const struct cli_record_context *context,
                                    const struct record *record)
{
    const struct generation *golden = &context->golden->run;
    if (record->first_diff == EXECUTOR_NONE) {
        printf("  first diff   none\n");
        return STATUS_OK;
    }
    printf("  first diff   step %" PRIu32 ": ", record->first_diff);
    enum status st = print_token(context, golden->tokens, golden->n_tokens, record->first_diff);
    if (st)
        return st;
    printf(" -> ");
    st = print_token(context, record->tokens, record->n_tokens, record->first_diff);
    putchar('\n');
    return st;
}

/* Only the layer boundaries that differ. */
static void print_deviation(const struct cli_record_context *context, const struct record *record)
{
    const uint32_t n_layers = context->bounds.model->hp.n_layers;
    bool any = false;
    if (!record->deviation) {
        printf("  deviation    none: the run ended before the pass of the struck position\n");
        return;
    }
    for (uint32_t i = 0; i <= n_layers; i++) {
        const struct trial_deviation *d = &record->deviation[i];
        if (d->bits == 0)
            continue;
        if (!any)
            printf("  deviation    of the residual at the struck position\n"
                   "               entering       max |d|   relative L2        bits\n");
        any = true;
        if (i < n_layers)
            printf("               layer %-4" PRIu32, i);
        else
            printf("               output    ");
        printf("  %12.5g  %12.5g  %10" PRIu32 "\n", d->max_abs, d->rel_l2, d->bits);
    }
    if (!any)
        printf("  deviation    none at any layer boundary of the struck position\n");
}

enum status cli_record_text(const struct cli_record_context *context, const struct record *record,
                            uint32_t number, uint32_t count)
{
    struct arena arena = {0};
    struct row_view view;
    enum status st = cli_record_view(&view, &arena, context, record);
    if (st)
        goto end;
    const struct row *row = view.row;
    printf("fault %" PRIu32 " of %" PRIu32 ": %s\n", number, count, row->outcome);
    for (uint32_t i = 0; i < record->n_faults; i++)
        print_fault(context, &record->faults[i]);
    st = print_proof(&view);
    if (!st)
        st = print_first_diff(context, record);
    if (st)
        goto end;
    if (row->activations > 0)
        print_deviation(context, record);
    printf("  golden       ");
    cli_output_quoted(context->golden_text);
    printf("\n  faulty       ");
    cli_output_quoted(row->faulty_text ? row->faulty_text : context->golden_text);
    printf("\n\n");
end:
    arena_finish(&arena);
    return st;
}
