"""Java programs from Maven Central: their artifacts, copied into the cache once."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.embedded.processes import StackError

FETCH_SECONDS = 900.0


def cached(name: str) -> Path:
    """Where the artifacts called `name` lie once copied: below BANGFU_CACHE."""
    cache = os.environ.get("BANGFU_CACHE")
    root = Path(cache) if cache else Path.home() / ".cache" / "bangfu"
    return root / name


def copy_artifacts(pom: Path, name: str) -> Path:
    """Copy what `pom` names and its dependencies into the cache as `name`, unless they are there.

    Answers the directory; raises StackError where there is no Maven or it fails.
    """
    target = cached(name)
    if target.exists():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError(f"Fetching {name} needs Maven: install `mvn`, or fill the cache.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        staged = Path(scratch) / "libraries"
        done = subprocess.run(
            [
                *(maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom)),
                *("dependency:copy-dependencies", "-DincludeScope=runtime"),
                f"-DoutputDirectory={staged}",
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
        )
        if done.returncode != 0:
            raise StackError(f"{name} could not be fetched:\n{done.stdout}{done.stderr}")
        try:
            staged.rename(target)
        except OSError:
            if not target.exists():  # else another process was first
                raise
    return target
