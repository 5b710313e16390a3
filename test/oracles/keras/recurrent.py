"""Keras layers over time, with their masks and states: writes recurrent.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/recurrent.py

In the cases "after Masking" steps at the end and in the middle of a sequence hold the mask value.
"""

import numpy as np

from layer_case import Input, cases, layer_case, shown_weight
from oracle import described, draw, draw_weight, generator, instance, keras, tensor, write

sequence = (2, 4, 3)
step_mask = np.array([[True, True, True, False], [True, False, True, False]])
kinds = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}  # how many states each has

for kind, states in kinds.items():
    layer_case(f"{kind}", kind, [sequence], units=2)
    layer_case(f"{kind}: return_sequences", kind, [sequence], units=2, return_sequences=True)
    layer_case(f"{kind}: return_state", kind, [sequence], units=2, return_state=True)
    layer_case(f"{kind}: return_sequences, return_state, go_backwards", kind, [sequence], units=2, return_sequences=True,
               return_state=True, go_backwards=True, note="the sequence of outputs stays in the order it was computed in")
    layer_case(f"{kind}: go_backwards", kind, [sequence], units=2, go_backwards=True)
    layer_case(f"{kind}: initial_state", kind, [sequence, *[(2, 2)] * states], units=2, return_state=True,
               call={"initial_state": [Input(1 + state) for state in range(states)]})
    layer_case(f"{kind}: without bias", kind, [sequence], units=2, use_bias=False)
    layer_case(f"{kind}: activation", kind, [sequence], units=2, activation="relu",
               **({} if kind == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid"}))
    layer_case(f"{kind}: one step, one unit", kind, [(1, 1, 1)], units=1, return_sequences=True)
    layer_case(f"{kind}: mask", kind, [sequence], units=2, return_state=True, call={"mask": step_mask},
               note="a masked step keeps the states of the step before")
    layer_case(f"{kind}: mask, return_sequences", kind, [sequence], units=2, return_sequences=True, call={"mask": step_mask},
               note="a masked step repeats the output of the step before")
    layer_case(f"{kind}: mask, zero_output_for_mask", kind, [sequence], units=2, return_sequences=True,
               zero_output_for_mask=True, call={"mask": step_mask})
    layer_case(f"{kind}: mask of the first step, return_sequences", kind, [(2, 3, 2)], units=2, return_sequences=True,
               call={"mask": np.array([[False, True, True], [False, False, True]])},
               note="a masked step with none before it gives zeros")
    layer_case(f"{kind}: mask, go_backwards", kind, [sequence], units=2, return_sequences=True, go_backwards=True,
               call={"mask": step_mask})
    layer_case(f"{kind}: unroll", kind, [sequence], units=2, return_sequences=True, unroll=True)
    layer_case(f"{kind}: regularized", kind, [(1, 2, 2)], units=2, kernel_regularizer=described("L2", l2=0.01),
               recurrent_regularizer=described("L1", l1=0.02), bias_regularizer=described("L2", l2=0.03))

layer_case("GRU: reset_after=False", "GRU", [sequence], units=2, reset_after=False)
layer_case("GRU: reset_after=False, return_sequences, go_backwards", "GRU", [sequence], units=2, reset_after=False,
           return_sequences=True, return_state=True, go_backwards=True)
layer_case("GRU: reset_after=False, mask", "GRU", [sequence], units=2, reset_after=False, call={"mask": step_mask})
layer_case("GRU: reset_after=False, without bias", "GRU", [sequence], units=2, reset_after=False, use_bias=False)

# Masks of the layer before
padded = draw(generator("padded"), sequence)
padded[0, 3], padded[1, 1], padded[1, 3] = -1, -1, -1
words = np.array([[3, 1, 0, 0], [2, 0, 4, 1]], dtype="int32")
for kind in kinds:
    layer_case(f"{kind}: after Masking", "Sequential", [padded],
               layers=[described("Masking", mask_value=-1), described(kind, units=2)])
    layer_case(f"{kind}: after Embedding", "Sequential", [words],
               layers=[described("Embedding", input_dim=5, output_dim=2, mask_zero=True), described(kind, units=2)])
layer_case("LSTM: two after Masking", "Sequential", [padded], layers=[
    described("Masking", mask_value=-1), described("LSTM", units=2, return_sequences=True), described("LSTM", units=1)])

# Cells, stacked cells
layer_case("RNN: of stacked cells", "RNN", [sequence],
           cell=[described("LSTMCell", units=2), described("GRUCell", units=3)], return_state=True)

# Both directions
for merge_mode in ("concat", "sum", "mul", "ave", None):
    layer_case(f"Bidirectional: {merge_mode}", "Bidirectional", [sequence], layer=described("SimpleRNN", units=2), merge_mode=merge_mode)
    layer_case(f"Bidirectional: {merge_mode}, return_sequences", "Bidirectional", [sequence],
               layer=described("SimpleRNN", units=2, return_sequences=True), merge_mode=merge_mode,
               note="the backward outputs are turned around before they are merged")
layer_case("Bidirectional: LSTM", "Bidirectional", [sequence], layer=described("LSTM", units=2))
layer_case("Bidirectional: GRU, return_state", "Bidirectional", [sequence], layer=described("GRU", units=2, return_state=True),
           note="outputs, forward states, backward states")
layer_case("Bidirectional: LSTM, return_state, return_sequences", "Bidirectional", [sequence],
           layer=described("LSTM", units=2, return_state=True, return_sequences=True))
layer_case("Bidirectional: initial_state", "Bidirectional", [sequence, *[(2, 2)] * 4], layer=described("LSTM", units=2),
           call={"initial_state": [Input(1), Input(2), Input(3), Input(4)]}, note="forward states, then backward states")
layer_case("Bidirectional: mask", "Bidirectional", [sequence], layer=described("GRU", units=2, return_sequences=True),
           call={"mask": step_mask})
layer_case("Bidirectional: after Embedding", "Sequential", [words], layers=[
    described("Embedding", input_dim=5, output_dim=2, mask_zero=True),
    described("Bidirectional", layer=described("LSTM", units=2))])
layer_case("Bidirectional: backward_layer", "Bidirectional", [sequence], layer=described("LSTM", units=2),
           backward_layer=described("GRU", units=3, go_backwards=True))

# The same layer at every step
layer_case("TimeDistributed: Dense", "TimeDistributed", [(2, 3, 4)], layer=described("Dense", units=2, activation="tanh"))
layer_case("TimeDistributed: Conv2D", "TimeDistributed", [(1, 2, 4, 3, 2)],
           layer=described("Conv2D", filters=2, kernel_size=2, padding="same"))
layer_case("TimeDistributed: Flatten", "TimeDistributed", [(1, 2, 2, 3)], layer=described("Flatten"))
layer_case("TimeDistributed: BatchNormalization, training", "TimeDistributed", [(2, 3, 2)], layer=described("BatchNormalization"),
           training=True)
layer_case("TimeDistributed: mask", "TimeDistributed", [(2, 4, 2)], layer=described("Dense", units=2), call={"mask": step_mask})

# Stateful layers go on from the states of the call before, until they are reset
stateful = []
for kind in kinds:
    keras.backend.clear_session()
    random = generator(f"{kind}: stateful")
    layer = instance(described(kind, units=2, stateful=True))
    inputs = [draw(random, (2, 2, 3)) for _ in range(3)]
    layer(inputs[0])
    for weight in layer.trainable_weights:
        weight.assign(draw_weight(random, weight))
    layer.reset_states()
    calls = []
    for index, value in enumerate(inputs):
        if index == 2:
            layer.reset_states()
        calls.append({"reset_states": index == 2, "inputs": tensor(value), "outputs": tensor(layer(value))})
    stateful.append({"name": f"{kind}: stateful", "layer": kind, "arguments": {"units": 2, "stateful": True},
                     "weights": [shown_weight(weight) for weight in layer.trainable_weights], "calls": calls})

write(__file__, {"cases": cases, "stateful": stateful})
