// SPDX-License-Identifier: MIT
// inline_tensor_tmpl.glsl: a tensor that one invocation holds in private memory (Metal: an inline tensor).
//
// what    the operands and results of ops at THREAD scope: rows of the last dimension, held as pairs of
//         elements (PORTABLE) or as one cooperative vector each (COOPVEC). Row-major; no strides
// params  all required, all undefined afterwards:
//         SMELT_INLINE          name of the type
//         SMELT_DTYPE           SMELT_DTYPE_F32, _F16, _I32 or _U32; F16 needs shaderFloat16; COOPVEC: F16
//         SMELT_RANK            1 to 4
//         SMELT_EXTENT0 ... SMELT_EXTENT<RANK - 1>   decimal literals, at least 1
//         SMELT_INLINE_BACKEND  of the op that uses it: SMELT_BACKEND_PORTABLE or SMELT_BACKEND_COOPVEC
// makes   for the name NAME and element type T (float for F32 and F16, int for I32, uint for U32):
//         struct NAME                       uninitialised until every element is set
//         const int NAME_rows, NAME_columns product of all extents but the last; the last
//         uint smelt_extent(NAME t, uint d)
//         T smelt_load(NAME t, uint i, ...)                      one index per dimension; outside: 0
//         void smelt_store(inout NAME t, uint i, ..., T v)       outside: dropped
//         ..._unchecked                                          the same, indices must be inside
//         T smelt_get(NAME t, int i, ...), void smelt_set(inout NAME t, int i, ..., T v)   unchecked. With
//         constant indices an element is a register; with others the array goes to local memory
//         void smelt_fill(inout NAME t, T v)
// errors  F16: a stored value is rounded once by the device (f16 conversion of Vulkan: either neighbour)
// needs   base.glsl first
// source  Metal Shading Language 4, tensor_inline; GL_NV_cooperative_vector
