// SPDX-License-Identifier: MIT
// tensor_tmpl.glsl: a tensor in device memory: a typed, strided view reached by its 64-bit address.
//
// what    one struct type per include, as it stands in an argument block, and functions on it. Shapes are
//         written slowest dimension first; element (i, j, ...) is data.e[i stride0 + j stride1 + ...]
// params  all required, all undefined afterwards:
//         SMELT_TENSOR   name
//         SMELT_DTYPE    SMELT_DTYPE_x, any of the 13
//         SMELT_RANK     0 to 16
//         SMELT_ACCESS   SMELT_ACCESS_READ, SMELT_ACCESS_WRITE or SMELT_ACCESS_READ_WRITE
//         SMELT_EXTENT0 ... SMELT_EXTENT<RANK - 1>   decimal literals; 0: known at run time. When none is 0 the
//         tensor is packed (rows of 4 bit types to whole bytes): its strides follow from the extents and those in memory
//         are not read.
//         tensor_spec_tmpl.glsl makes the same with specialization constants among them
// makes   struct <T> = NAME_<dtype>_<rank>_<r|w|rw>[_<e0>x<e1>...], for example weight_f16_2_r_64x32,
//         image_f32_3_rw_0x0x4, loss_f32_0_w; members: smelt_<storage>_<r|w|rw>_data data (a buffer_reference to
//         `e[]`: f16 and bf16 are stored as uint16_t, 8 bit floats and 4 bit types as uint8_t; tensor_data.glsl),
//         uint extent[RANK], uint stride[RANK] (not for rank 0): 8 + 8 RANK bytes in scalar layout.
//         With V = float for float types, int for signed and uint for unsigned integers, and indices either
//         RANK uints (rank 1 to 4) or one `uint i[RANK]` (rank 1 to 16); none for rank 0:
//         uint smelt_extent(T t, uint d), smelt_stride(T t, uint d)
//         V smelt_load(T t, i...)                outside: 0             not for SMELT_ACCESS_WRITE
//         void smelt_store(T t, i..., V v)       outside: dropped       not for SMELT_ACCESS_READ
//         V smelt_load_unchecked, void smelt_store_unchecked: the same, indices must be inside
//         S smelt_slice(T t, origin..., extent...)   the sub-box; what lies outside t is cut off. S is T when
//         all extents are dynamic, else <T>_slice, which has the same functions (a 4 bit slice must begin on a byte,
//         or it is empty)
// errors  load: exact. store: one rounding to nearest even with saturation, as numeric.glsl; integers saturate.
//         A 4 bit store rewrites its byte: both halves of a byte belong to one invocation
// needs   base.glsl first; data aligned to an element; fewer than 2^32 elements
// source  DESIGN 4; Metal Shading Language 4, tensor<...>
#ifndef SMELT_BASE_GLSL
#error "tensor_tmpl.glsl: include smelt/base.glsl first"
#endif
#ifndef SMELT_TENSOR
#error "tensor_tmpl.glsl: SMELT_TENSOR (name of the tensor type) is not defined"
#endif
#ifndef SMELT_DTYPE
#error "tensor_tmpl.glsl: SMELT_DTYPE (element type, SMELT_DTYPE_x) is not defined"
#endif
#ifndef SMELT_RANK
#error "tensor_tmpl.glsl: SMELT_RANK (number of dimensions, 0 to 16) is not defined"
#endif
#if SMELT_RANK < 0 || SMELT_RANK > 16
#error "tensor_tmpl.glsl: SMELT_RANK (number of dimensions) must be 0 to 16"
#endif
#ifndef SMELT_ACCESS
#error "tensor_tmpl.glsl: SMELT_ACCESS (SMELT_ACCESS_READ, _WRITE or _READ_WRITE) is not defined"
#endif
#include "smelt/numeric.glsl"
#include "smelt/tensor_data.glsl"
#include "smelt/tensor_extents_tmpl.glsl"

