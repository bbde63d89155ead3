"""`python -m tap_oura`."""

from __future__ import annotations

from tap_oura.tap import TapOura

TapOura.cli()
