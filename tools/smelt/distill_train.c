// SPDX-License-Identifier: MIT
// Trains a network on a teacher's answers by the calls of train.h: one step is captured and replayed, without the host.
#include "distill.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TENSORS_MAX = 16 * SMELT_MLP_MAX_LAYERS + 16, LEAST_BATCH = 64 };

// A weight or a bias with what Adam keeps beside it.
struct parameter {
    smelt_tensor value, gradient, m, v;
};

struct trainer {
    smelt_context context;
    const struct teacher *teacher;
    const struct distill_network *network;
    const struct distill_training *training;
    smelt_shader shader;
    smelt_pipeline pipeline;
    smelt_encoder encoder;
    smelt_graph graph;
    smelt_tensor all[TENSORS_MAX]; // for their destruction
    uint32_t count;
    struct parameter weights[SMELT_MLP_MAX_LAYERS], biases[SMELT_MLP_MAX_LAYERS];
    smelt_tensor x[SMELT_MLP_MAX_LAYERS + 1], z[SMELT_MLP_MAX_LAYERS], dx[SMELT_MLP_MAX_LAYERS + 1];
    smelt_tensor target, value, state, scratch;
    uint32_t portion; // samples that the teacher answers in a dispatch
};

static volatile sig_atomic_t stopped;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

// --- Tensors ------------------------------------------------------------------------------------------------------------------

static enum smelt_result keep(struct trainer *t, uint32_t rows, uint32_t columns, smelt_tensor *tensor)
{
    const struct smelt_tensor_params params = {
        .dtype = SMELT_DTYPE_F32, .rank = columns ? 2 : 1, .shape = {rows, columns}, .name = "distill"};
    enum smelt_result result = smelt_tensor_create(t->context, &params, tensor);
    if (!result)
        t->all[t->count++] = *tensor;
    return result;
}

// Values uniform in +-bound, by the seed; moments of zeros.
static enum smelt_result make_parameter(struct trainer *t, uint32_t rows, uint32_t columns, double bound,
                                        uint64_t *random, struct parameter *parameter)
{
    size_t count = (size_t)rows * (columns ? columns : 1);
    float *values = calloc(count, sizeof(*values));
    enum smelt_result result = values ? SMELT_OK : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    smelt_tensor *tensors[] = {&parameter->value, &parameter->gradient, &parameter->m, &parameter->v};
    for (int i = 0; i < 4 && !result; i++)
        result = keep(t, rows, columns, tensors[i]);
    for (int i = 2; i < 4 && !result; i++)
        result = smelt_tensor_write_and_wait(*tensors[i], NULL, values, count * sizeof(*values));
    for (size_t i = 0; i < count && values; i++) {
        *random = *random * 6364136223846793005U + 1442695040888963407U;
        values[i] = (float)(((double)(*random >> 40) * 0x1p-24 * 2 - 1) * bound);
    }
    if (!result)
        result = smelt_tensor_write_and_wait(parameter->value, NULL, values, count * sizeof(*values));
    free(values);
    return result;
}

static enum smelt_result make_tensors(struct trainer *t)
{
    const struct distill_network *n = t->network;
    const float zeros[4] = {0};
    uint64_t random = t->training->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint32_t batch = t->training->batch, outputs = n->widths[n->layer_count];
    enum smelt_result result = keep(t, batch, n->widths[0], &t->x[0]);
    for (uint32_t i = 0; i < n->layer_count && !result; i++) {
        uint32_t in = n->widths[i], out = n->widths[i + 1];
        double bound = sqrt(6.0 / in) * (i + 1 == n->layer_count ? 0.1 : 1); // it begins near a constant
        result = make_parameter(t, out, in, bound, &random, &t->weights[i]);
        if (!result)
            result = make_parameter(t, out, 0, 0, &random, &t->biases[i]);
        if (!result)
            result = keep(t, batch, out, &t->z[i]);
        t->x[i + 1] = t->z[i];
        if (!result && n->activations[i] != SMELT_ACTIVATION_NONE)
            result = keep(t, batch, out, &t->x[i + 1]);
        if (!result)
            result = keep(t, batch, out, &t->dx[i + 1]);
    }
    if (!result)
        result = keep(t, batch, outputs, &t->target);
    if (!result)
        result = keep(t, batch, outputs, &t->value);
    if (!result)
        result = keep(t, 4, 0, &t->state);
    if (!result)
        result = smelt_tensor_write_and_wait(t->state, NULL, zeros, sizeof(zeros));
    return result ? result : keep(t, 1 << 20, 0, &t->scratch);
}

