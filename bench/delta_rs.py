"""The delta-rs side of bench/delta.mjs: reads one JSON request a line, does it, answers with wall and CPU seconds."""
import datetime
import json
import os
import shutil
import sys
import time

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

SCHEMA = pa.schema([
    ("tweet_id", pa.string()), ("timestamp", pa.timestamp("us", tz="UTC")), ("user", pa.string()), ("lang", pa.string()),
    ("full_text", pa.string()), ("mentions", pa.list_(pa.string())), ("predicted_score", pa.float64()), ("likes", pa.int64()),
])
START = datetime.datetime(2026, 9, 1, tzinfo=datetime.timezone.utc)


def rows(start, count):
    """The same rows as `tweets` of delta.mjs."""
    numbers = range(start, start + count)
    return pa.Table.from_pydict({
        "tweet_id": [str(10**15 + i) for i in numbers],
        "timestamp": [START + datetime.timedelta(seconds=i) for i in numbers],
        "user": [f"user_{i % 5000}" for i in numbers],
        "lang": [["en", "es", "de"][i % 3] for i in numbers],
        "full_text": [f"tweet {i} says that the café @friend{i % 997} is open, and {i * 7919 % 100003} others agree" for i in numbers],
        "mentions": [[f"friend{i % 997}"] if i % 2 else [] for i in numbers],
        "predicted_score": [(i * 31 % 1000) / 10 for i in numbers],
        "likes": list(numbers),
    }, schema=SCHEMA)


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    value = work()
    return {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "value": value}


ready = {}


def commits(path, count, size):
    parts = ready.setdefault((count, size), [rows(i * size, size) for i in range(count)])
    shutil.rmtree(path, ignore_errors=True)
    table = DeltaTable.create(path, schema=SCHEMA)

    def work():
        for part in parts:
            write_deltalake(table, part, mode="append")
    return timed(work)


def snapshot(path):
    return timed(lambda: len(DeltaTable(path).file_uris()))


def opened(path):
    return timed(lambda: DeltaTable(path).version())


def query(path, sql):
    if path not in ready:
        ready[path] = QueryBuilder().register("gold", DeltaTable(path))
    return timed(lambda: pa.table(ready[path].execute(sql)).num_rows)


def checkpoint(path):
    return timed(lambda: DeltaTable(path).create_checkpoint())


actions = {"commits": commits, "snapshot": snapshot, "opened": opened, "query": query, "checkpoint": checkpoint}
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(actions[request.pop("do")](**request)), flush=True)
# Without the interpreter's own end, in which delta-rs's threads now and then abort.
os._exit(0)
