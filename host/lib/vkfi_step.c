/* SPDX-License-Identifier: MIT */
/* Steps of a session: tokens, text, cancelling, forks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "lib/vkfi_impl.h"

/* Whether a pass is needed before a token or the end can be given. */
static bool needs_pass(const struct vkfi_session *s)
{
    return !s->run.ended && s->given >= s->run.g.n_tokens;
}

/* After a pass that went back the tokens from there on are given again. */
static void went_back(struct vkfi_session *s)
{
    s->given = s->run.g.n_tokens < s->given ? s->run.g.n_tokens : s->given;
}

static enum status check_cancel(struct vkfi_session *s)
{
    if (!atomic_exchange(&s->cancel, false))
        return STATUS_OK;
    log_error("the run was cancelled");
    return (enum status)VKFI_CANCELLED;
}

/* Passes until a token can be given, or the run has ended. */
static enum status advance(struct vkfi_session *s)
{
    enum status st = STATUS_OK;
    while (needs_pass(s) && !st) {
        st = check_cancel(s);
        st = st ? st : vkfi_engine_do(&s->device->engine, vkfi_run_pass, s);
        went_back(s);
    }
    return st;
}

static void take_text(vkfi_token *out, struct vkfi_session *s)
{
    out->text = text_of(&s->stream.text);
    out->text_size = s->stream.text.size;
}

static enum status give_token(struct vkfi_session *s, vkfi_token *out)
{
    const struct generation *g = &s->run.g;
    const uint32_t i = s->given++;
    const struct decode_step *step = &g->step[i];
    for (uint32_t k = 0; step->top && k < s->top; k++)
        s->given_top[k] = (vkfi_top){(int32_t)step->top[k].id, step->top[k].logit};
    *out = (vkfi_token){.id = g->tokens[i],
                        .index = i,
                        .position = s->n_ids - 1 + i,
                        .finite = step->finite,
                        .hash = step->hash,
                        .logprob = (double)step->logit - step->logsumexp,
                        .logsumexp = step->logsumexp,
                        .top = s->given_top,
                        .n_top = step->top ? s->top : 0,
                        .text = ""};
    s->stream.text.size = 0;
    if (s->policy.size > 0)
        return STATUS_OK; /* it may be taken back */
    const enum status st = lib_text_add(&s->stream, out->id);
    take_text(out, s);
    return st;
}

static enum status give_end(struct vkfi_session *s, vkfi_token *out)
{
    *out = (vkfi_token){.id = -1,
                        .index = s->run.g.n_tokens,
                        .position = s->n_ids - 1 + s->run.g.n_tokens,
                        .finite = 1,
                        .logprob = NAN,
                        .logsumexp = NAN,
                        .text = ""};
    s->stream.text.size = 0;
    if (s->policy.size == 0 && !s->end_given) {
        const enum status st = lib_text_end(&s->stream);
        if (st)
            return st;
        take_text(out, s);
    }
    s->end_given = true;
    struct lib_findings findings = {.state = s->run.g.state, .n_prompt = s->n_ids};
    if (findings.state)
        findings.summary = decode_sum(&s->run.decode, &s->run.g);
    const enum status st = lib_protection_check(&findings);
    return st ? st : (enum status)VKFI_END;
}

static const vkfi_token no_token = {.id = -1, .logprob = NAN, .logsumexp = NAN, .text = ""};

static enum status give_next(struct vkfi_session *s, vkfi_token *out)
{
    return s->given < s->run.g.n_tokens ? give_token(s, out) : give_end(s, out);
}

static enum status step(struct vkfi_session *s, vkfi_token *out)
{
    *out = no_token;
    const enum status st = advance(s);
    return st ? st : give_next(s, out);
}

static vkfi_status leave(struct vkfi_session *s, enum status st)
{
    if ((int)st != (int)VKFI_END && (int)st != (int)VKFI_PENDING)
        return vkfi_session_leave(s, st);
    (void)vkfi_session_leave(s, STATUS_OK);
    return (vkfi_status)st;
}

vkfi_status vkfi_session_step(vkfi_session *session, vkfi_token *token)
{
    vkfi_token unwanted;
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    return leave(session, step(session, token ? token : &unwanted));
}

vkfi_status vkfi_session_run(vkfi_session *session, vkfi_give *give, void *user)
{
    vkfi_token token;
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    enum status st = STATUS_OK;
    while (!st) {
        st = step(session, &token);
        const bool gives = !st || (int)st == (int)VKFI_END;
        if (gives && give && give(user, &token) != 0 && !st) {
            log_error("the run was cancelled by the function that takes its tokens");
            st = (enum status)VKFI_CANCELLED;
        }
    }
    return vkfi_session_leave(session, (int)st == (int)VKFI_END ? STATUS_OK : st);
}

/* --- several sessions --- */

/* Enters the session; false: this call has nothing for it but its status. */
static bool enter(vkfi_turn *turn, struct vkfi_round *round)
{
    turn->status = vkfi_session_enter(turn->session);
    if (turn->status)
        return false;
    struct vkfi_session *s = turn->session;
    enum status st = check_cancel(s);
    round->device = round->device ? round->device : s->device;
    if (!st && s->device != round->device) {
        log_error("found sessions of two devices, expected those of one");
        st = STATUS_USAGE;
    }
    if (st)
        turn->status = vkfi_session_leave(s, st);
    return !st;
}

static void keep_message(vkfi_turn *turn)
{
    if (turn->status)
        snprintf(turn->message, sizeof(turn->message), "%s", log_last_error());
}

