/* SPDX-License-Identifier: MIT */
/* Campaigns with arms: which trials run again, their weights and words, and the same rows however
 * the work is spread, split, interrupted or replayed. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "campaign_same.h"

#include <math.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "inject/campaign/campaign_arm.h"
#include "inject/campaign/campaign_channel.h"
#include "inject/campaign/campaign_replay.h"
#include "inject/campaign/campaign_worker.h"
#include "inject/store/store_merge.h"
#include "mitigations/recovery.h"

#define ARMS                                                                                       \
    ",\"arms\":[{\"name\":\"trap\",\"policy\":\"nan_trap\"},{\"name\":\"once\",\"policy\":"        \
    "{\"protect\":[{\"kind\":\"nan_trap\"}],\"most_redone\":1}}]"
#define EXPONENTS ",\"what\":{\"kind\":\"flip\",\"bits\":[30]}"
#define SHARES ",\"controls\":{\"dry\":0.05,\"sentinel\":0,\"naive\":0.05,\"cpu\":0.05}"
#define PLAN ",\"sampling\":{\"trials\":90},\"seed\":5" EXPONENTS SHARES ARMS

/* --- what runs --- */

/* The rows of a database: arm none by id, and the two arms. */
struct rows {
    struct arena arena;
    const struct plan *plan;
    struct trial_row none[256], armed[2][256];
    uint32_t n_none, n_armed[2], clean[2];
};

static enum status keep_none(void *user, const struct trial_row *row)
{
    struct rows *r = user;
    assert_int_equal(row->trial, r->n_none);
    assert_true(isnan(row->arm_weight) && !row->protection && row->alarms == TRIAL_ROW_NULL);
    r->none[r->n_none] = *row;
    return field_copy_texts(&trial_row_table, &r->none[r->n_none++], &r->arena);
}

static enum status keep_armed(void *user, const struct trial_row *row)
{
    struct rows *r = user;
    const int arm = strcmp(row->arm, r->plan->arm[1].name) == 0;
    assert_string_equal(row->arm, r->plan->arm[arm].name);
    if (row->trial < 0) {
        assert_string_equal(row->control, "clean");
        assert_int_equal(row->item, -1 - row->trial);
        assert_string_equal(row->outcome, "masked_bitexact");
        assert_string_equal(row->protection, "none");
        assert_true(row->arm_weight == 1 && row->alarms == 0 && row->redone == 0);
        r->clean[arm]++;
        return STATUS_OK;
    }
    r->armed[arm][r->n_armed[arm]] = *row;
    return field_copy_texts(&trial_row_table, &r->armed[arm][r->n_armed[arm]++], &r->arena);
}

static struct rows *read_rows(const struct bench *b)
{
    struct rows *r = calloc(1, sizeof(*r));
    struct store *store = NULL;
    assert_non_null(r);
    r->plan = &b->plan;
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_each_row(store, keep_none, r), STATUS_OK);
    assert_int_equal(store_each_armed(store, keep_armed, r), STATUS_OK);
    store_destroy(&store);
    return r;
}

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

/* The same fault as in arm none; what the protections say and what it was worth. */
static void check_pair(const struct trial_row *none, const struct trial_row *armed)
{
    const bool masked = strncmp(armed->outcome, "masked", 6) == 0;
    assert_string_equal(none->fault, armed->fault);
    assert_int_equal(none->item, armed->item);
    assert_true(none->weight == armed->weight && none->draw_prob == armed->draw_prob);
    if (armed->alarms == 0) {
        assert_string_equal(armed->verdict, "clean");
        assert_string_equal(armed->protection, "none");
        assert_string_equal(none->outcome, armed->outcome); /* nobody interfered */
        assert_true(armed->alarm_at == TRIAL_ROW_NULL && armed->alarm_delay == TRIAL_ROW_NULL);
        assert_int_equal(armed->redone, 0);
    } else {
        assert_true(armed->alarm_at >= armed->position && armed->alarm_delay >= 0);
        assert_true(armed->redone > 0);
        assert_string_equal(armed->protection, masked                              ? "corrected"
                                               : is(armed->verdict, "uncorrected") ? "uncorrected"
                                                                                   : "detected");
    }
}

/* Every trial that is not masked runs, about one in twenty of the others, no control, and every
 * item once without a fault. */
