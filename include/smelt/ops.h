// SPDX-License-Identifier: MIT
// Op descriptors: the same fields as the GLSL templates, so that host and shader cannot disagree. An op has a
// name; a shader compiled with it (smelt_shader_params.ops) finds its generated instance as
//     #include "smelt/op/NAME.glsl"
#ifndef SMELT_OPS_H
#define SMELT_OPS_H

#include "context.h"
#include "tensor.h"

SMELT_BEGIN

// Values are shared with glsl/smelt/activation.glsl. Names in files are tiny-cuda-nn's, lower case.
enum smelt_activation {
    SMELT_ACTIVATION_NONE = 0,
    SMELT_ACTIVATION_RELU = 1,
    SMELT_ACTIVATION_LEAKY_RELU = 2, // slope 0.01
    SMELT_ACTIVATION_SILU = 3,
    SMELT_ACTIVATION_GELU = 4, // tanh form, Hendrycks and Gimpel 2016, section 2
    SMELT_ACTIVATION_SIGMOID = 5,
    SMELT_ACTIVATION_TANH = 6,
    SMELT_ACTIVATION_EXP = 7,
    SMELT_ACTIVATION_SOFTPLUS = 8,
    SMELT_ACTIVATION_SINE = 9,
    SMELT_ACTIVATION_COUNT = 10,
};
// "none", "relu", "leaky_relu", ...; "invalid" for unknown values. Static storage.
SMELT_API const char *smelt_activation_name(enum smelt_activation activation);
// SMELT_ACTIVATION_COUNT when there is no such name.
SMELT_API enum smelt_activation smelt_activation_from_name(const char *name);

// Scales of blocks of a quantised matrix. Values are shared with glsl/smelt/base.glsl.
enum smelt_scale {
    SMELT_SCALE_NONE = 0,
    SMELT_SCALE_F32 = 1,
    SMELT_SCALE_F16 = 2,
    SMELT_SCALE_UE8M0 = 3, // 2^(bits - 127) in a tensor of u8 (OCP microscaling formats 1.0); 255: NaN
    SMELT_SCALE_COUNT = 4,
};
// What stands beside a scale s; q is the stored element.
enum smelt_zero {
    SMELT_ZERO_NONE = 0,   // s q
    SMELT_ZERO_POINT = 1,  // (q - z) s, z of the stored type, an integer
    SMELT_ZERO_OFFSET = 2, // s q + z, z of the type of s, f32 or f16
    SMELT_ZERO_COUNT = 3,
};

