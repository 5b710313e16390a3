"""Measured process: PyTorch. Speaks the protocol of ../protocol.ts and repeats the formulas of ../cases.ts."""

import json
import math
import os
import sys
import time

ASSIGNMENT = json.loads(sys.argv[-1])
THREADS = ASSIGNMENT["threads"]
os.environ["OMP_NUM_THREADS"] = str(THREADS)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(THREADS)

BATCHES = 16


def hashed(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def uniform(seed, shape, low=0.0, high=1.0):
    count = math.prod(shape)
    start = np.uint32((seed * 0x85EBCA6B) % 2**32)
    numbers = hashed(np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x9E3779B1) + start)
    values = low + (numbers >> np.uint32(8)).astype(np.float64) * 2.0**-24 * (high - low)
    return values.astype(np.float32).reshape(shape)


def batches(size):
    images = [uniform(100 + k, (size * 784,)) for k in range(BATCHES)]
    labels = [np.floor(uniform(200 + k, (size,), 0, 10)).astype(np.int32) for k in range(BATCHES)]
    return images, labels


def parameter(position, shape):
    count = math.prod(shape)
    bound = 0.05 if len(shape) == 1 else math.sqrt(6 / (count / shape[-1] + shape[-1]))
    return torch.from_numpy(uniform(10 + position, shape, -bound, bound))


def network(kind):
    """The network with the weights of cases.ts, in PyTorch's orders of axes."""
    if kind == "mlp":
        shapes = [(784, 128), (128,), (128, 64), (64,), (64, 10), (10,)]
        layers = [nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)]
        model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    else:
        shapes = [(5, 5, 1, 8), (8,), (5, 5, 8, 16), (16,), (784, 10), (10,)]
        layers = [nn.Conv2d(1, 8, 5, padding=2), nn.Conv2d(8, 16, 5, padding=2), nn.Linear(784, 10)]
        blocks = [layers[0], nn.ReLU(), nn.MaxPool2d(2), layers[1], nn.ReLU(), nn.MaxPool2d(2)]
        model = nn.Sequential(*blocks, nn.Flatten(), layers[2])
    values = [parameter(i, shape) for i, shape in enumerate(shapes)]
    with torch.no_grad():
        for i, layer in enumerate(layers):
            weights = values[2 * i]
            if isinstance(layer, nn.Conv2d):
                weights = weights.permute(3, 2, 0, 1)
            else:
                if kind == "cnn":
                    weights = weights.reshape(7, 7, 16, 10).permute(2, 0, 1, 3).reshape(784, 10)
                weights = weights.T
            layer.weight.copy_(weights)
            layer.bias.copy_(values[2 * i + 1])
    return model if kind == "mlp" else model.to(memory_format=torch.channels_last)


def training(kind, batch):
    model = network(kind)
    settings = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-12}
    try:
        # The fastest counts: a quarter off the step of the small network. Older versions have it for GPUs alone.
        optimizer = torch.optim.Adam(model.parameters(), fused=True, **settings)
    except (TypeError, RuntimeError):
        optimizer = torch.optim.Adam(model.parameters(), **settings)
    loss_function = nn.CrossEntropyLoss()
    images, labels = batches(batch)
    labels = [values.astype(np.int64) for values in labels]

    def tensor(values):
        x = torch.from_numpy(values)
        # Strides of channels_last over the same memory, as there is one channel: nothing is converted.
        return x.view(batch, 784) if kind == "mlp" else x.view(batch, 28, 28, 1).permute(0, 3, 1, 2)

    def call(turn):
        x = tensor(images[turn % BATCHES])
        y = torch.from_numpy(labels[turn % BATCHES])
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return (lambda: [call(turn) for turn in range(10 if kind == "mlp" else 3)]), call


def sample(values):
    values = values.detach().contiguous().view(-1)
    return values[:: max(1, values.numel() // 499)].tolist()


def on_arrays(workload):
    million = 2**20
    if workload == "exp-1m":
        x = torch.from_numpy(uniform(1, (million,), -3, 3))

        # In place where it can be: fewer fresh pages than the plain sum of three results.
        def run(_):
            return torch.sigmoid(x).add_(torch.tanh(x)).add_(torch.exp(x))

    elif workload in ("sum-axis0", "sum-axis1"):
        x = torch.from_numpy(uniform(1, (4096, 1024)))
        axis = int(workload[-1])

        def run(_):
            return x.sum(axis)

    elif workload == "chain-1m":
        a, b, c, d = (torch.from_numpy(uniform(1 + i, (million,), -1, 1)) for i in range(4))

        def run(_):
            return torch.relu_(a * b + c).mul_(d).sub_(a)

    else:
        raise NotImplementedError("not among the rows")
    return (lambda: sample(run(0))), run


def main():
    workload = ASSIGNMENT["workload"]
    parts = workload.split("-")
    try:
        if parts[1] == "train":
            check, call = training(parts[0], int(parts[2][1:]))
        else:
            torch.set_grad_enabled(False)
            check, call = on_arrays(workload)
        numbers = check()
    except NotImplementedError as error:
        print(json.dumps({"cannot": str(error)}), flush=True)
        return
    version = torch.__version__.split("+")[0]
    print(json.dumps({"name": "pytorch", "version": version, "check": numbers}), flush=True)
    turn = 0
    group = 1
    for line in sys.stdin:
        end = time.perf_counter() + json.loads(line)["ms"] / 1e3
        times = []
        start = time.perf_counter()
        while True:
            for _ in range(group):
                call(turn)
                turn += 1
            now = time.perf_counter()
            times.append((now - start) * 1e3 / group)
            if now - start < 1e-4:
                group *= 2
            start = time.perf_counter()
            if start >= end:
                break
        print(json.dumps({"times": times}), flush=True)


main()
