// SPDX-License-Identifier: MIT
// Neural materials: a small network and latent textures that give a surface's channels at a texture
// coordinate.
//
// The GLSL function is generated per *architecture* (latent count, encodings, layer widths, activations,
// channels), not per material: N materials of one architecture are N argument blocks of one pipeline.
//
// Thread-safety: one thread at a time per object; calls that read it (info, latent, sampler, glsl) from any.
#ifndef SMELT_MATERIAL_H
#define SMELT_MATERIAL_H

#include "arguments.h"
#include "package.h"
#include "weights.h"

SMELT_BEGIN

typedef struct smelt_material_t *smelt_material;

enum smelt_semantic {
    SMELT_SEMANTIC_OTHER = 0,
    SMELT_SEMANTIC_BASE_COLOR = 1, // 3 components
    SMELT_SEMANTIC_NORMAL = 2,     // 3 components, tangent space
    SMELT_SEMANTIC_OCCLUSION = 3,
    SMELT_SEMANTIC_ROUGHNESS = 4,
    SMELT_SEMANTIC_METALNESS = 5,
    SMELT_SEMANTIC_HEIGHT = 6,
    SMELT_SEMANTIC_OPACITY = 7,
    SMELT_SEMANTIC_EMISSION = 8, // 3 components
    SMELT_SEMANTIC_COUNT = 9,
};
// "base_color", "normal", ...; "invalid" for unknown values. Static storage.
SMELT_API const char *smelt_semantic_name(enum smelt_semantic semantic);

enum smelt_transfer {
    SMELT_TRANSFER_LINEAR = 0,
    SMELT_TRANSFER_SRGB = 1, // stored sRGB-encoded (IEC 61966-2-1); evaluated to linear
};

struct smelt_channel {
    const char *name; // in the package, and of the member in GLSL; a GLSL identifier
    enum smelt_semantic semantic;
    enum smelt_transfer transfer;
    uint32_t first, count;  // network outputs [first, first + count); count 1 to 4
    float minimum, maximum; // stored 0..1 maps linearly to this range
    bool normal_y_down;     // normals: the stored green points down (Direct3D style); evaluated with Y up
};

struct smelt_material_params {
    const char *path;            // of the package; or
    smelt_package package;       // an open one; borrowed until the call returns
    enum smelt_backend backend;  // of the network. AUTO: the best for `stages`
    VkShaderStageFlagBits stage; // the most demanding stage it is evaluated in; 0: FRAGMENT
    // f32 or f16. NONE: f32 on CPUs and without a context, else f16 if the device can
    enum smelt_dtype computed;
    enum smelt_dtype accumulated; // NONE: as computed
    uint32_t frames_in_flight;    // for smelt_material_update; 0: 2
    // Evaluated by whole workgroups of a compute shader (deferred.h): AUTO is COOPVEC, else matrices, else PORTABLE with the
    // weights in shared memory, and info's mlp.scope says which. The shader is compiled with the op NAME_net (see
    // smelt_material_glsl), and `stage` is COMPUTE or 0
    bool deferred;
    bool description_only; // no GPU objects: info, channels and GLSL work; `context` may then be NULL
};

// Parses, checks and makes textures and tensors. No GPU work: smelt_material_upload_and_wait or
// smelt_material_update brings the contents. Errors: those of smelt_package_open, FORMAT (names the JSON
// member, what was wanted and got), SHAPE, UNSUPPORTED, BUDGET, OUT_OF_DEVICE_MEMORY, VULKAN.
SMELT_API enum smelt_result smelt_material_create(smelt_context context,
                                                  const struct smelt_material_params *params,
                                                  smelt_material *material);
SMELT_API void smelt_material_destroy(smelt_material *material);

// A texture of four latent channels.
struct smelt_material_texture {
    uint32_t width, height, mips;
    uint32_t taps;   // times it is fetched for an evaluation: 1, or 4 around the place
    uint32_t bits;   // of a channel: 8 (VK_FORMAT_R8G8B8A8_UNORM) or 4 (VK_FORMAT_B4G4R4A4_UNORM_PACK16)
    float lod_shift; // log2 of its extent over the material's: what NAME_eval adds to a lod before NAME_fetch
    float fade;      // level of detail at which 4 fetches have come together; 0: they keep apart
    float until;     // level of detail from which on it counts as 0 and is not fetched; 0: never
};

