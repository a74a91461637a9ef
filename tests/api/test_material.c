// SPDX-License-Identifier: MIT
// Tests of material.h without evaluating: descriptions good and bad, the architecture hash, the generated text.
#include "material_tiny.h"
#include "source.h"

#include <math.h>

static enum smelt_result describe(smelt_package package, smelt_material *material)
{
    struct smelt_material_params params = {.package = package, .description_only = true};
    *material = NULL;
    return smelt_material_create(NULL, &params, material);
}

static smelt_material described(struct tiny *t)
{
    smelt_package package = tiny_package(t);
    smelt_material material;
    CHECK_OK(describe(package, &material));
    smelt_package_close(&package); // the material keeps what it needs
    return material;
}

static void reads_everything(void)
{
    struct tiny t;
    tiny_make(&t, 1);
    smelt_material material = described(&t);
    const struct smelt_material_info *info = smelt_material_info(material);
    CHECK(!strcmp(info->name, "tiny") && info->source_width == 16 && info->source_height == 8);
    CHECK(info->latent_count == 2 && info->latent_width == 8 && info->latent_height == 4 &&
          info->latent_mips == 3);
    CHECK(info->mlp.layer_count == 1 && info->mlp.widths[0] == 24 && info->mlp.widths[1] == 10);
    CHECK(info->mlp.activations[0] == SMELT_ACTIVATION_NONE && !info->mlp.no_bias);
    CHECK(info->mlp.stored == SMELT_DTYPE_F32 && info->mlp.backend == SMELT_BACKEND_PORTABLE);
    CHECK(info->output_count == 10 && info->channel_count == 4);
    const struct smelt_channel *c = info->channels;
    CHECK(!strcmp(c[0].name, "base_color") && c[0].semantic == SMELT_SEMANTIC_BASE_COLOR && c[0].first == 0 &&
          c[0].count == 3 && c[0].transfer == SMELT_TRANSFER_SRGB && c[0].minimum == 0 && c[0].maximum == 1);
    CHECK(!strcmp(c[1].name, "bumps") && c[1].semantic == SMELT_SEMANTIC_NORMAL && c[1].normal_y_down);
    CHECK(c[2].semantic == SMELT_SEMANTIC_ROUGHNESS && c[2].minimum == -1 && c[2].maximum == 3);
    CHECK(c[3].semantic == SMELT_SEMANTIC_OTHER && c[3].count == 4);
    double size = sizeof(t.weight) + sizeof(t.bias) + 2 * 4 * (32 + 8 + 2);
    CHECK(fabs(info->bits_per_texel - 8 * size / (16 * 8)) < 1e-12);
    CHECK(!smelt_material_latent(material, 0) && !smelt_material_sampler(material));
    CHECK_FAILS(smelt_material_update(material, NULL, 0, NULL, 0), SMELT_ERROR_NOT_READY, "description_only");
    CHECK_FAILS(smelt_material_upload_and_wait(material), SMELT_ERROR_NOT_READY, "description_only");
    CHECK_FAILS(smelt_material_set_arguments(material, NULL, "", 0), SMELT_ERROR_NOT_READY,
                "description_only");
    smelt_material_destroy(&material);
    CHECK(!material);
    smelt_material_destroy(&material);
    smelt_material_destroy(NULL);
}

static void defaults_of_optional_members(void)
{
    struct tiny t;
    tiny_make(&t, 1);
    tiny_replace(&t, "\"name\":\"tiny\",\"source\":{\"width\":16,\"height\":8},", "");
    tiny_replace(&t, ",\"range\":[-1,3]", "");
    tiny_replace(&t, "\"name\":\"roughness\"", "\"name\":\"material\""); // begins like mat2, and is free
    smelt_material material = described(&t);
    const struct smelt_material_info *info = smelt_material_info(material);
    CHECK(!strcmp(info->name, "material") && !info->source_width && !info->source_height &&
          info->bits_per_texel == 0);
    CHECK(info->channels[2].minimum == 0 && info->channels[2].maximum == 1);
    smelt_material_destroy(&material);
}

