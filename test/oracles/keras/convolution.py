"""Keras layers over one and two spatial axes: convolutions, pooling, padding, cropping, up sampling. Writes convolution.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/convolution.py
"""

import numpy as np

from layer_case import cases, layer_case
from oracle import write

# Convolutions
layer_case("conv 1d", "Conv1D", [(2, 6, 3)], filters=2, kernel_size=3)
layer_case("conv 1d: same, strides", "Conv1D", [(1, 7, 2)], filters=3, kernel_size=3, strides=2, padding="same", activation="relu")
layer_case("conv 1d: same, strides, even length", "Conv1D", [(1, 8, 2)], filters=2, kernel_size=3, strides=2, padding="same")
layer_case("conv 1d: causal", "Conv1D", [(1, 6, 2)], filters=2, kernel_size=3, padding="causal")
layer_case("conv 1d: causal, dilation", "Conv1D", [(1, 8, 2)], filters=2, kernel_size=3, padding="causal", dilation_rate=2)
layer_case("conv 1d: groups", "Conv1D", [(1, 5, 4)], filters=6, kernel_size=2, groups=2)
layer_case("conv 2d", "Conv2D", [(2, 4, 5, 2)], filters=3, kernel_size=3)
layer_case("conv 2d: same, relu", "Conv2D", [(1, 4, 3, 2)], filters=2, kernel_size=[3, 2], padding="same", activation="relu")
layer_case("conv 2d: same, strides", "Conv2D", [(1, 6, 5, 2)], filters=2, kernel_size=3, strides=[2, 2], padding="same")
layer_case("conv 2d: strides, without bias", "Conv2D", [(1, 5, 6, 1)], filters=2, kernel_size=[2, 3], strides=[2, 1], use_bias=False)
layer_case("conv 2d: dilation", "Conv2D", [(1, 6, 7, 1)], filters=2, kernel_size=[2, 3], dilation_rate=[3, 2])
layer_case("conv 2d: dilation, same", "Conv2D", [(1, 5, 5, 1)], filters=2, kernel_size=3, dilation_rate=2, padding="same")
layer_case("conv 2d: groups", "Conv2D", [(1, 4, 4, 4)], filters=4, kernel_size=2, groups=2)
layer_case("depthwise conv 2d", "DepthwiseConv2D", [(2, 4, 4, 2)], kernel_size=3)
layer_case("depthwise conv 2d: depth_multiplier", "DepthwiseConv2D", [(1, 5, 5, 2)], kernel_size=3, depth_multiplier=2,
           strides=2, padding="same")
layer_case("depthwise conv 2d: dilation", "DepthwiseConv2D", [(1, 5, 5, 2)], kernel_size=2, dilation_rate=2)
layer_case("depthwise conv 1d", "DepthwiseConv1D", [(1, 6, 2)], kernel_size=3, depth_multiplier=2)
layer_case("separable conv 1d", "SeparableConv1D", [(1, 6, 2)], filters=3, kernel_size=3, padding="same")
layer_case("separable conv 2d", "SeparableConv2D", [(1, 4, 4, 2)], filters=3, kernel_size=3)
layer_case("separable conv 2d: depth_multiplier, strides, same", "SeparableConv2D", [(1, 5, 4, 2)], filters=2, kernel_size=[3, 2],
           strides=2, padding="same", depth_multiplier=2, activation="tanh")
layer_case("conv 1d transpose", "Conv1DTranspose", [(1, 4, 2)], filters=3, kernel_size=3, strides=2)
layer_case("conv 2d transpose", "Conv2DTranspose", [(1, 3, 2, 2)], filters=2, kernel_size=3)
layer_case("conv 2d transpose: strides, same", "Conv2DTranspose", [(1, 3, 2, 2)], filters=2, kernel_size=3, strides=2, padding="same")
layer_case("conv 2d transpose: strides, valid", "Conv2DTranspose", [(1, 2, 3, 1)], filters=2, kernel_size=2, strides=3)
layer_case("conv 2d transpose: output_padding", "Conv2DTranspose", [(1, 3, 2, 1)], filters=2, kernel_size=3, strides=2,
           padding="same", output_padding=0)
