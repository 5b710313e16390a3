"""Keras losses with their reductions, sample weights and gradients: writes losses.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/losses.py

A loss that is not a number is multiplied with coefficients and summed before its gradient is taken.
"""

import numpy as np

from oracle import distribution, draw, generator, keras, tensor, tf, write

cases = []


def loss_case(name, loss, y_true, y_pred, sample_weight=None, mask=None, note=None, **arguments):
    random = generator(name)
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred, dtype="float64")
    made = getattr(keras.losses, loss)(**arguments)
    prediction = tf.constant(y_pred)
    if mask is not None:
        prediction._keras_mask = tf.constant(mask)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = made(tf.constant(y_true), prediction, sample_weight=sample_weight)
        coefficients = draw(random, value.shape, -1, 1) if value.shape.rank else np.array(1.0)
        scalar = tf.reduce_sum(value * coefficients)
    gradient = tape.gradient(scalar, prediction, unconnected_gradients="zero")
    case = {"name": name, "loss": loss, "arguments": arguments, "y_true": tensor(y_true), "y_pred": tensor(y_pred)}
    if sample_weight is not None:
        case["sample_weight"] = tensor(np.asarray(sample_weight))
    if mask is not None:
        case["mask"] = tensor(mask)
    case["value"] = tensor(value)
    if value.shape.rank:
        case["coefficients"] = tensor(coefficients)["data"]
    case["gradient"] = tensor(gradient)["data"]
    if note:
        case["note"] = note
    cases.append(case)


def labels_and_predictions(kind, random, batch=4, classes=3):
    """What a loss of that kind is meant for."""
    shape = (batch, classes)
    one_hot = np.eye(classes)[random.integers(classes, size=batch)]
    probability = (draw(random, shape, 0, 1), draw(random, shape, 0, 1))
    return {
        "numbers": lambda: (draw(random, shape), draw(random, shape)),
        "positive": lambda: (draw(random, shape, 0, 2), draw(random, shape, 0, 2)),
        "signs": lambda: (random.choice([-1.0, 1.0], shape), draw(random, shape)),
        "binary": lambda: (random.integers(2, size=shape).astype("float64"), probability[0]),
        "binary logits": lambda: (random.integers(2, size=shape).astype("float64"), draw(random, shape) * 2),
        "classes": lambda: (one_hot, distribution(random, shape)),
        "class logits": lambda: (one_hot, draw(random, shape) * 2),
        "soft classes": lambda: (distribution(random, shape), distribution(random, shape)),
        "sparse": lambda: (one_hot.argmax(-1).astype("int32"), distribution(random, shape)),
        "sparse logits": lambda: (one_hot.argmax(-1).astype("int32"), draw(random, shape) * 2),
    }[kind]()


