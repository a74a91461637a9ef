// SPDX-License-Identifier: MIT
// matmul2d_chain_tmpl.glsl: NAME_run when an operand is shared memory of the caller or a cooperative tensor; part of
// matmul2d_cooperative_tmpl.glsl.
//
// what    a tensor is staged block by block, without reading ahead; a cooperative left operand is written to the scratch
//         once, rounded to COMPUTED, or, with COOPMAT2 where a subgroup has whole rows of it, becomes the left operand in
//         registers. Where neither passes the scratch there is no barrier
// params  those of matmul2d_cooperative_tmpl.glsl
// makes   NAME_run
// errors  see matmul2d_cooperative_tmpl.glsl
// needs   matmul2d_cooperative_tmpl.glsl around it
// source  GLSL_NV_cooperative_matrix2 (conversion of use)
#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE
#define SMELT_MM_LEFT_ARGUMENT SMELT_MATMUL2D_LEFT
#elif SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_SHARED
#define SMELT_MM_LEFT_ARGUMENT uint
#else
#define SMELT_MM_LEFT_ARGUMENT SMELT_MM_LEFT
#endif
#if SMELT_MATMUL2D_SOURCE_RIGHT == SMELT_SOURCE_SHARED
#define SMELT_MM_RIGHT_ARGUMENT uint
#else
#define SMELT_MM_RIGHT_ARGUMENT SMELT_MM_RIGHT
#endif

#if SMELT_MM_LEFT_SIZE > 0 || SMELT_MM_RIGHT_SIZE > 0
#define SMELT_MM_BARRIER SMELT_CAT(SMELT_MM_RESULT, _barrier)()
#else
#define SMELT_MM_BARRIER
#endif

#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE
// The cooperative tensor must be M x K, of the same group. An error here says that it is not.
void SMELT_CAT(SMELT_MATMUL2D, _left_must_be_M_by_K)(int rows[SMELT_MATMUL2D_M],
                                                     int columns[SMELT_MATMUL2D_K])
{
}
void SMELT_CAT(SMELT_MATMUL2D, _check_left)()
{
    int rows[SMELT_CAT(SMELT_MATMUL2D_LEFT, _rows)];
    int columns[SMELT_CAT(SMELT_MATMUL2D_LEFT, _columns)];
    SMELT_CAT(SMELT_MATMUL2D, _left_must_be_M_by_K)(rows, columns);
    int group_is_another[SMELT_CAT(SMELT_MATMUL2D_LEFT, _threads) == SMELT_MM_THREADS ? 1 : 0];
}
#endif

