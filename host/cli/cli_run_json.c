/* SPDX-License-Identifier: MIT */
/* The JSON object of a run. */
#include "cli/cli_output.h"
#include "cli/cli_run.h"
#include "shared/numerics.h"

#define TEXT_OF(x) TEXT_OF_VALUE(x)
#define TEXT_OF_VALUE(x) #x

static void put_head(struct json_writer *w, const struct cli_run *run)
{
    struct executor_info info;
    executor_info(run->device.ex, &info);
    json_member_text(w, "model", run->options.model);
    json_member_text(w, "device", info.device);
    json_member_text(w, "driver", info.driver);
    json_member_text(w, "mode", "exact");
    json_member_text(w, "act", storage_name(run->needs.act));
    json_member_text(w, "kv", storage_name(run->needs.kv));
    json_member_text(w, "contract", "exact-" TEXT_OF(NM_CONTRACT));
}

static void put_step(struct json_writer *w, const struct generate_params *params,
                     const struct generation *g, uint32_t i)
{
    const struct decode_step *step = &g->step[i];
    json_object_open(w);
    json_put_key(w, "token");
    json_put_int(w, g->tokens[i]);
    json_put_key(w, "hash");
    json_put_hex(w, step->hash, 16);
    if (params->logsumexp) {
        json_put_key(w, "logsumexp");
        json_put_number(w, step->logsumexp);
    }
    if (step->top) {
        json_put_key(w, "top");
        json_array_open(w);
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

static void put_nonfinite(struct json_writer *w, const struct cli_run *run,
                          const struct cli_nonfinite *where)
{
    json_put_key(w, "nonfinite");
    json_object_open(w);
    json_member_text(w, "site", where->site);
    json_put_key(w, "layer");
    if (where->node->layer == GRAPH_NO_LAYER)
        json_put_null(w);
    else
        json_put_int(w, where->node->layer);
    json_put_key(w, "step");
    if (where->position + 1 < run->n_ids)
        json_put_null(w);
    else
        json_put_int(w, where->position + 1 - run->n_ids);
    json_put_key(w, "position");
    json_put_int(w, where->position);
    json_object_close(w);
}

static void put_seconds(struct json_writer *w, const struct cli_run *run,
                        const struct generation *g)
{
    json_put_key(w, "seconds");
    json_object_open(w);
    json_put_key(w, "load");
    json_put_number(w, run->load_seconds);
    json_put_key(w, "prompt");
    json_put_number(w, g->prompt_seconds);
    json_put_key(w, "decode");
    json_put_number(w, g->decode_seconds);
    json_object_close(w);
}

static enum status put_text(struct json_writer *w, const struct cli_run *run,
                            const struct generation *g)
{
    struct text text = {0};
    enum status st =
        decode_answer(&text, &run->decode, &(struct decode_tokens){g->tokens, g->n_tokens});
    if (!st) {
        json_put_key(w, "text");
        json_put_text_n(w, text.data, text.size);
    }
    text_finish(&text);
    return st;
}

enum status cli_run_json_members(struct json_writer *w, const struct cli_run *run,
                                 const struct generation *g, const struct cli_nonfinite *where)
{
    put_head(w, run);
    json_put_key(w, "ids");
    cli_output_ids(w, run->ids, run->n_ids);
    json_put_key(w, "tokens");
    cli_output_ids(w, g->tokens, g->n_tokens);
    enum status st = put_text(w, run, g);
    if (st)
        return st;
    json_member_text(w, "stop", decode_end_name(g->end));
    if (g->prompt_logprobs) {
        json_put_key(w, "prompt_logprobs");
        json_array_open(w);
        for (uint32_t i = 0; i + 1 < run->n_ids; i++)
            json_put_number(w, g->prompt_logprobs[i]);
        json_array_close(w);
    }
    json_put_key(w, "steps");
    json_array_open(w);
    for (uint32_t i = 0; i < g->n_tokens; i++)
        put_step(w, &run->params, g, i);
    json_array_close(w);
    json_put_key(w, "hash");
    json_put_hex(w, g->hash, 16);
    json_put_key(w, "underflow");
    if (run->device.gpu)
        json_put_null(w);
    else
        json_put_bool(w, run->underflow);
    if (where)
        put_nonfinite(w, run, where);
    put_seconds(w, run, g);
    return STATUS_OK;
}
