"""A Feast repository for the peers: the project's own store and registry, at the Redis that was named."""

from pathlib import Path
from urllib.parse import urlsplit

import yaml

from loadtests.peers.errors import PeerError
from loadtests.peers.fraud import ROOT

_DECLARED = ROOT / "models/feature_repo/feature_store.yaml"


class FeatureRepoError(PeerError):
    """The features cannot be read through Feast; the message says what to do."""


def write_feature_repo(folder: Path, redis: str) -> Path:
    """Write feature_store.yaml into `folder` and return the folder; raises FeatureRepoError."""
    settings = yaml.safe_load(_DECLARED.read_text(encoding="utf-8"))
    registry = (_DECLARED.parent / settings["registry"]["path"]).resolve()
    if not registry.is_file():
        raise FeatureRepoError(f"Feast's registry {registry} is not there: `make up` fills features and writes it")
    settings["registry"]["path"] = str(registry)
    settings["online_store"]["connection_string"] = _connection_string(redis)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feature_store.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def _connection_string(redis: str) -> str:
    url = urlsplit(redis)
    if url.scheme != "redis" or not url.hostname or url.password or url.path.strip("/") not in ("", "0"):
        raise FeatureRepoError(f"the peers read a Redis at redis://HOST:PORT without a password, not at {redis}")
    return f"{url.hostname}:{url.port or 6379}"
