"""The night as an analyst's script: httpx and orjson, one pandas frame, DuckDB to keep it in."""

import duckdb
import httpx
import job
import orjson
import pandas as pd


def fetched(url: str) -> pd.DataFrame:
    """The department's rows, every cell a text."""
    pages = []
    address: httpx.URL | None = httpx.URL(url)
    with httpx.Client() as client:
        while address:
            page = orjson.loads(client.get(address).raise_for_status().content)
            pages.append(pd.DataFrame(page["data"], dtype="str"))
            address = address.join(page["next"]) if page["next"] else None
    return pd.concat(pages, ignore_index=True)


def mapped(rows: pd.DataFrame, indicators: pd.DataFrame, org_units: pd.DataFrame) -> pd.DataFrame:
    """The rows with indicator, org unit and value, and the first rule that each breaks.

    Of one key the first stays.
    """
    rows = rows.rename(columns={"ky": "period", "trang_thai": "status"})
    rows = rows.merge(indicators, how="left", left_on="ma_chi_tieu", right_on="local")
    rows = rows.merge(org_units, how="left", left_on="don_vi", right_on="local")
    told = rows.gia_tri.where(rows.gia_tri.str.fullmatch(job.NUMBER))
    told = told.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    rows["value"] = pd.to_numeric(told)
    rows["reason"] = pd.Series(index=rows.index, dtype="str")
    rows.loc[(rows.value < 0) & ~rows.signed.fillna(value=True).astype(bool), "reason"] = "V005"
    rows.loc[rows.value.isna(), "reason"] = "V002"
    rows.loc[rows.indicator.isna() | rows.org_unit.isna(), "reason"] = "V001"
    good = rows.loc[rows.reason.isna(), ["period", "n_org_unit", "n_indicator"]]
    rows.loc[good.index[good.duplicated()], "reason"] = "V006"
    return rows


def added_up(kept: pd.DataFrame) -> pd.DataFrame:
    """Figures of provinces and the country by month."""
    plain = kept[kept.weight.isna()]
    sums = plain.groupby(["period", "indicator", "province"], as_index=False).value.sum()
    weights = kept[["period", "org_unit", "indicator", "value"]]
    pairs = kept[kept.weight.notna()].merge(
        weights,
        left_on=["period", "org_unit", "weight"],
        right_on=["period", "org_unit", "indicator"],
        suffixes=("", "_w"),
    )
    pairs["value"] *= pairs.value_w
    quotients = pairs.groupby(["period", "indicator", "province"], as_index=False)[
        ["value", "value_w"]
    ].sum()
    below = pd.concat([sums.assign(value_w=float("nan")), quotients])
    whole = below.groupby(["period", "indicator"], as_index=False)[["value", "value_w"]].sum(
        min_count=1
    )
    figures = pd.concat([below, whole.assign(province="vn")])
    figures["value"] = figures.value.where(figures.value_w.isna(), figures.value / figures.value_w)
    return figures.rename(columns={"province": "org_unit"}).drop(columns="value_w")


def main() -> None:
    """Fetch, map, keep, add up, and say what came of it."""
    url, folder = job.given()
    indicators = pd.DataFrame(
        job.indicator_rows(), columns=["n_indicator", "local", "indicator", "signed", "weight"]
    )
    org_units = pd.DataFrame(
        job.org_unit_rows(), columns=["n_org_unit", "local", "org_unit", "province"]
    )
    rows = mapped(fetched(url), indicators, org_units).reset_index(names="row")
    bad = rows[rows.reason.notna()]  # noqa: F841  DuckDB finds frames by their names
    kept = rows[rows.reason.isna()]
    figures = added_up(kept)  # noqa: F841
    with duckdb.connect(str(folder / "night.duckdb")) as database:
        database.execute(
            "CREATE TABLE observation AS SELECT indicator, org_unit, period, value, status, row FROM kept"
        )
        database.execute(
            "CREATE TABLE rejected AS SELECT row, ma_chi_tieu, don_vi, period, gia_tri, reason FROM bad"
        )
        database.execute("CREATE TABLE figure AS FROM figures")
        job.say_from(database)


if __name__ == "__main__":
    main()
