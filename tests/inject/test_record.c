/* SPDX-License-Identifier: MIT */
/* One record is the same row everywhere: as made, through a pipe, in a database, as JSON and CSV.
 * Broken messages of every described struct are refused; all that a record says is compared. */
#include "store_testing.h"

#include <sys/socket.h>

#include "base/hash.h"
#include "base/log.h"
#include "fault_text.h"
#include "inject/campaign/campaign_channel.h"
#include "inject/campaign/campaign_row.h"
#include "inject/store/store_tables.h"
#include "inject/store/trial_row_view.h"
#include "tiny_model.h"

static struct model *model;

/* A fault of each kind of place, with masks, fields and integers. */
static const char *const FAULTS[] = {
    "{\"site\":\"blk.0.attn_q\",\"point\":\"out\",\"kind\":\"random\",\"mask\":\"0x7f800000\","
    "\"row\":5,\"step\":3}",
    "{\"site\":\"blk.0.ffn_up\",\"point\":\"weight\",\"kind\":\"set\",\"value\":\"0x3\",\"row\":1,"
    "\"k\":3,\"readers\":\"stage\",\"position\":2}",
    "{\"site\":\"blk.0.attn_q.weight\",\"bit\":9,\"row\":7,\"k\":40,\"field\":\"scale\","
    "\"position\":0}",
    "{\"site\":\"blk.0.kv_k\",\"kind\":\"stuck_at_1\",\"bit\":14,\"k\":3,\"key\":1,\"step\":1}",
    "{\"site\":\"rope\",\"bit\":31,\"k\":1,\"position\":4}",
    "{\"site\":\"control.slot\",\"kind\":\"flip\",\"bit\":20,\"position\":4}",
};
enum { N_FAULTS = sizeof(FAULTS) / sizeof(*FAULTS) };

/* Bits that the forms of a value may get wrong: 0.1, -0, an Inf, a NaN, a denormal. */
static const uint32_t BITS[] = {0x3dcccccd, 0x80000000, 0x7f800000, 0x7fc00000, 1};

/* A record of the outcome; its fields of each level depend on `at`. */
static struct record record_of(struct arena *arena, enum outcome outcome, uint32_t at)
{
    static int32_t tokens[] = {11, 48, 85};
    struct record out = {.outcome = outcome,
                         .due_reason = outcome == OUTCOME_DUE ? DUE_NONE + 1 : DUE_NONE,
                         .first_diff = at % 2 ? 1 : EXECUTOR_NONE,
                         .healed_at = at % 3 ? 7 : EXECUTOR_NONE,
                         .flags = at % 4,
                         .tokens = tokens,
                         .faulty_len = 3,
                         .hashed = at % 5 > 0,
                         .hash = 0x0123456789abcdef + at,
                         .margin_at_fault = at % 2 ? 0.1 : NAN,
                         .margin_min_after = at % 2 ? -0.0 : NAN,
                         .logp_sum = 1e-300,
                         .logp_mean = -INFINITY,
                         .logp_worst = NAN,
                         .kl = 1 / 3.0,
                         .nan_site = at % 3 ? NULL : "blk.0.attn_q",
                         .nan_layer = at % 3 ? GRAPH_NO_LAYER : 0,
                         .nan_step = at % 3 || at % 2 == 0 ? EXECUTOR_NONE : 2};
    if (outcome != OUTCOME_NOT_REACHED) {
        out.activations = out.expected_activations = 1 + at;
        out.before = BITS[at % 5];
        out.after = BITS[(at + 1 + at / 5) % 5];
    }
    if (at % 2) {
        out.deviation = arena_array(arena, model->hp.n_layers + 1, sizeof(*out.deviation));
        out.n_deviations = model->hp.n_layers + 1;
        out.deviation[0] = (struct trial_deviation){INFINITY, NAN, at};
    }
    return out;
}

/* JSON lines and CSV of a row, in one text. */
static const char *shown(struct arena *arena, const struct trial_row *row,
                         const struct store_fault *further, uint32_t n_further)
{
    const struct trial_row_view view = {.row = row,
                                        .joined.golden_text = "golden, \"quoted\"",
                                        .further = further,
                                        .n_further = n_further};
    char *text = NULL;
    size_t size = 0;
    struct json_writer w;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    json_begin(&w, file, false);
    json_object_open(&w);
    assert_int_equal(trial_row_view_json(&w, &view, FIELD_DRAW, FIELD_RUN), STATUS_OK);
    json_object_close(&w);
    assert_int_equal(trial_row_view_csv(file, &view), STATUS_OK);
    fclose(file);
    const char *out = arena_text(arena, text, size);
    free(text);
    return out;
}

