# SPDX-License-Identifier: Apache-2.0
"""The tests import the Python package from the source tree."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
