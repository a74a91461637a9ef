#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_attention and PyTorch's scaled_dot_product_attention in turn on one GPU and prints ratios.

usage: compare_attention.py BENCH_ATTENTION [OPTIONS OF BENCH_ATTENTION...]

PyTorch is measured without the time of its calls: a CUDA graph of 10 calls, after a warm-up of 0.3 s, the median of 7 batches
of at least 15 ms by CUDA events, for each of its fused kernels that runs; the fastest counts. A ratio above 1: smelt is faster.
"""
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from compare import graph_of, run_bench, sustained_ns

CALLS = 10  # of a CUDA graph


def library_ns(row, kernel):
    shape = (1, row['heads'], row['tokens'], row['head_dim'])
    q, k, v = ((torch.rand(shape, device='cuda') * 2 - 1).half() for _ in range(3))

    def run():
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=row['causal'])

    with sdpa_kernel(kernel):
        replay = graph_of(run, CALLS)
    return sustained_ns(replay) / CALLS


def library(row):
    times = {}
    for kernel in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION):
        try:
            times[kernel.name] = library_ns(row, kernel)
        except RuntimeError as error:
            print(f'# {kernel.name}: {str(error).splitlines()[0]}')
    return times


def main():
    report, _ = run_bench(__doc__)
    theirs = {}
    for row in report['rows']:
        if row['shape'] not in theirs:
            theirs[row['shape']] = library(row)
            for name, ns in theirs[row['shape']].items():
                print(f"{row['shape']:15} {name:22} {ns / 1000:9.1f} us {row['tflops'] * row['ns'] / ns:8.2f} TFLOP/s")
        best = min(theirs[row['shape']].values())
        print(f"{row['shape']:15} {row['by']:7} {row['backend']:9} {row['rows']:3} x {row['keys']:3} "
              f"on {row['threads']:3} {row['ns'] / 1000:9.1f} us {row['tflops']:8.2f} TFLOP/s  {best / row['ns']:.3f} "
              f"registers {row['registers']} local {row['local_bytes']} made {row['first_call_s']:.2f} s error {row['error']:.2g}")
    print(f"rows not run for lack of time: {report['not_run']}")


main()
