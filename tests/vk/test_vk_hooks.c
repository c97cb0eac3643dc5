/* SPDX-License-Identifier: MIT */
/* Faults on the device: the same proof and the same logits as on the CPU, for every op and point.
 */
#include "model/op.h"
#include "vk_testing.h"

#define PROMPT 41u /* two pages, the second in part; beyond the sliding window of tiny-gemma3 */
#define TAIL 6u    /* last columns, with rows of full and of part groups of four */

static bool has_point(enum op op, uint32_t point)
{
    const bool sums = op == OP_NORM || op == OP_LAYER_NORM || op == OP_LINEAR || op == OP_SCORES ||
                      op == OP_HEADS || op == OP_EXPERTS;

    switch (point) {
    case HOOK_OPERAND:
        return op != OP_EMBED && op != OP_STORE;
    case HOOK_WEIGHT:
        return sums || op == OP_EMBED;
    case HOOK_PARTIAL:
        return sums || op == OP_SOFTMAX || op == OP_ROUTE || op == OP_MIX;
    case HOOK_ACCUMULATOR:
        return sums && op != OP_HEADS;
    case HOOK_MEM:
        return op != OP_STORE && op != OP_CHOOSE;
    default:
        return op != OP_STORE;
    }
}

/* A field of the node's weight. */
static uint32_t draw_field(const struct node *node, struct rng *rng)
{
    uint32_t field;

    do {
        field = (uint32_t)rng_below(rng, QUANT_FIELD_COUNT);
    } while (quant_field_width(node->weight->type, (enum quant_field)field) == 0);
    return field;
}

/* Random coordinates that fit the node and point, one bit flipped, set, cleared or left (dry). */
static struct hook draw(const struct vk_testing *t, uint32_t index, uint32_t point,
                        uint32_t position, struct rng *rng)
{
    const struct node *node = &t->model->graph.node[index];
    struct hook hook = {.node = index, .point = point, .data = {.kind = KIND_FLIP}};
    struct hook_data *d = &hook.data;
    const uint32_t first =
        node->window != 0 && position >= node->window ? position - node->window + 1 : 0;
    uint32_t bits = 32;

    d->row = (uint32_t)rng_below(rng, node->rows);
    const bool pair = node->op == OP_GATE || node->op == OP_ADD || node->op == OP_SHARE;
    d->k = (uint32_t)rng_below(rng, pair                                          ? 2
                                    : node->op == OP_ROPE                         ? node->rows
                                    : node->op == OP_MIX && point == HOOK_OPERAND ? 2 * node->width
                                                                                  : node->width);
    d->key = first + (uint32_t)rng_below(rng, position - first + 1);
    if (point == HOOK_PARTIAL && node->op == OP_LAYER_NORM)
        d->k += (uint32_t)rng_below(rng, 2) * node->width;
    if (point == HOOK_ACCUMULATOR)
        d->k = (uint32_t)rng_below(rng,
                                   (node->op == OP_LAYER_NORM ? 2 : 1) * ((node->width + 31) / 32));
    if (point == HOOK_WEIGHT &&
        (node->op == OP_LINEAR || node->op == OP_EXPERTS || node->op == OP_EMBED)) {
        d->field = draw_field(node, rng);
        bits = quant_field_width(node->weight->type, (enum quant_field)d->field);
    } else if (point == HOOK_WEIGHT && !op_has_gain(node->op)) {
        bits = storage_bits(t->vk->kv_storage);
    } else if (point == HOOK_MEM && !graph_reg_wide(node->out)) {
        bits = storage_bits(t->vk->act);
    }
    static const uint32_t kinds[] = {KIND_STUCK_AT_1, KIND_STUCK_AT_0, KIND_DRY, KIND_FLIP,
                                     KIND_FLIP};
    d->mask = 1u << rng_below(rng, bits);
    d->kind = kinds[rng_below(rng, 5)];
    return hook;
}

static void prompt_pass(const struct vk_testing *t, uint32_t branch, struct column *columns)
{
    struct rng rng;

    rng_init(&rng, 7, 1);
    for (uint32_t i = 0; i < PROMPT; i++)
        columns[i] = vk_testing_column(t, branch, i, vk_testing_token(t, &rng),
                                       i + 3 >= PROMPT ? VK_TESTING_ALL : 0);
}

/* Runs the whole prompt once; the pass evaluates its last columns again, on the keys before them.
 */
static struct pass tail_pass(struct vk_testing *t, const char *what, struct column columns[PROMPT])
{
    const struct pass whole = {.columns = columns, .n_columns = PROMPT};
    prompt_pass(t, vk_testing_branch(t), columns);
    vk_testing_pass(t, &whole, what, NULL);
    return (struct pass){.columns = columns + PROMPT - TAIL, .n_columns = TAIL};
}

