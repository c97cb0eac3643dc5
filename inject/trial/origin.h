/* SPDX-License-Identifier: MIT */
/* The source of the first Inf or NaN of a faulty run. */
#ifndef VKFI_INJECT_ORIGIN_H
#define VKFI_INJECT_ORIGIN_H

#include "inject/trial/lane.h"

/* Runs the closed lane `run` again, feeding its tokens, one watched column per pass, and sets
 * nan_site, nan_layer and nan_step of the record. The first is at the lowest position, then
 * earliest in the graph. */
enum status origin_find(struct record *record, const struct lane *run) STATUS_MUST_USE;

/* The site of value `index` of a node's watched row: K and V are separate sites. */
void origin_site(char out[FAULT_SITE_TEXT], const struct node *node, uint32_t index);

#endif
