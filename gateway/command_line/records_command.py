"""The command `sluice records`: shows, follows, weighs and exports what the gateway has decided."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.command_line.environment import ROOT

if TYPE_CHECKING:
    from monitoring.records.reader import Tally
    from monitoring.records.record import Record
    from monitoring.records.selection import Selection

POLL = 0.3
NOT_EXPORTED = ("since", "arm", "decision", "code", "request_id", "stats", "follow", "json")

EPILOG = """\
examples:
  sluice records                                       the newest 20 decisions, newest last
  sluice records --deployment fraud --decision decline --since 1h
  sluice records --request-id 7105c7e48806-1 --json    all that was known and done about one call
  sluice records --follow --arm canary                 as they are made, until Ctrl-C
  sluice records --stats                               segments, bytes, span, what is torn or missing
  sluice records export records.parquet --deployment fraud
  sluice records export records/                       a file for each closed segment and deployment, only new ones

Exit status: 0 when something was found, 1 when nothing was, 2 when the records cannot be read.
Records hold entity ids and features: personal data. Their files are readable for their owner only.
"""


def add_records(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", directory: Path) -> None:
    """Add the command to the command line; `directory` is where records lie unless a flag says otherwise."""
    parser = commands.add_parser(
        "records",
        help="what was asked, known, decided and answered, for deployments that keep records",
        description="Show decision records: of deployments whose deployment.yaml says records: {share: 1.0}. "
        "Reading while the gateway writes is fine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--records", type=Path, default=directory, metavar="DIR", help="where they lie [%(default)s]")
    parser.add_argument("--deployment", default="", help="of this one [all]")
    parser.add_argument("--since", default="", help="an age (90s, 15m, 2h, 7d) or a moment (ISO 8601, UTC) [all]")
    parser.add_argument("--arm", default="", help="the arm that was to answer, or did: champion, canary, ... [all]")
    parser.add_argument("--decision", default="", help="as the policy names it: approve, decline, ... [all]")
    parser.add_argument("--code", default="", help="OK, or an error: DEADLINE_EXCEEDED, ... [all]")
    parser.add_argument("--request-id", default="", help="of one call, or of a PredictMany with all its rows [all]")
    parser.add_argument("--limit", type=_positive, default=20, help="at most so many, the newest [%(default)s]")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stats", action="store_true", help="say what the segments hold, and what is torn or missing")
    how.add_argument("--follow", action="store_true", help="show records as they come, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="everything that a record says, one JSON object a line")
    parser.set_defaults(run=_run)
    actions = parser.add_subparsers(dest="action", metavar="[export OUT]")
    export = actions.add_parser("export", help="write closed segments as Parquet (needs the offline environment)")
    export.add_argument("out", type=Path, help="OUT.parquet for one deployment, or a directory, which grows")
    # Without defaults of their own, so that what stands before the word `export` holds, too.
    export.add_argument("--records", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="where they lie")
    export.add_argument("--deployment", default=argparse.SUPPRESS, help="of this one [all]")
    export.set_defaults(run=_run_export)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _run(arguments: argparse.Namespace) -> int:
    from monitoring.records.reader import RecordsError, Tally

    try:
        return _show(arguments, _selection(arguments), Tally())
    except (RecordsError, OSError, ValueError) as exc:
        if isinstance(exc, BrokenPipeError):
            raise
        print(f"sluice: {exc}", file=sys.stderr)
        return 2


def _selection(arguments: argparse.Namespace) -> "Selection":
    from monitoring.records.selection import Selection, read_since

    return Selection(
        deployment=arguments.deployment,
        arm=arguments.arm,
        decision=arguments.decision,
        code=arguments.code,
        request_id=arguments.request_id,
        since=read_since(arguments.since, time.time()) if arguments.since else 0,
    )


def _show(arguments: argparse.Namespace, selection: "Selection", tally: "Tally") -> int:
    from monitoring.records import reader, table

    if arguments.stats:
        for _ in reader.read_all(arguments.records, tally):
            pass
        print(table.page_of(tally))
        return 0 if tally.blocks else 1
    if arguments.follow:
        return _follow(arguments, selection, tally)
    found = reader.newest(arguments.records, selection, arguments.limit, tally)
    if not found:
        print(f"sluice: no records of that kind in {arguments.records}", file=sys.stderr)
        return 1
    _print(found, arguments.json, heading=True)
    return 0


def _follow(arguments: argparse.Namespace, selection: "Selection", tally: "Tally") -> int:
    from monitoring.records.reader import follow

    def wait() -> bool:
        time.sleep(POLL)
        return True

    try:
        for number, record in enumerate(follow(arguments.records, selection, tally, wait)):
            _print([record], arguments.json, heading=number == 0)
    except KeyboardInterrupt:
        return 0
    return 0


def _print(records: "list[Record]", as_json: bool, heading: bool) -> None:
    import msgspec

    from monitoring.records import table

    if as_json:
        for record in records:
            print(msgspec.json.encode(record).decode(), flush=True)
        return
    if heading:
        print(table.heading())
    for record in records:
        print(table.line_of(record), flush=True)


def _run_export(arguments: argparse.Namespace) -> int:
    """Write Parquet in a process of its own: the gateway imports nothing of the offline side."""
    chosen = [name for name in NOT_EXPORTED if getattr(arguments, name)]
    if chosen:
        flag = chosen[0].replace("_", "-")
        print(f"sluice: export writes whole segments: it knows --deployment, and no --{flag}", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "monitoring.records.export", arguments.records.resolve(), arguments.out.resolve()]
    return subprocess.run([*map(str, command), "--deployment", arguments.deployment], cwd=ROOT, check=False).returncode
