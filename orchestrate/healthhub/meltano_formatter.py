"""How Meltano writes its log, also when a person runs it: `logging.yaml` names this."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dotenv import dotenv_values
from meltano.core.logging.formatters import console_log_formatter, json_formatter
from meltano.core.logging.models import PluginException

from healthhub.masking import Mask

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.stdlib import ProcessorFormatter


def formatter() -> ProcessorFormatter:
    """Meltano's own formatter, which is handed masked lines only."""
    if os.environ.get("MELTANO_CLI_LOG_FORMAT") == "json":
        made = json_formatter(dict_tracebacks=False)
    else:
        made = console_log_formatter(colors=sys.stderr.isatty())
    *others, renderer = made.processors
    made.processors = (*others, _Masked(), renderer)
    return made


class _Masked:
    """A step of structlog."""

    def __init__(self) -> None:
        """Learn the secrets where Meltano learns them."""
        settings = dotenv_values(".env") | os.environ
        self._mask = Mask({name: value for name, value in settings.items() if value})

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        source = str(event.get("name", ""))
        event["event"] = self._mask.line(source, str(event.get("event", "")))
        for key, value in event.items():
            if isinstance(value, PluginException):
                event[key] = self._masked_exception(value)
            elif key not in ("event", "exc_info"):
                event[key] = self._mask.json(value)
        if info := event.pop("exc_info", None):
            event["exception"] = self._rendered(info)
        return event

    def _rendered(self, info: Any) -> str:  # noqa: ANN401 (as logging has it)
        """An exception: its last frames, its kind, and its message without values."""
        kind, error, trace = info if isinstance(info, tuple) else sys.exc_info()
        if isinstance(info, BaseException):
            kind, error, trace = type(info), info, info.__traceback__
        frames = "".join(traceback.format_tb(trace)[-2:])
        name = kind.__name__ if kind else "Exception"
        return f"{frames}{name}: {self._mask.message(str(error))}"

    def _masked_exception(self, error: PluginException) -> PluginException:
        """The same for the exception of a plugin."""
        return replace(
            error,
            message=self._mask.message(error.message),
            cause=error.cause and self._masked_exception(error.cause),
            context=error.context and self._masked_exception(error.context),
            notes=error.notes and [self._mask.message(note) for note in error.notes],
        )