/* The struct after a pipe. */
static void through_pipe(enum store_table table, void *out, const void *from, struct arena *arena)
{
    const struct field_table *fields = store_tables_fields(table);
    struct text packed = {0};
    bool whole = false;
    field_pack(&packed, fields, from);
    assert_int_equal(packed.st, STATUS_OK);
    struct field_bytes bytes = {packed.data, packed.size};
    assert_int_equal(field_unpack(fields, out, arena, &bytes, &whole), STATUS_OK);
    assert_true(whole && bytes.left == 0);
    text_finish(&packed);
    assert_null(field_difference(fields, from, out));
}

static void same_but_for_the_draw(const struct trial_row *a, const struct trial_row *b)
{
    for (size_t i = 0; i < trial_row_table.count; i++) {
        if (trial_row_table.field[i].level > FIELD_DRAW)
            assert_true(field_same(&trial_row_table.field[i], a, b));
    }
}

static void a_record_is_one_row_in_every_place(void **state)
{
    const struct store_testing *t = *state;
    const struct fault_bounds bounds = {.model = model, .n_prompt = 6, .positions = 14};
    const struct decode decode = {.model = model};
    const struct campaign_row_context context = {
        .bounds = bounds, .golden_len = 3, .decode = &decode};
    struct store *store;
    int64_t trial = 0;
    uint32_t places = 0;
    assert_int_equal(store_create(&store, t->path, &STORE_TESTING_IDENTITY), STATUS_OK);
    store_testing_fill_tables(store);
    for (uint32_t outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        for (uint32_t at = 0; at < N_FAULTS; at++, trial++) {
            struct arena arena = {0};
            struct fault faults[2] = {fault_text_one(&arena, &bounds, FAULTS[at]),
                                      fault_text_one(&arena, &bounds, FAULTS[(at + 1) % N_FAULTS])};
            struct sample_draw draw = {.trial = (uint64_t)trial,
                                       .role = ROLE_TRIAL,
                                       .weight = 0.25,
                                       .draw_prob = 1e-6,
                                       .fault = faults,
                                       .n_faults = 1 + at % 2};
            struct store_fault further = {(uint64_t)trial, 1, "{\"site\":\"output\"}"}, again;
            const uint32_t n_further = draw.n_faults - 1;
            struct record record = record_of(&arena, outcome, at + outcome);
            struct trial_row row, alone, piped, stored;
            bool found = false;
            record.fault = faults[0];
            record.faults = faults;
            record.n_faults = draw.n_faults;
            assert_int_equal(campaign_row_make(&row, &arena, &context, &draw, &record), STATUS_OK);
            assert_string_equal(row.outcome, kinds_text(KINDS_OUTCOME, outcome));
            places |= 1u << faults[0].place;

            assert_int_equal(campaign_row_make(&alone, &arena, &context, NULL, &record), STATUS_OK);
            same_but_for_the_draw(&row, &alone);
            row.path = "fast";
            row.attempts = 1;
            row.device_id = 0;
            const char *json = shown(&arena, &row, &further, n_further);
            through_pipe(STORE_TRIALS, &piped, &row, &arena);
            through_pipe(STORE_FAULTS, &again, &further, &arena);
            assert_string_equal(shown(&arena, &piped, &again, n_further), json);

            const struct store_batch batch = {&piped, 1, &again, n_further};
            assert_int_equal(store_put(store, &batch), STATUS_OK);
            assert_int_equal(store_find_row(store, (uint64_t)trial, &arena, &stored, &found),
                             STATUS_OK);
            assert_true(found && store_testing_same(&row, &stored));
            assert_string_equal(shown(&arena, &stored, &again, n_further), json);
            arena_finish(&arena);
        }
    }
    store_destroy(&store);
    assert_int_equal(places, (1u << kinds_count(KINDS_PLACE)) - 1);
}

static void devices_come_through_a_pipe(void **state)
{
    struct arena arena = {0};
    struct store_device out;
    (void)state;
    for (uint32_t i = 0; i < 2; i++)
        through_pipe(STORE_DEVICES, &out, &STORE_TESTING_DEVICES[i], &arena);
    arena_finish(&arena);
}