// --- A step ------------------------------------------------------------------------------------------------

// A portion of the batch.
static enum smelt_result encode_portion(struct trainer *t, uint32_t first, uint32_t count)
{
    const struct smelt_argument arguments[] = {
        {.name = "features", .tensor = t->x[0]},
        {.name = "targets", .tensor = t->target},
        {.name = "state", .tensor = t->state},
        {.name = "seed", .bytes = &t->training->seed, .size = sizeof(t->training->seed)},
        {.name = "first", .bytes = &first, .size = sizeof(first)}};
    const struct smelt_encode_params params = {.pipeline = t->pipeline,
                                               .arguments = arguments,
                                               .argument_count = 5,
                                               .kind = SMELT_DISPATCH_THREADS,
                                               .size = {count, 1, 1}};
    return smelt_encoder_encode(t->encoder, &params);
}

// Teachers may be slow: tries how many samples the device does in a slice. Of some hundred, devices take longer for each than of
// many.
static enum smelt_result find_portion(struct trainer *t)
{
    uint32_t batch = t->training->batch;
    enum smelt_result result = SMELT_OK;
    t->portion = batch < 256 ? batch : 256;
    for (int i = 0; i < 8 && !result; i++) {
        uint64_t before = tool_time();
        result = encode_portion(t, 0, t->portion);
        if (!result)
            result = smelt_encoder_commit_and_wait(t->encoder);
        t->portion = tool_next_portion(t->portion, tool_time() - before, batch);
    }
    return result;
}

static enum smelt_result encode_sample(struct trainer *t)
{
    uint32_t batch = t->training->batch;
    enum smelt_result result = SMELT_OK;
    for (uint32_t first = 0, count; first < batch && !result; first += count) {
        count = batch - first < t->portion ? batch - first : t->portion;
        result = encode_portion(t, first, count);
    }
    return result;
}

static enum smelt_result encode_forward(struct trainer *t, uint32_t layer)
{
    const struct smelt_matmul2d_params product = {.a = t->x[layer],
                                                  .b = t->weights[layer].value,
                                                  .bias = t->biases[layer].value,
                                                  .d = t->z[layer],
                                                  .transpose_right = true};
    const struct smelt_elementwise_step step = {.operation = SMELT_ELEMENTWISE_ACTIVATE,
                                                .activation = t->network->activations[layer]};
    const struct smelt_elementwise_params activation = {
        .inputs = {t->z[layer]}, .input_count = 1, .steps = &step, .step_count = 1, .y = t->x[layer + 1]};
    enum smelt_result result = smelt_encode_matmul2d(t->encoder, &product);
    if (!result && step.activation != SMELT_ACTIVATION_NONE)
        result = smelt_encode_elementwise(t->encoder, &activation);
    return result;
}

static enum smelt_result encode_back(struct trainer *t, uint32_t layer)
{
    const struct smelt_layer_gradient_params params = {.x = t->x[layer],
                                                       .weight = t->weights[layer].value,
                                                       .z = t->z[layer],
                                                       .dy = t->dx[layer + 1],
                                                       .dz = t->dx[layer + 1],
                                                       .dx = layer ? t->dx[layer] : NULL,
                                                       .dweight = t->weights[layer].gradient,
                                                       .dbias = t->biases[layer].gradient,
                                                       .activation = t->network->activations[layer],
                                                       .scratch = t->scratch};
    return smelt_encode_layer_gradient(t->encoder, &params);
}