struct smelt_material_info {
    const char *name;
    const struct smelt_channel *channels;
    uint32_t channel_count;
    uint32_t output_count;
    struct smelt_mlp_descriptor mlp; // with what was chosen for backend, computed and accumulated
    uint32_t latent_count;
    const struct smelt_material_texture *latents; // [latent_count]
    uint32_t latent_width, latent_height;         // the extent at which lod is 0
    uint32_t latent_mips;                         // of the longest chain
    bool clamp;                                   // the latents end at their edges, else they repeat
    uint32_t source_width, source_height;         // of the images it was made from; 0: unknown
    uint64_t architecture; // stable hash: equal for materials that one pipeline can evaluate, across runs
    double bits_per_texel; // of the whole package's tensors over the source size; 0: unknown
};
// Valid as long as the material.
SMELT_API const struct smelt_material_info *smelt_material_info(smelt_material material);

// The texture of latent `index`: an image view over all mips, in layout SHADER_READ_ONLY_OPTIMAL once
// uploaded. null when out of range.
SMELT_API VkImageView smelt_material_latent(smelt_material material, uint32_t index);
// A sampler as the latents want it (bilinear, repeat, linear between mips), owned by the material.
SMELT_API VkSampler smelt_material_sampler(smelt_material material);

// The generated module for this architecture, to be compiled in as a virtual file, with these names:
//   NAME_block     a buffer_reference block: net (weights and biases), latent_extent (uvec2, where lod is 0), latent[i]
//                  (uint, for bindless use)
//   NAME_surface   a struct with a member per channel: linear colour, unit normals (Y up), scalars in their range
//   vec4 NAME_fetch(NAME_block b, uint index, vec2 uv, float lod)   declared by the text, and defined by the user
//                  *after* the include: the filtered texel of latent `index` as stored, in 0..1, at a lod of that
//                  texture's own mips, which may lie outside of them
//   NAME_surface NAME_eval(NAME_block b, vec2 uv, float lod)
//   NAME_surface NAME_eval_grad(NAME_block b, vec2 uv, vec2 ddx, vec2 ddy)   lod from derivatives
//   void NAME_eval_raw(NAME_block b, vec2 uv, float lod, out float y[N])     the stored values, as trained
// and for `deferred` materials
//   NAME_WORKGROUP_SIZE     what the local size must be; a y and z size of 1
//   void NAME_load(NAME_block b)   by the whole workgroup, before the first evaluation and when the material changes;
//                  NAME_eval and its kin are then for the whole workgroup in uniform control flow, with the same b in all
//                  of it: an invocation without work evaluates any point and drops the result
// whose shader is compiled with struct smelt_op {"NAME_net", SMELT_OP_MLP, .mlp = &info->mlp} among its ops.
// Free with smelt_free_text. Errors: INVALID_ARGUMENT (`name` is no GLSL identifier without "__"), UNSUPPORTED,
// OUT_OF_HOST_MEMORY.
SMELT_API enum smelt_result smelt_material_glsl(smelt_material material, const char *name, char **text);

// Sets every weight and bias of a NAME_block, latent_extent, and latent[i] = first_texture + i. `prefix` "" when
// the block is the argument block itself; otherwise members are named PREFIX.net.layer0.weight and so on.
// Errors: those of smelt_arguments_set_tensor; NOT_READY for a description_only material.
SMELT_API enum smelt_result smelt_material_set_arguments(smelt_material material, smelt_arguments arguments,
                                                         const char *prefix, uint32_t first_texture);

// New contents, from a package of the same architecture (NULL: the one it was created from), recorded into
// the caller's command buffer outside a render pass, with the barriers after earlier and before later reads
// by the shader stages. `frame`: any number of the caller's; frame - frames_in_flight must have finished on
// the GPU.
//   parts  smelt_material_part bits; 0: all
// Errors: INVALID_ARGUMENT (another architecture: says what differs), those of reading the package, NOT_READY for
// a description_only material. No allocation but for the staging ring, which the first call makes.
enum smelt_material_part {
    SMELT_MATERIAL_WEIGHTS = 1 << 0,
    SMELT_MATERIAL_LATENTS = 1 << 1,
};
SMELT_API enum smelt_result smelt_material_update(smelt_material material, VkCommandBuffer commands,
                                                  uint64_t frame, smelt_package package, uint32_t parts);
// The first contents, on the context's queue, waiting for it. Errors: NOT_READY as smelt_material_update, BUDGET (of
// staging), OUT_OF_DEVICE_MEMORY, DEVICE_LOST, VULKAN.
SMELT_API enum smelt_result smelt_material_upload_and_wait(smelt_material material);

SMELT_END

#endif
