"""The README tells the truth where a test can see it."""

import re
from pathlib import Path

from gateway import errors
from gateway.fronts.status import GRPC_STATUS, HTTP_STATUS
from monitoring import metrics

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_metric_is_in_the_table() -> None:
    for metric in metrics.ALL:
        assert f"| `{metric.name}` | {', '.join(metric.labels)} | {metric.help} |" in README


def test_every_error_is_in_the_table_with_its_statuses() -> None:
    for error in errors.GatewayError.__subclasses__():
        status, http = GRPC_STATUS[error].name, HTTP_STATUS[error]
        assert f"| `{error.code}` | {status} | {http} |" in README


def test_every_path_in_the_where_to_change_table_exists() -> None:
    table = README.split("## Where to change X")[1].split("## Settings")[0]
    for path in re.findall(r"`((?:gateway|models|monitoring|protos|routing|tests)/[^`]*)`", table):
        if "<name>" in path:
            assert all((ROOT / path.replace("<name>", name)).exists() for name in ("fraud", "quotes", "credit")), path
        else:
            assert (ROOT / path).exists(), path
