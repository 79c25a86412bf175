"""Logs: one JSON object a line on stderr, or aligned text where a person looks on. Constant events, with fields."""

import logging
import sys

import structlog


def configure_logs(process: str) -> None:
    """For the whole process; `process` is named in every line."""
    on_terminal = sys.stderr.isatty()
    render: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            _naming(process),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if not on_terminal else _unchanged,
            render,
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries that log by the standard module: what they warn of is worth a line, the rest is not.
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # A tick that is late is caught up once, by the next one; a line for each would drown the rest.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def _naming(process: str) -> structlog.types.Processor:
    def name(
        _logger: structlog.types.WrappedLogger, _name: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        return {**event, "process": process}

    return name


def _unchanged(
    _logger: structlog.types.WrappedLogger, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    return event