// What of the description is replaced, and what must be said.
static const struct {
    const char *from, *to;
    enum smelt_result result;
    const char *message;
} bad[] = {
    {"\"kind\":\"material\"", "\"kind\":\"shader\"", SMELT_ERROR_FORMAT, "kind \"material\", got \"shader\""},
    {"\"name\":\"tiny\"", "\"nam\":\"tiny\"", SMELT_ERROR_FORMAT, "nam: wanted no such member"},
    {"\"name\":\"tiny\"", "\"name\":3", SMELT_ERROR_FORMAT, "description: name: wanted a string, got 3"},
    {"\"width\":16", "\"width\":0", SMELT_ERROR_FORMAT, "source.width: wanted a whole number from 1"},
    {"\"rgba8_unorm\"", "\"bc7\"", SMELT_ERROR_FORMAT,
     "latents.format: wanted \"rgba8_unorm\" or \"bgra4_unorm\", got \"bc7\""},
    {"\"width\":8", "\"width\":8.5", SMELT_ERROR_FORMAT,
     "latents.width: wanted a whole number from 1 to 16384, got 8.5"},
    {"\"width\":8", "\"width\":1e9", SMELT_ERROR_FORMAT, "latents.width"},
    {"\"width\":8", "\"width\":16", SMELT_ERROR_SHAPE,
     "latents.textures[0].mips[0]: tensor \"latent0.mip2\": wanted shape [1][4][4], got [1][2][4]"},
    {"\"filter\":\"linear\"", "\"filter\":\"cubic\"", SMELT_ERROR_FORMAT, "latents.filter"},
    {"\"repeat\"", "\"mirror\"", SMELT_ERROR_FORMAT,
     "latents.address: wanted \"repeat\" or \"clamp\", got \"mirror\""},
    {"[2,-1]", "[2]", SMELT_ERROR_FORMAT, "latents.remap: wanted an array of 2 to 2, got an array of 1"},
    {"[2,-1]", "[2,1e300]", SMELT_ERROR_FORMAT, "latents.remap[1]"},
    {"[2,-1]", "[2,null]", SMELT_ERROR_FORMAT,
     "latents.remap[1]: wanted a number from -1e6 to 1e6, got null"},
    {"{\"mips\":[\"latent1.mip2\"", "{\"format\":\"bgra4_unorm\",\"mips\":[\"latent1.mip2\"",
     SMELT_ERROR_SHAPE,
     "latents.textures[1].mips[0]: tensor \"latent1.mip2\": wanted shape [1][2][2], got [1][2][4]"},
    {"{\"mips\":[\"latent1.mip2\"", "{\"width\":4,\"height\":1,\"mips\":[\"latent1.mip2\"", SMELT_ERROR_SHAPE,
     "latents.textures[1].mips[0]: tensor \"latent1.mip2\": wanted shape [1][1][4], got [1][2][4]"},
    {"{\"mips\":[\"latent1.mip2\"", "{\"height\":0,\"mips\":[\"latent1.mip2\"", SMELT_ERROR_FORMAT,
     "latents.textures[1].height: wanted a whole number from 1"},
    {"\"latent1.mip0\"]", "\"latent1.mip0\"],\"taps\":3", SMELT_ERROR_FORMAT,
     "latents.textures[1].taps: wanted 1 or 4"},
    {"\"latent1.mip0\"]", "\"latent1.mip0\"],\"taps\":5", SMELT_ERROR_FORMAT, "latents.textures[1].taps"},
    {"\"latent1.mip0\"]", "\"latent1.mip0\"],\"taps\":4", SMELT_ERROR_FORMAT, "network.input: wanted"},
    {"\"latent1.mip0\"]", "\"latent1.mip0\"],\"fade\":0", SMELT_ERROR_FORMAT,
     "latents.textures[1].fade: wanted a number from 0.001 to 32"},
    {"\"latent1.mip0\"]", "\"latent1.mip0\"],\"until\":33", SMELT_ERROR_FORMAT,
     "latents.textures[1].until: wanted a number from 0.001 to 32, got 33"},
    {"\"scale\":2", "\"scale\":2,\"fade\":\"x\"", SMELT_ERROR_FORMAT,
     "encoding[2].fade: wanted a number from 0.001 to 32, got \"x\""},
    {"\"input\":\"latents\"", "\"input\":\"lod\"", SMELT_ERROR_FORMAT, "encoding[0].maximum"},
    {"\"weight\":\"layer0.weight\"", "\"scale\":\"layer0.bias\",\"weight\":\"layer0.weight\"",
     SMELT_ERROR_DTYPE,
     "layers[0].weight: with a scale: wanted I8 or F8_E4M3 and a scale of F32, got F32 and F32"},
    {"[\"latent0.mip2\"", "[\"x\",\"x\",\"latent0.mip2\"", SMELT_ERROR_FORMAT,
     "mips: wanted an array of 1 to 4, got an array of 5"},
    {"\"latent0.mip1\"", "\"latent0.mip7\"", SMELT_ERROR_FORMAT,
     "mips[1]: wanted the name of a tensor in the package, got \"latent0.mip7\""},
    {"\"latent0.mip1\"", "\"layer0.bias\"", SMELT_ERROR_DTYPE,
     "mips[1]: tensor \"layer0.bias\": wanted U8, got F32"},
    {"{\"mips\":[\"latent1.mip2\",\"latent1.mip1\",\"latent1.mip0\"]}", "7", SMELT_ERROR_FORMAT,
     "latents.textures[1]: wanted an object, got 7"},
    {"\"type\":\"identity\"", "\"type\":\"hash_grid\"", SMELT_ERROR_FORMAT,
     "encoding[0].type: wanted \"identity\""},
    {"\"input\":\"latents\"", "\"input\":\"normal\"", SMELT_ERROR_FORMAT, "encoding[0].input"},
    {"\"n_frequencies\":2", "\"n_frequencies\":64", SMELT_ERROR_FORMAT,
     "encoding[2].n_frequencies: wanted a whole number from 1 to 16, got 64"},
    {"\"scale\":2", "\"scale\":0", SMELT_ERROR_FORMAT, "encoding[2].scale"},
    {"\"scale\":2", "\"scale\":\"2\"", SMELT_ERROR_FORMAT,
     "encoding[2].scale: wanted a number from 0.001 to 65536, got \"2\""},
    {"\"padding\",\"count\":2", "\"padding\",\"count\":3", SMELT_ERROR_FORMAT,
     "network.input: wanted 25, the features that encoding gives, got 24"},
    {"\"input\":24", "\"input\":2000", SMELT_ERROR_FORMAT, "network.input"},
    {"\"activation\":\"none\"", "\"activation\":\"swoosh\"", SMELT_ERROR_FORMAT,
     "network.layers[0].activation: wanted \"none\" or \"relu\""},
    {"\"activation\":\"none\"", "\"activation\":\"swoosh\"", SMELT_ERROR_FORMAT, "got \"swoosh\""},
    {"\"weight\":\"layer0.weight\"", "\"weight\":\"layer9.weight\"", SMELT_ERROR_FORMAT,
     "network.layers[0].weight: wanted the name of a tensor"},
    {"\"weight\":\"layer0.weight\"", "\"weight\":\"layer0.bias\"", SMELT_ERROR_SHAPE,
     "network.layers[0].weight"},
    {"\"bias\":\"layer0.bias\"", "\"bias\":\"layer0.weight\"", SMELT_ERROR_SHAPE,
     "network.layers[0].bias: tensor \"layer0.weight\": wanted shape [10], got [10][24] (rank 2)"},
    {"\"bias\":\"layer0.bias\"", "\"bias\":\"latent0.mip0\"", SMELT_ERROR_DTYPE,
     "network.layers[0].bias: tensor \"latent0.mip0\": wanted f32, got U8"},
    {"\"activation\":\"none\"}",
     "\"activation\":\"none\"},{\"weight\":\"layer0.weight\",\"activation\":\"none\"}", SMELT_ERROR_SHAPE,
     "network.layers[1].weight: tensor \"layer0.weight\": wanted shape [10][10], got [10][24]"},
    {"\"name\":\"base_color\"", "\"name\":\"sample\"", SMELT_ERROR_FORMAT,
     "channels[0].name: wanted a GLSL identifier"},
    {"\"name\":\"base_color\"", "\"name\":\"a; discard\"", SMELT_ERROR_FORMAT, "channels[0].name"},
    {"\"name\":\"base_color\"", "\"name\":\"vec3\"", SMELT_ERROR_FORMAT, "channels[0].name"},
    {"\"name\":\"base_color\"", "\"name\":\"sampler2D\"", SMELT_ERROR_FORMAT, "channels[0].name"},
    {"\"name\":\"base_color\"", "\"name\":\"a__b\"", SMELT_ERROR_FORMAT, "channels[0].name"},
    {"\"name\":\"bumps\"", "\"name\":\"base_color\"", SMELT_ERROR_FORMAT,
     "channels[1].name: wanted a GLSL identifier of up to 63 characters that no other channel has"},
    {"\"semantic\":\"base_color\"", "\"semantic\":\"smell\"", SMELT_ERROR_FORMAT,
     "channels[0].semantic: wanted \"other\" or \"base_color\""},
    {"\"transfer\":\"srgb\"", "\"transfer\":\"pq\"", SMELT_ERROR_FORMAT,
     "channels[0].transfer: wanted \"linear\" or \"srgb\", got \"pq\""},
    {"\"first\":0", "\"first\":10", SMELT_ERROR_FORMAT,
     "channels[0].first: wanted a whole number from 0 to 9, got 10"},
    {"\"count\":4", "\"count\":5", SMELT_ERROR_FORMAT,
     "channels[3].count: wanted a whole number from 1 to 4"},
    {"\"first\":6,\"count\":4", "\"first\":8,\"count\":4", SMELT_ERROR_FORMAT,
     "channels[3].count: wanted a whole number from 1 to 2"},
    {"\"first\":0,\"count\":3", "\"first\":0,\"count\":2", SMELT_ERROR_FORMAT,
     "channels[0]: wanted count 3 for a base_color, it is 2"},
    {"[-1,3]", "[3,-1]", SMELT_ERROR_FORMAT, "channels[2].range: wanted two numbers, the lower first"},
    {"[-1,3]", "[1e300,1e301]", SMELT_ERROR_FORMAT, "channels[2].range"},
    {",\"normal\":{\"encoding\":\"unorm\",\"y\":\"down\"}", "", SMELT_ERROR_FORMAT,
     "channels[1].normal: wanted an object, got nothing"},
    {"\"y\":\"down\"", "\"y\":\"left\"", SMELT_ERROR_FORMAT,
     "channels[1].normal.y: wanted \"up\" or \"down\", got \"left\""},
    {"\"unorm\"", "\"octahedral\"", SMELT_ERROR_FORMAT, "channels[1].normal.encoding"},
    {"\"name\":\"roughness\"", "\"normal\":{},\"name\":\"roughness\"", SMELT_ERROR_FORMAT,
     "channels[2]: wanted no member \"normal\" for a roughness"},
    {"\"name\":\"bumps\",\"semantic\":\"normal\",\"transfer\":\"linear\"",
     "\"name\":\"bumps\",\"semantic\":\"normal\",\"transfer\":\"srgb\"", SMELT_ERROR_FORMAT,
     "channels[1]: wanted transfer linear"},
};