layer_case("conv 2d transpose: output_padding, valid", "Conv2DTranspose", [(1, 2, 2, 1)], filters=1, kernel_size=3, strides=2,
           output_padding=1)

# Pooling
layer_case("max pooling 1d", "MaxPooling1D", [(2, 6, 2)])
layer_case("max pooling 1d: same, strides", "MaxPooling1D", [(1, 7, 2)], pool_size=3, strides=2, padding="same")
layer_case("max pooling 2d", "MaxPooling2D", [(1, 5, 4, 2)])
layer_case("max pooling 2d: same", "MaxPooling2D", [(1, 5, 4, 2)], padding="same")
layer_case("max pooling 2d: overlapping", "MaxPooling2D", [(1, 5, 5, 1)], pool_size=[3, 2], strides=[1, 2])
layer_case("average pooling 1d", "AveragePooling1D", [(2, 6, 2)], pool_size=2, note="pool_size has no default, unlike that of MaxPooling1D")
layer_case("average pooling 1d: same", "AveragePooling1D", [(1, 5, 2)], pool_size=3, strides=1, padding="same",
           note="padding is not counted")
layer_case("average pooling 2d", "AveragePooling2D", [(1, 5, 4, 2)], pool_size=2)
layer_case("average pooling 2d: same", "AveragePooling2D", [(1, 5, 5, 1)], pool_size=3, strides=2, padding="same")
for kind in ("Max", "Average"):
    for keepdims in (False, True):
        suffix = ": keepdims" if keepdims else ""
        layer_case(f"global {kind.lower()} pooling 1d{suffix}", f"Global{kind}Pooling1D", [(2, 4, 3)], keepdims=keepdims)
        layer_case(f"global {kind.lower()} pooling 2d{suffix}", f"Global{kind}Pooling2D", [(2, 3, 2, 2)], keepdims=keepdims)
layer_case("global average pooling 1d: mask", "GlobalAveragePooling1D", [(2, 4, 2)],
           call={"mask": np.array([[True, True, False, False], [True, False, True, True]])})

# Padding, cropping, up sampling
layer_case("zero padding 1d", "ZeroPadding1D", [(2, 3, 2)], padding=2)
layer_case("zero padding 1d: pair", "ZeroPadding1D", [(1, 3, 2)], padding=[0, 2])
layer_case("zero padding 2d", "ZeroPadding2D", [(1, 2, 3, 2)], padding=1)
layer_case("zero padding 2d: pair", "ZeroPadding2D", [(1, 2, 2, 1)], padding=[1, 2])
layer_case("zero padding 2d: pairs", "ZeroPadding2D", [(1, 2, 2, 2)], padding=[[1, 0], [0, 2]])
layer_case("cropping 1d", "Cropping1D", [(2, 6, 2)], cropping=[1, 2])
layer_case("cropping 1d: number", "Cropping1D", [(1, 5, 2)], cropping=2)
layer_case("cropping 2d", "Cropping2D", [(1, 5, 4, 2)], cropping=1)
layer_case("cropping 2d: pairs", "Cropping2D", [(1, 5, 4, 2)], cropping=[[1, 2], [0, 1]])
layer_case("up sampling 1d", "UpSampling1D", [(2, 3, 2)], size=2)
layer_case("up sampling 2d", "UpSampling2D", [(1, 2, 3, 2)])
layer_case("up sampling 2d: size", "UpSampling2D", [(1, 2, 3, 1)], size=[3, 2])
layer_case("up sampling 2d: bilinear", "UpSampling2D", [(1, 3, 2, 2)], size=[2, 4], interpolation="bilinear",
           note="half pixel centres")

write(__file__, {"cases": cases})
