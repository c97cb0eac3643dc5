/* SPDX-License-Identifier: MIT */
/* Rows in doubt after a failed control, over random histories of batches, devices and controls,
 * against a plain model of the rule. */
#include "campaign_bench.h"

#include "base/rng.h"
#include "inject/campaign/campaign_doubt.h"

#define DEVICES 3
#define HISTORIES 60
#define FAILURES 4

/* A row as the model knows it; batch 0: it was not written. */
struct model_row {
    enum trial_role role;
    uint64_t original;
    uint32_t device;
    int64_t batch;
    bool suspect;
};

struct history {
    struct bench *bench;
    struct sample *sample;
    struct store *store;
    struct model_row *row; /* (trials) */
    uint64_t trials;
    int64_t batch;
    uint64_t drawn;
    uint32_t key[2];
};

static uint32_t pick(struct history *h, uint32_t below)
{
    uint32_t out[4];
    const uint32_t counter[4] = {(uint32_t)h->drawn++, 0, 0, 0};
    rng_philox(out, counter, h->key);
    return out[0] % below;
}

/* --- the model --- */

static bool is_rerun(enum trial_role role)
{
    return role == ROLE_NAIVE || role == ROLE_CPU;
}

/* The device of all rows but CPU reruns; DEVICES if there are several. */
static uint32_t only_device(const struct history *h)
{
    uint32_t device = UINT32_MAX;
    for (uint64_t i = 0; i < h->trials; i++) {
        const struct model_row *row = &h->row[i];
        if (row->batch == 0 || row->role == ROLE_CPU)
            continue;
        if (device != UINT32_MAX && device != row->device)
            return DEVICES;
        device = row->device;
    }
    return device;
}

/* Marks what `device` wrote since a good control of the role showed it right before `moment`. */
static void model_doubt(const struct history *h, bool *mark, enum trial_role role, uint32_t device,
                        int64_t moment)
{
    int64_t from = 0;
    uint64_t but = UINT64_MAX;
    for (uint64_t i = 0; i < h->trials; i++) {
        const struct model_row *row = &h->row[i], *at = row;
        uint64_t id = i;
        uint32_t where = row->device;
        if (row->batch == 0 || row->role != role || row->suspect)
            continue;
        if (is_rerun(role) && h->row[row->original].batch > 0) {
            id = row->original;
            at = &h->row[id];
            where = at->device;
        } else if (is_rerun(role)) {
            where = only_device(h);
        }
        if (where == device && !at->suspect && at->batch < moment && at->batch > from) {
            from = at->batch;
            but = id;
        }
    }
    for (uint64_t i = 0; i < h->trials; i++)
        mark[i] |= h->row[i].batch > 0 && h->row[i].device == device && h->row[i].batch >= from &&
                   i != but;
}

/* --- a history --- */

static void begin(struct history *h, uint32_t seed)
{
    struct sample_item items[3] = {{.n_prompt = 8, .n_tokens = 8},
                                   {.n_prompt = 6, .n_tokens = 8},
                                   {.n_prompt = 3, .n_tokens = 8}};
    const char *plan =
        ",\"sampling\":{\"trials\":60},\"seed\":5,\"controls\":{\"dry\":0.1,\"sentinel\":0.1,"
        "\"naive\":0.15,\"cpu\":0.15}";
    *h = (struct history){.bench = bench_begin(plan), .key = {seed, 1}};
    assert_int_equal(sample_create(&h->sample, &h->bench->plan, h->bench->model, items), STATUS_OK);
    h->trials = sample_trials(h->sample);
    h->row = calloc(h->trials, sizeof(*h->row));
    assert_non_null(h->row);
    for (uint64_t id = 0; id < h->trials; id++) {
        struct arena arena = {0};
        struct sample_draw draw;
        assert_int_equal(sample_draw(h->sample, id, &arena, &draw), STATUS_OK);
        h->row[id] = (struct model_row){.role = draw.role, .original = draw.original};
        assert_int_equal(sample_original(h->sample, id, &draw.trial), STATUS_OK);
        assert_int_equal(draw.trial, draw.original);
        arena_finish(&arena);
    }
    struct store_identity identity = h->bench->params.identity;
    identity.trials = h->trials;
    identity.shards = 1;
    assert_int_equal(store_create(&h->store, h->bench->path, &identity), STATUS_OK);
    for (uint32_t i = 0; i < DEVICES; i++) {
        const char *const name[DEVICES] = {"reference", "one", "two"};
        uint32_t at;
        assert_int_equal(store_device(h->store, &(struct store_device){.name = name[i]}, &at),
                         STATUS_OK);
        assert_int_equal(at, i);
    }
    const struct store_stratum stratum = {.label = "all", .weight = 1, .planned = h->trials};
    assert_int_equal(store_put_strata(h->store, &stratum, 1), STATUS_OK);
    const struct store_item item = {.prompt = "p", .text = "t", .tokens = "[]", .hash = "0"};
    assert_int_equal(store_put_item(h->store, &item), STATUS_OK);
}

