# SPDX-License-Identifier: Apache-2.0
"""What the package raises."""
from __future__ import annotations


class ExportError(Exception):
    """A model that cannot become a program file. `problems` holds every reason that was found, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(dict.fromkeys(problems))
        heading = [] if len(self.problems) == 1 else [f"{len(self.problems)} things keep this model from being exported:"]
        super().__init__("\n".join(heading + self.problems))
