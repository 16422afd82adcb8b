"""Run a command and write what it cost: python tools/meter.py FILE COMMAND …

A process of its own, since on Linux the peak of a child is never below what its parent held when it was started.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    start = time.perf_counter()
    code = subprocess.run(sys.argv[2:], check=False).returncode  # noqa: S603 - the caller's own command
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    cost = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "peak": peak}
    Path(sys.argv[1]).write_text(json.dumps(cost), encoding="utf-8")
    sys.exit(code)
