/* SPDX-License-Identifier: MIT */
/* Opens policies as checks of golden's decoder; draws the masked trials that run under them. */
#include "inject/campaign/campaign_arm.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "inject/plan/plan_overlap.h"
#include "mitigations/calibration.h"
#include "model/op.h"

#define ARM_KEY UINT64_C(0x61726d73) /* sets this draw apart from the plan's others */

uint32_t campaign_arm_weight(const struct plan *plan, const struct trial_row *row)
{
    static const enum outcome masked[] = {OUTCOME_NOT_REACHED, OUTCOME_INERT,
                                          OUTCOME_MASKED_BITEXACT, OUTCOME_MASKED_TOKENS};
    bool is_masked = false;
    if (row->control)
        return 0;
    for (size_t i = 0; i < sizeof(masked) / sizeof(*masked); i++)
        is_masked = is_masked || strcmp(row->outcome, kinds_text(KINDS_OUTCOME, masked[i])) == 0;
    if (!is_masked)
        return 1;
    const uint64_t draw =
        hash_fold64(hash_fold64(hash_fold64(0, ARM_KEY), plan->seed), (uint64_t)row->trial);
    return draw % CAMPAIGN_ARM_SHARE == 0 ? CAMPAIGN_ARM_SHARE : 0;
}

/* The calibration that the plan names by its hash, for the model that runs. */
static enum status load_calibration(struct calibration *out, struct arena *arena,
                                    const struct plan_arm *arm, const struct calibration_use *use)
{
    struct calibration_text text = {.name = arm->calibration};
    char hash[HASH_SHA256_TEXT], *bytes = NULL;
    enum status st = file_read(arena, arm->calibration, &bytes, &text.size);
    if (st)
        return st;
    text.text = bytes;
    hash_sha256(bytes, text.size, hash);
    if (strcmp(hash, arm->calibrated) != 0) {
        log_error("%s: found the SHA-256 %s, expected %s, that of the plan's arm '%s'",
                  arm->calibration, hash, arm->calibrated, arm->name);
        return STATUS_INPUT;
    }
    return calibration_read(out, arena, &text, use);
}

static enum status check_items(const struct plan *plan, const struct plan_arm *arm,
                               const struct calibration *calibration)
{
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_question *q = plan->item[i].question;
        if (!q || !q->item.doc_id || !calibration_saw(calibration, q->task, q->item.doc_id))
            continue;
        log_error("%s: found item '%s' of task %s, which the plan strikes; expected a calibration "
                  "for arm '%s' on other items (split calibrate)",
                  arm->calibration, q->item.doc_id, q->task, arm->name);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

/* A policy must not be judged on items that chose it. */
static enum status check_profile(const struct plan *plan, const struct plan_arm *arm,
                                 struct arena *arena)
{
    struct json_doc *doc = NULL;
    struct policy policy;
    struct plan_overlap items;
    enum status st = json_parse(&doc, arm->policy, strlen(arm->policy), arm->name);
    if (!st)
        st = policy_read(&policy, arena, doc, json_root(doc));
    json_destroy(&doc);
    if (st || policy.n_profile == 0)
        return st;
    const struct plan_overlap used = {policy.profile, policy.n_profile};
    st = plan_overlap_list(&items, arena, plan);
    return st ? st
              : plan_overlap_check(&items, &used, arena_printf(arena, "arm '%s'", arm->name),
                                   "the profile that its policy was chosen on");
}

enum status campaign_arm_check(const struct plan *plan, const struct model *model)
{
    const struct calibration_use use = {.model = model, .act = plan->act, .kv = plan->kv};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < plan->n_arms; i++) {
        struct arena arena = {0};
        struct calibration calibration;
        if (plan->arm[i].calibration[0]) {
            st = load_calibration(&calibration, &arena, &plan->arm[i], &use);
            st = st ? st : check_items(plan, &plan->arm[i], &calibration);
        }
        st = st ? st : check_profile(plan, &plan->arm[i], &arena);
        arena_finish(&arena);
    }
    return st;
}

