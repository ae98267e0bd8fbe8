"""Fine-tunes the compact encoder on prepared data; `run.mjs` beside it prepares the data and calls it.

Several workers of one thread each train on their share of the batches and average their weights every so often: on a busy
machine that beats one process of several threads. Stopped, it goes on from its last checkpoint. The same data, seed and
number of workers give the same model on the same kind of CPU.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from encoder import find_base, load_base, pad
from finish import finish, measure

BATCH, WEAK_BATCH, WEAK_WEIGHT, TAUGHT_WEIGHT = 24, 32, 0.5, 0.5
RATE, DECAY, WARM_UP, CLIP = 1e-4, 0.01, 0.06, 1.0
MAX_TOKENS = 64
AVERAGE_EVERY, SAVE_EVERY, VALIDATE_EVERY = 50, 250, 500
POOL = 50


def read_rows(file: Path, tokenizer) -> list[dict]:
    """Rows with their token ids, and those without addresses."""
    rows = [json.loads(line) for line in file.read_text().split("\n") if line]
    bare = [" ".join(word for word in row["text"].split(" ") if word != "http") for row in rows]
    full = tokenizer.encode_batch([row["text"] for row in rows])
    for row, ids, short in zip(rows, full, tokenizer.encode_batch(bare)):
        row["ids"], row["bare"] = ids.ids, short.ids
    return rows


def batches(rows: list[dict], size: int, count: int, chance: random.Random) -> list[list[dict]]:
    """So many batches of rows of about equal length, in random order; each row once before any is seen again."""
    found: list[list[dict]] = []
    while rows and len(found) < count:
        order = chance.sample(rows, len(rows))
        epoch = []
        for at in range(0, len(order), size * POOL):
            pool = sorted(order[at : at + size * POOL], key=lambda row: len(row["ids"]))
            epoch += [pool[i : i + size] for i in range(0, len(pool), size)]
        chance.shuffle(epoch)
        found += epoch
    return found[:count]


def plan(train: list[dict], weak: list[dict], epochs: float, seed: int) -> list[tuple[bool, list[dict]]]:
    """Every batch of the run in its order: three of labelled rows, then one of weakly labelled ones (True); two where a teacher judged these."""
    chance = random.Random(seed)
    strong = batches(train, BATCH, max(1, round(epochs * len(train) / BATCH)), chance)
    between = 2 if weak and "chances" in weak[0] else 3
    faint = iter(batches(weak, WEAK_BATCH, len(strong) // between, chance))
    steps = []
    for i, rows in enumerate(strong):
        steps.append((False, rows))
        if (i + 1) % between == 0 and (rows := next(faint, None)):
            steps.append((True, rows))
    return steps


def loss_of(encoder, weak: bool, rows: list[dict], chance: random.Random):
    device = encoder.head.weight.device
    # The addresses of evaluation texts are stripped: half the time ours are too.
    ids, mask = pad([row["bare"] if chance.random() < 0.5 else row["ids"] for row in rows], device)
    truth = torch.tensor([row["label"] for row in rows], device=device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        logits = encoder(ids, mask).float()
    if not weak:
        return F.cross_entropy(logits, truth)
    # An emoticon says nothing of neutral; a teacher does.
    loss = WEAK_WEIGHT * F.cross_entropy(logits[:, [0, 2]], truth // 2)
    if "chances" in rows[0]:
        loss = loss + TAUGHT_WEIGHT * F.cross_entropy(logits, torch.tensor([row["chances"] for row in rows], device=device))
    return loss


def optimiser_of(encoder, total: int):
    groups = [
        {"params": [p for p in encoder.parameters() if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in encoder.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98))
    warm = max(1, round(WARM_UP * total))
    pace = lambda i: min((i + 1) / warm, (total - i) / max(1, total - warm))
    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, pace)


def average(encoder, workers: int) -> None:
    if workers == 1:
        return
    with torch.no_grad():
        flat = torch.nn.utils.parameters_to_vector(encoder.parameters())
        dist.all_reduce(flat)
        torch.nn.utils.vector_to_parameters(flat / workers, encoder.parameters())


def checkpoint_of(work: Path, rank: int, step: int) -> Path:
    return work / f"checkpoint-{step}-{rank}.pt"


def last_checkpoint(work: Path, workers: int) -> int:
    """The last step that every worker has saved; 0 when there is none."""
    steps = {int(file.stem.split("-")[1]) for file in work.glob("checkpoint-*.pt")}
    whole = [step for step in steps if all(checkpoint_of(work, rank, step).exists() for rank in range(workers))]
    return max(whole, default=0)


def save(work: Path, rank: int, step: int, state: dict) -> None:
    file = checkpoint_of(work, rank, step)
    coming = file.with_suffix(".coming")
    torch.save(state, coming)
    coming.rename(file)
    # The one before stays until every worker has this one.
    for old in sorted(work.glob(f"checkpoint-*-{rank}.pt"), key=lambda path: int(path.stem.split("-")[1]))[:-2]:
        old.unlink()


def learn(rank: int, options, meeting: str) -> None:
    torch.set_num_threads(options.threads)
    if options.workers > 1:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=options.workers)
    emoji = json.loads((options.data / "emoji.json").read_text())
    encoder, tokenizer = load_base(find_base(options.base), emoji, options.seed)
    encoder.to(options.device)
    tokenizer.enable_truncation(MAX_TOKENS)
    train, weak, validation = (read_rows(options.data / f"{name}.ndjson", tokenizer) for name in ("train", "weak", "validation"))
    steps = plan(train, weak, options.epochs, options.seed)
    total = max(1, len(steps) // options.workers)
    optimiser, schedule = optimiser_of(encoder, total)
    torch.manual_seed(options.seed * 1000 + rank)
    chance = random.Random(options.seed * 1000 + rank)
    first, spent, curve = last_checkpoint(options.work, options.workers), 0.0, []
    if first:
        state = torch.load(checkpoint_of(options.work, rank, first), weights_only=False, map_location=options.device)
        for name, part in (("encoder", encoder), ("optimiser", optimiser), ("schedule", schedule)):
            part.load_state_dict(state[name])
        torch.set_rng_state(state["torch"].cpu())
        chance.setstate(state["chance"])
        spent, curve = state["seconds"], state["curve"]
    began, mean = time.monotonic(), None
    for step in range(first, total):
        encoder.train()
        weak_one, rows = steps[step * options.workers + rank]
        loss = loss_of(encoder, weak_one, rows, chance)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        done = step + 1
        if done % AVERAGE_EVERY and done < total:
            continue
        average(encoder, options.workers)
        seconds = spent + time.monotonic() - began
        if rank == 0:
            left = (seconds - spent) / (done - first) * (total - done)
            print(f"step {done} of {total}: loss {mean:.4f}, {seconds / 60:.1f} min, {left / 60:.1f} min to go", flush=True)
            if done % VALIDATE_EVERY == 0 or done == total:
                figures = measure(encoder, validation)
                curve.append({"step": done, "loss": round(mean, 4), **figures})
                print(f"step {done}: validation {figures}", flush=True)
        if done % SAVE_EVERY == 0 or done == total:
            state = {"encoder": encoder, "optimiser": optimiser, "schedule": schedule}
            state = {name: part.state_dict() for name, part in state.items()}
            state |= {"torch": torch.get_rng_state(), "chance": chance.getstate(), "seconds": seconds, "curve": curve}
            save(options.work, rank, done, state)
    if rank == 0:
        run = {
            "rows": {"train": len(train), "weak": len(weak), "validation": len(validation)},
            "steps": total, "minutes": round((spent + time.monotonic() - began) / 60, 1), "curve": curve,
        }
        finish(encoder.cpu().eval(), tokenizer, train, validation, options, run)
    if options.workers > 1:
        dist.barrier()
        dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that prepare.mjs wrote")
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model")
    parser.add_argument("--base", help="folder, hf:OWNER/NAME, or the installed package (default)")
    parser.add_argument("--epochs", type=float, default=2.5)
    parser.add_argument("--workers", type=int, default=2, help="processes; 1 on a GPU")
    parser.add_argument("--threads", type=int, default=1, help="threads of each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    if options.device != "cpu":
        options.workers = 1
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(learn, (options, f"{folder}/meeting"), nprocs=options.workers)


if __name__ == "__main__":
    main()
