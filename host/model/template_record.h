/* SPDX-License-Identifier: MIT */
/* Templates whose variables are the members of a JSON object, for the prompts of tasks. */
#ifndef VKFI_MODEL_TEMPLATE_RECORD_H
#define VKFI_MODEL_TEMPLATE_RECORD_H

#include "base/json.h"
#include "model/template.h"

/* Named values. Integers, texts, lists and objects are as in JSON; a number with a fraction is a
 * text, since no template computes with it. */
struct template_record;

/* `outer` (may be null) is visible through it, and stays the caller's. */
enum status template_record_create(struct template_record **out,
                                   const struct template_record *outer) STATUS_MUST_USE;
void template_record_destroy(struct template_record **record);

/* A later value of a name replaces an earlier one. `value` is kept, not copied; a text is copied.
 * STATUS_INPUT: `problem` names what is too large. */
enum status template_record_set(struct template_record *record, const char *name,
                                const struct json *value,
                                struct template_problem *problem) STATUS_MUST_USE;
enum status template_record_set_text(struct template_record *record, const char *name,
                                     const char *text,
                                     struct template_problem *problem) STATUS_MUST_USE;
enum status template_record_set_int(struct template_record *record, const char *name,
                                    int64_t number,
                                    struct template_problem *problem) STATUS_MUST_USE;

/* The source as in jinja2 without trimming: every blank and line feed counts, the last one too.
 * Undefined values may be tested and given a default, but not printed. Errors as in template_parse
 * and template_render. */
enum status template_record_parse(struct template **out, struct arena *arena, const char *source,
                                  struct template_problem *problem) STATUS_MUST_USE;
enum status template_record_render(const struct template_record *record,
                                   const struct template *template, struct text *out,
                                   struct template_problem *problem) STATUS_MUST_USE;

struct template_texts {
    const char **text; /* (count) */
    size_t count;
};

/* A template of one {{ expression }} whose value is a list, as the texts of its elements, from
 * `arena`. */
enum status template_record_list(const struct template_record *record,
                                 const struct template *template, struct arena *arena,
                                 struct template_texts *out,
                                 struct template_problem *problem) STATUS_MUST_USE;

#endif
