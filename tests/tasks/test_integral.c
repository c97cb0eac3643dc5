/* SPDX-License-Identifier: MIT */
/* Antiderivatives: hand-made answers, hostile ones, and every record of Rubi's suites if found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tasks/integral.h"
#include "tasks/task.h"

struct row {
    const char *integrand, *answer;
    enum integral_verdict verdict;
};

#define RIGHT INTEGRAL_RIGHT
#define WRONG INTEGRAL_WRONG
#define NOT INTEGRAL_NOT_PARSED

static const struct row ROWS[] = {
    {"x", "x^2/2", RIGHT},
    {"x", "x^2/2 + C", RIGHT},
    {"x", "x^2/2 + c_1", RIGHT},
    {"x", "x**2/2", RIGHT},
    {"x", "0.5*x**2", RIGHT},
    {"x", "\\frac{x^2}{2}", RIGHT},
    {"x", "\\frac12 x^2", RIGHT},
    {"x", "\\frac{1}{2}x^{2} + 7", RIGHT},
    {"x", "x\xC2\xB2/2", RIGHT},
    {"x", "x^2", WRONG},
    {"x", "-x^2/2", WRONG},
    {"x", "C x^2/2", WRONG},
    {"x", "x^2/2 + q", NOT},
    {"x", "y^2/2", NOT},
    {"x", "", NOT},
    {"x", "x^2/", NOT},
    {"x", "\\int x dx", NOT},
    {"x", "foo(x)", NOT},
    {"x", "x^2/2 = y", NOT},
    {"x", "x^2/0", INTEGRAL_UNDECIDED},
    {"x", "I do not know", NOT},
    {"1/x", "\\ln x", RIGHT},
    {"1/x", "\\ln|x|", RIGHT},
    {"1/x", "\\ln \\left| x \\right| + C", RIGHT},
    {"1/x", "log(abs(x))", RIGHT},
    {"1/x", "math.log(x)", RIGHT},
    {"1/x", "np.log(np.abs(x))", RIGHT},
    {"1/x", "lnx", RIGHT},
    {"1/x", "ln(3x)", RIGHT},
    {"1/x", "Log[x]", RIGHT},
    {"1/x", "\\log(x^2)/2", RIGHT},
    {"1/x", "\\log_{10} x", WRONG},
    {"1/x", "ln(10) \\log_{10} x", RIGHT},
    {"1/x", "-1/x^2", WRONG},
    {"Cos[x]", "\\sin x", RIGHT},
    {"Cos[x]", "sin(x)", RIGHT},
    {"Cos[x]", "sinx", RIGHT},
    {"Cos[x]", "\\cos x", WRONG},
    {"Cos[x]", "-sin(x)", WRONG},
    {"Sin[x]*Cos[x]", "\\frac{1}{2} \\sin^2 x", RIGHT},
    {"Sin[x]*Cos[x]", "-\\cos^2(x)/2", RIGHT},
    {"Sin[x]*Cos[x]", "-\\frac{\\cos 2x}{4}", RIGHT},
    {"Sin[x]*Cos[x]", "-1/4 cos(2x)", RIGHT},
    {"Sin[x]*Cos[x]", "sin(x)^2/2", RIGHT},
    {"Sin[x]*Cos[x]", "\\sin x \\cos x", WRONG},
    {"1/(1 + x^2)", "\\arctan x", RIGHT},
    {"1/(1 + x^2)", "\\tan^{-1}(x)", RIGHT},
    {"1/(1 + x^2)", "\\tan^{-1} x", RIGHT},
    {"1/(1 + x^2)", "atan(x)", RIGHT},
    {"1/(1 + x^2)", "arctan x", RIGHT},
    {"1/(1 + x^2)", "-arccot(x)", RIGHT},
    {"1/(1 + x^2)", "1/tan(x)", WRONG},
    {"1/Sqrt[1 - x^2]", "arcsin x", RIGHT},
    {"1/Sqrt[1 - x^2]", "-\\arccos x", RIGHT},
    {"1/Sqrt[1 - x^2]", "\\operatorname{arcsin}(x)", RIGHT},
    {"1/Sqrt[x^2 + 1]", "\\ln(x + \\sqrt{x^2+1})", RIGHT},
    {"1/Sqrt[x^2 + 1]", "\\operatorname{arsinh} x", RIGHT},
    {"1/Sqrt[x^2 + 1]", "asinh(x)", RIGHT},
    {"1/Sqrt[x]", "2\\sqrt{x}", RIGHT},
    {"1/Sqrt[x]", "2\\sqrt x", RIGHT},
    {"1/Sqrt[x]", "2\xE2\x88\x9Ax", RIGHT},
    {"1/Sqrt[x]", "2x^{1/2}", RIGHT},
    {"1/Sqrt[x]", "2*x**0.5", RIGHT},
    {"x^(1/3)", "\\frac{3}{4}\\sqrt[3]{x^4}", RIGHT},
    {"x^(1/3)", "3/4 x^(4/3)", RIGHT},
    {"E^x", "e^x", RIGHT},
    {"E^x", "e^{x} + C", RIGHT},
    {"E^x", "exp(x)", RIGHT},
    {"E^x", "\\exp(x)", RIGHT},
    {"E^x*x", "(x-1)e^x", RIGHT},
    {"E^x*x", "xe^x - e^x", RIGHT},
    {"E^x*x", "xe^x", WRONG},
    {"E^(-x^2)", "\\frac{\\sqrt{\\pi}}{2} \\operatorname{erf}(x)", RIGHT},
    {"E^(-x^2)", "sqrt(pi)/2*erf(x)", RIGHT},
    {"Sec[x]", "\\ln|\\sec x + \\tan x|", RIGHT},
    {"Sec[x]", "ln|sec(x)+tan(x)| + C", RIGHT},
    {"Tan[x]", "-\\ln|\\cos x|", RIGHT},
    {"Sec[x]^2", "\\tan x", RIGHT},
    {"Abs[x]", "x^2/2", WRONG},
    {"Abs[x]", "x|x|/2", RIGHT},
    {"Log[x]", "x \\ln x - x", RIGHT},
    {"Log[x]", "x(\\ln x - 1)", RIGHT},
    {"Log[x]", "x \\ln(x) - x + C", RIGHT},
    {"Log[x]", "1/x", WRONG},
    {"Log[x]/x", "\\frac{(\\ln x)^2}{2}", RIGHT},
    {"Log[x]/x", "\\frac{\\ln^2 x}{2}", RIGHT},
    {"Log[x]/x", "\\frac12 \\ln^2|x|", RIGHT},
    {"1/Log[x]", "li(x)", RIGHT},
    {"1/Log[x]", "\\operatorname{Ei}(\\ln x)", RIGHT},
    {"Sin[x]/x", "Si(x)", RIGHT},
    {"a*x^n", "\\frac{a x^{n+1}}{n+1}", RIGHT},
    {"a*x^n", "a x^n", WRONG},
    {"1/(a^2 + x^2)", "\\frac{1}{a}\\arctan\\frac{x}{a}", RIGHT},
    {"1/(a^2 + x^2)", "(1/a) arctan(x/a)", RIGHT},
    {"1/Sqrt[a^2 - x^2]", "arcsin(x/a)", RIGHT},
    {"1/(a*x + b)", "\\frac{1}{a} \\ln|ax+b|", RIGHT},
    {"1/(a*x + b)", "ln(ax+b)", WRONG},
    {"1/(a*x + b)", "ln(a*x+b)/a + c", RIGHT},
    {"Sqrt[x - 3]", "2/3 (x-3)^(3/2)", RIGHT},
    {"Sqrt[-a - x]", "-2/3 (-a-x)^(3/2)", RIGHT},
    {"1/(x*(Log[x]))", "ln(ln(x))", RIGHT},
    {"Sinh[x]", "\\cosh x", RIGHT},
    {"Sinh[x]", "(e^x + e^{-x})/2", RIGHT},
    {"2*x*Cos[x^2]", "\\sin(x^2)", RIGHT},
    {"2*x*Cos[x^2]", "\\sin x^2", RIGHT},
    {"2^x", "2^x/\\ln 2", RIGHT},
    {"2^x", "\\frac{2^x}{\\ln(2)}", RIGHT},
    {"x", "\\left(\\frac{x^2}{2}\\right)", RIGHT},
    {"x", "[x^2]/2", RIGHT},
    {"x", "x\\cdot x/2", RIGHT},
    {"x", "x \\times x \\div 2", RIGHT},
    {"x", "1{,}0x", NOT},
    {"Cos[x", "sin(x)", INTEGRAL_NO_PROBLEM},
    {"Sqrt[-1 - x^2]", "x", INTEGRAL_NO_PROBLEM},
    {"I*x", "x", INTEGRAL_NO_PROBLEM},
};

static void test_rows(void **state)
{
    int bad = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct integral_problem problem = {ROWS[i].integrand, "x"};
        enum integral_verdict verdict;
        assert_int_equal(integral_check(&verdict, &problem, ROWS[i].answer), STATUS_OK);
        if (verdict != ROWS[i].verdict) {
            print_error("%s, answer %s: %s, expected %s\n", ROWS[i].integrand, ROWS[i].answer,
                        integral_verdict_name(verdict), integral_verdict_name(ROWS[i].verdict));
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

/* `piece` repeated in `size` bytes, then `end`. */
static char *repeated(const char *piece, size_t size, const char *end)
{
    const size_t n = strlen(piece);
    char *text = malloc(size + strlen(end) + 1);

    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = piece[i % n];
    strcpy(text + size, end);
    return text;
}

