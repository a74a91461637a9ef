// SPDX-License-Identifier: MIT
// tensor_struct_tmpl.glsl: the struct of a tensor and the functions on it; part of tensor_tmpl.glsl.
//
// what    makes everything for one struct: the tensor itself, or its slice
// params  SMELT_TENSOR_THIS the struct (undefined afterwards); SMELT_TENSOR_FIXED 1: extents are SMELT_TENSOR_E<d>
//         where those are not 0; SMELT_TENSOR_PACKED 1: and strides follow from them if <T>_packed; and the macros that
//         tensor_tmpl.glsl keeps for both
// makes   see tensor_tmpl.glsl
// errors  see tensor_tmpl.glsl
// needs   tensor_tmpl.glsl around it
// source  tensor_tmpl.glsl
struct SMELT_TENSOR_THIS {
    SMELT_TENSOR_DATA data;
#if SMELT_RANK > 0
    uint extent[SMELT_RANK];
    uint stride[SMELT_RANK];
#endif
};

// --- The element at an offset from the first one

#if SMELT_ACCESS != SMELT_ACCESS_WRITE
SMELT_TENSOR_V smelt_load_at(SMELT_TENSOR_THIS t, uint offset)
{
#if SMELT_TENSOR_SIZE > 0
    return SMELT_TENSOR_DECODE(t.data.e[offset]);
#else
    return SMELT_TENSOR_DECODE(uint(t.data.e[offset >> 1]) >> (4u * (offset & 1u)));
#endif
}
#endif

#if SMELT_ACCESS != SMELT_ACCESS_READ
void smelt_store_at(SMELT_TENSOR_THIS t, uint offset, SMELT_TENSOR_V v)
{
#if SMELT_TENSOR_SIZE > 0
    t.data.e[offset] = SMELT_TENSOR_ENCODE(v);
#else
    uint shift = 4u * (offset & 1u);
    uint other = uint(t.data.e[offset >> 1]) & (0xf0u >> shift);
    t.data.e[offset >> 1] = uint8_t(other | (SMELT_TENSOR_ENCODE(v) << shift));
#endif
}
#endif

#if SMELT_RANK == 0
#if SMELT_ACCESS != SMELT_ACCESS_WRITE
SMELT_TENSOR_V smelt_load(SMELT_TENSOR_THIS t)
{
    return smelt_load_at(t, 0u);
}
SMELT_TENSOR_V smelt_load_unchecked(SMELT_TENSOR_THIS t)
{
    return smelt_load_at(t, 0u);
}
#endif
#if SMELT_ACCESS != SMELT_ACCESS_READ
void smelt_store(SMELT_TENSOR_THIS t, SMELT_TENSOR_V v)
{
    smelt_store_at(t, 0u, v);
}
void smelt_store_unchecked(SMELT_TENSOR_THIS t, SMELT_TENSOR_V v)
{
    smelt_store_at(t, 0u, v);
}
#endif
#else

// --- Extents, strides, offsets

uint smelt_extent(SMELT_TENSOR_THIS t, uint d)
{
#if SMELT_TENSOR_FIXED
    return SMELT_TENSOR_KNOWN(d) != 0u ? SMELT_TENSOR_KNOWN(d) : t.extent[d];
#else
    return t.extent[d];
#endif
}

// What the extent counts for in strides of a packed tensor: rows of 4 bit types are whole bytes.
#if SMELT_TENSOR_SIZE > 0
#define SMELT_TENSOR_PITCH(t, d) smelt_extent(t, d)
#else
#define SMELT_TENSOR_PITCH(t, d) (smelt_extent(t, d) + (d == SMELT_RANK - 1 ? smelt_extent(t, d) & 1u : 0u))
#endif

uint smelt_stride(SMELT_TENSOR_THIS t, uint d)
{
#if SMELT_TENSOR_FIXED && SMELT_TENSOR_PACKED
    uint stride = 1u;
    [[unroll]] for (uint j = SMELT_RANK - 1; j > 0u; j--)
    {
        stride *= j > d ? SMELT_TENSOR_PITCH(t, j) : 1u;
    }
    if (SMELT_CAT(SMELT_TENSOR_T, _packed))
        return stride;
#endif
    return t.stride[d];
}

uint smelt_offset(SMELT_TENSOR_THIS t, uint i[SMELT_RANK])
{
    uint offset = 0u;
    [[unroll]] for (uint d = 0u; d < SMELT_RANK; d++)
    {
#if SMELT_TENSOR_FIXED && SMELT_TENSOR_PACKED
        if (SMELT_CAT(SMELT_TENSOR_T, _packed))
            offset = offset * SMELT_TENSOR_PITCH(t, d) + i[d];
        else
#endif
            offset += i[d] * t.stride[d];
    }
    return offset;
}

bool smelt_inside(SMELT_TENSOR_THIS t, uint i[SMELT_RANK])
{
    bool inside = true;
    [[unroll]] for (uint d = 0u; d < SMELT_RANK; d++)
    {
        inside = inside && i[d] < smelt_extent(t, d);
    }
    return inside;
}

#undef SMELT_TENSOR_PITCH

// --- Load, store, slice

#if SMELT_ACCESS != SMELT_ACCESS_WRITE
SMELT_TENSOR_V smelt_load_unchecked(SMELT_TENSOR_THIS t, uint i[SMELT_RANK])
{
    return smelt_load_at(t, smelt_offset(t, i));
}