// The element type: its tag in the name, how it is stored, what a value is (V), bytes, and the conversions.
#if SMELT_DTYPE == SMELT_DTYPE_F32
#define SMELT_TENSOR_TAG _f32_
#define SMELT_TENSOR_STORAGE smelt_f32
#define SMELT_TENSOR_V float
#define SMELT_TENSOR_SIZE 4
#define SMELT_TENSOR_DECODE(s) (s)
#define SMELT_TENSOR_ENCODE(v) (v)
#elif SMELT_DTYPE == SMELT_DTYPE_F16
#define SMELT_TENSOR_TAG _f16_
#define SMELT_TENSOR_STORAGE smelt_u16
#define SMELT_TENSOR_V float
#define SMELT_TENSOR_SIZE 2
#define SMELT_TENSOR_DECODE(s) smelt_f16_to_f32(uint(s))
#define SMELT_TENSOR_ENCODE(v) uint16_t(smelt_f16_from_f32(v))
#elif SMELT_DTYPE == SMELT_DTYPE_BF16
#define SMELT_TENSOR_TAG _bf16_
#define SMELT_TENSOR_STORAGE smelt_u16
#define SMELT_TENSOR_V float
#define SMELT_TENSOR_SIZE 2
#define SMELT_TENSOR_DECODE(s) smelt_bf16_to_f32(uint(s))
#define SMELT_TENSOR_ENCODE(v) uint16_t(smelt_bf16_from_f32(v))
#elif SMELT_DTYPE == SMELT_DTYPE_F8E4M3
#define SMELT_TENSOR_TAG _f8e4m3_
#define SMELT_TENSOR_STORAGE smelt_u8
#define SMELT_TENSOR_V float
#define SMELT_TENSOR_SIZE 1
#define SMELT_TENSOR_DECODE(s) smelt_f8e4m3_to_f32(uint(s))
#define SMELT_TENSOR_ENCODE(v) uint8_t(smelt_f8e4m3_from_f32(v))
#elif SMELT_DTYPE == SMELT_DTYPE_F8E5M2
#define SMELT_TENSOR_TAG _f8e5m2_
#define SMELT_TENSOR_STORAGE smelt_u8
#define SMELT_TENSOR_V float
#define SMELT_TENSOR_SIZE 1
#define SMELT_TENSOR_DECODE(s) smelt_f8e5m2_to_f32(uint(s))
#define SMELT_TENSOR_ENCODE(v) uint8_t(smelt_f8e5m2_from_f32(v))
#elif SMELT_DTYPE == SMELT_DTYPE_I8
#define SMELT_TENSOR_TAG _i8_
#define SMELT_TENSOR_STORAGE smelt_i8
#define SMELT_TENSOR_V int
#define SMELT_TENSOR_SIZE 1
#define SMELT_TENSOR_DECODE(s) int(s)
#define SMELT_TENSOR_ENCODE(v) int8_t(clamp(v, -128, 127))
#elif SMELT_DTYPE == SMELT_DTYPE_U8
#define SMELT_TENSOR_TAG _u8_
#define SMELT_TENSOR_STORAGE smelt_u8
#define SMELT_TENSOR_V uint
#define SMELT_TENSOR_SIZE 1
#define SMELT_TENSOR_DECODE(s) uint(s)
#define SMELT_TENSOR_ENCODE(v) uint8_t(min(v, 255u))
#elif SMELT_DTYPE == SMELT_DTYPE_I16
#define SMELT_TENSOR_TAG _i16_
#define SMELT_TENSOR_STORAGE smelt_i16
#define SMELT_TENSOR_V int
#define SMELT_TENSOR_SIZE 2
#define SMELT_TENSOR_DECODE(s) int(s)
#define SMELT_TENSOR_ENCODE(v) int16_t(clamp(v, -32768, 32767))
#elif SMELT_DTYPE == SMELT_DTYPE_U16
#define SMELT_TENSOR_TAG _u16_
#define SMELT_TENSOR_STORAGE smelt_u16
#define SMELT_TENSOR_V uint
#define SMELT_TENSOR_SIZE 2
#define SMELT_TENSOR_DECODE(s) uint(s)
#define SMELT_TENSOR_ENCODE(v) uint16_t(min(v, 65535u))
#elif SMELT_DTYPE == SMELT_DTYPE_I32
#define SMELT_TENSOR_TAG _i32_
#define SMELT_TENSOR_STORAGE smelt_i32
#define SMELT_TENSOR_V int
#define SMELT_TENSOR_SIZE 4
#define SMELT_TENSOR_DECODE(s) (s)
#define SMELT_TENSOR_ENCODE(v) (v)
#elif SMELT_DTYPE == SMELT_DTYPE_U32
#define SMELT_TENSOR_TAG _u32_
#define SMELT_TENSOR_STORAGE smelt_u32
#define SMELT_TENSOR_V uint
#define SMELT_TENSOR_SIZE 4
#define SMELT_TENSOR_DECODE(s) (s)
#define SMELT_TENSOR_ENCODE(v) (v)
#elif SMELT_DTYPE == SMELT_DTYPE_I4
#define SMELT_TENSOR_TAG _i4_
#define SMELT_TENSOR_STORAGE smelt_u8
#define SMELT_TENSOR_V int
#define SMELT_TENSOR_SIZE 0
#define SMELT_TENSOR_DECODE(s) smelt_i4_to_int(s)
#define SMELT_TENSOR_ENCODE(v) (uint(clamp(v, -8, 7)) & 15u)
#elif SMELT_DTYPE == SMELT_DTYPE_U4
#define SMELT_TENSOR_TAG _u4_
#define SMELT_TENSOR_STORAGE smelt_u8
#define SMELT_TENSOR_V uint
#define SMELT_TENSOR_SIZE 0
#define SMELT_TENSOR_DECODE(s) ((s)&15u)
#define SMELT_TENSOR_ENCODE(v) min(v, 15u)
#else
#error "tensor_tmpl.glsl: SMELT_DTYPE (element type) is not one of SMELT_DTYPE_x"
#endif

