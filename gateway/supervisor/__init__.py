"""The supervisor: sockets, tables, and worker processes that are kept alive; it answers no prediction itself."""
