"""What the hub asks of its database: gathers, submissions and their revisions, findings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hub_core.errors import StateError
from hub_core.model.exchange import Manifest
from hub_core.store import tables as t
from hub_core.store.connection import connect, trouble
from hub_core.store.revisions import Submission, current


class Store:
    """The hub's database."""

    def __init__(self, url: str, *, begun: bool = False) -> None:
        """Open the database. Raises StoreError.

        ``begun``: whether a hub has worked with it already.
        """
        self.engine = connect(url, begun=begun)
        self._reader = self.engine.execution_options(reads=True)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that changes something. Database trouble is a StoreError."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise trouble(self.engine, error) from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a view of the database at one moment. Database trouble is a StoreError."""
        try:
            with self._reader.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise trouble(self.engine, error) from error

    # Gathers

    def new_gather(self, province: str, provision: str, origin_start: date) -> tuple[str, int]:
        """Enter a new gather; return its id and sequence."""
        with self.write() as connection:
            last = connection.execute(sa.select(sa.func.max(t.gather.c.sequence))).scalar() or 0
            gather = f"{origin_start:%Y%m%d}-{last + 1:08d}"
            connection.execute(
                t.gather.insert().values(
                    sequence=last + 1, id=gather, province=province, provision=provision, replays=0
                )
            )
            return gather, last + 1

    def new_replay(self, gather: str) -> tuple[int, int]:
        """Count a gather's next replay; return the gather's sequence and the replay's number.

        Raises StateError where the gather is unknown.
        """
        with self.write() as connection:
            row = (
                connection.execute(sa.select(t.gather).where(t.gather.c.id == gather))
                .mappings()
                .first()
            )
            if row is None:
                raise StateError(f"this hub made no gather {gather}")
            replay = int(row["replays"]) + 1
            connection.execute(
                t.gather.update().where(t.gather.c.id == gather).values(replays=replay)
            )
            return int(row["sequence"]), replay

    # Submissions

    def submissions(
        self, periods: Collection[str] | None = None, **where: str | int
    ) -> list[Submission]:
        """Return submissions by the values of their columns, in the order of currency.

        ``periods``: of these only.
        """
        query = sa.select(t.submission)
        if periods is not None:
            query = query.where(t.submission.c.period.in_(sorted(periods)))
        for name, value in where.items():
            query = query.where(t.submission.c[name] == value)
        submissions = [Submission(**row) for row in self._rows(query)]
        return sorted(
            submissions,
            key=lambda submission: (
                submission.province,
                submission.provision,
                submission.period,
                submission.currency,
            ),
        )

    def currents(
        self, dataflow: str, calendar: str, periods: Iterable[str], at: datetime | None = None
    ) -> list[Submission]:
        """Return the submissions of a dataflow's periods that are current, or were at a moment.

        There is at most one for a provision and period.
        """
        query = sa.select(t.submission).where(
            t.submission.c.dataflow == dataflow,
            t.submission.c.calendar == calendar,
            t.submission.c.period.in_(list(periods)),
        )
        by_place: dict[tuple[str, str, str], list[Submission]] = {}
        for row in self._rows(query):
            submission = Submission(**row)
            by_place.setdefault(
                (submission.province, submission.provision, submission.period), []
            ).append(submission)
        current_submissions = (current(revisions, at) for _, revisions in sorted(by_place.items()))
        return [submission for submission in current_submissions if submission is not None]

    def periods(self, dataflow: str, calendar: str) -> list[str]:
        """Return the periods for which a dataflow has any submission."""
        query = sa.select(t.submission.c.period).distinct()
        query = query.where(
            t.submission.c.dataflow == dataflow, t.submission.c.calendar == calendar
        )
        return [row["period"] for row in self._rows(query)]

    def add_submission(
        self,
        connection: sa.Connection,
        manifest: Manifest,
        revision: int,
        path: str,
        reason: str,
        now: datetime,
    ) -> int:
        """Enter a revision and its findings, in the caller's transaction.

        Returns its number in the database.
        """
        result = connection.execute(
            t.submission.insert().values(
                province=manifest.province,
                provision=manifest.provision,
                provider=manifest.provider,
                dataflow=manifest.dataflow,
                calendar=manifest.calendar,
                period=manifest.period,
                revision=revision,
                origin_start=manifest.origin_start,
                sequence=manifest.sequence,
                replay=manifest.replay,
                gather=manifest.gather,
                kind=manifest.kind,
                nil=manifest.nil,
                reason=reason,
                blocked=manifest.blocked,
                rows=manifest.rows,
                quarantined=manifest.quarantined,
                counts=manifest.counts,
                content_digest=manifest.digests.content,
                quarantine_digest=manifest.digests.quarantine,
                catalogue_digest=manifest.digests.catalogue,
                path=path,
                admitted_at=now,
            )
        )
        number = number_of(result)
        findings = _finding_rows(manifest, number, now)
        if findings:
            connection.execute(t.finding.insert(), findings)
        return number

    def accept(self, submission: int, reason: str, now: datetime) -> None:
        """Let a held submission count, with the operator's reason.

        Raises StateError where it is not held.
        """
        with self.write() as connection:
            row = (
                connection.execute(sa.select(t.submission).where(t.submission.c.id == submission))
                .mappings()
                .first()
            )
            if row is None or not Submission(**row).held:
                raise StateError(f"submission {submission} is not held")
            connection.execute(
                t.submission.update()
                .where(t.submission.c.id == submission)
                .values(accepted_at=now, accepted_reason=reason)
            )

    # Findings

    def findings(self, **where: str | int) -> list[dict[str, Any]]:
        """Return findings with the submission or release that they are about, newest first."""
        query = (
            sa.select(
                t.finding,
                t.submission.c.provision,
                t.submission.c.period,
                t.submission.c.revision,
                t.submission.c.path,
                t.submission.c.gather,
            )
            .join(t.submission, t.finding.c.submission_id == t.submission.c.id, isouter=True)
            .order_by(t.finding.c.id.desc())
        )
        for name, value in where.items():
            query = query.where(
                (t.finding.c if name in t.finding.c else t.submission.c)[name] == value
            )
        return self._rows(query)

    def note_catalogue(self, digest: str, now: datetime) -> None:
        """Remember that a catalogue was in use."""
        with self.write() as connection:
            row = connection.execute(
                sa.select(t.catalogue.c.digest).where(t.catalogue.c.digest == digest)
            ).first()
            if row is None:
                connection.execute(t.catalogue.insert().values(digest=digest, first_used=now))

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _finding_rows(manifest: Manifest, submission_id: int, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "submission_id": submission_id,
            "release_id": None,
            "code": f.code,
            "severity": f.severity,
            "owner": "province",
            "vi": f.vi,
            "en": f.en,
            "province": manifest.province,
            "rows": f.rows,
            "text": f.text,
            "place": {"part": f.part, "row": f.row, "column": f.column}
            | ({"field": f.field} if f.field else {}),
            "found_at": now,
        }
        for f in manifest.findings
    ]


def number_of(result: sa.CursorResult[Any]) -> int:
    """Return the number that the database gave to a new row."""
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])