SMELT_TENSOR_V smelt_load(SMELT_TENSOR_THIS t, uint i[SMELT_RANK])
{
    if (!smelt_inside(t, i))
        return SMELT_TENSOR_V(0);
    return smelt_load_at(t, smelt_offset(t, i));
}
#endif

#if SMELT_ACCESS != SMELT_ACCESS_READ
void smelt_store_unchecked(SMELT_TENSOR_THIS t, uint i[SMELT_RANK], SMELT_TENSOR_V v)
{
    smelt_store_at(t, smelt_offset(t, i), v);
}

void smelt_store(SMELT_TENSOR_THIS t, uint i[SMELT_RANK], SMELT_TENSOR_V v)
{
    if (smelt_inside(t, i))
        smelt_store_at(t, smelt_offset(t, i), v);
}
#endif

SMELT_TENSOR_SLICE smelt_slice(SMELT_TENSOR_THIS t, uint origin[SMELT_RANK], uint extent[SMELT_RANK])
{
    SMELT_TENSOR_SLICE s;
    uint first = smelt_inside(t, origin) ? smelt_offset(t, origin) : 0u;
    [[unroll]] for (uint d = 0u; d < SMELT_RANK; d++)
    {
        uint whole = smelt_extent(t, d);
        s.extent[d] = min(extent[d], whole - min(origin[d], whole));
        s.stride[d] = smelt_stride(t, d);
    }
#if SMELT_TENSOR_SIZE > 0
    uint low, high, carry;
    umulExtended(first, SMELT_TENSOR_SIZE, high, low);
#else
    uint low = first >> 1, high = 0u, carry;
    s.extent[0] = (first & 1u) == 0u ? s.extent[0] : 0u;
#endif
    uvec2 address = uvec2(t.data);
    address.x = uaddCarry(address.x, low, carry);
    address.y += high + carry;
    s.data = SMELT_TENSOR_DATA(address);
    return s;
}

// --- The same with one argument per dimension

#if SMELT_RANK == 1
#define SMELT_TENSOR_ARGUMENTS uint i0
#define SMELT_TENSOR_INDICES uint[1](i0)
#define SMELT_TENSOR_ARGUMENTS2 uint extent0
#define SMELT_TENSOR_INDICES2 uint[1](extent0)
#elif SMELT_RANK == 2
#define SMELT_TENSOR_ARGUMENTS uint i0, uint i1
#define SMELT_TENSOR_INDICES uint[2](i0, i1)
#define SMELT_TENSOR_ARGUMENTS2 uint extent0, uint extent1
#define SMELT_TENSOR_INDICES2 uint[2](extent0, extent1)
#elif SMELT_RANK == 3
#define SMELT_TENSOR_ARGUMENTS uint i0, uint i1, uint i2
#define SMELT_TENSOR_INDICES uint[3](i0, i1, i2)
#define SMELT_TENSOR_ARGUMENTS2 uint extent0, uint extent1, uint extent2
#define SMELT_TENSOR_INDICES2 uint[3](extent0, extent1, extent2)
#elif SMELT_RANK == 4
#define SMELT_TENSOR_ARGUMENTS uint i0, uint i1, uint i2, uint i3
#define SMELT_TENSOR_INDICES uint[4](i0, i1, i2, i3)
#define SMELT_TENSOR_ARGUMENTS2 uint extent0, uint extent1, uint extent2, uint extent3
#define SMELT_TENSOR_INDICES2 uint[4](extent0, extent1, extent2, extent3)
#endif

#if SMELT_RANK <= 4
#if SMELT_ACCESS != SMELT_ACCESS_WRITE
SMELT_TENSOR_V smelt_load(SMELT_TENSOR_THIS t, SMELT_TENSOR_ARGUMENTS)
{
    return smelt_load(t, SMELT_TENSOR_INDICES);
}
SMELT_TENSOR_V smelt_load_unchecked(SMELT_TENSOR_THIS t, SMELT_TENSOR_ARGUMENTS)
{
    return smelt_load_unchecked(t, SMELT_TENSOR_INDICES);
}
#endif
#if SMELT_ACCESS != SMELT_ACCESS_READ
void smelt_store(SMELT_TENSOR_THIS t, SMELT_TENSOR_ARGUMENTS, SMELT_TENSOR_V v)
{
    smelt_store(t, SMELT_TENSOR_INDICES, v);
}
void smelt_store_unchecked(SMELT_TENSOR_THIS t, SMELT_TENSOR_ARGUMENTS, SMELT_TENSOR_V v)
{
    smelt_store_unchecked(t, SMELT_TENSOR_INDICES, v);
}
#endif
SMELT_TENSOR_SLICE smelt_slice(SMELT_TENSOR_THIS t, SMELT_TENSOR_ARGUMENTS, SMELT_TENSOR_ARGUMENTS2)
{
    return smelt_slice(t, SMELT_TENSOR_INDICES, SMELT_TENSOR_INDICES2);
}
#undef SMELT_TENSOR_ARGUMENTS
#undef SMELT_TENSOR_INDICES
#undef SMELT_TENSOR_ARGUMENTS2
#undef SMELT_TENSOR_INDICES2
#endif
#endif
#undef SMELT_TENSOR_THIS
