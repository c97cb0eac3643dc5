/* SPDX-License-Identifier: MIT */
/* Definitions and items: the thirteen tasks on their own items and, if found, on public data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tasks/task.h"

#define ITEMS VKFI_SOURCE "/tests/tasks/items"

/* Records of the public data; a group of them and its size; right answers of the first records. */
static const struct known {
    const char *name;
    uint32_t public_count;
    const char *group;
    uint32_t group_count;
    double chance;
} KNOWN[] = {
    {"arc_challenge", 1172, "", 1172, 0.250156},
    {"hellaswag", 10042, "", 10042, 0.25},
    {"winogrande", 1267, "", 1267, 0.5},
    {"mmlu", 4812, "astronomy", 152, 0.25},
    {"xnli", 14940, "sw", 2490, 1.0 / 3},
    {"m_mmlu", 4287, "fr", 1417, 0.25},
    {"mgsm", 2750, "te", 250, 0},
    {"flores200", 14168, "eng_Latn-jpn_Jpan", 1012, 0},
    {"gsm8k", 1319, "", 1319, 0},
    {"math500", 500, "level 5", 134, 0},
    {"integration", 1781, "Timofeev", 660, 0},
    {"humaneval", 164, "", 164, 0},
    {"mbpp", 500, "", 500, 0},
};
#define KNOWN_COUNT (sizeof(KNOWN) / sizeof(*KNOWN))

static struct task *open_task(const char *name)
{
    char path[256];
    struct task *task = NULL;
    snprintf(path, sizeof(path), VKFI_SOURCE "/tasks/definitions/%s.json", name);
    assert_int_equal(task_open(&task, path), STATUS_OK);
    assert_string_equal(task->name, name);
    return task;
}

/* Properties of every item. */
static void check_item(const struct task *task, const struct task_item *item)
{
    assert_non_null(item->doc_id);
    assert_non_null(item->group);
    assert_non_null(item->prompt);
    if (task->kind == TASK_CHOICES) {
        assert_true(item->n_choices >= 2 && item->gold < item->n_choices);
        for (uint32_t i = 0; i < item->n_choices; i++) {
            assert_true(item->choice[i].text[0]);
            assert_true(item->choice[i].context || item->prompt[0]);
        }
    } else {
        assert_true(item->target[0] && item->max_tokens > 0 && item->prompt[0]);
        assert_int_equal(item->n_choices, 0);
    }
    if (task->kind == TASK_CODE)
        assert_true(item->test[0]);
    assert_int_equal(item->integrand != NULL, strcmp(task->name, "integration") == 0);
}

static uint32_t count_group(const struct task_items *items, const char *group)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < items->count; i++)
        n += strcmp(items->item[i].group, group) == 0;
    return n;
}

static void expect_count(const struct task *task, const struct task_query *query, uint32_t items,
                         uint32_t left_out)
{
    struct task_count count;
    assert_int_equal(task_count(&count, task, query), STATUS_OK);
    assert_int_equal(count.records, items + left_out);
    assert_int_equal(count.left_out, left_out);
}

static void test_own_items(void **state)
{
    (void)state;
    for (size_t t = 0; t < KNOWN_COUNT; t++) {
        struct task *task = open_task(KNOWN[t].name);
        struct task_query query = {.data = ITEMS};
        struct task_items items;
        assert_int_equal(task_items(&items, task, &query), STATUS_OK);
        assert_int_equal(items.count, 12);
        expect_count(task, &query, 12, 0);
        for (uint32_t i = 0; i < items.count; i++) {
            assert_int_equal(items.item[i].index, i);
            check_item(task, &items.item[i]);
            for (uint32_t k = 0; k < i; k++)
                assert_string_not_equal(items.item[i].doc_id, items.item[k].doc_id);
        }
        task_items_finish(&items);
        task_close(&task);
    }
}

/* Right answers are spread: a definition that takes a wrong field for the answer is noticed. */
static void test_gold(void **state)
{
    static const struct {
        const char *name, *gold;
    } rows[] = {{"arc_challenge", "213010231011"}, {"hellaswag", "201302130213"},
                {"winogrande", "011001100110"},    {"mmlu", "120320311302"},
                {"m_mmlu", "120310322013"},        {"xnli", "202001210201"}};
    (void)state;
    for (size_t t = 0; t < sizeof(rows) / sizeof(*rows); t++) {
        struct task *task = open_task(rows[t].name);
        struct task_query query = {.data = ITEMS};
        struct task_items items;
        char found[16] = "";
        assert_int_equal(task_items(&items, task, &query), STATUS_OK);
        for (uint32_t i = 0; i < items.count; i++)
            found[i] = (char)('0' + items.item[i].gold);
        assert_string_equal(found, rows[t].gold);
        task_items_finish(&items);
        task_close(&task);
    }
}

