/* SPDX-License-Identifier: MIT */
/* Nodes that share a dispatch: with each form of fusion, with all and with none, every model and
 * storage type has the bits of the scalar CPU form, with hooks and guards at any node; and the
 * forms are used: dispatches are counted. */
#include "model/op.h"
#include "shared/push_fused.h"
#include "vk/vk_fuse.h"
#include "vk/vk_state.h"
#include "vk_testing.h"

enum { POSITIONS = 96, COLUMNS = 13, TOKENS = 4, FAULTS = 4, MASKS = 5 };

struct bench {
    struct vk_testing t;
    struct rng rng;
    struct column columns[COLUMNS];
    uint32_t position; /* of the next column */
};

static struct vk *vk_of(const struct bench *b)
{
    return (struct vk *)b->t.vk;
}

static uint32_t below(struct bench *b, uint32_t n)
{
    return (uint32_t)rng_below(&b->rng, n);
}

/* None, all, and of those with one form alone, with what it builds on, and those with all but one,
 * a few: others for each model. */
static uint32_t list_masks(uint32_t masks[MASKS], uint64_t model)
{
    uint32_t bits = 0, n = 0;

    masks[n++] = 0;
    masks[n++] = VK_FUSE_ALL;
    while (VK_FUSE_ALL >> bits)
        bits++;
    for (; n < MASKS; n++, model += 2) {
        const uint32_t bit = 1u << model % bits;
        masks[n] = n % 2 ? VK_FUSE_ALL & ~bit : bit == VK_FUSE_STORE ? bit | VK_FUSE_ROPE : bit;
    }
    return n;
}

/* Columns that go on from tokens. Some see fewer keys, are turned by another angle or write another
 * entry, as address faults make them. */
static void draw_columns(struct bench *b, uint32_t branch, uint32_t n, bool faulty)
{
    for (uint32_t i = 0; i < n; i++) {
        struct column *c = &b->columns[i];
        *c = vk_testing_column(&b->t, branch, b->position++, vk_testing_token(&b->t, &b->rng),
                               below(b, 3) ? VK_TESTING_ALL : 0);
        if (!faulty)
            continue;
        c->keys = 1 + below(b, c->position + 1);
        c->rope = 1 + below(b, POSITIONS);
    }
    if (faulty && n == 1) /* no earlier position may be in the pass then */
        b->columns[0].entry = 1 + below(b, b->columns[0].position + 1);
}

/* Faults of results at any node. */
static void draw_hooks(struct bench *b, struct hook hooks[FAULTS], uint32_t n)
{
    const struct graph *graph = &b->t.model->graph;

    for (uint32_t i = 0; i < FAULTS; i++) {
        const struct node *node;
        do
            node = &graph->node[below(b, graph->count)];
        while (!op_is_site(node->op));
        const uint32_t column = below(b, n);
        const uint32_t last = column_last(&b->columns[column]);
        hooks[i] = (struct hook){
            .node = (uint32_t)(node - graph->node),
            .column = column,
            .point = below(b, 2) ? HOOK_OUT : HOOK_MEM,
            .data = {.kind = KIND_FLIP, .mask = 1u << below(b, 16), .row = below(b, node->rows)}};
        if (op_per_key(node->op))
            hooks[i].data.key = op_seen(last, node->window) > 1 ? last - below(b, 2) : last;
        hooks[i].data.rows = hooks[i].data.ks = hooks[i].data.keys = 0;
    }
}

/* Guards that only read, at any node. */
static uint32_t draw_guards(struct bench *b, struct guard guards[FAULTS], uint32_t n)
{
    const struct graph *graph = &b->t.model->graph;
    uint32_t made = 0;

    for (uint32_t i = 0; i < FAULTS; i++) {
        const struct guard g = {.node = below(b, graph->count),
                                .column = below(b, n),
                                .kind = GUARD_RANGE,
                                .low = -0.5f,
                                .high = 0.5f};
        bool good = graph->node[g.node].op != OP_STORE;
        for (uint32_t j = 0; j < made; j++)
            good &= guards[j].node != g.node || guards[j].column != g.column;
        if (good)
            guards[made++] = g;
    }
    return made;
}

