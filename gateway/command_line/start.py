"""What `sluice up` and `sluice serve` say: progress, "ready" with a call to paste, and one clear line when it fails."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gateway.clock import read_offsets
from gateway.command_line.up import OFFSETS_FILE, OfflineFailed, Ports, measure_offsets, up
from gateway.config import DEFAULT_GRPC_PORT, ConfigError, ServeConfig, without_password
from gateway.deployment import DeploymentError
from gateway.embedded_redis import RedisFailed
from gateway.fronts.tls import ServerTls
from gateway.supervisor.listeners import PortTaken
from gateway.supervisor.serve import serve
from gateway.supervisor.state_lock import hold_state
from gateway.supervisor.workers import StartFailed
from models.manifest import BundleError
from monitoring import log

EXPLAINED = (BundleError, ConfigError, DeploymentError, OfflineFailed, OSError, PortTaken, RedisFailed, StartFailed)


def run_up(config: ServeConfig, ports: Ports) -> int:
    """Run `sluice up`; return the exit status."""
    log.configure(config.log_level)
    where = f"embedded on port {ports.redis}" if ports.redis else without_password(config.redis_url)
    print(
        f"sluice up: {config.workers} worker{'s' * (config.workers != 1)}, front {config.front}, Redis {where}",
        flush=True,
    )

    def run() -> None:
        with hold_state(config.state):
            up(config, ports, lambda running: announce(running, ports))

    return _explain(run)


def run_serve(config: ServeConfig, replay_now: bool) -> int:
    """Run `sluice serve`; return the exit status."""
    log.configure(config.log_level)
    return _explain(lambda: _serve(config, replay_now))


def announce(config: ServeConfig, ports: Ports | None = None) -> None:
    """Say that the gateway is ready, where, and how to call it; and of `up`, where its `ports` are."""
    base = f"{'http' if config.tls is None else 'https'}://{config.host}:{config.http_port}"
    asker_tls, curl_tls = _tls_words(config.tls)
    shown = ".venv/bin/sluice" if Path(".venv/bin/sluice").exists() else "sluice"
    address = "" if config.grpc_port == DEFAULT_GRPC_PORT else f" --address {config.host}:{config.grpc_port}"
    print(
        f"""
ready
  gRPC        {config.host}:{config.grpc_port}     sluice.v1.Predictions, health, reflection
  HTTP        {base}     documentation at {base}/docs
  metrics     http://{config.host}:{config.metrics_port}/metrics
  features    from {without_password(config.redis_url)}
  rollouts    {_rollout_words(config, ports)}

a first call (another terminal):
  {shown} predict fraud{address}{asker_tls} card_id=32261 store_id=8516 amount=24900 customer_present=true
  curl -s{curl_tls} {base}/v1/deployments/fraud:predict -H 'content-type: application/json' \\
    -d '{{"entities": {{"card_id": 32261, "store_id": 8516}}, \
"features": {{"amount": 24900, "customer_present": true}}}}'
{_later_words(config, base, curl_tls)}
Ctrl-C drains and stops.""",
        flush=True,
    )


def _later_words(config: ServeConfig, base: str, curl_tls: str) -> str:
    """Say how a row is queued, and its result fetched, where there is a queue; else nothing."""
    if not config.queue_url:
        return ""
    return f"""
near real time: the same body sent to {base}/v1/deployments/fraud:submit is queued, and answered with a result_id:
  curl -s{curl_tls} '{base}/v1/results/RESULT_ID?wait_ms=1000'
"""


def _rollout_words(config: ServeConfig, ports: Ports | None) -> str:
    """Say where rollouts are steered from, and how one is begun on this machine."""
    if not config.control_url:
        return "none: --control-url names the Redis of a control plane"
    steered = f"as {without_password(config.control_url)} says"
    if ports is None or ports.redis is None:
        return steered
    where = f"{config.host}:{ports.control_grpc}"
    return f"{steered}, steered at {where}: sluice rollout --help, and keys to try it with in {config.state / 'people'}"


def _tls_words(tls: ServerTls | None) -> tuple[str, str]:
    """Return what `sluice predict` and curl need to be told: on this machine the certificate itself can be trusted."""
    if tls is None:
        return "", ""
    trusted = shlex.quote(str(tls.certificate))
    asker, curl = f" --tls-ca {trusted}", f" --cacert {trusted}"
    if tls.client_ca is None:
        return asker, curl
    return f"{asker} --tls-client-cert YOURS.pem --tls-client-key YOURS.key", f"{curl} --cert YOURS.pem --key YOURS.key"


def _serve(config: ServeConfig, replay_now: bool) -> None:
    offsets = measure_offsets(config) if replay_now else read_offsets(config.state / OFFSETS_FILE)
    config = replace(config, offsets=offsets)
    with hold_state(config.state):
        serve(config, lambda: announce(config))


def _explain(run: Callable[[], None]) -> int:
    try:
        run()
    except KeyboardInterrupt:
        print("sluice: stopped", file=sys.stderr)
        return 130
    except EXPLAINED as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 1
    return 0
