"""The peers whose JSON is whatever their application makes of it: LitServe, BentoML, and FastAPI written by hand."""

import msgspec

from loadtests.answer import Read, Verdict
from loadtests.cases import Case
from loadtests.dialect import Dialect
from loadtests.peers.asking import Address, json_dialect
from loadtests.peers.proof import Proof
from loadtests.peers.rows import Rows


class Scored(msgspec.Struct):
    """An answer that holds a score."""

    score: float


class Decided(msgspec.Struct):
    """An answer that holds a score and the decision on it."""

    score: float
    decision: str


def litserve(address: Address, rows: Rows) -> Dialect:
    """Ask LitServe's /predict."""
    return json_dialect(address, "/predict", encode_columns, read_score(Proof(rows.scores)))


def bentoml(address: Address, rows: Rows) -> Dialect:
    """Ask BentoML's /score, whose argument and answer are arrays of rows."""
    return json_dialect(address, "/score", encode_array, read_array(Proof(rows.scores)))


def by_hand(address: Address, rows: Rows) -> Dialect:
    """Ask the hand-written service for the whole job."""
    return json_dialect(address, "/predict", encode_call, read_decision(Proof(rows.scores), rows.decisions))


def encode_columns(case: Case, _: str) -> bytes:
    """Encode one row as the list of its columns."""
    return msgspec.json.encode({"features": list(case.features.values())})


def encode_array(case: Case, _: str) -> bytes:
    """Encode one row as an array of one row."""
    return msgspec.json.encode({"features": [list(case.features.values())]})


def encode_call(case: Case, _: str) -> bytes:
    """Encode entities and request features, as a product service sends them."""
    return msgspec.json.encode(case.entities | case.features)


def read_score(proof: Proof) -> Read:
    """Judge `{"score": 0.5}`."""
    decoder = msgspec.json.Decoder(Scored)
    return lambda body, number: proof.judge(number, decoder.decode(body).score)


def read_array(proof: Proof) -> Read:
    """Judge `[[0.5]]`."""
    decoder = msgspec.json.Decoder(list[list[float]])

    def read(body: bytes, number: str) -> Verdict:
        answer = decoder.decode(body)
        if len(answer) != 1 or len(answer[0]) != 1:
            return Verdict("not one score", body[:200].decode(errors="replace"))
        return proof.judge(number, answer[0][0])

    return read


def read_decision(proof: Proof, decisions: list[str]) -> Read:
    """Judge `{"score": 0.5, "decision": "review"}`."""
    decoder = msgspec.json.Decoder(Decided)

    def read(body: bytes, number: str) -> Verdict:
        answer = decoder.decode(body)
        expected = decisions[int(number)]
        if answer.decision != expected:
            return Verdict("wrong decision", f"row {number}: {answer.decision}, the policy says {expected}")
        return proof.judge(number, answer.score)

    return read
