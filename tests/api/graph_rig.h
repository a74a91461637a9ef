// SPDX-License-Identifier: MIT
// What tests of graphs of library calls share: a pool of tensors, and calls on them.
#ifndef SMELT_TEST_GRAPH_RIG_H
#define SMELT_TEST_GRAPH_RIG_H

#include "internal.h"
#include "test.h"

#include <math.h>
#include <smelt/graph.h>

#define ROWS 6
#define COLUMNS 24
#define POOL 8

struct fuse {
    smelt_context context;
    smelt_encoder encoder;
    smelt_tensor t[POOL]; // [ROWS][COLUMNS] of f32
    smelt_tensor row;     // [COLUMNS]
    smelt_tensor square;  // [COLUMNS][COLUMNS]
};

static inline uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline smelt_tensor make(smelt_context context, uint32_t rank, uint64_t rows, uint64_t columns,
                                const char *name)
{
    struct smelt_tensor_params params = {.dtype = SMELT_DTYPE_F32, .rank = rank, .name = name};
    params.shape[0] = rank == 1 ? columns : rows;
    params.shape[1] = rank == 1 ? 0 : columns;
    smelt_tensor tensor = NULL;
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    return tensor;
}

static inline void randomize(smelt_tensor tensor, uint32_t seed)
{
    uint64_t count = smelt_tensor_element_count(tensor);
    float *data = malloc(count * sizeof(*data));
    CHECK(data);
    uint32_t state = seed * 2654435761u + 99;
    for (uint64_t i = 0; i < count; i++)
        data[i] = (float)(next(&state) % 2001) / 1000.0f - 1.0f;
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data, count * sizeof(*data)));
    free(data);
}

static inline struct fuse fuse_create(void)
{
    struct fuse fuse = {.context = test_context()};
    if (!smelt_context_capabilities(fuse.context)->compiler)
        SKIP("this build has no GLSL compiler");
    const struct smelt_encoder_params params = {.name = "fuse"};
    CHECK_OK(smelt_encoder_create(fuse.context, &params, &fuse.encoder));
    static const char *const names[POOL] = {"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"};
    for (uint32_t i = 0; i < POOL; i++)
        fuse.t[i] = make(fuse.context, 2, ROWS, COLUMNS, names[i]);
    fuse.row = make(fuse.context, 1, 0, COLUMNS, "row");
    fuse.square = make(fuse.context, 2, COLUMNS, COLUMNS, "square");
    randomize(fuse.row, 1);
    randomize(fuse.square, 2);
    return fuse;
}

static inline void fuse_reset(struct fuse *fuse)
{
    for (uint32_t i = 0; i < POOL; i++)
        randomize(fuse->t[i], 10 + i);
}

static inline void fuse_destroy(struct fuse *fuse)
{
    smelt_encoder_destroy(&fuse->encoder);
    for (uint32_t i = 0; i < POOL; i++)
        smelt_tensor_destroy(&fuse->t[i]);
    smelt_tensor_destroy(&fuse->row);
    smelt_tensor_destroy(&fuse->square);
}

// --- Calls ------------------------------------------------------------------------------------------------

static inline enum smelt_result two(struct fuse *fuse, enum smelt_elementwise operation, smelt_tensor a,
                                    smelt_tensor b, smelt_tensor y)
{
    const struct smelt_elementwise_step step = {.operation = operation, .operands = {0, 1}};
    const struct smelt_elementwise_params params = {
        .inputs = {a, b}, .input_count = 2, .steps = &step, .step_count = 1, .y = y};
    return smelt_encode_elementwise(fuse->encoder, &params);
}

static inline enum smelt_result activate(struct fuse *fuse, enum smelt_activation activation, smelt_tensor x,
                                         smelt_tensor y)
{
    const struct smelt_elementwise_step step = {.operation = SMELT_ELEMENTWISE_ACTIVATE,
                                                .activation = activation};
    const struct smelt_elementwise_params params = {
        .inputs = {x}, .input_count = 1, .steps = &step, .step_count = 1, .y = y};
    return smelt_encode_elementwise(fuse->encoder, &params);
}

static inline enum smelt_result scaled(struct fuse *fuse, smelt_tensor x, float value, smelt_tensor y)
{
    const struct smelt_elementwise_step step = {
        .operation = SMELT_ELEMENTWISE_MULTIPLY, .operands = {0, SMELT_ELEMENTWISE_VALUE}, .value = value};
    const struct smelt_elementwise_params params = {
        .inputs = {x}, .input_count = 1, .steps = &step, .step_count = 1, .y = y};
    return smelt_encode_elementwise(fuse->encoder, &params);
}

static inline enum smelt_result rms_norm(struct fuse *fuse, smelt_tensor x, smelt_tensor y)
{
    const struct smelt_rms_norm_params params = {.x = x, .y = y, .axis = 1};
    return smelt_encode_rms_norm(fuse->encoder, &params);
}

static inline enum smelt_result layer_norm(struct fuse *fuse, smelt_tensor x, smelt_tensor y)
{
    const struct smelt_layer_norm_params params = {.x = x, .y = y, .axis = 1};
    return smelt_encode_layer_norm(fuse->encoder, &params);
}

static inline enum smelt_result matmul(struct fuse *fuse, smelt_tensor a, smelt_tensor d)
{
    const struct smelt_matmul2d_params params = {
        .a = a, .b = fuse->square, .d = d, .backend = SMELT_BACKEND_PORTABLE};
    return smelt_encode_matmul2d(fuse->encoder, &params);
}

// A program of random calls on the pool.
static inline void random_program(struct fuse *f, uint32_t seed)
{
    uint32_t state = seed * 747796405u + 13;
    uint32_t count = 8 + next(&state) % 24;
    for (uint32_t n = 0; n < count; n++) {
        smelt_tensor a = f->t[next(&state) % POOL], b = f->t[next(&state) % POOL],
                     y = f->t[next(&state) % POOL];
        switch (next(&state) % 8) {
        case 0:
            CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, a, b, y));
            break;
        case 1:
            CHECK_OK(two(f, SMELT_ELEMENTWISE_MULTIPLY, a, f->row, y));
            break;
        case 2:
            CHECK_OK(activate(f, SMELT_ACTIVATION_TANH, a, y));
            break;
        case 3:
            CHECK_OK(rms_norm(f, a, y));
            break;
        case 4:
            CHECK_OK(scaled(f, a, 0.5f, y));
            break;
        case 5:
            if (a != y)
                CHECK_OK(matmul(f, a, y));
            break;
        case 6:
            CHECK_OK(two(f, SMELT_ELEMENTWISE_ADD, a, f->row, y));
            break;
        default:
            CHECK_OK(activate(f, SMELT_ACTIVATION_RELU, a, y));
            break;
        }
    }
}

#endif
