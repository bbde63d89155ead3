"""What a person can set: the environment first, then `.env` of the project."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import yaml
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from healthhub.database import Database
from healthhub.embedded import EmbeddedPostgres, Lease
from healthhub.errors import HealthHubError
from healthhub.project import MELTANO_FILE, project_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOTENV = ".env"

_DAYS_OF_THE_TAP = ("TAP_OURA_START_DATE", "TAP_OURA_END_DATE")
_LISTS_OF_THE_TAP = ("TAP_OURA_USERS", "TAP_OURA_USER_FILTER")
_GRAIN = "TAP_OURA_SAMPLE_GRAIN"


def token(value: SecretStr) -> SecretStr:
    """Refuse what no HTTP header can carry."""
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("contains white space or characters that no token has")
    return value


def _database_url(value: SecretStr) -> SecretStr:
    """Refuse what libpq would not understand."""
    Database.from_url(value.get_secret_value())
    return value


def _alert_urls(value: SecretStr) -> SecretStr:
    """Refuse what apprise would not understand."""
    from apprise import Apprise  # noqa: PLC0415 (slow, and rarely set)

    if not Apprise().add(value.get_secret_value()):
        raise ValueError(
            "has an address that apprise does not know, see "
            "https://appriseit.com/services/"
        )
    return value


_Stripped = BeforeValidator(lambda value: value.strip())


class Settings(BaseSettings):
    """The project's settings; `.env.example` lists the same."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    oura_pat: Annotated[SecretStr, AfterValidator(token), _Stripped] | None = Field(
        default=None,
        title="Oura token",
        description="An access token of the Oura API. Without one, the sandbox is "
        "read: synthetic data, no user.",
    )
    supabase_db_url: (
        Annotated[SecretStr, AfterValidator(_database_url), _Stripped] | None
    ) = Field(
        default=None,
        title="Database URL",
        description="postgres:// URL of the database to fill, Supabase's or any other "
        "PostgreSQL. Without one, an embedded PostgreSQL is used.",
    )
    healthhub_home: Path = Field(
        default=Path(".healthhub"),
        title="Home of the embedded database",
        description="Folder of the embedded database, of logs and locks. "
        "Relative to the project.",
    )
    alert_urls: Annotated[SecretStr, AfterValidator(_alert_urls), _Stripped] | None = (
        Field(
            default=None,
            title="Alert addresses",
            description="Where to say that a run failed: addresses as apprise has "
            "them, separated by commas. A Slack webhook is one.",
        )
    )
    alert_no_data_days: int = Field(
        default=3,
        ge=1,
        title="Days without data",
        description="Send an alert after this many days without new data of a user.",
    )

    @property
    def external_database(self) -> Database | None:
        """The database that a person named, if any."""
        if self.supabase_db_url is None:
            return None
        url = self.supabase_db_url.get_secret_value()
        database = Database.from_url(url, "SUPABASE_DB_URL")
        known = dict(database.parameters)
        if (authority := known.get("sslrootcert", "system")) != "system":
            # Beside .env, from whatever folder this is run.
            known["sslrootcert"] = str(project_folder() / Path(authority).expanduser())
        return replace(database, parameters=known)


@contextmanager
def using_database(settings: Settings) -> Iterator[Lease]:
    """Have the chosen database ready: a person's own, else the embedded one."""
    if external := settings.external_database:
        yield Lease(external)
    else:
        with EmbeddedPostgres(settings.healthhub_home).using() as lease:
            yield lease


class SettingsError(HealthHubError):
    """Some settings are wrong: a sentence for each, by the name of the variable."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        """Say all of it at once."""
        super().__init__("\n".join(sentences.values()))
        self.sentences = sentences


def load_settings(project: Path) -> Settings:
    """Read the settings of a project, and see that Meltano can read the tap's."""
    wrong = _wrong_in_the_taps(variables(project))
    settings = None
    try:
        settings = Settings(_env_file=project / DOTENV)  # type: ignore[call-arg] # pydantic-settings reads it
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            name = str(each["loc"][0]).upper()
            reason = each["msg"].removeprefix("Value error, ")
            wrong[name] = f"{name} {reason}. Correct it in the environment or in .env."
    if wrong or settings is None:
        raise SettingsError(wrong)
    home = project / settings.healthhub_home.expanduser()
    return settings.model_copy(update={"healthhub_home": home.resolve()})


def checked_days(
    first: str, last: str, given: Mapping[str, str | None]
) -> tuple[date | None, date | None]:
    """The days that two options or variables name.

    Raises:
        SettingsError: One is not a day, or they are in the wrong order.
    """
    wrong, days = {}, dict[str, date | None]()
    for name in (first, last):
        text = given.get(name)
        try:
            days[name] = date.fromisoformat(text) if text else None
        except ValueError:
            wrong[name] = f"{name} {text!r} is not a day. Write it like 2026-01-31."
    start, end = days.get(first), days.get(last)
    if start and end and end < start:
        wrong[last] = f"{last} {end} is before {first} {start}. Swap them."
    if wrong:
        raise SettingsError(wrong)
    return start, end


def known_variables(project: Path) -> set[str]:
    """The variables that are settings: of this command, and of the tap."""
    described = yaml.safe_load((project / MELTANO_FILE).read_text()) or {}
    return {name.upper() for name in Settings.model_fields} | {
        f"TAP_OURA_{setting['name'].upper()}"
        for tap in described.get("plugins", {}).get("extractors", ())
        for setting in tap.get("settings", ())
    }


def _wrong_in_the_taps(known: Mapping[str, str]) -> dict[str, str]:
    """What Meltano would quote in its error, tokens included, or no table is for."""
    wrong = dict[str, str]()
    try:
        checked_days(*_DAYS_OF_THE_TAP, known)
    except SettingsError as error:
        wrong |= error.sentences
    for name in _LISTS_OF_THE_TAP:
        try:
            is_list = isinstance(json.loads(known.get(name) or "[]"), list)
        except ValueError:
            is_list = False
        if not is_list:
            wrong[name] = f"{name} has to be a list in JSON. See .env.example."
    if known.get(_GRAIN) not in (None, "", "day"):
        wrong[_GRAIN] = (
            f"{_GRAIN} is for other projects: the tables here are made of days. Take "
            "it out of .env or the environment."
        )
    return wrong


def variables(project: Path) -> dict[str, str]:
    """The environment as Meltano sees it, with `.env` of the project beneath it.

    For what is no setting of this command: the tap's own settings, and the variables
    that hold users' tokens.
    """
    named = dotenv_values(project / DOTENV) | os.environ
    return {name: value for name, value in named.items() if value}