/* Which have entered; those of them that need a pass, into `round`. */
static void choose(struct vkfi_round *round, bool *entered, vkfi_turn *turns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vkfi_turn *turn = &turns[i];
        turn->token = no_token;
        turn->message[0] = '\0';
        entered[i] = enter(turn, round);
        keep_message(turn);
        if (entered[i] && needs_pass(turn->session))
            round->turn[round->n++] = turn;
    }
}

/* What a session gives after the round that it entered with success. */
static void settle(vkfi_turn *turn)
{
    struct vkfi_session *s = turn->session;
    went_back(s);
    log_keep_error(turn->message);
    enum status st = (enum status)turn->status;
    if (!st && needs_pass(s))
        st = (enum status)VKFI_PENDING;
    else if (!st)
        st = give_next(s, &turn->token);
    turn->status = leave(s, st);
    keep_message(turn);
}

vkfi_status vkfi_session_step_all(vkfi_turn *turns, size_t count)
{
    struct arena arena = {0};
    log_keep_error("");
    if (!turns && count > 0)
        return vkfi_status_refuse(VKFI_USAGE, "vkfi_session_step_all: found null, expected turns");
    struct vkfi_round round = {.turn = arena_array(&arena, count + 1, sizeof(*round.turn)),
                               .in = arena_array(&arena, count + 1, sizeof(*round.in))};
    bool *entered = arena_array(&arena, count + 1, sizeof(*entered));
    enum status st = round.turn && round.in && entered ? STATUS_OK : STATUS_MEMORY;
    if (!st)
        choose(&round, entered, turns, count);
    if (!st && round.n > 0)
        st = vkfi_engine_do(&round.device->engine, vkfi_run_round, &round);
    for (size_t i = 0; i < count && entered; i++) {
        if (entered[i])
            settle(&turns[i]);
    }
    arena_finish(&arena);
    return vkfi_status_of(st);
}

void vkfi_session_cancel(vkfi_session *session)
{
    if (session)
        atomic_store(&session->cancel, true);
}

const char *vkfi_session_end(const vkfi_session *session)
{
    const bool ended = session && session->run.ended;
    return decode_end_name(ended ? session->run.g.end : DECODE_OPEN);
}

vkfi_status vkfi_session_text(vkfi_session *session, const char **out, size_t *size)
{
    struct text text = {0};
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if (!out || !size) {
        log_error("vkfi_session_text: found null, expected `out` and `size`");
        return vkfi_session_leave(session, STATUS_USAGE);
    }
    *out = "";
    *size = 0;
    arena_finish(&session->answers);
    const struct vkfi_run *run = &session->run;
    enum status st = STATUS_OK;
    if (run->steps && session->given > 0)
        st = decode_answer(&text, &run->decode,
                           &(struct decode_tokens){run->g.tokens, session->given});
    struct text plain = {0};
    st = st ? st : text_add_unmarked(&plain, text_of(&text));
    const char *copy = arena_text(&session->answers, text_of(&plain), plain.size);
    st = st ? st : copy ? STATUS_OK : STATUS_MEMORY;
    if (!st) {
        *out = copy;
        *size = plain.size;
    }
    text_finish(&plain);
    text_finish(&text);
    return vkfi_session_leave(session, st);
}

/* --- fork --- */

/* The prompt, what was given of the run, and the text of it. */
static enum status copy_progress(struct vkfi_session *to, const struct vkfi_session *from)
{
    enum status st = STATUS_OK;
    to->given = from->given;
    for (uint32_t i = 0; i < to->given && from->policy.size == 0 && !st; i++)
        st = lib_text_add(&to->stream, from->run.g.tokens[i]);
    if (!st && from->end_given && from->policy.size == 0)
        st = lib_text_end(&to->stream);
    to->end_given = from->end_given;
    return st;
}

/* With faults or a policy a run has more state than K and V: it is repeated pass by pass. */
static enum status repeat(struct vkfi_session *to, const struct vkfi_session *from)
{
    enum status st = STATUS_OK;
    while (to->run.passes < from->run.passes && !st)
        st = vkfi_engine_do(&to->device->engine, vkfi_run_pass, to);
    return st;
}

static enum status copy_settings(struct vkfi_session *to, const struct vkfi_session *from)
{
    enum status st = (enum status)vkfi_session_feed_ids(to, from->ids, from->n_ids);
    if (!st && from->policy.size > 0)
        st = (enum status)(from->policy_is_file ? vkfi_session_protect_file(to, from->policy.data)
                                                : vkfi_session_protect(to, from->policy.data));
    if (!st && from->faults.size > 0)
        st = (enum status)vkfi_session_fault(to, from->faults.data);
    return st;
}

static enum status fork_session(struct vkfi_session **out, struct vkfi_session *from)
{
    enum status st = (enum status)vkfi_session_open(out, from->device, from->options);
    if (st)
        return st;
    struct vkfi_session *to = *out;
    struct vkfi_run_pair pair = {to, from};
    st = copy_settings(to, from);
    if (!st && (from->policy.size > 0 || from->faults.size > 0))
        st = repeat(to, from);
    else if (!st)
        st = vkfi_engine_do(&from->device->engine, vkfi_run_fork, &pair);
    st = st ? st : copy_progress(to, from);
    if (st) {
        char why[2048];
        snprintf(why, sizeof(why), "%s", log_last_error());
        vkfi_session_close(to);
        log_keep_error(why);
        *out = NULL;
    }
    return st;
}

vkfi_status vkfi_session_fork(vkfi_session **out, vkfi_session *session)
{
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if (!out) {
        log_error("vkfi_session_fork: found null, expected `out`");
        return vkfi_session_leave(session, STATUS_USAGE);
    }
    return vkfi_session_leave(session, fork_session(out, session));
}
