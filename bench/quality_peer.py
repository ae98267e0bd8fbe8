"""scikit-learn on the rows of bench/quality.mjs: stdin {"train": [{text, label}], "validation": [...], "test": [...]}, stdout the labels it gives the test rows."""

import json
import sys
import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

rows = json.load(sys.stdin)
texts = {name: [row["text"] for row in part] for name, part in rows.items()}
labels = {name: [row["label"] for row in part] for name, part in rows.items()}


def words():
    return TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)


def characters():
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=5, sublinear_tf=True)


answers = {}
for name, make in {"words": words, "words and characters": lambda: make_union(words(), characters())}.items():
    found = []
    for penalty in (1, 4):
        model = make_pipeline(make(), LogisticRegression(C=penalty, max_iter=300))
        model.fit(texts["train"], labels["train"])
        found.append((model.score(texts["validation"], labels["validation"]), penalty))
    penalty = max(found)[1]
    cpu = time.process_time()
    model = make_pipeline(make(), LogisticRegression(C=penalty, max_iter=300))
    model.fit(texts["train"] + texts["validation"], labels["train"] + labels["validation"])
    answers[name] = {"penalty": penalty, "cpu": time.process_time() - cpu, "labels": list(model.predict(texts["test"]))}
print(json.dumps(answers))
