/* SPDX-License-Identifier: MIT */
/* The manifest of models, and their cached files, checked against it. */
#include "cli/cli_manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

/* --- stamps of verified files, as third_party/fetch_model.py writes and reads them --- */

/* The stamp of a right file of this size and time; null when memory is out. */
static char *stamp_text(struct arena *arena, const struct stat *info, const char *sha256)
{
    const int64_t nanoseconds =
        (int64_t)info->st_mtim.tv_sec * 1000000000 + (int64_t)info->st_mtim.tv_nsec;
    return arena_printf(arena,
                        "{\"sha256\": \"%s\", \"size\": %" PRId64 ", \"mtime_ns\": %" PRId64 "}",
                        sha256, (int64_t)info->st_size, nanoseconds);
}

static char *stamp_path(struct arena *arena, const char *path)
{
    return arena_printf(arena, "%s.verified", path);
}

/* True if the file at `path` can be read and holds only `text`. */
static bool holds(const char *path, const char *text)
{
    char found[512];
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t n = fread(found, 1, sizeof(found), file);
    const bool read = !ferror(file);
    fclose(file);
    return read && n == strlen(text) && memcmp(found, text, n) == 0;
}

static enum cli_verified look(const struct cli_manifest_entry *file, struct stat *info)
{
    struct arena arena = {0};
    if (stat(file->path, info) != 0 || !S_ISREG(info->st_mode))
        return CLI_VERIFIED_ABSENT;
    if ((uint64_t)info->st_size != file->size)
        return CLI_VERIFIED_WRONG_SIZE;
    const char *path = stamp_path(&arena, file->path);
    const char *text = stamp_text(&arena, info, file->sha256);
    const bool stamped = path && text && holds(path, text);
    arena_finish(&arena);
    return stamped ? CLI_VERIFIED_STAMPED : CLI_VERIFIED_UNKNOWN;
}

/* `info` is from before the file was read, so a file written meanwhile does not match its stamp. A
 * missing stamp (on a full disk) does not matter. */
static void write_stamp(const struct cli_manifest_entry *file, const struct stat *info)
{
    struct arena arena = {0};
    const char *path = stamp_path(&arena, file->path);
    const char *text = stamp_text(&arena, info, file->sha256);
    const char *slash = strrchr(file->path, '/');
    const char *folder =
        slash ? arena_text(&arena, file->path, (size_t)(slash - file->path) + 1) : ".";
    enum status st = path && text && folder ? STATUS_OK : STATUS_MEMORY;
    if (!st && access(folder, W_OK) == 0)
        st = file_write(path, text, strlen(text));
    arena_finish(&arena);
    if (st)
        log_warn("%s: found right, but not noted: its sha256 is checked again next time",
                 file->path);
}

/* Reads the file unless a stamp fits, and stamps it; a stamp that cannot be written is a warning.
 */
static enum status check_file(const struct cli_manifest_entry *file)
{
    struct stat info;
    char sha256[HASH_SHA256_TEXT];
    const enum cli_verified state = look(file, &info);
    if (state == CLI_VERIFIED_STAMPED)
        return STATUS_OK;
    if (state == CLI_VERIFIED_ABSENT) {
        log_error("%s: found no file there, expected one of %" PRIu64 " bytes", file->path,
                  file->size);
        return STATUS_INPUT;
    }
    log_info("%s: checking its sha256", file->path);
    const enum status st = file_sha256(file->path, sha256);
    if (st)
        return st;
    if (strcmp(sha256, file->sha256) == 0) {
        write_stamp(file, &info);
        return STATUS_OK;
    }
    log_error("%s: found sha256 %s in %" PRId64 " bytes, expected %s in %" PRIu64, file->path,
              sha256, (int64_t)info.st_size, file->sha256, file->size);
    return STATUS_INPUT;
}

/* --- the manifest --- */

#define NAMES_MAX 64

