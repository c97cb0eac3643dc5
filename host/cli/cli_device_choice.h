/* SPDX-License-Identifier: MIT */
/* Why a device that runs on the processor was taken where a GPU may have been meant. */
#ifndef VKFI_CLI_DEVICE_CHOICE_H
#define VKFI_CLI_DEVICE_CHOICE_H

#include "cli/cli_env.h"
#include "gpu/device.h"

/* Warns, one line a reason, where a driver of the list in VK_DRIVER_FILES gives no device, or else
 * where the machine has a GPU's device file. Nothing where neither is so: then there is no GPU.
 * Once: a command may open its device again and again. */
void cli_device_choice_explain(const struct gpu_info *taken, const struct cli_env *env);

/* Once in all processes that are forked from here on, too. */
void cli_device_choice_share(void);

#endif
