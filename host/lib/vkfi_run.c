/* SPDX-License-Identifier: MIT */
/* A session's run on its device's thread: beginning, passes, end; K and V for the next one. */
#include <inttypes.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/log.h"
#include "lib/vkfi_impl.h"

static struct executor *executor_of(const struct vkfi_session *s)
{
    return s->device->device.ex;
}

/* --- faults --- */

/* The list of a trial that `vkfi plan expand --json` prints, alone or as the only one; null: it is
 * none. */
static const struct json *drawn_faults(const struct json *root)
{
    const bool only = json_type(root) == JSON_ARRAY && json_count(root) == 1;
    return json_get(only ? json_at(root, 0) : root, "faults");
}

/* A drawn trial's faults as those of a file, which strike together. */
static enum status parse_drawn(struct json_doc **doc, struct arena *arena)
{
    const struct json *faults = drawn_faults(json_root(*doc));
    struct json_memory m;
    const char *line = NULL;
    if (!faults)
        return STATUS_OK;
    json_begin_memory(&m, false);
    json_array_open(&m.w);
    json_put_value(&m.w, faults);
    json_array_close(&m.w);
    const enum status st = json_end_line(&line, &m, arena);
    json_destroy(doc);
    return st ? st : json_parse(doc, line, strlen(line), "faults of the trial");
}

static enum status parse_trials(struct fault_trials *out, struct arena *arena,
                                const struct vkfi_session *s, const char *text)
{
    const struct fault_bounds bounds = {.model = s->device->model->model,
                                        .act = s->device->needs.act,
                                        .kv = s->device->needs.kv,
                                        .n_prompt = s->n_ids,
                                        .positions = s->device->needs.positions};
    struct json_doc *doc = NULL;
    enum status st = json_parse(&doc, text, strlen(text), "faults");
    st = st ? st : parse_drawn(&doc, arena);
    st = st ? st : fault_parse_trials(out, arena, doc, &bounds);
    json_destroy(&doc);
    return st;
}

enum status vkfi_run_faults(struct fault_trial *out, struct arena *arena,
                            const struct vkfi_session *session, const char *text)
{
    struct fault_trials trials;
    const enum status st = parse_trials(&trials, arena, session, text);
    if (st)
        return st;
    if (trials.count != 1) {
        log_error("faults: found %" PRIu32 " trials, expected one: faults that strike together "
                  "stand in a list in the list, [[F, G]]",
                  trials.count);
        return STATUS_INPUT;
    }
    *out = trials.trial[0];
    return STATUS_OK;
}

static enum status set_faults(struct vkfi_session *s)
{
    struct vkfi_run *run = &s->run;
    struct fault_trial trial;
    if (s->faults.size == 0)
        return STATUS_OK;
    enum status st = vkfi_run_faults(&trial, &run->arena, s, s->faults.data);
    struct tap_fault *taps = st ? NULL : arena_array(&run->arena, trial.count, sizeof(*taps));
    run->proof = st ? NULL : arena_array(&run->arena, trial.count, sizeof(*run->proof));
    if (st || !taps || !run->proof)
        return st ? st : STATUS_MEMORY;
    for (uint32_t i = 0; i < trial.count; i++)
        fault_tap(&trial.fault[i],
                  &(struct fault_bounds){.model = s->device->model->model,
                                         .act = s->device->needs.act,
                                         .kv = s->device->needs.kv,
                                         .n_prompt = s->n_ids,
                                         .positions = s->device->needs.positions},
                  &taps[i]);
    st = tap_init(&run->tap, taps, trial.count, executor_of(s));
    if (st)
        return st;
    run->fault = trial.fault;
    run->n_faults = trial.count;
    run->params.tap = &run->tap;
    return STATUS_OK;
}

/* --- beginning and end --- */

enum status vkfi_run_check(const struct vkfi_session *s, uint32_t n)
{
    const uint32_t positions = s->device->needs.positions;
    const struct vkfi_session *holder = s->device->holder;
    if (holder && holder != s) {
        log_error("found the device held by a session whose fault strikes stored weights or "
                  "tables, expected none: it lasts until that run ends");
        return (enum status)VKFI_BUSY;
    }
    if (s->n_ids == 0) {
        log_error("found an empty prompt, expected at least one token");
        return STATUS_USAGE;
    }
    if (n > 0 && (uint64_t)s->n_ids + n - 1 <= positions)
        return STATUS_OK;
    log_error("found a prompt of %" PRIu32 " tokens and %" PRIu32 " to generate, expected at most "
              "the device's %" PRIu32 " positions, the last token not counted",
              s->n_ids, n, positions);
    return STATUS_INPUT;
}

enum status vkfi_run_finish_faults(struct vkfi_session *s)
{
    struct vkfi_run *run = &s->run;
    enum status st = STATUS_OK;
    if (run->params.tap) {
        for (uint32_t i = 0; i < run->n_faults; i++)
            run->proof[i] = tap_proof(&run->tap, i);
        st = tap_finish(&run->tap, executor_of(s));
        run->params.tap = NULL;
    }
    if (s->device->holder == s)
        s->device->holder = NULL;
    return st;
}

static void release(struct vkfi_session *s, uint32_t branch)
{
    kv_release(executor_of(s)->kv, branch);
    s->device->running--;
}

