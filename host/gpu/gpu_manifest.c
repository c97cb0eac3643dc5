/* SPDX-License-Identifier: MIT */
/* Checks the form of drivers' manifests; the loader itself does not name a bad one. */
#include "gpu/gpu_manifest.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define PATH_SIZE 4096

/* Where loaders on Linux look (Vulkan-Loader, LoaderDriverInterface.md), less the user's folders.
 */
static const char *const folders[] = {"/etc/vulkan/icd.d", "/usr/local/etc/vulkan/icd.d",
                                      "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"};

bool gpu_manifest_path(const char *driver_files, size_t i, char *out, size_t size)
{
    for (const char *at = driver_files; at && *at;) {
        const size_t len = strcspn(at, ":");
        if (len > 0 && i-- == 0) {
            snprintf(out, size, "%.*s", (int)len, at);
            return len < size;
        }
        at += len + (at[len] == ':');
    }
    return false;
}

/* A file that is not there is skipped by the loader, and so it is here. */
static bool is_broken(const char *path, char *out, size_t size)
{
    struct json_doc *doc = NULL;
    FILE *file = fopen(path, "rb");
    bool broken = false;

    if (!file)
        return false;
    fclose(file);
    if (json_load(&doc, path) != STATUS_OK) {
        snprintf(out, size, "%s", log_last_error());
        return true;
    }
    if (json_type(json_get(json_get(json_root(doc), "ICD"), "library_path")) != JSON_TEXT) {
        snprintf(out, size, "%s: found no library_path in an object ICD, expected it", path);
        broken = true;
    }
    json_destroy(&doc);
    return broken;
}

static bool broken_in(const char *folder, char *out, size_t size)
{
    DIR *dir = opendir(folder);
    bool broken = false;

    if (!dir)
        return false;
    for (struct dirent *entry; !broken && (entry = readdir(dir));) {
        char path[PATH_SIZE];
        const size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        broken = is_broken(path, out, size);
    }
    closedir(dir);
    return broken;
}

bool gpu_manifest_broken(const char *driver_files, char *out, size_t size)
{
    char path[PATH_SIZE];
    bool broken = false;

    for (size_t i = 0; !broken && gpu_manifest_path(driver_files, i, path, sizeof(path)); i++)
        broken = is_broken(path, out, size);
    for (size_t i = 0; !broken && !driver_files && i < sizeof(folders) / sizeof(*folders); i++)
        broken = broken_in(folders[i], out, size);
    return broken;
}
