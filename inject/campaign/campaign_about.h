/* SPDX-License-Identifier: MIT */
/* What a database says of the struck model, so that a report needs no model file. */
#ifndef VKFI_INJECT_CAMPAIGN_ABOUT_H
#define VKFI_INJECT_CAMPAIGN_ABOUT_H

#include "model/model.h"

/* An object: "architecture"; "name" and "file_type" (as "Q4_K_M") if the file has them; "bytes" of
 * the file; "tensors", how many of each type. From `arena`. */
enum status campaign_about_model(const char **out, struct arena *arena,
                                 const struct model *model) STATUS_MUST_USE;

#endif