static void run_model(const char *name, enum storage act, enum storage kv, uint32_t rounds)
{
    struct vk_testing t;
    struct column columns[PROMPT];
    struct column_result clean[PROMPT], faulty[PROMPT];
    struct rng rng;

    vk_testing_open(&t, vk_testing_tiny(name),
                    (struct executor_params){
                        .act = act, .kv = kv, .positions = 64, .branches = 1, .columns = PROMPT});
    const uint32_t branch = vk_testing_branch(&t);
    prompt_pass(&t, branch, columns);
    struct pass pass = {.columns = columns, .n_columns = PROMPT};
    vk_testing_pass(&t, &pass, name, clean);
    rng_init(&rng, 11, act);
    for (uint32_t round = 0; round < rounds; round++) {
        struct hook hooks[24];
        uint32_t n = 0;
        bool dry = true;
        for (uint32_t tries = 0; tries < 24; tries++) {
            const uint32_t index = (uint32_t)rng_below(&rng, t.model->graph.count);
            const uint32_t point = 1 + (uint32_t)rng_below(&rng, HOOK_LAST);
            const uint32_t column = (uint32_t)rng_below(&rng, 4) == 0
                                        ? (uint32_t)rng_below(&rng, PROMPT)
                                        : PROMPT - 1 - (uint32_t)rng_below(&rng, 3);
            if (!has_point(t.model->graph.node[index].op, point))
                continue;
            hooks[n] = draw(&t, index, point, columns[column].position, &rng);
            hooks[n].column = column;
            if (round % 3 == 0) /* every third round is dry */
                hooks[n].data.kind = KIND_DRY;
            dry &= hooks[n].data.kind == KIND_DRY;
            n++;
        }
        pass.hooks = hooks;
        pass.n_hooks = n;
        vk_testing_pass(&t, &pass, name, faulty);
        for (uint32_t i = 0; dry && i < PROMPT; i++)
            assert_int_equal(clean[i].hash, faulty[i].hash);
    }
    vk_testing_close(&t);
}

/* Each op and point alone, so that no other fault hides a wrong one. */
static void run_singles(const char *name, enum storage act, enum storage kv)
{
    struct vk_testing t;
    struct column columns[PROMPT];
    struct rng rng;
    uint32_t fired = 0;

    vk_testing_open(&t, vk_testing_tiny(name),
                    (struct executor_params){
                        .act = act, .kv = kv, .positions = 64, .branches = 1, .columns = PROMPT});
    struct pass pass = tail_pass(&t, name, columns);
    rng_init(&rng, 13, kv);
    for (uint32_t index = 0; index < t.model->graph.count; index++) {
        for (uint32_t point = HOOK_OPERAND; point <= HOOK_LAST; point++) {
            if (!has_point(t.model->graph.node[index].op, point))
                continue;
            struct hook hook = draw(&t, index, point, PROMPT - 1, &rng);
            hook.column = TAIL - 1;
            pass.hooks = &hook;
            pass.n_hooks = 1;
            vk_testing_pass(&t, &pass, name, NULL);
            assert_int_equal(hook.data.count, 1);
            fired++;
        }
    }
    print_message("%s: %u single faults\n", name, fired);
    vk_testing_close(&t);
}

static void test_singles(void **state)
{
    (void)state;
    run_singles("tiny-llama-q4_1", STORAGE_F32, STORAGE_F32);
    run_singles("tiny-llama-q6_k", STORAGE_F16, STORAGE_BF16);
    run_singles("tiny-mixtral", STORAGE_F32, STORAGE_F16);
    run_singles("tiny-qwen2moe", STORAGE_BF16, STORAGE_F32);
}

static void test_many(void **state)
{
    static const char *const models[] = {"tiny-llama-f16",    "tiny-llama-bf16",  "tiny-llama-q4_0",
                                         "tiny-llama-q5_0",   "tiny-llama-q5_1",  "tiny-llama-q8_0",
                                         "tiny-llama-q4_k",   "tiny-llama-q5_k",  "tiny-llama-q2_k",
                                         "tiny-llama-iq4_xs", "tiny-llama-mxfp4", "tiny-qwen2",
                                         "tiny-falcon-gqa",   "tiny-qwen3moe"};
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
        run_model(models[i], (enum storage)(i % 3), (enum storage)((i + 1) % 3), 4);
}

static void test_windows(void **state)
{
    (void)state;
    run_model("tiny-gemma3", STORAGE_BF16, STORAGE_F32, 12);
    run_model("tiny-gemma2", STORAGE_F16, STORAGE_F32, 12);
}

