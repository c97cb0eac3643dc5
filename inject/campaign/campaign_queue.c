/* SPDX-License-Identifier: MIT */
/* Lists of ids by item and way, and controls waiting for their original. */
#include "inject/campaign/campaign_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define NONE UINT32_MAX
#define BUCKETS 4096u
#define WINDOW 256u

/* An id in a list, or a waiting control. */
struct entry {
    uint64_t id, original;
    uint32_t item, next;
    uint32_t way; /* enum campaign_way, or an arm's */
};

struct campaign_queue {
    struct campaign_queue_params params;
    uint8_t *done;                    /* copy, kept up to date */
    uint64_t next_id;                 /* next id to load */
    uint64_t leading;                 /* ids below it are all done */
    uint64_t target, taken, finished; /* ids of this call: all, loaded, done */
    uint64_t given;                   /* trials held by workers, shadows included */
    uint64_t arms_left;
    uint32_t n_ways; /* CAMPAIGN_WAY_COUNT and arms */

    struct entry *entry; /* (room) */
    uint32_t room, free;
    uint32_t *head;  /* (n_items * n_ways) lists */
    uint32_t *count; /* the same */
    uint64_t total[CAMPAIGN_WAY_ARM + PLAN_ARMS_MOST];
    uint32_t place;            /* where the search for another item goes on, in their order */
    uint32_t waiting[BUCKETS]; /* lists, by original */
    uint64_t n_waiting;
    uint32_t *holders; /* (n_items) workers last given trials of it */
};

/* --- entries --- */

static enum status grow(struct campaign_queue *q)
{
    const uint32_t room = q->room ? 2 * q->room : 1024;
    struct entry *entry = room > q->room ? realloc(q->entry, room * sizeof(*entry)) : NULL;
    if (!entry) {
        log_error("out of host memory for a queue of %u trials", room);
        return STATUS_MEMORY;
    }
    for (uint32_t i = q->room; i < room; i++)
        entry[i].next = i + 1 < room ? i + 1 : q->free;
    q->free = q->room;
    q->entry = entry;
    q->room = room;
    return STATUS_OK;
}

static enum status add(struct campaign_queue *q, uint32_t *list, const struct entry *entry)
{
    if (q->free == NONE) {
        enum status st = grow(q);
        if (st)
            return st;
    }
    const uint32_t at = q->free;
    q->free = q->entry[at].next;
    q->entry[at] = *entry;
    q->entry[at].next = *list;
    *list = at;
    return STATUS_OK;
}

static struct entry take(struct campaign_queue *q, uint32_t *list)
{
    const uint32_t at = *list;
    const struct entry entry = q->entry[at];
    *list = entry.next;
    q->entry[at].next = q->free;
    q->free = at;
    return entry;
}

static size_t list_of(const struct campaign_queue *q, uint32_t item, uint32_t way)
{
    return (size_t)item * q->n_ways + way;
}

static enum status make_ready(struct campaign_queue *q, const struct entry *entry)
{
    const size_t list = list_of(q, entry->item, entry->way);
    enum status st = add(q, &q->head[list], entry);
    if (!st) {
        q->count[list]++;
        q->total[entry->way]++;
    }
    return st;
}

/* --- ids --- */

static bool is_done(const struct campaign_queue *q, uint64_t id)
{
    return q->done[id / 8] >> (id % 8) & 1;
}

static bool is_own(const struct campaign_queue *q, uint64_t id)
{
    return id % q->params.shards == q->params.shard;
}

static enum status add_shadow(struct campaign_queue *q, uint32_t item, uint64_t original)
{
    const struct entry shadow = {
        .id = original, .original = original, .item = item, .way = CAMPAIGN_WAY_SHADOW};
    return make_ready(q, &shadow);
}

/* A control waits for its original. */
static enum status add_control(struct campaign_queue *q, const struct entry *control)
{
    const uint64_t original = control->original;
    if (is_own(q, original) && is_done(q, original))
        return make_ready(q, control);
    enum status st = add(q, &q->waiting[original % BUCKETS], control);
    q->n_waiting += st ? 0 : 1;
    return st || is_own(q, original) ? st : add_shadow(q, control->item, original);
}

static enum status load_id(struct campaign_queue *q, uint64_t id)
{
    struct campaign_queue_trial trial;
    enum status st = q->params.describe(q->params.user, id, &trial);
    if (st)
        return st;
    const struct entry entry = {
        .id = id, .original = trial.original, .item = trial.item, .way = trial.way};
    return trial.way == CAMPAIGN_WAY_FAST ? make_ready(q, &entry) : add_control(q, &entry);
}

/* The id of the next look, at which a window ends. */
static uint64_t next_look(const struct campaign_queue *q)
{
    for (uint32_t k = 0; k < q->params.n_looks; k++) {
        if (q->params.look[k] > q->next_id)
            return q->params.look[k];
    }
    return q->params.trials;
}

