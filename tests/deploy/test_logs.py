"""The processes' log files: bounded in size, complete in content."""

import asyncio
from pathlib import Path

from deploy.embedded.logs import FILE_BYTES, KEPT_FILES, LINE_BYTES, Console, ProcessLog


def test_the_files_of_a_talkative_process_stay_bounded(tmp_path: Path) -> None:
    log = ProcessLog("notify", tmp_path, Console(quiet=True))
    line = "x" * 100_000
    for _ in range((KEPT_FILES + 2) * FILE_BYTES // len(line)):
        log.write(line)
    log.close()
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert len(sizes) == KEPT_FILES + 1
    assert max(sizes) <= FILE_BYTES


async def test_a_line_of_any_length_and_the_last_one_are_kept(tmp_path: Path) -> None:
    output = asyncio.StreamReader()
    output.feed_data(b"short\n" + b"y" * (2 * LINE_BYTES) + b"\nunfinished")
    output.feed_eof()
    log = ProcessLog("notify", tmp_path, Console(quiet=True))
    await log.follow(output)
    log.close()
    kept = log.path.read_text()
    assert kept.startswith("short\n")
    assert kept.count("y") == 2 * LINE_BYTES
    assert kept.endswith("unfinished\n")
