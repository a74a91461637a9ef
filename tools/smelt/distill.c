// SPDX-License-Identifier: MIT
// smelt material distill: trains a network to do what a GLSL function does, writes it as a package, and measures both.
#include "distill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: smelt material distill --teacher FILE.glsl -o FILE.safetensors [OPTIONS]\n"
    "\n"
    "Trains a network to reproduce a GLSL function over its domain, writes it as a package that "
    "mlp_tmpl.glsl\n"
    "evaluates, and tells its error and whether it is faster than its teacher on this device. The file has\n"
    "\n"
    "    // smelt input NAME MINIMUM..MAXIMUM ENCODING [COUNT]     for each input, in order\n"
    "    // smelt outputs COUNT [ACTIVATION [LOSS]]\n"
    "    void teacher(float x[INPUTS], out float y[OUTPUTS]) { ... }\n"
    "\n"
    "ENCODING: identity, frequency (COUNT octaves, 4), triangle_wave (4), one_blob (COUNT bins, 16).\n"
    "ACTIVATION of the outputs: none, exp, sigmoid, ...; LOSS: l2, l1, relative_l2.\n"
    "\n"
    "  -o, --output FILE    the package\n"
    "      --input NAME=MINIMUM..MAXIMUM:ENCODING[:COUNT]   instead of what the file says of this input\n"
    "      --neurons N      of a hidden layer, 1 to 128; default 32\n"
    "      --layers N       hidden layers, 1 to 7; default 2\n"
    "      --activation A   of the hidden layers: gelu, relu, silu, ...; default gelu; relu is faster\n"
    "      --dtype f16|f32  of the package; default f16\n"
    "      --steps N        default 4000, on a CPU 1000; Ctrl-C stops earlier, with the package of then\n"
    "      --batch N        samples of a step; default 65536, on a CPU 4096\n"
    "      --rate R         the learning rate to begin with; default 0.03\n"
    "      --seed N         the same seed and device give the same package; default 1\n"
    "      --json           the report as JSON\n"
    "      --device D       as in smelt devices\n"
    "      --memory MIB     device memory to take at most\n"
    "      --help\n";

struct request {
    const char *teacher, *output, *device, *inputs[TEACHER_MAX_INPUTS];
    uint32_t input_count, neurons, layers, memory;
    struct distill_training training;
    enum smelt_activation activation;
    enum smelt_dtype stored;
    bool json;
};

// What a package does on this device.
struct timing {
    char name[64];
    uint64_t time; // of `samples`, ns; 0: no timestamps
};

struct report {
    uint32_t samples, steps, timing_count;
    double rmse, worst; // over all outputs
    double relative;    // of the sums of magnitudes; NAN: the teacher is 0 everywhere
    double psnr;        // of the teacher's range; NAN: it has none
    uint64_t teacher_time;
    struct timing timings[4];
    char device[256];
};

// --- The package --------------------------------------------------------------------------------------------------------------

static cJSON *describe(const struct teacher *teacher, const struct distill_network *network)
{
    cJSON *description = cJSON_CreateObject(), *layers, *mlp, *encoding, *activations;
    cJSON_AddStringToObject(description, "kind", "weights");
    layers = cJSON_AddArrayToObject(description, "layers");
    mlp = cJSON_AddObjectToObject(description, "mlp");
    cJSON_AddNumberToObject(mlp, "inputs", teacher->input_count);
    encoding = cJSON_AddArrayToObject(mlp, "encoding");
    activations = cJSON_AddArrayToObject(mlp, "activations");
    for (uint32_t i = 0, same; i < teacher->input_count; i += same) {
        const struct teacher_input *input = &teacher->inputs[i];
        cJSON *item = cJSON_CreateObject();
        for (same = 1; i + same < teacher->input_count && input[same].encoding == input->encoding &&
                       input[same].count == input->count;)
            same++;
        cJSON_AddItemToArray(encoding, item);
        cJSON_AddStringToObject(item, "type", teacher_encoding_name(input->encoding));
        cJSON_AddNumberToObject(item, "inputs", same);
        if (input->encoding == ENCODING_IDENTITY) {
            cJSON_AddNumberToObject(item, "scale", 2);
            cJSON_AddNumberToObject(item, "offset", -1);
        } else {
            cJSON_AddNumberToObject(item, input->encoding == ENCODING_ONE_BLOB ? "n_bins" : "n_frequencies",
                                    input->count);
        }
    }
    for (uint32_t i = 0; i < network->layer_count; i++) {
        char name[32];
        cJSON *layer = cJSON_CreateObject();
        cJSON_AddItemToArray(layers, layer);
        snprintf(name, sizeof(name), "layer%u.weight", i);
        cJSON_AddStringToObject(layer, "weight", name);
        snprintf(name, sizeof(name), "layer%u.bias", i);
        cJSON_AddStringToObject(layer, "bias", name);
        cJSON_AddItemToArray(activations, cJSON_CreateString(smelt_activation_name(network->activations[i])));
    }
    return description;
}

