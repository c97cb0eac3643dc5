/* SPDX-License-Identifier: MIT */
/* Looks at a running campaign: its order of work, and the question after a commit. */
#include "base/log.h"
#include "inject/campaign/campaign_state.h"

/* Whole items in sequence: a look takes only complete ones. */
static enum status order_items(struct campaign_state *s, struct campaign_queue_params *out)
{
    const struct plan *plan = s->setup->plan;
    uint32_t *order = arena_array(&s->arena, plan->n_items, sizeof(*order));
    if (!order)
        return STATUS_MEMORY;
    for (uint32_t place = 0; place < plan->n_items; place++)
        order[place] = plan_stop_item(plan, place);
    out->order = order;
    out->window = UINT32_MAX;
    return STATUS_OK;
}

/* Ids up to each look in turn. */
static enum status order_looks(struct campaign_state *s, struct campaign_queue_params *out)
{
    const struct plan *plan = s->setup->plan;
    uint64_t *look = arena_array(&s->arena, plan->n_looks, sizeof(*look));
    if (!look)
        return STATUS_MEMORY;
    for (uint32_t k = 0; k < plan->n_looks; k++)
        look[k] = plan_look_end(plan, k, out->trials);
    out->look = look;
    out->n_looks = plan->n_looks;
    return STATUS_OK;
}

enum status campaign_look_order(struct campaign_state *s, struct campaign_queue_params *out)
{
    switch (s->setup->plan->stop) {
    case PLAN_STOP_TIME_UNIFORM:
        return order_items(s, out);
    case PLAN_STOP_SPENDING:
        return order_looks(s, out);
    default:
        return STATUS_OK;
    }
}

enum status campaign_look_now(struct campaign_state *s)
{
    const struct campaign_params *params = s->params;
    if (!params->look || params->shard.count > 1 || s->decided)
        return STATUS_OK;
    const struct campaign_look look = {.leading = campaign_queue_leading(s->queue),
                                       .done = s->done_before + campaign_queue_target(s->queue) -
                                               campaign_queue_left(s->queue),
                                       .trials = sample_trials(s->sample)};
    return params->look(params->user, &look, &s->decided);
}
