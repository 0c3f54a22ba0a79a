"""The short form of `make torture`: one round of each kill point and a few random kills."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_what_was_acknowledged_survives_a_kill_at_each_point_once(tmp_path):
    debug = os.environ.get("HAYSTAT_DEBUG_BIN", str(ROOT / "build/debug/haystat"))
    if not Path(debug).exists():
        pytest.skip(f"{debug} is not built")
    run = subprocess.run(
        [sys.executable, str(ROOT / "tests/torture/run.py"), "--fresh", "--rounds", "1",
         "--random", "4", "--jobs", "2", "--seed", "1"],
        env={**os.environ, "HAYSTAT_CACHE_DIR": str(tmp_path), "HAYSTAT_DEBUG_BIN": debug},
        capture_output=True, text=True, timeout=590,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert "14 passed, 0 failed" in run.stdout, run.stdout[-2000:]