/* Whatever a worker sends: refused or waited for, never read as something else. The sum is made
 * right again, so that the fields themselves are looked at. */
static void broken_messages_are_refused(void **state)
{
    static const enum store_table tables[] = {STORE_DEVICES, STORE_FAULTS, STORE_ITEMS};
    const struct store_fault fault = {7, 1, "{}"};
    const struct store_item item = {.prompt = "p", .n_tokens = 3, .underflow = true};
    const void *const from[] = {&STORE_TESTING_DEVICES[0], &fault, &item};
    struct rng rng;
    uint32_t refused = 0;
    (void)state;
    rng_init(&rng, 5, 5);
    log_set_level(LOG_ERROR - 1);
    for (uint32_t i = 0; i < 30000; i++) {
        const struct field_table *fields = store_tables_fields(tables[i % 3]);
        struct arena arena = {0};
        struct text packed = {0};
        char out[sizeof(struct trial_row)];
        bool whole;
        field_pack(&packed, fields, from[i % 3]);
        assert_int_equal(packed.st, STATUS_OK);
        const size_t size = i % 2 ? packed.size : 16 + rng_below(&rng, packed.size - 15);
        char *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, packed.data, size);
        for (uint64_t n = rng_below(&rng, 4); n > 0 && size > 16; n--)
            copy[16 + rng_below(&rng, size - 16)] ^= (char)(1 + rng_below(&rng, 255));
        const uint64_t head[2] = {size, hash_fold_bytes(0, copy + 16, size - 16)};
        memcpy(copy, head, sizeof(head));
        struct field_bytes bytes = {copy, size};
        const enum status st = field_unpack(fields, out, &arena, &bytes, &whole);
        refused += st ? 1 : 0;
        assert_true(st == STATUS_INTERNAL || (!st && whole && bytes.left == 0));
        free(copy);
        text_finish(&packed);
        arena_finish(&arena);
    }
    log_set_level(LOG_WARN);
    assert_true(refused > 15000 && refused < 30000);
}

/* Two records agree as long as no byte of what one of them says has changed: members, and the
 * elements of its lists, are found by their change alone. */
static void every_member_of_a_record_counts(void **state)
{
    struct arena arena = {0};
    const struct record a = record_of(&arena, OUTCOME_INERT, 1);
    static const struct {
        const char *type, *name;
        size_t at;
    } members[] = {
#define MEMBER(type, c_type, name) {#type, #name, offsetof(struct record, name)},
        RECORD_FACTS(MEMBER) RECORD_MEASURES(MEMBER)
#undef MEMBER
    };
    char why[FIELD_DIFFERENCE_TEXT];
    struct record b = a;
    (void)state;
    assert_true(record_equal(&a, &b, why));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const char *text = "another";
        const double real = 0.25;
        char *member = (char *)&b + members[i].at;
        b = a;
        if (strcmp(members[i].type, "TEXT") == 0)
            memcpy(member, &text, sizeof(text));
        else if (strcmp(members[i].type, "REAL") == 0)
            memcpy(member, &real, sizeof(real));
        else
            *member ^= 1;
        assert_false(record_equal(&a, &b, why));
        assert_int_equal(strncmp(why, members[i].name, strlen(members[i].name)), 0);
    }
    int32_t tokens[] = {11, 48, 86};
    struct trial_deviation deviation[64];
    assert_true(a.n_deviations > 0 && a.n_deviations <= 64);
    for (uint32_t list = 0; list < 4; list++) {
        b = a;
        memcpy(deviation, a.deviation, a.n_deviations * sizeof(*deviation));
        deviation[a.n_deviations - 1].bits ^= 1;
        if (list == 0)
            b.tokens = tokens;
        else if (list == 1)
            b.deviation = deviation;
        else if (list == 2)
            b.n_deviations--;
        else
            b.deviation = NULL;
        assert_false(record_equal(&a, &b, why));
        assert_false(record_equal(&b, &a, why));
        assert_non_null(strstr(why, list == 0 ? "tokens 2: token: 86 against 85" : "deviation"));
    }
    double logp[2][2] = {{-1, NAN}, {-1, -2}};
    struct record x = a, y = a;
    x.choice_logp = logp[0];
    y.choice_logp = logp[1];
    x.n_choices = y.n_choices = 2;
    assert_false(record_equal(&x, &y, why));
    assert_string_equal(why, "choice_logp 1: logp: null against -2");
    logp[1][1] = -NAN; /* all NaN are one */
    assert_true(record_equal(&x, &y, why));
    arena_finish(&arena);
}