/* Never right, never a crash; the test's time limit bounds the cost. */
static void test_hostile(void **state)
{
    static const char *const pieces[] = {
        "(",       "x",    "x+",       "x*",       "x^",       "-",    "sin ",     "\\frac{",
        "\\sqrt{", "1/",   "{",        "|",        "1/0+",     "ln(",  "\\left(",  "np.",
        "9",       "x^x^", "sin(x)",   "ln|",      "\\frac1x", "x**",  "\\",       "e^",
        "!",       "x!",   "\xCF\x80", "[",        "sin^2",    "log_", "_",        ".",
        "C",       "\xFF", "1.5.",     "tan^{-1}", "+",        "x^2",  "asin(x)*", "abs x",
        "gamma(",  "x/",   "x!+x^x*"};
    static const size_t sizes[] = {50, 500, 5000, 19999, 1000000};
    const struct integral_problem problem = {"x*Log[x]", "x"};
    (void)state;
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            for (int end = 0; end < 2; end++) {
                char *text = repeated(pieces[p], sizes[s], end ? "x" : "");
                enum integral_verdict verdict;
                assert_int_equal(integral_check(&verdict, &problem, text), STATUS_OK);
                assert_int_not_equal(verdict, INTEGRAL_RIGHT);
                free(text);
            }
        }
    }
}

