"""A folder that stands alone on the PYTHONPATH of a gateway: it holds `sitecustomize`, and must hold nothing else."""