/* Whole prompts by the field's conventions. */
static const struct {
    const char *name;
    uint32_t item, shots;
    const char *prompt, *answer; /* the right choice, or the target */
} PROMPTS[] = {
    {"arc_challenge", 0, 0,
     "Question: Which of these gives light of its own?\nAnswer:", " the Sun"},
    {"hellaswag", 1, 0, "Playing football: A boy runs towards the ball. He",
     " kicks it towards the goal."},
    {"winogrande", 1, 0, "The suitcase did not fit into the car because the car",
     " was too small."},
    {"mmlu", 0, 0,
     "The following are multiple choice questions (with answers) about astronomy.\n\nWhich "
     "planet is closest to the Sun?\nA. Mars\nB. Mercury\nC. Saturn\nD. Neptune\nAnswer:",
     " B"},
    {"mmlu", 8, 1,
     "The following are multiple choice questions (with answers) about mathematics.\n\nHow "
     "many "
     "sides does a triangle have?\nA. three\nB. four\nC. five\nD. six\nAnswer: A\n\nWhat is 7 "
     "times 8?\nA. 54\nB. 56\nC. 58\nD. 64\nAnswer:",
     " B"},
    {"xnli", 0, 0, "Der Hund schläft unter dem Tisch.", ", richtig? Nein, Der Hund ist wach."},
    {"mgsm", 1, 0,
     "Frage: Ein Kasten hat 12 Flaschen. Wie viele Flaschen sind in 100 Kästen?\n"
     "Schritt-für-Schritt-Antwort:",
     "1200"},
    {"flores200", 0, 0, "English: The museum opens at nine in the morning.\nGerman:",
     "Das Museum öffnet um neun Uhr morgens."},
    {"gsm8k", 5, 1,
     "Question: Ben is 11 years old. His father is 4 times as old. How old is his father?\n"
     "Answer: He is 11*4=<<11*4=44>>44 years old.\n#### 44\n\nQuestion: A train goes 80 "
     "kilometres an hour. How far does it go in 3 hours?\nAnswer:",
     "240"},
    {"gsm8k", 8, 0,
     "Question: A shop sells 250 loaves a day. How many does it sell in 6 days?\nAnswer:", "1500"},
    {"math500", 1, 0, "Problem:\nSolve $2x+3=11$ for $x$.\n\nSolution:", "4"},
    {"integration", 11, 0, "Integrate[Sin[x]*Cos[x], x] =", "Sin[x]^2/2"},
    {"mbpp", 0, 1,
     "You are an expert Python programmer, and here is your task: Write a function to round "
     "the "
     "square root of a number down. Your code should pass these tests:\n\nassert floor_root(16)"
     " == 4\nassert floor_root(17) == 4\nassert floor_root(0) == 0\n[BEGIN]\nimport "
     "math\n\ndef "
     "floor_root(n):\n    return math.isqrt(n)\n[DONE]\n\nYou are an expert Python programmer, "
     "and here is your task: Write a function to find the smaller of two numbers. Your code "
     "should pass these tests:\n\nassert smaller(1, 2) == 1\nassert smaller(5, -4) == -4\n"
     "assert smaller(0, 0) == 0\n[BEGIN]\n",
     "def smaller(a, b):\n    return a if a < b else b"},
};

static void test_prompts(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof(PROMPTS) / sizeof(*PROMPTS); t++) {
        struct task *task = open_task(PROMPTS[t].name);
        struct task_query query = {
            .data = ITEMS, .first = PROMPTS[t].item, .limit = 1, .shots = PROMPTS[t].shots};
        struct task_items items;
        assert_int_equal(task_items(&items, task, &query), STATUS_OK);
        assert_int_equal(items.count, 1);
        const struct task_item *item = &items.item[0];
        const struct task_choice *right = item->n_choices ? &item->choice[item->gold] : NULL;
        assert_string_equal(right && right->context ? right->context : item->prompt,
                            PROMPTS[t].prompt);
        assert_string_equal(right ? right->text : item->target, PROMPTS[t].answer);
        task_items_finish(&items);
        task_close(&task);
    }
}

/* In chat form examples are turns; the last message is that of an item without examples. */
static void expect_turns(const struct task_item *item, const struct task_item *without)
{
    if (item->n_choices > 0) {
        assert_true(item->n_turns == 0 && !item->instruction);
        return;
    }
    assert_int_equal(item->n_turns, 1);
    assert_int_equal(without->n_turns, 0);
    assert_string_equal(item->instruction,
                        without->instruction ? without->instruction : without->prompt);
    assert_true(item->turn[0].user[0] && item->turn[0].assistant[0]);
    assert_null(strstr(item->turn[0].assistant, "[DONE]")); /* of plain prompts alone */
}

