/* SPDX-License-Identifier: MIT */
/* Opens the store and parses the plan that it holds. */
#include "inject/report/report_source.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "inject/store/store_doubt.h"

enum status report_source_open(struct report_source *out, const char *path)
{
    *out = (struct report_source){.path = path};
    enum status st = store_open(&out->store, path);
    if (st)
        return st;
    const char *text = store_identity(out->store)->plan;
    const char *name = arena_printf(&out->arena, "%s: plan", path);
    st = text && name ? plan_read(&out->plan, &out->arena,
                                  &(struct plan_source){text, strlen(text), name, ".", NULL})
                      : STATUS_MEMORY;
    if (!text) {
        log_error("%s: found no plan in the database, expected its JSON", path);
        st = STATUS_INPUT;
    }
    if (st)
        report_source_finish(out);
    return st;
}

enum status report_source_arm(struct report_source *source, const char *arm)
{
    const struct plan *plan = &source->plan;
    for (uint32_t i = 0; i < plan->n_arms; i++) {
        if (strcmp(plan->arm[i].name, arm) == 0) {
            source->arm = plan->arm[i].name;
            return STATUS_OK;
        }
    }
    log_error("%s: found no arm '%s' in the plan, expected %s", source->path, arm,
              plan->n_arms > 0 ? plan->arm[0].name : "a plan with arms");
    return STATUS_INPUT;
}

enum status report_source_load(struct report_source *source, uint64_t limit)
{
    report_data_finish(&source->data);
    return report_data_load(&source->data, source->store, &source->plan, limit, source->arm);
}

enum status report_source_trust(struct report_source *source, bool allow)
{
    source->allow_suspect = allow;
    return store_doubt_check(source->store, allow);
}

enum status report_source_check_whole(const struct report_source *source)
{
    const struct store_identity *id = source->data.identity;
    if (id->shards > 1) {
        log_error("%s: found shard %" PRIu32 " of %" PRIu32 ", expected the whole campaign (vkfi "
                  "merge)",
                  source->path, id->shard, id->shards);
        return STATUS_INPUT;
    }
    return source->allow_suspect ? STATUS_OK : store_doubt_check(source->store, false);
}

void report_source_finish(struct report_source *source)
{
    report_data_finish(&source->data);
    store_destroy(&source->store);
    arena_finish(&source->arena);
    *source = (struct report_source){0};
}
