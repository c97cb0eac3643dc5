/* SPDX-License-Identifier: MIT */
/* Prompts for one user message: as the models' own templates make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "model/chat.h"
#include "model_files.h"
#include "tokenizer_fixture.h"

static void check(const char *chat_template, enum chat_format format, const char *user,
                  const char *expected)
{
    static struct fixture f;
    struct arena arena = {0};
    char *prompt;

    fixture_bpe(&f, "qwen2");
    f.chat_template = chat_template;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(chat_detect(f.gguf), format);
    assert_int_equal(chat_render(f.gguf, &arena, user, &prompt), STATUS_OK);
    assert_string_equal(prompt, expected);
    arena_finish(&arena);
    fixture_close(&f);
}

#define TURNS "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"

static void test_plain(void **state)
{
    (void)state;
    check(NULL, CHAT_PLAIN, " hi\n", " hi\n");
    check("{{ messages[0].content }}", CHAT_PLAIN, "", "");
    assert_string_equal(chat_name(CHAT_PLAIN), "plain");
    assert_string_equal(chat_name(CHAT_CHATML), "chatml");
    assert_string_equal(chat_name(CHAT_GEMMA), "gemma");
}

static void test_gemma(void **state)
{
    static const char text[] =
        "{{ bos_token }}{% for m in messages %}{{ '<start_of_turn>' + m.role + '\n' + "
        "(m.content | trim) + '<end_of_turn>\n' }}{% endfor %}";

    (void)state;
    check(text, CHAT_GEMMA, " \n hi there \n",
          "<start_of_turn>user\nhi there<end_of_turn>\n<start_of_turn>model\n");
    check(text, CHAT_GEMMA, " ", "<start_of_turn>user\n<end_of_turn>\n<start_of_turn>model\n");
}

/* The default system message is the first system turn spelled out in the template. */
static void test_chatml(void **state)
{
    (void)state;
    check("{{ '<|im_start|>' + m.role }}", CHAT_CHATML, "hi", TURNS);
    check("{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}", CHAT_CHATML, "hi",
          "<|im_start|>system\nBe kind.<|im_end|>\n" TURNS);
    check("{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
          "{{- '<|im_start|>system\\nIt\\'s \\\"A\\\"\\nB\\\\.<|im_end|>\\n' }}",
          CHAT_CHATML, "hi", "<|im_start|>system\nIt's \"A\"\nB\\.<|im_end|>\n" TURNS);
    check("{{ \"<|im_start|>system\\nIt's\" ~ x ~ \"<|im_end|>\" }}", CHAT_CHATML, "hi", TURNS);
    check("<|im_start|>system\nplain 'text'<|im_end|>\n", CHAT_CHATML, "hi",
          "<|im_start|>system\nplain 'text'<|im_end|>\n" TURNS);
    check("<|im_start|>system\n{{ s }}<|im_end|>\n", CHAT_CHATML, "hi", TURNS);
    check("{{ '<|im_start|>system\\n", CHAT_CHATML, "hi", TURNS);
    check("{{ '<|im_start|>system", CHAT_CHATML, "hi", TURNS);
}

static void check_prompt(const struct gguf *gguf, const struct tokenizer *tk,
                         const struct json *test)
{
    const struct json *user = json_get(test, "chat_user"), *expected = json_get(test, "ids");
    const char *prompt = json_text(json_get(test, "prompt"));
    struct arena arena = {0};
    char *rendered;
    int32_t *ids;
    size_t count;

    if (json_type(user) == JSON_TEXT) {
        assert_int_equal(chat_render(gguf, &arena, json_text(user), &rendered), STATUS_OK);
        assert_string_equal(rendered, prompt);
    }
    assert_int_equal(tokenizer_encode(tk, &arena,
                                      &(struct tokenizer_text){prompt, strlen(prompt),
                                                               json_type(user) == JSON_TEXT},
                                      &ids, &count),
                     STATUS_OK);
    assert_int_equal(count, json_count(expected));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ids[i], (int32_t)json_number(json_at(expected, i)));
    arena_finish(&arena);
}

/* Every prompt of the runs with logits. */
static void test_references(void **state)
{
    static const struct {
        const char *name;
        enum chat_format format;
    } models[] = {
        {"smollm2-135m", CHAT_CHATML},
        {"gemma3-270m", CHAT_PLAIN},
        {"qwen2.5-coder-0.5b", CHAT_CHATML},
    };
    int checked = 0;

    (void)state;
    for (size_t m = 0; m < 3; m++) {
        char file[64];
        struct gguf *gguf;
        struct tokenizer *tk;
        struct json_doc *doc;
        const char *model = model_files_path(models[m].name);
        snprintf(file, sizeof(file), "%s.json", models[m].name);
        if (!model) {
            print_message("%s: the model is missing\n", models[m].name);
            continue;
        }
        assert_int_equal(gguf_open(&gguf, model), STATUS_OK);
        assert_int_equal(chat_detect(gguf), models[m].format);
        assert_int_equal(tokenizer_create(&tk, gguf), STATUS_OK);
        assert_int_equal(json_load(&doc, model_files_reference(file)), STATUS_OK);
        const struct json *cases = json_get(json_root(doc), "cases");
        for (size_t i = 0; i < json_count(cases); i++) {
            if (json_type(json_get(json_at(cases, i), "prompt")) == JSON_TEXT)
                check_prompt(gguf, tk, json_at(cases, i));
        }
        json_destroy(&doc);
        tokenizer_destroy(&tk);
        gguf_close(&gguf);
        checked++;
    }
    if (checked == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_gemma),
        cmocka_unit_test(test_chatml),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