// d[m][n] = activation(sum_k a[m][k] b[k][n] + bias[n]).
//
// THREAD: `a` and `d` live in the invocation (inline tensors), `b` and `bias` in device memory. See
// glsl/smelt/matmul2d_tmpl.glsl for what the instance makes and for its error bound. The generated include also makes
// the inline tensor types NAME_left ([m][k] of `computed`, of `stored_left` for integer products) and NAME_result ([m][n]
// of `accumulated`).
//
// SUBGROUP, WORKGROUP (compute): a subgroup or a whole workgroup computes an m x n tile of a product of two tensors
// in device memory into a cooperative tensor, by PORTABLE, DOT8, COOPMAT or COOPMAT2.
// See glsl/smelt/matmul2d_cooperative_tmpl.glsl. The generated include
// also defines NAME_WORKGROUP_SIZE (WORKGROUP: what the local size must be; SUBGROUP: what it must be a multiple of;
// a y and z size of 1), NAME_TILE_M, NAME_TILE_N, and, unless the macro NAME_SCRATCH names a `shared uvec4` array
// already, an array of its own (SUBGROUP: for NAME_SUBGROUPS subgroups in a workgroup; define it before, 1 else).
struct smelt_matmul2d_descriptor {
    enum smelt_scope scope;
    uint32_t m; // THREAD: rows that one invocation computes, 1 to 16 (0: 1). Else rows of the tile, to 1024
    uint32_t n, k;        // THREAD: each 1 to 1024. Else columns of the tile, to 1024, and terms of the sum.
                          // n, and with transpose_left m, is then a multiple of 8 (of i8: 16).
                          // m and n both 0: chosen for the device. k 0: the left operand's extent at run time
    bool transpose_right; // `b` is stored [n][k]: a weight [out][in]. COOPVEC takes no other
    bool accumulate;      // d = activation(d + ...); SUBGROUP, WORKGROUP: run adds to d, finish is separate
    bool bias;
    enum smelt_activation activation;
    // stored: of b: f32 f16 bf16 f8e4m3 f8e5m2 i8 u8 i4 u4. NONE: f16. bias is of it too, but where it is an integer or has
    // scales: of `accumulated`.
    // computed: f16 (not with stored f32 or bf16) or f32. SUBGROUP, WORKGROUP: or what both operands are stored as, bf16,
    // f8e4m3, f8e5m2: by matrices of that type, or (PORTABLE) in f32, f16, which hold the products as exactly. i8: integer
    // products of a in i8 or u8 and b in i8, u8, i4 or u4, in any mix. NONE: i8 where both are such and have no scales; else
    // see smelt_backend_query.
    // accumulated: f16 or f32; f32 with computed f32 or bf16; i32 with i8. NONE: f16 with computed f16, i32 with i8, else f32
    enum smelt_dtype stored, computed, accumulated;
    // of stored i8, u8, i4, u4, f8e4m3, f8e5m2: see glsl/smelt/matmul2d_scaled_tmpl.glsl
    enum smelt_scale scale;
    uint32_t block; // terms with one scale, 1 to 2^30; not below k: one for each column. Without scale: 0
    enum smelt_zero zero;
    enum smelt_backend backend;
    // of a. NONE: as stored; with scales f16. THREAD: i8 or u8 for integer products, else NONE: a is of `computed`
    enum smelt_dtype stored_left;
    // The rest is for SUBGROUP and WORKGROUP; THREAD wants zeros.
    bool transpose_left; // `a` is stored [k][m]
    bool epilogue;       // the shader declares `float NAME_element(float v, uvec2 place)` before
    // a and b of f32 and bf16 may be rounded to f16, for matrices: computed f16 (what NONE then is) and, NONE: f32, accumulated.
    // Elements below 65504; the bound says what it costs
    bool relaxed;
    uint32_t alignment; // promise, in elements: 1, 2, 4, 8 or 16 (see the module). 0: 1
    // promise: elements of a row of a, and of b, follow each other, which an alignment above 1 says too
    bool dense;
    uint32_t tile_k; // terms in shared memory at a time, a multiple of 8 (of i8: 16), to 256. 0: chosen
    // Products of integers: d[m][n] = ... + sum_k (a[m][k] - x) (b[k][n] - y[n]) of `int NAME_zero_left()` and
    // `int NAME_zero_right(uint column)`, which the shader declares before; the latter also answers for columns outside
    bool zero_points;
    uint32_t subgroups_m, subgroups_n; // WORKGROUP: subgroups over the tile. Both 0: chosen. SUBGROUP: 0 or 1
    uint32_t subgroup_size;            // 0: the device's
};

#define SMELT_MLP_MAX_LAYERS 8

// A multilayer perceptron: layer i maps widths[i] to widths[i + 1] by activation(W x + b) with W stored [out][in]
// row-major. THREAD: any stage, see glsl/smelt/mlp_tmpl.glsl.
//
// SUBGROUP, WORKGROUP (compute): the invocations of a workgroup evaluate their samples together, with the weights in
// shared memory: all of them (SUBGROUP), or those of a layer at a time (WORKGROUP, for networks that do not fit), by
// PORTABLE, COOPMAT or COOPMAT2. See glsl/smelt/mlp_cooperative_tmpl.glsl. The same weights bind at every scope. The
// generated include also defines NAME_WORKGROUP_SIZE, which the local size must be (a y and z size of 1), and, unless
// the macro NAME_SCRATCH names a `shared uvec4` array already, an array of its own.
struct smelt_mlp_descriptor {
    uint32_t layer_count;                      // 1 to SMELT_MLP_MAX_LAYERS
    uint32_t widths[SMELT_MLP_MAX_LAYERS + 1]; // each 1 to 1024; SUBGROUP, WORKGROUP: to 256
    enum smelt_activation activations[SMELT_MLP_MAX_LAYERS];
    bool no_bias;
    enum smelt_dtype stored, computed, accumulated; // as in smelt_matmul2d_descriptor
    enum smelt_backend backend;
    enum smelt_scope scope;
    // of an invocation, evaluated at once: 1, 2 or 4 (0: 1). More share each read of a weight
    uint32_t samples;
    // SUBGROUP, WORKGROUP; THREAD wants zeros.
    uint32_t subgroups;     // of the workgroup, to 64. 0: chosen
    uint32_t subgroup_size; // 0: the device's
};

