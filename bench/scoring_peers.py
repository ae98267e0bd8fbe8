"""Speeds of PyTorch, the Hugging Face pipeline and Python's ONNX Runtime on texts (a JSON list on stdin): one thread each, tokenising included."""

import importlib.util
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training"))

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from encoder import find_base, load_base, pad

folder = Path(sys.argv[1])
texts = json.load(sys.stdin)
torch.set_num_threads(1)
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation(64)
# The weights do not matter for the speed: those of the base.
base = find_base(None)
encoder, _ = load_base(base, [], 1)
encoder.eval()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(folder / "onnx" / "model_quantized.onnx", options, providers=["CPUExecutionProvider"])


def with_torch(ids, mask):
    # The base has other word pieces beyond its own.
    with torch.inference_mode():
        return encoder(ids.clamp(max=encoder.words.num_embeddings - 1), mask).softmax(-1)


def with_onnx(ids, mask):
    return session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})


def speed(answer, batch: int, ordered: bool) -> float:
    answer(*pad([[2, 3]], "cpu"))
    began = time.perf_counter()
    rows = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    if ordered:
        rows.sort(key=len)
    for at in range(0, len(rows), batch):
        answer(*pad(rows[at : at + batch], "cpu"))
    return len(texts) / (time.perf_counter() - began)


def pipeline_speed() -> float:
    """Hugging Face's pipeline as its users call it, on the same layers with BERT's own head."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3).eval()
    tokenizer = AutoTokenizer.from_pretrained(base, model_max_length=64)
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device=-1, batch_size=32, truncation=True)
    classify(["warm"])
    began = time.perf_counter()
    classify(texts)
    return len(texts) / (time.perf_counter() - began)


speeds = {
    "PyTorch": speed(with_torch, 32, False),
    "PyTorch sorted": speed(with_torch, 32, True),
    "ONNX Runtime": speed(with_onnx, 8, True),
}
if importlib.util.find_spec("transformers"):
    speeds["HF pipeline"] = pipeline_speed()
print(json.dumps(speeds))
