"""Micro-benchmarks of the gateway's parts with pytest-benchmark: `make micro`. `make test` collects none of them.

A benchmark names how many rows one run has in `extra_info["rows"]`, so that all can be read in µs a row.
"""
