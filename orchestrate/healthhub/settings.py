"""What a person can set: the environment first, then `.env` of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from healthhub.database import Database
from healthhub.errors import HealthHubError


def _token(value: SecretStr) -> SecretStr:
    """Refuse what no HTTP header can carry."""
    token = value.get_secret_value()
    if not (token.isascii() and token.isprintable()) or " " in token:
        message = "contains white space or characters that no token has"
        raise ValueError(message)
    return value


def _database_url(value: SecretStr) -> SecretStr:
    """Refuse what libpq would not understand."""
    Database.from_url(value.get_secret_value())
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

    oura_pat: Annotated[SecretStr, AfterValidator(_token), _Stripped] | None = Field(
        default=None,
        title="Oura token",
        description="An access token of the Oura API. Without one, the sandbox is "
        "read: synthetic data, no account.",
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

    @property
    def external_database(self) -> Database | None:
        """The database that a person named, if any."""
        if self.supabase_db_url is None:
            return None
        url = self.supabase_db_url.get_secret_value()
        return Database.from_url(url, "SUPABASE_DB_URL")


def load_settings(project: Path) -> Settings:
    """Read the settings of a project.

    Raises:
        HealthHubError: A value is wrong; the sentence names the variable.
    """
    try:
        settings = Settings(_env_file=project / ".env")  # type: ignore[call-arg] # pydantic-settings reads it
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        message = f"{name} {reason}. Correct it in the environment or in .env."
        raise HealthHubError(message) from None
    home = project / settings.healthhub_home.expanduser()
    return settings.model_copy(update={"healthhub_home": home.resolve()})