static enum smelt_result encode_update(struct trainer *t, const struct parameter *parameter)
{
    const struct smelt_adam_params params = {.weight = parameter->value,
                                             .m = parameter->m,
                                             .v = parameter->v,
                                             .gradient = parameter->gradient,
                                             .state = t->state};
    return smelt_encode_adam(t->encoder, &params);
}

static enum smelt_result encode_step(struct trainer *t)
{
    uint32_t layers = t->network->layer_count, steps = t->training->steps;
    const struct smelt_loss_params loss = {.y = t->x[layers],
                                           .target = t->target,
                                           .gradient = t->dx[layers],
                                           .value = t->value,
                                           .loss = t->teacher->loss,
                                           .scale = 1.0f / (float)t->training->batch};
    const struct smelt_learning_rate_params rate = {.state = t->state,
                                                    .schedule = SMELT_LEARNING_RATE_COSINE,
                                                    .first = t->training->rate,
                                                    .last = t->training->rate / 100,
                                                    .warmup = steps / 50,
                                                    .steps = steps};
    enum smelt_result result = encode_sample(t);
    for (uint32_t i = 0; i < layers && !result; i++)
        result = encode_forward(t, i);
    if (!result)
        result = smelt_encode_loss(t->encoder, &loss);
    for (uint32_t i = layers; i-- > 0 && !result;)
        result = encode_back(t, i);
    if (!result)
        result = smelt_encode_learning_rate(t->encoder, &rate);
    for (uint32_t i = 0; i < layers && !result; i++) {
        result = encode_update(t, &t->weights[i]);
        if (!result)
            result = encode_update(t, &t->biases[i]);
    }
    return result;
}

static enum smelt_result capture(struct trainer *t)
{
    const struct smelt_encoder_params encoder = {.name = "distill"};
    struct smelt_pipeline_params pipeline = {.name = "sample"};
    enum smelt_result result =
        distill_shader(t->context, t->teacher, "distill_sample.comp", NULL, NULL, &t->shader);
    pipeline.shader = t->shader;
    if (!result)
        result = smelt_pipeline_create(t->context, &pipeline, &t->pipeline);
    if (!result)
        result = smelt_encoder_create(t->context, &encoder, &t->encoder);
    if (!result)
        result = make_tensors(t);
    if (!result)
        result = find_portion(t);
    if (!result)
        result = smelt_encoder_start_capture(t->encoder);
    if (!result)
        result = encode_step(t);
    return result ? result : smelt_encoder_take_capture(t->encoder, NULL, &t->graph);
}

// --- Running -----------------------------------------------------------------------------------------------

static double seconds(void)
{
    return (double)tool_time() * 1e-9;
}

// `began`: when the first step was over, which may have compiled.
static enum smelt_result tell_progress(const struct trainer *t, bool terminal, uint32_t done, double began)
{
    size_t count = (size_t)t->training->batch * t->network->widths[t->network->layer_count];
    float *values = malloc(count * sizeof(*values));
    double sum = 0, elapsed = seconds() - began;
    enum smelt_result result =
        values ? smelt_tensor_read_and_wait(t->value, NULL, values, count * sizeof(*values))
               : SMELT_ERROR_OUT_OF_HOST_MEMORY;
    for (size_t i = 0; i < count && !result; i++)
        sum += values[i];
    free(values);
    char left[32] = "";
    if (done > 1)
        snprintf(left, sizeof(left), ", %.0f s left", elapsed / (done - 1) * (t->training->steps - done));
    fprintf(stderr, "%s%u of %u steps, loss %.3e%s%s", terminal ? "\r" : "", done, t->training->steps,
            sum / (double)count, left, terminal ? "   " : "\n");
    return result;
}

