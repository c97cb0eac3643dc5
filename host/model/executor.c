/* SPDX-License-Identifier: MIT */
/* The checks every device relies on, made before its executor sees a pass, a site or a row. */
#include "model/executor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/op.h"
#include "model/schedule.h"
#include "shared/order.h"

static bool same_layers(const struct column *a, const struct column *b)
{
    return a->start_layer < b->end_layer && b->start_layer < a->end_layer;
}

/* Checks one column by itself. */
static enum status check_column(const struct executor *ex, const struct column *c, uint32_t i)
{
    const struct hparams *hp = &ex->model->hp;

    if (!kv_holds(ex->kv, c->branch, c->position))
        log_error("pass: column %" PRIu32 ": found branch %" PRIu32 " position %" PRIu32
                  ", expected a branch in use and a position below its most",
                  i, c->branch, c->position);
    else if (c->start_layer > hp->n_layers || c->end_layer > hp->n_layers ||
             (c->start_layer >= c->end_layer && c->start_layer != hp->n_layers))
        log_error("pass: column %" PRIu32 ": found layers %" PRIu32 " to %" PRIu32
                  ", expected a range within the %" PRIu32 " layers",
                  i, c->start_layer, c->end_layer, hp->n_layers);
    else if (c->checkpoint == EXECUTOR_NONE && c->start_layer != 0)
        log_error("pass: column %" PRIu32 ": found start layer %" PRIu32
                  " without a checkpoint, expected 0",
                  i, c->start_layer);
    else if (c->checkpoint == EXECUTOR_NONE && (c->token < 0 || (uint32_t)c->token >= hp->n_vocab))
        log_error("pass: column %" PRIu32 ": found token %" PRId32 ", expected 0 to %" PRIu32, i,
                  c->token, hp->n_vocab - 1);
    else if ((c->checkpoint != EXECUTOR_NONE && c->checkpoint >= ex->n_checkpoints) ||
             (c->save != EXECUTOR_NONE && c->save >= ex->n_checkpoints))
        log_error("pass: column %" PRIu32 ": found checkpoint rows %" PRIu32 " and %" PRIu32
                  " (save), expected rows below %" PRIu32,
                  i, c->checkpoint, c->save, ex->n_checkpoints);
    else if (c->outputs > COLUMN_ANY || (c->outputs != 0 && c->end_layer != hp->n_layers))
        log_error("pass: column %" PRIu32 ": found outputs %" PRIu32 " with end layer %" PRIu32
                  ", expected COLUMN_* bits, and none before layer %" PRIu32,
                  i, c->outputs, c->end_layer, hp->n_layers);
    else if (column_entry(c) > c->position || column_last(c) > c->position ||
             column_rope(c) >= ex->positions)
        log_error("pass: column %" PRIu32 " of position %" PRIu32 ": found KV entry %" PRIu32
                  ", last key %" PRIu32 ", rope row %" PRIu32
                  ", expected the first two up to the position and rows below %" PRIu32,
                  i, c->position, column_entry(c), column_last(c), column_rope(c), ex->positions);
    else
        return STATUS_OK;
    return STATUS_USAGE;
}

/* Checks column i against an earlier column j. */
static enum status check_pair(const struct column *columns, uint32_t j, uint32_t i)
{
    const struct column *a = &columns[j], *b = &columns[i];

