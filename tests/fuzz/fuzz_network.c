// SPDX-License-Identifier: MIT
// Fuzz target: any text as the description of a network package whose tensors are right (libFuzzer's entry point).
#include "network_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

// As in the corpus: a weight, a bias, a shape.
#define TENSORS                                                                                              \
    "\"w\":{\"dtype\":\"F16\",\"shape\":[4,3,3,3],\"data_offsets\":[0,216]},"                                \
    "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[216,232]},"                                    \
    "\"s\":{\"dtype\":\"I64\",\"shape\":[4],\"data_offsets\":[232,264]}"
enum { DATA_SIZE = 264 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "{\"__metadata__\":{\"smelt\":\"", tail[] = "\"}," TENSORS "}";
    static const int64_t shape[4] = {0, -1, 2, 3};
    char *file = malloc(8 + sizeof(head) + 6 * size + sizeof(tail) + DATA_SIZE);
    if (!file)
        return 0;
    char *at = file + 8;
    memcpy(at, head, sizeof(head) - 1);
    at += sizeof(head) - 1;
    for (size_t i = 0; i < size; i++) {
        if (data[i] < 0x20 || data[i] == '"' || data[i] == '\\')
            at += sprintf(at, "\\u%04x", data[i]);
        else
            *at++ = (char)data[i];
    }
    memcpy(at, tail, sizeof(tail) - 1);
    at += sizeof(tail) - 1;
    uint64_t length = (uint64_t)(at - file) - 8;
    for (int i = 0; i < 8; i++)
        file[i] = (char)(length >> 8 * i);
    memset(at, 0x3c, DATA_SIZE);
    memcpy(at + 232, shape, sizeof(shape));
    smelt_package package = NULL;
    struct smelt_ir *ir = NULL;
    struct smelt_kernel_codes kernels = {0};
    if (smelt_package_open_memory(file, 8 + length + DATA_SIZE, "fuzz", &package) == SMELT_OK &&
        smelt_network_read_kernels(package, &kernels) == SMELT_OK &&
        smelt_ir_read(package, &ir) == SMELT_OK && smelt_ir_infer(ir) == SMELT_OK)
        sink += (uint64_t)smelt_ir_simplify(ir);
    smelt_ir_destroy(&ir);
    smelt_package_close(&package);
    free(kernels.list);
    free(file);
    return 0;
}
