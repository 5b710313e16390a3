"""Keras layers without recurrence, regularizers, constraints and Normalization.adapt: writes layers.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/layers.py
"""

import numpy as np

from layer_case import Input, cases, layer_case
from oracle import described, draw, generator, instance, keras, number, tensor, tf, write

integers = lambda *values: np.array(values, dtype="int32")

# Dense and Embedding
layer_case("dense", "Dense", [(3, 4)], units=5)
layer_case("dense: relu", "Dense", [(3, 4)], units=5, activation="relu")
layer_case("dense: softmax without bias", "Dense", [(3, 4)], units=5, activation="softmax", use_bias=False)
layer_case("dense: tanh of rank 3", "Dense", [(2, 3, 4)], units=2, activation="tanh")
layer_case("dense: regularized", "Dense", [(3, 4)], units=2, kernel_regularizer=described("L1L2", l1=0.01, l2=0.02),
           bias_regularizer=described("L1", l1=0.03), activity_regularizer=described("L2", l2=0.04),
           note="losses: kernel, bias, activity (divided by the batch size); their sum is part of the scalar")
layer_case("embedding", "Embedding", [integers([0, 2, 1], [4, 2, 2])], input_dim=5, output_dim=3)
layer_case("embedding: mask_zero", "Embedding", [integers([3, 0, 1], [2, 0, 0])], input_dim=4, output_dim=2, mask_zero=True)
layer_case("embedding: of rank 1", "Embedding", [integers(3, 1)], input_dim=4, output_dim=2)
layer_case("einsum dense", "EinsumDense", [(2, 3, 4)], equation="abc,cd->abd", output_shape=[None, 5], bias_axes="d")

# Activations
activations = (
    "linear relu relu6 leaky_relu elu selu celu gelu silu swish mish softplus softsign softmax log_softmax tanh sigmoid "
    "log_sigmoid hard_sigmoid hard_silu hard_swish hard_tanh hard_shrink soft_shrink tanh_shrink exponential glu "
    "sparse_plus sparse_sigmoid sparsemax squareplus"
).split()
for activation in activations:
    # From -8 to 8, so that relu6 and the hard functions reach both ends.
    layer_case(f"activation: {activation}", "Activation", [draw(generator(activation), (2, 8), -2, 2) * 4 ** (np.arange(8) % 2)],
               activation=activation)
wide = draw(generator("wide"), (2, 10)) * 4
layer_case("relu", "ReLU", [wide])
layer_case("relu: max_value", "ReLU", [wide], max_value=3)
layer_case("relu: negative_slope, max_value", "ReLU", [wide], negative_slope=0.25, max_value=5)
layer_case("relu: negative_slope, threshold", "ReLU", [wide], negative_slope=0.25, threshold=1.5)
layer_case("relu: max_value, negative_slope, threshold", "ReLU", [wide], max_value=6, negative_slope=0.5, threshold=1)
layer_case("leaky relu", "LeakyReLU", [wide], note="negative_slope is 0.3, unlike 0.2 of the activation leaky_relu")
layer_case("leaky relu: negative_slope", "LeakyReLU", [wide], negative_slope=0.1)
layer_case("prelu", "PReLU", [(2, 2, 3, 2)])
layer_case("prelu: shared_axes", "PReLU", [(2, 2, 3, 2)], shared_axes=[1, 2])
layer_case("elu", "ELU", [wide])
layer_case("elu: alpha", "ELU", [wide], alpha=0.5)
layer_case("softmax", "Softmax", [(2, 3, 4)])
layer_case("softmax: axis", "Softmax", [(2, 3, 4)], axis=1)
layer_case("softmax: axes", "Softmax", [(2, 3, 4)], axis=[1, 2])
layer_case("softmax: mask", "Softmax", [(2, 4)],
           call={"mask": np.array([[True, False, True, True], [False, False, True, False]])})

# Shapes
layer_case("flatten", "Flatten", [(2, 2, 3, 2)])
layer_case("flatten: channels_first", "Flatten", [(2, 2, 3, 2)], data_format="channels_first")
layer_case("flatten: of rank 1", "Flatten", [(3,)])
layer_case("reshape", "Reshape", [(2, 6)], target_shape=[3, 2])
layer_case("reshape: -1", "Reshape", [(2, 3, 4)], target_shape=[-1, 6])
layer_case("permute", "Permute", [(2, 2, 3, 4)], dims=[3, 1, 2])
layer_case("repeat vector", "RepeatVector", [(2, 3)], n=4)
layer_case("identity", "Identity", [(2, 3)])
layer_case("rescaling", "Rescaling", [(2, 3)], scale=0.25, offset=-1)

