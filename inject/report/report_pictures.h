/* SPDX-License-Identifier: MIT */
/* The pictures of a report (METHOD.md 7), in the order of the page. */
#ifndef VKFI_INJECT_REPORT_PICTURES_H
#define VKFI_INJECT_REPORT_PICTURES_H

#include "inject/report/report_figure.h"

/* Each fills in id, title, caption, table and script, or `absent` with the reason. */
enum status report_strata_forest(struct report_figure *out, struct report_context *context);
enum status report_cells_map(struct report_figure *out, struct report_context *context);
enum status report_worst_anew(struct report_figure *out, struct report_context *context);
enum status report_strata_width(struct report_figure *out, struct report_context *context);
enum status report_layers_bars(struct report_figure *out, struct report_context *context);
enum status report_layers_deviation(struct report_figure *out, struct report_context *context);
enum status report_maps_sites(struct report_figure *out, struct report_context *context);
enum status report_maps_heads(struct report_figure *out, struct report_context *context);
enum status report_maps_stages(struct report_figure *out, struct report_context *context);
enum status report_bits_curve(struct report_figure *out, struct report_context *context);
enum status report_bins_change(struct report_figure *out, struct report_context *context);
enum status report_bins_margin(struct report_figure *out, struct report_context *context);
enum status report_time_survival(struct report_figure *out, struct report_context *context);
enum status report_protect_share(struct report_figure *out, struct report_context *context);
enum status report_flow_right(struct report_figure *out, struct report_context *context);
enum status report_flow_devices(struct report_figure *out, struct report_context *context);
enum status report_arms_pareto(struct report_figure *out, struct report_context *context);
enum status report_arms_roc(struct report_figure *out, struct report_context *context);

/* A table: rates by stage and by kind of site; without rows where only one of each was struck. */
enum status report_maps_places(struct report_table *out, struct report_context *context);

#define REPORT_PICTURES 18
extern report_draw *const report_pictures[REPORT_PICTURES];

#endif