static enum status open_arm(struct protector **out, struct campaign_arms *arms,
                            const struct plan_arm *arm, const struct golden *golden)
{
    struct json_doc *doc = NULL;
    struct policy policy;
    struct protection_setup setup = {.ex = golden->params.ex};
    enum status st = json_parse(&doc, arm->policy, strlen(arm->policy), arm->name);
    if (!st)
        st = policy_read(&policy, &arms->arena, doc, json_root(doc));
    json_destroy(&doc);
    if (!st && arm->calibration[0]) {
        struct calibration *calibration = arena_alloc(&arms->arena, sizeof(*calibration));
        const struct executor *ex = golden->params.ex;
        const struct calibration_use use = {
            .model = ex->model, .act = ex->act, .kv = ex->kv_storage};
        st = calibration ? load_calibration(calibration, &arms->arena, arm, &use) : STATUS_MEMORY;
        setup.calibration = calibration;
    }
    return st ? st : protector_open(out, &policy, &setup);
}

enum status campaign_arms_decode(struct campaign_arms *arms, struct arena *arena,
                                 const struct campaign_arm *arm, const struct golden *golden,
                                 struct decode *out)
{
    struct decode_rules rules = golden->decode.rules;
    struct protector **protector = &arms->protector[arm->index];
    const enum status st =
        *protector ? STATUS_OK : open_arm(protector, arms, &arm->plan->arm[arm->index], golden);
    if (st)
        return st;
    rules.check = protector_check(*protector);
    return decode_open(out, arena, &rules, golden->params.ex);
}

void campaign_arms_finish(struct campaign_arms *arms)
{
    for (uint32_t i = 0; i < PLAN_ARMS_MOST; i++)
        protector_close(&arms->protector[i]);
    arena_finish(&arms->arena);
    *arms = (struct campaign_arms){0};
}

enum status campaign_arm_dry(struct fault *out, const struct model *model)
{
    for (uint32_t i = 0; i < model->graph.count; i++) {
        *out = (struct fault){.point = HOOK_OUT, .kind = KIND_DRY, .position_count = 1};
        if (op_is_site(model->graph.node[i].op) &&
            fault_find(out, model, model->graph.node[i].site))
            return STATUS_OK;
    }
    log_error("found a model without a site to strike, expected one");
    return STATUS_INTERNAL;
}

static bool has(const struct trial_row *row, enum outcome outcome)
{
    return strcmp(row->outcome, kinds_text(KINDS_OUTCOME, outcome)) == 0;
}

static enum protected judge(const struct trial_row *row, const struct decode_summary *summary)
{
    if (summary->alarms == 0)
        return PROTECTED_NONE;
    if (campaign_arm_is_clean(row->trial) || has(row, OUTCOME_NOT_REACHED) ||
        has(row, OUTCOME_INERT))
        return PROTECTED_FALSE_ALARM;
    if (has(row, OUTCOME_MASKED_BITEXACT) || has(row, OUTCOME_MASKED_TOKENS))
        return PROTECTED_CORRECTED;
    return summary->damage == DECODE_UNCORRECTED ? PROTECTED_UNCORRECTED : PROTECTED_DETECTED;
}

/* Tokens given before a column at this position is evaluated. */
static int64_t given(int64_t position, uint32_t n_prompt)
{
    return position + 1 > n_prompt ? position + 1 - n_prompt : 0;
}

void campaign_arm_put(struct trial_row *row, const struct record *record, uint32_t n_prompt)
{
#define VERDICT(name, text) [DECODE_##name] = text,
    static const char *const verdicts[] = {VERDICTS(VERDICT)};
    const struct decode_summary *summary = &record->protection;
    const bool rung = summary->alarms > 0 && summary->first != DECODE_NO_TOKEN;
    row->verdict = verdicts[summary->damage];
    row->protection = kinds_text(KINDS_PROTECTED, judge(row, summary));
    row->alarms = summary->alarms;
    row->redone = record->redone;
    if (rung)
        row->alarm_at = summary->first;
    if (rung && !campaign_arm_is_clean(row->trial) && summary->first >= row->position)
        row->alarm_delay = given(summary->first, n_prompt) - given(row->position, n_prompt);
}
