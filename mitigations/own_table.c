/* SPDX-License-Identifier: MIT */
/* Two copies of a table and the CRC that both should have. */
#include "mitigations/own_table.h"

#include <string.h>

#include "base/crc32c.h"

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    return crc32c_add(0, bytes, size);
}

enum status own_table_keep(struct own_table *out, struct arena *arena, void *bytes, size_t size)
{
    const uint32_t crc = crc_of(bytes, size);
    *out = (struct own_table){
        .bytes = bytes, .size = size, .copy = arena_alloc(arena, size + sizeof(crc))};
    if (!out->copy)
        return STATUS_MEMORY;
    memcpy(out->copy, bytes, size);
    memcpy(out->copy + size, &crc, sizeof(crc));
    return STATUS_OK;
}

bool own_table_mend(struct own_table *table)
{
    const size_t size = table->size;
    uint32_t crc;
    memcpy(&crc, table->copy + size, sizeof(crc));
    const bool equal = memcmp(table->bytes, table->copy, size) == 0;
    const bool damaged = !equal && crc_of(table->bytes, size) != crc;
    if (damaged)
        memcpy(table->bytes, table->copy, size);
    else
        memcpy(table->copy, table->bytes, size);
    crc = crc_of(table->bytes, size);
    memcpy(table->copy + size, &crc, sizeof(crc));
    return damaged;
}

struct protection_area own_table_copies(const struct own_table *table)
{
    return (struct protection_area){
        .name = "copies", .bytes = table->copy, .size = table->size + sizeof(uint32_t)};
}