losses = {
    "MeanSquaredError": [("numbers", {})],
    "MeanAbsoluteError": [("numbers", {})],
    "MeanAbsolutePercentageError": [("numbers", {})],
    "MeanSquaredLogarithmicError": [("positive", {}), ("numbers", {})],
    "CosineSimilarity": [("numbers", {}), ("numbers", {"axis": 0})],
    "Huber": [("numbers", {}), ("numbers", {"delta": 0.5})],
    "LogCosh": [("numbers", {})],
    "Hinge": [("signs", {}), ("binary", {})],
    "SquaredHinge": [("signs", {})],
    "CategoricalHinge": [("classes", {}), ("class logits", {})],
    "KLDivergence": [("soft classes", {}), ("classes", {})],
    "Poisson": [("positive", {})],
    "BinaryCrossentropy": [
        ("binary", {}), ("binary logits", {"from_logits": True}), ("binary", {"label_smoothing": 0.1}),
        ("binary logits", {"from_logits": True, "label_smoothing": 0.25}),
    ],
    "BinaryFocalCrossentropy": [
        ("binary", {}), ("binary logits", {"from_logits": True}),
        ("binary", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1}),
    ],
    "CategoricalCrossentropy": [
        ("classes", {}), ("soft classes", {}), ("class logits", {"from_logits": True}), ("classes", {"label_smoothing": 0.1}),
        ("class logits", {"from_logits": True, "label_smoothing": 0.25}),
    ],
    "CategoricalFocalCrossentropy": [
        ("classes", {}), ("class logits", {"from_logits": True}), ("classes", {"alpha": 0.5, "gamma": 3.0, "label_smoothing": 0.1}),
    ],
    "SparseCategoricalCrossentropy": [
        ("sparse", {}), ("sparse logits", {"from_logits": True}), ("sparse logits", {"from_logits": True, "ignore_class": 1}),
    ],
    "CategoricalGeneralizedCrossEntropy": [("sparse", {}), ("sparse", {"q": 0.25})],
    "Dice": [("binary", {}), ("binary", {"axis": 1})],
    "Tversky": [("binary", {}), ("binary", {"alpha": 0.25, "beta": 0.75})],
    "Circle": [("sparse", {}), ("sparse", {"gamma": 8, "margin": 0.2})],
}
for loss, variants in losses.items():
    for index, (kind, arguments) in enumerate(variants):
        name = ", ".join([f"{loss}: {kind}", *(f"{key} {value}" for key, value in arguments.items())])
        random = generator(name)
        if loss == "Circle":
            y_true = np.array([0, 1, 0, 1, 2, 2], dtype="int32")
            y_pred = draw(random, (6, 3))
            y_pred = np.round(y_pred / np.linalg.norm(y_pred, axis=1, keepdims=True) * 1024) / 1024
        else:
            y_true, y_pred = labels_and_predictions(kind, random)
        weights = np.array([1, 0.5, 2, 0, 3, 1.5][: len(y_true)])
        loss_case(name, loss, y_true, y_pred, **arguments)
        weighted = loss not in ("Dice", "Tversky") and "axis" not in arguments  # one value a row
        loss_case(f"{name}, none{', sample_weight' if weighted else ''}", loss, y_true, y_pred,
                  sample_weight=weights if weighted else None, reduction=None, **arguments)
        if index == 0 and weighted:
            for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
                loss_case(f"{name}, {reduction}, sample_weight", loss, y_true, y_pred, sample_weight=weights, reduction=reduction)

random = generator("ranks")
loss_case("MeanSquaredError: rank 3, none", "MeanSquaredError", draw(random, (2, 3, 2)), draw(random, (2, 3, 2)), reduction=None)
loss_case("MeanSquaredError: rank 3, sample_weight of each row", "MeanSquaredError", draw(random, (2, 3, 2)), draw(random, (2, 3, 2)),
          sample_weight=np.array([[1], [3.0]]),
          note="weights of shape (2,) would be an error: they are broadcast from the last axis, and never get new axes")
loss_case("MeanSquaredError: rank 3, sample_weight of each step", "MeanSquaredError", draw(random, (2, 3, 2)), draw(random, (2, 3, 2)),
          sample_weight=np.array([[1, 3, 0], [2, 0.5, 1.0]]))
loss_case("MeanSquaredError: rank 3, mask", "MeanSquaredError", draw(random, (2, 3, 2)), draw(random, (2, 3, 2)),
          mask=np.array([[True, True, False], [True, False, False]]),
          note="sum over the batch size: masked steps do not count, for the mask is scaled by total / valid")
loss_case("MeanSquaredError: rank 3, mask and sample_weight", "MeanSquaredError", draw(random, (2, 3, 2)), draw(random, (2, 3, 2)),
          mask=np.array([[True, True, False], [True, False, False]]), sample_weight=np.array([[1, 3, 5], [2, 0.5, 1.0]]))
loss_case("MeanSquaredError: labels of rank 1", "MeanSquaredError", draw(random, (4,)), draw(random, (4, 1)),
          note="a last axis of 1 is squeezed away")