// The domain, which the shader that uses the network maps to 0..1: metadata of the file, free-form for the format.
static char *domain_json(const struct teacher *teacher)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < teacher->input_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(list, item);
        cJSON_AddStringToObject(item, "name", teacher->inputs[i].name);
        cJSON_AddNumberToObject(item, "minimum", teacher->inputs[i].minimum);
        cJSON_AddNumberToObject(item, "maximum", teacher->inputs[i].maximum);
    }
    char *text = cJSON_PrintUnformatted(list);
    cJSON_Delete(list);
    return text;
}

// f32 values as `dtype`, in place.
static enum smelt_result narrow(enum smelt_dtype dtype, float *values, size_t count)
{
    return dtype == SMELT_DTYPE_F32 ? SMELT_OK
                                    : smelt_dtype_convert(dtype, values, SMELT_DTYPE_F32, values, count);
}

static int write_package(const struct request *request, const struct teacher *teacher,
                         const struct distill_network *network, float **weights, float **biases)
{
    struct smelt_package_tensor tensors[2 * SMELT_MLP_MAX_LAYERS];
    char names[2 * SMELT_MLP_MAX_LAYERS][32];
    enum smelt_result result = SMELT_OK;
    for (uint32_t i = 0; i < 2 * network->layer_count && !result; i++) {
        uint32_t out = network->widths[i / 2 + 1], in = i % 2 ? 1 : network->widths[i / 2];
        float *values = i % 2 ? biases[i / 2] : weights[i / 2];
        size_t count = (size_t)out * in;
        for (size_t k = 0; k < count; k++)
            if (!isfinite(values[k]) || (request->stored == SMELT_DTYPE_F16 && fabsf(values[k]) >= 65520))
                return tool_fail("the training went astray: layer %u has the value %g; wanted a teacher that "
                                 "is finite in its domain, or a lower --rate",
                                 i / 2, (double)values[k]);
        snprintf(names[i], sizeof(names[i]), "layer%u.%s", i / 2, i % 2 ? "bias" : "weight");
        tensors[i] = (struct smelt_package_tensor){.name = names[i],
                                                   .dtype = request->stored,
                                                   .rank = i % 2 ? 1 : 2,
                                                   .shape = {out, in},
                                                   .data = values,
                                                   .size = smelt_dtype_size(request->stored, count)};
        result = narrow(request->stored, values, count);
    }
    cJSON *json = describe(teacher, network);
    char *description = cJSON_PrintUnformatted(json), *domain = domain_json(teacher);
    const struct smelt_metadata metadata[] = {{"teacher", teacher->path}, {"domain", domain}};
    if (!description || !domain)
        result = SMELT_ERROR_OUT_OF_HOST_MEMORY;
    if (!result)
        result =
            smelt_package_write(request->output, tensors, 2 * network->layer_count, description, metadata, 2);
    cJSON_Delete(json);
    cJSON_free(description);
    cJSON_free(domain);
    return result ? tool_fail_smelt() : TOOL_OK;
}

// --- Measuring ---------------------------------------------------------------------------------------------

