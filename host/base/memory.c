/* SPDX-License-Identifier: MIT */
/* Available memory, from /proc/meminfo and the files of the memory control groups. */
#include "base/memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024
#define FOLDER_SIZE (LINE_SIZE + 1024)
#define PATH_SIZE (FOLDER_SIZE + 64)

/* The number behind `key` in a file of "key number" lines; key "": a file of one number. */
static bool read_number(const char *path, const char *key, uint64_t *out)
{
    char line[256];
    bool found = false;
    const size_t n = strlen(key);
    FILE *file = fopen(path, "r");

    while (file && !found && fgets(line, sizeof(line), file))
        found = strncmp(line, key, n) == 0 && (n == 0 || line[n] == ':' || line[n] == ' ') &&
                sscanf(line + n + (line[n] == ':'), "%" SCNu64, out) == 1;
    if (file)
        fclose(file);
    return found;
}

/* Where a version of control groups keeps what it tells of memory. */
struct version {
    const char *line;   /* of /proc/self/cgroup, before the path */
    const char *folder; /* of all groups */
    const char *limit;  /* file; "max" or a huge number: none */
    const char *own;    /* key of memory.stat: bytes that cannot give way */
};

static const struct version VERSIONS[] = {
    {"0::", "/sys/fs/cgroup", "memory.max", "anon"},
    {":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "total_rss"}};

static uint64_t left_in(const struct version *v, const char *folder)
{
    char path[PATH_SIZE];
    uint64_t limit, own = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, v->limit);
    if (!read_number(path, "", &limit))
        return UINT64_MAX;
    snprintf(path, sizeof(path), "%s/memory.stat", folder);
    read_number(path, v->own, &own);
    return limit > own ? limit - own : 0;
}

/* Of a group and all groups around it. */
static uint64_t left_in_all(const struct version *v, const char *root, char *group)
{
    char folder[FOLDER_SIZE];
    uint64_t least = UINT64_MAX;

    for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
        *end = '\0';
        snprintf(folder, sizeof(folder), "%s%s%s", root, v->folder, group);
        const uint64_t left = left_in(v, folder);
        least = left < least ? left : least;
    }
    return least;
}

static uint64_t left_in_groups(const char *root)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    uint64_t least = UINT64_MAX;

    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(*VERSIONS); i++) {
            char *at = strstr(line, VERSIONS[i].line);
            /* "0::" stands at the start alone: "10::/a" is another line. */
            if (!at || (VERSIONS[i].line[0] != ':' && at != line))
                continue;
            const uint64_t left = left_in_all(&VERSIONS[i], root, at + strlen(VERSIONS[i].line));
            least = left < least ? left : least;
        }
    }
    if (file)
        fclose(file);
    return least;
}

uint64_t memory_available(const char *root)
{
    char path[PATH_SIZE];
    uint64_t kib, least = left_in_groups(root);

    snprintf(path, sizeof(path), "%s/proc/meminfo", root);
    if (read_number(path, "MemAvailable", &kib) && kib <= UINT64_MAX / 1024 && kib * 1024 < least)
        least = kib * 1024;
    return least;
}