/* A prompt, then columns as in decoding, plain and with what strikes or watches them. */
static void run_branch(struct bench *b, const char *what)
{
    const uint32_t branch = vk_testing_branch(&b->t);
    struct hook hooks[FAULTS];
    struct guard guards[FAULTS];

    b->position = 0;
    for (uint32_t i = 0; i < 3 + TOKENS; i++) {
        const uint32_t n = i == 0 ? COLUMNS : i < 3 ? 1 + below(b, COLUMNS) : 1;
        struct pass pass = {
            .columns = b->columns, .n_columns = n, .hooks = hooks, .guards = guards};
        draw_columns(b, branch, n, i % 3 == 2);
        if (i % 2) {
            draw_hooks(b, hooks, n);
            pass.n_hooks = below(b, FAULTS + 1);
        }
        if (i > 2)
            pass.n_guards = draw_guards(b, guards, n);
        vk_testing_pass(&b->t, &pass, what, NULL);
    }
    kv_release(b->t.cpu->kv, branch);
    kv_release(b->t.vk->kv, branch);
}

static void run_model(const char *name, enum storage act, enum storage kv, uint64_t id)
{
    static struct bench b;
    uint32_t masks[MASKS];
    char what[128];
    const uint32_t n = list_masks(masks, id);

    memset(&b, 0, sizeof(b));
    rng_init(&b.rng, 77, id);
    vk_testing_open(
        &b.t, vk_testing_tiny(name),
        (struct executor_params){.act = act, .kv = kv, .positions = POSITIONS, .branches = 1});
    for (uint32_t i = 0; i < n; i++) {
        vk_of(&b)->fusions = masks[i];
        vk_of(&b)->attention_keys = i % 2 ? ATTENTION_KEYS : 2 * NM_BLOCK;
        snprintf(what, sizeof(what), "%s, act %s, kv %s, fusions %x", name, storage_name(act),
                 storage_name(kv), masks[i]);
        run_branch(&b, what);
    }
    vk_testing_close(&b.t);
}

/* Of the first few alone unless all drivers are asked for: each needs kernels of its own. */
static const char *const MODELS[] = {
    "tiny-llama-q4_1", "tiny-qwen2",       "tiny-gemma3",     "tiny-llama-f16", "tiny-falcon-gqa",
    "tiny-olmo2",      "tiny-llama-q6_k",  "tiny-falcon-mqa", "tiny-phi3",      "tiny-qwen3",
    "tiny-mistral",    "tiny-llama3-rope", "tiny-gemma2",
};
enum { MODELS_ALL = sizeof(MODELS) / sizeof(*MODELS), MODELS_FEW = 3 };

static void test_bits(void **state)
{
    static const enum storage TYPES[] = {STORAGE_F32, STORAGE_F16, STORAGE_BF16};
    const bool all = getenv("VKFI_EVERY_DRIVER") || getenv("VKFI_TEST_PLAY");
    (void)state;
    for (size_t i = 0; i < (all ? MODELS_ALL : MODELS_FEW); i++)
        run_model(MODELS[i], TYPES[i % 3], TYPES[i / 3 % 3], i);
}

/* Dispatches of a column as in decoding, with a hook at a node (graph.count: none). */
static uint64_t count_dispatches(struct bench *b, uint32_t branch, uint32_t node)
{
    struct hook hook = {.node = node, .point = HOOK_OUT, .data = {.kind = KIND_FLIP, .mask = 1}};
    struct pass pass = {.columns = b->columns,
                        .n_columns = 1,
                        .hooks = &hook,
                        .n_hooks = node < b->t.model->graph.count};
    const uint64_t before = vk_of(b)->dispatches;

    b->columns[0] = vk_testing_column(&b->t, branch, b->position++, 1, COLUMN_ARGMAX);
    hook.data.key = b->columns[0].position;
    vk_testing_pass(&b->t, &pass, "counted", NULL);
    return vk_of(b)->dispatches - before;
}