/* The values of one line of a suite: integrand, variable, steps, antiderivative. */
static size_t values_of(char *line, char *value[8])
{
    size_t n = 0;
    int depth = 0;

    value[n++] = line + 1;
    for (char *at = line + 1; *at; at++) {
        depth += strchr("[({", *at) != NULL;
        if (strchr("])}", *at) && depth-- == 0) {
            *at = 0;
            return n;
        }
        if (*at == ',' && depth == 0 && n < 8) {
            *at = 0;
            value[n++] = at + 1 + strspn(at + 1, " ");
        }
    }
    return n;
}

static enum integral_verdict answered(const struct integral_problem *problem, const char *format,
                                      const char *antiderivative)
{
    struct text answer = {0};
    enum integral_verdict verdict;

    for (const char *at = format; *at; at++)
        assert_int_equal(*at == '@' ? text_add(&answer, antiderivative, strlen(antiderivative))
                                    : text_add(&answer, at, 1),
                         STATUS_OK);
    assert_int_equal(integral_check(&verdict, problem, answer.data), STATUS_OK);
    text_finish(&answer);
    return verdict;
}

/* A usable record's answer is right as a model writes it, and wrong when changed. */
static void check_usable(const struct integral_problem *p, char *antiderivative, int *unread)
{
    char changed[256];

    assert_int_not_equal(answered(p, "1.01 (@)", antiderivative), INTEGRAL_RIGHT);
    assert_int_not_equal(answered(p, "-(@)", antiderivative), INTEGRAL_RIGHT);
    snprintf(changed, sizeof(changed), "(@) (1 + %s/50)", p->variable);
    assert_int_not_equal(answered(p, changed, antiderivative), INTEGRAL_RIGHT);
    const enum integral_verdict verdict = answered(p, "@ + C", antiderivative);
    for (char *at = antiderivative; *at; at++)
        *at = *at == '[' ? '(' : *at == ']' ? ')' : *at;
    assert_int_equal(answered(p, "(@) + C", antiderivative), verdict);
    if (verdict != INTEGRAL_RIGHT)
        print_message("%s as an answer: %s\n", integral_verdict_name(verdict), antiderivative);
    *unread += verdict != INTEGRAL_RIGHT;
}

