#!/usr/bin/env python3
"""A made-up trial of any size, as CSV and as Parquet: make.py ROWS FOLDER (needs numpy; pyarrow for the Parquet)."""
import pathlib, sys

import numpy as np

rows, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
R = np.random.default_rng(7)
CHUNK = 500_000
HEADER = "USUBJID,SITEID,SEX,BRTHYR,AGE,BMI,SMOKING,ALCOHOL,ADA_TITER,ARM,VISITDTC,EMAIL"
writer = None
with open(folder / "trial.csv", "w") as out:
    out.write(HEADER + "\n")
    for start in range(0, rows, CHUNK):
        n = min(CHUNK, rows - start)
        # Five visits a person: two million people in ten million rows.
        person = (start + np.arange(n)) // 5
        P = np.random.default_rng(1 + start)
        mixed = (person * 2654435761) % 4294967296
        year = 1930 + mixed % 76
        columns = {
            "USUBJID": [f"ACM-101-{100 + p % 40}-{p:07d}" for p in person],
            "SITEID": 100 + person % 40,
            "SEX": np.where(mixed // 97 % 2 == 0, "F", "M"),
            "BRTHYR": year,
            "AGE": 2024 - year,
            "BMI": np.round(18 + mixed // 1013 % 220 / 10, 1),
            "SMOKING": np.array(["NEVER", "FORMER", "CURRENT"])[mixed // 131 % 3],
            "ALCOHOL": np.array(["NONE", "MODERATE", "HEAVY"])[mixed // 151 % 3],
            "ADA_TITER": P.integers(0, 5000, n),
            "ARM": np.array(["PLACEBO", "10 MG", "25 MG"])[person % 3],
            "VISITDTC": np.array(["2024-%02d-%02d" % (m, d) for m in range(1, 13) for d in range(1, 29)])[P.integers(0, 336, n)],
            "EMAIL": [f"p{p}@clinic{p % 97}.dk" for p in person],
        }
        for row in zip(*columns.values()):
            out.write(",".join(map(str, row)) + "\n")
        if "--parquet" in sys.argv:
            import pyarrow as pa, pyarrow.parquet as pq

            table = pa.table(columns)
            writer = writer or pq.ParquetWriter(folder / "trial.parquet", table.schema, compression="snappy")
            writer.write_table(table)
if writer:
    writer.close()
