"""Renders the chart with Helm's own engine, for each set of values that comes by standard input, and holds what the cluster
itself knows against Kubernetes' published schemas, strictly: an unknown field is a mistake.

In:  {"chart": folder, "values": [{…}, …]}
Out: [{"documents": […], "problems": ["…"]} or {"refused": "reason"}, …]
"""

import json
import sys

import helm_python as helm
import kubernetes_validate
import yaml

KUBERNETES = "1.37"
# Beside these, a group with a dot in it is a custom resource's.
BUILT_IN = {"networking.k8s.io/v1"}


def is_built_in(document):
    group = document["apiVersion"].split("/")[0]
    return "." not in group or document["apiVersion"] in BUILT_IN


def rendered(chart, values):
    try:
        files = chart.render(values, name="shop", namespace="payments")
    except helm.HelmError as error:
        return {"refused": str(error)}
    documents = [one for name, text in sorted(files.items()) if name.endswith(".yaml")
                 for one in yaml.safe_load_all(text) if one]
    problems = []
    for document in filter(is_built_in, documents):
        try:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = "/".join(map(str, error.path))
            problems.append(f"{document['kind']} {document['metadata']['name']}: {place}: {error.message}")
    return {"documents": documents, "problems": problems}


asked = json.load(sys.stdin)
with helm.Chart.load(asked["chart"]) as chart:
    json.dump([rendered(chart, values) for values in asked["values"]], sys.stdout)
