/* SPDX-License-Identifier: MIT */
/* Writes faults with the names that fault_parse reads. */
#include "inject/campaign/campaign_fault.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "inject/campaign/campaign_bits.h"

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    json_put_key(w, key);
    json_put_text(w, text);
}

static void put_int(struct json_writer *w, const char *key, int64_t value)
{
    json_put_key(w, key);
    json_put_int(w, value);
}

static void put_bits(struct json_writer *w, const char *key, uint32_t bits, uint32_t width)
{
    json_put_key(w, key);
    char text[16];
    snprintf(text, sizeof text, "0x%0*x", (int)((width + 3) / 4), bits);
    json_put_text(w, text);
}

static void put_what(struct json_writer *w, const struct fault *fault,
                     const struct fault_bounds *bounds)
{
    struct campaign_bits type;
    campaign_bits_of(&type, fault, bounds);
    put_text(w, "kind", kinds_text(KINDS_KIND, fault->kind));
    switch (fault->kind) {
    case KIND_FLIP:
    case KIND_STUCK_AT_0:
    case KIND_STUCK_AT_1:
    case KIND_MIX:
        put_bits(w, "mask", fault->mask, type.width);
        break;
    case KIND_SET:
    case KIND_SCALE:
    case KIND_ADD:
        put_bits(w, "value", fault->value, fault->kind == KIND_SET ? type.width : 32);
        break;
    case KIND_CLAMP:
        put_bits(w, "low", fault->low, 32);
        put_bits(w, "high", fault->high, 32);
        break;
    case KIND_WRONG_READ:
    case KIND_WRONG_WRITE:
        put_int(w, "from", fault->from);
        break;
    default:
        break;
    }
}

enum status campaign_fault_json(char **out, struct arena *arena, const struct fault *fault,
                                const struct fault_bounds *bounds)
{
    char site[FAULT_SITE_TEXT], *text = NULL;
    size_t size = 0;
    struct json_writer w;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        log_error("out of host memory for a fault");
        return STATUS_MEMORY;
    }
    fault_site(fault, site);
    json_begin(&w, file, false);
    json_object_open(&w);
    put_text(&w, "site", site);
    put_text(&w, "point", kinds_text(KINDS_POINT, fault->point));
    put_what(&w, fault, bounds);
    put_int(&w, "position", fault->position);
    put_int(&w, "row", fault->row);
    put_int(&w, "k", fault->k);
    put_int(&w, "key", fault->key);
    if (fault->place == PLACE_WEIGHT || (fault->place == PLACE_OP && fault->point == HOOK_WEIGHT))
        put_text(&w, "field", quant_field_name(fault->field));
    json_object_close(&w);
    enum status st = json_end(&w);
    fclose(file);
    *out = !st && size > 0 ? arena_text(arena, text, size - 1) : NULL;
    free(text);
    return st || *out ? st : STATUS_MEMORY;
}
