"""The night as one would write it first.

Httpx, a pydantic model a row, SQLAlchemy's ORM into SQLite, SQL to add up.
"""

import json
from typing import Annotated

import httpx
import job
import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


def known(codes):
    """A code that is in a code table."""

    def check(word: str) -> str:
        if word not in codes:
            raise PydanticCustomError("V001", "unknown code")
        return word

    return AfterValidator(check)


def figure(text: str) -> float:
    """A figure as people write it."""
    value = job.number(text)
    if value is None:
        raise PydanticCustomError("V002", "no number")
    return value


class Row(BaseModel):
    """A row as the department tells it."""

    ma_chi_tieu: Annotated[str, known(job.INDICATORS)]
    don_vi: Annotated[str, known(job.ORG_UNITS)]
    ky: str
    gia_tri: Annotated[float, BeforeValidator(figure)]
    don_vi_tinh: str
    trang_thai: str


class Base(DeclarativeBase):
    """The tables."""


class Observation(Base):
    """A row that was kept."""

    __tablename__ = "observation"
    period: Mapped[str] = mapped_column(primary_key=True)
    org_unit: Mapped[str] = mapped_column(primary_key=True)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
    status: Mapped[str]
    row: Mapped[int]


class Rejected(Base):
    """A row that was not, and why."""

    __tablename__ = "rejected"
    row: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]
    told: Mapped[str]


class Indicator(Base):
    """The catalogue's indicators."""

    __tablename__ = "indicator"
    code: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[str | None]


class OrgUnit(Base):
    """The catalogue's org units."""

    __tablename__ = "org_unit"
    id: Mapped[str] = mapped_column(primary_key=True)
    province: Mapped[str]


def admit(
    told: dict[str, str], number: int, seen: set[tuple[str, str, str]]
) -> Observation | Rejected:
    """A row by its rules."""
    reason = ""
    try:
        row = Row(**told)
    except ValidationError as error:
        return Rejected(
            row=number, reason=error.errors(include_url=False)[0]["type"], told=json.dumps(told)
        )
    indicator, org_unit = job.INDICATORS[row.ma_chi_tieu], job.ORG_UNITS[row.don_vi]
    key = (row.ky, org_unit.id, indicator.code)
    if row.gia_tri < 0 and not indicator.signed:
        reason = "V005"
    elif key in seen:
        reason = "V006"
    if reason:
        return Rejected(row=number, reason=reason, told=json.dumps(told))
    seen.add(key)
    return Observation(
        period=row.ky,
        org_unit=org_unit.id,
        indicator=indicator.code,
        value=row.gia_tri,
        status=row.trang_thai,
        row=number,
    )


def quick(connection, _record) -> None:
    """SQLite's settings for one writer."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def night(url: str, engine: sa.Engine) -> None:
    """Every page into the database, a transaction each; then add up there."""
    Base.metadata.create_all(engine)
    seen: set[tuple[str, str, str]] = set()
    number = 0
    with Session(engine) as session:
        session.add_all(
            Indicator(code=code, weight=weight) for _, _, code, _, weight in job.indicator_rows()
        )
        session.add_all(
            OrgUnit(id=name, province=province) for _, _, name, province in job.org_unit_rows()
        )
        session.commit()
    with httpx.Client() as client:
        address: httpx.URL | None = httpx.URL(url)
        while address:
            page = client.get(address).raise_for_status().json()
            with Session(engine) as session:
                session.add_all(
                    admit(told, number + n, seen) for n, told in enumerate(page["data"])
                )
                session.commit()
            number += len(page["data"])
            address = address.join(page["next"]) if page["next"] else None
    with engine.begin() as connection:
        connection.execute(sa.text(job.ADD_UP))


def main() -> None:
    """Do it, and say what came of it."""
    url, folder = job.given()
    engine = sa.create_engine(f"sqlite:///{folder}/hub.db")
    sa.event.listen(engine, "connect", quick)
    night(url, engine)
    with engine.connect() as connection:
        accepted = connection.scalar(sa.select(sa.func.count()).select_from(Observation))
        rejected = connection.execute(
            sa.select(Rejected.reason, sa.func.count()).group_by(Rejected.reason)
        ).all()
        job.say(
            accepted, dict(map(tuple, rejected)), connection.execute(sa.text(job.COUNTRY)).all()
        )


if __name__ == "__main__":
    main()
