// SPDX-License-Identifier: MIT
// convolution2d_thread_f32_f32_f32.comp: the baked convolution of an invocation of f32 operands, computed in f32, sums of f32.
#version 460
#define KERNEL_THREAD 1
#define KERNEL_TRANSPOSED 0
#define KERNEL_DEPTHWISE 0
#define KERNEL_STORED SMELT_DTYPE_F32
#define KERNEL_COMPUTED SMELT_DTYPE_F32
#define KERNEL_ACCUMULATED SMELT_DTYPE_F32
#define KERNEL_IMAGE conv_image_f32_4_r_0x0x0x0
#define KERNEL_WEIGHT conv_weight_f32_4_r_0x0x0x0
#define KERNEL_BIAS bias_f32_1_r_0
#define KERNEL_DATA smelt_f32_r_data
#include "convolution2d_portable.glsl"
