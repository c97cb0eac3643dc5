/* SPDX-License-Identifier: MIT */
/* Seeded changes to a text: bytes, pieces cut, doubled and moved, and words of a list inserted. */
#ifndef VKFI_TESTS_FUZZ_MUTATE_H
#define VKFI_TESTS_FUZZ_MUTATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../base/mute.h"
#include "base/rng.h"

#define FUZZ_MUTATE_ROOM 4096

/* Text that is changed in place. */
struct fuzz_mutate {
    char data[FUZZ_MUTATE_ROOM];
    size_t size;
    const char *const *words; /* words of the format */
    size_t n_words;
};

/* Inserts `size` bytes before byte `at`; what has no room is dropped. */
static inline void fuzz_mutate_insert(struct fuzz_mutate *m, size_t at, const char *text,
                                      size_t size)
{
    if (size > FUZZ_MUTATE_ROOM - m->size)
        size = FUZZ_MUTATE_ROOM - m->size;
    memmove(m->data + at + size, m->data + at, m->size - at);
    memcpy(m->data + at, text, size);
    m->size += size;
}

static inline void fuzz_mutate_once(struct fuzz_mutate *m, struct rng *rng)
{
    const size_t at = (size_t)rng_below(rng, m->size + 1);
    const size_t length = (size_t)rng_below(rng, m->size - at + 1);
    char piece[64];

    switch (rng_below(rng, 5)) {
    case 0:
        if (at < m->size)
            m->data[at] = (char)rng_below(rng, 256);
        break;
    case 1: /* cut */
        memmove(m->data + at, m->data + at + length, m->size - at - length);
        m->size -= length;
        break;
    case 2: { /* a piece is copied elsewhere */
        const size_t n = length < sizeof(piece) ? length : sizeof(piece);
        memcpy(piece, m->data + at, n);
        fuzz_mutate_insert(m, (size_t)rng_below(rng, m->size + 1), piece, n);
        break;
    }
    default: {
        const char *word = m->words[rng_below(rng, m->n_words)];
        fuzz_mutate_insert(m, at, word, strlen(word));
        break;
    }
    }
}

/* Starts from `text` and changes it one to four times. */
static inline void fuzz_mutate_text(struct fuzz_mutate *m, struct rng *rng, const char *text)
{
    m->size = 0;
    fuzz_mutate_insert(m, 0, text, strlen(text));
    for (uint64_t n = 1 + rng_below(rng, 4); n > 0; n--)
        fuzz_mutate_once(m, rng);
}

/* Texts, and how many. */
struct fuzz_mutate_list {
    const char *const *text; /* (n) */
    size_t n;
};
#define FUZZ_MUTATE_LIST(array) ((struct fuzz_mutate_list){array, sizeof(array) / sizeof(*(array))})

/* A target run on texts, each changed in turn. */
struct fuzz_mutate_run {
    struct fuzz_mutate_list words, texts;
    size_t rounds;
    uint64_t seed, stream;
    int (*target)(const uint8_t *data, size_t size);
};

/* Runs it without messages. */
static inline void fuzz_mutate_all(const struct fuzz_mutate_run *run)
{
    const int kept = mute_begin();
    struct fuzz_mutate m = {.words = run->words.text, .n_words = run->words.n};
    struct rng rng;
    rng_init(&rng, run->seed, run->stream);
    for (size_t i = 0; i < run->rounds; i++) {
        fuzz_mutate_text(&m, &rng, run->texts.text[i % run->texts.n]);
        run->target((const uint8_t *)m.data, m.size);
    }
    mute_end(kept);
}

/* A cmocka test whose initial state is the run. */
static inline void fuzz_mutate_test(void **state)
{
    fuzz_mutate_all(*state);
}

/* The main function of a test that is one run; the seed is its own. */
static inline int fuzz_mutate_main(struct fuzz_mutate_run run)
{
    run.seed = 20261130;
    run.stream = 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(fuzz_mutate_test, &run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
