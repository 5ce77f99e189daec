"""Logs: one JSON object a line."""

import json
import logging
import sys

from monitoring.log import JsonFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("sluice.test", logging.WARNING, __file__, 1, message, None, None)
    made.__dict__.update(extra)
    return made


def test_a_record_is_one_line_of_json_with_its_extras() -> None:
    text = JsonFormatter().format(record("worker\nended", slot=3))
    assert "\n" not in text
    entry = json.loads(text)
    assert (entry["level"], entry["message"], entry["slot"]) == ("warning", "worker\nended", 3)


def test_an_exception_is_kept_with_its_cause() -> None:
    made = record("failed")
    try:
        try:
            raise KeyError("inner")
        except KeyError as exc:
            raise ValueError("outer") from exc
    except ValueError:
        made.exc_info = sys.exc_info()
    text = json.loads(JsonFormatter().format(made))["exception"]
    assert "inner" in text
    assert "outer" in text
