/* SPDX-License-Identifier: MIT */
/* Expands patterns, and pairs the files of parallel lines. */
#include "tasks/task_files.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sort.h"

#define FILES_MAX 4096

struct paths {
    const char **path; /* (count) */
    size_t count;
};

/* Matching files of the folder, in order of their names, without hidden ones. */
static enum status match(struct paths *out, struct arena *arena, const char *folder,
                         const char *pattern)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    if (!dir) {
        log_error("%s: cannot be read: %s; expected the folder of %s", folder, strerror(errno),
                  pattern);
        return STATUS_INPUT;
    }
    while ((entry = readdir(dir)) != NULL && out->count < FILES_MAX) {
        if (fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0)
            out->path[out->count++] = arena_printf(arena, "%s/%s", folder, entry->d_name);
    }
    const bool many = entry != NULL;
    closedir(dir);
    if (many) {
        log_error("%s: found more than %d files %s", folder, FILES_MAX, pattern);
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!out->path[i])
            return STATUS_MEMORY;
    }
    sort_texts(out->path, out->count);
    return STATUS_OK;
}

static enum status expand(struct paths *out, struct arena *arena, const char *data,
                          const char *pattern)
{
    char *path = pattern[0] == '/' ? arena_printf(arena, "%s", pattern)
                                   : arena_printf(arena, "%s/%s", data, pattern);
    *out = (struct paths){arena_array(arena, FILES_MAX, sizeof(*out->path)), 0};
    if (!path || !out->path)
        return STATUS_MEMORY;
    char *name = strrchr(path, '/');
    if (!strpbrk(name, "*?")) {
        if (access(path, R_OK) != 0) {
            log_error("%s: %s; expected a file of the task's data", path, strerror(errno));
            return STATUS_INPUT;
        }
        out->path[out->count++] = path;
        return STATUS_OK;
    }
    *name = '\0';
    enum status st = match(out, arena, name == path ? "/" : path, name + 1);
    if (!st && out->count == 0) {
        log_error("%s: found no file %s", path, name + 1);
        st = STATUS_INPUT;
    }
    return st;
}

static const char *stem_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return arena_text(arena, name, strcspn(name, "."));
}

static enum status add(struct task_files *out, struct arena *arena, const char *const *path,
                       size_t n)
{
    if (out->count == FILES_MAX) {
        log_error("%s: found more than %d files", path[0], FILES_MAX);
        return STATUS_INPUT;
    }
    struct task_file *file = &out->file[out->count++];
    for (size_t i = 0; i < n; i++) {
        file->path[i] = path[i];
        file->name[i] = stem_of(arena, path[i]);
        if (!file->name[i])
            return STATUS_MEMORY;
    }
    return STATUS_OK;
}

/* Pairs each file of a column with each other one, but none with itself. */
static enum status pair(struct task_files *out, struct arena *arena, const struct paths *column,
                        size_t n)
{
    size_t at[TASK_COLUMNS_MAX] = {0};
    enum status st = STATUS_OK;
    for (size_t turned = 0; !st && turned < n;) {
        const char *path[TASK_COLUMNS_MAX];
        bool same = false;
        for (size_t i = 0; i < n; i++) {
            path[i] = column[i].path[at[i]];
            for (size_t k = 0; k < i; k++)
                same = same || strcmp(path[k], path[i]) == 0;
        }
        if (!same)
            st = add(out, arena, path, n);
        for (turned = 0; turned < n && ++at[n - 1 - turned] == column[n - 1 - turned].count;)
            at[n - 1 - turned++] = 0;
    }
    return st;
}

/* The user's own files: one after the other, or one per column. */
static enum status take_own(struct task_files *out, struct arena *arena,
                            const struct task_definition *d, const struct task_query *query)
{
    enum status st = STATUS_OK;
    if (d->format == TASK_PARALLEL && query->n_files != d->columns.count) {
        log_error("task %s: found %u files, expected %u, one a column", d->task.name,
                  query->n_files, d->columns.count);
        return STATUS_INPUT;
    }
    if (d->format == TASK_PARALLEL)
        return add(out, arena, query->file, query->n_files);
    for (uint32_t i = 0; !st && i < query->n_files; i++)
        st = add(out, arena, &query->file[i], 1);
    return st;
}

enum status task_files_find(struct task_files *out, struct arena *arena,
                            const struct task_definition *definition,
                            const struct task_query *query)
{
    const struct task_definition *d = definition;
    const size_t n = d->format == TASK_PARALLEL ? d->columns.count : 1;
    enum status st = STATUS_OK;
    *out = (struct task_files){arena_array(arena, FILES_MAX, sizeof(*out->file)), 0};
    if (!out->file)
        return STATUS_MEMORY;
    if (query->n_files > 0)
        return take_own(out, arena, d, query);
    for (uint32_t i = 0; !st && i < d->n_patterns; i++) {
        struct paths column[TASK_COLUMNS_MAX];
        for (size_t c = 0; !st && c < n; c++)
            st = expand(&column[c], arena, query->data, d->pattern[i].path[c]);
        if (!st)
            st = pair(out, arena, column, n);
    }
    if (!st && out->count == 0) {
        log_error("task %s: found no pair of files that differ", d->task.name);
        st = STATUS_INPUT;
    }
    return st;
}
