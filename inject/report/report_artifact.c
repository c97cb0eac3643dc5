/* SPDX-License-Identifier: MIT */
/* Gathers the files, sums them, packs them: an archive with the same bytes for the same files. */
#include "inject/report/report_artifact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "inject/report/report_zip.h"
#include "inject/store/store_export.h"
#include "inject/store/store_merge.h"
#include "inject/store/trial_row_view.h"

#define ARTIFACT_FILES 160
#define ARTIFACT_TABLE "tables/outcomes.csv" /* the one that its README reproduces */

struct artifact {
    struct arena arena;
    char *folder; /* temporary */
    struct report_zip_entry entry[ARTIFACT_FILES];
    unsigned count;
    struct report_artifact_file file[ARTIFACT_FILES]; /* names, sizes and sums of the entries */
};

/* The path for the file `name` of the archive; null, logged, if there is no room. */
static const char *reserve(struct artifact *a, const char *name)
{
    if (a->count == ARTIFACT_FILES) {
        log_error("artifact: found more than %d files", ARTIFACT_FILES);
        return NULL;
    }
    const char *path = arena_printf(&a->arena, "%s/%u", a->folder, a->count);
    const char *copy = arena_text(&a->arena, name, strlen(name));
    if (!path || !copy)
        return NULL;
    a->file[a->count].name = copy;
    a->entry[a->count++] = (struct report_zip_entry){.name = copy, .path = path};
    return path;
}

static enum status add_bytes(struct artifact *a, const char *name, const char *bytes, size_t size)
{
    const char *path = reserve(a, name);
    return path ? file_write(path, bytes, size) : STATUS_MEMORY;
}

static enum status add_table(void *user, const char *name, const struct text *text)
{
    struct artifact *a = user;
    const char *full = arena_printf(&a->arena, "tables/%s", name);
    return full ? add_bytes(a, full, text_of(text), text->size) : STATUS_MEMORY;
}

/* A copy of the database as one closed file, its write-ahead log included. */
static enum status add_database(struct artifact *a, const char *database)
{
    struct store_merge_result result;
    const char *path = reserve(a, "campaign.db");
    if (!path)
        return STATUS_MEMORY;
    return store_merge(
        &(struct store_merge_params){
            .paths = &database, .n_paths = 1, .out = path, .allow_suspect = true},
        &result);
}

/* Adds a file of the archive by a writer of the store. */
static enum status add_written(struct artifact *a, const struct store *store, const char *name,
                               enum status (*put)(const struct store *store, FILE *out))
{
    const char *path = reserve(a, name);
    struct file_writer writer;
    if (!path)
        return STATUS_MEMORY;
    enum status st = file_writer_init(&writer, path);
    if (st)
        return st;
    st = put(store, writer.file);
    st = st ? st : file_writer_commit(&writer);
    file_writer_finish(&writer);
    return st;
}

static enum status put_fields(const struct store *store, FILE *out)
{
    (void)store; /* fields are the program's */
    return trial_row_view_describe_json(out);
}

static enum status put_csv(const struct store *store, FILE *out)
{
    return store_export(store, STORE_EXPORT_CSV, out);
}

static enum status put_jsonl(const struct store *store, FILE *out)
{
    return store_export(store, STORE_EXPORT_JSONL, out);
}

static enum status add_plan_schema(struct artifact *a, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    if (!path || access(path, R_OK) != 0)
        return STATUS_OK;
    const enum status st = file_read(&a->arena, path, &text, &size);
    return st ? st : add_bytes(a, "plan.schema.json", text, size);
}

static enum status measure(struct report_artifact_file *out, const char *path)
{
    struct file_map map;
    const enum status st = file_map_init(&map, path);
    if (st)
        return st;
    out->size = map.size;
    hash_sha256(map.data, map.size, out->sha256);
    file_map_finish(&map);
    return STATUS_OK;
}

static enum status sum_files(struct artifact *a, unsigned from)
{
    enum status st = STATUS_OK;
    for (unsigned i = from; !st && i < a->count; i++)
        st = measure(&a->file[i], a->entry[i].path);
    return st;
}

static const char *sum_of(const struct artifact *a, const char *name)
{
    for (unsigned i = 0; i < a->count; i++) {
        if (strcmp(a->entry[i].name, name) == 0)
            return a->file[i].sha256;
    }
    return "";
}