static void forget_kept(struct vkfi_session *s)
{
    if (s->kept.positions > 0)
        release(s, s->kept.branch);
    s->kept.positions = 0;
}

enum status vkfi_run_drop(void *session)
{
    struct vkfi_session *s = session;
    struct vkfi_run *run = &s->run;
    const enum status st = vkfi_run_finish_faults(s);
    if (run->steps) {
        generate_close(&run->steps);
        release(s, run->g.branch);
    }
    forget_kept(s);
    lib_text_finish(&s->stream);
    arena_finish(&run->arena);
    *run = (struct vkfi_run){0};
    s->given = 0;
    s->end_given = false;
    return st;
}

enum status vkfi_run_keep(void *session)
{
    struct vkfi_session *s = session;
    struct vkfi_run *run = &s->run;
    struct generate_prefix kept = {0};
    if (!run->steps && !run->ended)
        return STATUS_OK; /* no run since the last one that was kept */
    if (run->steps && !run->cut && s->faults.size == 0 && s->policy.size == 0)
        kept = (struct generate_prefix){run->g.branch, generate_next(run->steps)};
    if (kept.positions > 0)
        generate_close(&run->steps); /* its branch is not released */
    const enum status st = vkfi_run_drop(s);
    s->kept = kept;
    return st;
}

static enum status check_room(const struct vkfi_session *s)
{
    const struct vkfi_device *d = s->device;
    if (d->running - (s->kept.positions > 0) < d->sessions)
        return STATUS_OK;
    log_error("found %" PRIu32 " sessions with a run on the device, expected fewer than its "
              "'sessions', which are as many",
              d->running);
    return (enum status)VKFI_BUSY;
}

enum status vkfi_run_policy(struct vkfi_session *s, struct decode_rules *rules)
{
    enum status st = STATUS_OK;
    if (s->policy.size == 0)
        return STATUS_OK;
    if (!s->protection.protector)
        st = lib_protection_start(&s->protection, executor_of(s));
    if (!st)
        rules->check = protector_check(s->protection.protector);
    return st;
}

void vkfi_run_params(struct generate_params *out, const struct vkfi_session *s)
{
    struct decode_rules rules = s->rules;
    if (!s->tokens_given) {
        const uint32_t positions = s->device->needs.positions;
        rules.n = s->n_ids < positions ? positions - s->n_ids + 1 : 1;
    }
    *out = (struct generate_params){.ex = executor_of(s),
                                    .ids = s->ids,
                                    .n_ids = s->n_ids,
                                    .rules = rules,
                                    .columns = s->device->needs.columns,
                                    .top = s->top,
                                    .logsumexp = s->logprobs,
                                    .prompt_logprobs = s->prompt_logprobs,
                                    .prompt_top = s->prompt_logprobs ? s->prompt_top : 0,
                                    .save_position = EXECUTOR_NONE,
                                    .progress = s->progress,
                                    .progress_user = s->progress_user};
}

/* K and V that are kept serve all positions but the last, whose row gives the first token. */
enum status vkfi_run_begin(struct vkfi_session *s)
{
    struct vkfi_run *run = &s->run;
    struct generate_prefix prefix = s->kept;
    if (prefix.positions > 0 && prefix.positions >= s->n_ids)
        prefix.positions = s->n_ids - 1;
    vkfi_run_params(&run->params, s);
    run->params.prefix = prefix.positions > 0 ? &prefix : NULL;
    enum status st = vkfi_run_check(s, run->params.rules.n);
    st = st ? st : check_room(s);
    st = st ? st : vkfi_run_policy(s, &run->params.rules);
    st = st ? st : set_faults(s);
    if (!st && run->params.tap && tap_is_shared(&run->tap))
        s->device->holder = s;
    st = st ? st : decode_open(&run->decode, &run->arena, &run->params.rules, run->params.ex);
    st = st ? st : generate_open(&run->steps, &run->g, &run->arena, &run->params);
    run->params.prefix = NULL;
    if (st)
        return st;
    s->device->running++;
    forget_kept(s);
    s->stream = (struct lib_text){.decode = &run->decode};
    return STATUS_OK;
}

/* --- failures --- */

enum status vkfi_run_fail(struct vkfi_session *s, enum status st)
{
    char why[2048];
    strncpy(why, log_last_error(), sizeof(why) - 1);
    why[sizeof(why) - 1] = '\0';
    if (vkfi_run_drop(s) == STATUS_OK)
        log_keep_error(why);
    return st;
}

/* --- fork --- */

enum status vkfi_run_fork(void *pair)
{
    const struct vkfi_run_pair *p = pair;
    struct vkfi_session *to = p->to;
    struct vkfi_run *run = &to->run;
    const struct vkfi_run *from = &p->from->run;
    if (!from->steps)
        return STATUS_OK;
    vkfi_run_params(&run->params, to);
    enum status st = check_room(to);
    st = st ? st : decode_open(&run->decode, &run->arena, &run->params.rules, run->params.ex);
    st = st ? st : generate_fork(&run->steps, &run->g, &run->arena, &run->params, from->steps);
    if (st)
        return st;
    to->device->running++;
    run->ended = from->ended;
    run->cut = from->cut;
    run->passes = from->passes;
    run->underflow = from->underflow;
    to->stream = (struct lib_text){.decode = &run->decode};
    return STATUS_OK;
}
