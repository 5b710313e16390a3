"""What the generators of this folder share: seeded draws, layers from their description, rounding, writing.

Keras computes in float64 here. Every drawn number is held exactly by float32; every computed one is rounded to nine
significant digits. A draw depends only on the name of its case, so that a new case leaves the others as they are.
"""

import inspect
import json
import os
import zlib
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf

keras.backend.set_floatx("float64")

# TensorFlow keeps the constants of these two in float32.
tf.nn.leaky_relu = lambda x, alpha=0.2: tf.where(x > 0, x, alpha * x)
tf.nn.gelu = lambda x, approximate=False: 0.5 * x * (
    1 + (tf.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)) if approximate else tf.math.erf(x / np.sqrt(2)))
)


def generator(name):
    """The random numbers of the case called `name`."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def draw(random, shape, low=-2, high=2):
    """Odd multiples of 1/64 or 1/256: never 0, 0.5 or 1, where an activation has its kink; all different if they can be."""
    size = int(np.prod(shape))
    step = 64 if size <= (high - low) * 32 else 256
    choices = np.arange(low * step + 1, high * step, 2) / step
    return random.choice(choices, size, replace=size > len(choices)).reshape(shape)


def distribution(random, shape):
    """Rows of positive multiples of 1/128 with sum 1."""
    rows = int(np.prod(shape[:-1]))
    cuts = [np.sort(random.choice(np.arange(1, 128), shape[-1] - 1, replace=False)) for _ in range(rows)]
    return np.array([np.diff([0, *cut, 128]) / 128 for cut in cuts]).reshape(shape)


def number(value):
    """JSON has no NaN and no infinity: they become strings."""
    value = float(value)
    if not np.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    value = float(f"{value:.9g}")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def tensor(value):
    value = keras.ops.convert_to_numpy(value)
    described = {"shape": list(value.shape), "data": [number(x) for x in value.reshape(-1)]}
    if value.dtype.kind in "iub":
        described["dtype"] = "bool" if value.dtype.kind == "b" else "int32"
    return described


def described(name, /, **arguments):
    """A layer, regularizer or constraint as the JSON files hold it."""
    return {"class": name, "arguments": arguments}


def instance(description, modules=(keras.layers, keras, keras.regularizers, keras.constraints)):
    """The Keras object of a description; descriptions among its arguments are made objects too."""
    if isinstance(description, list):
        return [instance(part) for part in description]
    if not isinstance(description, dict):
        return description
    if "class" not in description:
        return {key: instance(part) for key, part in description.items()}
    maker = next(getattr(module, description["class"]) for module in modules if hasattr(module, description["class"]))
    arguments = {key: instance(part) for key, part in description["arguments"].items()}
    made = maker(**arguments)
    for factor in ("l1", "l2", "factor"):
        if isinstance(made, keras.regularizers.Regularizer) and hasattr(made, factor):
            setattr(made, factor, np.float64(argument_value(maker, arguments, factor)))  # Keras keeps a float32
    if isinstance(made, keras.layers.MultiHeadAttention):
        made._inverse_sqrt_key_dim = np.float64(arguments["key_dim"] ** -0.5)  # Keras rounds it to float32
    return made


def argument_value(maker, arguments, name):
    """The value an argument takes: given, or the default."""
    return arguments.get(name, inspect.signature(maker).parameters[name].default)


def draw_weight(random, weight):
    """Variances and scales are drawn positive."""
    positive = any(word in weight.path for word in ("variance", "gamma", "scale"))
    return draw(random, weight.shape, *((0, 2) if positive else (-1, 1)))


def write(script, content):
    """Writes the JSON file of a script: one case a line."""
    content = {"format": "keras/1", "keras": keras.__version__, "tensorflow": tf.__version__, **content}
    lines = []
    for key, value in content.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row, separators=(",", ":"), allow_nan=False) for row in value)
            lines.append(f"{json.dumps(key)}:[\n{rows}\n]")
        else:
            lines.append(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'), allow_nan=False)}")
    path = Path(script).with_suffix(".json")
    path.write_text("{" + ",\n".join(lines) + "}\n")
    counts = ", ".join(f"{len(value)} {key}" for key, value in content.items() if isinstance(value, list))
    print(f"{path.name}: {path.stat().st_size:,} bytes, {counts}")