// Slowest dimension first: n batch, h height, w width, c channels; o output channels, i input channels.
enum smelt_image_layout {
    SMELT_IMAGE_NHWC = 0,
    SMELT_IMAGE_NCHW = 1,
};
// In the first three, i is input channels / groups and o all output channels; in IOHW i is all input channels and o is
// output channels / groups, as transposed convolutions come.
enum smelt_weight_layout {
    SMELT_WEIGHT_HWIO = 0,
    SMELT_WEIGHT_OHWI = 1,
    SMELT_WEIGHT_OIHW = 2,
    SMELT_WEIGHT_IOHW = 3,
};

// d[n][y][x][o] = sum over ky, kx, i of a[n][Y][X][g i_count + i] b[ky][kx][i][o], for the group g of o, where
// Y = y stride_y - padding_top + ky dilation_y, X likewise, and what lies outside the image counts as 0; transposed:
// over the ky, kx, Y, X with y = Y stride_y - padding_top + ky dilation_y. d has
//     (h + padding_top + padding_bottom - (kernel_h - 1) dilation_y - 1) / stride_y + 1 rows, transposed
//     (h - 1) stride_y + (kernel_h - 1) dilation_y + 1 + output_padding_y - padding_top - padding_bottom.
struct smelt_convolution2d_geometry {
    uint32_t stride_y, stride_x;     // 0: 1
    uint32_t dilation_y, dilation_x; // 0: 1
    uint32_t padding_top, padding_left, padding_bottom, padding_right;
    uint32_t output_padding_y, output_padding_x; // transposed only
    uint32_t groups;                             // 0: 1
    bool transposed;
};

// A convolution of an image `a` by a weight `b` in device memory, by PORTABLE, or at SUBGROUP and WORKGROUP scope by what
// matmul2d has there. See glsl/smelt/convolution2d_tmpl.glsl for what the instance makes. THREAD: an invocation
// computes n channels of one pixel, in any stage. SUBGROUP, WORKGROUP (compute): the group computes a tile of m pixels
// by n channels. The generated include then also defines NAME_WORKGROUP_SIZE, NAME_TILE_M, NAME_TILE_N and the scratch,
// as that of a matmul2d does.
struct smelt_convolution2d_descriptor {
    enum smelt_scope scope;
    struct smelt_convolution2d_geometry geometry; // each field at most 2^15
    enum smelt_image_layout image_layout;         // of a and of what is stored
    enum smelt_weight_layout weight_layout;
    // of b (channels: i, of a group), to 2^15. 0: its extents at run time
    uint32_t kernel_h, kernel_w, channels;
    bool bias;
    bool epilogue; // the shader declares `float NAME_element(float v, uvec4 place)` before
    enum smelt_activation activation;
    // of a: f32 f16 bf16 f8e4m3 f8e5m2, i8 u8 for integer products. NONE: as stored
    enum smelt_dtype stored_left;
    enum smelt_dtype stored;                // of b and bias; of integers bias is i32. NONE: f16
    enum smelt_dtype computed, accumulated; // as in smelt_matmul2d_descriptor
    // Products of integers, i8 and u8 in any mix: d = sum of (a - x) (b - y[o]), and what lies outside the image counts as x,
    // of `int NAME_zero_image()` and `int NAME_zero_weight(uint channel)`, which the shader declares before; the latter also
    // answers for channels beyond d. The epilogue is then of int
    bool zero_points;
    enum smelt_backend backend;
    uint32_t alignment, weight_alignment; // promises, in elements: 1, 2, 4 or 8 (see the module). 0: 1
    uint32_t n;     // THREAD: 1 to 32 (0: 8). Else channels of the tile, a multiple of 8, to 1024
    bool depthwise; // THREAD: groups is the number of channels, of a and of d
    // The rest is for SUBGROUP and WORKGROUP; THREAD wants zeros.
    uint32_t m; // pixels of the tile, to 1024 (NCHW: a multiple of 8). m and n both 0: chosen for the device
    bool accumulate;     // run adds to d
    bool weight_strided; // b may have any strides; else it is packed
    // promise: channels of a group are a multiple of tile_k, output channels of a group one of n, the kernel has at most 32
    // taps, and transposed has strides of 1. NHWC with HWIO or OHWI of f16, alignment and weight_alignment 8; then b may have
    // any strides that are multiples of 8. Matrices walk over the taps, which is faster
    bool whole;
    bool relaxed;                                             // as in smelt_matmul2d_descriptor
    uint32_t tile_k, subgroups_m, subgroups_n, subgroup_size; // as in smelt_matmul2d_descriptor
};

