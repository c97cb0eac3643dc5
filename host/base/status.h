/* SPDX-License-Identifier: MIT */
/* The one result type of every call that can fail, and its exit code. */
#ifndef VKFI_BASE_STATUS_H
#define VKFI_BASE_STATUS_H

/* Named by consequence. The text is logged once, where the failure is found (log.h); callers pass
 * the code up untouched. */
enum status {
    STATUS_OK = 0,
    STATUS_USAGE,         /* command line is wrong                                     exit 2 */
    STATUS_INPUT,         /* a file or value given by the user is wrong                exit 2 */
    STATUS_IO,            /* the system refused to read or write                       exit 2 */
    STATUS_DEVICE,        /* no driver, refused device, driver error                   exit 3 */
    STATUS_DEVICE_LOST,   /* the device is gone: reopen it in a new process            exit 3 */
    STATUS_DEVICE_MEMORY, /* device memory or a device limit does not suffice          exit 3 */
    STATUS_MEMORY,        /* host memory does not suffice                              exit 4 */
    STATUS_INTERNAL,      /* a promise of this program was broken                      exit 4 */
    STATUS_GATE,          /* the answer is no: a gate fails, records differ            exit 1 */
    STATUS_UNCORRECTED,   /* a protection found damage that stayed                    exit 5 */
    STATUS_COUNT
};

#define STATUS_MUST_USE __attribute__((warn_unused_result))

/* Process exit code: 0 ok, 1 gate failed, 2 usage or bad input, 3 device or
 * driver, 4 internal, 5 damage that was not corrected. */
int status_exit_code(enum status st);

/* Lower-case name, for logs and JSON. Never null. */
const char *status_name(enum status st);

#endif
