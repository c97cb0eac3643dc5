/* SPDX-License-Identifier: MIT */
/* Exact equality of numbers as rationals: cross products of decimal digits. */
#include "tasks/number.h"

#include <stdint.h>
#include <string.h>

#define NUMBER_DIGITS 512

/* Digits, the last one first. */
struct number_digits {
    uint32_t count;
    uint8_t digit[2 * NUMBER_DIGITS + 2];
};

/* (negative ? -1 : 1) * over / under. */
struct number_ratio {
    bool negative;
    struct number_digits over, under;
};

static bool number_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reverses the digits and drops leading zeros. */
static void number_turn(struct number_digits *d)
{
    for (uint32_t i = 0; i < d->count / 2; i++) {
        const uint8_t held = d->digit[i];
        d->digit[i] = d->digit[d->count - 1 - i];
        d->digit[d->count - 1 - i] = held;
    }
    while (d->count > 0 && d->digit[d->count - 1] == 0)
        d->count--;
}

/* Digits with commas for thousands before a point; *decimals counts those after it. Null: not a
 * number or too long. */
static const char *number_read(struct number_digits *out, uint32_t *decimals, const char *at)
{
    const char *const start = at;
    uint32_t group = 0;
    bool grouped = false, any = false;

    *out = (struct number_digits){0};
    *decimals = 0;
    for (; number_digit(*at) || (*at == ',' && number_digit(at[1])); at++) {
        if (*at == ',') {
            if (at == start || (grouped ? group != 3 : group > 3))
                return NULL;
            grouped = true;
            group = 0;
            continue;
        }
        if (out->count >= NUMBER_DIGITS)
            return NULL;
        out->digit[out->count++] = (uint8_t)(*at - '0');
        group++;
        any = true;
    }
    if (grouped && group != 3)
        return NULL;
    if (*at == '.') {
        for (at++; number_digit(*at); at++) {
            if (out->count >= NUMBER_DIGITS)
                return NULL;
            out->digit[out->count++] = (uint8_t)(*at - '0');
            (*decimals)++;
            any = true;
        }
    }
    number_turn(out);
    return any ? at : NULL;
}

/* d * 10^n. */
static bool number_shift(struct number_digits *d, uint32_t n)
{
    if (d->count == 0)
        return true;
    if (d->count + n > NUMBER_DIGITS)
        return false;
    memmove(d->digit + n, d->digit, d->count);
    memset(d->digit, 0, n);
    d->count += n;
    return true;
}

static bool number_parse(struct number_ratio *out, const char *text)
{
    uint32_t over = 0, under = 0;
    const char *at = text + (*text == '-' || *text == '+');

    out->negative = *text == '-';
    out->under = (struct number_digits){.count = 1, .digit = {1}};
    at = number_read(&out->over, &over, at);
    if (at && *at == '/')
        at = number_read(&out->under, &under, at + 1);
    return at && *at == 0 && out->under.count > 0 && number_shift(&out->over, under) &&
           number_shift(&out->under, over);
}

static void number_multiply(struct number_digits *out, const struct number_digits *a,
                            const struct number_digits *b)
{
    memset(out, 0, sizeof(*out));
    if (a->count == 0 || b->count == 0)
        return;
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t carry = 0;
        for (uint32_t k = 0; k < b->count || carry; k++) {
            const uint32_t sum =
                out->digit[i + k] + carry + (k < b->count ? a->digit[i] * b->digit[k] : 0u);
            out->digit[i + k] = (uint8_t)(sum % 10);
            carry = sum / 10;
        }
    }
    out->count = a->count + b->count;
    while (out->count > 0 && out->digit[out->count - 1] == 0)
        out->count--;
}

bool number_is(const char *text)
{
    struct number_ratio ratio;

    return number_parse(&ratio, text);
}

bool number_equal(const char *a, const char *b)
{
    struct number_ratio x, y;
    struct number_digits left, right;

    if (!number_parse(&x, a) || !number_parse(&y, b))
        return false;
    number_multiply(&left, &x.over, &y.under);
    number_multiply(&right, &y.over, &x.under);
    return left.count == right.count && memcmp(left.digit, right.digit, left.count) == 0 &&
           (left.count == 0 || x.negative == y.negative);
}
