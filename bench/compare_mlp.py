#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_mlp_samples and two peers in turn on one GPU and prints ratios.

usage: compare_mlp.py BENCH_MLP_SAMPLES [OPTIONS OF BENCH_MLP_SAMPLES...]

The peers evaluate the same network, 32-64-64-64-16 with biases and ReLU in f16, on as many samples: PyTorch by one
fused addmm and ReLU for each layer, and, where Triton is installed, one kernel that keeps all weights and activations on
the chip. They are measured sustained: after a warm-up of 0.3 s, the median of 15 batches of at least 10 ms of CUDA
graph replays. Their results are checked on sampled rows in double. A ratio above 1: smelt is faster.
"""
import sys

import torch

from compare import graph_of, run_bench, sustained_ns

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

WIDTHS = [32, 64, 64, 64, 16]

if triton:
    @triton.jit
    def layer(x, w, b, K: tl.constexpr, N: tl.constexpr):
        k, n = tl.arange(0, K), tl.arange(0, N)
        weight = tl.load(w + k[:, None] * N + n[None, :])
        return tl.dot(x, weight, out_dtype=tl.float16) + tl.load(b + n)[None, :]

    @triton.jit
    def network(x, y, w0, w1, w2, w3, b0, b1, b2, b3, ROWS: tl.constexpr, BLOCKS: tl.constexpr):
        for block in range(BLOCKS):
            row = (tl.program_id(0) * BLOCKS + block) * ROWS + tl.arange(0, ROWS)
            h = tl.load(x + row[:, None] * 32 + tl.arange(0, 32)[None, :])
            h = tl.maximum(layer(h, w0, b0, 32, 64), 0.0).to(tl.float16)
            h = tl.maximum(layer(h, w1, b1, 64, 64), 0.0).to(tl.float16)
            h = tl.maximum(layer(h, w2, b2, 64, 64), 0.0).to(tl.float16)
            tl.store(y + row[:, None] * 16 + tl.arange(0, 16)[None, :], layer(h, w3, b3, 64, 16))


def measure(run):
    """Nanoseconds of one call."""
    return sustained_ns(graph_of(run, 1), batches=15, least_ms=10)


def peers(samples):
    x = torch.rand(samples, 32, device='cuda', dtype=torch.float16) - 0.5
    weights = [(torch.rand(i, o, device='cuda', dtype=torch.float16) * 2 - 1) * (6 / i) ** 0.5
               for i, o in zip(WIDTHS, WIDTHS[1:])]
    biases = [(torch.rand(o, device='cuda', dtype=torch.float16) * 2 - 1) * 0.1 for o in WIDTHS[1:]]
    out = torch.empty(samples, 16, device='cuda', dtype=torch.float16)

    def by_layers():
        h = x
        for w, b in zip(weights[:-1], biases):
            h = torch._addmm_activation(b, h, w)  # ReLU in the product's epilogue
        torch.addmm(biases[-1], h, weights[-1], out=out)

    def check(name):
        for i in (0, samples // 3, samples - 1):
            h = x[i].double()
            for layer_index, (w, b) in enumerate(zip(weights, biases)):
                h = h @ w.double() + b.double()
                h = h.relu() if layer_index < 3 else h
            assert (out[i].double() - h).abs().max().item() < 0.05, f'{name} is wrong'

    found = {'torch': measure(by_layers)}
    check('torch')
    for rows, blocks, warps in ((64, 16, 4), (128, 8, 4), (128, 16, 8)) if triton else ():
        def fused(rows=rows, blocks=blocks, warps=warps):
            network[(samples // (rows * blocks),)](x, out, *weights, *biases, ROWS=rows, BLOCKS=blocks, num_warps=warps)
        out.fill_(float('nan'))
        found['triton'] = min(found.get('triton', float('inf')), measure(fused))
        check('triton')
    return found


def main():
    report, status = run_bench(__doc__, f'; Triton {triton.__version__}' if triton else '')
    print(f"# {report['samples']} samples")
    found = peers(report['samples'])
    for name, ns in found.items():
        print(f'{name:32} {report["samples"] / ns:8.3f} Geval/s')
    print(f'{"variant":32} {"Geval/s":>8} ' + ' '.join(f'{"/ " + name:>9}' for name in found))
    for row in report['rows']:
        if 'skipped' in row:
            print(f"{row['variant']:32} - {row['skipped']}")
            continue
        rate = row['giga_evaluations_per_second']
        print(f"{row['variant']:32} {rate:8.3f} " +
              ' '.join(f'{rate * ns / report["samples"]:9.3f}' for ns in found.values()))
    sys.exit(status)


main()