static void refuses_bad_descriptions(void)
{
    static struct tiny t;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        smelt_material material;
        tiny_make(&t, 1);
        tiny_replace(&t, bad[i].from, bad[i].to);
        smelt_package package = tiny_package(&t);
        enum smelt_result result = describe(package, &material);
        bool right = result == bad[i].result && strstr(smelt_last_error(), bad[i].message) && !material;
        if (!right)
            printf("    %s -> %s: got %s, wanted %s with \"%s\"\n", bad[i].from, bad[i].to,
                   smelt_result_name(result), smelt_result_name(bad[i].result), bad[i].message);
        smelt_package_close(&package);
        CHECK(right);
        CHECK(strstr(smelt_last_error(), "smelt-test")); // the file
    }
}

static void refuses_bad_tensors(void)
{
    static struct tiny t;
    smelt_material material;
    tiny_make(&t, 1);
    tiny_tensor(&t, "layer0.weight")->dtype = SMELT_DTYPE_I32;
    smelt_package package = tiny_package(&t);
    CHECK_FAILS(describe(package, &material), SMELT_ERROR_DTYPE,
                "tensor \"layer0.weight\": wanted F16 or F32, got I32");
    smelt_package_close(&package);
    tiny_make(&t, 1);
    struct smelt_package_tensor *w = tiny_tensor(&t, "layer0.weight");
    w->shape[0] = 12;
    w->shape[1] = 20;
    package = tiny_package(&t);
    CHECK_FAILS(describe(package, &material), SMELT_ERROR_SHAPE, "wanted shape [12][24], got [12][20]");
    smelt_package_close(&package);
    tiny_make(&t, 1);
    w->shape[0] = 240;
    w->shape[1] = 1;
    package = tiny_package(&t);
    CHECK_FAILS(describe(package, &material), SMELT_ERROR_SHAPE, "wanted shape [240][24]");
    smelt_package_close(&package);
}

static void bias_in_all_layers_or_none(void)
{
    static struct tiny t;
    smelt_material material;
    tiny_make(&t, 1);
    struct smelt_package_tensor *second = &t.tensors[t.tensor_count++];
    *second = *tiny_tensor(&t, "layer0.weight");
    second->name = "layer1.weight";
    second->shape[0] = 24;
    second->shape[1] = 10;
    tiny_replace(&t, "\"activation\":\"none\"}",
                 "\"activation\":\"relu\"},{\"weight\":\"layer1.weight\",\"activation\":\"none\"}");
    smelt_package package = tiny_package(&t);
    CHECK_FAILS(describe(package, &material), SMELT_ERROR_FORMAT,
                "network.layers[1]: wanted a bias in every layer or in none, it is absent here");
    smelt_package_close(&package);
    tiny_replace(&t, "\"bias\":\"layer0.bias\",", "");
    material = described(&t);
    const struct smelt_mlp_descriptor *mlp = &smelt_material_info(material)->mlp;
    CHECK(mlp->no_bias && mlp->layer_count == 2 && mlp->widths[2] == 24);
    CHECK(mlp->activations[0] == SMELT_ACTIVATION_RELU && mlp->activations[1] == SMELT_ACTIVATION_NONE);
    smelt_material_destroy(&material);
}

