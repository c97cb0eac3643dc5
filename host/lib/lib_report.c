/* SPDX-License-Identifier: MIT */
/* Members of a run's object. */
#include "lib/lib_report.h"

#include <math.h>

#include "shared/numerics.h"

#define TEXT_OF(x) TEXT_OF_VALUE(x)
#define TEXT_OF_VALUE(x) #x

static void put_head(struct json_writer *w, const struct lib_report *report)
{
    struct executor_info info;
    const struct executor *ex = report->params->ex;
    executor_info(ex, &info);
    if (report->model)
        json_member_text(w, "model", report->model);
    json_member_text(w, "device", info.device);
    json_member_text(w, "driver", info.driver);
    json_member_text(w, "mode", "exact");
    json_member_text(w, "act", storage_name(ex->act));
    json_member_text(w, "kv", storage_name(ex->kv_storage));
    json_member_text(w, "contract", "exact-" TEXT_OF(NM_CONTRACT));
}

static void put_step(struct json_writer *w, const struct generate_params *params,
                     const struct generation *g, uint32_t i)
{
    const struct decode_step *step = &g->step[i];
    json_object_open(w);
    json_member_int(w, "token", g->tokens[i]);
    json_member_hex(w, "hash", step->hash, 16);
    if (params->logsumexp) {
        json_put_key(w, "logsumexp");
        json_put_number(w, step->logsumexp);
    }
    if (step->top) {
        json_member_array(w, "top");
        for (uint32_t t = 0; t < params->top; t++) {
            json_array_open(w);
            json_put_int(w, step->top[t].id);
            json_put_float(w, step->top[t].logit);
            json_array_close(w);
        }
        json_array_close(w);
    }
    json_object_close(w);
}

static void put_nonfinite(struct json_writer *w, const struct lib_report *report)
{
    const struct lib_nonfinite *where = report->where;
    const uint32_t n_ids = report->params->n_ids;
    json_member_object(w, "nonfinite");
    json_member_text(w, "site", where->site);
    json_member_known(w, "layer", where->node->layer != GRAPH_NO_LAYER, where->node->layer);
    json_member_known(w, "step", !(where->position + 1 < n_ids), where->position + 1 - n_ids);
    json_member_int(w, "position", where->position);
    json_object_close(w);
}

static void put_seconds(struct json_writer *w, const struct lib_report *report,
                        const struct generation *g)
{
    json_member_object(w, "seconds");
    if (!isnan(report->load_seconds))
        json_member_number(w, "load", report->load_seconds);
    json_member_number(w, "prompt", g->prompt_seconds);
    json_member_number(w, "decode", g->decode_seconds);
    json_object_close(w);
}

struct lib_findings lib_report_findings(const struct lib_report *report, const struct generation *g)
{
    struct lib_findings findings = {.state = g->state, .n_prompt = report->params->n_ids};
    if (g->state)
        findings.summary = decode_sum(report->guarded, g);
    return findings;
}

static void put_text(struct json_writer *w, const struct lib_report *report,
                     const struct generation *g)
{
    struct text text = {0};
    if (lib_report_findings(report, g).summary.damage == DECODE_UNCORRECTED) {
        json_member_null(w, "text");
        return;
    }
    json_take(
        w, decode_answer(&text, report->decode, &(struct decode_tokens){g->tokens, g->n_tokens}));
    json_put_key(w, "text");
    json_put_text_n(w, text_of(&text), text.size);
    text_finish(&text);
}

/* What the device showed of the run's faults. */
static void put_struck(struct json_writer *w, const struct lib_report *report)
{
    json_member_array(w, "struck");
    for (uint32_t i = 0; i < report->n_faults; i++) {
        const struct tap_proof *proof = &report->proof[i];
        char site[FAULT_SITE_TEXT];
        fault_site(&report->fault[i], site);
        json_object_open(w);
        json_member_text(w, "site", site);
        json_member_int(w, "activations", (int64_t)proof->count);
        json_member_int(w, "changed", (int64_t)proof->changed);
        json_member_known(w, "position", proof->count > 0, proof->position);
        json_member_known(w, "before", proof->count > 0, proof->before);
        json_member_known(w, "after", proof->count > 0, proof->after);
        json_object_close(w);
    }
    json_array_close(w);
}

/* Of each prompt token from the second on: a list of [id, log-probability]. */
static void put_prompt_top(struct json_writer *w, const struct generate_params *params,
                           const struct generation *g)
{
    json_member_array(w, "prompt_top");
    for (uint32_t i = 0; i + 1 < params->n_ids; i++) {
        json_array_open(w);
        for (uint32_t k = 0; k < params->prompt_top; k++) {
            const struct decode_likely *likely = &g->prompt_top[(size_t)i * params->prompt_top + k];
            json_array_open(w);
            json_put_int(w, likely->id);
            json_put_number(w, likely->logprob);
            json_array_close(w);
        }
        json_array_close(w);
    }
    json_array_close(w);
}

static void put_steps(struct json_writer *w, const struct lib_report *report,
                      const struct generation *g)
{
    if (report->params->prompt_top > 0)
        put_prompt_top(w, report->params, g);
    if (g->prompt_logprobs) {
        json_member_array(w, "prompt_logprobs");
        for (uint32_t i = 0; i + 1 < report->params->n_ids; i++)
            json_put_number(w, g->prompt_logprobs[i]);
        json_array_close(w);
    }
    json_member_array(w, "steps");
    for (uint32_t i = 0; i < g->n_tokens; i++)
        put_step(w, report->params, g, i);
    json_array_close(w);
    json_member_hex(w, "hash", g->hash, 16);
}

void lib_report_put(struct json_writer *w, const struct lib_report *report,
                    const struct generation *g)
{
    put_head(w, report);
    json_member_ids(w, "ids", report->params->ids, report->params->n_ids);
    json_member_ids(w, "tokens", g->tokens, g->n_tokens);
    if (!report->no_text)
        put_text(w, report, g);
    json_member_text(w, "stop", decode_end_name(g->end));
    put_steps(w, report, g);
    if (report->vulkan)
        json_member_null(w, "underflow");
    else
        json_member_bool(w, "underflow", report->underflow);
    if (report->where)
        put_nonfinite(w, report);
    if (g->state) {
        const struct lib_findings findings = lib_report_findings(report, g);
        lib_protection_json(w, report->protection, &findings);
    }
    if (report->n_faults > 0)
        put_struck(w, report);
    put_seconds(w, report, g);
}
