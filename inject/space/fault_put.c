/* SPDX-License-Identifier: MIT */
/* A fault as JSON, with the names that fault_parse reads. */
#include <inttypes.h>
#include <stdio.h>

#include "inject/space/fault.h"

static void put_bits(struct json_writer *w, const char *key, uint32_t bits)
{
    char text[16];
    snprintf(text, sizeof(text), "0x%" PRIx32, bits);
    json_member_text(w, key, text);
}

static void put_what(struct json_writer *w, const struct fault *fault)
{
    json_member_text(w, "kind", kinds_text(KINDS_KIND, fault->kind));
    if (hook_kinds_takes(fault->kind, KIND_TAKES_MASK))
        put_bits(w, "mask", fault->mask);
    if (hook_kinds_takes(fault->kind, KIND_TAKES_VALUE))
        put_bits(w, "value", fault->value);
    if (hook_kinds_takes(fault->kind, KIND_TAKES_RANGE)) {
        put_bits(w, "low", fault->low);
        put_bits(w, "high", fault->high);
    }
    if (hook_kinds_takes(fault->kind, KIND_TAKES_OTHER))
        json_member_int(w, "from", fault->from);
    if (fault->only_mask != 0) {
        put_bits(w, "only_mask", fault->only_mask);
        put_bits(w, "only_value", fault->only_value);
    }
}

/* Writes a value other than a fault file's default. */
static void put_range(struct json_writer *w, const char *key, uint32_t value)
{
    if (value > 1)
        json_member_int(w, key, value);
}

/* Ranges as they are, since the granularity would widen them again. Positions and readers always,
 * since their defaults depend on each other and on the duration. */
static void put_where(struct json_writer *w, const struct fault *fault)
{
    const bool read =
        fault->place == PLACE_OP && (fault->point == HOOK_WEIGHT || fault->point == HOOK_OPERAND);
    if (read)
        json_member_text(w, "readers", kinds_text(KINDS_READERS, fault->readers));
    json_member_int(w, "position", fault->position);
    json_member_int(w, "positions", fault->position_count);
    json_member_int(w, "row", fault->row);
    if (read && fault->readers == READERS_TILE)
        json_member_int(w, "rows", fault->row_count);
    else
        put_range(w, "rows", fault->row_count);
    put_range(w, "row_step", fault->row_step);
    json_member_int(w, "k", fault->k);
    put_range(w, "ks", fault->k_count);
    put_range(w, "k_step", fault->k_step);
    json_member_int(w, "key", fault->key);
    if (fault->key_count == FAULT_ALL_KEYS)
        json_member_text(w, "keys", "all");
    else
        put_range(w, "keys", fault->key_count);
}

/* All 64 bits: as a number if a JSON integer holds them. */
static void put_word(struct json_writer *w, const char *key, uint64_t word)
{
    char text[24];
    if (word <= INT64_MAX) {
        json_member_int(w, key, (int64_t)word);
        return;
    }
    snprintf(text, sizeof(text), "0x%" PRIx64, word);
    json_member_text(w, key, text);
}

/* Random bits and the moments of an intermittent fault come from seed and trial. */
static void put_draws(struct json_writer *w, const struct fault *fault)
{
    if (fault->duration == DURATION_INTERMITTENT)
        json_member_number(w, "rate", fault->rate * 0x1p-32);
    put_word(w, "seed", fault->key_low);
    put_word(w, "trial", fault->key_high);
}

void fault_put(struct json_writer *w, const struct fault *fault)
{
    char site[FAULT_SITE_TEXT];
    fault_site(fault, site);
    json_object_open(w);
    json_member_text(w, "site", site);
    json_member_text(w, "point", kinds_text(KINDS_POINT, fault->point));
    put_what(w, fault);
    json_member_text(w, "duration", kinds_text(KINDS_DURATION, fault->duration));
    put_where(w, fault);
    put_draws(w, fault);
    if (fault->place == PLACE_WEIGHT || (fault->place == PLACE_OP && fault->point == HOOK_WEIGHT))
        json_member_text(w, "field", quant_field_name(fault->field));
    json_object_close(w);
}

enum status fault_put_text(const char **out, struct arena *arena, const struct fault *fault)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    fault_put(&m.w, fault);
    return json_end_line(out, &m, arena);
}
