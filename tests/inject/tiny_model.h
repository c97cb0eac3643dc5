/* SPDX-License-Identifier: MIT */
/* The tiny model that most tests here run (tests/model/tiny_models.py writes it at build). */
#ifndef VKFI_TESTS_TINY_MODEL_H
#define VKFI_TESTS_TINY_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fpenv.h"
#include "model/model.h"

#define TINY_MODEL VKFI_TINY "/tiny-llama-q4_1.gguf"

/* Runs the tests with *model open. */
static inline int tiny_model_tests(const struct CMUnitTest *tests, size_t n, struct model **model)
{
    fpenv_set();
    if (model_open(model, TINY_MODEL) != STATUS_OK)
        return 1;
    const int failed = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
    model_close(model);
    return failed;
}

#endif
