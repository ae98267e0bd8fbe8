"""The trained encoder as an ONNX graph, fp32 and int8.

The graph is written node by node: the exporters fuse no attention, or fuse Add + LayerNormalization into a kernel that is
slower in int8. `Sum` is what the runtime does not fuse at load.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from encoder import EPSILON, Encoder

MICROSOFT = "com.microsoft"


def write_onnx(encoder: Encoder, file: Path) -> None:
    nodes, tensors = [], []

    def weight(name, value):
        array = value.detach().float().cpu().numpy() if hasattr(value, "detach") else value
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=f"{output}_n", **attributes))
        return output

    def norm(x, name, module):
        parts = [weight(f"{name}_g", module.weight), weight(f"{name}_b", module.bias)]
        return node("LayerNormalization", [x, *parts], name, axis=-1, epsilon=EPSILON)

    def linear(x, name, module):
        return node("MatMul", [x, weight(f"{name}_w", module.weight.T)], name)

    ids = node("Cast", ["input_ids"], "ids", to=TensorProto.INT32)
    mask = node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    real = node("Cast", ["attention_mask"], "real", to=TensorProto.FLOAT)
    real = node("Unsqueeze", [real, weight("last", np.array([2]))], "real3")
    embedding = [
        weight("words", encoder.words.weight),
        weight("positions", encoder.positions.weight),
        "",
        weight("x_g", encoder.norm.weight),
        weight("x_b", encoder.norm.bias),
    ]
    nodes.append(
        helper.make_node(
            "EmbedLayerNormalization", [ids, "", *embedding], ["x", "lengths"], "x_n", domain=MICROSOFT, epsilon=EPSILON
        )
    )
    x = "x"
    for i, layer in enumerate(encoder.layers):
        qkv = [weight(f"qkv{i}_w", layer.qkv.weight.T), weight(f"qkv{i}_b", layer.qkv.bias)]
        mixed = node("Attention", [x, *qkv, mask], f"mixed{i}", domain=MICROSOFT, num_heads=layer.heads)
        out = node("Add", [linear(mixed, f"out{i}", layer.out), weight(f"out{i}_b", layer.out.bias)], f"out{i}_s")
        y = norm(node("Sum", [out, x], f"y{i}_s"), f"y{i}", layer.norm1)
        up = node("BiasGelu", [linear(y, f"up{i}", layer.up), weight(f"up{i}_b", layer.up.bias)], f"gelu{i}", domain=MICROSOFT)
        down = node("Add", [linear(up, f"down{i}", layer.down), weight(f"down{i}_b", layer.down.bias)], f"down{i}_s")
        x = norm(node("Sum", [down, y], f"z{i}_s"), f"z{i}", layer.norm2)
    first = weight("first", np.array([1]))
    total = node("ReduceSum", [node("Mul", [x, real], "counted"), first], "total", keepdims=0)
    pooled = node("Div", [total, node("ReduceSum", [real, first], "count", keepdims=0)], "pooled")
    node("Add", [linear(pooled, "head", encoder.head), weight("head_b", encoder.head.bias)], "logits")

    shape = ["batch", "length"]
    graph = helper.make_graph(
        nodes,
        "compact",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", encoder.config["hidden_size"]]),
        ],
        tensors,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), file)


def quantise(source: Path, file: Path) -> None:
    """int8 weights, one scale per column; reduced range, which is safe on CPUs without VNNI. The small head stays fp32."""
    quantize_dynamic(
        source,
        file,
        op_types_to_quantize=["MatMul", "Attention", "EmbedLayerNormalization"],
        nodes_to_exclude=["head_n"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )
