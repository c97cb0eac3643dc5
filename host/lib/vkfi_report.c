/* SPDX-License-Identifier: MIT */
/* A session's run and records of its prompt as JSON. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "lib/lib_report.h"
#include "lib/lib_trials.h"
#include "lib/vkfi_impl.h"

struct question {
    struct vkfi_session *session;
    const char *faults;
    const char *answer;
};

struct search {
    struct vkfi_session *session;
    struct lib_nonfinite *out;
};

/* The run's own pages are needed to run it again. */
static enum status search(void *what)
{
    const struct search *o = what;
    struct vkfi_run *run = &o->session->run;
    struct arena arena = {0};
    run->cut = true;
    kv_cut(run->params.ex->kv, run->g.branch, 0);
    const enum status st = lib_nonfinite_find(o->out, &arena, &run->params, &run->g);
    arena_finish(&arena);
    return st;
}

enum status vkfi_report_search(struct lib_nonfinite *out, struct vkfi_session *session)
{
    *out = (struct lib_nonfinite){0};
    if (session->run.n_faults > 0 || !lib_nonfinite_any(&session->run.g))
        return STATUS_OK;
    return vkfi_engine_do(&session->device->engine, search, &(struct search){session, out});
}

void vkfi_report_of(struct lib_report *out, const struct vkfi_session *session,
                    const struct lib_nonfinite *where)
{
    const struct vkfi_run *run = &session->run;
    *out = (struct lib_report){.params = &run->params,
                               .decode = &run->decode,
                               .protection = session->policy.size > 0 ? &session->protection : NULL,
                               .guarded = &run->decode,
                               .where = where->found ? where : NULL,
                               .fault = run->fault,
                               .proof = run->proof,
                               .n_faults = run->n_faults,
                               .vulkan = session->device->device.gpu != NULL,
                               .underflow = run->underflow,
                               .load_seconds = NAN};
}

static enum status report(struct vkfi_session *s, const char **out)
{
    struct lib_nonfinite where;
    struct lib_report made;
    struct json_memory m;
    const enum status st = vkfi_report_search(&where, s);
    if (st)
        return st;
    vkfi_report_of(&made, s, &where);
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    lib_report_put(&m.w, &made, &s->run.g);
    json_object_close(&m.w);
    return json_end_line(out, &m, &s->answers);
}

vkfi_status vkfi_session_report(vkfi_session *session, const char **out)
{
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    if (!out || !session->run.ended) {
        log_error(out ? "found a run that has not ended, expected its report after the end"
                      : "vkfi_session_report: found null, expected `out`");
        return vkfi_session_leave(session, STATUS_USAGE);
    }
    arena_finish(&session->answers);
    *out = "";
    const enum status st = report(session, out);
    return vkfi_session_leave(session, st);
}

/* --- records --- */

static enum status put_records(struct question *q, struct arena *arena,
                               const struct lib_trials_params *params)
{
    struct lib_trials trials;
    struct json_memory m;
    json_begin_memory(&m, false);
    json_array_open(&m.w);
    enum status st = lib_trials_open(&trials, arena, params);
    st = st ? st : lib_trials_put(&trials, arena, &m.w);
    lib_trials_finish(&trials);
    json_take(&m.w, st);
    json_array_close(&m.w);
    return json_end_line(&q->answer, &m, &q->session->answers);
}

static enum status make_records(void *what)
{
    struct question *q = what;
    struct vkfi_session *s = q->session;
    struct arena arena = {0};
    struct json_doc *doc = NULL;
    struct decode guarded;
    struct lib_trials_params params = {.shape = s->device->shape};
    vkfi_run_params(&params.generate, s);
    struct decode_rules rules = params.generate.rules;
    enum status st = vkfi_run_check(s, rules.n);
    st = st ? st : vkfi_run_policy(s, &rules);
    st = st ? st : decode_open(&guarded, &arena, &rules, params.generate.ex);
    st = st ? st : json_parse(&doc, q->faults, strlen(q->faults), "faults");
    params.doc = doc;
    params.guarded = &guarded;
    params.protection = s->policy.size > 0 ? &s->protection : NULL;
    st = st ? st : put_records(q, &arena, &params);
    json_destroy(&doc);
    arena_finish(&arena);
    return st;
}

vkfi_status vkfi_session_records(vkfi_session *session, const char *faults, const char **out)
{
    struct question q = {.session = session, .faults = faults};
    const vkfi_status entered = vkfi_session_enter(session);
    if (entered)
        return entered;
    enum status st = STATUS_OK;
    if (!faults || !out) {
        log_error("vkfi_session_records: found null, expected faults and `out`");
        st = STATUS_USAGE;
    } else if (!session->device->records) {
        log_error("found a device opened without 'records', expected one with \"records\": true");
        st = STATUS_USAGE;
    }
    if (st)
        return vkfi_session_leave(session, st);
    arena_finish(&session->answers);
    st = vkfi_engine_do(&session->device->engine, make_records, &q);
    *out = st ? "" : q.answer;
    return vkfi_session_leave(session, st);
}
