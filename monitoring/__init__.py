"""Seeing what happens: metrics and logs."""
