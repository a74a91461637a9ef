// SPDX-License-Identifier: MIT
// The fixture shaders, which are part of the program, so that it runs on any machine by itself.
#ifndef CHECK_FIXTURES_H
#define CHECK_FIXTURES_H

#include "embedded.h"

extern const struct smelt_embedded check_embedded_fixtures[]; // made by glsl/embed.py; "mlp.glsl", ...

#endif
