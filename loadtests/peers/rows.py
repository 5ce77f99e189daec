"""The rows that every peer is asked: real payments with their stored features, and the score that each must get."""

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import redis as redis_client

from loadtests.cases import Case
from loadtests.peers.errors import PeerError
from loadtests.peers.fraud import DEPLOYMENT, MODEL, ROOT, TRANSFORM

KEPT = ROOT / ".sluice/peers/rows.json"
FEWEST = 2_000
COUNT = 4_000
_STAMP = "sluice:materialised"


class RowsError(PeerError):
    """The rows cannot be made; the message says what to do."""


class Row(msgspec.Struct, frozen=True):
    """One payment: the call that carries it whole, the model's columns for it, and what must come of it."""

    case: Case
    columns: tuple[float, ...]
    score: float
    decision: str


class Rows(msgspec.Struct, frozen=True):
    """Distinct rows, the names of their columns, and the key of what they were made from."""

    key: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def cases(self, whole_job: bool) -> list[Case]:
        """Return the calls: with the entities for a whole job, else with the model's columns as features."""
        if whole_job:
            return [row.case for row in self.rows]
        return [Case({}, dict(zip(self.columns, row.columns, strict=True))) for row in self.rows]

    @property
    def scores(self) -> list[float]:
        """The score of every row."""
        return [row.score for row in self.rows]

    @property
    def decisions(self) -> list[str]:
        """The decision on every row."""
        return [row.decision for row in self.rows]


def rows_from(redis: str, kept: Path = KEPT) -> Rows:
    """Return the rows for what this Redis holds: kept ones, or read anew through Feast; raises RowsError."""
    key = _key(redis)
    rows = _read(kept)
    if rows is None or rows.key != key:
        harvest = [sys.executable, "-m", "loadtests.peers.harvest", key, redis, str(COUNT), str(kept)]
        done = subprocess.run(harvest, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RowsError(f"the rows could not be read through Feast: {done.stderr.strip()[-2000:]}")
        rows = _read(kept)
    if rows is None or len(rows.rows) < FEWEST:
        raise RowsError(f"{kept} holds fewer than {FEWEST:,} rows: delete it, and fill the features with `make up`")
    return rows


def _read(kept: Path) -> Rows | None:
    """Read kept rows; None where there are none that can be read."""
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Rows)
    except (OSError, msgspec.DecodeError):
        return None


def _key(redis: str) -> str:
    """Digest everything that the rows depend on: how many, the model, the code, and what the Redis was filled from."""
    digest = hashlib.sha256(str(COUNT).encode())
    try:
        for path in (MODEL, TRANSFORM, DEPLOYMENT):
            digest.update(path.read_bytes())
        with redis_client.Redis.from_url(redis, socket_timeout=5.0) as client:
            stamp = client.get(_STAMP)
    except (OSError, ValueError, redis_client.RedisError) as exc:
        raise RowsError(f"no rows without a bundle and a filled Redis, `make up` makes both: {exc}") from exc
    if not isinstance(stamp, bytes):
        raise RowsError(f"the Redis at {redis} holds no features: fill it with `make up`, or name another")
    digest.update(stamp)
    return digest.hexdigest()
