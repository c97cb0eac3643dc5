/* SPDX-License-Identifier: MIT */
/* Frames: kind and size, then the body. Both ends are one build on one machine. */
#include "inject/campaign/campaign_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define READ_SIZE 65536

struct head {
    uint32_t kind;
    uint32_t unused;
    uint64_t size;
};

void campaign_channel_finish(struct campaign_channel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    text_finish(&channel->in);
    *channel = (struct campaign_channel){.fd = -1};
}

static enum status send_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return STATUS_IO;
        at += n;
        size -= (size_t)n;
    }
    return STATUS_OK;
}

enum status campaign_channel_send(const struct campaign_channel *channel, uint32_t kind,
                                  struct text *body)
{
    const struct head head = {.kind = kind, .size = body->size};
    enum status st = body->st;
    if (!st)
        st = send_all(channel->fd, &head, sizeof(head));
    if (!st)
        st = send_all(channel->fd, body->data, body->size);
    text_finish(body);
    return st;
}

void campaign_channel_frame(struct text *out, uint32_t kind, const struct text *body)
{
    const struct head head = {.kind = kind, .size = body->size};
    text_take(out, body->st);
    text_add(out, (const char *)&head, sizeof(head));
    text_add(out, text_of(body), body->size);
}

/* Makes room for input: drops the messages taken. */
static void drop_taken(struct campaign_channel *channel)
{
    if (channel->taken == 0)
        return;
    channel->in.size -= channel->taken;
    memmove(channel->in.data, channel->in.data + channel->taken, channel->in.size);
    channel->taken = 0;
}

enum status campaign_channel_read(struct campaign_channel *channel, bool *open)
{
    char bytes[READ_SIZE];
    ssize_t n;
    drop_taken(channel);
    do
        n = recv(channel->fd, bytes, sizeof(bytes), 0);
    while (n < 0 && errno == EINTR);
    *open = n > 0; /* an error (reset by a killed process) counts as the end */
    return n > 0 ? text_add(&channel->in, bytes, (size_t)n) : STATUS_OK;
}

bool campaign_channel_next(struct campaign_channel *channel, struct campaign_message *out)
{
    struct head head;
    const size_t left = channel->in.size - channel->taken;
    if (left < sizeof(head))
        return false;
    const char *at = channel->in.data + channel->taken;
    memcpy(&head, at, sizeof(head));
    if (left - sizeof(head) < head.size)
        return false;
    *out = (struct campaign_message){head.kind, {at + sizeof(head), (size_t)head.size}};
    channel->taken += sizeof(head) + (size_t)head.size;
    return true;
}

bool campaign_channel_wait(struct campaign_channel *channel, struct campaign_message *out)
{
    bool open = true;
    while (!campaign_channel_next(channel, out)) {
        if (campaign_channel_read(channel, &open) != STATUS_OK || !open)
            return false;
    }
    return true;
}

static const struct field ARMED[] = {FIELD(campaign_armed, REAL, golden_seconds)};
static const struct field FAILURE[] = {FIELD(campaign_failure, U32, status),
                                       FIELD(campaign_failure, BOOL, final),
                                       FIELD(campaign_failure, TEXT, line)};
static const struct field NUMBER[] = {FIELD(campaign_number, U64, number)};
static const struct field BATCH[] = {FIELD(campaign_batch, U32, work),
                                     FIELD(campaign_batch, U32, item),
                                     FIELD(campaign_batch, U32, count)};
const struct field_table campaign_armed_table =
    FIELD_TABLE("start of trials", campaign_armed, ARMED);
const struct field_table campaign_failure_table = FIELD_TABLE("failure", campaign_failure, FAILURE);
const struct field_table campaign_number_table = FIELD_TABLE("number", campaign_number, NUMBER);
static const struct field_table BATCH_TABLE = FIELD_TABLE("work", campaign_batch, BATCH);

enum status campaign_channel_send_one(const struct campaign_channel *channel, uint32_t kind,
                                      const struct field_table *table, const void *from)
{
    struct text body = {0};
    field_pack(&body, table, from);
    return campaign_channel_send(channel, kind, &body);
}

static enum status refuse(const struct field_table *table)
{
    log_error("a message between campaign and worker (%s) ends early or holds more than it should",
              table->name);
    return STATUS_INTERNAL;
}

enum status campaign_channel_take(struct field_bytes *body, const struct field_table *table,
                                  void *out, struct arena *arena)
{
    bool whole = false;
    const enum status st = field_unpack(table, out, arena, body, &whole);
    return st || whole ? st : refuse(table);
}

enum status campaign_channel_take_last(struct field_bytes *body, const struct field_table *table,
                                       void *out, struct arena *arena)
{
    const enum status st = campaign_channel_take(body, table, out, arena);
    return !st && body->left > 0 ? refuse(table) : st;
}

void campaign_channel_put_number(struct text *body, uint64_t number)
{
    field_pack(body, &campaign_number_table, &(struct campaign_number){number});
}

enum status campaign_channel_take_number(struct field_bytes *body, uint64_t *out)
{
    struct campaign_number number = {0};
    const enum status st = campaign_channel_take(body, &campaign_number_table, &number, NULL);
    *out = number.number;
    return st;
}

void campaign_channel_put_batch(struct text *body, const struct campaign_batch *batch)
{
    field_pack(body, &BATCH_TABLE, batch);
    for (uint32_t i = 0; i < batch->count; i++)
        campaign_channel_put_number(body, batch->id[i]);
}

enum status campaign_channel_take_batch(struct field_bytes *body, struct campaign_batch *out)
{
    *out = (struct campaign_batch){.any = true};
    enum status st = campaign_channel_take(body, &BATCH_TABLE, out, NULL);
    if (!st && out->count > CAMPAIGN_BATCH_MAX)
        st = refuse(&BATCH_TABLE);
    for (uint32_t i = 0; !st && i < out->count; i++)
        st = campaign_channel_take_number(body, &out->id[i]);
    return !st && body->left > 0 ? refuse(&BATCH_TABLE) : st;
}
