#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_conv and the vendor's library (PyTorch: cuDNN, channels last, f16) in turn on one GPU and prints ratios.

usage: compare_convolution.py BENCH_CONV [OPTIONS OF BENCH_CONV...]

The library is measured in a CUDA graph of back-to-back convolutions, its algorithm chosen by trial: after a warm-up of
0.2 s the median of 7 replays. Its results are checked on sampled elements in double. A ratio above 1: smelt is faster.
The last table gives the best tile for each shape, as src/kernels_convolution2d.c takes them.
"""
import statistics

import torch

from compare import batch_ms, run_bench


def check(row, image, weight, out):
    for n, y, x, o in ((0, 0, 0, 0), (row['n'] - 1, out.shape[2] - 1, out.shape[3] - 1, row['o'] - 1)):
        pad, inputs = row['padding'], row['c'] // row['groups']
        first = o // (row['o'] // row['groups']) * inputs
        exact = 0.0
        for ky in range(row['kernel']):
            for kx in range(row['kernel']):
                iy, ix = y - pad + ky, x - pad + kx
                if 0 <= iy < row['h'] and 0 <= ix < row['w']:
                    exact += (image[n, first:first + inputs, iy, ix].double() * weight[o, :, ky, kx].double()).sum().item()
        terms = row['kernel'] ** 2 * inputs
        assert abs(out[n, o, y, x].item() - exact) < 0.02 * terms ** 0.5, 'the library is wrong'


def library_ns(row):
    def rand(*shape):
        return (torch.rand(*shape, device='cuda', dtype=torch.float16) * 2 - 1).to(memory_format=torch.channels_last)

    image = rand(row['n'], row['c'], row['h'], row['w'])
    weight = rand(row['o'], row['c'] // row['groups'], row['kernel'], row['kernel'])

    def run():
        return torch.nn.functional.conv2d(image, weight, padding=row['padding'], groups=row['groups'])

    check(row, image, weight, run())
    once = max(batch_ms(run, 5), 1e-3)
    count = max(1, min(200, int(4 / once)))
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.cuda.stream(stream):
        run()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(count):
                run()
    torch.cuda.synchronize()
    batch_ms(graph.replay, max(1, int(200 / (once * count))))
    return statistics.median(batch_ms(graph.replay, 1) for _ in range(7)) * 1e6 / count


def main():
    torch.backends.cudnn.benchmark = True
    report, _ = run_bench(__doc__, f', cuDNN {torch.backends.cudnn.version()}')
    library, best = {}, {}
    print(f'{"shape":11} {"sums":4} {"backend":9} {"tile":30} {"us":>10} {"TFLOP/s":>9} {"library":>10} {"ratio":>6} error, first call')
    for row in report['rows']:
        if row['shape'] not in library:
            library[row['shape']] = library_ns(row)
        theirs = library[row['shape']]
        ratio = theirs / row['ns']
        tile = 'x'.join(map(str, row['tile'][:3])) + ' on ' + 'x'.join(str(n) for n in row['tile'][3:6] if n)
        tile += f", {row['tile'][6]} columns" if row['tile'][6] else ''
        tile = tile if row['tile'][0] else 'own'
        print(f"{row['shape']:11} {row['accumulated']:4} {row['backend']:9} {tile:30} {row['ns'] / 1000:10.2f} "
              f"{row['tflops']:9.2f} {theirs / 1000:10.2f} {ratio:6.3f} {row['error']:.2g} {row['first_call_s']:.2f} s")
        group = (row['shape'], row['accumulated'], row['backend'])
        if row['error'] <= 1 and (group not in best or ratio > best[group][0]):
            best[group] = (ratio, tile, row['ns'])
    print('\nbest:')
    for group, (ratio, tile, ns) in best.items():
        print(f'  {" ".join(group):32} {ns / 1000:10.2f} us {ratio:6.3f} of the library by {tile}')
    print(f"rows not run for lack of time: {report['not_run']}")


main()
