"""The fields of a message that some models, and servers of the protocol, do not take."""

import re

from services.providers.fields import Field

FIELDS = (
    Field("temperature", re.compile(r"\btemperature\b")),
    Field("thinking", re.compile(r"\bthinking\b")),
    Field("output_config", re.compile(r"\boutput_config\b|\beffort\b")),
)
