/* SPDX-License-Identifier: MIT */
/* Layers that are alike: kinds by the texts that describe them, and their numbers as ranges. */
#include "cli/cli_layers.h"

#include <inttypes.h>
#include <string.h>

enum status cli_layers_begin(struct cli_layers *out, struct arena *arena, uint32_t n_layers)
{
    *out = (struct cli_layers){.describe = arena_array(arena, n_layers, sizeof(struct text)),
                               .kind = arena_array(arena, n_layers, sizeof(uint32_t)),
                               .n_layers = n_layers};
    return out->describe && out->kind ? STATUS_OK : STATUS_MEMORY;
}

enum status cli_layers_group(struct cli_layers *layers)
{
    for (uint32_t layer = 0; layer < layers->n_layers; layer++) {
        uint32_t like = 0;
        if (layers->describe[layer].st)
            return layers->describe[layer].st;
        while (strcmp(text_of(&layers->describe[like]), text_of(&layers->describe[layer])) != 0)
            like++;
        layers->kind[layer] = like < layer ? layers->kind[like] : layers->n_kinds++;
    }
    return STATUS_OK;
}

void cli_layers_name(struct text *out, const struct cli_layers *layers, uint32_t kind)
{
    const char *comma = "";
    for (uint32_t first = 0; first < layers->n_layers; first++) {
        uint32_t last = first;
        if (layers->kind[first] != kind)
            continue;
        while (last + 1 < layers->n_layers && layers->kind[last + 1] == kind)
            last++;
        text_addf(out, "%s%" PRIu32, comma, first);
        if (last > first)
            text_addf(out, "-%" PRIu32, last);
        comma = ",";
        first = last;
    }
}

uint32_t cli_layers_first(const struct cli_layers *layers, uint32_t kind)
{
    uint32_t layer = 0;
    while (layers->kind[layer] != kind)
        layer++;
    return layer;
}

void cli_layers_finish(struct cli_layers *layers)
{
    for (uint32_t layer = 0; layers->describe && layer < layers->n_layers; layer++)
        text_finish(&layers->describe[layer]);
    *layers = (struct cli_layers){0};
}

const char *cli_layers_suffix(const char *site)
{
    const char *dot = strncmp(site, "blk.", 4) == 0 ? strchr(site + 4, '.') : NULL;
    return dot ? dot + 1 : site;
}
