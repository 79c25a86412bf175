"""The one module that reads the environment. `MAILSTREAM_*` variables, with defaults that work out of the box."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = Path("var/mailstream")


@dataclass(frozen=True)
class Settings:
    """What an operator can set. `home` holds the database, files, keys and the embedded Redis unless told otherwise."""

    home: Path
    database_url: str
    redis_url: str
    storage_url: str
    pepper: str
    webhook_allow: tuple[str, ...] = ()
    ivmtr_url: str = "https://iv.usps.com/ivws_api/informedvisapi"
    ivmtr_auth_url: str = "https://services.usps.com"
    ivmtr_username: str = ""
    ivmtr_password: str = ""
    delivery_codes: tuple[str, ...] = ()
    worker_threads: int = 4
    tick_s: float = 0.5
    lease_s: float = 30.0
    sweep_s: float = 5.0
    ack_poll_s: float = 30.0
    scan_poll_s: float = 3600.0
    sandbox_rate: float = 21_600.0
    test_mailer_id: str = "899999"

    @property
    def storage_root(self) -> Path:
        return Path(self.storage_url.removeprefix("file://"))

    def variables(self) -> dict[str, str]:
        """These settings as an environment for a child process."""
        return {
            "MAILSTREAM_HOME": str(self.home),
            "MAILSTREAM_DATABASE_URL": self.database_url,
            "MAILSTREAM_REDIS_URL": self.redis_url,
            "MAILSTREAM_STORAGE_URL": self.storage_url,
        }


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Makes `home` with its secret (the pepper of key hashes) when it is new."""
    env = os.environ if environ is None else environ
    home = Path(env.get("MAILSTREAM_HOME", str(DEFAULT_HOME))).absolute()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)

    def number(name: str, default: float) -> float:
        value = env.get(f"MAILSTREAM_{name}")
        try:
            return default if value is None else float(value)
        except ValueError as error:
            raise SystemExit(f"MAILSTREAM_{name} is {value!r}: give a number such as {default:g}") from error

    return Settings(
        home=home,
        database_url=env.get("MAILSTREAM_DATABASE_URL") or f"sqlite:///{home}/mailstream.db",
        redis_url=env.get("MAILSTREAM_REDIS_URL") or f"unix://{home}/redis/redis.sock",
        storage_url=env.get("MAILSTREAM_STORAGE_URL") or f"file://{home}/files",
        pepper=env.get("MAILSTREAM_PEPPER") or _home_secret(home / "pepper"),
        webhook_allow=tuple(filter(None, env.get("MAILSTREAM_WEBHOOK_ALLOW", "").split(","))),
        ivmtr_url=env.get("MAILSTREAM_IVMTR_URL", Settings.ivmtr_url),
        ivmtr_auth_url=env.get("MAILSTREAM_IVMTR_AUTH_URL", Settings.ivmtr_auth_url),
        ivmtr_username=env.get("MAILSTREAM_IVMTR_USERNAME", ""),
        ivmtr_password=env.get("MAILSTREAM_IVMTR_PASSWORD", ""),
        delivery_codes=tuple(filter(None, env.get("MAILSTREAM_DELIVERY_CODES", "").split(","))),
        worker_threads=int(number("WORKER_THREADS", Settings.worker_threads)),
        tick_s=number("TICK_S", Settings.tick_s),
        lease_s=number("LEASE_S", Settings.lease_s),
        sweep_s=number("SWEEP_S", Settings.sweep_s),
        ack_poll_s=number("ACK_POLL_S", Settings.ack_poll_s),
        scan_poll_s=number("SCAN_POLL_S", Settings.scan_poll_s),
        sandbox_rate=number("SANDBOX_RATE", Settings.sandbox_rate),
        test_mailer_id=env.get("MAILSTREAM_TEST_MAILER_ID", Settings.test_mailer_id),
    )


def _home_secret(path: Path) -> str:
    """A secret made once and kept in `home`, readable by its owner only."""
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(os.urandom(32).hex())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    secret = path.read_text()
    if len(secret) != 64:
        raise SystemExit(f"{path} is damaged: restore it from a backup; without it no API key can be recognised")
    return secret
