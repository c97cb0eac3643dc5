/* SPDX-License-Identifier: MIT */
/* Extraction of numbers: GSM8K strict and flexible, MGSM in its languages; exact equality. */
#include "extract_table.h"

#include <stdio.h>

#include "base/rng.h"
#include "tasks/number.h"

static const struct extract_row STRICT[] = {
    {"She sells 9 eggs.\n#### 18", "18"},
    {"#### 1,234", "1234"},
    {"#### $1,234.50", "1234.5"},
    {"#### -7", "-7"},
    {"####-7", "-7"},
    {"#### \xE2\x88\x92"
     "7",
     "-7"},
    {"#### 25%", "25"},
    {"#### 3/4", "3/4"},
    {"#### 1 3/4 cups", "7/4"},
    {"#### 0.50", "0.5"},
    {"#### .5", "0.5"},
    {"#### 007", "7"},
    {"#### 12.", "12"},
    {"#### 12.0", "12"},
    {"#### 12,000,000", "12000000"},
    {"#### 18 dollars", "18"},
    {"#### \\$18", "18"},
    {"#### $18$", "18"},
    {"#### \\boxed{18}", "18"},
    {"#### **18**", "18"},
    {"####18", "18"},
    {"#####  18", "18"},
    {"#### The answer is 18", "18"},
    {"#### x = 18", "18"},
    {"#### 5 apples and 6 pears", "5"},
    {"#### 18\n\nQuestion: what is 2+2?\nAnswer: 4\n#### 4", "18"},
    {"5 + 5 = 10\n####\n10", NULL},
    {"The answer is 18.", NULL},
    {"### 18", NULL},
    {"# 18", NULL},
    {"", NULL},
    {"####", NULL},
    {"#### none", NULL},
    {"#### \n18", NULL},
    {"#### 1{,}234", "1234"},
    {"#### 10,\\!080", "10080"},
    {"#### \xE2\x82\xAC"
     "1.5",
     "1.5"},
    {"#### -$3.20", "-3.2"},
    {"#### $-3.20", "-3.2"},
    {"#### \\frac{3}{4}", "3/4"},
    {"#### 100 + 5", "100"},
    {"He has 3.\n\n#### 3\n", "3"},
    {"#### 3 (three)", "3"},
    {"#### \xEF\xBC\x91\xEF\xBC\x92", "12"},
    {"#### 2024-01-05", "2024"},
    {"#### 99999999999999999999999", "99999999999999999999999"},
    {"text ####42 more", "42"},
};

static const struct extract_row FLEXIBLE[] = {
    {"The answer is 42.", "42"},
    {"So 3 + 4 = 7", "7"},
    {"She has $1,250.75 left.", "1250.75"},
    {"It costs $1,250.", "1250"},
    {"about 25%", "25"},
    {"She ate 3/4 of it.", "3/4"},
    {"1 1/2 hours", "3/2"},
    {"12 + 1/2", "1/2"},
    {"on 1/2/2024", "2024"},
    {"the temperature is -5 degrees", "-5"},
    {"10-5", "5"},
    {"10 - 5", "5"},
    {"(-5)", "-5"},
    {"x=-5", "-5"},
    {"= \xE2\x88\x92"
     "12",
     "-12"},
    {"-$12.30", "-12.3"},
    {"**72**", "72"},
    {"**-72**", "-72"},
    {"\\boxed{72}", "72"},
    {"$72$", "72"},
    {"\\(72\\)", "72"},
    {"72 kg, not 80 lb", "80"},
    {"1, 2, 3", "3"},
    {"1,2,3", "3"},
    {"1,234,567", "1234567"},
    {"1,2345", "2345"},
    {"12,34", "34"},
    {"1'234'567", "1234567"},
    {"1\xE2\x80\x99"
     "234",
     "1234"},
    {"1\xC2\xA0"
     "234 units",
     "1234"},
    {"1\\,234", "1234"},
    {"1 234", "234"},
    {"1.234.567", "1234567"},
    {"1.234", "1.234"},
    {"0.10", "0.1"},
    {"-0", "0"},
    {"-0.00", "0"},
    {"000", "0"},
    {".25", "0.25"},
    {"5.", "5"},
    {"v1.5", "1.5"},
    {"no number here", NULL},
    {"", NULL},
    {"...", NULL},
    {"20/4 = 5", "5"},
    {"5/0", "0"},
    {"\\frac{7}{2}", "7/2"},
    {"2\\frac{1}{2}", "5/2"},
    {"\\dfrac{-1}{2}", "2"},
    {"```python\nprint(12)\n```", "12"},
    {"3:30", "30"},
    {"A1B22", "22"},
    {"half\xC2\xBD 7", "7"},
    {"#### 18", "18"},
    {"12,34,567", "1234567"},
    {"3.5 + 2.5 = 6.0", "6"},
};

