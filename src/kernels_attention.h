// SPDX-License-Identifier: MIT
// What networks ask smelt_encode_attention before they call it (kernels_attention.c).
#ifndef SMELT_KERNELS_ATTENTION_H
#define SMELT_KERNELS_ATTENTION_H

#include <smelt/attention.h>

#include "kernels_cache.h"

// The backend that a call would run on, of scores [batch][heads][queries][keys]; false: this build or this device has none for it.
bool smelt_attention_backend(smelt_context context, enum smelt_dtype stored, const uint64_t scores[4],
                             uint64_t size, uint64_t value_size, enum smelt_backend asked,
                             enum smelt_backend *backend);

#endif
