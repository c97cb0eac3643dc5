/* SPDX-License-Identifier: MIT */
/* From one element and the words of a plan (granularity, readers, duration, stage) to ranges. */
#ifndef VKFI_INJECT_WIDEN_H
#define VKFI_INJECT_WIDEN_H

#include "inject/space/fault.h"

/* Plan constants, never device sizes (METHOD.md 2); 0: the default in brackets. */
struct widen {
    uint32_t lanes; /* L [8]: lane = elements with the same index mod L   */
    uint32_t tile;  /* R [32]: neighbouring elements, or rows that read   */
    uint32_t chunk; /* C [512]: positions that share a weight as read     */
};

/* What one fault covers along a coordinate: one element, all, those of a lane, those of a tile. */
enum widen_form { WIDEN_ONE, WIDEN_ALL, WIDEN_LANE, WIDEN_TILE };
struct widen_forms {
    enum widen_form row, k;
    bool all_keys; /* all that the position sees, not one */
};
/* By the granularity: drawn faults and those from a file get the same box. */
struct widen_forms widen_forms(const struct fault *fault, const struct fault_axes *axes);

/* Positions [first, end) of a stage, UINT32_MAX: to the end of the run. */
struct widen_span {
    uint32_t first, end;
};
struct widen_span widen_stage(enum stage stage, uint32_t n_prompt);
enum stage widen_stage_of(uint32_t position, uint32_t n_prompt);

/* The first position of a stage that evaluates the fault's site and sees the one key that it may
 * strike; the stage's last if none does. Before widen_fault. */
uint32_t widen_first(const struct fault *fault, const struct fault_bounds *bounds,
                     enum stage stage);

/* fault: position and one element (row, k, key), with granularity, readers, duration and rate set;
 * ranges and position_count come out. `stage`, and how long a fault lasts:
 * - transient: one evaluation; granularities and readers that span a stage: all of it, the position
 *   becomes widen_first.
 * - intermittent: from the position to the stage's end (any: of the run).
 * - permanent: from the position to the end of the run, whatever the stage where it starts.
 *
 * Elements are counted along rows, along k where the point has no rows: results of a lane or tile
 * are rows; stored tensors are counted along k. The other coordinates of a lane or tile stay,
 * except that a keyed point is struck at all keys. Vector and tensor take every element of the
 * point; feature is the given element at all positions (stored weights: at all rows; KV: at all
 * entries). */
void widen_fault(struct fault *fault, const struct fault_bounds *bounds, const struct widen *w,
                 enum stage stage);

#endif
