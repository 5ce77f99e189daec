"""Records as people read them: one line each, or a page of what the segments hold."""

from datetime import UTC, datetime

from monitoring.records.reader import Tally
from monitoring.records.record import Record

_WIDTHS = (23, 10, 20, 18, 10, 22)
_NAMES = ("time (UTC)", "deployment", "request", "arm", "said", "outputs", "time and notes")


def heading() -> str:
    """Return the line above the others."""
    return _columns(_NAMES)


def line_of(record: Record) -> str:
    """Return one record as one line."""
    arm = f"{record.arm} {record.bundle_version}"
    if record.rescued:
        arm += f" for {record.assigned}"
    outputs = " ".join(f"{name}={value:.6g}" for name, value in record.outputs.items())
    notes = [f"{record.total_us / 1000:.2f} ms", *record.degraded]
    if record.given_before is not None:
        notes.append(f"again, first at {_moment(round(record.given_before * 1e9))}")
    if record.precomputed_age_s is not None:
        notes.append(f"computed {record.precomputed_age_s:.0f} s before")
    if record.message:
        notes.append(record.message)
    said = record.decision or record.code
    return _columns(
        (_moment(record.time_ns), record.deployment, record.request_id, arm, said, outputs, "  ".join(notes))
    )


def page_of(tally: Tally) -> str:
    """Return what was met, a line each."""
    lines = [
        f"segments  {tally.segments}, of which {tally.opened} open",
        f"bytes     {tally.bytes:,}",
        f"span      {_moment(tally.first)} to {_moment(tally.last)}" if tally.blocks else "span      (no records)",
        f"blocks    {tally.blocks:,}",
        *(f"records   {rows:,} of {name}" for name, rows in sorted(tally.rows.items())),
        f"torn      {tally.torn} segments end in the middle of a block",
        f"damaged   {tally.damaged} places",
        f"unknown   {tally.unknown} blocks",
        *(
            f"missing   of {name}: {tally.dropped[name]:,} dropped, {tally.failed[name]:,} not taken by the disk"
            for name in sorted({*tally.dropped, *tally.failed})
        ),
    ]
    return "\n".join(lines)


def _columns(words: tuple[str, ...]) -> str:
    *most, last = words
    return "  ".join([*(word.ljust(width) for word, width in zip(most, _WIDTHS, strict=True)), last]).rstrip()


def _moment(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