/* With examples, no item is one of them; without, all records are items. */
static void test_examples_are_no_items(void **state)
{
    (void)state;
    for (size_t t = 0; t < KNOWN_COUNT; t++) {
        struct task *task = open_task(KNOWN[t].name);
        struct task_query all = {.data = ITEMS}, some = {.data = ITEMS, .shots = 1};
        struct task_items whole, items;
        assert_int_equal(task_items(&whole, task, &all), STATUS_OK);
        const enum status st = task_items(&items, task, &some);
        if (strcmp(task->name, "humaneval") == 0) { /* sets none aside */
            assert_int_equal(st, STATUS_INPUT);
            assert_non_null(strstr(log_last_error(), "found 1 shots, expected at most 0"));
        } else {
            assert_int_equal(st, STATUS_OK);
            assert_true(items.count >= 6 && items.count < 12);
        }
        for (uint32_t i = 0; i < items.count; i++) {
            const struct task_item *item = &items.item[i], *same = &whole.item[item->index];
            const struct task_choice *a = item->choice, *b = same->choice;
            const char *with = a && a->context ? a->context : item->prompt,
                       *without = b && b->context ? b->context : same->prompt;
            assert_string_equal(item->doc_id, same->doc_id);
            assert_true(strlen(with) > strlen(without));
            expect_turns(item, same);
        }
        task_items_finish(&items);
        task_items_finish(&whole);
        task_close(&task);
    }
}

static void test_spread(void **state)
{
    struct task *task = open_task("mmlu");
    struct task_items items;
    (void)state;
    for (uint32_t n = 1; n <= 14; n++) {
        const struct task_query query = {.data = ITEMS, .spread = n};
        uint32_t least = 12, most = 0;
        assert_int_equal(task_items(&items, task, &query), STATUS_OK);
        assert_int_equal(items.count, n < 12 ? n : 12);
        static const char *const groups[] = {"astronomy", "geography", "mathematics"};
        for (int g = 0; g < 3; g++) {
            const uint32_t count = count_group(&items, groups[g]);
            least = count < least ? count : least;
            most = count > most ? count : most;
        }
        assert_true(most - least <= 1);
        task_items_finish(&items);
    }
    task_close(&task);
}

/* A user's task: an own file, examples in the definition, conditions and lists in templates. */
static void test_own_task(void **state)
{
    static const char text[] =
        "{\"name\": \"own\", \"kind\": \"choices\", \"data\": {\"format\": \"jsonl\", \"files\": "
        "[\"gsm8k/test.jsonl\"]}, \"fields\": {\"n\": \"{{ answer.split('#### ')[1] }}\"}, "
        "\"template\": \"{% if row == 0 %}First. {% endif %}{{ question.split('?')[0] }}?\\n\", "
        "\"choices\": \"{{ [n, n ~ '0', 'none'] }}\", \"labels\": [\"a\", \"b\", \"c\"], \"gold\": "
        "\"a\", \"delimiter\": \"= \", \"few_shot\": {\"shots\": 1, \"records\": [{\"question\": "
        "\"1 + 1?\", \"n\": \"2\"}]}, \"chance\": 0.3}";
    struct task *task = NULL;
    struct task_items items;
    (void)state;
    assert_int_equal(task_read(&task, text, strlen(text), "own.json"), STATUS_OK);
    const struct task_query query = {.data = ITEMS, .shots = task->shots};
    assert_int_equal(task_items(&items, task, &query), STATUS_OK);
    assert_int_equal(items.count, 12); /* examples in the definition take none away */
    assert_string_equal(items.item[0].prompt,
                        "First. 1 + 1?\n= 2\n\nFirst. A shelf has 4 boards with 9 books on each. "
                        "How many books are on the shelf?\n");
    assert_string_equal(items.item[0].choice[1].text, "= 360");
    assert_int_equal(items.item[11].gold, 0);
    assert_true(items.chance == 0.3);
    task_items_finish(&items);
    task_close(&task);
}

