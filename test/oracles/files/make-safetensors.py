"""Makes `official.safetensors` with the reference implementation (Python package `safetensors` 0.8.0, NumPy 2.4.6).

    python3 -m venv venv && venv/bin/pip install safetensors numpy
    venv/bin/python make-safetensors.py                 writes official.safetensors beside this file
    venv/bin/python make-safetensors.py FILE            reads FILE and prints what is in it, as JSON

test/files/variables.test.ts reads the first, and says how to try the second.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

if len(sys.argv) > 1:
    with safe_open(sys.argv[1], framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        found = {
            name: {"dtype": str(x.dtype), "shape": list(x.shape), "data": [repr(v) for v in x.ravel().tolist()]}
            for name, x in sorted(tensors.items())
        }
        print(json.dumps({"metadata": file.metadata(), "tensors": found}))
else:
    save_file(
        {
            "weights": np.array([[1.5, -0.0, np.inf], [np.nan, 1e-45, 3.4028235e38]], dtype=np.float32),
            "precise": np.array([0.1, -5e-324], dtype=np.float64),
            "step": np.array(7, dtype=np.int32),
            "bits": np.array([0, 4294967295], dtype=np.uint32),
            "mask": np.array([[True], [False], [True]]),
            "empty": np.zeros((0, 3), dtype=np.float32),
            "half": np.array([1, 2], dtype=np.float16),
        },
        pathlib.Path(__file__).with_name("official.safetensors"),
        metadata={"format": "np", "note": "größer als ASCII"},
    )
