"""A real S3 server on 127.0.0.1 that verifies signatures and keeps its objects in a directory."""

import re
import shutil
import socket
from pathlib import Path

from deploy.embedded.ports import claim_ports
from deploy.embedded.processes import Launch, Server, StackError
from deploy.maven import copy_artifacts

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
START_SECONDS = 60.0
BUCKET = "evidence"
KEY_ID = "bangfu"
SECRET = "of-this-test-alone"


class S3Server:
    """S3Proxy with one bucket; the first run ever fetches it (24 MB)."""

    def __init__(self, home: Path) -> None:
        self.port = claim_ports()
        self.bucket = home / "data" / BUCKET
        self._home = home
        self._server = Server(home / "s3.log")

    @property
    def endpoint(self) -> str:
        """The URL clients speak to."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until requests are answered."""
        self.bucket.mkdir(parents=True, exist_ok=True)
        properties = self._home / "s3.properties"
        properties.write_text(
            f"s3proxy.endpoint={self.endpoint}\n"
            "s3proxy.authorization=aws-v4\n"
            f"s3proxy.identity={KEY_ID}\n"
            f"s3proxy.credential={SECRET}\n"
            "jclouds.provider=filesystem-nio2\n"
            f"jclouds.filesystem.basedir={self.bucket.parent}\n"
        )
        java = shutil.which("java")
        if java is None:
            raise StackError("The S3 server needs Java 17 or newer: install a JRE.")
        libraries = copy_artifacts(POM, f"s3proxy-{_version()}")
        launch = Launch(
            name="s3",
            argv=(
                *(java, "-Xmx256m", "-XX:+UseSerialGC"),
                f"-Dlogback.configurationFile={HERE / 'logback.xml'}",
                *("-cp", f"{libraries}/*", "org.gaul.s3proxy.Main"),
                *("--properties", str(properties)),
            ),
            directory=self._home,
        )
        self._server.start(launch, self._answers, START_SECONDS)

    def stop(self) -> None:
        """Stop it; the objects stay."""
        self._server.stop()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _version() -> str:
    found = re.search(r"<s3proxy\.version>(.+)</s3proxy\.version>", POM.read_text())
    assert found is not None
    return found[1]
