/* SPDX-License-Identifier: MIT */
/* A table in a protection's own memory with what repairs it: a second copy, and a CRC-32C that says
 * which of the two is right. Both are looked at only where the table has raised an alarm. */
#ifndef VKFI_MITIGATIONS_OWN_TABLE_H
#define VKFI_MITIGATIONS_OWN_TABLE_H

#include "mitigations/protection.h"

struct own_table {
    uint8_t *bytes; /* (size) the table, borrowed */
    size_t size;
    uint8_t *copy; /* (size) then its CRC, 4 bytes */
};

/* Keeps the table as it is; memory of the copy from `arena`. STATUS_MEMORY. */
enum status own_table_keep(struct own_table *out, struct arena *arena, void *bytes,
                           size_t size) STATUS_MUST_USE;

/* Whether the table was damaged: it then has the bytes that were kept. Any one damage of table,
 * copy or CRC is put right. */
bool own_table_mend(struct own_table *table);

/* The copy and its CRC, as an area that faults strike. */
struct protection_area own_table_copies(const struct own_table *table);

#endif
