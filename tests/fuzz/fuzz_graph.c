// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as a saved graph (libFuzzer's entry point).
#include "graph_internal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < 4; i++) {
        char *text = NULL;
        if (smelt_graph_describe_memory(NULL, "fuzz", data, size, (enum smelt_graph_form)(i & 1), i >> 1,
                                        &text) == SMELT_OK)
            sink += strlen(text);
        smelt_free_text(&text);
    }
    return 0;
}
