/* SPDX-License-Identifier: MIT */
/* The inside of a tokenizer, for tokenizer.c and detokenizer.c alone. */
#ifndef VKFI_MODEL_TOKENIZER_IMPL_H
#define VKFI_MODEL_TOKENIZER_IMPL_H

#include "model/bpe.h"
#include "model/spm.h"
#include "model/tokenizer.h"
#include "model/tokenizer_ends.h"
#include "model/tokenizer_special.h"
#include "model/tokenizer_vocab.h"

enum tokenizer_model { TOKENIZER_BPE, TOKENIZER_SPM };

struct tokenizer {
    struct arena arena; /* owns what the fields below point to */
    enum tokenizer_model model;
    struct tokenizer_vocab vocab;
    struct tokenizer_special special;
    struct bpe bpe;    /* if TOKENIZER_BPE */
    struct spm spm;    /* if TOKENIZER_SPM */
    bool space_prefix; /* TOKENIZER_SPM: a space before text at the start and after special
                          tokens */
    int32_t begin;     /* put in front of every text, -1: none */
    struct tokenizer_ends ends;
};

#endif
