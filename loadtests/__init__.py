"""The load side of Sluice: a verifying load generator and the bench built on it.

It speaks to a gateway over the wire only and imports nothing of ours but `protos`, so it measures what a caller gets.
"""
