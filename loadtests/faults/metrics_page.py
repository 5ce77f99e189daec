"""A gateway's metrics page, as it stands now."""

import http.client

PATIENCE = 2.0


def metrics_text(metrics: tuple[str, int], patience: float = PATIENCE) -> str:
    """Return the page; raises OSError when nobody answers within `patience` seconds."""
    connection = http.client.HTTPConnection(*metrics, timeout=patience)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
