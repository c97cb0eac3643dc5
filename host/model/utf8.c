/* SPDX-License-Identifier: MIT */
/* UTF-8 by the table of well-formed byte sequences. */
#include "model/utf8.h"

#include <string.h>

/* What follows a lead byte: how many bytes, and the range of the first of them. */
struct lead {
    uint32_t trail;
    uint8_t low, high;
};

static struct lead lead_of(uint8_t byte)
{
    struct lead lead = {0, 0x80, 0xBF};

    if (byte >= 0xC2 && byte <= 0xF4)
        lead.trail = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    if (byte == 0xE0)
        lead.low = 0xA0;
    else if (byte == 0xED)
        lead.high = 0x9F;
    else if (byte == 0xF0)
        lead.low = 0x90;
    else if (byte == 0xF4)
        lead.high = 0x8F;
    return lead;
}

struct utf8_char utf8_next(const char *text, size_t len)
{
    const uint8_t first = (uint8_t)text[0];

    if (first < 0x80)
        return (struct utf8_char){UTF8_GOOD, 1, first};
    struct lead lead = lead_of(first);
    if (lead.trail == 0)
        return (struct utf8_char){UTF8_BAD, 1, 0};
    uint32_t code = first & (0x3Fu >> lead.trail);
    for (uint32_t i = 1; i <= lead.trail; i++) {
        if (i >= len)
            return (struct utf8_char){UTF8_CUT, i, 0};
        const uint8_t byte = (uint8_t)text[i];
        if (byte < lead.low || byte > lead.high)
            return (struct utf8_char){UTF8_BAD, i, 0};
        code = code << 6 | (byte & 0x3Fu);
        lead.low = 0x80;
        lead.high = 0xBF;
    }
    return (struct utf8_char){UTF8_GOOD, lead.trail + 1, code};
}

size_t utf8_good_prefix(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        uint64_t word;
        if (len - at >= sizeof(word)) {
            memcpy(&word, text + at, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        const struct utf8_char c = utf8_next(text + at, len - at);
        if (c.kind != UTF8_GOOD)
            break;
        at += c.size;
    }
    return at;
}

size_t utf8_put(char out[UTF8_LONGEST], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t trail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (size_t i = trail; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)((0xF0u << (3 - trail) & 0xF0u) | code);
    return trail + 1;
}

bool utf8_is_space(uint32_t code)
{
    static const uint32_t range[][2] = {
        {0x09, 0x0D},     {0x1C, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    for (size_t i = 0; i < sizeof(range) / sizeof(*range); i++) {
        if (code >= range[i][0] && code <= range[i][1])
            return true;
    }
    return false;
}
