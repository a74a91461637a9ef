// SPDX-License-Identifier: MIT
// base.glsl: the first include after #version; extension lines, shared constants, token helpers.
//
// what    every other module needs it; it is the only file of smelt with #extension lines
// params  SMELT_BACKENDS  the backends that instances in this shader use: one or more of
//         SMELT_BACKEND_BIT_PORTABLE _DOT8 _COOPVEC _COOPMAT _COOPMAT2, joined by | (libsmelt defines it;
//         others write the #define before this include). PORTABLE needs no cooperative extension
//         SMELT_NATIVE_DTYPES  may be left out: the types beyond f16 and integers whose cooperative matrices the GLSL
//         compiler knows, SMELT_DTYPE_BIT_BF16 _F8E4M3 _F8E5M2 joined by | (libsmelt defines it). glslang has them from
//         16 on; without their bit an instance that computes in them does not compile
// makes   SMELT_BACKEND_x, SMELT_BACKEND_BIT_x, SMELT_DTYPE_x, SMELT_DTYPE_BIT_x, SMELT_ACCESS_x, SMELT_SCOPE_x, SMELT_LAYOUT_x,
//         SMELT_SCALE_x, SMELT_ZERO_x, SMELT_SOURCE_x, SMELT_TAG_x, SMELT_CAT; values are those of include/smelt (READ_WRITE
//         is READ | WRITE here)
// errors  none (no arithmetic)
// needs   GLSL 4.60, SPIR-V 1.5 or newer (--target-env=vulkan1.3); features bufferDeviceAddress,
//         scalarBlockLayout, storageBuffer16BitAccess, storageBuffer8BitAccess when tensors of that type are
//         used; shaderFloat16 only when an instance computes in f16
// source  DESIGN: backends are chosen by value, per instance
#ifndef SMELT_BASE_GLSL
#define SMELT_BASE_GLSL

#define SMELT_BACKEND_PORTABLE 1
#define SMELT_BACKEND_DOT8 2
#define SMELT_BACKEND_COOPVEC 3
#define SMELT_BACKEND_COOPMAT 4
#define SMELT_BACKEND_COOPMAT2 5

#define SMELT_BACKEND_BIT_PORTABLE 2
#define SMELT_BACKEND_BIT_DOT8 4
#define SMELT_BACKEND_BIT_COOPVEC 8
#define SMELT_BACKEND_BIT_COOPMAT 16
#define SMELT_BACKEND_BIT_COOPMAT2 32

// 1 << SMELT_DTYPE_x
#define SMELT_DTYPE_BIT_BF16 8
#define SMELT_DTYPE_BIT_F8E4M3 16
#define SMELT_DTYPE_BIT_F8E5M2 32

#ifndef SMELT_BACKENDS
#error "base.glsl: SMELT_BACKENDS (backends in use, e.g. SMELT_BACKEND_BIT_PORTABLE) is not defined"
#endif
#ifndef SMELT_NATIVE_DTYPES
#define SMELT_NATIVE_DTYPES 0
#endif
#if (SMELT_NATIVE_DTYPES) < 0 || ((SMELT_NATIVE_DTYPES) & ~56) != 0
#error "base.glsl: SMELT_NATIVE_DTYPES must be one or more SMELT_DTYPE_BIT_x joined by |"
#endif
#if (SMELT_BACKENDS) <= 0 || ((SMELT_BACKENDS) & ~62) != 0
#error "base.glsl: SMELT_BACKENDS must be one or more SMELT_BACKEND_BIT_x joined by |"
#endif

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_shader_subgroup_basic : require
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_DOT8) != 0
#extension GL_EXT_integer_dot_product : require
#endif
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_COOPVEC) != 0
#extension GL_NV_cooperative_vector : require
#endif
#if ((SMELT_BACKENDS) & (SMELT_BACKEND_BIT_COOPMAT | SMELT_BACKEND_BIT_COOPMAT2)) != 0
#pragma use_vulkan_memory_model
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_KHR_cooperative_matrix : require
#if ((SMELT_NATIVE_DTYPES)&SMELT_DTYPE_BIT_BF16) != 0
#extension GL_EXT_bfloat16 : require
#endif
#if ((SMELT_NATIVE_DTYPES)&SMELT_DTYPE_BIT_F8E4M3) != 0
#extension GL_EXT_float_e4m3 : require
#endif
#if ((SMELT_NATIVE_DTYPES)&SMELT_DTYPE_BIT_F8E5M2) != 0
#extension GL_EXT_float_e5m2 : require
#endif
#endif
#if ((SMELT_BACKENDS)&SMELT_BACKEND_BIT_COOPMAT2) != 0
#extension GL_NV_cooperative_matrix2 : require
#endif

#define SMELT_DTYPE_F32 1
#define SMELT_DTYPE_F16 2
#define SMELT_DTYPE_BF16 3
#define SMELT_DTYPE_F8E4M3 4
#define SMELT_DTYPE_F8E5M2 5
#define SMELT_DTYPE_I8 6
#define SMELT_DTYPE_U8 7
#define SMELT_DTYPE_I16 8
#define SMELT_DTYPE_U16 9
#define SMELT_DTYPE_I32 10
#define SMELT_DTYPE_U32 11
#define SMELT_DTYPE_I4 12
#define SMELT_DTYPE_U4 13