/* Examples as turns of a chat: the header comes first, the answer has its own form for chats. */
static void test_turns(void **state)
{
    static const char text[] =
        "{\"name\": \"own\", \"kind\": \"generation\", \"data\": {\"format\": \"jsonl\", "
        "\"files\": "
        "[\"gsm8k/test.jsonl\"]}, \"template\": \"Q: {{ question }}\", \"header\": \"Sums.\\n\", "
        "\"target\": \"{{ answer.split('#### ')[1] }}\", \"extract\": \"gsm8k_flexible\", "
        "%s\"few_shot\": "
        "{\"records\": [{\"question\": \"1 + 1?\", \"answer\": \"#### 2\"}, {\"question\": \"3 + "
        "4?\", "
        "\"answer\": \"#### 7\"}]}}";
    static const struct {
        const char *more, *first, *second, *reply, *last;
    } rows[] = {
        {"", "Sums.\nQ: 1 + 1?", "Q: 3 + 4?", "7", "Q: "},
        {"\"instruction\": \"Solve {{ question }}\", ", "Solve 1 + 1?", "Solve 3 + 4?", "7",
         "Solve "},
        {"\"example\": \"= {{ answer }}\", ", "Sums.\nQ: 1 + 1?", "Q: 3 + 4?", "= #### 7", "Q: "},
        {"\"example\": \"no\", \"reply\": \"It is {{ answer }}\", ", "Sums.\nQ: 1 + 1?",
         "Q: 3 + 4?", "It is #### 7", "Q: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char own[1024];
        struct task *task = NULL;
        struct task_items items;
        const struct task_query query = {.data = ITEMS, .shots = 2};
        snprintf(own, sizeof(own), text, rows[i].more);
        assert_int_equal(task_read(&task, own, strlen(own), "own.json"), STATUS_OK);
        assert_int_equal(task_items(&items, task, &query), STATUS_OK);
        const struct task_item *item = &items.item[3];
        assert_int_equal(item->n_turns, 2);
        assert_string_equal(item->turn[0].user, rows[i].first);
        assert_string_equal(item->turn[1].user, rows[i].second);
        assert_string_equal(item->turn[1].assistant, rows[i].reply);
        assert_memory_equal(item->instruction, rows[i].last, strlen(rows[i].last));
        assert_memory_equal(item->prompt, "Sums.\nQ: 1 + 1? ", 16); /* of the plain form */
        task_items_finish(&items);
        task_close(&task);
    }
}

/* A record that is left out is neither item nor example, and takes no place of one: the others are
 * those of a file without it. */
static void test_left_out(void **state)
{
    static const char head[] =
        "{\"name\": \"own\", \"kind\": \"generation\", \"data\": {\"format\": \"csv\", \"files\": "
        "[\"mmlu/*_test.csv\"]}, \"fields\": {\"subject\": \"{{ file }}\"}, \"id\": \"{{ subject "
        "}}/{{ row }}\", \"group\": \"{{ subject }}\", \"template\": \"{{ question }}\", "
        "\"target\": \"{{ answer }}\", \"extract\": \"first_line\", \"few_shot\": {\"pool\": 1";
    (void)state;
    for (int by_group = 0; by_group < 2; by_group++) {
        struct task *whole = NULL, *task = NULL;
        char text[1024];
        snprintf(text, sizeof(text), "%s%s}}", head, by_group ? ", \"of\": \"group\"" : "");
        assert_int_equal(task_read(&whole, text, strlen(text), "whole.json"), STATUS_OK);
        struct task_items all, items;
        const struct task_query query = {.data = ITEMS};
        assert_int_equal(task_items(&all, whole, &query), STATUS_OK);
        for (uint32_t out = 0; out < all.count; out++) {
            snprintf(text, sizeof(text), "%s%s}, \"leave_out\": [\"none/0\", \"%s\"]}", head,
                     by_group ? ", \"of\": \"group\"" : "", all.item[out].doc_id);
            assert_int_equal(task_read(&task, text, strlen(text), "own.json"), STATUS_OK);
            for (uint32_t shots = 0; shots < 2; shots++) {
                for (uint32_t spread = 0; spread < 13; spread++) {
                    const struct task_query some = {
                        .data = ITEMS, .shots = shots, .spread = spread};
                    const uint32_t pool = shots == 0 ? 0 : by_group ? 3 : 1;
                    assert_int_equal(task_items(&items, task, &some), STATUS_OK);
                    assert_int_equal(items.count, spread > 0 && spread < all.count - 1 - pool
                                                      ? spread
                                                      : all.count - 1 - pool);
                    for (uint32_t i = 0; i < items.count; i++) {
                        assert_int_not_equal(items.item[i].index, out);
                        assert_null(strstr(items.item[i].prompt, all.item[out].prompt));
                    }
                    task_items_finish(&items);
                }
            }
            const struct task_query range = {.data = ITEMS, .first = out, .limit = 2};
            assert_int_equal(task_items(&items, task, &range), STATUS_OK);
            assert_int_equal(items.count, out + 1 < all.count);
            task_items_finish(&items);
            task_close(&task);
        }
        task_items_finish(&all);
        task_close(&whole);
    }
}

/* A missing or malformed member of a record gives one line with file, line and field. */
static void test_bad_records(void **state)
{
    static const struct {
        const char *change, *line; /* members of the definition; the message's middle */
    } rows[] = {
        {"\"template\": \"{{ quesion }}\"",
         "/gsm8k/test.jsonl:1: template, line 1 of the template: found 'quesion', which is "
         "undefined"},
        {"\"template\": \"\\n{{ question.x.y }}\"", "test.jsonl:1: template, line 2"},
        {"\"template\": \"{{ question }}\", \"gold\": \"7\"",
         "test.jsonl:1: gold: found '7', expected the place, from 0, of the 2 choices"},
        {"\"template\": \"{{ question }}\", \"choices\": \"{{ question }}\"",
         "test.jsonl:1: choices, line 1 of the template: found a text, expected a list"},
        {"\"template\": \"{{ question }}\", \"choices\": \"{{ ['a'] }}\"",
         "test.jsonl:1: choices: found 1, expected 2 to 64"},
        {"\"template\": \"{{ question }}\", \"choices\": \"a {{ ['a'] }}\"",
         "test.jsonl:1: choices, line 1 of the template: found more than one"},
        {"\"template\": \"{{ question }}\", \"delimiter\": \"\", \"choices\": [\"a\", \"\"]",
         "test.jsonl:1: choices: found an empty text as choice 1"},
        {"\"template\": \"{{ question }}\", \"labels\": [\"a\", \"b\"]",
         "test.jsonl:1: gold: found '1', expected the label of one of the 2 choices"},
        {"\"template\": \"{{ question }}\", \"labels\": \"{{ [1] }}\"",
         "test.jsonl:1: labels: found 1, expected 2, one for each choice"},
        {"\"contexts\": \"{{ ['a'] }}\"", "test.jsonl:1: contexts: found 1, expected 2"},
        {"\"template\": \"{{ question }}\", \"fields\": {\"f\": \"{{ no }}\"}",
         "test.jsonl:1: f, line 1 of the template: found 'no', which is undefined"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[1024];
        const bool choices = strstr(rows[i].change, "\"choices\"") != NULL,
                   gold = strstr(rows[i].change, "\"gold\"") != NULL;
        struct task *task = NULL;
        struct task_items items;
        snprintf(text, sizeof(text),
                 "{\"name\": \"own\", \"kind\": \"choices\", \"data\": {\"format\": \"jsonl\", "
                 "\"files\": [\"gsm8k/test.jsonl\"]}, %s%s%s}",
                 rows[i].change, choices ? "" : ", \"choices\": [\"a\", \"b\"]",
                 gold ? "" : ", \"gold\": \"1\"");
        assert_int_equal(task_read(&task, text, strlen(text), "own.json"), STATUS_OK);
        const struct task_query query = {.data = ITEMS};
        assert_int_equal(task_items(&items, task, &query), STATUS_INPUT);
        if (!strstr(log_last_error(), rows[i].line))
            assert_string_equal(log_last_error(), rows[i].line);
        assert_int_equal(items.count, 0);
        task_close(&task);
    }
}

static void test_public_counts(void **state)
{
    const char *data = getenv("VKFI_DATA");
    (void)state;
    if (!data || !data[0])
        skip();
    for (size_t t = 0; t < KNOWN_COUNT; t++) {
        struct task *task = open_task(KNOWN[t].name);
        struct task_query query = {.data = data};
        struct task_items items;
        assert_int_equal(task_items(&items, task, &query), STATUS_OK);
        assert_int_equal(items.count, KNOWN[t].public_count);
        assert_int_equal(count_group(&items, KNOWN[t].group), KNOWN[t].group_count);
        expect_count(task, &query, items.count,
                     strcmp(task->name, "integration") == 0 ? 88 : 0); /* cannot be checked */
        assert_true(items.chance - KNOWN[t].chance < 1e-5 && KNOWN[t].chance - items.chance < 1e-5);
        for (uint32_t i = 0; i < items.count; i++)
            check_item(task, &items.item[i]);
        task_items_finish(&items);
        task_close(&task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_items),   cmocka_unit_test(test_gold),
        cmocka_unit_test(test_prompts),     cmocka_unit_test(test_examples_are_no_items),
        cmocka_unit_test(test_spread),      cmocka_unit_test(test_own_task),
        cmocka_unit_test(test_turns),       cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_bad_records), cmocka_unit_test(test_public_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
