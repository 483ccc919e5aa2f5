"""The exception tree. Each message says in one sentence what is wrong and what would be right.

FigmentError                exit code 2 at the command line
├── InputError              a value that the user gave cannot be used
├── DataError               a data set is missing, empty or broken
├── CheckpointError         a weights file is missing, corrupt or of another kind
├── TrainingError           a run cannot go on: losses not finite, resumed with another configuration
└── OutputError             a file could not be written: disk full, no permission
"""

__all__ = ["CheckpointError", "DataError", "FigmentError", "InputError", "OutputError", "TrainingError"]


class FigmentError(Exception):
    """Anything Figment refuses to do, with a sentence fit for the user."""


class InputError(FigmentError):
    """A value that the user gave cannot be used."""


class DataError(FigmentError):
    """A data set is missing, empty or broken."""


class CheckpointError(FigmentError):
    """A weights file is missing, corrupt or of another kind."""


class TrainingError(FigmentError):
    """A training run cannot go on."""


class OutputError(FigmentError):
    """A file could not be written."""
