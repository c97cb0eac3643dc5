/* SPDX-License-Identifier: MIT */
/* Sentences of random words: golden keeps two thirds of the target's, a fault a third of those. */
#include "report_fixture_corpus.h"

#include "base/rng.h"
#include "tasks/chrf.h"

#define SEED 20261130

static const char *const WORDS[] = {"the",   "river", "old",   "bridge", "rises", "over", "a",
                                    "quiet", "town",  "where", "people", "sell",  "red",  "apples",
                                    "and",   "bread", "every", "cold",   "winter"};
enum { WORD_COUNT = sizeof(WORDS) / sizeof(*WORDS) };

/* Words of the item's target. One in `odd` is replaced by one drawn from `stream`; 0: none. */
static const char *sentence(struct arena *arena, uint32_t item, uint32_t odd, uint64_t stream)
{
    struct rng same, other;
    const char *text = "";
    rng_init(&same, SEED, item);
    rng_init(&other, SEED + 1, stream);
    const uint64_t words = 6 + rng_below(&same, 12);
    for (uint64_t i = 0; i < words && text; i++) {
        const char *word = WORDS[rng_below(&same, WORD_COUNT)];
        if (odd > 0 && rng_below(&other, odd) == 0)
            word = WORDS[rng_below(&other, WORD_COUNT)];
        text = arena_printf(arena, "%s%s%s", text, i ? " " : "", word);
    }
    return text ? arena_printf(arena, "%s.", text) : NULL;
}

static const char *golden(struct arena *arena, uint32_t item)
{
    return sentence(arena, item, 5, item);
}

static const char *pair_of(uint32_t item)
{
    return item % 2 ? "eng_Latn-deu_Latn" : "deu_Latn-eng_Latn";
}

const char *report_fixture_corpus_plan(struct arena *arena, uint32_t items)
{
    const char *list = "";
    for (uint32_t i = 0; i < items && list; i++) {
        const char *target = sentence(arena, i, 0, 0);
        list = target ? arena_printf(arena,
                                     "%s%s{\"task\":\"tell\",\"area\":\"multilingual\",\"metric\":"
                                     "\"bleu\",\"rule\":\"first_line\",\"group\":\"%s\",\"prompt\":"
                                     "\"%u\",\"target\":\"%s\"}",
                                     list, i ? "," : "", pair_of(i), i, target)
                      : NULL;
    }
    return list ? arena_printf(arena, "  \"items\": {\"list\": [%s]},\n", list) : NULL;
}

void report_fixture_corpus_item(struct store_item *item, struct arena *arena)
{
    struct chrf_counts counts;
    item->task = "tell";
    item->area = "multilingual";
    item->task_group = pair_of(item->id);
    item->target = sentence(arena, item->id, 0, 0);
    item->text = golden(arena, item->id);
    item->answer = item->id % 10 ? item->text : NULL;
    item->chance = 0;
    item->score = chrf_count(&counts, item->text, item->target) ? 0 : chrf_score(&counts) / 100;
}

void report_fixture_corpus_row(struct trial_row *row, struct arena *arena)
{
    const uint64_t trial = (uint64_t)row->trial;
    row->score_golden = 0.5;
    if (row->first_diff == TRIAL_ROW_NULL)
        return;
    row->outcome = "sdc_critical";
    row->score_faulty = 0.1;
    row->faulty_text =
        trial % 5 == 0 ? "the" : sentence(arena, (uint32_t)row->item, 2, 1000000 + trial);
    row->answer_faulty = trial % 3 ? row->faulty_text : NULL;
}
