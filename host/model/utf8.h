/* SPDX-License-Identifier: MIT */
/* UTF-8 one character at a time: what is well-formed, what is not, what is incomplete. */
#ifndef VKFI_MODEL_UTF8_H
#define VKFI_MODEL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum utf8_kind {
    UTF8_GOOD, /* a well-formed character */
    UTF8_BAD,  /* bytes that no continuation makes a character */
    UTF8_CUT,  /* the text ends inside a character that is well-formed so far */
};

struct utf8_char {
    enum utf8_kind kind;
    uint32_t size; /* bytes: of the character, or of the ill-formed or unfinished part (1 to 3) */
    uint32_t code; /* code point, if UTF8_GOOD */
};

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define UTF8_LONGEST 4                  /* bytes of the longest character */

/* The first character of `text` (len > 0). Well-formed is Unicode 15 table 3-7; ill-formed bytes
 * are taken as maximal subparts (Unicode 15, 3.9, U+FFFD substitution), as web browsers do. */
struct utf8_char utf8_next(const char *text, size_t len);

/* Bytes of the longest well-formed text that `text` begins with. */
size_t utf8_good_prefix(const char *text, size_t len);

/* Writes `code` (a Unicode scalar value), returns the number of bytes. */
size_t utf8_put(char out[UTF8_LONGEST], uint32_t code);

/* Unicode's White_Space and U+001C to U+001F, as in Python's str.split. */
bool utf8_is_space(uint32_t code);

#endif
