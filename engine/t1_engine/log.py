"""Log lines as JSON on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime

# Example:
# {"time": "2026-11-23T15:20:00.123Z", "level": "info", "message": "serving", "socket": "/run/t1/engine.sock"}


class JsonLines(logging.Formatter):
    """One object a record. Values given as extra={"fields": {...}} become keys of it."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up() -> None:
    """Sends everything, warnings too, through one handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
