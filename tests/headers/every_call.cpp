// SPDX-License-Identifier: MIT
// Uses every public call from C++17, with designated values set member by member as C++17 has to. tests/lint.py
// checks that no function of include/smelt is missing here.
#include "../source.h"

#include <string>
#include <vector>

namespace
{

const char *const source = R"(#version 460
#include "smelt/base.glsl"
#include "smelt/op/net.glsl"
#include "extra.glsl"
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer call_block {
    net_weights net;
    float gain;
    uint64_t other;
};
layout(set = 0, binding = 0) uniform values { vec4 value; };
layout(set = 0, binding = 1) uniform texture2D picture;
layout(set = 0, binding = 2) uniform sampler filtering;
layout(push_constant, scalar) uniform push { call_block block; };
layout(local_size_x = 1) in;
void main()
{
    net_input x;
    smelt_set(x, 0, value.x + texture(sampler2D(picture, filtering), vec2(0.5)).x);
    smelt_set(x, 1, EXTRA);
    net_output y = net_run(block.net, x);
    if (smelt_get(y, 0) * block.gain == 12345.0 && block.other == 0)
        debugPrintf_free();
}
)";
const char *const extra = "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require\n"
                          "#define EXTRA 0.5\nvoid debugPrintf_free() {}\n";

const char *const material_source = R"(#version 460
#include "smelt/base.glsl"
#include "rock.glsl"
vec4 rock_fetch(rock_block b, uint index, vec2 uv, float lod) { return vec4(uv, lod, b.latent[index]); }
layout(push_constant, scalar) uniform push { rock_block block; };
layout(local_size_x = 1) in;
void main()
{
    if (rock_eval(block, vec2(0.5), 0.0).roughness == 12345.0)
        memoryBarrier();
}
)";

void log_line(void *user, smelt_log_level level, const char *line)
{
    (void)level;
    static_cast<std::string *>(user)->assign(line);
}

void names_and_values()
{
    CHECK(std::string(smelt_version()) == "0.1.0");
    CHECK(std::string(smelt_result_name(SMELT_ERROR_SHAPE)) == "SMELT_ERROR_SHAPE");
    CHECK(smelt_last_error() != nullptr);
    CHECK(smelt_dtype_bits(SMELT_DTYPE_I4) == 4);
    CHECK(smelt_dtype_from_name(smelt_dtype_name(SMELT_DTYPE_BF16)) == SMELT_DTYPE_BF16);
    CHECK(smelt_dtype_is_float(SMELT_DTYPE_F8E4M3) && smelt_dtype_size(SMELT_DTYPE_U4, 3) == 2);
    CHECK(smelt_f16_to_f32(smelt_f16_from_f32(1.5f)) == 1.5f);
    CHECK(smelt_bf16_to_f32(smelt_bf16_from_f32(1.5f)) == 1.5f);
    CHECK(smelt_f8e4m3_to_f32(smelt_f8e4m3_from_f32(1.5f)) == 1.5f);
    CHECK(smelt_f8e5m2_to_f32(smelt_f8e5m2_from_f32(1.5f)) == 1.5f);
    float one = 1;
    int8_t converted = 0;
    CHECK_OK(smelt_dtype_convert(SMELT_DTYPE_I8, &converted, SMELT_DTYPE_F32, &one, 1));
    CHECK(converted == 1);
    CHECK(smelt_backend_from_name(smelt_backend_name(SMELT_BACKEND_COOPVEC)) == SMELT_BACKEND_COOPVEC);
    CHECK(smelt_activation_from_name(smelt_activation_name(SMELT_ACTIVATION_GELU)) == SMELT_ACTIVATION_GELU);
    CHECK(std::string(smelt_semantic_name(SMELT_SEMANTIC_NORMAL)) == "normal");
    CHECK(std::string(smelt_device_type_name(VK_PHYSICAL_DEVICE_TYPE_CPU)) == "cpu");
    CHECK(smelt_memory_purpose_name(SMELT_MEMORY_HEAP) != nullptr);
    const char *module_name = nullptr;
    CHECK(smelt_module_text(0, &module_name) != nullptr);
}

void contexts()
{
    smelt_context context = test_context();
    struct smelt_context_handles handles = smelt_context_handles(context);
    CHECK(handles.device != nullptr);
    CHECK(smelt_context_capabilities(context)->subgroup_size > 0);
    CHECK(smelt_context_memory(context).budget == 0);
    CHECK(smelt_context_validation_messages(context) == 0);
    uint32_t count = 0;
    CHECK_OK(smelt_device_list(&count, nullptr));
    CHECK(count > 0);
    const smelt_feature_list *list = nullptr;
    CHECK_OK(smelt_feature_list_create(handles.get_instance_proc_addr, handles.instance,
                                       handles.physical_device, &list));
    VkPhysicalDeviceFeatures2 features = {};
    features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    smelt_feature_list_apply(list, &features);
    CHECK(features.pNext != nullptr);
    smelt_feature_list_destroy(&list);
    smelt_backend_query query = {};
    query.op = SMELT_OP_MLP;
    smelt_backend_choice choice = {};
    CHECK_OK(smelt_backend_choose(context, &query, &choice));
    CHECK_FAILS(smelt_backend_demote(context, SMELT_BACKEND_PORTABLE, "no"), SMELT_ERROR_INVALID_ARGUMENT,
                "");
    smelt_selftest_report report = {};
    CHECK_FAILS(smelt_selftest_and_wait(context, SMELT_BACKEND_AUTO, &report), SMELT_ERROR_INVALID_ARGUMENT,
                "");
    std::string line;
    smelt_context_params params = {};
    params.cache_directory = "";
    params.device_name = "no such device";
    params.log = log_line;
    params.log_user = &line;
    smelt_context other = nullptr;
    CHECK_FAILS(smelt_context_create(&params, &other), SMELT_ERROR_NO_DEVICE, "no such device");
    CHECK(!line.empty());
    smelt_context_destroy(&other);
}

