/* Appending to the stream and waiting for it. */
#ifndef HS_ENGINE_APPEND_H
#define HS_ENGINE_APPEND_H

#include "port/stream.h"

/* As hs_stream_append, but returns when the batch is durable, or with what became of it. @blocks */
int hs_append_wait(struct hs_stream *stream, enum hs_topic topic, const struct hs_batch *batch,
                   struct hs_err *err);

#endif