struct evaluator {
    smelt_context context;
    smelt_tensor results;
    uint32_t samples, seed;
};

static enum smelt_result evaluate_portion(struct evaluator *e, smelt_encoder encoder, smelt_pipeline pipeline,
                                          smelt_weights weights, uint32_t layers, uint32_t first,
                                          uint32_t count)
{
    enum smelt_result result = smelt_encoder_set_pipeline(encoder, pipeline);
    if (!result)
        result = smelt_encoder_set_tensor(encoder, "results", e->results);
    if (!result)
        result = smelt_encoder_set_bytes(encoder, "seed", &e->seed, sizeof(e->seed));
    if (!result)
        result = smelt_encoder_set_bytes(encoder, "first", &first, sizeof(first));
    for (uint32_t i = 0; i < 2 * layers && !result; i++) {
        char name[64];
        snprintf(name, sizeof(name), "net.layer%u.%s", i / 2, i % 2 ? "bias" : "weight");
        result = smelt_encoder_set_tensor(
            encoder, name, i % 2 ? smelt_weights_bias(weights, i / 2) : smelt_weights_matrix(weights, i / 2));
    }
    if (!result)
        result = smelt_encoder_dispatch_threads(encoder, count, 1, 1);
    return result ? result : smelt_encoder_commit_and_wait(encoder);
}

// Runs the shader over all samples, several times; its results and its shortest time. The first time in portions that grow to
// what the device does in a slice, and then in such ones.
static enum smelt_result evaluate(struct evaluator *e, smelt_shader shader, smelt_weights weights,
                                  uint32_t layers, float *values, uint64_t *time)
{
    const struct smelt_pipeline_params params = {.shader = shader, .name = "evaluate"};
    smelt_pipeline pipeline = NULL;
    smelt_encoder encoder = NULL;
    uint32_t portion = 1 << 10;
    enum smelt_result result = smelt_pipeline_create(e->context, &params, &pipeline);
    if (!result)
        result = smelt_encoder_create(e->context, NULL, &encoder);
    for (int run = 0; run < 5 && !result; run++) {
        uint64_t begin = 0, end = 0, sum = 0;
        for (uint32_t first = 0, count; first < e->samples && !result; first += count) {
            uint64_t before = tool_time();
            count = e->samples - first < portion ? e->samples - first : portion;
            result = evaluate_portion(e, encoder, pipeline, weights, layers, first, count);
            if (!result && !smelt_encoder_gpu_time(encoder, &begin, &end))
                sum += end - begin;
            if (!run && count == portion)
                portion = tool_next_portion(count, tool_time() - before, e->samples);
        }
        if (!*time || sum < *time)
            *time = sum;
    }
    if (!result)
        result = smelt_tensor_read_and_wait(e->results, NULL, values,
                                            smelt_tensor_element_count(e->results) * sizeof(float));
    smelt_encoder_destroy(&encoder);
    smelt_pipeline_destroy(&pipeline);
    return result;
}

// The package as it was written, by one backend. UNSUPPORTED: not on this device.
static enum smelt_result evaluate_package(struct evaluator *e, const struct teacher *teacher,
                                          const char *path, enum smelt_backend backend, float *values,
                                          struct timing *timing)
{
    struct smelt_mlp_descriptor mlp;
    const struct smelt_op op = {.name = "net", .kind = SMELT_OP_MLP, .mlp = &mlp};
    const struct smelt_weights_params params = {.backend = backend};
    smelt_package package = NULL;
    smelt_weights weights = NULL;
    smelt_shader shader = NULL;
    char *encoding = NULL;
    uint32_t inputs;
    enum smelt_result result = smelt_package_open(path, &package);
    if (!result)
        result = smelt_mlp_from_package(e->context, package, op.name, &mlp, &inputs, &encoding);
    if (!result) {
        const struct smelt_virtual_file file = {"net_encoding.glsl", encoding};
        mlp.backend = backend;
        result = distill_shader(e->context, teacher, "distill_evaluate.comp", &file, &op, &shader);
    }
    if (!result)
        result = smelt_weights_create_from_package(e->context, &params, package, &weights);
    if (!result)
        result = evaluate(e, shader, weights, mlp.layer_count, values, &timing->time);
    if (!result)
        snprintf(timing->name, sizeof(timing->name), "%s", smelt_backend_name(backend));
    smelt_weights_destroy(&weights);
    smelt_shader_destroy(&shader);
    smelt_free_text(&encoding);
    smelt_package_close(&package);
    return result;
}

