/* SPDX-License-Identifier: MIT */
/* Command lines: every form of an option, every refusal, and the help page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/log.h"

struct values {
    bool json, quiet;
    const char *model;
    uint64_t count;
    double temp;
    int act;
    struct args_list device, operands;
};

/* Splits `line` at spaces and parses it. */
static enum status parse(struct values *v, const char *line, bool *done)
{
    static char copy[1024];
    char *argv[64] = {"vkfi"};
    int argc = 1;
    const struct args_option options[] = {
        {'m', "model", ARGS_TEXT, &v->model, "MODEL", "Path or name of the model.", 0, 0},
        {'n', "count", ARGS_UINT, &v->count, "N", "Tokens to generate (default 32).", 1, 4096},
        {0, "temp", ARGS_REAL, &v->temp, "T", "Temperature; 0 is greedy.", 0, 10},
        {0, "act", ARGS_CHOICE, &v->act, "f32|f16|bf16", "Storage type of activations.", 0, 0},
        {'d', "device", ARGS_LIST, &v->device, "DEV", "Device to run on.", 0, 0},
        {'j', "json", ARGS_FLAG, &v->json, NULL, "Prints JSON.", 0, 0},
        {'q', "quiet", ARGS_FLAG, &v->quiet, NULL,
         "Prints nothing but the result, not even progress on a terminal, whatever the length of "
         "the run may be.",
         0, 0},
        {0},
    };
    const struct args_spec spec = {
        .command = "vkfi run",
        .summary = "runs a model",
        .synopsis = "-m MODEL [options]",
        .details = "Reads the model, generates text\nand prints it.\n\n    $ vkfi run -m x\n\n"
                   "EXIT STATUS\n0 if all went well.\n",
        .options = options,
        .operands = strstr(line, "files") ? &v->operands : NULL,
    };

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return args_parse(&spec, argc, argv, done);
}

static struct values accept(const char *line)
{
    struct values v = {.count = 32};
    bool done;

    assert_int_equal(parse(&v, line, &done), STATUS_OK);
    assert_false(done);
    return v;
}

static void refuse(const char *line, const char *message)
{
    struct values v = {0};
    bool done;
    char expected[512];

    assert_int_equal(parse(&v, line, &done), STATUS_USAGE);
    assert_false(done);
    snprintf(expected, sizeof(expected), "run: %s", message);
    assert_string_equal(log_last_error(), expected);
}

static void every_form_is_read(void **state)
{
    (void)state;
    struct values v = accept("");
    assert_int_equal(v.count, 32);

    v = accept("-m a.gguf -n8 --temp=0.5 --act bf16 -jq");
    assert_string_equal(v.model, "a.gguf");
    assert_int_equal(v.count, 8);
    assert_true(v.temp == 0.5);
    assert_int_equal(v.act, 2);
    assert_true(v.json && v.quiet);

    v = accept("--model=a=b -jn10 --act=f32 --temp 1e-1");
    assert_string_equal(v.model, "a=b");
    assert_int_equal(v.count, 10);
    assert_true(v.json && !v.quiet && v.temp == 0.1);

    v = accept("-d cpu --device=0 -d1 --model -x");
    assert_int_equal(v.device.count, 3);
    assert_string_equal(v.device.item[0], "cpu");
    assert_string_equal(v.device.item[1], "0");
    assert_string_equal(v.device.item[2], "1");
    assert_string_equal(v.model, "-x");

    v = accept("files -j - -- -n --json");
    assert_int_equal(v.operands.count, 4);
    assert_string_equal(v.operands.item[1], "-");
    assert_string_equal(v.operands.item[2], "-n");
    assert_string_equal(v.operands.item[3], "--json");
    assert_int_equal(accept("-n 0x10").count, 16);
}

