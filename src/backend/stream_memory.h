/*
 * The event stream in memory, for tests of whatever uses a stream: the local log's semantics with
 * nothing on disk. done_fn is called within append. Holds at most HS_STREAM_MEMORY_BYTES_MAX of
 * keys and values: when they are reached, what no durable group pins is dropped, oldest first, and
 * if that does not help append answers HS_EAGAIN.
 */
#ifndef HS_BACKEND_STREAM_MEMORY_H
#define HS_BACKEND_STREAM_MEMORY_H

#include "port/stream.h"

enum { HS_STREAM_MEMORY_BYTES_MAX = 256 << 20 };

extern const struct hs_stream_ops hs_stream_memory_ops;

#endif
