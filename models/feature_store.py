"""Owns the Feast store: feature_store.yaml read once, with the Redis address put in its place."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import yaml
from feast import FeatureStore, FeatureView, RepoConfig

from models.errors import AddressError
from models.feature_repo.definitions import OBJECTS, VIEWS
from models.places import FEATURE_STORE


def open_store(redis_url: str | None = None) -> FeatureStore:
    """The project's store; `redis_url` (redis://user:password@host:port/db) replaces the address in the file."""
    settings = yaml.safe_load(FEATURE_STORE.read_text(encoding="utf-8"))
    registry = FEATURE_STORE.parent / settings["registry"]["path"]
    settings["registry"]["path"] = str(registry.resolve())
    if redis_url is not None:
        settings["online_store"]["connection_string"] = connection_string(redis_url)
    registry.resolve().parent.mkdir(parents=True, exist_ok=True)
    return FeatureStore(config=RepoConfig(**settings, repo_path=FEATURE_STORE.parent))


def register(store: FeatureStore) -> None:
    """What `feast apply` does, short of clearing Redis of views that are gone: training needs no Redis."""
    _apply(store, [])


def apply_definitions(store: FeatureStore) -> None:
    """What `feast apply` does: the registry holds these definitions and no others, and so does Redis."""
    names = {view.name for view in VIEWS}
    _apply(store, [view for view in store.list_feature_views() if view.name not in names])


def _apply(store: FeatureStore, gone: list[FeatureView]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Feast announces its own deprecations here, none of them ours to mend
        store.apply(list(OBJECTS), objects_to_delete=list(gone), partial=not gone)


@contextmanager
def ibis_quiet() -> Iterator[None]:
    """ibis asks this DuckDB for results by a name that DuckDB has since retired, once for every query."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="fetch_arrow_table", category=DeprecationWarning)
        yield


def connection_string(redis_url: str) -> str:
    """Feast's own form of an address: host:port, then name=value pairs, all parted by commas."""
    url = urlsplit(redis_url)
    if url.scheme not in {"redis", "rediss"} or not url.hostname:
        raise AddressError(f"not a Redis address (redis://host:port): {redis_url}")
    parts = {
        "username": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "db": url.path.strip("/"),
        "ssl": "true" if url.scheme == "rediss" else "",
    }
    if any("," in value for value in parts.values()):
        raise AddressError("Feast's connection string cannot carry a user name or password with a comma in it")
    pairs = [f"{name}={value}" for name, value in parts.items() if value]
    return ",".join([f"{url.hostname}:{url.port or 6379}", *pairs])
