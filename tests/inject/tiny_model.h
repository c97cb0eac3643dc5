/* SPDX-License-Identifier: MIT */
/* The tiny model that most tests here run (tests/model/tiny_models.py writes it at build). */
#ifndef VKFI_TESTS_TINY_MODEL_H
#define VKFI_TESTS_TINY_MODEL_H

#define TINY_MODEL VKFI_TINY "/tiny-llama-q4_1.gguf"

#endif
