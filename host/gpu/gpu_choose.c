/* SPDX-License-Identifier: MIT */
/* Which device of a list is meant. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "gpu/gpu_internal.h"

#define DOMAIN_TEXT 5 /* "0000:", which may be left out of an address */

/* Larger is better, when nothing was asked for. */
static int rank(enum gpu_kind kind)
{
    switch (kind) {
    case GPU_KIND_DISCRETE:
        return 4;
    case GPU_KIND_INTEGRATED:
        return 3;
    case GPU_KIND_VIRTUAL:
        return 2;
    case GPU_KIND_OTHER:
        return 1;
    case GPU_KIND_CPU:
        break;
    }
    return 0;
}

static bool contains(const char *text, const char *piece)
{
    size_t n = strlen(piece);
    for (; *text; text++) {
        if (strncasecmp(text, piece, n) == 0)
            return true;
    }
    return false;
}

/* With or without dashes. */
static bool is_uuid(const struct gpu_info *info, const char *text)
{
    const char *digit = info->uuid;
    for (; *text; text++) {
        if (*text == '-')
            continue;
        if (tolower((unsigned char)*text) != *digit)
            return false;
        digit++;
    }
    return *digit == '\0';
}

static bool is_address(const struct gpu_info *info, const char *text)
{
    return info->pci[0] &&
           (strcasecmp(info->pci, text) == 0 || strcasecmp(info->pci + DOMAIN_TEXT, text) == 0);
}

static bool is_called(const struct gpu_info *info, const char *text)
{
    return contains(info->name, text) || contains(info->driver_name, text);
}

/* The first test that some device passes decides. */
size_t gpu_list_fits(const struct gpu_list *list, const char *selector, size_t out[GPU_LIST_MAX])
{
    static bool (*const tests[])(const struct gpu_info *, const char *) = {is_uuid, is_address,
                                                                           is_called};
    char *end;
    const unsigned long index = strtoul(selector, &end, 10);
    size_t n = 0;
    if (isdigit((unsigned char)selector[0]) && *end == '\0' && index < list->count) {
        out[0] = index;
        return 1;
    }
    for (size_t t = 0; t < sizeof(tests) / sizeof(*tests) && n == 0; t++) {
        for (size_t i = 0; i < list->count; i++) {
            if (tests[t](&list->item[i], selector))
                out[n++] = i;
        }
    }
    return n;
}

static void blame_several(const struct gpu_list *list, const char *selector, const size_t *fits,
                          size_t n)
{
    char text[1024] = "";
    for (size_t i = 0; i < n && i < 3; i++) {
        const struct gpu_info *info = &list->item[fits[i]];
        const size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%zu (%.64s, %.64s%s%s)", i > 0 ? ", " : "",
                 fits[i], info->name, info->driver_name, info->pci[0] ? ", " : "", info->pci);
    }
    log_error("device '%s' fits %zu devices: %s%s; expected one of these numbers, a UUID or a PCI "
              "address; vkfi devices lists them",
              selector, n, text, n > 3 ? ", ..." : "");
}

enum status gpu_list_choose(const struct gpu_list *list, const char *selector, size_t *out)
{
    size_t fits[GPU_LIST_MAX] = {0};
    *out = 0;
    if (!selector) {
        for (size_t i = 1; i < list->count; i++) {
            if (rank(list->item[i].kind) > rank(list->item[*out].kind))
                *out = i;
        }
        return STATUS_OK;
    }
    const size_t n = gpu_list_fits(list, selector, fits);
    *out = fits[0];
    if (n == 1)
        return STATUS_OK;
    if (n > 1)
        blame_several(list, selector, fits, n);
    else
        log_error("found device '%s', expected 0..%zu, a piece of a name such as '%s', a UUID or a "
                  "PCI address; vkfi devices lists them",
                  selector, list->count - 1, list->item[0].name);
    return STATUS_USAGE;
}
