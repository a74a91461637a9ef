// SPDX-License-Identifier: MIT
// A parsed material description (docs/packages.md), shared by the parser, the GLSL generator and the GPU objects.
#ifndef SMELT_MATERIAL_INTERNAL_H
#define SMELT_MATERIAL_INTERNAL_H

#include "json.h"

#define SMELT_MATERIAL_MAX_LATENTS 16
#define SMELT_MATERIAL_MAX_MIPS 15
#define SMELT_MATERIAL_MAX_CHANNELS 32
#define SMELT_MATERIAL_MAX_OUTPUTS 64
#define SMELT_MATERIAL_MAX_ENCODINGS 8

enum smelt_material_feature {
    SMELT_FEATURE_LATENTS = 0,       // 4 per latent texture: texel * remap_scale + remap_bias
    SMELT_FEATURE_UV = 1,            // u, v
    SMELT_FEATURE_FREQUENCY = 2,     // per octave o: sin, cos of 2 pi 2^o scale u, then of v
    SMELT_FEATURE_TRIANGLE_WAVE = 3, // per octave o: the triangle wave of 2^o scale u, then of v
    SMELT_FEATURE_PADDING = 4,       // zeros
    SMELT_FEATURE_LOD = 5,           // lod from 0 to scale, over scale
    SMELT_FEATURE_COUNT = 6,
};

struct smelt_material_encoding {
    enum smelt_material_feature feature;
    uint32_t count; // octaves, or zeros of PADDING
    float scale;    // periods of octave 0 in u and v from 0 to 1; of LOD the largest one
    float fade;     // level of detail at which waves are 0; 0: never
    uint32_t width; // features it gives
};

// Names and tensors are borrowed from the package.
struct smelt_material_description {
    const char *name;
    uint32_t source_width, source_height;
    uint32_t latent_count, latent_width, latent_height;
    uint32_t fetch_count; // of all latents, each as often as it has taps
    struct smelt_material_texture textures[SMELT_MATERIAL_MAX_LATENTS];
    bool clamp; // address mode: clamp to edge instead of repeat
    float remap_scale, remap_bias;
    // [][0]: finest
    const struct smelt_package_tensor *latents[SMELT_MATERIAL_MAX_LATENTS][SMELT_MATERIAL_MAX_MIPS];
    uint32_t encoding_count;
    struct smelt_material_encoding encodings[SMELT_MATERIAL_MAX_ENCODINGS];
    struct smelt_mlp_descriptor mlp; // without backend, computed and accumulated
    const struct smelt_package_tensor *weights[SMELT_MLP_MAX_LAYERS], *biases[SMELT_MLP_MAX_LAYERS];
    // Of weights that are stored as i8 or f8e4m3, one for each row, f32; the device has the products, in f16.
    const struct smelt_package_tensor *scales[SMELT_MLP_MAX_LAYERS];
    uint32_t channel_count;
    struct smelt_channel channels[SMELT_MATERIAL_MAX_CHANNELS];
    double bits_per_texel;
};

// Parses and checks. Allocates nothing that outlives the call. Errors: FORMAT, SHAPE, DTYPE.
enum smelt_result smelt_material_describe(smelt_context context, smelt_package package,
                                          struct smelt_material_description *description);
// All that the generated GLSL depends on, a line for each part (material_glsl.c).
struct smelt_material_architecture {
    char text[8192];
};
void smelt_material_architecture(const struct smelt_material_description *description,
                                 struct smelt_material_architecture *architecture);
// A float as a GLSL literal, whatever the locale.
struct smelt_literal {
    char text[32];
};
struct smelt_literal smelt_float_literal(float value);
// Behind a factor: what is left at `lod` of what has faded at level `fade`; nothing where that is 0, for what never does.
void smelt_material_write_fade(struct smelt_text *text, float fade);
// How much latents count at `lod` that are 0 from level `until` on.
void smelt_material_write_until(struct smelt_text *text, float until);
// A name of up to 63 characters that GLSL allows, keywords aside.
bool smelt_is_identifier(const char *name);

// Whether the module has an instance of its network for COOPVEC beside the one for PORTABLE.
enum smelt_material_coopvec {
    SMELT_MATERIAL_COOPVEC_NEVER = 0,
    SMELT_MATERIAL_COOPVEC_MAY = 1, // when the compiler can do it: the device is not known
    SMELT_MATERIAL_COOPVEC_MUST = 2,
};
struct smelt_material_glsl {
    smelt_context context;
    const struct smelt_material_description *description; // its mlp: of the PORTABLE instance
    const struct smelt_mlp_descriptor *coopvec;           // of the COOPVEC one
    enum smelt_material_coopvec use;
    VkShaderStageFlagBits stage;
    bool deferred; // the network is the shader's op NAME_net, at the scope of coopvec
};
enum smelt_result smelt_material_write_glsl(const struct smelt_material_glsl *request, const char *name,
                                            char **text);

// The textures and weights on the device (material_gpu.c).
struct smelt_material_t {
    smelt_context context; // NULL: description only
    smelt_package package; // its own
    struct smelt_material_description description;
    struct smelt_material_info info;
    struct smelt_mlp_descriptor requested; // as info.mlp, before the choice
    bool any_backend;                      // nothing was asked for and no device is known
    bool deferred;
    VkShaderStageFlagBits stage;
    uint32_t slot_count;
    VkPipelineStageFlags2 readers; // what shader stages the queue has
    smelt_weights weights;
    VkSampler sampler;
    VkDeviceMemory memory;
    uint64_t memory_size;
    VkImage images[SMELT_MATERIAL_MAX_LATENTS];
    VkImageView views[SMELT_MATERIAL_MAX_LATENTS];
    uint64_t slot_size; // bytes of all latents, each mip at a multiple of 4
    // of quantised weights and their scales; NULL: as in the package
    uint16_t *products[SMELT_MLP_MAX_LAYERS];
    struct smelt_buffer staging; // slot_count slots, made by the first update
};
enum smelt_result smelt_material_create_gpu(smelt_material material);
void smelt_material_destroy_gpu(smelt_material material);

#endif
