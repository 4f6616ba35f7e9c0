"""The only reader of the environment. A wrong setting stops the start and is named.

Every setting has the prefix ``OMSORGSTID_`` and ``__`` between parts: ``OMSORGSTID_MQTT__HOST``. A variable
with that prefix that names no setting is an error too: a misspelt setting must not be silently ignored.
"""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

PREFIX = "OMSORGSTID_"
EVENT_DAYS_AT_LEAST = 365
"""No setting lets events be erased before this age: a receipt that does is a fault (``omsorgstid verify``)."""
#: may hold a password; what was wrong with it is told without it
_SECRET = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("DATABASE__URL", "REDIS_URL", "MQTT__PASSWORD", "VIDEO__TURN_SECRET", "OIDC__CLIENT_SECRET"),
        *("VENDOR_CLOUD__CLIENT_SECRET", "VENDOR_CLOUD__WEBHOOK_SECRET"),
    )
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Part):
    """Where state and events are kept."""

    url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the work directory.")

    @field_validator("url")
    @classmethod
    def _known_make(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("expected sqlite:///… or postgresql+psycopg://…")
        return value


class MqttSettings(_Part):
    """The broker devices meet us at."""

    broker: Literal["auto", "mosquitto", "iotcore", "external"] = Field(
        default="auto",
        description="Embedded broker to start, or external: host and port are somebody else's.",
    )
    host: str = Field(default="127.0.0.1", description="Broker host.")
    port: int = Field(default=0, ge=0, le=65535, description="Broker port; 0: a free one (embedded only).")
    username: str | None = Field(default=None, description="Broker user of the gateway.")
    password: SecretStr | None = Field(default=None, description="Broker password of the gateway.")
    tenant: str = Field(default="demo", pattern=r"^[a-z0-9-]{1,32}$", description="Tenant in the topics.")
    ca_file: Path | None = Field(default=None, description="Authority of the broker's certificate, PEM.")
    certificate_file: Path | None = Field(default=None, description="Our own client certificate, PEM.")
    key_file: Path | None = Field(default=None, description="Its key, PEM; all three files or none.")
    acl_file: Path | None = Field(
        default=None, description="Rewritten at every enrolment and retirement: who may say what at the broker."
    )

    @model_validator(mode="after")
    def _all_three_files(self) -> "MqttSettings":
        given = [file is not None for file in (self.ca_file, self.certificate_file, self.key_file)]
        if any(given) and not all(given):
            raise ValueError("expected ca_file, certificate_file and key_file together")
        return self


class IngestSettings(_Part):
    """Taking in what devices say."""

    shards: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Sessions that share the devices; at most so many ingest processes work side by side.",
    )


class SignerSettings(_Part):
    """The process that alone holds the key that grants doors."""

    address: str = Field(default="", description="Unix socket path or host:port; empty: in the work directory.")
    secret_file: Path | None = Field(default=None, description="Shared secret between gateway and signer.")
    per_carer_hour: int = Field(default=60, ge=1, description="Grants per carer and hour at most.")
    per_unit_hour: int = Field(default=6_000, ge=1, description="Grants per unit and hour at most.")


class NearSettings(_Part):
    """What carries the near link between a tablet and the lock beside it."""

    url: str = Field(
        default="",
        description="ws://127.0.0.1:… of the near link's carrier on the tablet; empty: none (the demo brings its own).",
    )

    @field_validator("url")
    @classmethod
    def _a_socket(cls, value: str) -> str:
        if value and not re.fullmatch(r"wss?://[A-Za-z0-9.\-]+(:\d{1,5})?(/[A-Za-z0-9/_\-]*)?", value):
            raise ValueError("expected ws://host:port/path")
        return value.rstrip("/")


