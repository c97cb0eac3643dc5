/* SPDX-License-Identifier: MIT */
/* Frames: kind and size, then the body. Both ends are one build on one machine. */
#include "inject/campaign/campaign_channel.h"

#include <errno.h>
#include <math.h>
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
                                  const struct text *body)
{
    const struct head head = {.kind = kind, .size = body->size};
    enum status st = send_all(channel->fd, &head, sizeof(head));
    return st ? st : send_all(channel->fd, body->data, body->size);
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
    *out = (struct campaign_message){head.kind, at + sizeof(head), (size_t)head.size};
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

void campaign_channel_put_u32(struct text *body, uint32_t value)
{
    text_add(body, (const char *)&value, sizeof(value));
}

void campaign_channel_put_u64(struct text *body, uint64_t value)
{
    text_add(body, (const char *)&value, sizeof(value));
}

void campaign_channel_put_real(struct text *body, double value)
{
    text_add(body, (const char *)&value, sizeof(value));
}

/* Length with the null, 0 for null, then the bytes. */
void campaign_channel_put_text(struct text *body, const char *value)
{
    const size_t size = value ? strlen(value) + 1 : 0;
    if (size > UINT32_MAX) {
        log_error("found a text of %zu bytes for a message, expected less than 4 GiB", size);
        text_take(body, STATUS_INTERNAL);
        return;
    }
    campaign_channel_put_u32(body, (uint32_t)size);
    text_add(body, value, size);
}

struct campaign_reader campaign_channel_reader(const struct campaign_message *message)
{
    return (struct campaign_reader){message->body, message->size, false};
}

/* Copies `size` bytes out, or leaves `out` unchanged. */
static void take(struct campaign_reader *r, void *out, size_t size)
{
    if (r->left < size) {
        r->bad = true;
        return;
    }
    memcpy(out, r->at, size);
    r->at += size;
    r->left -= size;
}

uint32_t campaign_channel_u32(struct campaign_reader *r)
{
    uint32_t value = 0;
    take(r, &value, sizeof(value));
    return value;
}

uint64_t campaign_channel_u64(struct campaign_reader *r)
{
    uint64_t value = 0;
    take(r, &value, sizeof(value));
    return value;
}

double campaign_channel_real(struct campaign_reader *r)
{
    double value = NAN;
    take(r, &value, sizeof(value));
    return value;
}

const char *campaign_channel_text(struct campaign_reader *r)
{
    const uint32_t size = campaign_channel_u32(r);
    const char *text = r->at;
    if (size == 0)
        return NULL;
    if (size > r->left || text[size - 1] != '\0') {
        r->bad = true;
        return NULL;
    }
    r->at += size;
    r->left -= size;
    return text;
}