# Normalisation
for training in (False, True):
    suffix = ": training" if training else ""
    layer_case(f"batch normalization{suffix}", "BatchNormalization", [(5, 3)], training=training)
    layer_case(f"batch normalization: rank 4{suffix}", "BatchNormalization", [(2, 3, 2, 2)], training=training,
               momentum=0.9, epsilon=0.01)
    layer_case(f"batch normalization: axis{suffix}", "BatchNormalization", [(2, 3, 4)], training=training, axis=1)
    layer_case(f"batch normalization: neither scale nor center{suffix}", "BatchNormalization", [(5, 3)], training=training,
               scale=False, center=False)
layer_case("batch normalization: mask: training", "BatchNormalization", [(2, 3, 2)], training=True, momentum=0.5,
           call={"mask": np.array([[True, True, False], [True, False, False]])})
layer_case("batch normalization: not trainable: training", "BatchNormalization", [(5, 3)], training=True, trainable=False,
           note="a frozen layer normalises with its moving statistics and leaves them")
layer_case("layer normalization", "LayerNormalization", [(3, 4)])
layer_case("layer normalization: axis", "LayerNormalization", [(2, 3, 4)], axis=1, epsilon=0.01)
layer_case("layer normalization: axes", "LayerNormalization", [(2, 3, 4)], axis=[1, 2])
layer_case("layer normalization: neither scale nor center", "LayerNormalization", [(3, 4)], scale=False, center=False)
layer_case("rms normalization", "RMSNormalization", [(3, 4)])
layer_case("group normalization", "GroupNormalization", [(2, 3, 2, 4)], groups=2)
layer_case("group normalization: of each channel", "GroupNormalization", [(2, 3, 4)], groups=-1, epsilon=0.01)
layer_case("group normalization: neither scale nor center", "GroupNormalization", [(2, 3, 4)], groups=2, scale=False, center=False)
layer_case("unit normalization", "UnitNormalization", [(3, 4)])
layer_case("normalization: given", "Normalization", [(3, 2)], axis=-1, mean=[0.5, -1], variance=[2, 0.25])
layer_case("normalization: given, invert", "Normalization", [(3, 2)], axis=-1, mean=[0.5, -1], variance=[2, 0.25], invert=True)
layer_case("normalization: scalar", "Normalization", [(3, 2)], axis=None, mean=0.25, variance=4)

# Merging
pair, triple = [(2, 3, 2)] * 2, [(2, 3)] * 3
layer_case("concatenate", "Concatenate", [(2, 3, 2), (2, 3, 1), (2, 3, 3)], merge=True)
layer_case("concatenate: axis", "Concatenate", [(2, 3, 2), (2, 1, 2)], merge=True, axis=1)
for kind in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
    layer_case(kind.lower(), kind, triple, merge=True)
layer_case("subtract", "Subtract", pair, merge=True)
layer_case("add: broadcast", "Add", [(2, 3, 2), (2, 1, 2)], merge=True)
layer_case("add: ranks", "Add", [(2, 3, 4), (2, 4)], merge=True, note="the lower rank gets axes after the batch axis")
layer_case("dot", "Dot", [(2, 3), (2, 3)], merge=True, axes=1)
layer_case("dot: axes", "Dot", [(2, 3, 4), (2, 5, 3)], merge=True, axes=[1, 2])
layer_case("dot: normalize", "Dot", [(2, 3), (2, 3)], merge=True, axes=-1, normalize=True)
layer_case("dot: axes, normalize", "Dot", [(2, 3, 2), (2, 4, 2)], merge=True, axes=2, normalize=True)

# Layers that do nothing outside training
layer_case("dropout", "Dropout", [(2, 3)], rate=0.5)
layer_case("dropout: rate 0, training", "Dropout", [(2, 3)], rate=0, training=True)
layer_case("spatial dropout 1d", "SpatialDropout1D", [(2, 3, 2)], rate=0.5)
layer_case("spatial dropout 2d", "SpatialDropout2D", [(1, 2, 2, 2)], rate=0.5)
layer_case("gaussian noise", "GaussianNoise", [(2, 3)], stddev=0.5)
layer_case("gaussian dropout", "GaussianDropout", [(2, 3)], rate=0.5)
layer_case("alpha dropout", "AlphaDropout", [(2, 3)], rate=0.5)
layer_case("activity regularization", "ActivityRegularization", [(2, 3)], l1=0.1, l2=0.01,
           note="the loss is divided by the batch size")
masked = draw(generator("masking"), (2, 3, 2))
masked[0, 1], masked[1, 2], masked[1, 0, 0] = -1, -1, -1
layer_case("masking", "Masking", [masked], mask_value=-1)

# Attention
layer_case("attention: self", "MultiHeadAttention", [(2, 3, 4)], num_heads=2, key_dim=3,
           call={"query": Input(0), "value": Input(0)})
