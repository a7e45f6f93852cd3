"""Every setting there is, read once. Unprefixed names are the field's own; none is ever renamed."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from stella.domain.errors import ConfigError

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def _names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(BaseSettings):
    """The settings of one process, frozen. Secrets show as `**********` however they are printed."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True, str_strip_whitespace=True
    )

    twilio_account_sid: str = Field("", alias="TWILIO_ACCOUNT_SID", description="Your account: AC and 32 hex digits.")
    twilio_auth_token: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), alias="TWILIO_AUTH_TOKEN", description="Signs every request of Twilio; two, with a comma, while rotating."
    )
    twilio_api_key: str = Field("", alias="TWILIO_API_KEY", description="API key (SK…) for the REST API only.")
    twilio_api_secret: SecretStr = Field(SecretStr(""), alias="TWILIO_API_SECRET", description="The API key's secret.")
    twilio_number: str = Field(
        "", validation_alias=_names("TWILIO_NUMBER", "TWILIO_PHONE_NUMBER"), description="Your number, E.164."
    )
    twilio_api_base: str = Field("", alias="TWILIO_API_BASE", description="Another REST address, for tests.")
    twilio_region: str = Field(
        "", alias="TWILIO_REGION", description="Where the account lives, for REST: us1, ie1, au1."
    )
    twilio_edge: str = Field(
        "", alias="TWILIO_EDGE", description="Where REST enters Twilio's network: ashburn, dublin …"
    )
    public_url: str = Field(
        "", alias="STELLA_PUBLIC_URL", description="https://… as Twilio calls it: the one truth for signed URLs."
    )
    server_port: int = Field(
        3001, validation_alias=_names("STELLA_SERVER_PORT", "PORT"), ge=0, le=65535, description="Port to listen on."
    )
    host: str = Field(
        "", alias="STELLA_HOST", description="Address to listen on: 127.0.0.1 in development, else 0.0.0.0."
    )
    provider: str = Field(
        "twilio", alias="STELLA_PROVIDER", description="Carrier: twilio (retell and vapi are to come)."
    )
    agent: str = Field(
        "receptionist", alias="STELLA_AGENT", description="Agent file, folder of them, or built-in name."
    )
    data_dir: Path = Field(Path("data"), alias="STELLA_DATA_DIR", description="Where records, models and tokens live.")
    models_dir: Path | None = Field(
        None, alias="STELLA_MODELS_DIR", description="Speech models; default DATA_DIR/models."
    )
    database: SecretStr = Field(SecretStr(""), alias="STELLA_DATABASE_URL", description="Default: SQLite in DATA_DIR.")
    redis_url: SecretStr = Field(SecretStr(""), alias="STELLA_REDIS_URL", description="For several nodes (to come).")
    operator_token: SecretStr = Field(
        SecretStr(""),
        alias="STELLA_OPERATOR_TOKEN",
        description="Opens the operator API; default: made at first start.",
    )
    secret_salt: SecretStr = Field(
        SecretStr(""), alias="SECRET_SALT", description="Keys hashes and signed ids; default: made at first start."
    )
    consent_text_de: str = Field("", alias="STELLA_CONSENT_TEXT_DE", description="Replaces the German notice.")
    consent_text_en: str = Field("", alias="STELLA_CONSENT_TEXT_EN", description="Replaces the English notice.")
    call: bool = Field(
        True,
        validation_alias=_names("STELLA_CALL", "NEXT_PUBLIC_STELLA_CALL"),
        description="Telephone on (1) or off (0).",
    )
    chat: bool = Field(
        False, validation_alias=_names("STELLA_CHAT", "NEXT_PUBLIC_STELLA_CHAT"), description="Chat on (1) or off (0)."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), alias="STELLA_ALLOWED_ORIGINS", description="Websites that may use chat and consent, with commas."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), alias="STELLA_TRUSTED_PROXIES", description="Addresses whose forwarding headers are believed, with commas."
    )
    smtp_host: str = Field("", alias="STELLA_SMTP_HOST", description="Mail server for messages.")
    smtp_port: int = Field(587, alias="STELLA_SMTP_PORT", ge=1, le=65535, description="587 STARTTLS, 465 TLS.")
    smtp_user: str = Field("", alias="STELLA_SMTP_USER", description="Mail account.")
    smtp_password: SecretStr = Field(SecretStr(""), alias="STELLA_SMTP_PASSWORD", description="Its password.")
    smtp_from: str = Field("", alias="STELLA_SMTP_FROM", description="Sender address of messages.")
    smtp_security: str = Field(
        "starttls", alias="STELLA_SMTP_SECURITY", pattern="^(starttls|tls|none)$", description="starttls, tls or none."
    )
    retention_days: int = Field(
        30, alias="STELLA_RETENTION_DAYS", ge=0, le=3650, description="How long words are kept."
    )
    prices: Path | None = Field(
        None, alias="STELLA_PRICES", description="A file of your own prices, before those that come along."
    )
    drain_s: float = Field(
        600.0, alias="STELLA_DRAIN_SECONDS", ge=0, description="How long a stop waits for live calls."
    )
    calls_at_once: int = Field(200, alias="STELLA_CALLS_AT_ONCE", ge=1, description="More callers hear the busy words.")
    stt_workers: int = Field(
        0, alias="STELLA_STT_WORKERS", ge=0, le=64, description="Recognition threads; 0: cores − 1."
    )
    log_level: str = Field(
        "info", alias="STELLA_LOG_LEVEL", pattern="^(debug|info|warning|error)$", description="debug … error."
    )
    log_format: str = Field(
        "auto", alias="STELLA_LOG_FORMAT", pattern="^(auto|json|console)$", description="Log lines."
    )
    openai_api_key: SecretStr = Field(
        SecretStr(""), alias="OPENAI_API_KEY", description="OpenAI, or whoever OPENAI_BASE_URL leads to."
    )
    anthropic_api_key: SecretStr = Field(SecretStr(""), alias="ANTHROPIC_API_KEY", description="Anthropic.")
    deepgram_api_key: SecretStr = Field(SecretStr(""), alias="DEEPGRAM_API_KEY", description="Deepgram.")
    elevenlabs_api_key: SecretStr = Field(SecretStr(""), alias="ELEVENLABS_API_KEY", description="ElevenLabs.")
    cartesia_api_key: SecretStr = Field(SecretStr(""), alias="CARTESIA_API_KEY", description="Cartesia.")
    assemblyai_api_key: SecretStr = Field(SecretStr(""), alias="ASSEMBLYAI_API_KEY", description="AssemblyAI.")
    azure_speech_key: SecretStr = Field(SecretStr(""), alias="AZURE_SPEECH_KEY", description="Azure's Speech service.")
    azure_speech_region: str = Field(
        "", alias="AZURE_SPEECH_REGION", pattern="^([a-z0-9]{2,40})?$", description="Its region, such as westeurope."
    )
    google_api_key: SecretStr = Field(
        SecretStr(""), validation_alias=_names("GOOGLE_API_KEY", "GEMINI_API_KEY"), description="Google."
    )
    azure_openai_api_key: SecretStr = Field(
        SecretStr(""), alias="AZURE_OPENAI_API_KEY", description="Azure OpenAI: a key of the resource."
    )
    groq_api_key: SecretStr = Field(SecretStr(""), alias="GROQ_API_KEY", description="Groq.")
    cerebras_api_key: SecretStr = Field(SecretStr(""), alias="CEREBRAS_API_KEY", description="Cerebras.")
    mistral_api_key: SecretStr = Field(SecretStr(""), alias="MISTRAL_API_KEY", description="Mistral.")
    openrouter_api_key: SecretStr = Field(SecretStr(""), alias="OPENROUTER_API_KEY", description="OpenRouter.")
    ollama_api_key: SecretStr = Field(SecretStr(""), alias="OLLAMA_API_KEY", description="Ollama, if it wants one.")
    vllm_api_key: SecretStr = Field(SecretStr(""), alias="VLLM_API_KEY", description="vLLM, if it wants one.")
    llamacpp_api_key: SecretStr = Field(
        SecretStr(""), alias="LLAMACPP_API_KEY", description="llama.cpp's server, if it wants one."
    )
    openai_base_url: str = Field("", alias="OPENAI_BASE_URL", description="Another OpenAI-compatible server, with /v1.")
    azure_openai_base_url: str = Field(
        "",
        validation_alias=_names("AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"),
        description="The resource: https://NAME.openai.azure.com.",
    )
    groq_base_url: str = Field("", alias="GROQ_BASE_URL", description="Another Groq address.")
    cerebras_base_url: str = Field("", alias="CEREBRAS_BASE_URL", description="Another Cerebras address.")
    mistral_base_url: str = Field("", alias="MISTRAL_BASE_URL", description="Another Mistral address.")
    openrouter_base_url: str = Field("", alias="OPENROUTER_BASE_URL", description="Another OpenRouter address.")
    ollama_base_url: str = Field("", alias="OLLAMA_BASE_URL", description="Default http://127.0.0.1:11434/v1.")
    vllm_base_url: str = Field("", alias="VLLM_BASE_URL", description="Default http://127.0.0.1:8000/v1.")
    llamacpp_base_url: str = Field("", alias="LLAMACPP_BASE_URL", description="Default http://127.0.0.1:8080/v1.")
    anthropic_base_url: str = Field("", alias="ANTHROPIC_BASE_URL", description="Another Anthropic address.")
    google_base_url: str = Field("", alias="GOOGLE_BASE_URL", description="Another Gemini address.")
    deepgram_base_url: str = Field("", alias="DEEPGRAM_BASE_URL", description="Another Deepgram address.")
    elevenlabs_base_url: str = Field("", alias="ELEVENLABS_BASE_URL", description="Another ElevenLabs address.")
    cartesia_base_url: str = Field("", alias="CARTESIA_BASE_URL", description="Another Cartesia address.")
    assemblyai_base_url: str = Field(
        "", alias="ASSEMBLYAI_BASE_URL", description="https://streaming.eu.assemblyai.com for the European Union."
    )
    azure_speech_base_url: str = Field(
        "", alias="AZURE_SPEECH_BASE_URL", description="Another Azure Speech address instead of the region's."
    )
    ngrok_authtoken: SecretStr = Field(
        SecretStr(""), alias="NGROK_AUTHTOKEN", description="ngrok tunnels of `stella dev`."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands over: one mapping, so that tests need no real environment."""
        return (init_settings,)

    @field_validator("twilio_auth_token", "allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("call", "chat", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        word = str(value).strip().lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
        raise ValueError("use 1 or 0")

    @field_validator(
        "public_url", "openai_base_url", "anthropic_base_url", "google_base_url", "deepgram_base_url",
        "elevenlabs_base_url", "cartesia_base_url", "assemblyai_base_url",
        "azure_speech_base_url", "azure_openai_base_url", "groq_base_url", "cerebras_base_url",
        "mistral_base_url", "openrouter_base_url", "ollama_base_url", "vllm_base_url", "llamacpp_base_url",
    )  # fmt: skip
    @classmethod
    def _url(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("use a whole address such as https://stella.example.com")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("use scheme, host and perhaps a path, without ?, # or a user name")
        return value.rstrip("/")

    @field_validator("twilio_account_sid")
    @classmethod
    def _account(cls, value: str) -> str:
        if value and not re.fullmatch(r"AC[0-9a-fA-F]{32}", value):
            raise ValueError("an account SID is AC and 32 hex digits (an SK… belongs into TWILIO_API_KEY)")
        return value

    @field_validator("provider")
    @classmethod
    def _provider(cls, value: str) -> str:
        if value in ("retell", "vapi"):
            raise ValueError(f"the carrier {value!r} is not built yet; use twilio")
        if value != "twilio":
            raise ValueError("use twilio")
        return value

    @property
    def database_url(self) -> str:
        """The database as SQLAlchemy names it; holds a password perhaps, so never print it."""
        return self.database.get_secret_value() or f"sqlite:///{(self.data_dir / 'stella.db').absolute()}"

    @property
    def models(self) -> Path:
        """Where the speech models are."""
        return self.models_dir or self.data_dir / "models"

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Twilio's tokens, the current one first."""
        return tuple(token.get_secret_value() for token in self.twilio_auth_token)


def setting_names() -> dict[str, str]:
    """Every environment name and its description, in the order of the registry (aliases included)."""
    names: dict[str, str] = {}
    for field in Settings.model_fields.values():
        alias = field.validation_alias or field.alias
        for name in alias.choices if isinstance(alias, AliasChoices) else [alias]:
            names[str(name)] = field.description or ""
    return names


SETTINGS = tuple(setting_names())


def read_dotenv(path: Path) -> dict[str, str]:
    """`.env` of development: NAME=value lines, quotes and comments as the shell has them."""
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value is not None} if path.is_file() else {}


