"""Reads OpenMetrics from stdin with Prometheus' own Python parser; writes families and exemplars as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
json.dump(
    {
        "families": {family.name: family.type for family in families},
        "exemplars": [
            {"sample": sample.name, "labels": sample.labels, "exemplar": sample.exemplar.labels}
            for family in families
            for sample in family.samples
            if sample.exemplar
        ],
    },
    sys.stdout,
)
