"""Fans, limits and standard deviations of Keras initializers, not their values: writes initializers.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/initializers.py

`drawn` says what Keras asks its random generator for: a uniform distribution between two limits, a normal one, or a
truncated normal one, whose values further than two standard deviations from the mean are drawn again.
"""

import numpy as np

from oracle import keras, number, tensor, write
from keras.src.initializers import random_initializers

asked = []


class Recorder:
    """Takes the place of keras.random in the initializers and writes down what it is asked for."""

    def __getattr__(self, distribution):
        if distribution not in ("uniform", "normal", "truncated_normal"):
            return getattr(keras_random, distribution)

        def draw(shape, seed=None, dtype=None, **parameters):
            asked.append({"distribution": distribution, "shape": list(shape),
                          **{key: number(value) for key, value in parameters.items()}})
            return getattr(keras_random, distribution)(shape, seed=seed, dtype=dtype, **parameters)

        return draw


keras_random, random_initializers.random = random_initializers.random, Recorder()

shapes = [[3], [3, 5], [1, 1], [4, 3, 2], [3, 3, 2, 8], [3, 3, 2, 1], [2, 3, 3, 4, 5], [4, 2, 3]]
fans = [{"shape": shape, "fan_in": fan_in, "fan_out": fan_out}
        for shape in [[], [1], *shapes] for fan_in, fan_out in [random_initializers.compute_fans(shape)]]

cases = []


def initializer_case(name, shape, **arguments):
    asked.clear()
    value = getattr(keras.initializers, name)(**arguments)(shape)
    case = {"initializer": name, "arguments": {key: part for key, part in arguments.items() if key != "seed"}, "shape": shape}
    if asked:
        case["drawn"] = asked[0]
    else:
        case["value"] = tensor(value)
    cases.append(case)


for name in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"):
    for shape in shapes:
        initializer_case(name, shape, seed=1)
for mode in ("fan_in", "fan_out", "fan_avg"):
    for distribution in ("uniform", "truncated_normal", "untruncated_normal", "normal"):
        for scale in (1.0, 2.5):
            initializer_case("VarianceScaling", [3, 5], scale=scale, mode=mode, distribution=distribution, seed=1)
initializer_case("VarianceScaling", [4, 2, 3], seed=1)
for name, arguments in (
    ("RandomUniform", {}), ("RandomUniform", {"minval": -1.0, "maxval": 2.0}), ("RandomNormal", {}), ("RandomNormal", {"mean": 1.0, "stddev": 0.5}),
    ("TruncatedNormal", {}), ("TruncatedNormal", {"mean": 1.0, "stddev": 0.5}),
):
    initializer_case(name, [3, 5], seed=1, **arguments)
for name, arguments in (("Zeros", {}), ("Ones", {}), ("Constant", {}), ("Constant", {"value": 2.5}), ("Identity", {}), ("Identity", {"gain": 0.5})):
    initializer_case(name, [2, 3], **arguments)

# What a truncated normal distribution keeps: the standard deviation of its values in units of the one asked for
truncated = {"limit": 2, "kept_standard_deviation": number(0.87962566103423978)}

# Orthogonal: Q of a QR factorisation of normal values, its columns signed by the diagonal of R
orthogonal = []
for shape, arguments in (([3, 3], {}), ([4, 2], {"gain": 2.0}), ([2, 4], {}), ([2, 2, 3], {}), ([3, 2, 2], {})):
    asked.clear()
    value = np.asarray(keras.initializers.Orthogonal(seed=1, **arguments)(shape)).reshape(-1, shape[-1])
    rows, columns = value.shape
    product = value @ value.T if rows < columns else value.T @ value
    orthogonal.append({"shape": shape, "arguments": arguments, "drawn": asked[0], "orthonormal": "rows" if rows < columns else "columns",
                       "product": [[round(float(part), 6) + 0 for part in row] for row in product]})

# The initializers a layer has without being asked
defaults = []
for name, arguments, inputs in (
    ("Dense", {"units": 2}, [1, 3]), ("Embedding", {"input_dim": 2, "output_dim": 2}, [1, 3]), ("Conv1D", {"filters": 2, "kernel_size": 2}, [1, 4, 2]),
    ("Conv2D", {"filters": 2, "kernel_size": 2}, [1, 4, 4, 2]), ("DepthwiseConv2D", {"kernel_size": 2}, [1, 4, 4, 2]),
    ("SeparableConv2D", {"filters": 2, "kernel_size": 2}, [1, 4, 4, 2]), ("Conv2DTranspose", {"filters": 2, "kernel_size": 2}, [1, 4, 4, 2]),
    ("PReLU", {}, [1, 3]), ("BatchNormalization", {}, [1, 3]), ("LayerNormalization", {}, [1, 3]), ("GroupNormalization", {"groups": 1}, [1, 3, 2]),
    ("SimpleRNN", {"units": 2}, [1, 3, 2]), ("LSTM", {"units": 2}, [1, 3, 2]), ("GRU", {"units": 2}, [1, 3, 2]),
    ("MultiHeadAttention", {"num_heads": 1, "key_dim": 2}, [1, 3, 2]),
):
    layer = getattr(keras.layers, name)(**arguments)
    given = {key: value for key, value in layer.get_config().items() if key.endswith("_initializer")}
    entry = {"layer": name, "arguments": arguments,
             "initializers": {key: value["config"].get("class_name", value["class_name"]) if isinstance(value, dict) else value for key, value in given.items()}}
    config = layer.get_config()
    entry["config"] = {key: value for key, value in config.items() if isinstance(value, (int, float, str, bool)) and key not in ("name", "dtype")}
    defaults.append(entry)

# The bias of a new LSTM: ones for the forget gate, the second quarter
lstm = keras.layers.LSTM(2)
lstm.build((1, 3, 2))
write(__file__, {"fans": fans, "cases": cases, "truncated_normal": truncated, "orthogonal": orthogonal, "defaults": defaults,
                 "lstm_bias": tensor(lstm.cell.bias)})