// An op with its name, for a shader. Exactly the descriptor that `kind` names is set.
struct smelt_op {
    const char *name; // a GLSL identifier without "__" and not beginning with "gl_" or "smelt_"
    enum smelt_op_kind kind;
    const struct smelt_matmul2d_descriptor *matmul2d;
    const struct smelt_mlp_descriptor *mlp;
    const struct smelt_convolution2d_descriptor *convolution2d;
    const struct smelt_reduction_descriptor *reduction; // this and the next three: reduce.h
    const struct smelt_softmax_descriptor *softmax;
    const struct smelt_layer_norm_descriptor *layer_norm;
    const struct smelt_rms_norm_descriptor *rms_norm;
};

// How a matmul2d of SUBGROUP or WORKGROUP scope is laid out. Of an mlp: m samples of a subgroup at a time, k rows of a weight
// in shared memory (SUBGROUP: 0), subgroups_m of the workgroup, n 0, subgroups_n 1; fragments of PORTABLE are 1.
struct smelt_matmul2d_tiling {
    uint32_t m, n, k; // tile; k: in shared memory at a time
    uint32_t subgroups_m, subgroups_n, subgroup_size;
    // COOPMAT2: 1 when matrices are loaded straight from device memory by tensor addressing
    uint32_t addressed;
    // COOPMAT: the device's matrix; COOPMAT2: what one matrix holds; PORTABLE: of an invocation
    uint32_t fragment_m, fragment_n, fragment_k;
    // smelt_encode_convolution2d: subgroups that share the sums of a tile; 0: they do not.
    uint32_t subgroups_k;
    // smelt_encode_convolution2d: the m pixels are a rectangle of so many columns, whose part of the image stays in shared
    // memory for all taps; 0: they are m in order.
    uint32_t columns;
};

// What an op will be on this device, and what the caller's pipeline must have.
struct smelt_op_info {
    struct smelt_backend_choice choice;
    // |y - exact| <= error_c * error_u * (sum |a||b| + |bias|), per layer; c = c(K), of matmul2d with k 0 that of K = 2^20.
    // Products of i8 are exact modulo 2^32: 0 and 0
    double error_c, error_u;
    // SUBGROUP and WORKGROUP; THREAD: zeros, anything will do.
    struct smelt_matmul2d_tiling tiling;
    // WORKGROUP, mlp: invocations there must be; SUBGROUP: there must be a multiple of
    uint32_t workgroup_size;
    uint32_t scratch_size; // bytes of shared memory for each group; mlp: for the workgroup
    // Chain it into VkPipelineShaderStageCreateInfo unless its requiredSubgroupSize is 0.
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup_size;
    VkPipelineShaderStageCreateFlags stage_flags;
    // What the device must have enabled: a set for smelt_op_feature_list_create; and the SPIR-V capabilities that a shader
    // with the op declares at most (those of the shader's own code come on top).
    uint64_t features;
    uint32_t capabilities[24], capability_count;
};

