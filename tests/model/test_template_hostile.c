/* SPDX-License-Identifier: MIT */
/* Chat templates changed at random: each gives a prompt or a reason, none a crash or a hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_template.c"
#include "base/rng.h"

#define RUNS 30000

static const char *const SEEDS[] = {
    "{{ bos_token }}{%- for m in messages if m.role != 'x' -%}\n  {%- set c = m['content']|trim %}"
    "{% if loop.first and not loop.last %}{{ c[1:-1:2] }}{% elif c is string %}{{ c }}{% else %}"
    "{{ raise_exception('no ' ~ m) }}{% endif %}\n{%- endfor %}",
    "{% macro m(a, b=[1, 'x']) %}{{ a|tojson(indent=2) }}{{ b|join(', ') }}{{ m(a) if none else 1 "
    "}}{% endmacro %}{% set ns = namespace(n=0) %}{% for k, v in {'a': 1, 'b': (1,)}.items() %}"
    "{% set ns.n = ns.n + v %}{{ m(k, b=range(3)|list) }}{% break %}{% endfor %}{{ ns.n // 2 % 3 "
    "}}",
    "{% set x %}{{ strftime_now('%d %b %Y') }}{% endset %}{# c #}{{ messages|selectattr('role', "
    "'equalto', 'user')|map(attribute='content')|first }}{{ x.split(' ')[-1].replace('2', "
    "'\\u00e9') "
    "}}{{ messages[::-1][0] }}{{ 'a' in x and x not in ['b'] or -1 < 2 <= 3 }}{{ x|dictsort }}",
    "{{ messages[0].content.split(',')|reverse|list|tojson }}{{ messages[0]|items|list|length }}"
    "{{ 'b a'.title().rsplit(' ', 1)|last|upper|indent(3, true) }}{{ {'B': 1, 'a': 2}|dictsort }}"
    "{% generation %}{{ 'ab' * 3 ~ [1] + [2] }}{% endgeneration %}{{ 7 is divisibleby 7 }}"};

static const char *const WORDS[] = {"{{",   "}}",          "{%-",        "%}",    "|",
                                    "(",    ")",           "[",          "]",     "for ",
                                    " in ", "if ",         "'",          "\\",    "range(99999)",
                                    "*",    "~",           "endfor",     "macro", "is not ",
                                    "\xFF", "99999999999", "-",          ":",     ",",
                                    "=",    ".",           "namespace(", "\n"};

static void test_changes(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 5, 0);
    for (int run = 0; run < RUNS; run++) {
        uint8_t source[2048];
        const char *seed = SEEDS[rng_below(&rng, sizeof(SEEDS) / sizeof(*SEEDS))];
        size_t size = strlen(seed);
        memcpy(source, seed, size);
        for (uint32_t n = 1 + rng_below(&rng, 6); n > 0 && size > 0; n--) {
            const uint32_t at = rng_below(&rng, (uint32_t)size);
            const char *word = WORDS[rng_below(&rng, sizeof(WORDS) / sizeof(*WORDS))];
            const size_t len = strlen(word), cut = rng_below(&rng, 8);
            switch (rng_below(&rng, 4)) {
            case 0: /* a word put in */
                memmove(source + at + len, source + at, size - at);
                memcpy(source + at, word, len);
                size += len;
                break;
            case 1: /* bytes cut out */
                memmove(source + at, source + at + (cut < size - at ? cut : size - at),
                        size - at - (cut < size - at ? cut : size - at));
                size -= cut < size - at ? cut : size - at;
                break;
            case 2:
                source[at] = (uint8_t)rng_u32(&rng);
                break;
            default: /* the end cut off */
                size = rng_below(&rng, 8) == 0 ? at : size;
                break;
            }
        }
        LLVMFuzzerTestOneInput(source, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
