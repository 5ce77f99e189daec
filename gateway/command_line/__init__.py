"""What the commands of `sluice` do and say; `gateway/cli.py` reads their flags."""
