"""Why a peer could not be measured.

PeerError
├── InstallError       its environment could not be made
├── RowsError          there are no rows to ask it
├── FeatureRepoError   the features cannot be read through Feast
└── NoPortsError       no ports are free for it
"""


class PeerError(RuntimeError):
    """A peer cannot be measured, or did not start; the message holds its own last words, or says what to do."""
