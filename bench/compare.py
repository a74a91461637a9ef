# SPDX-License-Identifier: MIT
"""What compare_*.py share: PyTorch's times by CUDA events, and the report of one of smelt's benchmarks."""
import json
import os
import statistics
import subprocess
import sys

import torch


def batch_ms(run, repeats):
    """Milliseconds of one of `repeats` calls, back to back."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(repeats):
        run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / repeats


def graph_of(run, calls):
    """The replay of a CUDA graph of so many calls: they take no time of the host."""
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            run()
    return graph.replay


def sustained_ns(run, batches=7, least_ms=15):
    """Nanoseconds of a call: after a warm-up of 0.3 s at full load the median of batches of at least so long."""
    once = max(batch_ms(run, 3), 1e-3)
    batch_ms(run, max(1, int(300 / once)))
    return statistics.median(batch_ms(run, max(1, int(least_ms / once))) for _ in range(batches)) * 1e6


def run_bench(usage, versions=''):
    """The report of the benchmark that the command line names, run with the options there, and its exit status."""
    if len(sys.argv) < 2:
        sys.exit(usage)
    result = subprocess.run([sys.argv[1], '--json', *sys.argv[2:]], stdout=subprocess.PIPE, check=False)
    report = json.loads(result.stdout)
    print(f"# {report['device']}, {report['driver_info']}; PyTorch {torch.__version__}{versions}")
    if result.returncode:
        print(f'# {os.path.basename(sys.argv[1])} found wrong results: see the errors (in bounds)')
    return report, result.returncode