// A command buffer on the context's queue, for the calls that record.
struct Recorder {
    struct smelt_context_handles h;
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    template <typename F> F call(const char *name)
    {
        return reinterpret_cast<F>(h.get_device_proc_addr(h.device, name));
    }
    explicit Recorder(smelt_context context) : h(smelt_context_handles(context))
    {
        VkCommandPoolCreateInfo pool_info = {};
        pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
        pool_info.queueFamilyIndex = h.queue_family;
        CHECK(!call<PFN_vkCreateCommandPool>("vkCreateCommandPool")(h.device, &pool_info, nullptr, &pool));
        VkCommandBufferAllocateInfo allocate = {};
        allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
        allocate.commandPool = pool;
        allocate.commandBufferCount = 1;
        CHECK(
            !call<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(h.device, &allocate, &commands));
        VkCommandBufferBeginInfo begin = {};
        begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
        CHECK(!call<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(commands, &begin));
    }
    void submit_and_wait()
    {
        CHECK(!call<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(commands));
        VkSubmitInfo info = {};
        info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        info.commandBufferCount = 1;
        info.pCommandBuffers = &commands;
        CHECK(!call<PFN_vkQueueSubmit>("vkQueueSubmit")(h.queue, 1, &info, VK_NULL_HANDLE));
        CHECK(!call<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(h.queue));
        call<PFN_vkDestroyCommandPool>("vkDestroyCommandPool")(h.device, pool, nullptr);
    }
};

