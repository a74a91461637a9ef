// SPDX-License-Identifier: MIT
// All of libsmelt.
#ifndef SMELT_SMELT_H
#define SMELT_SMELT_H

#include "arguments.h"
#include "attention.h"
#include "common.h"
#include "context.h"
#include "deferred.h"
#include "dtype.h"
#include "elementwise.h"
#include "encoder.h"
#include "graph.h"
#include "heap.h"
#include "image.h"
#include "material.h"
#include "network.h"
#include "ops.h"
#include "package.h"
#include "pipeline.h"
#include "reduce.h"
#include "selftest.h"
#include "shader.h"
#include "tensor.h"
#include "train.h"
#include "trainer.h"
#include "weights.h"

#endif
