from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from healthhub.errors import HealthHubError
from healthhub.project import project_folder
from healthhub.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = [name.upper() for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.oura_pat is None
    assert settings.external_database is None
    assert settings.healthhub_home == tmp_path / ".healthhub"


def test_every_setting_is_explained() -> None:
    for field in Settings.model_fields.values():
        assert field.title
        assert field.description


def test_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("OURA_PAT=file\nHEALTHHUB_HOME=data\nOTHER=1\n")
    monkeypatch.setenv("OURA_PAT", " environment\n")
    settings = load_settings(tmp_path)
    assert settings.oura_pat is not None
    assert settings.oura_pat.get_secret_value() == "environment"
    assert settings.healthhub_home == tmp_path / "data"


def test_empty_means_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(
        "OURA_PAT=\nSUPABASE_DB_URL=\nTAP_OURA_USERS=\nTAP_OURA_SAMPLE_GRAIN=\n"
    )
    monkeypatch.setenv("HEALTHHUB_HOME", "")
    assert load_settings(tmp_path) == load_settings(tmp_path / "nowhere").model_copy(
        update={"healthhub_home": tmp_path / ".healthhub"}
    )


def test_secrets_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURA_PAT", "sesame")
    monkeypatch.setenv("SUPABASE_DB_URL", "postgres://me:sesame@127.0.0.1/x")
    settings = load_settings(tmp_path)
    assert "sesame" not in repr(settings)
    assert "sesame" not in repr(settings.external_database)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OURA_PAT", "two secrets"),
        ("OURA_PAT", "secret\x07"),
        ("SUPABASE_DB_URL", "secret"),
        ("SUPABASE_DB_URL", "postgres://me:[YOUR-PASSWORD]@secret/x"),
        ("TAP_OURA_USERS", "secret"),
        ("TAP_OURA_SAMPLE_GRAIN", "sample"),
    ],
)
def test_wrong_value_is_one_sentence_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(HealthHubError, match=f"^{name} ") as info:
        load_settings(tmp_path)
    assert "secret" not in str(info.value)
    assert "\n" not in str(info.value)


def test_project_is_found_from_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MELTANO_PROJECT_ROOT", raising=False)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    with pytest.raises(HealthHubError, match=r"no meltano\.yml"):
        project_folder()
    (tmp_path / "meltano.yml").touch()
    assert project_folder() == tmp_path
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(below))
    assert project_folder() == below
