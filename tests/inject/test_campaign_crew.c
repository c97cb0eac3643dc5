/* SPDX-License-Identifier: MIT */
/* Workers that crash, hang, lose their device and are killed: every trial is answered once, the
 * guilty ones are due, the others are not. The workers here compute a number from each id. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "crew_worker.h"

/* --- the owner --- */

static enum status next(void *user, uint32_t device, struct campaign_batch *out)
{
    struct test *t = user;
    *out = (struct campaign_batch){.work = 7, .item = 3};
    if (t->limit_device && device >= t->limit_device)
        return STATUS_OK;
    while (out->count < BATCH && t->n_given > 0)
        out->id[out->count++] = t->given[--t->n_given];
    while (out->count < BATCH && t->next < IDS)
        out->id[out->count++] = t->next++;
    out->any = out->count > 0;
    return STATUS_OK;
}

static enum status give_back(void *user, const struct campaign_batch *batch)
{
    struct test *t = user;
    for (uint32_t i = 0; i < batch->count; i++)
        t->given[t->n_given++] = batch->id[i];
    return STATUS_OK;
}

static enum status ready(void *user, uint32_t device, struct field_bytes *body)
{
    struct test *t = user;
    (void)device;
    uint64_t said = 0;
    assert_int_equal(campaign_channel_take_number(body, &said), STATUS_OK);
    assert_int_equal(said, CREW_OPENED);
    t->ready++;
    return STATUS_OK;
}

static enum status part(void *user, uint32_t device, struct field_bytes *body)
{
    struct test *t = user;
    uint64_t number;
    (void)device;
    assert_int_equal(campaign_channel_take_number(body, &number), STATUS_OK);
    assert_int_equal(number, t->parts);
    t->parts++;
    t->stop = t->stop_after_parts && t->parts >= t->stop_after_parts;
    return STATUS_OK;
}

static enum status done(void *user, const struct campaign_answer *answer, struct field_bytes *body)
{
    struct test *t = user;
    for (uint32_t i = 0; i < answer->batch->count; i++) {
        const uint64_t id = answer->batch->id[i];
        uint64_t said = 0;
        assert_int_equal(campaign_channel_take_number(body, &said), STATUS_OK);
        assert_true(said == hash_mix64(id + 3));
        t->answered[id]++;
        t->attempts[id] = answer->attempts;
    }
    assert_int_equal(body->left, 0);
    t->by_device[answer->device]++;
    t->in_row[answer->device] = 0;
    t->done++;
    if (t->stop_after && t->done >= t->stop_after)
        t->stop = 1;
    return STATUS_OK;
}

static enum status due(void *user, const struct campaign_due *due)
{
    struct test *t = user;
    assert_int_equal(due->batch->count, 1);
    t->due[due->batch->id[0]]++;
    t->attempts[due->batch->id[0]] = due->attempts;
    t->reason = due->reason;
    return STATUS_OK;
}

static enum status incident(void *user, uint32_t device, uint64_t trial, const char *what)
{
    struct test *t = user;
    (void)device;
    print_message("incident of %llu: %s\n", (unsigned long long)trial, what);
    t->incidents++;
    t->incident_trial = trial;
    return STATUS_OK;
}

static void failed(void *user, uint32_t device, const char *how, bool aside)
{
    struct test *t = user;
    assert_true(strlen(how) > 0);
    (void)device;
    t->failed++;
    t->aside += aside;
}

static enum status broken(void *user, uint32_t device, enum status st, const char *how)
{
    struct test *t = user;
    assert_non_null(strstr(how, "what the worker said"));
    (void)device;
    t->broken++;
    return st;
}

/* Kills a worker every 100 to 300 ms, in the middle of its trials, unless it was killed so often in
 * a row that it would be set aside. */
static void tick(void *user)
{
    struct test *t = user;
    const double now = clock_seconds();
    if (t->kill_seed == 0 || now < t->next_kill)
        return;
    t->next_kill = now + 0.1 + 0.001 * (rand_r(&t->kill_seed) % 200);
    const unsigned device = (unsigned)rand_r(&t->kill_seed) % DEVICES;
    const int pid = t->scene->armed_pid[device];
    if (pid > 0 && t->in_row[device] < 3) {
        t->killed++;
        t->in_row[device]++;
        kill(pid, SIGKILL);
    }
}

