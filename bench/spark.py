"""Ask an export the percentiles of a study by Spark, and compare with PostgreSQL's.

    python3 -m venv spark && spark/bin/pip install pyspark psycopg-binary psycopg
    # It needs Java 17, too.
    healthhub export study --tables daily_overview,personal_info
    spark/bin/python bench/spark.py study "$(healthhub db url)" 2024-12-01 2026-11-30

Spark runs as on a cluster: a master, two workers, and an executor on each, in processes
of their own. It ends with 1 if any row is another one than PostgreSQL's.
"""

from __future__ import annotations

import math
import re
import sys
import time
from pathlib import Path

import psycopg
import pyspark
from pyspark.sql import SparkSession

QUESTION = Path(__file__).parents[1] / "analyze/questions/percentiles_by_age.sql"
WORKERS = "local-cluster[2,1,1024]"  # workers, and cores and MB of each
EXECUTORS = 2
MONTHS = """
    select
        overview.user_id,
        person.age div 10 * 10 as age_from,
        cast(date_trunc('month', overview.day) as date) as month,
        avg(overview.average_hrv) as hrv
    from daily_overview as overview
    inner join personal_info as person on overview.user_id = person.user_id
    where overview.is_complete
        and overview.average_hrv is not null
        and overview.day between '{first_day}' and '{last_day}'
    group by 1, 2, 3
    having count(*) >= 10
"""
Row = tuple[object, ...]


def by_postgres(url: str, days: dict[str, str]) -> list[Row]:
    """The rows of the question as it is documented."""
    query = re.sub(r":'(\w+)'", r"%(\1)s", QUESTION.read_text("utf-8"))
    with psycopg.connect(url) as connection, psycopg.ClientCursor(connection) as cursor:
        return cursor.execute(query.encode(), days).fetchall()


def by_spark(folder: Path, days: dict[str, str]) -> list[Row]:
    """The same of the files of an export."""
    builder = SparkSession.builder.master(WORKERS).appName("study")
    spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    try:
        status = spark.sparkContext._jsc.sc().statusTracker()  # noqa: SLF001 - no other
        began = time.monotonic()
        while len(status.getExecutorInfos()) < 1 + EXECUTORS:  # and the driver
            if time.monotonic() > began + 120:
                sys.exit("The executors do not start.")
            time.sleep(0.5)
        for table in ("daily_overview", "personal_info"):
            spark.read.parquet(str(folder / table)).createOrReplaceTempView(table)
        spark.sql(MONTHS.format(**days)).createOrReplaceTempView("months")
        rows = [tuple(row) for row in spark.sql(percentiles()).collect()]
        ran = len(status.getExecutorInfos()) - 1
        print(f"Spark {pyspark.__version__}, {ran} executors: {len(rows)} rows")
        return rows
    finally:
        spark.stop()


def percentiles() -> str:
    """The question without its months, which Spark says in other words."""
    _, _, asked = QUESTION.read_text("utf-8").rpartition("\n)\n\n")
    return asked.strip().rstrip(";")


def main() -> None:
    """Compare."""
    folder, url, first_day, last_day = sys.argv[1:]
    days = {"first_day": first_day, "last_day": last_day}
    wanted, found = by_postgres(url, days), by_spark(Path(folder).resolve(), days)
    print(f"PostgreSQL: {len(wanted)} rows")
    same = len(wanted) == len(found) and all(
        one[:3] == other[:3] and all(map(close, one[3:], other[3:]))
        for one, other in zip(wanted, found, strict=True)
    )
    print("The same." if wanted and same else "Not the same.")
    sys.exit(not (wanted and same))


def close(one: object, other: object) -> bool:
    """Both are sums of the same numbers, in another order."""
    return math.isclose(float(str(one)), float(str(other)), rel_tol=1e-9)


if __name__ == "__main__":
    main()
