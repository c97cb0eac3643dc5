/* SPDX-License-Identifier: MIT */
/* Walks the table of keys: what is used changes something, what is refused is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "gguf_builder.h"
#include "model/hparams.h"
#include "model/keys.h"

/* A value that a test puts under a key. */
struct value {
    enum { VALUE_UINT, VALUE_REAL, VALUE_BOOL, VALUE_TEXT, VALUE_ARRAY } type;
    double number;
    const char *text;
};

static void put(struct builder *b, const char *key, struct value v)
{
    switch (v.type) {
    case VALUE_UINT:
        builder_key_u32(b, key, (uint32_t)v.number);
        break;
    case VALUE_REAL:
        builder_key_f32(b, key, (float)v.number);
        break;
    case VALUE_BOOL:
        builder_key_bool(b, key, v.number != 0);
        break;
    case VALUE_TEXT:
        builder_key_text(b, key, v.text);
        break;
    case VALUE_ARRAY:
        builder_key_array(b, key, 4, 3);
        for (int i = 0; i < 3; i++)
            builder_put_u32(&b->keys, (uint32_t)v.number);
        break;
    }
}

/* Reads a tiny model with up to two more keys (null: none); all constants as text in `out`. */
static enum status read_with(char out[1024], const char *arch, const char *const keys[2],
                             const struct value values[2])
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    builder_init(&b);
    for (int i = 0; i < 2; i++) {
        if (keys[i])
            put(&b, keys[i], values[i]);
    }
    builder_tiny(&b, arch);
    assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
    const enum status st = hparams_read(&hp, g);
    if (!st)
        snprintf(out, 1024,
                 "%u %u %u %u %u %u %u %u %a %a %a %a %a %d %d %u %a %a %a %a %a %u %u %u %u %u %d",
                 hp.n_layers, hp.n_embd, hp.n_head, hp.n_head_kv, hp.head_dim, hp.n_ff, hp.n_vocab,
                 hp.n_ctx, (double)hp.norm_eps, (double)hp.embd_scale, (double)hp.q_scale,
                 (double)hp.score_cap, (double)hp.logit_cap, hp.activation, hp.rope_neox,
                 hp.rope_dim, hp.rope_base[0], hp.rope_base[1], hp.rope_scale[0], hp.rope_scale[1],
                 hp.rope_magnitude, hp.window, hp.window_period, hp.n_expert, hp.n_used,
                 hp.n_ff_exp, hp.used_norm);
    gguf_close(&g);
    builder_free(&b);
    return st;
}

static enum status read_key(char out[1024], const char *arch, const char *key, struct value v)
{
    return read_with(out, arch, (const char *const[2]){key, NULL}, (struct value[2]){v});
}

/* The key as a file of that architecture has it. */
static void full_key(char out[128], const char *arch, const struct keys_entry *entry)
{
    static const char *const whole[] = {"general.", "adapter.", "xielu.", "tokenizer."};
    const char *star = strchr(entry->name, '*');
    const int len = star ? (int)(star - entry->name) : (int)strlen(entry->name);
    bool own = true;

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        own = own && strncmp(entry->name, whole[i], strlen(whole[i])) != 0;
    snprintf(out, 128, "%s%s%.*s%s", own ? arch : "", own ? "." : "", len, entry->name,
             star ? "any" : "");
}

