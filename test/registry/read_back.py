"""Reads a registered model with MLflow's own client and prints what it sees as JSON: an oracle for ours.

Arguments: tracking URI, registered name, alias, folder to download to.
"""
import hashlib
import json
import os
import sys

import mlflow
from mlflow import MlflowClient

uri, name, alias, folder = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
version = client.get_model_version_by_alias(name, alias)
run = client.get_run(version.run_id)
local = mlflow.artifacts.download_artifacts(artifact_uri=version.source, dst_path=folder)
files = {}
for where, _, names in os.walk(local):
    for file in names:
        path = os.path.join(where, file)
        with open(path, "rb") as handle:
            files[os.path.relpath(path, local)] = hashlib.sha256(handle.read()).hexdigest()
print(
    json.dumps(
        {
            "version": str(version.version),
            "tags": version.tags,
            "description": version.description,
            "metrics": {key: str(value) for key, value in run.data.metrics.items()},
            "params": run.data.params,
            "run_tags": run.data.tags,
            "status": run.info.status,
            "experiment": client.get_experiment(run.info.experiment_id).name,
            "artifacts": sorted(item.path for item in client.list_artifacts(version.run_id)),
            "confusion": mlflow.artifacts.load_text(f"{run.info.artifact_uri}/confusion-matrix.svg"),
            "evaluation": mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/evaluation.json"),
            "history": [metric.value for metric in client.get_metric_history(version.run_id, "loss")],
            "files": files,
        }
    )
)