void tensors()
{
    smelt_context context = test_context();
    smelt_heap_params heap_params = {};
    heap_params.size = 4096;
    VkMemoryRequirements requirements;
    CHECK_OK(smelt_heap_memory_requirements(context, heap_params.size, &requirements));
    smelt_heap heap = nullptr;
    CHECK_OK(smelt_heap_create(context, &heap_params, &heap));
    CHECK(smelt_heap_info(heap).size == 4096);
    smelt_tensor_params params = {};
    params.dtype = SMELT_DTYPE_F32;
    params.rank = 2;
    params.shape[0] = params.shape[1] = 4;
    uint64_t size = 0, alignment = 0;
    CHECK_OK(smelt_tensor_size_and_alignment(&params, &size, &alignment));
    CHECK(size == 64 && alignment >= 4);
    smelt_tensor a = nullptr, b = nullptr, slice = nullptr;
    params.heap = heap;
    CHECK_OK(smelt_tensor_create(context, &params, &a));
    params.heap = nullptr;
    CHECK_OK(smelt_tensor_create(context, &params, &b));
    const uint64_t origin[] = {1, 1}, shape[] = {2, 2};
    CHECK_OK(smelt_tensor_slice(a, origin, shape, &slice));
    CHECK(smelt_tensor_info(slice)->rank == 2 && smelt_tensor_element_count(slice) == 4);
    std::vector<float> in(16, 1.0f), out(16);
    CHECK_OK(smelt_tensor_write_and_wait(a, nullptr, in.data(), 64));
    Recorder recorder(context);
    smelt_encoder encoder = nullptr;
    CHECK_OK(smelt_encoder_create(context, nullptr, &encoder));
    smelt_recording_params recording = {};
    recording.commands = recorder.commands;
    CHECK_OK(smelt_encoder_begin(encoder, &recording));
    smelt_set_debug_name(context, VK_OBJECT_TYPE_COMMAND_BUFFER,
                         reinterpret_cast<uint64_t>(recorder.commands), "every call");
    smelt_begin_label(context, recorder.commands, "copy and fill");
    const uint32_t permutation[] = {1, 0};
    CHECK_OK(smelt_encode_copy(encoder, b, a, permutation));
    smelt_matmul2d_params product = {};
    product.a = a;
    CHECK(smelt_encode_matmul2d(encoder, &product) == SMELT_ERROR_INVALID_ARGUMENT);
    uint64_t scratch = 0;
    CHECK(smelt_matmul2d_scratch_size(&product, &scratch) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_convolution2d_params convolution = {};
    convolution.a = a;
    CHECK(smelt_encode_convolution2d(encoder, &convolution) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_reduction_params reduction = {};
    uint64_t scratch_size = 1;
    reduction.x = a;
    CHECK(smelt_reduction_scratch_size(&reduction, &scratch_size) == SMELT_ERROR_INVALID_ARGUMENT);
    CHECK(smelt_encode_reduction(encoder, &reduction) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_softmax_params softmax = {};
    softmax.x = a;
    CHECK(smelt_encode_softmax(encoder, &softmax) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_layer_norm_params layer_norm = {};
    layer_norm.x = a;
    CHECK(smelt_encode_layer_norm(encoder, &layer_norm) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_rms_norm_params rms_norm = {};
    rms_norm.x = a;
    CHECK(smelt_encode_rms_norm(encoder, &rms_norm) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_attention_params attention = {};
    attention.q = a;
    CHECK(smelt_encode_attention(encoder, &attention) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_elementwise_params elementwise = {};
    elementwise.y = a;
    CHECK(smelt_encode_elementwise(encoder, &elementwise) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_loss_params loss = {};
    loss.y = a;
    CHECK(smelt_encode_loss(encoder, &loss) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_layer_gradient_params layer = {};
    CHECK(smelt_encode_layer_gradient(encoder, &layer) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_learning_rate_params learning_rate = {};
    CHECK(smelt_encode_learning_rate(encoder, &learning_rate) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_adam_params adam = {};
    CHECK(smelt_encode_adam(encoder, &adam) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_sgd_params sgd = {};
    CHECK(smelt_encode_sgd(encoder, &sgd) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_average_params average = {};
    CHECK(smelt_encode_average(encoder, &average) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_trainer trainer = nullptr;
    smelt_trainer_params trained = {};
    CHECK(smelt_trainer_create(context, &trained, &trainer) != SMELT_OK);
    CHECK(smelt_trainer_run_and_wait(trainer, 1) == SMELT_ERROR_INVALID_ARGUMENT);
    CHECK(smelt_trainer_fine_tune_and_wait(trainer, SMELT_DTYPE_I8, 1, 1, 1) == SMELT_ERROR_INVALID_ARGUMENT);
    CHECK(smelt_trainer_info(trainer).batch == 0);
    CHECK(smelt_trainer_progress_and_wait(trainer, nullptr) == SMELT_ERROR_INVALID_ARGUMENT);
    CHECK(smelt_trainer_tensor(trainer, SMELT_TRAINER_WEIGHT, 0, 0) == nullptr);
    CHECK(smelt_trainer_read_state_and_wait(trainer, nullptr, 0) == SMELT_ERROR_INVALID_ARGUMENT);
    CHECK(smelt_trainer_write_state_and_wait(trainer, nullptr, 0) == SMELT_ERROR_INVALID_ARGUMENT);
    smelt_trainer_destroy(&trainer);
    CHECK(std::string(smelt_elementwise_name(SMELT_ELEMENTWISE_ADD)) == "add");
    CHECK(smelt_elementwise_operand_count(SMELT_ELEMENTWISE_ADD) == 2);
    smelt_tensor c = nullptr;
    CHECK_OK(smelt_tensor_create(context, &params, &c));
    CHECK_OK(smelt_encode_fill(encoder, c, 3.0));
    CHECK_OK(smelt_encoder_end(encoder));
    smelt_end_label(context, recorder.commands);
    recorder.submit_and_wait();
    smelt_encoder_destroy(&encoder);
    CHECK_OK(smelt_tensor_read_and_wait(c, nullptr, out.data(), 64));
    CHECK(out[5] == 3.0f);
    smelt_tensor_destroy(&c);
    smelt_tensor_destroy(&slice);
    smelt_tensor_destroy(&b);
    smelt_tensor_destroy(&a);
    smelt_heap_destroy(&heap);
}

struct Net {
    smelt_mlp_descriptor mlp = {};
    smelt_op op = {};
    smelt_virtual_file file = {"extra.glsl", extra};
    smelt_shader_params params = {};
    Net()
    {
        mlp.layer_count = 1;
        mlp.widths[0] = mlp.widths[1] = 2;
        mlp.backend = SMELT_BACKEND_PORTABLE;
        op.name = "net";
        op.kind = SMELT_OP_MLP;
        op.mlp = &mlp;
        params.path = "every_call.comp";
        params.source = source;
        params.ops = &op;
        params.op_count = 1;
        params.files = &file;
        params.file_count = 1;
    }
};

void shaders_and_arguments()
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no compiler");
    Net net;
    smelt_op_info info = {};
    CHECK_OK(smelt_op_query(context, &net.op, VK_SHADER_STAGE_COMPUTE_BIT, &info));
    const smelt_feature_list *needs = nullptr;
    CHECK_OK(smelt_op_feature_list_create(&info, &needs));
    smelt_feature_list_destroy(&needs);
    char *text = nullptr;
    CHECK_OK(smelt_op_glsl(context, &net.op, VK_SHADER_STAGE_COMPUTE_BIT, &text));
    smelt_free_text(&text);
    smelt_shader shader = nullptr, baked = nullptr;
    CHECK_OK(smelt_shader_create(context, &net.params, &shader));
    CHECK(smelt_shader_info(shader)->spirv_size > 0);
    CHECK(smelt_shader_block(shader, "call_block")->member_count >= 4);
    VkShaderModule module = VK_NULL_HANDLE;
    CHECK_OK(smelt_shader_module(shader, &module));

    uint32_t skipped = 0;
    CHECK_OK(
        smelt_bundle_write(&net.params, 1u << SMELT_BACKEND_PORTABLE, "every_call.safetensors", &skipped));
    CHECK_OK(smelt_shader_create_from_bundle(context, "every_call.safetensors", SMELT_BACKEND_AUTO, &baked));
    smelt_shader_destroy(&baked);
    std::vector<char> bytes(1 << 20);
    FILE *file = fopen("every_call.safetensors", "rb");
    CHECK(file != nullptr);
    size_t size = fread(bytes.data(), 1, bytes.size(), file);
    fclose(file);
    remove("every_call.safetensors");
    CHECK_OK(smelt_shader_create_from_bundle_memory(context, bytes.data(), size, SMELT_BACKEND_AUTO, &baked));
    smelt_shader_destroy(&baked);

    smelt_arguments_params params = {};
    params.shaders = &shader;
    params.shader_count = 1;
    params.descriptors = true;
    smelt_arguments arguments = nullptr;
    CHECK_OK(smelt_arguments_create(context, &params, &arguments));
    VkDescriptorSetLayout set_layout = smelt_arguments_set_layout(arguments);
    CHECK(smelt_arguments_descriptor_set(arguments, 0) != VK_NULL_HANDLE);
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    CHECK_OK(smelt_shader_create_compute_pipeline(shader, &set_layout, 1, nullptr, &layout, &pipeline));

    smelt_weights_layer layer = {};
    layer.rows = layer.columns = 2;
    layer.bias = true;
    smelt_weights_params weights_params = {};
    weights_params.layers = &layer;
    weights_params.layer_count = 1;
    weights_params.backend = SMELT_BACKEND_PORTABLE;
    smelt_weights weights = nullptr;
    CHECK_OK(smelt_weights_create(context, &weights_params, &weights));
    const uint16_t values[4] = {};
    const void *matrix = values, *bias = values;
    smelt_weights_data data = {};
    data.matrices = &matrix;
    data.biases = &bias;
    CHECK_OK(smelt_weights_update_and_wait(weights, &data));
    CHECK(smelt_weights_layer_count(weights) == 1 && smelt_weights_layer_info(weights, 0)->rows == 2);
    CHECK(!smelt_weights_scale(weights, 0) && !smelt_weights_zero(weights, 0));
    CHECK_FAILS(smelt_weights_create_from_package(context, &weights_params, nullptr, &weights),
                SMELT_ERROR_INVALID_ARGUMENT, "package is NULL");
    CHECK_FAILS(smelt_mlp_from_package(context, nullptr, "net", nullptr, nullptr, nullptr),
                SMELT_ERROR_INVALID_ARGUMENT, "package is NULL");

    smelt_tensor_params buffer = {};
    buffer.dtype = SMELT_DTYPE_F32;
    buffer.rank = 1;
    buffer.shape[0] = 4;
    smelt_tensor uniform = nullptr;
    CHECK_OK(smelt_tensor_create(context, &buffer, &uniform));
    CHECK_OK(smelt_arguments_set_buffer(arguments, "values", smelt_tensor_info(uniform)->buffer, 0, 16));
    CHECK_FAILS(smelt_arguments_set_texture(arguments, "none", 0, VK_NULL_HANDLE, VK_NULL_HANDLE,
                                            VK_IMAGE_LAYOUT_GENERAL),
                SMELT_ERROR_NOT_FOUND, "none");
    CHECK_FAILS(smelt_arguments_set_sampler(arguments, "none", 0, VK_NULL_HANDLE), SMELT_ERROR_NOT_FOUND,
                "none");
    uint32_t weight = 0, gain = 0;
    float one = 1;
    CHECK_OK(smelt_arguments_find(arguments, "net.layer0.weight", &weight));
    CHECK_OK(smelt_arguments_find(arguments, "gain", &gain));
    CHECK_OK(smelt_arguments_set_tensor_at(arguments, weight, smelt_weights_matrix(weights, 0)));
    CHECK_OK(smelt_arguments_set_tensor(arguments, "net.layer0.bias", smelt_weights_bias(weights, 0)));
    CHECK_OK(smelt_arguments_set_constant(arguments, "gain", &one, sizeof(one)));
    CHECK_OK(smelt_arguments_set_constant_at(arguments, gain, &one, sizeof(one)));
    CHECK_FAILS(smelt_arguments_set_address(arguments, "gain", 0), SMELT_ERROR_INVALID_ARGUMENT, "gain");
    CHECK_FAILS(smelt_arguments_check(arguments), SMELT_ERROR_NOT_READY, "picture");
    VkDeviceAddress address = 0;
    CHECK_FAILS(smelt_arguments_flush(arguments, 0, &address), SMELT_ERROR_NOT_READY, "picture");
    Recorder recorder(context);
    CHECK_FAILS(smelt_arguments_bind(arguments, recorder.commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout,
                                     VK_SHADER_STAGE_COMPUTE_BIT, 0),
                SMELT_ERROR_NOT_READY, "picture");
    CHECK_OK(smelt_weights_update(weights, recorder.commands, 1, &data));
    recorder.submit_and_wait();

    recorder.call<PFN_vkDestroyPipeline>("vkDestroyPipeline")(recorder.h.device, pipeline, nullptr);
    recorder.call<PFN_vkDestroyPipelineLayout>("vkDestroyPipelineLayout")(recorder.h.device, layout, nullptr);
    smelt_arguments_destroy(&arguments);
    smelt_tensor_destroy(&uniform);
    smelt_weights_destroy(&weights);
    smelt_shader_destroy(&shader);
}

void packages()
{
    const uint16_t half[2] = {0x3c00, 0x4000};
    struct smelt_package_tensor tensor = {};
    tensor.name = "x";
    tensor.dtype = SMELT_DTYPE_F16;
    tensor.dtype_name = "F16";
    tensor.rank = 1;
    tensor.shape[0] = 2;
    tensor.data = half;
    tensor.size = sizeof(half);
    smelt_metadata metadata = {"author", "test"};
    CHECK_OK(smelt_package_write("every_call.safetensors", &tensor, 1, "{\"kind\":\"other\"}", &metadata, 1));
    smelt_package package = nullptr;
    CHECK_OK(smelt_package_open("every_call.safetensors", &package));
    CHECK(std::string(smelt_package_name(package)) == "every_call.safetensors");
    CHECK(smelt_package_tensor_count(package) == 1);
    const struct smelt_package_tensor *first = smelt_package_tensor(package, 0);
    CHECK(first && first == smelt_package_find(package, "x"));
    CHECK(std::string(smelt_package_metadata(package, "author")) == "test");
    const char *key = nullptr, *value = nullptr;
    CHECK(smelt_package_metadata_at(package, 0, &key, &value));
    CHECK(std::string(smelt_package_kind(package)) == "other");
    CHECK_OK(smelt_package_verify(package));
    smelt_package_close(&package);
    remove("every_call.safetensors");
    CHECK_FAILS(smelt_package_open_memory("x", 1, "memory", &package), SMELT_ERROR_FORMAT, "memory");
}

void materials()
{
    smelt_context context = test_context();
    const std::string path = source_file("examples/materials/rock053.safetensors");
    smelt_material_params params = {};
    params.path = path.c_str();
    params.backend = SMELT_BACKEND_PORTABLE;
    smelt_material material = nullptr;
    CHECK_OK(smelt_material_create(context, &params, &material));
    CHECK(smelt_material_info(material)->channel_count == 5);
    CHECK(smelt_material_latent(material, 0) != VK_NULL_HANDLE);
    CHECK(smelt_material_sampler(material) != VK_NULL_HANDLE);
    CHECK_OK(smelt_material_upload_and_wait(material));
    char *text = nullptr;
    CHECK_OK(smelt_material_glsl(material, "rock", &text));
    Recorder recorder(context);
    CHECK_OK(smelt_material_update(material, recorder.commands, 1, nullptr, SMELT_MATERIAL_WEIGHTS));
    recorder.submit_and_wait();
    if (smelt_context_capabilities(context)->compiler) {
        smelt_virtual_file file = {"rock.glsl", text};
        smelt_shader_params shader_params = {};
        shader_params.path = "every_call.comp";
        shader_params.source = material_source;
        shader_params.files = &file;
        shader_params.file_count = 1;
        smelt_shader shader = nullptr;
        CHECK_OK(smelt_shader_create(context, &shader_params, &shader));
        smelt_arguments_params arguments_params = {};
        arguments_params.shaders = &shader;
        arguments_params.shader_count = 1;
        smelt_arguments arguments = nullptr;
        CHECK_OK(smelt_arguments_create(context, &arguments_params, &arguments));
        CHECK_OK(smelt_material_set_arguments(material, arguments, "", 7));
        CHECK_OK(smelt_arguments_check(arguments));
        smelt_arguments_destroy(&arguments);
        smelt_shader_destroy(&shader);
    }
    smelt_free_text(&text);
    smelt_material_destroy(&material);
}

const char *const step_source = R"(#version 460
#include "smelt/base.glsl"
#define SMELT_TENSOR step
#define SMELT_DTYPE SMELT_DTYPE_F32
#define SMELT_RANK 1
#define SMELT_ACCESS SMELT_ACCESS_READ_WRITE
#define SMELT_EXTENT0 0
#include "smelt/tensor_tmpl.glsl"
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer gains { float gain[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer step_block {
    step_f32_1_rw_0 x;
    gains extra;
};
layout(push_constant, scalar) uniform push { step_block block; float shift; };
layout(constant_id = 0) const uint COUNT = 1;
layout(local_size_x = 32) in;
void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i < smelt_extent(block.x, 0))
        smelt_store(block.x, i, smelt_load(block.x, i) + block.extra.gain[0] * COUNT + shift);
}
)";

void finished(void *user, smelt_result result)
{
    CHECK(result == SMELT_OK);
    ++*static_cast<int *>(user);
}

void profiles(smelt_encoder encoder)
{
    const smelt_profile_node *nodes = nullptr;
    uint32_t count = 0;
    uint64_t begin = 0, end = 0;
    if (!smelt_context_capabilities(test_context())->timestamp_period) {
        CHECK(smelt_encoder_gpu_time(encoder, &begin, &end) == SMELT_ERROR_UNSUPPORTED);
        return;
    }
    CHECK_OK(smelt_encoder_gpu_time(encoder, &begin, &end));
    CHECK(begin <= end);
    CHECK_OK(smelt_encoder_profile(encoder, &nodes, &count));
    CHECK(count == 4 && std::string(nodes[0].label) == "first");
    CHECK_OK(smelt_profile_write_trace(nodes, count, "every_call.json"));
    remove("every_call.json");
    char *text = nullptr;
    CHECK_OK(smelt_profile_table(nodes, count, &text));
    CHECK(std::string(text).find("first") != std::string::npos);
    smelt_free_text(&text);
}

void encoders()
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no compiler");
    smelt_shader_params shader_params = {};
    shader_params.path = "step.comp";
    shader_params.source = step_source;
    smelt_shader shader = nullptr;
    CHECK_OK(smelt_shader_create(context, &shader_params, &shader));
    smelt_pipeline_params pipeline_params = {};
    pipeline_params.shader = shader;
    smelt_pipeline pipeline = nullptr, three = nullptr;
    CHECK_OK(smelt_pipeline_create(context, &pipeline_params, &pipeline));
    CHECK(smelt_pipeline_info(pipeline)->argument_count == 3);
    smelt_constant constant = {"COUNT", 3};
    CHECK_OK(smelt_pipeline_specialize(pipeline, &constant, 1, &three));
    uint32_t x = 0, extra = 0, shift = 0;
    CHECK_OK(smelt_pipeline_find(pipeline, "x", &x));
    CHECK_OK(smelt_pipeline_find(pipeline, "extra", &extra));
    CHECK_OK(smelt_pipeline_find(pipeline, "shift", &shift));
    smelt_tensor_params tensor_params = {};
    tensor_params.dtype = SMELT_DTYPE_F32;
    tensor_params.rank = 1;
    tensor_params.shape[0] = 64;
    smelt_tensor tensor = nullptr, gains = nullptr;
    CHECK_OK(smelt_tensor_create(context, &tensor_params, &tensor));
    CHECK_OK(smelt_tensor_create(context, &tensor_params, &gains));
    const std::vector<float> ones(64, 1.0f);
    CHECK_OK(smelt_tensor_write_and_wait(tensor, nullptr, ones.data(), 256));
    CHECK_OK(smelt_tensor_write_and_wait(gains, nullptr, ones.data(), 256));

    smelt_encoder_params params = {};
    params.check = params.profile = true;
    smelt_encoder encoder = nullptr, part = nullptr;
    CHECK_OK(smelt_encoder_create(context, &params, &encoder));
    params.profile = false;
    CHECK_OK(smelt_encoder_create(context, &params, &part));
    smelt_recording_params recording = {};
    recording.label = "every call";
    CHECK_OK(smelt_encoder_begin(encoder, &recording));
    CHECK(smelt_encoder_commands(encoder) != nullptr);
    const float two = 2, half = 0.5f;
    smelt_buffer_range range = {};
    range.buffer = smelt_tensor_info(gains)->buffer;
    range.offset = smelt_tensor_info(gains)->buffer_offset;
    range.size = 256;
    range.access = SMELT_ACCESS_READ;
    CHECK_OK(smelt_encoder_set_pipeline(encoder, pipeline));
    CHECK_OK(smelt_encoder_set_tensor(encoder, "x", tensor));
    CHECK_OK(smelt_encoder_set_tensor_at(encoder, x, tensor));
    CHECK_OK(smelt_encoder_set_bytes(encoder, "extra", &two, 4));
    CHECK_OK(smelt_encoder_set_buffer(encoder, "extra", &range));
    CHECK_OK(smelt_encoder_set_buffer_at(encoder, extra, &range));
    CHECK_OK(smelt_encoder_set_bytes_at(encoder, shift, &half, 4));
    CHECK_OK(smelt_encoder_set_label(encoder, "first"));
    CHECK_FAILS(smelt_encoder_set_descriptors(encoder, 0, VK_NULL_HANDLE), SMELT_ERROR_INVALID_ARGUMENT,
                "has 0");
    CHECK_OK(smelt_encoder_set_operation(encoder, SMELT_OPERATION_OTHER));
    CHECK(std::string(smelt_operation_name(SMELT_OPERATION_OTHER)) == "other");
    CHECK_OK(smelt_encoder_dispatch_threads(encoder, 64, 1, 1)); // 1 + 1 + 0.5
    CHECK_OK(smelt_encoder_barrier(encoder, nullptr));
    CHECK_OK(smelt_encoder_dispatch_groups(encoder, 2, 1, 1)); // 4
    CHECK_OK(smelt_encoder_barrier_between(encoder, &tensor, 1, &tensor, 1));
    smelt_argument argument = {};
    argument.name = "x";
    argument.tensor = tensor;
    smelt_encode_params encode = {};
    encode.pipeline = three;
    encode.arguments = &argument;
    encode.argument_count = 1;
    encode.kind = SMELT_DISPATCH_THREADS;
    encode.size[0] = 64;
    CHECK_OK(smelt_encoder_encode(encoder, &encode)); // 7.5
    CHECK_FAILS(smelt_encoder_dispatch_indirect(encoder, VK_NULL_HANDLE, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "null");
    recording.part = true;
    CHECK_OK(smelt_encoder_begin(part, &recording));
    CHECK_OK(smelt_encoder_set_pipeline(part, pipeline));
    CHECK_OK(smelt_encoder_set_tensor_at(part, x, tensor));
    CHECK_OK(smelt_encoder_set_buffer_at(part, extra, &range));
    CHECK_OK(smelt_encoder_set_bytes(part, "shift", &half, 4));
    CHECK_OK(smelt_encoder_dispatch_groups(part, 2, 1, 1)); // 9
    CHECK_OK(smelt_encoder_end(part));
    CHECK_OK(smelt_encoder_execute(encoder, &part, 1));
    CHECK_OK(smelt_encoder_check_hazards(encoder));
    int calls = 0;
    smelt_commit_params commit = {};
    commit.completion = finished;
    commit.user = &calls;
    CHECK_OK(smelt_encoder_commit(encoder, &commit));
    CHECK(smelt_encoder_semaphore(encoder).value == 1);
    CHECK_OK(smelt_encoder_wait(encoder));
    CHECK_OK(smelt_encoder_poll(encoder));
    CHECK(calls == 1 && smelt_encoder_counters(encoder).dispatches == 4);
    profiles(encoder);
    smelt_encoder_reset_counters(encoder);
    CHECK_OK(smelt_encoder_begin(encoder, nullptr));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    std::vector<float> out(64);
    CHECK_OK(smelt_tensor_read_and_wait(tensor, nullptr, out.data(), 256));
    CHECK(out[0] == 9.0f && out[63] == 9.0f);
    smelt_encoder_destroy(&part);
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&gains);
    smelt_tensor_destroy(&tensor);
    smelt_pipeline_destroy(&pipeline);
    smelt_shader_destroy(&shader);
}

void graphs()
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    smelt_tensor_params shape = {};
    shape.dtype = SMELT_DTYPE_F32;
    shape.rank = 1;
    shape.shape[0] = 8;
    shape.name = "x";
    smelt_tensor x = nullptr, other = nullptr;
    CHECK_OK(smelt_tensor_create(context, &shape, &x));
    CHECK_OK(smelt_tensor_create(context, &shape, &other));
    smelt_encoder encoder = nullptr;
    CHECK_OK(smelt_encoder_create(context, nullptr, &encoder));
    CHECK_OK(smelt_encode_fill(encoder, x, 2.0));
    smelt_elementwise_step step = {};
    step.operation = SMELT_ELEMENTWISE_ADD;
    step.operands[1] = SMELT_ELEMENTWISE_VALUE;
    step.value = 1;
    smelt_elementwise_params params = {};
    params.inputs[0] = x;
    params.input_count = 1;
    params.steps = &step;
    params.step_count = 1;
    params.y = x;
    CHECK_OK(smelt_encoder_start_capture(encoder));
    CHECK(smelt_encoder_is_capturing(encoder));
    CHECK_OK(smelt_encode_elementwise(encoder, &params));
    smelt_graph_params taken = {};
    taken.outputs = &x;
    taken.output_count = 1;
    smelt_graph graph = nullptr;
    CHECK_OK(smelt_encoder_take_capture(encoder, &taken, &graph));
    CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    const char *node = "smelt elementwise";
    float three = 3, out[8];
    CHECK_OK(smelt_tensor_read_and_wait(x, nullptr, out, sizeof(out)));
    CHECK(out[7] == 4.0f);
    CHECK_OK(smelt_graph_set_tensor(graph, node, "inputs[0]", other));
    CHECK_OK(smelt_graph_replace_tensor(graph, "x", x));
    CHECK_OK(smelt_graph_set_bytes(graph, node, "steps[0].value", &three, sizeof(three)));
    smelt_buffer_range range = {};
    CHECK_FAILS(smelt_graph_set_buffer(graph, node, "y", &range), SMELT_ERROR_NOT_FOUND, "\"y\"");
    CHECK_FAILS(smelt_graph_set_descriptors(graph, node, 0, VK_NULL_HANDLE), SMELT_ERROR_INVALID_ARGUMENT,
                "set 0");
    CHECK_FAILS(smelt_graph_set_groups(graph, node, 1, 1, 1), SMELT_ERROR_INVALID_ARGUMENT, "a call");
    smelt_graph_counts counts = {};
    CHECK_OK(smelt_graph_count(graph, &counts));
    CHECK(counts.dispatches == 1 && counts.replays == 2);
    char *text = nullptr;
    CHECK_OK(smelt_graph_describe(graph, SMELT_GRAPH_DOT, true, &text));
    smelt_free_text(&text);
    CHECK_FAILS(smelt_graph_save(graph, "/nowhere/graph.json"), SMELT_ERROR_IO, "nowhere");
    CHECK_FAILS(smelt_graph_describe_file(context, "/nowhere/graph.json", SMELT_GRAPH_TEXT, false, &text),
                SMELT_ERROR_NOT_FOUND, "nowhere");
    smelt_graph_destroy(&graph);
    // A transient tensor, seen whole and as a view, in a heap and bound to one with memory.
    smelt_tensor transient = nullptr, view = nullptr;
    CHECK_OK(smelt_tensor_create_transient(context, &shape, &transient));
    CHECK_OK(smelt_tensor_view(transient, 0, &shape, &view));
    CHECK_OK(smelt_encoder_start_capture(encoder));
    CHECK_OK(smelt_encode_fill(encoder, transient, 5.0));
    CHECK_OK(smelt_encode_copy(encoder, x, view, nullptr));
    CHECK_OK(smelt_encoder_take_capture(encoder, &taken, &graph));
    smelt_graph_memory memory = {};
    CHECK_OK(smelt_graph_plan_memory(graph, &memory));
    CHECK(memory.size == 32 && memory.lower_bound == 32);
    smelt_heap_params heap_params = {};
    heap_params.size = memory.size;
    smelt_heap heap = nullptr;
    CHECK_OK(smelt_heap_create(context, &heap_params, &heap));
    CHECK_OK(smelt_graph_set_heap(graph, heap, 0));
    CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_graph_bind(graph, transient, other));
    CHECK_OK(smelt_encoder_replay(encoder, graph));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(x, nullptr, out, sizeof(out)));
    CHECK(out[7] == 5.0f);
    CHECK_OK(smelt_tensor_read_and_wait(other, nullptr, out, sizeof(out)));
    CHECK(out[7] == 5.0f);
    smelt_graph_destroy(&graph);
    smelt_heap_destroy(&heap);
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&view);
    smelt_tensor_destroy(&transient);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&other);
}

void networks()
{
    smelt_context context = test_context();
    if (!smelt_context_capabilities(context)->compiler)
        SKIP("this build has no GLSL compiler");
    const char *description =
        R"({"format":1,"kind":"network","opset":25,"name":"n","storage":"f32",)"
        R"("inputs":[{"name":"x","dtype":"f32","shape":["N"]}],"outputs":["y"],"constants":[],"nodes":)"
        R"([{"op":"Relu","name":"r","inputs":["x"],"outputs":["y"],"attributes":{}}]})";
    CHECK_OK(smelt_package_write("every_network.safetensors", nullptr, 0, description, nullptr, 0));
    smelt_package package = nullptr;
    CHECK_OK(smelt_package_open("every_network.safetensors", &package));
    smelt_network_input input = {};
    input.name = "x";
    input.rank = 1;
    input.shape[0] = 4;
    smelt_network_params params = {};
    params.inputs = &input;
    params.input_count = 1;
    smelt_network network = nullptr;
    CHECK_OK(smelt_network_create(context, package, &params, &network));
    input.shape[0] = 2;
    CHECK_OK(smelt_network_reshape(network, &input, 1));
    const struct smelt_network_info *info = smelt_network_info(network);
    CHECK(info->outputs[0].shape[0] == 2 && info->intermediates_size == 0);
    smelt_tensor_params shape = {};
    shape.dtype = info->inputs[0].dtype;
    shape.rank = 1;
    shape.shape[0] = 2;
    smelt_tensor x = nullptr, y = nullptr;
    CHECK_OK(smelt_tensor_create(context, &shape, &x));
    CHECK_OK(smelt_tensor_create(context, &shape, &y));
    const float in[2] = {-1, 2};
    float out[2] = {};
    CHECK_OK(smelt_tensor_write_and_wait(x, nullptr, in, sizeof(in)));
    smelt_network_argument arguments[2] = {};
    arguments[0].name = "x";
    arguments[0].tensor = x;
    arguments[1].name = "y";
    arguments[1].tensor = y;
    smelt_network_dispatch dispatch = {};
    dispatch.arguments = arguments;
    dispatch.argument_count = 2;
    smelt_encoder encoder = nullptr;
    CHECK_OK(smelt_encoder_create(context, nullptr, &encoder));
    CHECK_OK(smelt_encoder_dispatch_network(encoder, network, &dispatch));
    CHECK_OK(smelt_encoder_commit_and_wait(encoder));
    CHECK_OK(smelt_tensor_read_and_wait(y, nullptr, out, sizeof(out)));
    CHECK(out[0] == 0 && out[1] == 2);
    CHECK_FAILS(smelt_encode_network_weight(encoder, network, "w", x), SMELT_ERROR_NOT_FOUND, "\"w\"");
    char *listing = nullptr;
    CHECK_OK(smelt_network_describe(network, SMELT_GRAPH_TEXT, &listing));
    CHECK(listing && std::string(listing).find("Relu") != std::string::npos);
    smelt_free_text(&listing);
    smelt_image image = nullptr;
    smelt_image_params no_view = {};
    smelt_image_map map = {};
    CHECK_FAILS(smelt_image_create(context, &no_view, &image), SMELT_ERROR_INVALID_ARGUMENT, "view");
    CHECK_FAILS(smelt_encode_image_load(encoder, x, image, &map), SMELT_ERROR_SHAPE, "another shape");
    CHECK_FAILS(smelt_encode_image_store(encoder, image, x, &map), SMELT_ERROR_SHAPE, "another shape");
    smelt_image_destroy(&image);
    smelt_deferred deferred = nullptr;
    smelt_deferred_params no_groups = {};
    no_groups.width = no_groups.height = 4;
    CHECK_FAILS(smelt_deferred_create(context, &no_groups, &deferred), SMELT_ERROR_INVALID_ARGUMENT,
                "group_count");
    CHECK_FAILS(smelt_encode_deferred(encoder, deferred, image, nullptr), SMELT_ERROR_INVALID_ARGUMENT,
                "deferred");
    smelt_deferred_destroy(&deferred);
    CHECK_FAILS(smelt_encode_bc7(encoder, x, x), SMELT_ERROR_DTYPE, "wanted u8");
    CHECK(smelt_barrier_between(SMELT_STAGE_MACHINE_LEARNING, SMELT_STAGE_FRAGMENT).source_stages != 0);
    smelt_encoder_destroy(&encoder);
    smelt_tensor_destroy(&x);
    smelt_tensor_destroy(&y);
    smelt_network_destroy(&network);
    smelt_package_close(&package);
    remove("every_network.safetensors");
}

const struct test tests[] = {
    {"names and values", names_and_values},
    {"contexts", contexts},
    {"tensors", tensors},
    {"shaders and arguments", shaders_and_arguments},
    {"packages", packages},
    {"materials", materials},
    {"encoders", encoders},
    {"graphs", graphs},
    {"networks", networks},
};

} // namespace

TEST_MAIN(tests)
