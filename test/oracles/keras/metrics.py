"""Keras metrics over several batches: writes metrics.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/metrics.py

Each case gives its batches to `update_state` in turn; `results` holds `result()` before the first and after each one.
"""

import numpy as np

from oracle import distribution, draw, generator, keras, number, tensor, tf, write

in_top_k = tf.math.in_top_k  # takes float32 only, which holds the predictions exactly
tf.math.in_top_k = lambda targets, predictions, k: in_top_k(targets, tf.cast(predictions, "float32"), k)

cases = []
batches = (4, 3, 1)  # rows


def result_of(metric):
    value = np.asarray(keras.ops.convert_to_numpy(metric.result()))
    return number(value) if value.ndim == 0 else tensor(value)


def metric_case(name, metric, batches, note=None, **arguments):
    """`batches` holds the arguments of `update_state`: y_true and y_pred, or values; and sample_weight."""
    made = getattr(keras.metrics, metric)(**arguments)
    try:
        results = [result_of(made)]
    except Exception:  # F1Score and R2Score know their shape only after the first batch
        results = [None]
    for batch in batches:
        made.update_state(**{key: np.asarray(value) for key, value in batch.items()})
        results.append(result_of(made))
    made.reset_state()
    case = {"name": name, "metric": metric, "arguments": arguments}
    case["updates"] = [{key: tensor(np.asarray(value)) for key, value in batch.items()} for batch in batches]
    case["results"] = results
    if note:
        case["note"] = note
    cases.append(case)


def one_hot(labels, classes):
    return np.eye(classes)[labels]


def classified(random, rows, classes):
    """Labels, and predictions of which six in ten are right."""
    labels, predictions = random.integers(classes, size=rows), distribution(random, (rows, classes))
    for label, row in zip(labels, predictions):
        if random.random() < 0.6:
            greatest = row.argmax()
            row[[label, greatest]] = row[[greatest, label]]
    return labels.astype("int32"), predictions


def detected(random, shape):
    """Labels 0 and 1, and predictions of which more than half are right."""
    labels, predictions = random.integers(2, size=shape).astype("int32"), draw(random, shape, 0, 1)
    wrong = (predictions > 0.5) != labels
    return labels, np.where(wrong & (random.random(shape) < 0.4), 1 - predictions, predictions)


def guessed(random, shape, classes=3):
    labels, others = (random.integers(classes, size=shape).astype("int32") for _ in range(2))
    return labels, np.where(random.random(shape) < 0.4, labels, others)


def categorical(random, rows, classes=3):
    labels, predictions = classified(random, rows, classes)
    return one_hot(labels, classes), predictions


def sparse(random, rows, classes=3):
    labels, predictions = classified(random, rows, classes)
    return labels[:, None], predictions


data = {
    "numbers": lambda random, rows: (draw(random, (rows, 2)), draw(random, (rows, 2))),
    "positive": lambda random, rows: (draw(random, (rows, 2), 0, 2), draw(random, (rows, 2), 0, 2)),
    "signs": lambda random, rows: (random.choice([-1.0, 1.0], (rows, 2)), draw(random, (rows, 2))),
    "integers": lambda random, rows: guessed(random, (rows, 1)),
    "binary": lambda random, rows: detected(random, (rows, 1)),
    "labels": lambda random, rows: detected(random, (rows, 3)),
    "classes": lambda random, rows: categorical(random, rows),
    "five classes": lambda random, rows: categorical(random, rows, 5),
    "sparse": lambda random, rows: sparse(random, rows),
    "five sparse": lambda random, rows: sparse(random, rows, 5),
}


def over(metric, kind, *, weighted=True, note=None, rows=batches, **arguments):
    """A case without and a case with weights of the rows."""
    name = ", ".join([f"{metric}: {kind}", *(f"{key} {value}" for key, value in arguments.items())])
    random = generator(name)
    pairs = [data[kind](random, count) for count in rows]
    plain = [{"y_true": y_true, "y_pred": y_pred} for y_true, y_pred in pairs]
    metric_case(name, metric, plain, note, **arguments)
    if weighted:
        # The matrix behind an intersection over union is of whole numbers: it cuts weights down to them.
        weights = [random.integers(0, 5, size=count) / (1 if "IoU" in metric else 2) for count in rows]
        metric_case(f"{name}, sample_weight", metric,
                    [{**batch, "sample_weight": weight} for batch, weight in zip(plain, weights)], note, **arguments)


# Means
random = generator("means")
for metric in ("Mean", "Sum"):
    metric_case(f"{metric}", metric, [{"values": draw(random, (3,))}, {"values": draw(random, (2, 2))}, {"values": 0.25}])
    metric_case(f"{metric}: sample_weight", metric, [
        {"values": draw(random, (3,)), "sample_weight": [1, 0, 2.5]}, {"values": draw(random, (2, 2)), "sample_weight": [1, 0.5]}])

# Accuracies
over("Accuracy", "integers")
over("BinaryAccuracy", "binary")
over("BinaryAccuracy", "labels", threshold=0.75, note="a weight of a row counts the mean of its labels")
over("CategoricalAccuracy", "classes")
over("SparseCategoricalAccuracy", "sparse")
over("TopKCategoricalAccuracy", "five classes", k=2)
over("TopKCategoricalAccuracy", "five classes", weighted=False, note="k is 5")
over("SparseTopKCategoricalAccuracy", "five sparse", k=3)
metric_case("CategoricalAccuracy: ties", "CategoricalAccuracy", [
    {"y_true": [[0, 1, 0], [1, 0, 0.0]], "y_pred": [[0.5, 0.5, 0], [0.25, 0.25, 0.25]]}], note="the first of the greatest")
