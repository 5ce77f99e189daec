"""How a source is asked, and what its answer says: Prometheus's instant queries, and the verdicts of webhooks."""

from typing import Literal
from urllib.parse import urlencode

import msgspec

from routing.control.web import Answer, Web, WebError
from routing.rollout import Rollout
from routing.sources import Query, Reading, Webhook
from routing.verdict import Outcome

_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_MOST = 200  # characters of somebody else's words


class _Sample(msgspec.Struct):
    value: tuple[float, str]


class _Data(msgspec.Struct):
    resultType: Literal["vector", "scalar", "matrix", "string"]  # noqa: N815  # Prometheus's word
    result: msgspec.Raw


class _Answered(msgspec.Struct):
    data: _Data


class _Refused(msgspec.Struct):
    error: str = ""


class _Said(msgspec.Struct):
    verdict: Literal["pass", "fail", "cannot tell"]
    reason: str = ""


async def ask_query(web: Web, prometheus: str, query: Query, rollout: Rollout) -> Reading:
    """Ask Prometheus for a query's value now. Raises `WebError`, and `ValueError` for names that fit in no query."""
    if not prometheus:
        raise WebError("no Prometheus is known: declare `rollout: prometheus:`, or start control with --prometheus")
    names = {"deployment": rollout.deployment, "candidate": rollout.candidate, "champion": rollout.champion}
    body = urlencode({"query": query.written_for(names)}).encode()
    answer = await web.post(prometheus.rstrip("/") + "/api/v1/query", body, _FORM)
    if answer.status != 200:
        raise WebError(f"Prometheus answered {answer.status}{_why(answer)}")
    at, value = _one(answer.body)
    return query.judged(value, at)


async def ask_webhook(web: Web, webhook: Webhook, rollout: Rollout, now: float) -> Reading:
    """Tell a webhook of the rollout, and return what it says of it. Raises `WebError`."""
    told = {
        "deployment": rollout.deployment,
        "rollout": rollout.name,
        "champion": rollout.champion,
        "candidate": rollout.candidate,
        "state": rollout.state,
        "weight": rollout.weight,
    }
    answer = await web.post(webhook.url, msgspec.json.encode(told), _JSON)
    if answer.status != 200:
        raise WebError(f"it answered {answer.status}")
    try:
        said = msgspec.json.decode(answer.body, type=_Said)
    except msgspec.DecodeError as exc:
        raise WebError(f'its answer is not {{"verdict": "pass|fail|cannot tell", "reason": "..."}}: {exc}') from exc
    return Reading(now, Outcome(said.verdict), _plain(said.reason) or said.verdict)


def _one(body: bytes) -> tuple[float, float]:
    """Return when the only sample is from, and its value."""
    try:
        data = msgspec.json.decode(body, type=_Answered).data
        if data.resultType == "scalar":
            at, value = msgspec.json.decode(data.result, type=tuple[float, str])
            return at, float(value)
        if data.resultType != "vector":
            raise WebError(f"the query gave a {data.resultType}: it has to give one value")
        samples = msgspec.json.decode(data.result, type=list[_Sample])
        if len(samples) != 1:
            raise WebError("the query gave nothing" if not samples else f"it gave {len(samples)} series: sum them")
        at, value = samples[0].value
        return at, float(value)
    except ValueError as exc:
        raise WebError(f"this is no answer of Prometheus: {exc}") from exc


def _why(answer: Answer) -> str:
    try:
        return f": {_plain(msgspec.json.decode(answer.body, type=_Refused).error)}"
    except msgspec.DecodeError:
        return ""


def _plain(text: str) -> str:
    """Return somebody else's words as they may stand in a log: one line, and not long."""
    return "".join(sign for sign in " ".join(text.split())[:_MOST] if sign.isprintable())
