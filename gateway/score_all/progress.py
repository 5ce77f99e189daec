"""How far a run of `sluice score-all` has come: kept in a file after every page, so that the next run goes on there."""

from pathlib import Path

import msgspec

from gateway.score_all.entities import START


class Progress(msgspec.Struct, frozen=True):
    """Where a run stands. `server` tells which run of which store the cursor belongs to."""

    server: str
    began: float
    """Unix seconds."""
    cursor: int = START
    scored: int = 0
    left_out: int = 0

    def after(self, cursor: int, scored: int, left_out: int) -> "Progress":
        """Return where it stands after one page more."""
        return msgspec.structs.replace(
            self, cursor=cursor, scored=self.scored + scored, left_out=self.left_out + left_out
        )


class ProgressFile:
    """One bundle's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, server: str, not_before: float) -> Progress | None:
        """Return what an unfinished run has kept; None if there is none, of that server, or none that began since."""
        try:
            progress = msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (OSError, msgspec.DecodeError):
            return None
        return progress if progress.server == server and progress.began >= not_before else None

    def write(self, progress: Progress) -> None:
        """Keep it; the file appears whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(progress))
        fresh.replace(self._path)

    def remove(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)
