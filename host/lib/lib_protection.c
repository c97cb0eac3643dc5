/* SPDX-License-Identifier: MIT */
/* Opens policies; events of runs as lines and as JSON. */
#include "lib/lib_protection.h"

#include <inttypes.h>

#include "base/log.h"
#include "model/model.h"

enum status lib_protection_start(struct lib_protection *protection, struct executor *ex)
{
    protection->model = ex->model;
    return protector_open(&protection->protector, &protection->policy,
                          &(struct protection_setup){.ex = ex});
}

enum status lib_protection_open(struct lib_protection *out, struct arena *arena, const char *name,
                                struct executor *ex)
{
    const enum status st = policy_load(&out->policy, arena, name);
    return st ? st : lib_protection_start(out, ex);
}

void lib_protection_close(struct lib_protection *protection)
{
    protector_close(&protection->protector);
}

const char *lib_protection_outcome(enum decode_damage damage)
{
    static const char *const names[] = {[DECODE_CLEAN] = "clean",
                                        [DECODE_FALSE_ALARM] = "false_alarm",
                                        [DECODE_CORRECTED] = "corrected",
                                        [DECODE_UNCORRECTED] = "uncorrected"};
    return names[damage];
}

static const struct protector_event *events_of(const struct lib_protection *protection,
                                               const struct lib_findings *findings, uint32_t *out_n,
                                               uint32_t *out_dropped)
{
    *out_n = *out_dropped = 0;
    if (!findings->state)
        return NULL;
    return protector_events(protection->protector, findings->state, out_n, out_dropped);
}

/* "blk.3.ffn_down", null: of no op. */
static const char *site_of(const struct lib_protection *protection,
                           const struct protector_event *event)
{
    return event->node == EXECUTOR_NONE ? NULL : protection->model->graph.node[event->node].site;
}

void lib_protection_json(struct json_writer *w, const struct lib_protection *protection,
                         const struct lib_findings *findings)
{
    uint32_t n, dropped;
    const struct protector_event *event = events_of(protection, findings, &n, &dropped);
    json_member_object(w, "protect");
    json_member_text(w, "outcome", lib_protection_outcome(findings->summary.damage));
    json_member_int(w, "alarms", findings->summary.alarms);
    json_member_array(w, "events");
    for (uint32_t i = 0; i < n; i++) {
        json_object_open(w);
        json_member_text(w, "protection", event[i].protection);
        json_member_text(w, "site", site_of(protection, &event[i]));
        json_member_int(w, "position", event[i].position);
        json_member_known(w, "step", event[i].position + 1 >= findings->n_prompt,
                          (int64_t)event[i].position + 1 - findings->n_prompt);
        json_member_text(w, "finding", event[i].severity == PROTECTION_HARD ? "damage" : "doubt");
        json_member_int(w, "detail", event[i].detail);
        json_member_bool(w, "repaired", event[i].repaired);
        json_member_int(w, "redone", event[i].back);
        json_member_text(w, "outcome", lib_protection_outcome(event[i].outcome));
        json_object_close(w);
    }
    json_array_close(w);
    if (dropped > 0)
        json_member_int(w, "events_left_out", dropped);
    json_object_close(w);
}

enum status lib_protection_line(struct text *out, const struct lib_protection *protection,
                                const struct lib_findings *findings, uint32_t index)
{
    uint32_t n, dropped;
    const struct protector_event *event = events_of(protection, findings, &n, &dropped) + index;
    const char *site = site_of(protection, event);
    text_addf(out, "%s: %s%s%s, ", event->protection,
              event->severity == PROTECTION_HARD ? "damage" : "doubt", site ? " at " : "",
              site ? site : "");
    if (event->position + 1 >= findings->n_prompt)
        text_addf(out, "step %" PRIu32, event->position + 1 - findings->n_prompt);
    else
        text_put(out, "prompt");
    return text_addf(out, " (position %" PRIu32 ")%s; columns computed again: %" PRIu32 "; %s",
                     event->position, event->repaired ? ", stored bits written anew" : "",
                     event->back, lib_protection_outcome(event->outcome));
}

uint32_t lib_protection_events(const struct lib_protection *protection,
                               const struct lib_findings *findings, uint32_t *out_dropped)
{
    uint32_t n;
    (void)events_of(protection, findings, &n, out_dropped);
    return n;
}

enum status lib_protection_check(const struct lib_findings *findings)
{
    if (findings->summary.damage != DECODE_UNCORRECTED)
        return STATUS_OK;
    log_error("damage was found and could not be corrected (%" PRIu32 " alarms)",
              findings->summary.alarms);
    return STATUS_UNCORRECTED;
}