/* Lists are last in, first out. */
static enum status load_window(struct campaign_queue *q)
{
    const uint64_t window = (uint64_t)q->params.window * q->params.n_items;
    const uint64_t look = next_look(q);
    uint64_t end = q->next_id, found = 0;
    while (end < look && found < window && q->taken + found < q->target) {
        found += is_own(q, end) && !is_done(q, end);
        end++;
    }
    enum status st = STATUS_OK;
    for (uint64_t id = end; !st && id > q->next_id; id--) {
        if (is_own(q, id - 1) && !is_done(q, id - 1))
            st = load_id(q, id - 1);
    }
    q->next_id = end;
    q->taken += found;
    return st;
}

/* Originals that this call will not put into the database. */
static enum status shadow_the_rest(struct campaign_queue *q)
{
    enum status st = STATUS_OK;
    for (uint32_t b = 0; !st && b < BUCKETS; b++) {
        for (uint32_t at = q->waiting[b]; !st && at != NONE; at = q->entry[at].next)
            st = add_shadow(q, q->entry[at].item, q->entry[at].original);
    }
    return st;
}

enum status campaign_queue_add_arm(struct campaign_queue *q, const struct campaign_queue_arm *run)
{
    const struct entry entry = {
        .id = run->id, .item = run->item, .way = CAMPAIGN_WAY_ARM + run->arm};
    const enum status st = make_ready(q, &entry);
    q->arms_left += st ? 0 : 1;
    return st;
}

enum status campaign_queue_done(struct campaign_queue *q, uint32_t way, uint64_t id)
{
    enum status st = STATUS_OK;
    if (way >= CAMPAIGN_WAY_ARM) {
        q->arms_left--;
        return STATUS_OK;
    }
    q->given--;
    if (way != CAMPAIGN_WAY_SHADOW) {
        q->done[id / 8] |= (uint8_t)(1u << (id % 8));
        q->finished++;
    }
    uint32_t *link = &q->waiting[id % BUCKETS];
    while (!st && *link != NONE) {
        if (q->entry[*link].original != id) {
            link = &q->entry[*link].next;
            continue;
        }
        const struct entry control = take(q, link);
        q->n_waiting--;
        st = make_ready(q, &control);
        link = &q->waiting[id % BUCKETS]; /* the entries may have moved */
    }
    return st;
}

/* --- who gets what --- */

static bool takes(const struct campaign_queue_asker *asker, uint32_t way)
{
    return way >= CAMPAIGN_WAY_ARM ? asker->arms : asker->takes[way];
}

static bool has(const struct campaign_queue *q, const struct campaign_queue_asker *asker,
                uint32_t item, uint32_t way)
{
    return takes(asker, way) && q->count[list_of(q, item, way)] > 0;
}

/* Trials first, then controls of the item, whose golden run is loaded, then arms. */
static bool choose_way(const struct campaign_queue *q, const struct campaign_queue_asker *asker,
                       uint32_t item, uint32_t *out)
{
    static const uint32_t order[] = {CAMPAIGN_WAY_SHADOW, CAMPAIGN_WAY_FAST, CAMPAIGN_WAY_NAIVE,
                                     CAMPAIGN_WAY_CPU};
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        if (has(q, asker, item, order[i])) {
            *out = order[i];
            return true;
        }
    }
    for (uint32_t way = CAMPAIGN_WAY_ARM; way < q->n_ways; way++) {
        if (has(q, asker, item, way)) {
            *out = way;
            return true;
        }
    }
    return false;
}

/* The next item that no worker has, else the one with the most left. */
static uint32_t choose_item(struct campaign_queue *q, const struct campaign_queue_asker *asker)
{
    uint64_t any = 0;
    for (uint32_t way = 0; way < q->n_ways; way++)
        any += takes(asker, way) ? q->total[way] : 0;
    uint32_t best = CAMPAIGN_QUEUE_NO_ITEM, most = 0;
    for (uint32_t i = 0; any > 0 && i < q->params.n_items; i++) {
        const uint32_t place = (q->place + i) % q->params.n_items;
        const uint32_t item = q->params.order ? q->params.order[place] : place;
        uint32_t way;
        if (!choose_way(q, asker, item, &way))
            continue;
        if (q->holders[item] == 0) {
            q->place = (place + 1) % q->params.n_items;
            return item;
        }
        if (q->count[list_of(q, item, way)] > most) {
            most = q->count[list_of(q, item, way)];
            best = item;
        }
    }
    return best;
}

static void give(struct campaign_queue *q, const struct campaign_queue_asker *asker, uint32_t item,
                 struct campaign_batch *out)
{
    uint32_t way = CAMPAIGN_WAY_FAST;
    if (!choose_way(q, asker, item, &way))
        return;
    const size_t list = list_of(q, item, way);
    out->any = true;
    out->work = way;
    out->item = item;
    while (out->count < asker->most && out->count < CAMPAIGN_BATCH_MAX && q->count[list] > 0) {
        out->id[out->count++] = take(q, &q->head[list]).id;
        q->count[list]--;
    }
    q->total[way] -= out->count;
    q->given += way < CAMPAIGN_WAY_ARM ? out->count : 0;
    if (item != asker->item) {
        q->holders[item]++;
        if (asker->item != CAMPAIGN_QUEUE_NO_ITEM)
            q->holders[asker->item]--;
    }
}

