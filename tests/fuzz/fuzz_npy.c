// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as a .npy file; what is read is written and read again, and is the same (libFuzzer's entry point).
#include "onnx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smelt_onnx_tensor first = {0}, second = {0};
    struct smelt_text text = {0};
    if (smelt_onnx_npy_read_memory(data, size, "fuzz", &first) != SMELT_OK)
        return 0;
    if (smelt_onnx_npy_write(&first, "fuzz", &text) != SMELT_OK ||
        smelt_onnx_npy_read_memory(text.data, text.size, "fuzz", &second) != SMELT_OK ||
        first.element != second.element || first.rank != second.rank || first.size != second.size ||
        memcmp(first.shape, second.shape, sizeof(first.shape)) != 0 ||
        memcmp(first.data, second.data, (size_t)first.size) != 0)
        abort();
    smelt_text_free(&text);
    smelt_onnx_tensor_free(&first);
    smelt_onnx_tensor_free(&second);
    return 0;
}