enum status cli_manifest_cache(char **out, struct arena *arena, const struct cli_env *env,
                               const char *what)
{
    if (!env->cache_home && !env->home) {
        log_error("found neither XDG_CACHE_HOME nor HOME nor a home in the user's passwd entry, "
                  "expected one of them: %s are kept there",
                  what);
        return STATUS_INPUT;
    }
    *out = env->cache_home ? arena_printf(arena, "%s/vkfi/%s", env->cache_home, what)
                           : arena_printf(arena, "%s/.cache/vkfi/%s", env->home, what);
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static enum status get_text(const struct json_doc *doc, const struct json *object, const char *key,
                            const char **out)
{
    const struct json *value = json_get(object, key);
    if (value && json_type(value) == JSON_TEXT) {
        *out = json_text(value);
        return STATUS_OK;
    }
    log_error("%s: member '%s' is missing or no text", json_where(doc, value ? value : object),
              key);
    return STATUS_INPUT;
}

static enum status read_entry(struct cli_manifest_entry *out, struct cli_manifest *manifest,
                              const struct json *object, const char *folder)
{
    const char *file = NULL;
    const struct {
        const char *key;
        const char **target;
    } texts[] = {{"name", &out->name},       {"about", &out->about},
                 {"licence", &out->licence}, {"architecture", &out->architecture},
                 {"sha256", &out->sha256},   {"file", &file}};
    int64_t size = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        enum status st = get_text(manifest->doc, object, texts[i].key, texts[i].target);
        if (st)
            return st;
    }
    const struct json *stated = json_get(object, "size");
    if (!stated || !json_integer(stated, 1, INT64_MAX, &size) || strchr(file, '/')) {
        log_error("%s: member 'size' is no number of bytes, or 'file' no plain name",
                  json_where(manifest->doc, object));
        return STATUS_INPUT;
    }
    out->aliases = json_get(object, "aliases");
    out->size = (uint64_t)size;
    out->path = arena_printf(&manifest->arena, "%s/%s", folder, file);
    if (!out->path)
        return STATUS_MEMORY;
    struct stat info;
    out->state = look(out, &info);
    return STATUS_OK;
}

enum status cli_manifest_load(struct cli_manifest *out, const struct cli_env *env)
{
    char *folder = NULL;
    *out = (struct cli_manifest){0};
    enum status st = cli_manifest_cache(&folder, &out->arena, env, "models");
    const char *path = env->manifest;
    if (!st && !path)
        path = arena_printf(&out->arena, "%s/models.json", env->data);
    st = st ? st : path ? json_load(&out->doc, path) : STATUS_MEMORY;
    if (st)
        goto fail;
    const struct json *models = json_type(json_root(out->doc)) == JSON_OBJECT
                                    ? json_get(json_root(out->doc), "models")
                                    : NULL;
    if (!models || json_type(models) != JSON_ARRAY) {
        log_error("%s: found no list 'models', expected one", path);
        st = STATUS_INPUT;
        goto fail;
    }
    out->entry = arena_array(&out->arena, json_count(models) + 1, sizeof(*out->entry));
    if (!out->entry) {
        st = STATUS_MEMORY;
        goto fail;
    }
    for (; !st && out->count < json_count(models); out->count++)
        st = read_entry(&out->entry[out->count], out, json_at(models, out->count), folder);
    if (!st)
        return STATUS_OK;
fail:
    cli_manifest_finish(out);
    return st;
}

void cli_manifest_finish(struct cli_manifest *manifest)
{
    json_destroy(&manifest->doc);
    arena_finish(&manifest->arena);
    *manifest = (struct cli_manifest){0};
}

static bool is_called(const struct cli_manifest_entry *entry, const char *name)
{
    if (strcmp(entry->name, name) == 0)
        return true;
    for (size_t i = 0; entry->aliases && i < json_count(entry->aliases); i++) {
        const struct json *alias = json_at(entry->aliases, i);
        if (json_type(alias) == JSON_TEXT && strcmp(json_text(alias), name) == 0)
            return true;
    }
    return false;
}

/* Null, not logged, if no model has this name. */
static const struct cli_manifest_entry *look_up(const struct cli_manifest *manifest,
                                                const char *name)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (is_called(&manifest->entry[i], name))
            return &manifest->entry[i];
    }
    return NULL;
}