static void compare_values(const float *wanted, const float *got, size_t count, struct report *report)
{
    double squares = 0, sum = 0, of_teacher = 0, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double d = (double)got[i] - wanted[i];
        squares += d * d;
        sum += fabs(d);
        of_teacher += fabs((double)wanted[i]);
        report->worst = fmax(report->worst, fabs(d));
        least = fmin(least, wanted[i]);
        most = fmax(most, wanted[i]);
    }
    report->rmse = sqrt(squares / (double)count);
    report->relative = of_teacher > 0 ? sum / of_teacher : NAN;
    report->psnr = most > least ? 20 * log10((most - least) / report->rmse) : NAN;
}

static enum smelt_result measure_with(struct evaluator *e, const struct request *request,
                                      const struct teacher *teacher, float *wanted, float *got,
                                      struct report *report)
{
    const struct smelt_tensor_params results = {
        .dtype = SMELT_DTYPE_F32, .rank = 2, .shape = {e->samples, teacher->output_count}, .name = "results"};
    smelt_shader shader = NULL;
    size_t count = (size_t)e->samples * teacher->output_count;
    enum smelt_result result = smelt_tensor_create(e->context, &results, &e->results);
    if (!result)
        result = distill_shader(e->context, teacher, "distill_evaluate.comp", NULL, NULL, &shader);
    if (!result)
        result = evaluate(e, shader, NULL, 0, wanted, &report->teacher_time);
    smelt_shader_destroy(&shader);
    static const enum smelt_backend backends[] = {SMELT_BACKEND_PORTABLE, SMELT_BACKEND_COOPVEC};
    for (int i = 0; i < 2 && !result; i++) {
        struct timing timing = {.time = 0};
        result = evaluate_package(e, teacher, request->output, backends[i], got, &timing);
        if (result == SMELT_ERROR_UNSUPPORTED && i > 0) {
            result = SMELT_OK;
            continue;
        }
        if (!result && !i)
            compare_values(wanted, got, count, report);
        report->timings[report->timing_count++] = timing;
    }
    return result;
}

static int measure(smelt_context context, const struct request *request, const struct teacher *teacher,
                   struct report *report)
{
    const struct smelt_capabilities *device = smelt_context_capabilities(context);
    struct evaluator e = {.context = context, .seed = request->training.seed};
    e.samples = report->samples = device->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU ? 1 << 14 : 1 << 20;
    size_t count = (size_t)e.samples * teacher->output_count;
    float *wanted = malloc(2 * count * sizeof(*wanted));
    snprintf(report->device, sizeof(report->device), "%s", device->device_name);
    enum smelt_result result = SMELT_OK;
    if (wanted)
        result = measure_with(&e, request, teacher, wanted, wanted + count, report);
    smelt_tensor_destroy(&e.results);
    free(wanted);
    return !wanted ? tool_fail("no memory for %u samples", e.samples) : result ? tool_fail_smelt() : TOOL_OK;
}

// --- The report --------------------------------------------------------------------------------------------

static const struct timing *fastest(const struct report *report)
{
    const struct timing *best = &report->timings[0];
    for (uint32_t i = 1; i < report->timing_count; i++)
        if (report->timings[i].time < best->time)
            best = &report->timings[i];
    return best;
}