static const struct extract_row MGSM[] = {
    {"Die Antwort ist 1.234.", "1234"},
    {"Die Antwort ist 1.234,50.", "1234.5"},
    {"1,234.50", "1234.5"},
    {"Respuesta: 12,5", "12.5"},
    {"La respuesta es 1.234.567", "1234567"},
    {"La r\xC3\xA9ponse est 1 234", "1234"},
    {"1\xE2\x80\xAF"
     "234,5 \xE2\x82\xAC",
     "1234.5"},
    {"1\xC2\xA0"
     "234",
     "1234"},
    {"\xD0\x9E\xD1\x82\xD0\xB2\xD0\xB5\xD1\x82: 12 345", "12345"},
    {"\xD0\x9E\xD1\x82\xD0\xB2\xD0\xB5\xD1\x82 - 5.", "5"},
    {"\xE7\xAD\x94\xE6\xA1\x88\xE6\x98\xAF 18\xE3\x80\x82", "18"},
    {"\xE7\xAD\x94\xE6\xA1\x88\xE6\x98\xAF\xEF\xBC\x91\xEF\xBC\x98\xE3\x80\x82", "18"},
    {"\xEF\xBC\x91\xEF\xBC\x8C\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94", "1234"},
    {"\xEF\xBC\x93\xEF\xBC\x8E\xEF\xBC\x95", "3.5"},
    {"\xE7\xAD\x94\xE3\x81\x88\xE3\x81\xAF"
     "18\xE3\x81\xA7\xE3\x81\x99",
     "18"},
    {"\xE0\xA6\x89\xE0\xA6\xA4\xE0\xA7\x8D\xE0\xA6\xA4\xE0\xA6\xB0 \xE0\xA7\xA7\xE0\xA7\xAE", "18"},
    {"\xE0\xA7\xA7,\xE0\xA7\xA8\xE0\xA7\xA9,\xE0\xA7\xAA\xE0\xA7\xAB\xE0\xA7\xAC", "123456"},
    {"\xE0\xA7\xA7\xE0\xA7\xA8.\xE0\xA7\xAB", "12.5"},
    {"\xE0\xB1\xA7\xE0\xB1\xAE", "18"},
    {"\xE0\xB1\xA7,\xE0\xB1\xA8\xE0\xB1\xA9\xE0\xB1\xAA", "1234"},
    {"\xE0\xB9\x91\xE0\xB9\x98 \xE0\xB8\x9A\xE0\xB8\xB2\xE0\xB8\x97", "18"},
    {"\xE0\xB8\xBF"
     "1,500",
     "1500"},
    {"\xD9\xA1\xD9\xA8", "18"},
    {"\xD9\xA1\xD9\xAC\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xAB\xD9\xA5", "1234.5"},
    {"\xDB\xB1\xDB\xB8", "18"},
    {"\xE0\xA5\xA7\xE0\xA5\xAE", "18"},
    {"\xE2\x88\x92"
     "18",
     "-18"},
    {"\xEF\xBC\x8D"
     "18",
     "-18"},
    {"Jibu ni 18.", "18"},
    {"Jibu ni shilingi 1,500.", "1500"},
    {"25 %", "25"},
    {"3/4", "3/4"},
    {"0,75", "0.75"},
    {"0.125", "0.125"},
    {"0,125", "0.125"},
    {"12.000 Euro", "12000"},
    {"12,000 euros", "12000"},
    {"1'234.50 Fr.", "1234.5"},
    {"1.2.3", "3"},
    {"1,2", "1.2"},
    {"1.2", "1.2"},
    {"1234,567", "1234.567"},
    {"2020 300", "300"},
    {"10-5=5", "5"},
    {"\\boxed{18}", "18"},
    {"1.234.567,89", "1234567.89"},
    {"keine", NULL},
    {"", NULL},
    {"18\xE5\x85\x83", "18"},
    {"5 et 6", "6"},
};