// Validates and chooses. `context` NULL as in smelt_backend_choose; SUBGROUP and WORKGROUP then assume subgroups of 32,
// matrices of 16 x 16 x 16 and 32 KiB of shared memory. `stage` 0: compute.
// Errors: INVALID_ARGUMENT (names the field, its value and what is allowed), DTYPE, UNSUPPORTED. Thread-safe.
SMELT_API enum smelt_result smelt_op_query(smelt_context context, const struct smelt_op *op,
                                           VkShaderStageFlagBits stage, struct smelt_op_info *info);

// The features and extensions that a shader with the op needs, as a chain for VkDeviceCreateInfo or to be joined with the
// caller's by smelt_feature_list_apply: that of the op alone, so a context (context.h) may need more. `missing` is "": on the
// device that the op was queried for it has them. Free with smelt_feature_list_destroy.
// Errors: INVALID_ARGUMENT, OUT_OF_HOST_MEMORY. Thread-safe.
SMELT_API enum smelt_result smelt_op_feature_list_create(const struct smelt_op_info *info,
                                                         const struct smelt_feature_list **list);

// The GLSL text of the op's generated include for a backend that smelt_op_query chose. The caller frees it
// with smelt_free_text. Errors as smelt_op_query.
SMELT_API enum smelt_result smelt_op_glsl(smelt_context context, const struct smelt_op *op,
                                          VkShaderStageFlagBits stage, char **text);
SMELT_API void smelt_free_text(char **text);

// --- Whole products, recorded by an encoder (encoder.h) ---------------------------------------------------

// What the integers of a product or a convolution stand for. With zero points a - zero_a and b - zero_b are multiplied, and what
// lies outside an image counts as zero_a. Without scale d is the sum (+ bias, then activation) in i32. With it v = scale (sum +
// bias) is a float, to which residual is added and which the activation takes; d is then v in f32 or f16, or in i8 or u8 (no
// residual) v rounded to nearest, ties to even, + zero_d, saturated. Products and sums are exact modulo 2^32; v is off
// by 2^-22 |v| at most before the activation, where the conversion of the sum and the product round. All are of rank 1
// without gaps and apart from d, and are read on the device. NULL: 0, no scale.
//
// ONNX: MatMulInteger and ConvInteger are the call with zero points and d in i32. QLinearMatMul and QLinearConv have scale =
// a_scale b_scale / y_scale (made by smelt_encode_elementwise, or ahead of time) and zero_d = y_zero_point; their bias is i32 of
// scale a_scale b_scale, as the call's is. Per output channel are zero_b and scale; zero points per row of a: take them out of
// a before. With d in f32 and scale = a_scale b_scale the call is also the DequantizeLinear that follows.
struct smelt_quantization {
    smelt_tensor zero_a; // of a's dtype, 1 element
    // of b's dtype (of i4: i8, of u4: u8), 1 element or one for each output channel (column of d)
    smelt_tensor zero_b;
    smelt_tensor scale;  // f32, 1 element or one for each output channel
    smelt_tensor zero_d; // of d's dtype, i8 or u8; 1 element
};