def load_settings(environ: Mapping[str, str] | None = None, *, dotenv: Path | None = None) -> Settings:
    """Read and check every setting. Raises ConfigError with the name, the fault, the nearest right name and the mend."""
    found = {**(read_dotenv(dotenv) if dotenv else {}), **(os.environ if environ is None else environ)}
    for name in found:
        if name.startswith("STELLA_") and name not in SETTINGS:
            near = difflib.get_close_matches(name, [n for n in SETTINGS if n.startswith("STELLA_")], 1, 0.5)
            hint = f" Did you mean {near[0]}?" if near else " See docs/reference/settings.md for all names."
            raise ConfigError(f"{name}: there is no such setting.{hint} Remove it or correct its name.")
    known = {name: value for name, value in found.items() if name in SETTINGS and value.strip()}
    try:
        return Settings(**known)  # type: ignore[arg-type]
    except ValidationError as wrong:
        raise ConfigError("\n".join(_explain(error) for error in wrong.errors())) from None


def _explain(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else "settings"
    field = Settings.model_fields.get(name)
    alias = (field.validation_alias or field.alias) if field else name
    shown = alias.choices[0] if isinstance(alias, AliasChoices) else alias
    about = f" ({setting_names().get(str(shown), '')})"
    return f"{shown}: {error['msg'].removeprefix('Value error, ')}.{about}"
