/*
 * The local event stream: one segment log on disk for all topics, in <data>/stream/.
 * Format, guarantees and limits: docs/stream.md.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_STREAM_LOCAL_H
#define HS_BACKEND_STREAM_LOCAL_STREAM_LOCAL_H

#include "port/stream.h"

extern const struct hs_stream_ops hs_stream_local_ops;

#endif