// d = activation(a b + bias) on whole tensors, by a kernel of the library.
//
//     a and b                                              scale  bias   d
//     one of f32, f16, bf16, f8e4m3, f8e5m2 for both       NULL   as a   f32, or bf16 with bf16, else f16
//     a i8 or u8, b i8, u8, i4 or u4                       NULL   i32    i32: exact modulo 2^32, activation none or relu;
//                                                                        with quantization.scale f32, f16, i8, u8
//     a a float, b of i8, u8, i4, u4, f8e4m3 or f8e5m2     set    as a   f32, or bf16 with bf16, else f16
struct smelt_matmul2d_params {
    smelt_tensor a, b; // of rank 2, or 3 with the batch first; rank 2 serves the whole batch
    smelt_tensor bias; // of rank 1; NULL: none
    smelt_tensor d;    // rank 2 or 3, rows without gaps
    // d = activation(a b + bias + residual): of d's dtype, shape and strides; may be d. NULL: none
    smelt_tensor residual;
    // A quantised b (glsl/smelt/matmul2d_scaled_tmpl.glsl): scales of f32, f16 or u8 (ue8m0) and, or NULL, zero points of b's
    // type, or offsets of the type of scales of f32 or f16; one of each for `block` terms of a column of d, in the order of
    // b: [n][ceil(k / block)] with transpose_right, else [ceil(k / block)][n]. Rank 3 with the batch first
    smelt_tensor scale, zero;
    uint32_t block;                         // 1 to 2^30; 0: all of k
    struct smelt_quantization quantization; // of a and b of integers
    bool transpose_left;                    // a is stored [k][m], else [m][k]
    bool transpose_right;                   // b is stored [n][k], else [k][n]
    enum smelt_activation activation;
    enum smelt_dtype computed, accumulated; // as in smelt_matmul2d_descriptor
    // AUTO: the best (a build without compiler has PORTABLE). Or a kernel of its own, with sums of f32, that reads the matrix
    // once: where d has at most 8 rows (b transposed) or columns and the other operand's rows of f32, f16 or bf16 begin at
    // multiples of 16 bytes; with a scale: at most 8 rows, b transposed, a of f32, f16 or bf16, k, block (or all of k in one)
    // and rows of a and b multiples of 8 elements
    enum smelt_backend backend;
    // m, n, k, subgroups_m, subgroups_n of the workgroup's tile, as in smelt_matmul2d_descriptor. Zeros: from a table
    struct smelt_matmul2d_tiling tiling;
    // Parts of the sum that workgroups compute side by side and a second dispatch adds in their order, so that results are
    // the same every time: for long sums of few tiles. Each a multiple of 16 terms and of block; no batch; 1 to 64. 0: from a
    // table, 1 where there is no scratch
    uint32_t splits;
    // Of smelt_matmul2d_scratch_size: rank 1 without gaps, of any type, at a multiple of 16 bytes
    smelt_tensor scratch;
    // The kernel that was made when the library was built, also where there is a compiler: none of f8, integers, quantised b
    bool baked;
    bool relaxed; // as in smelt_matmul2d_descriptor; a kernel with few vectors rounds nothing. Not baked
};

// Records one dispatch at stage COMPUTE_SHADER with SHADER_STORAGE_READ of a, b, bias, scale, zero, the tensors of
// quantization and SHADER_STORAGE_WRITE of d. Several `splits`: two dispatches that also write and read scratch, and a
// barrier between them, whatever the encoder's hazards are. Binds compute pipelines and push constants; nothing else of
// the command buffer's state changes. A first call for types and layouts compiles a kernel, one for sizes makes a
// pipeline. Rows of a, b and d that begin at multiples of 16 bytes are fastest. The error bound is that of
// glsl/smelt/matmul2d_cooperative_tmpl.glsl, with one rounding more where d is narrower than the sums.
// Errors: INVALID_ARGUMENT (NULL, d shares bytes with an operand, block, tiling, splits, scratch), SHAPE, DTYPE,
// UNSUPPORTED (backend, tiling, size or splits on this device, not baked), COMPILE, OUT_OF_HOST_MEMORY, VULKAN.
// Thread-safe but for the encoder.
SMELT_API enum smelt_result smelt_encode_matmul2d(smelt_encoder encoder,
                                                  const struct smelt_matmul2d_params *params);

// Bytes of the scratch with which the call would cut its sum into parts: those asked for, or (splits 0) those of the table;
// 0: one part. `scratch` is not looked at. Errors as smelt_encode_matmul2d, of which it makes no kernel. Thread-safe.
SMELT_API enum smelt_result smelt_matmul2d_scratch_size(const struct smelt_matmul2d_params *params,
                                                        uint64_t *size);

