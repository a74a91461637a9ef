// SPDX-License-Identifier: MIT
// The inside of an arguments object, for the sources that make it: arguments.c (life, block, use),
// arguments_reflect.c (what the shaders ask for) and arguments_bindings.c (descriptors).
#ifndef SMELT_ARGUMENTS_INTERNAL_H
#define SMELT_ARGUMENTS_INTERNAL_H

#include "tensor_internal.h"

#include <string.h>

#define ARGUMENTS_MAX_FRAMES 16
#define ARGUMENTS_DEFAULT_RUNTIME_ARRAY 1024

// Names to indices: open addressing over FNV-1a, at most half full. The names are borrowed.
struct name_table {
    const char **names;
    uint32_t count, mask;
    uint32_t *slots; // mask + 1 of them: index + 1, or 0
};

struct arguments_member {
    struct smelt_member info; // info.name is owned
    bool set;
};

// One binding of the set. Exactly one of `images` and `buffers` is there.
struct arguments_binding {
    char *name;
    uint32_t binding;
    VkDescriptorType type;
    uint32_t count; // elements
    bool runtime;   // elements need not be set
    VkShaderStageFlags stages;
    VkDescriptorImageInfo *images;
    VkDescriptorBufferInfo *buffers;
    uint64_t *versions; // per element: descriptor_version when it was set; 0: not set
    uint64_t version;   // the largest of them
};

// One frame in flight.
struct arguments_slot {
    uint8_t *mapped;
    VkDeviceAddress address;
    uint64_t block_version; // of the values that the copy holds
    uint64_t descriptor_version;
    VkDescriptorSet set;
};

struct smelt_arguments_t {
    smelt_context context;
    char *name;
    char *block_name; // NULL: no block
    bool coopvec;     // a shader reads device-optimal matrices
    uint32_t frames;
    struct arguments_slot slots[ARGUMENTS_MAX_FRAMES];

    struct arguments_member *members;
    uint32_t member_count, unset_members;
    struct name_table member_names;
    uint32_t block_size, block_alignment;
    uint8_t *values; // block_size bytes
    uint64_t block_version;
    struct smelt_block_place place;
    uint32_t *push_offsets; // where the shaders' push constants take the block's address
    uint32_t push_count;
    char *push_conflict; // two members of one push constant block that point to it; NULL: none

    bool descriptors;
    uint32_t set;
    struct arguments_binding *bindings; // by rising binding number
    uint32_t binding_count;
    uint64_t unset_elements;
    struct name_table binding_names;
    uint64_t descriptor_version;
    VkDescriptorSetLayout set_layout;
    bool owns_set_layout;
    VkDescriptorPool pool;
};

// --- Names (arguments_reflect.c) ---------------------------------------------------------------------------

// `names` (count of them, owned by the table from then on) become findable. Errors: OUT_OF_HOST_MEMORY.
enum smelt_result smelt_name_table_create(smelt_context context, const char **names, uint32_t count,
                                          struct name_table *table);
void smelt_name_table_destroy(struct name_table *table);
// The index of a name given by its first `length` characters, or UINT32_MAX.
uint32_t smelt_name_table_find(const struct name_table *table, const char *name, size_t length);
// ", near names: ..." or ", there are: ...", at most three of them, for a message.
void smelt_name_table_suggest(const struct name_table *table, const char *name, struct smelt_text *text);

// `call` names what was called. Errors: INVALID_ARGUMENT.
static inline enum smelt_result smelt_arguments_require(smelt_arguments arguments, const char *call)
{
    return arguments ? SMELT_OK
                     : smelt_fail(NULL, SMELT_ERROR_INVALID_ARGUMENT,
                                  "arguments_%s: arguments is NULL, wanted one", call);
}

// --- Members (arguments.c), also for pipelines -------------------------------------------------------------

// Whether a tensor can be a member's value; errors as smelt_arguments_set_tensor, with `owner` in front. `coopvec`: a
// shader reads matrices in the device's layout.
enum smelt_result smelt_member_check_tensor(smelt_context context, const char *owner, bool coopvec,
                                            const struct smelt_member *member, smelt_tensor given);
// A tensor's form in a block: 8 bytes and 8 for each dimension.
static inline void smelt_member_write_tensor(smelt_tensor tensor, void *place)
{
    memcpy(place, &tensor->form.address, 8 + 8ull * tensor->info.rank);
}
// Whether a member of a reflection, which may come from a file, lies in its block as the setters rely on.
bool smelt_member_fits(const struct smelt_block *block, const struct smelt_member *member);
const char *smelt_member_kind_name(enum smelt_member_kind kind); // "a tensor"

// --- What the shaders ask for (arguments_reflect.c) --------------------------------------------------------

// Fills the block and push constant part, and the bindings of the set (without descriptor storage).
// Errors: NOT_FOUND, INVALID_ARGUMENT, OUT_OF_HOST_MEMORY.
enum smelt_result smelt_arguments_reflect(smelt_arguments arguments,
                                          const struct smelt_arguments_params *params);

// --- Descriptors (arguments_bindings.c) --------------------------------------------------------------------

enum smelt_result smelt_arguments_create_sets(smelt_arguments arguments,
                                              const struct smelt_arguments_params *params);
void smelt_arguments_destroy_sets(smelt_arguments arguments);
// Brings the slot's descriptor set up to the values set so far.
void smelt_arguments_write_set(smelt_arguments arguments, struct arguments_slot *slot);
// Adds the names of what is not set.
void smelt_arguments_list_unset_bindings(smelt_arguments arguments, struct smelt_text *text);

#endif