static void test_who_runs(void **state)
{
    struct bench *b = bench_begin(PLAN);
    uint32_t corrected = 0, sampled = 0, masked = 0;
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    struct rows *r = read_rows(b);
    for (int arm = 0; arm < 2; arm++) {
        uint32_t at = 0;
        assert_int_equal(r->clean[arm], b->plan.n_items);
        for (uint32_t id = 0; id < r->n_none; id++) {
            const struct trial_row *none = &r->none[id];
            const uint32_t weight = campaign_arm_weight(&b->plan, none);
            const bool harmless = strncmp(none->outcome, "masked", 6) == 0 ||
                                  is(none->outcome, "inert") || is(none->outcome, "not_reached");
            assert_true(none->control ? weight == 0
                        : harmless    ? weight == 0 || weight == CAMPAIGN_ARM_SHARE
                                      : weight == 1);
            masked += !none->control && harmless;
            sampled += weight == CAMPAIGN_ARM_SHARE;
            if (weight == 0)
                continue;
            assert_true(at < r->n_armed[arm] && r->armed[arm][at].trial == (int64_t)id);
            assert_true(r->armed[arm][at].arm_weight == weight);
            check_pair(none, &r->armed[arm][at]);
            corrected += is(r->armed[arm][at].protection, "corrected");
            at++;
        }
        assert_int_equal(at, r->n_armed[arm]);
    }
    print_message("%u masked, %u of them in the arms, %u corrected\n", masked, sampled, corrected);
    assert_true(corrected > 4);
    arena_finish(&r->arena);
    free(r);
    bench_end(b);
}

/* The draw of masked trials: its share, and that it depends on id and seed alone. */
static void test_share(void **state)
{
    struct plan plan = {.seed = 1};
    struct trial_row row;
    uint32_t drawn = 0, both = 0;
    (void)state;
    trial_row_init(&row);
    for (int64_t id = 0; id < 200000; id++) {
        row.trial = id;
        row.outcome = id % 2 ? "masked_tokens" : "inert";
        plan.seed = 1;
        const uint32_t first = campaign_arm_weight(&plan, &row);
        plan.seed = 2;
        both += first > 0 && campaign_arm_weight(&plan, &row) > 0;
        drawn += first > 0;
    }
    assert_in_range(drawn, 10000 - 400, 10000 + 400); /* four standard errors */
    assert_in_range(both, 500 - 90, 500 + 90);
}

/* --- the same rows --- */

static void test_once_more(void **state)
{
    struct bench *b = bench_begin(PLAN);
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    const uint32_t opened = b->scene->opened;
    assert_int_equal(campaign_run(&b->params), STATUS_OK); /* nothing is left */
    assert_int_equal(b->scene->opened, opened);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

/* Three shards merged, one of them twice, have the rows of the whole. */
static void test_shards(void **state)
{
    struct bench *shard[3], *whole = bench_begin(PLAN);
    struct store_merge_result result;
    const char *path[4];
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        shard[i] = bench_begin(PLAN);
        shard[i]->params.shard = (struct campaign_shard){i, 3, "--shard"};
        assert_int_equal(campaign_run(&shard[i]->params), STATUS_OK);
        path[i] = shard[i]->path;
    }
    const struct store_merge_params params = {.paths = path, .n_paths = 3, .out = whole->path};
    for (int again = 0; again < 2; again++) {
        assert_int_equal(store_merge(&params, &result), STATUS_OK);
        bench_expect_rows(whole, &reference);
    }
    assert_int_equal(result.added, 0);
    for (uint32_t i = 0; i < 3; i++)
        bench_end(shard[i]);
    bench_end(whole);
}

/* A trial, a clean run and a trial in its arm, each alone. */
static void test_replay(void **state)
{
    struct bench *b = bench_begin(PLAN);
    struct store *store = NULL;
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    struct rows *r = read_rows(b);
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    for (uint32_t i = 0; i < 8 && i < r->n_armed[0]; i++) {
        const struct store_key keys[] = {{r->armed[0][i].trial, "trap"},
                                         {r->armed[0][i].trial, "once"},
                                         {r->armed[0][i].trial, STORE_ARM_NONE},
                                         {-1 - (int64_t)(i % b->plan.n_items), "trap"}};
        for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
            struct arena arena = {0};
            struct campaign_replay_result result;
            b->params.setup.naive = i % 2;
            assert_int_equal(
                campaign_replay(&result, &arena,
                                &(struct campaign_replay_params){b->params.setup, store, keys[k]}),
                STATUS_OK);
            if (!result.identical)
                fail_msg("trial %lld, arm %s: %s", (long long)keys[k].trial, keys[k].arm,
                         result.difference.text);
            arena_finish(&arena);
        }
    }
    struct arena arena = {0};
    struct campaign_replay_result result;
    const struct campaign_replay_params absent = {b->params.setup, store, {0, "absent"}};
    assert_int_equal(campaign_replay(&result, &arena, &absent), STATUS_INPUT);
    arena_finish(&arena);
    store_destroy(&store);
    arena_finish(&r->arena);
    free(r);
    bench_end(b);
}