static void refuses_bad_files_and_params(void)
{
    struct smelt_material_params params = {.path = "/nonexistent.safetensors", .description_only = true};
    smelt_material material = NULL;
    CHECK_FAILS(smelt_material_create(NULL, &params, &material), SMELT_ERROR_NOT_FOUND,
                "/nonexistent.safetensors");
    params.description_only = false;
    CHECK_FAILS(smelt_material_create(NULL, &params, &material), SMELT_ERROR_INVALID_ARGUMENT, "a context");
    CHECK_FAILS(smelt_material_create(NULL, NULL, &material), SMELT_ERROR_INVALID_ARGUMENT, "a context");
    params = (struct smelt_material_params){.description_only = true};
    CHECK_FAILS(smelt_material_create(NULL, &params, &material), SMELT_ERROR_INVALID_ARGUMENT, "got neither");
    static struct tiny t;
    tiny_make(&t, 1);
    smelt_package package = tiny_package(&t);
    params.package = package;
    params.path = "x";
    CHECK_FAILS(smelt_material_create(NULL, &params, &material), SMELT_ERROR_INVALID_ARGUMENT, "got both");
    params.path = NULL;
    params.computed = SMELT_DTYPE_I8;
    CHECK(smelt_material_create(NULL, &params, &material) == SMELT_ERROR_DTYPE);
    smelt_package_close(&package);
    char path[256];
    tiny_path(path, sizeof(path));
    CHECK_OK(smelt_package_write(path, t.tensors, t.tensor_count, NULL, NULL, 0));
    params = (struct smelt_material_params){.path = path, .description_only = true};
    CHECK_FAILS(smelt_material_create(NULL, &params, &material), SMELT_ERROR_FORMAT,
                "got a file without a description");
    CHECK_OK(smelt_package_write(path, t.tensors, t.tensor_count, t.description, NULL, 0));
    FILE *file = fopen(path, "r+b");
    CHECK(file && !fseek(file, -1, SEEK_END));
    fputc(1, file);
    fclose(file);
    CHECK_FAILS(smelt_material_create(NULL, &params, &material), SMELT_ERROR_FORMAT, "is damaged");
    CHECK(!unlink(path) && !material);
}

