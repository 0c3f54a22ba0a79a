/*
 * A small HTTP client for tests of servers: sends bytes exactly as told and reads one reply after
 * the other. Every wait is bounded; what goes wrong fails the running cmocka test.
 */
#ifndef HS_TESTS_HTTP_RAW_H
#define HS_TESTS_HTTP_RAW_H

#include <stdbool.h>
#include <stddef.h>

enum { RAW_REPLY_MAX = 8 << 20 };

struct raw_conn {
    int fd;
    char *buf; /* bytes read and not yet given out */
    size_t n;
};

struct raw_reply {
    int status; /* 0: the connection ended without a reply */
    char *head; /* from the status line to the empty line, NUL-terminated */
    char *body; /* NUL-terminated */
    size_t body_n;
};

/* Connects to "127.0.0.1:port". */
void raw_open(struct raw_conn *conn, const char *address);
void raw_close(struct raw_conn *conn);
/* Sends all; false when the peer has closed. */
bool raw_send(struct raw_conn *conn, const void *p, size_t n);
bool raw_sendf(struct raw_conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Reads one reply, skipping 100 Continue. `head_only` for replies to HEAD. */
struct raw_reply raw_read(struct raw_conn *conn, bool head_only);
void raw_reply_free(struct raw_reply *reply);
/* Value of a header field into out (cut); false when absent. */
bool raw_header(const struct raw_reply *reply, const char *name, char *out, size_t out_n);
/* Waits until the peer closes; false after wait_ms. Bytes that come meanwhile are thrown away. */
bool raw_wait_closed(struct raw_conn *conn, int wait_ms);
/* Opens, sends the text, reads the reply, closes. */
struct raw_reply raw_ask(const char *address, const char *text);

#endif
