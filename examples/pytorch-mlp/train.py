#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains a small network on a picture that is a formula, and writes what the example needs. Needs PyTorch alone.

usage: train.py [FOLDER]
writes state.safetensors (the state_dict, f32) and expected.npy (f32 [64][64][3]: PyTorch's own outputs at the centres
of 64 x 64 pixels), for the network that mlp.json describes.
"""
import json
import math
import os
import struct
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 64

with open(os.path.join(HERE, 'mlp.json'), encoding='utf-8') as f:
    description = json.load(f)


def encode(x):
    """tiny-cuda-nn's Frequency: for each coordinate and octave o, sin(2^o pi x) and cos(2^o pi x)."""
    octaves = math.pi * 2.0 ** torch.arange(description['encoding']['n_frequencies'], device=x.device)
    angles = x[:, :, None] * octaves
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)


def picture(x):
    """The colours [n][3] at points [n][2] of the unit square: petals around rings."""
    p = (x - 0.5) * 2
    radius, angle = p.norm(dim=1), torch.atan2(p[:, 1], p[:, 0])
    petals = 0.55 + 0.22 * torch.cos(6 * angle + 5 * radius)
    inside = torch.sigmoid((petals - radius) * 40)[:, None]
    phase = torch.stack((radius * 9, radius * 9 + 1.3, radius * 9 + 2.4), 1)
    flower = 0.55 + 0.4 * torch.cos(phase + 0.6 * torch.sin(3 * angle)[:, None])
    ground = torch.stack((0.08 + 0.1 * x[:, 1], 0.12 + 0.2 * x[:, 1], 0.25 + 0.2 * x[:, 0]), 1)
    return inside * flower + (1 - inside) * ground


def make_network():
    n = description['network']
    widths = [4 * description['encoding']['n_frequencies']] + [n['n_neurons']] * n['n_hidden_layers'] + [3]
    layers = []
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU() if i + 2 < len(widths) else torch.nn.Sigmoid()]
    return torch.nn.Sequential(*layers)


def write_safetensors(path, state):
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, tensor in state.items():
        raw = struct.pack(f'<{tensor.numel()}f', *tensor.flatten().tolist())
        header[name] = {'dtype': 'F32', 'shape': list(tensor.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)


def write_npy(path, tensor):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(tensor.shape)}, }}"
    text += ' ' * (-(len(text) + 11) % 64) + '\n'
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(text)) + text.encode())
        f.write(struct.pack(f'<{tensor.numel()}f', *tensor.flatten().tolist()))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    torch.manual_seed(1)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    network = make_network().to(device)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4000)
    for _ in range(4000):
        x = torch.rand(16384, 2, device=device)
        loss = ((network(encode(x)) - picture(x)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network = network.cpu()
    centres = (torch.arange(SIZE) + 0.5) / SIZE
    v, u = torch.meshgrid(centres, centres, indexing='ij')
    x = torch.stack((u.flatten(), v.flatten()), 1)
    with torch.no_grad():
        expected = network(encode(x))
        error = ((expected - picture(x)) ** 2).mean().item()
    write_safetensors(os.path.join(folder, 'state.safetensors'), network.state_dict())
    write_npy(os.path.join(folder, 'expected.npy'), expected.reshape(SIZE, SIZE, 3))
    print(f'torch {torch.__version__}, {device}: {-10 * math.log10(error):.2f} dB')


if __name__ == '__main__':
    main()