const struct cli_manifest_entry *cli_manifest_find(const struct cli_manifest *manifest,
                                                   const char *name)
{
    const struct cli_manifest_entry *entry = look_up(manifest, name);
    const char *names[NAMES_MAX];
    size_t count = 0;
    if (entry)
        return entry;
    for (size_t i = 0; i < manifest->count && count < NAMES_MAX; i++)
        names[count++] = manifest->entry[i].name;
    const char *nearest = args_nearest(name, names, count);
    if (nearest)
        log_error("found unknown model '%s', did you mean '%s'?", name, nearest);
    else
        log_error("found unknown model '%s', expected the path of a GGUF file or a name of vkfi "
                  "model list",
                  name);
    return NULL;
}

enum status cli_manifest_check(const char *model)
{
    if (model)
        return STATUS_OK;
    log_error("found no model, expected -m with a path or a name of vkfi model list");
    return STATUS_USAGE;
}

static bool is_path(const char *text)
{
    const size_t len = strlen(text);
    return strchr(text, '/') || (len > 5 && strcmp(text + len - 5, ".gguf") == 0);
}

/* Path of a named model, after a check of its file. */
static enum status checked_path(char **out, struct arena *arena,
                                const struct cli_manifest_entry *entry)
{
    if (entry->state == CLI_VERIFIED_ABSENT) {
        log_error("model %s: not in the cache (%s), expected after: vkfi model get %s", entry->name,
                  entry->path, entry->name);
        return STATUS_INPUT;
    }
    enum status st = check_file(entry);
    if (st)
        return st;
    *out = arena_text(arena, entry->path, strlen(entry->path));
    return *out ? STATUS_OK : STATUS_MEMORY;
}

enum status cli_manifest_path(char **out, struct arena *arena, const struct cli_env *env,
                              const char *text)
{
    struct cli_manifest manifest = {0};
    if (is_path(text)) {
        *out = arena_text(arena, text, strlen(text));
        return *out ? STATUS_OK : STATUS_MEMORY;
    }
    enum status st = cli_manifest_load(&manifest, env);
    if (st)
        return st;
    const struct cli_manifest_entry *entry = look_up(&manifest, text);
    if (!entry && access(text, F_OK) == 0) { /* a file that does not look like a path */
        *out = arena_text(arena, text, strlen(text));
        st = *out ? STATUS_OK : STATUS_MEMORY;
    } else if (!entry) {
        (void)cli_manifest_find(&manifest, text); /* suggests the nearest name */
        st = STATUS_INPUT;
    } else {
        st = checked_path(out, arena, entry);
    }
    cli_manifest_finish(&manifest);
    return st;
}

enum status cli_manifest_about(const char **out, struct arena *arena, const struct cli_env *env,
                               const char *sha256)
{
    struct json_doc *doc = NULL;
    const char *path =
        env->manifest ? env->manifest : arena_printf(arena, "%s/models.json", env->data);
    *out = NULL;
    if (!path)
        return STATUS_MEMORY;
    if (access(path, R_OK) != 0)
        return STATUS_OK;
    const enum status st = json_load(&doc, path);
    const struct json *models = st ? NULL : json_get(json_root(doc), "models");
    for (size_t i = 0; models && !*out && i < json_count(models); i++) {
        const struct json *sum = json_get(json_at(models, i), "sha256");
        const struct json *about = json_get(json_at(models, i), "about");
        if (sum && about && json_type(sum) == JSON_TEXT && json_type(about) == JSON_TEXT &&
            strcmp(json_text(sum), sha256) == 0)
            *out = arena_text(arena, json_text(about), strcspn(json_text(about), ";"));
    }
    json_destroy(&doc);
    return st;
}

enum status cli_manifest_open(struct model **out, const struct cli_env *env, const char *text)
{
    struct arena arena = {0};
    char *path = NULL;
    enum status st = cli_manifest_path(&path, &arena, env, text);
    st = st ? st : model_open(out, path);
    arena_finish(&arena); /* the model keeps no view of the path: gguf_path is a copy */
    return st;
}
