/* SPDX-License-Identifier: MIT */
/* Equality of records: what must agree on every device and every path. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inject/trial/outcome.h"
#include "inject/trial/trial.h"

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_deviation(const struct record *a, const struct record *b, uint32_t n_layers,
                           char *why, size_t why_size)
{
    if (!a->deviation || !b->deviation) {
        snprintf(why, why_size, "deviation: only one record has it");
        return !a->deviation && !b->deviation;
    }
    for (uint32_t i = 0; i <= n_layers; i++) {
        const struct trial_deviation *x = &a->deviation[i], *y = &b->deviation[i];
        if (x->bits == y->bits && same_number(x->max_abs, y->max_abs) &&
            same_number(x->rel_l2, y->rel_l2))
            continue;
        snprintf(why, why_size, "deviation at layer %u: %u bits, max %g against %u bits, max %g", i,
                 x->bits, x->max_abs, y->bits, y->max_abs);
        return false;
    }
    return true;
}

bool record_equal(const struct record *a, const struct record *b, uint32_t n_layers, char *why,
                  size_t why_size)
{
    struct {
        const char *name;
        uint64_t a, b;
    } fields[] = {
        {"outcome", a->outcome, b->outcome},
        {"activations", a->activations, b->activations},
        {"expected_activations", a->expected_activations, b->expected_activations},
        {"before", a->before, b->before},
        {"after", a->after, b->after},
        {"first_diff", a->first_diff, b->first_diff},
        {"faulty_len", a->n_tokens, b->n_tokens},
        {"hash", a->hash, b->hash},
        {"nan_logits", a->nan_logits, b->nan_logits},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].a != fields[i].b) {
            snprintf(why, why_size, "%s: %llx against %llx", fields[i].name,
                     (unsigned long long)fields[i].a, (unsigned long long)fields[i].b);
            return false;
        }
    }
    if (memcmp(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens) != 0) {
        snprintf(why, why_size, "tokens differ");
        return false;
    }
    return same_deviation(a, b, n_layers, why, why_size);
}