#define SMELT_TENSOR_BASE SMELT_CAT(SMELT_CAT(SMELT_TENSOR, SMELT_TENSOR_TAG), SMELT_RANK)
#if SMELT_ACCESS == SMELT_ACCESS_READ
#define SMELT_TENSOR_NAMED SMELT_CAT(SMELT_TENSOR_BASE, _r)
#define SMELT_TENSOR_DATA SMELT_CAT(SMELT_TENSOR_STORAGE, _r_data)
#elif SMELT_ACCESS == SMELT_ACCESS_WRITE
#define SMELT_TENSOR_NAMED SMELT_CAT(SMELT_TENSOR_BASE, _w)
#if SMELT_TENSOR_SIZE > 0
#define SMELT_TENSOR_DATA SMELT_CAT(SMELT_TENSOR_STORAGE, _w_data)
#else
#define SMELT_TENSOR_DATA SMELT_CAT(SMELT_TENSOR_STORAGE, _rw_data) // a 4 bit store reads the other half
#endif
#elif SMELT_ACCESS == SMELT_ACCESS_READ_WRITE
#define SMELT_TENSOR_NAMED SMELT_CAT(SMELT_TENSOR_BASE, _rw)
#define SMELT_TENSOR_DATA SMELT_CAT(SMELT_TENSOR_STORAGE, _rw_data)
#else
#error "tensor_tmpl.glsl: SMELT_ACCESS must be SMELT_ACCESS_READ, _WRITE or _READ_WRITE"
#endif
#include "smelt/tensor_name_tmpl.glsl"

// The declared extents, 0 where known at run time, and whether none is; also the place where one that is no number fails to
// compile.
#define SMELT_TENSOR_EXTENTS SMELT_CAT(SMELT_TENSOR_T, _extents)
#if SMELT_RANK > 0
#if SMELT_TENSOR_SPEC != 0 // an array of specialization constants would be none
uint SMELT_TENSOR_EXTENTS(uint d)
{
    return d == 0u    ? uint(SMELT_TENSOR_E0)
           : d == 1u  ? uint(SMELT_TENSOR_E1)
           : d == 2u  ? uint(SMELT_TENSOR_E2)
           : d == 3u  ? uint(SMELT_TENSOR_E3)
           : d == 4u  ? uint(SMELT_TENSOR_E4)
           : d == 5u  ? uint(SMELT_TENSOR_E5)
           : d == 6u  ? uint(SMELT_TENSOR_E6)
           : d == 7u  ? uint(SMELT_TENSOR_E7)
           : d == 8u  ? uint(SMELT_TENSOR_E8)
           : d == 9u  ? uint(SMELT_TENSOR_E9)
           : d == 10u ? uint(SMELT_TENSOR_E10)
           : d == 11u ? uint(SMELT_TENSOR_E11)
           : d == 12u ? uint(SMELT_TENSOR_E12)
           : d == 13u ? uint(SMELT_TENSOR_E13)
           : d == 14u ? uint(SMELT_TENSOR_E14)
                      : uint(SMELT_TENSOR_E15);
}
#define SMELT_TENSOR_KNOWN(d) SMELT_TENSOR_EXTENTS(d)
#else
const uint SMELT_TENSOR_EXTENTS[16] = uint[16](
    SMELT_TENSOR_E0, SMELT_TENSOR_E1, SMELT_TENSOR_E2, SMELT_TENSOR_E3, SMELT_TENSOR_E4, SMELT_TENSOR_E5,
    SMELT_TENSOR_E6, SMELT_TENSOR_E7, SMELT_TENSOR_E8, SMELT_TENSOR_E9, SMELT_TENSOR_E10, SMELT_TENSOR_E11,
    SMELT_TENSOR_E12, SMELT_TENSOR_E13, SMELT_TENSOR_E14, SMELT_TENSOR_E15);
