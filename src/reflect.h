// SPDX-License-Identifier: MIT
// What the two halves of reflection share: reflect.c (the module, its resources) and reflect_block.c (what is in
// a block).
#ifndef SMELT_REFLECT_H
#define SMELT_REFLECT_H

#include "shader_internal.h"

#include <spirv_cross_c.h>

struct reflector {
    smelt_context context;
    const char *name; // of the shader, for messages
    const uint32_t *words;
    size_t word_count;
    spvc_context spvc;
    spvc_compiler compiler;
    struct smelt_reflection *out;
    bool out_of_memory;
};

// COMPILE, with what could not be read and SPIRV-Cross's own reason.
enum smelt_result smelt_reflect_fail(struct reflector *r, const char *what);
// NULL sets r->out_of_memory.
char *smelt_reflect_copy_name(struct reflector *r, const char *name);
// Makes room for one more entry in a list that grows by doubling; NULL sets r->out_of_memory and leaves the list.
void *smelt_reflect_grow(struct reflector *r, void *list, uint32_t count, size_t entry_size);
// Dimension 0 is the innermost. 0: runtime.
uint32_t smelt_reflect_array_extent(struct reflector *r, spvc_type type, unsigned dimension);

// Fills `block` from a struct type; `targets`, when not NULL, receives per member the block it points to or NULL.
enum smelt_result smelt_reflect_block(struct reflector *r, spvc_type_id id, struct smelt_block *block,
                                      char ***targets);
// Finds r->out->blocks.
enum smelt_result smelt_reflect_blocks(struct reflector *r);

#endif
