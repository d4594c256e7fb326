"""The counters of the dashboard, and their output for Prometheus.

Knows no request: the gate reports each answer; the log's figures are given at a scrape.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from eventlog.dashboard.running import SourceFigures

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Figures(Struct, frozen=True, kw_only=True):
    """The log at one moment. Sizes are bytes, lags are records."""

    head: int
    lags: dict[str, int]
    parked: dict[str, int]
    wal_bytes: int
    database_bytes: int
    disk_free_bytes: int
    streams: int
    healthy: bool
    sources: dict[str, SourceFigures] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    durable: int = 0
    signed: int = 0
    kept: int = 0
    witnessed: int = 0
    outside_age_s: float | None = None


class Metrics:
    """Counters of one dashboard, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "eventlog_http_responses",
            "Answers by status class.",
            ["status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "eventlog_http_response_seconds",
            "Time until an answer begins.",
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self._answers.labels(f"{status // 100}xx").inc()
        self._seconds.observe(seconds)

    def exposition(self, figures: Figures) -> bytes:
        """Everything in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(_Once(figures))
        return generate_latest(self._registry) + generate_latest(registry)


class _Once:
    """The log's figures as a collector."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """One family for each figure."""
        figures = self._figures
        simple = (
            ("head_position", "Position of the newest record.", figures.head),
            ("wal_bytes", "Bytes of SQLite's WAL in use.", figures.wal_bytes),
            ("database_bytes", "Bytes of the database file.", figures.database_bytes),
            ("disk_free_bytes", "Free bytes on the disk of the log.", figures.disk_free_bytes),
            ("open_streams", "Live streams that are open.", figures.streams),
            ("healthy", "1 where /health says ok.", int(figures.healthy)),
            ("durable_position", "Newest position that no power cut takes.", figures.durable),
            ("signed_position", "Newest position in a signed head.", figures.signed),
            ("outside_position", "Newest position in a head kept elsewhere.", figures.kept),
            ("witnessed_position", "Newest position a witness cosigned.", figures.witnessed),
        )
        if figures.outside_age_s is not None:
            text = "Age of the newest head that is kept elsewhere."
            yield GaugeMetricFamily(
                "eventlog_outside_head_age_seconds", text, value=figures.outside_age_s
            )
        for name, text, value in simple:
            yield GaugeMetricFamily(f"eventlog_{name}", text, value=value)
        labelled = (
            ("view_lag_records", "Records that a view has still to apply.", figures.lags),
            ("parked_records", "Records that a view could not apply.", figures.parked),
        )
        for name, text, values in labelled:
            family = GaugeMetricFamily(f"eventlog_{name}", text, labels=["view"])
            for view, value in values.items():
                family.add_metric([view], value)
            yield family
        yield from _running(figures)


def _running(figures: Figures) -> Iterable[Metric]:
    """The figures of the running door's sources and parts."""
    last = GaugeMetricFamily(
        "eventlog_source_last_seconds", "When a source's last message came.", labels=["source"]
    )
    reconciled = CounterMetricFamily(
        "eventlog_source_reconciled", "Facts that only its history had.", labels=["source"]
    )
    silent = GaugeMetricFamily(
        "eventlog_source_silent", "1 where a source gives no sign of life.", labels=["source"]
    )
    for name, source in figures.sources.items():
        if source.last_seconds is not None:
            last.add_metric([name], source.last_seconds)
        reconciled.add_metric([name], source.reconciled)
        silent.add_metric([name], int(source.silent))
    restarts = CounterMetricFamily(
        "eventlog_part_restarts", "How often a part was started again.", labels=["part"]
    )
    for name, count in figures.restarts.items():
        restarts.add_metric([name], count)
    yield from (last, reconciled, silent, restarts)