static uint64_t architecture(struct tiny *t)
{
    smelt_material material = described(t);
    uint64_t hash = smelt_material_info(material)->architecture;
    smelt_material_destroy(&material);
    return hash;
}

static void hash_is_of_the_architecture(void)
{
    static struct tiny t;
    tiny_make(&t, 1);
    uint64_t hash = architecture(&t);
    CHECK(hash == architecture(&t));
    tiny_make(&t, 2); // other weights and texels
    CHECK(hash == architecture(&t));
    tiny_replace(&t, "\"name\":\"tiny\",\"source\":{\"width\":16,\"height\":8},", "\"name\":\"other\",");
    CHECK(hash == architecture(&t));
    // Another latent extent is the same pipeline.
    tiny_replace(&t, "\"width\":8,\"height\":4", "\"width\":4,\"height\":2");
    for (int i = 0; i < 2; i++)
        tiny_replace(&t, i ? ",\"latent1.mip0\"" : ",\"latent0.mip0\"", "");
    CHECK(hash == architecture(&t));
    static const char *const changes[][2] = {
        {"\"repeat\"", "\"clamp\""},
        {"[2,-1]", "[1,0]"},
        {"\"scale\":2", "\"scale\":4"},
        {"\"activation\":\"none\"", "\"activation\":\"sine\""},
        {"\"y\":\"down\"", "\"y\":\"up\""},
        {"\"first\":0", "\"first\":1"},
        {"[-1,3]", "[-1,2]"},
        {"\"name\":\"bumps\"", "\"name\":\"dents\""},
        {"\"transfer\":\"srgb\"", "\"transfer\":\"linear\""},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        tiny_make(&t, 1);
        tiny_replace(&t, changes[i][0], changes[i][1]);
        CHECK(hash != architecture(&t));
    }
    tiny_make(&t, 1);
    tiny_replace(&t, "{\"type\":\"identity\",\"input\":\"latents\"},{\"type\":\"identity\",\"input\":\"uv\"}",
                 "{\"type\":\"identity\",\"input\":\"uv\"},{\"type\":\"identity\",\"input\":\"latents\"}");
    CHECK(hash != architecture(&t));
}

