/* SPDX-License-Identifier: MIT */
/* Plans at random: those of one canonical form draw the same faults, however they are written; one
 * written from the canonical form alone draws them too; and other weights have another form. */
#include "plan_fixture.h"

#include <stdlib.h>

#include "base/rng.h"
#include "base/text.h"
#include "plan_from_canon.h"

#define PLANS 400
#define DRAWS 24
#define CHOICES 8

static struct model *models[2];

/* --- a plan as parts that can be written in several ways --- */

struct words {
    const char *key;
    const char *word[CHOICES];
    double weight[CHOICES];
    uint32_t count;
    bool factors; /* twice all weights is another plan */
};

enum { PLACE, POINT, GRANULARITY, READERS, FIELD, KIND, STAGE, DURATION, SCRUB, LISTS };

struct written {
    const char *population;
    struct words list[LISTS];
    struct words sites;
    const char *strata;
    uint32_t seed, n_items;
    bool grouped;
};

static uint32_t below(struct rng *rng, uint32_t bound)
{
    return (uint32_t)rng_below(rng, bound);
}

/* At least one of the words, in any order; `first` is among them. */
static void pick(struct rng *rng, struct words *out, const char *key, const char *const *words,
                 bool first)
{
    static const double weights[] = {1, 1, 1, 2, 3, 0.5, 10};
    uint32_t n = 0;
    *out = (struct words){.key = key};
    while (words[n])
        n++;
    for (uint32_t i = 0; i < n; i++) {
        const bool last = i + 1 == n && out->count == 0;
        if (!(first && i == 0) && !last && below(rng, 2) == 0)
            continue;
        const uint32_t at = below(rng, out->count + 1);
        for (uint32_t k = out->count; k > at; k--)
            out->word[k] = out->word[k - 1];
        out->word[at] = words[i];
        out->weight[out->count++] = weights[below(rng, sizeof(weights) / sizeof(*weights))];
    }
}

static bool has(const struct words *words, const char *word)
{
    for (uint32_t i = 0; i < words->count; i++) {
        if (strcmp(words->word[i], word) == 0)
            return true;
    }
    return false;
}

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void draw_places(struct rng *rng, struct written *w)
{
    static const char *const populations[] = {"ops", "bits", "equal"};
    const uint32_t population = below(rng, 3);
    struct words *place = &w->list[PLACE];
    w->population = populations[population];
    if (population == 0)
        pick(rng, place, "place", LIST("op", "control"), true);
    else if (population == 1)
        pick(rng, place, "place", LIST("weight", "kv", "table"), false);
    else
        pick(rng, place, "place", LIST("op", "weight", "kv", "table"), false);
}

static struct written draw_plan(struct rng *rng)
{
    static const char *const strata[] = {"", "\"layer\"", "\"kind\",\"stage\"", "\"bit_field\"",
                                         "\"field\",\"point\""};
    struct written w = {.seed = below(rng, 1000), .n_items = 1 + below(rng, FIXTURE_ITEMS)};
    draw_places(rng, &w);
    struct words *list = w.list;
    const bool op = has(&list[PLACE], "op"), evaluated = op || has(&list[PLACE], "control");
    const bool weight = has(&list[PLACE], "weight");
    const bool stored = weight || has(&list[PLACE], "kv") || has(&list[PLACE], "table");
    const bool counted = strcmp(w.population, "equal") == 0;
    bool read_weight = false, read_operand = false;
    if (op) {
        pick(rng, &list[POINT], "point", LIST("out", "operand", "weight", "partial", "mem"), true);
        read_weight = has(&list[POINT], "weight");
        read_operand = has(&list[POINT], "operand");
        list[POINT].factors = counted && list[PLACE].count > 1;
    }
    if (read_weight && read_operand)
        pick(rng, &list[READERS], "readers", LIST("column", "row", "all", "chunk"), true);
    if (has(&list[READERS], "column") && !has(&list[READERS], "row") && !has(&list[READERS], "all"))
        list[READERS].count = 0;
    list[READERS].factors = counted;
    if (weight || read_weight)
        pick(rng, &list[FIELD], "field", LIST("code", "scale", "min"), true);
    list[FIELD].factors = (counted || stored) && (op || list[PLACE].count > 1);
    pick(rng, &list[GRANULARITY], "granularity", LIST("element", "vector"), true);
    pick(rng, &list[KIND], "kind", LIST("flip", "zero", "stuck_at_1"), true);
    pick(rng, &list[STAGE], "stage", LIST("prefill", "first", "decode"), true);
    if (evaluated && stored)
        pick(rng, &list[DURATION], "duration", LIST("persistent", "transient"), true);
    if (evaluated && stored && !has(&list[DURATION], "transient"))
        list[DURATION].count = 0;
    if (stored)
        pick(rng, &list[SCRUB], "scrub", LIST("never", "8", "3"), false);
    list[SCRUB].factors = counted && evaluated;
    if (!stored && !has(&list[PLACE], "control"))
        pick(rng, &w.sites, "sites", LIST("*", "blk.0.*", "blk.*.ffn_*"), true);
    w.strata = strata[below(rng, sizeof(strata) / sizeof(*strata))];
    w.grouped = below(rng, 4) == 0 && w.sites.count > 0;
    return w;
}

