#include "model/event.h"

#include <string.h>

void hs_event_reset(struct hs_event *event)
{
    memset(event->v, 0, sizeof(event->v));
    event->attributes_n = 0;
    event->positions_missing = false;
}

int hs_event_attribute(struct hs_event *event, struct hs_str key, struct hs_value value)
{
    if (event->attributes_n == HS_EVENT_ATTRIBUTES_MAX)
        return HS_ELIMIT;
    event->attributes[event->attributes_n++] = (struct hs_attribute){.key = key, .value = value};
    return HS_OK;
}