/* Stored weights and KV entries at level full: fast and naive runs give the same rows. */
static void test_stored_weights(void **state)
{
    static const char plan[] =
        "{\"model\":\"tiny\",\"decoding\":{\"n\":6,\"stop\":\"none\"},\"prompts\":{\"ids\":[[5,9,2]"
        ","
        "[7,7,1,30]]},\"population\":\"bits\",\"what\":{\"bits\":\"exponent\"},\"sampling\":{"
        "\"trials\":40},\"where\":{\"place\":[\"weight\",\"kv\"]},\"record\":\"full\",\"arms\":["
        "{\"name\":\"trap\",\"policy\":\"nan_trap\"},{\"name\":\"audit\",\"policy\":{\"protect\":[{"
        "\"kind\":\"weight_audit\"}]}}]}";
    struct text rows = {0};
    struct bench *b = bench_begin_plan(plan);
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_rows(&rows, b->path);
    bench_end(b);
    b = bench_begin_plan(plan);
    b->params.setup.naive = true;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &rows);
    bench_end(b);
    text_finish(&rows);
}

/* --- the watchdog --- */

/* The seconds that a worker asks for before it starts on a clean run of item 0. */
static double ask_seconds(struct campaign_channel *channel, uint32_t way)
{
    const struct campaign_batch batch = {
        .work = way, .count = 1, .id = {(uint64_t)campaign_arm_clean(0)}};
    struct campaign_armed armed = {0};
    struct campaign_message message = {0};
    struct text body = {0};
    campaign_channel_put_batch(&body, &batch);
    assert_int_equal(campaign_channel_send(channel, CAMPAIGN_WORK, &body), STATUS_OK);
    while (message.kind != CAMPAIGN_DONE) {
        assert_true(campaign_channel_wait(channel, &message));
        if (message.kind == CAMPAIGN_ARMED)
            assert_int_equal(
                campaign_channel_take_last(&message.body, &campaign_armed_table, &armed, NULL),
                STATUS_OK);
    }
    return armed.golden_seconds;
}

/* A run under an arm may take each column as often as recovery tries, each op as often as it has
 * evaluations: the watchdog gives it that many whole inferences, measured once for both. */
static void test_watchdog(void **state)
{
    struct bench *b = bench_begin(PLAN);
    struct arena arena = {0};
    struct campaign_world world = {.setup = &b->params.setup};
    struct campaign_message message;
    int ends[2];
    (void)state;
    assert_int_equal(campaign_items_make(&world.item, &arena, &b->plan, b->model), STATUS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    struct campaign_channel channel = {.fd = ends[pid == 0]};
    close(ends[pid != 0]);
    if (pid == 0)
        _exit(campaign_worker_serve(&world, 0, &channel) == STATUS_OK ? 0 : 1);
    assert_true(campaign_channel_wait(&channel, &message) && message.kind == CAMPAIGN_READY);
    const double plain = ask_seconds(&channel, CAMPAIGN_WAY_FAST);
    assert_true(plain > 0);
    for (uint32_t arm = 0; arm < b->plan.n_arms; arm++)
        assert_true(ask_seconds(&channel, CAMPAIGN_WAY_ARM + arm) >=
                    (1 + RECOVERY_TRIES) * GUARD_EVALUATIONS * plain);
    assert_true(ask_seconds(&channel, CAMPAIGN_WAY_FAST) == plain);
    campaign_channel_finish(&channel);
    int how = 1;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_int_equal(how, 0);
    arena_finish(&arena);
    bench_end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_runs),        cmocka_unit_test(test_share),
        cmocka_unit_test(test_once_more),       cmocka_unit_test(same_on_several_devices),
        cmocka_unit_test(same_without_forking), cmocka_unit_test(same_in_calls),
        cmocka_unit_test(same_when_killed),     cmocka_unit_test(test_shards),
        cmocka_unit_test(test_replay),          cmocka_unit_test(test_stored_weights),
        cmocka_unit_test(test_watchdog),
    };
    return bench_run_tests(tests, sizeof(tests) / sizeof(*tests), PLAN);
}
