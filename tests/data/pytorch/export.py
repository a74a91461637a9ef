#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the models of this folder: export.py FOLDER (with torch 2.11, onnx and onnxscript)."""
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import numpy_helper


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.SiLU())
        self.dw = nn.Conv2d(12, 12, 3, 1, 1, groups=12)
        self.pw = nn.Conv2d(12, 24, 1)
        self.gn = nn.GroupNorm(4, 24)
        self.head = nn.Linear(24, 10)
        with torch.no_grad():
            self.stem[1].running_mean.normal_()
            self.stem[1].running_var.uniform_(0.5, 2)

    def forward(self, image):
        x = F.gelu(self.gn(self.pw(F.hardswish(self.dw(self.stem(image))))))
        return F.log_softmax(self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)), -1)


class Block(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.m = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.n1(x)).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, d))
        return x + self.m(self.n2(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(50, 32)
        self.p = nn.Parameter(torch.randn(64, 32) * 0.1)
        self.b = nn.ModuleList([Block(), Block()])
        self.f = nn.Linear(32, 50)

    def forward(self, tokens):
        x = self.e(tokens) + self.p[: tokens.shape[1]]
        for block in self.b:
            x = block(x)
        return self.f(x)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU())
        self.c = nn.Sequential(nn.Conv2d(24, 8, 3, padding=1), nn.ReLU())
        self.o, self.t = nn.Conv2d(8, 12, 3, padding=1), nn.ConvTranspose2d(3, 3, 2, 2)

    def forward(self, x):
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        u = F.interpolate(b, scale_factor=2, mode='bilinear', align_corners=False)
        y = F.pixel_shuffle(self.o(self.c(torch.cat([u, a], 1))), 2)
        return torch.clamp(y, 0, 1), self.t(F.pad(y, (1, 1, 1, 1), mode='reflect'))


def write_tensors(folder, kind, names, tensors):
    for i, t in enumerate(tensors):
        with open(f'{folder}/{kind}_{i}.pb', 'wb') as f:
            f.write(numpy_helper.from_array(t.detach().numpy(), names[i]).SerializeToString())


def export(folder, model, inputs, input_names, output_names, dynamic, opset):
    os.makedirs(folder + '/test_data_set_0', exist_ok=True)
    torch.onnx.export(model, inputs, folder + '/model.onnx', input_names=input_names, output_names=output_names,
                      opset_version=opset, dynamo=True, external_data=True, dynamic_shapes=dynamic)
    with torch.no_grad():
        outputs = model(*inputs)
    write_tensors(folder + '/test_data_set_0', 'input', input_names, inputs)
    write_tensors(folder + '/test_data_set_0', 'output', output_names, outputs if isinstance(outputs, tuple) else (outputs,))


torch.manual_seed(1)
root, Dim = sys.argv[1], torch.export.Dim
export(root + '/convnet_opset18', ConvNet().eval(), (torch.randn(2, 3, 16, 16),), ['image'], ['scores'],
       {'image': {0: Dim('batch')}}, 18)
for version in (18, 23):
    export(f'{root}/transformer_opset{version}', Transformer().eval(), (torch.randint(0, 50, (2, 9)),), ['tokens'], ['logits'],
           {'tokens': {0: Dim('batch'), 1: Dim('time', max=64)}}, version)
export(root + '/unet_opset20', UNet().eval(), (torch.rand(1, 3, 16, 24),), ['x'], ['image', 'wide'], None, 20)
