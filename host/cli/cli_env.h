/* SPDX-License-Identifier: MIT */
/* What the process environment tells the program, read once in main. */
#ifndef VKFI_CLI_ENV_H
#define VKFI_CLI_ENV_H

#include <stdbool.h>
#include <stdint.h>

struct cli_env {
    bool validate;            /* VKFI_VALIDATE=1: Khronos validation layer on */
    const char *data;         /* folder of what is read at run time: models.json, plans/ ... */
    const char *manifest;     /* VKFI_MANIFEST; null: models.json of `data` */
    const char *task_data;    /* VKFI_DATA; null: not set */
    const char *cache_home;   /* XDG_CACHE_HOME, null or empty: not set */
    const char *home;         /* HOME, else that of the user's passwd entry; null: neither is set */
    uint64_t threads;         /* VKFI_THREADS: default of --threads; 0: not set */
    const char *driver_files; /* VK_DRIVER_FILES or VK_ICD_FILENAMES, for messages; null: not set */
};

#endif