// Submissions grow to a fifth of a second.
static enum smelt_result run(struct trainer *t, uint32_t *done)
{
    uint32_t portion = 1;
    bool terminal = isatty(STDERR_FILENO);
    double pause = terminal ? 0.5 : 5, began = 0, told = 0;
    enum smelt_result result = SMELT_OK;
    for (*done = 0; *done < t->training->steps && !stopped && !result;) {
        double before = seconds();
        if (portion > t->training->steps - *done)
            portion = t->training->steps - *done;
        for (uint32_t i = 0; i < portion && !result; i++)
            result = smelt_encoder_replay(t->encoder, t->graph);
        if (!result)
            result = smelt_encoder_commit_and_wait(t->encoder);
        *done += portion;
        double now = seconds();
        if (now - before < 0.1 && portion < 256)
            portion *= 2;
        began = began == 0 ? now : began;
        if (now - told > pause && !result) {
            result = tell_progress(t, terminal, *done, began);
            told = now;
        }
    }
    if (terminal)
        fputs("\r\033[K", stderr);
    return result;
}

static enum smelt_result read_results(const struct trainer *t, float **weights, float **biases)
{
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < t->network->layer_count && !result; i++) {
        size_t out = t->network->widths[i + 1], count = out * t->network->widths[i];
        weights[i] = malloc(count * sizeof(float));
        biases[i] = malloc(out * sizeof(float));
        if (!weights[i] || !biases[i])
            return SMELT_ERROR_OUT_OF_HOST_MEMORY;
        result = smelt_tensor_read_and_wait(t->weights[i].value, NULL, weights[i], count * sizeof(float));
        if (!result)
            result = smelt_tensor_read_and_wait(t->biases[i].value, NULL, biases[i], out * sizeof(float));
    }
    return result;
}

static void release(struct trainer *t)
{
    smelt_graph_destroy(&t->graph);
    smelt_encoder_destroy(&t->encoder);
    smelt_pipeline_destroy(&t->pipeline);
    smelt_shader_destroy(&t->shader);
    while (t->count > 0)
        smelt_tensor_destroy(&t->all[--t->count]);
}

// A captured step, with half the batch for as long as the device has not the memory.
static enum smelt_result prepare(struct trainer *t, struct distill_training *training)
{
    for (;; training->batch /= 2) {
        enum smelt_result result = capture(t);
        bool memory = result == SMELT_ERROR_OUT_OF_DEVICE_MEMORY || result == SMELT_ERROR_BUDGET;
        if (!memory || training->batch / 2 < LEAST_BATCH)
            return result;
        release(t);
        fprintf(stderr, "smelt: warning: not enough device memory for a batch of %u samples, trying %u\n",
                training->batch, training->batch / 2);
    }
}

// Of a teacher that does not compile: its file, which shaders include by another name, or the function that it has not.
static int fail_compile(const struct teacher *teacher)
{
    static const char included[] = "teacher.glsl";
    const char *message = smelt_last_error();
    if (strstr(message, "'teacher' :"))
        return tool_fail("%s: wanted the function void teacher(float x[%u], out float y[%u])", teacher->path,
                         teacher->input_count, teacher->output_count);
    bool named = !strncmp(message, included, strlen(included));
    return tool_fail("%s%s", named ? teacher->path : "", message + (named ? strlen(included) : 0));
}

int distill_train(smelt_context context, const struct teacher *teacher, const struct distill_network *network,
                  const struct distill_training *training, float *weights[SMELT_MLP_MAX_LAYERS],
                  float *biases[SMELT_MLP_MAX_LAYERS], uint32_t *steps)
{
    struct distill_training own = *training;
    struct trainer t = {.context = context, .teacher = teacher, .network = network, .training = &own};
    // A second Ctrl-C ends the program as it always does.
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    sigaction(SIGINT, &action, &before);
    enum smelt_result result = prepare(&t, &own);
    if (!result)
        result = run(&t, steps);
    if (!result)
        result = read_results(&t, weights, biases);
    sigaction(SIGINT, &before, NULL);
    release(&t);
    if (result == SMELT_ERROR_OUT_OF_HOST_MEMORY)
        return tool_fail("out of memory for a batch of %u", own.batch);
    if (!result && !*steps)
        return tool_fail("stopped before the first step: nothing was written");
    return result == SMELT_ERROR_COMPILE ? fail_compile(teacher) : result ? tool_fail_smelt() : TOOL_OK;
}