/* Nothing after a look is started while work before it is available. */
static bool may_load(const struct campaign_queue *q, const struct campaign_queue_asker *asker)
{
    uint64_t any = q->total[CAMPAIGN_WAY_FAST];
    for (uint32_t way = 0; q->params.n_looks > 0 && way < CAMPAIGN_WAY_COUNT; way++)
        any += takes(asker, way) ? q->total[way] : 0;
    return any == 0 && q->taken < q->target;
}

enum status campaign_queue_next(struct campaign_queue *q, const struct campaign_queue_asker *asker,
                                struct campaign_batch *out)
{
    enum status st = STATUS_OK;
    uint32_t way;
    out->count = 0;
    out->any = false;
    while (!st && may_load(q, asker))
        st = load_window(q);
    if (!st && q->given == 0 && q->n_waiting > 0 && q->taken == q->target &&
        q->total[CAMPAIGN_WAY_FAST] + q->total[CAMPAIGN_WAY_SHADOW] == 0)
        st = shadow_the_rest(q);
    if (st)
        return st;
    uint32_t item = asker->item;
    if (item == CAMPAIGN_QUEUE_NO_ITEM || !choose_way(q, asker, item, &way))
        item = choose_item(q, asker);
    if (item != CAMPAIGN_QUEUE_NO_ITEM)
        give(q, asker, item, out);
    return STATUS_OK;
}

enum status campaign_queue_give_back(struct campaign_queue *q, const struct campaign_batch *batch)
{
    enum status st = STATUS_OK;
    q->given -= batch->work < CAMPAIGN_WAY_ARM ? batch->count : 0;
    for (uint32_t i = batch->count; !st && i > 0; i--) {
        const struct entry entry = {.id = batch->id[i - 1],
                                    .original = batch->id[i - 1], /* which is already done */
                                    .item = batch->item,
                                    .way = batch->work};
        st = make_ready(q, &entry);
    }
    return st;
}

uint64_t campaign_queue_target(const struct campaign_queue *q)
{
    return q->target;
}

uint64_t campaign_queue_left(const struct campaign_queue *q)
{
    return q->target - q->finished;
}

uint64_t campaign_queue_arms_left(const struct campaign_queue *q)
{
    return q->arms_left;
}

uint64_t campaign_queue_leading(struct campaign_queue *q)
{
    while (q->leading < q->params.trials && is_done(q, q->leading))
        q->leading++;
    return q->leading;
}

/* --- life --- */

static uint64_t count_undone(const struct campaign_queue *q)
{
    uint64_t undone = 0;
    for (uint64_t id = q->params.shard; id < q->params.trials; id += q->params.shards)
        undone += !is_done(q, id);
    return undone;
}

enum status campaign_queue_create(struct campaign_queue **out,
                                  const struct campaign_queue_params *params)
{
    const uint32_t n_ways = CAMPAIGN_WAY_COUNT + params->n_arms;
    const size_t lists = (size_t)params->n_items * n_ways;
    const size_t bytes = (params->trials + 7) / 8;
    struct campaign_queue *q = calloc(1, sizeof(*q));
    *out = NULL;
    if (q) {
        q->done = malloc(bytes + 1);
        q->head = malloc((lists + 1) * sizeof(*q->head));
        q->count = calloc(lists + 1, sizeof(*q->count));
        q->holders = calloc((size_t)params->n_items + 1, sizeof(*q->holders));
    }
    if (!q || !q->done || !q->head || !q->count || !q->holders) {
        log_error("out of host memory for a queue of %zu lists", lists);
        campaign_queue_destroy(&q);
        return STATUS_MEMORY;
    }
    q->params = *params;
    q->n_ways = n_ways;
    q->params.window = params->window ? params->window : WINDOW;
    memcpy(q->done, params->done, bytes);
    q->params.done = NULL;
    q->free = NONE;
    for (size_t i = 0; i < lists; i++)
        q->head[i] = NONE;
    for (uint32_t b = 0; b < BUCKETS; b++)
        q->waiting[b] = NONE;
    q->target = count_undone(q);
    if (params->limit > 0 && params->limit < q->target)
        q->target = params->limit;
    *out = q;
    return STATUS_OK;
}

void campaign_queue_destroy(struct campaign_queue **queue)
{
    if (!*queue)
        return;
    free((*queue)->done);
    free((*queue)->head);
    free((*queue)->count);
    free((*queue)->holders);
    free((*queue)->entry);
    free(*queue);
    *queue = NULL;
}