// How a type stands in the names of tensor types: SMELT_CAT(SMELT_TAG_, SMELT_DTYPE_F32) is _f32.
#define SMELT_TAG_1 _f32
#define SMELT_TAG_2 _f16
#define SMELT_TAG_3 _bf16
#define SMELT_TAG_4 _f8e4m3
#define SMELT_TAG_5 _f8e5m2
#define SMELT_TAG_6 _i8
#define SMELT_TAG_7 _u8
#define SMELT_TAG_8 _i16
#define SMELT_TAG_9 _u16
#define SMELT_TAG_10 _i32
#define SMELT_TAG_11 _u32
#define SMELT_TAG_12 _i4
#define SMELT_TAG_13 _u4

#define SMELT_ACCESS_READ 1
#define SMELT_ACCESS_WRITE 2
#define SMELT_ACCESS_READ_WRITE 3

// Enumerated from 1: an undefined (misspelt) name counts as 0 in #if and must not mean anything.
#define SMELT_SCOPE_THREAD 1
#define SMELT_SCOPE_SUBGROUP 2
#define SMELT_SCOPE_WORKGROUP 3

// Of a matrix in memory. OPTIMAL is what the backend reads fastest: row-major for PORTABLE, the device's
// inferencing-optimal layout for COOPVEC (vkConvertCooperativeVectorMatrixNV).
#define SMELT_LAYOUT_ROW_MAJOR 1
#define SMELT_LAYOUT_OPTIMAL 2

// Scales of blocks of a quantised matrix; UE8M0 is 2^(bits - 127) (OCP microscaling formats 1.0, section 5.4).
#define SMELT_SCALE_NONE 0
#define SMELT_SCALE_F32 1
#define SMELT_SCALE_F16 2
#define SMELT_SCALE_UE8M0 3
// Of an image of rank 4 and of a convolution's weight, slowest dimension first: n batch, h height, w width, c channels;
// o output channels, i input channels.
#define SMELT_LAYOUT_NHWC 3
#define SMELT_LAYOUT_NCHW 4
#define SMELT_LAYOUT_HWIO 5
#define SMELT_LAYOUT_OHWI 6
#define SMELT_LAYOUT_OIHW 7
#define SMELT_LAYOUT_IOHW 8

// Where an op at SUBGROUP or WORKGROUP scope takes an operand from: a tensor in device memory, by way of shared memory;
// a function of the caller's; a tensor, straight into matrices (COOPMAT2); a shared array of the caller's; a cooperative
// tensor.
#define SMELT_SOURCE_TENSOR 1
#define SMELT_SOURCE_FUNCTION 2
#define SMELT_SOURCE_WALKED 3
#define SMELT_SOURCE_ADDRESSED 4
#define SMELT_SOURCE_SHARED 5
#define SMELT_SOURCE_COOPERATIVE 6

// With a scale s, an element is s q; (q - z) s with a zero point z of the type of q; s q + z with an offset z.
#define SMELT_ZERO_NONE 0
#define SMELT_ZERO_POINT 1
#define SMELT_ZERO_OFFSET 2

#define SMELT_CAT_(a, b) a##b
#define SMELT_CAT(a, b) SMELT_CAT_(a, b)

// At file scope: where `condition`, a constant, is false, the shader does not compile and the message names `name`, a function
// that has two bodies then. A specialization constant is taken on trust: its value comes later.
#define SMELT_REQUIRE(name, condition)                                                                       \
    void name(int one[1])                                                                                    \
    {                                                                                                        \
    }                                                                                                        \
    void name(int one[(condition) ? 2 : 1])                                                                  \
    {                                                                                                        \
    }

// Extents that are specialization constants (tensor_spec_tmpl.glsl): SMELT_SPEC_EXTENT(3, 64); declares the one with
// constant_id 3, whose value is 64 unless the pipeline gives another, and which s3 then names as an extent.
#define SMELT_SPEC_EXTENT(id, value) layout(constant_id = id) const uint smelt_spec_s##id = value

// A parameter for which 0 has a meaning is checked by pasting its value to one of these: a misspelt value is
// an undeclared identifier that ends in it.
const int smelt_flag_is_0 = 0;
const int smelt_flag_is_1 = 1;
const int smelt_scale_is_0 = SMELT_SCALE_NONE;
const int smelt_scale_is_1 = SMELT_SCALE_F32;
const int smelt_scale_is_2 = SMELT_SCALE_F16;
const int smelt_scale_is_3 = SMELT_SCALE_UE8M0;
const int smelt_zero_is_0 = SMELT_ZERO_NONE;
const int smelt_zero_is_1 = SMELT_ZERO_POINT;
const int smelt_zero_is_2 = SMELT_ZERO_OFFSET;

#endif
