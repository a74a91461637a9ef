#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench_train and PyTorch in turn on one GPU and prints ratios of steps per second.

usage: compare_train.py BENCH_TRAIN [OPTIONS OF BENCH_TRAIN...]

PyTorch trains the same network and latents on the same maps with the same batch, steps and rates, as eager calls and
as a CUDA graph of a whole step, in f32 with TF32 products and with f16 autocast; the faster of both counts. Latents are
fetched by grid_sample with noise of 8 bits, the optimizer is the fused Adam. Both report the PSNR at the end, of their
own batches. A ratio above 1: smelt is faster.
"""
import json
import math
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

SIZE, CHANNELS, BATCH, STEPS, PORTIONS = 1024, 9, 65536, 8000, 5
torch.set_float32_matmul_precision("high")


def maps():
    y, x = torch.meshgrid(*[(torch.arange(SIZE, dtype=torch.float64) + 0.5) / SIZE * 2 * math.pi] * 2, indexing="ij")
    planes = []
    for c in range(CHANNELS):
        value = torch.full_like(x, 0.5)
        for o in range(5):
            value += 0.09 * torch.sin((c + 3) * 2**o * x + o * c + 2 * torch.sin((c + 2) * 2**o * y))
        planes.append(value)
    return torch.stack(planes, -1).float().cuda()


class Training:
    def __init__(self, width, target, autocast):
        torch.manual_seed(1)
        self.target, self.autocast = target.reshape(-1, CHANNELS), autocast
        self.latents = torch.nn.Parameter(0.5 + 0.5 * (torch.rand(1, 16, SIZE // 4, SIZE // 4, device="cuda") - 0.5))
        self.net = torch.nn.Sequential(
            torch.nn.Linear(32, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU(),
            torch.nn.Linear(width, CHANNELS)).cuda()
        self.rate = [torch.tensor(0.02, device="cuda"), torch.tensor(0.005, device="cuda")]
        self.optimizer = torch.optim.Adam([{"params": [self.latents], "lr": self.rate[0]},
                                           {"params": self.net.parameters(), "lr": self.rate[1]}],
                                          fused=True, capturable=True)
        self.octaves = 2 * math.pi * 2.0 ** torch.arange(4, device="cuda")
        self.error = torch.zeros((), device="cuda")

    def set_rate(self, step):
        share = 0.5 + 0.5 * math.cos(math.pi * min(step / STEPS, 1))
        self.rate[0].fill_(0.02 * (share + (1 - share) / 100))
        self.rate[1].fill_(0.005 * (share + (1 - share) / 100))

    def step(self):
        index = torch.randint(SIZE * SIZE, (BATCH,), device="cuda")
        uv = (torch.stack([index % SIZE, index // SIZE], -1) + 0.5) / SIZE
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.float16, enabled=self.autocast):
            noisy = self.latents + (torch.rand_like(self.latents) - 0.5) / 255
            fetched = F.grid_sample(noisy, uv[None, None] * 2 - 1, padding_mode="border", align_corners=False)
            angle = uv[:, None, :] * self.octaves[None, :, None]
            x = torch.cat([fetched[0, :, 0].T, torch.sin(angle).flatten(1), torch.cos(angle).flatten(1)], 1)
            y = self.net(x)
        loss = F.mse_loss(y.float(), self.target[index])
        (loss * 16384).backward()  # for gradients of f16; Adam does not see it
        self.optimizer.step()
        with torch.no_grad():
            self.latents.clamp_(0, 1)
        self.error.copy_(loss.detach())


def run(width, target, autocast, graphs, steps):
    """Seconds of a step, of the median, the fastest and the slowest fifth of `steps`, and the PSNR behind them."""
    t = Training(width, target, autocast)
    t.set_rate(0)
    call = t.step
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(20):
            t.step()
    torch.cuda.synchronize()
    if graphs:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            t.step()
        call = graph.replay
    for _ in range(50):
        call()
    torch.cuda.synchronize()
    seconds = []
    for portion in range(PORTIONS):
        begin = time.perf_counter()
        for step in range(portion * steps // PORTIONS, (portion + 1) * steps // PORTIONS):
            if step % 100 == 0:
                t.set_rate(step * STEPS // steps)
            call()
        torch.cuda.synchronize()
        seconds.append((time.perf_counter() - begin) * PORTIONS / steps)
    seconds.sort()
    return seconds[PORTIONS // 2], seconds[0], seconds[-1], -10 * math.log10(float(t.error))


def main():
    rows = json.loads(subprocess.run([sys.argv[1], "--json"] + sys.argv[2:], check=True, capture_output=True).stdout)
    target = maps()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {rows['driver']}")
    for width in 64, 32:
        name = f"32-{width}-{width}-9"
        peers = {}
        for mode, steps in ("eager", 500), ("graphs", 2000):
            for cast in False, True:
                row = run(width, target, cast, mode == "graphs", steps)
                peers[mode] = min(peers.get(mode, row), row)
                print(f"{name} torch {mode:6} {'f16' if cast else 'tf32':4}: {1e6 * row[0]:8.1f} us a step "
                      f"({1e6 * row[1]:.1f} to {1e6 * row[2]:.1f}), {1 / row[0]:8.0f} steps/s, {row[3]:.2f} dB", flush=True)
        for row in rows["rows"]:
            if row["name"].startswith(name):
                ratios = ", ".join(f"{peers[m][0] * 1e6 / row['step_us']:.1f}x {m}" for m in peers)
                print(f"{row['name']:22}: {row['step_us']:8.1f} us a step ({row['step_us_min']:.1f} to "
                      f"{row['step_us_max']:.1f}), {row['steps_per_second']:8.0f} steps/s, "
                      f"{row['psnr_last']:.2f} dB, same bits {row['same_bits']}: {ratios}")


main()
