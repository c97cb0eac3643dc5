/* SPDX-License-Identifier: MIT */
/* The table of extraction rules, and the rules of numbers, lines and patterns. */
#include "tasks/extract.h"

#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "model/regex.h"
#include "tasks/extract_impl.h"
#include "tasks/number.h"

#define REGEX_BYTES 32768u
#define REGEX_STEPS 20000u

static enum status find_strict(const char **out, struct arena *arena, const char *argument,
                               const char *text)
{
    const char *at = strstr(text, "####");

    (void)argument;
    *out = NULL;
    if (!at)
        return STATUS_OK;
    at += strspn(at, "# \t*");
    return number_first(out, arena, at, strcspn(at, "\n"), NUMBER_POINT_DOT);
}

static enum status find_flexible(const char **out, struct arena *arena, const char *argument,
                                 const char *text)
{
    (void)argument;
    return number_last(out, arena, text, strlen(text), NUMBER_POINT_DOT);
}

/* Languages of MGSM and their decimals. */
static const struct {
    const char *name;
    enum number_point point;
} LANGUAGES[] = {
    {"", NUMBER_POINT_EITHER}, {"bn", NUMBER_POINT_DOT},   {"de", NUMBER_POINT_COMMA},
    {"en", NUMBER_POINT_DOT},  {"es", NUMBER_POINT_COMMA}, {"fr", NUMBER_POINT_COMMA},
    {"ja", NUMBER_POINT_DOT},  {"ru", NUMBER_POINT_COMMA}, {"sw", NUMBER_POINT_DOT},
    {"te", NUMBER_POINT_DOT},  {"th", NUMBER_POINT_DOT},   {"zh", NUMBER_POINT_DOT},
};

/* Decimals of a language; false if it is none of MGSM. */
static bool find_point(enum number_point *out, const char *language)
{
    for (size_t i = 0; i < sizeof(LANGUAGES) / sizeof(LANGUAGES[0]); i++) {
        if (strcmp(language, LANGUAGES[i].name) == 0) {
            *out = LANGUAGES[i].point;
            return true;
        }
    }
    return false;
}

static enum status check_mgsm(const char *language, const char *where)
{
    enum number_point point;

    if (find_point(&point, language))
        return STATUS_OK;
    log_error("%s: found language '%.64s', expected bn, de, en, es, fr, ja, ru, sw, te, th or zh",
              where, language);
    return STATUS_INPUT;
}

static enum status find_mgsm(const char **out, struct arena *arena, const char *argument,
                             const char *text)
{
    enum number_point point;

    if (!find_point(&point, argument))
        return check_mgsm(argument, "extraction rule mgsm");
    return number_last(out, arena, text, strlen(text), point);
}

static enum status find_line(const char **out, struct arena *arena, const char *argument,
                             const char *text)
{
    struct extract_span s = extract_trim((struct extract_span){text, strlen(text)});

    (void)argument;
    s.size = s.size > 0 ? strcspn(s.at, "\r\n") : 0;
    return extract_copy(out, arena, extract_trim(s));
}

static enum status find_match(struct regex_found *out, const struct regex *regex, const char *text,
                              bool last)
{
    struct regex_scratch *scratch = NULL;
    struct regex_subject subject = {.text = text, .size = strlen(text)};
    struct regex_found found = {0};
    size_t from = 0;

    *out = (struct regex_found){0};
    if (subject.size > REGEX_BYTES)
        subject.size = REGEX_BYTES;
    enum status st = regex_scratch_create(&scratch, REGEX_STEPS);
    do {
        subject.from = from;
        if (!st)
            st = regex_find(&found, regex, scratch, &subject);
        if (!st && found.any) {
            *out = found;
            from = found.whole[1] + (found.whole[1] == found.whole[0]);
            while (from < subject.size && ((unsigned char)text[from] & 0xC0) == 0x80)
                from++; /* a search starts with a character */
        } else if (!st && found.gave_up) {
            log_debug("extraction rule regex: gave up on a text of %zu bytes", subject.size);
            *out = (struct regex_found){0};
        }
    } while (!st && last && found.any && from <= subject.size);
    regex_scratch_destroy(&scratch);
    return st;
}

static enum status check_regex(const char *argument, const char *where)
{
    struct regex *regex = NULL;
    const enum status st = regex_compile(&regex, argument, REGEX_TEXT_ANY, where);

    regex_destroy(&regex);
    return st;
}

static enum status find_regex(const char **out, struct arena *arena, const char *argument,
                              const char *text, bool last)
{
    struct regex *regex = NULL;
    struct regex_found found;

    *out = NULL;
    enum status st = regex_compile(&regex, argument, REGEX_TEXT_ANY, "extraction rule regex");
    if (!st)
        st = find_match(&found, regex, text, last);
    if (!st && found.any) {
        *out = arena_text(arena, text + found.group[0], found.group[1] - found.group[0]);
        st = *out ? STATUS_OK : STATUS_MEMORY;
    }
    regex_destroy(&regex);
    return st;
}

static enum status find_regex_first(const char **out, struct arena *arena, const char *argument,
                                    const char *text)
{
    return find_regex(out, arena, argument, text, false);
}

static enum status find_regex_last(const char **out, struct arena *arena, const char *argument,
                                   const char *text)
{
    return find_regex(out, arena, argument, text, true);
}

static const struct extract_rule RULES[] = {
    {"gsm8k_strict", "the number after the first ####", NULL, find_strict},
    {"gsm8k_flexible", "the last number", NULL, find_flexible},
    {"mgsm", "the last number, digits and separators of any language", NULL, find_mgsm},
    {"mgsm:", "the last number, separators of the language that follows", check_mgsm, find_mgsm},
    {"boxed", "the last \\boxed{}, else after \"answer is\", else the last formula or number", NULL,
     extract_boxed},
    {"integral", "the expression of an antiderivative, without its constant", NULL,
     extract_integral},
    {"code", "a fenced block, else the completion up to the next definition or test", NULL,
     extract_code},
    {"first_line", "the first line that is not blank", NULL, find_line},
    {"regex:", "the first match of the pattern that follows, or its first group", check_regex,
     find_regex_first},
    {"regex_last:", "the last match of the pattern that follows, or its first group", check_regex,
     find_regex_last},
};

const struct extract_rule *extract_rules(size_t *count)
{
    *count = sizeof(RULES) / sizeof(RULES[0]);
    return RULES;
}

static const struct extract_rule *extract_named(const char **argument, const char *rule)
{
    const char *colon = strchr(rule, ':');
    const size_t size = colon ? (size_t)(colon - rule) + 1 : strlen(rule);

    *argument = rule + size;
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        if (strlen(RULES[i].name) == size && strncmp(RULES[i].name, rule, size) == 0)
            return &RULES[i];
    }
    return NULL;
}

enum status extract_check(const char *rule, const char *where)
{
    const char *argument;
    const struct extract_rule *named = extract_named(&argument, rule);

    if (!named) {
        log_error("%s: found extraction rule '%.64s', expected gsm8k_strict, gsm8k_flexible, mgsm, "
                  "mgsm:LANG, boxed, integral, code, first_line, regex:PATTERN or "
                  "regex_last:PATTERN",
                  where, rule);
        return STATUS_INPUT;
    }
    return named->check ? named->check(argument, where) : STATUS_OK;
}

enum status extract_answer(const char **out, struct arena *arena, const char *rule,
                           const char *text)
{
    const char *argument;
    const struct extract_rule *named = extract_named(&argument, rule);

    *out = NULL;
    if (!named)
        return extract_check(rule, "answer");
    return named->find(out, arena, argument, text);
}
