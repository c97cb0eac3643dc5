/* SPDX-License-Identifier: MIT */
/* Checks of spans, and the sums of a row. */
#include "model/executor_kv.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

uint32_t executor_kv_row(const struct executor *ex)
{
    const struct hparams *hp = &ex->model->hp;
    return hp->n_head_kv * hp->head_dim * (storage_bits(ex->kv_storage) / 8);
}

struct kv_sums executor_kv_sum_row(const struct executor *ex, const uint8_t *row, uint32_t mask)
{
    const uint32_t n = executor_kv_row(ex) / 2;
    const uint32_t masks[] = {mask & 0xffff,
                              ex->kv_storage == STORAGE_F32 ? mask >> 16 : mask & 0xffff};
    struct kv_sums out = {0};

    for (uint32_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, row + 2 * (size_t)i, sizeof(half));
        const uint32_t kept = half & masks[i % 2];
        out.sum += kept;
        out.weighted += (i + 1) * kept;
        out.mixed += sums_weight(i) * kept;
    }
    return out;
}

static enum status check_span(const struct executor *ex, const struct kv_span *s)
{
    const uint32_t page = s->position / KV_PAGE_POSITIONS;

    if (s->layer < ex->model->hp.n_layers && s->n > 0 && s->n <= KV_PAGE_POSITIONS &&
        (s->position + s->n - 1) / KV_PAGE_POSITIONS == page &&
        kv_holds(ex->kv, s->branch, s->position + s->n - 1) &&
        kv_table(ex->kv, s->branch, s->layer)[page] != KV_NO_PAGE)
        return STATUS_OK;
    log_error("KV span: found branch %" PRIu32 " layer %" PRIu32 " positions %" PRIu32
              " to %" PRIu32 ", expected entries of one page that were stored",
              s->branch, s->layer, s->position, s->position + s->n - 1);
    return STATUS_USAGE;
}

enum status executor_kv_read(struct executor *ex, const struct kv_span *spans, uint32_t n,
                             uint8_t *out)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i++)
        st = check_span(ex, &spans[i]);
    for (uint32_t i = 0; i < n && !st; i++)
        executor_work_sums(ex, 0, (uint64_t)spans[i].n * executor_kv_row(ex));
    return st ? st : ex->ops->kv->read(ex, spans, n, out);
}

enum status executor_kv_write(struct executor *ex, const struct kv_span *span, const uint8_t *rows)
{
    const struct executor_write write = {.kv = *span};
    enum status st = check_span(ex, span);
    if (!st)
        st = ex->ops->kv->write(ex, span, rows);
    return st ? st : executor_wrote(ex, &write);
}

enum status executor_kv_sums(struct executor *ex, const struct kv_check *checks, uint32_t n,
                             struct kv_sums *out)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < n && !st; i++) {
        st = check_span(ex, &checks[i].span);
        if (!st && i > 0 && checks[i].span.layer < checks[i - 1].span.layer) {
            log_error("KV sums: found layer %" PRIu32 " after %" PRIu32 ", expected rising layers",
                      checks[i].span.layer, checks[i - 1].span.layer);
            st = STATUS_USAGE;
        }
    }
    for (uint32_t i = 0; i < n && !st; i++) {
        const uint64_t bytes = (uint64_t)checks[i].span.n * executor_kv_row(ex);
        executor_work_sums(ex, 3 * bytes / sizeof(uint16_t), bytes);
    }
    return st ? st : ex->ops->kv->sum(ex, checks, n, out);
}
