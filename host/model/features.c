/* SPDX-License-Identifier: MIT */
/* What follows from the features of a token, in double. */
#include "model/features.h"

#include <math.h>

#include "model/dmath.h"

double features_margin(const struct features *f)
{
    return (double)f->first - (double)f->second;
}

double features_logsumexp(const struct features *f)
{
    return (double)f->first + dmath_log((double)f->z);
}

/* p = e^(x - m) / z: - sum p ln p = ln z - w / z */
double features_entropy(const struct features *f)
{
    return dmath_log((double)f->z) - (double)f->w / (double)f->z;
}

double features_hidden(const struct features *f)
{
    return sqrt((double)f->squares);
}