static void tell(const struct request *request, const struct distill_network *network,
                 const struct report *report)
{
    printf("%s: ", request->output);
    for (uint32_t i = 0; i <= network->layer_count; i++)
        printf("%s%u", i ? "-" : "", network->widths[i]);
    printf(", %s, %u steps\n", smelt_dtype_name(request->stored), report->steps);
    printf("error at %u new places: root mean square %.3e, worst %.3e; ", report->samples, report->rmse,
           report->worst);
    if (isnan(report->psnr))
        printf("the teacher is the same everywhere\n");
    else
        printf("mean %.2f %% of the teacher's mean;\nPSNR %.2f dB of its range\n", report->relative * 100,
               report->psnr);
    const struct timing *best = fastest(report);
    if (!report->teacher_time || !best->time) {
        printf("no times: %s has no timestamps\n", report->device);
        return;
    }
    printf("%u evaluations on %s: teacher %.3f ms", report->samples, report->device,
           (double)report->teacher_time * 1e-6);
    for (uint32_t i = 0; i < report->timing_count; i++)
        printf(", network %.3f ms (%s)", (double)report->timings[i].time * 1e-6, report->timings[i].name);
    double ratio = (double)report->teacher_time / (double)best->time;
    if (ratio >= 1)
        printf("\nthe network is %.1f times faster than its teacher here\n", ratio);
    else
        printf("\nthe network is %.1f times SLOWER than its teacher here: keep the teacher on this device\n",
               1 / ratio);
}

static void tell_json(const struct distill_network *network, const struct report *report)
{
    cJSON *json = cJSON_CreateObject(), *widths = cJSON_AddArrayToObject(json, "widths"), *times;
    for (uint32_t i = 0; i <= network->layer_count; i++)
        cJSON_AddItemToArray(widths, cJSON_CreateNumber(network->widths[i]));
    cJSON_AddNumberToObject(json, "steps", report->steps);
    cJSON_AddNumberToObject(json, "samples", report->samples);
    cJSON_AddNumberToObject(json, "rmse", report->rmse);
    cJSON_AddNumberToObject(json, "relative_error", report->relative); // NAN becomes null
    cJSON_AddNumberToObject(json, "worst", report->worst);
    cJSON_AddNumberToObject(json, "psnr", report->psnr);
    cJSON_AddStringToObject(json, "device", report->device);
    cJSON_AddNumberToObject(json, "teacher_ms", (double)report->teacher_time * 1e-6);
    times = cJSON_AddObjectToObject(json, "network_ms");
    for (uint32_t i = 0; i < report->timing_count; i++)
        cJSON_AddNumberToObject(times, report->timings[i].name, (double)report->timings[i].time * 1e-6);
    tool_print_json(json);
}

// --- The command -------------------------------------------------------------------------------------------

static void choose_network(const struct request *request, const struct teacher *teacher,
                           struct distill_network *network)
{
    network->layer_count = request->layers + 1;
    network->widths[0] = teacher->feature_count;
    for (uint32_t i = 0; i < request->layers; i++) {
        network->widths[i + 1] = request->neurons;
        network->activations[i] = request->activation;
    }
    network->widths[network->layer_count] = teacher->output_count;
    network->activations[request->layers] = teacher->activation;
}

static int distill_with(smelt_context context, struct request *request, const struct teacher *teacher)
{
    struct distill_network network;
    struct report report = {.steps = 0};
    float *weights[SMELT_MLP_MAX_LAYERS] = {0}, *biases[SMELT_MLP_MAX_LAYERS] = {0};
    bool cpu = smelt_context_capabilities(context)->device_type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    if (!request->training.steps)
        request->training.steps = cpu ? 1000 : 4000;
    if (!request->training.batch)
        request->training.batch = cpu ? 4096 : 65536;
    choose_network(request, teacher, &network);
    int status =
        distill_train(context, teacher, &network, &request->training, weights, biases, &report.steps);
    if (!status)
        status = write_package(request, teacher, &network, weights, biases);
    for (uint32_t i = 0; i < SMELT_MLP_MAX_LAYERS; i++) {
        free(weights[i]);
        free(biases[i]);
    }
    if (!status)
        status = measure(context, request, teacher, &report);
    if (!status && request->json)
        tell_json(&network, &report);
    else if (!status)
        tell(request, &network, &report);
    return status;
}

