/* SPDX-License-Identifier: MIT */
/* Picks tokens by the rules of a run, appends them, and finds its end. */
#include "model/decode.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

const char *decode_end_name(enum decode_end end)
{
    static const char *const names[] = {
        [DECODE_OPEN] = "open", [DECODE_LENGTH] = "length", [DECODE_END] = "end",
        [DECODE_STOP] = "stop", [DECODE_DUE] = "due",       [DECODE_TRAP] = "trap"};
    return names[end];
}

static bool any_allowed(const struct decode_rules *rules, uint32_t n_vocab)
{
    for (uint32_t id = 0; id < n_vocab; id++) {
        if (sampler_allows(rules->allowed, id))
            return true;
    }
    return false;
}

static enum status check(const struct decode_rules *rules, uint32_t n_vocab)
{
    if (rules->n == 0) {
        log_error("0 tokens to generate, expected at least 1");
        return STATUS_USAGE;
    }
    if (!any_allowed(rules, n_vocab)) {
        log_error("none of %u token ids is allowed, expected at least 1", n_vocab);
        return STATUS_USAGE;
    }
    for (uint32_t i = 0; i < rules->n_stops; i++) {
        if (rules->stops[i].size == 0) {
            log_error("stop string %u is empty, expected at least 1 byte", i + 1);
            return STATUS_USAGE;
        }
    }
    return STATUS_OK;
}

enum status decode_open(struct decode *out, struct arena *arena, const struct decode_rules *rules,
                        struct executor *ex)
{
    const uint32_t n_vocab = ex->model->hp.n_vocab;
    const uint32_t candidates = sampler_candidates(&rules->sampler, n_vocab);
    *out = (struct decode){.rules = *rules, .model = ex->model, .kv = ex->kv};
    const enum status st = check(rules, n_vocab);
    if (st)
        return st;
    for (uint32_t i = 0; i < rules->n_stops; i++)
        out->longest = rules->stops[i].size > out->longest ? rules->stops[i].size : out->longest;
    out->candidate = arena_array(arena, candidates, sizeof(*out->candidate));
    if (rules->filter)
        out->row = arena_array(arena, n_vocab, sizeof(*out->row));
    return out->candidate && (out->row || !rules->filter) ? STATUS_OK : STATUS_MEMORY;
}

enum status decode_begin(struct generation *out, struct arena *arena, const struct decode *decode,
                         const struct decode_size *size)
{
    const size_t state = decode->rules.check ? decode->rules.check->state : 0;
    *out = (struct generation){.prompt = size->prompt,
                               .tokens = arena_array(arena, size->n, sizeof(*out->tokens)),
                               .step = arena_array(arena, size->n, sizeof(*out->step)),
                               .state = state ? arena_alloc(arena, state) : NULL};
    return out->tokens && out->step && (out->state || !state) ? STATUS_OK : STATUS_MEMORY;
}

bool decode_watches(const struct decode *decode)
{
    return decode->rules.check != NULL;
}

/* The pick is the row's most likely token, which devices find. */
static bool is_first(const struct decode_rules *rules)
{
    return rules->sampler.temperature <= 0 && !rules->filter;
}

bool decode_provable(const struct decode *decode)
{
    return is_first(&decode->rules) && !decode->rules.check;
}

bool decode_proves(const struct decode *decode, uint32_t token)
{
    return decode_provable(decode) && sampler_allows(decode->rules.allowed, token);
}

uint32_t decode_outputs(const struct decode *decode)
{
    const struct decode_rules *rules = &decode->rules;
    const uint32_t seen = rules->check ? rules->check->outputs : 0;
    return COLUMN_ARGMAX | COLUMN_HASH | seen |
           (is_first(rules) && !rules->allowed ? 0 : COLUMN_LOGITS);
}

uint32_t decode_pick(const struct decode *decode, uint32_t position,
                     const struct column_result *result)
{
    const struct decode_rules *rules = &decode->rules;
    const uint32_t n_vocab = decode->model->hp.n_vocab;
    struct sampler_row row = {.logits = result->logits, .n = n_vocab, .allowed = rules->allowed};
    if (is_first(rules) && sampler_allows(rules->allowed, result->token))
        return result->token; /* the device has found it already */
    if (rules->filter) {
        memcpy(decode->row, result->logits, n_vocab * sizeof(*decode->row));
        rules->filter->change(rules->filter->user, position, decode->row, n_vocab);
        row.logits = decode->row;
    }
    return sampler_pick(&rules->sampler, &row, position, decode->candidate);
}

void decode_feed(struct generation *run, const struct decode_picked *pick)
{
    run->step[run->n_tokens] = pick->step;
    run->tokens[run->n_tokens++] = (int32_t)pick->token;
}

uint32_t decode_guards(const struct decode *decode)
{
    const struct decode_check *check = decode->rules.check;
    return check && check->ask ? check->most_guards : 0;
}

uint32_t decode_ask(const struct decode *decode, struct generation *run,
                    const struct column *column, struct guard *out)
{
    const struct decode_check *check = decode->rules.check;
    if (decode_guards(decode) == 0)
        return 0;
    return check->ask(check->user, run->state, column->position, run->prompt, out);
}

