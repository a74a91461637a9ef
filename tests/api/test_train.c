// SPDX-License-Identifier: MIT
// Training by calls: losses and layers taken back against central differences in double, Adam's steps, a network that learns,
// by a captured step, to the same bits twice, and what the calls refuse.
#include "rig.h"

#include <smelt/elementwise.h>
#include <smelt/graph.h>
#include <smelt/train.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static smelt_context device(void)
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    return context;
}

// Of f32 with values, or zeros. Columns 0: a vector.
static smelt_tensor floats(smelt_context context, uint64_t rows, uint64_t columns, const float *data)
{
    struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F32, .rank = columns ? 2 : 1, .shape = {rows, columns}};
    smelt_tensor tensor = NULL;
    uint64_t size = rows * (columns ? columns : 1) * 4;
    float *zeros = calloc(1, size);
    CHECK(zeros != NULL);
    CHECK_OK(smelt_tensor_create(context, &params, &tensor));
    CHECK_OK(smelt_tensor_write_and_wait(tensor, NULL, data ? data : zeros, size));
    free(zeros);
    return tensor;
}

static float draw(uint64_t *state, double low, double high)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(low + (high - low) * (double)(*state >> 40) * 0x1p-24);
}

static void draw_all(float *values, uint32_t count, double low, double high)
{
    uint64_t state = count;
    for (uint32_t i = 0; i < count; i++)
        values[i] = draw(&state, low, high);
}

// --- Losses -----------------------------------------------------------------------------------------------

#define ROWS 19

static double oklab_loss(const double y[3], const float *t, const float *weights)
{
    static const double waves[3][3] = {{0.4122214708, 0.5363325363, 0.0514459929},
                                       {0.2119034982, 0.6806995451, 0.1073969566},
                                       {0.0883024619, 0.2817188376, 0.6299787005}};
    static const double lab[3][3] = {{0.2104542553, 0.7936177850, -0.0040720468},
                                     {1.9779984951, -2.4285922050, 0.4505937099},
                                     {0.0259040371, 0.7827717662, -0.8086757660}};
    double roots[3], sum = 0;
    for (int w = 0; w < 3; w++) {
        double a = 0, b = 0;
        for (int i = 0; i < 3; i++)
            a += waves[w][i] * y[i], b += waves[w][i] * t[i];
        roots[w] = cbrt(a) - cbrt(b);
    }
    for (int k = 0; k < 3; k++) {
        double d = lab[k][0] * roots[0] + lab[k][1] * roots[1] + lab[k][2] * roots[2];
        sum += weights[k] * d * d;
    }
    return sum;
}

static double row_loss(enum smelt_loss loss, const double *y, const float *at, const float *t,
                       const float *weights)
{
    double sum = 0;
    if (loss == SMELT_LOSS_OKLAB)
        return oklab_loss(y, t, weights);
    for (int i = 0; i < 3; i++) {
        double d = y[i] - t[i];
        sum += weights[i] * (loss == SMELT_LOSS_L1   ? fabs(d)
                             : loss == SMELT_LOSS_L2 ? d * d
                                                     : d * d / ((double)at[i] * at[i] + 0.01));
    }
    return sum;
}

