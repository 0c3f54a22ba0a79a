/*
 * A stream that misbehaves on purpose: it hands everything to another one, and fails calls n..m
 * (counted from 1 since the last arm) of one kind.
 */
#ifndef HS_TESTS_SUPPORT_STREAM_FAULT_H
#define HS_TESTS_SUPPORT_STREAM_FAULT_H

#include "port/stream.h"

enum stream_fault {
    STREAM_FAULT_NONE,
    STREAM_FAULT_APPEND,    /* append answers HS_EAGAIN, nothing happens */
    STREAM_FAULT_DONE_LOST, /* append takes it, nothing is stored, done_fn gets HS_EIO */
    STREAM_FAULT_DONE_KEPT, /* it is stored, and done_fn gets HS_EIO all the same */
    STREAM_FAULT_SUBSCRIBE, /* HS_EIO */
    STREAM_FAULT_POLL,      /* HS_EAGAIN, the consumer stays where it is */
    STREAM_FAULT_SEEK,      /* HS_EIO */
    STREAM_FAULT_RELEASE,   /* HS_EIO */
};

/* Wraps inner, which is taken: closing the result closes it. */
struct hs_stream *stream_fault_new(struct hs_stream *inner);
/* Fails calls from..to of that kind from here on; any thread. */
void stream_fault_arm(struct hs_stream *stream, enum stream_fault fault, unsigned from,
                      unsigned to);
/* Calls of the armed kind since then. */
unsigned stream_fault_calls(struct hs_stream *stream);

#endif
