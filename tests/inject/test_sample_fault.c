/* SPDX-License-Identifier: MIT */
/* Every drawn fault can be run: all kinds, places and ranges; bursts in file order. */
#include "plan_fixture.h"

#include <glob.h>
#include <stdlib.h>

#include "inject/plan/sample_internal.h"

static struct model *model;

/* Flips the bits of a fault of a stored weight in the tensor's bytes. */
static void flip_fault(uint8_t *bytes, const struct fault *f)
{
    const size_t row_bytes = quant_row_bytes(f->tensor->type, f->tensor->dim[0]);
    for (uint32_t i = 0; i == 0 || i < f->row_count; i++) {
        uint8_t *row = bytes + (f->row + (size_t)i * (f->row_step ? f->row_step : 1)) * row_bytes;
        const uint32_t bits = quant_field_read(f->tensor->type, row, f->k, f->field);
        quant_field_write(f->tensor->type, row, f->k, f->field, bits ^ f->mask);
    }
}

static bool bit_of(const uint8_t *bytes, uint64_t bit)
{
    return bytes[bit / 8] >> bit % 8 & 1;
}

/* Where in the tensor the lowest bit of a fault lies. */
static uint64_t place_of(const struct fault *f)
{
    const struct tensor *t = f->tensor;
    const struct quant_place p =
        quant_field_place(t->type, f->k, f->field, (uint32_t)__builtin_ctz(f->mask));
    return (f->row * quant_row_bytes(t->type, t->dim[0]) + p.byte) * 8 + p.bit;
}

/* One burst for each row that `start` covers: `n` adjacent bits of the file, fewer only at the
 * tensor's end, and no other bit; pieces that may be run. True if some are in another row than the
 * first. */
static bool check_burst(const struct fault *start, const struct fault *piece, uint32_t pieces,
                        uint32_t n)
{
    const struct tensor *t = start->tensor;
    const uint64_t end = t->size * 8, first = place_of(start);
    const uint64_t row_bits = quant_row_bytes(t->type, t->dim[0]) * 8;
    uint8_t *bytes = calloc(1, t->size);
    uint64_t expected = 0, found = 0;
    bool beyond = false;
    assert_non_null(bytes);
    for (uint32_t i = 0; i < pieces; i++) {
        flip_fault(bytes, &piece[i]);
        beyond = beyond || piece[i].row != start->row;
    }
    for (uint32_t r = 0; r == 0 || r < start->row_count; r++) {
        for (uint64_t bit = first + r * row_bits; bit < first + r * row_bits + n; bit++) {
            if (bit < end && !bit_of(bytes, bit))
                fail_msg("%s: bit %llu is not struck by a burst from %llu", t->name,
                         (unsigned long long)bit, (unsigned long long)(first + r * row_bits));
            expected += bit < end;
        }
    }
    for (uint64_t byte = 0; byte < t->size; byte++)
        found += (uint64_t)__builtin_popcount(bytes[byte]);
    assert_int_equal(found, expected);
    free(bytes);
    return beyond;
}

/* A burst in a stored weight changes adjacent bits in the order of the file, across fields. */
static void test_burst_of_stored_bits(void **state)
{
    struct plan_fixture f;
    uint32_t several = 0;
    (void)state;
    assert_int_equal(fixture_sample(&f, model, 1,
                                    ",\"population\":\"bits\",\"what\":{\"pattern\":{\"burst\":9}},"
                                    "\"sampling\":{\"trials\":600}" NO_CONTROLS),
                     STATUS_OK);
    for (uint64_t id = 0; id < 600; id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        for (uint32_t i = 0; i < d.n_faults; i++) {
            const struct fault_bounds bounds = fixture_bounds(&f, model, 0);
            assert_int_equal(fault_check(&d.fault[i], &bounds, "burst"), STATUS_OK);
        }
        check_burst(d.fault, d.fault, d.n_faults, 9);
        several += d.n_faults > 1;
    }
    assert_true(several > 400);
    fixture_finish(&f);
}

