/* Any bytes as an intent: refused, or one that can be written and read again as the same bytes. */
#include <stdint.h>

#include "base/mem.h"
#include "engine/intent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_intent intent;
    struct hs_intent again;
    struct hs_buf first;
    struct hs_buf second;

    hs_intent_init(&intent);
    hs_intent_init(&again);
    hs_buf_init(&first, 64 << 20);
    hs_buf_init(&second, 64 << 20);
    if (hs_intent_decode(hs_str_n(data, size), &intent, NULL) == HS_OK) {
        hs_intent_encode(&intent, &first);
        HS_ASSERT(hs_intent_decode(hs_buf_str(&first), &again, NULL) == HS_OK);
        hs_intent_encode(&again, &second);
        HS_ASSERT(hs_str_eq(hs_buf_str(&first), hs_buf_str(&second)));
    }
    hs_buf_fini(&second);
    hs_buf_fini(&first);
    hs_intent_fini(&again);
    hs_intent_fini(&intent);
    return 0;
}