/* How each used key is changed; `with`: another key that both files have. */
static const struct {
    const char *name;
    struct value changed;
    const char *with;
    struct value with_value;
} CHANGES[] = {
    {"block_count", {VALUE_UINT, 3, 0}, 0, {0}},
    {"context_length", {VALUE_UINT, 96, 0}, 0, {0}},
    {"embedding_length", {VALUE_UINT, 64, 0}, 0, {0}},
    {"feed_forward_length", {VALUE_UINT, 96, 0}, 0, {0}},
    {"attention.head_count", {VALUE_UINT, 4, 0}, 0, {0}},
    {"attention.head_count_kv", {VALUE_UINT, 2, 0}, 0, {0}},
    {"attention.key_length", {VALUE_UINT, 8, 0}, "attention.value_length", {VALUE_UINT, 8, 0}},
    {"attention.value_length", {VALUE_UINT, 8, 0}, 0, {0}},
    {"attention.layer_norm_rms_epsilon", {VALUE_REAL, 1e-3, 0}, 0, {0}},
    {"attention.layer_norm_epsilon", {VALUE_REAL, 1e-3, 0}, 0, {0}},
    {"rope.scaling.original_context_length", {VALUE_UINT, 64, 0}, 0, {0}},
    {"attn_logit_softcapping", {VALUE_REAL, 20, 0}, 0, {0}},
    {"final_logit_softcapping", {VALUE_REAL, 20, 0}, 0, {0}},
    {"attention.sliding_window", {VALUE_UINT, 64, 0}, 0, {0}},
    {"attention.sliding_window_pattern",
     {VALUE_UINT, 4, 0},
     "attention.sliding_window",
     {VALUE_UINT, 16, 0}},
    {"rope.dimension_count", {VALUE_UINT, 8, 0}, 0, {0}},
    {"rope.freq_base", {VALUE_REAL, 5000, 0}, 0, {0}},
    {"rope.freq_base_swa", {VALUE_REAL, 5000, 0}, "attention.sliding_window", {VALUE_UINT, 16, 0}},
    {"rope.scale_linear", {VALUE_REAL, 2, 0}, 0, {0}},
    {"rope.scaling.type", {VALUE_TEXT, 0, "none"}, "rope.scaling.factor", {VALUE_REAL, 2, 0}},
    {"rope.scaling.factor", {VALUE_REAL, 2, 0}, 0, {0}},
    {"rope.scaling.attn_factor", {VALUE_REAL, 1.5, 0}, 0, {0}},
    {"expert_count", {VALUE_UINT, 8, 0}, 0, {0}},
    {"expert_used_count", {VALUE_UINT, 3, 0}, "expert_count", {VALUE_UINT, 5, 0}},
    {"expert_feed_forward_length", {VALUE_UINT, 96, 0}, "expert_count", {VALUE_UINT, 5, 0}},
    {"expert_shared_feed_forward_length", {VALUE_UINT, 96, 0}, 0, {0}},
    {"expert_weights_norm", {VALUE_BOOL, 0, 0}, "expert_count", {VALUE_UINT, 5, 0}},
};

static void check_used(const char *arch, const struct keys_entry *entry)
{
    for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
        char key[128], with[128] = "", before[1024], after[1024];
        if (strcmp(CHANGES[i].name, entry->name) != 0)
            continue;
        full_key(key, arch, entry);
        if (CHANGES[i].with)
            snprintf(with, sizeof(with), "%s.%s", arch, CHANGES[i].with);
        const char *const keys[2] = {*with ? with : NULL, key};
        struct value values[2] = {CHANGES[i].with_value, CHANGES[i].changed};
        if (strcmp(entry->name, "expert_weights_norm") == 0) /* the other than without the key */
            values[1].number = arch_rules(arch_find(arch, strlen(arch)))->raw_weights;
        const enum status alone =
            read_with(before, arch, (const char *const[2]){keys[0], NULL}, values);
        const enum status st = read_with(after, arch, keys, values);
        /* A length of keys needs that of values beside it, which alone is refused. */
        assert_true(!alone || strcmp(entry->name, "attention.key_length") == 0);
        if (!st)
            assert_true(alone || strcmp(before, after) != 0);
        else
            assert_non_null(strstr(log_last_error(), key));
        return;
    }
    fail_msg("no change is known for the used key '%s'", entry->name);
}

static bool says_none(const struct keys_entry *entry, struct value v)
{
    return v.type != VALUE_TEXT && (v.number == entry->neutral[0] || v.number == entry->neutral[1]);
}

