"""The protocol's paths under `/v2`, and what each of them asks for."""

from typing import NamedTuple

from gateway.fronts.json_refusal import HttpRefusal, not_found
from gateway.fronts.open_inference.inference import BY_ROLLOUT, NO_SHARED_MEMORY, SET_ELSEWHERE

PREFIX = "/v2"

_UNSUPPORTED_STATUS = 400
# Beneath a model, by the last part of the path.
OF_A_MODEL = {
    (): ("GET", "metadata"),
    ("ready",): ("GET", "model_ready"),
    ("config",): ("GET", "config"),
    ("stats",): ("GET", "stats"),
    ("infer",): ("POST", "infer"),
}
OF_THE_SERVER = {
    (): ("GET", "server"),
    ("health", "live"): ("GET", "live"),
    ("health", "ready"): ("GET", "ready"),
    ("models",): ("GET", "models"),
    ("models", "stats"): ("GET", "stats"),
    ("repository", "index"): ("POST", "index"),
}
_UNSUPPORTED = {
    "systemsharedmemory": NO_SHARED_MEMORY,
    "cudasharedmemory": NO_SHARED_MEMORY,
    "trace": SET_ELSEWHERE,
    "logging": SET_ELSEWHERE,
}


class Route(NamedTuple):
    """What a path asks for, and by which method; an empty version means any."""

    verb: str
    method: str
    model: str = ""
    version: str = ""


def is_ours(path: str) -> bool:
    """Whether a path is the protocol's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def route(path: str) -> Route:
    """Return what the path asks for. Raises `HttpRefusal`."""
    parts = tuple(path[len(PREFIX) :].strip("/").split("/")) if path != PREFIX else ()
    parts = () if parts == ("",) else parts
    if parts in OF_THE_SERVER:
        method, verb = OF_THE_SERVER[parts]
        return Route(verb, method)
    if parts[0] == "models" and len(parts) > 1 and parts[1]:
        model, version, rest = parts[1], "", parts[2:]
        if rest[:1] == ("versions",) and len(rest) > 1 and rest[1]:
            version, rest = rest[1], rest[2:]
        if rest in OF_A_MODEL:
            method, verb = OF_A_MODEL[rest]
            return Route(verb, method, model, version)
    raise _refusal(path, parts)


def _refusal(path: str, parts: tuple[str, ...]) -> HttpRefusal:
    reason = BY_ROLLOUT if parts[:2] == ("repository", "models") else _UNSUPPORTED.get(parts[0])
    if reason is None and parts[-2:] == ("trace", "setting"):
        reason = SET_ELSEWHERE
    return not_found(path) if reason is None else HttpRefusal(_UNSUPPORTED_STATUS, "UNSUPPORTED", reason)
