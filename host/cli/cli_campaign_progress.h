/* SPDX-License-Identifier: MIT */
/* What a running campaign shows: refreshed lines on a terminal, plain lines elsewhere, JSON lines.
 */
#ifndef VKFI_CLI_CAMPAIGN_PROGRESS_H
#define VKFI_CLI_CAMPAIGN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "inject/campaign/campaign.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_interval.h"

struct cli_campaign_progress {
    bool json;      /* one object a line on standard output */
    bool terminal;  /* standard error is one */
    uint32_t lines; /* of the block that stands there and is written over */
    double last;    /* time of the last lines */
    bool told;      /* that a signal has come */
    const char *database;
};

void cli_campaign_progress_init(struct cli_campaign_progress *out, const char *database, bool json);

/* "SDC 3 of 150 (2.00 %); weighted over strata 0.1 % [0.0, 11.0] (95 %: exact, n = 31.24)": the
 * share as drawn, and once there are enough prompts the rate with its interval, "weighted" where it
 * is another number. */
#define CLI_CAMPAIGN_RATE 320
void cli_campaign_progress_rate(char out[CLI_CAMPAIGN_RATE], const struct campaign_progress *p);

/* A look at the campaign as its plan asks for. */
void cli_campaign_progress_look(const struct cli_campaign_progress *progress,
                                const struct report_gate *gate, const struct plan_gate *question);

/* campaign_params.event, with a struct cli_campaign_progress as user. */
void cli_campaign_progress_event(void *user, const struct campaign_event *event);

#endif
