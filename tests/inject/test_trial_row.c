/* SPDX-License-Identifier: MIT */
/* Rows compared, packed for a pipe and unpacked, whole, cut short and broken. */
#include "store_testing.h"

#include "base/fpenv.h"
#include "base/log.h"

static void two_fresh_rows_are_equal_and_all_null(void **state)
{
    struct trial_row a, b;
    struct trial_row_difference difference;

    (void)state;
    trial_row_init(&a);
    trial_row_init(&b);
    b.weight = -NAN;
    assert_true(trial_row_compare(&a, &b, &difference));
    assert_null(difference.field);
    assert_int_equal(trial_row_digest(&a), trial_row_digest(&b));
    assert_true(a.trial == TRIAL_ROW_NULL && isnan(a.kl) && !a.faulty_text);
    assert_int_equal(trial_row_check(&a), STATUS_OK);
}

/* Another value, in place of what `field` has. */
static void change(struct trial_row *row, const struct field *field)
{
    struct field_value value = field_get(field, row);

    value.number ^= 1;
    value.real = isnan(value.real) ? 0.5 : NAN;
    value.text = value.text ? NULL : "";
    field_set(field, row, value);
}

static void every_same_field_counts_and_no_free_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < trial_row_table.count; i++) {
        struct trial_row a, b;
        struct trial_row_difference difference;
        store_testing_row(&a, 41);
        b = a;
        change(&b, &trial_row_table.field[i]);
        assert_int_equal(trial_row_compare(&a, &b, &difference),
                         !(trial_row_table.field[i].level < FIELD_RUN));
        assert_int_equal(trial_row_digest(&a) == trial_row_digest(&b),
                         !(trial_row_table.field[i].level < FIELD_RUN));
        if ((trial_row_table.field[i].level < FIELD_RUN)) {
            assert_ptr_equal(difference.field, &trial_row_table.field[i]);
            assert_int_equal(strncmp(difference.text, trial_row_table.field[i].name,
                                     strlen(trial_row_table.field[i].name)),
                             0);
        }
    }
}

static void differences_are_told_in_words(void **state)
{
    struct trial_row a, b;
    struct trial_row_difference difference;
    static const char golden[] = "a long text that is the same for a while \xc3\xa4 and then ends";
    static const char faulty[] = "a long text that is the same for a while \xc3\xb6 and goes on "
                                 "and on for much longer than can be shown";

    (void)state;
    trial_row_init(&a);
    trial_row_init(&b);
    a.hash = "00ff";
    assert_false(trial_row_compare(&a, &b, &difference));
    assert_string_equal(difference.text, "hash: \"00ff\" against null");
    a.first_diff = 3;
    assert_false(trial_row_compare(&a, &b, &difference));
    assert_string_equal(difference.text, "first_diff: 3 against null");
    a.kl = 0.1;
    b.kl = 0.1 + 1e-18;
    a.first_diff = TRIAL_ROW_NULL;
    a.hash = NULL;
    assert_true(trial_row_compare(&a, &b, &difference));
    b.kl = 0.10000000000000002;
    assert_false(trial_row_compare(&a, &b, &difference));
    assert_string_equal(difference.text, "kl: 0.10000000000000001 against 0.10000000000000002");
    a.kl = 0.0;
    b.kl = -0.0;
    assert_false(trial_row_compare(&a, &b, &difference));
    assert_string_equal(difference.text, "kl: 0 against -0");
    b.kl = 5e-324; /* not 0, also while denormals are flushed */
    assert_false(trial_row_compare(&a, &b, &difference));
    b.kl = 0.0;
    a.faulty_text = golden;
    b.faulty_text = faulty;
    assert_false(trial_row_compare(&a, &b, &difference));
    assert_string_equal(
        difference.text,
        "faulty_text: ...\"for a while \xc3\xa4 and then ends\" against ...\"for a while "
        "\xc3\xb6 and goes on and on for mu\"...");
}

static void rows_come_through_a_pipe(void **state)
{
    struct text packed = {0};
    struct arena arena = {0};
    struct field_bytes bytes;
    bool whole;
    struct trial_row row, expected;

    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        store_testing_row(&row, i);
        row.suspect = i % 3 == 0 ? "why" : NULL;
        field_pack(&packed, &trial_row_table, &row);
        assert_int_equal(packed.st, STATUS_OK);
    }
    bytes = (struct field_bytes){packed.data, packed.size};
    for (int64_t i = 0; i < 200; i++) {
        assert_int_equal(field_unpack(&trial_row_table, &row, &arena, &bytes, &whole), STATUS_OK);
        assert_true(whole);
        store_testing_row(&expected, i);
        expected.suspect = i % 3 == 0 ? "why" : NULL;
        assert_true(store_testing_same(&expected, &row));
    }
    assert_int_equal(bytes.left, 0);
    text_finish(&packed);
    arena_finish(&arena);
}

static void a_row_that_is_not_yet_whole_is_waited_for(void **state)
{
    struct text packed = {0};
    struct arena arena = {0};
    struct trial_row row;
    bool whole;

    (void)state;
    store_testing_row(&row, 5);
    field_pack(&packed, &trial_row_table, &row);
    assert_int_equal(packed.st, STATUS_OK);
    for (size_t size = 0; size < packed.size; size++) {
        char *exact = malloc(size ? size : 1); /* what follows is not read */
        assert_non_null(exact);
        memcpy(exact, packed.data, size);
        struct field_bytes bytes = {exact, size};
        assert_int_equal(field_unpack(&trial_row_table, &row, &arena, &bytes, &whole), STATUS_OK);
        assert_true(!whole && bytes.at == exact && bytes.left == size);
        free(exact);
    }
    text_finish(&packed);
    arena_finish(&arena);
}

/* A broken worker may write any bytes. */
static void broken_rows_are_refused(void **state)
{
    struct text packed = {0};
    struct trial_row row;
    struct rng rng;
    bool whole;
    uint32_t refused = 0, waited = 0;

    (void)state;
    rng_init(&rng, 3, 3);
    store_testing_row(&row, 8);
    field_pack(&packed, &trial_row_table, &row);
    assert_int_equal(packed.st, STATUS_OK);
    log_set_level(LOG_ERROR - 1);
    for (int i = 0; i < 20000; i++) {
        struct arena arena = {0};
        char *copy = malloc(packed.size);
        assert_non_null(copy);
        memcpy(copy, packed.data, packed.size);
        for (uint64_t n = 1 + rng_below(&rng, 3); n > 0; n--)
            copy[rng_below(&rng, packed.size)] ^= (char)(1 + rng_below(&rng, 255));
        const bool changed = memcmp(copy, packed.data, packed.size) != 0;
        struct field_bytes bytes = {copy, packed.size};
        const enum status st = field_unpack(&trial_row_table, &row, &arena, &bytes, &whole);
        if (changed && !st) {
            assert_false(whole); /* its length grew */
            waited++;
        } else if (changed) {
            assert_int_equal(st, STATUS_INTERNAL);
            refused++;
        }
        free(copy);
        arena_finish(&arena);
    }
    log_set_level(LOG_WARN);
    assert_true(refused > 19000 && waited < 500);
    text_finish(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_fresh_rows_are_equal_and_all_null),
        cmocka_unit_test(every_same_field_counts_and_no_free_one),
        cmocka_unit_test(differences_are_told_in_words),
        cmocka_unit_test(rows_come_through_a_pipe),
        cmocka_unit_test(a_row_that_is_not_yet_whole_is_waited_for),
        cmocka_unit_test(broken_rows_are_refused),
    };

    fpenv_set(); /* as in the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
