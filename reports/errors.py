"""What can go wrong on the reporting floor.

Every error raised on purpose is in this tree::

    ReportError
     +-- RunFolderError (also ValueError)       a run folder that cannot be written, or is not one
     +-- ObservedDataError (also LookupError)   no observed data of that name
     +-- ComparisonError (also ValueError)      an ensemble and a history that cannot be compared
     +-- BenchFileError (also ValueError)       a file that holds no benchmark to compare with
     +-- WorkerLostError (also RuntimeError)    a worker process was ended from outside
"""

from __future__ import annotations


class ReportError(Exception):
    """Base of every error that the reporting floor raises on purpose."""


class RunFolderError(ReportError, ValueError):
    """A folder that cannot take a run, or does not hold a complete one; the message names it and the remedy."""


class ObservedDataError(ReportError, LookupError):
    """No observed data of that name."""


class ComparisonError(ReportError, ValueError):
    """An ensemble and a history that cannot be compared."""


class BenchFileError(ReportError, ValueError):
    """A file that holds no benchmark to compare with; the message names it and what was wanted."""


class WorkerLostError(ReportError, RuntimeError):
    """A worker process ended without a result, killed from outside or out of memory; the message gives the remedy."""
