/* SPDX-License-Identifier: MIT */
/* Prompts for one user message: as the models' own templates make them, or refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "model/chat.h"
#include "model/template.h"
#include "model_files.h"
#include "tokenizer_fixture.h"

#define USER " Name three\nrivers.  " /* of the .expect files in templates */
#define ONES "1 and 1 and 1 and 1 and 1 and 1 and "
#define HEAD "fixture: key 'tokenizer.chat_template': "

static void check(const char *own, const struct chat_message *message, const char *expected)
{
    static struct fixture f;
    struct arena arena = {0};
    char *prompt;

    fixture_spm(&f);
    f.chat_template = own;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(chat_render(f.gguf, &arena, message, &prompt), STATUS_OK);
    assert_string_equal(prompt, expected);
    arena_finish(&arena);
    fixture_close(&f);
}

static void describe(const char *own, const char *name, const char *problem)
{
    static struct fixture f;
    struct arena arena = {0};
    struct chat_format format;

    fixture_spm(&f);
    f.chat_template = own;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(chat_describe(f.gguf, &arena, &format), STATUS_OK);
    assert_string_equal(format.name, name);
    assert_string_equal(format.problem, problem);
    arena_finish(&arena);
    fixture_close(&f);
}

#define CHATML                                                                                     \
    "{% for m in messages %}{{ '<|im_start|>' ~ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor "  \
    "%}<|im_start|>assistant\n\n"
#define TURNS "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"

/* Without a name the file's own template, with one the built-in, whatever the file says. */
static void test_choice(void **state)
{
    static const struct {
        const char *name, *prompt;
    } built_in[] = {
        {"plain", " hi "},
        {"chatml", "<|im_start|>user\n hi <|im_end|>\n<|im_start|>assistant\n"},
        {"gemma", "<s><start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n"},
        {"llama3", "<s><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
                   "<|start_header_id|>assistant<|end_header_id|>\n\n"},
        {"phi", "<|user|>\n hi <|end|>\n<|assistant|>\n"},
    };

    (void)state;
    check(NULL, &(struct chat_message){.user = " hi\n", .template = NULL}, " hi\n");
    check("<{{ messages[0].content }}>", &(struct chat_message){.user = "a", .template = NULL},
          "<a>");
    check("{{ eos_token ~ unk_token }}", &(struct chat_message){.user = "a", .template = NULL},
          "</s>");
    for (size_t i = 0; i < sizeof(built_in) / sizeof(*built_in); i++) {
        assert_true(chat_is_template(built_in[i].name));
        check("own", &(struct chat_message){.user = " hi ", .template = built_in[i].name},
              built_in[i].prompt);
    }
    assert_false(chat_is_template("Llama3"));
}

