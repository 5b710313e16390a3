"""Weights as Keras writes them to .weights.h5, turned into npz, and what the models predict: writes weights.json, weights-*.npz.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6 h5py==3.14.0
    python test/oracles/keras/weights.py
"""

import json
import os
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import h5py
import keras
import numpy as np
from keras import layers

here = Path(__file__).parent
random = np.random.default_rng(0)


def plain():
    return keras.Sequential([
        keras.Input([4]), layers.Dense(5, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(3, activation="tanh"),
        layers.Dense(2),
    ])


def nested():
    start = keras.Input([6, 3])
    inner = keras.Sequential([keras.Input([4]), layers.Dense(4, activation="relu"), layers.Dense(2)])
    steps = layers.LSTM(4, return_sequences=True)(start)
    both = layers.Bidirectional(layers.GRU(2))(steps)
    last = layers.LSTM(4)(steps)
    joined = layers.Concatenate()([inner(last), inner(both)])
    return keras.Model(start, layers.Dense(2)(joined))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.first_part = layers.Dense(3, activation="tanh")
        self.output_part = layers.Dense(2)

    def call(self, x):
        return self.output_part(self.first_part(x))


def cells():
    start = keras.Input([6, 4])
    looked = layers.MultiHeadAttention(2, 3)(start, start)
    each = layers.TimeDistributed(layers.Dense(3, activation="tanh"))(looked)
    return keras.Model(start, layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)])(layers.PReLU()(each)))


cases = []
for name, model, shape in (("plain", plain(), [3, 4]), ("nested", nested(), [2, 6, 3]), ("own", Own(), [3, 4]), ("cells", cells(), [2, 6, 4])):
    x = (random.integers(-64, 64, shape) / 32).astype("float32")
    model(x)
    model.set_weights([np.abs(w) if "variance" in v.path else w for v in model.weights
                       for w in [(random.integers(-64, 64, v.shape) / 64 + 1 / 128).astype("float32")]])
    model.compile(optimizer="adam", loss="mse")
    arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.weights.h5")
        model.save_weights(path)
        with h5py.File(path) as file:
            file.visititems(lambda key, item: arrays.update({key: item[()]}) if isinstance(item, h5py.Dataset) else None)
    np.savez(here / f"weights-{name}.npz", **arrays)
    cases.append({"name": name, "names": sorted(arrays), "x": {"shape": shape, "data": x.reshape(-1).tolist()},
                  "y": [float(f"{value:.9g}") for value in np.asarray(model(x)).reshape(-1)]})
rows = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
(here / "weights.json").write_text(f'{{"format":"keras/1","keras":"{keras.__version__}",\n"cases":[\n{rows}\n]}}\n')
