/* SPDX-License-Identifier: MIT */
/* Extraction of boxed answers and antiderivatives; the time for long texts. */
#include "extract_table.h"

#include <stdlib.h>

static const struct extract_row BOXED[] = {
    {"The answer is $\\boxed{42}$.", "42"},
    {"\\boxed{\\frac{3}{4}}", "\\frac{3}{4}"},
    {"\\boxed{1} and then \\boxed{2}", "2"},
    {"\\fbox{7}", "7"},
    {"\\boxed 5$ ok", "5"},
    {"\\boxed {5}", "5"},
    {"\\boxed{\\text{(C)}}", "\\text{(C)}"},
    {"\\boxed{\\{1,2\\}}", "\\{1,2\\}"},
    {"\\boxed{\\boxed{9}}", "9"},
    {"\\boxed{ 12 }", "12"},
    {"\\boxed{3} so \\boxed{4", "3"},
    {"\\boxed{", NULL},
    {"\\boxed{}", NULL},
    {"\\boxed{} but x = 5", "5"},
    {"\\boxed{50\\%}", "50\\%"},
    {"\\boxed{\\$18.90}", "\\$18.90"},
    {"\\boxed{10,\\!080}", "10,\\!080"},
    {"\\boxed{-\\dfrac{1}{2}}", "-\\dfrac{1}{2}"},
    {"\\[\\boxed{\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}}\\]",
     "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"},
    {"$$\\boxed{x=5}$$", "x=5"},
    {"\\boxed{90^\\circ}", "90^\\circ"},
    {"\\boxed{(2,\\infty)}", "(2,\\infty)"},
    {"Final Answer: The final answer is $\\frac{1}{2}$. I hope it is correct.", "\\frac{1}{2}"},
    {"The answer is 42.", "42"},
    {"The answer is 42", "42"},
    {"the final answer is: 1,234 dollars.", "1,234 dollars"},
    {"The answer is 3.5. That is all.", "3.5"},
    {"The answer is $x = 5$ because $y = 3$.", "x = 5"},
    {"The answer is $5.", "$5"},
    {"Answer: 17", "17"},
    {"**Answer:** $17$", "17"},
    {"**Answer**: 17", "17"},
    {"The answer is **17**.", "17"},
    {"The answer is \\(\\sqrt{2}\\).", "\\sqrt{2}"},
    {"The answer is:\n\n$$\\frac{7}{3}$$", "\\frac{7}{3}"},
    {"The answer is:\n\\[ 12 \\]", "12"},
    {"The answer is 3. No, the answer is 4.", "4"},
    {"So $x=2$, and hence $y=3$.", "y=3"},
    {"We get \\[ 7 \\] at last", "7"},
    {"We get \\( 7 \\)", "7"},
    {"$$ 1 + 1 = 2 $$", "1 + 1 = 2"},
    {"it is 5 then 6", "6"},
    {"it is -6", "-6"},
    {"about 3/4 of it", "3/4"},
    {"no idea", NULL},
    {"", NULL},
    {"\xE7\xAD\x94\xE6\xA1\x88\xE6\x98\xAF $\\boxed{18}$", "18"},
    {"\xD9\xA1\xD9\xA8", "18"},
    {"```\n\\boxed{3}\n```", "3"},
    {"THE ANSWER IS 9", "9"},
    {"The answer is (B).", "(B)"},
    {"\\boxed{5 \\text{ cm}}", "5 \\text{ cm}"},
    {"\\boxed{\\frac{1}{2}} or $0.5$", "\\frac{1}{2}"},
};

