"""Owns the errors by which the offline side stops, each one clear line for the person who ran it.

OfflineError
├── DataError          a data file, or what was joined from it, is not what the recipe was written for
├── DeploymentError    a deployment.yaml that training cannot work with
├── LeakError          a frame's history is not what was visible when the example was made
├── UnexpectedMetric   a figure outside of what its deployment expects: too low is a poor model, too high a leak
├── ParityError        the ONNX model does not say what LightGBM says
├── PlanError          Feast's definitions and the deployment make no plan that the gateway can honour
├── AddressError       a Redis address that Feast's connection string cannot carry
├── OnlineStoreError   Redis cannot be reached, or does not hold what was written
└── RepositoryError    a model repository of Triton that cannot be written
"""


class OfflineError(Exception):
    """The offline side stops, and says why in one line."""


class DataError(OfflineError):
    """A data file, or what was joined from it, is not what the recipe was written for."""


class DeploymentError(OfflineError):
    """A deployment.yaml that training cannot work with."""


class LeakError(OfflineError):
    """A frame's history is not what was visible when the example was made."""


class UnexpectedMetric(OfflineError):
    """A figure outside of what its deployment expects: too low is a poor model, too high a leak."""


class ParityError(OfflineError):
    """The ONNX model does not say what LightGBM says."""


class PlanError(OfflineError):
    """Feast's definitions and the deployment make no plan that the gateway can honour."""


class AddressError(OfflineError):
    """A Redis address that Feast's connection string cannot carry."""


class OnlineStoreError(OfflineError):
    """Redis cannot be reached, or does not hold what was written."""


class RepositoryError(OfflineError):
    """A model repository of Triton that cannot be written."""
