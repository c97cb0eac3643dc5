/* SPDX-License-Identifier: MIT */
/* Opens the store and parses the plan that it holds. */
#include "inject/report/report_source.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

enum status report_source_open(struct report_source *out, const char *path)
{
    *out = (struct report_source){.path = path};
    enum status st = store_open(&out->store, path);
    if (st)
        return st;
    const char *text = store_identity(out->store)->plan;
    const char *name = arena_printf(&out->arena, "%s: plan", path);
    st = text && name ? plan_read(&out->plan, &out->arena,
                                  &(struct plan_source){text, strlen(text), name, "."})
                      : STATUS_MEMORY;
    if (!text) {
        log_error("%s: found no plan in the database, expected its JSON", path);
        st = STATUS_INPUT;
    }
    if (st)
        report_source_finish(out);
    return st;
}

enum status report_source_load(struct report_source *source, uint64_t limit)
{
    report_data_finish(&source->data);
    return report_data_load(&source->data, source->store, &source->plan, limit);
}

enum status report_source_check_whole(const struct report_source *source, const char *what)
{
    const struct store_identity *id = source->data.identity;
    if (id->shards > 1)
        log_error("%s: found shard %" PRIu32 " of %" PRIu32 ", expected the whole campaign (vkfi "
                  "merge)",
                  source->path, id->shard, id->shards);
    else if (source->data.suspect > 0)
        log_error("%s: found %" PRIu64 " suspect rows behind a control that failed, expected none "
                  "in %s",
                  source->path, source->data.suspect, what);
    else
        return STATUS_OK;
    return STATUS_INPUT;
}

void report_source_finish(struct report_source *source)
{
    report_data_finish(&source->data);
    store_destroy(&source->store);
    arena_finish(&source->arena);
    *source = (struct report_source){0};
}
