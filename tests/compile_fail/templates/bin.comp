// SPDX-License-Identifier: MIT
// Samples sorted by material.
#version 460
#define SMELT_BACKENDS SMELT_BACKEND_BIT_PORTABLE
#include "smelt/base.glsl"
shared uint memory[16];
#define SMELT_BIN bins          // name
#define SMELT_BIN_COUNT 8       // wrong: 0 1025
#define SMELT_BIN_WORKGROUP 64  // wrong: 0
#define SMELT_BIN_SHARED memory // name
#include "smelt/bin_tmpl.glsl"
layout(local_size_x = 64) in;
void main()
{
}