static void losses_have_their_gradients(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    float y[ROWS * 3], t[ROWS * 3], weights[3] = {0.5F, 2, 3}, gradient[ROWS * 3], value[ROWS * 3];
    draw_all(y, ROWS * 3, 0.1, 1);
    draw_all(t, ROWS * 3, 0.05, 0.9);
    struct smelt_loss_params params = {.y = floats(context, ROWS, 3, y),
                                       .target = floats(context, ROWS, 3, t),
                                       .weights = floats(context, 3, 0, weights),
                                       .gradient = floats(context, ROWS, 3, NULL),
                                       .value = floats(context, ROWS, 3, NULL),
                                       .scale = 4};
    for (int loss = 0; loss < SMELT_LOSS_COUNT; loss++) {
        params.loss = (enum smelt_loss)loss;
        CHECK_OK(smelt_encode_loss(encoder, &params));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK_OK(smelt_tensor_read_and_wait(params.gradient, NULL, gradient, sizeof(gradient)));
        CHECK_OK(smelt_tensor_read_and_wait(params.value, NULL, value, sizeof(value)));
        for (int i = 0; i < ROWS * 3; i++) {
            const float *row = y + i / 3 * 3, *wanted = t + i / 3 * 3;
            double moved[3] = {row[0], row[1], row[2]}, sides[2];
            double all = row_loss(params.loss, moved, row, wanted, weights);
            for (int side = 0; side < 2; side++) {
                moved[i % 3] = row[i % 3] + (side ? 1e-6 : -1e-6);
                sides[side] = row_loss(params.loss, moved, row, wanted, weights);
            }
            CHECK(fabs(gradient[i] - 4 * (sides[1] - sides[0]) / 2e-6) < 1e-4);
            double sum = value[i / 3 * 3] + value[i / 3 * 3 + 1] + value[i / 3 * 3 + 2];
            CHECK(fabs(sum - all) < 1e-5 * (1 + all));
        }
    }
    smelt_tensor_destroy(&params.y);
    smelt_tensor_destroy(&params.target);
    smelt_tensor_destroy(&params.weights);
    smelt_tensor_destroy(&params.gradient);
    smelt_tensor_destroy(&params.value);
    smelt_encoder_destroy(&encoder);
}

// --- A layer ----------------------------------------------------------------------------------------------

enum { SAMPLES = 37, IN = 5, OUT = 7 };

struct layer {
    float x[SAMPLES * IN], w[OUT * IN], z[SAMPLES * OUT], dy[SAMPLES * OUT];
    double shift[OUT]; // of z: a bias
};

// dot(dy, tanh(x w^T + shift)), where z belongs to shift 0 and the values as they are; `moved` is added to *at.
static double objective(const struct layer *l, const float *at, const double *shift_at, double moved)
{
    double sum = 0;
    for (int s = 0; s < SAMPLES; s++)
        for (int o = 0; o < OUT; o++) {
            double z = l->shift[o] + (shift_at == &l->shift[o] ? moved : 0);
            for (int i = 0; i < IN; i++) {
                double x = l->x[s * IN + i] + (at == &l->x[s * IN + i] ? moved : 0);
                z += x * (l->w[o * IN + i] + (at == &l->w[o * IN + i] ? moved : 0));
            }
            sum += l->dy[s * OUT + o] * tanh(z);
        }
    return sum;
}

static double slope(const struct layer *l, const float *at, const double *shift_at)
{
    return (objective(l, at, shift_at, 1e-5) - objective(l, at, shift_at, -1e-5)) / 2e-5;
}

static void a_layer_taken_back(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    static struct layer l;
    float dx[SAMPLES * IN], dw[OUT * IN], db[OUT];
    draw_all(l.x, SAMPLES * IN, -1, 1);
    draw_all(l.w, OUT * IN, -1, 1);
    draw_all(l.dy, SAMPLES * OUT, -1, 1);
    for (int i = 0; i < SAMPLES * OUT; i++)
        for (int k = 0; k < IN; k++)
            l.z[i] += l.x[i / OUT * IN + k] * l.w[i % OUT * IN + k];
    struct smelt_layer_gradient_params params = {.x = floats(context, SAMPLES, IN, l.x),
                                                 .weight = floats(context, OUT, IN, l.w),
                                                 .z = floats(context, SAMPLES, OUT, l.z),
                                                 .dx = floats(context, SAMPLES, IN, NULL),
                                                 .dweight = floats(context, OUT, IN, NULL),
                                                 .dbias = floats(context, OUT, 0, NULL),
                                                 .activation = SMELT_ACTIVATION_TANH};
    for (int apart = 0; apart < 2; apart++) { // dz in dy's memory, and in its own
        params.dy = floats(context, SAMPLES, OUT, l.dy);
        params.dz = apart ? floats(context, SAMPLES, OUT, NULL) : params.dy;
        CHECK_OK(smelt_encode_layer_gradient(encoder, &params));
        CHECK_OK(smelt_encoder_commit_and_wait(encoder));
        CHECK_OK(smelt_tensor_read_and_wait(params.dx, NULL, dx, sizeof(dx)));
        CHECK_OK(smelt_tensor_read_and_wait(params.dweight, NULL, dw, sizeof(dw)));
        CHECK_OK(smelt_tensor_read_and_wait(params.dbias, NULL, db, sizeof(db)));
        for (int i = 0; i < SAMPLES * IN; i++)
            CHECK(fabs(dx[i] - slope(&l, &l.x[i], NULL)) < 2e-5);
        for (int i = 0; i < OUT * IN; i++)
            CHECK(fabs(dw[i] - slope(&l, &l.w[i], NULL)) < 5e-5);
        for (int i = 0; i < OUT; i++)
            CHECK(fabs(db[i] - slope(&l, NULL, &l.shift[i])) < 5e-5);
        if (apart)
            smelt_tensor_destroy(&params.dz);
        smelt_tensor_destroy(&params.dy);
    }
    smelt_tensor_destroy(&params.x);
    smelt_tensor_destroy(&params.weight);
    smelt_tensor_destroy(&params.z);
    smelt_tensor_destroy(&params.dx);
    smelt_tensor_destroy(&params.dweight);
    smelt_tensor_destroy(&params.dbias);
    smelt_encoder_destroy(&encoder);
}

