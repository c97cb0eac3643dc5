/* SPDX-License-Identifier: MIT */
/* Equality of mathematical answers: hand-made pairs, MATH-500 if found, hostile texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "tasks/extract.h"
#include "tasks/math_equal.h"

static const char *const SAME[][2] = {
    {"5", "5"},
    {"5", "5.0"},
    {"5", "+5"},
    {"-5", "\xE2\x88\x92"
           "5"},
    {"0.5", ".5"},
    {"0.5", "0.50"},
    {"0.5", "\\frac{1}{2}"},
    {"1/2", "\\frac{1}{2}"},
    {"\\frac12", "\\frac{1}{2}"},
    {"\\dfrac{1}{2}", "\\frac{1}{2}"},
    {"\\tfrac12", "1/2"},
    {"\\frac{2}{4}", "\\frac{1}{2}"},
    {"-\\frac{1}{2}", "\\frac{-1}{2}"},
    {"-\\frac{1}{2}", "-0.5"},
    {"\\frac{1}{-2}", "-1/2"},
    {"\\frac 59", "\\frac{5}{9}"},
    {"\\frac9{19}", "\\frac{9}{19}"},
    {"\\frac{270}7\\text{ degrees}", "\\frac{270}{7}"},
    {"3/4", "0.75"},
    {"75\\%", "75"},
    {"75%", "75"},
    {"75 percent", "75"},
    {"\\$18.90", "18.90"},
    {"$18.90$", "18.9"},
    {"\\$36", "36"},
    {"\\$32,\\!348", "32348"},
    {"58,500", "58500"},
    {"1,000,000", "1000000"},
    {"10,\\!080", "10080"},
    {"11,\\! 111,\\! 111,\\! 100", "11111111100"},
    {"1{,}234", "1234"},
    {"1\\,234", "1234"},
    {"90^\\circ", "90"},
    {"90^{\\circ}", "90"},
    {"90\xC2\xB0", "90^\\circ"},
    {"90 degrees", "90^\\circ"},
    {"90\\text{ degrees}", "90"},
    {"5 \\text{ cm}", "5"},
    {"5\\text{ cm}^2", "5"},
    {"15\\mbox{ cm}^2", "15"},
    {"864 \\mbox{ inches}^2", "864"},
    {"864 square inches", "864"},
    {"5.4 \\text{ cents}", "5.4"},
    {"5.4 cents", "5.4"},
    {"12 cm", "12"},
    {"12cm", "12"},
    {"12 \\mathrm{ km}", "12"},
    {"3 hours", "3"},
    {"x = 5", "5"},
    {"x=5", "5"},
    {"5", "x=5"},
    {"x=5", "x = 5"},
    {"x = \\frac{1}{2}", "0.5"},
    {"f(x) = 2x", "2x"},
    {"\\theta = 30^\\circ", "30"},
    {"x_1 = 3", "3"},
    {"y = 2x + 3", "2x+3"},
    {"y = 2x + 3", "y=3+2x"},
    {"x \\in [-2,7]", "[-2,7]"},
    {"x\\in[-2, 7]", "x \\in [-2,7]"},
    {"\\sqrt{51}", "\\sqrt{51}"},
    {"\\sqrt51", "\\sqrt{5}1"},
    {"\\sqrt2", "\\sqrt{2}"},
    {"\\sqrt 2", "\\sqrt{2}"},
    {"\xE2\x88\x9A"
     "2",
     "\\sqrt{2}"},
    {"sqrt(2)", "\\sqrt{2}"},
    {"11\\sqrt2", "11 \\sqrt{2}"},
    {"2\\sqrt{2}", "\\sqrt{8}"},
    {"\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"},
    {"\\frac{3\\sqrt{3}}{4}", "\\frac{3}{4}\\sqrt{3}"},
    {"\\sqrt[3]{8}", "2"},
    {"2^{10}", "1024"},
    {"2^3", "8"},
    {"10^{-3}", "0.001"},
    {"3\\times 10^2", "300"},
    {"3 \\cdot 100", "300"},
    {"\\pi", "\xCF\x80"},
    {"2\\pi", "2 \\pi"},
    {"18+2\\pi", "2\\pi + 18"},
    {"\\frac{\\pi}{6}", "\\pi/6"},
    {"12\\pi", "\\pi \\cdot 12"},
    {"\\frac{20000}{\\pi}", "20000/\\pi"},
    {"e^2", "e^{2}"},
    {"\\ln 2", "\\ln(2)"},
    {"\\log_2 8", "3"},
    {"5!", "120"},
    {"(3,4)", "(3, 4)"},
    {"(3,4)", "\\left(3,4\\right)"},
    {"(3,\\frac{1}{2})", "(3,0.5)"},
    {"\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\pi/2)"},
    {"(3,4]", "\\left( 3, 4 \\right]"},
    {"[0,1)", "[0, 1.0)"},
    {"(-\\infty, 0]", "(-\\infty,0]"},
    {"(2,\\infty)", "(2, +\\infty)"},
    {"(2,\\infty)", "(2,\xE2\x88\x9E)"},
    {"(0,9) \\cup (9,36)", "(0,9)\\cup(9,36)"},
    {"(-\\infty, 2) \\cup (3, \\infty)", "(-\\infty,2)\xE2\x88\xAA(3,\\infty)"},
    {"\\left[ \\frac{\\pi^2}{8}, \\frac{5 \\pi^2}{4} \\right]", "[\\pi^2/8, 5\\pi^2/4]"},
    {"(1,-16,-4,43)", "(1, -16, -4, 43)"},
    {"\\{1,2,3\\}", "\\{ 1, 2, 3 \\}"},
    {"\\{1,2\\}", "\\left\\{1,2\\right\\}"},
    {"\\{1\\pm\\sqrt{5},-2\\}", "\\{1+\\sqrt{5},1-\\sqrt{5},-2\\}"},
    {"3, 5, 7", "3,5,7"},
    {"1,-2", "1, -2"},
    {"-2,1", "-2 \\text{ and } 1"},
    {"3 \\text{ or } 4", "3,4"},
    {"1 \\pm \\sqrt{19}", "1\\pm\\sqrt{19}"},
    {"1 \\pm \\sqrt{19}", "1+\\sqrt{19}, 1-\\sqrt{19}"},
    {"3 \\pm 2 \\sqrt{2}", "3 \\pm \\sqrt{8}"},
    {"\\begin{pmatrix} -1/3 \\\\ 2/3 \\\\ 5/3 \\end{pmatrix}",
     "\\begin{pmatrix}-\\frac{1}{3}\\\\ \\frac{2}{3}\\\\ \\frac{5}{3}\\end{pmatrix}"},
    {"\\begin{pmatrix} -1 & 0 \\\\ 0 & -1 \\end{pmatrix}",
     "\\begin{bmatrix}-1&0\\\\0&-1\\end{bmatrix}"},
    {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ 2 \\\\ \\end{pmatrix}"},
    {"\\text{Evelyn}", "Evelyn"},
    {"\\text{Evelyn}", "evelyn"},
    {"\\text{east}", "\\textbf{east}"},
    {"\\mbox{even}", "Even"},
    {"\\text{(C)}", "(C)"},
    {"\\text{(C)}", "C"},
    {"\\textbf{(B)}", "\\text{B}"},
    {"52_8", "52_{8}"},
    {"4210_{5}", "4210_5"},
    {"4343_6", "4343_{6}"},
    {"p - q", "-q + p"},
    {"p - q", "p-q"},
    {"2k+2", "2(k+1)"},
    {"(a+5)(b+2)", "ab+2a+5b+10"},
    {"(a+5)(b+2)", "(b+2)(a+5)"},
    {"6r^2-4r-24", "2(3r^2-2r-12)"},
    {"x^3+3x-6", "x^{3} + 3x - 6"},
    {"5r^5", "5 r^{5}"},
    {"3R^2", "3R^{2}"},
    {"\\frac{11+9a}{20}", "(11+9a)/20"},
    {"\\cot x", "\\cot(x)"},
    {"\\cot x", "\\frac{\\cos x}{\\sin x}"},
    {"\\cot x", "\\frac{1}{\\tan x}"},
    {"6 - 5i", "6-5i"},
    {"6 - 5i", "-5i+6"},
    {"1+274i", "274i + 1"},
    {"5x - 7y + 11z + 4 = 0", "5x-7y+11z+4=0"},
    {"x^2 + y^2 = 1", "1 = x^2+y^2"},
    {"1\\frac{4}{5}", "\\frac{9}{5}"},
    {"137 \\frac{1}{2}", "137.5"},
    {"1 4/5", "1.8"},
    {"-1\\frac{4}{5}", "-1.8"},
    {".0672", "0.0672"},
    {".35625", "0.35625"},
    {"1.25", "\\frac{5}{4}"},
    {"5.", "5"},
    {" 5 ", "5"},
    {"\\boxed{5}", "5"},
    {"\\(5\\)", "5"},
    {"\\[5\\]", "5"},
    {"$5$", "5"},
    {"\\displaystyle 5", "5"},
    {"|{-5}|", "5"},
    {"\\left|-5\\right|", "5"},
    {"8n^2 + 4n + 1", "1+4n+8n^2"},
    {"x^5 - x^4 + x^3 - x^2 + x - 1", "x^5-x^4+x^3-x^2+x-1"},
    {"\\sin 30", "\\sin(30)"},
    {"100000000000000000001", "100,000,000,000,000,000,001"},
    {"12 \\text{ feet}", "12"},
    {"\\text{Area} = 12", "\\text{area} = 12"},
    {"10\\text{ square units}", "10"},
    {"0", "-0"},
    {"2^{0.5}", "\\sqrt{2}"},
    {"1 + 1 = 2", "2"},
    {"A = \\frac{48}{2} = 24", "24"},
    {"\\text{Number of clips} = \\frac{48}{2} = 24", "24"},
};

static const char *const DIFFERENT[][2] = {
    {"5", "6"},
    {"5", "-5"},
    {"5", ""},
    {"", ""},
    {"5", "50"},
    {"5", "5.01"},
    {"1/3", "0.333"},
    {"1/3", "0.33333333"},
    {"\\frac{1}{2}", "\\frac{1}{3}"},
    {"\\frac{1}{2}", "\\frac{2}{1}"},
    {"\\frac12", "12"},
    {"50\\%", "0.5"},
    {"58,500", "58.5"},
    {"58,500", "585"},
    {"1,234", "1,235"},
    {"1, 234", "1234"},
    {"90", "\\pi/2"},
    {"9007199254740993", "9007199254740992"},
    {"100000000000000000001", "100000000000000000000"},
    {"\\pi", "3.14159265"},
    {"\\pi", "3.14"},
    {"\\sqrt{2}", "1.414"},
    {"\\sqrt{2}", "2"},
    {"\\sqrt{51}", "\\sqrt{15}"},
    {"3\\sqrt{13}", "13\\sqrt{3}"},
    {"\\sqrt{-1}", "\\sqrt{-2}"},
    {"1/0", "2/0"},
    {"x=5", "x=6"},
    {"x=5", "y=5"},
    {"x=5", "6"},
    {"y = 2x + 3", "y = 3x + 2"},
    {"y = 2x + 3", "2x - 3"},
    {"(3,4)", "(4,3)"},
    {"(3,4)", "[3,4]"},
    {"(3,4)", "(3,4]"},
    {"(3,4)", "(3,4,5)"},
    {"(3,4)", "(3,5)"},
    {"(3,4)", "\\{3,4\\}"},
    {"(3,4)", "3,4"},
    {"(3,4)", "(34)"},
    {"(3,4)", "(3.4)"},
    {"[0,1)", "[0,1]"},
    {"(2,\\infty)", "(-\\infty,2)"},
    {"(2,\\infty)", "[2,\\infty)"},
    {"(0,9) \\cup (9,36)", "(0,36)"},
    {"(0,9) \\cup (9,36)", "(0,9) \\cup (9,35)"},
    {"\\{1,2\\}", "\\{2,1\\}"},
    {"\\{1,2\\}", "\\{1,2,3\\}"},
    {"\\{1\\}", "\\{2\\}"},
    {"3, 5, 7", "3, 5"},
    {"3, 5, 7", "3, 7, 5"},
    {"3, 5, 7", "357"},
    {"1,-2", "1,2"},
    {"1 \\pm \\sqrt{19}", "1 + \\sqrt{19}"},
    {"1 \\pm \\sqrt{19}", "1 \\pm \\sqrt{17}"},
    {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 1 & 2 \\end{pmatrix}"},
    {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix} 2 \\\\ 1 \\end{pmatrix}"},
    {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "(1,2)"},
    {"\\text{Evelyn}", "\\text{Navin}"},
    {"\\text{east}", "\\text{seat}"},
    {"\\text{east}", "\\text{west}"},
    {"\\text{even}", "\\text{odd}"},
    {"\\text{(C)}", "\\text{(B)}"},
    {"C", "c"},
    {"(\\text{A}, \\text{B})", "(\\text{A}, \\text{C})"},
    {"52_8", "52"},
    {"52_8", "52_9"},
    {"52_8", "42"},
    {"4210_{5}", "42105"},
    {"p - q", "q - p"},
    {"p - q", "p + q"},
    {"2k+2", "2k+1"},
    {"2k", "2"},
    {"2k", "2m"},
    {"(a+5)(b+2)", "(a+2)(b+5)"},
    {"x^2", "x^3"},
    {"x^2", "2x"},
    {"6 - 5i", "6 + 5i"},
    {"6 - 5i", "6-5"},
    {"5x - 7y + 11z + 4 = 0", "5x - 7y + 11z - 4 = 0"},
    {"1\\frac{4}{5}", "\\frac{4}{5}"},
    {"1\\frac{4}{5}", "14/5"},
    {"\\cot x", "\\tan x"},
    {"\\cot x", "\\cot y"},
    {"7\\pi", "7"},
    {"no solution", "0"},
    {"\\text{none}", "0"},
    {"\\infty", "-\\infty"},
    {"\\emptyset", "0"},
    {"5 \\text{ cm}", "6 \\text{ cm}"},
    {"\\$18.90", "\\$18.09"},
    {"2^{100}", "2^{101}"},
    {"\\frac{1}{2", "\\frac{1}{2}"},
    {"((5)", "5"},
    {"5)", "5"},
    {"foo(5)", "5"},
    {"A", "B"},
    {"11\\sqrt2", "\\sqrt{112}"},
    {"0.1", "0.10000001"},
    {"x \\in [-2,7]", "x \\in (-2,7)"},
    {"3 or 4", "34"},
    {"2x + 1 = 5", "5"},
    {"A = 48 = 24", "24"},
    {"x + 1 = 0", "0"},
    {"A = 48 = 24", "48"},
};

static bool equals(const char *a, const char *b)
{
    bool same, back;

    assert_int_equal(math_equal(&same, a, b), STATUS_OK);
    assert_int_equal(math_equal(&back, b, a), STATUS_OK);
    if (same != back)
        print_error("'%s' and '%s': not symmetric\n", a, b);
    assert_int_equal(same, back);
    return same;
}

static void test_pairs(void **state)
{
    const size_t n = sizeof(SAME) / sizeof(SAME[0]), k = sizeof(DIFFERENT) / sizeof(DIFFERENT[0]);
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < n + k; i++) {
        const char *const *pair = i < n ? SAME[i] : DIFFERENT[i - n];
        if (equals(pair[0], pair[1]) == (i < n))
            continue;
        struct arena arena = {0};
        print_error("'%s' (%s) and '%s' (%s): expected %s\n", pair[0], math_normal(&arena, pair[0]),
                    pair[1], math_normal(&arena, pair[1]), i < n ? "equal" : "different");
        arena_finish(&arena);
        wrong++;
    }
    print_message("%zu pairs\n", n + k);
    assert_int_equal(wrong, 0);
}

/* Reference answers of MATH-500 with different spellings of the same value. */
static bool are_twins(const char *a, const char *b)
{
    static const char *const twins[][2] = {{"x=5", "5"}, {"\\frac14", "\\frac{1}{4}"}};

    for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
        if ((strcmp(a, twins[i][0]) == 0 && strcmp(b, twins[i][1]) == 0) ||
            (strcmp(b, twins[i][0]) == 0 && strcmp(a, twins[i][1]) == 0))
            return true;
    }
    return false;
}

