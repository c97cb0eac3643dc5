/* SPDX-License-Identifier: MIT */
/* What `vkfi campaign status` prints. */
#ifndef VKFI_CLI_CAMPAIGN_STATUS_H
#define VKFI_CLI_CAMPAIGN_STATUS_H

#include <stdbool.h>

#include "base/status.h"

/* On standard output: how far the campaign in the database `path` is, as text or one JSON object.
 */
enum status cli_campaign_status(const char *path, bool json) STATUS_MUST_USE;

#endif