// --- Optimizers -------------------------------------------------------------------------------------------

static void adam_takes_its_steps(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    float weights[5] = {1, -2, 0.5F, 0, 3}, got[5], state[4];
    const int32_t fixed[5] = {1 << 20, -(1 << 19), 3, 0, 1 << 24}; // in units of 2^-20
    struct smelt_tensor_params integers = {.dtype = SMELT_DTYPE_I32, .rank = 1, .shape = {5}};
    struct smelt_tensor_params halfs = {.dtype = SMELT_DTYPE_F16, .rank = 1, .shape = {5}};
    struct smelt_adam_params params = {.weight = floats(context, 5, 0, weights),
                                       .m = floats(context, 5, 0, NULL),
                                       .v = floats(context, 5, 0, NULL),
                                       .state = floats(context, 4, 0, NULL),
                                       .decay = 0.01F,
                                       .gradient_scale = 0x1p-20F};
    CHECK_OK(smelt_tensor_create(context, &integers, &params.gradient));
    CHECK_OK(smelt_tensor_write_and_wait(params.gradient, NULL, fixed, sizeof(fixed)));
    CHECK_OK(smelt_tensor_create(context, &halfs, &params.copy));
    const struct smelt_learning_rate_params rate = {.state = params.state,
                                                    .schedule = SMELT_LEARNING_RATE_LINEAR,
                                                    .first = 0.1F,
                                                    .last = 0.01F,
                                                    .warmup = 2,
                                                    .steps = 4};
    double w[5] = {1, -2, 0.5, 0, 3}, m[5] = {0}, v[5] = {0};
    const double rates[6] = {0.05, 0.1, 0.1, 0.055, 0.01, 0.01};
    for (int step = 0; step < 6; step++) {
        CHECK_OK(smelt_encode_learning_rate(encoder, &rate));
        CHECK_OK(smelt_encode_adam(encoder, &params));
        for (int i = 0; i < 5; i++) {
            double g = fixed[i] * 0x1p-20;
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            w[i] -= rates[step] *
                    (m[i] / (1 - pow(0.9, step + 1)) / (sqrt(v[i] / (1 - pow(0.999, step + 1))) + 1e-8) +
                     0.01 * w[i]);
        }
    }
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(params.weight, NULL, got, sizeof(got)));
    CHECK_OK(smelt_tensor_read_and_wait(params.state, NULL, state, sizeof(state)));
    CHECK(state[0] == 6 && state[1] == 0.01F);
    uint16_t copies[5];
    float copied[5];
    CHECK_OK(smelt_tensor_read_and_wait(params.copy, NULL, copies, sizeof(copies)));
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_F32, copied, SMELT_DTYPE_F16, copies, 5));
    for (int i = 0; i < 5; i++) {
        CHECK(fabs(got[i] - w[i]) < 1e-4); // 1 - 0.999f is 1 - 0.999 to 5 digits
        CHECK(fabs(copied[i] - got[i]) <= fabs(got[i]) * 0x1p-11);
    }
    smelt_tensor_destroy(&params.weight);
    smelt_tensor_destroy(&params.m);
    smelt_tensor_destroy(&params.v);
    smelt_tensor_destroy(&params.gradient);
    smelt_tensor_destroy(&params.copy);
    smelt_tensor_destroy(&params.state);
    smelt_encoder_destroy(&encoder);
}