// --- Whole convolutions ----------------------------------------------------------------------------------

// d = activation(convolution of a by b + bias) on whole tensors, by a kernel of the library.
//
//     a and b                            bias   d
//     f32 or f16, the same for both      as a   f32 or f16
//     i8 or u8, in any mix               i32    i32: exact modulo 2^32, activation none or relu;
//                                               with quantization.scale f32, f16, i8, u8
struct smelt_convolution2d_params {
    smelt_tensor a;    // the image, of rank 4 in image_layout
    smelt_tensor b;    // the weight, of rank 4 in weight_layout
    smelt_tensor bias; // of rank 1; NULL: none
    smelt_tensor d;    // of rank 4 in image_layout; its height and width: smelt_convolution2d_geometry
    // d = activation(... + bias + residual): of d's dtype, shape and strides; may be d. NULL: none
    smelt_tensor residual;
    enum smelt_image_layout image_layout;
    enum smelt_weight_layout weight_layout;
    struct smelt_convolution2d_geometry geometry;
    struct smelt_quantization quantization; // of a and b of integers
    enum smelt_activation activation;
    enum smelt_dtype computed, accumulated; // as in smelt_matmul2d_descriptor
    enum smelt_backend backend;             // AUTO: the best (a build without compiler has PORTABLE)
    // m, n, k, subgroups_m, subgroups_n of the workgroup's tile; m 1 alone: an invocation for 8 channels of a pixel (on
    // PORTABLE); m, n, subgroups_k: a small tile whose sums 1 to 8 subgroups share, or all but that and columns: a rectangle of
    // pixels (both COOPMAT with f16, NHWC, HWIO without gaps, one group, not transposed; the rectangle several taps, stride and
    // dilation 1, 8 channels at multiples of 16 bytes; at most 48 KiB of shared memory; UNSUPPORTED otherwise). Zeros: from
    // a table
    struct smelt_matmul2d_tiling tiling;
    // b > 1: d is what ONNX's DepthToSpace (CRD) makes of the result with blocks of b by b, [n][h b][w b][c / (b b)], where
    // subgroups_k may be given; UNSUPPORTED otherwise
    uint32_t depth_to_space;
    bool baked; // the kernel that was made when the library was built, also where there is a compiler
    // As in smelt_matmul2d_descriptor. Groups with fewer than 8 channels of d and tiling.m 1 round nothing. Not baked
    bool relaxed;
};

// Records one dispatch at stage COMPUTE_SHADER with SHADER_STORAGE_READ of a, b, bias, residual, the tensors of quantization
// and SHADER_STORAGE_WRITE of d; transposed with strides, where a stride has no dilation and is at most the kernel: one for
// each phase, stride_y stride_x of them. A convolution of one dimension is one of images of height 1 (kernel_h 1);
// those of three are the sum of convolutions over the kernel's depth, with d as the residual of all but the first.
// Binds a compute pipeline and push constants; nothing else of the command buffer's state changes. A first call for
// types, layouts and alignment compiles a kernel, one for sizes and geometry makes a pipeline. All tensors may have any
// strides; NHWC with HWIO or OHWI weights, packed, with channels that are multiples of 8 is fastest. A kernel of 1 x 1
// with stride 1 becomes smelt_encode_matmul2d where pixels follow each other. Groups of fewer than 8 output channels
// run on PORTABLE unless a tile is given. The error bound is that of glsl/smelt/convolution2d_tmpl.glsl, with one
// rounding more where d is narrower than the sums.
// Errors: INVALID_ARGUMENT (NULL, d shares bytes with an operand, layouts, geometry, tiling), SHAPE, DTYPE, UNSUPPORTED
// (backend, tiling or size on this device; baked: integers, IOHW in several groups that are not depthwise), COMPILE,
// OUT_OF_HOST_MEMORY, VULKAN. Thread-safe but for the encoder.
SMELT_API enum smelt_result smelt_encode_convolution2d(smelt_encoder encoder,
                                                       const struct smelt_convolution2d_params *params);

SMELT_END

#endif
