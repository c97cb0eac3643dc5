/* SPDX-License-Identifier: MIT */
/* A pass that several sessions share, each with its own faults, policy and sampling. */
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "lib/vkfi_impl.h"

/* Notes how a session's turn went; its run has ended by it unless it has only to wait. */
static void note(struct vkfi_turn *turn, enum status st)
{
    if (st && (int)st != (int)VKFI_BUSY)
        st = vkfi_run_fail(turn->session, st);
    turn->status = (vkfi_status)st;
    if (st)
        snprintf(turn->message, sizeof(turn->message), "%s", log_last_error());
}

/* Runs that have not begun begin; one that strikes what all sessions read ends the round for the
 * others. */
static void begin(struct vkfi_round *round)
{
    for (size_t i = 0; i < round->n; i++) {
        struct vkfi_turn *turn = round->turn[i];
        struct vkfi_session *s = turn->session;
        note(turn, s->run.steps ? STATUS_OK : vkfi_run_begin(s));
    }
    for (size_t i = 0; i < round->n; i++) {
        struct vkfi_turn *turn = round->turn[i];
        if (!turn->status)
            note(turn, vkfi_run_check(turn->session, turn->session->run.params.rules.n));
        round->in[i] = !turn->status;
    }
}

static bool has_tokens(const struct vkfi_session *s)
{
    return s->run.g.n_tokens > 0;
}

/* Columns of runs that give tokens come before those of prompts, which may take all the room. */
static uint32_t fill(struct vkfi_round *round, bool decoding)
{
    struct tap_pass *pass = round->device->pass;
    uint32_t n = 0;
    for (size_t i = 0; i < round->n; i++) {
        struct vkfi_session *s = round->turn[i]->session;
        uint32_t own = 0;
        if (!round->in[i] || has_tokens(s) != decoding)
            continue;
        const enum status st = generate_add(s->run.steps, pass, s->device->info.max_columns, &own);
        if (st)
            note(round->turn[i], st);
        round->in[i] = !st;
        n += own;
    }
    return n;
}

static uint32_t most_guards(const struct vkfi_round *round)
{
    uint32_t most = 0;
    for (size_t i = 0; i < round->n; i++) {
        const uint32_t own = round->in[i] ? generate_guards(round->turn[i]->session->run.steps) : 0;
        most = own > most ? own : most;
    }
    return most;
}

/* `underflow` is of the pass: a value was flushed in this run, or in one beside it. */
static void take(struct vkfi_round *round, size_t i, bool underflow)
{
    struct vkfi_session *s = round->turn[i]->session;
    struct vkfi_run *run = &s->run;
    enum status st = generate_take(run->steps, &run->ended);
    run->underflow |= underflow;
    run->passes += !st;
    if (!st && run->ended)
        st = vkfi_run_finish_faults(s);
    note(round->turn[i], st);
}

enum status vkfi_run_round(void *what)
{
    struct vkfi_round *round = what;
    struct vkfi_device *d = round->device;
    struct executor_info info;
    begin(round);
    tap_begin(d->pass);
    tap_guarded(d->pass, most_guards(round));
    fpenv_clear_underflow();
    uint32_t n = fill(round, true);
    n += fill(round, false);
    const enum status st = n > 0 ? tap_go(d->pass, NULL, NULL) : STATUS_OK;
    executor_info(d->device.ex, &info);
    for (size_t i = 0; i < round->n; i++) {
        if (round->in[i] && st)
            note(round->turn[i], st);
        else if (round->in[i])
            take(round, i, info.underflow);
    }
    return STATUS_OK; /* each has its own */
}

enum status vkfi_run_pass(void *session)
{
    struct vkfi_session *s = session;
    struct vkfi_turn turn = {.session = s}, *turns = &turn;
    bool in = false;
    const enum status st = vkfi_run_round(&(struct vkfi_round){s->device, &turns, 1, &in});
    return st ? st : (enum status)turn.status;
}
