"""What `sluice status` prints: golden, for it is read in a hurry."""

from gateway.command_line.commands import show
from gateway.messages import Arm, Standing
from gateway.supervisor.state import GatewayState, TableState, WorkerState

NOON = 1_795_348_800.0  # 2026-11-22 12:00:00 UTC


def test_what_a_gateway_serves_and_what_is_not_as_it_seems() -> None:
    arms = [
        Arm("champion", "1", "c" * 64, 0.95),
        Arm("canary", "2", "b" * 64, 0.05, lapsed=True),
        Arm("shadow", "3", "d" * 64, 0.2, "its lane host died"),
        Arm("shadow", "0", "a" * 64, 0.0),
    ]
    worker = WorkerState(0, 71, NOON, "ready", [Standing("fraud", 7, arms)])
    tables = [
        TableState("credit", 3, rollout="credit-1"),
        TableState("fraud", 7, rollout="fraud-1", runs=True),
        TableState("quotes", 2, "its clock is 'sundial'"),
    ]
    assert show(GatewayState(70, NOON, tables, [worker])) == (
        "gateway     pid 70, since 2026-11-22T12:00:00Z\n"
        "\n"
        "credit      table 3   as rollout credit-1 has left it\n"
        "fraud       table 7   rollout fraud-1 runs: sluice rollout watch fraud\n"
        "quotes      table 2   NOT AS DECLARED: its clock is 'sundial'\n"
        "\n"
        "worker 0    pid 71, ready, since 2026-11-22T12:00:00Z\n"
        "  fraud     table 7     champion  1            cccccccccccc   95.0 %\n"
        "                        canary    2            bbbbbbbbbbbb    5.0 %"
        "   LAPSED: nobody steers its rollout, the champion answers its units\n"
        "                        shadow    3            dddddddddddd   20.0 %   NOT READY: its lane host died\n"
        "                        shadow    0            aaaaaaaaaaaa    0.0 %   kept warm, sees no row"
    )
