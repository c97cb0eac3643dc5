/* SPDX-License-Identifier: MIT */
/* Stored fields of an embedding row as read: each reaches its block, and plans strike each once. */
#include "base/rng.h"
#include "plan_fixture.h"
#include "space_bench.h"

enum { PAIRS = 4 }; /* positions with two faults each: SPACE_FAULTS in a run */
_Static_assert(2 * PAIRS == SPACE_FAULTS, "faults of a run");

static struct space_bench bench;
static struct space_run seen, stored;

static const char *const MODELS[] = {"tiny-llama-q4_0",  "tiny-llama-q4_1", "tiny-llama-q5_0",
                                     "tiny-llama-q5_1",  "tiny-llama-q8_0", "tiny-llama-q4_k",
                                     "tiny-llama-q5_k",  "tiny-llama-q6_k", "tiny-llama-q2_k",
                                     "tiny-llama-mxfp4", "tiny-llama-f16",  "tiny-gemma3"};

/* Two faults at each of four positions, as the op reads the row, as the token's row is stored while
 * that position runs, and as a matrix reads one of its own. The second is in the first one's unit
 * half of the time, at an element before it: they meet there in the order of the list. */
struct texts {
    char read[4096], stored[4096], matrix[4096];
    size_t n_read, n_stored, n_matrix;
};

struct what {
    const char *kind;
    uint32_t feature, position, bits;
    enum quant_field field;
};

static void add(struct texts *t, const struct what *w)
{
    char bits[64] = "";
    if (strcmp(w->kind, "set") == 0)
        snprintf(bits, sizeof(bits), "\"value\":\"0x%x\",", w->bits);
    if (strcmp(w->kind, "flip") == 0)
        snprintf(bits, sizeof(bits), "\"mask\":\"0x%x\",", w->bits);
    t->n_read += (size_t)snprintf(t->read + t->n_read, sizeof(t->read) - t->n_read,
                                  "%s{\"site\":\"token_embd\",\"point\":\"weight\",\"kind\":\"%s\","
                                  "%s\"field\":\"%s\",\"row\":%u,\"position\":%u}",
                                  t->n_read ? "," : "[", w->kind, bits, quant_field_name(w->field),
                                  w->feature, w->position);
    t->n_stored += (size_t)snprintf(
        t->stored + t->n_stored, sizeof(t->stored) - t->n_stored,
        "%s{\"site\":\"token_embd.weight\",\"kind\":\"%s\",%s\"field\":\"%s\",\"row\":%d,\"k\":%u,"
        "\"position\":%u,\"positions\":1}",
        t->n_stored ? "," : "[", w->kind, bits, quant_field_name(w->field),
        space_prompt[w->position], w->feature, w->position);
    t->n_matrix += (size_t)snprintf(
        t->matrix + t->n_matrix, sizeof(t->matrix) - t->n_matrix,
        "%s{\"site\":\"blk.0.attn_q\",\"point\":\"weight\",\"kind\":\"%s\",%s\"field\":\"%s\","
        "\"row\":9,\"k\":%u,\"position\":%u}",
        t->n_matrix ? "," : "[", w->kind, bits, quant_field_name(w->field), w->feature,
        w->position);
}

static void draw(struct texts *t, struct rng *rng, enum quant type, enum quant_field field)
{
    const uint32_t n = bench.model->hp.n_embd, width = quant_field_width(type, field);
    const uint32_t edges[] = {0, 15, 16, 31, 32, 255, n - 1, n - 32};
    static const char *const kinds[] = {"flip", "flip", "set", "zero", "dry"};
    *t = (struct texts){0};
    for (uint32_t i = 0; i < PAIRS; i++) {
        struct what w = {.field = field, .position = 1 + 2 * i};
        for (int second = 0; second < 2; second++) {
            w.kind = kinds[rng_below(rng, sizeof(kinds) / sizeof(*kinds))];
            w.bits = rng_u32(rng) >> (32 - width) | 1u;
            if (second && rng_below(rng, 2))
                w.feature -= w.feature % 16;
            else
                w.feature =
                    rng_below(rng, 2) ? edges[rng_below(rng, 8)] % n : (uint32_t)rng_below(rng, n);
            add(t, &w);
        }
    }
    strcat(t->read, "]");
    strcat(t->stored, "]");
    strcat(t->matrix, "]");
}

/* The op's output row is the table's row with that field struck. */
static void check(const char *as_read, const char *as_stored)
{
    const struct space_how how = {0, 40, "token_embd"};
    space_everywhere(&bench, as_read, NULL);
    space_run(&bench, as_read, how, &seen);
    space_run(&bench, as_stored, how, &stored);
    for (uint32_t p = 0; p < SPACE_PROMPT; p++) {
        for (uint32_t i = 0; i < seen.count[p]; i++) {
            if (seen.row[p][i] != stored.row[p][i])
                fail_msg("%s: feature %u at %u is %08x, expected %08x", as_read, i, p,
                         seen.row[p][i], stored.row[p][i]);
        }
    }
    for (uint32_t i = 0; i < SPACE_FAULTS; i++) {
        assert_int_equal(seen.proof[i].count, stored.proof[i].count);
        assert_int_equal(seen.proof[i].before, stored.proof[i].before);
        assert_int_equal(seen.proof[i].after, stored.proof[i].after);
    }
}

