#!/usr/bin/env python3
"""DataProfiler (with its labeler) over a CSV: peer.py FILE. Prints the label of each column."""
import json, sys

import dataprofiler as dp

data = dp.Data(sys.argv[1])
report = dp.Profiler(data).report(report_options={"output_format": "compact"})
print(json.dumps({column["column_name"]: column.get("data_label") for column in report["data_stats"]}))