static int parse_number(const char *option, uint32_t most, uint32_t *number)
{
    char *end;
    unsigned long long value = strtoull(optarg, &end, 10);
    if (end == optarg || *end || value < 1 || value > most || *optarg == '-')
        return tool_usage_error("--%s %s: wanted 1 to %u", option, optarg, most);
    *number = (uint32_t)value;
    return TOOL_OK;
}

static int parse_option(void *command, int option)
{
    struct request *request = command;
    char *end;
    switch (option) {
    case 't':
        request->teacher = optarg;
        return TOOL_OK;
    case 'o':
        request->output = optarg;
        return TOOL_OK;
    case 'd':
        request->device = optarg;
        return TOOL_OK;
    case 'j':
        request->json = true;
        return TOOL_OK;
    case 'i':
        if (request->input_count == TEACHER_MAX_INPUTS)
            return tool_usage_error("more than %d --input", (int)TEACHER_MAX_INPUTS);
        request->inputs[request->input_count++] = optarg;
        return TOOL_OK;
    case 'n':
        return parse_number("neurons", 128, &request->neurons);
    case 'l':
        return parse_number("layers", SMELT_MLP_MAX_LAYERS - 1, &request->layers);
    case 's':
        return parse_number("steps", 1 << 24, &request->training.steps);
    case 'b':
        return parse_number("batch", 1 << 20, &request->training.batch);
    case 'm':
        return parse_number("memory", 1 << 24, &request->memory);
    case 'e':
        return parse_number("seed", UINT32_MAX, &request->training.seed);
    case 'a':
        request->activation = smelt_activation_from_name(optarg);
        return request->activation != SMELT_ACTIVATION_COUNT
                   ? TOOL_OK
                   : tool_usage_error("--activation %s: wanted gelu, relu, silu or another that smelt has",
                                      optarg);
    case 'y':
        return tool_parse_float("--dtype", optarg, &request->stored) ? TOOL_OK : TOOL_USAGE;
    case 'r':
        request->training.rate = strtof(optarg, &end);
        return end != optarg && !*end && request->training.rate > 0 && request->training.rate <= 1
                   ? TOOL_OK
                   : tool_usage_error("--rate %s: wanted a number above 0, at most 1", optarg);
    default:
        return TOOL_USAGE;
    }
}

int material_distill(int argc, char **argv)
{
    static const struct option options[] = {{"teacher", required_argument, NULL, 't'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"device", required_argument, NULL, 'd'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"input", required_argument, NULL, 'i'},
                                            {"neurons", required_argument, NULL, 'n'},
                                            {"layers", required_argument, NULL, 'l'},
                                            {"steps", required_argument, NULL, 's'},
                                            {"batch", required_argument, NULL, 'b'},
                                            {"seed", required_argument, NULL, 'e'},
                                            {"dtype", required_argument, NULL, 'y'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {"activation", required_argument, NULL, 'a'},
                                            {"memory", required_argument, NULL, 'm'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.neurons = 32,
                              .layers = 2,
                              .activation = SMELT_ACTIVATION_GELU,
                              .stored = SMELT_DTYPE_F16,
                              .training = {.rate = 0.03f, .seed = 1}};
    int status = tool_parse(argc, argv, "o:h", options, help, parse_option, &request);
    if (status)
        return status;
    if (optind != argc || !request.teacher || !request.output)
        return tool_usage_error(
            "distill wants --teacher FILE.glsl and -o FILE.safetensors; smelt material distill "
            "--help tells more");
    struct teacher teacher = {0};
    smelt_context context = NULL;
    status = tool_check_apart(request.output, request.teacher);
    if (!status)
        status = tool_check_output(request.output);
    if (!status)
        status = teacher_read(request.teacher, request.inputs, request.input_count, &teacher);
    struct smelt_context_params params = {.device_name = request.device,
                                          .memory_budget = (uint64_t)request.memory << 20};
    if (!status && tool_context_with(&params, &context))
        status = tool_fail_smelt();
    if (!status)
        status = distill_with(context, &request, &teacher);
    smelt_context_destroy(&context);
    teacher_release(&teacher);
    return status;
}
