#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_reduce and PyTorch in turn on one GPU and prints ratios.

usage: compare_reduction.py BENCH_REDUCE [OPTIONS OF BENCH_REDUCE...]

PyTorch is measured by CUDA events: after a warm-up of 0.3 s the median of 7 batches of at least 15 ms, in a stream
(copies in CUDA graphs are slower). Its results are checked on a line in double. A ratio above 1: smelt is faster.
"""
import torch

from compare import run_bench, sustained_ns


def library_call(row, x):
    """A function that makes the row's result, and what its first line is in double; None where there is no such call."""
    op, columns = row['op'], row['columns']
    whole = row['rows'] == 1
    x = x.flatten() if whole else x.flatten()[:row['rows'] * columns].view(row['rows'], columns)
    axis = 0 if whole else row['axis']
    line = (x if whole else x[0] if axis else x[:, 0]).double()
    n = line.numel()
    if op == 'copy':
        y = torch.empty_like(x)
        return lambda: y.copy_(x), line
    if op.startswith('sum'):
        kept = torch.float32  # smelt's result is f32
        return (lambda: torch.sum(x, dtype=kept)) if whole else (lambda: torch.sum(x, dim=axis, dtype=kept)), line.sum()
    if op.startswith('max'):
        return lambda: torch.amax(x, dim=axis), line.max()
    if op.startswith('log-sum-exp'):
        return lambda: torch.logsumexp(x, dim=axis), line.logsumexp(0)
    if op.startswith('softmax'):
        return lambda: torch.softmax(x, dim=axis), line.softmax(0)
    weight = torch.rand(n, device='cuda').to(x.dtype)
    if op.startswith('masked'):
        return lambda: torch.softmax(x + weight, dim=axis), (line + weight.double()).softmax(0)
    if op.startswith('layer norm'):
        bias = torch.rand(n, device='cuda').to(x.dtype)
        wanted = torch.nn.functional.layer_norm(line, (n,), weight.double(), bias.double())
        return lambda: torch.nn.functional.layer_norm(x, (n,), weight, bias), wanted
    wanted = line / (line.square().mean() + 1e-5).sqrt() * weight.double()
    return lambda: torch.nn.functional.rms_norm(x, (n,), weight, 1e-5), wanted


def library_ns(row, x):
    run, wanted = library_call(row, x)
    got = run().double()
    got = got if wanted.shape == got.shape else got.flatten()[0] if wanted.dim() == 0 else \
        got[0] if row['axis'] else got[:, 0]
    scale = wanted.abs().max().item() + 1
    assert (got - wanted).abs().max().item() <= 0.01 * scale * max(1, row['columns'] ** 0.5 / 100), 'the library is wrong'
    return sustained_ns(run)


def main():
    report, _ = run_bench(__doc__)
    print(f'{"op":30} {"type":4} {"us":>10} {"spread":>6} {"GB/s":>7} {"of copy":>7} {"library us":>10} {"ratio":>6} error')
    x, dtype = None, None
    for row in report['rows']:
        if row['dtype'] != dtype:
            dtype = row['dtype']
            x = None
            x = (torch.rand(row['rows'] * row['columns'], device='cuda') * 2 - 1).to(
                {'f32': torch.float32, 'f16': torch.float16}[dtype])
        library = library_ns(row, x)
        spread = row['ns_most'] / row['ns_least'] - 1
        print(f"{row['op']:30} {dtype:4} {row['ns'] / 1000:10.1f} {100 * spread:5.1f}% {row['gb_s']:7.0f} "
              f"{row['of_copy']:7.3f} {library / 1000:10.1f} {library / row['ns']:6.3f} {row['error']:.2g}")


main()
