// SPDX-License-Identifier: MIT
// ONNX test cases in folders: model.onnx beside test_data_set_N/input_K.pb and output_K.pb.
#ifndef SMELT_TOOL_TEST_CASE_H
#define SMELT_TOOL_TEST_CASE_H

#include "onnx.h"

#include <smelt/network.h>

// Paths of folders with a model.onnx, in the order of their names.
struct test_cases {
    char **paths;
    uint32_t count;
};
// Adds those at and below `folder`; symbolic links to folders are not followed. Errors: NOT_FOUND (no such folder; no case
// in it), IO.
enum smelt_result test_cases_find(struct test_cases *cases, const char *folder);
void test_cases_free(struct test_cases *cases);

char *test_case_model(const char *path); // to be freed; NULL without memory
bool test_case_has_set(const char *path, uint32_t set);

enum { TEST_DATA_MAX = 64 };
struct test_data {
    struct smelt_onnx_tensor inputs[TEST_DATA_MAX], outputs[TEST_DATA_MAX];
    char *names[TEST_DATA_MAX]; // of the model's inputs
    uint32_t input_count, output_count;
    // Shapes of the inputs, with contents where the model wants them to know shapes.
    struct smelt_network_input network_inputs[TEST_DATA_MAX];
};
// Reads a data set for the network: input_K is the model's input K. Errors: FORMAT (fewer files than inputs, or more), and
// those of tensor_read.
enum smelt_result test_data_read(const char *path, uint32_t set, const struct smelt_ir *ir,
                                 struct test_data *data);
void test_data_free(struct test_data *data);

#endif