metric_case("TopKCategoricalAccuracy: ties", "TopKCategoricalAccuracy", [
    {"y_true": [[0, 0, 1], [1, 0, 0], [0, 1, 0.0]], "y_pred": [[0.5, 0.25, 0.25], [0.25, 0.25, 0.25], [0.25, 0.25, 0.25]]}], k=2,
    note="a class that ties with the k-th greatest counts")
metric_case("BinaryAccuracy: at the threshold", "BinaryAccuracy", [{"y_true": [1, 0, 1, 0], "y_pred": [0.5, 0.5, 0.75, 0.25]}],
            note="a prediction must be above the threshold")

# Counts, precision and recall
for metric in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
    over(metric, "binary")
    over(metric, "binary", thresholds=[0.25, 0.75], weighted=False)
for metric in ("Precision", "Recall"):
    over(metric, "binary")
    over(metric, "binary", thresholds=0.25)
    over(metric, "binary", thresholds=[0.25, 0.5, 0.75])
    over(metric, "classes", weighted=False)
    over(metric, "classes", class_id=1)
    over(metric, "five classes", top_k=2)
    over(metric, "five classes", top_k=2, class_id=3, weighted=False)
    metric_case(f"{metric}: nothing to count", metric, [{"y_true": [0, 0], "y_pred": [0.25, 0.125]}], note="0 / 0 is 0")
over("PrecisionAtRecall", "binary", recall=0.5, rows=(8, 8))
over("RecallAtPrecision", "binary", precision=0.5, rows=(8, 8))
over("SensitivityAtSpecificity", "binary", specificity=0.5, rows=(8, 8))
over("SpecificityAtSensitivity", "binary", sensitivity=0.5, rows=(8, 8))

# Areas under curves
rows = (8, 5)
for curve in ("ROC", "PR"):
    over("AUC", "binary", rows=rows, curve=curve)
    for summation_method in ("interpolation", "minoring", "majoring"):
        over("AUC", "binary", rows=rows, curve=curve, summation_method=summation_method, num_thresholds=5)
    over("AUC", "binary", rows=rows, curve=curve, thresholds=[0.2, 0.4, 0.6, 0.9], weighted=False)
over("AUC", "labels", rows=rows, multi_label=True)
over("AUC", "labels", rows=rows, multi_label=True, label_weights=[1, 2, 0.5], weighted=False)
over("AUC", "labels", rows=rows, weighted=False)
metric_case("AUC: from_logits", "AUC", [{"y_true": [0, 0, 1, 1], "y_pred": [-3, 1.5, 0.5, 2]}], from_logits=True)
metric_case("AUC: one class", "AUC", [{"y_true": [1, 1], "y_pred": [0.25, 0.75]}])

# F scores
for average in (None, "micro", "macro", "weighted"):
    over("F1Score", "classes", average=average)
over("F1Score", "labels", threshold=0.5)
over("FBetaScore", "labels", beta=2.0, threshold=0.25, average="macro")

# Regression
for metric in (
    "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "CosineSimilarity", "LogCoshError",
):
    over(metric, "numbers")
for metric in ("MeanSquaredLogarithmicError", "Poisson"):
    over(metric, "positive")
over("R2Score", "numbers", rows=(4, 3))
for class_aggregation in (None, "variance_weighted_average"):
    over("R2Score", "numbers", rows=(4, 3), class_aggregation=class_aggregation)
over("R2Score", "numbers", rows=(4, 3), num_regressors=2, weighted=False)
over("PearsonCorrelation", "numbers", weighted=False)
over("ConcordanceCorrelation", "numbers", weighted=False)

# Losses
over("Hinge", "signs")
over("SquaredHinge", "signs")
over("CategoricalHinge", "classes")
over("KLDivergence", "classes")
over("BinaryCrossentropy", "labels")
over("BinaryCrossentropy", "labels", from_logits=True, label_smoothing=0.1, weighted=False)
over("CategoricalCrossentropy", "classes")
over("CategoricalCrossentropy", "classes", label_smoothing=0.1, weighted=False)
over("SparseCategoricalCrossentropy", "sparse")

# Intersection over union
over("MeanIoU", "integers", num_classes=3)
over("MeanIoU", "integers", num_classes=4, weighted=False, note="a class that never occurs does not count")
over("MeanIoU", "integers", num_classes=3, ignore_class=2, weighted=False)
over("IoU", "integers", num_classes=3, target_class_ids=[0, 2])
over("BinaryIoU", "binary", threshold=0.5)
over("OneHotIoU", "classes", num_classes=3, target_class_ids=[1])
over("OneHotMeanIoU", "classes", num_classes=3)

# tf.math.confusion_matrix: one row a label, one column a prediction
confusion = []
for name, labels, predictions, num_classes, weights in (
    ("plain", [0, 1, 2, 2, 1, 0, 2], [0, 2, 2, 1, 1, 0, 2], None, None),
    ("num_classes", [0, 1, 1], [1, 1, 0], 4, None),
    ("weights", [0, 1, 2, 2], [0, 2, 2, 1], None, [1, 0.5, 2, 0.25]),
):
    matrix = tf.math.confusion_matrix(labels, predictions, num_classes=num_classes, weights=weights,
                                      dtype="int32" if weights is None else "float64")
    confusion.append({"name": name, "labels": labels, "predictions": predictions, "num_classes": num_classes, "weights": weights,
                      "matrix": tensor(matrix)})

write(__file__, {"cases": cases, "confusion_matrix": confusion})