static void check_refused(const char *arch, const struct keys_entry *entry)
{
    static const struct value values[] = {
        {VALUE_UINT, 7, 0}, {VALUE_REAL, 2.5, 0},     {VALUE_BOOL, 0, 0},  {VALUE_BOOL, 1, 0},
        {VALUE_UINT, 0, 0}, {VALUE_TEXT, 0, "swish"}, {VALUE_ARRAY, 7, 0}, {VALUE_ARRAY, 0, 0},
        {VALUE_REAL, 1, 0}, {VALUE_REAL, 0, 0}};
    char key[128], text[1024], plain[1024];

    full_key(key, arch, entry);
    assert_non_null(entry->what);
    assert_int_equal(read_with(plain, arch, (const char *const[2]){NULL, NULL}, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const enum status st = read_key(text, arch, key, values[i]);
        if (says_none(entry, values[i])) {
            assert_int_equal(st, STATUS_OK);
            assert_string_equal(text, plain);
        } else {
            if (st != STATUS_INPUT)
                fail_msg("%s, value %zu: found status %d, expected a refusal", key, i, st);
            assert_non_null(strstr(log_last_error(), key));
            assert_non_null(strstr(log_last_error(), entry->what));
        }
    }
    if (entry->neutral_text)
        assert_int_equal(
            read_key(text, arch, key, (struct value){VALUE_TEXT, 0, entry->neutral_text}),
            STATUS_OK);
}

static void check_irrelevant(const char *arch, const struct keys_entry *entry)
{
    static const struct value values[] = {
        {VALUE_UINT, 7, 0}, {VALUE_TEXT, 0, "swish"}, {VALUE_ARRAY, 7, 0}};
    char key[128], text[1024], plain[1024];

    full_key(key, arch, entry);
    assert_int_equal(read_with(plain, arch, (const char *const[2]){NULL, NULL}, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(read_key(text, arch, key, values[i]), STATUS_OK);
        assert_string_equal(text, plain);
    }
}

static void test_table(void **state)
{
    size_t count;
    const struct keys_entry *table = keys_table(&count);

    (void)state;
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(table[i].name, table[j].name);
        for (int a = 0; a < ARCH_COUNT; a++) {
            const enum keys_verdict verdict = keys_verdict(&table[i], (enum arch)a);
            const char *name = arch_rules((enum arch)a)->name;
            if (verdict == KEYS_REFUSED)
                check_refused(name, &table[i]);
            else if (verdict == KEYS_IRRELEVANT)
                check_irrelevant(name, &table[i]);
            else
                check_used(name, &table[i]);
        }
    }
}

static void test_unknown_keys(void **state)
{
    static const struct value v = {VALUE_UINT, 1, 0};
    static const char *const refused[] = {"llama.rope.freq_bases", "llama.rope", "llama.",
                                          "llama.attention.head_count_v", "llama.vision.count"};
    static const char *const ignored[] = {"general.rope", "qwen2.rope.freq_bases", "llamas.count",
                                          "general.name.any"};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(read_key(text, "llama", refused[i], v), STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), refused[i]));
        assert_non_null(strstr(log_last_error(), "may change numbers"));
    }
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        assert_int_equal(read_key(text, "llama", ignored[i], v), STATUS_OK);
}

static void test_split_models(void **state)
{
    static const struct value one = {VALUE_UINT, 1, 0}, two = {VALUE_UINT, 2, 0};
    static const char *const keys[2] = {"split.count", "split.no"};
    struct builder b;
    struct gguf *g;
    struct hparams hp;
    char text[1024];

    (void)state;
    assert_int_equal(read_key(text, "llama", "split.count", one), STATUS_OK);
    assert_int_equal(read_key(text, "llama", "split.count", two), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "part 1 of 2 of a split model"));
    assert_int_equal(read_with(text, "llama", keys, (struct value[2]){two, one}), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "part 2 of 2 of a split model"));
    assert_int_equal(read_with(text, "llama", keys, (struct value[2]){two, two}), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "'split.no': found 2, expected 0 to 1"));
    /* A later part has nothing but these and tensors. */
    builder_init(&b);
    builder_key_u32(&b, "split.count", 3);
    builder_key_u32(&b, "split.no", 2);
    builder_tensor(&b, "a", QUANT_F32, 8, 0);
    builder_finish(&b);
    assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
    assert_int_equal(hparams_read(&hp, g), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "part 3 of 3 of a split model"));
    gguf_close(&g);
    builder_free(&b);
}

/* Gemma 3 was trained with another base than the one that files of other architectures leave out.
 */
static void test_base_is_named(void **state)
{
    struct builder b;
    struct gguf *g;
    struct hparams hp;

    (void)state;
    for (int a = 0; a < ARCH_COUNT; a++) {
        char key[64];
        builder_init(&b);
        snprintf(key, sizeof(key), "%s.rope.freq_base", hparams_arch_name((enum arch)a));
        builder_omit(&b, key);
        builder_tiny(&b, hparams_arch_name((enum arch)a));
        assert_int_equal(gguf_open_memory(&g, b.file.data, b.file.size, "memory"), STATUS_OK);
        if (a == ARCH_GEMMA3) {
            assert_int_equal(hparams_read(&hp, g), STATUS_INPUT);
            assert_non_null(strstr(log_last_error(), key));
        } else {
            assert_int_equal(hparams_read(&hp, g), STATUS_OK);
            assert_true(hp.rope_base[0] == 10000);
        }
        gguf_close(&g);
        builder_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_split_models),
        cmocka_unit_test(test_base_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