/* Each reference answer equals itself and its boxed form, and no other one. */
static void test_math500(void **state)
{
    const char *data = getenv("VKFI_DATA");
    char path[1024];
    static char line[1 << 16];
    const char *answer[500];
    struct arena arena = {0};
    size_t n = 0;
    int wrong = 0;
    (void)state;
    snprintf(path, sizeof(path), "%s/math500/test.jsonl", data ? data : "");
    FILE *file = data ? fopen(path, "r") : NULL;
    if (!file) {
        print_message("skipped: no MATH-500, VKFI_DATA names no folder with math500/\n");
        skip();
    }
    while (n < 500 && fgets(line, sizeof(line), file)) {
        struct json_doc *doc = NULL;
        assert_int_equal(json_parse(&doc, line, strlen(line), "math500"), STATUS_OK);
        const char *text = json_text(json_get(json_root(doc), "answer"));
        assert_non_null(text);
        answer[n++] = arena_text(&arena, text, strlen(text));
        json_destroy(&doc);
    }
    fclose(file);
    for (size_t i = 0; i < n; i++) {
        char *boxed = arena_printf(&arena, "So it is $\\boxed{%s}$.", answer[i]);
        const char *found = NULL;
        assert_int_equal(extract_answer(&found, &arena, "boxed", boxed), STATUS_OK);
        assert_non_null(found);
        if (!equals(answer[i], answer[i]) || !equals(found, answer[i])) {
            print_error("'%s' is not itself, or not its boxed form\n", answer[i]);
            wrong++;
        }
        for (size_t k = 0; k < i; k++) {
            const char *a = math_normal(&arena, answer[i]), *b = math_normal(&arena, answer[k]);
            if (strcmp(a, b) != 0 && !are_twins(answer[i], answer[k]) &&
                equals(answer[i], answer[k])) {
                print_error("'%s' equals '%s'\n", answer[i], answer[k]);
                wrong++;
            }
        }
    }
    arena_finish(&arena);
    assert_int_equal(wrong, 0);
}

static void test_hostile(void **state)
{
    static const char *const pieces[] = {
        "(",       "{",   "[",      "\\{",     ",",        "1,",     "\\frac",   "\\frac{1}",
        "\\text{", "x^",  "-",      "\\pm",    "\\cup",    "=",      "\\\\",     "1/0+",
        "sin ",    "|",   "1 1/2 ", "cm ",     "\\!",      "$",      "\\boxed{", "\\begin{pmatrix}",
        "9",       "x*",  "1/",     "\xFF",    "\xE2\x88", "\\left", "_{",       "^{2}",
        "x!",      "foo", "e^",     "\\sqrt{", "a_1",      "(1,",    "1,000",    "\\"};
    static const size_t sizes[] = {30, 300, 1999, 1000000};
    const size_t most = 1000000;
    char *text = malloc(most + 1);
    (void)state;
    assert_non_null(text);
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            const size_t n = strlen(pieces[p]);
            for (size_t i = 0; i < sizes[s]; i++)
                text[i] = pieces[p][i % n];
            text[sizes[s]] = 0;
            assert_false(equals(text, "17/3"));
            text[sizes[s] - 1] = ')';
            assert_false(equals(text, "\\left(17, 3\\right)"));
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_math500),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