static void descent_and_averages_take_their_steps(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    const float weights[5] = {1, -2, 0.5F, 0, 3}, gradient[5] = {1, -0.5F, 1e-3F, 0, 8};
    float got[5], plain[5], mean[5];
    struct smelt_sgd_params sgd = {.weight = floats(context, 5, 0, weights),
                                   .velocity = floats(context, 5, 0, NULL),
                                   .gradient = floats(context, 5, 0, gradient),
                                   .state = floats(context, 4, 0, NULL),
                                   .momentum = 0.75F,
                                   .decay = 0.125F,
                                   .gradient_scale = 0.5F};
    struct smelt_sgd_params without = {.weight = floats(context, 5, 0, weights),
                                       .gradient = sgd.gradient,
                                       .state = sgd.state,
                                       .copy = floats(context, 5, 0, NULL)};
    struct smelt_average_params average = {
        .average = floats(context, 5, 0, weights), .weight = sgd.weight, .keep = 0.25F};
    const struct smelt_learning_rate_params rate = {.state = sgd.state, .first = 0.0625F};
    double w[5] = {1, -2, 0.5, 0, 3}, velocity[5] = {0}, kept[5] = {1, -2, 0.5, 0, 3};
    for (int step = 0; step < 4; step++) {
        CHECK_OK(smelt_encode_learning_rate(encoder, &rate));
        CHECK_OK(smelt_encode_sgd(encoder, &sgd));
        CHECK_OK(smelt_encode_sgd(encoder, &without));
        CHECK_OK(smelt_encode_average(encoder, &average));
        for (int i = 0; i < 5; i++) {
            velocity[i] = 0.75 * velocity[i] + 0.5 * gradient[i] + 0.125 * w[i];
            w[i] -= 0.0625 * velocity[i];
            kept[i] = 0.25 * kept[i] + 0.75 * w[i];
        }
    }
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(sgd.weight, NULL, got, sizeof(got)));
    CHECK_OK(smelt_tensor_read_and_wait(without.copy, NULL, plain, sizeof(plain)));
    CHECK_OK(smelt_tensor_read_and_wait(average.average, NULL, mean, sizeof(mean)));
    for (int i = 0; i < 5; i++)
        CHECK(fabs(got[i] - w[i]) < 1e-6 && fabs(mean[i] - kept[i]) < 1e-6 &&
              fabs(plain[i] - (weights[i] - 0.25 * gradient[i])) < 1e-6);
    without.momentum = 0.5F;
    CHECK_FAILS(smelt_encode_sgd(encoder, &without), SMELT_ERROR_INVALID_ARGUMENT, "momentum is 0.5");
    sgd.copy = sgd.weight;
    CHECK_FAILS(smelt_encode_sgd(encoder, &sgd), SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    average.keep = 1;
    CHECK_FAILS(smelt_encode_average(encoder, &average), SMELT_ERROR_INVALID_ARGUMENT, "keep is 1");
    average.weight = sgd.state;
    CHECK_FAILS(smelt_encode_average(encoder, &average), SMELT_ERROR_SHAPE, "weight");
    smelt_tensor_destroy(&sgd.weight);
    smelt_tensor_destroy(&sgd.velocity);
    smelt_tensor_destroy(&sgd.gradient);
    smelt_tensor_destroy(&sgd.state);
    smelt_tensor_destroy(&without.weight);
    smelt_tensor_destroy(&without.copy);
    smelt_tensor_destroy(&average.average);
    smelt_encoder_destroy(&encoder);
}

// --- A network that learns --------------------------------------------------------------------------------

enum { BATCH = 64, HIDDEN = 16, STEPS = 90, TENSORS = 32 };

struct network {
    smelt_context context;
    smelt_tensor all[TENSORS]; // for their destruction
    uint32_t count;
    smelt_tensor w[2], gradient[2], m[2], v[2], x, target, z, h, y, dh, dy, value, state;
};

static smelt_tensor keep(struct network *n, uint64_t rows, uint64_t columns, const float *data)
{
    CHECK(n->count < TENSORS);
    return n->all[n->count++] = floats(n->context, rows, columns, data);
}

