"""What can go wrong with the control Redis, or with who asks it for something."""

UNREADABLE = (ArithmeticError, LookupError, TypeError, ValueError)
"""What reading raises where something is kept that is not what we keep: another release's, or somebody else's."""


class ControlError(RuntimeError):
    """The control Redis cannot be used; the message says what to do."""


class Fenced(ControlError):
    """Somebody else leads by now: whoever hears this stops leading, and has changed nothing."""


class Stale(ControlError):
    """The rollout was changed since it was read: read it again, and decide anew. Nothing was changed."""


class NotFound(ControlError):
    """There is no such deployment or rollout; the message says which there are."""


class Refused(ControlError):
    """It cannot be done as things stand; the message says why."""


class NotYet(Refused):
    """It cannot be done now, and perhaps in a moment: what it takes of gateways they have not told yet."""
