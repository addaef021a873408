"""What can go wrong on the reporting floor.

Every error raised on purpose is in this tree::

    ReportError
     +-- RunFolderError (also ValueError)       a run folder that cannot be written, or is not one
     +-- ObservedDataError (also LookupError)   no observed data of that name
     +-- ComparisonError (also ValueError)      an ensemble and a history that cannot be compared
     +-- BenchFileError (also ValueError)       a file to compare a benchmark with, or to add it to, that cannot serve
     +-- BenchOutputError (also RuntimeError)   a benchmark that was measured and could not be printed or kept
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
    """A file that a benchmark cannot be compared with or added to; the message names it and what was wanted."""


class BenchOutputError(ReportError, RuntimeError):
    """A benchmark that was measured and could not be printed or kept; the message names the place."""


class WorkerLostError(ReportError, RuntimeError):
    """A worker process ended without a result, killed from outside or out of memory; the message gives the remedy."""
