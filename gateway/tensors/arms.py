"""Whether the arms of a deployment can stand in for each other: all of its kind, with the same tensors. Pure."""

from collections.abc import Mapping

from gateway.bundle import Bundle
from gateway.deployment import Deployment, DeploymentError
from gateway.tensors.bundle import TensorBundle
from gateway.tensors.contract import Contract
from models.manifest import BundleError
from routing.table import CHAMPION


def contract_of(deployment: Deployment, bundles: Mapping[tuple[str, str], Bundle | TensorBundle]) -> Contract | None:
    """Return what the callers of a pass-through deployment send and get, None for one of scores.

    `bundles` is by arm and version. Raises `DeploymentError` where the deployment is of another kind than its bundles,
    and `BundleError` where an arm takes or gives other tensors than the champion: callers cannot know whom they meet.
    """
    name, champion = deployment.name, bundles[CHAMPION, deployment.table.champion]
    if deployment.tensors is None:
        if isinstance(champion, TensorBundle):
            raise DeploymentError(f"{name}: its champion passes tensors on: say `tensors: {{}}` instead of `policy`")
        _check_all(name, bundles, Bundle)
        return None
    if not isinstance(champion, TensorBundle):
        raise DeploymentError(f"{name}: it says `tensors`, and its champion is a bundle of scores: say `policy`")
    _check_all(name, bundles, TensorBundle)
    for (arm, version), bundle in bundles.items():
        if isinstance(bundle, TensorBundle) and not champion.contract.same_for_callers(bundle.contract):
            raise BundleError(f"{name}: {arm} {version} takes or gives other tensors than the champion")
    return champion.contract


def _check_all(name: str, bundles: Mapping[tuple[str, str], object], kind: type) -> None:
    for (arm, version), bundle in bundles.items():
        if not isinstance(bundle, kind):
            raise BundleError(f"{name}: {arm} {version} is a bundle of another kind than the champion")