/* Turns before the message, by the file's own template and by those with a name. */
static void test_turns(void **state)
{
    static const struct template_turn turns[] = {{"a ", "b"}, {"c", " d"}};
    static const struct {
        const char *name, *prompt;
    } built_in[] = {
        {NULL, "user=a ;assistant=b;user=c;assistant= d;user=e;"},
        {"plain", "e"},
        {"chatml", "<|im_start|>user\na <|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
                   "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n d<|im_end|>\n"
                   "<|im_start|>user\ne<|im_end|>\n<|im_start|>assistant\n"},
        {"gemma", "<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n"
                  "<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\nd<end_of_turn>\n"
                  "<start_of_turn>user\ne<end_of_turn>\n<start_of_turn>model\n"},
        {"phi", "<|user|>\na <|end|>\n<|assistant|>\nb<|end|>\n<|user|>\nc<|end|>\n<|assistant|>\n "
                "d<|end|>\n<|user|>\ne<|end|>\n<|assistant|>\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(built_in) / sizeof(*built_in); i++)
        check("{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}",
              &(struct chat_message){
                  .user = "e", .template = built_in[i].name, .turn = turns, .n_turns = 2},
              built_in[i].prompt);
}

/* Messages with their roles are those of turns, and may be of a system too. */
static void test_messages(void **state)
{
    static const struct template_message turns[] = {
        {"user", "a "}, {"assistant", "b"}, {"user", "c"}, {"assistant", " d"}, {"user", "e"}};
    static const struct template_turn same[] = {{"a ", "b"}, {"c", " d"}};
    static const struct template_message system[] = {{"system", "s"}, {"user", "u"}};
    static const char *const built_in[] = {NULL, "chatml", "gemma", "llama3", "phi", "plain"};
    static struct fixture f;
    (void)state;
    fixture_spm(&f);
    f.chat_template = CHATML;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    for (size_t i = 0; i < sizeof(built_in) / sizeof(*built_in); i++) {
        struct arena arena = {0};
        char *given, *expected;
        const struct chat_message by_turns = {
            .user = "e", .template = built_in[i], .turn = same, .n_turns = 2};
        const struct chat_message by_messages = {
            .template = built_in[i], .message = turns, .n_messages = 5};
        assert_int_equal(chat_render(f.gguf, &arena, &by_turns, &expected), STATUS_OK);
        assert_int_equal(chat_render(f.gguf, &arena, &by_messages, &given), STATUS_OK);
        assert_string_equal(given, expected);
        arena_finish(&arena);
    }
    fixture_close(&f);
    check(NULL, &(struct chat_message){.template = "chatml", .message = system, .n_messages = 2},
          "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n"
          "<|im_start|>assistant\n");
}

static void test_description(void **state)
{
    (void)state;
    describe(NULL, "none", "");
    describe(CHATML, "chatml", "");
    describe("{{ 'You are kind.' }}" CHATML, "own", "");
    describe("{{ messages[0]['content'] }}", "plain", "");
    describe("a\n{% include 'x' %}", "refused",
             "line 2: found the tag {% include %}, which is not run here (for, if, set, macro, "
             "break, continue, generation)");
}

static void refuse(const char *text, const char *message)
{
    static struct fixture f;
    struct arena arena = {0};
    char *prompt;

    fixture_spm(&f);
    f.chat_template = text;
    assert_int_equal(fixture_open(&f), STATUS_OK);
    assert_int_equal(chat_render(f.gguf, &arena,
                                 &(struct chat_message){.user = "hi", .template = NULL}, &prompt),
                     STATUS_INPUT);
    assert_null(prompt);
    if (strncmp(log_last_error(), HEAD, strlen(HEAD)) != 0 || !strstr(log_last_error(), message) ||
        !strstr(log_last_error(), "--template"))
        fail_msg("'%s': found '%s', expected '%s'", text, log_last_error(), message);
    arena_finish(&arena);
    fixture_close(&f);
}

/* Every construct beyond the subset is named, with its line. */
static void test_refusals(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"\n{{ x | batch(2) }}", "line 2: found the filter 'batch', which is not run here"},
        {"{{ 'a' is foo }}", "line 1: found the test 'foo', which is not run here"},
        {"{{ 'a'.encode() }}", "line 1: found a call of 'encode', which is not run here"},
        {"{{ cycler('a') }}", "line 1: found 'cycler', which is not run here"},
        {"{{ 'a'.strip(1, 2) }}", "line 1: found argument 2 of 'strip', which is not run here"},
        {"{{ 'a' | tojson(sort_keys=true) }}",
         "line 1: found argument 1 sort_keys of 'tojson', which is not run here"},
        {"{% raw %}{% endraw %}", "line 1: found the tag {% raw %}"},
        {"{% for a in b recursive %}{% endfor %}", "line 1: found a recursive loop"},
        {"{{ 1.5 }}", "line 1: found a number with a fraction, which is not run here"},
        {"{{ 1 / 2 }}", "line 1: found the operator /, which is not run here"},
        {"{{ 2 ** 3 }}", "line 1: found the operator **"},
        {"{{ f(*a) }}", "line 1: found an argument with *"},
        {"{{ x.y }}\n{{ x.y.z }}", "line 1: found 'y' of 'x', which is undefined"},
        {"{% if true %}", "line 1: found the end, expected else"},
        {"{{ 'a }}", "line 1: found a string without its closing '"},
        {"{# a", "line 1: found a comment without #}"},
        {"{{ a", "line 1: found no }} at the end"},
        {"{{ (a }}", "line 1: found '}' without its opening"},
        {"{{ 'É'.lower() }}", "line 1: found a change of case of a text that is not ASCII"},
        {"{{ ['é'] }}", "line 1: found a list or dict with a text that is not ASCII"},
        {"{{ strftime_now('%s') }}", "line 1: found %s in the format of strftime_now"},
        {"\n\n{{ raise_exception('No system turns') }}",
         "line 3: the template refuses this prompt: No system turns"},
        {"{{ 9223372036854775807 + 1 }}", "line 1: found a number beyond 64 bits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        refuse(cases[i].text, cases[i].message);
}

/* Templates that would take forever, or all memory, or the stack. */
static void test_bounds(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{% for a in range(99999) %}{{ " ONES ONES ONES ONES "1 }}{% endfor %}",
         "line 1: the template takes more than 4000000 steps"},
        {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "line 1: found "},
        {"{% set n = namespace(t='aaaaaaaa') %}{% for i in range(99) %}{% set n.t = n.t + n.t %}"
         "{% endfor %}",
         "line 1: the template makes more than 268435456 bytes of values"},
        {"{{ 'a' * 99999999999 }}", "line 1: the template makes more than "},
        {"{% set t = 'a' * 9000000 %}{{ t }}{{ t }}", "line 1: the template writes more than "},
        {"{{ range(1000000000) }}", "line 1: found a range() of 1000000000 numbers"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        refuse(cases[i].text, cases[i].message);
}

/* A hundred thousand brackets, operators or blocks are refused before the stack ends. */
static void test_depth(void **state)
{
    static const char *const parts[][2] = {{"{{ (((((", "("},
                                           {"{{ [", "["},
                                           {"{{ not", " not"},
                                           {"{{ -", "-"},
                                           {"{{ 1", "+1"},
                                           {"{{ a", ".a"},
                                           {"{{ a", "[a"},
                                           {"{{ 1 if 1", " else 1 if 1"},
                                           {"{% if 1 %}", "{% if 1 %}"},
                                           {"{% for a in b %}", "{% for a in b %}"},
                                           {"{{ a", "|trim"},
                                           {"{{ a", "()"},
                                           {"{% if 1 %}", "{% elif 1 %}"},
                                           {"{{ {1:", "{1:"},
                                           {"{{ 1", " and 1"},
                                           {"{{ 1", " < 1"}};

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        struct text source = {0}, out = {0};
        struct arena arena = {0};
        struct template *template;
        struct template_problem problem = {0};
        const struct template_context context = {.user = "hi", .user_size = 2};
        assert_int_equal(text_addf(&source, "%s", parts[i][0]), STATUS_OK);
        for (int n = 0; n < 30000; n++)
            assert_int_equal(text_addf(&source, "%s", parts[i][1]), STATUS_OK);
        assert_int_equal(text_addf(&source, "%s", source.data[1] == '{' ? " }}" : "{% endif %}"),
                         STATUS_OK);
        enum status st = template_parse(&template, &arena, source.data, source.size, &problem);
        if (!st)
            st = template_render(template, &context, &out, &problem);
        assert_true(!st || (st == STATUS_INPUT && problem.text[0]));
        text_finish(&source);
        text_finish(&out);
        arena_finish(&arena);
    }
}

/* Templates with the constructs of public models', and jinja2's results. */
static void test_templates(void **state)
{
    static const char *const names[] = {
        "chatml",       "command-r", "deepseek", "gemma",    "gemma3",   "granite",
        "hermes",       "llama2",    "llama3",   "llama3.1", "llama3.2", "mistral",
        "mistral-nemo", "phi3",      "phi4",     "qwen2",    "qwen2.5",  "qwen3",
        "smollm2",      "smollm3",   "vicuna",   "zephyr"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct arena arena = {0};
        struct template *template;
        struct template_problem problem = {0};
        struct text out = {0};
        char path[512], *source, *expected;
        size_t size, expected_size;
        const struct template_context context = {
            .user = USER, .user_size = strlen(USER), .begin = "<s>", .end = "</s>"};
        snprintf(path, sizeof(path), "%s/tests/model/templates/%s.jinja", VKFI_SOURCE, names[i]);
        assert_int_equal(file_read(&arena, path, &source, &size), STATUS_OK);
        snprintf(path, sizeof(path), "%s/tests/model/templates/%s.expect", VKFI_SOURCE, names[i]);
        assert_int_equal(file_read(&arena, path, &expected, &expected_size), STATUS_OK);
        assert_int_equal(template_parse(&template, &arena, source, size, &problem), STATUS_OK);
        assert_int_equal(template_render(template, &context, &out, &problem), STATUS_OK);
        assert_string_equal(out.data, expected);
        text_finish(&out);
        arena_finish(&arena);
    }
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
        assert_int_equal(
            chat_render(gguf, &arena,
                        &(struct chat_message){.user = json_text(user), .template = NULL},
                        &rendered),
            STATUS_OK);
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
        const char *name, *format;
    } models[] = {
        {"smollm2-135m", "own"},
        {"gemma3-270m", "none"},
        {"qwen2.5-coder-0.5b", "own"},
    };
    int checked = 0;

    (void)state;
    for (size_t m = 0; m < 3; m++) {
        char file[64];
        struct gguf *gguf;
        struct tokenizer *tk;
        struct json_doc *doc;
        struct arena arena = {0};
        struct chat_format format;
        const char *model = model_files_path(models[m].name);
        snprintf(file, sizeof(file), "%s.json", models[m].name);
        if (!model) {
            print_message("%s: the model is missing\n", models[m].name);
            continue;
        }
        assert_int_equal(gguf_open(&gguf, model), STATUS_OK);
        assert_int_equal(chat_describe(gguf, &arena, &format), STATUS_OK);
        assert_string_equal(format.name, models[m].format);
        assert_int_equal(tokenizer_create(&tk, gguf), STATUS_OK);
        assert_int_equal(json_load(&doc, model_files_reference(file)), STATUS_OK);
        const struct json *cases = json_get(json_root(doc), "cases");
        for (size_t i = 0; i < json_count(cases); i++) {
            if (json_type(json_get(json_at(cases, i), "prompt")) == JSON_TEXT)
                check_prompt(gguf, tk, json_at(cases, i));
        }
        json_destroy(&doc);
        tokenizer_destroy(&tk);
        arena_finish(&arena);
        gguf_close(&gguf);
        checked++;
    }
    if (checked == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),     cmocka_unit_test(test_turns),
        cmocka_unit_test(test_messages),   cmocka_unit_test(test_description),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_depth),      cmocka_unit_test(test_templates),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