static void generates_text_for_good_names_only(void)
{
    static struct tiny t;
    tiny_make(&t, 1);
    smelt_material material = described(&t);
    char *text = NULL;
    CHECK_OK(smelt_material_glsl(material, "rock", &text));
    static const char *const wanted[] = {
        "rock_block",       "vec3 base_color;", "vec3 bumps;",
        "float roughness;", "vec4 paint;",      "uint latent[2];",
        "out float y[10]",  "rock_eval_grad(",  "rock_fetch(rock_block b, uint index, vec2 uv, float lod);",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        CHECK(strstr(text, wanted[i]));
    smelt_free_text(&text);
    CHECK(!text);
    static const char *const names[] = {"", "3d", "a-b", "gl_x", "smelt_x", "a__b", "a_", "a b"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK_FAILS(smelt_material_glsl(material, names[i], &text), SMELT_ERROR_INVALID_ARGUMENT,
                    "a GLSL identifier");
    CHECK_FAILS(smelt_material_glsl(material, NULL, &text), SMELT_ERROR_INVALID_ARGUMENT, "got \"NULL\"");
    CHECK_FAILS(smelt_material_glsl(material, "a", NULL), SMELT_ERROR_INVALID_ARGUMENT, "text is NULL");
    CHECK_FAILS(smelt_material_glsl(NULL, "a", &text), SMELT_ERROR_INVALID_ARGUMENT, "material is NULL");
    CHECK_FAILS(smelt_material_update(NULL, NULL, 0, NULL, 0), SMELT_ERROR_INVALID_ARGUMENT,
                "material is NULL");
    CHECK_FAILS(smelt_material_upload_and_wait(NULL), SMELT_ERROR_INVALID_ARGUMENT, "material is NULL");
    CHECK(!text);
    smelt_material_destroy(&material);
}

static void names_of_semantics(void)
{
    CHECK(!strcmp(smelt_semantic_name(SMELT_SEMANTIC_OTHER), "other"));
    CHECK(!strcmp(smelt_semantic_name(SMELT_SEMANTIC_EMISSION), "emission"));
    CHECK(!strcmp(smelt_semantic_name(SMELT_SEMANTIC_COUNT), "invalid"));
}

static void shipped_materials_are_described(void)
{
    static const struct {
        const char *path;
        uint32_t hidden;
        double bits;
    } shipped[] = {{"examples/materials/rock053.safetensors", 64, 8.104629516601562},
                   {"examples/materials/metal053c.safetensors", 32, 8.036758422851562}};
    uint64_t hash[2];
    for (int i = 0; i < 2; i++) {
        struct smelt_material_params params = {.path = source_file(shipped[i].path),
                                               .description_only = true};
        smelt_material material = NULL;
        CHECK_OK(smelt_material_create(NULL, &params, &material));
        const struct smelt_material_info *info = smelt_material_info(material);
        CHECK(info->mlp.layer_count == 3 && info->mlp.widths[0] == 32 &&
              info->mlp.widths[1] == shipped[i].hidden && info->mlp.widths[2] == shipped[i].hidden &&
              info->mlp.widths[3] == 9);
        CHECK(info->mlp.computed == SMELT_DTYPE_F32); // of no device: what runs everywhere
        CHECK(info->source_width == 1024 && info->latent_count == 4 && info->latent_width == 256);
        CHECK(fabs(info->bits_per_texel - shipped[i].bits) < 1e-9);
        hash[i] = info->architecture;
        smelt_material_destroy(&material);
    }
    CHECK(hash[0] != hash[1]);
}

static const struct test tests[] = {
    {"reads every member", reads_everything},
    {"optional members have their defaults", defaults_of_optional_members},
    {"refuses bad descriptions by member, wanted and got", refuses_bad_descriptions},
    {"refuses tensors of wrong shape or dtype", refuses_bad_tensors},
    {"wants a bias in all layers or in none", bias_in_all_layers_or_none},
    {"refuses bad files and params", refuses_bad_files_and_params},
    {"the hash is of the architecture alone", hash_is_of_the_architecture},
    {"generates text for good names only", generates_text_for_good_names_only},
    {"semantics have names", names_of_semantics},
    {"shipped materials are described", shipped_materials_are_described},
};
TEST_MAIN(tests)