#define SMELT_TENSOR_KNOWN(d) SMELT_TENSOR_EXTENTS[d]
#endif
#if SMELT_TENSOR_PACKED
const bool SMELT_CAT(SMELT_TENSOR_T, _packed) =
    SMELT_TENSOR_E0 != 0u && SMELT_TENSOR_E1 != 0u && SMELT_TENSOR_E2 != 0u && SMELT_TENSOR_E3 != 0u &&
    SMELT_TENSOR_E4 != 0u && SMELT_TENSOR_E5 != 0u && SMELT_TENSOR_E6 != 0u && SMELT_TENSOR_E7 != 0u &&
    SMELT_TENSOR_E8 != 0u && SMELT_TENSOR_E9 != 0u && SMELT_TENSOR_E10 != 0u && SMELT_TENSOR_E11 != 0u &&
    SMELT_TENSOR_E12 != 0u && SMELT_TENSOR_E13 != 0u && SMELT_TENSOR_E14 != 0u && SMELT_TENSOR_E15 != 0u;
#endif
#endif

// A slice of a tensor with fixed extents is a type of its own, whose extents are known at run time.
#if SMELT_TENSOR_FIXED
#undef SMELT_TENSOR_FIXED
#define SMELT_TENSOR_FIXED 0
#define SMELT_TENSOR_THIS SMELT_CAT(SMELT_TENSOR_T, _slice)
#include "smelt/tensor_struct_tmpl.glsl"
#undef SMELT_TENSOR_FIXED
#define SMELT_TENSOR_FIXED 1
#endif
#define SMELT_TENSOR_THIS SMELT_TENSOR_T
#include "smelt/tensor_struct_tmpl.glsl"

#include "smelt/tensor_extents_undef_tmpl.glsl"
#undef SMELT_TENSOR
#undef SMELT_DTYPE
#undef SMELT_RANK
#undef SMELT_ACCESS
#undef SMELT_TENSOR_TAG
#undef SMELT_TENSOR_STORAGE
#undef SMELT_TENSOR_V
#undef SMELT_TENSOR_SIZE
#undef SMELT_TENSOR_DECODE
#undef SMELT_TENSOR_ENCODE
#undef SMELT_TENSOR_BASE
#undef SMELT_TENSOR_NAMED
#undef SMELT_TENSOR_DATA
#undef SMELT_TENSOR_EXTENTS
#undef SMELT_TENSOR_KNOWN
#undef SMELT_TENSOR_T
#undef SMELT_TENSOR_T0
#undef SMELT_TENSOR_T1
#undef SMELT_TENSOR_T2
#undef SMELT_TENSOR_T3
#undef SMELT_TENSOR_T4
#undef SMELT_TENSOR_T5
#undef SMELT_TENSOR_T6
#undef SMELT_TENSOR_T7
#undef SMELT_TENSOR_T8
#undef SMELT_TENSOR_T9
#undef SMELT_TENSOR_T10
#undef SMELT_TENSOR_T11
#undef SMELT_TENSOR_T12
#undef SMELT_TENSOR_T13
#undef SMELT_TENSOR_T14
#undef SMELT_TENSOR_T15
#undef SMELT_TENSOR_T16
#undef SMELT_TENSOR_FIXED
#undef SMELT_TENSOR_PACKED
#undef SMELT_TENSOR_SLICE
