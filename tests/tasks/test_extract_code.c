/* SPDX-License-Identifier: MIT */
/* Extraction of code, first lines and patterns; names of rules. */
#include "extract_table.h"

#define FENCE "```"

static const struct extract_row CODE[] = {
    {FENCE "python\ndef f():\n    return 1\n" FENCE, "def f():\n    return 1"},
    {FENCE "py\nx = 1\n" FENCE "\nText", "x = 1"},
    {FENCE "Python\nx = 1\n" FENCE, "x = 1"},
    {FENCE "python3\nx = 1\n" FENCE, "x = 1"},
    {FENCE "\nx = 1\n" FENCE, "x = 1"},
    {"Here is it:\n" FENCE "python\nx = 1\n" FENCE "\nDone.", "x = 1"},
    {"Here is it:\n" FENCE "\nx = 1\n" FENCE "\nDone.", "x = 1"},
    {FENCE "bash\npip install x\n" FENCE "\n" FENCE "python\nx = 1\n" FENCE, "x = 1"},
    {FENCE "python\nx = 1\n" FENCE "\nUse:\n" FENCE "python\ny = 2\n" FENCE, "x = 1"},
    {FENCE "\nx = 1\n" FENCE "\n" FENCE "\ny = 2\n" FENCE, "x = 1"},
    {FENCE "python\ndef f():\n    return 1", "def f():\n    return 1"},
    {FENCE "python\n", NULL},
    {FENCE "python\n" FENCE, NULL},
    {"  " FENCE "python\nx = 1\n  " FENCE, "x = 1"},
    {FENCE "python\n\n\n    x = 1\n\n" FENCE, "    x = 1"},
    {FENCE "python\ns = \"" FENCE "\"\n" FENCE, "s = \"" FENCE "\""},
    {"    return 1\n", "    return 1"},
    {"    return 1", "    return 1"},
    {"\n    return 1\n", "    return 1"},
    {"    return 1\n\ndef g():\n    pass\n", "    return 1"},
    {"    return 1\n\n\nclass A:\n    pass", "    return 1"},
    {"    return 1\nprint(f(2))", "    return 1"},
    {"    return 1\nif __name__ == \"__main__\":\n    f()", "    return 1"},
    {"    return 1\n# test\nassert f() == 1", "    return 1"},
    {"    return 1\n@cache\ndef g(): pass", "    return 1"},
    {"    return 1\nassert f() == 1", "    return 1"},
    {"    return 1\n" FENCE "\nThis works.", "    return 1"},
    {"\treturn 1\n" FENCE "\n", "\treturn 1"},
    {"    x = 1\n    # why\n    return x\n", "    x = 1\n    # why\n    return x"},
    {"    if x:\n        return 1\n    print(x)\n    return 2\n",
     "    if x:\n        return 1\n    print(x)\n    return 2"},
    {"    return {\n        1: 2\n    }\n", "    return {\n        1: 2\n    }"},
    {"    return 1\n<|endoftext|>def", "    return 1"},
    {"def f(x):\n    return x\n\ndef g(x):\n    return f(x)\n",
     "def f(x):\n    return x\n\ndef g(x):\n    return f(x)"},
    {"import math\n\ndef f(x):\n    return math.pi\n\nprint(f(1))",
     "import math\n\ndef f(x):\n    return math.pi"},
    {"def f(x):\n    return x\nassert f(1) == 1", "def f(x):\n    return x"},
    {"def f(x):\n    return x\n[DONE]\n\nYou are", "def f(x):\n    return x"},
    {"def f(x):\n    return x\n\nif __name__ == '__main__':\n    f(1)", "def f(x):\n    return x"},
    {"def f(x):\n    return x\n" FENCE "\nThis function", "def f(x):\n    return x"},
    {"def f(x):\n    return x\n\n# Test\nf(1)", "def f(x):\n    return x"},
    {"def f(x):\n    return x\n\"\"\"\nWrite", "def f(x):\n    return x"},
    {"class A:\n    def f(self):\n        return 1",
     "class A:\n    def f(self):\n        return 1"},
    {"from typing import List\ndef f(x: List):\n    return x",
     "from typing import List\ndef f(x: List):\n    return x"},
    {"@cache\ndef f(x):\n    return x", "@cache\ndef f(x):\n    return x"},
    {" return 1\r\ndef g():", " return 1"},
    {"", NULL},
    {"\n\n  \n", NULL},
    {"I cannot do that.", "I cannot do that."},
};