static const struct extract_row GERMAN[] = {
    {"3,125", "3.125"},     {"3.125", "3125"},        {"1.234,5", "1234.5"}, {"12 500", "12500"},
    {"0.5", "0.5"},         {"1'234,5", "1234.5"},    {"-1.000", "-1000"},   {"5,", "5"},
    {"1,5 bis 2,5", "2.5"}, {"1.000.000", "1000000"},
};

static const struct extract_row CHINESE[] = {
    {"3,125", "3125"}, {"3.125", "3.125"}, {"1,234.5", "1234.5"}, {"12 500", "500"}, {"1,5", "5"},
};

static void test_strict(void **state)
{
    (void)state;
    EXTRACT_TABLE("gsm8k_strict", STRICT);
}

static void test_flexible(void **state)
{
    (void)state;
    EXTRACT_TABLE("gsm8k_flexible", FLEXIBLE);
}

static void test_mgsm(void **state)
{
    (void)state;
    EXTRACT_TABLE("mgsm", MGSM);
    EXTRACT_TABLE("mgsm:de", GERMAN);
    EXTRACT_TABLE("mgsm:fr", GERMAN);
    EXTRACT_TABLE("mgsm:zh", CHINESE);
    EXTRACT_TABLE("mgsm:en", CHINESE);
}

static void test_equal(void **state)
{
    static const char *const same[][2] = {
        {"1,000", "1000.00"},
        {"3/4", "0.75"},
        {"6/8", "3/4"},
        {"-0", "0"},
        {"+5", "5"},
        {"0.10", ".1"},
        {"1/3", "2/6"},
        {"1.5/3", "0.5"},
        {"007", "7"},
        {"5.", "5"},
        {"-1/2", "-0.5"},
        {"1,234,567", "1234567"},
        {"0.1", "1/10"},
        {"0/5", "0"},
        {"10000000000000000000001", "10000000000000000000001.0"},
    };
    static const char *const other[][2] = {
        {"1/3", "0.3333333333333333"},
        {"9007199254740993", "9007199254740992"},
        {"0.1", "0.1000000000000000055511151231257827"},
        {"1", "-1"},
        {"1/0", "1/0"},
        {"1,00", "100"},
        {"1,2345", "12345"},
        {",5", "5"},
        {"", ""},
        {"x", "x"},
        {"1 2", "12"},
        {"1e3", "1000"},
        {"--1", "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_true(number_equal(same[i][0], same[i][1]));
        assert_true(number_equal(same[i][1], same[i][0]));
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        assert_false(number_equal(other[i][0], other[i][1]));
        assert_false(number_equal(other[i][1], other[i][0]));
    }
}

/* Every way to write a random number gives it back; a neighbouring number never equals it. */
static void test_random(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 11, 3);
    for (int i = 0; i < 20000; i++) {
        const long whole = (long)rng_below(&rng, 1000000000), cents = (long)rng_below(&rng, 99) + 1;
        char plain[64], grouped[80], text[160], digits[32];
        struct arena arena = {0};
        const char *found = NULL;
        size_t n = 0;
        snprintf(digits, sizeof(digits), "%ld", whole);
        for (size_t k = 0; digits[k]; k++) {
            if (k > 0 && (strlen(digits) - k) % 3 == 0)
                grouped[n++] = ',';
            grouped[n++] = digits[k];
        }
        grouped[n] = 0;
        snprintf(plain, sizeof(plain), "-%ld.%02ld", whole, cents);
        snprintf(text, sizeof(text), "It is 17 or so: -$%s.%02ld.", grouped, cents);
        assert_int_equal(extract_answer(&found, &arena, "gsm8k_flexible", text), STATUS_OK);
        assert_non_null(found);
        assert_true(number_equal(found, plain));
        assert_true(number_is(found));
        snprintf(text, sizeof(text), "-%ld/100", whole * 100 + cents);
        assert_true(number_equal(found, text));
        snprintf(text, sizeof(text), "-%ld/100", whole * 100 + cents + 1);
        assert_false(number_equal(found, text));
        arena_finish(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict), cmocka_unit_test(test_flexible), cmocka_unit_test(test_mgsm),
        cmocka_unit_test(test_equal),  cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