// y = w1 gelu(w0 (x, 1)), to be x0 x1.
static void make_network(struct network *n)
{
    float x[BATCH * 3], target[BATCH], w[HIDDEN * 3];
    draw_all(x, BATCH * 3, -1, 1);
    for (int i = 0; i < BATCH; i++) {
        x[3 * i + 2] = 1;
        target[i] = x[3 * i] * x[3 * i + 1];
    }
    n->x = keep(n, BATCH, 3, x);
    n->target = keep(n, BATCH, 1, target);
    const uint64_t shapes[2][2] = {{HIDDEN, 3}, {1, HIDDEN}};
    for (int i = 0; i < 2; i++) {
        uint64_t rows = shapes[i][0], columns = shapes[i][1];
        draw_all(w, (uint32_t)(rows * columns), -0.7, 0.7);
        n->w[i] = keep(n, rows, columns, w);
        n->gradient[i] = keep(n, rows, columns, NULL);
        n->m[i] = keep(n, rows, columns, NULL);
        n->v[i] = keep(n, rows, columns, NULL);
    }
    n->z = keep(n, BATCH, HIDDEN, NULL);
    n->h = keep(n, BATCH, HIDDEN, NULL);
    n->dh = keep(n, BATCH, HIDDEN, NULL);
    n->y = keep(n, BATCH, 1, NULL);
    n->dy = keep(n, BATCH, 1, NULL);
    n->value = keep(n, BATCH, 1, NULL);
    n->state = keep(n, 4, 0, NULL);
}

static void encode_step(smelt_encoder encoder, const struct network *n)
{
    const struct smelt_matmul2d_params products[2] = {
        {.a = n->x, .b = n->w[0], .d = n->z, .transpose_right = true},
        {.a = n->h, .b = n->w[1], .d = n->y, .transpose_right = true}};
    const struct smelt_elementwise_step gelu = {.operation = SMELT_ELEMENTWISE_ACTIVATE,
                                                .activation = SMELT_ACTIVATION_GELU};
    const struct smelt_elementwise_params activation = {
        .inputs = {n->z}, .input_count = 1, .steps = &gelu, .step_count = 1, .y = n->h};
    const struct smelt_loss_params loss = {.y = n->y,
                                           .target = n->target,
                                           .gradient = n->dy,
                                           .value = n->value,
                                           .loss = SMELT_LOSS_L2,
                                           .scale = 1.0F / BATCH};
    const struct smelt_layer_gradient_params back[2] = {
        {.x = n->h, .weight = n->w[1], .dy = n->dy, .dz = n->dy, .dx = n->dh, .dweight = n->gradient[1]},
        {.x = n->x,
         .weight = n->w[0],
         .z = n->z,
         .dy = n->dh,
         .dz = n->dh,
         .dweight = n->gradient[0],
         .activation = SMELT_ACTIVATION_GELU}};
    const struct smelt_learning_rate_params rate = {.state = n->state,
                                                    .schedule = SMELT_LEARNING_RATE_COSINE,
                                                    .first = 0.05F,
                                                    .last = 0.001F,
                                                    .steps = STEPS};
    CHECK_OK(smelt_encode_matmul2d(encoder, &products[0]));
    CHECK_OK(smelt_encode_elementwise(encoder, &activation));
    CHECK_OK(smelt_encode_matmul2d(encoder, &products[1]));
    CHECK_OK(smelt_encode_loss(encoder, &loss));
    CHECK_OK(smelt_encode_layer_gradient(encoder, &back[0]));
    CHECK_OK(smelt_encode_layer_gradient(encoder, &back[1]));
    CHECK_OK(smelt_encode_learning_rate(encoder, &rate));
    for (int i = 0; i < 2; i++) {
        const struct smelt_adam_params adam = {
            .weight = n->w[i], .m = n->m[i], .v = n->v[i], .gradient = n->gradient[i], .state = n->state};
        CHECK_OK(smelt_encode_adam(encoder, &adam));
    }
}

static double loss_of(const struct network *n)
{
    float values[BATCH];
    double sum = 0;
    CHECK_OK(smelt_tensor_read_and_wait(n->value, NULL, values, sizeof(values)));
    for (int i = 0; i < BATCH; i++)
        sum += values[i];
    return sum / BATCH;
}