    if (a->branch == b->branch && a->position == b->position && same_layers(a, b)) {
        log_error("pass: columns %" PRIu32 " and %" PRIu32 ": found branch %" PRIu32
                  " position %" PRIu32 " twice, expected one column each",
                  j, i, a->branch, a->position);
        return STATUS_USAGE;
    }
    const struct column *late = a->position > b->position ? a : b;
    if (a->branch == b->branch && column_entry(late) != late->position && same_layers(a, b)) {
        log_error("pass: columns %" PRIu32 " and %" PRIu32 ": found position %" PRIu32
                  " writing KV entry %" PRIu32 " beside an earlier position, expected two passes",
                  j, i, late->position, column_entry(late));
        return STATUS_USAGE;
    }
    if ((a->save != EXECUTOR_NONE && (a->save == b->save || a->save == b->checkpoint)) ||
        (b->save != EXECUTOR_NONE && b->save == a->checkpoint)) {
        log_error("pass: columns %" PRIu32 " and %" PRIu32
                  ": found one checkpoint row saved by one and used by the other, expected two",
                  j, i);
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

/* Columns are sorted by start layer, and those active in a layer are a prefix. */
static enum status check_order(const struct executor *ex, const struct pass *pass, uint32_t i)
{
    const struct column *a = &pass->columns[i - 1], *b = &pass->columns[i];
    const bool evaluates = b->start_layer < ex->model->hp.n_layers;

    if (b->start_layer < a->start_layer || (evaluates && b->end_layer > a->end_layer)) {
        log_error("pass: column %" PRIu32 ": found layers %" PRIu32 " to %" PRIu32
                  " after layers %" PRIu32 " to %" PRIu32
                  ", expected rising starts and the active columns of each layer in front",
                  i, b->start_layer, b->end_layer, a->start_layer, a->end_layer);
        return STATUS_USAGE;
    }
    return STATUS_OK;
}

/* A capture of K or V entries: those a query does not see may be among them. */
static bool captures_stored(const struct op_point *at, const struct hook *hook)
{
    return hook->data.capture != 0 && at->stored == OP_STORED_KV;
}

/* Which elements are absent (shared/hook.h). */
static void open_keys(const struct column *column, const struct node *node,
                      const struct op_point *at, struct hook *hook)
{
    struct hook_data *d = &hook->data;
    const bool stored = captures_stored(at, hook);

    if (!at->keyed)
        return;
    d->first_key = stored ? 0 : order_first_key(column_last(column), node->window);
    d->last_key = stored ? column->position : column_last(column);
}

/* A row that names a group becomes the group's first. */
static void open_hook(const struct column *column, const struct node *node,
                      const struct op_point *at, struct hook *hook)
{
    struct hook_data *d = &hook->data;

    hook_open(d);
    d->row -= d->row % at->row_step;
    if (d->readers == 0) {
        d->reader = 0;
        d->readers = node->rows;
    }
    d->point = hook->point;
    d->list = 1;
    open_keys(column, node, at, hook);
}

static bool range_fits(uint32_t first, uint32_t n, uint32_t step, uint32_t count)
{
    return count == 0 || (first < count && (uint64_t)first + (uint64_t)(n - 1) * step < count);
}

/* Only a capture may name absent elements: it serves a later column, which may see more, or a wrong
 * address. */
static bool keys_fit(const struct hook_data *d)
{
    return d->capture != 0 ||
           (d->key >= d->first_key && d->key <= d->last_key && d->keys - 1 <= d->last_key - d->key);
}

static bool hook_fits(const struct node *node, const struct op_point *at, const struct hook *hook)
{
    const struct hook_data *d = &hook->data;

    if (!range_fits(d->row, d->rows, d->row_step, at->rows) ||
        !range_fits(d->k, d->ks, d->k_step, at->ks) || (at->keyed && !keys_fit(d)))
        return false;
    return at->stored != OP_STORED_FIELD ||
           (d->field < QUANT_FIELD_COUNT &&
            quant_field_width(node->weight->type, (enum quant_field)d->field) > 0);
}

/* Words of captured bits lie inside the pass's, and are there where the kind needs them. */
static bool words_fit(const struct pass *pass, const struct hook_data *d)
{
    const uint64_t most = UINT32_MAX - 1, size = hook_size(d);
    const bool other = hook_kinds_takes(d->kind, KIND_TAKES_EARLIER | KIND_TAKES_OTHER);

    if (other && d->source == 0 && d->capture == 0)
        return false;
    return size <= most && (d->capture == 0 || d->capture - 1 + size <= pass->n_words) &&
           (d->source == 0 || d->source - 1 + size <= pass->n_words);
}

/* Hooks were checked where they were made (inject); one that does not fit here is a broken
 * promise. */
static enum status check_hook(const struct executor *ex, const struct pass *pass, uint32_t i)
{
    const struct graph *graph = &ex->model->graph;
    struct hook *hook = &pass->hooks[i];

    if (hook->node >= graph->count || hook->column >= pass->n_columns ||
        hook->evaluation >= GUARD_EVALUATIONS) {
        log_error("pass: hook %" PRIu32 ": found node %" PRIu32 ", column %" PRIu32
                  ", expected them inside the pass",
                  i, hook->node, hook->column);
        return STATUS_INTERNAL;
    }
    const struct node *node = &graph->node[hook->node];
    struct op_point at;
    const bool fits = op_point(&at, node, hook->point);
    if (fits)
        open_hook(&pass->columns[hook->column], node, &at, hook);
    if (!fits || !hook_fits(node, &at, hook) || !words_fit(pass, &hook->data)) {
        log_error("pass: hook %" PRIu32 ": found point %" PRIu32 " row %" PRIu32 " k %" PRIu32
                  " key %" PRIu32 " field %" PRIu32 ", expected coordinates of '%s'",
                  i, hook->point, hook->data.row, hook->data.k, hook->data.key, hook->data.field,
                  node->site);
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

static bool fits_guard(enum guard_kind kind, enum op op)
{
    return kind == GUARD_STORED ? op == OP_STORE || op == OP_EMBED : op_is_site(op);
}

/* Guards, like hooks, were checked where they were made. */
static enum status check_guard(const struct executor *ex, const struct pass *pass, uint32_t i)
{
    const struct graph *graph = &ex->model->graph;
    struct guard *guard = &pass->guards[i];

    memset(guard->verdict, 0, sizeof(guard->verdict));
    if (guard->node < graph->count && guard->column < pass->n_columns &&
        guard->kind < GUARD_KINDS && fits_guard(guard->kind, graph->node[guard->node].op)) {
        if (guard->kind == GUARD_STORED)
            return STATUS_OK;
        const bool wide = graph_reg_wide(graph->node[guard->node].out);
        const bool abft = guard->kind != GUARD_ABFT || (ex->abft && ex->abft[guard->node].words);
        if (abft && guard_round(guard, wide ? NM_F32 : (uint32_t)ex->act))
            return STATUS_OK;
    }
    log_error("pass: guard %" PRIu32 ": found node %" PRIu32 ", column %" PRIu32
              ", kind %d, range %g to %g, expected a site and a column of the pass, and bounds in "
              "order",
              i, guard->node, guard->column, (int)guard->kind, (double)guard->low,
              (double)guard->high);
    return STATUS_INTERNAL;
}

enum status executor_pass(struct executor *ex, const struct pass *pass, struct column_result *out)
{
    enum status st = STATUS_OK;
    struct executor_info info;
    struct schedule schedule = {0};

    executor_info(ex, &info);
    if (pass->n_columns == 0 || pass->n_columns > info.max_columns) {
        log_error("pass: found %" PRIu32 " columns, expected 1 to %" PRIu32, pass->n_columns,
                  info.max_columns);
        return STATUS_USAGE;
    }
    if (pass->n_hooks > HOOK_MOST || pass->n_guards > GUARD_MOST) {
        log_error("pass: found %" PRIu32 " hooks and %" PRIu32 " guards, expected up to %d and %d",
                  pass->n_hooks, pass->n_guards, HOOK_MOST, GUARD_MOST);
        return STATUS_USAGE;
    }
    for (uint32_t i = 0; i < pass->n_columns && !st; i++) {
        st = check_column(ex, &pass->columns[i], i);
        if (!st && i > 0)
            st = check_order(ex, pass, i);
        for (uint32_t j = 0; j < i && !st; j++)
            st = check_pair(pass->columns, j, i);
    }
    for (uint32_t i = 0; i < pass->n_hooks && !st; i++)
        st = check_hook(ex, pass, i);
    for (uint32_t i = 0; i < pass->n_guards && !st; i++)
        st = check_guard(ex, pass, i);
    if (!st)
        st = schedule_make(&schedule, ex->model, pass);
    if (!st)
        st = ex->ops->pass(ex, &schedule, out);
    for (uint32_t i = 0; i < pass->n_columns && !st; i++) {
        if (pass->columns[i].outputs & COLUMN_FEATURES)
            executor_work_features(ex);
    }
    schedule_finish(&schedule);
    return st;
}

/* Key positions first .. last of a layer, which a column reads. */
struct reading {
    uint32_t layer, first, last;
};

static enum status check_reading(const struct executor *ex, const struct column *column,
                                 struct reading keys)
{
    const uint32_t *table = kv_table(ex->kv, column->branch, keys.layer);

    for (uint32_t block = keys.first / KV_PAGE_POSITIONS; block <= keys.last / KV_PAGE_POSITIONS;
         block++) {
        if (table[block] == KV_NO_PAGE) {
            log_error("pass: branch %" PRIu32 " layer %" PRIu32 ": found no K and V at "
                      "position %" PRIu32 ", expected them below position %" PRIu32,
                      column->branch, keys.layer, block * KV_PAGE_POSITIONS, column->position);
            return STATUS_USAGE;
        }
    }
    return STATUS_OK;
}

static enum status check_pages(const struct executor *ex, const struct column *column)
{
    const struct hparams *hp = &ex->model->hp;
    const uint32_t last = column_last(column);
    enum status st = STATUS_OK;

    for (uint32_t layer = column->start_layer; layer < column->end_layer && !st; layer++) {
        const uint32_t window = hparams_windowed(hp, layer) ? hp->window : 0;
        st =
            check_reading(ex, column, (struct reading){layer, order_first_key(last, window), last});
    }
    return st;
}

static enum status check_capture_pages(const struct executor *ex, const struct pass *pass,
                                       const struct hook *hook)
{
    const struct node *node = &ex->model->graph.node[hook->node];
    const struct hook_data *d = &hook->data;
    const uint64_t end = (uint64_t)d->key + d->keys - 1;
    struct op_point at;

    if (!op_point(&at, node, hook->point) || !captures_stored(&at, hook) || d->key > d->last_key)
        return STATUS_OK;
    return check_reading(
        ex, &pass->columns[hook->column],
        (struct reading){node->layer, d->key, end < d->last_key ? (uint32_t)end : d->last_key});
}

enum status executor_check_pages(const struct executor *ex, const struct pass *pass)
{
    enum status st = STATUS_OK;

    for (uint32_t i = 0; i < pass->n_columns && !st; i++)
        st = check_pages(ex, &pass->columns[i]);
    for (uint32_t i = 0; i < pass->n_hooks && !st; i++)
        st = check_capture_pages(ex, pass, &pass->hooks[i]);
    return st;
}

enum status executor_edit_kv(struct executor *ex, const struct kv_site *site,
                             struct hook_data *data)
{
    const struct hparams *hp = &ex->model->hp;

    if (!kv_holds(ex->kv, site->branch, site->position) || site->layer >= hp->n_layers ||
        site->feature >= hp->n_head_kv * hp->head_dim ||
        kv_table(ex->kv, site->branch, site->layer)[site->position / KV_PAGE_POSITIONS] ==
            KV_NO_PAGE) {
        log_error("KV edit: found branch %" PRIu32 " layer %" PRIu32 " position %" PRIu32
                  " feature %" PRIu32 ", expected an entry that was stored",
                  site->branch, site->layer, site->position, site->feature);
        return STATUS_USAGE;
    }
    hook_open(data);
    return ex->ops->edit->kv(ex, site, data);
}

enum status executor_edit_weight(struct executor *ex, const struct weight_site *site,
                                 struct hook_data *data)
{
    const struct tensor *t = site->tensor;

    if (site->row >= t->dim[1] || site->k >= t->dim[0] || site->field >= QUANT_FIELD_COUNT ||
        quant_field_width(t->type, site->field) == 0) {
        log_error("weight edit: tensor '%s': found row %" PRIu64 " element %" PRIu32
                  " field %d, expected one of %" PRIu64 " rows of %" PRIu64
                  " elements and a field that %s has",
                  t->name, site->row, site->k, (int)site->field, t->dim[1], t->dim[0],
                  quant_name(t->type));
        return STATUS_USAGE;
    }
    hook_open(data);
    return ex->ops->edit->weight(ex, site, data);
}

enum status executor_edit_table(struct executor *ex, const struct table_site *site,
                                struct hook_data *data)
{
    const struct hparams *hp = &ex->model->hp;
    const uint32_t tables = hp->rope_tables;

    if (site->table >= tables || site->position >= ex->positions || site->element >= hp->rope_dim) {
        log_error("table edit: found table %" PRIu32 " position %" PRIu32 " element %" PRIu32
                  ", expected %" PRIu32 " tables of %" PRIu32 " positions of %" PRIu32 " numbers",
                  site->table, site->position, site->element, tables, ex->positions, hp->rope_dim);
        return STATUS_USAGE;
    }
    hook_open(data);
    return ex->ops->edit->table(ex, site, data);
}

enum status executor_read_checkpoint(struct executor *ex, uint32_t row, uint32_t layer, float *out)
{
    if (row >= ex->n_checkpoints || layer > ex->model->hp.n_layers) {
        log_error("checkpoint: found row %" PRIu32 " layer %" PRIu32
                  ", expected rows below %" PRIu32 " and layers up to %" PRIu32,
                  row, layer, ex->n_checkpoints, ex->model->hp.n_layers);
        return STATUS_USAGE;
    }
    return ex->ops->read_checkpoint(ex, row, layer, out);
}

void executor_info(const struct executor *ex, struct executor_info *out)
{
    *out = (struct executor_info){.macs = ex->work.macs, .bytes = ex->work.bytes};
    ex->ops->info(ex, out);
}

void executor_listen(struct executor *ex, struct executor_listener *listener)
{
    listener->next = ex->listeners;
    ex->listeners = listener;
}

void executor_unlisten(struct executor *ex, struct executor_listener *listener)
{
    struct executor_listener **at = &ex->listeners;
    while (*at && *at != listener)
        at = &(*at)->next;
    if (*at)
        *at = listener->next;
}

enum status executor_wrote(struct executor *ex, const struct executor_write *write)
{
    enum status st = STATUS_OK;
    for (struct executor_listener *l = ex->listeners; l && !st; l = l->next)
        st = l->wrote(l->user, ex, write);
    return st;
}

void executor_destroy(struct executor **ex)
{
    if (*ex) {
        guard_abft_finish((*ex)->abft, (*ex)->model->graph.count);
        (*ex)->ops->destroy(*ex);
    }
    *ex = NULL;
}