static const struct extract_row LINES[] = {
    {"a", "a"},
    {"a\nb", "a"},
    {"\n\n a b \nc", "a b"},
    {"", NULL},
    {" \n\t\n", NULL},
    {"a\r\nb", "a"},
    {"\r\n\r\na", "a"},
    {"Das ist gut.\n\nEnglish: That is good.", "Das ist gut."},
    {"\xE4\xBD\xA0\xE5\xA5\xBD\n", "\xE4\xBD\xA0\xE5\xA5\xBD"},
    {"\"quoted\"", "\"quoted\""},
    {"\ta\tb\t", "a\tb"},
    {"1/2", "1/2"},
    {"- item\n- two", "- item"},
    {"**bold**\n", "**bold**"},
    {FENCE "\nx\n" FENCE, FENCE},
    {"$x$\n$y$", "$x$"},
    {"\n-5%\n", "-5%"},
    {"1,234.50\nkm", "1,234.50"},
    {"\xD9\xA1\xD9\xA2\n12", "\xD9\xA1\xD9\xA2"},
    {"\xE0\xB9\x91\n", "\xE0\xB9\x91"},
    {"The answer is 5.\nThe answer is 6.", "The answer is 5."},
    {"\\boxed{5}\nso", "\\boxed{5}"},
    {"a\n\n\n", "a"},
    {"a b c", "a b c"},
    {" a", "a"},
    {"a ", "a"},
    {"\na", "a"},
    {"a\r", "a"},
    {"\r a", "a"},
    {"x = 5\ny = 6", "x = 5"},
    {"Yes.", "Yes."},
    {"Ja, das stimmt\nNein", "Ja, das stimmt"},
    {"(A)\n(B)", "(A)"},
    {"# Title\ntext", "# Title"},
    {"> quote\n", "> quote"},
    {"| a | b |\n|---|", "| a | b |"},
    {"a\tb\nc", "a\tb"},
    {"...\na", "..."},
    {"0\n1", "0"},
    {"\xFF\n", "\xFF"},
    {"3/4 cup\n", "3/4 cup"},
};

/* One pattern over typical texts of models: the letter of a choice. */
static const struct extract_row CHOICE[] = {
    {"The answer is A", "A"},
    {"The answer is (B).", "B"},
    {"answer: C", "C"},
    {"Answer: **D**", "D"},
    {"ANSWER IS A", "A"},
    {"the answer is A, not B. The answer is B.", "A"},
    {"answer is: B", "B"},
    {"answer is E", NULL},
    {"A", NULL},
    {"", NULL},
    {"The answer is $D$", "D"},
    {"The answer is \"A\"", "A"},
    {"The answer is `B`", "B"},
    {"The answer is\nC", "C"},
    {"\xE7\xAD\x94\xE6\xA1\x88 answer is D", "D"},
    {"\xFF\xFE answer is A", "A"},
    {"answer is \xFF"
     "A",
     NULL},
    {"answer  :  B", "B"},
    {"The answer is A1", NULL},
    {"The answer is An apple", NULL},
    {"The correct answer is C: 25%", "C"},
    {"(answer: D)", "D"},
    {"answer is A/B", "A"},
    {"answer is -A", "A"},
    {"the answers are A", NULL},
    {"answer was A", NULL},
    {"The answer is [B]", "B"},
    {"The answer is <C>", "C"},
    {"The answer is {D}", "D"},
    {"The answer is option A", NULL},
    {"```\nanswer: A\n```", "A"},
    {"answer: a answer: B", "B"},
    {"Answer:B", "B"},
    {"answer is \xE2\x80\x9C"
     "C\xE2\x80\x9D",
     "C"},
    {"answer is   D", "D"},
    {"answer is *A*", "A"},
    {"answer is _B_", NULL},
    {"answer is (C", "C"},
    {"answer is 5/4, so answer is A", "A"},
    {"answer is 1,000 or answer: -B", "B"},
};

static void test_code(void **state)
{
    (void)state;
    EXTRACT_TABLE("code", CODE);
}

static void test_lines(void **state)
{
    (void)state;
    EXTRACT_TABLE("first_line", LINES);
}

static void test_regex(void **state)
{
    static const struct extract_row first[] = {{"a1 b2", "1"}, {"ab", NULL}, {"a1", "1"}};
    static const struct extract_row last[] = {{"a1 b2", "2"}, {"ab", NULL}, {"a1", "1"}};
    static const struct extract_row whole[] = {{"a12 b", "12"},
                                               {"\xD9\xA1\xD9\xA2", "\xD9\xA1\xD9\xA2"}};
    static const struct extract_row empty[] = {{"ab", ""}, {"", ""}, {"\xC3\xA9", ""}};
    static const struct extract_row hostile[] = {{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", NULL}};
    (void)state;
    EXTRACT_TABLE("regex:(?i)answer *(?:is|:)\\W*\\b(?-i:([A-D]))\\b", CHOICE);
    EXTRACT_TABLE("regex:[a-z]([0-9])", first);
    EXTRACT_TABLE("regex_last:[a-z]([0-9])", last);
    EXTRACT_TABLE("regex:\\d+", whole);
    EXTRACT_TABLE("regex_last:x*", empty);
    EXTRACT_TABLE("regex:^(a+)+$", hostile);
}

static void test_names(void **state)
{
    static const char *const good[] = {"gsm8k_strict", "gsm8k_flexible", "mgsm", "mgsm:de",
                                       "boxed",        "integral",       "code", "first_line",
                                       "regex:a|b",    "regex_last:a:b"};
    static const char *const bad[] = {"",        "GSM8K_STRICT", "mgsm:xx", "boxed:", "regex",
                                      "regex:(", "regex_last:[", "gsm8k",   "code ",  ":",
                                      "mgsm:DE"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(extract_check(good[i], "test"), STATUS_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena arena = {0};
        const char *answer = "";
        assert_int_equal(extract_check(bad[i], "test"), STATUS_INPUT);
        assert_int_equal(extract_answer(&answer, &arena, bad[i], "5"), STATUS_INPUT);
        assert_null(answer);
        arena_finish(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_regex),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