// Trains from the start; the losses of the first and the last step, and the weights.
static void train(bool captured, double losses[2], float weights[HIDDEN * 4])
{
    struct network n = {.context = device()};
    smelt_encoder encoder = test_begin();
    smelt_graph graph = NULL;
    make_network(&n);
    if (captured) {
        CHECK_OK(smelt_encoder_start_capture(encoder));
        encode_step(encoder, &n);
        CHECK_OK(smelt_encoder_take_capture(encoder, NULL, &graph));
    }
    for (int step = 0; step < STEPS; step++) {
        if (captured)
            CHECK_OK(smelt_encoder_replay(encoder, graph));
        else
            encode_step(encoder, &n);
        if (step == 0 || step == STEPS - 1) {
            CHECK_OK(smelt_encoder_commit_and_wait(encoder));
            losses[step > 0] = loss_of(&n);
        }
    }
    CHECK_OK(smelt_tensor_read_and_wait(n.w[0], NULL, weights, HIDDEN * 3 * 4));
    CHECK_OK(smelt_tensor_read_and_wait(n.w[1], NULL, weights + HIDDEN * 3, HIDDEN * 4));
    smelt_graph_destroy(&graph);
    while (n.count > 0)
        smelt_tensor_destroy(&n.all[--n.count]);
    smelt_encoder_destroy(&encoder);
}

static void a_network_learns_to_the_same_bits(void)
{
    double losses[2], again[2];
    float weights[HIDDEN * 4], same[HIDDEN * 4];
    train(false, losses, weights);
    CHECK(losses[0] > 0.03 && losses[1] < losses[0] / 30);
    train(true, again, same);
    CHECK(losses[0] == again[0] && losses[1] == again[1]);
    CHECK(memcmp(weights, same, sizeof(weights)) == 0);
}

// --- Refusals ---------------------------------------------------------------------------------------------

static void what_losses_and_layers_refuse(smelt_context context, smelt_encoder encoder)
{
    smelt_tensor two = floats(context, 4, 2, NULL), other = floats(context, 4, 2, NULL),
                 three = floats(context, 4, 3, NULL), square = floats(context, 2, 2, NULL),
                 line = floats(context, 4, 0, NULL);
    struct smelt_loss_params loss = {.y = two, .target = two};
    CHECK_FAILS(smelt_encode_loss(encoder, NULL), SMELT_ERROR_INVALID_ARGUMENT, "params is NULL");
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_INVALID_ARGUMENT, "gradient is NULL");
    loss.gradient = two;
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    loss.gradient = three;
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_SHAPE, "gradient");
    loss.y = line;
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_SHAPE, "y's rank is 1");
    loss.y = two;
    loss.gradient = other;
    loss.loss = SMELT_LOSS_OKLAB;
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_SHAPE, "wanted 3");
    loss.loss = SMELT_LOSS_COUNT;
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_INVALID_ARGUMENT, "loss is 4");
    loss.loss = SMELT_LOSS_L1;
    loss.scale = INFINITY;
    CHECK_FAILS(smelt_encode_loss(encoder, &loss), SMELT_ERROR_INVALID_ARGUMENT, "scale is inf");
    struct smelt_layer_gradient_params layer = {.x = two, .weight = square, .dy = other};
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_INVALID_ARGUMENT, "dz is NULL");
    layer.dz = other;
    layer.activation = SMELT_ACTIVATION_RELU;
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_INVALID_ARGUMENT, "z is NULL");
    layer.activation = SMELT_ACTIVATION_COUNT;
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_INVALID_ARGUMENT, "activation");
    layer.activation = SMELT_ACTIVATION_NONE;
    layer.dx = two;
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    smelt_tensor half = NULL;
    const struct smelt_tensor_params halfs = {.dtype = SMELT_DTYPE_F16, .rank = 2, .shape = {2, 2}};
    CHECK_OK(smelt_tensor_create(context, &halfs, &half));
    layer.weight = line;
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_SHAPE, "weight's rank is 1");
    layer.weight = half;
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_DTYPE,
                "weight 'tensor' is f16, wanted f32");
    smelt_tensor_destroy(&half);
    layer.weight = three;
    CHECK_FAILS(smelt_encode_layer_gradient(encoder, &layer), SMELT_ERROR_SHAPE, "[4][3], wanted [4][2]");
    smelt_tensor_destroy(&two);
    smelt_tensor_destroy(&other);
    smelt_tensor_destroy(&three);
    smelt_tensor_destroy(&square);
    smelt_tensor_destroy(&line);
}

