/* SPDX-License-Identifier: MIT */
/* The messages as described structs. */
#include "serve/serve_wire.h"

static const struct field ASK[] = {FIELD(serve_ask, U64, id), FIELD(serve_ask, U32, endpoint),
                                   FIELD(serve_ask, TEXT, body)};
static const struct field READY[] = {FIELD(serve_ready, TEXT, device),
                                     FIELD(serve_ready, TEXT, driver),
                                     FIELD(serve_ready, U32, positions)};
static const struct field FAILED[] = {FIELD(serve_failed, U32, status),
                                      FIELD(serve_failed, TEXT, line)};
static const struct field PART[] = {FIELD(serve_part, U64, id),
                                    FIELD(serve_part, U32, code),
                                    FIELD(serve_part, BOOL, stream),
                                    FIELD(serve_part, BOOL, last),
                                    FIELD(serve_part, TEXT, body),
                                    FIELD(serve_part, U64, counts.prompt_tokens),
                                    FIELD(serve_part, U64, counts.tokens),
                                    FIELD(serve_part, U64, counts.alarms),
                                    FIELD(serve_part, U64, counts.corrected),
                                    FIELD(serve_part, U64, counts.uncorrected),
                                    FIELD(serve_part, U64, counts.fired)};

const struct field_table serve_ask_table = FIELD_TABLE("request", serve_ask, ASK);
const struct field_table serve_ready_table = FIELD_TABLE("readiness", serve_ready, READY);
const struct field_table serve_failed_table = FIELD_TABLE("failed start", serve_failed, FAILED);
const struct field_table serve_part_table = FIELD_TABLE("part of an answer", serve_part, PART);

enum status serve_wire_take(const struct campaign_message *message, const struct field_table *table,
                            void *out, struct arena *arena)
{
    struct field_bytes body = message->body;
    return campaign_channel_take_last(&body, table, out, arena);
}