/* Stale bits are those of the previous position, captured there and inserted by the next hook. */
static void test_capture(void **state)
{
    static const uint32_t points[] = {HOOK_OPERAND, HOOK_OUT, HOOK_MEM};
    struct vk_testing t;
    struct column columns[PROMPT];

    (void)state;
    vk_testing_open(&t, vk_testing_tiny("tiny-llama-q4_0"),
                    (struct executor_params){.positions = 64, .branches = 1, .columns = PROMPT});
    struct pass pass = tail_pass(&t, "capture", columns);
    for (uint32_t index = 1; index < t.model->graph.count; index++) {
        const enum op op = t.model->graph.node[index].op;
        if (op == OP_STORE || op == OP_SOFTMAX || op == OP_SCORES || op == OP_HEADS)
            continue;
        for (size_t i = 0; i < 3; i++) {
            struct hook hooks[2] = {
                {.node = index, .column = TAIL - 2, .point = points[i], .data = {.row = 5}},
                {.node = index,
                 .column = TAIL - 1,
                 .point = points[i],
                 .data = {.kind = KIND_STALE, .row = 5, .source = 2}}};
            uint32_t words[2] = {0};
            hooks[0].data.capture = 2;
            pass.hooks = hooks;
            pass.n_hooks = 2;
            pass.words = words;
            pass.n_words = 2;
            vk_testing_pass(&t, &pass, "capture", NULL);
            assert_int_equal(hooks[0].data.count, 0);
            assert_int_equal(hooks[1].data.count, 1);
            assert_int_equal(hooks[1].data.after, words[1]);
        }
    }
    vk_testing_close(&t);
}

/* A fault's result stays in a register bit for bit: NaN with their payload, infinities, values that
 * would be flushed, and the output as it was rounded. */
struct seen {
    const struct node *node;
    uint32_t column, n;
    uint32_t bits[8192];
};

static void see(void *user, const struct node *node, uint32_t column, const float *values,
                uint32_t n)
{
    struct seen *seen = user;
    if (node != seen->node || column != seen->column)
        return;
    assert_true(n <= sizeof(seen->bits) / sizeof(*seen->bits));
    seen->n = n;
    memcpy(seen->bits, values, n * sizeof(*values));
}

static void run_odd(const char *name, enum storage act)
{
    static const uint32_t wide[] = {0x7f800001, 0xffc12345, 0x7f800000, 0x00000001, 0x807fffff};
    static const uint32_t half[] = {0x7c01, 0xfe55, 0x7c00, 0x0001, 0x83ff};
    static const uint32_t brain[] = {0x7f81, 0xffd5, 0x7f80, 0x0001, 0x807f};
    static const uint32_t *const stored[] = {wide, half, brain};
    static struct seen cpu, vk;
    struct vk_testing t;
    struct column columns[PROMPT];
    struct column_result out[TAIL];

    vk_testing_open(&t, vk_testing_tiny(name),
                    (struct executor_params){
                        .act = act, .kv = act, .positions = 64, .branches = 1, .columns = PROMPT});
    struct pass pass = tail_pass(&t, name, columns);
    pass.watch = see;
    for (uint32_t index = 0; index < t.model->graph.count; index++) {
        const struct node *node = &t.model->graph.node[index];
        const bool is_wide = graph_reg_wide(node->out);
        for (uint32_t i = 0; i < 10 && node->op != OP_STORE; i++) {
            const uint32_t point = i < 5 ? HOOK_MEM : HOOK_OUT;
            if (!has_point(node->op, point))
                continue;
            const uint32_t *values = point == HOOK_OUT || is_wide ? wide : stored[act];
            struct hook hook = {.node = index,
                                .column = TAIL - 1,
                                .point = point,
                                .data = {.kind = KIND_SET,
                                         .value = values[i % 5],
                                         .row = node->rows / 2,
                                         .key = PROMPT - 1}};
            pass.hooks = &hook;
            pass.n_hooks = 1;
            cpu = vk = (struct seen){.node = node, .column = TAIL - 1};
            pass.watch_user = &cpu;
            assert_int_equal(executor_pass(t.cpu, &pass, out), STATUS_OK);
            pass.watch_user = &vk;
            assert_int_equal(executor_pass(t.vk, &pass, out), STATUS_OK);
            assert_true(cpu.n > 0 && cpu.n == vk.n);
            for (uint32_t k = 0; k < cpu.n; k++) {
                if (cpu.bits[k] != vk.bits[k])
                    fail_msg("%s, %s set to %08x, element %u: cpu %08x, vk %08x", node->site,
                             point == HOOK_MEM ? "mem" : "out", values[i % 5], k, cpu.bits[k],
                             vk.bits[k]);
            }
        }
    }
    vk_testing_close(&t);
}

static void test_odd_values(void **state)
{
    (void)state;
    run_odd("tiny-llama-q4_0", STORAGE_F32);
    run_odd("tiny-qwen2", STORAGE_F16);
    run_odd("tiny-llama-q8_0", STORAGE_BF16);
    run_odd("tiny-qwen2moe", STORAGE_F16);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_singles),    cmocka_unit_test(test_many),
        cmocka_unit_test(test_windows),    cmocka_unit_test(test_capture),
        cmocka_unit_test(test_odd_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run);
}
