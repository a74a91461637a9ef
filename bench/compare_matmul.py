#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_matmul and the vendor's library (PyTorch) in turn on one GPU and prints ratios.

usage: compare_matmul.py BENCH_MATMUL [OPTIONS OF BENCH_MATMUL...]

The library is measured sustained and without the time of its calls: a CUDA graph of 20 products, after a warm-up of
0.3 s at full load, the median of 7 batches of at least 15 ms by CUDA events. Its results are checked on sampled elements in double. A ratio above 1: smelt is faster. The last
table gives the best tile for each shape, as src/kernels_matmul2d.c takes them.
"""
import json
import statistics
import subprocess
import sys

import torch


def batch_ms(run, repeats):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(repeats):
        run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / repeats


def library_ns(row):
    dtype = {'f32': torch.float32, 'f16': torch.float16, 'bf16': torch.bfloat16,
             'f8e4m3': torch.float8_e4m3fn}[row['operands']]
    m, n, k = row['m'], row['n'], row['k']
    a = (torch.rand(m, k, device='cuda') * 2 - 1).to(dtype)
    b = (torch.rand(*((n, k) if row['transpose_right'] else (k, n)), device='cuda') * 2 - 1).to(dtype)
    right = b.t() if row['transpose_right'] else b
    out = torch.empty(m, n, device='cuda', dtype=torch.bfloat16 if dtype.itemsize == 1 else dtype)
    one = torch.ones((), device='cuda')

    def run():
        if dtype.itemsize == 1:
            torch._scaled_mm(a, right, scale_a=one, scale_b=one, out_dtype=out.dtype, out=out)
        else:
            torch.mm(a, right, out=out)

    run()
    for i, j in ((0, 0), (m - 1, n - 1), (m // 2, n // 3)):
        exact = (a[i].double() * right[:, j].double()).sum().item()
        assert abs(out[i, j].item() - exact) < 0.02 * k ** 0.5, 'the library is wrong'
    torch.cuda.synchronize()
    graph, products = torch.cuda.CUDAGraph(), 20
    with torch.cuda.graph(graph):
        for _ in range(products):
            run()
    once = max(batch_ms(graph.replay, 1), 1e-3)
    batch_ms(graph.replay, max(1, int(300 / once)))
    return statistics.median(batch_ms(graph.replay, max(1, int(15 / once))) for _ in range(7)) / products * 1e6


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.backends.cuda.matmul.allow_tf32 = False
    result = subprocess.run([sys.argv[1], '--json', *sys.argv[2:]], stdout=subprocess.PIPE, check=False)
    report = json.loads(result.stdout)
    print(f"# {report['device']}, {report['driver_info']}; PyTorch {torch.__version__}")
    if result.returncode:
        print('# bench_matmul found wrong elements: see the column "error" (in bounds)')
    library, best = {}, {}
    print(f'{"shape":10} {"types":16} {"backend":9} {"tile":20} {"us":>10} {"TFLOP/s":>9} {"library":>9} {"ratio":>6} error')
    for row in report['rows']:
        key = (row['shape'], row['operands'])
        if key not in library:
            library[key] = library_ns(row)
        ratio = library[key] / row['ns']
        tile = 'x'.join(map(str, row['tile'][:3])) + ' on ' + 'x'.join(map(str, row['tile'][3:]))
        tile = tile if row['tile'][0] else 'own'
        theirs = 2e-3 * row['m'] * row['n'] * row['k'] / library[key]
        print(f"{row['shape']:10} {row['operands']}/{row['computed']}/{row['accumulated']:4} {row['backend']:9} {tile:20} "
              f"{row['ns'] / 1000:10.1f} {row['tflops']:9.2f} {theirs:9.2f} {ratio:6.3f} {row['error']:.2g}")
        group = (row['shape'], row['operands'], row['computed'], row['accumulated'], row['backend'])
        if row['error'] <= 1 and (group not in best or ratio > best[group][0]):
            best[group] = (ratio, tile)
    print('\nbest:')
    for group, (ratio, tile) in best.items():
        print(f'  {" ".join(group):32} {ratio:6.3f} of the library by {tile}')
    print(f"rows not run for lack of time: {report['not_run']}")


main()
