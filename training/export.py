"""The trained encoder as an ONNX graph, fp32 and int8.

The graph is written node by node: the exporters fuse no attention, or fuse Add + LayerNormalization into a kernel that is
slower in int8. `Sum` is what the runtime does not fuse at load. In int8 a matrix product takes bytes and gives floats in one
node. The ranges of what goes into it are fixed, measured on training texts: with the usual ones, taken anew from every batch,
an answer depends on its neighbours. Mean and head are computed row by row, the mean over a multiple of `ROWS` tokens, so
that a row's sums are the same whatever the batch and its padding.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from encoder import EPSILON, Encoder

MICROSOFT = "com.microsoft"
ROWS = 64
# What attention and GELU give has rare outliers: this share of the values may be clipped at either end.
CLIPPED = 1e-5
BINS = 4096
# Reduced range, which is safe on CPUs without VNNI.
LARGEST = 64


def write_onnx(encoder: Encoder, file: Path, ranges: dict[str, tuple[float, float]] | None = None) -> None:
    """Writes the graph; int8 with `ranges`, the least and greatest value of each tensor that `inputs_of` names, else fp32."""
    nodes, tensors = [], []

    def constant(name, array):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(name, value):
        return constant(name, value.detach().float().cpu().numpy())

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}_n", **attributes))
        return output

    def norm(x, name, module):
        parts = [weight(f"{name}_g", module.weight), weight(f"{name}_b", module.bias)]
        return node("LayerNormalization", [x, *parts], name, axis=-1, epsilon=EPSILON)

    def quantised(x):
        """A tensor as bytes, with its scale and zero point."""
        scale, zero = bytes_of(*ranges[x])
        parts = [constant(f"{x}_scale", scale), constant(f"{x}_zero", zero)]
        return node("QuantizeLinear", [x, *parts], f"{x}_bytes"), *parts

    def columns(name, value):
        """A weight as int8, one scale per column."""
        array = value.detach().float().cpu().numpy()
        scale = np.maximum(np.abs(array).max(0), 1e-12) / LARGEST
        parts = [constant(f"{name}_bytes", np.rint(array / scale).astype(np.int8)), constant(f"{name}_scale", scale.astype(np.float32))]
        return *parts, constant(f"{name}_zero", np.zeros(len(scale), np.int8))

    def linear(x, name, module):
        bias = weight(f"{name}_b", module.bias)
        if ranges is None:
            return node("Add", [node("MatMul", [x, weight(f"{name}_w", module.weight.T)], f"{name}_m"), bias], name)
        (data, scale, zero), (rows, rows_scale, rows_zero) = quantised(x), columns(f"{name}_w", module.weight.T)
        return node("MatMulIntegerToFloat", [data, rows, scale, rows_scale, zero, rows_zero, bias], name, domain=MICROSOFT)

    def attention(x, i, layer, mask):
        kind = {"domain": MICROSOFT, "num_heads": layer.heads}
        bias = weight(f"qkv{i}_b", layer.qkv.bias)
        if ranges is None:
            return node("Attention", [x, weight(f"qkv{i}_w", layer.qkv.weight.T), bias, mask], f"mixed{i}", **kind)
        (data, scale, zero), (rows, rows_scale, rows_zero) = quantised(x), columns(f"qkv{i}_w", layer.qkv.weight.T)
        return node("QAttention", [data, rows, bias, scale, rows_scale, mask, zero, rows_zero], f"mixed{i}", **kind)

    def embedding(ids):
        parts = {"words": encoder.words.weight, "positions": encoder.positions.weight, "x_g": encoder.norm.weight, "x_b": encoder.norm.bias}
        if ranges is None:
            words, positions, *rest = [weight(name, value) for name, value in parts.items()]
            kind, inputs = "EmbedLayerNormalization", [ids, "", words, positions, "", *rest]
        else:
            arrays = {name: value.detach().float().cpu().numpy() for name, value in parts.items()}
            found = {name: bytes_of(array.min(), array.max()) for name, array in arrays.items()}
            data = [constant(f"{name}_bytes", to_bytes(array, *found[name])) for name, array in arrays.items()]
            scales = [constant(f"{name}_scale", scale) for name, (scale, _) in found.items()]
            zeros = [constant(f"{name}_zero", zero) for name, (_, zero) in found.items()]
            gap = lambda four: [*four[:2], "", *four[2:]]
            kind, inputs = "QEmbedLayerNormalization", [ids, "", *gap(data), "", *gap(scales), *gap(zeros)]
        nodes.append(helper.make_node(kind, inputs, ["x", "lengths"], "x_n", domain=MICROSOFT, epsilon=EPSILON))
        return "x"

    ids = node("Cast", ["input_ids"], "ids", to=TensorProto.INT32)
    mask = node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    x = embedding(ids)
    for i, layer in enumerate(encoder.layers):
        out = linear(attention(x, i, layer, mask), f"out{i}", layer.out)
        y = norm(node("Sum", [out, x], f"y{i}_s"), f"y{i}", layer.norm1)
        up = node("Gelu", [linear(y, f"up{i}", layer.up)], f"gelu{i}", domain=MICROSOFT)
        x = norm(node("Sum", [linear(up, f"down{i}", layer.down), y], f"z{i}_s"), f"z{i}", layer.norm2)
    one, last = constant("one", np.array([1])), constant("last", np.array([-1]))
    length = node("Gather", [node("Shape", ["input_ids"], "shape"), one], "length")
    missing = node("Mod", [node("Neg", [length], "negative"), constant("rows", np.array([ROWS]))], "missing")
    before = node("Concat", [constant("none", np.zeros(4, np.int64)), missing, constant("end", np.zeros(1, np.int64))], "around", axis=0)
    whole = node("Pad", [x, before], "whole")
    real = node("Cast", ["attention_mask"], "real", to=TensorProto.FLOAT)
    short = node("Concat", [constant("none3", np.zeros(3, np.int64)), missing], "around_real", axis=0)
    counted = node("Unsqueeze", [node("Pad", [real, short], "whole_real"), one], "counted")
    mean = node("Div", [node("MatMul", [counted, whole], "total"), node("ReduceSum", [counted, last], "count", keepdims=1)], "mean")
    node("Squeeze", [mean, one], "pooled")
    weighed = node("Mul", [mean, weight("head_w", encoder.head.weight)], "weighed")
    node("Add", [node("ReduceSum", [weighed, last], "said", keepdims=0), weight("head_b", encoder.head.bias)], "logits")

    sizes = ["batch", "length"]
    graph = helper.make_graph(
        nodes,
        "compact",
        [helper.make_tensor_value_info(name, TensorProto.INT64, sizes) for name in ("input_ids", "attention_mask")],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", encoder.config["hidden_size"]]),
        ],
        tensors,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), file)


def bytes_of(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point that put a range, and 0, into a byte."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = (high - low) / 255 or 1.0
    return np.array(scale, np.float32), np.array(round(-low / scale), np.uint8)


def to_bytes(array: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(array / scale) + zero, 0, 255).astype(np.uint8)


def inputs_of(encoder: Encoder) -> list[str]:
    """The tensors of the graph that go into matrix products."""
    layers = range(len(encoder.layers))
    return ["x", *(f"z{i}" for i in layers[:-1]), *(f"{kind}{i}" for kind in ("mixed", "y", "gelu") for i in layers)]


def find_ranges(encoder: Encoder, exact: Path, rows: list[list[int]]) -> dict[str, tuple[float, float]]:
    """Ranges of the inputs of matrix products over texts (token ids), in the fp32 graph."""
    names = inputs_of(encoder)
    model = onnx.load(exact)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def values():
        for ids in rows:
            yield from zip(names, session.run(names, {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}))

    low, high = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for name, value in values():
        low[name], high[name] = min(low[name], value.min()), max(high[name], value.max())
    counts = {name: np.zeros(BINS) for name in names if name.startswith(("mixed", "gelu"))}
    for name, value in values():
        if name in counts:
            counts[name] += np.histogram(value, BINS, (low[name], high[name]))[0]
    for name, count in counts.items():
        edges = np.linspace(low[name], high[name], BINS + 1)
        share = count.cumsum() / count.sum()
        low[name], high[name] = edges[np.searchsorted(share, CLIPPED)], edges[np.searchsorted(share, 1 - CLIPPED) + 1]
    return {name: (low[name], high[name]) for name in names}