/* What the forms save in a model without norms inside of attention and after it: the first norm and
 * the output's follow no LINEAR of a layer. */
static void test_counts(void **state)
{
    static const struct {
        uint32_t fusions, saved, less; /* dispatches a layer; less in all */
    } forms[] = {
        {VK_FUSE_ADD, 2, 0},       {VK_FUSE_ROPE, 1, 0}, {VK_FUSE_ROPE | VK_FUSE_STORE, 2, 0},
        {VK_FUSE_ATTENTION, 2, 0}, {VK_FUSE_NORM, 0, 0}, {VK_FUSE_ADD | VK_FUSE_NORM, 4, 1},
        {VK_FUSE_GATE, 1, 0},      {VK_FUSE_ALL, 9, 1}};
    static struct bench b;
    (void)state;
    memset(&b, 0, sizeof(b));
    vk_testing_open(&b.t, vk_testing_tiny("tiny-qwen2"),
                    (struct executor_params){.positions = POSITIONS, .branches = 1});
    const struct graph *graph = &b.t.model->graph;
    const uint32_t branch = vk_testing_branch(&b.t), layers = b.t.model->hp.n_layers;
    vk_of(&b)->fusions = 0;
    const uint64_t plain = count_dispatches(&b, branch, graph->count), most = 9 * layers - 1;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        vk_of(&b)->fusions = forms[i].fusions;
        assert_int_equal(plain - count_dispatches(&b, branch, graph->count),
                         forms[i].saved * layers - forms[i].less);
    }
    /* a fault's own dispatch, and the nodes of its group one by one: at most three */
    for (uint32_t node = 0; node < graph->count; node++) {
        if (!op_is_site(graph->node[node].op))
            continue;
        vk_of(&b)->fusions = 0;
        const uint64_t alone = count_dispatches(&b, branch, node);
        vk_of(&b)->fusions = VK_FUSE_ALL;
        const uint64_t fused = count_dispatches(&b, branch, node);
        assert_in_range(alone - fused, most - 2, most);
    }
    vk_testing_close(&b.t);
}

/* A submit that failed half-way leaves counters behind; what follows does not see them. */
static void test_after_failure(void **state)
{
    static struct bench b;
    struct pass pass = {.columns = b.columns, .n_columns = COLUMNS};
    (void)state;
    memset(&b, 0, sizeof(b));
    vk_testing_open(&b.t, vk_testing_tiny("tiny-qwen2"),
                    (struct executor_params){.positions = POSITIONS, .branches = 1});
    struct vk *vk = vk_of(&b);
    const struct vk_memory *m = &vk->memory;
    const uint32_t branch = vk_testing_branch(&b.t), one[4] = {1, 1, 1, 1};
    const uint32_t ends[2] = {m->reg[REG_X].at, (uint32_t)(gpu_buffer_size(m->work) / VK_QUAD)};
    vk->fusions = VK_FUSE_ALL;
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t at = m->counters[i]; at < ends[i]; at++)
            assert_int_equal(gpu_buffer_write(m->work, (uint64_t)at * VK_QUAD, one, VK_QUAD),
                             STATUS_OK);
    }
    vk->failed = true;
    for (uint32_t i = 0; i < 2; i++) {
        draw_columns(&b, branch, COLUMNS, false);
        vk_testing_pass(&b.t, &pass, "after a failure", NULL);
        assert_false(vk->failed);
    }
    vk_testing_close(&b.t);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_after_failure),
                                       cmocka_unit_test(test_bits)};
    return cmocka_run_group_tests_name("fuse", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argc;
    return vk_testing_main(argv, run_all);
}
