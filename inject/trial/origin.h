/* SPDX-License-Identifier: MIT */
/* Where the first Inf or NaN of a faulty run comes from. */
#ifndef VKFI_INJECT_ORIGIN_H
#define VKFI_INJECT_ORIGIN_H

#include "inject/trial/lane.h"

/* Runs the closed lane `run` again, its tokens fed, one column a pass under watch, and sets
 * nan_site, nan_layer and nan_step of the record. The first is that of the lowest position, then of
 * the graph's order. */
enum status origin_find(struct record *record, const struct lane *run) STATUS_MUST_USE;

/* The site of value `index` of what a watcher sees of a node: K and V are sites of their own. */
void origin_site(char out[FAULT_SITE_TEXT], const struct node *node, uint32_t index);

#endif
