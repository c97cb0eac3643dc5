/* SPDX-License-Identifier: MIT */
/* A record as a JSON object and as a block of lines; coordinates and mask of a fault in words. */
#include "cli/cli_record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_protection.h"
#include "inject/space/fault_bits.h"
#include "model/detokenizer.h"

/* Text that is appended while there is room. */
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

/* --- the block of lines --- */

/* Factor, term, ends, the wrong coordinate. */
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

/* What the first coordinates leave out. */
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

static void print_fault(const struct lib_record_context *context, const struct fault *fault)
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
static enum status print_bits(const struct trial_row_view *view, const char *bits,
                              const char *value)
{
    printf("  %-11s  ", bits);
    enum status st = trial_row_view_text(stdout, view, bits);
    fputs(" (", stdout);
    st = st ? st : trial_row_view_text(stdout, view, value);
    puts(")");
    return st;
}

static enum status print_proof(const struct trial_row_view *view)
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

static enum status print_token(const struct lib_record_context *context, const int32_t *tokens,
                               uint32_t n, uint32_t step)
{
    struct text text = {0};
    if (step >= n) {
        printf("end of run");
        return STATUS_OK;
    }
    enum status st = detokenizer_answer(&text, context->bounds.model->tokenizer, tokens + step, 1);
    if (!st) {
        printf("%" PRId32 " ", tokens[step]);
        cli_output_quoted(text.data);
    }
    text_finish(&text);
    return st;
}

static enum status print_first_diff(const struct lib_record_context *context,
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
    st = print_token(context, record->tokens, record->faulty_len, record->first_diff);
    putchar('\n');
    return st;
}

/* Only the layer boundaries that differ. */
static void print_deviation(const struct record *record)
{
    bool any = false;
    if (!record->deviation) {
        printf("  deviation    none: the run ended before the pass of the struck position\n");
        return;
    }
    for (uint32_t i = 0; i < record->n_deviations; i++) {
        const struct trial_deviation *d = &record->deviation[i];
        if (d->bits == 0)
            continue;
        if (!any)
            printf("  deviation    of the residual at the struck position\n"
                   "               entering       max |d|   relative L2        bits\n");
        any = true;
        if (i + 1 < record->n_deviations)
            printf("               layer %-4" PRIu32, i);
        else
            printf("               output    ");
        printf("  %12.5g  %12.5g  %10" PRIu32 "\n", d->max_abs, d->rel_l2, d->bits);
    }
    if (!any)
        printf("  deviation    none at any layer boundary of the struck position\n");
}

enum status cli_record_text(const struct lib_record_context *context, const struct record *record,
                            uint32_t number, uint32_t count)
{
    struct arena arena = {0};
    struct trial_row_view view;
    enum status st = lib_record_view(&view, &arena, context, record);
    if (st)
        goto end;
    const struct trial_row *row = view.row;
    printf("fault %" PRIu32 " of %" PRIu32 ": %s\n", number, count, row->outcome);
    for (uint32_t i = 0; i < record->n_faults; i++)
        print_fault(context, &record->faults[i]);
    st = print_proof(&view);
    st = st ? st : print_first_diff(context, record);
    if (st)
        goto end;
    if (row->activations > 0)
        print_deviation(record);
    if (context->protection) {
        const struct lib_findings findings = lib_record_findings(context, record);
        printf("  protect      %s, columns computed again: %" PRIu32 "\n",
               lib_protection_outcome(record->protection.damage), record->redone);
        cli_protection_say(context->protection, &findings, "               ");
    }
    printf("  golden       ");
    cli_output_quoted(context->golden_text);
    printf("\n  faulty       ");
    cli_output_quoted(row->faulty_text ? row->faulty_text : context->golden_text);
    printf("\n\n");
end:
    arena_finish(&arena);
    return st;
}
