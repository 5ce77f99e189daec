"""`python -m monitoring.records.export DIRECTORY OUT`: closed segments as Parquet, whole files or none.

Into a directory, every segment becomes `DEPLOYMENT/SEGMENT.parquet`, once: what is done is not done again, so that the
command may run every minute. Names that begin with an underscore are left alone by readers of such directories.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from monitoring.records.reader import RecordsError, SegmentReader, Shapes, Tally, segments_of
from monitoring.records.record import BlockRows
from monitoring.records.segment import CLOSED, close_abandoned

DONE = "_exported"


def main(argv: Sequence[str] | None = None) -> int:
    """Export; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.records.export", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the records lie")
    parser.add_argument("out", type=Path, help="OUT.parquet, or a directory")
    parser.add_argument("--deployment", default="", help="of this one [all]")
    arguments = parser.parse_args(argv)
    try:
        import pyarrow  # noqa: F401  # absent where one only serves
    except ModuleNotFoundError:
        print("sluice: Parquet needs pyarrow, of the offline environment: pip install 'sluice[train]'", file=sys.stderr)
        return 2
    try:
        export = export_file if arguments.out.suffix == ".parquet" else export_directory
        rows = export(arguments.directory, arguments.out, arguments.deployment)
    except (RecordsError, OSError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 2
    if not rows:
        told = "nothing new to write: only closed segments are exported, which are 16 MiB or a minute old"
        print(f"sluice: {told}", file=sys.stderr)
        return 1
    print(f"{rows:,} records written to {arguments.out}")
    return 0


def export_file(directory: Path, out: Path, deployment: str) -> int:
    """Write all closed segments of one deployment to one file; return how many rows. Raises `RecordsError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = [table.schema for table in _tables(directory, out, deployment)]
    if not schemas:
        return 0
    schema = pa.unify_schemas(schemas)
    unborn = out.with_suffix(".new")
    rows = 0
    try:
        with pq.ParquetWriter(unborn, schema, compression="zstd") as writer:
            for table in _tables(directory, out, deployment):
                whole = pa.concat_tables([schema.empty_table(), table], promote_options="default")
                writer.write_table(whole.select(schema.names))
                rows += table.num_rows
        unborn.replace(out)
    finally:
        unborn.unlink(missing_ok=True)
    return rows


def _tables(directory: Path, out: Path, deployment: str) -> Iterator[Any]:
    """Yield a table for each closed segment. Raises `RecordsError` when there is more than one deployment."""
    from monitoring.records.parquet import table_of

    names = set[str]()
    for _, by_name in _closed(directory):
        wanted = {name: blocks for name, blocks in by_name.items() if deployment in ("", name)}
        names |= wanted.keys()
        if len(names) > 1:
            raise RecordsError(
                f"{directory} holds records of {' and '.join(sorted(names))}, whose columns differ: name one of them "
                f"with --deployment, or write to a directory, such as {out.with_suffix('')}"
            )
        for blocks in wanted.values():
            yield table_of(blocks)


def export_directory(directory: Path, out: Path, deployment: str) -> int:
    """Write every closed segment that is not there yet; return how many rows. Raises `RecordsError`."""
    import pyarrow.parquet as pq

    from monitoring.records.parquet import table_of

    rows = 0
    done = out / DONE / (deployment or "all")
    done.mkdir(parents=True, exist_ok=True)
    for path, by_name in _closed(directory, done):
        for name, blocks in by_name.items():
            if deployment in ("", name):
                folder = out / quote(name, safe="")
                folder.mkdir(exist_ok=True)
                unborn = folder / f"_{path.stem}.new"
                table = table_of(blocks)
                pq.write_table(table, unborn, compression="zstd")
                unborn.replace(folder / f"{path.stem}.parquet")
                rows += table.num_rows
        (done / path.stem).touch()
    for mark in done.iterdir():
        if not (directory / f"{mark.name}{CLOSED}").exists():  # it went, to keep the bound
            mark.unlink()
    return rows


def _closed(directory: Path, done: Path | None = None) -> Iterator[tuple[Path, dict[str, list[BlockRows]]]]:
    """Yield the closed segments that are not done, with their blocks by deployment."""
    segments_of(directory)
    close_abandoned(directory)
    shapes: Shapes = {}
    for path in segments_of(directory):
        if path.suffix == CLOSED and not (done and (done / path.stem).exists()):
            by_name: dict[str, list[BlockRows]] = {}
            for found in SegmentReader(path, shapes, Tally()).read():
                by_name.setdefault(found.shape.deployment, []).append(found)
            yield path, by_name


if __name__ == "__main__":
    sys.exit(main())
