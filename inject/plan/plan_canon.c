/* SPDX-License-Identifier: MIT */
/* The canonical form of a plan: one line of JSON with every field, from which its identity comes.
 */
#include "inject/plan/plan_field.h"

enum status plan_canon(struct plan *plan, struct arena *arena)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_take(&m.w, plan_field_put(&m.w, &plan_fields_root, plan));
    json_object_close(&m.w);
    const enum status st = json_end_memory(&m, arena);
    if (st)
        return st;
    plan->canon = m.text;
    hash_sha256(m.text, m.size, plan->hash);
    return STATUS_OK;
}
