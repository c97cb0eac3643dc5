/* SPDX-License-Identifier: MIT */
/* The sites of a model as a tree, for `vkfi sites --tree`. */
#ifndef VKFI_CLI_SITES_H
#define VKFI_CLI_SITES_H

#include "inject/space/site.h"

/* Prints `sites` (those chosen, in the order of site_list) by place, kind of layer and name. Each
 * row has the sums of the sites under it. */
enum status cli_sites_tree(const struct site *sites, uint32_t count,
                           const struct model *model) STATUS_MUST_USE;

#endif
