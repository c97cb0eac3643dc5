/* SPDX-License-Identifier: MIT */
/* Opens policies; events of runs as lines and as JSON. */
#include "cli/cli_protection.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "model/model.h"

enum status cli_protection_open(struct cli_protection *out, struct arena *arena, const char *name,
                                struct executor *ex)
{
    *out = (struct cli_protection){.model = ex->model};
    const enum status st = policy_load(&out->policy, arena, name);
    return st ? st
              : protector_open(&out->protector, &out->policy, &(struct protection_setup){.ex = ex});
}

void cli_protection_close(struct cli_protection *protection)
{
    protector_close(&protection->protector);
}

const char *cli_protection_outcome(enum decode_damage damage)
{
    static const char *const names[] = {[DECODE_CLEAN] = "clean",
                                        [DECODE_FALSE_ALARM] = "false_alarm",
                                        [DECODE_CORRECTED] = "corrected",
                                        [DECODE_UNCORRECTED] = "uncorrected"};
    return names[damage];
}

static const struct protector_event *events_of(const struct cli_protection *protection,
                                               const struct cli_findings *findings, uint32_t *out_n,
                                               uint32_t *out_dropped)
{
    *out_n = *out_dropped = 0;
    if (!findings->state)
        return NULL;
    return protector_events(protection->protector, findings->state, out_n, out_dropped);
}

/* "blk.3.ffn_down", null: of no op. */
static const char *site_of(const struct cli_protection *protection,
                           const struct protector_event *event)
{
    return event->node == EXECUTOR_NONE ? NULL : protection->model->graph.node[event->node].site;
}

void cli_protection_json(struct json_writer *w, const struct cli_protection *protection,
                         const struct cli_findings *findings)
{
    uint32_t n, dropped;
    const struct protector_event *event = events_of(protection, findings, &n, &dropped);
    json_member_object(w, "protect");
    json_member_text(w, "outcome", cli_protection_outcome(findings->summary.damage));
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
        json_member_text(w, "outcome", cli_protection_outcome(event[i].outcome));
        json_object_close(w);
    }
    json_array_close(w);
    if (dropped > 0)
        json_member_int(w, "events_left_out", dropped);
    json_object_close(w);
}

void cli_protection_say(const struct cli_protection *protection,
                        const struct cli_findings *findings, const char *indent)
{
    uint32_t n, dropped;
    const struct protector_event *event = events_of(protection, findings, &n, &dropped);
    for (uint32_t i = 0; i < n; i++) {
        const char *site = site_of(protection, &event[i]);
        char line[256], step[32] = "prompt";
        if (event[i].position + 1 >= findings->n_prompt)
            snprintf(step, sizeof(step), "step %" PRIu32,
                     event[i].position + 1 - findings->n_prompt);
        snprintf(line, sizeof(line),
                 "%s: %s%s%s, %s (position %" PRIu32 ")%s; columns computed again: %" PRIu32 "; %s",
                 event[i].protection, event[i].severity == PROTECTION_HARD ? "damage" : "doubt",
                 site ? " at " : "", site ? site : "", step, event[i].position,
                 event[i].repaired ? ", stored bits written anew" : "", event[i].back,
                 cli_protection_outcome(event[i].outcome));
        if (indent)
            printf("%s%s\n", indent, line);
        else
            log_warn("%s", line);
    }
    if (dropped > 0 && !indent)
        log_warn("%" PRIu32 " more events", dropped);
}

enum status cli_protection_check(const struct cli_findings *findings)
{
    if (findings->summary.damage != DECODE_UNCORRECTED)
        return STATUS_OK;
    log_error("damage was found and could not be corrected (%" PRIu32 " alarms)",
              findings->summary.alarms);
    return STATUS_UNCORRECTED;
}
