"""The Open Inference Protocol (KServe v2) before every deployment: gRPC and HTTP, on the listeners of the others."""