/* The fault of one bit at bit `at` of a row, in the first field that has it; false: none has. */
static bool bit_fault(struct fault *out, const struct tensor *t, uint64_t at)
{
    for (uint32_t k = 0; k < t->dim[0]; k++) {
        for (int field = 0; field < QUANT_FIELD_COUNT; field++) {
            *out = (struct fault){.place = PLACE_WEIGHT,
                                  .site = t->name,
                                  .tensor = t,
                                  .field = (enum quant_field)field,
                                  .k = k,
                                  .kind = KIND_FLIP};
            for (uint32_t b = 0; b < quant_field_width(t->type, out->field); b++) {
                const struct quant_place p = quant_field_place(t->type, k, out->field, b);
                out->mask = 1u << b;
                if (p.byte * 8 + p.bit == at)
                    return true;
            }
        }
    }
    return false;
}

/* Bursts that meet the end of a row go on in the next, those that meet the tensor's end stop there;
 * from each bit near both, in one row and in all rows together, in every type. */
static void test_burst_at_row_ends(void **state)
{
    static const char *const types[] = {"q4_0",   "q4_1",   "q5_0",  "q5_1", "q8_0",
                                        "q4_k",   "q5_k",   "q6_k",  "q2_k", "q3_k",
                                        "iq4_nl", "iq4_xs", "mxfp4", "f16",  "bf16"};
    static const uint32_t sizes[] = {2, 9, 32};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        char name[64];
        uint32_t beyond = 0;
        snprintf(name, sizeof(name), "tiny-llama-%s.gguf", types[i]);
        struct model *other = fixture_model(name);
        assert_non_null(other);
        const struct tensor *t = gguf_tensor(other->gguf, "blk.0.attn_k.weight");
        const uint32_t rows = (uint32_t)t->dim[1];
        const uint64_t row_bits = quant_row_bytes(t->type, t->dim[0]) * 8;
        for (uint64_t at = row_bits - 34; at < row_bits; at++) {
            struct fault start, piece[32];
            assert_true(bit_fault(&start, t, at));
            for (uint32_t c = 0; c < 9; c++) {
                const uint32_t n = sizes[c % 3];
                const struct plan plan = {
                    .what = {.pattern = PLAN_PATTERN_BURST, .pattern_bits = n}};
                start.row = c / 3 == 0 ? 0 : c / 3 == 1 ? rows - 1 : 0;
                start.row_count = c / 3 == 2 ? rows : 0;
                assert_true(sample_burst_spreads(&plan, &start));
                beyond += check_burst(&start, piece, sample_burst_spread(&plan, &start, piece), n);
            }
        }
        /* from the first row and from all: 1 + 8 + 31 starts each */
        assert_int_equal(beyond, 2 * (1 + 8 + 31));
        model_close(&other);
    }
}

/* Several elements of a row are one fault, whose burst ends with the field. */
static void test_burst_of_many_elements(void **state)
{
    static const char *const of[] = {"vector", "tensor", "lane", "tile"};
    (void)state;
    for (uint32_t g = 0; g < 4; g++) {
        struct plan_fixture f;
        char text[512];
        snprintf(text, sizeof(text),
                 ",\"population\":\"bits\",\"where\":{\"granularity\":\"%s\",\"sites\":"
                 "\"*.weight\"},\"what\":{\"pattern\":{\"burst\":3}},\"sampling\":{\"trials\":"
                 "200}" NO_CONTROLS,
                 of[g]);
        assert_int_equal(fixture_sample(&f, model, 1, text), STATUS_OK);
        for (uint64_t id = 0; id < 200; id++) {
            const struct fault_bounds bounds = fixture_bounds(&f, model, 0);
            const struct sample_draw d = fixture_draw(&f, id);
            for (uint32_t i = 0; i < d.n_faults; i++)
                assert_int_equal(fault_check(&d.fault[i], &bounds, "burst"), STATUS_OK);
            assert_true(d.n_faults == 1 || d.fault->k_count <= 1);
            const uint32_t run = d.fault->mask / (d.fault->mask & (~d.fault->mask + 1));
            assert_true(run == 1 || run == 3 || run == 7);
        }
        fixture_finish(&f);
    }
}

