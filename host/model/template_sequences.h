/* SPDX-License-Identifier: MIT */
/* Filters of lists and dicts, for the table of filters. */
#ifndef VKFI_MODEL_TEMPLATE_SEQUENCES_H
#define VKFI_MODEL_TEMPLATE_SEQUENCES_H

#include "model/template_impl.h"

enum status template_sequences_join(TEMPLATE_BUILTIN);
enum status template_sequences_first(TEMPLATE_BUILTIN);
enum status template_sequences_last(TEMPLATE_BUILTIN);
enum status template_sequences_list(TEMPLATE_BUILTIN);
enum status template_sequences_reverse(TEMPLATE_BUILTIN);
enum status template_sequences_items(TEMPLATE_BUILTIN);
enum status template_sequences_dictsort(TEMPLATE_BUILTIN);
enum status template_sequences_map(TEMPLATE_BUILTIN);
enum status template_sequences_select(TEMPLATE_BUILTIN);
enum status template_sequences_reject(TEMPLATE_BUILTIN);
enum status template_sequences_selectattr(TEMPLATE_BUILTIN);
enum status template_sequences_rejectattr(TEMPLATE_BUILTIN);

#endif
