/* SPDX-License-Identifier: MIT */
/* Layers that are alike, so that a listing shows each kind of layer once. */
#ifndef VKFI_CLI_LAYERS_H
#define VKFI_CLI_LAYERS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

/* Layers are of one kind if a caller describes them with the same text. */
struct cli_layers {
    struct text *describe; /* (n_layers): filled by the caller between begin and group */
    uint32_t *kind;        /* (n_layers), numbered in the order of their first layers */
    uint32_t n_layers, n_kinds;
};

/* No text yet; arrays from `arena`, texts owned by the struct until cli_layers_finish. */
enum status cli_layers_begin(struct cli_layers *out, struct arena *arena,
                             uint32_t n_layers) STATUS_MUST_USE;
/* The first failure of a text, else kinds are set. */
enum status cli_layers_group(struct cli_layers *layers) STATUS_MUST_USE;
/* Appends the layers of a kind: "0-4,6". */
void cli_layers_name(struct text *out, const struct cli_layers *layers, uint32_t kind);
/* The first layer of a kind. */
uint32_t cli_layers_first(const struct cli_layers *layers, uint32_t kind);
void cli_layers_finish(struct cli_layers *layers);

/* The part of a site's name behind "blk.3."; the whole name if there is no such part. */
const char *cli_layers_suffix(const char *site);

#endif
