/* SPDX-License-Identifier: MIT */
/* Texts in a template: characters and white space as Python counts them. */
#ifndef VKFI_MODEL_TEMPLATE_TEXT_H
#define VKFI_MODEL_TEMPLATE_TEXT_H

#include "model/template_node.h"

/* A byte that is not UTF-8 counts as one character. */
size_t template_text_next(struct template_text text, size_t at); /* bytes of the one there */
size_t template_text_chars(struct template_text text);
size_t template_text_offset(struct template_text text, size_t n_chars); /* at most text.size */

/* Bytes of white space at the start (Unicode's, as Python's isspace). */
size_t template_text_space(struct template_text text);
struct template_text template_text_strip_start(struct template_text text);
struct template_text template_text_strip_end(struct template_text text);

/* Characters of `set` taken off; without one, white space. */
struct template_text template_text_trim_start(struct template_text text,
                                              const struct template_text *set);
struct template_text template_text_trim_end(struct template_text text,
                                            const struct template_text *set);

/* Place of `part` from byte `from` on; SIZE_MAX: not there. */
size_t template_text_find(struct template_text text, struct template_text part, size_t from);
int template_text_compare(struct template_text a, struct template_text b); /* -1, 0, 1 */
bool template_text_is_ascii(struct template_text text);

#endif
