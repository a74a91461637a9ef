// SPDX-License-Identifier: MIT
// A shader with something of everything that reflection knows, and the comparison of two reflections.
#ifndef SMELT_TEST_SHADER_SAME_H
#define SMELT_TEST_SHADER_SAME_H

#include "shader_rig.h"

static const char rich[] = TENSOR_EXTENSIONS
    "#include \"part.glsl\"\n#include \"smelt/base.glsl\"\n"
    "layout(local_size_x = 8) in;\nlayout(constant_id = 1) const int64_t big = -7l;\n" TENSOR(
        "w_f16_2_r_3x4", "float16_t",
        "2") "struct light { vec3 c; mat2 m; };\n"
             "layout(buffer_reference, scalar) buffer Block { w_f16_2_r_3x4 w; light l[2]; float t[3]; "
             "uint64_t a; float end[]; };\n"
             "layout(push_constant, scalar) uniform P { Block b; uint n; };\n"
             "layout(set = 0, binding = 0, r32f) writeonly uniform image2D picture;\n"
             "void main() { b.t[0] = PART + float(b.w.data.e[n]) + float(big); }\n";

static inline void same_block(const struct smelt_block *a, const struct smelt_block *b)
{
    CHECK(!strcmp(a->name, b->name) && a->size == b->size && a->alignment == b->alignment);
    CHECK(a->member_count == b->member_count);
    for (uint32_t i = 0; i < a->member_count; i++) {
        struct smelt_member x = a->members[i], y = b->members[i];
        CHECK(!strcmp(x.name, y.name));
        CHECK(x.kind == y.kind && x.offset == y.offset && x.size == y.size && x.dtype == y.dtype);
        CHECK(x.rank == y.rank && !memcmp(x.shape, y.shape, sizeof(x.shape)) && x.access == y.access);
        CHECK(x.vector_size == y.vector_size && x.columns == y.columns);
        CHECK(x.array_count == y.array_count && x.array_stride == y.array_stride);
    }
}

static inline void same_reflection(const struct smelt_reflection *a, const struct smelt_reflection *b)
{
    CHECK(a->block_count == b->block_count && a->binding_count == b->binding_count);
    for (uint32_t i = 0; i < a->block_count; i++)
        same_block(&a->blocks[i], &b->blocks[i]);
    if (a->push_constants.member_count)
        same_block(&a->push_constants, &b->push_constants);
    CHECK(a->push_constants.member_count == b->push_constants.member_count);
    for (uint32_t i = 0; i < a->push_constants.member_count; i++) {
        const char *x = a->push_constant_targets[i], *y = b->push_constant_targets[i];
        CHECK(x ? y && !strcmp(x, y) : !y);
    }
    for (uint32_t i = 0; i < a->binding_count; i++) {
        const struct smelt_binding *x = &a->bindings[i], *y = &b->bindings[i];
        CHECK(!strcmp(x->name, y->name) && x->set == y->set && x->binding == y->binding &&
              x->type == y->type);
        CHECK(x->count == y->count && x->access == y->access);
    }
    CHECK(a->specialization_count == b->specialization_count);
    for (uint32_t i = 0; i < a->specialization_count; i++) {
        const struct smelt_specialization *x = &a->specializations[i], *y = &b->specializations[i];
        CHECK(!strcmp(x->name, y->name) && x->id == y->id && x->size == y->size);
        CHECK(x->default_bits == y->default_bits);
    }
    CHECK(!memcmp(a->local_size, b->local_size, sizeof(a->local_size)));
}

#endif
