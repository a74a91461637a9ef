#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_matmul and the vendor's library (PyTorch) in turn on one GPU and prints ratios.

usage: compare_matmul.py BENCH_MATMUL [OPTIONS OF BENCH_MATMUL...]

The library is measured sustained and without the time of its calls: a CUDA graph of 20 products, after a warm-up of
0.3 s at full load, the median of 7 batches of at least 15 ms by CUDA events. Its results are checked on sampled
elements in double. A ratio above 1: smelt is faster. The last table gives the best tile for each shape, as
src/kernels_matmul2d.c takes them. Products with few vectors have no peer: their ratio is that of the bytes they must
move to what torch.sum reads of 2 GiB.
"""
import statistics

import torch

from compare import batch_ms, graph_of, run_bench, sustained_ns

PRODUCTS = 20  # of a CUDA graph


def library_ns(row):
    dtype = {'f32': torch.float32, 'f16': torch.float16, 'bf16': torch.bfloat16,
             'f8e4m3': torch.float8_e4m3fn, 'i8': torch.int8}[row['operands']]
    m, n, k = row['m'], row['n'], row['k']
    integers = dtype == torch.int8
    spread = 127 if integers else 1
    a = ((torch.rand(m, k, device='cuda') * 2 - 1) * spread).to(dtype)
    b = ((torch.rand(*((n, k) if row['transpose_right'] else (k, n)), device='cuda') * 2 - 1) * spread).to(dtype)
    right = b.t() if row['transpose_right'] else b
    results = {torch.int8: torch.int32, torch.float8_e4m3fn: torch.bfloat16}
    out = torch.empty(m, n, device='cuda', dtype=results.get(dtype, dtype))
    one = torch.ones((), device='cuda')

    def run():
        if integers:
            torch._int_mm(a, right, out=out)
        elif dtype.itemsize == 1:
            torch._scaled_mm(a, right, scale_a=one, scale_b=one, out_dtype=out.dtype, out=out)
        else:
            torch.mm(a, right, out=out)

    run()
    for i, j in ((0, 0), (m - 1, n - 1), (m // 2, n // 3)):
        exact = (a[i].double() * right[:, j].double()).sum().item()
        assert abs(out[i, j].item() - exact) < (1 if integers else 0.02 * k ** 0.5), 'the library is wrong'
    return sustained_ns(graph_of(run, PRODUCTS)) / PRODUCTS


def roof_gbps():
    x = torch.rand(1 << 29, device='cuda')
    torch.sum(x)
    return 4 * x.numel() / 1e6 / statistics.median(batch_ms(lambda: torch.sum(x), 100) for _ in range(7))


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    report, _ = run_bench(__doc__)
    library, best, roof = {}, {}, roof_gbps()
    print(f'# torch.sum reads {roof:.0f} GB/s')
    print(f'{"shape":10} {"types":16} {"backend":9} {"tile":28} {"us":>10} {"TFLOP/s":>9} {"library":>9} '
          f'{"ratio":>6} error')
    for row in report['rows']:
        tile = 'x'.join(map(str, row['tile'][:3])) + ' on ' + 'x'.join(map(str, row['tile'][3:]))
        tile = (tile if row['tile'][0] else 'own') + (f", {row['splits']} parts" if row['splits'] else '')
        unsteady = ' UNSTEADY' if row['ns_most'] > 1.1 * row['ns_least'] else ''
        if min(row['m'], row['n']) <= 8:
            print(f"{row['shape']:10} {row['operands']:16} {row['backend']:9} {tile:28} {row['ns'] / 1000:10.1f} "
                  f"{row['gbps']:9.0f} GB/s, of the roof {row['gbps'] / roof:6.3f} {row['error']:.2g}{unsteady}")
            continue
        key = (row['shape'], row['operands'])
        if key not in library:
            library[key] = library_ns(row)
        ratio = library[key] / row['ns']
        theirs = 2e-3 * row['m'] * row['n'] * row['k'] / library[key]
        types = f"{row['operands']}/{row['computed']}/{row['accumulated']:4}"
        print(f"{row['shape']:10} {types} {row['backend']:9} {tile:28} "
              f"{row['ns'] / 1000:10.1f} {row['tflops']:9.2f} {theirs:9.2f} {ratio:6.3f} {row['error']:.2g}{unsteady}")
        group = (row['shape'], row['operands'], row['computed'], row['accumulated'], row['backend'])
        if row['error'] <= 1 and (group not in best or ratio > best[group][0]):
            best[group] = (ratio, tile)
    print('\nbest:')
    for group, (ratio, tile) in best.items():
        print(f'  {" ".join(group):32} {ratio:6.3f} of the library by {tile}')
    print(f"rows not run for lack of time: {report['not_run']}")


main()
