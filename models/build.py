"""Owns the order in which a deployment is built: tables, frame, checks, boosters, bundles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from feast import FeatureStore

from models.bundle import Exported, golden_rows, write_bundle
from models.compile_plan import compile_plan
from models.dataset import frame_digest, point_in_time_frame
from models.deployment import Deployment
from models.evaluate import Metrics, backtests, check_expected, judge, test_matrix
from models.export import check_parity, to_onnx
from models.leak_check import check_no_leak
from models.places import LOCK, booster_path, bundle_path, frame_path
from models.progress import Progress
from models.provenance import code_state, data_digests, file_digest, stale_versions, stamp_bundle, version_digest
from models.recipe import Recipe
from models.tables import read_events, write_tables
from models.train import fit, parameters


@dataclass(frozen=True, slots=True)
class _Frame:
    """The rows to learn from, and what the manifest says of where they come from."""

    rows: pd.DataFrame
    provenance: Mapping[str, Any]


def build(store: FeatureStore, recipe: Recipe, deployment: Deployment, progress: Progress) -> None:
    """Make every bundle that is not current, and the frame; what calls a bundle current is written after it."""
    digests = {version: version_digest(deployment, version) for version in stale_versions(deployment)}
    frame = _frame(store, recipe, deployment, progress)
    plan = compile_plan(store, deployment, recipe.transform)
    for version in sorted(deployment.training.versions.keys() - digests.keys()):
        progress.say(f"    bundle {version} is current, and stays as it is")
    with progress.step(f"{recipe.name}: backtests"):
        tested = backtests(frame.rows, recipe, deployment.training, min(deployment.training.versions))
    for version, digest in digests.items():
        with progress.step(f"{recipe.name}: bundle {version}"):
            exported = _export(recipe, deployment, frame, version, plan, tested)
            manifest = write_bundle(bundle_path(recipe.name, version), exported)
            stamp_bundle(deployment, version, digest)
        worst = exported.parity.max_difference
        progress.say(f"    sha256 {manifest.digest()[:12]}, ONNX differs by {worst:.1e} at most")
        for line in _in_words(exported.metrics):
            progress.say(f"    {line}")


def _frame(store: FeatureStore, recipe: Recipe, deployment: Deployment, progress: Progress) -> _Frame:
    cleaned = read_events(recipe, progress)
    tables = write_tables(recipe, deployment, cleaned, progress)
    with progress.step(f"{recipe.name}: point-in-time join"):
        rows = point_in_time_frame(store, deployment, recipe.examples(cleaned.events))
    with progress.step(f"{recipe.name}: leak check"):
        compared = check_no_leak(rows, cleaned.events, recipe.histories, deployment)
    progress.say(f"    {len(rows):,} rows; {compared:,} values recomputed by brute force are equal")
    path = frame_path(recipe.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path, index=False)
    provenance = {
        "data": data_digests(deployment),
        "frame": {"rows": len(rows), "sha256": frame_digest(rows)},
        "newest_event": tables.newest_event.timestamp(),
        "code": code_state(),
        "lock": file_digest(LOCK),
    }
    return _Frame(rows, provenance)


def _export(
    recipe: Recipe, deployment: Deployment, frame: _Frame, version: str, plan: Mapping[str, Any], tested: Metrics
) -> Exported:
    training, split = deployment.training, recipe.splits[0]
    booster = fit(frame.rows, split.train(frame.rows), recipe, training, version)
    metrics = judge(booster, frame.rows, recipe, training, split) | tested
    check_expected(metrics, training.expect)
    held_out = test_matrix(frame.rows, recipe, training, split)
    model = to_onnx(booster)
    booster_path(recipe.name, version).write_text(booster.model_to_string(), encoding="utf-8")
    told = parameters(training, version)
    return Exported(
        deployment=recipe.name,
        version=version,
        features=training.features,
        model=model,
        plan=plan,
        golden=golden_rows(booster, model, held_out, training.tolerance),
        metrics=metrics,
        parity=check_parity(booster, model, held_out, training.tolerance),
        provenance={**frame.provenance, "parameters": {**told, "rounds": training.rounds}, "seed": told["seed"]},
    )


def _in_words(metrics: Metrics) -> list[str]:
    return [
        f"{rows}: {figures['rows']:,} rows, "
        + ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if name != "rows")
        for rows, figures in metrics.items()
    ]
