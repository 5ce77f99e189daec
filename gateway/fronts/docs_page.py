"""The page at `/docs`: the OpenAPI document as plain HTML, made once, without a script.

FastAPI's own page loads Swagger UI from a CDN, so behind a firewall it stays white; shipping Swagger UI means 1.5 MB
of somebody's script to keep patched. A page that only reads needs neither.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}
h1,h2,h3{line-height:1.2}h2{border-top:1px solid #d5dce3;padding-top:1.2rem;margin-top:2.2rem}
code,pre{font:14px/1.5 ui-monospace,monospace;background:#f3f5f8;border-radius:4px}code{padding:.1em .3em}
pre{padding:.8rem;overflow:auto}.verb{color:#fff;background:#0b6e4f;border-radius:4px;padding:.1em .5em}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;
border-bottom:1px solid #e6eaef}
"""
_EXAMPLE = """curl -s localhost:8080/v1/deployments/fraud:predict \\
  -H 'content-type: application/json' -H 'sluice-timeout-ms: 100' \\
  -d '{"entities": {"card_id": 1, "store_id": 2}, "features": {"amount": 100.0, "customer_present": true}}'"""


def render(document: dict[str, Any], example: str = _EXAMPLE) -> str:
    """Render every route and every schema of an OpenAPI document."""
    info = document["info"]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>",
        f"<style>{_STYLE}</style><h1>{escape(info['title'])}</h1><p>{_prose(info.get('description', ''))}</p>",
        f"<p>The same as a document: <a href=/openapi.json>/openapi.json</a></p><pre>{escape(example)}</pre>",
    ]
    for path, operations in sorted(document["paths"].items(), key=lambda item: ("post" not in item[1], item[0])):
        for verb, operation in operations.items():
            parts.append(_operation(verb, path, operation))
    parts.append("<h2>Schemas</h2>")
    parts += [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return "".join(parts)


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<h2><span class=verb>{verb.upper()}</span> <code>{escape(path)}</code></h2>"]
    parts.append(f"<p>{_prose(operation.get('summary', ''))}</p>")
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [(f"<code>{escape(p['name'])}</code>", p["in"], _prose(p.get("description", ""))) for p in parameters]
        parts.append(_table(("parameter", "in", ""), rows))
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_content(operation['requestBody'])}</p>")
    answers = [
        (f"<code>{status}</code>", _prose(answer["description"]), _content(answer))
        for status, answer in operation["responses"].items()
    ]
    return "".join(parts) + _table(("status", "", "body"), answers)


def _schema(name: str, schema: dict[str, Any]) -> str:
    heading = f"<h3 id={escape(name)}>{escape(name)}</h3><p>{_prose(schema.get('description', ''))}</p>"
    required = schema.get("required", [])
    rows = [
        (f"<code>{escape(field)}</code>", _type(of), "required" if field in required else "optional")
        for field, of in schema.get("properties", {}).items()
    ]
    return heading + _table(("field", "type", ""), rows)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href=#{name}>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        return f"map of string to {_type(schema['additionalProperties'])}"
    if "items" in schema and isinstance(schema["items"], dict):
        return f"list of {_type(schema['items'])}"
    return escape(str(schema.get("type", "any")))


def _content(holder: dict[str, Any]) -> str:
    return ", ".join(_type(content["schema"]) for content in holder.get("content", {}).values() if content["schema"])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>" + "".join(lines) + "</table>"


def _prose(text: str) -> str:
    """Escape, and set what stands between backticks as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
