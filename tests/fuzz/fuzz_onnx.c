// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as an ONNX model, as a tensor of a test case and as a .npy file (libFuzzer's entry point).
#include "onnx.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

// Every byte that is given out is readable.
static void use(const void *data, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        sink += ((const uint8_t *)data)[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smelt_onnx_tensor tensor = {0};
    struct smelt_ir *ir = NULL;
    if (smelt_onnx_read_memory(data, size, "fuzz", &ir) == SMELT_OK) {
        if (smelt_ir_infer(ir) == SMELT_OK && smelt_ir_simplify(ir) == SMELT_OK)
            sink += (uint64_t)smelt_ir_set_storage(ir, SMELT_ELEMENT_F16, NULL);
        for (uint32_t i = 0; i < ir->value_count; i++) {
            struct smelt_text text = {0};
            smelt_ir_print_type(&text, ir->values[i]);
            sink += text.size;
            smelt_text_free(&text);
            if (smelt_ir_is_weight(ir->values[i]))
                use(ir->values[i]->data, ir->values[i]->size);
        }
    }
    smelt_ir_destroy(&ir);
    if (smelt_onnx_tensor_read_memory(data, size, "fuzz", &tensor) == SMELT_OK)
        use(tensor.data, tensor.size);
    smelt_onnx_tensor_free(&tensor);
    if (smelt_onnx_npy_read_memory(data, size, "fuzz", &tensor) == SMELT_OK)
        use(tensor.data, tensor.size);
    smelt_onnx_tensor_free(&tensor);
    return 0;
}