static void every_mistake_is_named(void **state)
{
    (void)state;
    refuse("--modle x", "found unknown option --modle, did you mean --model?");
    refuse("--hlep", "found unknown option --hlep, did you mean --help?");
    refuse("--frobnicate", "found unknown option --frobnicate, expected one of those that vkfi run "
                           "--help lists");
    refuse("-z", "found unknown option -z, expected one of those that vkfi run --help lists");
    refuse("-n 0", "found \"0\" for --count, expected a whole number from 1 to 4096");
    refuse("-n 4097", "found \"4097\" for --count, expected a whole number from 1 to 4096");
    refuse("-n -1", "found \"-1\" for --count, expected a whole number from 1 to 4096");
    refuse("-n 8x", "found \"8x\" for --count, expected a whole number from 1 to 4096");
    refuse("-n 99999999999999999999",
           "found \"99999999999999999999\" for --count, expected a whole number from 1 to 4096");
    refuse("--temp=nan", "found \"nan\" for --temp, expected a number from 0 to 10");
    refuse("--temp -1", "found \"-1\" for --temp, expected a number from 0 to 10");
    refuse("--act f3", "found \"f3\" for --act, expected one of f32|f16|bf16; did you mean 'f32'?");
    refuse("--act=f32|f16", "found \"f32|f16\" for --act, expected one of f32|f16|bf16");
    refuse("--model", "found --model without a value, expected MODEL");
    refuse("-j -m", "found --model without a value, expected MODEL");
    refuse("--model --json", "found option --json after --model, expected MODEL");
    refuse("--json=1", "found a value for --json, expected none");
    refuse("-n 9 -jn10", "found --count twice, expected it once");
    refuse("stray", "found \"stray\", expected only options");
    refuse("-n 0 --act x --jsn", "found \"0\" for --count, expected a whole number from 1 to 4096; "
                                 "found \"x\" for --act, expected one of f32|f16|bf16; "
                                 "found unknown option --jsn, did you mean --json?");
}

static void too_many_items_are_refused(void **state)
{
    (void)state;
    char *argv[2 * ARGS_LIST_MAX] = {"vkfi"};
    struct args_list list = {0};
    const struct args_option options[] = {{0}};
    const struct args_spec spec = {
        .command = "vkfi x", .summary = "", .synopsis = "", .options = options, .operands = &list};
    bool done;

    for (int i = 1; i <= ARGS_LIST_MAX + 1; i++)
        argv[i] = "word";
    assert_int_equal(args_parse(&spec, ARGS_LIST_MAX + 1, argv, &done), STATUS_OK);
    assert_int_equal(list.count, ARGS_LIST_MAX);
    list.count = 0;
    assert_int_equal(args_parse(&spec, ARGS_LIST_MAX + 2, argv, &done), STATUS_USAGE);
    assert_string_equal(log_last_error(),
                        "x: found more than 1024 operands, expected at most that");
}

static void nearest_words(void **state)
{
    (void)state;
    static const char *const words[] = {"run", "bench", "devices", "model"};

    assert_string_equal(args_nearest("rnu", words, 4), "run");
    assert_string_equal(args_nearest("device", words, 4), "devices");
    assert_string_equal(args_nearest("modle", words, 4), "model");
    assert_null(args_nearest("frobnicate", words, 4));
    assert_null(args_nearest("", words, 1 - 1));
    assert_null(args_nearest("xyz", words, 4));
}

static void the_help_page_is_a_page(void **state)
{
    (void)state;
    char page[4096];
    int ends[2];
    struct values v = {0};
    bool done = false;

    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    const enum status st = parse(&v, "--nonsense --help", &done);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    const ssize_t n = read(ends[0], page, sizeof(page) - 1);
    close(ends[0]);
    assert_int_equal(st, STATUS_OK);
    assert_true(done && n > 0);
    page[n] = '\0';
    assert_non_null(strstr(page, "NAME\n    vkfi run - runs a model\n\nSYNOPSIS\n"
                                 "    vkfi run -m MODEL [options]\n\nOPTIONS\n"
                                 "    -m, --model MODEL\n        Path or name of the model.\n\n"));
    assert_non_null(strstr(page, "    --act f32|f16|bf16\n"));
    assert_non_null(strstr(page, "    -d, --device DEV (may be repeated)\n"));
    assert_non_null(strstr(page, "        Prints nothing but the result, not even progress on a "
                                 "terminal, whatever\n        the length of the run may be.\n"));
    assert_non_null(strstr(page, "DESCRIPTION\n    Reads the model, generates text and prints "
                                 "it.\n\n        $ vkfi run -m x\n\n"
                                 "EXIT STATUS\n    0 if all went well.\n"));
    for (char *line = strtok(page, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),         cmocka_unit_test(every_mistake_is_named),
        cmocka_unit_test(too_many_items_are_refused), cmocka_unit_test(nearest_words),
        cmocka_unit_test(the_help_page_is_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