/* --- writing it --- */

static void add(struct text *out, const char *words)
{
    assert_int_equal(text_add(out, words, strlen(words)), STATUS_OK);
}

static bool even(const struct words *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->weight[i] < 1 || list->weight[i] > 1)
            return false;
    }
    return true;
}

static void put_list(struct text *out, const struct words *list, struct rng *rng)
{
    if (list->count == 0)
        return;
    /* a list of scrubs has numbers */
    const bool plain = even(list) && strcmp(list->key, "scrub") != 0 && below(rng, 2) == 0;
    assert_int_equal(text_addf(out, "\"%s\":%s", list->key, plain ? "[" : "{"), STATUS_OK);
    for (uint32_t i = 0; i < list->count; i++)
        assert_int_equal(
            plain ? text_addf(out, "%s\"%s\"", i ? "," : "", list->word[i])
                  : text_addf(out, "%s\"%s\":%.17g", i ? "," : "", list->word[i], list->weight[i]),
            STATUS_OK);
    add(out, plain ? "]," : "},");
}

/* The object of some lists, without its last comma. */
static void put_part(struct text *out, const char *key, const struct words *list, uint32_t count,
                     struct rng *rng)
{
    assert_int_equal(text_addf(out, ",\"%s\":{", key), STATUS_OK);
    const size_t begin = out->size;
    for (uint32_t i = 0; i < count; i++)
        put_list(out, &list[i], rng);
    if (out->size > begin)
        out->data[--out->size] = '\0';
    add(out, "}");
}

static void write_plan(struct text *out, const struct written *w, struct rng *rng)
{
    struct words where[READERS + 3];
    memcpy(where, w->list, sizeof(*where) * (FIELD + 1));
    where[FIELD + 1] = w->sites;
    assert_int_equal(text_addf(out, ",\"population\":\"%s\",\"seed\":%u", w->population, w->seed),
                     STATUS_OK);
    put_part(out, "where", where, FIELD + 2, rng);
    put_part(out, "what", &w->list[KIND], 1, rng);
    put_part(out, "when", &w->list[STAGE], 3, rng);
    if (w->grouped)
        add(out, ",\"groups\":{\"b\":[\"*.ffn_up\",\"*.ffn_down\"],\"a\":\"*.attn_*\"}");
    assert_int_equal(text_addf(out, ",\"strata\":[%s%s%s],\"sampling\":{\"trials\":%d}", w->strata,
                               w->grouped && w->strata[0] ? "," : "",
                               w->grouped ? "\"site_group\"" : "", DRAWS),
                     STATUS_OK);
}

