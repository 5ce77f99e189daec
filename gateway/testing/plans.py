"""A small plan for tests: two entities, three stored features, one of which may not be defaulted, and a request."""

import json
from pathlib import Path
from typing import Any

from gateway.features.plan import Plan, load_plan


def small_document() -> dict[str, Any]:
    """Return the plan as it would stand in `plan.json`."""
    return {
        "format": 1,
        "project": "sluice",
        "key_version": 3,
        "groups": [
            {
                "join_keys": [{"name": "card_id", "type": "int64"}],
                "views": [
                    {
                        "name": "card_history",
                        "ttl_seconds": 3600,
                        "features": [
                            {"name": "card_count", "field": "01020304", "type": "double", "default": 0.0},
                            {"name": "card_limit", "field": "01020305", "type": "double", "default": None},
                        ],
                    }
                ],
            },
            {
                "join_keys": [{"name": "store_id", "type": "int64"}],
                "views": [
                    {
                        "name": "store_history",
                        "ttl_seconds": 0,
                        "features": [{"name": "store_count", "field": "01020306", "type": "double", "default": 5.0}],
                    }
                ],
            },
        ],
        "request": [
            {"name": "amount", "type": "double", "required": True, "min": 0.0, "max": 1e9},
            {"name": "customer_present", "type": "bool", "required": True},
            {"name": "time", "type": "unix_timestamp", "required": False},
        ],
        "transform": None,
        "features": ["amount", "card_count", "store_count", "customer_present"],
    }


def small_plan(directory: Path, **changes: Any) -> Plan:
    """Write the small plan, with changes to its top level, into `directory`, and load it."""
    path = directory / "plan.json"
    path.write_text(json.dumps({**small_document(), **changes}))
    return load_plan(path)
