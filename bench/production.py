"""What a production image has installed, on a machine that has more."""

import re
from importlib.metadata import distribution
from pathlib import Path

LOCKED = re.compile(r"^([\w.-]+)==", re.MULTILINE)


def link_packages(requirements: Path, directory: Path) -> None:
    """Fill a new `directory` with links to the installed packages that `requirements` names.

    Imported from there alone, a library cannot find another one that merely happens to be
    installed: structlog and httpx would take `rich` along.
    """
    directory.mkdir()
    for name in LOCKED.findall(requirements.read_text(encoding="utf-8")):
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or ()} - {".."}:
            link = directory / top
            if not link.is_symlink():  # namespaces have several distributions
                link.symlink_to(Path(str(package.locate_file(top))))