static const struct extract_row INTEGRAL[] = {
    {"\\boxed{x^2 + C}", "x^2"},
    {"\\boxed{\\frac{x^3}{3} + C}", "\\frac{x^3}{3}"},
    {"\\boxed{F(x) = x^2 + C}", "x^2"},
    {"$$\\int x\\,dx = \\frac{x^2}{2} + C$$", "\\frac{x^2}{2}"},
    {"\\[\\int x dx = \\frac{x^2}{2} + C.\\]", "\\frac{x^2}{2}"},
    {"The integral is $\\sin x + C$.", "\\sin x"},
    {"The antiderivative is x^2/2 + C, where C is a constant.", "x^2/2"},
    {"The answer is ln|x| + C.", "ln|x|"},
    {"x^2/2 + C", "x^2/2"},
    {"x^2/2 + c", "x^2/2"},
    {"x^2/2+K", "x^2/2"},
    {"x^2/2", "x^2/2"},
    {"F(x) = x**2/2 + C", "x**2/2"},
    {"Integrating:\n\nF(x) = x^2/2 + C\n", "x^2/2"},
    {"```\nx**2/2 + C\n```", "x**2/2"},
    {"```python\nresult = x**2/2\n```", "x**2/2"},
    {"Here:\n```\nF = sin(x)\n```\nThat is it.", "sin(x)"},
    {"```latex\n\\frac{x^2}{2} + C\n```", "\\frac{x^2}{2}"},
    {"= 2x = 3x + C", "3x"},
    {"\\int x dx = \\frac12 x^2 + \\text{constant}", "\\frac12 x^2"},
    {"\\boxed{x \\ln x - x + C_1}", "x \\ln x - x"},
    {"\\boxed{x \\ln x - x + \\mathrm{C}}", "x \\ln x - x"},
    {"\\boxed{-\\cos(x) + C}", "-\\cos(x)"},
    {"\\boxed{e^x+C}", "e^x"},
    {"\\boxed{e^{x} + C \\quad \\text{where } C \\in R}", "e^{x}"},
    {"The answer is $\\arctan x + C$ where $C$ is a constant.", "\\arctan x"},
    {"**x^2 + C**", "x^2"},
    {"`x^2 + C`", "x^2"},
    {"Answer: x^2 + C", "x^2"},
    {"The result is x^2 + C.", "x^2"},
    {"x^2 + constant", "x^2"},
    {"x^2 + const.", "x^2"},
    {"x^2 + \\, C", "x^2"},
    {"3/4 x^(4/3) + C", "3/4 x^(4/3)"},
    {"-1/2 * exp(-x**2)", "-1/2 * exp(-x**2)"},
    {"0.5*x^2", "0.5*x^2"},
    {"Let u = x^2.\nThen du = 2x dx.\nSo we get\n(1/2) sin(x^2) + C\n\nHope this helps!",
     "(1/2) sin(x^2)"},
    {"\\(\\frac{1}{3}x^3 + C\\)", "\\frac{1}{3}x^3"},
    {"\xE2\x88\xAB x dx = x\xC2\xB2/2 + C", "x\xC2\xB2/2"},
    {"x", "x"},
    {"C", "C"},
    {"no antiderivative in elementary functions", NULL},
    {"", NULL},
    {"\\boxed{\\ln|x+1| + C} and \\boxed{\\ln|x+2| + C}", "\\ln|x+2|"},
    {"sqrt(x^2+1) + C", "sqrt(x^2+1)"},
    {"log(x)^2 / 2", "log(x)^2 / 2"},
    {"The final answer is $\\frac{1}{2}\\ln(x^2+1) + C$. I hope it is correct.",
     "\\frac{1}{2}\\ln(x^2+1)"},
};

static void test_boxed(void **state)
{
    (void)state;
    EXTRACT_TABLE("boxed", BOXED);
}

static void test_integral(void **state)
{
    (void)state;
    EXTRACT_TABLE("integral", INTEGRAL);
}

/* A rule with a possibly costly argument. */
static const char *rule_name(const struct extract_rule *rule)
{
    if (strcmp(rule->name, "mgsm:") == 0)
        return "mgsm:de";
    if (strcmp(rule->name, "regex:") == 0)
        return "regex:(.*)*Z";
    return strcmp(rule->name, "regex_last:") == 0 ? "regex_last:[^Z]*?1" : rule->name;
}

/* A million characters of one repeated piece must not take any rule quadratic time: the test's time
 * limit is the check. */
static void test_long(void **state)
{
    static const char *const pieces[] = {
        "(",          "\\boxed{",    "{",   "$",        "\\(",      "1",          "1,23,",
        "1 234 ",     "-$",          "$*",  "```\n",    "\n",       "=",          "\\",
        "answer is ", "\\frac{1}",   "1/",  ".",        "####",     "\\boxed{1}", " where ",
        "+ C",        "```python\n", "\\!", "\xE0\xA7", "\xD9\xA1", " ",          "answer is $"};
    const size_t size = 1000000;
    char *text = malloc(size + 1);
    size_t count;
    const struct extract_rule *rules = extract_rules(&count);

    (void)state;
    assert_non_null(text);
    for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
        const size_t n = strlen(pieces[p]);
        for (size_t i = 0; i < size; i++)
            text[i] = pieces[p][i % n];
        text[size] = 0;
        for (size_t i = 0; i < count; i++) {
            struct arena arena = {0};
            const char *answer = NULL;
            assert_int_equal(extract_answer(&answer, &arena, rule_name(&rules[i]), text),
                             STATUS_OK);
            arena_finish(&arena);
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxed),
        cmocka_unit_test(test_integral),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