struct decode_summary decode_sum(const struct decode *decode, const struct generation *run)
{
    const struct decode_check *check = decode->rules.check;
    struct decode_summary sum = {.first = DECODE_NO_TOKEN};
    if (check && check->summary)
        check->summary(check->user, run->state, &sum);
    return sum;
}

/* The columns of `back` positions up to `position` will be computed again. Tokens that they were
 * fed become drafts. */
static void go_back(const struct decode *decode, struct generation *run, struct tap *tap,
                    uint32_t position, uint32_t back)
{
    const uint32_t next = position + 1 - back, first = run->prompt - 1; /* gives token 0 */
    const uint32_t kept = next > first ? next - first : 0;
    const uint32_t fed = position > first ? position - first : 0;
    run->n_tokens = kept < run->n_tokens ? kept : run->n_tokens;
    run->n_drafts = fed - run->n_tokens;
    run->end = DECODE_OPEN;
    run->redone += back;
    kv_cut(decode->kv, run->branch, next);
    if (tap) {
        tap_cut(tap, position + 1); /* what later columns of the pass did */
        tap_back(tap, next, position + 1);
    }
}

static struct decode_view view_of(const struct generation *run, const struct decode_picked *pick)
{
    return (struct decode_view){.branch = run->branch,
                                .position = pick->position,
                                .prompt = run->prompt,
                                .token = pick->token,
                                .fed = pick->fed,
                                .result = pick->result,
                                .guard = pick->guard,
                                .n_guards = pick->n_guards};
}

/* What follows from a verdict on the column at `position`. */
static uint32_t follow(const struct decode *decode, struct generation *run, struct tap *tap,
                       uint32_t position, uint32_t wanted)
{
    const uint32_t back = wanted < position + 1 ? wanted : position + 1;
    if (back == 0 || back > decode->rules.check->most_back - run->redone)
        return 0;
    go_back(decode, run, tap, position, back);
    return back;
}

enum status decode_look(const struct decode *decode, struct generation *run, struct tap *tap,
                        struct decode_picked *pick, uint32_t *out_back)
{
    const struct decode_check *check = decode->rules.check;
    const struct decode_view view = view_of(run, pick);
    struct decode_verdict verdict = {0};
    *out_back = 0;
    if (!check)
        return STATUS_OK;
    const enum status st = check->look(check->user, run->state, &view, &verdict);
    pick->step.verdict = verdict.word;
    if (!st)
        *out_back = follow(decode, run, tap, pick->position, verdict.back);
    return st;
}

enum status decode_finish(const struct decode *decode, struct generation *run, struct tap *tap,
                          uint32_t *out_back)
{
    const struct decode_check *check = decode->rules.check;
    const struct decode_picked last = {
        .position = run->prompt + run->n_tokens - 2,
        .fed = DECODE_NO_TOKEN,
        .token = run->n_tokens > 0 ? (uint32_t)run->tokens[run->n_tokens - 1] : DECODE_NO_TOKEN};
    const struct decode_view view = view_of(run, &last);
    struct decode_verdict verdict = {0};
    *out_back = 0;
    if (!check || !check->end || run->end == DECODE_DUE || run->end == DECODE_TRAP)
        return STATUS_OK;
    const enum status st = check->end(check->user, run->state, &view, &verdict);
    if (!st)
        *out_back = follow(decode, run, tap, last.position, verdict.back);
    return st;
}

/* Drafts hold as long as they are picked again. */
static void check_draft(const struct decode *decode, struct generation *run, struct tap *tap,
                        const struct decode_picked *pick)
{
    run->strayed = run->n_drafts > 0 && (uint32_t)run->tokens[run->n_tokens] != pick->token;
    if (!run->strayed) {
        run->n_drafts -= run->n_drafts > 0;
        return;
    }
    run->n_drafts = 0;
    kv_cut(decode->kv, run->branch, pick->position + 1);
    if (tap)
        tap_cut(tap, pick->position + 1);
}

enum status decode_take(const struct decode *decode, struct generation *run, struct tap *tap,
                        const struct decode_picked *pick, uint32_t *out_back)
{
    struct decode_picked taken = *pick;
    *out_back = 0;
    enum status st = tap_pick(tap, pick->position, &taken.token);
    const bool due = tap && tap->due;
    if (!st && !due)
        st = decode_look(decode, run, tap, &taken, out_back);
    if (st || *out_back > 0)
        return st;
    if (pick->trapped)
        run->end = DECODE_TRAP;
    else if (due)
        run->end = DECODE_DUE;
    if (run->end != DECODE_OPEN)
        return STATUS_OK;
    check_draft(decode, run, tap, &taken);
    decode_feed(run, &taken);
    return decode_end_of(&run->end, decode, &(struct decode_tokens){run->tokens, run->n_tokens});
}

uint64_t decode_hash(const struct decode_step *step, uint32_t n)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < n; i++)
        hash = hash_fold64(hash, step[i].hash);
    return hash;
}
