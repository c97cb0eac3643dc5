/* SPDX-License-Identifier: MIT */
/* Where the server listens: an address and a port as text. */
#ifndef VKFI_SERVE_SERVE_ADDRESS_H
#define VKFI_SERVE_SERVE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/status.h"

struct serve_address {
    struct sockaddr_storage socket;
    bool loopback; /* only this machine reaches it */
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "8080" (on the loopback). No name is looked up.
 * STATUS_USAGE (logged): another text. */
enum status serve_address_parse(struct serve_address *out, const char *text) STATUS_MUST_USE;

/* A listening socket; `out_name` is its address with the port it has got. STATUS_IO (logged). */
#define SERVE_ADDRESS_TEXT 64
enum status serve_address_listen(int *out, char out_name[SERVE_ADDRESS_TEXT],
                                 const struct serve_address *address) STATUS_MUST_USE;

#endif
