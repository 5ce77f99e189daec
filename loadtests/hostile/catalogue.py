"""Every attack by the name that the command line and the tests call it by."""

from collections.abc import Mapping

from loadtests.hostile import body_attacks, call_attacks, http1_attacks, http2_attacks
from loadtests.hostile.seen import Attack
from protos.sluice.v1.prediction_pb2 import PredictRequest, Value

_ASKED = PredictRequest(
    deployment="fraud",
    entities={"card_id": Value(int64_value=1), "store_id": Value(int64_value=2)},
    features={"amount": Value(double_value=1.0), "customer_present": Value(bool_value=True)},
).SerializeToString()

ATTACKS: Mapping[str, Attack] = {
    "deadline-5ms": call_attacks.calls(_ASKED, "5m"),
    "no-deadline": call_attacks.calls(_ASKED, None),
    "one-connection": call_attacks.calls(_ASKED, None, at_once=200),
    "cancels": call_attacks.cancelled(_ASKED),
    "unread-answers": call_attacks.unread(_ASKED),
    "connections": call_attacks.connections,
    "left-midway": http1_attacks.left_midway,
    "garbage-bytes": http2_attacks.garbage_bytes,
    "garbage-frames": http2_attacks.garbage_frames,
    "resets": http2_attacks.resets,
    "endless-headers": http2_attacks.endless_headers,
    "empty-continuations": http2_attacks.empty_continuations,
    "headers-bomb": http2_attacks.headers_bomb(8_000),
    "headers-of-400kb": http2_attacks.headers_bomb(90),
    "pings": http2_attacks.pings,
    "endless-lines": http1_attacks.endless_lines,
    "endless-line": http1_attacks.endless_line,
    "endless-path": http1_attacks.endless_path,
    "slow-heads": http1_attacks.slow_heads,
    "deep-json": http1_attacks.deep_json,
    "body-10mb": body_attacks.declared(10),
    "body-400mb": body_attacks.declared(400),
    "chunks-10mb": body_attacks.chunked(10),
    "chunks-400mb": body_attacks.chunked(400),
    "message-10mb": body_attacks.message(10),
    "message-400mb": body_attacks.message(400),
    "unfinished-messages": body_attacks.unfinished,
    "beyond-windows": body_attacks.beyond_windows,
}
