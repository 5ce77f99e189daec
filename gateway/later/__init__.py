"""Near real time: calls that are accepted now, wait on a Redis stream, and are answered by the line a little later."""