/* Many elements of a row strike each unit once. */
static void check_ranges(enum quant_field field)
{
    static const char *const ranges[] = {"vector", "lane", "tile"};
    struct texts t = {0};
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t position = 4 + 2 * i;
        t.n_read += (size_t)snprintf(
            t.read + t.n_read, sizeof(t.read) - t.n_read,
            "%s{\"site\":\"token_embd\",\"point\":\"weight\",\"field\":\"%s\",\"bit\":0,\"row\":3,"
            "\"granularity\":\"%s\",\"lanes\":2,\"tile\":2,\"position\":%u}",
            i ? "," : "[", quant_field_name(field), ranges[i], position);
        t.n_stored += (size_t)snprintf(
            t.stored + t.n_stored, sizeof(t.stored) - t.n_stored,
            "%s{\"site\":\"token_embd.weight\",\"field\":\"%s\",\"bit\":0,\"k\":3,\"row\":%d,"
            "\"granularity\":\"%s\",\"lanes\":2,\"tile\":2,\"position\":%u,\"positions\":1}",
            i ? "," : "[", quant_field_name(field), space_prompt[position], ranges[i], position);
    }
    check(strcat(t.read, "]"), strcat(t.stored, "]"));
}

static void test_as_read_is_as_stored(void **state)
{
    struct rng rng;
    uint32_t reached = 0;
    (void)state;
    rng_init(&rng, 31, 0);
    for (size_t m = 0; m < sizeof(MODELS) / sizeof(*MODELS); m++) {
        /* an embedding is no matrix that could stand apart: those beside it, of each form, do once
         */
        const bool apart = m == 1 || m == 5;
        space_open_some(&bench, &(struct space_setup){MODELS[m], (enum storage)(m % 3), STORAGE_F32,
                                                      apart ? SPACE_DEVICES : SPACE_DEVICES - 1});
        const struct node *node = graph_find(&bench.model->graph, "token_embd");
        for (int f = 0; f < QUANT_FIELD_COUNT; f++) {
            const enum quant_field field = (enum quant_field)f;
            if (quant_field_width(node->weight->type, field) == 0)
                continue;
            struct texts t;
            draw(&t, &rng, node->weight->type, field);
            check(t.read, t.stored);
            if (quant_field_width(graph_find(&bench.model->graph, "blk.0.attn_q")->weight->type,
                                  field) != 0)
                space_everywhere(&bench, t.matrix, NULL);
            check_ranges(field);
            reached += field != QUANT_FIELD_CODE;
        }
        space_close(&bench);
    }
    assert_in_range(reached, 14, 60); /* fields that elements share */
}

/* A unit's scale is one fault, whichever of its elements names it: a range has each once. */
static void test_units_are_not_struck_twice(void **state)
{
    static const char text[] = "{\"site\":\"token_embd\",\"point\":\"weight\",\"field\":\"scale\","
                               "\"bit\":3,\"row\":0,\"rows\":2,\"row_step\":16,\"position\":2}";
    struct json_doc *doc = NULL;
    struct arena arena = {0};
    struct fault *faults;
    uint32_t n = 0;
    (void)state;
    space_open(&bench, "tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    assert_int_equal(json_parse(&doc, text, strlen(text), text), STATUS_OK);
    assert_int_equal(fault_parse(&faults, &n, &arena, doc, &bench.bounds), STATUS_INPUT);
    assert_non_null(
        strstr(log_last_error(), "row in steps of 16, but 32 elements share one 'scale'"));
    arena_finish(&arena);
    json_destroy(&doc);
    space_close(&bench);
}

/* A census of the scales strikes each block at each position once, whatever a fault ranges over. */
static void test_plans_strike_each_block(void **state)
{
    enum { POSITIONS = 11 + 12 }; /* of the two items */
    static const struct {
        const char *granularity;
        uint32_t faults; /* a position */
    } cases[] = {{"element", 8}, {"lane", 3}, {"tile", 2}, {"vector", 1}};
    struct model *model = fixture_model("tiny-llama-q4_1.gguf");
    (void)state;
    assert_non_null(model);
    assert_int_equal(model->hp.n_embd, 256);
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        struct plan_fixture f;
        char rest[512];
        uint32_t struck[8] = {0};
        snprintf(rest, sizeof(rest),
                 ",\"population\":\"census\",\"where\":{\"sites\":\"token_embd\",\"point\":"
                 "\"weight\",\"field\":\"scale\",\"granularity\":\"%s\"},\"lanes\":3,\"tiles\":5,"
                 "\"what\":{\"bits\":[3]}" NO_CONTROLS,
                 cases[c].granularity);
        assert_int_equal(fixture_sample(&f, model, 2, rest), STATUS_OK);
        assert_int_equal(sample_trials(f.sample), cases[c].faults * POSITIONS);
        for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
            const struct sample_draw d = fixture_draw(&f, id);
            const struct fault_bounds bounds = fixture_bounds(&f, model, d.item);
            assert_int_equal(fault_check(d.fault, &bounds, "drawn"), STATUS_OK);
            for (uint32_t i = 0; i < d.fault->row_count; i++)
                struck[(d.fault->row + i * d.fault->row_step) / 32]++;
        }
        for (uint32_t block = 0; block < 8; block++)
            assert_int_equal(struck[block], POSITIONS);
        fixture_finish(&f);
    }
    model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_read_is_as_stored),
        cmocka_unit_test(test_units_are_not_struck_twice),
        cmocka_unit_test(test_plans_strike_each_block),
    };
    return space_main(tests, sizeof(tests) / sizeof(*tests));
}
