"""Which function does which action of `sluice rollout`, and how what can go wrong ends: in one line, and a status."""

import argparse
import sys
from collections.abc import Callable, Mapping

from gateway.client.rollouts_errors import RolloutsError
from gateway.command_line.rollout import deeds, keys, looks, watch
from gateway.command_line.rollout.words import visible
from gateway.config import ConfigError
from models.manifest import BundleError
from routing.control.keys import KeyFileError

_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "start": deeds.start,
    "status": looks.status,
    "watch": watch.watch,
    "approve": deeds.approve,
    "abort": deeds.abort,
    "undo": deeds.undo,
    "history": looks.history,
    "explain": looks.explain,
    "replay": looks.replay,
    "freeze": deeds.freeze,
    "thaw": deeds.thaw,
    "stop-all": deeds.stop_all,
    "kill": deeds.kill,
    "key": keys.key,
}


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; return the exit status."""
    try:
        return _ACTIONS[arguments.action](arguments)
    except (RolloutsError, BundleError) as exc:
        return _fail(exc, 1)
    except (ConfigError, KeyFileError) as exc:
        return _fail(exc, 2)
    except KeyboardInterrupt:
        return 130


def _fail(error: Exception, status: int) -> int:
    print(f"sluice: {visible(' '.join(str(error).split()))}", file=sys.stderr)
    return status
