/* SPDX-License-Identifier: MIT */
/* Reads addresses and opens the socket. */
#include "serve/serve_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define BACKLOG 128

static bool read_port(in_port_t *out, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    const unsigned long port = digits > 0 && digits <= 5 ? strtoul(text, NULL, 10) : 65536;
    *out = htons((in_port_t)port);
    return text[digits] == '\0' && port <= 65535;
}

static bool read_host(struct serve_address *out, const char *host, in_port_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->socket;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        out->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    out->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return true;
}

enum status serve_address_parse(struct serve_address *out, const char *text)
{
    char host[SERVE_ADDRESS_TEXT] = "127.0.0.1";
    const char *colon = strrchr(text, ':'), *port = text;
    bool good = true;
    in_port_t number = 0;
    *out = (struct serve_address){0};
    if (colon) {
        const bool bracket = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
        const size_t size = (size_t)(colon - text) - (bracket ? 2 : 0);
        good = size > 0 && size < sizeof(host) && (bracket || !memchr(text, ':', size));
        snprintf(host, sizeof(host), "%.*s", good ? (int)size : 0, text + bracket);
        port = colon + 1;
    }
    if (good && read_port(&number, port) && read_host(out, host, number))
        return STATUS_OK;
    log_error("found address '%s', expected one as 127.0.0.1:8080, [::1]:8080 or 8080", text);
    return STATUS_USAGE;
}

static enum status name_socket(int fd, char out[SERVE_ADDRESS_TEXT])
{
    struct sockaddr_storage got = {0};
    socklen_t size = sizeof(got);
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&got, &size) != 0)
        return STATUS_IO;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&got;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&got;
    if (got.ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(out, SERVE_ADDRESS_TEXT, "%s:%u", host, ntohs(v4->sin_port));
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(out, SERVE_ADDRESS_TEXT, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
    return STATUS_OK;
}

enum status serve_address_listen(int *out, char out_name[SERVE_ADDRESS_TEXT],
                                 const struct serve_address *address)
{
    const int family = address->socket.ss_family, yes = 1;
    const socklen_t size =
        family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const int fd = *out = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
                      bind(fd, (const struct sockaddr *)&address->socket, size) == 0 &&
                      listen(fd, BACKLOG) == 0 && name_socket(fd, out_name) == STATUS_OK;
    if (good)
        return STATUS_OK;
    log_error("cannot listen: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    *out = -1;
    return STATUS_IO;
}