/* The same plan: other orders, and weights in the same ratio where only that counts. */
static struct written rewrite(const struct written *from, struct rng *rng)
{
    static const double scales[] = {1, 2, 3, 7, 0.25};
    struct written w = *from;
    for (uint32_t l = 0; l < LISTS; l++) {
        struct words *list = &w.list[l];
        const double scale = list->factors ? 1 : scales[below(rng, 5)];
        for (uint32_t i = 0; i < list->count; i++) {
            const uint32_t j = i + below(rng, list->count - i);
            const char *word = list->word[i];
            const double weight = list->weight[i];
            list->word[i] = list->word[j];
            list->weight[i] = list->weight[j] * scale;
            list->word[j] = j == i ? list->word[j] : word;
            list->weight[j] = j == i ? list->weight[j] : weight;
        }
    }
    for (uint32_t i = 0; i < w.sites.count; i++)
        w.sites.weight[i] *= 4;
    return w;
}

/* --- what is drawn --- */

/* The plan's text after "prompts", or whole. Null if such a plan strikes nothing. */
static bool take(struct plan_fixture *f, const struct written *w, const struct model *model,
                 struct rng *rng, bool check)
{
    struct text text = {0};
    write_plan(&text, w, rng);
    const enum status st = fixture_sample(f, model, w->n_items, text.data);
    if (st && check)
        fail_msg("%s\n gave %s", text.data, log_last_error());
    text_finish(&text);
    return !st;
}

/* A line a trial: all that tells two of them apart, to the last bit. */
static void put_draws(struct text *out, struct plan_fixture *f)
{
    for (uint64_t id = 0; id < sample_trials(f->sample); id++) {
        const struct sample_draw d = fixture_draw(f, id);
        struct arena arena = {0};
        text_addf(out, "%d %u %s %a %a %a ", d.role, d.item,
                  d.role == ROLE_SENTINEL ? "" : sample_stratum(f->sample, d.stratum).label,
                  d.weight, d.draw_prob, d.size);
        for (uint32_t i = 0; i < d.n_faults; i++) {
            const char *fault = "";
            text_take(out, fault_put_text(&fault, &arena, &d.fault[i]));
            text_addf(out, "%s\n", fault);
        }
        arena_finish(&arena);
        text_put(out, "\n");
    }
    assert_int_equal(out->st, STATUS_OK);
}

static void expect_same(struct plan_fixture *a, struct plan_fixture *b)
{
    struct text x = {0}, y = {0};
    put_draws(&x, a);
    put_draws(&y, b);
    if (strcmp(x.data, y.data) != 0) {
        size_t i = 0;
        while (x.data[i] == y.data[i])
            i++;
        while (i > 0 && x.data[i - 1] != '\n')
            i--;
        fail_msg("%s\n%s\n%s\n draw %.160s\n and %.160s", a->plan.canon, a->plan.text, b->plan.text,
                 x.data + i, y.data + i);
    }
    text_finish(&x);
    text_finish(&y);
}

static void read_back(struct plan_fixture *out, const struct plan_fixture *from,
                      const struct model *model)
{
    struct json_doc *doc = NULL;
    struct json_memory m;
    assert_int_equal(json_parse(&doc, from->plan.canon, strlen(from->plan.canon), "canon"),
                     STATUS_OK);
    *out = (struct plan_fixture){0};
    json_begin_memory(&m, false);
    plan_from_canon(&m.w, json_root(doc));
    assert_int_equal(json_end_memory(&m, &out->arena), STATUS_OK);
    json_destroy(&doc);
    const struct plan_source source = {m.text, m.size, "plan.json", "", NULL};
    if (plan_read(&out->plan, &out->arena, &source) ||
        sample_create(&out->sample, &out->plan, model, fixture_items))
        fail_msg("%s\n gave %s", m.text, log_last_error());
}

/* --- the tests --- */

/* Random plans with the required sites; returns how many were used. */
static uint32_t each_plan(void (*check)(const struct written *w, const struct model *model,
                                        struct rng *rng, struct plan_fixture *f))
{
    struct rng rng;
    uint32_t used = 0;
    rng_init(&rng, 77, 0);
    for (uint32_t i = 0; i < PLANS; i++) {
        const struct model *model = models[i % 2];
        const struct written w = draw_plan(&rng);
        struct plan_fixture f;
        if (take(&f, &w, model, &rng, false)) {
            check(&w, model, &rng, &f);
            used++;
        }
        fixture_finish(&f);
    }
    print_message("%u of %u plans\n", used, PLANS);
    return used;
}