static void end(struct history *h)
{
    store_destroy(&h->store);
    sample_destroy(&h->sample);
    free(h->row);
    bench_end(h->bench);
}

/* Whether a trial may come now: controls after their originals, except those of other shards. */
static bool may_come(struct history *h, uint64_t id)
{
    const struct model_row *row = &h->row[id];
    return row->batch == 0 &&
           (!is_rerun(row->role) || h->row[row->original].batch > 0 || pick(h, 10) == 0);
}

static void put_batch(struct history *h, uint32_t devices)
{
    struct trial_row rows[6];
    uint32_t n = 0;
    const uint32_t device = devices == 1 ? 1 : pick(h, devices), size = 1 + pick(h, 6);
    for (uint32_t tries = 0; tries < 40 && n < size; tries++) {
        const uint64_t id = pick(h, (uint32_t)h->trials);
        struct model_row *at = &h->row[id];
        if (!may_come(h, id))
            continue;
        at->device = at->role == ROLE_CPU ? 0 : device;
        at->batch = h->batch + 1;
        trial_row_init(&rows[n]);
        rows[n].trial = (int64_t)id;
        rows[n].arm = "none";
        rows[n].control = at->role == ROLE_TRIAL ? NULL : kinds_text(KINDS_ROLE, at->role);
        rows[n].item = rows[n].stratum = 0;
        rows[n].n_faults = 1;
        rows[n].place = "op";
        rows[n].site = "blk.0.attn_q";
        rows[n].kind = "flip";
        rows[n].outcome = "masked_bitexact";
        rows[n].device_id = at->device;
        n++;
    }
    if (n == 0)
        return;
    assert_int_equal(store_put(h->store, &(struct store_batch){.rows = rows, .n_rows = n}),
                     STATUS_OK);
    h->batch++;
}

static enum status compare_mark(void *user, const struct trial_row *row)
{
    const struct history *h = user;
    if ((row->suspect != NULL) != h->row[row->trial].suspect)
        fail_msg("trial %lld of device %lld: found it %s", (long long)row->trial,
                 (long long)row->device_id, row->suspect ? "suspect" : "trusted");
    return STATUS_OK;
}

/* A control that is still to come fails; or a device breaks a promise. */
static uint64_t fail_one(struct history *h, uint32_t devices)
{
    const uint64_t id = pick(h, (uint32_t)h->trials);
    const struct model_row *at = &h->row[id], *original = &h->row[at->original];
    const bool promise = at->role == ROLE_TRIAL;
    const uint32_t device = devices == 1 ? 1 : pick(h, devices);
    bool *mark = calloc(h->trials, sizeof(*mark));
    uint64_t rows = 0, expected = 0;
    assert_non_null(mark);
    struct campaign_doubt doubt = {.store = h->store,
                                   .sample = h->sample,
                                   .role = at->role,
                                   .device = at->role == ROLE_CPU ? 0 : device,
                                   .original = at->original,
                                   .original_device = original->batch ? original->device : device,
                                   .why = "the test says so"};
    if (promise) {
        doubt.device = device;
        model_doubt(h, mark, ROLE_CPU, device, INT64_MAX);
    } else {
        const bool there = is_rerun(at->role) && original->batch > 0;
        model_doubt(h, mark, at->role, is_rerun(at->role) ? doubt.original_device : device,
                    there ? original->batch : INT64_MAX);
        if (at->role == ROLE_NAIVE && doubt.original_device != device)
            model_doubt(h, mark, at->role, device, INT64_MAX);
        /* the original itself, whatever came after it */
        assert_true(!there || mark[at->original]);
    }
    assert_int_equal(promise ? campaign_doubt_mark_device(&doubt, &rows)
                             : campaign_doubt_mark(&doubt, &rows),
                     STATUS_OK);
    for (uint64_t i = 0; i < h->trials; i++) {
        expected += mark[i] && !h->row[i].suspect;
        h->row[i].suspect |= mark[i];
    }
    free(mark);
    assert_int_equal(rows, expected);
    assert_int_equal(store_each_row(h->store, compare_mark, h), STATUS_OK);
    return rows;
}

static void test_histories(void **state)
{
    uint64_t marked = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= HISTORIES; seed++) {
        struct history h;
        begin(&h, seed);
        const uint32_t devices = 1 + pick(&h, DEVICES);
        for (uint32_t k = 0; k < FAILURES; k++) {
            for (uint32_t i = pick(&h, 12); i > 0; i--)
                put_batch(&h, devices);
            marked += fail_one(&h, devices);
        }
        end(&h);
    }
    print_message("%llu rows marked\n", (unsigned long long)marked);
    assert_true(marked > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_histories)};
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