layer_case("attention: cross, scores", "MultiHeadAttention", [(1, 3, 4), (1, 5, 2)], num_heads=2, key_dim=2,
           call={"query": Input(0), "value": Input(1), "return_attention_scores": True})
layer_case("attention: key, value_dim, output_shape, without bias", "MultiHeadAttention", [(1, 2, 4), (1, 3, 3), (1, 3, 2)],
           num_heads=2, key_dim=2, value_dim=3, output_shape=5, use_bias=False,
           call={"query": Input(0), "value": Input(1), "key": Input(2)})
layer_case("attention: attention_mask", "MultiHeadAttention", [(2, 2, 4), (2, 3, 4)], num_heads=2, key_dim=2, call={
    "query": Input(0), "value": Input(1), "return_attention_scores": True,
    "attention_mask": np.array([[[True, False, True], [True, True, False]], [[False, False, False], [False, True, True]]])},
    note="a query with no place to attend to gets scores 0: its output is the bias")
layer_case("attention: causal", "MultiHeadAttention", [(1, 4, 3)], num_heads=1, key_dim=2,
           call={"query": Input(0), "value": Input(0), "use_causal_mask": True, "return_attention_scores": True})
layer_case("attention: query and value masks", "MultiHeadAttention", [(1, 2, 3), (1, 3, 3)], num_heads=2, key_dim=2, call={
    "query": Input(0), "value": Input(1), "query_mask": np.array([[True, False]]), "value_mask": np.array([[True, True, False]]),
    "return_attention_scores": True})
layer_case("dot-product attention", "Attention", [(1, 2, 3), (1, 4, 3)], merge=True, use_scale=True)
layer_case("additive attention", "AdditiveAttention", [(1, 2, 3), (1, 4, 3)], merge=True)

# Regularizers: the penalty of a weight and its gradient
regularizers = []
for name, arguments in (
    ("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 0.3}), ("L1L2", {}), ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
):
    weight = tf.constant(draw(generator(name), (3, 4), -1, 1))
    with tf.GradientTape() as tape:
        tape.watch(weight)
        penalty = instance(described(name, **arguments))(weight)
    gradient = tape.gradient(penalty, weight, unconnected_gradients="zero")
    regularizers.append({"regularizer": name, "arguments": arguments, "weight": tensor(weight),
                         "penalty": number(penalty), "gradient": tensor(gradient)["data"]})

# Constraints: a weight, and the weight that takes its place
constraints = []
for name, arguments, shape in (
    ("MaxNorm", {}, (3, 4)), ("MaxNorm", {"max_value": 1, "axis": 0}, (3, 4)), ("MaxNorm", {"max_value": 1, "axis": 1}, (3, 4)),
    ("MaxNorm", {"max_value": 1, "axis": [0, 1, 2]}, (2, 2, 3, 2)), ("NonNeg", {}, (3, 4)), ("UnitNorm", {}, (3, 4)),
    ("UnitNorm", {"axis": [0, 1, 2]}, (2, 2, 3, 2)), ("MinMaxNorm", {}, (3, 4)),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 2, "axis": 0}, (3, 4)),
    ("MinMaxNorm", {"min_value": 1, "max_value": 1.5, "rate": 0.25, "axis": 1}, (3, 4)),
):
    weight = draw(generator(f"{name} {arguments}"), shape)
    constraints.append({"constraint": name, "arguments": arguments, "weight": tensor(weight),
                        "result": tensor(instance(described(name, **arguments))(tf.constant(weight)))["data"]})

# Normalization learns mean and variance from data
adapt = []
for name, arguments, data, inputs in (
    ("features", {}, (6, 3), (2, 3)), ("features, invert", {"invert": True}, (6, 3), (2, 3)),
    ("channels", {}, (2, 3, 2, 2), (1, 3, 2, 2)), ("scalar", {"axis": None}, (6, 3), (2, 3)), ("axis", {"axis": 1}, (4, 3, 2), (2, 3, 2)),
    ("axes", {"axis": [1, 2]}, (4, 2, 3), (2, 2, 3)), ("constant feature", {}, "constant", (2, 2)),
):
    random = generator(f"adapt {name}")
    layer = keras.layers.Normalization(**arguments)
    data = np.array([[2, 0.5], [2, -0.5], [2, 1.5]]) if data == "constant" else draw(random, data)
    inputs = draw(random, inputs)
    layer.adapt(data)
    adapt.append({"name": name, "arguments": arguments, "data": tensor(data), "mean": tensor(layer.mean), "variance": tensor(layer.variance),
                  "inputs": tensor(inputs), "outputs": tensor(layer(inputs))})

write(__file__, {"cases": cases, "regularizers": regularizers, "constraints": constraints, "adapt": adapt})