static void check_rewritten(const struct written *w, const struct model *model, struct rng *rng,
                            struct plan_fixture *f)
{
    const struct written other = rewrite(w, rng);
    struct plan_fixture g;
    assert_true(take(&g, &other, model, rng, true));
    if (strcmp(f->plan.canon, g.plan.canon) != 0)
        fail_msg("%s\n%s\n have other forms:\n%s\n%s", f->plan.text, g.plan.text, f->plan.canon,
                 g.plan.canon);
    expect_same(f, &g);
    fixture_finish(&g);
}

static void check_read_back(const struct written *w, const struct model *model, struct rng *rng,
                            struct plan_fixture *f)
{
    struct plan_fixture g;
    (void)w;
    (void)rng;
    read_back(&g, f, model);
    assert_string_equal(f->plan.canon, g.plan.canon);
    expect_same(f, &g);
    fixture_finish(&g);
}

static uint32_t scaled;

/* Where all weights of a list count by themselves, twice them is another plan. */
static void check_factors(const struct written *w, const struct model *model, struct rng *rng,
                          struct plan_fixture *f)
{
    for (uint32_t l = 0; l < LISTS; l++) {
        struct written other = *w;
        struct plan_fixture g;
        if (!w->list[l].factors || w->list[l].count == 0)
            continue;
        for (uint32_t i = 0; i < w->list[l].count; i++)
            other.list[l].weight[i] *= 2;
        assert_true(take(&g, &other, model, rng, true));
        assert_string_not_equal(f->plan.canon, g.plan.canon);
        scaled++;
        fixture_finish(&g);
    }
}

static void test_written_otherwise(void **state)
{
    (void)state;
    assert_true(each_plan(check_rewritten) > PLANS / 2);
}

static void test_from_the_canonical_form(void **state)
{
    (void)state;
    assert_true(each_plan(check_read_back) > PLANS / 2);
}

static void test_factors_count(void **state)
{
    (void)state;
    assert_true(each_plan(check_factors) > PLANS / 2);
    assert_true(scaled > PLANS / 8);
}

/* Two weights of a field beside the KV cache: their sum is the share of what has fields. */
static void test_fields_beside_entries(void **state)
{
    static const char head[] = ",\"population\":\"bits\",\"strata\":[\"place\"],"
                               "\"sampling\":{\"trials\":10},\"where\":{\"place\":[\"weight\","
                               "\"kv\"],\"field\":";
    static const char *const fields[] = {"[\"code\",\"scale\",\"min\"]",
                                         "{\"code\":2,\"scale\":2,\"min\":2}",
                                         "{\"min\":1,\"scale\":1,\"code\":1}"};
    double share[3];
    char text[512], hash[3][HASH_SHA256_TEXT];
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct plan_fixture f;
        snprintf(text, sizeof(text), "%s%s}", head, fields[i]);
        assert_int_equal(fixture_sample(&f, models[0], 1, text), STATUS_OK);
        memcpy(hash[i], f.plan.hash, HASH_SHA256_TEXT);
        for (uint32_t k = 0; k < sample_strata(f.sample); k++) {
            const struct sample_stratum s = sample_stratum(f.sample, k);
            if (strcmp(s.label, "place=weight") == 0)
                share[i] = s.weight / (1 - s.weight);
        }
        fixture_finish(&f);
    }
    assert_float_equal(share[1] / share[0], 2, 1e-9);
    assert_string_not_equal(hash[0], hash[1]);
    assert_string_equal(hash[0], hash[2]);
    assert_true(!(share[0] < share[2]) && !(share[0] > share[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_otherwise),
        cmocka_unit_test(test_from_the_canonical_form),
        cmocka_unit_test(test_factors_count),
        cmocka_unit_test(test_fields_beside_entries),
    };
    fpenv_set();
    models[0] = fixture_model("tiny-llama-q4_1.gguf");
    models[1] = fixture_model("tiny-gemma3.gguf");
    if (!models[1])
        models[1] = fixture_model("tiny-gemma3-q8_0.gguf");
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    model_close(&models[0]);
    model_close(&models[1]);
    return failed;
}
