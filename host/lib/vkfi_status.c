/* SPDX-License-Identifier: MIT */
/* Statuses and messages of the interface. */
#include "base/log.h"
#include "lib/vkfi_impl.h"
#include "shared/numerics.h"

_Static_assert((int)VKFI_OK == (int)STATUS_OK && (int)VKFI_USAGE == (int)STATUS_USAGE &&
                   (int)VKFI_INPUT == (int)STATUS_INPUT && (int)VKFI_IO == (int)STATUS_IO &&
                   (int)VKFI_DEVICE == (int)STATUS_DEVICE &&
                   (int)VKFI_DEVICE_LOST == (int)STATUS_DEVICE_LOST &&
                   (int)VKFI_DEVICE_MEMORY == (int)STATUS_DEVICE_MEMORY &&
                   (int)VKFI_MEMORY == (int)STATUS_MEMORY &&
                   (int)VKFI_INTERNAL == (int)STATUS_INTERNAL &&
                   (int)VKFI_UNCORRECTED == (int)STATUS_UNCORRECTED &&
                   (int)STATUS_COUNT <= (int)VKFI_END,
               "the interface's numbers stay as they are");

vkfi_status vkfi_status_of(enum status st)
{
    if (st && log_last_error()[0] == '\0')
        log_error("found no more about it than: %s", status_name(st));
    return (vkfi_status)st;
}

vkfi_status vkfi_status_refuse(vkfi_status status, const char *message)
{
    log_error("%s", message);
    return status;
}

const char *vkfi_status_name(vkfi_status status)
{
    switch (status) {
    case VKFI_END:
        return "end";
    case VKFI_CANCELLED:
        return "cancelled";
    case VKFI_BUSY:
        return "busy";
    case VKFI_PENDING:
        return "pending";
    default:
        return (unsigned)status < STATUS_COUNT ? status_name((enum status)status) : "unknown";
    }
}

const char *vkfi_message(void)
{
    return log_last_error();
}

const char *vkfi_version(void)
{
    return VKFI_VERSION;
}

uint32_t vkfi_contract(void)
{
    return NM_CONTRACT;
}
