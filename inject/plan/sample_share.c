/* SPDX-License-Identifier: MIT */
/* How the points and fields of a site share its weight: by elements, or equally. */
#include "inject/plan/sample_internal.h"

void sample_share_equal(struct sample_options *options)
{
    double sum = 0;
    for (uint32_t i = 0; i < options->count; i++)
        sum += options->weight[i];
    for (uint32_t i = 0; i < options->count; i++)
        options->weight[i] /= sum;
}

static double elements_of(const struct sample *s, const struct sample_family *family,
                          uint32_t field, bool *out_keyed)
{
    struct sample_family of_field = *family;
    of_field.field = (uint8_t)field;
    return sample_extent_evaluation(s, &of_field, out_keyed);
}

void sample_share_fields(const struct sample *s, const struct sample_family *family,
                         struct sample_options *fields)
{
    bool keyed;
    for (uint32_t i = 0; i < fields->count; i++)
        fields->weight[i] *= elements_of(s, family, fields->value[i], &keyed);
    sample_share_equal(fields);
}

void sample_share_count(struct sample_share *share, const struct sample *s,
                        const struct sample_family *family, const struct sample_options *fields)
{
    for (uint32_t i = 0; i < fields->count; i++)
        share->elements[family->point] +=
            elements_of(s, family, fields->value[i], &share->keyed[family->point]);
}

void sample_share_add(struct sample_share *share, uint32_t point, double weight)
{
    *(share->keyed[point] ? &share->per_key : &share->fixed) += weight * share->elements[point];
}

/* With `a` elements without keys and `b` at each of s keys, an evaluation has a + b * s. */
double sample_share_of(const struct sample_share *share, uint32_t point, struct sample_curve *curve)
{
    if (!(share->fixed > 0) || !(share->per_key > 0))
        return share->elements[point] / (share->fixed + share->per_key);
    curve->growth = share->keyed[point] ? GROWTH_PART_SEEN : GROWTH_PART;
    curve->rest = share->fixed / share->per_key;
    return share->elements[point] / share->per_key;
}