#if SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_COOPERATIVE && !SMELT_MM_HELD
void SMELT_CAT(SMELT_MATMUL2D, _put_left)(SMELT_MATMUL2D_LEFT a)
{
#if SMELT_MATMUL2D_BACKEND == SMELT_BACKEND_PORTABLE
    SMELT_CAT(SMELT_MATMUL2D_LEFT, _places) p = SMELT_CAT(SMELT_MATMUL2D_LEFT, _locate)();
    if (!smelt_valid(p))
        return;
    [[unroll]] for (int piece = 0; piece < SMELT_CAT(SMELT_MATMUL2D_LEFT, _pieces); piece++)
        [[unroll]] for (int i = 0; i < smelt_length(a);
                        i += 2) // neighbours, see cooperative_portable_tmpl.glsl
    {
        uvec2 place = smelt_place(p, piece, i);
        uint at = SMELT_MM_LEFT_ORIGIN + place.x * SMELT_MM_LEFT_PITCH + place.y / SMELT_MM_GROUP;
        vec2 v = vec2(smelt_get(a, piece, i), smelt_get(a, piece, i + 1));
#if SMELT_MATMUL2D_COMPUTED == SMELT_DTYPE_F16
        SMELT_MM_LEFT_MEMORY[at][place.y % 8u / 2u] = packFloat2x16(f16vec2(v));
#else
        SMELT_MM_LEFT_MEMORY[at][place.y % 4u] = floatBitsToUint(v.x);
        SMELT_MM_LEFT_MEMORY[at][place.y % 4u + 1u] = floatBitsToUint(v.y);
#endif
    }
#else
    uvec2 first = SMELT_CAT(SMELT_MATMUL2D_LEFT, _first)();
    [[unroll]] for (uint i = 0u; i < SMELT_CAT(SMELT_MATMUL2D_LEFT, _down); i++)
        [[unroll]] for (uint j = 0u; j < SMELT_CAT(SMELT_MATMUL2D_LEFT, _across); j++)
    {
        uvec2 place = first + uvec2(i * SMELT_CAT(SMELT_MATMUL2D_LEFT, _fragment_m),
                                    j * SMELT_CAT(SMELT_MATMUL2D_LEFT, _fragment_n));
        coopMatStore(coopmat<float16_t, SMELT_CAT(SMELT_MATMUL2D_LEFT, _matrix_scope),
                             SMELT_CAT(SMELT_MATMUL2D_LEFT, _fragment_m),
                             SMELT_CAT(SMELT_MATMUL2D_LEFT, _fragment_n), gl_MatrixUseAccumulator>(a.e[i][j]),
                     SMELT_MM_LEFT_MEMORY,
                     SMELT_MM_LEFT_ORIGIN + place.x * SMELT_MM_LEFT_PITCH + place.y / SMELT_MM_GROUP,
                     SMELT_MM_LEFT_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    }
#endif
}
#endif

void SMELT_CAT(SMELT_MATMUL2D, _run)(inout SMELT_MM_RESULT d, SMELT_MM_LEFT_ARGUMENT a,
                                     SMELT_MM_RIGHT_ARGUMENT b, uint row, uint column)
{
#if !SMELT_MATMUL2D_ACCUMULATE
    smelt_fill(d, 0.0);
#endif
    for (uint k = 0u; k < SMELT_MATMUL2D_K; k += SMELT_MATMUL2D_TILE_K) {
#if SMELT_MM_STAGE_LEFT
        uvec4 left[SMELT_CAT(SMELT_MATMUL2D, _stage_left_each)];
        SMELT_CAT(SMELT_MATMUL2D, _stage_left_fetch)
        (a, SMELT_MM_LEFT_AT(k),
         k + SMELT_MATMUL2D_TILE_K > smelt_extent(a, 1u - SMELT_MATMUL2D_TRANSPOSE_LEFT), left);
#endif
#if SMELT_MM_STAGE_RIGHT
        uvec4 right[SMELT_CAT(SMELT_MATMUL2D, _stage_right_each)];
        SMELT_CAT(SMELT_MATMUL2D, _stage_right_fetch)
        (b, SMELT_MM_RIGHT_AT(k), k + SMELT_MATMUL2D_TILE_K > smelt_extent(b, SMELT_MATMUL2D_TRANSPOSE_RIGHT),
         right);
#endif
        SMELT_MM_BARRIER;
#if SMELT_MM_STAGE_LEFT
        SMELT_CAT(SMELT_MATMUL2D, _stage_left_put)(left);
#elif SMELT_MATMUL2D_SOURCE_LEFT == SMELT_SOURCE_SHARED
        SMELT_CAT(SMELT_MATMUL2D, _left_origin) = a + k / SMELT_MM_GROUP;
#elif !SMELT_MM_HELD
        SMELT_CAT(SMELT_MATMUL2D, _put_left)(a);
#endif
#if SMELT_MM_STAGE_RIGHT
        SMELT_CAT(SMELT_MATMUL2D, _stage_right_put)(right);
#elif SMELT_MATMUL2D_TRANSPOSE_RIGHT
        SMELT_CAT(SMELT_MATMUL2D, _right_origin) = b + k / SMELT_MM_GROUP;
#else
        SMELT_CAT(SMELT_MATMUL2D, _right_origin) = b + k * SMELT_MM_RIGHT_PITCH;
#endif
        SMELT_MM_BARRIER;
#if SMELT_MM_HELD
        SMELT_CAT(SMELT_MATMUL2D, _multiply)(d, a);
#else
        SMELT_CAT(SMELT_MATMUL2D, _multiply)(d);
#endif
    }
    SMELT_MM_BARRIER;
}

#undef SMELT_MM_BARRIER
#undef SMELT_MM_LEFT_ARGUMENT
#undef SMELT_MM_RIGHT_ARGUMENT
