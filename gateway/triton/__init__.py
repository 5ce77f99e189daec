"""Bundles that run on Triton Inference Server: what is said to it, whom to ask, and what is kept loaded there."""
