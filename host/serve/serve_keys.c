/* SPDX-License-Identifier: MIT */
/* Keys are kept and compared as SHA-256: equal lengths, and all of every hash is looked at. */
#include "serve/serve_keys.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"

#define BLANK " \t\r"

static enum status add_key(struct serve_keys *out, const char *path, const char *line, size_t size)
{
    bool plain = size >= SERVE_KEY_LEAST;
    for (size_t i = 0; i < size; i++)
        plain = plain && line[i] > 0x20 && line[i] < 0x7f;
    if (!plain) {
        /* The key itself does not belong in a log. */
        log_error("%s: key %zu: found %zu bytes, expected at least %d visible ASCII characters",
                  path, out->count + 1, size, SERVE_KEY_LEAST);
        return STATUS_INPUT;
    }
    hash_sha256(line, size, out->hash[out->count++]);
    return STATUS_OK;
}

enum status serve_keys_load(struct serve_keys *out, struct arena *arena, const char *path)
{
    char *text = NULL;
    size_t size = 0, lines = 1;
    enum status st = file_read(arena, path, &text, &size);
    if (st)
        return st;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    *out = (struct serve_keys){.hash = arena_array(arena, lines, sizeof(*out->hash))};
    if (!out->hash)
        return STATUS_MEMORY;
    for (char *line = text, *next; line && !st; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, BLANK);
        size_t n = strlen(line);
        while (n > 0 && strchr(BLANK, line[n - 1]))
            n--;
        if (n > 0 && line[0] != '#')
            st = add_key(out, path, line, n);
    }
    memset(text, 0, size);
    if (!st && out->count == 0) {
        log_error("%s: found no key, expected at least one line with a key", path);
        st = STATUS_INPUT;
    }
    return st;
}

/* 0 if equal; no branch depends on the bytes. */
static unsigned difference(const char *a, const char *b)
{
    unsigned differs = 0;
    for (size_t i = 0; i < HASH_SHA256_TEXT; i++)
        differs |= (unsigned char)a[i] ^ (unsigned char)b[i];
    return differs;
}

bool serve_keys_allow(const struct serve_keys *keys, const char *header)
{
    static const char word[] = "Bearer ";
    char hash[HASH_SHA256_TEXT];
    unsigned found = 0;
    if (keys->count == 0)
        return true;
    if (!header || strncasecmp(header, word, sizeof(word) - 1) != 0)
        return false;
    const char *key = header + sizeof(word) - 1;
    key += strspn(key, BLANK);
    hash_sha256(key, strlen(key), hash);
    for (size_t i = 0; i < keys->count; i++)
        found |= difference(hash, keys->hash[i]) == 0;
    return found != 0;
}