loss_case("BinaryCrossentropy: labels of rank 1", "BinaryCrossentropy", [0, 1, 1.0], [[0.25], [0.5], [0.75]])
loss_case("BinaryCrossentropy: whole-number labels", "BinaryCrossentropy", np.array([[0, 1], [1, 0]], dtype="int32"), [[0.25, 0.5], [0.75, 0.125]])
loss_case("SparseCategoricalCrossentropy: rank 3", "SparseCategoricalCrossentropy", np.array([[0, 2], [1, 1]], dtype="int32"),
          distribution(random, (2, 2, 3)))
loss_case("SparseCategoricalCrossentropy: labels with a last axis of 1", "SparseCategoricalCrossentropy",
          np.array([[0], [2]], dtype="int32"), distribution(random, (2, 3)))
loss_case("CategoricalCrossentropy: predictions with a sum other than 1", "CategoricalCrossentropy", [[0, 1, 0], [0, 0, 1.0]],
          [[0.5, 0.5, 1], [0.25, 0.25, 0.25]], note="rescaled to sum 1 before the logarithm")
loss_case("SparseCategoricalCrossentropy: predictions with a sum other than 1", "SparseCategoricalCrossentropy",
          np.array([1, 2], dtype="int32"), [[0.5, 0.5, 1], [0.25, 0.25, 0.25]])
loss_case("Poisson: predictions near 0", "Poisson", [[1, 0, 2.0]], [[0, 0.0009765625, 2]])
loss_case("KLDivergence: zeros", "KLDivergence", [[0, 0.5, 0.5]], [[0.25, 0, 0.75]], note="both are clipped to [1e-7, 1]")
loss_case("CosineSimilarity: zeros", "CosineSimilarity", [[0, 0.0], [3, 4]], [[1, 2.0], [3, 4]])

# Extreme predictions: certain ones, and logits far from 0
binary = [[0, 1, 0, 1.0]]
loss_case("BinaryCrossentropy: certain", "BinaryCrossentropy", binary, [[0, 1, 1, 0]], note="clipped to [1e-7, 1 - 1e-7]")
loss_case("BinaryCrossentropy: extreme logits", "BinaryCrossentropy", binary, [[-1000, 1000, 1000, -1000]], from_logits=True)
loss_case("BinaryCrossentropy: large logits", "BinaryCrossentropy", binary, [[-40, 30, 20, -90]], from_logits=True)
loss_case("BinaryFocalCrossentropy: extreme logits", "BinaryFocalCrossentropy", binary, [[-1000, 1000, 1000, -1000]], from_logits=True)
loss_case("CategoricalCrossentropy: certain", "CategoricalCrossentropy", [[0, 1.0], [0, 1], [1, 0]], [[0, 1], [1, 0], [1, 0]])
loss_case("CategoricalCrossentropy: extreme logits", "CategoricalCrossentropy", [[0, 1.0], [0, 1], [1, 0]],
          [[-1000, 1000], [1000, -1000], [1000, 1000]], from_logits=True)
loss_case("SparseCategoricalCrossentropy: certain", "SparseCategoricalCrossentropy", np.array([1, 1, 0], dtype="int32"), [[0, 1], [1, 0], [1, 0]])
loss_case("SparseCategoricalCrossentropy: extreme logits", "SparseCategoricalCrossentropy", np.array([1, 1, 0], dtype="int32"),
          [[-1000, 1000], [1000, -1000], [1000, 1000]], from_logits=True)
loss_case("LogCosh: large differences", "LogCosh", [[0, 0, 0, 0.0]], [[1000, -1000, 40, 0]])
loss_case("MeanAbsolutePercentageError: a label of 0", "MeanAbsolutePercentageError", [[0, 2.0]], [[1, 1]],
          note="the label is taken as 1e-7 at least")

# Connectionist temporal classification: classes 0 (blank) to 3, labels padded with 0
loss_case("CTC", "CTC", np.array([[1, 2, 0], [3, 3, 1]], dtype="int32"), draw(random, (2, 6, 4)), reduction=None)

write(__file__, {"cases": cases})
