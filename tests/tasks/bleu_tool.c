/* SPDX-License-Identifier: MIT */
/* Scores corpora from standard input as one JSON document, for bleu_reference.py. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "tasks/bleu.h"
#include "tasks/chrf.h"

#define RESAMPLES 200

static enum status score(struct json_writer *w, struct arena *arena, const struct json *set)
{
    const struct json *hyps = json_get(set, "hyp"), *refs = json_get(set, "ref");
    const size_t n = json_count(hyps);
    const struct resample_params params = {RESAMPLES, 12345};
    struct bleu_counts *bleu = arena_array(arena, n, sizeof(*bleu)), bleu_sum = {0};
    struct chrf_counts *chrf = arena_array(arena, n, sizeof(*chrf)), chrf_sum = {0};
    struct bleu_tokens *tokens;
    double bounds[2];
    enum status st = bleu_tokens_create(&tokens, json_text(json_get(set, "tokenizer")));
    json_object_open(w);
    json_member_array(w, "sentences");
    for (size_t i = 0; !st && i < n; i++) {
        const char *hyp = json_text(json_at(hyps, i)), *ref = json_text(json_at(refs, i));
        st = bleu_count(&bleu[i], tokens, hyp, ref);
        st = st ? st : chrf_count(&chrf[i], hyp, ref);
        bleu_add(&bleu_sum, &bleu[i]);
        chrf_add(&chrf_sum, &chrf[i]);
        json_put_number(w, chrf_score(&chrf[i]));
    }
    json_array_close(w);
    if (!st) {
        json_member_number(w, "bleu", bleu_score(&bleu_sum));
        json_member_number(w, "chrf", chrf_score(&chrf_sum));
        json_member_text(w, "bleu_signature", bleu_signature(arena, tokens, NULL));
        json_member_text(w, "chrf_signature", chrf_signature(arena, NULL));
        json_member_text(w, "drawn_signature", bleu_signature(arena, tokens, &params));
        st = resample_interval(bounds, &bleu_metric, bleu, n, &params);
        json_member_number(w, "bleu_low", bounds[0]);
        json_member_number(w, "bleu_high", bounds[1]);
    }
    if (!st) {
        st = resample_interval(bounds, &chrf_metric, chrf, n, &params);
        json_member_number(w, "chrf_low", bounds[0]);
        json_member_number(w, "chrf_high", bounds[1]);
    }
    json_object_close(w);
    bleu_tokens_destroy(&tokens);
    return st;
}

int main(void)
{
    struct json_doc *doc;
    struct json_writer w;
    struct arena arena = {0};
    enum status st = json_load(&doc, "-");
    json_begin(&w, stdout, false);
    json_array_open(&w);
    for (size_t i = 0; !st && i < json_count(json_root(doc)); i++)
        st = score(&w, &arena, json_at(json_root(doc), i));
    json_array_close(&w);
    st = st ? st : json_end(&w);
    json_destroy(&doc);
    arena_finish(&arena);
    return status_exit_code(st);
}