/* One set of names: what a record shares with a row is named as in the row. */
static void a_record_has_the_names_of_a_row(void **state)
{
    static const char *const names[] = {
#define NAME(type, c_type, name) #name,
        RECORD_FACTS(NAME) RECORD_MEASURES(NAME)
#undef NAME
    };
    static const char *const own[] = {"n_choices", "chosen", "hashed"};
    uint32_t shared = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        uint32_t found = 0;
        for (size_t k = 0; k < trial_row_table.count; k++)
            found += strcmp(trial_row_table.field[k].name, names[i]) == 0;
        for (size_t k = 0; k < sizeof(own) / sizeof(*own); k++)
            found += strcmp(own[k], names[i]) == 0;
        assert_int_equal(found, 1);
        shared += found;
    }
    assert_int_equal(shared, sizeof(names) / sizeof(*names));
}

/* Frames of all kinds arrive as they were sent; a body that is cut short, or goes on, is refused.
 */
static void messages_are_whole(void **state)
{
    struct campaign_batch batch = {.work = 3, .item = 41, .count = CAMPAIGN_BATCH_MAX}, got;
    const struct campaign_failure failure = {STATUS_DEVICE, true, "why"};
    struct campaign_failure said;
    struct campaign_channel end[2] = {{0}};
    struct campaign_message message;
    struct arena arena = {0};
    struct text body = {0};
    uint64_t number = 0;
    int fd[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    end[0].fd = fd[0];
    end[1].fd = fd[1];
    for (uint32_t i = 0; i < batch.count; i++)
        batch.id[i] = UINT64_MAX / (i + 1);
    campaign_channel_put_batch(&body, &batch);
    assert_int_equal(campaign_channel_send(&end[0], CAMPAIGN_WORK, &body), STATUS_OK);
    assert_int_equal(
        campaign_channel_send_one(&end[0], CAMPAIGN_FAILED, &campaign_failure_table, &failure),
        STATUS_OK);
    assert_true(campaign_channel_wait(&end[1], &message));
    assert_int_equal(message.kind, CAMPAIGN_WORK);
    log_set_level(LOG_ERROR - 1);
    for (size_t cut = 0; cut < message.body.left; cut += 7) {
        struct field_bytes part = {message.body.at, cut};
        assert_int_equal(campaign_channel_take_batch(&part, &got), STATUS_INTERNAL);
    }
    struct field_bytes whole = message.body;
    assert_int_equal(campaign_channel_take_batch(&whole, &got), STATUS_OK);
    assert_true(got.work == 3 && got.item == 41 && got.count == batch.count);
    assert_memory_equal(got.id, batch.id, sizeof(got.id));
    assert_true(campaign_channel_wait(&end[1], &message));
    struct field_bytes other = message.body;
    assert_int_equal(campaign_channel_take_last(&other, &campaign_failure_table, &said, &arena),
                     STATUS_OK);
    assert_true(said.status == STATUS_DEVICE && said.final);
    assert_string_equal(said.line, "why");

    campaign_channel_put_number(&body, 1);
    campaign_channel_put_number(&body, 2);
    struct field_bytes two = {body.data, body.size};
    struct campaign_number one;
    assert_int_equal(campaign_channel_take_last(&two, &campaign_number_table, &one, NULL),
                     STATUS_INTERNAL); /* more follows */
    two = (struct field_bytes){body.data, body.size};
    assert_int_equal(campaign_channel_take_number(&two, &number), STATUS_OK);
    assert_int_equal(campaign_channel_take_number(&two, &number), STATUS_OK);
    assert_int_equal(number, 2);
    assert_int_equal(campaign_channel_take_number(&two, &number), STATUS_INTERNAL);
    log_set_level(LOG_WARN);
    text_finish(&body);
    arena_finish(&arena);
    campaign_channel_finish(&end[0]);
    campaign_channel_finish(&end[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_one_row_in_every_place, store_testing_begin,
                                        store_testing_end),
        cmocka_unit_test(devices_come_through_a_pipe),
        cmocka_unit_test(broken_messages_are_refused),
        cmocka_unit_test(every_member_of_a_record_counts),
        cmocka_unit_test(a_record_has_the_names_of_a_row),
        cmocka_unit_test(messages_are_whole),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