static void put_readme(struct text *out, const struct artifact *a, const struct report_data *data)
{
    const struct store_identity *id = data->identity;
    text_addf(
        out,
        "Artifact of a fault-injection campaign.\n\n"
        "  plan.json            the plan; its canonical form has SHA-256 %s\n"
        "  plan.schema.json     what a plan may hold (JSON Schema), where it was at hand\n"
        "  campaign.db          all trials (SQLite); schema.sql describes every column\n"
        "  trials.csv, .jsonl   the same as text; fields.json says what each field is\n"
        "  trials.faults.csv    all faults, one a line\n"
        "  tables/              tables (.csv, .tex), data and gnuplot scripts of the pictures\n"
        "  SHA256SUMS           sums of all files: sha256sum -c SHA256SUMS\n\n",
        id->plan_hash);
    text_addf(out, "model      %s, SHA-256 %s\nshaders    %s\ncontract   %s\ntool       %s\n\n",
              data->plan->model, id->model_hash, id->shaders, id->contract, id->tool);
    if (id->model && *id->model)
        text_addf(out, "The model's file: %s\n\n", id->model);
    text_addf(out,
              "One table from the database, on any machine (needs gnuplot):\n\n"
              "  vkfi report campaign.db -o report.html --data again\n"
              "  sha256sum again/outcomes.csv\n"
              "  %s  expected, as " ARTIFACT_TABLE "\n\n"
              "One trial from the plan, and all of them:\n\n"
              "  vkfi replay campaign.db 0\n"
              "  vkfi campaign run plan.json -o again.db && vkfi compare campaign.db "
              "again.db\n",
              sum_of(a, ARTIFACT_TABLE));
}

static enum status add_readme(struct artifact *a, const struct report_data *data)
{
    struct text readme = {0}, sums = {0};
    const unsigned own = a->count;
    put_readme(&readme, a, data);
    enum status st = readme.st;
    st = st ? st : add_bytes(a, "README.txt", text_of(&readme), readme.size);
    st = st ? st : sum_files(a, own);
    for (unsigned i = 0; !st && i < a->count; i++)
        text_addf(&sums, "%s  %s\n", a->file[i].sha256, a->entry[i].name);
    st = st ? st : sums.st;
    st = st ? st : add_bytes(a, "SHA256SUMS", text_of(&sums), sums.size);
    st = st ? st : sum_files(a, own + 1);
    text_finish(&readme);
    text_finish(&sums);
    return st;
}

static enum status gather(struct artifact *a, const struct report_artifact_params *params)
{
    struct report_page *page = params->page;
    const struct report_data *data = page->context.data;
    const char *plan = data->identity->plan;
    enum status st = add_bytes(a, "plan.json", plan, strlen(plan));
    st = st ? st : add_plan_schema(a, params->plan_schema);
    st = st ? st : add_bytes(a, "schema.sql", store_schema, strlen(store_schema));
    st = st ? st : add_database(a, params->database);
    st = st ? st : add_written(a, data->store, "trials.csv", put_csv);
    st = st ? st : add_written(a, data->store, "trials.jsonl", put_jsonl);
    st = st ? st : add_written(a, data->store, "trials.faults.csv", store_export_faults);
    st = st ? st : add_written(a, data->store, "fields.json", put_fields);
    st = st ? st : report_page_export(page, add_table, a);
    st = st ? st : sum_files(a, 0);
    return st ? st : add_readme(a, data);
}

static void clean(struct artifact *a)
{
    for (unsigned i = 0; a->folder && i < a->count; i++)
        store_remove(a->entry[i].path);
    if (a->folder)
        rmdir(a->folder);
    arena_finish(&a->arena);
}

/* Copies the list of files into the caller's memory. */
static enum status list_files(struct report_artifact_list *out, struct arena *arena,
                              const struct artifact *a, const char *path)
{
    out->file = arena_array(arena, a->count, sizeof(*out->file));
    if (!out->file)
        return STATUS_MEMORY;
    for (unsigned i = 0; i < a->count; i++) {
        out->file[i] = a->file[i];
        out->file[i].name = arena_text(arena, a->file[i].name, strlen(a->file[i].name));
        if (!out->file[i].name)
            return STATUS_MEMORY;
    }
    out->n_files = a->count;
    out->archive.name = path;
    return measure(&out->archive, path);
}

enum status report_artifact_write(struct report_artifact_list *out, struct arena *arena,
                                  const struct report_artifact_params *params)
{
    struct artifact a = {0};
    *out = (struct report_artifact_list){0};
    a.folder = arena_printf(&a.arena, "%s.XXXXXX", params->out);
    enum status st = a.folder ? STATUS_OK : STATUS_MEMORY;
    if (!st && !mkdtemp(a.folder)) {
        log_error("%s: no folder beside it could be made: %s", params->out, strerror(errno));
        a.folder = NULL;
        st = STATUS_IO;
    }
    st = st ? st : gather(&a, params);
    st = st ? st : report_zip_write(params->out, a.entry, a.count);
    st = st ? st : list_files(out, arena, &a, params->out);
    clean(&a);
    return st;
}