static struct test *begin(void)
{
    struct test *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->scene =
        mmap(NULL, sizeof(*t->scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(t->scene != MAP_FAILED);
    t->scene->device = DEVICES;
    t->scene->times = -1;
    return t;
}

static enum status run(struct test *t, uint32_t n_devices)
{
    static const char *const names[DEVICES] = {"first", "second", "third"};
    const struct campaign_crew_params params = {
        .name = names,
        .n_devices = n_devices,
        .work = work,
        .world = t->scene,
        .retry = RETRY,
        .watchdog = {.start = 5, .base = 1.5, .factor = 10},
        .stop = &t->stop,
        .leave = _exit,
    };
    const struct campaign_crew_owner owner = {.user = t,
                                              .next = next,
                                              .give_back = give_back,
                                              .ready = ready,
                                              .part = part,
                                              .done = done,
                                              .due = due,
                                              .incident = incident,
                                              .failed = failed,
                                              .broken = broken,
                                              .tick = tick};
    return campaign_crew_run(&params, &owner);
}

static void end(struct test *t)
{
    munmap(t->scene, sizeof(*t->scene));
    free(t);
}

/* Each trial is answered or due once; all are answered but `guilty` (IDS: none is due). */
static void expect_all(const struct test *t, uint64_t guilty)
{
    for (uint64_t id = 0; id < IDS; id++) {
        if (t->due[id] != (id == guilty) || t->answered[id] != (id != guilty))
            fail_msg("trial %llu: %u times answered, %u times due", (unsigned long long)id,
                     t->answered[id], t->due[id]);
    }
}

static void test_nothing_goes_wrong(void **state)
{
    (void)state;
    struct test *t = begin();
    assert_int_equal(run(t, DEVICES), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->ready, DEVICES);
    assert_int_equal(t->failed + t->incidents, 0);
    assert_int_equal(t->attempts[0], 1);
    for (uint32_t i = 0; i < DEVICES; i++)
        assert_true(t->by_device[i] > 0);
    end(t);
}

/* A trial that fails each time is due, with a reason for each way to fail. */
static void test_a_guilty_trial_is_due(void **state)
{
    (void)state;
    const enum harm harms[] = {ABORT, HANG, LOST};
    const enum due_reason reasons[] = {DUE_ABORT, DUE_RUNAWAY, DUE_DEVICE_LOST};
    for (int i = 0; i < 3; i++) {
        struct test *t = begin();
        t->scene->harm = harms[i];
        t->scene->id = 37;
        assert_int_equal(run(t, 1), STATUS_OK);
        expect_all(t, 37);
        assert_int_equal(t->reason, reasons[i]);
        assert_int_equal(t->incidents, 0);
        /* in the batch, in a worker that had run others, and twice in a fresh one */
        assert_int_equal(t->attempts[37], 4);
        assert_int_equal(t->failed, 4);
        assert_int_equal(t->aside, 0);
        end(t);
    }
}

/* A trial that fails in the batch and once alone, then no more, is run again and is an incident. */
static void test_what_does_not_come_back_is_an_incident(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = ABORT;
    t->scene->id = 37;
    t->scene->times = 3;
    assert_int_equal(run(t, 1), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->incidents, 1);
    assert_int_equal(t->incident_trial, 37);
    assert_int_equal(t->attempts[37], 4);
    end(t);
    /* A trial that fails only in its batch is the batch's incident. */
    t = begin();
    t->scene->harm = ABORT;
    t->scene->id = 37;
    t->scene->not_alone = true;
    assert_int_equal(run(t, 1), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->incidents, 1);
    assert_int_equal(t->incident_trial, 32);
    assert_int_equal(t->attempts[37], 2);
    end(t);
}

/* A failure only after other trials in one process does not blame the trial. */
static void test_a_used_worker_is_no_proof(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = ABORT;
    t->scene->id = 37;
    t->scene->stale_only = true;
    assert_int_equal(run(t, 1), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->incidents, 1);
    assert_int_equal(t->incident_trial, 37);
    end(t);
}

/* A device that fails before its hooks have worked is set aside; nothing is due, and the others do
 * its work. */
static void test_a_broken_device_is_set_aside(void **state)
{
    (void)state;
    const enum harm harms[] = {ABORT_UNARMED, ABORT_AT_OPEN};
    for (int i = 0; i < 2; i++) {
        struct test *t = begin();
        t->scene->harm = harms[i];
        t->scene->device = 1;
        assert_int_equal(run(t, DEVICES), STATUS_OK);
        expect_all(t, IDS);
        assert_int_equal(t->aside, 1);
        assert_int_equal(t->failed, 5);
        assert_int_equal(t->by_device[1], 0);
        end(t);
        /* If it is the only device, nothing is lost or invented. */
        t = begin();
        t->scene->harm = harms[i];
        assert_int_equal(run(t, 1), STATUS_OK);
        assert_int_equal(t->aside, 1);
        assert_int_equal(t->done, 0);
        assert_true(t->n_given == BATCH && t->next == BATCH);
        end(t);
    }
}

/* The campaign ends at a device that cannot be opened at all, and at a broken promise. */
static void test_what_ends_the_campaign(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = NOT_OPEN;
    t->scene->device = 1;
    assert_int_equal(run(t, DEVICES), STATUS_DEVICE);
    end(t);
    t = begin();
    t->scene->harm = FATAL;
    t->scene->id = 37;
    assert_int_equal(run(t, DEVICES), STATUS_INTERNAL);
    assert_int_equal(t->answered[37], 0);
    assert_int_equal(t->broken, 1);
    end(t);
}

/* A device that was open before and once fails to open is tried again. */
static void test_opening_is_tried_again(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = ABORT_AT_OPEN;
    t->scene->times = 2;
    assert_int_equal(run(t, 1), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->failed, 2);
    assert_int_equal(t->incidents, 0);
    end(t);
}

static void test_killed_at_random(void **state)
{
    (void)state;
    struct test *t = begin();
    t->kill_seed = 12345;
    t->scene->slow = true;
    assert_int_equal(run(t, DEVICES), STATUS_OK);
    expect_all(t, IDS);
    print_message("%u killed, %u failures, %u incidents\n", t->killed, t->failed, t->incidents);
    assert_true(t->killed > 3);
    assert_int_equal(t->aside, 0);
    end(t);
}

/* SIGKILL comes from outside: a trial that always meets it is never due. */
static void test_killed_at_one_trial(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = KILLED;
    t->scene->id = 37;
    assert_int_equal(run(t, 1), STATUS_OK);
    assert_int_equal(t->due[37] + t->answered[37], 0);
    assert_int_equal(t->aside, 1);
    assert_true(t->n_given > 0);
    end(t);
}

static void test_stop(void **state)
{
    (void)state;
    struct test *t = begin();
    t->stop_after = 5;
    assert_int_equal(run(t, 2), STATUS_OK);
    assert_true(t->done == 5 || t->done == 6); /* the other one's batch was finished */
    uint32_t answered = 0;
    for (uint64_t id = 0; id < IDS; id++)
        answered += t->answered[id];
    assert_int_equal(answered, BATCH * t->done);
    /* if its trials had begun */
    assert_true(t->n_given == 0 || (t->n_given == BATCH && t->done == 5));
    end(t);
    /* A worker that hangs is not waited for. */
    t = begin();
    t->scene->harm = HANG;
    t->scene->id = 37;
    t->stop = 0;
    t->stop_after = 2;
    assert_int_equal(run(t, 1), STATUS_OK);
    assert_int_equal(t->done, 2);
    end(t);
}

/* The watchdog gives trials the inferences that their worker asks for: 1.5 + 10 * 16 * 0.02 s. */
static void test_slow_trials(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = SLOW_ARMED;
    t->scene->times = 1;
    assert_int_equal(run(t, 1), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->failed, 0);
    end(t);
}

/* A worker that advances is not silent, however long its whole answer takes. */
static void test_parts(void **state)
{
    (void)state;
    struct test *t = begin();
    t->scene->harm = SLOW_PARTS; /* 6 s in all, the watchdog waits 5 */
    t->scene->times = 1;
    assert_int_equal(run(t, 1), STATUS_OK);
    expect_all(t, IDS);
    assert_int_equal(t->parts, PARTS);
    assert_int_equal(t->failed, 0);
    end(t);
    /* Its trials have not begun, so a signal ends it at once. */
    t = begin();
    t->scene->harm = SLOW_PARTS;
    t->stop_after_parts = 2;
    assert_int_equal(run(t, 1), STATUS_OK);
    assert_true(t->parts < PARTS);
    assert_int_equal(t->done, 0);
    assert_int_equal(t->failed, 0);
    assert_int_equal(t->n_given, BATCH);
    end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_goes_wrong),
        cmocka_unit_test(test_a_guilty_trial_is_due),
        cmocka_unit_test(test_what_does_not_come_back_is_an_incident),
        cmocka_unit_test(test_a_used_worker_is_no_proof),
        cmocka_unit_test(test_a_broken_device_is_set_aside),
        cmocka_unit_test(test_what_ends_the_campaign),
        cmocka_unit_test(test_opening_is_tried_again),
        cmocka_unit_test(test_killed_at_random),
        cmocka_unit_test(test_killed_at_one_trial),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_slow_trials),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
