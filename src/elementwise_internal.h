// SPDX-License-Identifier: MIT
// What fusion asks of element-wise calls.
#ifndef SMELT_ELEMENTWISE_INTERNAL_H
#define SMELT_ELEMENTWISE_INTERNAL_H

#include "kernels_cache.h"

// Whether the addresses and strides of a call whose tensors have shapes that fit go into the push constants.
bool smelt_elementwise_fits(const struct smelt_elementwise_params *params);

#endif