static void what_optimizers_refuse(smelt_context context, smelt_encoder encoder)
{
    smelt_tensor state = floats(context, 4, 0, NULL), five = floats(context, 5, 0, NULL);
    struct smelt_learning_rate_params rate = {.state = five, .first = 1};
    CHECK_FAILS(smelt_encode_learning_rate(encoder, &rate), SMELT_ERROR_SHAPE, "state");
    rate.state = state;
    rate.first = 0;
    CHECK_FAILS(smelt_encode_learning_rate(encoder, &rate), SMELT_ERROR_INVALID_ARGUMENT, "first is 0");
    rate.first = 1;
    rate.schedule = SMELT_LEARNING_RATE_EXPONENTIAL;
    rate.steps = 5;
    CHECK_FAILS(smelt_encode_learning_rate(encoder, &rate), SMELT_ERROR_INVALID_ARGUMENT, "last is 0");
    rate.last = 1;
    rate.warmup = 6;
    CHECK_FAILS(smelt_encode_learning_rate(encoder, &rate), SMELT_ERROR_INVALID_ARGUMENT, "warmup is 6");
    rate.warmup = rate.steps = 0;
    CHECK_FAILS(smelt_encode_learning_rate(encoder, &rate), SMELT_ERROR_INVALID_ARGUMENT, "steps is 0");
    rate.schedule = SMELT_LEARNING_RATE_COUNT;
    CHECK_FAILS(smelt_encode_learning_rate(encoder, &rate), SMELT_ERROR_INVALID_ARGUMENT, "schedule is 4");
    struct smelt_adam_params adam = {.weight = five, .m = five};
    CHECK_FAILS(smelt_encode_adam(encoder, &adam), SMELT_ERROR_INVALID_ARGUMENT, "v is NULL");
    adam.v = adam.gradient = five;
    adam.state = state;
    CHECK_FAILS(smelt_encode_adam(encoder, &adam), SMELT_ERROR_INVALID_ARGUMENT, "shares bytes");
    adam.beta1 = 1;
    adam.m = floats(context, 5, 0, NULL);
    adam.v = floats(context, 5, 0, NULL);
    adam.gradient = floats(context, 5, 0, NULL);
    CHECK_FAILS(smelt_encode_adam(encoder, &adam), SMELT_ERROR_INVALID_ARGUMENT, "beta1 is 1");
    adam.beta1 = 0;
    adam.epsilon = -1;
    CHECK_FAILS(smelt_encode_adam(encoder, &adam), SMELT_ERROR_INVALID_ARGUMENT, "epsilon is -1");
    adam.epsilon = 0;
    adam.decay = -1;
    CHECK_FAILS(smelt_encode_adam(encoder, &adam), SMELT_ERROR_INVALID_ARGUMENT, "decay is -1");
    adam.decay = 0;
    adam.gradient_scale = NAN;
    CHECK_FAILS(smelt_encode_adam(encoder, &adam), SMELT_ERROR_INVALID_ARGUMENT, "gradient_scale");
    smelt_tensor_destroy(&adam.m);
    smelt_tensor_destroy(&adam.v);
    smelt_tensor_destroy(&adam.gradient);
    smelt_tensor_destroy(&state);
    smelt_tensor_destroy(&five);
}

static void what_the_calls_refuse(void)
{
    smelt_context context = device();
    smelt_encoder encoder = test_begin();
    what_losses_and_layers_refuse(context, encoder);
    what_optimizers_refuse(context, encoder);
    smelt_encoder_destroy(&encoder);
}

static const struct test tests[] = {
    {"losses have their gradients", losses_have_their_gradients},
    {"a layer taken back", a_layer_taken_back},
    {"adam takes its steps", adam_takes_its_steps},
    {"descent and averages take their steps", descent_and_averages_take_their_steps},
    {"a network learns to the same bits", a_network_learns_to_the_same_bits},
    {"what the calls refuse", what_the_calls_refuse},
};

TEST_MAIN(tests)
