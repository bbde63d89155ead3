"""The tables of `healthhub` as files, for whatever people like to work with."""

from adbc_driver_manager import Error as DriverError

from healthhub_export.errors import ExportError
from healthhub_export.export import ExportRequest, Outcome, export, moment
from healthhub_export.study import key_file

__all__ = [
    "DriverError",
    "ExportError",
    "ExportRequest",
    "Outcome",
    "export",
    "key_file",
    "moment",
]
