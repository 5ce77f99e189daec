"""Measures of the gateway's own parts, each in a process of its own: the rest of the load side imports none of them.

Here alone `gateway` and `models` may be imported.
"""
