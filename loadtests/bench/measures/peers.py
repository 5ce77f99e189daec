"""What people could choose instead, each beside ours in turn: a ratio a peer, and the best Python server's."""

from collections.abc import Mapping
from statistics import median

from loadtests.bench.busy import busy
from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Opened, Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.dialect import dialect, requests
from loadtests.peers.catalogue import PEERS
from loadtests.peers.environments import InstallError
from loadtests.peers.peer import Peer, PeerError
from loadtests.peers.rows import RowsError
from loadtests.peers.versus import Ground, Versus, play
from loadtests.rounds import Question, ask
from loadtests.tally import Report, why_not

PYTHON_SERVERS = ("kserve", "mlserver", "litserve", "bentoml")
PARTS = (*(f"peer-{peer.name}" for peer in PEERS), "peer-best-python")
_STARTING = 20.0


def seconds(plan: Plan) -> float:
    """Estimate the measure; installing the peers for the first time takes minutes more."""
    chosen = _chosen(plan)
    return len(chosen) * (_STARTING + 2 * plan.rounds * (plan.warm_up + plan.pair_seconds))


def run(bench: Bench) -> list[Finding]:
    """Play every peer against one gateway of ours; a peer that does not run is a finding with its own error."""
    with bench.gateways.open(Wanted("beside-peers")) as opened:
        played = {peer.name: _play(bench, opened, peer) for peer in _chosen(bench.plan)}
    findings = [_finding(peer, played[peer.name], bench.plan) for peer in _chosen(bench.plan)]
    return [*findings, *_best_python(played, bench.plan)]


def _chosen(plan: Plan) -> list[Peer]:
    best = plan.wants("peer-best-python")
    return [
        peer for peer in PEERS if plan.wants("peers", f"peer-{peer.name}") or (best and peer.name in PYTHON_SERVERS)
    ]


def _play(bench: Bench, opened: Opened, peer: Peer) -> Versus | str:
    bench.say(f"{peer.title}: {'the whole job' if peer.whole_job else 'the model alone'}")
    plan = bench.plan
    ground = Ground(plan.seats, bench.ground.redis, plan.out / "logs")
    try:
        return play(
            peer, lambda: _ours(bench, opened), plan.rounds, plan.load(16, plan.pair_seconds), ground, bench.say
        )
    except (PeerError, InstallError, RowsError, OSError) as exc:
        bench.say(f"{peer.name} did not run: {exc}")
        return str(exc)


def _ours(bench: Bench, opened: Opened) -> Report:
    spoken = dialect("grpc", bench.target(opened.grpc))
    calls = requests(spoken, list(bench.cases))
    load = bench.plan.load(16, bench.plan.pair_seconds)
    return ask(Question("grpc-16", spoken, opened.grpc, calls, load), opened.processes)


def _finding(peer: Peer, versus: Versus | str, plan: Plan) -> Finding:
    name, title = f"peer-{peer.name}", _title(peer.title, peer.whole_job)
    if isinstance(versus, str):
        return Finding(name, title, "×", trouble=" ".join(versus.split())[-300:] or "it ended without a word")
    return _of(name, title, versus, plan)


def _of(name: str, title: str, versus: Versus, plan: Plan) -> Finding:
    if not versus.sound:
        reasons = [*why_not(versus.pairs.first), *why_not(versus.pairs.second)]
        return Finding(name, title, "×", trouble="; ".join(reasons), details=versus.as_json())
    conditions = (
        f"in turn, {plan.pair_seconds:.0f} s each: ours {median(versus.our_rates):,.0f},"
        f" theirs {median(versus.their_rates):,.0f} calls/s;"
        f" {busy({'ours': versus.pairs.first, 'theirs': versus.pairs.second})}"
    )
    return Finding(name, title, "×", versus.ratios, conditions, "", versus.as_json())


def _best_python(played: Mapping[str, Versus | str], plan: Plan) -> list[Finding]:
    """Return the row of the best, known only where all of them ran: the one that is missing may be the best."""
    if not played.keys() >= set(PYTHON_SERVERS):
        return []
    ran = {name: one for name in PYTHON_SERVERS if isinstance(one := played[name], Versus) and one.ratios}
    if missing := [name for name in PYTHON_SERVERS if name not in ran]:
        trouble = f"{', '.join(missing)} did not run soundly, so nobody knows the best: see their own rows"
        return [Finding("peer-best-python", _title("the best Python server", whole_job=False), "×", trouble=trouble)]
    best = min(ran.values(), key=lambda one: median(one.ratios))
    return [_of("peer-best-python", _title(f"the best Python server, {best.peer.title}", whole_job=False), best, plan)]


def _title(peer: str, whole_job: bool) -> str:
    return f"against {peer}, {'whole job' if whole_job else 'model alone'}"
