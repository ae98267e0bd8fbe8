"""A base-size transformer (12 layers × 768, int8) without training, into a folder: the weights do not matter for the speed."""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training"))

import torch

from encoder import Encoder
from export import find_ranges, write_onnx

compact, folder = Path(sys.argv[1]), Path(sys.argv[2])
config = json.loads((compact / "config.json").read_text())
config |= {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12}
torch.manual_seed(1)
encoder = Encoder(config["vocab_size"], config).eval()
(folder / "onnx").mkdir(parents=True)
for name in ("tokenizer.json", "tokenizer_config.json"):
    shutil.copy(compact / name, folder)
card = json.loads((compact / "model.json").read_text()) | {"name": "base-size"}
for name, value in (("config.json", config), ("model.json", card)):
    (folder / name).write_text(json.dumps(value))
exact = folder / "exact.onnx"
write_onnx(encoder, exact)
chance = torch.Generator().manual_seed(1)
rows = [torch.randint(1000, config["vocab_size"], (24,), generator=chance).tolist() for _ in range(20)]
write_onnx(encoder, folder / "onnx" / "model_quantized.onnx", find_ranges(encoder, exact, rows))
exact.unlink()