#define EVERYTHING                                                                                 \
    ",\"population\":\"equal\",\"where\":{\"place\":[\"op\",\"weight\",\"kv\",\"table\","          \
    "\"control\"],\"point\":[\"operand\",\"weight\",\"partial\",\"out\",\"mem\",\"accumulator\"]," \
    "\"granularity\":[\"element\",\"vector\",\"feature\",\"tensor\",\"lane\",\"tile\"],"           \
    "\"readers\":[\"column\",\"chunk\",\"stage\",\"row\",\"tile\",\"all\"]},"                      \
    "\"what\":{\"kind\":[\"flip\",\"stuck_at_0\",\"stuck_at_1\",\"set\",\"zero\",\"random\","      \
    "\"stale\",\"mix\",\"clamp\",\"scale\",\"add\",\"wrong_read\",\"wrong_write\",\"dry\"],"       \
    "\"value\":5,\"factor\":2,\"term\":1,\"low\":-1,\"high\":1},\"when\":{\"duration\":["          \
    "\"transient\",\"intermittent\",\"permanent\",\"persistent\"],\"rate\":0.5},\"chunk\":4"

/* Each fault that any plan draws passes the check of faults, on every model: the whole vocabulary,
 * in strata so that all of it occurs. */
static void test_draws_are_faults(void **state)
{
    static const char *const names[] = {"tiny-llama-q4_1.gguf", "tiny-llama-q6_k.gguf",
                                        "tiny-llama-bf16.gguf", "tiny-gemma3.gguf",
                                        "tiny-qwen2.gguf"};
    static const char *const more[] = {"", ",\"design\":\"crossed\",\"kv\":\"f16\"",
                                       ",\"act\":\"bf16\",\"kv\":\"bf16\""};
    (void)state;
    for (size_t m = 0; m < sizeof(names) / sizeof(*names); m++) {
        struct model *other = fixture_model(names[m]);
        struct plan_fixture f;
        bool seen[PLACE_COUNT][GRANULARITY_COUNT][KIND_COUNT] = {{{false}}};
        char rest[2048];
        assert_non_null(other);
        snprintf(rest, sizeof(rest),
                 EVERYTHING "%s,\"strata\":[\"place\",\"kind\",\"granularity\",\"duration\","
                            "\"readers\",\"point\",\"op\"],\"sampling\":{\"trials\":2}" NO_CONTROLS,
                 more[m % 3]);
        assert_int_equal(fixture_sample(&f, other, 4, rest), STATUS_OK);
        for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
            const struct sample_draw d = fixture_draw(&f, id);
            const struct fault_bounds bounds = fixture_bounds(&f, other, d.item);
            if (fault_check(d.fault, &bounds, "drawn"))
                fail_msg("%s trial %llu: %s: %s", names[m], (unsigned long long)id,
                         sample_stratum(f.sample, d.stratum).label, log_last_error());
            seen[d.fault->place][d.fault->granularity][d.fault->kind] = true;
        }
        for (int g = 0; g < GRANULARITY_COUNT; g++) {
            assert_true(seen[PLACE_OP][g][KIND_STALE] && seen[PLACE_WEIGHT][g][KIND_FLIP]);
            assert_true(seen[PLACE_KV][g][KIND_ZERO] && seen[PLACE_TABLE][g][KIND_SCALE]);
        }
        for (int k = 0; k < KIND_COUNT; k++)
            assert_true(seen[PLACE_OP][GRANULARITY_ELEMENT][k]);
        fixture_finish(&f);
        model_close(&other);
    }
}

/* Strata by head strike that head, of queries, of keys or of the cache. */
static void test_heads(void **state)
{
    struct plan_fixture f;
    uint32_t seen = 0;
    (void)state;
    assert_int_equal(
        fixture_sample(&f, model, 1,
                       ",\"population\":\"equal\",\"where\":{\"place\":[\"op\",\"kv\"],\"sites\":["
                       "\"blk.0.attn_[qk]\",\"blk.0.rope_k\",\"blk.0.attn_scores\","
                       "\"blk.0.attn_probs\",\"blk.0.attn_heads\",\"blk.0.kv_k\"],\"point\":["
                       "\"out\",\"operand\",\"weight\"]},\"strata\":[\"site_kind\",\"head\"],"
                       "\"sampling\":{\"trials\":40}" NO_CONTROLS),
        STATUS_OK);
    for (uint64_t id = 0; id < sample_trials(f.sample); id++) {
        const struct sample_draw d = fixture_draw(&f, id);
        const char *head = sample_stratum(f.sample, d.stratum).value[PLAN_BY_HEAD];
        const struct node *node = &model->graph.node[d.fault->node];
        const bool rows = node->op == OP_SCORES || node->op == OP_SOFTMAX;
        const bool reads = d.fault->point == HOOK_OPERAND && node->op != OP_SCORES &&
                           node->op != OP_SOFTMAX && node->op != OP_HEADS;
        if (strcmp(head, "none") != 0) {
            const bool by_k = d.fault->place == PLACE_KV || reads;
            const uint32_t at = by_k ? d.fault->k : d.fault->row;
            const uint32_t features = rows && d.fault->place == PLACE_OP ? 1 : model->hp.head_dim;
            assert_int_equal(at / features, strtoul(head, NULL, 10));
            seen++;
        } else {
            /* an operand of the query's matrix is no head's own */
            assert_int_equal(d.fault->point, HOOK_OPERAND);
        }
    }
    assert_true(seen > 500);
    fixture_finish(&f);
}

/* The good plans of the corpus, over the tiny model: what they draw passes the check. */
static void test_corpus_draws(void **state)
{
    static struct sample_item items[64];
    uint32_t drawn = 0;
    glob_t found;
    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
        items[i] = fixture_items[i % FIXTURE_ITEMS];
    assert_int_equal(glob(VKFI_SOURCE "/tests/inject/plans/good/*.json", 0, NULL, &found), 0);
    for (size_t p = 0; p < found.gl_pathc; p++) {
        struct plan_fixture f = {0};
        assert_int_equal(plan_load(&f.plan, &f.arena, found.gl_pathv[p], NULL), STATUS_OK);
        assert_true(f.plan.n_items <= sizeof(items) / sizeof(*items));
        f.plan.n_hypotheses = 0; /* of layers that this model does not have */
        const enum status st = sample_create(&f.sample, &f.plan, model, items);
        if (st) /* a model of one layer has not all that some plans name */
            assert_ptr_equal(strstr(log_last_error(), found.gl_pathv[p]), log_last_error());
        for (uint64_t id = 0; !st && id < 200 && id < sample_trials(f.sample); id++) {
            const struct sample_draw d = fixture_draw(&f, id);
            const struct fault_bounds bounds = fixture_bounds(&f, model, d.item % FIXTURE_ITEMS);
            for (uint32_t i = 0; i < d.n_faults; i++)
                assert_int_equal(fault_check(&d.fault[i], &bounds, "drawn"), STATUS_OK);
        }
        drawn += !st;
        fixture_finish(&f);
    }
    globfree(&found);
    assert_true(drawn >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_of_stored_bits),
        cmocka_unit_test(test_burst_at_row_ends),
        cmocka_unit_test(test_burst_of_many_elements),
        cmocka_unit_test(test_draws_are_faults),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_corpus_draws),
    };
    return tiny_model_tests(tests, sizeof(tests) / sizeof(*tests), &model);
}
