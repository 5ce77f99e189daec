"""The fronts: bytes to calls and answers to bytes, on gRPC and JSON; they decide nothing."""