/* Every record of the suites in $VKFI_DATA/integration. */
static void test_suites(void **state)
{
    const char *data = getenv("VKFI_DATA");
    char pattern[1024];
    static char line[1 << 16];
    glob_t files;
    int count = 0, usable = 0, unread = 0;
    (void)state;
    snprintf(pattern, sizeof(pattern), "%s/integration/* Problems.m", data ? data : "");
    if (!data || glob(pattern, 0, NULL, &files) != 0) {
        print_message("skipped: no Rubi suites, VKFI_DATA names no folder with integration/\n");
        skip();
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "r");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
            char *value[8] = {NULL};
            enum integral_verdict verdict;
            if (line[0] != '{')
                continue;
            const size_t n = values_of(line, value);
            assert_true(n >= 3);
            const struct integral_problem problem = {value[0], value[1]};
            assert_int_equal(integral_usable(&verdict, &problem, n > 3 ? value[3] : ""), STATUS_OK);
            count++;
            usable += verdict == INTEGRAL_RIGHT;
            if (verdict == INTEGRAL_RIGHT)
                check_usable(&problem, value[3], &unread);
            else
                print_message("left out, %s: %.100s\n", integral_verdict_name(verdict), value[0]);
        }
        fclose(file);
    }
    globfree(&files);
    print_message("%d of %d integrals are usable, %d of them not as a model writes them\n", usable,
                  count, unread);
    assert_true(usable >= 1750);
    assert_int_equal(unread, 0);
}

/* The task leaves out, by name, exactly the records that cannot be scored. */
static void test_task_items(void **state)
{
    static const char every[] =
        "{\"name\": \"every\", \"kind\": \"generation\", \"data\": {\"format\": \"rubi\", "
        "\"files\": [\"integration/* Problems.m\"]}, \"id\": \"{{ file.removesuffix(' Problems') "
        "}}/{{ row }}\", \"template\": \"f\", \"integrand\": \"{{ integrand }}\", \"variable\": "
        "\"{{ variable }}\", \"target\": \"{{ antiderivative }}\", \"extract\": \"integral\"}";
    const struct task_query query = {.data = getenv("VKFI_DATA")};
    struct task *task = NULL, *all = NULL;
    struct task_items items, records;
    uint32_t at = 0, wrong = 0;
    (void)state;
    if (!query.data) {
        print_message("skipped: VKFI_DATA names no folder with integration/\n");
        skip();
    }
    assert_int_equal(task_open(&task, VKFI_SOURCE "/tasks/definitions/integration.json"),
                     STATUS_OK);
    assert_int_equal(task_read(&all, every, strlen(every), "every.json"), STATUS_OK);
    assert_int_equal(task_items(&items, task, &query), STATUS_OK);
    assert_int_equal(task_items(&records, all, &query), STATUS_OK);
    for (uint32_t i = 0; i < records.count; i++) {
        const struct task_item *item = &records.item[i];
        const struct integral_problem problem = {item->integrand, item->variable};
        enum integral_verdict verdict;
        assert_int_equal(integral_usable(&verdict, &problem, item->target), STATUS_OK);
        const bool is_item = at < items.count && strcmp(items.item[at].doc_id, item->doc_id) == 0;
        at += is_item;
        if (is_item == (verdict == INTEGRAL_RIGHT))
            continue;
        print_message("%s: %s, but %s\n", item->doc_id, integral_verdict_name(verdict),
                      is_item ? "an item" : "none");
        wrong++;
    }
    print_message("%u of %u records are items\n", items.count, records.count);
    assert_int_equal(wrong, 0);
    assert_int_equal(at, items.count);
    task_items_finish(&items);
    task_items_finish(&records);
    task_close(&task);
    task_close(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_task_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