class VendorCloudSettings(_Part):
    """A maker of locks whose doors are opened through its own cloud."""

    url: str = Field(default="", description="https://… of the vendor's API; empty: no such vendor.")
    client_id: str = Field(default="", description="Our client id at the vendor.")
    client_secret: SecretStr | None = Field(default=None, description="Our client secret at the vendor.")
    webhook_secret: SecretStr | None = Field(
        default=None, description="Shared secret under its webhooks; empty: its log is read instead."
    )

    @model_validator(mode="after")
    def _whole(self) -> "VendorCloudSettings":
        if self.url and not re.fullmatch(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?(/[A-Za-z0-9/_.\-]*)?", self.url):
            raise ValueError("expected https://host[:port][/path] as url")
        if bool(self.url) != bool(self.client_id and self.client_secret):
            raise ValueError("expected url, client_id and client_secret together")
        return self


class HttpSettings(_Part):
    """Where pages and the API are served."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port; 0: a free one.")
    secure_cookies: bool = Field(default=False, description="Send the session cookie over HTTPS only.")


class ProcessMetricsSettings(_Part):
    """Where processes without pages tell how they do."""

    host: str = Field(default="127.0.0.1", description="Address of the metrics of ingest and worker.")
    ingest_port: int = Field(default=0, ge=0, le=65535, description="Port of ingest's `/metrics`; 0: none.")
    worker_port: int = Field(default=0, ge=0, le=65535, description="Port of worker's `/metrics`; 0: none.")


class BenefitSettings(_Part):
    """How benefits are counted and told."""

    exporter_port: int = Field(default=9109, ge=0, le=65535, description="Port of the benefit exporter.")
    adoption_file: Path | None = Field(default=None, description="Business-case adoption; empty: the demo's.")
    cases_dir: Path | None = Field(default=None, description="Folder of the municipality's own cases; empty: none.")


class VideoSettings(_Part):
    """Screen visits: browser to browser; relays and the peer process are addresses here."""

    turn_urls: tuple[str, ...] = Field(
        default=(), description="TURN addresses as JSON list: turn:host:3478?transport=udp."
    )
    turn_secret: SecretStr | None = Field(
        default=None, description="Shared secret of the TURN servers (REST credentials)."
    )
    stun_urls: tuple[str, ...] = Field(default=(), description="STUN addresses as JSON list; empty: none.")
    peer_url: str = Field(default="", description="http://… of the echo peer; empty: started in the work directory.")
    ring_s: float = Field(default=45.0, gt=0, description="How long a citizen is rung.")
    second_try_s: float = Field(default=900.0, gt=0, description="From an unanswered ring to the second try.")
    link_life_s: float = Field(default=3_600.0, gt=0, le=86_400, description="How long an invitation can be redeemed.")


class OidcSettings(_Part):
    """Signing in at the municipality's identity provider."""

    issuer: str = Field(default="", description="Issuer address; empty: no identity provider.")
    client_id: str = Field(default="", description="Client id at the provider.")
    client_secret: SecretStr | None = Field(default=None, description="Client secret at the provider.")
    role_claim: str = Field(default="roles", description="Claim with our role names.")
    unit_claim: str = Field(default="units", description="Claim with the ids of the units a person may see.")
    citizen_claim: str = Field(default="citizen", description="Claim with the id of the citizen it is about.")
    level_claim: str = Field(
        default="https://data.gov.dk/concept/core/nsis/loa",
        description="Claim with the NSIS level; where present it has to be Substantial or High.",
    )
    redirect_url: str = Field(default="", description="Our own address that the provider sends people back to.")


def _days(default: int, description: str, ge: int = 1, le: int = 36_600) -> int:
    days: int = Field(default=default, ge=ge, le=le, description=description)
    return days


class RetentionSettings(_Part):
    """How many days what is personal is kept. The reason of each default stands in docs/audit.md."""

    raw_position_days: int = _days(30, "Positions of cars; trips and driving logs stay without them.", le=365)
    event_days: int = _days(1_826, "Events of the log.", ge=EVENT_DAYS_AT_LEAST)
    lock_report_days: int = _days(1_096, "What locks said, signed, word for word.")
    lock_payload_days: int = _days(90, "The erasable part of what locks said.")
    device_report_days: int = _days(365, "What other devices said, word for word.")
    door_days: int = _days(1_096, "Openings, rights and grants of doors.")
    access_log_days: int = _days(1_096, "Who looked at a citizen's data, as roles.")
    quarantine_days: int = _days(90, "Content of messages that were set aside.")
    sign_in_days: int = _days(30, "Sessions, sign-ins and invitations after they ended.")
    answer_days: int = _days(30, "Answers to requests, kept to answer a repeat alike.")
    job_days: int = _days(90, "Jobs that ended.")
    call_days: int = _days(365, "Screen visits' calls and their quality.")
    task_days: int = _days(365, "Tasks that were settled, alarms that were cleared.")
    note_days: int = _days(90, "Notes on visits.")
    absence_days: int = _days(365, "Absences of carers and citizens.")
    route_list_days: int = _days(14, "Emergency lists that were written, and their files.", le=92)
    presence_days: int = _days(90, "Whose tablet was at a lift or turning system; who was asked about a transfer.")
    plan_days: int = _days(1_826, "Shifts, routes and visits.")
    transfer_days: int = _days(1_826, "Transfers with lifts and turning systems.")
    driving_days: int = _days(2_192, "Trips, driving logs and who had which car.")
    pseudonym_days: int = _days(1_826, "Pseudonyms in the ledger; then others take their place that lead to nobody.")


class AlarmSettings(_Part):
    """When somebody is called."""

    not_locked_after_min: int = Field(
        default=10, ge=1, le=720, description="Minutes after a visit until an unlocked door is an alarm."
    )


class RouteListSettings(_Part):
    """Emergency lists: every route on paper, for when every server is down."""

    directory: Path | None = Field(
        default=None,
        description="Folder the lists are written to, best on a disk the offices can read without us; empty: none.",
    )
    days_ahead: int = Field(default=1, ge=0, le=7, description="Days after today whose lists are written too.")


class PlanningSettings(_Part):
    """How days are planned."""

    district_visits: int = Field(
        default=800,
        ge=20,
        le=5_000,
        description="Visits a day from which a unit is planned by district, and the most a district has.",
    )


class CareRecordSettings(_Part):
    """The care record's exports: visits, weekly plans and shifts."""

    directory: Path | None = Field(
        default=None, description="Folder the care record drops CSV files into (below it: ind); empty: none."
    )


class Settings(BaseSettings):
    """All settings. See docs/settings.md; a test keeps page and class together."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    work_dir: Path = Field(default=Path("var"), description="Where embedded parts keep their files.")
    demo: bool = Field(default=False, description="Demo identities and the simulated day are allowed.")
    redis_url: str = Field(default="", description="redis://…; empty: in process.")
    duty_phone: str = Field(default="70 10 20 30", description="Telephone shown to carers (vagttelefon).")
    language: Literal["da", "en"] = Field(default="da", description="First language of the pages.")
    database: DatabaseSettings = DatabaseSettings()
    mqtt: MqttSettings = MqttSettings()
    ingest: IngestSettings = IngestSettings()
    signer: SignerSettings = SignerSettings()
    near: NearSettings = NearSettings()
    vendor_cloud: VendorCloudSettings = VendorCloudSettings()
    http: HttpSettings = HttpSettings()
    metrics: ProcessMetricsSettings = ProcessMetricsSettings()
    benefits: BenefitSettings = BenefitSettings()
    video: VideoSettings = VideoSettings()
    oidc: OidcSettings = OidcSettings()
    retention: RetentionSettings = RetentionSettings()
    alarms: AlarmSettings = AlarmSettings()
    route_lists: RouteListSettings = RouteListSettings()
    care_record: CareRecordSettings = CareRecordSettings()
    planning: PlanningSettings = PlanningSettings()

    @property
    def database_url(self) -> str:
        """The URL in force."""
        return self.database.url or f"sqlite:///{self.work_dir / 'omsorgstid.db'}"

    @property
    def signer_address(self) -> str:
        """The signer's address in force."""
        return self.signer.address or str(self.work_dir / "signer.sock")


class WrongSettingError(Exception):
    """A setting cannot be used. The message names each by its variable, what was expected and what came."""


def load_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    WrongSettingError
        Naming every variable that is wrong or unknown.
    """
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and not _known(name))
    problems = [f"{name}: no such setting (see docs/settings.md)" for name in unknown]
    try:
        settings = Settings()
    except SettingsError as err:
        # A part is set as a whole (OMSORGSTID_MQTT=…): it is among the unknown names above.
        raise WrongSettingError("\n".join(problems) or str(err)) from None
    except ValidationError as err:
        for problem in err.errors():
            name = PREFIX + "__".join(str(part) for part in problem["loc"]).upper()
            got = "a value that is not repeated here" if name in _SECRET else repr(problem.get("input"))
            problems.append(f"{name}: {problem['msg']}, got {got}")
        # Without its cause: that would print what a secret setting held.
        raise WrongSettingError("\n".join(problems)) from None
    if problems:
        raise WrongSettingError("\n".join(problems))
    return settings


def setting_names() -> dict[str, str]:
    """Every variable with its description."""
    names: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, _Part):
            for inner, inner_field in part.model_fields.items():
                names[f"{PREFIX}{name}__{inner}".upper()] = inner_field.description or ""
        else:
            names[f"{PREFIX}{name}".upper()] = field.description or ""
    return names


def _known(variable: str) -> bool:
    # OMSORGSTID_TEST_… steers the tests only and is read by them alone.
    return variable in setting_names() or variable.startswith(f"{PREFIX}TEST_")
